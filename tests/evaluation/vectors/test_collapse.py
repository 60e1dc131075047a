from __future__ import annotations

import numpy as np
import pytest
import torch

from astrojepa.evaluation.vectors.collapse import (
    collapse_gauges,
    effective_rank,
    gauged_rows,
    mean_cosine,
)


def test_isotropic_vectors_have_nearly_full_effective_rank() -> None:
    vectors = np.random.default_rng(0).normal(size=(2000, 32))
    assert collapse_gauges(vectors).effective_rank == pytest.approx(32, rel=0.01)


def test_effective_rank_of_equal_singular_values_is_their_number() -> None:
    vectors = np.vstack([np.eye(8)[:5], -np.eye(8)[:5]])
    assert effective_rank(vectors) == pytest.approx(5)


def test_effective_rank_of_two_singular_values_follows_the_formula() -> None:
    vectors = np.array([[3.0, 0], [-3, 0], [0, 1], [0, -1]])
    share = np.array([0.75, 0.25])
    assert effective_rank(vectors) == pytest.approx(np.exp(-(share * np.log(share)).sum()))


def test_effective_rank_does_not_see_a_common_offset() -> None:
    vectors = np.random.default_rng(0).normal(size=(100, 6))
    assert effective_rank(vectors + 50) == pytest.approx(effective_rank(vectors))


def test_effective_rank_is_the_same_for_wide_and_tall_matrices() -> None:
    vectors = np.random.default_rng(0).normal(size=(12, 30))
    wide = np.linalg.svd(vectors - vectors.mean(axis=0), compute_uv=False)
    share = wide[wide > 1e-9] / wide.sum()
    assert effective_rank(vectors) == pytest.approx(np.exp(-(share * np.log(share)).sum()))


def test_vectors_on_a_line_have_rank_one_and_raise_the_alarm() -> None:
    line = np.linspace(-1, 1, 200)[:, None] * np.random.default_rng(0).normal(size=64)
    gauges = collapse_gauges(line)
    assert gauges.effective_rank == pytest.approx(1, abs=1e-3)
    assert gauges.verdict.startswith("Collapsing: the effective rank is 1.0 of 64")


def test_mean_cosine_equals_the_mean_over_explicit_pairs() -> None:
    vectors = np.random.default_rng(0).normal(size=(30, 5)) + 0.5
    pairs = [
        vectors[i] @ vectors[j] / np.linalg.norm(vectors[i]) / np.linalg.norm(vectors[j])
        for i in range(30)
        for j in range(30)
        if i != j
    ]
    assert mean_cosine(vectors) == pytest.approx(np.mean(pairs))


def test_opposite_vectors_have_cosine_minus_one() -> None:
    assert mean_cosine(np.array([[1.0, 2.0], [-2.0, -4.0]])) == pytest.approx(-1)


@pytest.mark.parametrize("value", [0.0, 0.37])
def test_equal_vectors_are_collapsed(value: float) -> None:
    gauges = collapse_gauges(np.full((50, 8), value, dtype=np.float32))
    assert (gauges.effective_rank, gauges.mean_cosine) == (0.0, pytest.approx(1.0))
    assert gauges.feature_std == pytest.approx(0, abs=1e-9)
    assert gauges.verdict == "Collapsed: all embeddings are equal."


def test_a_common_direction_raises_the_cosine_alarm() -> None:
    vectors = np.random.default_rng(0).normal(size=(500, 64)) + 10
    gauges = collapse_gauges(vectors)
    assert gauges.mean_cosine > 0.95
    assert "cosine" in gauges.verdict
    assert "rank" not in gauges.verdict


def test_spread_vectors_raise_no_alarm() -> None:
    assert collapse_gauges(np.random.default_rng(0).normal(size=(500, 64))).verdict.startswith(
        "No sign of collapse"
    )


