"""Arrow keys of the review, which a focused button group would take."""

from __future__ import annotations

import streamlit as st

from ..browser import component


def free_the_keys(group: str, row: int) -> None:
    """Take the focus from the widgets with this key whenever another galaxy is shown."""
    with st.container(key="review_focus_aside", height=1, border=False):
        component("review_focus")(data={"group": group, "row": row}, key="review_focus")
