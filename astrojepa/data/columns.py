"""The further columns of a data set: which can be classes, and what they say of one galaxy."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from astrojepa.data.dataset import Dataset
from astrojepa.data.readers.labels import named_column
from astrojepa.data.values import Numbers, Values, coded, read_values

MOST_CLASSES = 20
# shown elsewhere, or about the file
_NOT_CLASSES = {"file", "id", "split", "duplicate_of"}
ABOUT_FILES = _NOT_CLASSES | {"width", "height"}  # they say nothing of the galaxy
_SHOWN = {"file", "id", "ra", "dec", "redshift", "duplicate_of"}


def class_columns(table: pd.DataFrame) -> list[str]:
    """Return the columns with 2 to 20 different words, which can be classes."""
    found = []
    for name in table.columns:
        values = table[name]
        if str(name) in _NOT_CLASSES or values.dtype.kind in "fc":
            continue
        if 2 <= _words(values)[lambda words: words != ""].nunique() <= MOST_CLASSES:
            found.append(str(name))
    return found


def encode_column(values: pd.Series) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return labels, int64 (n,), -1 where the column is empty, and its words as sorted classes."""
    words = _words(values)
    classes = tuple(sorted(set(words) - {""}))
    numbers = {word: number for number, word in enumerate(classes)} | {"": -1}
    return np.array([numbers[word] for word in words], dtype=np.int64), classes


def labelled_by(data: Dataset, column: str) -> Dataset:
    """Return the same galaxies with the words of a column as their labels.

    ValueError for a column that is not there.

    >>> import astrojepa as aj
    >>> data = aj.open_dataset("simulated:20")
    >>> labelled_by(data, "kind").classes == tuple(sorted(set(data.table["kind"])))
    True
    """
    found = named_column(list(map(str, data.table.columns)), column)
    if found is None:
        raise ValueError(
            f"{data.name} has no column {column!r} (found: "
            f"{', '.join(map(str, data.table.columns[:8]))}); choose one of these."
        )
    labels, classes = encode_column(data.table[found])
    return dataclasses.replace(data, labels=labels, classes=classes)


def further_columns(data: Dataset) -> list[str]:
    """Return the columns that are neither id nor position nor redshift, in their order."""
    return [str(name) for name in data.table.columns if str(name).lower() not in _SHOWN]


def comparable_columns(data: Dataset) -> dict[str, Values]:
    """Return class, redshift and the further columns by name, as values that can be compared;
    without those that name files, splits or galaxies, or give the size of a frame.
    """
    found: dict[str, Values] = {}
    if len(data.classes) > 1:
        found["class"] = coded(np.asarray(data.labels), data.classes)
    if np.isfinite(data.redshift).any():
        found["redshift"] = Numbers(np.asarray(data.redshift, np.float64))
    for name in further_columns(data):
        if name.lower() not in ABOUT_FILES:
            found.setdefault(name, read_values(data.table[name]))
    return found


def known_of(data: Dataset, row: int) -> dict[str, str]:
    """Return what the further columns say of one galaxy, as text with units, without empty ones."""
    if not 0 <= row < len(data):
        raise ValueError(f"{data.name} has {len(data)} galaxies, there is no row {row}.")
    found = {name: data.table[name].iloc[row] for name in further_columns(data)}
    said = {name: plain(value) for name, value in found.items()}
    units = {name: data.about.get(name, ("", ""))[0] for name in said}
    return {name: f"{text} {units[name]}".rstrip() for name, text in said.items() if text}


def plain(value: object) -> str:
    """Write a cell: numbers with six digits, nothing for a missing value."""
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _words(values: pd.Series) -> pd.Series:
    return values.where(values.notna(), "").astype(str)
