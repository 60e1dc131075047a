"""The map of a store that is too large for memory: the box in view, sent as it moves."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import streamlit as st

from astrojepa.data.filters import MOST_LETTERS
from astrojepa.evaluation.maps.large_map import WHOLE, Tile
from astrojepa.evaluation.maps.plane import UNITS
from astrojepa.tables import Column, table_bytes

from ...components.choose import choose
from ...components.copy_link.copy_link import copy_link
from ...components.escape_markdown import escape_markdown
from ...components.export_menu import export_menu
from ...components.facts import facts
from ...components.gallery.gallery import gallery
from ...components.latent_map import geometry, palette
from ...components.latent_map.latent_map import latent_map, mark
from ...components.latent_map.layers import option_name
from ...components.latent_map.tiles import pack_tile, read_box, widened
from ...session import links, state
from ...session.large import Large, picture, select
from . import search
from .filter_box import SYNTAX, set_filter
from .selection import PER_PAGE, SIZES, TILES, pager, written

NUM_NEIGHBOURS = 6
IMAGE_WIDTH = 352  # pixels at most, so that the neighbours stand on the first screen
LISTED = 200  # of a selection, in the table
PICTURED = 50 * PER_PAGE  # of a selection, in the gallery
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
        images = large.images()
        left, right = st.columns([2, 1], gap="medium")
        row = st.session_state.get(state.ROW)
        row = None if row is None or row >= len(large.map) else row
        with right:
            found = None
            if row is not None:
                found = _galaxy(large, images, row)
            else:
                _publish(large)
                st.caption("Zoom in and click a galaxy, or find one by its id.")
        with left:
            matching = _map(large, images, row, [] if found is None else found)
            _selection(large, images, matching)
    except (ValueError, OSError) as error:
        st.error(escape_markdown(error))


def _map(large: Large, images: Any, row: int | None, near: list[int]) -> np.ndarray | None:
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
        "imageless": images is None,
        "title": f"of {large.name}",
        "pictures": large.address,
        "classes": list(classes),
        "shapes": [style.shape for style in palette.class_styles(classes)],
    }
    with notes:
        st.caption(said(large, tile, matching is not None, pictured(large, images)))
    with board:
        look = st.session_state.get(state.LOOK)
        there = None if images is None else images.there(tile.rows)
        packed = pack_tile(header, large.map, tile, coloured, look, there)
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


def said(large: Large, tile: Tile, filtered: bool, images: str) -> str:
    """Say what the galaxies are, how many of them are drawn, and how."""
    which = " that match the filter" if filtered else ""
    none = " that matches the filter" if filtered else ""
    kind = (
        "**simulated** galaxies" if large.map.store.facts.get("simulated") == "true" else "galaxies"
    )
    text = f"**{escape_markdown(large.name)}**, {len(large.map):,} {kind}{images}. "
    if not tile.count:
        return f"{text}No galaxy{none} is in view; press 0 to reset the view."
    if tile.cells is None:
        return f"{text}All {tile.count:,} in view{which} are drawn."
    every = f" (one in {tile.step:,} counted)" if tile.step > 1 else ""
    return (
        f"{text}The map shows the density of the {tile.count:,} in view{which}{every}. Zoom in to "
        "see and click single galaxies."
    )


def pictured(large: Large, images: Any) -> str:
    """Say which galaxies have images, and which images no galaxy."""
    if large.drawn is not None:
        return ", whose images are drawn when they are asked for"
    if large.source is None:
        return ", without images"
    if images is None:  # while ids are looked up
        return ""
    name, lacking = escape_markdown(large.source.name), len(images) - images.count
    found = f"{images.count:,} of which have" if lacking else "all with"
    text = f", {found} an image in {name}"
    if images.others:
        which = "image of another galaxy" if images.others == 1 else "images of other galaxies"
        text += f", which has {images.others:,} {which}"
    return text


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


def _selection(large: Large, images: Any, matching: np.ndarray | None) -> None:
    """Show the galaxies inside the lasso, or else those that match, and export them."""
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
    with st.container(horizontal=True, vertical_alignment="bottom", key="selection"):
        st.header(f"{len(rows):,} galaxies selected", anchor=False)
        shown = "table"
        if images is not None:
            shown = choose("View", state.VIEWS, state.SELECTION_VIEW, label_visibility="collapsed")
    if not len(rows):
        return
    if shown == "gallery":
        beyond = _gallery(large, images, rows)
    else:
        st.dataframe(large.map.store.table_of(rows[:LISTED]), hide_index=True, height=280)
        beyond = f"The first {LISTED} are listed. " if len(rows) > LISTED else ""
    if len(rows) > EXPORTED:
        beyond += f"A file holds the first {EXPORTED:,}; `astrojepa select` writes them all."
    if beyond:
        st.caption(beyond.strip())
    applied = "" if matching is None else st.session_state.get(state.FILTER, "")
    view = urllib.parse.urlencode(st.session_state[state.LINK_READ])
    made_by = {"store": large.name, **large.map.store.facts, "filter": applied, "view": view}
    export_menu(
        "selection",
        "galaxies",
        min(len(rows), EXPORTED),
        lambda ending: table_of(large, rows, ending, made_by),
    )


def _gallery(large: Large, images: Any, rows: np.ndarray) -> str:
    """Show the images of a selection, a page of them at a time; returns what is not among them."""
    found = rows[images.there(rows)]
    beyond = ""
    if len(found) < len(rows):
        beyond += f"{len(found):,} of these galaxies have an image. "
    if len(found) > PICTURED:
        beyond += f"The first {PICTURED:,} images are shown. "
    found = found[:PICTURED]
    with st.container(horizontal=True, vertical_alignment="center", key="lasso"):
        page = pager(len(found))
        size = choose("Images", SIZES, state.SELECTION_SIZE, label_visibility="collapsed")
    shown = found[page * PER_PAGE : (page + 1) * PER_PAGE]
    gallery(
        "lasso_gallery",
        large.address,
        shown.tolist(),
        _captions(large, shown),
        _go_in(large),
        selected=st.session_state.get(state.ROW),
        tile=TILES[size],
    )
    return beyond


def _captions(large: Large, rows: np.ndarray) -> list[list[str]]:
    """Say below images the class, or else the id, and the number that the map is coloured by."""
    lines, option = [_classes(large.map.store.known_of(rows))], st.session_state[state.COLOUR]
    if option in large.map.store.names and option != large.label:
        name, values = option.replace("_", " "), large.map.store.table_of(rows)[option]
        lines.append([f"{name} {written(float(value)) or 'unknown'}" for value in values])
    return [list(captions) for captions in zip(*lines, strict=True)]


def _classes(known: dict[str, np.ndarray]) -> list[str]:
    """Name the classes of galaxies, or else their ids."""
    if "label" not in known:
        return known["id"].astype(str).tolist()
    return [str(name) or "no label" for name in known["label"].tolist()]


def table_of(large: Large, rows: np.ndarray, ending: str, facts: Mapping[str, str]) -> bytes:
    """Write the columns of galaxies, the first 100,000 of them, as a table of this format."""
    table = large.map.store.table_of(rows[:EXPORTED])
    columns = [
        Column(name, table[name].to_numpy(), "column of the store", digits=0) for name in table
    ]
    return table_bytes(ending, columns, facts)


def _galaxy(large: Large, images: Any, row: int) -> list[int] | None:
    """Show the selected galaxy, its neighbours and its columns; returns the rows of the neighbours,
    None while they are sought.
    """
    table, name = large.map.store.table_of(np.array([row])), large.map.store.layouts[0].known["id"]
    named = str(table[name][0])
    st.header(escape_markdown(named), anchor=False)
    if images is not None:
        _picture(large, images, row, named)
    found = _neighbours(large, images, row)
    facts("large", {column: _written(table[column][0]) for column in table if column != name})
    copy_link(_publish(large, row, named))
    return found


def _picture(large: Large, images: Any, row: int, name: str) -> None:
    """Show the image of a galaxy, or say why there is none."""
    address, wrong = picture(images, large.pictures_key, row)
    if address:
        st.image(address, width=IMAGE_WIDTH, alt=f"Galaxy {name}")
        if large.drawn is not None:
            st.caption("Simulated image, drawn from the class and the id.")
    elif wrong:
        st.warning(escape_markdown(wrong))
    elif large.source is not None:
        st.caption(f"{escape_markdown(large.source.name)} has no image of this galaxy.")


def _neighbours(large: Large, images: Any, row: int) -> list[int] | None:
    """Show the nearest galaxies; returns their rows, None while they are sought."""
    found = large.nearest(row, NUM_NEIGHBOURS)
    if found is None:
        return None
    distances, rows = found[0].tolist(), found[1].tolist()
    known = large.map.store.known_of(found[1])
    names = known["id"].tolist()
    st.caption(
        "Nearest neighbours (feature space) and their distances between standardised vectors"
    )
    if images is not None:
        there = images.there(found[1]).tolist()
        captions = [
            (name, f"{gap:.2f}" if one else f"{gap:.2f}, no image")
            for name, gap, one in zip(_classes(known), distances, there, strict=True)
        ]
        gallery("neighbours", large.address, rows, captions, _go_in(large), tile=96)
        return rows
    for place, (name, distance, other) in enumerate(zip(names, distances, rows, strict=True), 1):
        words = f"{escape_markdown(name)} ({distance:.2f})"
        st.button(words, key=f"near_{place}", on_click=select, args=(large, other))
    return rows


def _go_in(large: Large) -> Callable[[Any], None]:
    """Return what follows a click in a gallery."""

    def go(row: Any) -> None:
        if isinstance(row, int) and not isinstance(row, bool) and 0 <= row < len(large.map):
            select(large, row)

    return go


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
        view="table" if st.session_state.get(state.SELECTION_VIEW) == "table" else "",
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
    if link.view:
        st.session_state[state.SELECTION_VIEW] = link.view
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
    st.session_state[state.GALLERY_PAGE] = 0


def _toggled(message: Any) -> None:
    st.session_state[state.OFF] = state.read_codes(message)
