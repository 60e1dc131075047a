"""Arrow keys of the review, which a focused button group would take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent


def free_the_keys(group: str, row: int) -> None:
    """Take the focus from the widgets with this key whenever another galaxy is shown."""
    with st.container(key="review_focus_aside", height=1, border=False):
        _component()(data={"group": group, "row": row}, key="review_focus")


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    return st.components.v2.component(
        "astrojepa_review_focus", js=(_HERE / "review_focus.js").read_text(encoding="utf-8")
    )
