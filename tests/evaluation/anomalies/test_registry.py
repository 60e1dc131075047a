from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from app.pages.anomalies.scores import offered, title
from astrojepa.evaluation.anomalies import registry as module
from astrojepa.evaluation.anomalies.leaderboard import leaderboard
from astrojepa.evaluation.anomalies.registry import (
    Features,
    all_scores,
    anomaly_score,
    find,
    mean_rank,
    names,
    vector_scores,
)
from astrojepa.evaluation.anomalies.scoring import anomaly_scores, score_by_name
from astrojepa.evaluation.vectors.embed import embed, pixel_pca

Make = Callable[..., Any]
IMAGES = np.random.default_rng(0).integers(0, 255, size=(30, 40, 40, 3), dtype=np.uint8)


@pytest.mark.parametrize("method", vector_scores())
def test_methods_are_those_of_anomaly_scores_on_embeddings_and_on_pixels(
    make_stand_in: Make, make_dataset: Make, method: str
) -> None:
    model, data = make_stand_in(), make_dataset(IMAGES)
    expected = anomaly_scores(embed(model, data), method=method, k=4)
    np.testing.assert_array_equal(score_by_name(model, data, method, 4), expected)
    pixels = anomaly_scores(pixel_pca(data, data)[0], method=method, k=4)
    np.testing.assert_array_equal(score_by_name(model, data, "pixel-pca-" + method, 4), pixels)


def test_scores_of_the_model_are_computed_from_model_and_galaxies(
    make_stand_in: Make, make_dataset: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, data = make_stand_in(), make_dataset(IMAGES)
    own = [
        name for name, score in all_scores().items() if score.needs != "vectors" and not score.parts
    ]
    assert {"asymmetry", "pixel-asymmetry", "prediction", "jepa-score"} <= set(own)
    for place, name in enumerate(own):
        told = lambda *given, progress, place=place: (given, place)  # noqa: E731
        monkeypatch.setitem(module._SCORES, name, dataclasses.replace(find(name), compute=told))
        assert score_by_name(model, data, name) == ((model, data), place)


def test_a_combination_is_the_mean_of_the_ranks_by_its_parts_where_asymmetry_counts_four_times(
    make_stand_in: Make, make_dataset: Make
) -> None:
    model, data = make_stand_in(), make_dataset(IMAGES)
    ranks = [
        [(1 + sum(values < own) + sum(values <= own)) / 2 for own in values]
        for values in (score_by_name(model, data, part, 4) for part in ("asymmetry", "lof"))
    ]
    expected = np.average(ranks, axis=0, weights=[4, 1]) / len(data)
    np.testing.assert_allclose(score_by_name(model, data, "asymmetry-lof", 4), expected)
    np.testing.assert_array_equal(
        find("asymmetry-lof").compute(model, data), score_by_name(model, data, "asymmetry-lof")
    )


def test_equal_scores_share_their_mean_rank() -> None:
    found = mean_rank([np.array([3.0, 1.0, 3.0, 0.0]), np.array([0.0, 1.0, 2.0, 3.0])])
    np.testing.assert_allclose(found, np.array([3.5 + 1, 2 + 2, 3.5 + 3, 1 + 4]) / 8)


@pytest.fixture
def farthest(monkeypatch: pytest.MonkeyPatch) -> str:
    """A score that somebody adds."""
    all_scores()  # the others are known first
    monkeypatch.setattr(module, "_SCORES", dict(module._SCORES))

    @anomaly_score("norm", "Distance from the mean", "how far from the mean galaxy")
    def norm(features: Features) -> np.ndarray:
        return np.linalg.norm(features.new, axis=1).astype(np.float64)

    return "norm"


def test_an_added_score_is_offered_everywhere(farthest: str, make_embeddings: Make) -> None:
    vectors = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    rare = np.arange(40) >= 30
    vectors[30:] += 9
    assert {farthest, "pixel-pca-" + farthest} <= set(names())
    assert offered(False, False)[-1] == farthest
    assert title("pixel-pca-norm") == "Pixels: distance from the mean"
    ranking = leaderboard(vectors, rare.astype(int), 0.2, 3, scores=[farthest], top=5)[0]
    assert ranking.average_precision.mean() > 0.9
    assert anomaly_scores(make_embeddings(vectors), method=farthest).argmax() >= 30


@pytest.mark.usefixtures("farthest")
def test_a_name_is_taken_once_and_needs_are_known() -> None:
    with pytest.raises(ValueError, match="There is an anomaly score 'norm' already"):
        anomaly_score("norm", "", "")(lambda features: features.new)
    with pytest.raises(
        ValueError, match="needs one of vectors, predictor, encoder, images; found 'luck'"
    ):
        anomaly_score("lucky", "", "", needs="luck")


def test_an_unknown_score_is_refused_before_anything_is_read(
    make_stand_in: Make, make_dataset: Make
) -> None:
    data = make_dataset(IMAGES)
    with pytest.raises(
        ValueError, match="no anomaly score 'norm'; choose one of asymmetry-lof, knn, lof"
    ):
        score_by_name(make_stand_in(), data, "norm")
    assert data.reader.reads == 0
    for name in names():
        assert find(name).name == name.removeprefix("pixel-pca-")
