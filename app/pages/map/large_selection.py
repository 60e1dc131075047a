"""A selection of a store that is too large for memory: sorted, shown, exported and collected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from astrojepa.data.values import Values, cells, sortable
from astrojepa.evaluation.maps.morton import morton_codes
from astrojepa.evaluation.maps.plane import PLACES, UNITS
from astrojepa.evaluation.vectors.neighbour_index import is_available
from astrojepa.progress import Progress
from astrojepa.tables import Column
from astrojepa.wording import galaxies, have

from ...components.choose import choose
from ...components.collections_bar import collections_bar
from ...components.export_menu import export_menu
from ...components.gallery.gallery import gallery
from ...components.keepsake.large import begun, keep_large
from ...components.large_card import class_names, go_in, listing
from ...components.send_button import send_button
from ...components.table.table import Order
from ...session import links, reviewing, state, waiting
from ...session.export import table_file
from ...session.large import RANKED, SCORE, Large, selected
from ...session.large_links import publish
from .selection import (
    BESIDE,
    DISTANCE,
    GALLERY_KEYS,
    ON_MAP,
    PER_PAGE,
    RESERVED,
    SIMILARITY,
    SIZES,
    TILES,
    in_order,
    made_columns,
    marked,
    order_menu,
    pager,
    say_none,
    sort_by,
    written,
)

LISTED = 200  # in the table
PICTURED = 50 * PER_PAGE  # in the gallery


def show_selection(
    large: Large,
    images: Any,
    rows: np.ndarray,
    matching: np.ndarray | None,
    go: Callable[[str], None],
    has_near: bool,
) -> np.ndarray:
    """Show galaxies in an order, by similarity once the neighbours are known; export, send and
    collect them. Returns the first that have an image, in their order.
    """
    none = np.zeros(0, np.int64)
    if not len(rows):
        say_none(matching is not None, hidden())
        return none
    with st.container(horizontal=True, vertical_alignment="bottom", key="selection"):
        st.header(f"{galaxies(len(rows))} selected", anchor=False)
        shown = "table"
        if images is not None:
            shown = choose("View", state.VIEWS, state.SELECTION_VIEW, label_visibility="collapsed")
        by, backwards = order_menu(order_options(large), large.map.store.numbers, SCORE)
    if (key := begun(large)) is None:
        return none
    applied = "" if matching is None else st.session_state.get(state.FILTER, "")
    if by == SIMILARITY and not has_near:
        st.caption("They are sorted by similarity once the neighbours are known.")
        return none
    chosen_by = (
        links.polygons_of_shown_map(),
        applied,
        *large.made_for(applied),
        hidden(),
        st.session_state[state.COLOURED],
    )
    found = _arranged(large, rows, by, backwards, chosen_by)
    if found is None:
        return none
    count, (rows, values) = len(rows), found
    there = none if images is None else np.flatnonzero(images.there(rows))
    with st.container(horizontal=True, vertical_alignment="center", key="lasso"):
        page, size = 0, "small"
        if shown == "gallery":
            page = pager(min(len(there), PICTURED))
            size = choose("Images", SIZES, state.SELECTION_SIZE, label_visibility="collapsed")
        link = export_rows(large, "selection", rows, {"filter": applied})
        about = large.gathered(key, go, link)
        send_button(about, "lasso", "Selection on the map", rows.tolist, list)
        collections_bar(about, rows)
    if shown == "gallery":
        said = _tiles(large, key, by, rows, values, there, page, size)
        if len(there) < len(rows):
            which = f"the first {len(rows):,}" if count > len(rows) else "these galaxies"
            said.insert(0, f"{len(there):,} of {which} {have(len(there))} an image.")
    else:
        said = _table(large, by, backwards, rows, values)
        if count > LISTED:
            said.append(f"The first {LISTED} are listed.")
    if count > RANKED:
        said.append(
            f"A file, a collection and what is sent hold the first {RANKED:,}; `astrojepa select` "
            "writes them all."
        )
    st.caption(" ".join(said))
    keep_large(large, key)
    return rows[there[:BESIDE]]


def _tiles(
    large: Large,
    key: str,
    by: str,
    rows: np.ndarray,
    values: np.ndarray,
    there: np.ndarray,
    page: int,
    size: str,
) -> list[str]:
    """Show a page of those that have an image; returns what is to be said below."""
    part = there[:PICTURED][page * PER_PAGE : (page + 1) * PER_PAGE]
    gallery(
        "lasso_gallery",
        large.address,
        rows[part].tolist(),
        _captions(large, key, by, rows[part], values[part]),
        go_in(large),
        selected=st.session_state.get(state.ROW),
        tile=TILES[size],
        on_mark=lambda row, value, _: reviewing.take_mark(key, len(large.map), row, value),
    )
    cut = [f"The first {PICTURED:,} images are shown."] if len(there) > PICTURED else []
    return [*cut, GALLERY_KEYS]


def _table(
    large: Large, by: str, backwards: bool, rows: np.ndarray, values: np.ndarray
) -> list[str]:
    """List the first of them; returns what is to be said below."""
    first, made = rows[:LISTED], dict[str, np.ndarray]()
    if by == SIMILARITY:
        made = {DISTANCE: values[:LISTED]}
    elif by in large.made:
        made = {by: cells(large.made[by].read(), first)}
    sorts = {name: name for name in order_options(large)} | {DISTANCE: SIMILARITY}
    order = Order(sorts, by, backwards, sort_by)
    listing(large, "selection_table", first, go_in(large), made=made, order=order)
    return ["Click a row to select its galaxy, a heading to sort."]


def hidden() -> tuple[int, ...]:
    """Return the codes that the legend hides; none while other colours stand in for theirs."""
    drawn, of = (st.session_state.get(key) for key in (state.COLOURED, state.OFF_COLOUR))
    return tuple(st.session_state.get(state.OFF) or ()) if drawn == of else ()


def order_options(large: Large) -> list[str]:
    """Return what a selection can be sorted by: the anomaly score where there is one, first."""
    others = {SCORE, ON_MAP, *PLACES, *RESERVED}
    names = [name for name in large.map.store.names if name not in others]
    score = [SCORE] if SCORE in large.scores else []
    similarity = [] if selected(large) is None else [SIMILARITY]
    return [*score, ON_MAP, *similarity, *large.made, *names]


def _arranged(
    large: Large, rows: np.ndarray, by: str, reverse: bool, of: tuple[Any, ...]
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the first 100,000 of some galaxies, sorted, and what they are sorted by; None while
    they are. `of`: the polygons, the filter and the legend that chose them.
    """
    row = selected(large) if by == SIMILARITY else None
    index, read, shown = None, large.reader(by), large.shown
    if row is not None and is_available() and (index := large.index()) is None:
        return None

    def task(report: Progress) -> tuple[np.ndarray, np.ndarray]:
        if row is not None:
            values = (large.map if index is None else index).distances(row, rows)
        elif by == ON_MAP and shown is large.map:  # which is sorted on disk
            values = np.arange(len(rows), dtype=np.float64)
        elif by == ON_MAP:
            codes = morton_codes(shown.places[rows], np.zeros(2), np.full(2, UNITS))
            values = codes.astype(np.float64)
        else:
            values = sortable(read())[rows]
        order = in_order(values, reverse)[:RANKED]
        return rows[order], values[order]

    return waiting.show_when_ready(
        (
            "large order",
            large.key,
            st.session_state.get(state.PROJECTION),
            shown is large.map,  # while the chosen one is computed
            str(of),
            by,
            _made_of(large, by),
            reverse,
            row,
        ),
        f"Sorting {galaxies(len(rows))}",
        task,
    )


