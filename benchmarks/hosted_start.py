"""What a host pays for a bundle: its size, the first map in a real Chromium at once and when the
server is ready, and memory.

python -m benchmarks.hosted_start --bundle FOLDER [--out FILE]

The host's own cache is empty. Server and browser share the machine; the server's CPU seconds say
what it would cost alone.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.app_latency import IDLE, ROOT, VIEW, explorer, private_mb, start_chromium
from benchmarks.measure import machine, write
from benchmarks.serving import READY, wait_until_healthy

PAGES = {
    "Galaxy": "Squared error",
    "Anomalies": "Most anomalous first",
    "Probe lab": "A probe is a small classifier",
    "Compare": "(chosen above) with a second model",
    "Models & data": "Train your own",
    "About": "Please cite",
}
PATIENCE = 900_000  # ms


def cpu_seconds(process: int) -> float:
    """Return the CPU time that a process has used, user and system."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def first_map(chromium: Any, url: str) -> tuple[Any, float]:
    """Let a new visitor open the map; returns the page and the seconds until the map is drawn."""
    began = time.perf_counter()
    page = chromium.new_context(viewport=VIEW).new_page()
    page.goto(url)
    page.locator("canvas[data-drawn]").wait_for(timeout=PATIENCE)
    return page, time.perf_counter() - began


def visit_at_once(chromium: Any, bundle: Path) -> dict[str, Any]:
    """Start the explorer on a bundle and open the map as soon as anything answers."""
    began = time.perf_counter()
    with explorer(["--bundle", str(bundle.resolve())]) as (url, process):
        healthy = time.perf_counter() - began
        first_map(chromium, url)
        return {
            "healthy_s": healthy,
            "first_map_s": time.perf_counter() - began,
            "first_map_cpu_s": cpu_seconds(process),
        }


def visit_when_ready(chromium: Any, bundle: Path) -> dict[str, Any]:
    """Start the explorer on a bundle, wait for what a host's health check asks, and open the
    map, then every other page.
    """
    began = time.perf_counter()
    with explorer(["--bundle", str(bundle.resolve())]) as (url, process):
        wait_until_healthy(url, None, Path(os.devnull), READY)
        found: dict[str, Any] = {"ready_s": time.perf_counter() - began, "load": os.getloadavg()[0]}
        page, found["first_map_when_ready_s"] = first_map(chromium, url)
        found["galaxies"] = int(page.locator("canvas[data-drawn]").get_attribute("data-drawn"))
        page.wait_for_function(IDLE, timeout=PATIENCE)
        found["map_mb"] = private_mb(process)
        _, found["second_visitor_s"] = first_map(chromium, url)
        for name, sentence in PAGES.items():
            page.get_by_role("link", name=name, exact=True).first.click()
            page.get_by_text(sentence).first.wait_for(timeout=PATIENCE)
            page.wait_for_function(IDLE, timeout=PATIENCE)
        found["all_pages_mb"] = private_mb(process)
    return found


def main(arguments: list[str] | None = None) -> None:
    """Measure and write JSON."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument(
        "--out", type=Path, default=ROOT / "benchmarks" / "results" / "hosted_start.json"
    )
    options = parser.parse_args(arguments)
    files = [path.stat().st_size for path in options.bundle.rglob("*") if path.is_file()]
    with tempfile.TemporaryDirectory() as cache, sync_playwright() as playwright:
        os.environ["ASTROJEPA_CACHE"] = cache
        chromium = start_chromium(playwright)
        found = visit_at_once(chromium, options.bundle) | visit_when_ready(chromium, options.bundle)
        chromium.close()
        kept = sorted({path.name.rpartition("-")[0] for path in Path(cache).iterdir()})
    write(
        options.out,
        {
            "machine": machine(),
            "threads": 1,
            "bundle_mb": sum(files) / 1e6,
            "files": len(files),
            **found,
            "computed_on_the_host": kept,
        },
    )


if __name__ == "__main__":
    main()
