from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.manifold import trustworthiness as slow_trustworthiness
from sklearn.neighbors import KNeighborsClassifier

from astrojepa.evaluation.maps.map_quality import (
    map_trust,
    neighbour_preservation,
    shared_neighbours,
    trustworthiness,
)
from astrojepa.types import Embeddings

Make = Callable[..., Embeddings]


@pytest.mark.parametrize("k", [1, 5, 15])
def test_trustworthiness_equals_scikit_learn(make_embeddings: Make, k: int) -> None:
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(120, 6)).astype(np.float32)
    vectors = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0)
    xy = vectors[:, :2] + 0.3 * generator.normal(size=(120, 2))
    ours = trustworthiness(make_embeddings(vectors), xy, k)
    assert ours == pytest.approx(slow_trustworthiness(vectors, xy, n_neighbors=k), abs=1e-6)


def test_a_faithful_map_is_trusted_and_a_random_one_is_not(make_embeddings: Make) -> None:
    generator = np.random.default_rng(0)
    plane = generator.normal(size=(500, 2))
    data = make_embeddings(plane / plane.std(axis=0))
    assert trustworthiness(data, plane / plane.std(axis=0)) == 1
    assert trustworthiness(data, generator.normal(size=(500, 2))) == pytest.approx(0.5, abs=0.05)
    np.testing.assert_array_equal(neighbour_preservation(data, plane / plane.std(axis=0)), 1)
    assert neighbour_preservation(data, generator.normal(size=(500, 2))).mean() < 0.1


def test_trustworthiness_of_a_sample_is_close_to_that_of_all(make_embeddings: Make) -> None:
    vectors = np.random.default_rng(0).normal(size=(1200, 5))
    data, xy = make_embeddings(vectors), vectors[:, :2]
    assert trustworthiness(data, xy, sample=300) == pytest.approx(
        trustworthiness(data, xy), abs=0.02
    )


def test_trust_in_a_handful_of_galaxies(make_embeddings: Make) -> None:
    data = make_embeddings(np.random.default_rng(0).normal(size=(5, 3)))
    assert 0 <= trustworthiness(data, data.vectors[:, :2]) <= 1
    assert np.isnan(trustworthiness(make_embeddings(np.eye(3)), np.eye(3)[:, :2]))
    assert neighbour_preservation(data, data.vectors[:, :2], k=15).tolist() == [1] * 5


@pytest.mark.parametrize("measure", [trustworthiness, neighbour_preservation])
def test_a_map_of_other_galaxies_is_refused(
    make_embeddings: Make, measure: Callable[..., float]
) -> None:
    with pytest.raises(ValueError, match="for 6 galaxies"):
        measure(make_embeddings(np.eye(6)), np.zeros((5, 2)))


@pytest.mark.parametrize("count", [4, 5, 40])
def test_trustworthiness_of_few_equals_scikit_learn_at_the_lowered_k(
    make_embeddings: Make, count: int
) -> None:
    vectors = np.random.default_rng(0).normal(size=(count, 3)).astype(np.float32)
    vectors = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0)
    xy = np.random.default_rng(1).normal(size=(count, 2))
    k = min(15, (count - 1) // 2)
    assert trustworthiness(make_embeddings(vectors), xy) == pytest.approx(
        slow_trustworthiness(vectors, xy, n_neighbors=k), abs=1e-6
    )


def test_preservation_equals_a_slow_count(make_embeddings: Make) -> None:
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(50, 4))
    vectors = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0)
    xy = vectors[:, :2] + 0.5 * generator.normal(size=(50, 2))

    def near(places: np.ndarray, row: int) -> set[int]:
        gaps = np.linalg.norm(places - places[row], axis=1)
        gaps[row] = np.inf
        return set(np.argsort(gaps)[:7].tolist())

    kept = neighbour_preservation(make_embeddings(vectors), xy, k=7)
    assert kept.dtype == np.float32
    np.testing.assert_allclose(
        kept, [len(near(vectors, row) & near(xy, row)) / 7 for row in range(50)], rtol=1e-6
    )


