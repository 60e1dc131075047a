from __future__ import annotations

import numpy as np
import pytest

from astrojepa.evaluation.anomalies.feedback import HIGHEST, rerank

VECTORS = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
SCORES = np.linalg.norm(VECTORS, axis=1)


def slow_rerank(vectors: np.ndarray, scores: np.ndarray, marks: dict[int, float]) -> np.ndarray:
    """The formula of the docstring, galaxy by galaxy; a turn into principal components changes
    no distance.
    """
    features = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0)
    gaps = np.array([[np.linalg.norm(one - features[row]) for row in marks] for one in features])
    reach = 0.6 * np.median(gaps)
    expected = []
    for galaxy in range(len(features)):
        rank = np.sum(scores < scores[galaxy]) / (len(scores) - 1)
        weights = [np.exp(-((gap / reach) ** 2) / 2) for gap in gaps[galaxy]]
        total = (
            sum(weight * mark for weight, mark in zip(weights, marks.values(), strict=True))
            + 0.07 * 1.5 * rank
        )
        expected.append(marks.get(galaxy, total / (sum(weights) + 0.07)))
    return np.array(expected)


def test_expected_marks_equal_a_slow_loop() -> None:
    marks = {3: 5.0, 17: 0.0, 40: 2.0}
    np.testing.assert_allclose(
        rerank(VECTORS, SCORES, marks), slow_rerank(VECTORS, SCORES, marks), rtol=1e-4
    )


def test_a_forest_predicts_near_the_marks_and_the_score_decides_far_from_them() -> None:
    vectors = np.concatenate([VECTORS, VECTORS[:20] + 20])
    scores = np.arange(80.0)
    marks = {row: 5.0 if VECTORS[row, 0] > 0 else 0.0 for row in range(40)}
    expected = rerank(vectors, scores, marks, "forest")
    near = np.arange(40, 60)
    assert (
        expected[near][VECTORS[near, 0] > 0.5].min() > expected[near][VECTORS[near, 0] < -0.5].max()
    )
    np.testing.assert_allclose(expected[60:], rerank(vectors, scores, {})[60:], atol=1e-3)
    np.testing.assert_array_equal(expected, rerank(vectors, scores, marks, "forest"))


def test_an_unknown_way_of_re_ranking_is_refused() -> None:
    with pytest.raises(ValueError, match="no re-ranking 'magic'; choose one of neighbours, forest"):
        rerank(VECTORS, SCORES, {}, "magic")


def test_without_marks_the_order_is_that_of_the_scores() -> None:
    np.testing.assert_array_equal(np.argsort(rerank(VECTORS, SCORES, {})), np.argsort(SCORES))


def test_a_marked_galaxy_keeps_its_mark_and_all_lie_between_0_and_5() -> None:
    expected = rerank(VECTORS, SCORES, {0: 5, 1: 0, 2: 3.5})
    np.testing.assert_array_equal(expected[:3], [5, 0, 3.5])
    assert expected.min() >= 0
    assert expected.max() <= 5


def test_a_mark_speaks_for_what_lies_near_it_and_not_for_what_lies_far() -> None:
    vectors = np.concatenate([VECTORS, VECTORS[:20] + 20])
    before, after = rerank(vectors, np.ones(80), {}), rerank(vectors, np.ones(80), {0: 5})
    assert (after[1:60] > before[1:60]).all()
    np.testing.assert_allclose(after[60:], before[60:], atol=1e-3)


def test_scale_and_shift_of_features_do_not_matter() -> None:
    marks = {5: 4.0, 9: 0.0}
    moved = VECTORS * np.float32([1, 10, 0.1, 3]) + np.float32(7)
    np.testing.assert_allclose(
        rerank(moved, SCORES, marks), rerank(VECTORS, SCORES, marks), rtol=1e-3
    )


@pytest.mark.parametrize("vectors", [np.ones((3, 2)), np.eye(3), np.eye(2, 50)])
def test_few_and_equal_galaxies_get_marks(vectors: np.ndarray) -> None:
    assert np.isfinite(rerank(vectors, np.arange(len(vectors)), {0: 5})).all()


@pytest.mark.parametrize(
    ("vectors", "scores", "marks", "message"),
    [
        (VECTORS, SCORES, {60: 1}, "no row 60; marks are for rows 0 to 59"),
        (VECTORS, SCORES, {-1: 1}, "no row -1"),
        (VECTORS, SCORES, {0: 6}, "from 0 to 5, found 6"),
        (VECTORS, SCORES, {0: np.nan}, "from 0 to 5, found nan"),
        (VECTORS, SCORES[1:], {}, r"found \(60, 4\) and \(59,\)"),
        (VECTORS[:1], SCORES[:1], {}, "at least 2 galaxies"),
        (VECTORS * np.nan, SCORES, {}, "not finite"),
        (VECTORS, SCORES * np.inf, {}, "not finite"),
    ],
)
def test_what_cannot_be_marked_is_refused(vectors, scores, marks, message) -> None:
    with pytest.raises(ValueError, match=message):
        rerank(vectors, scores, marks)


def test_marking_finds_a_group_sooner_than_the_score_does() -> None:
    generator = np.random.default_rng(1)
    vectors = generator.normal(size=(400, 6))
    vectors[:25] += 4
    scores = generator.random(400)
    wanted = np.arange(400) < 25
    marks: dict[int, float] = {}
    while len(marks) < 100:
        order = np.argsort(-rerank(vectors, scores, marks), kind="stable")
        shown = [row for row in order.tolist() if row not in marks][:10]
        marks |= {row: HIGHEST * float(wanted[row]) for row in shown}
    learned, plain = wanted[list(marks)], wanted[np.argsort(-scores)[:100]]
    assert learned.sum() > 2 * plain.sum()
    assert np.flatnonzero(learned)[9] < 100 > np.flatnonzero(plain)[0]
