"""neighbours: the galaxies nearest to others in feature space."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from astrojepa.cli.options import (
    TABLE_FILE,
    declare,
    label,
    places,
    print_columns,
    provenance,
    row_of,
    vectors,
)
from astrojepa.tables import Column, check_table, write_table

SHOWN = 60  # rows that are printed


def add_to(commands: Any) -> None:
    """Declare the command of this file."""
    near = declare(
        commands,
        "neighbours",
        _neighbours,
        "List the nearest galaxies in feature space.",
        "best --data galaxies --galaxy 587722981741625344 --k 6 --out near.vot",
        stored=True,
    )
    near.add_argument(
        "--galaxy",
        action="append",
        default=[],
        metavar="ID",
        help="galaxy: id or row number; repeatable; without it, the neighbours of each galaxy",
    )
    near.add_argument("--k", type=int, default=6, help="neighbours of each galaxy (default 6)")
    near.add_argument(
        "--whitened",
        action="store_true",
        help="measure distances along uncorrelated axes of unit variance",
    )
    near.add_argument("--out", type=Path, help=TABLE_FILE)


def _neighbours(options: argparse.Namespace) -> int:
    import astrojepa as aj

    if options.out:
        check_table(options.out, "--out")
    source, data, embeddings = vectors(options)
    queries = np.array(
        [row_of(data, name) for name in options.galaxy] or range(len(data)), dtype=np.int64
    )
    found = aj.neighbours(embeddings, queries, options.k, whitened=options.whitened)
    rows, each = found.indices.ravel(), found.indices.shape[1]
    columns = [
        Column("galaxy", np.repeat(data.ids[queries].astype(str), each), "galaxy asked for"),
        Column("rank", np.tile(np.arange(1, each + 1), len(queries)), "1 = nearest"),
        Column("id", data.ids[rows].astype(str), "its neighbour"),
        Column("distance", found.distances.ravel(), "distance, in standard deviations"),
        Column("label", [label(data, row) for row in rows], "class of the neighbour"),
        *places(data, rows),
    ]
    print_columns(columns, SHOWN)
    if len(rows) > SHOWN:
        print(f"and {len(rows) - SHOWN:,} further rows")
    if options.out:
        write_table(
            options.out, columns, provenance(source, data, k=each, whitened=options.whitened)
        )
    return 0
