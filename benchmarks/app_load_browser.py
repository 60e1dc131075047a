"""Real Chromiums for load tests: one that clicks on galaxies, one that walks through everything
the explorer has.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from playwright.sync_api import sync_playwright

from benchmarks.app_clients import PATIENCE, Tally
from benchmarks.app_latency import IDLE, INSIDE, VIEW, draw_around, opened, start_chromium, undraw

AIM = """(canvas, rows) => {
  const box = canvas.getBoundingClientRect(), root = canvas.getRootNode();
  for (const row of rows) {
    const [x, y] = canvas.pixelOf(row);
    if (root.elementFromPoint(box.left + x, box.top + y) === canvas) return [box.left + x, box.top + y, canvas.rowOf(canvas.galaxyAt(x, y))];
  }
  return null;
}"""
# The row of the galaxy in the address, if its id heads the card.
CARD = """(() => {
  const link = new URLSearchParams(location.search);
  const headings = [...document.querySelectorAll('h2')].map(heading => heading.innerText);
  return headings.includes(link.get('id')) ? link.get('galaxy') : null;
})()"""
QUIET = f"() => ({IDLE})() && !document.querySelector('[data-testid=\"stProgress\"]')"
PAGES = ("Galaxy", "Anomalies", "Probe lab", "Compare", "Models & data", "About")


@contextmanager
def page_of(url: str, tally: Tally, query: str = "map=umap") -> Iterator[Any]:
    """Open the map in a Chromium of its own; errors of its scripts and a lost session are taken
    down.
    """
    with sync_playwright() as playwright:
        browser, leaving = start_chromium(playwright), False

        def lost(_: Any) -> None:
            if not leaving:
                tally.errors.append("the server ended a browser's session")

        page = browser.new_context(viewport=VIEW).new_page()
        page.set_default_timeout(1000 * PATIENCE)
        page.on("pageerror", lambda error: tally.errors.append(f"in the browser: {error}"))
        page.on("websocket", lambda socket: socket.on("close", lost))
        began = time.perf_counter()
        opened(page, f"{url}/?{query}")
        tally.opened.append(time.perf_counter() - began)
        try:
            yield page
        finally:
            leaving = True
            browser.close()


def browse(
    url: str,
    query: str,
    tally: Tally,
    seed: int,
    think: float,
    ready: threading.Barrier,
    end: threading.Event,
) -> None:
    """Click on one galaxy after another until it is the end."""
    random = np.random.default_rng(seed)
    try:
        with page_of(url, tally, query) as page:
            quiet(page)
            ready.wait()
            while not end.is_set():
                page.wait_for_timeout(1000 * random.exponential(think))
                click(page, tally, random)
    except Exception as error:
        tally.errors.append(f"{type(error).__name__}: {str(error)[:300]}")
        ready.abort()


def click(page: Any, tally: Tally, random: np.random.Generator) -> None:
    """Click on a random galaxy that is not covered, and check that the card shows it and goes on
    showing it.
    """
    canvas = page.locator(".stage > canvas")
    rows = random.permutation(int(canvas.get_attribute("data-drawn")))[:50].tolist()
    place = canvas.evaluate(AIM, rows)
    before = int(page.evaluate(CARD) or -1)
    if place is None or place[2] in (None, before):
        return
    x, y, row = place
    tally.clicks += 1
    began = time.perf_counter()
    page.mouse.click(x, y)
    try:
        page.wait_for_function(f"row => {CARD} === String(row)", arg=row)
    except PlaywrightTimeout:
        tally.errors.append(
            f"no answer to a click on galaxy {row} within {PATIENCE:.0f} s, but "
            f"{page.evaluate(CARD)}"
        )
        return
    tally.answered.append(time.perf_counter() - began)
    page.wait_for_function(IDLE)
    tally.finished.append(time.perf_counter() - began)
    tally.check(int(page.evaluate(CARD) or -1), "", (row,))
    take_down(page, tally)


def take_down(page: Any, tally: Tally) -> None:
    """Note the exceptions that the page shows."""
    for shown in page.get_by_test_id("stException").all():
        tally.errors.append(f"exception: {shown.inner_text()[:300]}")


def quiet(page: Any, seconds: float = 900.0) -> None:
    """Wait until no script runs and nothing is being computed."""
    page.wait_for_function(QUIET, timeout=1000 * seconds)


def wander(page: Any, url: str, tally: Tally, end: threading.Event) -> dict[str, int]:
    """Do everything in turn until it is the end; returns how often each was done."""
    done = dict.fromkeys(ACTIONS, 0)
    turn = 0
    while not end.is_set():
        for name, action in ACTIONS.items():
            if end.is_set():
                break
            try:
                action(page, tally, turn)
                quiet(page)
                done[name] += 1
            except PlaywrightError as error:
                tally.errors.append(f"{name}: {str(error)[:300]}")
                opened(page, f"{url}/?map=umap")
            take_down(page, tally)
        turn += 1
    return done


def _clicks(page: Any, tally: Tally, turn: int) -> None:
    random = np.random.default_rng(turn)
    for _ in range(5):
        click(page, tally, random)
        page.wait_for_timeout(500)


def _follow(page: Any, tally: Tally, turn: int) -> None:
    tile = page.locator(".st-key-neighbours .tile").nth(turn % 6)
    row = tile.get_attribute("data-row")
    tile.click()
    page.wait_for_function(f"row => {CARD} === row", arg=row)


def _lasso(page: Any, tally: Tally, turn: int) -> None:
    canvas = page.locator(".stage > canvas")
    draw_around(page, canvas, 0.35 + 0.02 * (turn % 10))
    page.mouse.up()
    page.get_by_text(INSIDE).wait_for()
    page.wait_for_function(IDLE)
    undraw(page, canvas)


def _choose(key: str, page: Any, tally: Tally, turn: int) -> None:
    menu = page.locator(f".st-key-{key}").get_by_role("combobox")
    menu.scroll_into_view_if_needed()
    quiet(page)
    page.wait_for_timeout(500)  # a menu closes when the page moves
    menu.click()
    page.get_by_role("option").first.wait_for()
    options = page.get_by_role("option").all()
    options[turn % len(options)].click()
    page.wait_for_timeout(300)
    quiet(page)
    page.wait_for_timeout(1500)  # the galaxies walk to their new places


def _visit(name: str, page: Any, tally: Tally, turn: int) -> None:
    page.get_by_role("link", name=name, exact=True).click()
    page.wait_for_url(re.compile(f"/{name.split()[0].lower()}"))
    quiet(page)
    page.wait_for_timeout(1000)
    take_down(page, tally)
    page.get_by_role("link", name="Map", exact=True).click()
    page.wait_for_url(
        lambda address: f"/{name.split()[0].lower()}" not in address.partition("?")[0]
    )
    page.locator("canvas[data-drawn]").first.wait_for()


ACTIONS: dict[str, Callable[[Any, Tally, int], None]] = {
    "click five galaxies": _clicks,
    "follow a neighbour": _follow,
    "lasso": _lasso,
    "colour": partial(_choose, "colour"),
    "projection": partial(_choose, "projection"),
    **{f"page {name}": partial(_visit, name) for name in PAGES},
}
