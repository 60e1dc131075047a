from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from astrojepa.evaluation.vectors.neighbours import nearest, neighbours, neighbours_among
from astrojepa.evaluation.vectors.standardise import standardise
from astrojepa.types import Embeddings

Make = Callable[..., Embeddings]


def slow_neighbours(
    vectors: np.ndarray, target: np.ndarray, k: int, without: int | None = None
) -> list[tuple[float, int]]:
    mean, std = vectors.mean(axis=0), vectors.std(axis=0)
    found = [
        (float(np.linalg.norm((vector - mean) / std - (target - mean) / std)), row)
        for row, vector in enumerate(vectors)
        if row != without
    ]
    return sorted(found)[:k]


def test_neighbours_of_a_row_equal_a_slow_search(make_embeddings: Make) -> None:
    vectors = np.random.default_rng(0).normal(size=(60, 5)) * [1, 10, 100, 0.1, 1]
    found = neighbours(make_embeddings(vectors), 7, k=6)
    slow = slow_neighbours(vectors, vectors[7], 6, without=7)
    assert found.indices.tolist() == [row for _, row in slow]
    np.testing.assert_allclose(found.distances, [distance for distance, _ in slow], rtol=1e-5)


def test_several_rows_give_one_line_each(make_embeddings: Make) -> None:
    data = make_embeddings(np.random.default_rng(0).normal(size=(30, 5)))
    both = neighbours(data, [3, -1], k=4)
    assert both.indices.shape == both.distances.shape == (2, 4)
    np.testing.assert_array_equal(both.indices[0], neighbours(data, 3, k=4).indices)
    np.testing.assert_array_equal(both.indices[1], neighbours(data, 29, k=4).indices)


def test_a_vector_finds_itself_among_the_galaxies(make_embeddings: Make) -> None:
    data = make_embeddings(np.random.default_rng(0).normal(size=(30, 5)))
    found = neighbours(data, data.vectors[4], k=3)
    assert found.indices[0] == 4
    assert found.distances[0] == 0
    assert neighbours(data, data.vectors[:2], k=3).indices.shape == (2, 3)


def test_a_vector_equals_a_slow_search(make_embeddings: Make) -> None:
    generator = np.random.default_rng(0)
    vectors, target = generator.normal(size=(40, 4)), generator.normal(size=4)
    found = neighbours(make_embeddings(vectors), target, k=5)
    assert found.indices.tolist() == [row for _, row in slow_neighbours(vectors, target, 5)]


def test_a_galaxy_is_not_its_own_neighbour_but_its_duplicate_is(make_embeddings: Make) -> None:
    vectors = np.random.default_rng(0).normal(size=(20, 5))
    vectors[11] = vectors[3]
    found = neighbours(make_embeddings(vectors), 3, k=2)
    assert found.indices[0] == 11
    assert found.distances[0] == 0


def test_among_more_duplicates_than_asked_for_the_galaxy_itself_stays_out(
    make_embeddings: Make,
) -> None:
    vectors = np.vstack([np.ones((30, 4)), np.random.default_rng(0).normal(size=(5, 4))])
    for row in range(30):
        found = neighbours(make_embeddings(vectors), row, k=3)
        assert row not in found.indices
        assert not found.distances.any()


def test_scaling_one_feature_changes_nothing(make_embeddings: Make) -> None:
    vectors = np.random.default_rng(0).normal(size=(30, 5))
    before = neighbours(make_embeddings(vectors), 0)
    after = neighbours(make_embeddings(vectors * [1, 1, 1, 1, 1000] + 3), 0)
    np.testing.assert_array_equal(before.indices, after.indices)
    np.testing.assert_allclose(before.distances, after.distances, rtol=1e-3)


def test_a_constant_feature_changes_nothing(make_embeddings: Make) -> None:
    vectors = np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32)
    before = neighbours(make_embeddings(vectors), 0)
    after = neighbours(make_embeddings(np.column_stack([vectors, np.full(30, 0.1)])), 0)
    np.testing.assert_allclose(before.distances, after.distances, rtol=1e-6)


