"""Images without what is not the galaxy in their middle: noise, stars and neighbours."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from astrojepa.evaluation.baselines.shape_statistics import light_of_channels

_SMOOTHED = 1 / 64  # of the side, so that the faint outskirts hang together
_SIGNIFICANT = 3.0  # times the noise of the smoothed border
_FAINTEST = 0.01  # of the brightest pixel near the middle, where there is hardly any noise
_MIDDLE = 0.1  # of the side: how far from the middle a galaxy may begin
_TOGETHER = np.zeros((3, 3, 3), bool)  # pixels that touch, within an image
_TOGETHER[1] = True


def galaxy_alone(pictures: np.ndarray) -> np.ndarray:
    """Set all but the galaxy in the middle of uint8 (b, S, S, 3) images to the colour of their sky.

    The galaxy is what hangs together with the brightest pixel near the middle in smoothed light
    above three times its noise (from the border, by the median absolute deviation); what touches it
    stays. An image with nothing bright near its middle stays as it is.

    >>> image = np.zeros((1, 64, 64, 3), np.uint8)
    >>> image[:, 24:40, 30:34], image[:, 5:9, 5:9] = 200, 255
    >>> galaxy_alone(image)[0, [32, 7], [32, 7], 0].tolist()
    [200, 0]
    """
    light = light_of_channels(pictures).mean(axis=3)
    side = light.shape[1]
    smooth = ndimage.gaussian_filter(light, (0, *(2 * [side * _SMOOTHED])))
    border = np.ones((side, side), bool)
    width = max(1, side // 20)
    border[width:-width, width:-width] = False
    noise = 1.4826 * np.median(np.abs(smooth[:, border]), axis=1)
    near = slice(round(side * (0.5 - _MIDDLE)), round(side * (0.5 + _MIDDLE)))
    middle = smooth[:, near, near].reshape(len(smooth), -1)
    least = np.maximum(_SIGNIFICANT * noise, _FAINTEST * middle.max(axis=1))
    parts, _ = ndimage.label(smooth > least[:, None, None], _TOGETHER)
    brightest = middle.argmax(axis=1)[:, None]
    part = np.take_along_axis(parts[:, near, near].reshape(middle.shape), brightest, axis=1)
    galaxy = (parts == part[:, :, None]) | (part[:, :, None] == 0)
    sky = np.median(pictures[:, border], axis=1).astype(np.uint8)
    alone: np.ndarray = np.where(galaxy[..., None], pictures, sky[:, None, None, :])
    return alone
