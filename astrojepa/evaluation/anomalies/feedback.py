"""Re-ranking by marks from 0 to 5."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.stats import rankdata
from sklearn.ensemble import RandomForestRegressor
from sklearn.metrics.pairwise import euclidean_distances

from astrojepa.evaluation.vectors.standardise import standardise

HIGHEST = 5
METHODS = ("neighbours", "forest")
COMPONENTS = 32  # principal components of the standardised vectors in which distances are taken
PRIOR_MARK = 1.5  # what the most anomalous galaxy would be expected to get before any mark is known
PRIOR_WEIGHT = 0.07  # of the expectation, where a mark on the galaxy itself weighs 1
REACH = 0.6  # of the median distance between galaxies and marks: how far a mark speaks


def rerank(
    vectors: np.ndarray,
    scores: np.ndarray,
    marks: Mapping[int, float],
    method: str = "neighbours",
    seed: int = 0,
) -> np.ndarray:
    """Return each galaxy's expected mark, float64 (n,) in [0, 5], larger = more interesting.

    expected = (W · predicted + w_0 · 1.5 · rank) / (W + w_0),
    W = Σ_j w_j,   w_j = exp(-(d_j / r)² / 2),   w_0 = 0.07

    d_j is the distance to the marked galaxy j in the first 32 principal components of the
    standardised `vectors` (n, D), r 0.6 of the median such distance, `predicted` the mean of the
    marks weighted by w_j ("neighbours") or what a random forest makes of them ("forest", from
    `seed`), and rank the place of the anomaly score, from 0 (ordinary) to 1 (most anomalous). So a
    mark speaks for its surroundings, and far from all marks the order is that of `scores` (n,).
    `marks` maps rows to marks from 0 (boring, or an artefact) to 5; a marked galaxy keeps its mark;
    without marks the order is that of the scores.

    *Source:* the idea of Astronomaly (Lochner & Bassett 2021, arXiv:2010.11202), which scales the
    anomaly score by the mark that a random forest predicts, the less the further the marks are, and
    of Protege (Lochner & Rudnick 2024), a Gaussian process. The weighted mean needs no fit, so a
    page can re-rank while it is marked; docs/decisions/0004 compares both.

    Raises ValueError for numbers that are not finite, other lengths, fewer than 2 galaxies, rows
    outside the data, marks outside 0 to 5, or another method.
    """
    scores = _checked_scores(vectors, scores)
    rows = np.array(list(marks.keys()), dtype=np.int64)
    given = np.array(list(marks.values()), dtype=np.float64)
    outside = rows[(rows < 0) | (rows >= len(scores))]
    if len(outside):
        raise ValueError(
            f"There is no row {outside[0]}; marks are for rows 0 to {len(scores) - 1}."
        )
    wrong = given[~((given >= 0) & (given <= HIGHEST))]
    if len(wrong):
        raise ValueError(f"Marks run from 0 to {HIGHEST}, found {wrong[0]:g}.")
    return _expected(_features(vectors), scores, rows, given, method, seed)


def _checked_scores(vectors: np.ndarray, scores: np.ndarray) -> np.ndarray:
    scores = np.asarray(scores, dtype=np.float64)
    if np.ndim(vectors) != 2 or scores.shape != np.shape(vectors)[:1] or len(scores) < 2:
        raise ValueError(
            f"Expected vectors (n, D) and scores (n,) of at least 2 galaxies, found "
            f"{np.shape(vectors)} and {scores.shape}."
        )
    if not (np.isfinite(vectors).all() and np.isfinite(scores).all()):
        raise ValueError(
            "Some vectors or scores are not finite; leave those galaxies out, or check whether the "
            "training diverged."
        )
    return scores


def _features(vectors: np.ndarray) -> np.ndarray:
    """Return leading principal components of standardised vectors: float32 (n, <= 32)."""
    (features,) = standardise(np.asarray(vectors, dtype=np.float32))
    _, axes = np.linalg.eigh(features.T @ features)
    return features @ axes[:, -COMPONENTS:]


def _expected(
    features: np.ndarray,
    scores: np.ndarray,
    rows: np.ndarray,
    given: np.ndarray,
    method: str,
    seed: int = 0,
) -> np.ndarray:
    """Return the expected marks (n,) from those given, (m,), to the galaxies at `rows` (m,)."""
    if method not in METHODS:
        raise ValueError(f"There is no re-ranking {method!r}; choose one of {', '.join(METHODS)}.")
    prior = PRIOR_MARK * (rankdata(scores) - 1) / (len(scores) - 1)
    if not len(rows):
        return prior
    distances = euclidean_distances(features, features[rows]).astype(np.float64)
    reach = REACH * float(np.median(distances)) or 1.0
    weights = np.exp(-0.5 * np.square(distances / reach))
    total = weights.sum(axis=1)
    if method == "forest":
        forest = RandomForestRegressor(100, min_samples_leaf=2, random_state=seed).fit(
            features[rows], given
        )
        predicted = total * forest.predict(features)
    else:
        predicted = weights @ given
    expected: np.ndarray = (predicted + PRIOR_WEIGHT * prior) / (total + PRIOR_WEIGHT)
    expected[rows] = given
    return expected
