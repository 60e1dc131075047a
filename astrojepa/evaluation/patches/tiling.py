"""Masks that hide every patch exactly once, as boolean arrays."""

from __future__ import annotations

import numpy as np


def tile_shape(grid: int, shapes: list[tuple[int, int]]) -> tuple[int, int]:
    """Choose the (height, width) of training's target blocks with the fewest, squarest tiles.

    Tiles shrink where their size does not divide the grid, so the fewest are those that stay
    nearest to a trained size: on 14 × 14 blocks of 7 × 5 stay 7 × 5 and 7 × 4, while 6 × 6 would
    become 5 × 5 to 4 × 4.
    """
    return min(shapes, key=lambda s: (_times(grid, s[0]) * _times(grid, s[1]), abs(s[0] - s[1]), s))


def tiles(grid: int, tile_height: int, tile_width: int) -> np.ndarray:
    """Cut a G × G grid into equal blocks of at most this size: bool (t, G, G), each patch once.

    Where the size does not divide the grid all blocks shrink a little (14 by 6 gives 5 + 5 + 4, not
    6 + 6 + 2): a thin strip at the edge would be easier to predict than its neighbours. In reading
    order. Raises ValueError for a size outside 1 ... G.
    """
    if not (1 <= tile_height <= grid and 1 <= tile_width <= grid):
        raise ValueError(
            f"A tile of {tile_height}×{tile_width} patches does not fit on a {grid}×{grid} grid."
        )
    rows = _bands(grid, tile_height)
    columns = _bands(grid, tile_width)
    return np.array([row[:, None] & column[None, :] for row in rows for column in columns])


def tiling_masks(grid: int, tile_height: int, tile_width: int) -> list[np.ndarray]:
    """Group tiles into masks that hide several distant ones: a list of bool (t_i, G, G).

    Row r and column c of the tiles go to mask (r + c) mod 3 or (2 r + c) mod 4, whichever hides the
    more equal areas, so that every patch is predicted from a similar amount of context: about two
    thirds or three quarters of the grid. Raises ValueError where one tile would cover the grid,
    since nothing would be left to predict from.
    """
    blocks = tiles(grid, tile_height, tile_width)
    if len(blocks) < 2:
        raise ValueError(
            f"A tile of {tile_height}×{tile_width} patches covers the whole {grid}×{grid} grid; "
            f"use smaller tiles."
        )
    row, column = np.divmod(np.arange(len(blocks)), _times(grid, tile_width))
    area = blocks.sum(axis=(1, 2))
    choices = [(row + column) % 3, (2 * row + column) % 4]
    best = min(
        choices, key=lambda group: np.ptp(np.bincount(group, weights=area)[np.unique(group)])
    )
    return [blocks[best == group] for group in np.unique(best)]


def _times(grid: int, size: int) -> int:
    """Return how many bands of at most `size` a side is cut into."""
    return -(-grid // size)


def _bands(grid: int, size: int) -> list[np.ndarray]:
    """Split 0 ... grid - 1 into the fewest bands of at most `size`, as bool (grid,) each."""
    return [
        np.isin(np.arange(grid), band)
        for band in np.array_split(np.arange(grid), _times(grid, size))
    ]
