"""Positions in columns of hours, minutes and seconds, as journals and the CDS write them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from astrojepa.data import DataError
from astrojepa.data.missing import as_numbers

SIGNS = ("de-", "de_")  # the column of the sign, also as a VOTable or a file of FITS spells it
PARTS = (("rah", "ram", "ras"), ("ded", "dem", "des"))
MINUS = ("-", "\N{MINUS SIGN}", "\N{EN DASH}")
BELOW = {"rah": 24, "ram": 61, "ras": 61, "ded": 91, "dem": 61, "des": 61}


def parts_of(columns: Sequence[str]) -> dict[str, str]:
    """Return the columns of a position in parts by their meaning; none without hours and degrees.

    >>> parts_of(["name", "RAh", "RAm", "DE-", "DEd", "DEm"])
    {'rah': 'RAh', 'ram': 'RAm', 'ded': 'DEd', 'dem': 'DEm', 'sign': 'DE-'}
    """
    lower = {column.lower(): column for column in reversed(columns)}
    found = {part: lower[part] for angle in PARTS for part in angle if part in lower}
    if signs := [lower[name] for name in SIGNS if name in lower]:
        found["sign"] = signs[0]
    return found if {"rah", "ded"} <= set(found) else {}


def is_sign(column: object) -> bool:
    """Whether a column holds signs of declinations, in which "-" does not mean missing."""
    return str(column).lower() in SIGNS


def joined_parts(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return ra and dec, degrees, NaN where a part is unknown, of a table with parts of a position.

    The sign is that of its column, "-00 30" being -0.5; without that column, that of the degrees.
    DataError for 25 hours, 70 minutes and the like.
    """
    columns = parts_of([str(name) for name in table.columns])
    values = {part: _numbers(table, columns[part]) for part in columns if part != "sign"}
    for part, numbers in values.items():
        least = -BELOW[part] if part == "ded" else -0.5
        bad = np.flatnonzero((numbers >= BELOW[part]) | (numbers <= least))
        if len(bad):
            raise DataError(
                f"{columns[part]} of row {bad[0]} is {numbers[bad[0]]:g}; expected hours, degrees, "
                "minutes or seconds of a position."
            )
    ra, dec = (
        sum(np.abs(values[part]) / 60**place for place, part in enumerate(angle) if part in values)
        for angle in PARTS
    )
    return np.asarray(ra) * 15 % 360, np.asarray(dec) * _sign(table, columns, values["ded"])


def _sign(table: pd.DataFrame, columns: dict[str, str], degrees: np.ndarray) -> np.ndarray:
    """Return -1, 1, or NaN where whole numbers of 0 degrees have lost their sign."""
    given = table[columns.get("sign", columns["ded"])]
    if not pd.api.types.is_numeric_dtype(given.dtype):
        return np.where(given.astype(str).str.strip(" '").str.startswith(MINUS), -1.0, 1.0)
    if "sign" in columns:  # 1 and -1, or an empty column
        return np.where(given.to_numpy(np.float64, na_value=np.nan) < 0, -1.0, 1.0)
    negative, known = np.signbit(degrees), degrees[np.isfinite(degrees)]
    # integers, which a gap makes floats, have no -0
    lost = (known < 0).any() and not (known % 1).any() and not negative[degrees == 0].any()
    return np.where((degrees == 0) & lost, np.nan, np.where(negative, -1.0, 1.0))


def _numbers(table: pd.DataFrame, column: str) -> np.ndarray:
    values = table[column]
    if pd.api.types.is_numeric_dtype(values.dtype):
        return values.to_numpy(np.float64, na_value=np.nan)
    numbers, wrong = as_numbers(values.astype(str))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataError(f"{column} of row {row} is {values.iloc[row]!r}, expected a number.")
    return numbers
