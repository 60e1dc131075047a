"""The anomalies page: order, words, and the page drawn headless."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from page_runner import run_page, words
from streamlit.testing.v1 import AppTest

from app.views import anomalies_order as order

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:streamlit")


def test_the_strangest_come_first_and_a_class_or_doubtful_pictures_can_be_left_out() -> None:
    places, labels = np.array([3, 1, 4, 2]), np.array([0, 1, 0, -1])
    assert order.ranking(places, labels, None).tolist() == [1, 3, 0, 2]
    assert order.ranking(places, labels, 0).tolist() == [0, 2]
    assert order.ranking(places, labels, None, np.array([True, False, True, True])).tolist() == [3, 0, 2]


def test_galaxies_without_a_score_come_last() -> None:
    assert order.finite_places(np.array([0.5, np.nan, 2.0, -np.inf])).tolist() == [2, 3, 1, 4]


def test_only_a_likely_artefact_is_named_and_by_its_plainest_kind() -> None:
    parts = {"trail": np.array([0.9, 0.2]), "blank": np.array([0.6, 0.1])}
    assert [order.artefact_kind(parts, row) for row in (0, 1)] == ["trail", ""]


def test_a_score_that_follows_a_property_says_what_strange_means() -> None:
    found = [
        SimpleNamespace(about="S/N", spearman=-0.6, flagged=True),
        SimpleNamespace(about="brightness", spearman=0.1, flagged=False),
    ]
    assert order.follows(found, "Distance") == "Distance follows S/N (rank correlation -0.60): strange here mostly means low S/N."
    assert order.follows(found[1:], "Distance") == ""


def test_patches_have_names_and_boxes() -> None:
    assert [order.patch_words(index, 8) for index in (0, 7, 27, 63, 3)] == [
        "upper left",
        "upper right",
        "centre",
        "lower right",
        "top",
    ]
    assert order.patch_box(9, 8, (0.1, 0.2, 0.8, 0.6)) == pytest.approx((0.2, 0.275, 0.1, 0.075))


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., AppTest]:
    cache = tmp_path_factory.getbasetemp() / "pages-cache"
    return lambda **options: run_page(monkeypatch, cache, "anomalies", **options)


@pytest.mark.slow
@pytest.mark.parametrize("checkpoint", ["random", "baseline"])
def test_the_page_is_drawn_with_a_model_and_without_one(page: Any, checkpoint: str) -> None:
    test = page(checkpoint=checkpoint)
    assert not test.error
    assert "strange" in words(test).lower()
