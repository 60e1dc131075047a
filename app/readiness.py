"""Whether a visitor would wait for nothing but the own page: what a host's health check asks before it sends anybody.

`GET /ready` answers 200 once the libraries are imported and what is served is checked, and 503 until then. Streamlit's own
/_stcore/health answers seconds earlier.
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import streamlit as st

from app import jobs, settings

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


def prepare() -> None:
    """Do what any page waits for while the browser opens; what is wrong is said on the page."""
    _start.begun = True
    try:
        with contextlib.suppress(ValueError, OSError):
            settings.settings_of_start()
        jobs.warm_up()
        _start.ready = True
    finally:
        _start.over.set()


def wait() -> None:
    """Let a page wait for the start, and say so: two threads that import the same libraries at once can trip over each other."""
    if _start.begun and not _start.over.is_set():
        st.set_page_config(page_title="AstroJEPA explorer", layout="wide")
        with st.spinner("Starting: importing libraries …"):
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
