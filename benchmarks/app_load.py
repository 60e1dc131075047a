"""How the explorer bears many visitors at once, and whether one visitor makes it grow.

python -m benchmarks.app_load --data FOLDER [--checkpoint MODEL] [--clients 20] [--browsers 2]
[--minutes 5] [--out FILE] python -m benchmarks.app_load --data FOLDER [--checkpoint MODEL] --memory
[--minutes 30] [--out FILE]

Load: websocket sessions and Chromiums click on galaxies, each at its own pace; whoever is shown a
galaxy that it did not click counts as wrong. Memory: one Chromium does everything in turn. What is
computed once is made before the clock starts. Visitors and server share the machine, so every time
holds both.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import websockets

from astrojepa.evaluation.vectors.store import open_store
from benchmarks.app_clients import Tally, Visitor, run
from benchmarks.app_latency import MEMORY_BAR_MB, ROOT, explorer, flags, private_mb
from benchmarks.app_load_browser import browse, page_of, quiet, wander
from benchmarks.measure import machine, write

CLICK_BAR_MS = 1500.0  # at the 95th percentile, to the card
GROWTH_BAR = 1.0  # MB a minute, slope of the last minutes
GROWTH_MINUTES = 20.0
MAX_LISTED = 20  # errors that the result quotes
MAP = "umap"


def percentiles(seconds: Sequence[float]) -> dict[str, float] | None:
    """Return median, 95th percentile and largest, as milliseconds; None of nothing."""
    if not seconds:
        return None
    times = 1000 * np.array(seconds)
    return {
        "p50_ms": float(np.median(times)),
        "p95_ms": float(np.quantile(times, 0.95)),
        "max_ms": float(times.max()),
    }


def summary(tally: Tally) -> dict[str, Any]:
    """Return what the visitors of one kind met, and whether the bars are met."""
    answered = percentiles(tally.answered)
    return {
        "clicks": tally.clicks,
        "errors": len(tally.errors),
        "wrong_answers": len(tally.wrong),
        "what": [*tally.errors, *tally.wrong][:MAX_LISTED],
        "click_to_card": answered,
        "click_to_end_of_run": percentiles(tally.finished),
        "opening": percentiles(tally.opened),
        "bar_p95_ms": CLICK_BAR_MS,
        "met": not tally.errors
        and not tally.wrong
        and answered is not None
        and answered["p95_ms"] < CLICK_BAR_MS,
    }


def growth(
    minutes: Sequence[float], megabytes: Sequence[float], window: float = GROWTH_MINUTES
) -> dict[str, float] | None:
    """Return slope (MB a minute, least squares) and end minus start over the last `window`
    minutes; None of fewer than two samples.
    """
    kept = [
        (minute, held)
        for minute, held in zip(minutes, megabytes, strict=True)
        if minute >= minutes[-1] - window - 1e-6
    ]
    if len(kept) < 2:
        return None
    x, y = zip(*kept, strict=True)
    return {
        "minutes": x[-1] - x[0],
        "mb_per_minute": statistics.linear_regression(x, y).slope,
        "end_minus_start_mb": y[-1] - y[0],
    }


class MemoryWatch:
    """Reads a process's private memory and the machine's load: each minute for the record, each
    second for the peak.
    """

    def __init__(self, process: int) -> None:
        self.process, self.peak = process, 0.0
        self.minutes: list[float] = []
        self.megabytes: list[float] = []
        self.loads: list[float] = []

    def until(self, minutes: float) -> None:
        """Watch for so long; a record at the start, one a minute, one at the end."""
        began = time.monotonic()
        while True:
            passed = (time.monotonic() - began) / 60
            held = private_mb(self.process)
            self.peak = max(self.peak, held)
            if passed >= min(len(self.minutes), minutes):
                self.minutes.append(passed)
                self.megabytes.append(held)
                self.loads.append(os.getloadavg()[0])
            if passed >= minutes:
                return
            time.sleep(min(1.0, 60 * (minutes - passed)))

    def found(self) -> dict[str, Any]:
        """Return the records; load is the average over a minute."""
        rounded = (
            [round(value, digits) for value in values]
            for values, digits in ((self.minutes, 2), (self.loads, 2))
        )
        minutes, loads = rounded
        return {
            "peak_mb": self.peak,
            "bar_mb": MEMORY_BAR_MB,
            "minutes": minutes,
            "private_mb": self.megabytes,
            "load": loads,
        }


async def warm(url: str, query: str) -> None:
    """Open the map once, so that what is computed once is there; RuntimeError where that shows
    an error.
    """
    tally = Tally()
    visitor = Visitor(url, tally, query)
    try:
        await visitor.open()
    finally:
        await visitor.close()
    if tally.errors:
        raise RuntimeError(f"The explorer opens with an error: {tally.errors[0]}")


async def crowd(
    url: str,
    query: str,
    tally: Tally,
    clients: int,
    think: float,
    ready: threading.Barrier,
    end: threading.Event,
) -> None:
    """Let websocket visitors click until it is the end; each picks its own galaxies, at its own
    times.
    """
    visitors = [Visitor(url, tally, query) for _ in range(clients)]

    async def visit(visitor: Visitor, seed: int) -> None:
        random = np.random.default_rng(seed)
        try:
            while not end.is_set():
                await asyncio.sleep(random.exponential(think))
                row = int(random.integers(visitor.count))
                if row != visitor.row and not end.is_set():
                    await visitor.click(row)
        except (ConnectionError, websockets.ConnectionClosed) as error:
            tally.errors.append(f"a visitor was lost: {error}")

    try:
        await asyncio.gather(*(visitor.open() for visitor in visitors))
        await asyncio.to_thread(ready.wait)
        await asyncio.gather(*(visit(visitor, seed) for seed, visitor in enumerate(visitors)))
    except Exception as error:
        tally.errors.append(f"{type(error).__name__}: {error}")
        ready.abort()
        raise
    finally:
        await asyncio.gather(*(visitor.close() for visitor in visitors))


def load(
    url: str,
    query: str,
    process: int,
    clients: int,
    browsers: int,
    minutes: float,
    think: float,
) -> dict[str, Any]:
    """Let all visitors in, watch, and say what each kind met."""
    tallies = {"websocket": Tally(), "browser": Tally()}
    ready, end = threading.Barrier(browsers + (clients > 0) + 1, timeout=1800), threading.Event()
    threads = [
        threading.Thread(
            target=browse, args=(url, query, tallies["browser"], 1000 + seed, think, ready, end)
        )
        for seed in range(browsers)
    ]
    if clients:
        everybody = (url, query, tallies["websocket"], clients, think, ready, end)
        threads.append(threading.Thread(target=lambda: asyncio.run(crowd(*everybody))))
    watch = MemoryWatch(process)
    for thread in threads:
        thread.start()
    try:
        ready.wait()
        watch.until(minutes)
    except threading.BrokenBarrierError:
        raise RuntimeError(f"Not every visitor could open the map: {tallies}") from None
    finally:
        end.set()
        for thread in threads:
            thread.join()
    kinds = {kind: summary(tally) for kind, tally in tallies.items() if tally.opened}
    return {
        "visitors": {"websocket": clients, "browser": browsers},
        "think_seconds": think,
        "kinds": kinds,
        "memory": watch.found(),
    }


def memory(url: str, process: int, minutes: float) -> dict[str, Any]:
    """Let one Chromium do everything in turn, and say whether the server grew."""
    tally, end, watch = Tally(), threading.Event(), MemoryWatch(process)

    def watching() -> None:
        watch.until(minutes)
        end.set()

    with page_of(url, tally) as page:
        quiet(page)
        thread = threading.Thread(target=watching, daemon=True)
        thread.start()
        done = wander(page, url, tally, end)
        thread.join()
    grown = growth(watch.minutes, watch.megabytes)
    grown_enough = grown is None or grown["mb_per_minute"] >= GROWTH_BAR
    found = {
        "actions": done,
        "visitor": summary(tally),
        "memory": watch.found(),
        "growth": grown,
        "bar_mb_per_minute": GROWTH_BAR,
    }
    return found | {
        "met": watch.peak < MEMORY_BAR_MB
        and not grown_enough
        and not tally.errors
        and not tally.wrong
    }


def main(arguments: list[str] | None = None) -> None:
    """Measure and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="simulated:1000")
    parser.add_argument("--checkpoint", default="best")
    parser.add_argument("--vectors", type=Path, help="a large store, in place of --data")
    parser.add_argument("--clients", type=int, default=20, help="sessions over a websocket")
    parser.add_argument("--browsers", type=int, default=2)
    parser.add_argument(
        "--think", type=float, default=5.0, help="mean seconds between an answer and the next click"
    )
    parser.add_argument(
        "--memory",
        action="store_true",
        help="one browser that does everything, instead of many that click",
    )
    parser.add_argument("--minutes", type=float, help="5, or 30 with --memory")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    minutes = options.minutes or (30.0 if options.memory else 5.0)
    out = (
        options.out
        or ROOT / "benchmarks" / "results" / f"app_{'memory' if options.memory else 'load'}.json"
    )
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.txt"
        given, query = flags(options.data, options.checkpoint), f"map={MAP}"
        if options.vectors:
            given = ["--vectors", str(options.vectors.resolve())]
            (first,) = open_store(options.vectors).known_of(np.array([0]))["id"]
            query = f"id={first}"
        with explorer(given, log) as (url, process):
            run(lambda: warm(url, query))
            if options.memory:
                found = memory(url, process, minutes)
            else:
                found = load(
                    url, query, process, options.clients, options.browsers, minutes, options.think
                )
        failures = log.read_text(errors="replace").count("Traceback (most recent call last)")
    drawn = {
        "galaxies": options.vectors.name
        if options.vectors
        else options.data.rstrip("/").rpartition("/")[2],
        "checkpoint": options.checkpoint,
    }
    write(
        out, {"machine": machine(), "threads": 1, **drawn, "server_exceptions": failures, **found}
    )


if __name__ == "__main__":
    main()
