"""One page drawn headless by Streamlit's own test runner, as tests of several pages need it."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest, app_test

from app.session import loaders

# Else every run puts this folder first and takes it away, and an import in another thread, which
# walks along the path meanwhile, skips a folder. The server's own folder stays there as well.
sys.path.append(app_test.TMP_DIR.name)

QUIET = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:streamlit"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
WORDS = ("caption", "markdown", "info", "warning", "error", "title", "header", "subheader", "text")


def script(page: str, hosted: bool, flags: tuple[str, ...] = ()) -> None:
    """Draw one page, as app/main.py does it."""
    import os

    from app import shell
    from app.pages.registry import pages
    from app.server import settings

    shell.draw(settings.read_settings(flags, os.environ), hosted, pages()[page], lambda path: None)


def run_page(monkeypatch: pytest.MonkeyPatch, cache: Path, page: str, **options: Any) -> AppTest:
    """Run a page until nothing is in progress any more; options: data, checkpoint, query,
    hosted, flags.
    """
    monkeypatch.setenv("ASTROJEPA_CACHE", str(cache))
    monkeypatch.setenv("ASTROJEPA_MODE", "")
    monkeypatch.setenv("ASTROJEPA_DATA", options.get("data", "simulated:60"))
    monkeypatch.setenv("ASTROJEPA_CHECKPOINT", options.get("checkpoint", "random"))
    arguments = (page, options.get("hosted", False), options.get("flags", ()))
    test = AppTest.from_function(script, args=arguments, default_timeout=240)
    for name, value in options.get("query", {}).items():
        test.query_params[name] = value
    return settled(test.run())


def settled(test: AppTest) -> AppTest:
    """Run the page again while a progress bar is on it."""
    deadline = time.monotonic() + 400
    while any(element.type == "progress" for element in test.main) and time.monotonic() < deadline:
        running = [job for job in loaders.jobs()._jobs.values() if not job.finished.is_set()]
        if running:
            running[0].finished.wait(0.5)
        test.run()
    assert not test.exception
    return test


def words(test: AppTest) -> str:
    """All words on the page."""
    return " ".join(str(element.value) for kind in WORDS for element in test.get(kind))


def numbers(column: pd.Series[Any]) -> list[float]:
    """The numbers of a table's column."""
    return [float(text.replace(",", "").replace("\N{MINUS SIGN}", "-")) for text in column]


def tables(test: AppTest) -> list[pd.DataFrame]:
    """All tables on the page, as they read."""
    found = [
        json.loads(element.proto.json)
        for element in test.get("bidi_component")
        if element.proto.component_name == "astrojepa_table"
    ]
    frames = [pd.DataFrame(shown["rows"], columns=shown["titles"]) for shown in found]
    return [
        frame.assign(image=shown["images"]) if shown["images"] else frame
        for shown, frame in zip(found, frames, strict=True)
    ]
