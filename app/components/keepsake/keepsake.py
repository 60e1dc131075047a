"""Marks and collections survive a reload: the browser keeps them and hands them back once."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from ...session import follow_links, keepsake, sampling, state
from ...session.marks import Review, resume
from ...session.workspace import Workspace
from ..browser import component, hears

KEY = "keepsake"


def keep_in_browser(workspace: Workspace) -> None:
    """Have the browser keep what the session holds of the open galaxies, after it has handed over
    what it kept before.
    """
    place = workspace.data.galaxies_hash
    names = [place, *_of_sample(workspace)]

    def found(kept: dict[str, Any]) -> None:
        for name in names:
            take_over(name, keepsake.read(kept.get(name), len(workspace.data)))
        for sample in names[1:]:
            rows = sampling.stratified_rows(workspace.whole.labels).tolist()
            follow_links.take_along(sample, place, rows)

    # a sample's are those of all galaxies from now on
    keep(place, {name: written(name, held(name)) for name in names}, found)


def written(name: str, kept: keepsake.Kept) -> str:
    """Write what is held of one set of galaxies, and note whether a browser keeps all of it."""
    unkept = st.session_state.setdefault(state.UNKEPT, set())
    (unkept.discard if keepsake.fits(kept) else unkept.add)(name)
    return keepsake.write(kept)


def keep(place: str, texts: Mapping[str, str], take: Callable[[dict[str, Any]], None]) -> None:
    """Have the browser keep texts by their names, after it has handed over, once for a `place`,
    what it kept before.
    """
    heard = st.session_state.setdefault(state.HEARD, set())
    session = st.session_state.setdefault(state.SESSION, secrets.token_hex(8))

    def found(kept: Any) -> None:
        if place not in heard and isinstance(kept, dict):
            heard.add(place)
            take(kept)

    with st.container(key=f"{KEY}_aside"):  # theme.css takes it out of the page's flow
        component(KEY)(
            data={"texts": dict(texts), "heard": place in heard, "session": session},
            key=KEY,
            on_found_change=hears(KEY, "found", "kept", found),
        )


def _of_sample(workspace: Workspace) -> list[str]:
    """The name of the sample that these galaxies were shown by before, where they are all."""
    whole = workspace.whole
    if workspace.model is None or workspace.sampled is not None:
        return []
    return [_sample_name(whole, whole.fingerprint)] if sampling.is_large(len(whole)) else []


@st.cache_data(show_spinner=False, max_entries=16)
def _sample_name(_whole: Any, fingerprint: str) -> str:
    return str(_whole.subset(sampling.stratified_rows(_whole.labels)).galaxies_hash)


def held(name: str) -> keepsake.Kept:
    """What the session holds of one set of galaxies."""
    review = st.session_state.get(state.REVIEWS, {}).get(name, Review())
    collections = st.session_state.get(state.COLLECTIONS, {}).get(name, {})
    drawn_on = st.session_state.get(state.DRAWN_ON, {}).get(name, {})
    return keepsake.Kept(review.marks, collections, drawn_on)


def take_over(name: str, kept: keepsake.Kept) -> None:
    """Put what was kept beside what the session holds, which wins."""
    reviews = st.session_state.setdefault(state.REVIEWS, {})
    if kept.marks:
        reviews[name] = resume(reviews.get(name, Review()), kept.marks)
    for key, before in ((state.COLLECTIONS, kept.collections), (state.DRAWN_ON, kept.drawn_on)):
        if before:
            held = st.session_state.setdefault(key, {})
            held[name] = {**before, **held.get(name, {})}
