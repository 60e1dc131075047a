"""A grid of galaxies to click on: one request for all images, captions under each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from ...server.pictures import MAX_ROWS
from ..browser import component, hears
from ..escape_markdown import escape_markdown


def gallery(
    key: str,
    pictures: str,
    rows: Sequence[int],
    captions: Sequence[Sequence[str]],
    on_click: Callable[[Any], None],
    *,
    selected: int | None = None,
    tile: int = 96,
    on_mark: Callable[[Any], None] | None = None,
    digits: str = "012345",
) -> None:
    """Show up to 64 galaxies; `on_click` gets the row of the clicked one as sent by the browser,
    `on_mark` row and mark of one on which one of the digits was pressed. Without an address of
    `pictures`, the captions are buttons.
    """
    rows, captions = (
        list(map(int, rows[:MAX_ROWS])),
        [list(map(str, lines)) for lines in captions[:MAX_ROWS]],
    )
    if not rows:
        return
    if not pictures:
        with st.container(horizontal=True, gap="small", key=key):
            for row, lines in zip(rows, captions, strict=True):
                words = escape_markdown(", ".join(dict.fromkeys(lines)))
                st.button(words, key=f"{key}_{row}", on_click=on_click, args=(row,))
        return

    data = {
        "pictures": pictures,
        "side": 160 if tile > 112 else 96,
        "tile": tile,
        "rows": rows,
        "captions": captions,
        "selected": selected,
        "marks": digits if on_mark is not None else "",
    }
    component("gallery", html='<div class="gallery"></div>')(
        data=data,
        key=key,
        on_click_change=hears(key, "click", "row", on_click),
        on_mark_change=hears(key, "mark", "mark", on_mark or (lambda message: None)),
    )
