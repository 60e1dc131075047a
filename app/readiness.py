"""Whether a visitor would wait for nothing but the own page: what a host's health check asks before it sends anybody.

`GET /ready` answers 200 once the libraries are imported and what is served is checked, and 503 until then. Streamlit's own
/_stcore/health answers seconds earlier.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

from app import jobs, settings

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

READY = "/ready"
_ready = threading.Event()


def prepare() -> None:
    """Do what any page waits for while the browser opens; what is wrong is said on the page."""
    with contextlib.suppress(ValueError, OSError):
        settings.settings_of_start()
    jobs.warm_up()
    _ready.set()


def _answer(_: Request) -> Response:
    from starlette.responses import PlainTextResponse

    if _ready.is_set():
        return PlainTextResponse("ready")
    return PlainTextResponse("still starting", status_code=503, headers={"Retry-After": "1"})


def routes(base: str = "") -> list[Any]:
    """Return the route for the server, below its base path."""
    from starlette.routing import Route

    return [Route(f"{base}{READY}", _answer, methods=["GET"])]
