"""Tables sent by SAMP, to a program that listens at astropy's own hub."""

from __future__ import annotations

import socket
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest
from astropy.table import Table

from astrojepa import samp as ours
from astrojepa.samp import MESSAGE, send_table
from astrojepa.tables import Column

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from astropy import samp

COLUMNS = [
    Column("id", ["1237648720142401611", "b"], "galaxy"),
    Column("ra", [10.5, 20.25], "right ascension", "deg"),
]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    lock = tmp_path / "hub.lock"
    monkeypatch.setenv("SAMP_HUB", f"std-lockurl:{lock.as_uri()}")
    monkeypatch.setattr(samp.conf, "use_internet", False)
    found = samp.SAMPHubServer(lockfile=str(lock), web_profile=False, addr="127.0.0.1")
    found.start()
    yield found
    found.stop()


@pytest.fixture
def topcat(hub: Any) -> Iterator[dict[str, Any]]:
    """A program that takes tables; what it received, and an event for when it has."""
    received: dict[str, Any] = {"event": threading.Event()}

    def take(key: str, sender: str, kind: str, parameters: Any, extra: Any) -> None:
        received.update(parameters)
        received["event"].set()

    client = samp.SAMPIntegratedClient("topcat", addr="127.0.0.1")
    client.connect()
    client.bind_receive_notification(MESSAGE, take)
    yield received
    client.disconnect()


def test_a_program_at_the_hub_receives_the_table_with_its_units(topcat: dict[str, Any]) -> None:
    assert send_table(COLUMNS, {"data": "galaxies"}, "a selection") == ["topcat"]
    assert topcat["event"].wait(20)
    assert topcat["name"] == "a selection"
    table = Table.read(url2pathname(urlsplit(topcat["url"]).path), format="votable")
    assert list(table["id"]) == ["1237648720142401611", "b"]
    assert table["ra"].tolist() == [10.5, 20.25]
    assert str(table["ra"].unit) == "deg"


def test_two_tables_are_two_files(topcat: dict[str, Any]) -> None:
    urls = set()
    for name in ("one", "two"):
        topcat["event"].clear()
        send_table(COLUMNS, {}, name)
        assert topcat["event"].wait(20)
        urls.add(topcat["url"])
    assert len(urls) == 2


def test_without_a_hub_or_a_listener_a_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAMP_HUB", f"std-lockurl:{(tmp_path / 'none').as_uri()}")
    with pytest.raises(ValueError, match="No SAMP hub is running: start TOPCAT or Aladin"):
        send_table(COLUMNS, {}, "a selection")


def test_a_hub_without_a_program_that_takes_tables_is_said(hub: Any) -> None:
    with pytest.raises(ValueError, match="No program that takes tables is connected"):
        send_table(COLUMNS, {}, "a selection")


def test_a_hub_that_never_answers_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "hub.lock"
    monkeypatch.setattr(ours, "PATIENCE", 0.5)
    monkeypatch.setenv("SAMP_HUB", f"std-lockurl:{lock.as_uri()}")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        lock.write_text(
            "samp.secret=s\nsamp.profile.version=1.3\n"
            f"samp.hub.xmlrpc.url=http://127.0.0.1:{silent.getsockname()[1]}/\n"
        )
        with pytest.raises(ValueError, match="The SAMP hub did not answer within"):
            send_table(COLUMNS, {}, "a selection")
