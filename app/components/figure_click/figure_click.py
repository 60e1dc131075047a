"""Clicks in a Plotly figure in space, which Streamlit does not report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from ..browser import component, hears

KEY = "figure_click"


def figure_click(figure: str, on_click: Callable[[Any], None]) -> None:
    """Listen to a figure; `on_click` gets the row of the clicked galaxy as sent by the browser."""
    with st.container(key=f"{KEY}_aside"):  # theme.css takes it out of the page's flow
        component(KEY)(
            data={"figure": figure}, key=KEY, on_click_change=hears(KEY, "click", "row", on_click)
        )
