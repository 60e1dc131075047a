"""Compare two models on the same galaxies: shared neighbours and CKA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from astrojepa.evaluation.maps.map_quality import shared_neighbours
from astrojepa.evaluation.vectors.neighbours import check_count, exact_distances, nearest
from astrojepa.evaluation.vectors.standardise import checked_vectors, standardise
from astrojepa.types import Embeddings


@dataclass(frozen=True)
class Comparison:
    """How alike two sets of embeddings of the same n galaxies are."""

    # float32 (n,), share of a galaxy's k nearest that both have, in [0, 1], 1 = the same neighbours
    overlap: np.ndarray
    # float32 (n,), >= 1: how many times farther one's neighbours lie in the other than its own k
    # nearest do
    stretch: np.ndarray
    moved: np.ndarray  # int64 (n,), rows by `stretch`, the largest first
    chance: float  # the overlap of two unrelated sets, k / (n - 1)
    # linear CKA in [0, 1], 1 = equal up to rotation and one scale; rises with D / n even for
    # unrelated sets
    cka: float
    cka_unbiased: float  # without that rise: about 0 for unrelated sets; may be a little below 0
    k: int

    @property
    def mean_overlap(self) -> float:
        """Mean of `overlap`."""
        return float(self.overlap.mean())


def compare_embeddings(a: Embeddings, b: Embeddings, k: int = 10) -> Comparison:
    """Compare two embeddings of the same galaxies in the same order; widths may differ.

    Neighbours are the exact k nearest on standardised features, as `neighbours` finds them; k is
    lowered to n - 1, where the overlap is 1 whatever the vectors. `moved` goes by `stretch`,
    then by the least overlap, then by row: where most galaxies share none of k neighbours, the
    overlap orders nothing.

    Raises ValueError for other ids or another order, fewer than 2 galaxies, k < 1, or vectors that
    are not finite.
    *Source:* CKA: Kornblith et al. 2019 (arXiv:1905.00414), eq. 7; unbiased: Song et al. 2012, eq.
    5.
    """
    check_count(k)
    first, second = checked_vectors(a), checked_vectors(b)
    _check_same_galaxies(np.asarray(a.ids), np.asarray(b.ids))
    own = np.arange(len(first))
    features = [standardise(vectors)[0] for vectors in (first, second)]
    near = [nearest(part, part, k, exclude=own)[1] for part in features]
    stretches = (
        stretch(features[0], features[0], near[1], near[0]),
        stretch(features[1], features[1], near[0], near[1]),
    )
    return compared((first, second), near, stretches, len(own))


def compared(
    vectors: Sequence[np.ndarray], near: Sequence[np.ndarray], stretches: Sequence[Any], among: int
) -> Comparison:
    """Compare two sets by vectors of the same n galaxies, (n, D) and (n, D'), by their neighbours
    `among` so many, int (n, k) each, in one numbering, and by the `stretch` of either.
    """
    k = near[0].shape[1]
    overlap = (shared_neighbours(*near) / k).astype(np.float32)
    farther = np.sqrt(stretches[0] * stretches[1]).astype(np.float32)
    return Comparison(
        overlap=overlap,
        stretch=farther,
        moved=np.lexsort((np.arange(len(overlap)), overlap, -farther)),
        chance=k / (among - 1),
        cka=linear_cka(vectors[0], vectors[1]),
        cka_unbiased=linear_cka(vectors[0], vectors[1], unbiased=True),
        k=k,
    )


def linear_cka(a: np.ndarray, b: np.ndarray, *, unbiased: bool = False) -> float:
    """Return linear CKA of (n, D) and (n, D') features of the same rows, never forming n × n.

    ‖AᵀB‖² / (‖AᵀA‖ ‖BᵀB‖) of centred features, Frobenius norms: in [0, 1], unchanged by rotations
    and one scale of either. Unbiased: the same quotient of Song's estimates, which leave out each
    row's product with itself. NaN where all rows of one set are equal, and for fewer than 4 rows if
    unbiased. Raises ValueError for different numbers of rows.
    """
    if len(a) != len(b):
        raise ValueError(
            f"Expected features of the same galaxies, found {len(a)} and {len(b)} rows."
        )
    if unbiased and len(a) < 4:
        return float("nan")
    a, b = (part.astype(np.float64) - part.mean(axis=0, dtype=np.float64) for part in (a, b))
    a, b = (part / max(float(np.abs(part).max(initial=0)), 1e-300) for part in (a, b))
    product = _unbiased_product if unbiased else _product
    scale = product(a, a) * product(b, b)
    return float(product(a, b) / np.sqrt(scale)) if scale > 0 else float("nan")


def _product(a: np.ndarray, b: np.ndarray) -> float:
    """Return Σ (K ∘ L) of the kernels K = AAᵀ, L = BBᵀ."""
    return float(np.square(a.T @ b).sum())


def _unbiased_product(a: np.ndarray, b: np.ndarray) -> float:
    """Return n (n - 3) times Song's estimate; rows of centred kernels sum to 0."""
    count = len(a)
    p, q = np.square(a).sum(axis=1), np.square(b).sum(axis=1)
    diagonal = float(p @ q)
    return (
        _product(a, b)
        - diagonal
        + float(p.sum() * q.sum()) / ((count - 1) * (count - 2))
        - 2 * diagonal / (count - 2)
    )


def stretch(
    features: np.ndarray, own: np.ndarray, strangers: np.ndarray, near: np.ndarray
) -> np.ndarray:
    """Return how many times farther than its k nearest among `features` the other set's lie from a
    galaxy, mean over k: float64 (q,). `own`: features of the galaxies; the rest are rows.
    """
    far, close = (
        exact_distances(features, own, rows).mean(axis=1, dtype=np.float64)
        for rows in (strangers, near)
    )
    floor = 1e-12 + 1e-6 * float(close.mean())
    return np.maximum(1.0, (far + floor) / (close + floor))


def _check_same_galaxies(a: np.ndarray, b: np.ndarray) -> None:
    if len(a) != len(b):
        raise ValueError(
            f"Expected embeddings of the same galaxies, found {len(a)} and {len(b)}; embed one "
            f"data set with both models."
        )
    differ = np.flatnonzero(a != b)
    if len(differ):
        row = differ[0]
        raise ValueError(
            f"Row {row} is galaxy {a[row]} in one and {b[row]} in the other; embed the same data, "
            f"in the same order, with both."
        )
    if len(a) < 2:
        raise ValueError("Expected at least 2 galaxies to compare, found 1; it has no neighbours.")
