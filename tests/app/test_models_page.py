"""Models and data: the zoo, the open model's health and curves, and what has been computed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from page_runner import run_page, tables, words
from streamlit.testing.v1 import AppTest

from app.pages.models import card as models_card
from app.pages.models import data as models_data
from app.pages.models import view as models
from astrojepa.presets import PUBLISHED, ZOO

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:streamlit")


def test_recipes_without_weights_are_not_trained_beside_what_was_published() -> None:
    table = models.zoo_table([{"id": "small.sigreg06"}])
    assert sorted(table["model"]) == sorted(ZOO)
    rows = table.set_index("model")
    assert rows.loc["small.sigreg06", "Galaxy Zoo 1, %"] == "not measured"
    for name, published in PUBLISHED.items():
        assert rows.loc[name, "published elsewhere, %"] == published["probe_percent"]
        assert rows.loc[name, "weights"] == "not trained"


def test_the_zoo_is_shown_where_nothing_is_released() -> None:
    table = models.zoo_table([])
    assert len(table) == len(ZOO)
    assert set(table["weights"]) == {"not trained"}


def test_the_open_models_numbers_stand_beside_their_baselines() -> None:
    probe = {"accuracy": 0.612, "interval": [0.58, 0.645]}
    table = models_card.measured_table(
        {"measured": [{"data": "x", "where": ["s=1"], "rows": {"linear probe": probe}}, "nonsense"]}
    )
    assert table["Linear probe, %"].tolist() == ["61.2 [58.0, 64.5]", ""]
    assert table["Galaxies"][0] == "x s=1"
    assert table[models_card.BASELINE].tolist() == ["", ""]
    assert models_card.measured_table({}).empty


def test_beside_an_accuracy_stands_the_strongest_simple_baseline_and_not_one_that_was_trained() -> (
    None
):
    rows = {
        "linear probe": {"accuracy": 0.80, "interval": [0.7, 0.9]},
        "summary statistics, linear": {"accuracy": 0.73, "interval": [0.7, 0.76]},
        "polar Fourier, 20-NN": {"accuracy": 0.81, "interval": [0.78, 0.84]},
        "pixel PCA-64, linear": {"accuracy": 0.58, "interval": [0.5, 0.6]},
        "fine-tuned": {"accuracy": 0.9, "interval": [0.8, 0.95]},
        "ImageNet transfer, linear": {"accuracy": 0.85, "interval": [0.8, 0.9]},
        "statistics of the crop, linear": "nonsense",
    }
    table = models_card.measured_table({"measured": [{"data": "x", "rows": rows}]})
    assert table[models_card.BASELINE].tolist() == ["81.0\xa0[78.0,\xa084.0]: polar Fourier, 20-NN"]


def test_curves_leave_out_what_a_run_has_not() -> None:
    rows: list[Any] = [
        {"step": 1, "total": 2.0, "invariance": 0.0, "knn_accuracy": None},
        {"step": 2, "total": 1.0, "invariance": 0.0, "knn_accuracy": 0.5},
        "nonsense",
    ]
    found = models_card.curves(
        rows, {"total": "total", "invariance": "invariance", "knn_accuracy": "accuracy"}
    )
    assert found == {"total": ([1, 2], [2.0, 1.0])}


def test_what_is_kept_costs_nothing_and_what_is_missing_says_its_price() -> None:
    table = models_data.cache_table(
        [("a", True, 500.0), ("b", False, 30.0), ("c", False, 600.0), ("d", False, 0.2)]
    )
    assert table["State"].tolist() == ["cached", "missing", "missing", "missing"]
    assert table["Cost"].tolist() == [
        "–",
        "about 30 s",
        "about 10 min",
        "about a second",
    ]


@pytest.mark.parametrize("method", ["pca", "umap", "tsne"])
def test_a_map_of_more_galaxies_takes_longer(method: str) -> None:
    seconds = [models_data.map_seconds(method, count) for count in (100, 2000, 8000, 100_000)]
    assert seconds == sorted(seconds)
    assert seconds[1:3] == pytest.approx(list(models_data.MAP_SECONDS[method]))


@pytest.fixture
def page(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., AppTest]:
    cache = tmp_path_factory.getbasetemp() / "pages-cache"
    return lambda **options: run_page(monkeypatch, cache, "models", **options)


def test_the_page_tells_health_caches_and_the_zoo(page: Callable[..., AppTest]) -> None:
    test = page()
    assert "Embedding health" in words(test)
    assert "Effective rank of hand-made statistics" in words(test)
    kept = next(table for table in tables(test) if "State" in table)
    assert kept.set_index("Result").loc["Embeddings", "State"] == "cached"
    assert "not trained" in set(
        next(table["weights"] for table in tables(test) if "weights" in table)
    )


def test_without_a_model_the_page_still_stands(page: Callable[..., AppTest]) -> None:
    assert "Principal components of the pixels" in words(page(checkpoint="baseline"))


@pytest.mark.slow
def test_curves_of_a_frozen_encoder_are_called_those_of_its_predictor(
    page: Callable[..., AppTest],
) -> None:
    said = words(page(checkpoint="small.lejepa"))
    assert "**Training of the predictor**" in said
    assert "Effective rank\n" not in said.partition("**Training of the predictor**")[2]
