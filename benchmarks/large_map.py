"""What the map of a store of millions costs the server, as JSON: python -m benchmarks.large_map.

Each step is what the page calls; seconds of the clock and of the processor, without Streamlit and
the browser. The store is simulated, and its places are made up.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from app.components.latent_map import colouring
from app.components.latent_map.tiles import pack_tile, widened
from app.session.large import RANKED
from astrojepa.evaluation.maps.large_map import UNITS, LargeMap, open_large_map
from astrojepa.evaluation.vectors.store import open_store
from astrojepa.plotting import histogram
from benchmarks.measure import machine, write

MOVES = 200  # boxes and clicks that are measured


def timed(call: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """Return what a call gives, and its milliseconds."""
    clock, processor = time.perf_counter(), time.process_time()
    found = call()
    wall, cpu = time.perf_counter() - clock, time.process_time() - processor
    return found, {"ms": round(1000 * wall, 1), "cpu_ms": round(1000 * cpu, 1)}


def repeated(calls: list[Callable[[], Any]]) -> dict[str, float]:
    """Return the median and the 95th percentile of calls, in milliseconds."""
    times = [timed(call)[1] for call in calls]
    return {
        f"{name}_p{share}": round(float(np.percentile([one[name] for one in times], share)), 1)
        for name in ("ms", "cpu_ms")
        for share in (50, 95)
    }


def boxes(count: int) -> list[tuple[float, float, float, float]]:
    """Draw boxes from the whole map down to a thousandth of its side, anywhere on it."""
    generator = np.random.default_rng(0)
    sides = UNITS * 10 ** generator.uniform(-3, 0, count)
    corners = generator.uniform(0, 1, (count, 2)) * (UNITS - sides)[:, None]
    low_high = np.concatenate([corners, corners + sides[:, None]], axis=1)
    return [widened(tuple(box)) for box in low_high.tolist()]


def measure(path: str) -> dict[str, Any]:
    """Measure one store."""
    large, opening = timed(lambda: open_large_map(open_store(path)))

    def colours() -> colouring.Colouring:
        values: Any = large.column("label")
        return colouring.by_class(values.codes, values.words)

    coloured, colour = timed(colours)
    header: dict[str, Any] = {"title": "", "classes": [], "shapes": [], "pictures": ""}

    def move(box: Any) -> bytes:
        tile = large.tile(box, None, coloured.codes)
        return pack_tile(header, large, tile, coloured)

    rows = np.random.default_rng(1).integers(0, len(large), MOVES)
    calls: list[Callable[[], Any]] = [partial(move, box) for box in boxes(MOVES)]
    clicks: list[Callable[[], Any]] = [
        partial(large.store.table_of, rows[i : i + 1]) for i in range(MOVES)
    ]
    parts = rows.reshape(-1, 25)
    pages: list[Callable[[], Any]] = [partial(large.store.table_of, part) for part in parts]
    return {
        "count": len(large),
        "open": opening,
        "colour": colour,
        "whole": timed(lambda: move((0.0, 0.0, UNITS, UNITS)))[1],
        "move": repeated(calls),
        "columns_of_a_click": repeated(clicks),
        "filter": timed(lambda: large.matching("redshift > 0.5"))[1],
        "cone": timed(lambda: large.matching("cone(180, 0, 1)"))[1],
        "leaderboard": timed(lambda: large.first("score", RANKED))[1],
        "leaderboard_of_a_filter": timed(
            lambda: large.first("score", RANKED, shown=large.matching("redshift > 0.1"))
        )[1],
        "histogram": timed(lambda: histogram(column_of(large, "score")))[1],
        "columns_of_25": repeated(pages),
        "lasso": timed(lambda: lasso(large))[1],
        "find": timed(lambda: large.store.row_of(str(large.store.known_of(rows[:1])["id"][0])))[1],
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def column_of(large: LargeMap, name: str) -> np.ndarray:
    """Return a column of numbers of all galaxies."""
    values: Any = large.column(name)
    return np.asarray(values.values)


def lasso(large: LargeMap) -> int:
    """Select with a hexagon of a quarter of the map's width."""
    angles = np.linspace(0, 2 * np.pi, 7)[:-1]
    corners = UNITS * (0.5 + 0.125 * np.stack([np.cos(angles), np.sin(angles)], axis=1))
    return len(large.inside([corners.tolist()]))


def main() -> None:
    """Measure the store that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", help="folder that astrojepa simulate-store wrote")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/large_map.json"))
    given = parser.parse_args()
    write(given.out, {"machine": machine(), "threads": 1, **measure(given.store)})


if __name__ == "__main__":
    main()
