"""The stretch of flux data: from flux of any unit to [0, 1], fixed for a data set and a model."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from astrojepa.config import ImageConfig
from astrojepa.constants import constant
from astrojepa.data.dataset import Dataset

SAMPLED = 512  # galaxies from which a stretch is fitted
SOFTENING = 3.0  # in units of the sky's noise
HIGHEST_SKY = 10.0  # median flux of most images, in units of the softening
BRIGHTEST = 99.9  # percentile of the galaxies' brightest pixels that is white
DARKEST = -1.0  # flux that is black, in units of the softening


def in_softenings(frames: Float[Tensor, "B F F C"], image: ImageConfig) -> Float[Tensor, "B C F F"]:
    """Return flux in units of each band's softening, channels first: linear, sky at 0."""
    softening = constant(image.softening, torch.float32, frames.device)
    return (frames / softening).permute(0, 3, 1, 2).contiguous()


def stretched(flux: Float[Tensor, "*n C S S"], image: ImageConfig) -> Float[Tensor, "*n C S S"]:
    """Map flux in units of the softening to [0, 1]: asinh(flux), from -1 to each band's white.

    *Source:* Lupton et al. 1999, AJ 118, 1406 (asinh magnitudes): linear in the noise, logarithmic
    in the light.
    """
    ratios = tuple(w / s for w, s in zip(image.white, image.softening, strict=True))
    white = torch.asinh(constant(ratios, flux.dtype, flux.device)).view(-1, 1, 1)
    black = float(np.arcsinh(DARKEST))
    return ((torch.asinh(flux) - black) / (white - black)).clamp(0, 1)


def fit_stretch(data: Dataset) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return softening and white of each band from up to 512 galaxies, evenly spaced in `data`.

    Softening is 3 times the noise of the sky, the median over galaxies of 1.4826 · median |flux -
    median flux|. White is the 99.9th percentile of the brightest pixels. ValueError for a band
    without light, or with its sky still in it.

    Examples:
        >>> data = aj.open_dataset("simulated:60", bands=("g", "r", "z"))
        >>> softening, white = fit_stretch(data)
        >>> all(s < w for s, w in zip(softening, white))
        True
    """
    rows = np.unique(np.linspace(0, len(data) - 1, min(len(data), SAMPLED)).round().astype(int))
    levels, noise, brightest = [], [], []
    for row in rows:
        flux = data.flux(row)
        sky = np.median(flux, axis=(0, 1))
        levels.append(sky)
        noise.append(1.4826 * np.median(np.abs(flux - sky), axis=(0, 1)))
        brightest.append(flux.max(axis=(0, 1)))
    softening = SOFTENING * np.median(noise, axis=0)
    white = np.percentile(brightest, BRIGHTEST, axis=0)
    # more than half of the pixels of most galaxies are alike
    softening = np.where(softening > 0, softening, white / 100)
    pedestal = np.median(levels, axis=0)
    for name, level, low, high in zip(data.bands, pedestal, softening, white, strict=True):
        if abs(level) > HIGHEST_SKY * low:
            raise ValueError(
                f"Band {name} of {data.name} has a sky of {level:.3g}; subtract the sky first."
            )
        if not 0 < low < high < np.inf:
            raise ValueError(
                f"Band {name} of {data.name} has no light above its noise (softening {low:.3g}, "
                f"brightest {high:.3g}); leave it out, or give `softening` and `white`."
            )
    return tuple(map(float, softening)), tuple(map(float, white))
