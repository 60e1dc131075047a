"""Map positions as the browser sees them (16-bit integers), and who is inside a polygon."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

import numpy as np

from astrojepa.evaluation.maps.plane import UNITS, points_in_polygon

MAX_POLYGONS = 8
MAX_CORNERS = 400
LINK_CORNERS = 240  # of all polygons in a link, which then has about 2,000 characters
_SHIFT = 2**23  # a coordinate is three bytes

Polygon = list[tuple[float, float]]


def quantise(positions: np.ndarray) -> np.ndarray:
    """Map float (n, 2) onto uint16 (n, 2), one scale for both axes, to within span / 131070.

    Positions must be finite. A map without extent lands in the middle.
    """
    xy = np.asarray(positions, dtype=np.float64)
    if xy.ndim != 2 or xy.shape[1] != 2 or not np.isfinite(xy).all():
        raise ValueError(
            f"Map positions must be finite pairs (n, 2), found an array of shape {xy.shape} with "
            f"other values."
        )
    if not len(xy):
        return np.zeros((0, 2), dtype=np.uint16)
    low, high = xy.min(axis=0), xy.max(axis=0)
    span = float((high - low).max()) or 1.0
    offset = (1.0 - (high - low) / span) / 2  # the shorter axis is centred
    return np.rint(((xy - low) / span + offset) * UNITS).astype(np.uint16)


def rows_inside(
    points: np.ndarray, polygons: Sequence[Sequence[tuple[float, float]]]
) -> np.ndarray:
    """Return the rows that lie in any of the polygons, ascending: int64 (m,)."""
    chosen = np.zeros(len(points), dtype=bool)
    for polygon in polygons:
        chosen |= points_in_polygon(points, polygon)
    return np.flatnonzero(chosen)


def read_polygons(message: object) -> list[Polygon]:
    """Check the browser's polygons: at most 8 with at most 400 finite corners; drop the rest."""
    if not isinstance(message, list):
        return []
    return [polygon for item in message[:MAX_POLYGONS] if (polygon := _read_polygon(item))]


def _read_polygon(item: object) -> Polygon:
    if not isinstance(item, list) or not 3 <= len(item) <= MAX_CORNERS:
        return []
    corners = []
    for corner in item:
        if not isinstance(corner, list) or len(corner) != 2:
            return []
        if not all(
            isinstance(v, int | float) and not isinstance(v, bool) and abs(v) < 8e6 for v in corner
        ):
            return []
        corners.append((float(corner[0]), float(corner[1])))
    return corners


def encode_polygons(polygons: Sequence[Polygon]) -> str:
    """Write polygons for a link: base64, six bytes a corner, dots between; "" if too long."""
    if sum(map(len, polygons)) > LINK_CORNERS:
        return ""
    parts = []
    for polygon in polygons:
        whole = np.rint(np.asarray(polygon, dtype=np.float64)).astype(np.int64).ravel() + _SHIFT
        parts.append(
            base64.urlsafe_b64encode(
                b"".join(int(value).to_bytes(3, "big") for value in whole)
            ).decode()
        )
    return ".".join(parts)


def decode_polygons(text: str) -> list[Polygon]:
    """Read `encode_polygons` back, with the limits of `read_polygons`; [] for anything else."""
    if not text or len(text) > 8 * LINK_CORNERS + MAX_POLYGONS:
        return []
    polygons = []
    for part in text.split(".")[: MAX_POLYGONS + 1]:
        try:
            data = base64.b64decode(part, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return []
        if len(data) % 6:
            return []
        values = [int.from_bytes(data[k : k + 3], "big") - _SHIFT for k in range(0, len(data), 3)]
        polygons.append([list(pair) for pair in zip(values[::2], values[1::2], strict=True)])
    read = read_polygons(polygons)
    return read if len(read) == len(polygons) else []
