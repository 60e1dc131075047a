"""What is measured of a galaxy is of the galaxy, not of noise and stars beside it."""

from __future__ import annotations

import numpy as np
import pytest

import astrojepa as aj
from astrojepa.evaluation.baselines.galaxy_alone import (
    DARKEST,
    galaxy_alone,
    statistics_of_galaxy,
)
from astrojepa.evaluation.baselines.shape_columns import shape_columns
from astrojepa.evaluation.baselines.shape_statistics import shape_statistics

ELLIPTICITY, HALF_LIGHT = 37, 33
SKY = 30.0


def drawn(wide: float, high: float, *stars: tuple[int, int], noise: float = 6.0) -> np.ndarray:
    """A Gaussian galaxy of these standard deviations in pixels, with noise and stars: uint8
    (1, 64, 64, 3).
    """
    y, x = np.mgrid[:64, :64] - 31.5
    flux = 180 * np.exp(-((x / wide) ** 2 + (y / high) ** 2) / 2)
    for row, column in stars:
        flux += 200 * np.exp(-(np.hypot(x + 31.5 - column, y + 31.5 - row) ** 2) / 4)
    flux = flux[..., None] + SKY + np.random.default_rng(0).normal(0, noise, (64, 64, 3))
    return flux.clip(0, 255).astype(np.uint8)[None]


@pytest.mark.parametrize(("wide", "high"), [(9, 9), (9, 6), (9, 3), (3, 9), (12, 3)])
def test_the_ellipticity_of_a_galaxy_is_that_of_its_axes_whatever_stands_beside_it(
    wide: float, high: float
) -> None:
    expected = abs(wide**2 - high**2) / (wide**2 + high**2)  # of the second moments of a Gaussian
    image = drawn(wide, high, (5, 5), (58, 7), (8, 58))
    assert shape_statistics(galaxy_alone(image))[0, ELLIPTICITY] == pytest.approx(
        expected, abs=0.05
    )


def test_half_of_the_light_of_a_round_gaussian_lies_within_1_18_standard_deviations() -> None:
    image = drawn(8, 8, (5, 5), (58, 7), (8, 58))
    radius = 32 * shape_statistics(galaxy_alone(image))[0, HALF_LIGHT]
    assert radius == pytest.approx(np.sqrt(2 * np.log(2)) * 8, rel=0.06)


def test_stars_and_noise_become_sky_and_the_galaxy_keeps_its_pixels() -> None:
    image = drawn(8, 4, (8, 8))
    alone = galaxy_alone(image)
    np.testing.assert_array_equal(alone[0, 29:35, 26:38], image[0, 29:35, 26:38])
    outside = alone[0, :16].reshape(-1, 3)
    assert (outside == outside[0]).all()
    assert abs(outside[0].astype(int) - SKY).max() <= 1


def test_noise_without_a_galaxy_stays_as_it_is_and_its_sky_is_that_of_other_images() -> None:
    noise = np.random.default_rng(1).normal(SKY, 6, (200, 64, 64, 3)).clip(0, 255).astype(np.uint8)
    assert (galaxy_alone(noise) == noise).all(axis=(1, 2, 3)).mean() > 0.99
    galaxy = np.broadcast_to(drawn(8, 8), noise.shape)
    sky = [statistics_of_galaxy(images)[:, DARKEST].mean() for images in (noise, galaxy)]
    assert sky == pytest.approx([SKY / 255] * 2, abs=0.004)


@pytest.mark.parametrize("disk", [8, 12])
def test_a_faint_disk_is_not_taken_for_its_brightest_specks(disk: int) -> None:
    y, x = np.mgrid[:64, :64] - 31.5
    flux = np.repeat(40 * np.exp(-np.hypot(x, y) / disk)[..., None] + SKY, 3, axis=2)
    noise = np.random.default_rng(2).normal(0, 6, (30, 64, 64, 3))
    images = (flux + noise).clip(0, 255).astype(np.uint8)
    clean = shape_statistics(flux.astype(np.uint8)[None])[0, HALF_LIGHT]
    measured = np.median(statistics_of_galaxy(images)[:, HALF_LIGHT])
    assert measured == pytest.approx(clean, rel=0.3)


@pytest.mark.parametrize("side", [2, 4, 8, 65])
def test_images_of_any_size_are_taken(side: int) -> None:
    assert galaxy_alone(np.full((2, side, side, 3), 9, np.uint8)).shape == (2, side, side, 3)


@pytest.mark.parametrize("image", [np.full((1, 64, 64, 3), 7, np.uint8), drawn(8, 8, noise=0)])
def test_an_image_without_anything_to_remove_is_measured_as_it_is(image: np.ndarray) -> None:
    np.testing.assert_allclose(
        shape_statistics(galaxy_alone(image))[0, [ELLIPTICITY, HALF_LIGHT]],
        shape_statistics(image)[0, [ELLIPTICITY, HALF_LIGHT]],
        atol=0.02,
    )


@pytest.mark.slow
def test_simulated_galaxies_are_as_elongated_as_their_inclination_says() -> None:
    data = aj.open_dataset("simulated:200")
    axis = np.cos(np.deg2rad(np.asarray(data.table["inclination_deg"].values, float)))
    known = np.isfinite(axis)
    measured = shape_columns(data)["image: ellipticity"].values
    expected = (1 - axis[known] ** 2) / (1 + axis[known] ** 2)
    assert np.corrcoef(expected, measured[known])[0, 1] > 0.85
