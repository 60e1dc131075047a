"""Petrosian encoders: the size of a galaxy in its frame changes little in its vector."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from scipy.optimize import brentq

from astrojepa.config import ImageConfig, ModelConfig
from astrojepa.models.encoders.petrosian import RATIO, petrosian_radius
from astrojepa.models.jepa import JEPA

SIZE = 128
IMAGE = ImageConfig(image_size=SIZE, patch_size=16)
MODEL = ModelConfig(
    backbone="petrosian:resnet10t",
    predictor_depth=0,
    projector_width=8,
    readout="rings",
    readout_width=4,
)
NESTED = "nested:resnet10t"
OWN_SIZE = (MODEL.backbone, NESTED)


def network(backbone: str = MODEL.backbone) -> JEPA:
    torch.manual_seed(0)
    return JEPA(IMAGE, replace(MODEL, backbone=backbone)).eval()


def disc(
    length: float, axis_ratio: float = 1.0, arms: float = 0.0, turned: float = 0.3
) -> torch.Tensor:
    """An exponential disc (1, 3, S, S), its scale length in pixels, with two arms if asked."""
    line = torch.arange(SIZE) - (SIZE - 1) / 2
    y, x = torch.meshgrid(line, line, indexing="ij")
    along, across = (
        x * math.cos(turned) + y * math.sin(turned),
        (y * math.cos(turned) - x * math.sin(turned)) / axis_ratio,
    )
    radius, angle = torch.hypot(along, across) / length, torch.atan2(across, along)
    light = torch.exp(-radius) * (1 + arms * torch.cos(2 * angle - 2 * radius))
    return light.expand(1, 3, SIZE, SIZE).clone()


def petrosian_lengths() -> float:
    """Petrosian radius of an exponential disc in scale lengths, from its closed form."""
    return brentq(
        lambda x: math.exp(-x) - RATIO * 2 * (1 - (1 + x) * math.exp(-x)) / x**2, 1.0, 10.0
    )


@pytest.mark.parametrize("length", [4.0, 8.0, 12.0])
def test_the_radius_of_an_exponential_disc_is_that_of_its_closed_form(length: float) -> None:
    found = petrosian_radius(disc(length)) * SIZE / 2
    assert found.item() == pytest.approx(petrosian_lengths() * length, abs=2.0)


def test_the_radius_depends_neither_on_brightness_nor_on_the_sky() -> None:
    shown = disc(6.0)
    assert torch.equal(petrosian_radius(0.3 * shown + 2.0), petrosian_radius(shown))


def test_the_radius_of_an_inclined_disc_follows_its_long_axis() -> None:
    face_on, inclined = petrosian_radius(disc(8.0)), petrosian_radius(disc(8.0, axis_ratio=0.3))
    assert 0.55 * face_on < inclined < face_on


def test_a_companion_does_not_move_the_radius_by_more_than_a_tenth() -> None:
    shown = disc(6.0)
    alone = petrosian_radius(shown)
    shown[..., 20:28, 60:68] += 1.0
    assert petrosian_radius(shown).item() == pytest.approx(alone.item(), rel=0.1)


def test_an_image_without_a_galaxy_is_seen_to_its_sides() -> None:
    assert petrosian_radius(torch.zeros(2, 3, SIZE, SIZE)).tolist() == [1.0, 1.0]


@pytest.mark.slow
def test_zoom_changes_a_vector_far_less_than_that_of_the_polar_network() -> None:
    def change(backbone: str) -> float:
        near, far, other = (
            network(backbone).embed(shown)
            for shown in (disc(9.0, arms=0.5), disc(6.0, arms=0.5), disc(6.0, 0.4))
        )
        return float((near - far).norm() / (far - other).norm())

    assert change("petrosian:resnet10t") < 0.3 * change("polar:resnet10t")


@pytest.mark.parametrize("backbone", OWN_SIZE)
def test_a_quarter_turn_of_the_image_leaves_its_vector_unchanged(backbone: str) -> None:
    seen = disc(8.0, 0.5, arms=0.5)
    own = network(backbone)
    torch.testing.assert_close(
        own.embed(seen.rot90(1, (2, 3))), own.embed(seen), atol=1e-5, rtol=1e-4
    )


@pytest.mark.parametrize("backbone", OWN_SIZE)
def test_galaxies_of_a_batch_are_seen_each_at_its_own_size(backbone: str) -> None:
    own, shown = network(backbone), [disc(4.0), disc(10.0, 0.5)]
    torch.testing.assert_close(
        own.embed(torch.cat(shown)),
        torch.cat([own.embed(one) for one in shown]),
        atol=1e-5,
        rtol=1e-4,
    )


def test_a_nested_vector_begins_with_that_of_the_petrosian_network_of_the_same_weights() -> None:
    one, nested, seen = network(), network(NESTED), torch.cat([disc(4.0), disc(8.0, 0.5, arms=0.5)])
    nested.encoder.load_state_dict(one.encoder.state_dict())
    nested.target_encoder.load_state_dict(one.target_encoder.state_dict())
    first, second = nested.embed(seen).chunk(2, dim=1)
    torch.testing.assert_close(first, one.embed(seen), atol=1e-5, rtol=1e-4)
    assert not torch.allclose(first, second, atol=1e-2)


def test_what_lies_between_the_two_fields_of_a_nested_network_reaches_the_first_only() -> None:
    nested, alone = network(NESTED), disc(6.0)
    end = 0.75 * petrosian_radius(alone).item() * SIZE / 2  # of the second field, pixels
    beside = alone.clone()
    middle, near = SIZE // 2, SIZE // 2 + math.ceil(end) + 2
    beside[..., middle - 3 : middle + 3, near : near + 5] += 1.0
    assert torch.equal(petrosian_radius(beside), petrosian_radius(alone))
    before, after = (nested.embed(seen).chunk(2, dim=1) for seen in (alone, beside))
    assert not torch.allclose(before[0], after[0], atol=1e-3)
    torch.testing.assert_close(before[1], after[1], atol=1e-5, rtol=1e-4)


def test_hidden_patches_reach_no_token_of_the_visible_ones() -> None:
    own = network()
    index = torch.tensor([[9, 27, 36]])
    seen = disc(8.0)
    tokens, _ = own.encoder.patch_tokens(seen, index)
    changed = seen.clone()
    changed[:, :, :16, :16] = 5.0  # patch 0, which is hidden
    assert torch.equal(own.encoder.patch_tokens(changed, index)[0], tokens)


def test_another_network_behind_petrosian_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="after petrosian: comes one of resnet10t, resnet18"):
        network("petrosian:vit")
