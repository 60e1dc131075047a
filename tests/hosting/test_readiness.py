"""What a host's health check is told."""

from __future__ import annotations

import threading

import pytest

from app.server import readiness
from app.session import queue


def test_a_server_is_ready_once_what_a_first_page_takes_is_imported_and_not_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (route,) = readiness.routes("/explorer")
    assert route.path == "/explorer/ready"
    importing, imported = threading.Event(), threading.Event()

    def warm_up() -> None:
        importing.set()
        imported.wait(10)

    monkeypatch.setattr(readiness, "_start", readiness._Start())
    monkeypatch.setattr(queue, "warm_up", warm_up)
    monkeypatch.setattr(readiness.first_look, "prepare", lambda: None)
    starting = threading.Thread(target=readiness.prepare)
    starting.start()
    assert importing.wait(10)
    answer = route.endpoint(None)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    imported.set()
    starting.join(10)
    assert route.endpoint(None).status_code == 200


def test_a_server_with_a_bad_list_becomes_ready_to_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise ValueError("bad list")

    monkeypatch.setattr(readiness, "_start", readiness._Start())
    monkeypatch.setattr(readiness.settings, "settings_of_start", refuse)
    monkeypatch.setattr(queue, "warm_up", lambda: None)
    monkeypatch.setattr(readiness.first_look, "prepare", lambda: None)
    readiness.prepare()
    assert readiness.routes()[0].endpoint(None).status_code == 200


def test_a_server_that_cannot_import_its_libraries_is_never_ready_but_lets_the_page_say_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail() -> None:
        raise ImportError("no torch")

    monkeypatch.setattr(readiness, "_start", readiness._Start())
    monkeypatch.setattr(queue, "warm_up", fail)
    monkeypatch.setattr(readiness.first_look, "prepare", lambda: None)
    with pytest.raises(ImportError):
        readiness.prepare()
    assert readiness.routes()[0].endpoint(None).status_code == 503
    readiness.wait()


@pytest.mark.parametrize(("works", "status"), [(True, 200), (False, 503)])
def test_a_server_whose_models_turn_out_not_to_run_is_not_ready_any_more(
    monkeypatch: pytest.MonkeyPatch, works: bool, status: int
) -> None:
    def libraries() -> None:
        if not works:
            raise ImportError("no torch")

    monkeypatch.setattr(readiness, "_start", readiness._Start(ready=True))
    monkeypatch.setattr(queue, "import_libraries", libraries)
    readiness.import_the_rest()
    assert readiness.routes()[0].endpoint(None).status_code == status


def test_a_page_waits_for_the_start_and_not_where_nothing_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(readiness, "_start", readiness._Start())
    readiness.wait()
    readiness._start.begun = True
    waiting = threading.Thread(target=readiness.wait)
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    readiness._start.over.set()
    waiting.join(10)
    assert not waiting.is_alive()
