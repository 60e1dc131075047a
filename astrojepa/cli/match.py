"""match: columns of a catalogue for each galaxy, by id or by position on the sky."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from astrojepa.cli.options import TABLE_FILE, add_data, add_value, declare, open_data
from astrojepa.tables import Column, check_table, write_table


def add_to(commands: Any) -> None:
    """Declare the command of this file."""
    help = "Join the columns of a catalogue to the galaxies, by id or by position."
    example = "catalogue.fits --data galaxies --radius 1 --out joined.csv"
    parser = declare(commands, "match", _match, help, example, model=False)
    parser.add_argument(
        "catalogue",
        type=Path,
        help="table with columns id, or ra and dec: CSV, ECSV, FITS, VOTable, Parquet, text, HATS",
    )
    add_data(parser)
    add_value(parser, "--radius", 1.0, "largest separation of galaxy and row, arcseconds")
    parser.add_argument(
        "--by",
        default="",
        help="id or position (default: id if any id of the catalogue is a galaxy's)",
    )
    parser.add_argument("--out", required=True, type=Path, help=f"{TABLE_FILE}; a row per galaxy")


def _match(options: argparse.Namespace) -> int:
    import astrojepa as aj
    from astrojepa.data.catalogue import joined, read_catalogue

    check_table(options.out, "--out")
    if options.out.exists() and options.out.samefile(options.catalogue):
        raise ValueError(f"--out {options.out} is the catalogue itself; name another file.")
    data, name = open_data(options), options.catalogue.stem
    found = joined(
        data, read_catalogue(options.catalogue), radius=options.radius, by=options.by, name=name
    )
    new = [column for column in found.table.columns if column not in data.table.columns]
    columns = [
        Column("id", data.ids.astype(str), "galaxy"),
        Column("ra", data.ra, "right ascension, J2000", "deg", digits=0),
        Column("dec", data.dec, "declination, J2000", "deg", digits=0),
    ]
    for column in new:
        unit, description = found.about.get(column, ("", ""))
        values = found.table[column].to_numpy()
        columns.append(Column(column, values, description or f"column of {name}", unit, digits=0))
    facts = {
        "creator": f"astrojepa {aj.__version__}",
        "catalogue": options.catalogue.name,
        "data": data.name,
        "data_fingerprint": data.fingerprint,
        "simulated": data.simulated,
        "radius_arcsec": options.radius,
    }
    write_table(options.out, columns, facts)
    print(f"{options.out}: {' '.join(found.notes[len(data.notes) :])}")
    return 0
