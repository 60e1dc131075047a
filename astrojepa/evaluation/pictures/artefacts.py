"""Image artefacts: one score in [0, 1] per kind."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from astrojepa.evaluation.pictures.trails import trail_strength

ARTEFACTS = (
    "blank",
    "saturated",
    "trail",
    "missing band",
    "dead line",
    "star-dominated",
    "coloured sky",
    "off-centre",
)
FRAME_SIZE = 128
LIKELY = 0.5  # from here on an image is called an artefact
_COARSE = 96  # larger images are halved for all but dead lines


def artefact_scores(pictures: np.ndarray) -> np.ndarray:
    """Score images uint8 (b, S, S, 3), S >= 32, for ARTEFACTS: float32 (b, 8), 0 = none, 1 = clear.

    - blank: nothing stands out of the noise, or part of the frame holds no data while the rest
      does.
    - saturated: share of pixels clipped at white; 1 at 5 %.
    - trail: a straight one-coloured line crosses the frame (`trail_strength`).
    - missing band: one channel has no light where the others have the galaxy.
    - dead line: a row or column is dark between two lit neighbours.
    - star-dominated: clipped pixels away from the middle, 1 at 1 % of the frame; or scattered light
      there, redder than the middle, 1 at 8 % of it.
    - coloured sky: the sky is not grey, by scattered light or a bad background.
    - off-centre: the middle is no brighter than its surroundings, and something else in the frame
      is.

    Thresholds were set by eye on the strongest 24 of each kind among SDSS cutouts and on planted
    artefacts; 0.5 separates both. Raises ValueError for another type or shape.
    """
    pictures = np.asarray(pictures)
    if (
        pictures.dtype != np.uint8
        or pictures.ndim != 4
        or pictures.shape[3] != 3
        or pictures.shape[1] != pictures.shape[2]
    ):
        raise ValueError(
            f"Expected square images uint8 (b, S, S, 3), found {pictures.dtype} "
            f"{pictures.shape}; resize them first."
        )
    if pictures.shape[1] < 32:
        raise ValueError(
            f"Artefacts need images of at least 32 pixels a side, found {pictures.shape[1]}."
        )
    flux = pictures.astype(np.float32) / 255
    grey = flux.mean(axis=3)
    coarse = _halve(flux) if pictures.shape[1] >= _COARSE else flux
    noise = pixel_noise(coarse.mean(axis=3))
    smooth = ndimage.gaussian_filter(coarse.mean(axis=3), (0, *(2 * [coarse.shape[1] / 40])))
    sky = np.percentile(coarse[:, border(coarse.shape[1])], 25, axis=1)
    clipped = coarse.max(axis=3) >= 249 / 255
    outside = clipped & (radius(coarse.shape[1]) > 0.2)
    columns = [
        np.maximum(_empty(smooth, noise), _incomplete(coarse)),
        _ramp(clipped.mean(axis=(1, 2)), 0.005, 0.05),
        _ramp(trail_strength(coarse), 0.1, 0.5),
        _ramp(_weakest_band(coarse, smooth, noise), 0.08, 0.0),
        np.maximum(_dead_column(grey), _dead_column(grey.transpose(0, 2, 1))),
        np.maximum(
            _ramp(outside.mean(axis=(1, 2)), 0.001, 0.01), _ramp(_red_halo(coarse), 0.02, 0.08)
        ),
        _ramp(np.ptp(sky, axis=1), 0.08, 0.25),
        _off_centre(smooth, noise),
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def artefact_likelihood(scores: np.ndarray) -> np.ndarray:
    """Return the largest of (n, kinds) per galaxy, float32 (n,) in [0, 1]."""
    return np.asarray(scores, dtype=np.float32).max(axis=1)


def _ramp(values: np.ndarray, nothing: float, certain: float) -> np.ndarray:
    """Map `nothing` to 0 and `certain` to 1, straight between; either may be the larger."""
    return np.clip((values - nothing) / (certain - nothing), 0, 1)


def _halve(flux: np.ndarray) -> np.ndarray:
    """Average squares of 2 × 2 pixels; an odd last row and column is dropped."""
    even = flux[:, : flux.shape[1] // 2 * 2, : flux.shape[2] // 2 * 2]
    return (even[:, ::2, ::2] + even[:, 1::2, ::2] + even[:, ::2, 1::2] + even[:, 1::2, 1::2]) / 4


def radius(side: int) -> np.ndarray:
    """Return each pixel's distance from the middle in units of the side: (S, S)."""
    axis = (np.arange(side) + 0.5) / side - 0.5
    return np.hypot(axis[:, None], axis[None, :])


