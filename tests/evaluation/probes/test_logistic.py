from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_info, threadpool_limits

from astrojepa.evaluation.probes.logistic import LogisticPath


def correlated(
    count: int = 400, width: int = 12, classes: int = 3, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    features = (
        generator.normal(size=(count, width))
        * 0.5 ** np.arange(width)
        @ generator.normal(size=(width, width))
    )
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    labels = (features[:, :classes] + generator.gumbel(size=(count, classes))).argmax(axis=1)
    return features.astype(np.float32), labels


@pytest.mark.parametrize("strength", [1e-4, 1e-2, 1.0])
@pytest.mark.parametrize("classes", [2, 3])
def test_the_optimum_is_that_of_scikit_learn(strength: float, classes: int) -> None:
    features, labels = correlated(classes=classes)
    ours = LogisticPath(features, labels, classes).fit(strength)
    # with two classes scikit-learn fits one vector w, we fit w/2 and -w/2, whose penalty is half of
    # w's
    theirs = LogisticRegression(
        C=2 * strength if classes == 2 else strength, tol=1e-8, max_iter=20_000
    )
    expected = theirs.fit(features.astype(np.float64), labels).predict_proba(features)
    np.testing.assert_allclose(ours.probabilities(features), expected, atol=2e-3)


def test_a_path_of_strengths_ends_where_a_single_fit_does() -> None:
    features, labels = correlated()
    path = LogisticPath(features, labels, 3)
    for strength in (1e-4, 1e-2):
        path.fit(strength)
    direct = LogisticPath(features, labels, 3).fit(1.0)
    np.testing.assert_allclose(
        path.fit(1.0).probabilities(features), direct.probabilities(features), atol=5e-3
    )


def test_a_strong_penalty_leaves_the_class_shares() -> None:
    features, labels = correlated()
    probabilities = LogisticPath(features, labels, 3).fit(1e-9).probabilities(features)
    np.testing.assert_allclose(
        probabilities, np.tile(np.bincount(labels) / len(labels), (len(labels), 1)), atol=1e-3
    )


def test_the_gradient_is_that_of_the_objective() -> None:
    features, labels = correlated(count=50, width=3)
    path = LogisticPath(features, labels, 3)
    scale = np.array([[1.0], [0.5], [2.0]])
    position = np.random.default_rng(0).normal(size=12)
    gradient = path._objective(position, 0.1, scale)[1]
    step = 1e-2
    for entry in range(12):
        shift = np.eye(12)[entry] * step
        slope = (
            path._objective(position + shift, 0.1, scale)[0]
            - path._objective(position - shift, 0.1, scale)[0]
        ) / (2 * step)
        assert gradient[entry] == pytest.approx(slope, abs=2e-4)


def test_fewer_galaxies_than_features_and_constant_features_converge() -> None:
    features = np.random.default_rng(0).normal(size=(10, 40)).astype(np.float32)
    features[:, 5] = 0
    weights = LogisticPath(features, np.arange(10) % 2, 2).fit(10.0)
    assert np.isfinite(weights.slope).all()
    assert (weights.probabilities(features).argmax(axis=1) == np.arange(10) % 2).all()


def test_few_galaxies_that_are_told_apart_perfectly_converge_at_a_weak_penalty() -> None:
    features = np.random.default_rng(0).normal(size=(40, 192)) @ np.diag(0.9 ** np.arange(192))
    features = (features / features.std(axis=0)).astype(np.float32)
    path = LogisticPath(features, np.arange(40) % 5, 5)
    for strength in (1e-5, 1e-2, 100.0):
        weights = path.fit(strength)
    assert (weights.probabilities(features).argmax(axis=1) == np.arange(40) % 5).all()


def test_a_fit_from_another_start_names_the_same_galaxies() -> None:
    features, labels = correlated(count=300, width=40)
    path = LogisticPath(features, labels, 3)
    for strength in (1e-5, 1e-3, 1e-1):
        path.fit(strength)
    direct = LogisticPath(features, labels, 3).fit(100.0)
    np.testing.assert_allclose(
        path.fit(100.0).probabilities(features), direct.probabilities(features), atol=2e-3
    )


def test_a_fit_that_starts_from_that_of_a_part_ends_where_any_fit_does() -> None:
    features, labels = correlated(count=300, width=40)
    path = LogisticPath(features, labels, 3)
    path.start_from(LogisticPath(features[::2], labels[::2], 3).fit(0.1))
    direct = LogisticPath(features, labels, 3).fit(0.1)
    np.testing.assert_allclose(
        path.fit(0.1).probabilities(features), direct.probabilities(features), atol=1e-3
    )


def test_a_fit_keeps_its_small_products_on_one_thread_and_leaves_the_others_as_they_were(
    monkeypatch,
):
    def threads():
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    seen, objective = set(), LogisticPath._objective

    def watched(self, *arguments):
        seen.update(threads())
        return objective(self, *arguments)

    monkeypatch.setattr(LogisticPath, "_objective", watched)
    generator = np.random.default_rng(0)
    with threadpool_limits(2, user_api="blas"):
        LogisticPath(generator.normal(size=(40, 3)), np.arange(40) % 2, 2).fit(1.0)
        assert threads() == {2}
    assert seen == {1}
