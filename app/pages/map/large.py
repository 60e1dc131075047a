"""The map of a store that is too large for memory: the box in view, sent as it moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from astrojepa.data.filters import MOST_LETTERS
from astrojepa.evaluation.maps.large_map import WHOLE, Tile
from astrojepa.wording import counted, galaxies, have

from ...components.choose import choose
from ...components.copy_link.copy_link import copy_link
from ...components.escape_markdown import escape_markdown
from ...components.instead import say_instead
from ...components.large_card import (
    class_names,
    columns_and_links,
    go_in,
    nearest,
    place_of,
    shown_image,
)
from ...components.latent_map import geometry, palette
from ...components.latent_map.colouring import Colouring
from ...components.latent_map.latent_map import latent_map, mark
from ...components.latent_map.layers import option_name
from ...components.latent_map.tiles import pack_tile, read_box, widened
from ...components.search_buttons import search_buttons
from ...components.survey_image import survey_picture, survey_toggle
from ...session import (
    clusters,
    examples,
    large_clusters,
    large_maps,
    large_search,
    links,
    state,
    waiting,
)
from ...session.large import NO_COLOUR, Large, selected
from ...session.large_described import OfStore
from ...session.large_links import go_to, publish, show_galaxy
from ...session.large_search import StoreSearch
from . import search
from .cluster_choice import choose_cluster, clusters_sentence
from .column_panel import column_panel
from .difference_panel import compare_the_selection, difference_panel
from .examples_bar import examples_bar, search_by_image
from .figure import store_figure
from .filter_box import SYNTAX, matched, set_filter
from .large_selection import hidden, show_selection
from .selection import begin_beside
from .sky import sky_panel


def show(large: Large, go: Callable[[str], None]) -> None:
    """Draw the map, the selected galaxy beside it, and the selection below."""
    with st.container(key="heard_title"):
        st.title("Map", anchor=False)
    options = large.options
    if (wanted := st.session_state.get(state.COLOUR)) not in options:
        colour = st.session_state[state.COLOUR] = plain_colour(large)
        if wanted:
            shown = "one colour" if colour == NO_COLOUR else colour
            say_instead(f"These galaxies cannot be coloured by {wanted!r}", f"{shown} is shown")
    with st.container(horizontal=True, vertical_alignment="bottom", key="bar"):
        large_maps.choose(large)
        st.selectbox("Colour", options, format_func=option_name, key=state.COLOUR, width=176)
        st.text_input(
            "Find",
            key="find",
            placeholder="Id or position",
            on_change=_find,
            args=(large,),
        )
        st.button("Random", key="random", on_click=_random, args=(large,), shortcut="s")
        with st.popover("Map options"):
            choose("Map type", state.DRAWINGS, state.DRAWING)
            st.caption(
                "The map is that of the columns `x` and `y`. PCA is computed from all vectors when "
                "you first choose it, unless the store has its own. `astrojepa project --beside` "
                "adds a map to a store. The 3-D map is the PCA of all vectors."
            )
    _pane(large, go)


@st.fragment
def _pane(large: Large, go: Callable[[str], None]) -> None:
    """Draw what follows a move or a click, in a fragment of its own so that the page stays."""
    st.session_state.pop(state.WHOLE_PAGE, None)  # a change of the search draws all of this anew
    try:
        images = large.images()
        left, right = st.columns([2, 1], gap="medium")
        row, found = selected(large), None
        with right:
            beside = st.container()
            if row is not None:
                found, survey = _galaxy(large, images, row, go)
            else:
                publish(large)
                st.caption("Zoom in and click a galaxy, or find one by its id.")
        with left:
            above, below = st.container(), st.container(key="map_below")
            with above:
                matching, wrong, coloured, chosen = _map(large, images, row, found or [], below)
            if chosen is not None and coloured is not None and (off := hidden()):
                chosen = chosen[~np.isin(coloured.codes[chosen], off)]
            with below:
                about = OfStore(large, images)
                column_panel(about, matching, wrong)
                sky_panel(about, chosen)
                difference_panel(about, chosen)
            if chosen is not None:
                with st.container(key="chosen"):
                    first = show_selection(large, images, chosen, matching, go, found is not None)
                with beside:
                    begin_beside(
                        first,
                        len(chosen),
                        large.address,
                        lambda rows: class_names(large.map.store.known_of(np.array(rows))),
                        go_in(large),
                    )
        if row is not None:
            survey()  # last: all else is there while it is fetched
    except (ValueError, OSError) as error:
        st.error(escape_markdown(error))


def _map(
    large: Large, images: Any, row: int | None, near: list[int], below: Any
) -> tuple[np.ndarray | None, str, Colouring | None, np.ndarray | None]:
    """Draw the map, and `below` it the filter; returns which galaxies match this, None without one,
    what is wrong with it, their colours, None while they are computed, and the rows that lasso and
    filter choose, None without either.
    """
    notes, board = st.container(), st.container()
    with below:
        waits = region_pending(large) or examples_bar(
            StoreSearch(large),
            lambda: search_pending(large),
            "" if images is None else large.address,
            lambda row: large.names([row]) if images is None else kinds_of(large, row),
            large_search.SAID_OF_REGION if StoreSearch(large).is_by_region else large_search.SAID,
        )
        matching, wrong = filter_row(large, waits, on_map=True)
    option = st.session_state[state.COLOUR]
    if option in clusters.LEVELS and large_clusters.at_hand(large) is None:
        option = plain_colour(large)  # meanwhile
    if st.session_state.get(state.OFF_COLOUR) != option:
        st.session_state[state.OFF], st.session_state[state.OFF_COLOUR] = (), option
    with notes:
        method, shown = large_maps.shown(large)
        if method != (asked := st.session_state[state.PROJECTION]):
            st.caption(f"Until the {state.PROJECTIONS[asked]} map is there, this is the store's.")
        if (coloured := large.coloured(option)) is None:
            option, coloured = large.last_coloured()
            if coloured is None:
                return matching, wrong, None, None
            st.caption(
                f"Until then, the map is coloured by {escape_markdown(option_name(option))}."
            )
        st.session_state[state.COLOURED] = option
        chosen = inside_rows(large, matching)
        counts = None if chosen is None else _counted(large, chosen, coloured, option)
    groups = coloured.legend.get("groups", [])
    classes = tuple(group["name"] for group in groups)
    if st.session_state.get(state.DRAWING) == "space":
        with board:
            in_space = store_figure(large, coloured, classes, matching, hidden(), links.select)
        if in_space:
            notes.caption(f"{what(large, pictured(large, images))}{in_space}")
            return matching, wrong, coloured, chosen
    box = widened(st.session_state.get(state.VIEW) or WHOLE)
    tile = shown.tile(box, matching, coloured.codes)
    header = {
        "imageless": images is None,
        "standsIn": option != st.session_state[state.OFF_COLOUR],
        "title": f"of {large.name}",
        "pictures": large.address,
        "classes": list(classes),
        "shapes": [style.shape for style in palette.class_styles(classes)],
        "labels": large_clusters.marks(large, option) if option in clusters.LEVELS else [],
    }
    with notes:
        st.caption(said(large, tile, matching, pictured(large, images)))
    with board:
        look = st.session_state.get(state.LOOK)
        there = None if images is None else images.there(tile.rows)
        packed = pack_tile(header, shown, tile, coloured, look, there)
        title = coloured.legend["title"]
        latent_map(packed, links.select, _drawn, _toggled, title, on_view=_moved)
        mark(
            {
                "pictures": header["pictures"],
                "selected": row,
                "neighbours": near,
                "polygons": links.polygons_of_shown_map(),
                "off": list(hidden()),
                "counts": counts,
            }
        )
    return matching, wrong, coloured, chosen


def plain_colour(large: Large) -> str:
    """Return the first colour that needs no clusters to be found."""
    return next(option for option in large.options if option not in clusters.LEVELS)


def said(large: Large, tile: Tile, matching: np.ndarray | None, images: str) -> str:
    """Say what the galaxies are, how many of them are drawn, and how."""
    which = "" if matching is None else " that match the filter"
    none = "" if matching is None else " that matches the filter"
    text = what(large, images)
    if matching is not None and not matching.any():
        return f"{text}None matches the filter."
    if not tile.count:
        return f"{text}No galaxy{none} is in view; press 0 to reset the view."
    if tile.cells is None:
        if tile.count == 1:
            return f"{text}The only one in view{none} is drawn."
        return f"{text}All {tile.count:,} in view{which} are drawn."
    every = f" (one in {tile.step:,} counted)" if tile.step > 1 else ""
    return (
        f"{text}The map shows the density of the {tile.count:,} in view{which}{every}. Zoom in to "
        "see and click single galaxies."
    )


def what(large: Large, images: str) -> str:
    """Say what the galaxies are."""
    kind = "**simulated** " if large.is_simulated else ""
    count = counted(len(large.map), f"{kind}galaxy", f"{kind}galaxies")
    return f"**{escape_markdown(large.name)}**, {count}{images}. "


def pictured(large: Large, images: Any) -> str:
    """Say which galaxies have images, and which images no galaxy."""
    if large.drawn is not None:
        return ", whose images are drawn when they are asked for"
    if large.source is None:
        return ", without images"
    if images is None:  # while ids are looked up
        return ""
    name, lacking = escape_markdown(large.source.name), len(images) - images.count
    found = f"{images.count:,} of which {have(images.count)}" if lacking else "all with"
    text = f", {found} an image in {name}"
    if images.others:
        which = "image of another galaxy" if images.others == 1 else "images of other galaxies"
        text += f", which has {images.others:,} {which}"
    return text


def region_pending(large: Large) -> bool:
    """Load the model that a search by a region needs; whether it is not there. The search can be
    ended meanwhile.
    """
    try:
        if large_search.prepared(large):
            return False
    except (ValueError, OSError) as error:
        st.error(escape_markdown(error))
    ended = StoreSearch(large), examples.Search()
    st.button("End search", on_click=examples.set_search, args=ended)
    return True


def search_pending(large: Large) -> bool:
    """Search for what is not found yet; whether it is not there, and the filter cannot name it."""
    try:
        return large_search.pending(large)
    except ValueError as error:  # which the filter must not cause once more
        st.error(escape_markdown(error))
        return True


def find_clusters(large: Large) -> bool:
    """Find clusters where they are asked for, and say how stable they are; whether they are still
    to come.
    """
    if not clusters.asked_for():
        return False
    found = waiting.show_when_ready(*large_clusters.task(large))
    if found is None:
        return True
    choose_cluster(found)
    st.caption(f"{clusters_sentence(found.clusters)} {large_clusters.SAID}")
    return False


def kinds_of(large: Large, row: int) -> list[str]:
    """Name the class of a galaxy, or else its id."""
    return class_names(large.map.store.known_of(np.array([row])))


def filter_row(
    large: Large, waits: bool = False, *, on_map: bool = False
) -> tuple[np.ndarray | None, str]:
    """Draw the filter; returns which galaxies match, None without one, and while they are
    counted; and what is wrong with it. It `waits` for what it may name.
    """
    st.session_state.setdefault(state.FILTER, "")
    with st.container(horizontal=True, vertical_alignment="bottom", key="filter_row"):
        columns = ", ".join(map(escape_markdown, (*large.made, *large.map.store.names)))
        st.text_input(
            "Filter",
            key=state.FILTER,
            persist_state="session",
            max_chars=MOST_LETTERS,
            help=f"{SYNTAX}\n\nColumns: {columns}",
        )
        if st.session_state[state.FILTER]:
            st.button("Clear filter", on_click=set_filter, args=("",))
        if on_map:
            search_by_image(StoreSearch(large), large_search.without(large))
    waits |= on_map and find_clusters(large)
    expression = st.session_state[state.FILTER]
    if waits or not expression.strip():
        return None, ""
    try:
        matching = large.matching(expression)
    except ValueError as error:
        st.error(escape_markdown(error))
        return None, str(error)
    if matching is not None:
        st.caption(matched(matching))
    return matching, ""


def inside_rows(large: Large, matching: np.ndarray | None) -> np.ndarray | None:
    """Return the galaxies inside the lasso, or else those that match; None without either, and
    while they are sought.
    """
    if polygons := links.polygons_of_shown_map():
        rows = large.inside(polygons)
        return rows if rows is None or matching is None else rows[matching[rows]]
    return None if matching is None else np.flatnonzero(matching)


def _counted(large: Large, rows: np.ndarray, coloured: Colouring, option: str) -> list[int] | None:
    """Count some galaxies by colour, (256,), for the legend; None meanwhile."""
    expression = st.session_state[state.FILTER]
    of = (str(links.polygons_of_shown_map()), str(st.session_state.get(state.AREA_OF)), expression)
    found: list[int] | None = waiting.show_when_ready(
        ("large legend", large.key, option, *of, *large.made_for(expression)),
        f"Counting {galaxies(len(rows))}",
        lambda report: np.bincount(coloured.codes[rows], minlength=256).tolist(),
    )
    return found


def _galaxy(
    large: Large, images: Any, row: int, go: Callable[[str], None]
) -> tuple[list[int] | None, Callable[[], None]]:
    """Show the selected galaxy, its neighbours and its columns; returns the rows of the neighbours,
    None while they are sought, and what draws the survey's image in its place.
    """
    table, (name,) = large.map.store.table_of(np.array([row])), large.names([row])
    st.header(escape_markdown(name), anchor=False)
    shown_image(large, images, row, name)
    place = place_of(large, table)
    survey_toggle(place)
    beside = st.container()
    found = nearest(large, images, row)
    search_buttons(StoreSearch(large), row)
    columns_and_links(large, table)
    with st.container(horizontal=True):
        if st.button("Open galaxy page", key="open_galaxy"):
            go("galaxy")
        copy_link(publish(large))

    def survey() -> None:
        with beside:
            survey_picture(place, name)

    return found, survey


def _find(large: Large) -> None:
    from astrojepa.data.coordinates import parse_coordinates

    written = st.session_state.get("find", "").strip()
    if expression := search.cone(written, parse_coordinates) or (
        written if search.is_filter(written) else ""
    ):
        set_filter(expression)
    elif written:
        go_to(large, written)
    st.session_state["find"] = ""


def _random(large: Large) -> None:
    show_galaxy(large, int(np.random.default_rng().integers(len(large.map))))


def _moved(message: Any) -> None:
    if (box := read_box(message)) is not None:
        st.session_state[state.VIEW] = box


def _drawn(message: Any) -> None:
    st.session_state[state.POLYGONS] = geometry.read_polygons(message)
    st.session_state[state.AREA_OF] = st.session_state.get(state.MAP_SHOWN)
    st.session_state[state.GALLERY_PAGE] = 0
    compare_the_selection()


def _toggled(message: Any) -> None:
    if st.session_state.get(state.COLOURED) == st.session_state.get(state.OFF_COLOUR):
        st.session_state[state.OFF] = state.read_codes(message)
