"""The browser keeps marks and collections for all its tabs, and returns what a session lacks."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from ...session import follow_links, keepsake, sampling, state
from ...session.marks import Review, resume
from ...session.workspace import Workspace
from ..browser import component, hears

KEY = "keepsake"
# by the name of a text: what the page knew the browser to keep, and what it keeps now
Found = Callable[[str], tuple[Any, Any]]


def keep_in_browser(workspace: Workspace) -> None:
    """Have the browser hand over what it kept of the open galaxies, then keep what is held now."""
    place = workspace.data.galaxies_hash
    names = [place, *_of_sample(workspace)]

    def take(found: Found) -> None:
        for name in names:
            before, now = (keepsake.read(text, len(workspace.data)) for text in found(name))
            take_over(name, before, now)
        for sample in names[1:]:
            rows = sampling.stratified_rows(workspace.whole.labels).tolist()
            follow_links.take_along(sample, place, rows)

    # a sample's are those of all galaxies from now on
    keep({name: written(name, held(name)) for name in names}, take)


def written(name: str, kept: keepsake.Kept) -> str:
    """Write what is held of one set of galaxies, and note whether a browser keeps all of it."""
    unkept = st.session_state.setdefault(state.UNKEPT, set())
    (unkept.discard if keepsake.fits(kept) else unkept.add)(name)
    return keepsake.write(kept)


def keep(texts: Mapping[str, str], take: Callable[[Found], None]) -> None:
    """Have the browser keep texts by their names, after it has handed over what it keeps and this
    session does not know: of an earlier visit, or of another tab.
    """
    session = st.session_state.setdefault(state.SESSION, secrets.token_hex(8))

    def found(message: Any) -> None:
        if not isinstance(message, dict) or not isinstance(kept := message.get("kept"), dict):
            return
        number = message.get("number")
        if not isinstance(number, float) or number == st.session_state.get(state.TAKEN):
            return
        st.session_state[state.TAKEN] = number

        def both(name: str) -> tuple[Any, Any]:
            pair = kept.get(name)
            return (pair[0], pair[1]) if isinstance(pair, list) and len(pair) == 2 else ("", "")

        take(both)

    taken = st.session_state.get(state.TAKEN)
    data = {"texts": dict(texts), "taken": taken, "session": session}
    with st.container(key=f"{KEY}_aside"):  # theme.css takes it out of the page's flow
        component(KEY)(data=data, key=KEY, on_found_change=hears(KEY, "found", "found", found))


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


def take_over(name: str, before: keepsake.Kept, now: keepsake.Kept) -> None:
    """Put what others have added to what the browser kept `before` beside what is held here."""
    mine = held(name)
    both = keepsake.joined(mine, before, now)
    reviews = st.session_state.setdefault(state.REVIEWS, {})
    if new := dict(both.marks.items() - mine.marks.items()):
        review = reviews.get(name, Review())
        own = {row: value for row, value in review.marks.items() if row not in new}
        reviews[name] = resume(replace(review, marks=own), new)
    for key, found in ((state.COLLECTIONS, both.collections), (state.DRAWN_ON, both.drawn_on)):
        if found:
            st.session_state.setdefault(key, {})[name] = dict(found)
