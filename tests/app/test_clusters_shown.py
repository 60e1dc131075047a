"""Clusters on the map's page: a colouring, two columns, a sentence, and links that bring them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_runner import QUIET, run_page, settled, words

from app.components.latent_map import colouring, palette
from app.pages.map.cluster_choice import clusters_sentence
from app.session import loaders
from astrojepa.evaluation.maps.clusters import Clustering, Clusters

pytestmark = QUIET
COUNT = 120
COARSE = np.repeat([0, 1, -1], [60, 40, 20])
FINE = np.repeat([0, 1, 2, -1], [40, 30, 30, 20])
NAMES = {"coarse": ("82 % edge-on, red", "blue"), "fine": ("a", "b", "c")}


def found(coarse: np.ndarray = COARSE, fine: np.ndarray = FINE) -> loaders.NamedClusters:
    clusters = Clusters(Clustering(coarse, 0.74), Clustering(fine, 0.58))
    return loaders.NamedClusters(clusters, NAMES)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, pages_cache: Path) -> Callable[..., Any]:
    def make(answer: loaders.NamedClusters, **query: str) -> Any:
        monkeypatch.setattr(loaders, "clusters", lambda *_: lambda report: answer)
        return run_page(
            monkeypatch,
            pages_cache,
            "map",
            data=f"simulated:{COUNT}",
            checkpoint="baseline",
            query={"map": "pca", **query},
        )

    return make


@pytest.mark.slow
def test_clusters_colour_the_map_say_how_stable_they_are_and_filter(
    opened: Callable[..., Any],
) -> None:
    test = opened(found(), colour="feature cluster")
    said = words(test)
    assert "**2 clusters** in feature space hold 83 % of the galaxies, 3 finer ones 83 %" in said
    assert "adjusted Rand index of 0.74 and 0.58" in said
    next(b for b in test.button if b.label.endswith("edge-on, red (60)")).click().run()
    settled(test)
    assert test.session_state["filter"] == 'feature_cluster == "82 % edge-on, red"'
    assert "60 of 120 galaxies match." in words(test)
    assert test.query_params["colour"] in ("feature cluster", ["feature cluster"])
    linked = opened(found(), filter='finer_feature_cluster in ["a", "c"]')
    assert "70 of 120 galaxies match." in words(linked)
    assert linked.session_state["colour"] == "class", "the filter alone asks for clusters too"


def test_a_page_that_shows_no_clusters_finds_none(
    monkeypatch: pytest.MonkeyPatch, opened: Callable[..., Any]
) -> None:
    def never(report: Any) -> None:
        raise AssertionError("clusters were not asked for")

    test = opened(never)
    assert "clusters" not in words(test)


def test_without_stable_clusters_the_page_says_so() -> None:
    nothing = Clustering(np.full(COUNT, -1), 0.34)
    sentence = clusters_sentence(Clusters(nothing, nothing))
    assert sentence.startswith("**No stable clusters**")
    assert "0.34 at most; 0.5 is needed" in sentence
    one = Clustering(COARSE, 0.9)
    assert "finer" not in clusters_sentence(Clusters(one, one))


def test_each_cluster_has_a_colour_and_galaxies_in_none_are_grey() -> None:
    coloured = colouring.by_cluster(COARSE, NAMES["coarse"], "Cluster")
    groups = coloured.legend["groups"]
    assert [group["count"] for group in groups] == [60, 40, 20]
    assert groups[-1]["name"] == "in no cluster"
    assert (coloured.codes[COARSE < 0] == colouring.UNKNOWN).all()
    assert len(set(palette.DISTINCT)) >= 16
    assert colouring.by_cluster(COARSE, (), "Cluster").legend["groups"][0]["count"] == COUNT
