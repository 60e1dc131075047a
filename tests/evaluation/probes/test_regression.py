from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score

from astrojepa.evaluation.probes.regression import (
    PENALTIES,
    linear_regression_probe,
    mean_value_probe,
    paired_r2_bootstrap,
    ridge,
    score_regression,
)
from astrojepa.types import Embeddings, RegressionResult

Make = Callable[..., Embeddings]


def task(make: Make, count: int, seed: int, noise: float = 0.5) -> tuple[Embeddings, np.ndarray]:
    """Galaxies whose value is 10 plus a sum of their first three features, plus noise."""
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(count, 8)) * np.arange(1, 9) + 5
    return make(vectors), 10 + (vectors[:, :3] / [1, 2, 3]).sum(axis=1) + noise * generator.normal(
        size=count
    )


def told(truth: Any, predictions: Any) -> RegressionResult:
    return score_regression(
        np.asarray(truth, float), np.asarray(predictions, float), np.arange(len(truth)), 5, "test"
    )


@pytest.mark.parametrize("width", [3, 60])
def test_ridge_is_scikit_learns_for_every_penalty(width: int) -> None:
    generator = np.random.default_rng(0)
    features, values = generator.normal(size=(40, width)) + 3, generator.normal(size=40) + 7
    slopes, offsets = ridge(features, values, np.array([1e-3, 0.1, 10.0]))
    for place, penalty in enumerate((1e-3, 0.1, 10.0)):
        theirs = Ridge(alpha=penalty * 40).fit(features, values)
        np.testing.assert_allclose(slopes[:, place], theirs.coef_, rtol=1e-6, atol=1e-9)
        assert offsets[place] == pytest.approx(theirs.intercept_)


def test_a_linear_law_without_noise_is_found_exactly(make_embeddings: Make) -> None:
    (known, values), (new, truth) = (
        task(make_embeddings, 100, 1, 0),
        task(make_embeddings, 50, 2, 0),
    )
    result = linear_regression_probe(known, new, values, truth)
    assert result.r2 == pytest.approx(1, abs=1e-6)
    assert result.rmse < 1e-2
    assert result.spearman > 0.999
    assert result.setting == "penalty = 1e-06"


def test_the_scores_are_those_of_the_libraries() -> None:
    generator = np.random.default_rng(0)
    truth = generator.normal(size=80)
    predictions = truth + generator.normal(size=80)
    result = told(truth, predictions)
    assert result.r2 == pytest.approx(r2_score(truth, predictions))
    assert result.rmse == pytest.approx(np.sqrt(np.mean((truth - predictions) ** 2)))
    assert result.spearman == pytest.approx(spearmanr(truth, predictions).statistic)


def test_rmse_is_in_the_unit_of_the_target_and_r2_has_none(make_embeddings: Make) -> None:
    (known, values), (new, truth) = task(make_embeddings, 200, 1), task(make_embeddings, 100, 2)
    degrees, arcsec = (
        linear_regression_probe(known, new, unit * values, unit * truth) for unit in (1, 3600)
    )
    assert arcsec.rmse == pytest.approx(3600 * degrees.rmse)
    assert arcsec.r2 == pytest.approx(degrees.r2)
    np.testing.assert_allclose(arcsec.interval, degrees.interval)


def test_validation_chooses_the_penalty_as_a_slow_search_does(make_embeddings: Make) -> None:
    generator = np.random.default_rng(0)
    known, check, new = (
        make_embeddings(generator.normal(size=(count, 30))) for count in (40, 60, 50)
    )
    values, check_values, truth = (
        part.vectors[:, 0] + generator.normal(size=len(part)) for part in (known, check, new)
    )
    mean, std = known.vectors.mean(axis=0), known.vectors.std(axis=0)
    errors = [
        np.square(
            Ridge(penalty * 40)
            .fit((known.vectors - mean) / std, values)
            .predict((check.vectors - mean) / std)
            - check_values
        ).mean()
        for penalty in PENALTIES
    ]
    result = linear_regression_probe(known, new, values, truth, validation=(check, check_values))
    assert result.setting == f"penalty = {PENALTIES[int(np.argmin(errors))]:g}"
    assert result.num_train == 40


def test_unknown_values_are_left_out_and_the_scored_rows_are_named(make_embeddings: Make) -> None:
    (known, values), (new, truth) = task(make_embeddings, 100, 1), task(make_embeddings, 30, 2)
    values[:40], truth[::3] = np.nan, np.nan
    result = linear_regression_probe(known, new, values, truth)
    np.testing.assert_array_equal(result.rows, np.flatnonzero(np.arange(30) % 3))
    np.testing.assert_array_equal(result.truth, truth[result.rows])
    assert result.num_train == 60


