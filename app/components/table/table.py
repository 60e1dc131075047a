"""A table that reads as rows where they fit, and as cards, one per row, where they do not."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..browser import component, hears

SMALLEST, LONGEST = 1e-5, 1e15  # numbers that are read well with all their digits


@dataclass(frozen=True)
class Heading:
    """How a column reads."""

    title: str = ""
    form: str = ""  # of its numbers, such as ".1f"
    help: str = ""
    numeric: bool = False  # its text begins with a number: right-aligned, sorted by that number


def table(
    key: str,
    label: str,
    rows: pd.DataFrame,
    headings: Mapping[str, Heading] | None = None,
    *,
    images: Sequence[str] = (),
    selected: int | None = None,
    on_click: Callable[[Any], None] | None = None,
) -> None:
    """Show a data frame, whose first column names each row; `label` is for screen readers.

    `images` are addresses, one per row. `on_click` gets the number of the clicked row as sent by
    the browser.
    """
    how = {name: (headings or {}).get(name, Heading()) for name in rows.columns}
    columns = [cells_of(rows[name], how[name].form) for name in rows.columns]
    data = {
        "label": label,
        "titles": [how[name].title or str(name) for name in rows.columns],
        "helps": [heading.help for heading in how.values()],
        "numeric": [
            heading.numeric or pd.api.types.is_numeric_dtype(rows[name])
            for name, heading in how.items()
        ],
        "rows": list(zip(*columns, strict=True)),
        "images": list(images),
        "selected": selected,
        "clicks": on_click is not None,
    }
    component("table", html='<div class="frame"><table></table></div>')(
        data=data,
        key=key,
        on_click_change=hears(key, "click", "row", on_click or (lambda row: None)),
    )


def cells_of(values: pd.Series[Any], form: str = "") -> list[str]:
    """Write a column: text as it is, numbers with a minus sign, "" for unknown.

    Without a `form`, fractions have so many decimals that their median has four digits, six at
    most; where it is below 0.00001 or above 10^15 they are written as 1.234e-17. Whole numbers
    beyond 10^15 are ids, without commas.
    """
    if not pd.api.types.is_numeric_dtype(values):
        return ["" if pd.isna(value) else str(value) for value in values]
    form = form or _form_of(values)
    return [
        "" if pd.isna(value) else f"{value:{form}}".replace("-", "\N{MINUS SIGN}")
        for value in values.tolist()
    ]


def _form_of(values: pd.Series[Any]) -> str:
    known = np.abs(values.to_numpy(float))
    known = known[np.isfinite(known) & (known > 0)]
    if pd.api.types.is_integer_dtype(values) or not len(known):
        return "d" if len(known) and known.max() > LONGEST else ","
    if not SMALLEST <= (median := float(np.median(known))) <= LONGEST:
        return ".3e"
    if (known % 1 == 0).all():
        return ",.0f"
    decimals = 3 - math.floor(math.log10(median))
    return f",.{min(max(decimals, 0), 6)}f"
