from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from astrojepa.checkpoints.model import load_model
from astrojepa.evaluation.anomalies import DEFAULT, registry
from astrojepa.evaluation.anomalies import leaderboard_table as module
from astrojepa.evaluation.anomalies.leaderboard import Ranking, leaderboard
from astrojepa.evaluation.anomalies.leaderboard_table import (
    Row,
    leaderboard_table,
    rare_labels,
    table_lines,
)
from astrojepa.evaluation.anomalies.registry import find
from astrojepa.evaluation.vectors.embed import embed
from astrojepa.types import Embeddings

Make = Callable[..., Any]
LABELS = np.arange(24) % 4
IMAGES = np.random.default_rng(0).integers(0, 120, size=(24, 64, 64, 3), dtype=np.uint8)


def row(follows: dict[str, float]) -> Row:
    numbers = np.linspace(0.2, 0.4, 5)
    return Row(
        "encoder",
        Ranking("knn", numbers, numbers, 10 * numbers, numbers / 2, 3, 100, 10, follows),
        (0.1, 0, 0.2),
    )


def test_a_class_is_rare_and_unlabelled_galaxies_are_unknown(make_dataset: Make) -> None:
    data = make_dataset(IMAGES, np.where(np.arange(24) < 4, -1, LABELS))
    found = rare_labels(data, "merger")
    np.testing.assert_array_equal(found, np.where(np.arange(24) < 4, -1, LABELS == 3))


def test_injected_kinds_and_artefacts_are_rare_where_the_table_names_them(
    make_dataset: Make,
) -> None:
    table = pd.DataFrame(
        {
            "kind": ["ring", "lens", "spiral", "spiral"],
            "artefact": ["none", "none", "trail", "none"],
        }
    )
    data = replace(make_dataset(IMAGES[:4], LABELS[:4]), table=table)
    np.testing.assert_array_equal(rare_labels(data, "ring+lens"), [1, 1, 0, 0])
    np.testing.assert_array_equal(rare_labels(data, "trail"), [0, 0, 1, 0])
    with pytest.raises(
        ValueError, match=r"no class 'comet' to thin; choose one of spiral, .*lens, none, ring"
    ):
        rare_labels(data, "ring+comet")


def test_an_unknown_class_is_refused_and_the_known_are_named(make_dataset: Make) -> None:
    with pytest.raises(
        ValueError,
        match="memory has no class 'comet' to thin; choose one of spiral, round, edge-on, merger",
    ):
        rare_labels(make_dataset(IMAGES), "comet")


@pytest.mark.slow
def test_every_score_has_a_row_and_knn_on_the_encoder_is_what_others_are_compared_with(
    make_dataset: Make,
) -> None:
    model, data = load_model("random"), make_dataset(IMAGES, LABELS)
    rows = leaderboard_table(model, data, "merger", 0.1, draws=1, k=5)
    assert [(row.vectors, row.ranking.score) for row in rows] == [
        *(("encoder", name) for name in ("knn", "lof", "mahalanobis", "isolation")),
        *(
            ("encoder", name)
            for name in ("prediction", "normalised-prediction", "seed-formula", "asymmetry")
        ),
        ("encoder", "asymmetry-lof"),
        *(
            (name, score)
            for name in ("pixel PCA-64", "summary statistics", "random weights")
            for score in ("knn", "lof")
        ),
        ("random weights", "asymmetry"),
        ("random weights", "asymmetry-lof"),
        *(
            ("none", name)
            for name in ("pixel-asymmetry", "brightness", "S/N", "star count", "artefact")
        ),
    ]
    assert rows[0].difference == (0, 0, 0)
    vectors = embed(model, data).vectors
    (knn,) = leaderboard(vectors, rare_labels(data, "merger"), 0.1, 1, scores=("knn",), k=5)
    np.testing.assert_array_equal(rows[0].ranking.average_precision, knn.average_precision)
    for found in rows:
        assert set(found.ranking.follows) == {"brightness", "S/N", "star count"}
        gap = found.ranking.average_precision - knn.average_precision
        assert found.difference[0] == pytest.approx(gap.mean())
        json.dumps(found.to_dict(), allow_nan=False)


def test_each_look_at_the_images_beside_vectors_says_how_far_it_is(make_dataset: Make) -> None:
    data, told = make_dataset(IMAGES, LABELS), list[tuple[int, str]]()
    vectors = np.random.default_rng(1).normal(size=(24, 6)).astype(np.float32)
    given = Embeddings(vectors, data.labels, data.ids, data.classes, "", data.fingerprint)
    leaderboard_table(
        *(None, data, "merger", 0.1),
        draws=1,
        found=given,
        progress=lambda done, total, text: told.append((done, text)),
    )
    reading = f"reading {data.name}"
    assert [text for done, text in told if done == 24] == [
        "checking images",
        reading,  # for pixel PCA
        reading,  # larger, for statistics
        "measuring images",
    ]


def test_slow_adds_random_masks_and_jepa_score(
    make_stand_in: Make, make_dataset: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, data = make_stand_in(has_predictor=False), make_dataset(IMAGES, LABELS)
    model.randomised = lambda: model
    registry.all_scores()
    known = {
        name: find(name)
        for name in (
            DEFAULT,
            "asymmetry",
            "knn",
            "lof",
            "prediction",
            "jepa-score",
            "pixel-asymmetry",
        )
    }
    quick = dataclasses.replace(
        find("jepa-score"), compute=lambda model, data, progress: np.arange(24.0)
    )
    monkeypatch.setattr(registry, "_SCORES", known | {"jepa-score": quick})
    plain = [row.ranking.score for row in leaderboard_table(model, data, "merger", 0.1, draws=1)]
    slow = [
        row.ranking.score
        for row in leaderboard_table(model, data, "merger", 0.1, draws=1, slow=True)
    ]
    assert [*plain[:3], "jepa-score", *plain[3:]] == slow
    assert "prediction" not in slow, "a checkpoint without predictor has no prediction errors"
    model.has_predictor = True
    quick = dataclasses.replace(
        find("prediction"), compute=lambda model, data, progress: np.ones(24)
    )
    monkeypatch.setitem(registry._SCORES, "prediction", quick)
    monkeypatch.setattr(
        module,
        "prediction_error_scores",
        lambda *given, **settings: {"prediction": np.arange(24.0)},
    )
    full = [
        row.ranking.score
        for row in leaderboard_table(model, data, "merger", 0.1, draws=1, slow=True)
    ]
    assert full[2:6] == ["prediction", "asymmetry", "jepa-score", "prediction, random masks"]


def test_a_score_is_flagged_above_a_half_either_way() -> None:
    found = row({"brightness": 0.51, "S/N": -0.8, "star count": 0.5, "constant": float("nan")})
    assert found.flags == {"brightness": 0.51, "S/N": -0.8}
    assert found.to_dict()["spearman"]["constant"] is None
    assert found.to_dict()["flagged"] == ["brightness", "S/N"]


def test_the_lines_show_means_and_intervals() -> None:
    lines = table_lines([row({"S/N": -0.8})])
    assert lines[0].startswith("3 rare of 100 galaxies, 5 draws; chance has AP 0.030.")
    assert (
        lines[-1]
        == "| encoder | knn | 0.300 [0.205, 0.395] | +0.100 [+0.000, +0.200] | 30.0% | 3.0 | 15.0% "
        "| S/N -0.80 |"
    )