def test_three_galaxies_give_two_neighbours(make_embeddings: Make) -> None:
    assert neighbours(make_embeddings(np.eye(3)), 0, k=6).indices.shape == (2,)


def test_a_single_galaxy_has_none(make_embeddings: Make) -> None:
    assert neighbours(make_embeddings(np.ones((1, 3))), 0).indices.shape == (0,)


def test_two_galaxies_with_one_id_are_still_two(make_embeddings: Make) -> None:
    data = make_embeddings(np.array([[0.0, 0], [1, 0], [5, 5]]), ids=["a", "a", "b"])
    assert neighbours(data, 0, k=1).indices.tolist() == [1]


def test_chunks_agree_with_one_call() -> None:
    features = np.random.default_rng(0).normal(size=(1500, 6)).astype(np.float32)
    distances, indices = nearest(features, features, 4, exclude=np.arange(1500))
    for row in (0, 777, 1499):
        gaps = np.linalg.norm(features - features[row], axis=1)
        gaps[row] = np.inf
        np.testing.assert_array_equal(indices[row], np.argsort(gaps)[:4])
        np.testing.assert_allclose(distances[row], np.sort(gaps)[:4], rtol=1e-5)


def test_few_queries_find_what_many_find() -> None:
    vectors = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
    many = nearest(vectors, vectors[:40], 5, exclude=np.arange(40))
    few = nearest(vectors, vectors[:4], 5, exclude=np.arange(4))
    np.testing.assert_array_equal(few[1], many[1][:4])
    np.testing.assert_allclose(few[0], many[0][:4], rtol=1e-5)


def test_features_standardised_once_give_the_same_neighbours(make_embeddings: Make) -> None:
    data = make_embeddings(np.random.default_rng(0).normal(size=(50, 5)) * [1, 10, 100, 0.1, 1])
    expected, found = (
        neighbours(data, 7, k=6),
        neighbours_among(standardise(data.vectors)[0], 7, k=6),
    )
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_array_equal(found.distances, expected.distances)


@pytest.mark.parametrize("row", [30, -31])
def test_a_row_that_does_not_exist_is_named(make_embeddings: Make, row: int) -> None:
    with pytest.raises(ValueError, match=f"no row {row}; the embeddings have rows 0 to 29"):
        neighbours(make_embeddings(np.eye(30)), row)


@pytest.mark.parametrize("k", [0, -1, 2.5, True])
def test_an_impossible_k_is_refused(make_embeddings: Make, k: int) -> None:
    with pytest.raises(ValueError, match="whole number of at least 1"):
        neighbours(make_embeddings(np.eye(3)), 0, k=k)


def test_a_vector_of_another_model_is_refused(make_embeddings: Make) -> None:
    with pytest.raises(ValueError, match="3 and 4 features"):
        neighbours(make_embeddings(np.eye(3)), np.ones(4))


def test_a_vector_that_is_not_finite_is_refused(make_embeddings: Make) -> None:
    with pytest.raises(ValueError, match="finite"):
        neighbours(make_embeddings(np.eye(3)), np.array([0, np.inf, 0]))


def test_a_galaxy_that_is_not_finite_is_named(make_embeddings: Make) -> None:
    with pytest.raises(ValueError, match="galaxy g1 is not finite"):
        neighbours(make_embeddings([[0.0, 1], [np.nan, 0], [1, 1]]), 0)


def test_no_galaxies_are_refused(make_embeddings: Make) -> None:
    with pytest.raises(ValueError, match="at least one galaxy"):
        neighbours(make_embeddings(np.zeros((0, 3))), 0)


def test_standardised_features_have_mean_0_and_deviation_1() -> None:
    reference = np.random.default_rng(0).normal(3, 7, size=(500, 4)).astype(np.float32)
    (features,) = standardise(reference)
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(features.std(axis=0), 1, atol=1e-5)


def test_standardising_uses_the_reference_alone() -> None:
    reference, other = np.array([[0.0], [2.0]], np.float32), np.array([[3.0], [101.0]], np.float32)
    np.testing.assert_allclose(standardise(reference, other)[1], [[2], [100]])
