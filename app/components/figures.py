"""Charts, as all pages show them."""

from __future__ import annotations

from typing import Any

import streamlit as st


def chart(figure: Any, key: str, height: int = 280) -> None:
    """Show a Plotly figure, `height` pixels high, without buttons of its own, as the page is."""
    from astrojepa import plotting

    figure.update_layout(height=height)
    # which Streamlit's own grey, 3.7:1 on white, would colour
    figure.update_xaxes(title_font_color=plotting.MUTED)
    figure.update_yaxes(title_font_color=plotting.MUTED)
    if st.context.theme.type == "light":
        figure = plotting.in_light(figure.to_plotly_json())
    st.plotly_chart(figure, width="stretch", config={"displayModeBar": False}, key=key)
