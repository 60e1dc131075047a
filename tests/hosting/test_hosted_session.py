"""A hosted explorer in a real browser: all seven pages, and nobody else is asked for anything,
neither by the browser nor by the server.
"""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets import InvalidStatus, Origin, Subprotocol
from websockets.sync.client import connect

from tests.app.explorer_page import Explorer
from tests.hosting.hosted_server import hosted, outward, recording

pytestmark = [
    pytest.mark.slow(20),
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(scope="module")
def served(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    with hosted(tmp_path_factory.mktemp("hosted"), "--bundle", str(bundle)) as found:
        yield found


def test_the_recorder_hears_a_call(tmp_path: Path) -> None:
    environment, calls = recording(tmp_path)
    code = (
        "import socket\ntry:\n    socket.create_connection(('192.0.2.1', 9), "
        "timeout=0.1)\nexcept OSError:\n    pass"
    )
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert outward(calls) == ["look-up '192.0.2.1'", "connect ('192.0.2.1', 9)"]


def test_a_session_over_all_seven_pages_asks_nobody_else(
    served: tuple[str, Path], browser: Any, pictures: Path
) -> None:
    url, calls = served
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    explorer = Explorer(context.new_page(), url).open("/?map=pca")
    page = explorer.page
    assert explorer.canvas.get_attribute("data-drawn") == "60"
    explorer.draw_box()
    explorer.canvas.focus()
    page.keyboard.press("Escape")

    for name, sentence in (
        ("Galaxy", "Squared error"),
        ("Anomalies", "Most anomalous first"),
        ("Probe lab", "A probe is a small classifier"),
        ("Compare", "(chosen above) with a second model"),
        ("Models & data", "Train your own"),
        ("About", "Please cite"),
        ("Map", "of small.tiny"),
    ):
        page.get_by_role("link", name=name, exact=True).first.click()
        if name == "Map":
            explorer.drawn(60)
        else:
            explorer.says(sentence)
        explorer.quiet()
        page.wait_for_function(
            "() => !document.querySelector('[data-testid=\"stProgress\"]')", timeout=120_000
        )

    page.get_by_role("link", name="Models & data").click()
    explorer.says("Your own images")
    assert page.locator(".st-key-path_to_load").count() == 0
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(str(pictures / "07.png"))
    explorer.says("07.png")  # pressed before it is listed, the button sends nothing
    page.get_by_role("button", name="Embed and place on the map").click()
    explorer.says("Remove all")
    explorer.quiet()
    assert explorer.complaints == [], "the browser's console has errors"
    assert explorer.outside == [], "the browser asked somebody else"
    assert outward(calls) == [], "the server asked somebody else"
    context.close()


def test_an_uninvited_page_is_turned_away_without_asking_anybody(served: tuple[str, Path]) -> None:
    url, calls = served
    address, tokens = url.replace("http", "ws", 1) + "/_stcore/stream", [Subprotocol("streamlit")]
    with connect(address, origin=Origin(url), subprotocols=tokens) as own:
        assert own.subprotocol == "streamlit", "a page of its own is let in"
    with pytest.raises(InvalidStatus, match="403"):
        connect(address, origin=Origin("http://elsewhere.example"), subprotocols=tokens)
    assert outward(calls) == []


def test_only_pictures_can_be_uploaded(served: tuple[str, Path], browser: Any) -> None:
    context = browser.new_context()
    explorer = Explorer(context.new_page(), served[0])
    explorer.page.goto(f"{explorer.url}/models?map=pca&mode=local")
    explorer.says("Your own images")
    chooser = explorer.page.get_by_test_id("stFileUploaderDropzoneInput")
    assert not {".pt", ".pth", ".safetensors", ".h5", ".csv"} & set(
        (chooser.get_attribute("accept") or "").split(",")
    )
    assert chooser.count() == 1, "the page has one place for files"
    context.close()


@pytest.mark.parametrize(
    "path",
    [
        "/pictures/../../bundle.json",
        "/pictures/%2e%2e%2fbundle.json/96?rows=0",
        "/bundle/bundle.json",
        "/app/main.py",
    ],
)
def test_no_file_of_the_host_is_handed_out(served: tuple[str, Path], path: str) -> None:
    try:
        with urllib.request.urlopen(served[0] + path, timeout=20) as answer:
            body = answer.read()
    except urllib.error.HTTPError as error:
        body = error.read()
    assert b"source_hash" not in body
    assert b"pictures.routes" not in body
