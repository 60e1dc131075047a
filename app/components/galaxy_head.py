"""The head of a galaxy's page: id and class, and the way to the ranks before and after."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from .escape_markdown import escape_markdown
from .facts import chip


def galaxy_head(
    name: str, kind: str, before: int | None, after: int | None, select: Callable[[int], None]
) -> None:
    """Draw the head; `before` and `after` are rows, which the buttons and the arrow keys select."""
    with st.container(horizontal=True, vertical_alignment="center", key="galaxy_head"):
        st.title(escape_markdown(name), anchor=False, width="content")
        if kind:
            chip(kind, "stretch")
        with st.container(horizontal=True, gap="small", width="content"):
            for label, row, key in (("Previous", before, "Left"), ("Next", after, "Right")):
                st.button(
                    label,
                    disabled=row is None,
                    on_click=select,
                    args=(row,),
                    shortcut=key,
                    width="content",
                )
