"""The latent map: a canvas component. Python sends quantised positions, the browser sends a click or a polygon."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from app.colouring import Colouring

KEY = "latent_map"
_HERE = Path(__file__).parent
_SCRIPTS = ("latent_map_geometry.js", "latent_map_drawing.js", "latent_map_gestures.js", "latent_map.js")


def pack(
    header: dict[str, Any], positions: np.ndarray, classes: np.ndarray, colouring: Colouring, rank_codes: np.ndarray
) -> bytes:
    """Lay out the map for the browser: a JSON header and 7 bytes per galaxy (`decode` in latent_map_geometry.js reads it).

    uint32 header length, header padded to 4 bytes, uint16 x and y, uint8 class (255 = unknown), colour code, anomaly rank.
    `layout` and `look` in the header change when positions or colours do, so that the browser redraws no more than it must.
    """
    points = np.ascontiguousarray(positions, dtype="<u2").tobytes()
    columns = b"".join(
        np.ascontiguousarray(column, dtype=np.uint8).tobytes() for column in (classes, colouring.codes, rank_codes)
    )
    described = {
        **header,
        "count": len(positions),
        "colour": colouring.legend,
        "layout": hashlib.sha256(points).hexdigest()[:12],
        "look": hashlib.sha256(json.dumps(colouring.legend).encode() + colouring.codes.tobytes()).hexdigest()[:12],
    }
    text = json.dumps(described, allow_nan=False).encode()
    padding = b" " * (-(4 + len(text)) % 4)
    return (len(text) + len(padding)).to_bytes(4, "little") + text + padding + points + columns


def latent_map(data: bytes, on_click: Callable[[Any], None], on_lasso: Callable[[Any], None]) -> None:
    """Mount the map; the callbacks get the row that was clicked and the polygons that were drawn, as the browser sent them."""

    def clicked() -> None:
        if isinstance(message := _sent("click"), dict):
            on_click(message.get("row"))

    def drawn() -> None:
        if isinstance(message := _sent("lasso"), dict):
            on_lasso(message.get("polygons"))

    _component()(data=data, key=KEY, on_click_change=clicked, on_lasso_change=drawn)


def _sent(event: str) -> Any:
    return (st.session_state.get(KEY) or {}).get(event)


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    return st.components.v2.component(
        "astrojepa_latent_map",
        html=(_HERE / "latent_map.html").read_text(encoding="utf-8"),
        css=(_HERE / "latent_map.css").read_text(encoding="utf-8"),
        js="\n".join((_HERE / name).read_text(encoding="utf-8") for name in _SCRIPTS),
    )
