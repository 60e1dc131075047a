"""The page that the server hands out holds the map of the first look, for whom it was made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal
from starlette.requests import Request

from app.server import first_look, serving
from astrojepa.data import find_data

MAP = '<div id="first-look"'


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Prepare a server on these galaxies and this model; returns what it answers to a visitor."""
    monkeypatch.setattr(first_look, "_look", first_look._Look())
    monkeypatch.setattr(serving, "_read", {})  # the demo is read anew
    monkeypatch.setattr(first_look.st, "get_option", lambda name: "127.0.0.1")
    monkeypatch.setenv("ASTROJEPA_MODE", "")

    def prepare(data: str, checkpoint: str) -> Any:
        monkeypatch.setenv("ASTROJEPA_DATA", data)
        monkeypatch.setenv("ASTROJEPA_CHECKPOINT", checkpoint)
        first_look.prepare()
        return answer

    return prepare


def answer(query: str = "", host: str = "localhost:8501") -> str:
    """What the server's own route answers."""
    (route,) = first_look.routes("/explorer")
    assert route.path == "/explorer/"
    scope = {
        "type": "http",
        "asgi": {"spec_version": "2.4"},
        "method": "GET",
        "path": route.path,
        "query_string": query.encode(),
        "headers": [(b"host", host.encode())],
    }
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def serve() -> None:
        await route.endpoint(Request(scope))(scope, lambda: None, send)

    with start_blocking_portal() as portal:  # in a thread: a browser's loop may run in this one
        portal.call(serve)
    assert sent[0]["status"] == 200
    return b"".join(message.get("body", b"") for message in sent).decode()


def test_a_fresh_clone_hands_out_its_map_and_a_link_or_a_stranger_gets_the_bare_page(
    started: Any,
) -> None:
    if find_data() != "simulated":
        pytest.skip("Galaxy10 lies in data/, so this is no fresh clone")
    asked = started("", "")
    page, bare = asked(), first_look.INDEX.read_text(encoding="utf-8")
    assert page.count(MAP) == 1
    assert page.index(MAP) < page.index('<div id="root">')
    assert first_look.SIMULATED in page
    assert asked(query="galaxy=5") == asked(host="example.org") == bare


def test_galaxies_that_no_model_has_embedded_have_no_first_look(
    started: Any, galaxy_folder: Path
) -> None:
    assert MAP not in started(str(galaxy_folder), "")()


def test_random_weights_have_no_first_look(started: Any) -> None:
    assert MAP not in started("simulated:60", "random")()


def test_the_word_that_galaxies_are_simulated_is_that_of_the_map() -> None:
    said = (Path(first_look.HERE).parent / "pages" / "map" / "view.py").read_text(encoding="utf-8")
    assert first_look.SIMULATED in said.replace("**", "")
