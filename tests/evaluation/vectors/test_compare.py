from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from astrojepa.evaluation.vectors.compare import compare_embeddings, linear_cka
from astrojepa.types import Embeddings

Make = Callable[..., Embeddings]


def slow_cka(a: np.ndarray, b: np.ndarray) -> float:
    """By n × n kernels, as it is defined."""
    centre = np.eye(len(a)) - 1 / len(a)
    k, el = (centre @ part @ part.T @ centre for part in (a, b))
    return float((k * el).sum() / np.sqrt((k * k).sum() * (el * el).sum()))


def slow_unbiased_cka(a: np.ndarray, b: np.ndarray) -> float:
    """Song et al. 2012, eq. 5, word for word."""
    n, one = len(a), np.ones(len(a))
    k, el = a @ a.T, b @ b.T
    np.fill_diagonal(k, 0)
    np.fill_diagonal(el, 0)

    def hsic(x: np.ndarray, y: np.ndarray) -> float:
        middle = (one @ x @ one) * (one @ y @ one) / ((n - 1) * (n - 2))
        return float((np.trace(x @ y) + middle - 2 / (n - 2) * (one @ x @ y @ one)) / (n * (n - 3)))

    return hsic(k, el) / np.sqrt(hsic(k, k) * hsic(el, el))


def rotation(width: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(9).normal(size=(width, width)))[0]


@pytest.mark.parametrize("unbiased", [False, True])
def test_cka_of_a_set_with_itself_turned_scaled_and_shifted_is_1(unbiased: bool) -> None:
    vectors = np.random.default_rng(0).normal(size=(80, 6))
    assert linear_cka(vectors, vectors, unbiased=unbiased) == pytest.approx(1)
    assert linear_cka(vectors, 7 * vectors @ rotation(6) + 3, unbiased=unbiased) == pytest.approx(1)


def test_cka_equals_its_definition_by_kernels() -> None:
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(40, 5)) + 2, generator.normal(size=(40, 9))
    b[:, :3] += a[:, :3]
    assert linear_cka(a, b) == pytest.approx(slow_cka(a, b))
    assert linear_cka(a, b, unbiased=True) == pytest.approx(slow_unbiased_cka(a, b))
    assert linear_cka(a, b) == pytest.approx(linear_cka(b, a))


def test_cka_of_known_matrices() -> None:
    a = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    assert linear_cka(a, a[:, :1]) == pytest.approx(1 / np.sqrt(2))
    assert linear_cka(a[:, :1], a[:, 1:]) == pytest.approx(0)


def test_unrelated_sets_seem_alike_unless_the_bias_is_removed() -> None:
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(2, 120, 100))
    assert linear_cka(a, b) > 0.4
    assert abs(linear_cka(a, b, unbiased=True)) < 0.05


def test_cka_does_not_overflow_or_vanish_with_the_unit() -> None:
    vectors = np.random.default_rng(0).normal(size=(30, 4))
    assert linear_cka(vectors * 1e-30, vectors * 1e30) == pytest.approx(1)


def test_cka_of_equal_rows_is_not_defined() -> None:
    vectors = np.random.default_rng(0).normal(size=(30, 4))
    assert np.isnan(linear_cka(np.ones((30, 4)), vectors))
    assert np.isnan(linear_cka(vectors[:3], vectors[:3], unbiased=True))
    with pytest.raises(ValueError, match="30 and 29 rows"):
        linear_cka(vectors, vectors[1:])


def test_a_set_shares_all_neighbours_with_itself_and_with_itself_scaled(
    make_embeddings: Make,
) -> None:
    data = make_embeddings(np.random.default_rng(0).normal(size=(60, 5)))
    found = compare_embeddings(data, data)
    np.testing.assert_array_equal(found.overlap, 1)
    np.testing.assert_array_equal(found.stretch, 1)
    assert found.moved.tolist() == list(range(60))
    assert (
        compare_embeddings(
            data, make_embeddings(data.vectors * [1, 10, 100, 3, 5] + 2)
        ).mean_overlap
        == 1
    )


