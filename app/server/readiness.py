"""Whether a visitor would not wait for the server: what a host's health check asks.

`GET /ready` answers 200 once what the first page takes is imported and what is served is checked,
and 503 until then, and again where the libraries that models run on turn out not to work.
Streamlit's own /_stcore/health answers earlier.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import streamlit as st

from ..session import queue
from . import first_look, settings

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

READY = "/ready"
PATIENCE = 120.0  # seconds until a page is drawn even so


@dataclass
class _Start:
    begun: bool = False
    over: threading.Event = field(default_factory=threading.Event)
    ready: bool = False


_start = _Start()


def start() -> None:
    """Do what pages wait for: first what all need, then the rest after the first page."""
    _start.begun = True
    prepare()
    queue.called_for.wait()
    import_the_rest()


def prepare() -> None:
    """Do what any page waits for, then open the galaxies that are shown first while a browser
    fetches Streamlit; what is wrong is said on the page.
    """
    try:
        with contextlib.suppress(ValueError, OSError):
            settings.settings_of_start()
        queue.warm_up()
    finally:
        _start.over.set()
    with contextlib.suppress(ValueError, OSError):
        first_look.prepare()
    _start.ready = True


def import_the_rest() -> None:
    """Import what models and probes need; a server that cannot is no longer ready."""
    try:
        queue.import_libraries()
    except Exception as error:
        _start.ready = False
        logging.getLogger(__name__).warning("Models and probes do not run here: %s", error)


def wait() -> None:
    """Let a page wait for the start, since concurrent imports of one library can fail."""
    if _start.begun and not _start.over.is_set():
        st.set_page_config(page_title="AstroJEPA explorer", layout="wide")
        with st.spinner("Starting …"):
            _start.over.wait(PATIENCE)


def _answer(_: Request) -> Response:
    from starlette.responses import PlainTextResponse

    if _start.ready:
        return PlainTextResponse("ready")
    return PlainTextResponse("still starting", status_code=503, headers={"Retry-After": "1"})


def routes(base: str = "") -> list[Any]:
    """Return the route for the server, below its base path."""
    from starlette.routing import Route

    return [Route(f"{base}{READY}", _answer, methods=["GET"])]
