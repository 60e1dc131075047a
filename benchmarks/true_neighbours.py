"""The exact neighbours in a simulated store, from the recipe of its groups."""

from __future__ import annotations

import numpy as np

from astrojepa.evaluation.vectors.neighbours import nearest
from astrojepa.evaluation.vectors.simulated_store import RADIUS, Mixture
from astrojepa.types import Neighbours


def true_neighbours(
    mixture: Mixture, row: int, k: int = 10, scale: np.ndarray | float = 1.0
) -> Neighbours:
    """Return the exact k nearest of one galaxy of a simulated store, itself left out.

    Every feature is multiplied by `scale` (D,) first, as standardising does. Groups are drawn again
    in the order of their least possible distance, until that exceeds the k-th found.
    """
    scale = np.broadcast_to(np.float32(scale), mixture.width)
    firsts = np.concatenate([[0], np.cumsum(mixture.sizes)])
    own = int(np.searchsorted(firsts, row, side="right")) - 1
    query = mixture.group(own)["vector"][row - firsts[own]].astype(np.float32)
    # rounding to float16 moves a vector by less than a hundredth
    reach = (RADIUS + 0.01 * np.sqrt(mixture.width)) * float(np.abs(scale).max())
    least = np.linalg.norm((mixture.centres - query) * scale, axis=1) - reach
    rows, distances = np.zeros(0, np.int64), np.zeros(0, np.float32)
    for number in np.argsort(least, kind="stable"):
        if len(rows) == k and least[number] > distances[-1]:
            break
        vectors = mixture.group(number)["vector"].astype(np.float32) * scale
        if not len(vectors):
            continue
        itself = np.array([row - firsts[own]]) if number == own else None
        near, where = nearest(vectors, (query * scale)[None], k, exclude=itself)
        rows = np.concatenate([rows, firsts[number] + where[0]])
        distances = np.concatenate([distances, near[0]])
        order = np.lexsort((rows, distances))[:k]
        rows, distances = rows[order], distances[order]
    return Neighbours(indices=rows, distances=distances)
