"""How soon a fresh clone shows its map: from the start of the server, and from when a browser asks
for the page, to the whole map.

python -m benchmarks.first_look [--starts 10] [--out FILE]

Every start is a server of its own with an empty cache, `streamlit run app/main.py` with no flag,
and a new visitor in a real Chromium on the same machine. The map is whole when all 1,000 galaxies
stand on it where UMAP puts them: first on the page as it was handed out, then as Streamlit's own,
which answers clicks; then the first galaxy stands beside it with its six
neighbours. Starts are made in turn with nothing beside them and beside two endless loops of the
same priority.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.app_latency import ROOT, VIEW, explorer, start_chromium
from benchmarks.measure import machine, write
from benchmarks.serving import READY, wait_until_healthy

GALAXIES, LOOPS = 1000, 2
PATIENCE = 120_000  # ms
CONDITIONS = {"nothing beside it": 0, "two busy loops beside it": LOOPS}
BAR_SECONDS = 3.0


@contextlib.contextmanager
def busy(loops: int) -> Iterator[None]:
    """Keep so many processor cores busy."""
    started = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def visit(chromium: Any, url: str) -> dict[str, float]:
    """Let a new visitor open the page; returns the seconds from asking for it."""
    context = chromium.new_context(viewport=VIEW)
    page = context.new_page()
    began = time.perf_counter()
    found = {}

    def note(name: str) -> None:
        found[name] = time.perf_counter() - began

    page.goto(url, wait_until="commit")
    own = page.locator(f"canvas[data-drawn='{GALAXIES}']")
    page.locator(f"#first-look[data-drawn='{GALAXIES}']").or_(own).wait_for(timeout=PATIENCE)
    note("whole_map_s")
    own.wait_for(timeout=PATIENCE)
    note("answering_map_s")
    page.get_by_text("Anomaly rank by kNN distance").wait_for(timeout=PATIENCE)
    page.locator(".gallery .tile").nth(5).wait_for(timeout=PATIENCE)
    note("first_galaxy_s")
    if "umap" not in page.url.lower():
        raise RuntimeError(f"The first map is not the whole one: {page.url}")
    context.close()
    return found


def one_start(chromium: Any, loops: int) -> dict[str, float]:
    """Start the server on an empty cache, wait until it is ready, and open the page."""
    with tempfile.TemporaryDirectory() as cache, busy(loops):
        os.environ["ASTROJEPA_CACHE"] = cache
        began = time.perf_counter()
        with explorer([]) as (url, _):
            wait_until_healthy(url, None, Path(os.devnull), READY)
            ready = time.perf_counter() - began
            found = visit(chromium, url)
        return {"ready_s": ready, **found, "load": os.getloadavg()[0]}


def main(arguments: list[str] | None = None) -> None:
    """Measure and write JSON."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=10)
    parser.add_argument(
        "--out", type=Path, default=ROOT / "benchmarks" / "results" / "first_look.json"
    )
    options = parser.parse_args(arguments)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in CONDITIONS}
    with sync_playwright() as playwright:
        chromium = start_chromium(playwright)
        for _ in range(options.starts):  # in turn, so that what else the machine does falls on all
            for name, loops in CONDITIONS.items():
                found[name].append(one_start(chromium, loops))
                print(name, found[name][-1], flush=True)
        chromium.close()
    summary = {
        name: {
            key: {"p50": float(np.median(values)), "p95": float(np.quantile(values, 0.95))}
            for key in starts[0]
            if len(values := [start[key] for start in starts])
        }
        for name, starts in found.items()
    }
    write(
        options.out,
        {
            "machine": machine(),
            "threads": 1,
            "bar_s": BAR_SECONDS,
            "starts": found,
            "summary": summary,
        },
    )


if __name__ == "__main__":
    main()
