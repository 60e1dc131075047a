"""How far galaxies are from those that a classifier was fitted to.

Another survey, zoom or camera moves vectors along directions in which the known galaxies hardly
differ. A classifier does not notice; its probabilities and sets hold for galaxies like the known
ones only.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import betabinom
from sklearn.covariance import ledoit_wolf

WIDEST = 128  # directions; with more, the same galaxies stand out
MOST_NUMBERS = 32_768  # of a whitening, so that it stays small in a file
UNUSUAL = 0.05
BY_CHANCE = 0.01


def whitening(features: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return directions, float32 (D, q), in which standardised features (n, D) have variance 1 and
    do not correlate; at most 128, of a random subspace where there are more features.
    """
    width = features.shape[1]
    count = min(width, WIDEST, max(1, MOST_NUMBERS // width))
    drawn = np.random.default_rng(seed).normal(size=(width, count))
    subspace = np.linalg.qr(drawn)[0] if count < width else np.eye(width)
    covariance, _ = ledoit_wolf(features.astype(np.float64) @ subspace)
    floor = 1e-6 * max(float(np.trace(covariance)) / count, 1e-12)  # of constant features
    inverse = np.linalg.inv(covariance + floor * np.eye(count))
    return (subspace @ np.linalg.cholesky(inverse)).astype(np.float32)


def distances(features: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Return Mahalanobis distances of standardised features (n, D) from their origin, per square
    root of the number of directions (D, q): float32 (n,), about 1 for the galaxies of `whitening`.
    """
    return np.sqrt(np.square(features @ directions).mean(axis=1)).astype(np.float32)


def typicality(found: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Return the share of m `kept` distances, ascending, that are as large or larger: float32 (n,),
    (1 + their number) / (1 + m), so that of galaxies drawn as the kept ones at most a share of t is
    at t or below.

    *Source:* Bates et al. 2023 (arXiv:2104.08279), equation 1; the distance is that of Lee et al.
    2018 (arXiv:1807.03888) without classes.
    """
    larger = len(kept) - np.searchsorted(kept, found, side="left")
    return ((1 + larger) / (1 + len(kept))).astype(np.float32)


def unlike(typical: np.ndarray, num_kept: int) -> tuple[str, bool]:
    """Say how many galaxies are unlike those that a classifier knows, and whether it is to be
    distrusted for that: at twice as many as expected, if chance gives so many in fewer than 1 % of
    draws.
    """
    if not num_kept:
        return "This classifier does not tell how typical galaxies are; make it again.", False
    if num_kept < 1 / UNUSUAL - 1:
        return (
            f"Whether these galaxies are like the labelled ones cannot be told: {num_kept} of "
            f"those were kept aside, and {1 / UNUSUAL - 1:.0f} are needed.",
            False,
        )
    count, number = int((typical <= UNUSUAL).sum()), len(typical)
    told = (
        f"{count:,} of {number:,} galaxies ({100 * count / number:.1f} %) are less typical than "
        f"{100 * (1 - UNUSUAL):.0f} % of the labelled ones "
        f"({100 * UNUSUAL:.0f} % would be expected)."
    )
    # of galaxies like those kept, how many lie beyond the k-th farthest of these
    k = int(UNUSUAL * (num_kept + 1) + 1e-9)
    chance = betabinom(number, k, num_kept + 1 - k).sf(count - 1)
    if count <= 2 * UNUSUAL * number or chance >= BY_CHANCE:
        return told, False
    return (
        f"{told} The model sees them as unlike the galaxies that the classifier was fitted to: "
        f"trust neither its probabilities nor its sets before you have checked some by eye.",
        True,
    )
