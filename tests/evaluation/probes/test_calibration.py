"""Temperatures and prediction sets against what is known of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from astrojepa.evaluation.probes.calibration import (
    conformal_scores,
    entropy,
    fitted_temperature,
    prediction_sets,
)


def drawn(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits of 5 classes and labels drawn from their softmax: a classifier that is calibrated."""
    generator = np.random.default_rng(seed)
    logits = 2 * generator.normal(size=(count, 5))
    chances = softmax(logits, axis=1).cumsum(axis=1)
    return logits, (generator.random((count, 1)) > chances).sum(axis=1)


@pytest.mark.parametrize("scale", [0.4, 1.0, 3.0])
def test_the_temperature_is_the_factor_by_which_logits_are_too_large(scale: float) -> None:
    logits, labels = drawn(20_000, 0)
    assert fitted_temperature(scale * logits, labels) == pytest.approx(scale, rel=0.03)


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.95])
def test_sets_hold_the_true_class_as_often_as_asked_whatever_the_classifier(
    coverage: float,
) -> None:
    covered = []
    for seed in range(200):
        logits, labels = drawn(120, seed)
        wrong = softmax(logits + np.random.default_rng(seed).normal(size=logits.shape), axis=1)
        scores = conformal_scores(wrong[:99], labels[:99])
        # without the class that is always there
        inside = 1 - wrong[99:].astype(np.float32) <= scores[round(100 * coverage) - 1]
        sets = prediction_sets(wrong[99:], scores, coverage)
        assert (sets >= inside).all()
        covered.append(inside[np.arange(21), labels[99:]].mean())
    # exactly: ⌈(m + 1) · coverage⌉ / (m + 1) for exchangeable scores without ties
    assert np.mean(covered) == pytest.approx(coverage, abs=4 * np.std(covered) / np.sqrt(200))


def test_a_set_is_what_its_definition_says() -> None:
    scores = conformal_scores(np.array([[0.9, 0.1], [0.3, 0.7], [0.6, 0.4]]), np.array([0, 1, 1]))
    np.testing.assert_allclose(scores, [0.1, 0.3, 0.6], atol=1e-6)
    asked = np.array([[0.65, 0.35], [0.5, 0.5]])
    # the ⌈4 · 0.5⌉ = 2nd score is 0.3: classes with 0.7 or more, and the most probable one
    assert prediction_sets(asked, scores, 0.5).tolist() == [[True, False], [True, False]]
    assert prediction_sets(asked, scores, 0.75).tolist() == [[True, False], [True, True]]


def test_a_coverage_that_few_galaxies_cannot_promise_is_refused() -> None:
    scores = np.linspace(0, 1, 50, dtype=np.float32)
    with pytest.raises(ValueError, match=r"cover 99.0% need 99 labelled .* there were 50; choose"):
        prediction_sets(np.ones((1, 2)), scores, 0.99)
    with pytest.raises(ValueError, match="The coverage is 1; choose one between 0 and 1"):
        prediction_sets(np.ones((1, 2)), scores, 1.0)
    assert prediction_sets(np.ones((1, 2)), scores[:9], 0.9).all(), "nine are just enough"


def test_entropy_is_zero_where_sure_and_log_c_where_there_is_no_idea() -> None:
    found = entropy(np.array([[1.0, 0, 0, 0], [0.25] * 4]))
    np.testing.assert_allclose(found, [0, np.log(4)], atol=1e-6)
