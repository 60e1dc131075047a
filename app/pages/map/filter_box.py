"""The filter below the map: an expression over the columns, and how many galaxies match."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import streamlit as st

from astrojepa.data.filters import MOST_LETTERS, name_in, text_in
from astrojepa.wording import galaxies

from ...components.escape_markdown import escape_markdown
from ...components.latent_map import colouring
from ...session import state
from ...session.columns import columns_of
from ...session.workspace import Workspace
from .examples_bar import search_by_image
from .search import of_classes

SYNTAX = (
    "Combine comparisons (`<` `<=` `>` `>=` `==` `!=` `in`) with `&`, `|`, `~` and parentheses. "
    'Put text in quotes; `""` means unknown.'
)


def filter_box(
    workspace: Workspace,
    matching: np.ndarray | None,
    wrong: str,
    more: Callable[[], None] = lambda: None,
) -> None:
    """Draw the box, and below it how many galaxies match, or what is wrong with the filter.

    `more` draws what else writes the filter, below it.
    """
    st.session_state.setdefault(state.FILTER, "")
    with st.container(horizontal=True, vertical_alignment="bottom", key="filter_row"):
        st.text_input(
            "Filter",
            key=state.FILTER,
            persist_state="session",
            placeholder=example(workspace),
            max_chars=MOST_LETTERS,
            help=f"{SYNTAX}\n\nColumns: {_listed(columns_of(workspace))}",
            on_change=to_first_page,
        )
        if st.session_state[state.FILTER]:
            st.button("Clear filter", on_click=set_filter, args=("",))
        elif expression := classes_shown(workspace):
            st.button("List highlighted", on_click=set_filter, args=(expression,))
        search_by_image(workspace)
    more()
    if wrong:
        st.error(escape_markdown(wrong))
    elif matching is not None:
        st.caption(matched(matching))


def matched(matching: np.ndarray) -> str:
    """Count the galaxies that match, of all: bool (n,)."""
    count = int(matching.sum())
    return f"{count:,} of {galaxies(len(matching))} {'matches' if count == 1 else 'match'}."


def classes_shown(workspace: Workspace) -> str:
    """Return the filter of the classes that the legend shows, where it hides others; else ""."""
    off = st.session_state.get(state.OFF) or ()
    colours = {st.session_state.get(key) for key in (state.COLOUR, state.OFF_COLOUR)}
    if not off or colours != {state.CLASS_COLOUR}:
        return ""
    named = [*enumerate(workspace.data.classes), (colouring.UNKNOWN, "")]
    return of_classes([name for code, name in named if code not in off])


def set_filter(expression: str) -> None:
    """Make an expression the filter."""
    st.session_state[state.FILTER] = expression
    to_first_page()


def to_first_page() -> None:
    """Begin the gallery anew."""
    st.session_state[state.GALLERY_PAGE] = 0


def example(workspace: Workspace) -> str:
    """Return a filter that these galaxies have the columns for."""
    number = (
        "redshift < 0.1"
        if "redshift" in columns_of(workspace)
        else f"anomaly_score > {np.nanpercentile(workspace.scores, 99):.3g}"
    )
    if workspace.labelled:
        return f"{number} & class == {text_in(workspace.data.classes[-1])}"
    return number


def _listed(names: Iterable[str]) -> str:
    return ", ".join(escape_markdown(name_in(name)) for name in names)
