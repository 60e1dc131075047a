"""A grid of galaxies to click on: one request for all images, captions under each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from ...server.pictures import MAX_ROWS
from ..browser import PRESS, component, hears
from ..escape_markdown import escape_markdown
from ..keys.keys import QUEUE, new_presses, taken


def gallery(
    key: str,
    pictures: str,
    rows: Sequence[int],
    captions: Sequence[Sequence[str]],
    on_click: Callable[[Any], None],
    *,
    selected: int | None = None,
    tile: int = 96,
    on_mark: Callable[[int, int, int], None] | None = None,
    digits: str = "012345",
    given: Sequence[int] = (),
) -> None:
    """Show up to 64 galaxies; `on_click` gets the row of the clicked one as sent by the browser,
    `on_mark` row and digit of one on which one of the digits was pressed, and what was `given` to
    it (-1: nothing) as the browser showed it. Without an address of `pictures`, the captions are
    buttons.
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
        "given": list(given),
        "queue": f"{key} {pictures}",
        "taken": taken(key),
    }

    def marked(message: Any) -> None:
        for press in new_presses(key, message):
            if on_mark is not None and str(press[1]) in list(digits):
                on_mark(*press)

    variant, queue = ("marked", [QUEUE]) if on_mark else ("", [])  # which each drawing sends
    html = '<div class="gallery"></div>'
    component("gallery", "gallery", PRESS, *queue, html=html, variant=variant)(
        data=data,
        key=key,
        on_click_change=hears(key, "click", "row", on_click),
        on_mark_change=hears(key, "mark", "presses", marked),
    )
