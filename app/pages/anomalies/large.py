"""The leaderboard of a store that is too large for memory, by any of its columns of numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from ...components import figures
from ...components.choose import choose
from ...components.escape_markdown import escape_markdown
from ...components.gallery.gallery import gallery
from ...components.large_card import class_names, go_in, listing, place_of
from ...session import state
from ...session.large import SCORE, Large, Order, selected
from ..map.large import export_rows, filter_row, pictured
from ..map.selection import written
from .leaderboard import PER_PAGE, turned
from .order import position_words

TABLE = "leaderboard_table"


def show(large: Large, go: Callable[[str], None]) -> None:
    """Draw one page of the leaderboard, and the histogram of its column."""
    if st.session_state.pop(state.TO_MAP, False):
        go("map")
    st.title("Anomalies", anchor=False)
    images, columns = large.images(), large.scores
    if SCORE not in columns:
        st.info(
            f"{escape_markdown(large.name)} has no anomaly score. Write a store that has one: "
            f"`astrojepa anomalies --vectors {large.name.replace('`', '')} --out scored`"
        )
    if large.order() is None:
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key="anomaly_controls"):
        column = st.selectbox(
            "Score", columns, format_func=_words, key=state.SELECTION_ORDER, width=260
        )
        lowest = st.toggle("Lowest first", key=state.SELECTION_REVERSED)
        view = "table"
        if images is not None:
            view = choose("View", state.VIEWS, state.SELECTION_VIEW, label_visibility="collapsed")
    st.caption(_said(large, images, column, lowest))
    matching = filter_row(large)
    order = large.order()
    if order is None or (order.filter and matching is None):
        return
    if st.session_state.setdefault(state.BOARD_OF, order) != order:
        st.session_state[state.BOARD_OF], st.session_state[state.BOARD_PAGE] = order, 0
    found = large.ranked(order)
    if found is None:
        return
    left, right = st.columns([2, 1], gap="medium")
    with left:
        _board(large, images, view, order, *found)
    with right:
        _distribution(large, column)


def _said(large: Large, images: Any, column: str, lowest: bool) -> str:
    """Say whose galaxies these are, and what they are ranked by."""
    kind = "**simulated** galaxies" if large.is_simulated else "galaxies"
    which = "Lowest" if lowest else "Highest"
    made = large.map.store.facts.get(SCORE, "") if column == SCORE else ""
    return (
        f"**{escape_markdown(large.name)}**, {len(large.map):,} {kind}{pictured(large, images)}. "
        f"{which} first, by {escape_markdown(made or f'the column {_words(column)}')}."
    )


def _board(
    large: Large, images: Any, view: str, order: Order, rows: np.ndarray, count: int
) -> None:
    """Draw the galaxies of one page, which a click opens on the map."""
    with st.container(horizontal=True, vertical_alignment="center"):
        all_of_them = f"The first {len(rows):,} of " if count > len(rows) else ""
        page = turned(len(rows), f"{all_of_them}{count:,} galaxies")
        export_rows(large, "leaderboard", rows, order.facts, ranks=True)
    first = page * PER_PAGE
    shown = rows[first : first + PER_PAGE]
    opened = go_in(large, lambda: st.session_state.update({state.TO_MAP: True}))
    if not len(shown):
        st.caption("No galaxy has a value here.")
    elif view == "table":
        listing(large, TABLE, shown, opened, first + 1)
        st.caption("Click a row to open its galaxy on the map, a heading to sort this page.")
    else:
        captions = _captions(large, images, order.column, shown, first + 1)
        gallery(
            "leaderboard",
            large.address,
            shown.tolist(),
            captions,
            opened,
            selected=selected(large),
            tile=144,
        )


def _captions(
    large: Large, images: Any, column: str, rows: np.ndarray, first: int
) -> list[list[str]]:
    """Write the lines under each galaxy: rank and class, value, id, position."""
    table, known = large.map.store.table_of(rows), large.map.store.known_of(rows)
    there, lines = images.there(rows), []
    for place, kind in enumerate(class_names(known)):
        line = [
            f"{first + place:,}  {kind if 'label' in known else ''}",
            f"{_words(column)} {written(float(table[column][place]))}",
            str(known["id"][place]),
        ]
        if not there[place]:
            line[1] += ", no image"
        at = place_of(large, table[place : place + 1].reset_index(drop=True))
        lines.append(line if at is None else [*line, position_words(*at)])
    return lines


def _distribution(large: Large, column: str) -> None:
    """Show the histogram of a column, with the selected galaxy."""
    from astrojepa import plotting

    st.header("Distribution", anchor=False)
    counted, row = large.histogram(column), selected(large)
    if counted is None:
        return
    value = None
    if row is not None:
        value = float(large.map.store.table_of(np.array([row]))[column][0])
    figures.chart(plotting.counts_figure(*counted, value, _words(column)), "histogram")
    if row is not None:
        st.caption(
            f"The line marks the selected galaxy, {escape_markdown(large.names([row])[0])}: "
            f"{written(value) or 'unknown'}."
        )


def _words(column: str) -> str:
    return column.replace("_", " ")
