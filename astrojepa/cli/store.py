"""simulate-store, select and hats: make up a store, choose from one, write one as HATS."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from astrojepa.cli.options import (
    TABLE_FILE,
    add_switch,
    add_value,
    add_vectors,
    declare,
    print_columns,
    store_provenance,
)
from astrojepa.tables import Column, check_table, write_table

SHOWN = 25  # rows that are printed


def add_to(commands: Any) -> None:
    """Declare the commands of this file."""
    help = "Write a store of simulated vectors whose true neighbours are known, or continue one."
    example = "--count 1000000 --out store"
    made = declare(commands, "simulate-store", _simulate_store, help, example, model=False)
    made.add_argument("--count", type=int, required=True, help="number of galaxies")
    add_value(made, "--width", 192, "length of a vector")
    add_value(made, "--seed", 0, "random seed")
    made.add_argument(
        "--out", type=Path, required=True, help="folder for the Parquet files of the store"
    )
    help = "List the galaxies of a store in a box of its map, in a cone on the sky, or by a filter."
    example = '--vectors store --cone 180 0 0.5 --filter "redshift < 0.1" --out near.vot'
    chosen = declare(commands, "select", _select, help, example, model=False)
    add_vectors(chosen, "of a store", "any Parquet files")
    chosen.add_argument(
        "--box",
        nargs=4,
        type=float,
        metavar=("X0", "Y0", "X1", "Y1"),
        help="two corners of a rectangle in the columns x and y",
    )
    chosen.add_argument(
        "--cone",
        nargs=3,
        type=float,
        metavar=("RA", "DEC", "RADIUS"),
        help="position and radius, degrees",
    )
    chosen.add_argument(
        "--filter",
        default="",
        metavar="EXPRESSION",
        help="condition on columns, such as 'redshift < 0.1 & label == \"Merging\"'",
    )
    chosen.add_argument("--out", type=Path, help=f"{TABLE_FILE}; with every column but vectors")
    help = "Write a store as a HATS catalogue, which LSDB opens and matches with surveys."
    divided = declare(commands, "hats", _hats, help, "--vectors store --out catalogue", model=False)
    add_vectors(divided, "of a store", "any Parquet files")
    divided.add_argument(
        "--partition",
        type=int,
        default=1_000_000,
        help="largest number of galaxies in a partition (default 1,000,000)",
    )
    add_switch(divided, "--float32", "keep the precision of the vectors (default: float16)")
    divided.add_argument("--out", type=Path, required=True, help="new folder of the catalogue")


def _simulate_store(options: argparse.Namespace) -> int:
    from astrojepa.evaluation.vectors.simulated_store import Mixture, simulate_store

    mixture = Mixture(options.count, options.width, options.seed)
    found = simulate_store(mixture, options.out, progress=sys.stderr.isatty())
    if found:
        print(f"{found} of {len(mixture.partitions)} partitions were already there")
    print(
        f"{options.out}: {options.count:,} SIMULATED vectors of width {options.width} in "
        f"{len(mixture.partitions)} partition{'s' if len(mixture.partitions) > 1 else ''}"
    )
    return 0


def _select(options: argparse.Namespace) -> int:
    from astrojepa.data.arrow_columns import to_series
    from astrojepa.evaluation.vectors.select import select
    from astrojepa.evaluation.vectors.store import open_store

    if options.vectors is None:
        raise ValueError("--vectors is missing; name the folder of a store.")
    if not (options.box or options.cone or options.filter):
        raise ValueError("Nothing chooses the galaxies; give --box, --cone or --filter.")
    if options.out:
        check_table(options.out, "--out")
    store = open_store(options.vectors)
    table = select(store, box=options.box, cone=options.cone, where=options.filter)
    degrees = {store.layouts[0].known.get(name) for name in ("ra", "dec")}
    columns = []
    for name in table.column_names:
        unit, values = "deg" if name in degrees else "", to_series(table[name]).to_numpy()
        columns.append(Column(name, values, "column of the store", unit, digits=0 if unit else 6))
    print_columns(columns, SHOWN)
    print(f"{table.num_rows:,} of {len(store):,} galaxies")
    if options.out:
        how = {"box": options.box, "cone": options.cone, "filter": options.filter}
        said = {name: " ".join(map(str, value)) for name, value in how.items() if value}
        facts = store_provenance(store, **(said | {"filter": options.filter}))
        write_table(options.out, columns, facts)
    return 0


def _hats(options: argparse.Namespace) -> int:
    from astrojepa.evaluation.vectors.hats_store import write_hats
    from astrojepa.evaluation.vectors.store import open_store

    if options.vectors is None:
        raise ValueError("--vectors is missing; name the folder of a store.")
    written = write_hats(
        open_store(options.vectors),
        options.out,
        half=not options.float32,
        partition=options.partition,
        progress=sys.stderr.isatty(),
    )
    if written.left_out:
        print(f"{written.left_out:,} galaxies have no position and were left out")
    print(
        f"{options.out}: {written.galaxies:,} galaxies in {written.partitions} "
        f"partition{'s' if written.partitions > 1 else ''}, the finest at HEALPix order "
        f"{written.order}"
    )
    return 0
