"""The Copy link button: copies the URL of this view, or shows it if the browser refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent


def copy_link(query: str) -> None:
    """Show the button; `query` is the query string, the browser adds the page's address."""
    _component()(data={"query": query}, key="copy_link", width="content")


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    return st.components.v2.component(
        "astrojepa_copy_link",
        html='<div class="copy"><button type="button">Copy link</button><input readonly hidden '
        'aria-label="Link to this view"></div>',
        css=(_HERE / "copy_link.css").read_text(encoding="utf-8"),
        js=(_HERE / "copy_link.js").read_text(encoding="utf-8"),
    )