def test_overlap_equals_a_slow_count(make_embeddings: Make) -> None:
    generator = np.random.default_rng(0)
    a = generator.normal(size=(50, 4))
    b = np.hstack([a + 0.5 * generator.normal(size=(50, 4)), generator.normal(size=(50, 1))])

    def near(vectors: np.ndarray, row: int) -> set[int]:
        features = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0)
        gaps = np.linalg.norm(features - features[row], axis=1)
        gaps[row] = np.inf
        return set(np.argsort(gaps)[:6].tolist())

    found = compare_embeddings(make_embeddings(a), make_embeddings(b), k=6)
    np.testing.assert_allclose(
        found.overlap, [len(near(a, row) & near(b, row)) / 6 for row in range(50)], rtol=1e-6
    )
    assert found.overlap.dtype == np.float32
    assert (np.diff(found.stretch[found.moved]) <= 0).all()
    assert (found.stretch >= 1).all()


def test_unrelated_sets_share_neighbours_by_chance_only(make_embeddings: Make) -> None:
    a, b = (make_embeddings(part) for part in np.random.default_rng(0).normal(size=(2, 400, 6)))
    found = compare_embeddings(a, b, k=20)
    assert found.chance == 20 / 399
    assert found.mean_overlap == pytest.approx(found.chance, abs=0.01)
    assert abs(found.cka_unbiased) < 0.03


def test_the_galaxy_that_changed_its_group_moved_most(
    make_blobs: Make, make_embeddings: Make
) -> None:
    data = make_blobs(count=80, spread=0.2)
    vectors = data.vectors.copy()
    vectors[11] = vectors[data.labels == (data.labels[11] + 1) % 4].mean(axis=0)
    found = compare_embeddings(data, make_embeddings(vectors, data.labels), k=8)
    assert found.moved[0] == 11
    assert found.overlap[11] == 0
    assert found.stretch[11] == found.stretch.max()


def test_three_galaxies_duplicates_and_equal_ones_are_defined(make_embeddings: Make) -> None:
    three = compare_embeddings(make_embeddings(np.eye(3)), make_embeddings(np.eye(3)[::-1]))
    assert (three.k, three.chance, three.mean_overlap) == (2, 1, 1)
    equal, spread = (
        make_embeddings(np.ones((30, 4))),
        make_embeddings(np.random.default_rng(0).normal(size=(30, 4))),
    )
    found = compare_embeddings(equal, spread)
    assert np.isnan(found.cka)
    assert np.isfinite(found.stretch).all()
    assert compare_embeddings(equal, equal).mean_overlap == 1
    doubled = make_embeddings(np.repeat(spread.vectors, 2, axis=0))
    assert compare_embeddings(doubled, doubled, k=1).mean_overlap == 1


def test_other_galaxies_and_bad_vectors_are_refused(make_embeddings: Make) -> None:
    data = make_embeddings(np.eye(5))
    with pytest.raises(ValueError, match="same galaxies, found 5 and 4"):
        compare_embeddings(data, make_embeddings(np.eye(4)))
    with pytest.raises(ValueError, match="Row 1 is galaxy g1 in one and x in the other"):
        compare_embeddings(data, make_embeddings(np.eye(5), ids=["g0", "x", "g2", "g3", "g4"]))
    broken = np.eye(5)
    broken[1, 2] = np.nan
    with pytest.raises(ValueError, match="galaxy g1 is not finite"):
        compare_embeddings(data, make_embeddings(broken))
    with pytest.raises(ValueError, match="at least 2 galaxies"):
        compare_embeddings(make_embeddings(np.ones((1, 3))), make_embeddings(np.ones((1, 3))))
    with pytest.raises(ValueError, match="at least 1"):
        compare_embeddings(data, data, k=0)
