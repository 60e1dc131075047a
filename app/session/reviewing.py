"""This session's review of the open data: the marks that any page shows or gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from . import marks, state
from .marks import Review
from .workspace import Workspace


def review_of(workspace: Workspace) -> Review:
    """Return the review."""
    return st.session_state.setdefault(state.REVIEWS, {}).get(
        workspace.data.galaxies_hash, Review()
    )


def change(workspace: Workspace, how: Callable[[Review], Review]) -> None:
    """Change the review."""
    st.session_state[state.REVIEWS][workspace.data.galaxies_hash] = how(review_of(workspace))


def take_mark(workspace: Workspace, message: Any) -> None:
    """Take [row, mark] from the browser; anything else changes nothing."""
    if not isinstance(message, list) or [type(part) for part in message] != [int, int]:
        return
    row, value = message
    if 0 <= row < len(workspace.data) and 0 <= value <= marks.HIGHEST:
        change(workspace, lambda review: marks.add(review, {row: value}))
        st.session_state[state.STORE] = True  # the browser keeps marks
