"""Make a galaxy an example of what to search for."""

from __future__ import annotations

import streamlit as st

from ..session import examples, sampling, state
from ..session.workspace import Workspace


def search_buttons(workspace: Workspace, row: int) -> None:
    """Offer to find more like an open galaxy, or less like it while a search goes on."""
    search, known = examples.asked(workspace), sampling.among_all(workspace.sampled, row)
    with st.container(horizontal=True, gap="small", key="search_buttons"):
        if known in (*search.like, *search.unlike):
            st.button("Remove from search", on_click=_change, args=(workspace, row, None))
            return
        st.button("More like this", on_click=_change, args=(workspace, row, True))
        if search.like or search.images:
            st.button("Less like this", on_click=_change, args=(workspace, row, False))


def _change(workspace: Workspace, row: int, alike: bool | None) -> None:
    if alike is None:
        examples.remove_galaxy(workspace, row)
    else:
        examples.add_galaxy(workspace, row, alike=alike)
    st.session_state[state.WHOLE_PAGE] = True
