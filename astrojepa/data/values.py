"""The values of a column, ready to be compared and counted: numbers, or words by their codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from astrojepa.data.missing import BY_COMMAS, as_numbers, known_numbers, known_redshifts
from astrojepa.data.readers.labels import find_name

EXACT = 2**53  # whole numbers beyond are ids, which float64 would round
LARGEST, SMALLEST = 1e300, 1e-300  # a number on an axis, at most; the length of one, at least
FIRST = 20  # values that tell words from numbers before all are read
_LONG = r"\s*[+-]?\d{16,}\s*"


@dataclass(frozen=True)
class Numbers:
    """A column of numbers."""

    values: np.ndarray  # float64 (n,), NaN = unknown

    @property
    def known(self) -> np.ndarray:
        """Where there is a value: bool (n,)."""
        return ~np.isnan(self.values)


@dataclass(frozen=True)
class Words:
    """A column of text."""

    codes: np.ndarray  # int64 (n,), places in `words`; -1 = unknown
    words: tuple[str, ...]  # each once, sorted

    @property
    def known(self) -> np.ndarray:
        """Where there is a value: bool (n,)."""
        return self.codes >= 0


Values = Numbers | Words


def drawable(values: np.ndarray) -> np.ndarray:
    """Return numbers, float64, as an axis holds them: those beyond 10^300 are drawn at 10^300."""
    return np.clip(np.asarray(values, dtype=np.float64), -LARGEST, LARGEST)


def ends(values: np.ndarray) -> tuple[float, float]:
    """Return where an axis begins and ends that shows finite numbers, `drawable`: the lowest and
    the highest; around them where they differ by rounding alone; (-0.5, 0.5) without any.
    """
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    least = max(1e-9 * max(abs(low), abs(high)), SMALLEST)
    if high - low < least:
        return low - max(0.5, least), high + max(0.5, least)
    return low, high


def sortable(values: Values) -> np.ndarray:
    """Return numbers in the order of a column's values, float64 (n,), NaN where unknown."""
    if isinstance(values, Numbers):
        return values.values
    return np.where(values.known, values.codes, np.nan)


def cells(values: Values, rows: np.ndarray) -> np.ndarray:
    """Return the values of some rows as a table holds them: text with "" for unknown, int64 where
    the whole column is known and whole, float64 with NaN.

    >>> cells(Words(np.array([0, -1]), ("Sa",)), np.array([1, 0]))
    array(['', 'Sa'], dtype=object)
    """
    if isinstance(values, Words):
        return np.array([*values.words, ""], dtype=object)[values.codes[rows]]
    column, found = values.values, values.values[rows]
    with np.errstate(invalid="ignore"):
        whole = bool(((column == np.rint(column)) & (np.abs(column) < EXACT)).all())
    return found.astype(np.int64) if whole else found


def coded(codes: np.ndarray, names: Sequence[str]) -> Words:
    """Return the words that codes, int64 (n,), stand for in `names`; below 0 and "" = unknown.

    >>> coded(np.array([0, -1, 1]), ["round", "edge-on"])
    Words(codes=array([ 1, -1,  0]), words=('edge-on', 'round'))
    """
    words = tuple(sorted(set(names) - {""}))
    places = {word: place for place, word in enumerate(words)}
    codes = np.asarray(codes)
    renumbered = np.array([*(places.get(name, -1) for name in names), -1], dtype=np.int64)
    return Words(renumbered[np.where(codes < 0, len(names), codes)], words)


def read_values(column: pd.Series) -> Values:
    """Read a column of any kind: text is numbers where all that is known of it is a number.

    Unknown are NaN, None, empty text, and among numbers what `astrojepa.data.missing` lists; in a
    column called redshift, or as catalogues call it, -1 and less too. Ids of 16 digits and more
    stay text; true and false are words.

    >>> read_values(pd.Series(["1.5", "", "2"]))
    Numbers(values=array([1.5, nan, 2. ]))
    """
    found = _read_values(column)
    if isinstance(found, Numbers) and find_name([str(column.name)], "redshift"):
        return Numbers(known_redshifts(found.values))
    return found


def _read_values(column: pd.Series) -> Values:
    kind = column.dtype
    whole, truth = pd.api.types.is_integer_dtype(kind), pd.api.types.is_bool_dtype(kind)
    if pd.api.types.is_numeric_dtype(kind) and not truth and not (whole and _is_long(column)):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return Numbers(known_numbers(values))
    # of objects, some are truths, decimals or dates
    text = isinstance(kind, pd.StringDtype) or (
        kind.kind == "O" and pd.api.types.infer_dtype(column) == "string"
    )
    if text and (numbers := _all_numbers(column)) is not None:
        return Numbers(numbers)
    codes, found = pd.factorize(column, use_na_sentinel=True)
    names = [
        str(name).lower() if isinstance(name, bool | np.bool_) else str(name) for name in found
    ]
    if not text and (numbers := _all_numbers(pd.Series(names, dtype=str))) is not None:
        return Numbers(np.append(numbers, np.nan)[codes])
    return coded(codes, names)


def _is_long(whole: pd.Series) -> bool:
    """Whether floats would round some of these whole numbers."""
    return bool(len(whole) and (whole.max() > EXACT or whole.min() < -EXACT))


def _all_numbers(text: pd.Series) -> np.ndarray | None:
    """Return text as float64 (n,), NaN = unknown; None where some is known and no number, where
    there are ids of 16 digits and more, or where nothing is known.
    """
    text = text.fillna("")
    first = text[text != ""].iloc[:FIRST]  # of words, few tell
    if (as_numbers(first)[1] & ~first.str.fullmatch(BY_COMMAS)).any():
        return None
    if text.str.len().max() >= 16 and text.str.fullmatch(_LONG).any():
        return None
    numbers, wrong = as_numbers(text)
    return None if wrong.any() or np.isnan(numbers).all() else numbers
