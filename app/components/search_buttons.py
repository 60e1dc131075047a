"""Make a galaxy an example of what to search for."""

from __future__ import annotations

import streamlit as st

from ..session import examples, sampling, state
from ..session.examples import Searchable


def search_buttons(workspace: Searchable, row: int) -> None:
    """Offer to find more like an open galaxy, or less like it while a search goes on."""
    search, known = examples.asked(workspace), sampling.among_all(workspace.sampled, row)
    with st.container(horizontal=True, gap="small", key="search_buttons"):
        if known in (*search.like, *search.unlike):
            _first("Remove from search", workspace, row, None)
            return
        _first("More like this", workspace, row, True)
        if search.like or search.images:
            st.button("Less like this", on_click=_change, args=(workspace, row, False))


def _first(label: str, workspace: Searchable, row: int, alike: bool | None) -> None:
    """Draw the first button: one key, so that it keeps the focus when its name changes."""
    st.button(label, key="search_first", on_click=_change, args=(workspace, row, alike))


def _change(workspace: Searchable, row: int, alike: bool | None) -> None:
    if alike is None:
        examples.remove_galaxy(workspace, row)
    else:
        examples.add_galaxy(workspace, row, alike=alike)
    st.session_state[state.WHOLE_PAGE] = True