def border(side: int) -> np.ndarray:
    """Say which pixels lie within a sixteenth of the side of the edge: bool (S, S)."""
    width = max(1, side // 16)
    near = np.ones((side, side), dtype=bool)
    near[width:-width, width:-width] = False
    return near


def pixel_noise(grey: np.ndarray) -> np.ndarray:
    """Return pixel noise from differences to four neighbours, plus 1/3 grey level: (b,)."""
    around = (grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]) / 4
    rough = grey[:, 1:-1, 1:-1] - around
    spread = np.median(np.abs(rough - np.median(rough, axis=(1, 2), keepdims=True)), axis=(1, 2))
    return 1.4826 * spread / np.sqrt(1.25) + 0.3 / 255


def _empty(smooth: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Score frames in which neither a compact nor an extended source stands out."""
    wide = ndimage.gaussian_filter(smooth, (0, *(2 * [smooth.shape[1] / 10])))
    compact = (smooth.max(axis=(1, 2)) - np.median(smooth, axis=(1, 2))) / noise
    extended = np.ptp(wide, axis=(1, 2)) / noise
    return _ramp(compact, 10, 5) * _ramp(extended, 3, 1)


def _incomplete(flux: np.ndarray) -> np.ndarray:
    """Score constant blocks beside noisy ones; a sky clipped throughout is no fault."""
    size = flux.shape[1] // 8
    blocks = flux[:, : 8 * size, : 8 * size].reshape(len(flux), 8, size, 8, size, 3)
    constant = np.ptp(blocks, axis=(2, 4)).max(axis=3) <= 1 / 255
    return _ramp(constant.mean(axis=(1, 2)), 0.01, 0.05) * (
        constant[:, border(8)].mean(axis=1) < 0.9
    )


def _red_halo(flux: np.ndarray) -> np.ndarray:
    """Return the share of the frame that is red, away from the middle and redder than it: (b,)."""
    side = flux.shape[1]
    smooth = ndimage.gaussian_filter(flux[..., :2], (0, side / 40, side / 40, 0))
    red = smooth[..., 0] - smooth[..., 1]
    middle = red[:, radius(side) < 0.1].max(axis=1)
    halo = red > np.maximum(middle, 0.2)[:, None, None]
    share: np.ndarray = (halo & (radius(side) > 0.2)).mean(axis=(1, 2))
    return share


def _weakest_band(flux: np.ndarray, smooth: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return light of the faintest channel over the others' mean, 0 if missing: (b,)."""
    rim = flux[:, border(flux.shape[1])]
    level = np.median(rim.mean(axis=2), axis=1) + 2 * noise
    weight = np.maximum(smooth - level[:, None, None], 0) * (radius(flux.shape[1]) < 0.3)
    light = flux - np.median(rim, axis=1)[:, None, None, :]
    bands = (
        np.einsum("byxc,byx->bc", light, weight)
        / np.maximum(weight.sum(axis=(1, 2)), 1e-6)[:, None]
    )
    others = (bands.sum(axis=1, keepdims=True) - bands) / 2
    ratio = np.divide(bands, others, out=np.ones_like(bands), where=others > 0.02)
    return ratio.min(axis=1)


def _dead_column(grey: np.ndarray) -> np.ndarray:
    """Score the darkest column between two lit ones: 1 below 0.38 of their light, 0 from 0.52.

    Where the sky is above black, whole columns are compared; under a black sky only rows that a
    source lights on both sides.
    """
    grey = ndimage.uniform_filter1d(grey, max(3, grey.shape[1] // 16), axis=1)
    side, step = grey.shape[2], max(2, round(grey.shape[2] * 3 / 128))
    own, beside = (
        grey[:, :, step:-step],
        np.minimum(grey[:, :, : -2 * step], grey[:, :, 2 * step :]),
    )
    bright = np.median(grey, axis=(1, 2)) > 8 / 255
    lit = (beside > 25 / 255) | bright[:, None, None]
    light = np.where(lit, beside, 0).sum(axis=1)
    enough = (lit.sum(axis=1) >= side / 10) & (light > 0)
    ratio = np.divide(
        np.where(lit, own, 0).sum(axis=1), light, out=np.ones_like(light), where=enough
    )
    return _ramp(ratio.min(axis=1), 0.52, 0.38)


def _off_centre(smooth: np.ndarray, noise: np.ndarray) -> np.ndarray:
    distance = radius(smooth.shape[1])
    around = np.median(smooth[:, (distance > 0.16) & (distance < 0.24)], axis=1)
    middle = (smooth[:, distance < 0.09].max(axis=1) - around) / noise
    brightest = (smooth.max(axis=(1, 2)) - np.median(smooth, axis=(1, 2))) / noise
    return (
        _ramp(middle, 8, 2)
        * _ramp(brightest, 10, 25)
        * _ramp(middle / np.maximum(brightest, 1e-6), 0.3, 0.15)
    )
