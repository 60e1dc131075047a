"""Projection reliability: are neighbours on the map neighbours in feature space?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from astrojepa.evaluation.vectors.neighbours import check_count, nearest
from astrojepa.evaluation.vectors.standardise import checked_vectors, standardise
from astrojepa.types import Embeddings

_CHUNK = 256  # galaxies compared with all others at a time


@dataclass(frozen=True)
class MapTrust:
    """Reliability of a map: shares in [0, 1], larger = better, NaN if undefined."""

    trustworthiness: float  # about 0.5 for a random map
    # float32 (n,), share of each galaxy's k nearest by features that are its k nearest on the map
    preservation: np.ndarray
    # of the class that most of the k nearest on the map have, each labelled galaxy left out in turn
    accuracy: float
    feature_accuracy: float  # the same by all features: what the map could keep
    majority: float  # share of the largest class: what no map at all gives
    k: int
    num_galaxies: int
    num_labelled: int
    sample: int  # how many galaxies the trustworthiness is averaged over
    seed: int  # which galaxies those are

    @property
    def mean_preservation(self) -> float:
        """Mean of `preservation`; k / (n - 1) for a random map."""
        return float(self.preservation.mean())


def map_trust(
    embeddings: Embeddings, xy: np.ndarray, k: int = 15, *, sample: int = 2000, seed: int = 0
) -> MapTrust:
    """Measure a map (n, 2) by neighbours on standardised features: exact, in bounded memory.

    Trustworthiness is averaged over at most `sample` galaxies drawn with `seed`; everything else
    over all. k is lowered to n - 1, for trustworthiness to (n - 1) / 2. With one class only the
    accuracies are 1, as is `majority`; without labels all three are NaN.

    Raises ValueError where `xy` is not finite (n, 2), for fewer than 2 galaxies, or k < 1.
    """
    features, xy = _checked(embeddings, xy, k)
    near, on_map = _neighbours(features, k), _neighbours(xy, k)
    rows = _sample(len(xy), sample, seed)
    labels = np.asarray(embeddings.labels)
    known = labels >= 0
    whole = bool(known.all())
    return MapTrust(
        trustworthiness=_trustworthiness(features, on_map, rows, k),
        preservation=_kept(near, on_map),
        accuracy=_vote_accuracy(labels, on_map) if whole else _labelled_accuracy(xy, labels, k),
        feature_accuracy=_vote_accuracy(labels, near)
        if whole
        else _labelled_accuracy(features, labels, k),
        majority=float(np.bincount(labels[known]).max() / known.sum())
        if known.any()
        else float("nan"),
        k=int(near.shape[1]),
        num_galaxies=len(xy),
        num_labelled=int(known.sum()),
        sample=len(rows),
        seed=seed,
    )


def trustworthiness(
    embeddings: Embeddings, xy: np.ndarray, k: int = 15, *, sample: int = 2000, seed: int = 0
) -> float:
    """Return how far map neighbours are feature neighbours, in [0, 1]; about 0.5 at random.

    1 - 2 / (n k (2n - 3k - 1)) Σ max(0, rank - k) over each point's k neighbours on the map, rank
    counted by distance on standardised features; averaged over at most `sample` points drawn with
    `seed`. k is lowered to (n - 1) / 2. NaN with fewer than 4 galaxies. Raises ValueError where
    `xy` is not finite (n, 2). *Source:* Venna & Kaski 2001.
    """
    features, xy = _checked(embeddings, xy, k)
    rows = _sample(len(xy), sample, seed)
    return _trustworthiness(features, _neighbours(xy, k), rows, k)


def _neighbours(places: np.ndarray, k: int) -> np.ndarray:
    """Return which k others are nearest to each place: int64 (n, k)."""
    return nearest(places, places, k, exclude=np.arange(len(places)))[1]


def neighbour_preservation(embeddings: Embeddings, xy: np.ndarray, k: int = 15) -> np.ndarray:
    """Return the share of each galaxy's k nearest that are also k nearest on the map: float32 (n,).

    k is lowered to n - 1. Raises ValueError where `xy` is not finite (n, 2), or for fewer than 2
    galaxies.
    """
    features, xy = _checked(embeddings, xy, k)
    return _kept(_neighbours(features, k), _neighbours(xy, k))


def check_map(xy: np.ndarray, count: int) -> np.ndarray:
    """Return a map as float32; ValueError unless it is finite and of shape (count, 2)."""
    found = np.asarray(xy, dtype=np.float32)
    if found.shape != (count, 2) or not np.isfinite(found).all():
        raise ValueError(
            f"Expected a finite map of shape ({count}, 2) for {count} galaxies, found "
            f"{found.shape}; project them."
        )
    return found


def shared_neighbours(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Count each row's neighbours a, int (n, k), that are among b, int (n, k): int64 (n,)."""
    together = np.sort(np.concatenate([a, b], axis=1), axis=1)
    return (together[:, 1:] == together[:, :-1]).sum(axis=1)


def _checked(embeddings: Embeddings, xy: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    check_count(k)
    vectors = checked_vectors(embeddings)
    xy = check_map(xy, len(vectors))
    if len(vectors) < 2:
        raise ValueError(
            "Expected a map of at least 2 galaxies, found 1; it has no neighbours to compare."
        )
    (features,) = standardise(vectors)
    return features, xy


def _sample(count: int, sample: int, seed: int) -> np.ndarray:
    if sample < 1:
        raise ValueError(f"sample is {sample}; it must be at least 1.")
    rows = np.arange(count)
    if count <= sample:
        return rows
    return np.sort(np.random.default_rng(seed).choice(count, sample, replace=False))


def _kept(near: np.ndarray, on_map: np.ndarray) -> np.ndarray:
    return (shared_neighbours(near, on_map) / near.shape[1]).astype(np.float32)


def _trustworthiness(features: np.ndarray, on_map: np.ndarray, rows: np.ndarray, k: int) -> float:
    count = len(features)
    if count < 4:
        return float("nan")
    k = min(k, (count - 1) // 2)
    parts = np.array_split(rows, -(-len(rows) // _CHUNK))
    excess = sum(_excess_ranks(features, part, on_map[part, :k], k) for part in parts)
    return float(1 - 2 * excess / (len(rows) * k * (2 * count - 3 * k - 1)))


def _excess_ranks(features: np.ndarray, rows: np.ndarray, on_map: np.ndarray, k: int) -> float:
    """Sum max(0, rank - k) over the map's neighbours; rank 1 is the nearest by features."""
    distances = np.square(features).sum(axis=1)[None, :] - 2 * features[rows] @ features.T
    own = np.arange(len(rows))
    distances[own, rows] = np.inf
    total = 0.0
    for column in on_map.T:
        rank = 1 + (distances < distances[own, column][:, None]).sum(axis=1)
        total += float(np.maximum(0, rank - k).sum())
    return total


def _labelled_accuracy(places: np.ndarray, labels: np.ndarray, k: int) -> float:
    known = labels >= 0
    if known.sum() < 2:
        return float("nan")
    own = np.arange(int(known.sum()))
    return _vote_accuracy(labels[known], nearest(places[known], places[known], k, exclude=own)[1])


def _vote_accuracy(labels: np.ndarray, neighbours: np.ndarray) -> float:
    """Return how often most neighbours have a galaxy's class; ties: the first class."""
    votes = np.zeros((len(labels), int(labels.max()) + 1), dtype=np.int32)
    for column in neighbours.T:
        votes[np.arange(len(labels)), labels[column]] += 1
    return float((votes.argmax(axis=1) == labels).mean())
