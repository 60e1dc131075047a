"""What stands for "not known" in other people's tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

# as they are written; NA and None may be classes, and are missing among numbers only
WORDS = frozenset(
    ("", "nan", "NaN", "NAN", "<NA>", "<na>", "null", "NULL", "Null", "n/a", "N/A", "-", "--", "?")
)
FORTRAN = r"^([+-]?(?:\d+\.\d*|\.\d+))[dD]([+-]?\d{1,3})$"
NO_NUMBERS = ("none", "na", "masked")
NUMBERS = (-99.0, -999.0, -9999.0, -99999.0)


def without_missing(values: pd.Series) -> pd.Series:
    """Return text with "" for whatever says that a value is missing, -9999 and its like included.

    >>> without_missing(pd.Series(["Sa", "?", "-99.0", "NaN"])).tolist()
    ['Sa', '', '', '']
    """
    numbers = pd.to_numeric(values.where(values.str.startswith("-9"), ""), errors="coerce")
    return values.mask(values.isin(WORDS) | numbers.isin(NUMBERS), "")


def as_numbers(values: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return text as float64 (n,), NaN where missing or no number, and which were no number."""
    known = without_missing(values)
    known = known.mask(known.str.lower().isin(NO_NUMBERS), "")
    numbers = pd.to_numeric(known.where(known != "", "nan"), errors="coerce")
    if (numbers.isna() & (known != "")).any():  # Fortran's 1.5D+02 is a number
        known = known.str.replace(FORTRAN, r"\1E\2", regex=True)
        numbers = pd.to_numeric(known.where(known != "", "nan"), errors="coerce")
    found = numbers.to_numpy(dtype=np.float64, copy=True)
    wrong = np.isnan(found) & (known != "").to_numpy()
    found[~np.isfinite(found)] = np.nan
    return found, wrong


def known_places(ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ra, dec (degrees) with NaN where both are exactly 0, as many write for "not known"."""
    unknown = (ra == 0) & (dec == 0)
    return np.where(unknown, np.nan, ra), np.where(unknown, np.nan, dec)


def known_numbers(values: np.ndarray) -> np.ndarray:
    """Return float64 with NaN where a number stands for none."""
    return np.where(np.isfinite(values) & ~np.isin(values, NUMBERS), values, np.nan)
