"""Polar Fourier statistics: what a turn, a sky or a companion does to them."""

from __future__ import annotations

import numpy as np
import pytest

from astrojepa.config import NUM_DESCRIBED, ImageConfig, ModelConfig, TrainConfig
from astrojepa.evaluation.baselines.polar_fourier import (
    NUM_FOURIER,
    NUM_MODES,
    NUM_RINGS,
    polar_fourier,
)
from astrojepa.evaluation.baselines.shape_statistics import shape_statistics
from astrojepa.evaluation.vectors.embed import crop_statistics, polar_statistics
from astrojepa.training.descriptions import described_numbers
from tests.evaluation.vectors.test_embed import MakeData, disc, pictures

PROFILE = slice(0, NUM_RINGS)
MODES = slice(NUM_RINGS, NUM_RINGS * (1 + NUM_MODES))
STEPS = slice(MODES.stop, MODES.stop + 4 * (NUM_RINGS - 1))
COLOURS = slice(STEPS.stop, STEPS.stop + 2 * NUM_RINGS)


def modes(picture: np.ndarray) -> np.ndarray:
    """|mode m| over the mean of each ring: (rings, 6)."""
    return np.exp(polar_fourier(picture[None])[0, MODES].reshape(NUM_RINGS, NUM_MODES))


def spiral(winding: float, arms: int = 2, side: int = 64) -> np.ndarray:
    """A disc with arms whose phase grows by `winding` radians over the radius."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    radius = np.hypot(x, y) / (side / 2)
    light = (
        150 * np.exp(-2 * radius) * (1 + 0.8 * np.cos(arms * np.arctan2(y, x) - winding * radius))
    )
    return np.rint(np.repeat(light[..., None], 3, axis=2)).astype(np.uint8)


def test_a_picture_gives_179_finite_numbers_and_an_empty_one_too() -> None:
    stack = np.concatenate(
        [pictures(3), np.zeros((1, 40, 40, 3), np.uint8), np.full((1, 40, 40, 3), 255, np.uint8)]
    )
    rows = polar_fourier(stack)
    assert rows.shape == (5, NUM_FOURIER) == (5, 179)
    assert np.isfinite(rows).all()


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_quarter_turns_and_mirrors_change_nothing(turns: int) -> None:
    stack = pictures(4, side=64)
    np.testing.assert_allclose(
        polar_fourier(np.rot90(stack, turns, (1, 2))), polar_fourier(stack), atol=2e-3
    )
    np.testing.assert_allclose(polar_fourier(stack[:, :, ::-1]), polar_fourier(stack), atol=2e-3)


def test_a_round_galaxy_has_no_mode_but_the_mean_and_an_elongated_one_has_the_second() -> None:
    assert modes(disc())[1:10].max() < 0.05
    flat = modes(disc(axis_ratio=0.4, angle=0.6))[3:10]
    assert (flat.argmax(axis=1) == 1).all()
    assert flat[:, 1].min() > 0.15


def test_arms_that_wind_turn_their_phase_from_ring_to_ring_and_a_bar_does_not() -> None:
    bar, wound = (
        polar_fourier(spiral(winding)[None])[0, STEPS].reshape(NUM_RINGS - 1, 4)[2:10, 1]
        for winding in (0.0, 8.0)
    )
    np.testing.assert_allclose(bar, 1, atol=0.02)
    np.testing.assert_allclose(wound, np.cos(8.0 / NUM_RINGS), atol=0.05)


def test_a_uniform_sky_changes_nothing() -> None:
    galaxy = disc(axis_ratio=0.5)
    np.testing.assert_allclose(
        polar_fourier((galaxy + 30)[None]), polar_fourier(galaxy[None]), atol=1e-4
    )


def test_colours_are_log_ratios_of_neighbouring_channels() -> None:
    row = polar_fourier(disc(colour=(1.0, 0.5, 0.25))[None])[0, COLOURS].reshape(NUM_RINGS, 2)
    np.testing.assert_allclose(row[1:4], np.log(2), atol=0.1)


def test_they_are_measured_on_the_crop_that_the_network_sees(make_dataset: MakeData) -> None:
    image = ImageConfig(image_size=32, patch_size=8, crop_fraction=0.5)
    stack = pictures(3, side=64)
    data = make_dataset(stack)
    np.testing.assert_array_equal(
        polar_statistics(data, image).vectors, polar_fourier(stack[:, 16:48, 16:48])
    )
    np.testing.assert_array_equal(
        crop_statistics(data, image).vectors, shape_statistics(stack[:, 16:48, 16:48])
    )
    wider = ImageConfig(image_size=32, patch_size=8, crop_fraction=0.8)
    assert not np.array_equal(
        polar_statistics(data, wider).vectors, polar_statistics(data, image).vectors
    )


def test_what_a_describer_learns_are_all_of_them_standardised(make_dataset: MakeData) -> None:
    config = TrainConfig(image=ImageConfig(image_size=32, patch_size=8, crop_fraction=0.5))
    numbers = described_numbers(make_dataset(pictures(30, side=64)), config)
    assert numbers.shape == (30, NUM_DESCRIBED)
    assert np.abs(numbers).max() <= 4
    np.testing.assert_allclose(numbers.mean(axis=0), 0, atol=0.1)


def test_a_describer_of_own_sizes_learns_numbers_that_a_zoom_does_not_change(
    make_dataset: MakeData,
) -> None:
    line = np.arange(128) - 63.5
    y, x = np.meshgrid(line, line, indexing="ij")
    shapes = [(arms, ratio) for arms in (0.0, 0.4, 0.8) for ratio in (0.4, 0.6, 0.8, 1.0)]
    discs = []
    for length in (5, 10):
        for arms, ratio in shapes:
            radius, angle = np.hypot(x, y / ratio), np.arctan2(y / ratio, x)
            phase = 2 * angle - 8 * radius / (radius + length)
            light = np.exp(-radius / length) * (1 + arms * np.cos(phase)) / 2
            discs.append(np.repeat((255 * light).astype(np.uint8)[..., None], 3, axis=2))
    data = make_dataset(np.stack(discs))
    image = ImageConfig(image_size=128, patch_size=16, crop_fraction=1.0)

    def recognised(backbone: str) -> int:
        config = TrainConfig(image=image, model=ModelConfig(backbone=backbone))
        small, large = np.split(described_numbers(data, config), 2)
        nearest = np.linalg.norm(small[:, None] - large, axis=2).argmin(axis=1)
        return int((nearest == np.arange(len(shapes))).sum())

    assert recognised("petrosian:resnet10t") == len(shapes)
    assert recognised("polar:resnet10t") < len(shapes) / 2
