"""Scores of standardised vectors: by neighbours, by covariance, by random cuts."""

from __future__ import annotations

import numpy as np

from astrojepa.evaluation.anomalies.registry import Features, anomaly_score
from astrojepa.evaluation.vectors.neighbour_index import Lists


@anomaly_score("knn", "kNN distance", "mean distance to the 20 nearest neighbours", of_lists=True)
def knn(features: Features) -> np.ndarray:
    """Mean Euclidean distance to the k nearest, in standard deviations, >= 0.

    Exact duplicates of a galaxy are among its neighbours. *Source:* Angiulli & Pizzuti 2002.
    """
    mean: np.ndarray = features.neighbours[0].mean(axis=1, dtype=np.float64)
    return mean


@anomaly_score(
    "lof",
    "Local outlier factor",
    "how sparse the neighbourhood is compared with that of its neighbours",
    of_lists=True,
)
def lof(features: Features) -> np.ndarray:
    """Local outlier factor, about 1 inside a cluster. *Source:* Breunig et al. 2000."""
    if len(features.known) < 2:
        raise ValueError("The local outlier factor needs a reference of at least 2 galaxies.")
    k = len(features.neighbours_of_known[0][0])
    distances, indices = (lists[:, :k] for lists in features.neighbours)
    within = None if features.within else features.neighbours_of_known
    return local_outlier_factor(distances, indices, within)


@anomaly_score(
    "mahalanobis",
    "Mahalanobis distance",
    "distance from the mean galaxy in units of the covariance",
)
def mahalanobis(features: Features) -> np.ndarray:
    """Distance from the mean in the metric of the Ledoit-Wolf covariance, >= 0.

    *Source:* Ledoit & Wolf 2004.
    """
    from scipy.linalg import LinAlgError, cholesky, solve_triangular
    from sklearn.covariance import ledoit_wolf

    covariance, _ = ledoit_wolf(features.known, assume_centered=False)
    offsets = features.new - features.known.mean(axis=0)
    try:
        whitened = solve_triangular(cholesky(covariance, lower=True), offsets.T, lower=True)
    except LinAlgError:  # some direction does not vary
        values, vectors = np.linalg.eigh(covariance.astype(np.float64))
        scale = np.where(values > 1e-6 * values[-1], values, np.inf) ** -0.5
        whitened = ((offsets @ vectors) * scale).T
    return np.linalg.norm(whitened, axis=0).astype(np.float64)


@anomaly_score("isolation", "Isolation forest", "how few random cuts isolate the galaxy")
def isolation(features: Features) -> np.ndarray:
    """Isolation forest of 200 trees, in (0, 1). *Source:* Liu, Ting & Zhou 2008."""
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(n_estimators=200, random_state=features.seed).fit(features.known)
    scores: np.ndarray = -forest.score_samples(features.new)
    return scores


def local_outlier_factor(
    distances: np.ndarray, indices: np.ndarray, within: Lists | None = None
) -> np.ndarray:
    """Return the local outlier factor from neighbour lists (n, k), nearest first: float64 (n,).

    reachability of b from a = max(distance of a and b, distance of b to its own k-th neighbour);
    density = 1 / mean reachability; factor = mean density of the neighbours / own density.
    `within` holds the reference's own lists where the rows are not the reference itself.

    *Source:* Breunig et al. 2000, with scikit-learn's floor of 1e-10 on the mean reachability, so
    that more than k duplicates count as very dense and not as infinitely so.
    """
    own_distances, own_indices = (distances, indices) if within is None else within
    furthest = own_distances[:, -1]
    density = _density(own_distances, own_indices, furthest)
    new = density if within is None else _density(distances, indices, furthest)
    factor: np.ndarray = density[indices].mean(axis=1) / new
    return factor


def _density(distances: np.ndarray, indices: np.ndarray, furthest: np.ndarray) -> np.ndarray:
    """Return 1 / mean reachability of each row from its neighbours."""
    reachability = np.maximum(distances, furthest[indices]).mean(axis=1, dtype=np.float64)
    density: np.ndarray = 1 / (reachability + 1e-10)
    return density
