"""Hand-made shape statistics of galaxy images: the classical baseline."""

from __future__ import annotations

import numpy as np

FRAME_SIZE = 64
_RINGS = 10
_PERCENTILES = (5, 25, 50, 75, 90, 95, 99, 100)
_LIGHT_SHARES = (0.2, 0.5, 0.8)
_FLOOR = 1e-6  # of the light, so that an empty image has shares too


def shape_statistics(pictures: np.ndarray) -> np.ndarray:
    """Measure uint8 (b, S, S, 3) images centred on a galaxy: float32 (b, 51), entries near 1.

    In order: mean of each channel; colours log(r/g), log(g/b) of the light above the sky, inside
    and outside a quarter of the side; percentiles 5 ... 100 of each channel; total light; radii
    holding 20, 50 and 80 % of the light and log of their ratio 80/20; rms size and ellipticity from
    second moments; log-light in 10 rings relative to the whole; asymmetry under half and quarter
    turns (0 = symmetric; *source:* Conselice 2003, without the search for the centre); Gini
    coefficient of the light (0 = evenly spread, 1 = all in one pixel; *source:* Lotz et al. 2004,
    on the whole frame). The sky is the median of the border, per channel; radii are in units of
    half the side.
    """
    flux = pictures.astype(np.float32) / 255
    light = _above_sky(flux)
    grey = light.mean(axis=3) + _FLOOR
    radius = _radius(pictures.shape[1])
    columns = [
        flux.mean(axis=(1, 2)),
        _colours(light, radius),
        _percentiles(flux),
        np.log(grey.mean(axis=(1, 2)))[:, None],
        _light_radii(grey, radius),
        _moments(grey),
        _rings(grey, radius),
        _asymmetry(grey),
        _gini(grey),
    ]
    return np.concatenate(columns, axis=1).astype(np.float32)


def light_above_sky(pictures: np.ndarray) -> np.ndarray:
    """Return grey light of images (b, S, S, C) above the border's median: float32 (b, S, S), > 0.

    Images are uint8, or float32 in [0, 1].
    """
    scale = 255 if pictures.dtype == np.uint8 else 1
    grey: np.ndarray = _above_sky(pictures.astype(np.float32) / scale).mean(axis=3) + _FLOOR
    return grey


def light_of_channels(pictures: np.ndarray) -> np.ndarray:
    """Return uint8 (b, S, S, 3) minus the border's median, per channel: float32, any sign."""
    flux = pictures.astype(np.float32) / 255
    return flux - _sky(flux)[:, None, None, :]


def unlikeness(light: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return |a - b| summed over twice the light (b, S, S): 0 = alike, 1 = disjoint."""
    share: np.ndarray = np.abs(light - other).sum(axis=(1, 2)) / (2 * light.sum(axis=(1, 2)))
    return share


def _above_sky(flux: np.ndarray) -> np.ndarray:
    return np.maximum(flux - _sky(flux)[:, None, None, :], 0.0)


def _sky(flux: np.ndarray) -> np.ndarray:
    size = flux.shape[1]
    border = np.ones((size, size), dtype=bool)
    width = max(1, size // 20)
    border[width:-width, width:-width] = False
    return np.median(flux[:, border], axis=1)


def _radius(size: int) -> np.ndarray:
    axis = (np.arange(size) + 0.5) / (size / 2) - 1
    return np.hypot(axis[:, None], axis[None, :])


def _colours(light: np.ndarray, radius: np.ndarray) -> np.ndarray:
    columns = []
    for where in (radius < 0.25, radius >= 0.25):
        logs = np.log(light[:, where].mean(axis=1) + 1e-4)
        columns += [logs[:, 0] - logs[:, 1], logs[:, 1] - logs[:, 2]]
    return np.stack(columns, axis=1)


def _percentiles(flux: np.ndarray) -> np.ndarray:
    ordered = np.sort(flux.reshape(len(flux), -1, 3), axis=1)
    places = [round(share / 100 * (ordered.shape[1] - 1)) for share in _PERCENTILES]
    return ordered[:, places].reshape(len(flux), -1)


def _light_radii(grey: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Return radii that hold given shares of the light, and log(r80 / r20)."""
    inside = np.flatnonzero(radius.ravel() <= 1)
    order = inside[np.argsort(radius.ravel()[inside], kind="stable")]
    growth = np.cumsum(grey.reshape(len(grey), -1)[:, order], axis=1, dtype=np.float64)
    growth /= growth[:, -1:]
    radii = np.stack(
        [radius.ravel()[order][(growth < share).sum(axis=1)] for share in _LIGHT_SHARES], axis=1
    )
    return np.column_stack([radii, np.log(radii[:, 2] / radii[:, 0])])


def _moments(grey: np.ndarray) -> np.ndarray:
    """Return rms size and ellipticity sqrt((Qxx - Qyy)² + 4 Qxy²) / (Qxx + Qyy), in [0, 1)."""
    size = grey.shape[1]
    axis = (np.arange(size) + 0.5) / (size / 2) - 1
    share = grey / grey.sum(axis=(1, 2), keepdims=True)
    x, y = share.sum(axis=1), share.sum(axis=2)
    x_mean, y_mean = x @ axis, y @ axis
    xx, yy = x @ axis**2 - x_mean**2, y @ axis**2 - y_mean**2
    xy = np.einsum("byx,y,x->b", share, axis, axis) - x_mean * y_mean
    return np.column_stack([np.sqrt(xx + yy), np.hypot(xx - yy, 2 * xy) / (xx + yy)])


def _rings(grey: np.ndarray, radius: np.ndarray) -> np.ndarray:
    which = np.minimum((radius * _RINGS).astype(int), _RINGS)
    profile = np.stack([grey[:, which == ring].mean(axis=1) for ring in range(_RINGS)], axis=1)
    return np.log(profile / grey.mean(axis=(1, 2))[:, None] + 1e-3)


def _asymmetry(grey: np.ndarray) -> np.ndarray:
    return np.stack(
        [unlikeness(grey, np.rot90(grey, turn, axes=(1, 2))) for turn in (2, 1)], axis=1
    )


def _gini(grey: np.ndarray) -> np.ndarray:
    ordered = np.sort(grey.reshape(len(grey), -1), axis=1).astype(np.float64)
    count = ordered.shape[1]
    ranks = 2 * np.arange(1, count + 1) - count - 1
    return (ordered @ ranks / (ordered.mean(axis=1) * count * (count - 1)))[:, None]
