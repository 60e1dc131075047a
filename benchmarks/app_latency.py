"""How fast the explorer answers: in a real Chromium, from the hand's movement to what the page
shows, and the server's share of it.

python -m benchmarks.app_latency --data FOLDER [--checkpoint MODEL] [--repeats 30] [--out FILE]
python -m benchmarks.app_latency --latents 100000 [--checkpoint MODEL]      that many simulated vectors on simulated galaxies

Server and browser share the machine, so a browser's times hold both; the bars are for the server's
share (app_server.py). What is computed once (frames, vectors, the map) is made before the clock
starts; the first opening after that is timed too. Needs a Chromium and the development extra
(Playwright).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.app_server import server_share, summary
from benchmarks.measure import machine, write
from benchmarks.serving import free_port, wait_until_healthy

ROOT = Path(__file__).parents[1]
BARS = {  # milliseconds, at the median
    "click: galaxy on the card": 150,
    "click: patch errors on the card": 300,
    "hover: picture frame": 16,
    "lasso: galaxies counted": 150,
    "lasso: first 24 pictures": 400,
    "recolour": 250,
    "switch projection": 250,
    "another page": 500,
    "back to the map": 500,
    "first page after start": 6000,
}
MEMORY_BAR_MB = 1000.0
PAYLOAD_BAR_KB = 150.0  # of the map's first message, per 20,000 galaxies
VIEW = {"width": 1280, "height": 800}
INSIDE = re.compile(r"galaxies selected$")
IDLE = (
    "() => document.querySelector('[data-testid=\"stApp\"]')?.dataset.testScriptState === "
    "'notRunning'"
)
HOVER = """async (canvas, rows) => {
  const box = canvas.getBoundingClientRect(), times = [];
  for (const row of rows) {
    const [x, y] = canvas.pixelOf(row), began = performance.now();
    canvas.dispatchEvent(new PointerEvent('pointermove', {clientX: box.left + x, clientY: box.top + y, pointerType: 'mouse'}));
    times.push(performance.now() - began);
    await new Promise(requestAnimationFrame);
  }
  return times;
}"""


@contextmanager
def explorer(arguments: list[str], log: Path = Path(os.devnull)) -> Iterator[tuple[str, int]]:
    """Start the real command in an empty folder; gives its address and process number. `log`
    takes what it prints.
    """
    port = free_port()
    url = f"http://localhost:{port}"
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(ROOT / "app" / "main.py"),
        "--server.port",
        str(port),
    ]
    with tempfile.TemporaryDirectory() as folder, log.open("wb") as printed:
        environment = os.environ | {
            "OMP_NUM_THREADS": "1",
            "OMP_WAIT_POLICY": "PASSIVE",
            "HOME": folder,
        }
        environment |= {
            "ASTROJEPA_CACHE": os.environ.get("ASTROJEPA_CACHE", str(ROOT / ".cache" / "astrojepa"))
        }
        process = subprocess.Popen(
            [*command, "--server.headless", "true", "--", *arguments],
            cwd=folder,
            env=environment,
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until_healthy(url, process, log)
            yield url, process.pid
        finally:
            process.terminate()
            process.wait(30)


def start_chromium(playwright: Any) -> Any:
    """Start the distribution's Chromium."""
    return playwright.chromium.launch(
        executable_path=shutil.which("chromium") or shutil.which("chromium-headless-shell"),
        args=["--no-sandbox", "--disable-gpu"],
    )


def flags(data: str, checkpoint: str) -> list[str]:
    """Return the explorer's own flags; a folder by its full path, since it starts elsewhere."""
    return [
        "--data",
        str(Path(data).resolve()) if Path(data).exists() else data,
        "--checkpoint",
        checkpoint,
    ]


def opened(page: Any, url: str) -> None:
    """Open a page and wait until the map is drawn and the script rests."""
    page.goto(url)
    page.locator("canvas[data-drawn]").wait_for(timeout=900_000)
    page.wait_for_function(IDLE, timeout=900_000)


def repeated(action: Callable[[int], float], repeats: int) -> dict[str, float]:
    """Return median and 95th percentile of an action's seconds, as milliseconds; the first is
    not counted.
    """
    return summary([action(turn) for turn in range(repeats + 1)])


def draw_around(page: Any, canvas: Any, share: float) -> None:
    """Draw a lasso that starts at this share of the map's width, all but letting go."""
    canvas.focus()  # which may scroll the page
    box, mouse = canvas.bounding_box(), page.mouse
    page.keyboard.press("Escape")
    page.keyboard.press("l")
    middle = np.array([box["x"] + box["width"] * share, box["y"] + box["height"] / 2])
    mouse.move(*middle)
    mouse.down()
    for shift in ([90, 0], [90, 80], [0, 80], [0, 0]):
        mouse.move(*(middle + shift), steps=4)


def undraw(page: Any, canvas: Any) -> None:
    """Take the lasso away."""
    canvas.focus()
    page.keyboard.press("Escape")
    page.get_by_text(INSIDE).wait_for(state="detached")


