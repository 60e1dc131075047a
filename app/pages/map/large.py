"""The map of a store that is too large for memory: the box in view, sent as it moves."""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from astrojepa.data.filters import MOST_LETTERS
from astrojepa.evaluation.maps.large_map import WHOLE, Tile
from astrojepa.evaluation.maps.plane import UNITS
from astrojepa.tables import Column, table_bytes

from ...components.copy_link.copy_link import copy_link
from ...components.escape_markdown import escape_markdown
from ...components.export_menu import export_menu
from ...components.facts import facts
from ...components.latent_map import geometry, palette
from ...components.latent_map.latent_map import latent_map, mark
from ...components.latent_map.layers import option_name
from ...components.latent_map.tiles import pack_tile, read_box, widened
from ...session import links, state
from ...session.large import Large, select
from . import search
from .filter_box import SYNTAX, set_filter

NUM_NEIGHBOURS = 6
LISTED = 200  # of a selection, in the table
EXPORTED = 100_000  # galaxies of a file, at most


def show(large: Large) -> None:
    """Draw the map, the selected galaxy beside it, and the selection below."""
    with st.container(key="heard_title"):
        st.title("Map", anchor=False)
    _follow(large)
    for sentence in st.session_state.get(state.NOTICES, []):
        st.info(escape_markdown(sentence))
    options = large.options
    if st.session_state.get(state.COLOUR) not in options:
        st.session_state[state.COLOUR] = options[0]
    with st.container(horizontal=True, vertical_alignment="bottom", key="bar"):
        st.selectbox("Colour", options, format_func=option_name, key=state.COLOUR, width=176)
        st.text_input(
            "Find",
            key="find",
            placeholder="Id, coordinates with a radius, or filter",
            on_change=_find,
            args=(large,),
        )
    _pane(large)


@st.fragment
def _pane(large: Large) -> None:
    """Draw what follows a move or a click, in a fragment of its own so that the page stays."""
    try:
        left, right = st.columns([2, 1], gap="medium")
        row = st.session_state.get(state.ROW)
        row = None if row is None or row >= len(large.map) else row
        with right:
            if row is not None:
                _galaxy(large, row)
            else:
                _publish(large)
                st.caption("Zoom in and click a galaxy, or find one by its id.")
            found = None if row is None else _neighbours(large, row)
        with left:
            matching = _map(large, row, [] if found is None else found)
            _selection(large, matching)
    except (ValueError, OSError) as error:
        st.error(escape_markdown(error))


def _map(large: Large, row: int | None, near: list[int]) -> np.ndarray | None:
    """Draw the map; returns which galaxies match the filter, None without one."""
    notes, board, below = st.container(), st.container(), st.container()
    with below:
        matching = _filter(large)
    option = st.session_state[state.COLOUR]
    if st.session_state.get(state.OFF_COLOUR) != option:
        st.session_state[state.OFF], st.session_state[state.OFF_COLOUR] = (), option
    with notes:
        coloured = large.coloured(option)
    if coloured is None:
        return matching
    box = widened(st.session_state.get(state.VIEW) or WHOLE)
    tile = large.map.tile(box, matching, coloured.codes)
    groups = coloured.legend.get("groups", [])
    classes = tuple(group["name"] for group in groups)
    header = {
        "imageless": True,
        "title": f"of {large.name}",
        "pictures": f"store-{large.key}",
        "classes": list(classes),
        "shapes": [style.shape for style in palette.class_styles(classes)],
    }
    with notes:
        st.caption(said(large, tile, matching is not None))
    with board:
        look = st.session_state.get(state.LOOK)
        packed = pack_tile(header, large.map, tile, coloured, look)
        latent_map(packed, links.select, _drawn, _toggled, on_view=_moved)
        mark(
            {
                "pictures": header["pictures"],
                "selected": row,
                "neighbours": near,
                "polygons": st.session_state.get(state.POLYGONS) or [],
                "off": list(st.session_state.get(state.OFF) or ()),
            }
        )
    return matching


def said(large: Large, tile: Tile, filtered: bool) -> str:
    """Say what the galaxies are, how many of them are drawn, and how."""
    which = " that match the filter" if filtered else ""
    none = " that matches the filter" if filtered else ""
    kind = "**simulated** galaxies" if large.map.store.facts.get("simulated") else "galaxies"
    text = f"**{escape_markdown(large.name)}**, {len(large.map):,} {kind}, without images. "
    if not tile.count:
        return f"{text}No galaxy{none} is in view; press 0 to reset the view."
    if tile.cells is None:
        return f"{text}All {tile.count:,} in view{which} are drawn."
    every = f" (one in {tile.step:,} counted)" if tile.step > 1 else ""
    return (
        f"{text}The map shows the density of the {tile.count:,} in view{which}{every}. Zoom in to "
        "see and click single galaxies."
    )


def _filter(large: Large) -> np.ndarray | None:
    st.session_state.setdefault(state.FILTER, "")
    with st.container(horizontal=True, vertical_alignment="bottom", key="filter_row"):
        columns = ", ".join(map(escape_markdown, large.map.store.names))
        st.text_input(
            "Filter",
            key=state.FILTER,
            max_chars=MOST_LETTERS,
            help=f"{SYNTAX}\n\nColumns: {columns}",
        )
        if st.session_state[state.FILTER]:
            st.button("Clear filter", on_click=set_filter, args=("",))
    expression = st.session_state[state.FILTER]
    if not expression.strip():
        return None
    try:
        matching = large.matching(expression)
    except ValueError as error:
        st.error(escape_markdown(error))
        return None
    if matching is not None:
        st.caption(f"{int(matching.sum()):,} of {len(matching):,} galaxies match.")
    return matching


