from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, f1_score

from astrojepa.evaluation.probes.classification import paired_bootstrap
from astrojepa.evaluation.probes.metrics import balanced_interval, calibration_error, score
from astrojepa.types import ProbeResult


def scored(truth: np.ndarray, predictions: np.ndarray, classes: int = 2) -> ProbeResult:
    names = tuple("abcd"[:classes])
    return score(
        names,
        truth,
        np.eye(classes, dtype=np.float32)[predictions],
        np.arange(len(truth)),
        10,
        "test",
    )


def test_scores_are_those_of_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    truth, predictions = generator.integers(3, size=300), generator.integers(4, size=300)
    result = scored(truth, predictions, classes=4)
    assert result.accuracy == pytest.approx((truth == predictions).mean())
    recalls = [np.mean(predictions[truth == label] == label) for label in range(3)]
    assert result.balanced_accuracy == pytest.approx(np.mean(recalls))
    assert result.macro_f1 == pytest.approx(f1_score(truth, predictions, average="macro"))
    np.testing.assert_array_equal(result.confusion, confusion_matrix(truth, predictions))
    np.testing.assert_array_equal(result.correct, truth == predictions)
    within = predictions < 3
    part = scored(truth[within], predictions[within], classes=3)
    assert part.balanced_accuracy == pytest.approx(
        balanced_accuracy_score(truth[within], predictions[within])
    )


def test_the_interval_is_that_of_an_explicit_bootstrap() -> None:
    truth = np.zeros(150, dtype=int)
    predictions = (np.arange(150) % 5 == 0).astype(int)
    correct = truth == predictions
    drawn = correct[np.random.default_rng(0).integers(150, size=(20_000, 150))].mean(axis=1)
    np.testing.assert_allclose(
        scored(truth, predictions).interval, np.quantile(drawn, [0.025, 0.975]), atol=1 / 150 + 1e-9
    )


def test_the_interval_covers_the_true_accuracy_about_95_times_in_100() -> None:
    generator = np.random.default_rng(0)
    covered = []
    for _ in range(400):
        result = scored(np.zeros(300, dtype=int), (generator.random(300) > 0.7).astype(int))
        covered.append(result.interval[0] <= 0.7 <= result.interval[1])
    assert np.mean(covered) == pytest.approx(0.95, abs=0.03)


def test_the_balanced_interval_covers_the_true_value_about_95_times_in_100() -> None:
    generator = np.random.default_rng(0)
    recalls, covered = np.array([0.9, 0.5]), []
    for _ in range(200):
        truth = (generator.random(300) > 0.8).astype(int)
        predictions = np.where(generator.random(300) < recalls[truth], truth, 1 - truth)
        low, high = balanced_interval(scored(truth, predictions), draws=1000)
        covered.append(low <= 0.7 <= high)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.045)


def test_the_bootstrap_of_a_clear_difference_excludes_zero() -> None:
    truth = np.zeros(200, dtype=int)
    better, worse = (
        scored(truth, (np.arange(200) < 20).astype(int)),
        scored(truth, (np.arange(200) < 60).astype(int)),
    )
    difference, low, high = paired_bootstrap(better, worse)
    assert difference == pytest.approx(0.2)
    assert 0.1 < low < 0.2 < high < 0.3
    assert paired_bootstrap(worse, better)[0] == pytest.approx(-0.2)


def test_the_bootstrap_of_an_even_exchange_includes_zero() -> None:
    truth = np.zeros(200, dtype=int)
    a, b = (
        scored(truth, (np.arange(200) < 20).astype(int)),
        scored(truth, (np.arange(200)[::-1] < 22).astype(int)),
    )
    _, low, high = paired_bootstrap(a, b)
    assert low < 0 < high


def test_the_bootstrap_of_equal_probes_is_exactly_zero() -> None:
    a = scored(np.zeros(50, dtype=int), (np.arange(50) % 3 == 0).astype(int))
    assert paired_bootstrap(a, a) == (0, 0, 0)


def test_paired_rows_are_compared_more_sharply_than_unpaired_ones() -> None:
    generator = np.random.default_rng(0)
    truth = np.zeros(400, dtype=int)
    first = (generator.random(400) < 0.4).astype(int)
    second = first.copy()
    second[np.flatnonzero(first)[:8]] = 0
    _, low, _ = paired_bootstrap(scored(truth, second), scored(truth, first))
    assert low > 0


def test_the_paired_bootstrap_equals_one_over_explicit_rows() -> None:
    generator = np.random.default_rng(0)
    truth = np.zeros(120, dtype=int)
    a, b = (scored(truth, (generator.random(120) < share).astype(int)) for share in (0.3, 0.4))
    gaps = a.correct.astype(int) - b.correct.astype(int)
    drawn = gaps[generator.integers(120, size=(20_000, 120))].mean(axis=1)
    np.testing.assert_allclose(
        paired_bootstrap(a, b)[1:], np.quantile(drawn, [0.025, 0.975]), atol=0.012
    )


def test_probes_scored_on_different_galaxies_do_not_compare() -> None:
    a = scored(np.zeros(50, dtype=int), np.zeros(50, dtype=int))
    with pytest.raises(ValueError, match="different galaxies"):
        paired_bootstrap(a, dataclasses.replace(a, rows=a.rows + 1))
    with pytest.raises(ValueError, match="different galaxies"):
        paired_bootstrap(a, scored(np.ones(50, dtype=int), np.zeros(50, dtype=int)))
    with pytest.raises(ValueError, match="50 and 49 rows"):
        paired_bootstrap(a, scored(np.zeros(49, dtype=int), np.zeros(49, dtype=int)))


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    truth = np.zeros(100, dtype=int)
    probabilities = np.tile(np.array([[0.8, 0.2]], np.float32), (100, 1))
    probabilities[:30] = [0.2, 0.8]
    result = score(("a", "b"), truth, probabilities, np.arange(100), 10, "")
    assert result.calibration_error == pytest.approx(0.1, abs=1e-6)
    assert scored(truth, truth).calibration_error == 0
    assert scored(truth, 1 - truth).calibration_error == 1, "always sure, always wrong"


def test_calibration_gaps_of_opposite_sign_in_different_bins_do_not_cancel() -> None:
    probabilities = np.array([[0.9, 0.1]] * 10 + [[0.6, 0.4]] * 30)
    # 0.7 where it says 0.9, 0.8 where it says 0.6
    correct = np.arange(40) % 10 < np.where(np.arange(40) < 10, 7, 8)
    assert calibration_error(probabilities, correct) == pytest.approx(0.25 * 0.2 + 0.75 * 0.2)
    assert calibration_error(probabilities, correct, bins=1) == pytest.approx(0.1), (
        "one bin lets them cancel"
    )


def test_calibration_error_equals_a_slow_loop_over_bins() -> None:
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.ones(3), size=500)
    correct = generator.random(500) < 0.5
    confidence, expected = probabilities.max(axis=1), 0.0
    for low in range(15):
        inside = (confidence >= low / 15) & (confidence < (low + 1) / 15)
        if inside.any():
            expected += inside.mean() * abs(confidence[inside].mean() - correct[inside].mean())
    assert calibration_error(probabilities, correct) == pytest.approx(expected)


def test_recall_stands_beside_its_count_and_is_nan_where_no_galaxy_was_scored() -> None:
    result = scored(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]), classes=3)
    assert result.counts.tolist() == [3, 1, 0]
    np.testing.assert_allclose(result.recalls, [2 / 3, 1, np.nan])
