"""One thread, no hub, no user cache; shapes in signatures are checked."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ["HF_HUB_OFFLINE"] = "1"

import pytest
from hypothesis import HealthCheck, settings
from jaxtyping import install_import_hook

SHAPED = [
    "astrojepa.objective",
    "astrojepa.models",
    "astrojepa.data.crops",
    "astrojepa.data.transforms",
]
install_import_hook(SHAPED, "beartype.beartype")

gc.disable()  # until all test files are imported

# No test depends on an idle machine: not on how long an example takes to make or to check.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")

CHROMIUM = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytest_plugins = ["tests.tiny_run"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no processor waits for one of them at the
    end: `slow(30)` takes about 30 s, any other slow test 2 and a browser's 10.
    """
    seconds: Counter[Path] = Counter()
    for item in items:
        slow = item.get_closest_marker("slow")
        browser = item.get_closest_marker("browser")
        seconds[item.path] += slow.args[0] if slow and slow.args else 2 * bool(slow)
        seconds[item.path] += 10 * bool(browser)
    items.sort(key=lambda item: -seconds[item.path])


def pytest_collection_finish() -> None:
    """Leave what was imported out of every later collection: a walk through all libraries takes
    0.4 s, and a test that makes many objects, as one that compiles UMAP, begins dozens.

    Streamlit seeks components in the metadata of every installed package for each page that is
    drawn headless, which takes as long: here once.
    """
    gc.freeze()
    gc.enable()
    if "streamlit" in sys.modules:
        from streamlit.components.v2 import manifest_scanner

        manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep every cached array inside the test's own folder."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("ASTROJEPA_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, as the distribution packages it."""
    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if chromium is None:
        pytest.skip(f"needs one of {', '.join(CHROMIUM)} (Debian: apt install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield running
        running.close()
