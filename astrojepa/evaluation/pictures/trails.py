"""Trails of satellites and aircraft: sums along all lines (Radon transform)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import ndimage, sparse

NUM_ANGLES = 96
NUM_SEGMENTS = 6
SHORTEST = 0.7  # of the side: shorter lines only cut a corner
_SATURATION = 3.0  # standard deviations at which a pixel of the ridge counts fully
_PURITY = 2.0  # a trail is this many times sharper in its own channel than in any other


def trail_strength(flux: np.ndarray) -> np.ndarray:
    """Return how clearly a one-coloured line crosses each image: float32 (b,), in [-1, 1].

    A survey takes its bands one after the other, so that a satellite is in one channel only. The
    ridge of each channel (a difference of Gaussians), less twice the strongest ridge of the others,
    in units of its noise and clipped, is averaged along six segments of every line at least 0.7
    sides long; a line's strength is the second weakest of its segments, and the image's is its
    best line. So an edge-on galaxy (all channels), a spike of a star and an arm (some segments
    only) stay near 0, noise lies about -0.05, and a trail reaches 0.5 to 1. White trails are not
    found.

    *Source:* the Radon transform as in Nir et al. 2018 (arXiv:1806.04204); segments and colour are
    ours.
    """
    side = flux.shape[1]
    widths = (0, 0.7, 0.7, 0), (0, 2.5, 2.5, 0)
    ridge = ndimage.gaussian_filter(flux, widths[0]) - ndimage.gaussian_filter(flux, widths[1])
    noise = 1.4826 * np.median(np.abs(ridge), axis=(1, 2), keepdims=True) + 0.5 / 255
    others = np.maximum(np.maximum(np.roll(ridge, 1, axis=3), np.roll(ridge, 2, axis=3)), 0)
    excess = np.clip((ridge - _PURITY * others) / noise, -1, _SATURATION) / _SATURATION
    columns = excess.transpose(1, 2, 0, 3).reshape(side * side, -1)
    segments = (line_segments(side) @ columns).reshape(-1, NUM_SEGMENTS, len(flux), 3)
    strongest: np.ndarray = _second_weakest(segments).max(axis=(0, 2))
    return strongest


def _second_weakest(segments: np.ndarray) -> np.ndarray:
    """Return the second smallest along axis 1; faster here than a partition."""
    lowest, second = (
        np.minimum(segments[:, 0], segments[:, 1]),
        np.maximum(segments[:, 0], segments[:, 1]),
    )
    for number in range(2, segments.shape[1]):
        np.minimum(second, np.maximum(lowest, segments[:, number]), out=second)
        np.minimum(lowest, segments[:, number], out=lowest)
    return second


@lru_cache(maxsize=4)
def line_segments(side: int) -> sparse.csr_array:
    """Return averages over the segments of all lines, sparse float32 (lines · segments, side²).

    Lines have 96 angles and distances from the middle 1 pixel apart; each is sampled once a pixel.
    """
    middle = (side - 1) / 2
    # so that lines along rows and columns meet every pixel once, whether or not the side is even
    half = middle % 1
    steps = np.arange(-2 * side, 2 * side) + half
    rows, columns, count = [], [], 0
    for angle in np.arange(NUM_ANGLES) * np.pi / NUM_ANGLES:
        cos, sin = np.cos(angle), np.sin(angle)
        for distance in np.arange(-side, side) + half:
            x = np.rint(steps * cos - distance * sin + middle).astype(np.int64)
            y = np.rint(steps * sin + distance * cos + middle).astype(np.int64)
            inside = (x >= 0) & (x < side) & (y >= 0) & (y < side)
            length = int(inside.sum())
            if length < SHORTEST * side:
                continue
            rows.append(count * NUM_SEGMENTS + np.arange(length) * NUM_SEGMENTS // length)
            columns.append((y * side + x)[inside])
            count += 1
    row, column = np.concatenate(rows), np.concatenate(columns)
    shares = 1 / np.bincount(row, minlength=count * NUM_SEGMENTS)
    shape = (count * NUM_SEGMENTS, side * side)
    return sparse.csr_array((shares[row].astype(np.float32), (row, column)), shape=shape)