def _captions(
    large: Large, key: str, by: str, rows: np.ndarray, values: np.ndarray
) -> list[list[str]]:
    """Say below images the class, or else the id, what they are sorted by or else the number that
    the map is coloured by, and the mark.
    """
    kinds, said = class_names(large.map.store.known_of(rows)), [""] * len(rows)
    colour = st.session_state[state.COLOUR]
    column = colour if by == ON_MAP and colour != large.label else by
    if column == SIMILARITY:
        said = [f"distance {value:.2f}" for value in values]
    elif column in large.made:
        said = [f"{column.replace('_', ' ')} {_cell(value)}" for value in values]
    elif column in large.map.store.names:
        found = large.map.store.table_of(rows)[column].tolist()
        said = [f"{column.replace('_', ' ')} {_cell(value)}" for value in found]
    lines = zip(kinds, said, marked(key, rows), strict=True)
    return [[kind, f"{text}{mark}".removeprefix(", ")] for kind, text, mark in lines]


def _made_of(large: Large, name: str) -> str:
    """Return what changes with a column that the session has made; "" for any other."""
    return made.key if (made := large.made.get(name)) else ""


def _cell(value: Any) -> str:
    return "unknown" if pd.isna(value) else written(value) or "unknown"


def export_rows(
    large: Large,
    key: str,
    rows: np.ndarray,
    further: Mapping[str, Any],
    *,
    ranks: np.ndarray | None = None,
) -> str:
    """Offer the first 100,000 of some galaxies as a table that says what it was made from; returns
    the link to what is shown.
    """
    facts = {**large.provenance, **further, "view": (link := publish(large))}
    made = {} if ranks is not None else {name: one.read for name, one in large.made.items()}
    export_menu(
        key,
        "galaxies" if ranks is None else "leaderboard",
        min(len(rows), RANKED),
        lambda ending: table_of(large, rows, ending, facts, ranks=ranks, made=made),
    )
    return link


def table_of(
    large: Large,
    rows: np.ndarray,
    ending: str,
    facts: Mapping[str, Any],
    *,
    ranks: np.ndarray | None = None,
    made: Mapping[str, Callable[[], Values]] | None = None,
) -> bytes:
    """Write galaxies, the first 100,000 of them, as a table of this format; with `ranks`, with the
    columns of the leaderboard that `facts` tell of; with those that the session has made.
    """
    data = large.galaxies(rows[:RANKED])
    more = [] if ranks is None else ranked_columns(data, ranks, facts["ranked_by"])
    more += made_columns(made or {}, rows[:RANKED])
    return table_file(ending, data, np.arange(len(data)), more, facts)


def ranked_columns(data: Any, ranks: np.ndarray, column: str) -> list[Column]:
    """Return the columns of a leaderboard by a column of `data`."""
    values = data.table[column].tolist()
    return [
        Column("rank", ranks[: len(data)].tolist(), f"rank by the column {column}; 1 = first"),
        Column("score", [column] * len(data), "column of rank and value"),
        Column("value", values, f"the column {column}", digits=0),
    ]
