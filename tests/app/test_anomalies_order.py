"""What the anomalies page says of scores, pictures and patches."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from app.pages.anomalies import order, scores
from app.pages.anomalies.quality import quality_table, quality_verdict
from astrojepa.evaluation.anomalies.leaderboard import Ranking
from astrojepa.evaluation.anomalies.leaderboard_table import Row
from astrojepa.evaluation.anomalies.registry import names
from astrojepa.evaluation.pictures.checks import Correlation


def test_likely_artefacts_are_left_out_of_the_ranking() -> None:
    places, labels = np.array([4, 1, 3, 2]), np.array([0, 1, 0, 1])
    keep = np.array([True, False, True, True])
    assert order.ranking(places, labels, None, keep).tolist() == [3, 2, 0]
    assert order.ranking(places, labels, 1, keep).tolist() == [3]


def test_what_has_no_score_comes_last() -> None:
    assert order.finite_places(np.array([np.nan, 2.0, 5.0, 2.0])).tolist() == [4, 2, 1, 3]


def test_the_plainest_artefact_is_named_and_a_weak_one_is_not() -> None:
    parts = {"trail": np.array([0.9, 0.2]), "blank": np.array([0.6, 0.4])}
    assert order.artefact_kind(parts, 0) == "trail"
    assert order.artefact_kind(parts, 1) == ""


def test_a_score_that_follows_signal_to_noise_is_flagged_in_words() -> None:
    found = [
        Correlation("knn", "brightness", 0.2),
        Correlation("knn", "S/N", -0.54),
        Correlation("knn", "star count", float("nan")),
    ]
    assert order.follows(found, "Distance") == (
        "Distance correlates with S/N (rank correlation -0.54): high scores are mostly low S/N."
    )
    assert order.follows(found[:1], "Distance") == ""


@pytest.mark.parametrize(
    ("index", "words"),
    [
        (0, "upper left"),
        (8, "upper right"),
        (40, "centre"),
        (4, "top"),
        (36, "left"),
        (76, "bottom"),
    ],
)
def test_a_patch_is_named_by_where_it_lies(index: int, words: str) -> None:
    assert order.patch_words(index, 9) == words


def test_the_frame_of_a_patch_lies_inside_what_the_model_sees() -> None:
    assert order.patch_box(5, 4, (0.1, 0.1, 0.8, 0.8)) == pytest.approx((0.3, 0.3, 0.2, 0.2))


def test_a_weak_correlation_of_many_galaxies_is_weak_and_not_none() -> None:
    found = {"brightness": -0.33, "S/N": 0.05, "star count": float("nan")}
    assert order.correlations_words(found, 1000) == "brightness −0.33 (weak), S/N +0.05 (none)"
    assert order.correlations_words({"S/N": 0.33}, 30) == "S/N +0.33 (none)"
    assert (
        order.correlations_words({"a": 0.6, "b": -0.8}, 30)
        == "a +0.60 (moderate), b −0.80 (strong)"
    )


def test_unknown_positions_are_not_written() -> None:
    assert order.position_words(float("nan"), 1.0) == ""
    assert order.position_words(12.5, -1.25) == "12.5000° -1.2500°"


def test_scores_that_need_what_the_model_lacks_are_not_offered() -> None:
    assert scores.offered(True, True) == names()
    assert "prediction" not in scores.offered(True, False)
    assert "jepa-score" in scores.offered(True, False)
    assert scores.offered(False, False) == ("knn", "lof", "mahalanobis", "isolation")
    assert all(scores.title(name) != name and scores.how(name, "m") for name in names())
    assert scores.title("pixel-pca-mahalanobis") == "Pixels: Mahalanobis distance"
    assert scores.title("pixel-pca-knn") == "Pixels: kNN distance"
    assert scores.mid_sentence("Local outlier factor") == "local outlier factor"


def test_the_table_shows_the_interval_and_the_difference_to_the_first() -> None:
    def ranking(name: str, values: list[float]) -> Ranking:
        array = np.array(values)
        return Ranking(
            name, array, array, 10 * array, array, 2, 100, 20, {"S/N": -0.7, "brightness": 0.1}
        )

    rows = [
        Row("encoder", ranking("knn", [0.1, 0.3]), (0.0, 0.0, 0.0)),
        Row("pixel PCA-64", ranking("lof", [0.4, 0.4]), (0.2, 0.1, 0.3)),
    ]
    table = quality_table(rows)
    assert table["features"].tolist() == ["This model", "Pixel PCA"]
    assert table["precision"].tolist() == pytest.approx([0.2, 0.4])
    assert table["less"].tolist() == ["", "+0.200 [+0.100, +0.300]"]
    worse = [rows[0], Row("random", ranking("lof", [0.1, 0.1]), (-0.1, -0.2, 0.05))]
    assert quality_table(worse)["less"][1] == "−0.100 [−0.200, +0.050]"
    assert table["follows"][0] == "S/N −0.70 (strong)"
    weak = replace(rows[0].ranking, follows={"brightness": 0.1})
    assert quality_table([replace(rows[0], ranking=weak)])["follows"][0] == "none"
    unchecked = replace(weak, follows={}, artefact_share=np.full(2, np.nan))
    assert not {"follows", "artefacts"} & set(quality_table([replace(rows[0], ranking=unchecked)]))
    assert quality_verdict(rows, "Merging") == (
        "2 of class Merging among 100 galaxies, 2 draws. Best: local outlier factor on pixel PCA, "
        "average precision 0.400, above chance (0.020). Row 1, kNN distance on this model, has "
        "0.200."
    )
    default = [Row("encoder", ranking("asymmetry-lof", [0.05, 0.07]), (0.0, 0.0, 0.0)), *rows]
    assert quality_verdict(default, "Merging").endswith(
        "The default, asymmetry and local outlier factor on this model, has 0.060."
    )
    assert "The default" not in quality_verdict(default[:1], "Merging"), "it is the best"
    assert SimpleNamespace(**table.iloc[0]).recall == pytest.approx(20)


def test_the_worst_patch_is_one_with_light_where_any_has_it() -> None:
    errors = np.arange(16.0).reshape(4, 4)  # largest in the empty corner
    sky = np.random.default_rng(0).integers(10, 20, (32, 32, 1), dtype=np.uint8)
    seen = np.repeat(sky, 3, axis=2)
    assert order.worst_patch(errors, seen) == 15, "nothing but sky"
    seen[8:24, 8:24] += 100
    assert order.worst_patch(errors, seen) == 10, "of the four patches of the galaxy"
    errors[2, 2] = np.nan
    assert order.worst_patch(errors, seen) == 9
