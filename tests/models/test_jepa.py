"""What the networks may see, and what they are made of."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from astrojepa.config import ImageConfig, MaskConfig, ModelConfig
from astrojepa.models.jepa import JEPA
from astrojepa.models.predictor import block_of_last
from astrojepa.models.projector import make_projector
from astrojepa.models.tokens import Positions, gather_tokens
from astrojepa.objective.masking import sample_masks
from astrojepa.presets import PUBLISHED, preset
from astrojepa.types import PatchMasks

IMAGE = ImageConfig(image_size=64, patch_size=8)
MODEL = ModelConfig(
    width=32,
    depth=2,
    heads=2,
    predictor_width=16,
    predictor_depth=2,
    predictor_heads=2,
    projector_width=8,
)


@pytest.fixture
def network() -> JEPA:
    torch.manual_seed(0)
    return JEPA(IMAGE, MODEL).eval()


@pytest.fixture
def masks() -> PatchMasks:
    return sample_masks(torch.rand(3, 8, 8), MaskConfig(), torch.Generator().manual_seed(0))


def pixels_of(index: torch.Tensor) -> torch.Tensor:
    """bool (B, 64, 64): the pixels of the given patches."""
    patches = torch.zeros(len(index), 64).scatter(1, index, 1).view(-1, 8, 8)
    return patches.repeat_interleave(8, 1).repeat_interleave(8, 2).bool()


def test_hidden_patches_cannot_change_the_prediction(network, masks):
    images = torch.randn(3, 3, 64, 64)
    hidden = ~pixels_of(masks.context)
    changed = torch.where(hidden[:, None], torch.randn(3, 3, 64, 64) * 100, images)
    before, after = network(images, masks), network(changed, masks)
    assert (before.prediction - after.prediction).abs().max() == 0
    assert (before.projected - after.projected).abs().max() == 0
    assert (before.target - after.target).abs().max() > 0, "the target encoder does see them"


def test_visible_patches_do_change_the_prediction(network, masks):
    images = torch.randn(3, 3, 64, 64)
    changed = torch.where(pixels_of(masks.context)[:, None], images + 1, images)
    assert (network(images, masks).prediction - network(changed, masks).prediction).abs().max() > 0


def test_context_tokens_are_gathered_before_the_first_block(network, masks):
    seen = []
    network.encoder.vit.blocks.register_forward_pre_hook(
        lambda module, inputs: seen.append(inputs[0].shape[1])
    )
    network(torch.randn(3, 3, 64, 64), masks)
    assert seen == [masks.context.shape[1]]


def test_a_block_is_predicted_alone_whatever_the_other_blocks_are(network, masks):
    context, _ = network.encoder(torch.randn(3, 3, 64, 64), masks.context)
    together = network.predict(context, masks)
    alone = network.predict(context, PatchMasks(masks.context, masks.targets[:, 2:3]))
    torch.testing.assert_close(together[:, 2:3], alone)


def test_the_prediction_follows_the_order_of_its_positions(network, masks):
    context, _ = network.encoder(torch.randn(3, 3, 64, 64), masks.context)
    straight = network.predict(context, masks)
    turned = network.predict(context, PatchMasks(masks.context, masks.targets.flip(-1)))
    torch.testing.assert_close(straight.flip(2), turned)


def test_the_last_block_computes_only_the_asked_tokens_and_computes_them_the_same(network):
    block, tokens = network.predictor.blocks[-1], torch.randn(3, 9, 16, requires_grad=True)
    ours, theirs = block_of_last(block, tokens, 4), block(tokens)[:, -4:]
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(
        *(torch.autograd.grad(part.square().sum(), tokens)[0] for part in (ours, theirs))
    )


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_attention_as_two_products_is_that_of_one_kernel_backward_included(network, masks, kind):
    images, found = torch.randn(3, 3, 64, 64), []
    for fused in (True, False):
        network.fuse_attention(fused)
        network.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=kind is torch.bfloat16):
            output = network(images, masks).float()
        (output.prediction - output.target).square().mean().backward()
        gradient = torch.cat(
            [item.grad.flatten() for item in network.parameters() if item.grad is not None]
        )
        found.append((output.prediction.detach(), output.tokens.detach(), gradient))
    tolerance = {torch.float32: 1e-5, torch.bfloat16: 2e-2}[kind]
    for one, other in zip(*found, strict=True):
        assert (one - other).norm() <= tolerance * one.norm()


def test_targets_are_layer_normed_without_affine_and_carry_no_gradient(network, masks):
    target = network(torch.randn(3, 3, 64, 64), masks).target
    assert not target.requires_grad
    torch.testing.assert_close(target.mean(-1), torch.zeros(target.shape[:-1]), atol=1e-5, rtol=0)
    torch.testing.assert_close(
        target.var(-1, correction=0), torch.ones(target.shape[:-1]), atol=1e-2, rtol=0
    )


def test_the_target_encoder_is_an_average_of_all_weights_patch_embedding_included(network):
    before = {key: value.clone() for key, value in network.target_encoder.state_dict().items()}
    with torch.no_grad():
        for item in network.encoder.parameters():
            item.add_(1.0)
    network.update_target(0.9)
    assert any("patch_embed" in key for key in before)
    for key, value in network.target_encoder.state_dict().items():
        torch.testing.assert_close(value, before[key] + 0.1)


def test_the_target_encoder_stays_in_eval_mode_and_without_gradients(network):
    network.train()
    assert network.encoder.training
    assert not network.target_encoder.training
    assert not any(item.requires_grad for item in network.target_encoder.parameters())


def test_gather_takes_the_tokens_named():
    tokens = torch.arange(24.0).view(2, 4, 3)
    index = torch.tensor([[3, 0], [1, 2]])
    assert torch.equal(
        gather_tokens(tokens, index), torch.stack([tokens[0, [3, 0]], tokens[1, [1, 2]]])
    )


@pytest.mark.parametrize("name", ["vit5m.sigreg06", "vit25m.sigreg06"])
def test_sizes_are_those_published_but_for_position_tables_and_linear_layers(name):
    config = preset(name)
    with torch.device("meta"):
        network = JEPA(config.image, config.model)
    width, grid = config.model.width, config.image.grid
    projector = sum(item.numel() for item in network.projector.parameters())
    linear_layers = 2 * (width * width + width)
    position_tables = 2 * grid * grid * width
    assert (
        network.num_trainable()
        == PUBLISHED[name]["trainable"] - position_tables + linear_layers + projector
    )
    assert network.num_parameters() == network.num_trainable(), "the moving average is a copy"


def test_an_encoder_only_model_says_that_it_has_no_predictor(masks):
    network = JEPA(IMAGE, ModelConfig(width=32, depth=1, heads=2, predictor_depth=0))
    with pytest.raises(ValueError, match="no predictor: it is encoder-only"):
        network(torch.zeros(3, 3, 64, 64), masks)


def test_without_a_projector_sigreg_sees_the_mean_token_before_the_final_norm(masks):
    torch.manual_seed(0)
    network = JEPA(
        IMAGE,
        ModelConfig(
            width=32, depth=1, heads=2, predictor_width=16, predictor_heads=2, projector_width=0
        ),
    )
    images = torch.randn(3, 3, 64, 64)
    _, raw = network.encoder(images, masks.context)
    torch.testing.assert_close(network(images, masks).projected[0], raw.mean(1))


def test_views_are_projected_one_row_per_view_and_image(network):
    large, small = torch.randn(2, 3, 3, 64, 64), torch.randn(1, 3, 3, 32, 32)
    together = network(None, None, [large, small])
    assert together.projected.shape == (3, 3, 8)
    assert together.prediction is None
    torch.testing.assert_close(together.projected[1], network.project(large[1]))
    torch.testing.assert_close(together.projected[2], network.project(small[0]))


def test_each_resolution_is_encoded_in_one_call(network):
    seen = []
    network.encoder.vit.blocks.register_forward_pre_hook(
        lambda module, inputs: seen.append(tuple(inputs[0].shape[:2]))
    )
    network(None, None, [torch.randn(2, 3, 3, 64, 64), torch.randn(4, 3, 3, 32, 32)])
    assert seen == [(6, 64), (12, 16)]


def test_positions_of_a_smaller_view_span_the_same_field():
    """Stretched, not cut: the first and last place of a 4 x 4 grid lie between the outer places
    of the 8 x 8 one.
    """
    positions = Positions(8, 16, "sincos")
    stretched = positions.of_grid(4).unflatten(1, (4, 4))
    full = positions.table.unflatten(1, (8, 8))
    assert positions.of_grid(8) is positions.table
    averaged = full.unflatten(1, (4, 2)).unflatten(3, (4, 2)).mean((2, 4))
    assert (stretched - averaged).abs().mean() < 0.1 * (
        full[:, 0, 0] - full[:, -1, -1]
    ).abs().mean()


def test_the_projector_has_two_hidden_layers_with_batch_norm_where_asked_for():
    for norm, count in (("batch", 2), ("none", 0)):
        model = ModelConfig(
            width=32,
            heads=2,
            projector_hidden=24,
            projector_width=8,
            projector_norm=norm,
            predictor_depth=0,
        )
        projector = make_projector(32, model)
        assert [layer.out_features for layer in projector if isinstance(layer, nn.Linear)] == [
            24,
            24,
            8,
        ]
        assert sum(isinstance(layer, nn.BatchNorm1d) for layer in projector) == count


def test_running_statistics_are_averaged_with_the_weights():
    network = JEPA(
        IMAGE, ModelConfig(backbone="resnet18", predictor_depth=0, projector_width=8)
    ).train()
    network.encoder(torch.randn(4, 3, 64, 64))
    network.update_target(0.75)
    averaged, own = (part.net.bn1.running_var for part in (network.target_encoder, network.encoder))
    torch.testing.assert_close(averaged, 0.75 + 0.25 * own)


def test_one_image_under_several_masks_equals_the_image_repeated(network, masks):
    image = torch.randn(1, 3, 64, 64)
    once, repeated = network(image, masks), network(image.expand(3, -1, -1, -1), masks)
    torch.testing.assert_close(once.prediction, repeated.prediction)
    torch.testing.assert_close(once.target, repeated.target)
