"""A grid of galaxies to click on: one request for all images, captions under each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from ...server.pictures import MAX_ROWS

_HERE = Path(__file__).parent


def gallery(
    key: str,
    pictures: str,
    rows: Sequence[int],
    captions: Sequence[Sequence[str]],
    on_click: Callable[[Any], None],
    *,
    selected: int | None = None,
    tile: int = 96,
) -> None:
    """Show up to 64 galaxies; `on_click` gets the row of the clicked one as sent by the browser."""
    rows, captions = (
        list(map(int, rows[:MAX_ROWS])),
        [list(map(str, lines)) for lines in captions[:MAX_ROWS]],
    )
    if not rows:
        return

    def clicked() -> None:
        message = (st.session_state.get(key) or {}).get("click")
        if isinstance(message, dict):
            on_click(message.get("row"))

    side = 160 if tile > 112 else 96
    data = {
        "pictures": pictures,
        "side": side,
        "tile": tile,
        "rows": rows,
        "captions": captions,
        "selected": selected,
    }
    _component()(data=data, key=key, on_click_change=clicked)


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    return st.components.v2.component(
        "astrojepa_gallery",
        html='<div class="gallery"></div>',
        css=(_HERE / "gallery.css").read_text(encoding="utf-8"),
        js=(_HERE / "gallery.js").read_text(encoding="utf-8"),
    )
