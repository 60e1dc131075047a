from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.covariance import ledoit_wolf
from sklearn.metrics import average_precision_score
from sklearn.neighbors import LocalOutlierFactor

from astrojepa.evaluation.anomalies.leaderboard import (
    artefact_share,
    leaderboard,
    mean_interval,
    num_kept,
    precision_recall,
)
from astrojepa.evaluation.anomalies.registry import vector_scores
from astrojepa.evaluation.anomalies.scoring import anomaly_scores
from astrojepa.types import Embeddings


def world(
    num_common: int = 120, num_rare: int = 20, width: int = 5, distance: float = 3.0
) -> tuple[np.ndarray, np.ndarray]:
    """Vectors with the rare ones off to one side, in mixed order."""
    generator = np.random.default_rng(3)
    rare = generator.permutation(np.arange(num_common + num_rare) < num_rare).astype(int)
    return (generator.normal(size=(len(rare), width)) + distance * rare[:, None]).astype(
        np.float32
    ), rare


def slow_precision(truth: np.ndarray, values: np.ndarray) -> float:
    """Mean over the true of the precision at their place; values all differ."""
    ranked = truth[np.argsort(-values)]
    return float(np.mean([ranked[: place + 1].mean() for place in np.flatnonzero(ranked)]))


def test_average_precision_and_recall_equal_their_definitions() -> None:
    generator = np.random.default_rng(0)
    truth, values = generator.random(80) < 0.2, generator.normal(size=80)
    precision, recall = precision_recall(truth, values, 10)
    assert precision == pytest.approx(slow_precision(truth, values))
    assert precision == pytest.approx(average_precision_score(truth, values))
    assert recall == pytest.approx(truth[np.argsort(-values)[:10]].sum() / truth.sum())


def test_a_perfect_score_has_precision_1_and_the_worst_has_its_closed_form() -> None:
    truth = np.arange(10) >= 8
    assert precision_recall(truth, truth.astype(float), 2) == (1.0, 1.0)
    precision, recall = precision_recall(truth, -np.arange(10.0), 2)
    assert precision == pytest.approx((1 / 9 + 2 / 10) / 2)
    assert recall == 0


def test_of_equal_values_the_earlier_rows_come_first() -> None:
    assert precision_recall(np.array([True, False, False]), np.ones(3), 1)[1] == 1
    assert precision_recall(np.array([False, False, True]), np.ones(3), 1)[1] == 0


def test_the_artefact_share_counts_the_likely_among_the_strangest() -> None:
    assert artefact_share(
        np.array([4.0, 3, 2, 1]), np.array([0.9, 0.5, 0.51, 1.0]), 3
    ) == pytest.approx(2 / 3)


def slow_scores(features: np.ndarray, method: str, k: int) -> np.ndarray:
    """The scores of one draw, from nothing: neighbours are searched and not merged."""
    if method == "lof":
        return -LocalOutlierFactor(n_neighbors=k).fit(features).negative_outlier_factor_
    if method == "mahalanobis":
        inverse = np.linalg.inv(ledoit_wolf(features)[0])
        return np.array([np.sqrt(gap @ inverse @ gap) for gap in features - features.mean(axis=0)])
    gaps = np.linalg.norm(features[:, None] - features[None], axis=2)
    return np.sort(gaps, axis=1)[:, 1 : k + 1].mean(axis=1)


