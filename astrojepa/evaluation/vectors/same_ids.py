"""Galaxies of a store in another order: found by their ids, as text, by hashes of 64 bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from astrojepa.data.arrow_columns import each_batch
from astrojepa.data.id_keys import id_keys
from astrojepa.data.image_source import CHUNK
from astrojepa.evaluation.vectors.columns import opened_parquet
from astrojepa.evaluation.vectors.store import Store

SORTED = 2**22  # ids that are sorted together: 100 MB


def rows_by_id(
    store: Store, keys: Iterator[np.ndarray], report: Callable[[int], None]
) -> np.ndarray:
    """Return each galaxy's place in other `keys`, int32 (n,): the first of equals, -1 for none."""
    rows = np.full(len(store), -1, np.int32)
    first = 0
    for part in _joined(keys, SORTED):
        order = np.argsort(part, kind="stable")
        ordered, start = part[order], 0
        for own in keys_of(store):
            here = rows[start : start + len(own)]
            at = np.minimum(np.searchsorted(ordered, own), len(ordered) - 1)
            hit = (ordered[at] == own) & (own != 0) & (here < 0)
            here[hit] = first + order[at[hit]]
            start += len(own)
            report(start)
        first += len(part)
    return rows


def keys_of(store: Store) -> Iterator[np.ndarray]:
    """Yield the keys of the ids of a store, in the order of its rows."""
    for path, layout in zip(store.files, store.layouts, strict=True):
        name = layout.known["id"]
        with opened_parquet(path, layout.text) as file:
            for ids in each_batch(file, name, CHUNK):
                yield id_keys(ids, path.name)


def _joined(parts: Iterator[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """Yield parts joined to arrays of so many values, about."""
    kept: list[np.ndarray] = []
    for part in parts:
        kept.append(part)
        if sum(map(len, kept)) >= size:
            yield np.concatenate(kept)
            kept = []
    if kept:
        yield np.concatenate(kept)
