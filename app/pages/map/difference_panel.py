"""What differs? The columns and images of the selected galaxies beside those of others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from astrojepa.data.columns import ABOUT_FILES
from astrojepa.data.values import Values

from ...components.collections_bar import collections_of
from ...components.escape_markdown import escape_markdown
from ...components.gallery.gallery import gallery
from ...components.table.table import table as show_table
from ...session import links, loaders, state, waiting
from ...session.columns import columns_of
from ...session.queue import imported
from ...session.workspace import Workspace

SELECTION, REST = "Selection", "Everything else"
MOST = 20  # columns that are listed
EXEMPLARS = 6
TWO = "To compare two regions, add one to a collection, select the other, and choose both here."
_APART = ABOUT_FILES | {"ra", "dec"}


def difference_panel(workspace: Workspace, chosen: np.ndarray | None) -> None:
    """Draw the folded panel; while it is closed, nothing is compared. `chosen`: selected rows."""
    panel = st.expander("What differs?", key=state.DIFFERENCES_OPEN, on_change="rerun")
    if not panel.open:
        return
    with panel:
        sides = sides_of(workspace, chosen)
        if not sides:
            st.caption(
                "Select galaxies with lasso, box or filter, or gather a collection, to compare "
                "them with all others or with another collection."
            )
            return
        first, second = _menus(list(sides))
        if len(sides) == 1:
            st.caption(TWO)
        one = sides[first]
        other = np.arange(len(workspace.data)) if second == REST else sides[second]
        both = 0 if second == REST else len(np.intersect1d(one, other))
        other = np.setdiff1d(other, one)
        if not len(one) or not len(other):
            st.caption("One of the two sets is empty; choose another.")
            return
        _compare(workspace, (first, second), (one, other))
        if both:
            st.caption(
                f"{both:,} galaxies are in both sets and count for {escape_markdown(first)} only."
            )


def sides_of(workspace: Workspace, chosen: np.ndarray | None) -> dict[str, np.ndarray]:
    """Return what can be compared: rows of the selection, and of each collection, by name."""
    found = {} if chosen is None or not len(chosen) else {SELECTION: chosen}
    for name, rows in collections_of(workspace.data.galaxies_hash).items():
        label = f"Collection {name}"
        found[label] = np.array([row for row in rows if row < len(workspace.data)], dtype=np.int64)
    return found


def compare_the_selection() -> None:
    """Have the panel compare what was just selected, unless it is one of the two sides already."""
    if st.session_state.get(state.DIFFERENCES_SECOND) != SELECTION:
        st.session_state[state.DIFFERENCES_FIRST] = SELECTION


def _menus(names: list[str]) -> tuple[str, str]:
    with st.container(horizontal=True, vertical_alignment="bottom", key="differences"):
        first = _menu("Compare", names, state.DIFFERENCES_FIRST)
        others = [REST, *(name for name in names if name != first)]
        return first, _menu("with", others, state.DIFFERENCES_SECOND)


def _menu(label: str, options: list[str], key: str) -> str:
    if st.session_state.get(key) not in options:
        st.session_state[key] = options[0]
    return str(st.selectbox(label, options, key=key, persist_state="session", width=232))


def _compare(
    workspace: Workspace, names: tuple[str, str], sides: tuple[np.ndarray, np.ndarray]
) -> None:
    from astrojepa.evaluation.maps.differences import differences

    columns: dict[str, Values] = {
        name: values for name, values in columns_of(workspace).items() if name not in _APART
    }
    if workspace.data.has_images:
        key = ("shapes", workspace.given.fingerprint)
        task = loaders.shapes(workspace.given)
        columns |= waiting.show_when_ready(key, "Measuring images", task) or {}
    found = differences(columns, *sides)
    told = [one for one in found if one.significant]
    if told:
        listed = pd.DataFrame(table(told[:MOST], names))
        show_table("what_differs", "What differs", listed)
    st.caption(summary(len(told), len(found)))
    _exemplars(workspace, names, sides)


def table(found: list[Any], names: tuple[str, str]) -> Mapping[str, list[str]]:
    """Write differences, the strongest first, as the columns of a table."""
    sides: list[list[str]] = [[], []]
    for one in found:
        for side, written in enumerate(sides):
            written.append(
                f"{100 * one.shares[side]:.0f} % {one.word}"
                if one.medians is None
                else f"{one.medians[side]:.4g}".replace("-", "\N{MINUS SIGN}")
            )
    return {
        "column": [one.column.replace("_", " ") for one in found],
        "effect size": [effect(one) for one in found],
        **dict(zip(names, sides, strict=True)),
        "n": [f"{one.counts[0]:,} and {one.counts[1]:,}" for one in found],
    }


def effect(one: Any) -> str:
    """Write an effect size with its measure: "d = +1.20", "V = 0.61"."""
    if one.measure == "V":
        return f"V = {one.effect:.2f}"
    return f"d = {one.effect:+.2f}".replace("-", "\N{MINUS SIGN}")


def summary(told: int, compared: int) -> str:
    """Say what the table holds."""
    if not told:
        return f"None of {compared} columns differs significantly (p < 0.001)."
    listed = f"The strongest {MOST} are listed. " if told > MOST else ""
    return (
        f"{told} of {compared} columns differ significantly (p < 0.001). {listed}Numbers: medians, "
        "and Cohen's d, the difference of the means in standard deviations. Words: the one that is "
        "most over-represented in the first set, its share in both, and Cramér's V (0 = same "
        "shares, 1 = no word in common). Columns named *image* are measured on the images, radii "
        "in units of half the frame."
    )


def _exemplars(
    workspace: Workspace, names: tuple[str, str], sides: tuple[np.ndarray, np.ndarray]
) -> None:
    """Show galaxies that stand for each side, one beside the other."""
    if workspace.model is not None and not imported.is_set():
        return
    for number, (name, rows) in enumerate(zip(names, sides, strict=True)):
        shown = loaders.exemplars(workspace.embeddings, *workspace.key, rows, EXEMPLARS)
        st.caption(f"{escape_markdown(name)}: {len(shown)} typical galaxies of {len(rows):,}")
        gallery(
            f"exemplars_{number}",
            workspace.pictures,
            shown.tolist(),
            [(workspace.class_name(row),) for row in shown.tolist()],
            links.select,
            selected=st.session_state.get(state.ROW),
        )
