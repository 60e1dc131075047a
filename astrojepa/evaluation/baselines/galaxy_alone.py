"""Images without what is not the galaxy in their middle: noise, stars and neighbours."""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

from astrojepa.evaluation.baselines.shape_statistics import light_of_channels, shape_statistics

DARKEST = slice(7, 10)  # the 5th percentiles of the channels, among the shape statistics
_SMOOTHED = 1 / 40  # of the side, so that faint outskirts hang together
_SIGNIFICANT = 3.0  # times the noise of the smoothed border
_THERE = 6.0  # times that noise: the peak of what counts as a galaxy
_FAINTEST = 0.01  # of the peak, where there is hardly any noise
_MIDDLE = 0.1  # of the side: how far from the middle the peak may be
_TOGETHER = np.zeros((3, 3, 3), bool)  # pixels that touch, within an image
_TOGETHER[1] = True


def galaxy_alone(pictures: np.ndarray) -> np.ndarray:
    """Set all but the galaxy in the middle of uint8 (b, S, S, 3) images to the colour of their sky.

    The galaxy is what hangs together with the brightest pixel near the middle in smoothed light
    above three times its noise (from the border, by the median absolute deviation); what touches it
    stays. An image without a significant peak near its middle stays as it is. Where the galaxy
    fills the frame, its faintest outskirts are lost: they are taken for noise of the border.

    >>> image = np.zeros((1, 64, 64, 3), np.uint8)
    >>> image[:, 24:40, 30:34], image[:, 5:9, 5:9] = 200, 255
    >>> galaxy_alone(image)[0, [32, 7], [32, 7], 0].tolist()
    [200, 0]
    """
    light = light_of_channels(pictures).mean(axis=3)
    side = light.shape[1]
    smooth = ndimage.gaussian_filter(light, (0, *(2 * [side * _SMOOTHED])))
    border = _border(side)
    noise = 1.4826 * np.median(np.abs(smooth[:, border]), axis=1)
    near = slice(math.floor(side * (0.5 - _MIDDLE)), math.ceil(side * (0.5 + _MIDDLE)))
    middle = smooth[:, near, near].reshape(len(smooth), -1)
    peak = middle.max(axis=1)
    parts, _ = ndimage.label(
        smooth > np.maximum(_SIGNIFICANT * noise, _FAINTEST * peak)[:, None, None], _TOGETHER
    )
    brightest = middle.argmax(axis=1)[:, None]
    part = np.take_along_axis(parts[:, near, near].reshape(middle.shape), brightest, axis=1)
    missing = (part[:, 0] == 0) | (peak < _THERE * noise)
    galaxy = (parts == part[:, :, None]) | missing[:, None, None]
    sky = _sky(pictures).astype(np.uint8)
    alone: np.ndarray = np.where(galaxy[..., None], pictures, sky[:, None, None, :])
    return alone


def statistics_of_galaxy(pictures: np.ndarray) -> np.ndarray:
    """Measure `shape_statistics` on the galaxy alone: float32 (b, 51). The 5th percentiles, the
    brightness of the sky, are the border's median, also of images that stay as they are.
    """
    measured = shape_statistics(galaxy_alone(pictures))
    measured[:, DARKEST] = _sky(pictures) / 255
    return measured


def _border(side: int) -> np.ndarray:
    border = np.ones((side, side), bool)
    width = max(1, side // 20)
    border[width:-width, width:-width] = False
    return border


def _sky(pictures: np.ndarray) -> np.ndarray:
    sky: np.ndarray = np.median(pictures[:, _border(pictures.shape[1])], axis=1)
    return sky
