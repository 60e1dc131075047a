"""Histograms below the map: which are shown, and what a choice in one makes of the filter."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from page_runner import QUIET, run_page, settled, words

from app.components.histograms.histograms import Panel, read_choice
from app.pages.map.column_panel import changed, worth_a_look
from astrojepa.data.histograms import chosen_bars, histogram
from astrojepa.data.values import Numbers, Values, Words

pytestmark = QUIET
NUMBERS = Numbers(np.linspace(0, 1, 101))
WORDS = Words(np.array([0, 1, 1, 1, -1]), ("Sa", "Sb"))


def panel(column: str, values: Values, expression: str = "") -> Panel:
    found = histogram(values)
    return Panel(column, column, found, None, chosen_bars(expression, column, found))


def test_a_range_replaces_the_one_before_and_leaves_the_rest_of_the_filter() -> None:
    z = panel("z", NUMBERS)
    assert changed("", z, [2, 3]) == "0.1 <= z < 0.2"
    assert changed('z > 0.5 & kind == "Sa"', z, [2, 3]) == 'kind == "Sa" & 0.1 <= z < 0.2'
    assert changed("a < 1 | b < 1", z, [0, 0]) == "(a < 1 | b < 1) & z < 0.05"
    assert changed("0.1 <= z < 0.2 & a < 1", z, []) == "a < 1"


def test_words_are_added_and_taken_away_one_by_one() -> None:
    first = changed("", panel("kind", WORDS), [0])
    assert first == 'kind == "Sb"'
    both = changed(first, panel("kind", WORDS, first), [1])
    assert both == 'kind in ["Sb", "Sa"]'
    unknown = changed(both, panel("kind", WORDS, both), [2])
    assert unknown == 'kind in ["Sb", "Sa", ""]'
    assert changed(first, panel("kind", WORDS, first), [0]) == ""


@pytest.mark.parametrize(
    "message",
    [
        None,
        [],
        ["y", 0, 1],
        ["z", 1, 0],
        ["z", 0],
        ["z", -1, 0],
        ["z", 0, 999],
        ["z", True, 1],
        ["z", 0.0, 1],
        ["kind", 3],
        ["kind", 0, 1],
        {"z": 1},
    ],
)
def test_a_message_that_no_panel_sends_is_ignored(message: object) -> None:
    assert read_choice(message, [panel("z", NUMBERS), panel("kind", WORDS)]) is None


def test_columns_that_are_constant_unknown_or_names_are_not_shown_at_first() -> None:
    columns = {
        "same": Numbers(np.ones(9)),
        "unknown": Numbers(np.full(9, np.nan)),
        "name": Words(np.arange(9), tuple("abcdefghi")),
        "id": Words(np.arange(9) % 2, ("a", "b")),
        "kind": Words(np.arange(9) % 2, ("a", "b")),
        "label": Words(np.arange(9) % 2, ("a", "b")),
        **{f"z{k}": Numbers(np.arange(9.0)) for k in range(8)},
    }
    counted: list[str] = []
    about: Any = SimpleNamespace(columns=columns, histogram=counted.append)
    assert worth_a_look(about) == ["kind", "z0", "z1", "z2", "z3", "z4"] == counted


def test_nothing_is_counted_before_the_panel_is_open(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    test = run_page(monkeypatch, pages_cache, "map")
    assert not [box for box in test.multiselect if box.key == "histogram_columns"]
    test.session_state["histograms_open"] = True
    settled(test.run())
    (box,) = (box for box in test.multiselect if box.key == "histogram_columns")
    assert box.value[:2] == ["class", "anomaly_score"]
    assert "snr" in box.options
    assert "Grey: all galaxies" in words(test)
    box.set_value([]).run()
    assert test.session_state["histogram_columns"] == [], "what was emptied stays empty"
