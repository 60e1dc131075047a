"""Names and values in two quiet columns."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from .escape_markdown import escape_markdown


def facts(key: str, values: Mapping[str, str]) -> None:
    """Show facts as text; nothing in them is taken for markup."""
    with st.container(key=f"facts-{key}"):
        for name, value in values.items():
            first, second = st.columns([1, 2], gap="small")
            first.caption(escape_markdown(name))
            second.text(value)


def unreadable(galaxy: object) -> None:
    """Say that the image of the galaxy with this id is missing."""
    st.warning(f"The image of {escape_markdown(galaxy)} cannot be read; it may be damaged.")
