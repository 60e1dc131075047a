"""Which galaxies look alike: nearest neighbours on standardised features."""

from __future__ import annotations

from functools import partial

import numpy as np

from astrojepa.evaluation.vectors.neighbour_index import LARGE, Lists, build_index, is_available
from astrojepa.evaluation.vectors.standardise import (
    check_same_width,
    checked_vectors,
    standardise,
    whiten,
)
from astrojepa.types import Embeddings, Neighbours

_CHUNK = 1024  # rows compared at a time
# queries up to which all differences are taken: exact, and no library is imported for a click
_FEW = 16
# up to this many features a tree is quicker than comparing all: 17,736 points on a map in 0.1 s,
# not 2 s
_TREE_WIDTH = 3
_MANY = 10_000  # queries that are worth the making of an index


def neighbours(
    embeddings: Embeddings,
    query: int | np.ndarray | list[int],
    k: int = 6,
    *,
    whitened: bool = False,
) -> Neighbours:
    """Find each query's k nearest galaxies by Euclidean distance on standardised features.

    `query` is a row number or several (the galaxy itself is left out, its duplicates are not), or
    one vector (D,) or several (q, D) of the same model. Distances are in standard deviations, >= 0,
    0 for an exact duplicate: the metric of `anomaly_scores`. Where fewer than k galaxies exist, all
    of them are returned. Equal distances come in row order. With `whitened` they are distances
    along uncorrelated axes of unit variance (`whiten`). More than 10,000 queries among more than
    200,000 galaxies are answered by an index where faiss is installed, which may miss a neighbour.

    Raises ValueError for k < 1, rows outside the data, vectors of another width, and non-finite
    numbers.

    Examples:
        >>> near = aj.neighbours(embeddings, query=7, k=3)
        >>> near.indices.shape, 7 in near.indices
        ((3,), False)
    """
    check_count(k)
    vectors = checked_vectors(embeddings)
    prepare = whiten if whitened else standardise
    asked = np.asarray(query)
    by_row = asked.ndim <= 1 and np.issubdtype(asked.dtype, np.integer)
    if by_row:
        rows = checked_rows(asked.reshape(-1), len(vectors))
        (features,) = prepare(vectors)
        targets = features[rows]
    else:
        targets = np.atleast_2d(np.asarray(query, dtype=np.float32))
        if targets.ndim != 2 or not np.isfinite(targets).all():
            raise ValueError("A query vector must be finite and of shape (D,) or (q, D).")
        check_same_width(vectors, targets)
        features, targets = prepare(vectors, targets)
    distances, indices = nearest(features, targets, k, exclude=rows if by_row else None)
    distances, indices = _exact_order(features, targets, indices)
    if asked.ndim == (0 if by_row else 1):
        distances, indices = distances[0], indices[0]
    return Neighbours(indices=indices, distances=distances)


def neighbours_among(features: np.ndarray, row: int, k: int = 6) -> Neighbours:
    """`neighbours` of one galaxy among standardised features (n, D), for repeated use."""
    check_count(k)
    rows = checked_rows(np.array([row]), len(features))
    distances, indices = _exact_order(
        features, features[rows], nearest(features, features[rows], k, exclude=rows)[1]
    )
    return Neighbours(indices=indices[0], distances=distances[0])


def nearest(
    reference: np.ndarray, queries: np.ndarray, k: int, *, exclude: np.ndarray | None = None
) -> Lists:
    """Return (distances float32, indices int64), both (q, k), nearest first, in bounded memory.

    Exact, except for many queries among more than 200,000 vectors where faiss is installed: an
    index then finds nearly all neighbours (`neighbour_index`). `exclude` (q,) names one reference
    row per query to leave out: the query itself. k is lowered to the rows there are.
    """
    others = len(reference) - (exclude is not None)
    k = min(k, others)
    if k < 1:
        return np.zeros((len(queries), 0), np.float32), np.zeros((len(queries), 0), np.int64)
    large = len(reference) > LARGE and reference.shape[1] > _TREE_WIDTH
    many = large and len(queries) > _MANY and is_available()
    search = build_index(reference).search if many else partial(exact_nearest, reference)
    distances, indices = search(queries, k if exclude is None else k + 1)
    if exclude is not None:
        distances, indices = without_own(distances, indices, np.asarray(exclude))
    return distances.astype(np.float32), indices.astype(np.int64)


def exact_nearest(reference: np.ndarray, queries: np.ndarray, k: int) -> Lists:
    """Return distances and indices (q, k) of the k nearest by comparing all, nearest first."""
    return (_by_differences if len(queries) <= _FEW else _by_products)(reference, queries, k)


def without_own(distances: np.ndarray, indices: np.ndarray, rows: np.ndarray) -> Lists:
    """Leave the query's own row out of lists (q, k + 1): (q, k) each."""
    own = indices == rows[:, None]
    # hidden behind more than k exact duplicates: any of them may go
    own[~own.any(axis=1), -1] = True
    shape = (len(indices), indices.shape[1] - 1)
    return distances[~own].reshape(shape), indices[~own].reshape(shape)


def _by_differences(reference: np.ndarray, queries: np.ndarray, k: int) -> Lists:
    squares = np.empty((len(queries), len(reference)), dtype=np.float32)
    for first in range(0, len(reference), _CHUNK):
        part = slice(first, first + _CHUNK)
        for row, query in enumerate(queries):
            gaps = reference[part] - query
            squares[row, part] = np.einsum("nd,nd->n", gaps, gaps)
    indices = np.argsort(squares, axis=1, kind="stable")[:, :k]
    return np.sqrt(np.take_along_axis(squares, indices, axis=1)), indices


def _by_products(reference: np.ndarray, queries: np.ndarray, k: int) -> Lists:
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(
        algorithm="kd_tree" if reference.shape[1] <= _TREE_WIDTH else "brute"
    ).fit(reference)
    found: Lists = search.kneighbors(queries, n_neighbors=k)
    return found


def exact_distances(features: np.ndarray, targets: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Return distances of targets (q, D) to features at `indices` (q, k), float32, by differences.

    A matrix product may leave 1e-3 where duplicates have 0.
    """
    distances = np.empty(indices.shape, dtype=np.float32)
    for first in range(0, len(indices), _CHUNK):
        part = slice(first, first + _CHUNK)
        gaps = features[indices[part]] - targets[part, None, :]
        distances[part] = np.sqrt(np.square(gaps).sum(axis=2, dtype=np.float64))
    return distances


def check_count(k: int) -> None:
    """Raise ValueError unless k is a whole number of at least 1."""
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise ValueError(f"k is {k!r}; it must be a whole number of at least 1.")


def checked_rows(rows: np.ndarray, count: int) -> np.ndarray:
    """Return row numbers (q,), counted from the start; ValueError for one outside the data."""
    outside = rows[(rows < -count) | (rows >= count)]
    if len(outside):
        raise ValueError(
            f"There is no row {outside[0]}; the embeddings have rows 0 to {count - 1}."
        )
    return rows.astype(np.int64) % count


def _exact_order(features: np.ndarray, targets: np.ndarray, indices: np.ndarray) -> Lists:
    """Sort each line by (distance, row)."""
    distances = exact_distances(features, targets, indices)
    order = np.lexsort((indices, distances), axis=1)
    return np.take_along_axis(distances, order, axis=1), np.take_along_axis(indices, order, axis=1)
