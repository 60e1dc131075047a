"""The encoders by name; `docs/extending.md` adds one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from torch import Tensor, nn

from astrojepa.config import ImageConfig, ModelConfig, TrainConfig
from astrojepa.registries import import_modules
from astrojepa.settings import within


class Encoder(Protocol):
    """What the JEPA asks of an encoder, an `nn.Module` made of (image, model) configs."""

    width: int  # D, of an image's vector
    patch_width: int  # D', of a patch token
    frozen_width: int  # how many of the first features are never trained, nor projected

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the tokens of images (B, 3, S, S), (B, K, D) after and before a final norm."""

    def vector(self, tokens: Tensor) -> Tensor:
        """Return an image's vector (B, D) from its tokens."""

    def patch_tokens(self, images: Tensor, index: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return one token per patch, (B, K, D') twice, of the patches in `index` (None: all).

        What the other patches hold cannot reach a token.
        """


@dataclass(frozen=True)
class EncoderKind:
    """An encoder by name."""

    name: str
    build: Callable[[ImageConfig, ModelConfig], nn.Module]
    masks: bool  # it learns from masks; the others from views only
    sized: bool  # its width, depth and heads are settings, and views are made of whole patches
    trains: bool  # it can be pretrained here
    own_size: bool  # it sees every galaxy at its own size


Made = TypeVar("Made", bound=Callable[[ImageConfig, ModelConfig], nn.Module])
_ENCODERS: dict[str, EncoderKind] = {}


def encoder(
    *names: str,
    masks: bool = False,
    sized: bool = False,
    trains: bool = True,
    own_size: bool = False,
) -> Callable[[Made], Made]:
    """Register a class of encoders under names; one that ends in ":" is for all that begin so."""

    def register(made: Made) -> Made:
        for name in names:
            _ENCODERS[name] = EncoderKind(name, made, masks, sized, trains, own_size)
        return made

    return register


def find_encoder(name: str) -> EncoderKind:
    """Return the encoder of this name; ValueError lists the known ones."""
    import_modules("astrojepa.models.encoders")
    family = name.partition(":")[0] + ":"
    found = _ENCODERS.get(name) or (_ENCODERS.get(family) if name != family else None)
    if found is None:
        known = ", ".join(known + "NAME" * known.endswith(":") for known in _ENCODERS)
        raise ValueError(f"`backbone` is {name!r}; choose one of {known}.")
    return found


def check_trains(name: str) -> None:
    """Raise ValueError for an encoder that is only loaded."""
    if not find_encoder(name).trains:
        known = ", ".join(kind.name for kind in _ENCODERS.values() if kind.trains)
        raise ValueError(
            f"`backbone` {name} is loaded with weights of its own and not pretrained here; choose "
            f"one of {known}."
        )


def check_encoder(config: TrainConfig) -> None:
    """Raise ValueError where a config asks of its encoder what it cannot do."""
    model, views = config.model, config.views
    kind = find_encoder(model.backbone)
    if not kind.masks and not config.multi_view and not config.encoder_from:
        raise ValueError(
            f"`backbone` {model.backbone} learns from views; give `invariance_weight`, e.g. 1."
        )
    if config.multi_view and views.local_views:
        patch = config.image.patch_size if kind.sized else 16
        within("local_size", views.local_size, 2 * patch, config.image.image_size)
        if kind.sized and views.local_size % patch:
            raise ValueError(
                f"`local_size` {views.local_size} is not a multiple of `patch_size` {patch}."
            )
