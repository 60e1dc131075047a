"""What a convolutional encoder's tokens hold."""

from __future__ import annotations

import copy

import pytest
import torch

from astrojepa.config import ImageConfig, ModelConfig
from astrojepa.models.encoders.convolutional import ConvEncoder
from astrojepa.models.encoders.registry import find_encoder
from astrojepa.models.jepa import JEPA


def encoder(backbone: str, readout: str) -> ConvEncoder:
    torch.manual_seed(0)
    made = find_encoder(backbone).build(
        ImageConfig(image_size=64, patch_size=8),
        ModelConfig(backbone=backbone, predictor_depth=0, readout=readout),
    )
    assert isinstance(made, ConvEncoder)
    return made.eval()


@pytest.mark.parametrize("backbone", ["resnet10t", "resnet18", "convnextv2_atto"])
def test_the_token_of_all_stages_is_the_mean_and_the_deviation_of_their_features(
    backbone: str,
) -> None:
    network, images = encoder(backbone, "stages"), torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        tokens, same = network(images)
        stages = network.net.forward_intermediates(images, intermediates_only=True)
    assert same is tokens
    assert tokens.shape == (2, 1, network.width)
    flat = [features.flatten(2).double() for features in stages]
    expected = torch.cat(
        [
            part
            for each in flat
            for part in (each.mean(2), (each.var(2, correction=0) + 1e-6).sqrt())
        ],
        1,
    )
    torch.testing.assert_close(tokens[:, 0], expected.float(), rtol=1e-4, atol=1e-5)


def test_frozen_stages_stay_as_they_were_drawn_and_reach_no_projector() -> None:
    torch.manual_seed(0)
    image = ImageConfig(image_size=64, patch_size=8)
    model = ModelConfig(
        backbone="resnet10t",
        readout="stages",
        frozen_stages=2,
        predictor_depth=0,
        projector_width=8,
    )
    network = JEPA(image, model).train()
    before = copy.deepcopy(network.encoder.state_dict())
    assert network.projector.in_features == network.encoder.width - network.encoder.frozen_width
    optimizer = torch.optim.SGD(
        [item for item in network.parameters() if item.requires_grad], lr=1.0
    )
    network(None, None, [torch.randn(2, 4, 3, 64, 64)]).projected.square().mean().backward()
    optimizer.step()
    after = network.encoder.state_dict()
    changed = {name.split(".")[1] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"layer2", "layer3", "layer4"}
    network.freeze_encoder()
    network.freeze_encoder(False)
    assert {
        name.split(".")[1]
        for name, item in network.encoder.named_parameters()
        if item.requires_grad
    } == changed


def test_frozen_stages_of_what_has_none_are_refused() -> None:
    for options in (
        {},
        {"backbone": "resnet18"},
        {"backbone": "convnextv2_atto", "readout": "stages"},
    ):
        with pytest.raises(
            ValueError, match="`frozen_stages` needs a ResNet with `readout` stages"
        ):
            ModelConfig(frozen_stages=1, predictor_depth=0, **options)


def test_another_readout_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"`readout` .*last.*stages"):
        ModelConfig(backbone="resnet18", readout="first")


@pytest.mark.parametrize("backbone", ["resnet18", "convnextv2_atto"])
def test_what_a_hidden_patch_holds_reaches_no_patch_token(backbone: str) -> None:
    network, index = encoder(backbone, "last"), torch.tensor([[0, 9, 37], [5, 6, 63]])
    images = torch.randn(2, 3, 64, 64)
    seen = (
        torch.zeros(2, 64)
        .scatter_(1, index, 1.0)
        .view(2, 1, 8, 8)
        .repeat_interleave(8, 2)
        .repeat_interleave(8, 3)
    )
    other = torch.where(seen > 0, images, torch.randn(2, 3, 64, 64))
    with torch.no_grad():
        tokens, changed = (network.patch_tokens(pictures, index)[0] for pictures in (images, other))
        whole, all_chosen = (
            network.patch_tokens(images, chosen)[0]
            for chosen in (None, torch.arange(64).expand(2, -1))
        )
    assert tokens.shape == (2, 3, network.patch_width)
    torch.testing.assert_close(tokens, changed, rtol=0, atol=0)
    torch.testing.assert_close(whole, all_chosen, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("backbone", "stage", "side"), [("resnet18", 2, 8), ("convnextv2_atto", 1, 8)]
)
def test_a_patch_token_is_what_the_stage_of_its_size_has_in_its_place(
    backbone: str, stage: int, side: int
) -> None:
    network, images = encoder(backbone, "stages"), torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        tokens, _ = network.patch_tokens(images)
        features = network.net.forward_intermediates(images, intermediates_only=True)[stage]
    assert features.shape[-1] == side
    torch.testing.assert_close(tokens, features.flatten(2).transpose(1, 2), rtol=0, atol=0)
