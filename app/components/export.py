"""Rows as CSV for a spreadsheet, with nothing in it that a spreadsheet would run. Pure functions."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(value: object) -> str:
    """Return a value as text; words that a spreadsheet would take for a formula get a leading apostrophe, numbers do not."""
    if value is None or (isinstance(value, float) and value != value):
        return ""
    text = str(value).replace("\r", "\n")  # a lone carriage return is not quoted, and would begin a row of its own
    if isinstance(value, int | float) or not text.lstrip(" \n").startswith(_FORMULA):
        return text
    return "'" + text


def to_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a table as CSV text with escaped cells, header included."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([safe_cell(name) for name in header])
    writer.writerows([safe_cell(value) for value in row] for row in rows)
    return out.getvalue()
