"""Keeping the address bar and the session in step, both ways."""

from __future__ import annotations

import urllib.parse
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from . import examples, sampling, state
from .collections import COLLECTIONS
from .workspace import Workspace


def incoming() -> state.Link | None:
    """Return the link in the address bar at a first visit or after Back or Forward.

    Any other address is one that this session wrote, and may be older than what was clicked since.
    A link stays on its way until `arrived`, since the page may have to wait for a model or for data
    meanwhile.
    """
    seen = {name: value for name, value in st.query_params.items() if isinstance(value, str)}
    first = state.LINK_READ not in st.session_state
    if seen and (first or (back_or_forward() and seen != st.session_state[state.LINK_READ])):
        st.session_state[state.LINK_READ] = seen
        st.session_state[state.LINK_COMING] = state.decode_link(seen)
        notice(state.misread(seen))
    return st.session_state.get(state.LINK_COMING)


def back_or_forward() -> bool:
    """Whether the browser's Back or Forward called for this run."""
    context = get_script_run_ctx()
    return bool(getattr(context, "is_history_navigation", False))


def arrived() -> None:
    """The link has been followed."""
    st.session_state.pop(state.LINK_COMING, None)


def open_on_map(row: Any) -> None:
    """Select a galaxy, as the browser sent its row, and have the page go to the map."""
    select(row)
    st.session_state[state.TO_MAP] = True


def open_galaxy(row: Any) -> None:
    """Select a galaxy, as the browser sent its row, and have the page go to the galaxy's."""
    select(row)
    st.session_state[state.TO_GALAXY] = True


def current(workspace: Workspace) -> state.Link:
    """Describe what is shown now."""
    found = held()
    kind = found["masks"] or "tiling"
    row = st.session_state.get(state.ROW)
    if row is not None:
        row = sampling.among_all(workspace.sampled, row)
    second, second_hash = st.session_state.get(state.SECOND_NAME) or ("", "")
    return state.Link(
        **found
        | {
            "model": workspace.name_in_link,
            "model_hash": workspace.made_by[1][:8],
            "data": workspace.source.name,
            "data_hash": workspace.whole.fingerprint[:8],
            "row": row,
            "id": "" if row is None else str(workspace.whole.ids[row]),
            "second": second,
            "second_hash": second_hash,
            "seed": found["seed"] if kind in {"random", "bright"} else 0,
            "drawn": found["drawn"] if kind == "drawn" else "",
            "columns": found["columns"] if found["view"] == "table" else (),
            "off": tuple(st.session_state.get(state.OFF) or ()),
            "polygons": state.whole_units(polygons_of_chosen_map()),
            "direction": direction(),
            "like": (search := examples.asked(workspace)).like,
            "unlike": search.unlike,
            "region": search.region,
            "images": examples.num_images(workspace),
        }
        | trained(workspace.key)
    )


def polygons_of_chosen_map() -> Any:
    """The polygons, unless they were drawn on a map that stands in for the one that was chosen."""
    owner = st.session_state.get(state.AREA_OF)
    elsewhere = owner is not None and owner[-1] != st.session_state.get(state.PROJECTION)
    return () if elsewhere else st.session_state.get(state.POLYGONS) or ()


def polygons_of_shown_map() -> Any:
    """The polygons, if they were drawn on the map that is shown."""
    here = st.session_state.get(state.AREA_OF) == st.session_state.get(state.MAP_SHOWN)
    return (st.session_state.get(state.POLYGONS) or []) if here else []


def held() -> dict[str, Any]:
    """Return what the session holds for the fields of a link that have a session key."""
    return {name: _held(name) for name, about in state.PARAMETERS.items() if about.key}


def hold(link: state.Link) -> None:
    """Give the session what a link says of the fields that have a session key."""
    named = set[str]()
    for name, about in state.PARAMETERS.items():
        if about.key and (value := getattr(link, name)):
            st.session_state[about.key] = value
            named.add(about.key)
    st.session_state[state.LINKED] = named
    if link.order or link.direction:
        st.session_state[state.DIRECTION] = link.direction


