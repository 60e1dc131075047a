"""Collections: sets of galaxies that a visitor selects with the lasso.

Not called `collections`: `streamlit run` puts this folder on the path, where that name would hide
Python's own module.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

MAX_COLLECTIONS = 24  # those called as the classes of a label among them
MAX_NAME = 40
REST = "everything else"
COLLECTIONS = "collections"  # the target of a probe that tells them apart

Collections = Mapping[str, tuple[int, ...]]  # name -> rows of the open data set, ascending


def clean_name(text: object) -> str:
    """Return a collection's name, one line of at most 40 printable characters, or ""."""
    name = " ".join(text.split()) if isinstance(text, str) else ""
    return name[:MAX_NAME].rstrip() if name.isprintable() else ""


def with_added(held: Collections, name: str, rows: np.ndarray) -> dict[str, tuple[int, ...]]:
    """Return the collections with rows added to one, which is made where it is new.

    Raises ValueError without a name, for the name of the rest, and for more than 24 collections.
    """
    name = clean_name(name)
    if not name or name == REST:
        raise ValueError(f"Give the collection a name other than {REST!r}.")
    if name not in held and len(held) >= MAX_COLLECTIONS:
        raise ValueError(
            f"There are {MAX_COLLECTIONS} collections already; add to one of them, or remove one."
        )
    merged = np.union1d(
        np.array(held.get(name, ()), dtype=np.int64), np.asarray(rows, dtype=np.int64)
    )
    return {**held, name: tuple(merged.tolist())}


def without(held: Collections, name: str) -> dict[str, tuple[int, ...]]:
    """Return the collections but one."""
    return {other: rows for other, rows in held.items() if other != name}


def with_class(
    held: Collections, row: int, name: str, classes: Sequence[str]
) -> dict[str, tuple[int, ...]]:
    """Return the collections with a galaxy in the one called `name`, and in no other that is called
    as one of the `classes`; without a name, in none of them. ValueError as `with_added` raises it,
    and for a class that another one cannot be told from.
    """
    if [clean_name(one) for one in classes].count(clean_name(name)) > 1:
        raise ValueError(
            f"Several classes begin with the {MAX_NAME} characters {clean_name(name)!r}, which is "
            f"all that a collection keeps of a name; rename them in the labels."
        )
    named = {clean_name(one) for one in classes}
    kept = {
        other: tuple(member for member in rows if other not in named or member != row)
        for other, rows in held.items()
    }
    kept = {other: rows for other, rows in kept.items() if rows}
    return with_added(kept, name, np.array([row])) if name else kept


def among(held: Collections, rows: np.ndarray) -> dict[str, tuple[int, ...]]:
    """Return the collections as a sample of these rows, ascending, has them: by place in it."""
    found = {
        name: np.flatnonzero(np.isin(rows, np.array(members, np.int64)))
        for name, members in held.items()
    }
    return {name: tuple(places.tolist()) for name, places in found.items() if len(places)}


def with_those_of(
    held: Collections, sample: Collections, rows: np.ndarray
) -> dict[str, tuple[int, ...]]:
    """Return the collections with what those of a sample, by place among `rows`, say of it."""
    merged = {}
    for name in {**held, **sample}:
        outside = np.setdiff1d(np.array(held.get(name, ()), np.int64), rows)
        inside = rows[np.array(sample.get(name, ()), np.int64)]
        if len(members := np.union1d(outside, inside)):
            merged[name] = tuple(members.tolist())
    return merged


def codes_given(held: Collections, classes: Sequence[str], count: int) -> np.ndarray:
    """Return, for each galaxy, the number of the class whose name its collection has, int64
    (count,); -1 for one in no such collection, or in two.
    """
    return as_labels({name: held.get(clean_name(name), ()) for name in classes}, count, False)[0]


def as_labels(held: Collections, count: int, rest: bool) -> tuple[np.ndarray, tuple[str, ...], int]:
    """Return a label per galaxy, the class names, and how many are left out as in two collections.

    With `rest`, galaxies of no collection are a class of their own; without, they have no label
    (-1).
    """
    labels = np.full(count, len(held) if rest else -1, dtype=np.int64)
    claims = np.zeros(count, dtype=np.int64)
    for number, rows in enumerate(held.values()):
        index = np.array([row for row in rows if row < count], dtype=np.int64)
        labels[index] = number
        claims[index] += 1
    labels[claims > 1] = -1
    return labels, (*held, REST) if rest else tuple(held), int((claims > 1).sum())


def digest(labels: np.ndarray, classes: tuple[str, ...]) -> str:
    """Return 16 hex digits that tell one labelling of the galaxies from another."""
    made = hashlib.sha256("\0".join(classes).encode())
    made.update(np.ascontiguousarray(labels, dtype=np.int64).tobytes())
    return made.hexdigest()[:16]
