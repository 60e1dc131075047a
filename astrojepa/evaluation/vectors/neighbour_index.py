"""Nearest neighbours of very many galaxies: an index by faiss, and exact distances of its best.

k-means divides the vectors into 2 √n lists. A query reads the 32 lists whose centres are nearest,
compares the vectors in them, kept as 8 bits a number, and the 200 best are compared exactly. A
query so costs about √n instead of n. Recall on real embeddings: docs/scale.md.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

LARGE = 200_000  # vectors above which an index takes the place of comparing all
LISTS_PER_ROOT = 2  # lists, times the root of the number of vectors
PROBES = 32  # lists that a query reads
RERANKED = 200  # candidates whose distance is computed exactly
TRAINING = 64  # vectors per list that k-means sees
_CHUNK = 256  # queries answered together
_BLOCK = 4096  # vectors compared with all centres together, as many as faiss takes itself
Lists = tuple[np.ndarray, np.ndarray]  # distances and indices (q, k) of neighbours, nearest first
INSTALL = "pip install 'astrojepa[scale]'"


def is_available() -> bool:
    """Whether faiss is installed; it is not imported."""
    return importlib.util.find_spec("faiss") is not None


def check_available() -> None:
    """Raise ValueError where faiss is not installed."""
    if not is_available():
        raise ValueError(f"faiss is not installed; install it with: {INSTALL}")


@dataclass(frozen=True)
class NeighbourIndex:
    """An index of standardised features, which it keeps for the exact distances."""

    lists: Any  # faiss.IndexIVFScalarQuantizer
    features: np.ndarray  # float16 or float32 (n, D), in memory or mapped from disk

    def search(self, queries: np.ndarray, k: int, *, probes: int = PROBES) -> Lists:
        """Return (distances float32, indices int64), both (q, k), by (distance, row).

        Distances are exact; a neighbour may be missed. k is at most n. `probes`: lists that a query
        reads.
        """
        distances = np.empty((len(queries), k), np.float32)
        indices = np.empty((len(queries), k), np.int64)
        for first in range(0, len(queries), _CHUNK):
            part = slice(first, first + _CHUNK)
            asked = np.ascontiguousarray(queries[part], dtype=np.float32)
            distances[part], indices[part] = self._reranked(asked, k, probes)
        return distances, indices

    def _reranked(self, queries: np.ndarray, k: int, probes: int) -> Lists:
        found = self._candidates(queries, max(RERANKED, k), probes)
        if (found[:, k - 1] < 0).any():  # lists with few members: all are read
            found = self._candidates(queries, max(RERANKED, k), self.lists.nlist)
        gaps = self.features[found].astype(np.float32)  # a candidate of -1 is the last row, for now
        gaps -= queries[:, None, :]
        squares = np.einsum("qkd,qkd->qk", gaps, gaps)
        squares[found < 0] = np.inf
        order = np.lexsort((found, squares), axis=1)[:, :k]
        nearest = np.take_along_axis(squares, order, axis=1)
        return np.sqrt(nearest), np.take_along_axis(found, order, axis=1)

    def _candidates(self, queries: np.ndarray, count: int, probes: int) -> np.ndarray:
        import faiss

        parameters: Any = faiss.SearchParametersIVF
        found: np.ndarray = self.lists.search(queries, count, params=parameters(nprobe=probes))[1]
        return found


def build_index(
    features: np.ndarray, seed: int = 0, report: Callable[[int], None] = lambda done: None
) -> NeighbourIndex:
    """Index standardised features (n, D), float16 or float32; `report` takes what is done, of 2 n:
    the first half is k-means, on a sample drawn with `seed`.

    *Source:* Jégou, Douze & Schmid 2011 (inverted lists); Douze et al. 2024 (faiss). Raises
    ValueError where faiss is not installed.
    """
    check_available()
    import faiss  # half a second to load, and most work does without

    count, width = features.shape
    num_lists = max(1, min(count, LISTS_PER_ROOT * math.isqrt(count)))
    lists: Any = faiss.index_factory(width, f"IVF{num_lists},SQ8")
    size = min(count, TRAINING * num_lists)
    rows = np.sort(np.random.default_rng(seed).choice(count, size, replace=False))
    sample = features[rows].astype(np.float32)
    steps = lists.cp.niter * size
    centres = _centres(
        sample, num_lists, lists.cp.niter, seed + 1, lambda done: report(count * done // steps)
    )
    lists.quantizer.add(centres)
    lists.train(sample)
    for first in range(0, count, _BLOCK):
        rows = features[first : first + _BLOCK]
        lists.add(np.ascontiguousarray(rows, dtype=np.float32))
        report(count + first + len(rows))
    return NeighbourIndex(lists, features)


def _centres(
    sample: np.ndarray, count: int, iterations: int, seed: int, report: Callable[[int], None]
) -> np.ndarray:
    """Return the centres that faiss.Kmeans gives for up to 256 vectors a list, float32 (count, D),
    a block of the sample (n, D) at a time; `report` takes the vectors done, of n in each iteration.
    """
    import faiss
    from scipy import sparse

    options: Any = {"seed": seed, "min_points_per_centroid": 1}
    start = faiss.Kmeans(sample.shape[1], count, niter=0, **options)
    step = faiss.Kmeans(sample.shape[1], count, niter=1, **options)
    start.train(sample)
    centres: Any = start.centroids
    size = len(sample)
    for iteration in range(iterations):
        all_centres, nearest = faiss.IndexFlatL2(sample.shape[1]), []
        all_centres.add(centres)
        for first in range(0, size, _BLOCK):
            block = sample[first : first + _BLOCK]
            nearest.append(all_centres.search(block, 1)[1][:, 0])
            report(iteration * size + first + len(block))
        ones, ends = np.ones(size, np.float32), np.arange(size + 1)
        members = sparse.csr_matrix((ones, np.concatenate(nearest), ends), (size, count)).T
        sizes = members.getnnz(axis=1)
        if sizes.all():
            centres = (members @ sample) * (1 / sizes.astype(np.float32))[:, None]
        else:  # faiss divides others in two
            step.train(sample, init_centroids=centres)
            centres = step.centroids
    return centres
