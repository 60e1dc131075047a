"""Links to what is shown of a large store: written, and followed."""

from __future__ import annotations

import streamlit as st

from astrojepa.evaluation.maps.plane import UNITS

from . import large_maps, large_search, links, state
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
    if link.id or link.row is not None:
        go_to(large, link.id or str(link.row))


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
        "polygons": state.whole_units(links.drawn()),
        **links.trained((large.key,)),
    }
    return links.write(state.Link(**links.held() | shown))
