"""Histograms of columns below the map: what is chosen in one becomes part of the filter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from astrojepa.data.filters import with_clause
from astrojepa.data.histograms import (
    Histogram,
    chosen_bars,
    histogram,
    range_clause,
    words_clause,
)
from astrojepa.data.values import Values, Words

from ...components.histograms.histograms import Panel, histograms, read_choice
from ...components.latent_map.colouring import title_and_unit
from ...session import state
from ...session.columns import columns_of
from ...session.workspace import Workspace
from .filter_box import set_filter

KEY = "histograms"
AT_FIRST, MOST = 6, 12  # panels
FEW = 0.5  # distinct words for each galaxy from which on a column holds names
_NOT_AT_FIRST = ("id", "ra", "dec", "split")


def column_panel(workspace: Workspace, matching: np.ndarray | None, wrong: str) -> None:
    """Draw the folded panel; while it is closed, nothing is counted."""
    panel = st.expander("Histograms", key=state.HISTOGRAMS_OPEN, on_change="rerun")
    if not panel.open:
        return
    columns = columns_of(workspace)
    before = st.session_state.get(state.HISTOGRAMS)
    kept = [name for name in before or () if name in columns]
    emptied = before == []
    st.session_state[state.HISTOGRAMS] = kept if kept or emptied else worth_a_look(columns)
    with panel:
        shown = st.multiselect(
            "Columns",
            list(columns),
            key=state.HISTOGRAMS,
            persist_state="session",
            max_selections=MOST,
        )
        panels = [_panel(workspace, name, columns[name], matching) for name in shown]
        histograms(KEY, panels, lambda message: _choose(message, panels, wrong))
        colour = "" if matching is None else " In colour: those that match."
        st.caption(
            f"Drag over bars, or click one, to filter. Grey: all galaxies.{colour} Grey and colour "
            "are each scaled to their highest bar; the bars at the ends include what lies beyond."
        )


def worth_a_look(columns: Mapping[str, Values]) -> list[str]:
    """Return the first columns that differ between galaxies and are no names of them."""
    found: list[str] = []
    for name in columns:
        if len(found) == AT_FIRST:
            break
        values = columns[name]
        again = any(_same(values, columns[other]) for other in found)
        if name not in _NOT_AT_FIRST and not again and _differs(values):
            found.append(name)
    return found


def _same(first: Values, second: Values) -> bool:
    """Whether two columns say the same, as the classes and the column that they are from."""
    if not isinstance(first, Words) or not isinstance(second, Words):
        return False
    return first.words == second.words and np.array_equal(first.codes, second.codes)


def _differs(values: Values) -> bool:
    if isinstance(values, Words):
        return 1 < len(values.words) <= FEW * len(values.codes)
    known = values.values[values.known]
    return len(known) > 0 and bool(known.min() < known.max())


def _panel(workspace: Workspace, name: str, values: Values, matching: np.ndarray | None) -> Panel:
    found = _counted(workspace, name, values)
    title, unit = title_and_unit(name.replace("_", " "))
    return Panel(
        column=name,
        title=f"{title}, {unit}" if unit else title,
        found=found,
        matching=None if matching is None else found.counted(matching),
        chosen=chosen_bars(st.session_state.get(state.FILTER, ""), name, found),
    )


def _counted(workspace: Workspace, name: str, values: Values) -> Histogram:
    kept: dict[str, Any] = workspace.opened.setdefault("histograms", {})
    if name not in kept or kept[name][0] is not values:
        kept[name] = values, histogram(values)
    return kept[name][1]


def _choose(message: object, panels: list[Panel], wrong: str) -> None:
    if (choice := read_choice(message, panels)) is not None:
        expression = "" if wrong else st.session_state.get(state.FILTER, "")
        set_filter(changed(expression, *choice))


def changed(expression: str, panel: Panel, bars: list[int]) -> str:
    """Return the filter after bars were chosen: a range of numbers in place of the one before, a
    word beside those before or away from them; none to clear the column.
    """
    column, found = panel.column, panel.found
    if not bars:
        return with_clause(expression, column, "")
    if len(found.edges):
        return with_clause(expression, column, range_clause(column, found, *bars))
    marked = np.zeros(found.bars + 1, bool) if panel.chosen is None else panel.chosen.copy()
    marked[bars[0]] = not marked[bars[0]]
    words = [*found.words, ""]
    wanted = [words[k] for k in np.flatnonzero(marked)]
    return with_clause(expression, column, words_clause(column, wanted))
