"""Charts, as all pages show them."""

from __future__ import annotations

from typing import Any

import streamlit as st


def chart(figure: Any, key: str, height: int = 280) -> None:
    """Show a Plotly figure, `height` pixels high, without buttons of its own, as the page is."""
    figure.update_layout(height=height)
    if st.context.theme.type == "light":
        from astrojepa.plotting import in_light

        figure = in_light(figure.to_plotly_json())
    st.plotly_chart(figure, width="stretch", config={"displayModeBar": False}, key=key)
