"""What stands for "not known" in other people's tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

# as they are written; NA and None may be classes, and are missing among numbers only
WORDS = frozenset(
    (
        "",
        "nan",
        "NaN",
        "NAN",
        "<NA>",
        "<na>",
        "null",
        "NULL",
        "Null",
        "n/a",
        "N/A",
        "-",
        "--",
        "?",
        "\\N",
    )
)
FORTRAN = r"^([+-]?(?:\d+\.\d*|\.\d+))[dD]([+-]?\d{1,3})$"
MINUS = "\N{MINUS SIGN}"
SIGN = f"[+{MINUS}-]"
# between digits in groups of three, as in 12 345.6
BLANKS = " '\N{RIGHT SINGLE QUOTATION MARK}\N{NO-BREAK SPACE}\N{THIN SPACE}"
BLANKS += "\N{NARROW NO-BREAK SPACE}"
GROUPED = rf"[+-]?\d{{1,3}}([{BLANKS}]\d{{3}})+(\.\d+)?"
BY_COMMAS = r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?"
NO_DECIMAL_COMMA = r".*(,.*,|,.*\.).*"  # 1,234,567 and 1,234.5; but 1,234 may be either
NO_NUMBERS = ("none", "na", "masked", "indef")
# the last three are those of the archives of UKIDSS and VISTA, in float32 and without
NUMBERS = (-99.0, -999.0, -9999.0, -99999.0, -99999999.0, -999999500.0, -999999488.0)


def without_missing(values: pd.Series) -> pd.Series:
    """Return text with "" for whatever says that a value is missing, -9999 and its like included.

    >>> without_missing(pd.Series(["Sa", "?", "-99.0", "NaN"])).tolist()
    ['Sa', '', '', '']
    """
    numbers = pd.to_numeric(values.where(values.str.match("-0?[.9]"), ""), errors="coerce")
    return values.mask(values.isin(WORDS) | numbers.isin(NUMBERS), "")


def as_numbers(values: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return text as float64 (n,), NaN where missing or no number, and which were no number."""
    known = without_missing(values)
    known = known.mask(known.str.lower().isin(NO_NUMBERS), "")
    numbers = pd.to_numeric(known.where(known != "", "nan"), errors="coerce")
    if (numbers.isna() & (known != "")).any():
        known = without_missing(_in_digits(known))
        numbers = pd.to_numeric(known.where(known != "", "nan"), errors="coerce")
    found = numbers.to_numpy(dtype=np.float64, copy=True)
    wrong = np.isnan(found) & (known != "").to_numpy()
    found[~np.isfinite(found)] = np.nan
    return found, wrong


def _in_digits(text: pd.Series) -> pd.Series:
    """Return numbers as computers write them: 1.5D+02 of Fortran, a minus of print, digits in
    groups of three, where the column shows that its commas are not decimal.
    """
    text = text.str.replace(MINUS, "-").str.replace(FORTRAN, r"\1E\2", regex=True)
    grouped, commas = text.str.fullmatch(GROUPED), text.str.fullmatch(BY_COMMAS)
    if text[commas].str.fullmatch(NO_DECIMAL_COMMA).any():
        grouped |= commas
    return text.mask(grouped, text.str.replace(r"[^\d.+-]", "", regex=True))


def doubtful_commas(table: pd.DataFrame) -> str:
    """Say which columns are words although all that is known is a number with commas."""
    found = {}
    for name in table.columns:
        if not pd.api.types.is_string_dtype(table[name].dtype):
            continue
        text = table[name].fillna("").astype(str)
        commas = text.str.fullmatch(rf"{SIGN}?\d+([{BLANKS}]\d{{3}})*(,\d+)+(\.\d+)?")
        if commas.any() and (wrong := as_numbers(text)[1]).any() and commas[wrong].all():
            found[str(name)] = text[commas].iloc[0]
    if not found:
        return ""
    return (
        f"Numbers with commas, which may be decimal, are read as words ({', '.join(found)}, such "
        f"as {next(iter(found.values()))}); write them with points and without commas."
    )


def known_places(ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ra, dec (degrees) with NaN where both are exactly 0, as many write for "not known"."""
    unknown = (ra == 0) & (dec == 0)
    return np.where(unknown, np.nan, ra), np.where(unknown, np.nan, dec)


def known_redshifts(values: np.ndarray) -> np.ndarray:
    """Return float64 with NaN where a redshift is -1 or less, which many write for "not known"."""
    return np.where(np.asarray(values) > -1, values, np.nan)


def known_numbers(values: np.ndarray) -> np.ndarray:
    """Return float64 with NaN where a number stands for none."""
    return np.where(np.isfinite(values) & ~np.isin(values, NUMBERS), values, np.nan)
