"""Counts of things in the sentences of the explorer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from app.pages.anomalies.review import marks_words
from app.pages.compare import galaxy as compare_galaxy
from app.pages.map import difference_panel, filter_box, search
from app.pages.map import large as large_map_page


def store(count: int, simulated: bool = False) -> Any:
    return SimpleNamespace(name="s", map=range(count), is_simulated=simulated)


def tile(count: int) -> Any:
    return SimpleNamespace(count=count, cells=None)


def found_by(beginning: str) -> str:
    def no_position(text: str) -> tuple[float, float]:
        raise ValueError(text)

    none = np.full(3, np.nan)
    ids = np.array(["a1", "a2", "b1"])
    return search.search(beginning, ids, (), none, none, no_position).sentence


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (lambda: filter_box.matched(np.ones(1, bool)), "1 of 1 galaxy matches."),
        (lambda: filter_box.matched(np.array([True, False])), "1 of 2 galaxies matches."),
        (lambda: filter_box.matched(np.ones(1200, bool)), "1,200 of 1,200 galaxies match."),
        (lambda: large_map_page.what(store(1), ""), "**s**, 1 galaxy. "),
        (lambda: large_map_page.what(store(1, True), ""), "**s**, 1 **simulated** galaxy. "),
        (lambda: large_map_page.what(store(1200), ""), "**s**, 1,200 galaxies. "),
        (
            lambda: large_map_page.said(store(1), tile(1), None, ""),
            "**s**, 1 galaxy. The only one in view is drawn.",
        ),
        (lambda: marks_words({3: 5}), "by your 1 mark"),
        (lambda: marks_words({3: 5, 4: 1}), "by your 2 marks"),
        (
            lambda: difference_panel.summary(0, 1),
            "None of 1 column differs significantly (p < 0.001).",
        ),
        (
            lambda: difference_panel.summary(1, 4).partition(" (")[0],
            "1 of 4 columns differs significantly",
        ),
        (
            lambda: compare_galaxy.said("m", 1),
            "Nearest neighbours by m; ● = the nearest for both models",
        ),
        (
            lambda: compare_galaxy.said("m", 4),
            "Nearest neighbours by m; ● = among the 4 nearest for both models",
        ),
        (lambda: found_by("b"), "The only galaxy whose id begins with b."),
        (lambda: found_by("a"), "First of 2 galaxies whose id begins with a."),
    ],
)
def test_one_is_counted_in_the_singular_and_more_in_the_plural(said: Any, expected: str) -> None:
    assert said() == expected
