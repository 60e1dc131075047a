"""Polar Fourier statistics: light along rings about the galaxy, by its angular modes.

No turn and no mirror changes them, but for sampling. They need no training, and see shape that
moments and percentiles forget.
"""

from __future__ import annotations

import numpy as np

from astrojepa.evaluation.baselines.shape_statistics import light_of_channels

NUM_RINGS, NUM_ANGLES, NUM_MODES, NUM_STEPPED = 14, 48, 6, 4
NUM_FOURIER = NUM_RINGS * (1 + NUM_MODES + 2) + (NUM_RINGS - 1) * NUM_STEPPED + 1
_FAINTEST = 1e-2  # of full scale: ring means below it are told apart no more
_FAINTEST_MODE = 1e-2  # of a ring's mean


def polar_fourier(pictures: np.ndarray) -> np.ndarray:
    """Measure uint8 (b, S, S, 3) images centred on a galaxy: float32 (b, 179), finite.

    Light above the sky (the median of the border, per channel) is read, bilinear, at 48 angles of
    14 rings out to half the side. In order: log of each ring's mean over the mean of all; log of
    |mode m| / mean for m = 1 ... 6, ring by ring; the cosine of the phase step of modes 1 to 4 from
    a ring to the next, in [-1, 1] (1 = a bar, slowly falling = winding arms); log colours r/g and
    g/b of each ring; log of the mean light.
    """
    rings = _rings(light_of_channels(pictures))
    grey = rings.mean(axis=3)
    mean = np.maximum(grey.mean(axis=2), 0) + _FAINTEST
    modes = np.fft.rfft(grey, axis=2)[:, :, 1 : NUM_MODES + 1] / NUM_ANGLES
    step = (modes[:, 1:] * modes[:, :-1].conj())[:, :, :NUM_STEPPED]
    channels = np.log(np.maximum(rings.mean(axis=2), 0) + _FAINTEST)
    columns = [
        np.log(mean / mean.mean(axis=1, keepdims=True)),
        np.log(np.abs(modes) / mean[:, :, None] + _FAINTEST_MODE),
        step.real / (np.abs(step) + 1e-9),
        channels[..., :2] - channels[..., 1:],
        np.log(mean.mean(axis=1, keepdims=True)),
    ]
    return np.concatenate([column.reshape(len(pictures), -1) for column in columns], axis=1).astype(
        np.float32
    )


def _rings(light: np.ndarray) -> np.ndarray:
    """Read images (b, S, S, 3) along the rings, bilinear: (b, rings, angles, 3)."""
    side = light.shape[1]
    radius = (np.arange(NUM_RINGS)[:, None] + 0.5) / NUM_RINGS * side / 2
    angle = np.arange(NUM_ANGLES) * (2 * np.pi / NUM_ANGLES)
    down, across = ((side - 1) / 2 + radius * part for part in (np.sin(angle), np.cos(angle)))
    top, left = (np.clip(np.floor(place).astype(int), 0, side - 2) for place in (down, across))
    y, x = (place - corner for place, corner in ((down, top), (across, left)))
    weights = (np.stack([(1 - y) * (1 - x), (1 - y) * x, y * (1 - x), y * x])[..., None]).astype(
        np.float32
    )
    corners = [light[:, top + below, left + right] for below in (0, 1) for right in (0, 1)]
    return np.asarray(sum(weight * corner for weight, corner in zip(weights, corners, strict=True)))
