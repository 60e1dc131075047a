from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.neighbors import LocalOutlierFactor

from astrojepa.evaluation.anomalies.registry import vector_scores
from astrojepa.evaluation.anomalies.scores.of_vectors import local_outlier_factor
from astrojepa.evaluation.anomalies.scoring import anomaly_scores
from astrojepa.types import Embeddings

Make = Callable[..., Embeddings]


def slow_knn(known: np.ndarray, new: np.ndarray, k: int, within: bool) -> np.ndarray:
    std = known.std(axis=0)
    scores = []
    for row, vector in enumerate(new):
        gaps = [
            np.linalg.norm((vector - other) / std)
            for at, other in enumerate(known)
            if not (within and at == row)
        ]
        scores.append(np.mean(sorted(gaps)[:k]))
    return np.array(scores)


def test_knn_score_within_one_set_equals_a_slow_loop(make_embeddings: Make) -> None:
    vectors = np.random.default_rng(0).normal(size=(50, 4)) * [1, 5, 25, 0.2]
    expected = slow_knn(vectors, vectors, 7, within=True)
    np.testing.assert_allclose(anomaly_scores(make_embeddings(vectors), k=7), expected, rtol=1e-5)


def test_knn_score_against_a_reference_equals_a_slow_loop(make_embeddings: Make) -> None:
    generator = np.random.default_rng(0)
    known, new = generator.normal(size=(50, 4)), generator.normal(size=(9, 4))
    scores = anomaly_scores(make_embeddings(new), make_embeddings(known), k=7)
    np.testing.assert_allclose(scores, slow_knn(known, new, 7, within=False), rtol=1e-5)


@pytest.mark.parametrize("method", vector_scores())
@pytest.mark.parametrize("with_reference", [False, True])
def test_the_strangest_galaxy_has_the_largest_score(
    make_embeddings: Make, method: str, with_reference: bool
) -> None:
    vectors = np.random.default_rng(0).normal(size=(300, 8))
    vectors[123] += 7
    data = make_embeddings(vectors)
    reference = make_embeddings(np.delete(vectors, 123, axis=0)) if with_reference else None
    scores = anomaly_scores(data, reference, method)
    assert scores.shape == (300,)
    assert np.isfinite(scores).all()
    assert scores.argmax() == 123


@pytest.mark.parametrize("method", vector_scores())
def test_scores_are_the_same_each_time(make_embeddings: Make, method: str) -> None:
    data = make_embeddings(np.random.default_rng(0).normal(size=(80, 5)))
    np.testing.assert_array_equal(
        anomaly_scores(data, method=method), anomaly_scores(data, method=method)
    )


@pytest.mark.parametrize("method", vector_scores())
def test_other_new_galaxies_do_not_change_a_score(make_embeddings: Make, method: str) -> None:
    generator = np.random.default_rng(0)
    known, new = make_embeddings(generator.normal(size=(80, 5))), generator.normal(size=(10, 5))
    alone = anomaly_scores(make_embeddings(new[:1]), known, method)
    np.testing.assert_allclose(
        anomaly_scores(make_embeddings(new), known, method)[0], alone[0], rtol=1e-6
    )


@pytest.mark.parametrize("method", vector_scores())
@pytest.mark.parametrize("count", [2, 3])
def test_two_or_three_galaxies_get_scores(make_embeddings: Make, method: str, count: int) -> None:
    assert np.isfinite(anomaly_scores(make_embeddings(np.eye(count, 6)), method=method)).all()


@pytest.mark.parametrize("method", vector_scores())
def test_duplicates_and_equal_galaxies_do_no_harm(make_embeddings: Make, method: str) -> None:
    same = anomaly_scores(make_embeddings(np.ones((40, 3))), method=method)
    assert np.ptp(same) == pytest.approx(0, abs=1e-6)
    mixed = np.vstack([np.ones((40, 3)), np.random.default_rng(0).normal(size=(40, 3))])
    assert np.isfinite(anomaly_scores(make_embeddings(mixed), method=method)).all()


def test_a_duplicate_lowers_the_knn_score_to_zero(make_embeddings: Make) -> None:
    vectors = np.random.default_rng(0).normal(size=(20, 4))
    vectors[9] = vectors[2]
    assert anomaly_scores(make_embeddings(vectors), k=1)[2] == pytest.approx(0, abs=1e-5)


def test_local_outlier_factor_is_about_1_inside_a_uniform_cloud(make_embeddings: Make) -> None:
    scores = anomaly_scores(
        make_embeddings(np.random.default_rng(0).uniform(size=(500, 2))), method="lof"
    )
    assert np.median(scores) == pytest.approx(1, abs=0.05)


