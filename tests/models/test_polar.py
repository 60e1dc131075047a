"""Polar encoders: a turn of the galaxy is a shift that changes nothing in its vector."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from astrojepa.config import ImageConfig, ModelConfig
from astrojepa.models.encoders.polar import patch_places, polar_places
from astrojepa.models.jepa import JEPA
from astrojepa.models.readouts import NUM_MODES, SectorReadout

IMAGE = ImageConfig(image_size=64, patch_size=8)
MODEL = ModelConfig(
    backbone="polar:resnet10t",
    predictor_depth=0,
    projector_width=8,
    readout="rings",
    readout_width=4,
)


def network(model: ModelConfig = MODEL) -> JEPA:
    torch.manual_seed(0)
    return JEPA(IMAGE, model).eval()


def images(count: int = 2, size: int = 64) -> torch.Tensor:
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("readout", ["rings", "stages", "last"])
def test_a_quarter_turn_of_the_image_leaves_its_vector_unchanged(readout: str) -> None:
    width = MODEL.readout_width if readout == "rings" else 0
    polar = network(replace(MODEL, readout=readout, readout_width=width))
    seen = images()
    turned = polar.embed(seen.rot90(1, (2, 3)))
    torch.testing.assert_close(turned, polar.embed(seen), atol=1e-5, rtol=1e-4)


def test_a_square_network_does_change_with_it() -> None:
    square = network(replace(MODEL, backbone="resnet10t"))
    seen = images()
    assert (square.embed(seen.rot90(1, (2, 3))) - square.embed(seen)).abs().max() > 0.01


def test_half_a_turn_of_the_image_shifts_its_sectors_by_half_their_angles() -> None:
    polar, seen = network().encoder, images()
    for plain, turned in zip(
        polar.sectors(seen), polar.sectors(seen.rot90(2, (2, 3))), strict=True
    ):
        shifted = plain.roll(plain.shape[-1] // 2, -1)
        torch.testing.assert_close(turned, shifted, atol=1e-5, rtol=1e-4)
    assert polar.turns_by_half
    odd = JEPA(ImageConfig(image_size=72, patch_size=8), MODEL).encoder
    assert not odd.turns_by_half, "4.5 steps of 16 pixels"


def test_the_light_of_sectors_is_above_that_of_the_outermost_ring() -> None:
    axis = (torch.arange(64) + 0.5) / 32 - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    disc = 0.25 + (torch.hypot(x, y) < 0.5).float().expand(1, 3, 64, 64)
    _, light = network().encoder.sectors(disc)
    inner, outer = light.chunk(2, dim=1)  # radii below and above a half
    torch.testing.assert_close(inner, torch.ones_like(inner), atol=0.05, rtol=0)
    torch.testing.assert_close(outer, torch.zeros_like(outer), atol=0.05, rtol=0)


def test_a_polar_image_holds_the_radii_and_angles_of_what_it_shows() -> None:
    axis = (torch.arange(64) + 0.5) / 32 - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    shown = torch.stack((torch.hypot(x, y), x, y))[None]
    polar = network().encoder.prepare(shown)[0]
    assert polar.shape == (3, 32, 128)
    radius, angle = (torch.arange(32) + 0.5) / 32, (torch.arange(128) + 0.5) * (math.pi / 64)
    torch.testing.assert_close(polar[0, 2:], radius[2:, None].expand(-1, 128), atol=2e-3, rtol=0)
    torch.testing.assert_close(polar[1], radius[:, None] * torch.cos(angle), atol=1e-5, rtol=0)
    torch.testing.assert_close(polar[2], radius[:, None] * torch.sin(angle), atol=1e-5, rtol=0)


def test_a_wave_along_the_angles_has_half_its_amplitude_in_its_own_mode() -> None:
    angle = (torch.arange(32) + 0.5) * (math.pi / 16)
    for mode in range(1, NUM_MODES):
        field = torch.cos(mode * angle + 0.7).expand(8, 32)
        read = SectorReadout([(1, 16)])([field.reshape(1, -1, 1)]).view(8, NUM_MODES)
        expected = torch.zeros(8, NUM_MODES)
        expected[:, mode] = 0.5
        torch.testing.assert_close(read, expected, atol=2e-4, rtol=0)


def test_a_view_of_another_size_has_as_many_radii_and_angles() -> None:
    polar = network()
    assert polar.embed(images(size=32)).shape == polar.embed(images()).shape
    smooth = torch.nn.functional.interpolate(images(size=4), size=64, mode="bilinear")
    halved = torch.nn.functional.interpolate(smooth, size=32, mode="area")
    seen, far = polar.embed(smooth), polar.embed(images())
    assert (polar.embed(halved) - seen).norm() < 0.2 * (far - seen).norm()


def test_a_patch_is_told_by_the_features_at_its_centre_and_hidden_ones_by_nothing() -> None:
    polar = network()
    index = torch.tensor([[9, 27, 36]])
    seen = images(1)
    tokens, _ = polar.encoder.patch_tokens(seen, index)
    changed = seen.clone()
    changed[:, :, :8, :8] = 5.0  # patch 0, which is hidden
    assert torch.equal(polar.encoder.patch_tokens(changed, index)[0], tokens)

    across = torch.zeros(1, 1, 4, 16)
    across[0, 0, :, 4] = 1.0  # around 101°: downwards, and a little to the left
    on_patches = polar.encoder.on_patches(across)[0, 0]
    assert on_patches[5:, 3].min() > 0.5
    assert on_patches[:4].abs().max() == 0


def test_places_of_patches_are_angle_and_radius_of_their_centres() -> None:
    angle, radius = patch_places(2).unbind(-1)
    torch.testing.assert_close(angle, torch.tensor([[0.625, 0.875], [0.375, 0.125]]))
    torch.testing.assert_close(radius, torch.full((2, 2), math.sqrt(0.5)))
    assert polar_places(8).shape == (4, 16, 2)
    assert polar_places(8).norm(dim=-1).max() < 1


def test_another_network_behind_polar_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="after polar: comes one of resnet10t, resnet18"):
        network(replace(MODEL, backbone="polar:vit"))
