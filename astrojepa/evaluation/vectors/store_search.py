"""Search by example in a store: its galaxies nearest to what some galaxies or vectors share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from astrojepa.evaluation.vectors.examples import target_of
from astrojepa.evaluation.vectors.standardise import scaling_of

if TYPE_CHECKING:
    from astrojepa.evaluation.vectors.store import Store
    from astrojepa.evaluation.vectors.store_index import StoreIndex

PROBES = 128  # lists that a search reads, four times those of a query for neighbours


def nearest_to_examples(
    store: Store,
    index: StoreIndex | None,
    like: np.ndarray,
    unlike: np.ndarray,
    vectors: np.ndarray,
    count: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return distances float32, ascending, and rows int64, (k,), k <= `count`, of the galaxies that
    are nearest to the examples as `search_by_examples` measures them, the examples among them.

    `like` and `unlike` are rows, `vectors` (q, D) of images to find more of. By the `index` one may
    be missed and vectors are rounded to float16; without one, every vector is compared.
    """
    count = min(count, len(store))
    if index is not None:
        features, (shift, factor) = index.index.features, (index.shift, index.factor)
        own = [features[rows].astype(np.float32) for rows in (like, unlike)]
        target = target_of(np.concatenate([own[0], (vectors - shift) * factor]), own[1])
        distances, found = index.index.search(target[None], count, probes=PROBES)
        return distances[0], found[0]
    shift, factor = scaling_of(batch for _, batch in store.batches())
    own = [
        (store.vectors_of(np.sort(rows)) - shift) * factor if len(rows) else vectors[:0]
        for rows in (like, unlike)
    ]
    target = target_of(np.concatenate([own[0], (vectors - shift) * factor]), own[1])
    gaps = np.empty(len(store), np.float32)
    for first, batch in store.batches():
        gaps[first : first + len(batch)] = np.linalg.norm((batch - shift) * factor - target, axis=1)
    near = np.flatnonzero(gaps <= np.partition(gaps, count - 1)[count - 1])
    best = near[np.argsort(gaps[near], kind="stable")][:count]
    return gaps[best], best
