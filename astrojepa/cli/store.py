"""simulate-store: a large made-up store of vectors, to try things on."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from astrojepa.cli.options import declare


def add_to(commands: Any) -> None:
    """Declare the command of this file."""
    made = declare(
        commands,
        "simulate-store",
        _simulate_store,
        "Write a store of made-up vectors whose true neighbours are known, or go on with it.",
        "--count 1000000 --out store",
        model=False,
    )
    made.add_argument("--count", type=int, required=True, help="number of galaxies")
    made.add_argument("--width", type=int, default=192, help="length of a vector (default 192)")
    made.add_argument("--seed", type=int, default=0, help="random seed (default 0)")
    made.add_argument(
        "--out", type=Path, required=True, help="folder for the Parquet files of the store"
    )


def _simulate_store(options: argparse.Namespace) -> int:
    from astrojepa.evaluation.vectors.simulated_store import Mixture, simulate_store

    mixture = Mixture(options.count, options.width, options.seed)
    found = simulate_store(mixture, options.out, progress=sys.stderr.isatty())
    if found:
        print(f"{found} of {len(mixture.partitions)} partitions were already there")
    print(
        f"{options.out}: {options.count:,} SIMULATED vectors of width {options.width} in "
        f"{len(mixture.partitions)} partitions"
    )
    return 0
