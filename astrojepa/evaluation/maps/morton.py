"""The order of a map's galaxies along a space-filling curve: who is near on it is near on disk."""

from __future__ import annotations

import numpy as np

BITS = 16  # of each coordinate


def morton_codes(xy: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the place of each point (n, 2) on the Z-order curve of a rectangle: uint32 (n,).

    The rectangle, from `low` to `high` (2,), is divided into 2^16 steps each way; a code holds the
    bits of both steps in turn, those of y first. Points outside count as on the edge. *Source:*
    Morton 1966.

    Examples:
        >>> corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
        >>> morton_codes(corners, np.zeros(2), np.ones(2)).argsort().tolist()
        [0, 1, 2, 3]
    """
    extent = np.where(high > low, high - low, 1.0)
    steps = (np.asarray(xy, np.float64) - low) / extent * 2**BITS
    x, y = np.clip(steps, 0, 2**BITS - 1).astype(np.uint32).T
    return _spread(x) | (_spread(y) << np.uint32(1))


def _spread(values: np.ndarray) -> np.ndarray:
    """Put a 0 before each of 16 bits."""
    for shift, mask in ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)):
        values = (values | (values << np.uint32(shift))) & np.uint32(mask)
    return values
