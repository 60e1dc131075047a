"""The map: a canvas. Python sends positions, the browser a click, a polygon or hidden groups."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from .. import browser
from ..browser import PRESS, component, hears
from .colouring import Colouring

KEY = "latent_map"
_SCRIPTS = (
    PRESS,
    "theme",
    "geometry",
    "density",
    "dots",
    "drawing",
    "pictures",
    "contours",
    "labels",
    "motion",
    "legend",
    "gestures",
    "tiles",
    "latent_map",
)  # one module in the browser


def pack(
    header: dict[str, Any],
    positions: np.ndarray,
    classes: np.ndarray,
    colouring: Colouring,
    rank_codes: np.ndarray,
) -> bytes:
    """Lay out the map for the browser: a JSON header and 7 bytes per galaxy (see geometry.js).

    uint32 header length, header padded to 4 bytes, uint16 x and y, uint8 class (255 = unknown),
    colour code, anomaly rank. `layout` and `look` in the header change when positions or colours
    do, so that the browser redraws no more than it must.
    """
    points = np.ascontiguousarray(positions, dtype="<u2").tobytes()
    columns = b"".join(
        np.ascontiguousarray(column, dtype=np.uint8).tobytes()
        for column in (classes, colouring.codes, rank_codes)
    )
    described = {
        **header,
        "count": len(positions),
        "colour": colouring.legend,
        "layout": hashlib.sha256(points).hexdigest()[:12],
        "look": hashlib.sha256(
            json.dumps(colouring.legend).encode() + colouring.codes.tobytes()
        ).hexdigest()[:12],
    }
    text = json.dumps(described, allow_nan=False).encode()
    padding = b" " * (-(4 + len(text)) % 4)
    return (len(text) + len(padding)).to_bytes(4, "little") + text + padding + points + columns


def parts() -> dict[str, str | None]:
    """What the map is in the browser: `html`, `css`, and `js`, a module that exports it; texts."""
    return browser.parts(KEY, *_SCRIPTS)


def latent_map(
    data: bytes,
    on_click: Callable[[Any], None],
    on_lasso: Callable[[Any], None],
    on_legend: Callable[[Any], None] = lambda off: None,
    of: str = "",
    key: str = KEY,
    on_view: Callable[[Any], None] = lambda box: None,
) -> None:
    """Mount a map; callbacks get the clicked row, the drawn polygons, the hidden codes of
    the legend with the title `of`, and of a map in tiles (`pack_tile`) the box that is in view.

    `data` (see `pack`) is sent again only where it differs: Streamlit knows messages by content.
    """
    component("latent_map", *_SCRIPTS)(
        data=data,
        key=key,
        on_click_change=hears(key, "click", "row", on_click),
        on_lasso_change=hears(key, "lasso", "polygons", on_lasso),
        on_legend_change=hears(key, "legend", "off", on_legend, of=of),
        on_view_change=hears(key, "view", "box", on_view),
    )


def packed_bits(matching: np.ndarray) -> str:
    """Write bool (n,) as text, a bit per galaxy (see geometry.js)."""
    return base64.b64encode(np.packbits(matching).tobytes()).decode()


def mark(selection: dict[str, Any], matching: np.ndarray | None = None) -> None:
    """Mark galaxies on every map of the page; separate from the maps' data, since it is small.

    selection: `pictures` (address, says which galaxies are meant), selected, neighbours, polygons,
    off (None: each map keeps its own); of a large store `counts`, (256,): how many of each colour
    are chosen. `matching`: which galaxies match the filter, bool (n,), None for all; a bit per
    galaxy, which a click does not send again.
    """
    bits = "" if matching is None else packed_bits(matching)
    told = {"state": selection, "matching": {"of": selection["pictures"], "matching": bits}}
    with st.container(key=f"{KEY}_aside"):  # theme.css takes it out of the page's flow
        for name, data in told.items():
            component(f"{KEY}_state", "state", folder=KEY)(data=data, key=f"{KEY}_{name}")
