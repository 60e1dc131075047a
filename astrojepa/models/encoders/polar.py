"""Convolutional networks that see a galaxy unrolled: rows are radii, columns are angles.

A turn of the galaxy is a shift along the columns, which convolutions follow when they wrap around.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from astrojepa.config import CONV_BACKBONES, POLAR, ImageConfig, ModelConfig
from astrojepa.models.encoders.convolutional import ConvEncoder
from astrojepa.models.encoders.registry import encoder
from astrojepa.models.readouts import SectorReadout


@encoder(POLAR)
class PolarEncoder(ConvEncoder):
    """A network of timm on polar images, for example `polar:resnet10t`.

    A view of any size becomes `image_size` / 2 radii times 2 · `image_size` angles around its
    middle; its corners are left out. Convolutions continue across the last angle, and across the
    middle.
    """

    readout = SectorReadout
    places: Tensor
    patches: Tensor

    def __init__(self, image: ImageConfig, model: ModelConfig) -> None:
        kind, _, name = model.backbone.partition(":")
        if name not in CONV_BACKBONES:
            known = ", ".join(CONV_BACKBONES)
            raise ValueError(
                f"`backbone` is {model.backbone!r}; after {kind}: comes one of {known}."
            )
        super().__init__(image, model)
        self.register_buffer("places", polar_places(self.side(image)), persistent=False)
        self.register_buffer("patches", patch_places(image.grid), persistent=False)
        for layer in self.net.modules():
            if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
                _wrap(layer)

    def prepare(self, images: Float[Tensor, "B C S S"]) -> Float[Tensor, "B C R A"]:
        """Return the polar images."""
        return sample(images, self.places)

    def sectors(self, images: Float[Tensor, "B C S S"]) -> tuple[Tensor, Tensor]:
        """Return the last features that are read, at radii and angles, and the light there.

        They are (B, D, R, A) and (B, R, A); the light is above that of the outermost ring. Where
        `turns_by_half`, half a turn of the view shifts both by half the angles.
        """
        return self.read_sectors(self.prepare(images))

    def read_sectors(self, unrolled: Float[Tensor, "B C R A"]) -> tuple[Tensor, Tensor]:
        """Return the sectors of polar images (`prepare`)."""
        (features,) = self.net.forward_intermediates(
            unrolled, indices=self.read_stages[-1:], intermediates_only=True, stop_early=True
        )
        light = unrolled.mean(dim=1)
        above = (light - light[:, -1:].median(dim=2, keepdim=True).values).clamp_min(0)
        places = nn.functional.adaptive_avg_pool2d(above[:, None], features.shape[2:])
        return features, places[:, 0]

    @property
    def turns_by_half(self) -> bool:
        """Whether half a turn is a whole number of steps between sectors."""
        step = self.net.feature_info[self.read_stages[-1]]["reduction"]
        return self.places.shape[1] % (2 * step) == 0

    def on_patches(self, features: Float[Tensor, "B D R A"]) -> Float[Tensor, "B D G G"]:
        """Return the features where the square patches have their centres."""
        angles = features.shape[3]
        turn, radius = self.patches.unbind(-1)
        across = (turn * angles + 1) / (angles + 2)  # one column more on either side
        return sample(
            nn.functional.pad(features, (1, 1, 0, 0), mode="circular"),
            torch.stack((across, radius), -1) * 2 - 1,
        )


def polar_places(size: int) -> Float[Tensor, "R A 2"]:
    """Return x and y, -1 to 1 across a view, of `size` / 2 radii and 2 · `size` angles.

    >>> polar_places(4)[1, 0]  # r = 3/4, a sixteenth of a turn
    tensor([0.6929, 0.2870])
    """
    radius = (torch.arange(size // 2) + 0.5) / (size // 2)
    angle = (torch.arange(2 * size) + 0.5) * (math.pi / size)
    return radius[:, None, None] * torch.stack((torch.cos(angle), torch.sin(angle)), -1)


def patch_places(grid: int) -> Float[Tensor, "G G 2"]:
    """Return angle (a fraction of a turn) and radius (1 at the sides) of the patches' centres."""
    axis = (torch.arange(grid) + 0.5) / grid * 2 - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack((torch.atan2(y, x) / (2 * math.pi) % 1, torch.hypot(x, y)), -1)


def sample(maps: Float[Tensor, "B D H W"], places: Float[Tensor, "*B R A 2"]) -> Tensor:
    """Return maps at places (`polar_places`), of all maps or of each: (B, D, R, A)."""
    places = places.to(maps.dtype).expand(len(maps), *places.shape[-3:])
    return nn.functional.grid_sample(maps, places, padding_mode="border", align_corners=False)


def _wrap(layer: nn.Conv2d | nn.MaxPool2d) -> None:
    """Let the last angle neighbour the first, and the smallest radius that of the other side."""
    pad = layer.padding if isinstance(layer.padding, int) else int(layer.padding[0])
    if not pad:
        return
    layer.padding = (0, 0)

    def padded(_: nn.Module, args: tuple[Tensor]) -> tuple[Tensor]:
        (maps,) = args
        across = maps[:, :, :pad].flip(2).roll(maps.shape[3] // 2, 3)
        maps = torch.cat((across, maps, torch.zeros_like(maps[:, :, :pad])), 2)
        return (torch.cat((maps[..., -pad:], maps, maps[..., :pad]), 3),)

    layer.register_forward_pre_hook(padded)
