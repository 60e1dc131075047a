"""The maps of a large store: that of its columns x and y, others that it holds, and its PCA."""

from __future__ import annotations

from typing import Any

import streamlit as st

from astrojepa.evaluation.maps.large_map import (
    WHOLE,
    LargeMap,
    coordinates,
    has_map,
    large_map,
    method_of,
)
from astrojepa.evaluation.maps.plane import COLUMNS, UNITS
from astrojepa.evaluation.maps.store_pca import pca_map
from astrojepa.progress import Progress
from astrojepa.wording import galaxies

from . import links, loaders, state, waiting
from .large import Large
from .workspace import Task

OWN = "own"  # the map of x and y, where the store does not say what it is
PCA = "pca"


def options(large: Large) -> dict[str, str]:
    """What the map can be, with its title, the store's own first."""
    names = set(large.map.store.names)
    titles = {own_method(large): state.PROJECTIONS.get(own_method(large), "x and y")}
    for method, title in state.PROJECTIONS.items():
        if method == PCA or set(COLUMNS[method]) <= names:
            titles.setdefault(method, title)
    return titles


def own_method(large: Large) -> str:
    """What the map of x and y is, as `astrojepa project` writes it; PCA where there is none."""
    store = large.map.store
    return (method_of(store) or OWN) if has_map(store) else PCA


def follow(large: Large, method: str) -> None:
    """Choose the store's own map where a link names none of the store's; say so where it names
    another, on which its area was drawn.
    """
    if method in options(large):
        return
    st.session_state[state.PROJECTION] = own_method(large)
    if method in state.PROJECTIONS:
        left_out = ", without the area of the link" if st.session_state[state.POLYGONS] else ""
        st.session_state[state.POLYGONS] = []
        of = "of its columns x and y" if has_map(large.map.store) else "by PCA"
        links.notice(
            f"{large.name} has no {state.PROJECTIONS[method]} map; the map {of} is shown{left_out}."
        )


def choose(large: Large) -> None:
    """Offer the maps that there are."""
    titles = options(large)
    if st.session_state.get(state.PROJECTION) not in titles:
        st.session_state[state.PROJECTION] = own_method(large)
    st.selectbox(
        "Map", list(titles), format_func=titles.__getitem__, key=state.PROJECTION, width=104
    )


def shown(large: Large) -> tuple[str, LargeMap]:
    """Return the chosen map and its method; while it is computed, with progress, the store's own.

    What was drawn on another map, and the part of it that was in view, are forgotten.
    """
    method, own = st.session_state.get(state.PROJECTION, OWN), own_method(large)
    found: LargeMap | None = large.map
    if method in options(large) and method != own:
        found = waiting.show_when_ready(*_task(large, method))
    is_there = found is not None and method in options(large)
    place = (large.key, method if is_there else own)
    if st.session_state.get(state.MAP_SHOWN, place) != place:
        wish = st.session_state.get(state.LOOK) or {"number": 0}
        whole = {"at": [UNITS / 2, UNITS / 2], "zoom": 1, "number": wish["number"] + 1}
        st.session_state[state.LOOK], st.session_state[state.VIEW] = whole, WHOLE
    st.session_state[state.MAP_SHOWN] = place
    owner = st.session_state.get(state.AREA_OF)
    if is_there and owner != place:
        if owner is not None:  # a link's belong to the map that it names
            st.session_state[state.POLYGONS] = []
        st.session_state[state.AREA_OF] = place
    return place[1], found or large.map


def at_hand(large: Large) -> LargeMap:
    """Return the chosen map if it is there, else the store's own; computes nothing."""
    key = _task(large, st.session_state.get(state.PROJECTION, OWN))[0]
    found: LargeMap | None = loaders.jobs().result(key)
    return found or large.map


def _task(large: Large, method: str) -> Task:
    def task(report: Progress) -> Any:
        store = large.map.store
        if set(COLUMNS[method]) <= set(store.names):
            return large_map(store, *coordinates(store, *COLUMNS[method]))
        return pca_map(store, report)

    title = state.PROJECTIONS.get(method, method)
    sentence = f"Computing the {title} map of {galaxies(len(large.map))}"
    return ("large map", large.key, method), sentence, task
