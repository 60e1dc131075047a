"""A view through another telescope and camera: survey differences that are not morphology.

Two surveys show one galaxy at another pixel scale, with other filters, another sky, and another
stretch from flux to grey levels. An encoder that must give such views one vector cannot tell the
survey by them, nor know the galaxy by its exact levels.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

LOG_SCALE = 0.5  # pixel scale: a factor of e^-0.5 to e^0.5, 0.61 to 1.65
GAIN_SIGMA = 0.3  # standard deviation of log gain, each channel its own
SKY = 0.06  # largest pedestal, either sign, units of full scale
FLUX_SKY = 1 / 3  # of flux data, in units of the softening: the noise of the sky
LOG_GAMMA = 0.4  # exponent of the stretch: e^-0.4 to e^0.4
LARGEST_SOFTENING = 8.0  # of asinh(s x) / asinh(s): 0 is linear
GREY_SHARE = 0.1  # of the views, without colour


def num_telescope_draws(channels: int) -> int:
    """Return how many numbers a view takes: pixel scale, gains, sky, gamma, softening, grey."""
    return channels + 5


def pixel_scale(draws: Float[Tensor, "*n U"], strength: float) -> Float[Tensor, "*n"]:
    """Return the relative sky per view side: log-uniform, 0.61 to 1.65 at strength 1."""
    return torch.exp(strength * LOG_SCALE * (2 * draws[..., 0] - 1))


def another_sky(
    views: Float[Tensor, "n C S S"], draws: Float[Tensor, "n U"], strength: float, pedestal: float
) -> Float[Tensor, "n C S S"]:
    """Change linear light by uniform numbers in [0, 1), for a `strength` of 1: each channel times
    its own gain, log-normal with sigma 0.3, and a sky of up to `pedestal`, either sign.
    """
    gains = torch.exp(strength * GAIN_SIGMA * _normal(draws[:, 1:-4])).view(len(views), -1, 1, 1)
    return views * gains + strength * pedestal * (2 * draws[:, -4].view(-1, 1, 1, 1) - 1)


def another_stretch(
    views: Float[Tensor, "n C S S"], draws: Float[Tensor, "n U"], strength: float
) -> Float[Tensor, "n C S S"]:
    """Change the tones of views in [0, 1], for a `strength` of 1: x^gamma, gamma 0.67 to 1.5, and
    then asinh(s x) / asinh(s), s up to 8; one view in ten without colour.

    Strength scales every range; 0 changes nothing.
    """
    gamma, softening, grey = (draws[:, column].view(-1, 1, 1, 1) for column in range(-3, 0))
    views = views.clamp(1e-4, 1)
    views = torch.exp(torch.log(views) * torch.exp(strength * LOG_GAMMA * (2 * gamma - 1)))
    softening = strength * LARGEST_SOFTENING * softening.square() + 1e-3
    views = _asinh(softening * views) / _asinh(softening)
    return torch.where(grey < strength * GREY_SHARE, views.mean(1, keepdim=True), views)


def another_telescope(
    views: Float[Tensor, "n C S S"], draws: Float[Tensor, "n U"], strength: float
) -> Float[Tensor, "n C S S"]:
    """Change the light of views in [0, 1], staying there: another sky, then another stretch."""
    return another_stretch(another_sky(views, draws, strength, SKY), draws, strength)


def _asinh(numbers: Tensor) -> Tensor:
    """Return asinh of numbers from 0 on: on a CPU torch's own takes several times as long."""
    square = numbers.square()
    return square.div_(square.add(1).sqrt_().add_(1)).add_(numbers).log1p_()


def _normal(uniforms: Tensor) -> Tensor:
    """Turn uniform numbers into normal ones, at most 3 standard deviations from 0."""
    return (
        torch.special.ndtri(uniforms.double().clamp(1e-9, 1 - 1e-9)).clamp(-3, 3).to(uniforms.dtype)
    )