def named_by_link(key: str) -> bool:
    """Whether a link has set what the session holds under a key, and nobody has asked so far: what
    is not there is said to those who followed the link, and only once.
    """
    named: set[str] = st.session_state.get(state.LINKED, set())
    found = key in named
    named.discard(key)
    return found


def is_reversed(lowest_before: bool = False) -> bool:
    """Whether what is sorted stands the other way round than usual, which is highest first for
    numbers. Where an old link does not say which comes first, `lowest_before` says whether its page
    listed the lowest first.
    """
    asked = st.session_state.pop(state.DIRECTION, None)
    if asked is not None:
        old = asked in {"", "reversed"}
        reverse = asked in {"lowest", "reversed"}
        st.session_state[state.SELECTION_REVERSED] = reverse != (old and lowest_before)
    return bool(st.session_state.setdefault(state.SELECTION_REVERSED, False))


def direction() -> str:
    """Return which comes first, for a link; "" where that goes without saying. Of an order that no
    menu has drawn yet, lowest or highest is right whether it is of numbers or not.
    """
    if (asked := st.session_state.get(state.DIRECTION)) is not None:
        return str(asked)
    reverse = st.session_state.get(state.SELECTION_REVERSED)
    order, drawn = (st.session_state.get(key) for key in (state.SELECTION_ORDER, state.IN_WORDS))
    if order and order == drawn:
        return "reversed" if reverse else ""
    return "lowest" if reverse else "highest" if _held("order") else ""


def _held(name: str) -> Any:
    """Return what the session holds for a field of a link; the usual value is left out."""
    value, usual = st.session_state.get(state.PARAMETERS[name].key), getattr(state.Link, name)
    return usual if value in (None, state.PARAMETERS[name].usual) else type(usual)(value)


def trained(on: tuple[str, ...]) -> dict[str, Any]:
    """Describe the probe that was trained on the vectors of these hashes for a link; "" for
    one of collections or of labels given here, which stay in their session.
    """
    key, target = st.session_state.get(state.PROBED), st.session_state.get(state.PROBED_TARGET)
    nothing = {"probe": "", "learn": "", "share": 0}
    if not key or key[: len(on)] != on or target is None:
        return nothing
    if target.name == COLLECTIONS or len(target.given):
        return nothing
    return {"probe": key[2], "learn": target.name, "share": key[3]}


def kept() -> dict[str, Any]:
    """The values of the widgets that outlive the pages that do not show them."""
    return {key: st.session_state[key] for key in state.PERSISTENT if key in st.session_state}


def address(workspace: Workspace) -> str:
    """Return the query string of a link to what is shown now."""
    return urllib.parse.urlencode(state.encode_link(current(workspace)))


def publish(workspace: Workspace) -> str:
    """Write changed state to the address bar; returns the query string of a copied link."""
    return write(current(workspace))


def write(link: state.Link) -> str:
    """Write a link to the address bar; returns it as a query string."""
    st.session_state[state.KEPT] = kept()
    parameters = state.encode_link(link)
    st.session_state[state.LINK_READ] = parameters
    # also after a change of page, which empties the address
    if dict(st.query_params) != parameters:
        st.query_params.from_dict(parameters)
    return urllib.parse.urlencode(parameters)


def notice(sentence: str) -> None:
    """Keep a sentence to be shown once at the top of the page."""
    if sentence:
        st.session_state.setdefault(state.NOTICES, [])
        if sentence not in st.session_state[state.NOTICES]:
            st.session_state[state.NOTICES].append(sentence)


def select(row: Any) -> None:
    """Make a galaxy the selected one; anything but a row number is ignored."""
    if isinstance(row, int) and not isinstance(row, bool) and 0 <= row <= state.MAX_ROW:
        st.session_state[state.ROW] = row
        st.session_state.pop(state.AWAITED, None)