def spread_over(directions: int, width: int, count: int = 2000) -> np.ndarray:
    """Vectors of equal variance in so many directions: their effective rank is nearly that."""
    random = np.random.default_rng(0)
    axes = np.linalg.qr(random.normal(size=(width, directions)))[0]
    return random.normal(size=(count, directions)) @ axes.T


@pytest.mark.parametrize(
    ("directions", "width", "said"),
    [
        (11, 192, "Few directions: effective rank 11.0 of 192 (6 % of the width)"),
        (11, 64, "No sign of collapse: effective rank 11.0 of 64 (17 % of the width)"),
        (15, 400, "Collapsing: the effective rank is 15.0 of 400, under 20"),
        (3, 8, "No sign of collapse: effective rank 3.0 of 8 (37 % of the width)"),
    ],
)
def test_few_directions_are_few_of_the_width(directions: int, width: int, said: str) -> None:
    gauges = collapse_gauges(spread_over(directions, width))
    assert gauges.verdict.startswith(said)
    assert (gauges.collapsing, gauges.narrow) == (said[0] == "C", said[0] == "F")


def test_fewer_directions_than_hand_made_statistics_have_are_few() -> None:
    vectors = spread_over(20, 64)
    richer, poorer = spread_over(30, 51), spread_over(4, 51)
    gauges = collapse_gauges(vectors, hand_made=richer)
    assert gauges.narrow
    assert not gauges.collapsing
    standardised = (richer - richer.mean(axis=0)) / richer.std(axis=0)
    assert gauges.hand_made_rank == pytest.approx(effective_rank(standardised), rel=1e-4)
    assert f"; hand-made statistics: {gauges.hand_made_rank:.1f})" in gauges.verdict
    assert not collapse_gauges(vectors, hand_made=poorer).narrow


def test_hand_made_statistics_count_alike_in_any_unit() -> None:
    statistics = spread_over(9, 12)
    in_units = [
        collapse_gauges(spread_over(20, 64), hand_made=statistics * unit).hand_made_rank
        for unit in (1.0, np.logspace(0, 4, 12))
    ]
    assert in_units[0] == pytest.approx(in_units[1], rel=1e-3)


def test_hand_made_statistics_are_of_the_same_rows() -> None:
    vectors, statistics = spread_over(20, 64, 5000), spread_over(30, 51, 5000)
    rows = gauged_rows(5000)
    beside = collapse_gauges(vectors[rows], hand_made=statistics[rows])
    assert beside.effective_rank == collapse_gauges(vectors).effective_rank
    with pytest.raises(ValueError, match=r"statistics of 5,000 galaxies for 2,048 embeddings"):
        collapse_gauges(vectors, hand_made=statistics)


def test_feature_std_is_the_mean_standard_deviation() -> None:
    vectors = np.random.default_rng(0).normal(size=(500, 3)) * [1, 2, 3]
    assert collapse_gauges(vectors).feature_std == pytest.approx(vectors.std(axis=0).mean())


def test_tensors_with_gradient_and_half_precision_are_taken() -> None:
    vectors = torch.randn(40, 6, generator=torch.Generator().manual_seed(0))
    expected = collapse_gauges(vectors.numpy())
    assert collapse_gauges(vectors.clone().requires_grad_()) == expected
    assert collapse_gauges(vectors.bfloat16()).effective_rank == pytest.approx(
        expected.effective_rank, rel=0.02
    )


def test_many_vectors_are_sampled_with_a_seed() -> None:
    vectors = np.random.default_rng(0).normal(size=(5000, 16))
    assert collapse_gauges(vectors, seed=3) == collapse_gauges(vectors, seed=3)
    assert (
        collapse_gauges(vectors, seed=3).feature_std != collapse_gauges(vectors, seed=4).feature_std
    )


@pytest.mark.parametrize("shape", [(1, 4), (0, 4), (4,), (4, 0)])
def test_too_little_to_measure_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="at least 2 vectors"):
        collapse_gauges(np.ones(shape))


def test_non_finite_vectors_are_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        collapse_gauges(np.array([[1.0, np.nan], [0.0, 1.0]]))