def test_each_draw_equals_slow_scores_of_the_galaxies_that_are_left() -> None:
    vectors, rare = world()
    common, chosen = np.flatnonzero(rare == 0), np.flatnonzero(rare == 1)
    features = ((vectors - vectors[common].mean(axis=0)) / vectors[common].std(axis=0)).astype(
        np.float64
    )
    found = leaderboard(
        vectors, rare, 0.05, draws=3, seed=7, scores=("knn", "lof", "mahalanobis"), k=9, top=12
    )
    assert [ranking.score for ranking in found] == ["knn", "lof", "mahalanobis"]
    for ranking in found:
        for draw in range(3):
            kept = np.sort(
                np.random.default_rng((7, draw)).choice(
                    len(chosen), ranking.num_rare, replace=False
                )
            )
            rows = np.concatenate([common, chosen[kept]])
            values = slow_scores(features[rows], ranking.score, 9)
            truth = np.arange(len(rows)) >= len(common)
            assert ranking.average_precision[draw] == pytest.approx(
                slow_precision(truth, values), rel=1e-5
            )
            recall = truth[np.argsort(-values)[:12]].sum() / truth.sum()
            assert ranking.recall[draw] == pytest.approx(recall)
            assert ranking.enrichment[draw] == pytest.approx(
                truth[np.argsort(-values)[:12]].mean() / truth.mean()
            )


@pytest.mark.slow
def test_all_rare_kept_gives_about_the_scores_of_the_whole_set(
    make_embeddings: Callable[..., Embeddings],
) -> None:
    vectors, rare = world(95, 5)
    (ranking,) = leaderboard(vectors, rare, 0.05, draws=1, scores=("isolation",), top=5)
    assert ranking.num_rare == 5
    assert ranking.num_galaxies == 100
    scores = anomaly_scores(
        make_embeddings(vectors[np.argsort(rare, kind="stable")]), method="isolation"
    )
    truth = np.arange(100) >= 95
    assert ranking.average_precision[0] == pytest.approx(
        average_precision_score(truth, scores), abs=0.1
    )


@pytest.mark.parametrize("method", [name for name in vector_scores() if name != "isolation"])
def test_far_rare_galaxies_are_found_and_indistinct_ones_only_by_chance(method: str) -> None:
    (far,) = leaderboard(*world(200, 10, distance=8), 0.03, draws=3, scores=(method,), top=6)
    assert far.average_precision.min() > 0.9
    assert far.enrichment.min() > 20
    (near,) = leaderboard(*world(200, 10, distance=0), 0.03, draws=3, scores=(method,), top=6)
    assert near.average_precision.mean() < 0.3


def test_a_combination_ranks_only_the_galaxies_of_a_draw() -> None:
    vectors, rare = world()
    given = np.random.default_rng(2).normal(size=len(rare))
    (found,) = [
        ranking
        for ranking in leaderboard(
            vectors,
            rare,
            0.04,
            1,
            scores=("knn",),
            k=5,
            fixed={"mine": given},
            combined={"both": ("knn", "mine")},
        )
        if ranking.score == "both"
    ]
    common, others = np.flatnonzero(rare == 0), np.flatnonzero(rare == 1)
    kept = np.sort(np.random.default_rng((0, 0)).choice(20, found.num_rare, replace=False))
    rows = np.concatenate([common, others[kept]])
    features = (vectors - vectors[common].mean(0)) / vectors[common].std(0)
    gaps = np.linalg.norm(features[rows, None] - features[None, rows], axis=2)
    near = np.sort(gaps, axis=1)[:, 1:6].mean(axis=1)
    ranks = near.argsort().argsort() + given[rows].argsort().argsort()
    expected = average_precision_score(rare[rows], ranks)
    assert found.average_precision[0] == pytest.approx(expected)


def test_fixed_scores_artefacts_and_properties_are_those_of_the_galaxies_that_are_left() -> None:
    vectors, rare = world()
    generator = np.random.default_rng(5)
    given, artefacts, light = (
        generator.normal(size=140),
        generator.random(140),
        generator.normal(size=140),
    )
    light[3] = np.nan
    properties = {"light": light, "constant": np.ones(140)}
    settings = {
        "scores": (),
        "fixed": {"mine": given},
        "artefacts": artefacts,
        "properties": properties,
        "top": 30,
    }
    (ranking,) = leaderboard(vectors, rare, 0.05, 2, **settings)
    common, chosen = np.flatnonzero(rare == 0), np.flatnonzero(rare == 1)
    rho = []
    for draw in range(2):
        kept = np.sort(
            np.random.default_rng((0, draw)).choice(len(chosen), ranking.num_rare, replace=False)
        )
        rows = np.concatenate([common, chosen[kept]])
        assert ranking.average_precision[draw] == pytest.approx(
            slow_precision(rare[rows] == 1, given[rows])
        )
        assert ranking.artefact_share[draw] == pytest.approx(
            (artefacts[rows][np.argsort(-given[rows])[:30]] > 0.5).mean()
        )
        finite = rows[np.isfinite(light[rows])]
        rho.append(spearmanr(given[finite], light[finite]).statistic)
    assert ranking.follows["light"] == pytest.approx(np.mean(rho))
    assert np.isnan(ranking.follows["constant"])


