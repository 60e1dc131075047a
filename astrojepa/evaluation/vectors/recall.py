"""How many of the true neighbours an index finds, and how long it takes."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from astrojepa.evaluation.vectors.neighbours import check_count, exact_nearest, without_own
from astrojepa.evaluation.vectors.store_index import StoreIndex

_CHUNK = 131_072  # rows compared with all queries at a time


@dataclass(frozen=True)
class Recall:
    """What an index found of the k nearest of some galaxies."""

    k: int
    sample: int  # galaxies asked for
    seed: int  # which ones
    recall: float  # share of the k nearest that are found, in [0, 1]
    milliseconds: np.ndarray  # float64 (sample,), of one query at a time


def measure_recall(index: StoreIndex, sample: int = 1000, k: int = 10, *, seed: int = 0) -> Recall:
    """Compare an index with comparing all, for galaxies drawn with `seed`.

    A neighbour counts as found where one at no larger distance than the true k-th is given, so that
    duplicates may stand for each other. Both compare the features that the index keeps, in
    float16. Raises ValueError for k < 1 or sample < 1.
    """
    check_count(k)
    if sample < 1:
        raise ValueError(f"sample is {sample}; it must be at least 1.")
    count = len(index)
    rows = np.sort(np.random.default_rng(seed).choice(count, min(sample, count), replace=False))
    times, found = [], []
    for row in rows:
        begin = time.perf_counter()
        distances, _ = index.nearest(row[None], k)
        times.append(1e3 * (time.perf_counter() - begin))
        found.append(distances[0])
    true = _all_compared(index.index.features, rows, min(k, count - 1))
    hits = np.array(found) <= true[:, -1:] * (1 + 1e-5)
    return Recall(k, len(rows), seed, float(hits.mean()), np.array(times))


def _all_compared(features: np.ndarray, rows: np.ndarray, k: int) -> np.ndarray:
    """Return the exact distances of the k nearest of some rows, (q, k), in bounded memory."""
    queries = features[rows].astype(np.float32)
    distances, indices = np.zeros((len(rows), 0), np.float32), np.zeros((len(rows), 0), np.int64)
    for first in range(0, len(features), _CHUNK):
        part = features[first : first + _CHUNK].astype(np.float32)
        near, where = exact_nearest(part, queries, min(k + 1, len(part)))
        distances = np.concatenate([distances, near], axis=1)
        indices = np.concatenate([indices, where + first], axis=1)
        best = np.lexsort((indices, distances), axis=1)[:, : k + 1]
        distances = np.take_along_axis(distances, best, axis=1)
        indices = np.take_along_axis(indices, best, axis=1)
    _, indices = without_own(distances, indices, rows)
    gaps = features[indices].astype(np.float32) - queries[:, None]
    return np.sort(np.sqrt(np.einsum("qkd,qkd->qk", gaps, gaps)), axis=1)
