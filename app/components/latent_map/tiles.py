"""A map that is sent in tiles: what is in view, packed for the canvas."""

from __future__ import annotations

from typing import Any

import numpy as np

from astrojepa.evaluation.maps.large_map import Box, LargeMap, Tile
from astrojepa.evaluation.maps.plane import UNITS

from .colouring import Colouring
from .latent_map import pack, packed_bits

MARGIN = 0.1  # of the view, on every side: what a short drag shows
FARTHEST = 1e6  # units of the map


def read_box(message: object) -> Box | None:
    """Check the browser's box: four finite numbers, low before high; None for anything else."""
    if not isinstance(message, list) or len(message) != 4:
        return None
    if not all(
        isinstance(v, int | float) and not isinstance(v, bool) and abs(v) < FARTHEST
        for v in message
    ):
        return None
    x0, y0, x1, y1 = map(float, message)
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def widened(box: Box) -> Box:
    """Return a box with a margin, no larger than the map needs."""
    x0, y0, x1, y1 = box
    dx, dy = MARGIN * (x1 - x0), MARGIN * (y1 - y0)
    x0, y0, x1, y1 = max(0.0, x0 - dx), max(0.0, y0 - dy), min(UNITS, x1 + dx), min(UNITS, y1 + dy)
    # a view beside the map shows nobody
    return (x0, y0, max(x1, x0 + 1), max(y1, y0 + 1))


def pack_tile(
    header: dict[str, Any],
    large: LargeMap,
    tile: Tile,
    coloured: Colouring,
    look: dict[str, Any] | None = None,
    pictured: np.ndarray | None = None,
) -> bytes:
    """Lay out a tile for the browser: as `pack`, with places counted in the tile's box, then
    uint32 row per galaxy, then uint8 density (0 = nobody) and uint8 colour per cell.

    `look`: where the view should be, {"at", "zoom", "number"}; each number is followed once.
    `pictured`: which galaxies of the tile have an image, bool (m,); all where it is None.
    """
    low, high = np.array(tile.box[:2]), np.array(tile.box[2:])
    places = (large.places[tile.rows] - low) / (high - low) * UNITS
    codes = coloured.codes[tile.rows]
    about = {
        "box": tile.box,
        "cells": None if tile.cells is None else tile.cells.shape,
        "total": len(large),
        "look": look,
        "pictured": "" if pictured is None or pictured.all() else packed_bits(pictured),
    }
    nobody = np.zeros(len(tile.rows), np.uint8)
    classes = codes if coloured.legend.get("isClass") else nobody + 255
    packed = pack(
        {"labels": [], **header, "ranked": False, "tile": about},
        np.rint(np.clip(places, 0, UNITS)),
        classes,
        Colouring(codes, coloured.legend),
        nobody,
    )
    packed += tile.rows.astype("<u4").tobytes()
    if tile.cells is None or tile.codes is None:
        return packed
    scaled = np.log1p(tile.cells) / np.log1p(max(1, int(tile.cells.max())))
    levels = np.where(tile.cells > 0, np.maximum(1, np.rint(255 * scaled)), 0).astype(np.uint8)
    return packed + levels.tobytes() + tile.codes.tobytes()
