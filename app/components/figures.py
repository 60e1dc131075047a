"""Charts and tables, as all pages show them."""

from __future__ import annotations

from typing import Any

import streamlit as st

from .latent_map import palette

LIGHT = {
    palette.ACCENT: palette.LIGHT_ACCENT,
    palette.TEXT: palette.LIGHT_TEXT,
    palette.MUTED: palette.LIGHT_MUTED,
    palette.LINE: palette.LIGHT_LINE,
    palette.PANEL: palette.LIGHT_PANEL,
}


def chart(figure: Any, key: str, height: int = 280) -> None:
    """Show a Plotly figure, `height` pixels high, without buttons of its own, as the page is."""
    figure.update_layout(height=height)
    if st.context.theme.type == "light":
        figure = in_light(figure.to_plotly_json())
    st.plotly_chart(figure, width="stretch", config={"displayModeBar": False}, key=key)


def in_light(part: Any) -> Any:
    """Exchange the colours of a figure, made for a dark page, for those that stand out of white."""
    if isinstance(part, dict):
        return {name: in_light(value) for name, value in part.items()}
    if isinstance(part, list | tuple):
        return [in_light(value) for value in part]
    return LIGHT.get(part, part) if isinstance(part, str) else part


def table(rows: Any, columns: dict[str, Any] | None = None, **options: Any) -> None:
    """Show a data frame; `columns` says how each reads."""
    st.dataframe(rows, hide_index=True, width="stretch", column_config=columns, **options)
