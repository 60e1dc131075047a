"""Clicks in a Plotly figure in space, which Streamlit does not report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent
KEY = "figure_click"


def figure_click(figure: str, on_click: Callable[[Any], None]) -> None:
    """Listen to a figure; `on_click` gets the row of the clicked galaxy as sent by the browser."""

    def clicked() -> None:
        message = (st.session_state.get(KEY) or {}).get("click")
        if isinstance(message, dict):
            on_click(message.get("row"))

    with st.container(key=f"{KEY}_aside"):  # theme.css takes it out of the page's flow
        _component()(data={"figure": figure}, key=KEY, on_click_change=clicked)


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    return st.components.v2.component(
        "astrojepa_figure_click", js=(_HERE / "figure_click.js").read_text(encoding="utf-8")
    )
