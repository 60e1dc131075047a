"""The plane of a map: its units, its columns in a store, and which galaxies a polygon holds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

UNITS = 65_535.0  # the longer side of a map
# columns of the coordinates in a store, of its map and of others beside it, by their method
COLUMNS = {"": ("x", "y")} | {name: (f"x_{name}", f"y_{name}") for name in ("pca", "umap", "tsne")}
PLACES = frozenset(name for pair in COLUMNS.values() for name in pair)


def points_in_polygon(points: np.ndarray, polygon: Sequence[tuple[float, float]]) -> np.ndarray:
    """Say which points (n, 2) lie inside a closed polygon, by the even-odd rule: bool (n,).

    The comparisons are those of `inPolygon` in geometry.js, so browser and server agree to the last
    galaxy.
    """
    corners = np.asarray(polygon, dtype=np.float64)
    xy = np.asarray(points, dtype=np.float64)
    inside = np.zeros(len(xy), dtype=bool)
    if len(corners) < 3 or not len(xy):
        return inside
    near = np.flatnonzero(((xy >= corners.min(axis=0)) & (xy <= corners.max(axis=0))).all(axis=1))
    x, y = xy[near, 0], xy[near, 1]
    odd = np.zeros(len(near), dtype=bool)
    for (xi, yi), (xj, yj) in zip(corners, np.roll(corners, 1, axis=0), strict=True):
        if yi != yj:  # a horizontal edge is never crossed
            odd ^= ((yi > y) != (yj > y)) & (x < ((xj - xi) * (y - yi)) / (yj - yi) + xi)
    inside[near] = odd
    return inside
