"""How strange is each galaxy? Four scores on standardised features; larger = stranger in all of them."""

from __future__ import annotations

import numpy as np
from sklearn.covariance import ledoit_wolf
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor

from astrojepa.evaluation.neighbours import check_count, nearest
from astrojepa.evaluation.standardise import check_same_width, checked_vectors, standardise
from astrojepa.types import Embeddings

METHODS = ("knn", "lof", "mahalanobis", "isolation")


def anomaly_scores(
    new: Embeddings, reference: Embeddings | None = None, method: str = "knn", k: int = 20, *, seed: int = 0
) -> np.ndarray:
    """Score each galaxy of `new` against `reference`, or against the others of `new`: float64 (n,), larger = stranger.

    Features are standardised on the reference.

    - "knn": mean Euclidean distance to the k nearest, in standard deviations, >= 0. Without a reference the galaxy itself is
      left out; its exact duplicates are not, and give 0. *Source:* Angiulli & Pizzuti 2002.
    - "lof": local outlier factor with k neighbours, about 1 inside a cluster. *Source:* Breunig et al. 2000.
    - "mahalanobis": distance from the mean in the metric of the Ledoit-Wolf covariance, >= 0. *Source:* Ledoit & Wolf 2004.
    - "isolation": isolation forest of 200 trees, in (0, 1), drawn with `seed`. *Source:* Liu, Ting & Zhou 2008.

    `k` is lowered to the number of other galaxies. Raises ValueError for an unknown method, k < 1, other widths, non-finite
    vectors, or nothing to compare with.
    """
    check_count(k)
    if method not in METHODS:
        raise ValueError(f"There is no anomaly score {method!r}; choose one of {', '.join(METHODS)}.")
    vectors = checked_vectors(new)
    if reference is None:
        if len(vectors) < 2:
            raise ValueError("One galaxy alone cannot be strange; give a reference, or at least 2 galaxies.")
        (known,) = standardise(vectors)
        features = known
    else:
        known = checked_vectors(reference)
        check_same_width(known, vectors)
        known, features = standardise(known, vectors)
    if method == "knn":
        return _knn(known, features, k, reference is None)
    if method == "lof":
        return _lof(known, features, k, reference is None)
    if method == "mahalanobis":
        return _mahalanobis(known, features)
    return -IsolationForest(n_estimators=200, random_state=seed).fit(known).score_samples(features)


def _knn(known: np.ndarray, features: np.ndarray, k: int, within: bool) -> np.ndarray:
    distances, _ = nearest(known, features, k, exclude=np.arange(len(features)) if within else None)
    return distances.mean(axis=1, dtype=np.float64)


def _lof(known: np.ndarray, features: np.ndarray, k: int, within: bool) -> np.ndarray:
    if len(known) < 2:
        raise ValueError("The local outlier factor needs a reference of at least 2 galaxies.")
    forest = LocalOutlierFactor(n_neighbors=min(k, len(known) - 1), algorithm="brute", novelty=True).fit(known)
    scores = -forest.negative_outlier_factor_ if within else -forest.score_samples(features)
    return np.asarray(scores, dtype=np.float64)


def _mahalanobis(known: np.ndarray, features: np.ndarray) -> np.ndarray:
    covariance, _ = ledoit_wolf(known.astype(np.float64), assume_centered=False)
    offsets = (features - known.mean(axis=0)).astype(np.float64)
    squares = np.einsum("nd,nd->n", offsets @ np.linalg.pinv(covariance, hermitian=True), offsets)
    return np.sqrt(np.maximum(squares, 0.0))
