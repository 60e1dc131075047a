"""Galaxies as a table for other programs: who they are, where, and every column of the data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from astrojepa import files
from astrojepa.data.columns import further_columns
from astrojepa.tables import Column

# of which a spreadsheet keeps 15 digits
_LONG = re.compile(r"\d{16,}")
MARK = "#"  # before an id of many digits, so that a spreadsheet takes it for text


def text_of(name: str) -> str:
    """Return an id as a spreadsheet leaves it alone."""
    return MARK + name


def id_of(text: str) -> str:
    """Return the id that `text_of` was given."""
    return text.removeprefix(MARK)


def is_long(ids: Sequence[object]) -> bool:
    """Whether a spreadsheet would round some of these ids."""
    return any(_LONG.fullmatch(str(name)) for name in ids)


def identity(data: Any, rows: Sequence[int]) -> dict[str, list[object]]:
    """Return the columns that identify galaxies: id, class, ra_deg, dec_deg, redshift.

    Where ids have more than 15 digits, `id_text` repeats them so that a spreadsheet keeps them.
    """
    names = [str(data.ids[row]) for row in rows]
    known: dict[str, list[object]] = {"id": list(names)}
    if is_long(names):
        known["id_text"] = [text_of(name) for name in names]
    labels = [int(data.labels[row]) for row in rows]
    known["class"] = [data.classes[label] if label >= 0 else "" for label in labels]
    for name, values in {"ra_deg": data.ra, "dec_deg": data.dec, "redshift": data.redshift}.items():
        known[name] = [float(values[row]) for row in rows]
    return known


def table_text(data: Any, rows: Sequence[int], more: Mapping[str, Sequence[object]]) -> str:
    """Write galaxies as CSV: their identity, what is given, one value each, then the columns of
    the data that are not there yet.
    """
    columns = identity(data, rows) | {name: list(values) for name, values in more.items()}
    for name in further_columns(data):
        if name not in columns:
            columns[name] = [_cell(data.table[name].iloc[row]) for row in rows]
    return files.csv_text(list(columns), zip(*columns.values(), strict=True))


def table_columns(
    data: Any, rows: Sequence[int], more: Mapping[str, Sequence[Any]]
) -> list[Column]:
    """Return the same as columns with units and descriptions, for formats that hold them."""
    chosen = list(rows)
    named = {
        "id": ("name of the galaxy", ""),
        "class": ("class", ""),
        "ra": ("right ascension, J2000", "deg"),
        "dec": ("declination, J2000", "deg"),
        "redshift": ("redshift", ""),
    }
    known = {name.removesuffix("_deg"): values for name, values in identity(data, chosen).items()}
    columns = [
        Column(name, known[name], description, unit) for name, (description, unit) in named.items()
    ]
    columns += [Column(name, list(values), name.replace("_", " ")) for name, values in more.items()]
    taken = {column.name for column in columns}
    for name in further_columns(data):
        if name not in taken:
            unit, description = data.about.get(name, ("", ""))
            values = data.table[name].iloc[chosen].to_numpy()
            columns.append(Column(name, values, description or name.replace("_", " "), unit))
    return columns


def _cell(value: Any) -> object:
    return value.item() if isinstance(value, np.generic) else value
