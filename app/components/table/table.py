"""A table that reads as rows where they fit, and as cards, one per row, where they do not."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ..browser import PRESS, component, hears

SMALLEST, LONGEST = 1e-5, 1e15  # numbers that are read well with all their digits


@dataclass(frozen=True)
class Heading:
    """How a column reads."""

    title: str = ""
    form: str = ""  # of its numbers, such as ".1f"
    help: str = ""
    numeric: bool = False  # its text begins with a number: right-aligned, sorted by that number


@dataclass(frozen=True)
class Order:
    """How rows are sorted that are the first of more: elsewhere, which a heading asks for."""

    columns: Mapping[str, str]  # that they can be sorted by, and what `sort` calls each
    by: str  # what it calls the one that they are sorted by
    descending: bool  # the values of that one
    sort: Callable[[str], None]


def table(
    key: str,
    label: str,
    rows: pd.DataFrame,
    headings: Mapping[str, Heading] | None = None,
    *,
    names: Sequence[Any] = (),
    images: Sequence[str] = (),
    selected: int | None = None,
    on_click: Callable[[Any], None] | None = None,
    order: Order | None = None,
) -> None:
    """Show a data frame; `label` is for screen readers.

    `names` tell the rows apart, whatever is shown of them; without, the first column does. `images`
    are addresses, one per row. `on_click` gets the number of the clicked row as sent by the
    browser. Without an `order`, headings sort what is shown.
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
        "names": list(names) or columns[0],
        "images": list(images),
        "selected": selected,
        "clicks": on_click is not None,
        "order": None if order is None else _order_of([*rows.columns], order),
    }
    component("table", "table", PRESS, html='<div class="frame"><table></table></div>')(
        data=data,
        key=key,
        on_click_change=hears(key, "click", "row", on_click or (lambda row: None)),
        on_sort_change=hears(key, "sort", "column", partial(_sort, [*rows.columns], order)),
    )


def _order_of(names: list[str], order: Order) -> dict[str, Any]:
    """Tell the browser by which columns rows are sorted, can be ("none"), and cannot be (None)."""
    way = "descending" if order.descending else "ascending"
    ways = {None: None, order.by: way}
    called = [order.columns.get(name) for name in names]
    return {"ways": [ways.get(name, "none") for name in called], "now": f"{order.by} {way}"}


def _sort(names: list[str], order: Order | None, number: Any) -> None:
    """Sort by the column of this number, as the browser sent it."""
    sound = isinstance(number, int) and not isinstance(number, bool) and 0 <= number < len(names)
    if order is not None and sound and (called := order.columns.get(names[number])) is not None:
        order.sort(called)


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
    median = float(np.quantile(known, 0.5, method="lower"))  # the mean of two may overflow
    if not SMALLEST <= median <= LONGEST:
        return ".3e"
    if (known % 1 == 0).all():
        return ",.0f"
    decimals = 3 - math.floor(math.log10(median))
    return f",.{min(max(decimals, 0), 6)}f"
