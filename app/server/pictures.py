"""Images for the browser: inline, or many galaxies as one JPEG from the server's own route.

`GET /pictures/<data>/<side>?rows=3,14,15` answers with a square sheet, images side by side from
the top left, in the order asked. Only data sets that a page has opened can be asked for, by hash;
the answer never changes, so browsers keep it, unless an image could not be read: it is asked for
again.
"""

from __future__ import annotations

import base64
import math
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from ..session.queue import page_is_seen

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from astrojepa.data.thumbnails import Thumbnails
    from astrojepa.evaluation.vectors.store_images import StoreImages

PREFIX = "/pictures"
SIDES = (48, 96, 160)
# never int(): thousands of digits are an error in Python
_SIDES_BY_NAME = {str(side): side for side in SIDES}
MAX_ROWS = 64
KEEP = 1000  # decoded images kept: 77 MB of the largest, 28 MB of the usual ones of 96 px
KEEP_STORES = 8
_PLACEHOLDER = (19, 24, 36)

_open: dict[str, Any] = {}
_large: OrderedDict[str, StoreImages] = OrderedDict()  # of stores, as they were opened last
_turn = threading.Lock()  # one sheet of a store at a time: several would only slow each other down
_small: dict[str, Thumbnails | None] = {}  # of data sets whose small images were made before
_tiles: OrderedDict[tuple[str, int, int], np.ndarray] = OrderedDict()
_lock = threading.Lock()


def inline(image: np.ndarray, format: str = "jpeg") -> str:
    """Return an image, uint8 (H, W, 3), as an address that holds the image itself.

    Streamlit would keep it as a file until the page is drawn anew; a browser that asks a moment
    later is told that there is none.
    """
    from astrojepa import plotting

    encoded = base64.b64encode(plotting.encode_image(image, format, quality=90)).decode()
    return f"data:image/{format};base64,{encoded}"


def offer(data: Any) -> str:
    """Make a data set's images available; returns its part of the address."""
    from astrojepa.data.thumbnails import kept_thumbnails

    key = str(data.fingerprint)
    if key not in _open:
        _small[key] = kept_thumbnails(data)
    _open[key] = data
    return key


def offer_large(key: str, images: StoreImages) -> None:
    """Make the images of a store available under a key."""
    with _lock:
        _large[key] = images
        _large.move_to_end(key)
        while len(_large) > KEEP_STORES:
            _large.popitem(last=False)


def address(key: str) -> str:
    """Return where the sheets of a key are, from the server's root."""
    base = (st.get_option("server.baseUrlPath") or "").strip("/")
    return f"{'/' + base if base else ''}{PREFIX}/{key}"


def read_rows(text: str, count: int) -> list[int]:
    """Read "3,14,15" as at most 64 row numbers below `count`; ValueError otherwise."""
    parts = text.split(",")
    if not 1 <= len(parts) <= MAX_ROWS or not all(
        part.isascii() and part.isdecimal() and len(part) < 10 for part in parts
    ):
        raise ValueError(f"rows must be 1 to {MAX_ROWS} whole numbers, separated by commas")
    rows = [int(part) for part in parts]
    if max(rows) >= count:
        raise ValueError(f"there is no row {max(rows)}")
    return rows


def tile(key: str, row: int, side: int) -> np.ndarray:
    """Return one image as uint8 (side, side, 3); `UNREAD[side]` itself if it is unreadable."""
    name = (key, row, side)
    if (kept := _kept(name)) is not None:
        return kept
    from astrojepa.data.crops import resize_frame

    small = _small.get(key)
    try:
        made = resize_frame(
            _open[key][row].image if small is None or side > small.side else small.tile(row), side
        )
    except (ValueError, OSError):
        return UNREAD[side]
    return _keep(name, made)


def _kept(name: tuple[str, int, int]) -> np.ndarray | None:
    with _lock:
        if name in _tiles:
            _tiles.move_to_end(name)
        return _tiles.get(name)


def _keep(name: tuple[str, int, int], made: np.ndarray) -> np.ndarray:
    with _lock:
        _tiles[name] = made
        while len(_tiles) > KEEP:
            _tiles.popitem(last=False)
    return made


def tiles_of_store(key: str, rows: list[int], side: int) -> list[np.ndarray]:
    """Return images of a store, uint8 (side, side, 3): a crossed placeholder for one that cannot
    be read, an empty one where there is none.
    """
    from astrojepa.data.crops import resize_frame

    with _turn:
        found = {row: kept for row in rows if (kept := _kept((key, row, side))) is not None}
        missing = [row for row in dict.fromkeys(rows) if row not in found]
        try:
            for row, image in _large[key].each(missing):
                if isinstance(image, np.ndarray):
                    found[row] = _keep((key, row, side), resize_frame(image, side))
                elif image is None:
                    found[row] = placeholder(side, crossed=False)
        except (ValueError, OSError):  # the store itself cannot be read any more
            pass
    return [found.get(row, UNREAD[side]) for row in rows]


def placeholder(side: int, crossed: bool = True) -> np.ndarray:
    """Return what stands in for a damaged image: a dark, crossed square; read only."""
    image = np.empty((side, side, 3), dtype=np.uint8)
    image[:] = _PLACEHOLDER
    diagonal = np.arange(side)
    for shift in (0, 1) if crossed else ():
        image[diagonal, np.minimum(diagonal + shift, side - 1)] = 139, 149, 167
        image[diagonal, np.maximum(side - 1 - diagonal - shift, 0)] = 139, 149, 167
    image.setflags(write=False)
    return image


UNREAD = {side: placeholder(side) for side in SIDES}


def tiles(key: str, rows: list[int], side: int) -> list[np.ndarray]:
    """Return images of a data set or a store, uint8 (side, side, 3) each."""
    if key in _large:
        return tiles_of_store(key, rows, side)
    return [tile(key, row, side) for row in rows]


def as_sheet(tiles: list[np.ndarray]) -> bytes:
    """Return square images of one size as one JPEG, ceil(sqrt(n)) across."""
    from astrojepa import plotting

    across = math.ceil(math.sqrt(len(tiles)))
    return plotting.encode_image(plotting.sprite_sheet(np.stack(tiles), across), quality=88)


def _answer(request: Request) -> Response:
    from starlette.responses import PlainTextResponse, Response

    page_is_seen()
    key = request.path_params["key"]
    data = _large.get(key, _open.get(key))
    side = _SIDES_BY_NAME.get(request.path_params["side"])
    if data is None or side is None:
        return PlainTextResponse("No such images; reload the page.", status_code=404)
    try:
        rows = read_rows(request.query_params.get("rows", ""), len(data))
    except ValueError as error:
        return PlainTextResponse(f"Bad request: {error}.", status_code=400)
    shown = tiles(key, rows, side)
    whole = all(one is not UNREAD[side] for one in shown)
    keep = "private, max-age=86400, immutable" if whole else "no-store"
    headers = {"Cache-Control": keep, "X-Content-Type-Options": "nosniff"}
    return Response(as_sheet(shown), media_type="image/jpeg", headers=headers)


def routes(base: str = "") -> list[Any]:
    """Return the routes for the server, below its base path."""
    from starlette.routing import Route

    return [Route(f"{base}{PREFIX}/{{key}}/{{side}}", _answer, methods=["GET"])]
