"""Target numbers of probes: columns of the data or of a catalogue joined by id."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd

from astrojepa.data import DataError
from astrojepa.data.catalogue import id_text, read_catalogue
from astrojepa.data.dataset import Dataset
from astrojepa.data.missing import as_numbers
from astrojepa.data.readers.labels import find_column, named_column

_UNDETERMINED = -1.0  # of every EFIGI attribute but the type T, of which -1 is a value


def with_targets(data: Dataset, columns: tuple[str, ...], catalogue: str | Path = "") -> Dataset:
    """Return the galaxies with these columns as numbers, by `target_values`."""
    found = {column: target_values(data, column, catalogue) for column in columns}
    return dataclasses.replace(data, table=data.table.assign(**found))


def target_values(data: Dataset, column: str, catalogue: str | Path = "") -> np.ndarray:
    """Return a number per galaxy, float64 (n,), NaN if unknown, from `catalogue` or the table.

    A catalogue is what `read_catalogue` reads, such as EFIGI_attributes.txt (Baillard et al. 2011,
    A&A 532, A74); the column of ids, or else the first, names galaxies, and those that it lacks are
    unknown. Raises DataError for a column
    that is not there or holds text, a catalogue without any of these galaxies, or one that gives a
    galaxy two values; FileNotFoundError for a file that is not there.
    """
    if not catalogue:
        known = named_column(list(map(str, data.table.columns)), column)
        if known is None and column.lower() == "redshift" and np.isfinite(data.redshift).any():
            return np.asarray(data.redshift, np.float64)
        return _column(data.table, column, data.name)
    table = read_catalogue(catalogue)
    values = pd.Series(
        _column(table, column, Path(catalogue).name), index=_ids(table, data)
    ).dropna()
    if str(catalogue).endswith(".txt") and not column.startswith("T"):
        values = values[values != _UNDETERMINED]
    values = values.groupby(level=0).agg(["min", "max"])
    torn = values.index[values["min"] != values["max"]]
    if len(torn):
        raise DataError(
            f"{catalogue} gives {torn[0]} two values of {column} ({len(torn)} such ids); keep one "
            f"row of each."
        )
    found = values["min"].reindex(data.ids.astype(str)).to_numpy(dtype=np.float64)
    if np.isnan(found).all():
        raise DataError(
            f"{catalogue} has a known {column} of none of the galaxies of {data.name}; are "
            f"their ids in its column of ids, or the first?"
        )
    return found


def _ids(table: pd.DataFrame, data: Dataset) -> pd.Series:
    """Return the column that names galaxies of `data`: the one called id, or else the first."""
    first = table.columns[0]
    named = find_column(table, "id") or first
    found = id_text(table[named])
    return found if found.isin(data.ids.astype(str)).any() else id_text(table[first])


def _column(table: pd.DataFrame, column: str, name: str) -> np.ndarray:
    found = named_column(list(map(str, table.columns)), column)
    if found is None:
        columns = ", ".join(map(str, table.columns[:20]))
        raise DataError(
            f"{name} has no column {column!r} (found: {columns or 'none'}); choose one that holds "
            f"numbers."
        )
    text = table[found].map(str)
    values, wrong = as_numbers(text)
    if wrong.any():
        raise DataError(
            f"{name}: {column} of row {int(np.flatnonzero(wrong)[0])} is {text[wrong].iloc[0]!r}; "
            f"choose a column of numbers."
        )
    return values
