"""Clicks in a Plotly figure, which Streamlit does not report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from ..browser import component, hears

KEY = "figure_click"


def figure_click(figure: str, on_click: Callable[[Any], None]) -> None:
    """Listen to a figure; `on_click` gets the row of the clicked galaxy as sent by the browser."""
    key = f"{KEY}_{figure}"
    with st.container(key=f"{KEY}_aside_{figure}"):  # theme.css takes it out of the page's flow
        component(KEY)(
            data={"figure": figure}, key=key, on_click_change=hears(key, "click", "row", on_click)
        )
