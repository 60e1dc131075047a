"""Links to what is shown of a large store: written, and followed."""

from __future__ import annotations

import streamlit as st

from astrojepa.evaluation.maps.plane import UNITS
from astrojepa.wording import first_of

from ..components.instead import say_instead
from . import examples, large_maps, large_search, links, state
from .large import Large, select, selected


def follow(large: Large) -> None:
    """Follow a link, once; a galaxy is found by its id, else by its row, and shown."""
    if (link := links.incoming()) is None:
        return
    links.arrived()
    if link.id or link.row is not None:
        st.session_state[state.DRAWING] = "canvas"
    links.hold(link)
    if link.model and link.model != state.name_in_link(large.name):
        links.notice(f"The link was made with {link.model}; {large.name} is shown.")
    for key in (state.BOARD_OF, state.AREA_OF):
        st.session_state.pop(key, None)
    st.session_state[state.POLYGONS] = [list(map(list, polygon)) for polygon in link.polygons]
    if link.colour:
        st.session_state[state.OFF_COLOUR], st.session_state[state.OFF] = link.colour, link.off
    st.session_state[state.PROBE_ASKED] = bool(link.probe)
    large_search.follow(large, link)
    large_maps.follow(large, link.projection)
    _say_what_is_not_there(large, link)
    if link.id or link.row is not None:
        go_to(large, link.id or str(link.row))


def _say_what_is_not_there(large: Large, link: state.Link) -> None:
    """Say which choices of a link, of pages of small data, a large store does not offer."""
    if link.label not in {"", large.label}:
        say_instead(
            f"These galaxies cannot be labelled by {link.label!r}",
            f"their classes are those of {large.label!r}"
            if large.label
            else "they have no classes",
        )
    if link.score:
        say_instead(
            f"The score {link.score!r} is not available for a large store",
            "its leaderboard is by a column",
        )
    if link.only not in {"", state.ALL_CLASSES}:
        say_instead(
            f"A large store does not rank the class {link.only!r} alone", "all classes are shown"
        )
    known = {*large.map.store.names, *large.made}
    if missing := [name for name in link.columns if name not in known]:
        say_instead(
            f"These galaxies have no column {first_of([*map(repr, missing)])}",
            "the table shows all others",
        )
    for key in (state.LABEL_COLUMN, state.SCORE, state.ANOMALY_CLASS, state.TABLE_COLUMNS):
        st.session_state.pop(key, None)


def go_to(large: Large, name: str) -> None:
    """Select a galaxy by its id or row, and show the map around it; say so where there is none."""
    try:
        row = large.map.store.row_of(name)
    except ValueError as error:
        links.notice(str(error))
        return
    show_galaxy(large, row)


def show_galaxy(large: Large, row: int) -> None:
    """Select a galaxy, and show the map around it."""
    select(large, row)
    side = UNITS / st.session_state[state.LOOK]["zoom"]
    x, y = st.session_state[state.LOOK]["at"]
    st.session_state[state.VIEW] = (x - side / 2, y - side / 2, x + side / 2, y + side / 2)


def publish(large: Large) -> str:
    """Write what is shown to the address bar; returns the query string of a copied link."""
    row = selected(large)
    second, second_hash = st.session_state.get(state.SECOND_NAME) or ("", "")
    shown = {
        "model": large.name,
        "model_hash": large.key[:8],
        "row": row,
        "id": "" if row is None else large.names([row])[0],
        "second": second,
        "second_hash": second_hash,
        "off": tuple(st.session_state.get(state.OFF) or ()),
        "direction": links.direction(),
        "polygons": state.whole_units(links.polygons_of_chosen_map()),
        "images": examples.num_images(large_search.StoreSearch(large)),
        **links.trained((large.key,)),
    }
    return links.write(state.Link(**links.held() | shown))
