"""The readout by rings: what it keeps of a map of tokens, and what it leaves out."""

from __future__ import annotations

import math

import pytest
import torch

from astrojepa.config import ImageConfig, ModelConfig, TrainConfig, replace
from astrojepa.models.jepa import JEPA
from astrojepa.models.readouts import NUM_MODES, RingReadout, ring_count
from astrojepa.presets import preset

IMAGE = ImageConfig(image_size=64, patch_size=8)
VIT = ModelConfig(width=16, depth=1, heads=2, predictor_depth=0, projector_width=8, readout="rings")


def read(field: torch.Tensor) -> torch.Tensor:
    """What rings tell of one map (G, G) of a single feature: (rings, modes)."""
    grid = len(field)
    return RingReadout([(1, grid)])([field.reshape(1, -1, 1)]).view(ring_count(grid), NUM_MODES)


def places(grid: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Radius in units of half the side, and angle, of every token of a map."""
    axis = (torch.arange(grid) + 0.5) / (grid / 2) - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return torch.hypot(x, y), torch.atan2(y, x)


@pytest.mark.parametrize("grid", [1, 2, 4, 7, 8, 14])
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_quarter_turn_of_the_tokens_leaves_the_reading_unchanged(grid: int, turns: int) -> None:
    tokens = torch.randn(3, grid, grid, 5, generator=torch.Generator().manual_seed(0))
    readout = RingReadout([(5, grid)])
    turned = tokens.rot90(turns, (1, 2))
    torch.testing.assert_close(
        readout([turned.flatten(1, 2)]), readout([tokens.flatten(1, 2)]), atol=1e-6, rtol=1e-5
    )


def test_a_mirror_leaves_the_reading_unchanged() -> None:
    field = torch.randn(8, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(read(field.flip(1)), read(field), atol=1e-6, rtol=1e-5)


def test_a_constant_map_has_its_value_in_mode_0_and_nothing_in_the_others() -> None:
    found = read(torch.full((8, 8), 3.0))
    torch.testing.assert_close(found[:, 0], torch.full((4,), 3.0))
    assert found[:, 1:].max() < 1e-3


@pytest.mark.parametrize("mode", [1, 2, 3, 4])
def test_a_wave_along_the_ring_has_half_its_amplitude_in_its_own_mode(mode: int) -> None:
    _, angle = places(32)
    outer = read(torch.cos(mode * angle + 0.7))[-2:]
    torch.testing.assert_close(outer[:, mode], torch.full((2,), 0.5), atol=0.02, rtol=0)
    others = [other for other in range(NUM_MODES) if other != mode]
    assert outer[:, others].max() < 0.02


def test_any_turn_of_an_ellipse_hardly_changes_the_reading_and_its_axis_ratio_does() -> None:
    radius, angle = places(16)

    def ellipse(turn: float, ratio: float) -> torch.Tensor:
        x, y = radius * torch.cos(angle - turn), radius * torch.sin(angle - turn) / ratio
        return torch.exp(-3 * torch.hypot(x, y))

    still, turned, rounder = (
        read(ellipse(*kind))[1:] for kind in ((0.0, 0.5), (math.radians(37), 0.5), (0.0, 0.7))
    )
    assert (turned - still).abs().max() < 0.05 * (rounder - still).abs().max(), (
        "but on the innermost ring, within one token"
    )


def test_a_linear_readout_of_the_mean_cannot_tell_what_rings_tell() -> None:
    _, angle = places(8)
    across, along = torch.cos(2 * angle), torch.cos(3 * angle)
    assert (across.mean() - along.mean()).abs() < 1e-6
    assert (read(across) - read(along)).abs().max() > 0.3


def test_tokens_that_form_no_square_are_refused() -> None:
    with pytest.raises(ValueError, match="square map of tokens, found 12 tokens"):
        RingReadout([(4, 4)])([torch.zeros(1, 12, 4)])


@pytest.mark.parametrize(
    ("narrow", "embedding", "width"), [(0, 0, 4 * 5 * 16), (6, 0, 4 * 5 * 6), (6, 24, 24)]
)
def test_a_vit_is_read_by_rings_in_training_and_when_it_embeds(
    narrow: int, embedding: int, width: int
) -> None:
    torch.manual_seed(0)
    model = ModelConfig(**{**vars(VIT), "readout_width": narrow, "embedding_width": embedding})
    network = JEPA(IMAGE, model).eval()
    images = torch.randn(2, 3, 64, 64)
    assert network.encoder.width == width
    output = network(None, None, [images[None], torch.randn(1, 2, 3, 32, 32)])
    assert output.pooled.shape == (2, 2, width)
    torch.testing.assert_close(output.pooled[0], network.embed(images))
    torch.testing.assert_close(output.projected, network.projector(output.pooled))


def test_a_convolutional_encoder_is_read_in_its_last_three_stages_that_are_fine_enough() -> None:
    model = ModelConfig(
        backbone="resnet10t", predictor_depth=0, projector_width=8, readout="rings", readout_width=4
    )
    network = JEPA(IMAGE, model).eval()
    assert network.encoder.width == (6 + 4 + 2) * 5 * 4  # maps of 16, 8 and 4 places along a side
    assert not list(network.encoder.net.layer4.parameters()), "what is not read is not computed"
    images = torch.randn(2, 3, 64, 64)
    stages = network.encoder.net.forward_intermediates(
        images, indices=[1, 2, 3], intermediates_only=True
    )
    expected = network.encoder.rings([stage.flatten(2).transpose(1, 2) for stage in stages])
    torch.testing.assert_close(network.embed(images), expected, atol=1e-5, rtol=1e-4)


def test_rings_are_refused_where_no_whole_view_is_read() -> None:
    with pytest.raises(ValueError, match="`readout` rings works on whole views"):
        replace(preset("small.sigreg06"), readout="rings")
    with pytest.raises(ValueError, match="need `readout` rings"):
        ModelConfig(embedding_width=8)


def test_a_model_without_the_new_settings_is_the_network_that_it_was() -> None:
    torch.manual_seed(0)
    config: TrainConfig = preset("small.lejepa")
    network = JEPA(config.image, config.model)
    assert not [name for name in network.state_dict() if "rings" in name or "describer" in name]
    images = torch.randn(1, 3, 64, 64)
    assert torch.equal(network.embed(images), network.evaluated(images)[0].mean(1))