def measure(page: Any, url: str, repeats: int, maps: Sequence[str]) -> dict[str, dict[str, float]]:
    """Do what a user does, again and again, switching between `maps`."""
    canvas = page.locator(".stage > canvas")
    count = int(canvas.get_attribute("data-drawn"))
    rows = np.random.default_rng(0).permutation(count)

    def timed(act: Callable[[], None], seen: Callable[[], None]) -> float:
        page.wait_for_function(IDLE)
        page.wait_for_timeout(200)
        began = time.perf_counter()
        act()
        seen()
        return time.perf_counter() - began

    def click(turn: int) -> float:
        box = canvas.bounding_box()
        x, y = canvas.evaluate("(canvas, row) => canvas.pixelOf(row)", int(rows[turn]))
        card = page.locator("h2").first
        before = card.inner_text()
        return timed(
            lambda: page.mouse.click(box["x"] + x, box["y"] + y),
            lambda: page.wait_for_function(
                "([node, old]) => node.innerText !== old", arg=[card.element_handle(), before]
            ),
        )

    def lasso(turn: int) -> float:
        draw_around(page, canvas, 0.45 + 0.005 * turn)
        found = timed(page.mouse.up, lambda: page.get_by_text(INSIDE).wait_for())
        undraw(page, canvas)
        return found

    def drawn() -> None:
        page.wait_for_timeout(20)
        page.wait_for_function(IDLE)

    def choose(menu: str, name: str) -> float:
        page.get_by_role("combobox", name=menu).click()
        option = page.get_by_role("option", name=re.compile(f"^{name}$", re.IGNORECASE))
        option.wait_for()
        return timed(option.click, drawn)

    def follow(name: str, shown: Any) -> float:
        link = page.get_by_role("link", name=name, exact=True)
        return timed(link.click, lambda: shown.wait_for())

    def away_and_back() -> tuple[float, float]:
        return follow("About", page.get_by_role("heading").nth(1)), follow(
            "Map", page.locator("canvas[data-drawn]")
        )

    hover = 1.0 * np.array(canvas.evaluate(HOVER, rows[: 10 * repeats].tolist()))
    actions = {
        "click: galaxy on the card": repeated(click, repeats),
        "hover: picture frame": {
            "p50_ms": float(np.median(hover)),
            "p95_ms": float(np.quantile(hover, 0.95)),
            "repeats": len(hover),
        },
        "lasso: galaxies counted": repeated(lasso, repeats),
        "recolour": repeated(
            lambda turn: choose("Colour", ("Anomaly score", "Class")[turn % 2]), repeats
        ),
    }
    if maps:
        actions["switch projection"] = repeated(
            lambda turn: choose("Map", maps[turn % len(maps)]), repeats
        )
    pages = [away_and_back() for _ in range(repeats + 1)]
    for name, times in zip(
        ("another page", "back to the map"), zip(*pages, strict=True), strict=True
    ):
        actions[name] = summary(times)
    return actions


def private_mb(process: int) -> float:
    """Return a process's private memory (RssAnon), MB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1000


@contextmanager
def latent_catalogue(
    count: int, checkpoint: str, columns: Mapping[str, Sequence[object]] | None = None
) -> Iterator[str]:
    """Write a large catalogue for as long as it is needed; its cache goes with it."""
    from benchmarks.app_catalogue import write_catalogue

    with tempfile.TemporaryDirectory() as folder:
        before = os.environ.get("ASTROJEPA_CACHE")
        os.environ["ASTROJEPA_CACHE"] = str(Path(folder) / "cache")
        try:
            made = Path(folder) / f"{count} simulated latents"
            yield str(write_catalogue(made, count, checkpoint, columns=columns))
        finally:
            del os.environ["ASTROJEPA_CACHE"]
            os.environ |= {} if before is None else {"ASTROJEPA_CACHE": before}


def main(arguments: list[str] | None = None) -> None:
    """Measure and write JSON."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="simulated:1000")
    parser.add_argument("--checkpoint", default="best")
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument(
        "--out", type=Path, default=ROOT / "benchmarks" / "results" / "app_latency.json"
    )
    parser.add_argument(
        "--latents", type=int, help="a catalogue of so many simulated latents instead of --data"
    )
    options = parser.parse_args(arguments)
    made: contextlib.AbstractContextManager[Any] = contextlib.nullcontext(options.data)
    view, maps = "/?map=umap", ["PCA", "UMAP"]
    if options.latents:
        # UMAP leaves empty sky between the clouds, where a lasso finds nobody
        view, maps = "/?map=pca", []
        made = latent_catalogue(options.latents, options.checkpoint)
        options.out = options.out.with_stem(f"{options.out.stem}_latents")
    with sync_playwright() as playwright, made as options.data:
        words = flags(options.data, options.checkpoint)
        chromium = start_chromium(playwright)
        with explorer(words) as (url, _):
            # makes what is made once
            opened(chromium.new_context(viewport=VIEW).new_page(), url + view)
        began = time.perf_counter()
        with explorer(words) as (url, process):
            page = chromium.new_context(viewport=VIEW).new_page()
            opened(page, url + view)
            first = 1000 * (time.perf_counter() - began)
            # what comes after the first page is there
            page.get_by_role("radio", name="Both").click()
            page.get_by_text("per heatmap").wait_for(timeout=900_000)
            shown = measure(page, url, options.repeats, maps)
            memory = private_mb(process)
            page.context.close()
            served = server_share(url, view.removeprefix("/?"), options.repeats, maps)
        chromium.close()
    shown["first page after start"] = {"p50_ms": first, "p95_ms": first, "repeats": 1}
    actions = {
        name: {"bar_ms": bar, "server": served["actions"].get(name), "browser": shown.get(name)}
        for name, bar in BARS.items()
        if name in served["actions"] or name in shown
    }
    payload = {
        "count": served["count"],
        "payload_bytes": served["payload_bytes"],
        "payload_bar_kb": PAYLOAD_BAR_KB,
    }
    drawn = {
        "galaxies": options.data.rstrip("/").rpartition("/")[2],
        "checkpoint": options.checkpoint,
    }
    write(
        options.out,
        {
            "machine": machine(),
            "threads": 1,
            **drawn,
            "actions": actions,
            **payload,
            "private_mb": memory,
            "bar_mb": MEMORY_BAR_MB,
        },
    )


if __name__ == "__main__":
    main()
