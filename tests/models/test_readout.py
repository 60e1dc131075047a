"""What a convolutional encoder's tokens hold."""

from __future__ import annotations

import pytest
import torch

from astrojepa.config import ImageConfig, ModelConfig
from astrojepa.models.encoder import ConvEncoder, make_encoder


def encoder(backbone: str, readout: str) -> ConvEncoder:
    torch.manual_seed(0)
    made = make_encoder(
        ImageConfig(image_size=64, patch_size=8), ModelConfig(backbone=backbone, predictor_depth=0, readout=readout)
    )
    assert isinstance(made, ConvEncoder)
    return made.eval()


@pytest.mark.parametrize("backbone", ["resnet18", "convnextv2_atto"])
def test_tokens_of_all_stages_hold_each_stages_mean_and_spread_below_a_place_of_the_last(backbone: str) -> None:
    network, images = encoder(backbone, "stages"), torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        tokens, same = network(images)
        *early, last = network.net.forward_intermediates(images, intermediates_only=True)
    assert same is tokens
    side = last.shape[-1]
    assert tokens.shape == (2, side * side, network.width)
    for place in range(side * side):
        y, x = divmod(place, side)
        expected = [last[:, :, y, x]]
        for features in early:
            step = features.shape[-1] // side
            below = features[:, :, y * step : (y + 1) * step, x * step : (x + 1) * step].flatten(2).double()
            expected += [below.mean(2), (below.var(2, correction=0) + 1e-6).sqrt()]
        torch.testing.assert_close(tokens[:, place], torch.cat([part.float() for part in expected], 1), rtol=1e-4, atol=1e-5)


def test_tokens_of_all_stages_begin_with_those_of_the_last() -> None:
    images = torch.randn(2, 3, 64, 64)
    stages, last = (encoder("resnet18", readout)(images)[0] for readout in ("stages", "last"))
    torch.testing.assert_close(stages[..., : last.shape[-1]], last)


def test_another_readout_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"--readout .*last.*stages"):
        ModelConfig(backbone="resnet18", readout="first")


@pytest.mark.parametrize("backbone", ["resnet18", "convnextv2_atto"])
def test_what_a_hidden_patch_holds_reaches_no_patch_token(backbone: str) -> None:
    network, index = encoder(backbone, "last"), torch.tensor([[0, 9, 37], [5, 6, 63]])
    images = torch.randn(2, 3, 64, 64)
    seen = torch.zeros(2, 64).scatter_(1, index, 1.0).view(2, 1, 8, 8).repeat_interleave(8, 2).repeat_interleave(8, 3)
    other = torch.where(seen > 0, images, torch.randn(2, 3, 64, 64))
    with torch.no_grad():
        tokens, changed = (network.patch_tokens(pictures, index)[0] for pictures in (images, other))
        whole, all_chosen = (network.patch_tokens(images, chosen)[0] for chosen in (None, torch.arange(64).expand(2, -1)))
    assert tokens.shape == (2, 3, network.patch_width)
    torch.testing.assert_close(tokens, changed, rtol=0, atol=0)
    torch.testing.assert_close(whole, all_chosen, rtol=0, atol=0)


@pytest.mark.parametrize(("backbone", "stage", "side"), [("resnet18", 2, 8), ("convnextv2_atto", 1, 8)])
def test_a_patch_token_is_what_the_stage_of_its_size_has_in_its_place(backbone: str, stage: int, side: int) -> None:
    network, images = encoder(backbone, "stages"), torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        tokens, _ = network.patch_tokens(images)
        features = network.net.forward_intermediates(images, intermediates_only=True)[stage]
    assert features.shape[-1] == side
    torch.testing.assert_close(tokens, features.flatten(2).transpose(1, 2), rtol=0, atol=0)