def test_new_galaxies_cannot_influence_the_regression(make_embeddings: Make) -> None:
    (known, values), (new, truth) = task(make_embeddings, 100, 1), task(make_embeddings, 30, 2)
    alone = linear_regression_probe(known, new, values, truth)
    among = linear_regression_probe(
        known,
        make_embeddings(np.vstack([new.vectors, 100 * new.vectors])),
        values,
        np.tile(truth, 2),
    )
    np.testing.assert_allclose(among.predictions[:30], alone.predictions, rtol=1e-9)


def test_the_mean_has_no_rank_correlation_and_an_r2_of_about_zero(make_embeddings: Make) -> None:
    (known, values), (new, truth) = task(make_embeddings, 400, 1), task(make_embeddings, 400, 2)
    result = mean_value_probe(known, new, values, truth)
    assert result.r2 == pytest.approx(0, abs=0.02)
    assert result.r2 <= 0
    assert result.spearman == 0
    assert result.rmse == pytest.approx(truth.std(), rel=0.02)


@pytest.mark.slow
def test_the_interval_of_r2_covers_the_true_value_about_95_times_in_100() -> None:
    generator, covered = np.random.default_rng(0), []
    for _ in range(300):
        truth = generator.normal(size=150)
        low, high = told(truth, truth + np.sqrt(0.4) * generator.normal(size=150)).interval
        covered.append(low <= 0.6 <= high)
    assert 0.92 <= np.mean(covered) <= 0.98


@pytest.mark.slow
def test_the_interval_of_a_difference_covers_the_true_one_about_95_times_in_100() -> None:
    generator, covered = np.random.default_rng(0), []
    for _ in range(200):
        truth, shared = generator.normal(size=150), generator.normal(size=150)
        a, b = (
            told(truth, truth + 0.3 * shared + own * generator.normal(size=150))
            for own in (0.3, 0.6)
        )
        low, high = paired_r2_bootstrap(a, b)[1:]
        covered.append(low <= 0.27 <= high)
    assert 0.92 <= np.mean(covered) <= 0.98


def test_a_regression_beats_a_worse_one_and_equals_itself(make_embeddings: Make) -> None:
    (known, values), (new, truth) = task(make_embeddings, 200, 1), task(make_embeddings, 100, 2)
    good, mean = (
        linear_regression_probe(known, new, values, truth),
        mean_value_probe(known, new, values, truth),
    )
    difference, low, high = paired_r2_bootstrap(good, mean)
    assert low > 0
    assert low < difference < high
    assert paired_r2_bootstrap(good, good) == (0, 0, 0)
    with pytest.raises(ValueError, match="scored on different galaxies"):
        paired_r2_bootstrap(good, dataclasses.replace(mean, rows=mean.rows + 1))


@pytest.mark.parametrize("count", [2, 3])
def test_two_or_three_galaxies_give_a_defined_result(make_embeddings: Make, count: int) -> None:
    embeddings = make_embeddings(np.eye(count))
    result = linear_regression_probe(embeddings, embeddings, np.arange(count), np.arange(count))
    assert np.isfinite([result.r2, result.rmse, *result.interval]).all()
    assert result.setting == "penalty = 0.1 (fixed: too few values to choose)"


def test_the_same_seed_gives_the_same_result(make_embeddings: Make) -> None:
    (known, values), (new, truth) = task(make_embeddings, 60, 1), task(make_embeddings, 30, 2)
    first, again = (linear_regression_probe(known, new, values, truth, seed=5) for _ in range(2))
    np.testing.assert_array_equal(first.predictions, again.predictions)
    assert first.interval == again.interval


def test_wrong_values_are_refused(make_embeddings: Make) -> None:
    known, values = task(make_embeddings, 20, 1)
    for wrong, message in (
        (values[:5], r"The 20 known galaxies need one value each, found shape \(5,\)"),
        (np.full(20, np.nan), "unknown for all 20 known galaxies"),
        (np.full(20, 3.0), "All 20 known values of the known galaxies are 3"),
        (np.where(np.arange(20) == 7, np.inf, values), "galaxy g7 is infinite"),
    ):
        with pytest.raises(ValueError, match=message):
            linear_regression_probe(known, known, wrong, values)
    with pytest.raises(ValueError, match="All 20 known values of the new galaxies are 3"):
        linear_regression_probe(known, known, values, np.full(20, 3.0))
    with pytest.raises(ValueError, match="8 and 4 features"):
        linear_regression_probe(known, make_embeddings(np.eye(4)), values, np.arange(4))
    broken = known.vectors.copy()
    broken[3, 2] = np.nan
    with pytest.raises(ValueError, match="galaxy g3 is not finite"):
        linear_regression_probe(dataclasses.replace(known, vectors=broken), known, values, values)
