"""Draw the page anew when its theme changes: charts and images have their colours from Python."""

from __future__ import annotations

import streamlit as st

from ..browser import component


def redraw_on_theme_change() -> None:
    """Have the browser call for the page once its theme has changed, in the menu or the system."""
    with st.container(key="theme_change_aside"):  # theme.css takes it out of the page's flow
        component("theme_change", html="<i></i>")(
            key="theme_change", on_changed_change=lambda: None
        )