def test_local_outlier_factor_equals_the_in_sample_definition(make_embeddings: Make) -> None:
    vectors = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    features = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0)
    expected = -LocalOutlierFactor(n_neighbors=10).fit(features).negative_outlier_factor_
    np.testing.assert_allclose(
        anomaly_scores(make_embeddings(vectors), method="lof", k=10), expected, rtol=1e-4
    )


def test_mahalanobis_sees_through_correlated_features(make_embeddings: Make) -> None:
    generator = np.random.default_rng(0)
    along = generator.normal(size=2000)
    vectors = np.column_stack([along, along + 0.05 * generator.normal(size=2000)])
    vectors[:2] = [[2.0, 2.0], [1.0, -1.0]]
    scores = anomaly_scores(make_embeddings(vectors), method="mahalanobis")
    assert scores[1] > 5 * scores[0]


def test_mahalanobis_of_isotropic_features_is_the_distance_from_the_mean(
    make_embeddings: Make,
) -> None:
    vectors = np.random.default_rng(0).normal(size=(20_000, 3))
    scores = anomaly_scores(make_embeddings(vectors), method="mahalanobis")
    np.testing.assert_allclose(scores, np.linalg.norm(vectors, axis=1), rtol=0.05, atol=0.05)


def test_mahalanobis_of_galaxies_that_are_all_alike_is_nothing(make_embeddings: Make) -> None:
    np.testing.assert_array_equal(
        anomaly_scores(make_embeddings(np.ones((20, 5))), method="mahalanobis"), 0
    )


def test_mahalanobis_works_with_fewer_galaxies_than_features(make_embeddings: Make) -> None:
    assert np.isfinite(
        anomaly_scores(
            make_embeddings(np.random.default_rng(0).normal(size=(10, 50))), method="mahalanobis"
        )
    ).all()


def test_an_unknown_method_is_refused_and_the_known_are_named(make_embeddings: Make) -> None:
    with pytest.raises(
        ValueError, match="no anomaly score 'norm' of vectors; choose one of knn, lof"
    ):
        anomaly_scores(make_embeddings(np.eye(3)), method="norm")


def test_one_galaxy_alone_is_refused(make_embeddings: Make) -> None:
    with pytest.raises(ValueError, match="A single galaxy"):
        anomaly_scores(make_embeddings(np.ones((1, 3))))


def test_another_width_is_refused(make_embeddings: Make) -> None:
    with pytest.raises(ValueError, match="3 and 4 features"):
        anomaly_scores(make_embeddings(np.eye(4)), make_embeddings(np.eye(3)))


def test_a_vector_that_is_not_finite_is_named(make_embeddings: Make) -> None:
    broken = make_embeddings([[1.0, 2], [np.inf, 0]], ids=["M31", "M33"])
    with pytest.raises(ValueError, match="galaxy M33 is not finite"):
        anomaly_scores(broken)
    with pytest.raises(ValueError, match="M33"):
        anomaly_scores(make_embeddings(np.eye(2)), broken)


def test_an_impossible_k_is_refused(make_embeddings: Make) -> None:
    with pytest.raises(ValueError, match="k is 0"):
        anomaly_scores(make_embeddings(np.eye(3)), k=0)


def test_local_outlier_factor_against_a_reference_equals_scikit_learn(
    make_embeddings: Make,
) -> None:
    generator = np.random.default_rng(0)
    known, new = (
        generator.normal(size=(60, 3)).astype(np.float32),
        generator.normal(size=(9, 3)).astype(np.float32),
    )
    mean, std = known.mean(axis=0), known.std(axis=0)
    expected = (
        -LocalOutlierFactor(n_neighbors=10, novelty=True)
        .fit((known - mean) / std)
        .score_samples((new - mean) / std)
    )
    scores = anomaly_scores(make_embeddings(new), make_embeddings(known), method="lof", k=10)
    np.testing.assert_allclose(scores, expected, rtol=1e-4)


def test_local_outlier_factor_of_neighbour_lists_has_its_closed_form() -> None:
    """Three points on a line at 0, 1 and 4, k = 1: the reachabilities are 1, 1 and 3, so the
    factors are 1, 1 and 3.
    """
    scores = local_outlier_factor(np.array([[1.0], [1.0], [3.0]]), np.array([[1], [0], [1]]))
    np.testing.assert_allclose(scores, [1, 1, 3], rtol=1e-6)