def test_unknown_galaxies_take_no_part_even_with_broken_vectors() -> None:
    vectors, rare = world()
    more = np.vstack([vectors, np.full((7, 5), np.nan, np.float32)])
    with_unknown = leaderboard(
        more, np.concatenate([rare, np.full(7, -1)]), draws=2, scores=("knn", "lof")
    )
    for one, other in zip(
        leaderboard(vectors, rare, draws=2, scores=("knn", "lof")), with_unknown, strict=True
    ):
        np.testing.assert_array_equal(one.average_precision, other.average_precision)
        assert np.isnan(one.artefact_share).all()


def test_the_same_draws_are_used_for_other_vectors_and_other_seeds_draw_others() -> None:
    vectors, rare = world()
    fixed = {"given": np.random.default_rng(1).normal(size=140)}
    rankings = [
        leaderboard(numbers, rare, 0.05, 4, scores=(), fixed=fixed)[0]
        for numbers in (vectors, vectors[:, :2] ** 2)
    ]
    np.testing.assert_array_equal(rankings[0].average_precision, rankings[1].average_precision)
    other = leaderboard(vectors, rare, 0.05, 4, seed=1, scores=(), fixed=fixed)[0]
    assert (other.average_precision != rankings[0].average_precision).any()


@pytest.mark.slow
def test_three_galaxies_and_duplicates_do_no_harm() -> None:
    for vectors in (np.eye(3, 2), np.ones((3, 2))):
        for ranking in leaderboard(vectors, np.array([0, 1, 0]), 0.3, draws=1):
            assert np.isfinite(ranking.average_precision).all()
            assert ranking.top == 3


def test_the_interval_is_that_of_the_draws() -> None:
    assert mean_interval(np.arange(101.0)) == pytest.approx((50, 2.5, 97.5))


def test_the_kept_number_makes_up_the_fraction_of_what_is_left() -> None:
    assert num_kept(980, 50, 0.02) == 20
    assert num_kept(10, 50, 0.001) == 1


VECTORS, RARE = world(20, 4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"rare": np.zeros(24, int)},
            "Expected rare galaxies and at least 2 others, found 0 and 24",
        ),
        ({"rare": np.ones(24, int)}, "found 24 and 0"),
        ({"rare": RARE[1:]}, "24 vectors and 23 of rare"),
        ({"fraction": 0.5}, "needs 20 rare galaxies and there are 4; choose at most 0.17"),
        ({"fraction": 0}, "between 0 and 1"),
        ({"scores": ("norm",)}, "no anomaly score 'norm' of vectors; choose one of knn"),
        ({"draws": 0}, "draws and top of at least 1, found 0"),
        ({"k": 0}, "k is 0"),
        ({"fixed": {"mine": np.ones(23)}}, "23 of mine"),
        ({"fixed": {"mine": np.full(24, np.nan)}}, "Some mine are not finite"),
        ({"vectors": VECTORS * np.nan}, "Some vectors are not finite"),
        ({"artefacts": np.ones(2)}, "2 of artefacts"),
        ({"properties": {"light": np.ones(2)}}, "2 of light"),
    ],
)
def test_what_cannot_be_ranked_is_refused(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        leaderboard(**({"vectors": VECTORS, "rare": RARE, "fraction": 0.1, "draws": 1} | settings))
