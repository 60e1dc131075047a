from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from astrojepa.evaluation.vectors.examples import search_by_examples
from astrojepa.evaluation.vectors.neighbours import neighbours
from astrojepa.types import Embeddings

Make = Callable[..., Embeddings]


@pytest.fixture
def galaxies(make_embeddings: Make) -> Embeddings:
    return make_embeddings(np.random.default_rng(0).normal(size=(60, 5)) * [1, 10, 100, 0.1, 1])


def slow_search(vectors: np.ndarray, like: np.ndarray, unlike: np.ndarray) -> list[float]:
    mean, std = vectors.mean(axis=0), vectors.std(axis=0)
    wanted = ((like - mean) / std).mean(axis=0)
    if len(unlike):
        wanted = wanted + 0.5 * (wanted - ((unlike - mean) / std).mean(axis=0))
    return [float(np.linalg.norm((vector - mean) / std - wanted)) for vector in vectors]


def test_one_example_finds_its_neighbours_in_their_order(galaxies: Embeddings) -> None:
    distances = search_by_examples(galaxies, [7])
    near = neighbours(galaxies, 7, k=20)
    assert distances[7] == 0
    assert np.argsort(distances)[1:21].tolist() == near.indices.tolist()
    np.testing.assert_allclose(distances[near.indices], near.distances, rtol=1e-6)


@pytest.mark.parametrize("unlike", [[], [4], [4, 9]])
def test_several_examples_equal_a_slow_search(galaxies: Embeddings, unlike: list[int]) -> None:
    found = search_by_examples(galaxies, [7, 30, 31], unlike)
    slow = slow_search(
        galaxies.vectors.astype(np.float64), galaxies.vectors[[7, 30, 31]], galaxies.vectors[unlike]
    )
    np.testing.assert_allclose(found, slow, rtol=1e-4)


def test_the_order_of_examples_does_not_matter(galaxies: Embeddings) -> None:
    np.testing.assert_allclose(
        search_by_examples(galaxies, [1, 2, 3], [4, 5]),
        search_by_examples(galaxies, [3, 1, 2], [5, 4]),
        rtol=1e-5,
    )


def test_vectors_of_new_images_are_examples_as_rows_are(galaxies: Embeddings) -> None:
    np.testing.assert_allclose(
        search_by_examples(galaxies, galaxies.vectors[[7, 8]], galaxies.vectors[[9]]),
        search_by_examples(galaxies, [7, 8], [9]),
        rtol=1e-5,
        atol=1e-5,
    )


def test_an_unlike_example_moves_the_search_to_the_other_side(make_embeddings: Make) -> None:
    line = make_embeddings(np.linspace(-1, 1, 21)[:, None])
    assert np.argsort(search_by_examples(line, [10]))[0] == 10
    assert np.argsort(search_by_examples(line, [10], [6]))[0] == 12, "half of the way on"


@pytest.mark.parametrize(
    ("like", "message"),
    [
        ([], "give at least one example in `like`"),
        ([60], "There is no row 60"),
        (np.zeros((1, 4)), "have 5 and 4 features"),
        (np.full((1, 5), np.nan), "finite"),
        (np.zeros(5), "of shape"),
        (["seven"], "row numbers, or finite vectors"),
        ([[1, 2], [3]], "row numbers, or finite vectors"),
    ],
)
def test_what_is_no_example_is_refused_in_one_sentence(
    galaxies: Embeddings, like: object, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        search_by_examples(galaxies, like)
