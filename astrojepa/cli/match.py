"""match: columns of a catalogue for each galaxy, by id or by position on the sky."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from astrojepa.cli.options import add_data, declare, open_data
from astrojepa.files import write_csv


def add_to(commands: Any) -> None:
    """Declare the command of this file."""
    parser = declare(
        commands,
        "match",
        _match,
        "Join the columns of a catalogue to the galaxies, by id or by position.",
        "catalogue.fits --data galaxies --radius 1 --out joined.csv",
        model=False,
    )
    parser.add_argument(
        "catalogue",
        type=Path,
        help="table with columns id, or ra and dec: CSV, TSV, ECSV, FITS, VOTable or Parquet",
    )
    add_data(parser)
    parser.add_argument(
        "--radius",
        type=float,
        default=1.0,
        help="largest separation of galaxy and row, arcseconds (default 1)",
    )
    parser.add_argument(
        "--by",
        default="",
        help="id or position (default: id where any id of the catalogue is a galaxy's)",
    )
    parser.add_argument("--out", required=True, type=Path, help="CSV file: a row per galaxy")


def _match(options: argparse.Namespace) -> int:
    from astrojepa.data.catalogue import joined, read_catalogue

    data = open_data(options)
    name = options.catalogue.stem
    found = joined(
        data, read_catalogue(options.catalogue), radius=options.radius, by=options.by, name=name
    )
    columns = [column for column in found.table.columns if column not in data.table.columns]
    places = np.stack([data.ra, data.dec], axis=1)
    rows = [
        [identifier, *map(_cell, place), *map(_cell, values)]
        for identifier, place, values in zip(
            data.ids, places, found.table[columns].itertuples(index=False), strict=True
        )
    ]
    write_csv(options.out, ["id", "ra", "dec", *columns], rows)
    print(f"{options.out}: {found.notes[-1]}")
    return 0


def _cell(value: object) -> object:
    """Return nothing for what is unknown."""
    return "" if isinstance(value, float) and np.isnan(value) else value
