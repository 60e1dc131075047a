"""This session's review of the open galaxies: the marks that any page shows or gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from . import marks, state
from .marks import Imported, Review


@dataclass(frozen=True)
class Reviewed:
    """The galaxies that are marked, of a small data set or a large store."""

    key: str  # hash of the set of galaxies, under which session and browser keep its marks
    data_hash: str
    count: int
    pictures: str  # address of the images; "" without any
    ids: Callable[[Sequence[int]], list[str]]  # of rows
    classes: Callable[[Sequence[int]], list[str]]
    export: Callable[[str, Mapping[int, int]], bytes]  # ending, marks by row
    read: Callable[[str, bytes], Imported]  # name and content of a file that was exported
    hosted: bool
    reranks: str  # what marks re-rank


def review_of(key: str) -> Review:
    """Return the review of a set of galaxies."""
    return st.session_state.setdefault(state.REVIEWS, {}).get(key, Review())


def change(key: str, how: Callable[[Review], Review]) -> None:
    """Change the review."""
    changed = how(review_of(key))
    st.session_state[state.REVIEWS][key] = changed


def take_mark(key: str, count: int, row: int, value: int) -> None:
    """Take a mark from the browser; that of no galaxy, and what is no mark, change nothing."""
    if 0 <= row < count and 0 <= value <= marks.HIGHEST:
        change(key, lambda review: marks.add(review, {row: value}))
        st.session_state[state.STORE] = True  # the browser keeps marks
