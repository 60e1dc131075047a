"""Histograms of columns below the map: what is chosen in one becomes part of the filter."""

from __future__ import annotations

import numpy as np
import streamlit as st

from astrojepa.data.filters import with_clause
from astrojepa.data.histograms import chosen_bars, range_clause, words_clause
from astrojepa.data.values import Values, Words
from astrojepa.progress import Progress
from astrojepa.wording import galaxies

from ...components.histograms.histograms import Panel, histograms, read_choice
from ...components.latent_map.colouring import title_and_unit
from ...session import state
from ...session.described import Described
from .filter_box import set_filter

KEY = "histograms"
AT_FIRST, MOST = 6, 12  # panels
FEW = 0.5  # distinct words for each galaxy from which on a column holds names
_NOT_AT_FIRST = ("id", "ra", "dec", "split")


def column_panel(about: Described, matching: np.ndarray | None, wrong: str) -> None:
    """Draw the folded panel; while it is closed, nothing is counted."""
    panel = st.expander("Histograms", key=state.HISTOGRAMS_OPEN, on_change="rerun")
    if not panel.open:
        return
    before = st.session_state.get(state.HISTOGRAMS)
    kept = [name for name in before or () if name in about.columns]
    with panel:
        if not kept and before != []:
            found = about.ready(
                ("histograms", about.made_of), "Reading columns", lambda report: worth_a_look(about)
            )
            if found is None:
                return
            kept = found
        st.session_state[state.HISTOGRAMS] = kept
        shown = st.multiselect(
            "Columns",
            list(about.columns),
            key=state.HISTOGRAMS,
            persist_state="session",
            max_selections=MOST,
        )
        panels = _panels(about, shown, matching)
        if panels is None:
            return
        histograms(KEY, panels, lambda message: _choose(message, panels, wrong))
        colour = "" if matching is None else " In colour: those that match."
        st.caption(
            f"Drag over bars, or click one, to filter. Grey: all galaxies.{colour} Grey and colour "
            "are each scaled to their highest bar; the bars at the ends include what lies beyond."
        )


def worth_a_look(about: Described) -> list[str]:
    """Return the first columns that differ between galaxies and do not name them."""
    columns = about.columns
    found: list[str] = []
    words: list[Words] = []
    for name in columns:
        if len(found) == AT_FIRST:
            break
        if name in _NOT_AT_FIRST or not _differs(values := columns[name]):
            continue
        if isinstance(values, Words):
            if any(_same(values, other) for other in words):
                continue
            words.append(values)
        about.histogram(name)
        found.append(name)
    return found


def _same(first: Words, second: Words) -> bool:
    """Whether two columns say the same, as the classes and the column that they are from."""
    return first.words == second.words and np.array_equal(first.codes, second.codes)


def _differs(values: Values) -> bool:
    if isinstance(values, Words):
        return 1 < len(values.words) <= FEW * len(values.codes)
    numbers = values.values
    return len(numbers) > 0 and bool(np.fmin.reduce(numbers) < np.fmax.reduce(numbers))


def _panels(about: Described, names: list[str], matching: np.ndarray | None) -> list[Panel] | None:
    """Count columns, of all galaxies and of those that match; None until it is done."""
    expression = st.session_state.get(state.FILTER, "")

    def task(report: Progress) -> list[Panel]:
        found = []
        for number, name in enumerate(names):
            report(number, len(names), "")
            found.append(_panel(about, name, matching, expression))
        return found

    key = ("histograms", tuple(names), expression, matching is None, about.made_of)
    return about.ready(key, f"Counting {galaxies(about.count)}", task)


def _panel(about: Described, name: str, matching: np.ndarray | None, expression: str) -> Panel:
    found = about.histogram(name)
    title, unit = title_and_unit(name.replace("_", " "))
    return Panel(
        column=name,
        title=f"{title}, {unit}" if unit else title,
        found=found,
        matching=None if matching is None else found.counted(matching),
        chosen=chosen_bars(expression, name, found),
    )


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