def _selection(large: Large, matching: np.ndarray | None) -> None:
    """List the galaxies inside the lasso, or else those that match, and export them."""
    polygons = st.session_state.get(state.POLYGONS) or []
    if polygons:
        rows = large.inside(polygons)
        if rows is None:
            return
        rows = rows if matching is None else rows[matching[rows]]
    elif matching is not None:
        rows = np.flatnonzero(matching)
    else:
        return
    st.header(f"{len(rows):,} galaxies selected", anchor=False)
    if not len(rows):
        return
    st.dataframe(large.map.store.table_of(rows[:LISTED]), hide_index=True, height=280)
    beyond = f" The first {LISTED} are listed." if len(rows) > LISTED else ""
    more = (
        f" A file holds the first {EXPORTED:,}; `astrojepa select` writes them all."
        if len(rows) > EXPORTED
        else ""
    )
    if beyond or more:
        st.caption(f"{beyond}{more}".strip())
    made_by = {"store": large.name, "filter": st.session_state.get(state.FILTER, "")}
    export_menu(
        "selection",
        "galaxies",
        min(len(rows), EXPORTED),
        lambda ending: table_of(large, rows, ending, made_by),
    )


def table_of(large: Large, rows: np.ndarray, ending: str, facts: Mapping[str, str]) -> bytes:
    """Write the columns of galaxies, the first 100,000 of them, as a table of this format."""
    table = large.map.store.table_of(rows[:EXPORTED])
    columns = [
        Column(name, table[name].to_numpy(), "column of the store", digits=0) for name in table
    ]
    return table_bytes(ending, columns, facts)


def _galaxy(large: Large, row: int) -> None:
    """Show the columns of the selected galaxy."""
    table, name = large.map.store.table_of(np.array([row])), large.map.store.layouts[0].known["id"]
    st.header(escape_markdown(table[name][0]), anchor=False)
    facts("large", {column: _written(table[column][0]) for column in table if column != name})
    copy_link(_publish(large, row, str(table[name][0])))


def _neighbours(large: Large, row: int) -> list[int] | None:
    """List the nearest galaxies; returns their rows, None while they are sought."""
    found = large.nearest(row, NUM_NEIGHBOURS)
    if found is None:
        return None
    distances, rows = found[0].tolist(), found[1].tolist()
    names = large.map.store.known_of(found[1])["id"].tolist()
    st.caption(
        "Nearest neighbours (feature space) and their distances between standardised vectors"
    )
    for place, (name, distance, other) in enumerate(zip(names, distances, rows, strict=True), 1):
        words = f"{escape_markdown(name)} ({distance:.2f})"
        st.button(words, key=f"near_{place}", on_click=select, args=(large, other))
    return rows


def _written(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)


def _publish(large: Large, row: int | None = None, name: str = "") -> str:
    """Write the address of what is shown; returns it as a copied link holds it."""
    link = state.Link(
        model=large.name,
        model_hash=large.key[:8],
        colour=st.session_state.get(state.COLOUR) or "",
        row=row,
        id=name,
        off=tuple(st.session_state.get(state.OFF) or ()),
        polygons=state.whole_units(st.session_state.get(state.POLYGONS) or ()),
        filter=st.session_state.get(state.FILTER, ""),
    )
    parameters = state.encode_link(link)
    st.session_state[state.LINK_READ] = parameters
    if dict(st.query_params) != parameters:
        st.query_params.from_dict(parameters)
    return urllib.parse.urlencode(parameters)


def _follow(large: Large) -> None:
    """Follow a link, once; a galaxy is found by its id, and shown."""
    if (link := links.incoming()) is None:
        return
    links.arrived()
    st.session_state[state.POLYGONS] = [list(map(list, polygon)) for polygon in link.polygons]
    if link.filter:
        st.session_state[state.FILTER] = link.filter
    if link.colour:
        st.session_state[state.COLOUR] = st.session_state[state.OFF_COLOUR] = link.colour
        st.session_state[state.OFF] = link.off
    if link.id:
        _go_to(large, link.id)


def _go_to(large: Large, name: str) -> None:
    try:
        row = large.map.store.row_of(name)
    except ValueError as error:
        links.notice(str(error))
        return
    select(large, row)
    side = UNITS / st.session_state[state.LOOK]["zoom"]
    x, y = st.session_state[state.LOOK]["at"]
    st.session_state[state.VIEW] = (x - side / 2, y - side / 2, x + side / 2, y + side / 2)


def _find(large: Large) -> None:
    from astrojepa.data.coordinates import parse_coordinates

    written = st.session_state.get("find", "").strip()
    if expression := search.cone(written, parse_coordinates) or (
        written if search.is_filter(written) else ""
    ):
        set_filter(expression)
    elif written:
        _go_to(large, written)
    st.session_state["find"] = ""


def _moved(message: Any) -> None:
    if (box := read_box(message)) is not None:
        st.session_state[state.VIEW] = box


def _drawn(message: Any) -> None:
    st.session_state[state.POLYGONS] = geometry.read_polygons(message)


def _toggled(message: Any) -> None:
    st.session_state[state.OFF] = state.read_codes(message)
