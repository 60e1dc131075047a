"""The server's share of what a visitor waits for: from a message of the browser to the last part of
the page that answers it.

One visitor that speaks Streamlit's own protocol and draws nothing (app_clients.py); the bars of the
explorer are about these times.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.app_clients import Tally, Visitor, run


def summary(seconds: Sequence[float]) -> dict[str, float]:
    """Return median and 95th percentile of all but the first, as milliseconds."""
    times = 1000 * np.array(seconds[1:])
    return {
        "p50_ms": float(np.median(times)),
        "p95_ms": float(np.quantile(times, 0.95)),
        "repeats": len(times),
    }


def server_share(url: str, view: str, repeats: int, maps: Sequence[str]) -> dict[str, Any]:
    """Do what a user does, again and again, switching between `maps`; RuntimeError where the
    explorer shows an error.

    Also the number of galaxies and the bytes of the map's message.
    """
    return run(lambda: _visit(url, view, repeats, maps))


async def _visit(url: str, view: str, repeats: int, maps: Sequence[str]) -> dict[str, Any]:
    visitor = Visitor(url, Tally())
    visitor.query = view
    await visitor.open()
    rows = np.random.default_rng(1).permutation(visitor.count)
    found: dict[str, list[float]] = {}

    def note(name: str, seconds: float) -> None:
        found.setdefault(name, []).append(seconds)

    for turn in range(repeats + 1):
        await visitor.click(int(rows[turn]))
        note("click: patch errors on the card", visitor.heard - visitor.asked)
        began = time.perf_counter()
        note("lasso: galaxies counted", await visitor.answer("lasso", "polygons", [_square(turn)]))
        await asyncio.gather(*visitor.fetching)
        note("lasso: first 24 pictures", time.perf_counter() - began)
        await visitor.answer("lasso", "polygons", [])
        note("recolour", await visitor.choose("Colour", ("Anomaly score", "Class")[turn % 2]))
        if maps:
            note("switch projection", await visitor.choose("Map", maps[turn % len(maps)]))
        note("another page", await visitor.visit("About"))
        note("back to the map", await visitor.visit("Map"))
    await visitor.close()
    if visitor.tally.errors or visitor.tally.wrong:
        raise RuntimeError(
            f"The explorer shows an error: {[*visitor.tally.errors, *visitor.tally.wrong][0]}"
        )
    times = {"click: galaxy on the card": visitor.tally.answered, **found}
    return {
        "count": visitor.count,
        "payload_bytes": visitor.payload,
        "actions": {name: summary(seconds) for name, seconds in times.items()},
    }


def _square(turn: int) -> list[list[int]]:
    """A square about the middle of the map, each time further to the lower right, in the map's
    65,536 units.
    """
    corner, side = 15_000 + 600 * turn, 20_000
    return [
        [corner, corner],
        [corner + side, corner],
        [corner + side, corner + side],
        [corner, corner + side],
    ]