def test_accuracy_on_the_map_equals_scikit_learn_leaving_one_out(make_blobs: Make) -> None:
    data = make_blobs(count=60, spread=2.0)
    xy = data.vectors[:, :2]
    right = []
    for row in range(60):
        others = np.arange(60) != row
        vote = (
            KNeighborsClassifier(5).fit(xy[others], data.labels[others]).predict(xy[row : row + 1])
        )
        right.append(vote[0] == data.labels[row])
    assert map_trust(data, xy, k=5).accuracy == pytest.approx(np.mean(right))


def test_trust_of_a_map_comes_with_what_it_was_measured_by(make_blobs: Make) -> None:
    data = make_blobs(count=100, spread=0.2)
    trust = map_trust(data, data.vectors[:, :2], k=9, sample=40, seed=5)
    assert (trust.k, trust.num_galaxies, trust.num_labelled, trust.sample, trust.seed) == (
        9,
        100,
        100,
        40,
        5,
    )
    assert trust.feature_accuracy == 1
    assert trust.majority == 0.25
    assert trust.majority < trust.accuracy <= 1
    assert trust.trustworthiness == trustworthiness(data, data.vectors[:, :2], 9, sample=40, seed=5)
    np.testing.assert_array_equal(
        trust.preservation, neighbour_preservation(data, data.vectors[:, :2], 9)
    )
    assert trust.mean_preservation == pytest.approx(trust.preservation.mean())


def test_unlabelled_galaxies_neither_vote_nor_count(make_embeddings: Make) -> None:
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(40, 3))
    labels = np.where(vectors[:, 0] > 0, 1, 0)
    some = np.where(np.arange(40) < 25, labels, -1)
    whole, part = (
        map_trust(make_embeddings(vectors, some), vectors[:, :2], 3),
        map_trust(make_embeddings(vectors[:25], labels[:25]), vectors[:25, :2], 3),
    )
    assert whole.num_labelled == 25
    assert whole.accuracy == part.accuracy


def test_one_class_alone_is_always_named_and_no_class_never(make_embeddings: Make) -> None:
    vectors = np.random.default_rng(0).normal(size=(20, 3))
    one = map_trust(make_embeddings(vectors, np.zeros(20)), vectors[:, :2])
    assert (one.accuracy, one.feature_accuracy, one.majority) == (1, 1, 1)
    none = map_trust(make_embeddings(vectors), vectors[:, :2])
    assert np.isnan([none.accuracy, none.feature_accuracy, none.majority]).all()
    assert none.trustworthiness > 0.5


def test_trust_of_three_galaxies_of_duplicates_and_of_equal_ones_is_defined(
    make_embeddings: Make,
) -> None:
    three = map_trust(make_embeddings(np.eye(3)), np.eye(3)[:, :2])
    assert np.isnan(three.trustworthiness)
    assert three.preservation.tolist() == [1, 1, 1]
    equal = map_trust(make_embeddings(np.ones((30, 4))), np.zeros((30, 2)))
    assert 0 <= equal.trustworthiness <= 1
    doubled = np.repeat(np.random.default_rng(0).normal(size=(15, 2)), 2, axis=0)
    assert map_trust(make_embeddings(doubled), doubled, k=1).mean_preservation == 1


def test_one_galaxy_has_no_neighbours_to_trust(make_embeddings: Make) -> None:
    with pytest.raises(ValueError, match="at least 2 galaxies, found 1"):
        map_trust(make_embeddings(np.ones((1, 4))), np.zeros((1, 2)))


def test_a_map_or_vector_that_is_not_finite_is_refused(make_embeddings: Make) -> None:
    xy = np.zeros((6, 2))
    xy[3, 1] = np.nan
    with pytest.raises(ValueError, match="finite map"):
        map_trust(make_embeddings(np.eye(6)), xy)
    with pytest.raises(ValueError, match="galaxy g1 is not finite"):
        map_trust(make_embeddings([[0.0, 1], [np.nan, 0]]), np.zeros((2, 2)))


def test_shared_neighbours_are_counted_row_by_row() -> None:
    assert shared_neighbours(
        np.array([[1, 2, 3], [4, 5, 6]]), np.array([[3, 2, 9], [7, 8, 9]])
    ).tolist() == [2, 0]
