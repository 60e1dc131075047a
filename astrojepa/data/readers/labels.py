"""labels.csv of a folder of pictures: rows, classes, coordinates; and what stands in for it
where there is none.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from astrojepa.data import DataError

MAX_CSV_BYTES = 256 * 1024 * 1024
MAX_COLUMNS = 512
MAX_VALUES = 2**25  # rows times columns, 60 bytes each
# rows times the longest value: in an array of text, every value takes the room of the longest
MAX_LETTERS = 2**28
LABEL_COLUMNS = ("label", "morphology")
UNKNOWN = ("", "nan", "null", "none", "na", "n/a")


def read_labels(root: Path) -> tuple[pd.DataFrame, bytes] | None:
    """Read labels.csv: a table of text with a column `file`, and the raw bytes; None where the
    folder has none.
    """
    path = root / "labels.csv"
    if not path.is_file():
        return None
    if path.stat().st_size > MAX_CSV_BYTES:
        raise DataError(
            f"{path} has {path.stat().st_size / 1e6:.0f} MB; at most {MAX_CSV_BYTES // 1_000_000} "
            f"MB are read."
        )
    raw = path.read_bytes()
    table = _parse(raw, path)
    if "file" not in table:
        raise DataError(
            f"{path} has no column 'file' (found: {', '.join(table.columns)}); it names each row's "
            f"picture."
        )
    if table.empty:
        raise DataError(f"{path} has a header and no rows; add one row per picture.")
    if (table["file"] == "").any():
        raise DataError(
            f"{path}: {int((table['file'] == '').sum())} rows have an empty 'file'; name each "
            f"row's picture."
        )
    return table, raw


def _parse(raw: bytes, path: Path) -> pd.DataFrame:
    """Read comma-separated text: blanks around values go, short rows end in empty values, long
    rows are an error.
    """
    try:
        rows = _rows(io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8-sig", newline=""), path)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{path} is not a table of comma-separated values in UTF-8 ({error})."
        ) from error
    header = rows[0] if rows else []
    if len(set(header)) < len(header):
        raise DataError(
            f"{path} has two columns of the same name (found: {', '.join(header)}); rename one."
        )
    for row in rows[1:]:
        if len(row) > len(header):
            raise DataError(
                f"{path}: the row of {row[0]!r} has {len(row)} values for {len(header)} columns; "
                f"quote its commas."
            )
        row += [""] * (len(header) - len(row))
    return pd.DataFrame(rows[1:], columns=header, dtype=str)


def _rows(text: Iterable[str], path: Path) -> list[list[str]]:
    """Split text into rows of values, empty lines left out, as long as what becomes of them has
    room in memory.
    """
    rows: list[list[str]] = []
    longest = 0
    for line in csv.reader(text, strict=True):
        if not any(line):
            continue
        rows.append([value.strip() for value in line])
        longest = max(longest, *map(len, line))
        if (
            len(line) > MAX_COLUMNS
            or len(rows) * len(rows[0]) > MAX_VALUES
            or len(rows) * longest > MAX_LETTERS
        ):
            raise DataError(
                f"{path} is too large in row {len(rows):,}, with {len(line):,} values and one of "
                f"{longest:,} letters; at most "
                f"{MAX_COLUMNS} columns and {MAX_VALUES:,} values are read. Divide it, or shorten "
                f"its longest values."
            )
    return rows


def list_pictures(root: Path, suffixes: tuple[str, ...]) -> tuple[pd.DataFrame, bytes]:
    """Make the table of a folder without labels.csv: sorted pictures; two or more sub-folders
    with pictures are classes.
    """
    files: list[str] = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        below = Path(folder).relative_to(root)
        files += [
            (below / name).as_posix()
            for name in names
            if name.lower().endswith(suffixes) and not name.startswith(".")
        ]
    if not files:
        raise DataError(
            f"{root} holds no pictures (JPEG, PNG or FITS) and no labels.csv; give the folder that "
            f"holds them."
        )
    files.sort()
    table = pd.DataFrame({"file": files}, dtype=str)
    top = [name.split("/")[0] if "/" in name else "" for name in files]
    if len(set(top) - {""}) > 1:
        table["label"] = top
    return table, b""


def keep_where(table: pd.DataFrame, where: Mapping[str, str], name: str) -> np.ndarray:
    """Return the row numbers, int64, at which every named column has the named value."""
    keep = np.ones(len(table), dtype=bool)
    for column, value in where.items():
        _known_column(table, column, "--where")
        keep &= (table[column] == value).to_numpy()
        if not keep.any():
            values = sorted(set(table[column]))
            raise DataError(
                f"No row of {name} has {' and '.join(f'{c}={v}' for c, v in where.items())}; "
                f"{column} has the values "
                f"{', '.join(values[:8])}{', ...' if len(values) > 8 else ''}."
            )
    return np.flatnonzero(keep).astype(np.int64)


def encode_labels(
    table: pd.DataFrame, label_column: str | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return labels, int64 (n,), -1 where empty, and the sorted class names. Raises DataError
    for a column that is not there.
    """
    if label_column:
        _known_column(table, label_column, "--label-column")
    column = label_column or next((name for name in LABEL_COLUMNS if name in table), None)
    if column is None:
        return np.full(len(table), -1, dtype=np.int64), ()
    names = table[column].to_numpy(dtype=str)
    classes = sorted(set(names.tolist()) - {""})
    number = {name: index for index, name in enumerate(classes)} | {"": -1}
    return np.array([number[name] for name in names.tolist()], dtype=np.int64), tuple(classes)


def coordinate_columns(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ra, dec in degrees and redshift, float64 (n,), NaN where unknown; raises DataError
    naming a bad number.
    """
    ra = _numbers(table, "ra", 0.0, 360.0)
    dec = _numbers(table, "dec", -90.0, 90.0)
    return ra, dec, _numbers(table, "redshift", -np.inf, np.inf)


def _numbers(table: pd.DataFrame, column: str, low: float, high: float) -> np.ndarray:
    if column not in table:
        return np.full(len(table), np.nan)
    text = table[column].mask(table[column].str.lower().isin(UNKNOWN), "nan")
    values = pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64, copy=True)
    bad = (np.isnan(values) & (text != "nan").to_numpy()) | (values < low) | (values > high)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        expected = "a number" if np.isinf(low) else f"degrees in [{low:g}, {high:g}]"
        raise DataError(
            f"labels.csv: {column} of {table['file'].iloc[row]} is {table[column].iloc[row]!r}, "
            f"expected {expected}."
        )
    values[~np.isfinite(values)] = np.nan
    return values


def _known_column(table: pd.DataFrame, column: str, flag: str) -> None:
    if column not in table:
        raise DataError(
            f"{flag}: labels.csv has no column {column!r} (found: {', '.join(table.columns)})."
        )
