"""How fast the server answers a filter and a range chosen in a histogram.

python -m benchmarks.app_columns [--counts 18221 100000] [--checkpoint MODEL] [--repeats 20]

Simulated vectors on simulated galaxies with eight columns of numbers and four of words. Twelve
histograms are open; a time is from the visitor's message to the last part of the answer (the map's
grey galaxies, counts, histograms and gallery), and beside it the processor's time that the server
took for it, which other programs do not lengthen. Vectors and map are made before the clock starts.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.app_clients import Tally, Visitor, run
from benchmarks.app_latency import ROOT, explorer, flags, latent_catalogue
from benchmarks.app_server import summary
from benchmarks.measure import machine, write

BARS = {18_221: 100.0, 100_000: 250.0}  # milliseconds, at the median
NUMBERS, WORDS = 8, (3, 8, 20, 60)  # columns of numbers; different words of each further one
FIRST = "twelve histograms for the first time"


def columns(count: int, seed: int = 1) -> dict[str, Sequence[object]]:
    """Draw columns as a catalogue has them: six digits, a tenth unknown, 3 to 60 words."""
    random = np.random.default_rng(seed)
    found: dict[str, Sequence[object]] = {}
    for k in range(NUMBERS):
        drawn = random.gamma(2 + k, 0.1, count)
        unknown = random.random(count) < 0.1
        found[f"number {k}"] = [
            "" if no else f"{x:.6g}" for x, no in zip(drawn, unknown, strict=True)
        ]
    for k, size in enumerate(WORDS):
        found[f"word {k}"] = [f"word {w}" for w in random.integers(size, size=count)]
    return found


def cpu_seconds(process: int) -> float:
    """Return the processor's time that a process has taken, all threads, seconds."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _visit(url: str, process: int, repeats: int) -> dict[str, list[tuple[float, float]]]:
    visitor = Visitor(url, Tally())
    visitor.query = "map=pca"
    await visitor.open()
    times: dict[str, list[tuple[float, float]]] = {}

    async def timed(name: str, asked: Coroutine[Any, Any, float]) -> None:
        before = cpu_seconds(process)
        wall = await asked
        times.setdefault(name, []).append((wall, cpu_seconds(process) - before))

    await visitor.set("Histograms", True)
    await timed(FIRST, visitor.set("Columns", list(columns(1))))
    for turn in range(repeats + 1):
        bound = 0.2 + 0.01 * turn
        text = f'`number 1` < {bound:.2f} & `word 1` in ["word 1", "word 3"]'
        await timed("write a filter", visitor.set("Filter", text))
        chosen = visitor.choose_bars("number 0", turn % 5, 10 + turn % 3)
        await timed("choose a range in a histogram", chosen)
    await visitor.close()
    if visitor.tally.errors or visitor.tally.wrong:
        raise RuntimeError(f"The explorer shows an error: {visitor.tally.errors[:1]}")
    return times


def measure(url: str, process: int, repeats: int) -> dict[str, Any]:
    """Return the answers' median and 95th percentile, and the server's mean processor time; the
    first opening as it is.
    """
    found: dict[str, Any] = {}
    for name, times in run(lambda: _visit(url, process, repeats)).items():
        wall, cpu = np.array(times).T
        first = len(times) == 1
        answers = [*wall, *wall] if first else list(wall)  # a summary leaves out the first
        processor = 1000 * float(np.mean(cpu if first else cpu[1:]))
        found[name] = summary(answers) | {"cpu_ms": processor}
    return found


def main(arguments: list[str] | None = None) -> None:
    """Measure and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=list(BARS))
    parser.add_argument("--checkpoint", default="best")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument(
        "--out", type=Path, default=ROOT / "benchmarks" / "results" / "app_columns.json"
    )
    options = parser.parse_args(arguments)
    found = {}
    for count in options.counts:
        made = latent_catalogue(count, options.checkpoint, columns(count))
        with made as data, explorer(flags(data, options.checkpoint)) as (url, process):
            actions = measure(url, process, options.repeats)
        found[str(count)] = {"bar_ms": BARS.get(count), "actions": actions}
    write(options.out, {"machine": machine(), "threads": 1, "galaxies": found})


if __name__ == "__main__":
    main()
