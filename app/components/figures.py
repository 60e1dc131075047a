"""Charts and tables, as all pages show them."""

from __future__ import annotations

from typing import Any

import streamlit as st


def chart(figure: Any, key: str, height: int = 280) -> None:
    """Show a Plotly figure, `height` pixels high, without its own buttons."""
    figure.update_layout(height=height)
    st.plotly_chart(figure, width="stretch", config={"displayModeBar": False}, key=key)


def table(rows: Any, columns: dict[str, Any] | None = None, **options: Any) -> None:
    """Show a data frame; `columns` says how each reads."""
    st.dataframe(rows, hide_index=True, width="stretch", column_config=columns, **options)
