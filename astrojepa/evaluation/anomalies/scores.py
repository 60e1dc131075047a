"""How strange is each galaxy? Four scores on standardised features; larger = stranger in all of them."""

from __future__ import annotations

import hashlib

import numpy as np

from astrojepa.cache import cache_path, load_arrays, save_arrays
from astrojepa.evaluation.vectors.neighbours import check_count, nearest
from astrojepa.evaluation.vectors.standardise import check_same_width, checked_vectors, standardise
from astrojepa.types import Embeddings

METHODS = ("knn", "lof", "mahalanobis", "isolation")
ASYMMETRY, PIXEL_ASYMMETRY = "asymmetry", "pixel-asymmetry"  # of pictures and not of vectors: `asymmetry_scores`
DEFAULT = ASYMMETRY  # what lists the strangest galaxies: docs/decisions/0005
_VERSION = 1  # part of the cache's key; raise it when the scores change


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
    return mahalanobis(known, features) if method == "mahalanobis" else isolation(known, features, seed)


def kept_scores(embeddings: Embeddings, method: str = "knn") -> np.ndarray:
    """Return `anomaly_scores` of these galaxies against each other, kept under `.cache/astrojepa/scores-*.npz` by the vectors."""
    vectors = checked_vectors(embeddings)
    digest = hashlib.sha256(f"{_VERSION} {method} {vectors.shape} ".encode())
    digest.update(np.ascontiguousarray(vectors).data)
    path = cache_path("scores", digest.hexdigest()[:24])
    found = (load_arrays(path) or {}).get("scores")
    if found is None or found.shape != (len(vectors),):
        found = anomaly_scores(embeddings, method=method)
        save_arrays(path, scores=found)
    return found


def local_outlier_factor(
    distances: np.ndarray, indices: np.ndarray, within: tuple[np.ndarray, np.ndarray] | None = None
) -> np.ndarray:
    """Return the local outlier factor from neighbour lists (n, k), nearest first: float64 (n,), about 1 inside a cluster.

    reachability of b from a = max(distance of a and b, distance of b to its own k-th neighbour); density = 1 / mean reachability;
    factor = mean density of the neighbours / own density. *Source:* Breunig et al. 2000, with scikit-learn's floor of 1e-10 on the
    mean reachability, so that more than k duplicates count as very dense and not as infinitely so.

    `within` holds the reference's own lists where the rows of (distances, indices) are not the reference itself.
    """
    own_distances, own_indices = (distances, indices) if within is None else within
    furthest = own_distances[:, -1]
    density = _density(own_distances, own_indices, furthest)
    new = density if within is None else _density(distances, indices, furthest)
    factor: np.ndarray = density[indices].mean(axis=1) / new
    return factor


def mahalanobis(known: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Return the distance of features (n, D) from the mean of the known in the metric of their Ledoit-Wolf covariance: float64 (n,)."""
    from scipy.linalg import LinAlgError, cholesky, solve_triangular
    from sklearn.covariance import ledoit_wolf

    covariance, _ = ledoit_wolf(known, assume_centered=False)
    offsets = features - known.mean(axis=0)
    try:
        whitened = solve_triangular(cholesky(covariance, lower=True), offsets.T, lower=True)
    except LinAlgError:  # some direction does not vary
        values, vectors = np.linalg.eigh(covariance.astype(np.float64))
        whitened = ((offsets @ vectors) * np.where(values > 1e-6 * values[-1], values, np.inf) ** -0.5).T
    return np.linalg.norm(whitened, axis=0).astype(np.float64)


def isolation(known: np.ndarray, features: np.ndarray, seed: int) -> np.ndarray:
    """Return the score of an isolation forest of 200 trees grown on the known: float64 (n,), in (0, 1)."""
    from sklearn.ensemble import IsolationForest

    scores: np.ndarray = -IsolationForest(n_estimators=200, random_state=seed).fit(known).score_samples(features)
    return scores


def _knn(known: np.ndarray, features: np.ndarray, k: int, within: bool) -> np.ndarray:
    distances, _ = nearest(known, features, k, exclude=np.arange(len(features)) if within else None)
    return distances.mean(axis=1, dtype=np.float64)


def _lof(known: np.ndarray, features: np.ndarray, k: int, within: bool) -> np.ndarray:
    if len(known) < 2:
        raise ValueError("The local outlier factor needs a reference of at least 2 galaxies.")
    k = min(k, len(known) - 1)
    lists = nearest(known, known, k, exclude=np.arange(len(known)))
    return local_outlier_factor(*lists) if within else local_outlier_factor(*nearest(known, features, k), within=lists)


def _density(distances: np.ndarray, indices: np.ndarray, furthest: np.ndarray) -> np.ndarray:
    """Return 1 / mean reachability of each row from its neighbours, whose own k-th distances are `furthest`."""
    reachability = np.maximum(distances, furthest[indices]).mean(axis=1, dtype=np.float64)
    density: np.ndarray = 1 / (reachability + 1e-10)
    return density
