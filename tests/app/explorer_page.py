"""A page of the explorer in a browser, as the tests speak of it."""

from __future__ import annotations

import functools
import re
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

import astrojepa as aj

# ms: the first page draws galaxies, embeds and ranks them, on a machine that may be busy
PATIENCE = 400_000


@functools.cache
def identities(count: int = 200) -> list[str]:
    """The ids of the simulated galaxies, by row."""
    return list(map(str, aj.open_dataset(f"simulated:{count}").ids))


def answered(messages: list[bytes]) -> bool:
    """Whether the last run that these messages speak of has ended, and begins no other."""
    heard = [ForwardMsg.FromString(message) for message in messages]
    runs = [one for one in heard if one.WhichOneof("type") in ("new_session", "script_finished")]
    return (
        bool(runs)
        and runs[-1].WhichOneof("type") == "script_finished"
        and runs[-1].script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
    )


class Explorer:
    """A page of the explorer, with what went wrong in it."""

    def __init__(self, page: Any, url: str) -> None:
        self.page, self.url = page, url
        self.complaints: list[str] = []
        self.outside: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._request)

    def _console(self, message: Any) -> None:
        address = message.location.get("url", "")
        if (
            message.type == "error" and "/_stcore/" not in address
        ):  # Streamlit itself tries those below every page's address first
            self.complaints.append(f"{message.text} ({address})")

    def _request(self, request: Any) -> None:
        if not request.url.startswith((self.url, self.url.replace("http", "ws"), "data:", "blob:")):
            self.outside.append(request.url)

    def open(self, path: str = "/") -> Explorer:
        self.page.goto(self.url + path)
        return self.drawn()

    def drawn(self, count: int | None = None) -> Explorer:
        """Wait until the map is drawn, of so many galaxies if said."""
        self.appears(
            self.page.locator(
                "canvas[data-drawn]" if count is None else f"canvas[data-drawn='{count}']"
            )
        )
        return self.quiet()

    def slow(self) -> Explorer:
        """Let `press_unseen` hold back what the server sends; before the page is opened."""
        self.late: list[tuple[Any, Any]] = []
        self.holds = False

        def connect(socket: Any) -> None:
            upstream = socket.connect_to_server()
            upstream.on_message(
                lambda message: (
                    self.late.append((socket, message)) if self.holds else socket.send(message)
                )
            )

        self.page.route_web_socket(re.compile("/_stcore/stream"), connect)
        return self

    def press_unseen(self, *keys: str) -> None:
        """Press keys one after the other, each of which the server answers before the next, while
        the page shows what it showed before the first.
        """
        self.calm().holds = True
        for key in keys:
            before = len(self.late)
            self.page.keyboard.press(key)
            for _ in range(1200):
                if answered([message for _, message in self.late[before:]]):
                    break
                self.page.wait_for_timeout(50)
            else:
                raise AssertionError(f"The server did not answer the key {key} within a minute.")
        self.holds = False
        for socket, message in self.late:
            socket.send(message)
        self.late.clear()

    def brush(self, bars: Any, start: float, end: float) -> None:
        """Drag over a histogram, from one share of its width to another."""
        bars.hover(position={"x": start * bars.bounding_box()["width"], "y": 8})  # once at rest
        self.page.mouse.down()
        box = bars.bounding_box()
        self.page.mouse.move(box["x"] + end * box["width"], box["y"] + 30, steps=4)
        self.page.mouse.up()

    def says(self, text: str | re.Pattern[str]) -> None:
        """Wait until the page says this."""
        self.appears(self.page.get_by_text(text).first)

    def appears(self, awaited: Any) -> None:
        """Wait until this is there; where it never comes, the failure tells what is there
        instead.
        """
        try:
            awaited.wait_for(timeout=PATIENCE)
        except PlaywrightTimeout:
            stages = "nodes => nodes.map(node => node.innerHTML.slice(0, 400))"
            frames = (
                "() => new Promise(tell => { requestAnimationFrame(() => tell('is drawn')); "
                "setTimeout(() => tell('is not drawn, no frame in 5 s'), 5000); })"
            )
            pytest.fail(
                f"{awaited} never came. {self.page.url} {self.page.evaluate(frames)}, complains of "
                f"{self.complaints}, has the maps "
                f"{self.page.locator('.stage').evaluate_all(stages)} and "
                f"says:\n{self.page.locator('body').inner_text()}"
            )

    def quiet(self) -> Explorer:
        """Wait until no script is running and nothing is stale."""
        self.page.wait_for_function(
            "() => document.querySelector('[data-testid=\"stApp\"]')?.dataset.testScriptState === "
            "'notRunning'",
            timeout=PATIENCE,
        )
        return self

    def calm(self) -> Explorer:
        """Wait until no script has run, and nothing was waited for, for a second: a key that is
        pressed while the page begins anew by itself may be lost.
        """
        self.page.evaluate("() => { window.calmSince = 0; }")
        self.page.wait_for_function(
            """() => {
              const state = document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState;
              const busy = state !== "notRunning" || document.querySelector('[data-testid="stProgress"]');
              if (busy) window.calmSince = 0;
              else window.calmSince ||= performance.now();
              return !busy && performance.now() - window.calmSince > 1000;
            }""",
            timeout=PATIENCE,
        )
        return self

    @property
    def canvas(self) -> Any:
        return self.page.locator(".stage > canvas")

    def pixel_of(self, row: int) -> tuple[float, float]:
        return tuple(self.canvas.evaluate("(canvas, row) => canvas.pixelOf(row)", row))

    def place(self, row: int) -> tuple[float, float]:
        """Where a galaxy is on the screen."""
        box = self.canvas.bounding_box()
        x, y = self.pixel_of(row)
        return box["x"] + x, box["y"] + y

    def all_pixels(self, count: int = 200) -> np.ndarray:
        return np.array(
            self.canvas.evaluate(
                "(canvas, n) => [...Array(n).keys()].map(i => canvas.pixelOf(i))", count
            )
        )

    def lonely_row(self, avoid: tuple[int, ...] = ()) -> int:
        """A galaxy with nobody near it on the screen, away from the tools."""
        xy = self.all_pixels()
        gaps = np.linalg.norm(xy[:, None] - xy[None], axis=2) + 1e9 * np.eye(len(xy))
        gaps = gaps.min(axis=1)
        gaps[xy[:, 1] < 60] = 0
        gaps[list(avoid)] = 0
        return int(gaps.argmax())

    def shown_row(self) -> int:
        """The row of the galaxy in the card, which names it by its id."""
        self.quiet()
        shown = self.page.get_by_text(re.compile(r"^sim-\d+-\d+$")).first.inner_text()
        return identities().index(shown)

    def click_row(self, row: int) -> None:
        self.page.mouse.click(*self.place(row))
        self.page.get_by_text(identities()[row], exact=True).first.wait_for()

    def draw_box(self) -> str:
        """Draw a box on the map; returns how many galaxies are said to be inside."""
        box, mouse = self.canvas.bounding_box(), self.page.mouse
        self.canvas.focus()
        self.page.keyboard.press("b")
        mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.25 * box["height"])
        mouse.down()
        mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.9 * box["height"], steps=5)
        mouse.up()
        heading = self.page.get_by_text(re.compile(r"^\d+ galaxies selected$"))
        heading.wait_for()
        self.page.wait_for_url(re.compile("area="))
        self.quiet()
        return str(heading.inner_text())
