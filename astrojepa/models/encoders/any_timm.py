"""Any network of timm as an encoder, by "timm:NAME": other people's networks in the same tables."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor, nn

from astrojepa.config import ImageConfig, ModelConfig
from astrojepa.models.encoders.registry import encoder
from astrojepa.models.timm_import import timm
from astrojepa.models.tokens import gather_tokens, without_hidden

PREFIX = "timm:"


@dataclass(frozen=True)
class TimmFacts:
    """What timm says of a network and its published weights."""

    image_size: int  # pixels
    patch_size: int  # divides image_size, near 16: the patches of scores that compare places
    mean: tuple[float, ...]
    std: tuple[float, ...]
    heads: tuple[str, ...]  # beginnings of the tensors of its classifier, which is left out


def timm_facts(name: str) -> TimmFacts:
    """Return what timm says of a network; ValueError if it has none, or not for square images."""
    architecture = name.partition(".")[0]
    try:
        known = timm.get_pretrained_cfg(name) if timm.is_model(architecture) else None
    except RuntimeError:  # an unknown tag after the dot
        known = None
    if known is None:
        near = difflib.get_close_matches(architecture, timm.list_models(), 5)
        hint = f"near it are {', '.join(near)}" if near else "timm.list_models() names all"
        raise ValueError(f"timm has no network {name!r}; {hint}.")
    bands, *sides = known.input_size
    side = sides[0]
    fits = [patch for patch in range(2, 129) if not side % patch and 4 <= side / patch <= 64]
    if bands != 3 or side != sides[1] or not fits:
        raise ValueError(
            f"{PREFIX}{name} takes images of {known.input_size}; choose a network of square images "
            f"with 3 bands."
        )
    heads = (known.classifier,) if isinstance(known.classifier, str) else known.classifier or ()
    patch = min(fits, key=lambda size: (abs(size - 16), size))
    return TimmFacts(side, patch, tuple(known.mean), tuple(known.std), tuple(heads))


@encoder(PREFIX, trains=False)
class TimmEncoder(nn.Module):
    """A network of timm without its classifier: one token per image, what the classifier saw."""

    def __init__(self, image: ImageConfig, model: ModelConfig) -> None:
        super().__init__()
        name = model.backbone.removeprefix(PREFIX)
        timm_facts(name)  # refuses what timm would look for elsewhere
        self.net = timm.create_model(name, pretrained=False, num_classes=0)
        self.width = int(getattr(self.net, "head_hidden_size", 0) or self.net.num_features)
        self.patch_width = int(self.net.num_features)
        self.frozen_width = 0
        self.grid, self.patch_size = image.grid, image.patch_size

    def forward(self, images: Float[Tensor, "B C S S"]) -> tuple[Tensor, Tensor]:
        """Return the token (B, 1, D) twice: there is no final norm outside the network."""
        tokens = self.net(images)[:, None]
        return tokens, tokens

    def vector(self, tokens: Float[Tensor, "B K D"]) -> Float[Tensor, "B D"]:
        """Return an image's vector from its token."""
        return tokens.mean(dim=1)

    def patch_tokens(
        self, images: Float[Tensor, "B C S S"], index: Int[Tensor, "B K"] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return a token per patch, (B, K, D') twice, of the network's last map of features.

        Patches that are not in `index` (None: all) are set to 0 first. ValueError for a network
        that gives no such map.
        """
        if not hasattr(self.net, "forward_intermediates"):
            raise ValueError(
                "This network of timm gives no map of features, only one vector per image; choose "
                "a score of vectors."
            )
        if index is not None:
            images = without_hidden(images, index, self.grid, self.patch_size)
        (features,) = self.net.forward_intermediates(images, indices=1, intermediates_only=True)
        tokens = nn.functional.adaptive_avg_pool2d(features, self.grid).flatten(2).transpose(1, 2)
        tokens = tokens if index is None else gather_tokens(tokens, index)
        return tokens, tokens
