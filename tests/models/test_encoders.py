"""Encoders are found by name, do what the JEPA asks of them, and are added in one file."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from astrojepa.config import CONV_BACKBONES, ImageConfig, ModelConfig, TrainConfig, replace
from astrojepa.models.encoders import registry
from astrojepa.models.encoders.registry import check_encoder, encoder, find_encoder
from astrojepa.models.jepa import JEPA
from astrojepa.models.tokens import gather_tokens

IMAGE = ImageConfig(image_size=32, patch_size=8)


@pytest.fixture
def mixer(monkeypatch: pytest.MonkeyPatch) -> str:
    """An encoder that somebody adds: every patch by itself, two linear layers."""
    find_encoder("vit")  # the others are known first
    monkeypatch.setattr(registry, "_ENCODERS", dict(registry._ENCODERS))

    @encoder("patchwise", masks=True)
    class Patchwise(nn.Module):
        def __init__(self, image: ImageConfig, model: ModelConfig) -> None:
            super().__init__()
            self.width = self.patch_width = model.width
            self.frozen_width = 0
            self.cut = nn.Conv2d(3, model.width, image.patch_size, image.patch_size)
            self.mix = nn.Linear(model.width, model.width)

        def forward(self, images, index=None):
            tokens = self.cut(images).flatten(2).transpose(1, 2)
            tokens = self.mix(tokens if index is None else gather_tokens(tokens, index))
            return tokens, tokens

        patch_tokens = forward

        def vector(self, tokens):
            return tokens.mean(dim=1)

    return "patchwise"


def test_an_added_encoder_is_embedded_with(mixer: str) -> None:
    network = JEPA(IMAGE, ModelConfig(backbone=mixer, width=12, heads=3, predictor_depth=0))
    assert network.embed(torch.randn(5, 3, 32, 32)).shape == (5, 12)
    check_encoder(replace(TrainConfig(), backbone=mixer))


def test_an_unknown_encoder_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"`backbone` is 'vgg'; choose one of .*resnet10t.*vit"):
        JEPA(IMAGE, ModelConfig(backbone="vgg"))
    assert {"vit", "timm:", "polar:", "petrosian:", "nested:", *CONV_BACKBONES} == set(
        registry._ENCODERS
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"local_size": 40}, "`local_size` 40 is not a multiple of `patch_size` 16"),
        ({"local_size": 16}, "`local_size` is 16; it must lie in"),
        ({"backbone": "resnet18", "invariance_weight": 0.0}, "learns from views"),
    ],
)
def test_what_an_encoder_cannot_do_is_refused(changes: dict, message: str) -> None:
    recipe = {"invariance_weight": 1.0, "image_size": 64, "local_views": 2, "local_size": 32}
    with pytest.raises(ValueError, match=message):
        check_encoder(replace(TrainConfig(), **recipe | changes))


def test_only_a_vision_transformer_learns_from_masks() -> None:
    find_encoder("vit")
    assert [name for name, kind in registry._ENCODERS.items() if kind.masks] == ["vit"]
