"""Calibrated probabilities: a temperature, and sets that hold the true class as often as asked."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import entr, log_softmax

TEMPERATURES = (0.05, 20.0)  # where one is looked for
MAX_SCORES = 5000  # galaxies kept for sets; more would move a threshold by less than 1 %


def fitted_temperature(logits: np.ndarray, codes: np.ndarray) -> float:
    """Return the T > 0 by which logits (n, p) are divided so that their cross-entropy with the
    true classes `codes` (n,) is least; above 1 where the classifier is too sure.

    *Source:* Guo et al. 2017 (arXiv:1706.04599), section 4.2.
    """

    def cross_entropy(log_temperature: float) -> float:
        likelihood = log_softmax(logits / math.exp(log_temperature), axis=1)
        return float(-likelihood[np.arange(len(codes)), codes].mean())

    bounds = tuple(map(math.log, TEMPERATURES))
    return math.exp(minimize_scalar(cross_entropy, bounds=bounds, method="bounded").x)


def conformal_scores(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return 1 - the probability of the true class, float32 (n,), ascending; larger = stranger."""
    chosen = probabilities[np.arange(len(labels)), labels]
    return np.sort(1 - chosen.astype(np.float32))


def prediction_sets(probabilities: np.ndarray, scores: np.ndarray, coverage: float) -> np.ndarray:
    """Return which classes belong to each galaxy's set, bool (n, c): the true one is among them
    with a probability of at least `coverage`, in (0, 1).

    A class belongs to it where 1 - its probability (n, c) is at most the ⌈(m + 1) · coverage⌉-th
    of m ascending `scores`, of labelled galaxies that nothing was fitted on; the most probable
    class always does. This holds for galaxies drawn as those were, on average over classes: not
    for another survey. Raises ValueError for another coverage, or fewer galaxies than it needs.

    *Source:* Sadinle, Lei & Wasserman 2019 (arXiv:1609.00451); Angelopoulos & Bates 2021
    (arXiv:2107.07511), section 1.
    """
    if not 0 < coverage < 1:
        raise ValueError(f"The coverage is {coverage:g}; choose one between 0 and 1, such as 0.9.")
    rank = math.ceil((len(scores) + 1) * coverage - 1e-9)
    if rank > len(scores):
        raise ValueError(
            f"Sets that cover {coverage:.1%} need {math.ceil(coverage / (1 - coverage) - 1e-9)} "
            f"labelled galaxies kept aside, and there were {len(scores)}; choose a lower coverage "
            f"or label more."
        )
    inside = 1 - probabilities.astype(np.float32) <= scores[rank - 1]
    inside[np.arange(len(inside)), probabilities.argmax(axis=1)] = True
    return inside


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """Return the entropy of each row, nats, float32 (n,): 0 = sure, log c = no idea."""
    return entr(probabilities.astype(np.float64)).sum(axis=1).astype(np.float32)
