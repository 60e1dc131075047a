"""Polar networks that see every galaxy at its own size, so that no zoom changes what they see."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from astrojepa.config import NESTED, PETROSIAN, ImageConfig, ModelConfig
from astrojepa.models.encoders.polar import PolarEncoder, polar_places, sample
from astrojepa.models.encoders.registry import encoder

SIDE = 64  # 32 radii, 128 angles
REACH = 1.5  # Petrosian radii
FIELDS = (1.0, 0.5)  # of this reach, of a nested network
RATIO = 0.2  # of the light of a ring to that inside it, at one Petrosian radius
SMALLEST = 4.0  # pixels, so that noise is not magnified


@encoder(PETROSIAN, own_size=True)
class PetrosianEncoder(PolarEncoder):
    """A polar network out to 1.5 Petrosian radii of the galaxy, for example `petrosian:resnet10t`.

    The radius is measured on each view (`petrosian_radius`), and ends at the view's sides. Tokens
    of patches come from the whole view instead: hidden patches must not move the others.
    """

    def side(self, image: ImageConfig) -> int:
        """Return 64, whatever the size of the image."""
        return SIDE

    def prepare(
        self, images: Float[Tensor, "B C S S"], share: float = 1.0
    ) -> Float[Tensor, "B C R A"]:
        """Return the polar images out to 1.5 Petrosian radii, or to a share of that."""
        return sample(images, self.places * share * reach(images)[:, None, None, None])

    def prepare_patches(self, images: Float[Tensor, "B C S S"]) -> Float[Tensor, "B C R A"]:
        """Return the polar images of the whole views."""
        return super().prepare(images)


@encoder(NESTED, own_size=True)
class NestedEncoder(PetrosianEncoder):
    """The same network twice, out to 1.5 and to 0.75 Petrosian radii: `nested:resnet10t`.

    The second field shows the middle finer. A vector is that of the first field, then that of the
    second, (B, 2 D).
    """

    def __init__(self, image: ImageConfig, model: ModelConfig) -> None:
        super().__init__(image, model)
        self.width *= len(FIELDS)

    def forward(self, images: Float[Tensor, "B C S S"]) -> tuple[Tensor, Tensor]:
        """Return the tokens of both fields side by side (B, K, 2 D), twice."""
        tokens, _ = self.read(torch.cat([self.prepare(images, share) for share in FIELDS]))
        both = torch.cat(tokens.chunk(len(FIELDS)), dim=2)
        return both, both

    def sectors(self, images: Float[Tensor, "B C S S"]) -> tuple[Tensor, Tensor]:
        """Return the sectors of both fields, the radii of one after those of the other."""
        found = [self.read_sectors(self.prepare(images, share)) for share in FIELDS]
        features, light = (torch.cat(part, dim=-2) for part in zip(*found, strict=True))
        return features, light


def reach(images: Float[Tensor, "B C S S"]) -> Float[Tensor, " B"]:
    """Return how far the network sees: 1.5 Petrosian radii, within 4 pixels and the sides (1)."""
    return (REACH * petrosian_radius(images)).clamp(2 * SMALLEST / images.shape[-1], 1)


def own_square(
    images: Float[Tensor, "B C S S"], within: Float[Tensor, " B"], side: int
) -> Float[Tensor, "B C T T"]:
    """Return squares of `side` pixels that end at these shares of the views (`reach`)."""
    zooms = within[:, None, None] * torch.eye(2, 3, device=images.device)
    places = nn.functional.affine_grid(zooms, [*images.shape[:2], side, side], align_corners=False)
    return nn.functional.grid_sample(images, places, padding_mode="border", align_corners=False)


def petrosian_radius(images: Float[Tensor, "B C S S"]) -> Float[Tensor, " B"]:
    """Measure where the light of a ring falls to a fifth of the mean inside: 0 to 1, the sides.

    The light of a ring is its upper quartile over angles, above that of the faintest ring: it
    reaches as far as the long axis of an inclined galaxy, and small companions do not move it.
    Where it never falls so low the radius is 1.

    *Source:* Petrosian 1976, ApJ 210, L53; 0.2 as in SDSS (Blanton et al. 2001, AJ 121, 2358).

    >>> y, x = torch.meshgrid(*2 * [torch.arange(64) - 31.5], indexing="ij")
    >>> disc = (torch.hypot(y, x) < 16).float().expand(1, 3, 64, 64)
    >>> petrosian_radius(disc)
    tensor([0.5469])
    """
    light = images.detach().float().mean(1, keepdim=True)
    places = polar_places(images.shape[-1]).to(images.device)
    profile = sample(light, places[None])[:, 0]
    profile = profile.kthvalue(3 * profile.shape[2] // 4, dim=2).values
    profile = nn.functional.avg_pool1d(
        nn.functional.pad(profile[:, None], (1, 1), mode="replicate"), 3, 1
    )[:, 0]
    profile = profile - profile.min(1, keepdim=True).values
    radius = (torch.arange(profile.shape[1], device=images.device) + 0.5) / profile.shape[1]
    inside = (profile * radius).cumsum(1) / radius.cumsum(0)
    outside = profile < RATIO * inside
    first = torch.where(outside.any(1), outside.float().argmax(1), profile.shape[1] - 1)
    found: Tensor = torch.where(outside.any(1), radius[first], 1.0)
    return found
