from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from astrojepa.data.dataset import Dataset
from astrojepa.evaluation.pictures.artefacts import ARTEFACTS
from astrojepa.evaluation.pictures.checks import (
    check_pictures,
    correlations,
    picture_checks,
    spearman,
)

MakeData = Callable[..., Dataset]
SIDE = 128


def light(x: float, y: float, width: float, peak: float) -> np.ndarray:
    """A round Gaussian source, (S, S, 1)."""
    down, right = np.mgrid[:SIDE, :SIDE]
    return peak * np.exp(-((right - x) ** 2 + (down - y) ** 2) / (2 * width**2))[..., None]


def picture(*sources: np.ndarray, sky: float = 20, noise: float = 2, seed: int = 0) -> np.ndarray:
    levels = sky + sum(sources) + noise * np.random.default_rng(seed).normal(size=(SIDE, SIDE, 3))
    return np.clip(levels, 0, 255).astype(np.uint8)


GALAXY = light(64, 64, 9, 90)


def test_brightness_is_the_mean_light_above_the_sky() -> None:
    checks = check_pictures(
        np.stack([picture(GALAXY), picture(GALAXY, sky=50), picture(2 * GALAXY)])
    )
    expected = GALAXY.mean() / 255
    np.testing.assert_allclose(checks.brightness, [expected, expected, 2 * expected], rtol=0.1)


def test_signal_to_noise_falls_as_noise_rises() -> None:
    checks = check_pictures(np.stack([picture(GALAXY, noise=noise) for noise in (2, 4, 8)]))
    assert (
        checks.signal_to_noise[0] > 1.5 * checks.signal_to_noise[1] > 2 * checks.signal_to_noise[2]
    )


@pytest.mark.parametrize("count", [0, 1, 3, 6])
def test_stars_outside_the_middle_are_counted_and_the_galaxy_is_not(count: int) -> None:
    places = [(20, 20), (100, 30), (25, 105), (110, 110), (64, 10), (10, 64)]
    stars = [light(x, y, 1.3, 120) for x, y in places[:count]]
    assert check_pictures(picture(GALAXY, *stars)[None]).num_stars[0] == count


def test_every_part_has_its_name_and_the_likelihood_is_the_largest() -> None:
    empty = np.zeros((SIDE, SIDE, 3), np.uint8)
    checks = check_pictures(np.stack([picture(GALAXY), empty]))
    assert tuple(checks.parts) == ARTEFACTS
    np.testing.assert_array_equal(checks.artefact, np.max(list(checks.parts.values()), axis=0))
    assert checks.artefact[0] < 0.5 < checks.artefact[1]
    assert tuple(checks.properties) == ("brightness", "S/N", "star count")
    assert all(np.isfinite(values).all() for values in (checks.properties | checks.parts).values())


def test_a_data_set_is_checked_once(make_dataset: MakeData, own_cache: Path) -> None:
    images = np.stack([picture(GALAXY, seed=seed) for seed in range(5)])
    data, reports = make_dataset(images), []
    first = picture_checks(data, progress=lambda done, total, text: reports.append((done, total)))
    assert reports[-1] == (5, 5)
    np.testing.assert_array_equal(first.artefacts, check_pictures(images).artefacts)
    reads = data.reader.reads
    np.testing.assert_array_equal(picture_checks(data).brightness, first.brightness)
    assert data.reader.reads == reads
    np.testing.assert_array_equal(
        picture_checks(data.subset([3, 1])).num_stars, first.num_stars[[3, 1]]
    )
    kept = len(list(own_cache.glob("picture-checks-*")))
    picture_checks(data.subset([0]), cache=False)
    assert len(list(own_cache.glob("picture-checks-*"))) == kept == 2


def test_no_galaxies_are_refused(make_dataset: MakeData) -> None:
    with pytest.raises(ValueError, match="memory has no galaxies to check"):
        picture_checks(make_dataset(np.zeros((1, 32, 32, 3), np.uint8)).subset([]))


def test_rank_correlation_equals_that_of_scipy_on_finite_rows() -> None:
    generator = np.random.default_rng(0)
    values, numbers = generator.normal(size=50), generator.integers(0, 5, size=50).astype(float)
    assert spearman(values, numbers) == pytest.approx(spearmanr(values, numbers).statistic)
    values[3], numbers[7] = np.nan, np.inf
    keep = np.delete(np.arange(50), [3, 7])
    assert spearman(values, numbers) == pytest.approx(
        spearmanr(values[keep], numbers[keep]).statistic
    )


def test_what_is_constant_or_too_few_has_no_rank_correlation() -> None:
    assert np.isnan(spearman(np.ones(5), np.arange(5.0)))
    assert np.isnan(spearman(np.arange(2.0), np.arange(2.0)))
    (row,) = correlations({"knn": np.ones(5)}, {"brightness": np.arange(5.0)})
    assert not row.flagged


def test_a_score_that_follows_brightness_either_way_is_flagged() -> None:
    bright = np.random.default_rng(0).normal(size=300)
    other = np.random.default_rng(1).normal(size=300)
    found = correlations(
        {"same": bright**3, "inverse": -bright, "other": other}, {"brightness": bright}
    )
    assert [(row.score, row.about, row.flagged) for row in found] == [
        ("same", "brightness", True),
        ("inverse", "brightness", True),
        ("other", "brightness", False),
    ]
    assert found[0].spearman == pytest.approx(1)


def test_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="knn has 3 numbers and S/N has 2"):
        correlations({"knn": np.ones(3)}, {"S/N": np.ones(2)})
