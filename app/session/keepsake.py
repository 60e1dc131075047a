"""The text in which a browser keeps marks and collections of one set of galaxies.

Galaxies are written as rows, which mean the same as long as the set, whose hash names the text, is
the same; those of a large store, which may be sorted anew, as ids. What comes back is checked like
any other input. Pure functions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from astrojepa.evaluation.vectors.columns import MAX_LETTERS

from .collections import MAX_COLLECTIONS, REST, clean_name
from .marks import HIGHEST

MAX_LENGTH = 2_000_000  # characters; a browser keeps some five million of all its pages together
MAX_MODELS = 16
FORMAT = 1


@dataclass(frozen=True)
class Kept:
    """What is kept of one set of galaxies."""

    marks: Mapping[Any, int] = field(default_factory=dict)  # row, or id -> 0 ... 5
    collections: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)  # name -> rows, or ids
    # name of a collection -> hashes of the models on whose maps it was drawn
    drawn_on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def write(kept: Kept) -> str:
    """Write what is kept as JSON, marks alone where collections are more than a browser keeps; ""
    for nothing, or for more marks than it keeps.
    """
    if not kept.marks and not kept.collections:
        return ""
    content = {
        "format": FORMAT,
        "marks": [[row, value] for row, value in kept.marks.items()],
        "collections": {name: list(rows) for name, rows in kept.collections.items()},
        "drawn_on": {name: list(models) for name, models in kept.drawn_on.items()},
    }
    text = json.dumps(content, separators=(",", ":"))
    if len(text) <= MAX_LENGTH:
        return text
    return write(Kept(kept.marks)) if kept.collections else ""


def fits(kept: Kept) -> bool:
    """Whether the collections are among what is written."""
    return not kept.collections or write(kept) != write(Kept(kept.marks))


def read(text: object, count: int | None) -> Kept:
    """Read what a browser kept of `count` galaxies, or of galaxies by their ids (None); whatever
    has not the expected form is left out.
    """
    if not isinstance(text, str) or len(text) > MAX_LENGTH:
        return Kept()
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return Kept()
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        return Kept()
    pairs = _list(content.get("marks"))

    def is_galaxy(value: object) -> bool:
        if count is None:
            return isinstance(value, str) and 0 < len(value) <= MAX_LETTERS
        return _is_row(value, count)

    marks = {
        pair[0]: pair[1]
        for pair in pairs
        if isinstance(pair, list)
        and len(pair) == 2
        and is_galaxy(pair[0])
        and _is_row(pair[1], HIGHEST + 1)
    }
    found = {
        clean_name(name): tuple(sorted({row for row in _list(rows) if is_galaxy(row)}))
        for name, rows in list(_dict(content.get("collections")).items())[:MAX_COLLECTIONS]
    }
    collections = {name: rows for name, rows in found.items() if name not in {"", REST} and rows}
    models = _dict(content.get("drawn_on"))
    drawn_on = {
        name: tuple(
            model for model in _list(models.get(name))[:MAX_MODELS] if isinstance(model, str)
        )
        for name in collections
    }
    return Kept(marks, collections, {name: found for name, found in drawn_on.items() if found})


def joined(mine: Kept, before: Kept, now: Kept) -> Kept:
    """Return what this session holds with what others changed or added between `before` and `now`.

    What this session changed since stays, and what it took back is not there again. What others
    took back stays too: a browser that has forgotten everything says the same.
    """
    marks = {
        row: value
        for row, value in now.marks.items()
        if before.marks.get(row) != value and mine.marks.get(row) == before.marks.get(row)
    }
    return Kept(
        {**mine.marks, **marks},
        _with_added(mine.collections, before.collections, now.collections),
        _with_added(mine.drawn_on, before.drawn_on, now.drawn_on),
    )


def _with_added(
    mine: Mapping[str, tuple[Any, ...]],
    before: Mapping[str, tuple[Any, ...]],
    now: Mapping[str, tuple[Any, ...]],
) -> dict[str, tuple[Any, ...]]:
    added = {name: {*own} - {*before.get(name, ())} for name, own in now.items()}
    return {
        **mine,
        **{name: tuple(sorted({*mine.get(name, ()), *new})) for name, new in added.items() if new},
    }


def _is_row(value: object, count: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < count


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
