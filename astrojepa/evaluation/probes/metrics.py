"""Scores of predictions: accuracy, balanced accuracy, F1, calibration, intervals."""

from __future__ import annotations

import numpy as np
from scipy.stats import binom

from astrojepa.types import ProbeResult


def score(
    classes: tuple[str, ...],
    truth: np.ndarray,
    probabilities: np.ndarray,
    rows: np.ndarray,
    num_train: int,
    setting: str,
) -> ProbeResult:
    """Score the most probable class of each row, (n, c) `probabilities` against (n,) `truth`.

    The interval of the accuracy is the 95 % percentile interval of the bootstrap over rows, which
    for a share of right answers is known exactly: the quantiles of a binomial distribution. It says
    nothing about other training sets or seeds.
    """
    predictions = probabilities.argmax(axis=1).astype(np.int64)
    confusion = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(confusion, (truth, predictions), 1)
    accuracy = float((predictions == truth).mean())
    low, high = binom.ppf([0.025, 0.975], len(truth), accuracy) / len(truth)
    return ProbeResult(
        accuracy=accuracy,
        interval=(float(low), float(high)),
        balanced_accuracy=balanced_accuracy(truth, predictions),
        macro_f1=_macro_f1(confusion),
        classes=classes,
        confusion=confusion,
        truth=truth.astype(np.int64),
        predictions=predictions,
        probabilities=probabilities,
        rows=rows,
        num_train=num_train,
        setting=setting,
        calibration_error=calibration_error(probabilities, predictions == truth),
    )


def balanced_accuracy(truth: np.ndarray, predictions: np.ndarray) -> float:
    """Return the mean over the classes present in `truth` of the recall, in [0, 1]."""
    return float(
        np.mean([np.mean(predictions[truth == label] == label) for label in np.unique(truth)])
    )


def balanced_interval(
    result: ProbeResult, seed: int = 0, draws: int = 10_000
) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the balanced accuracy over the classes drawn."""
    count = len(result.truth)
    hits = np.diag(result.confusion)
    cells = np.concatenate([hits, result.confusion.sum(axis=1) - hits]) / count
    drawn = np.random.default_rng(seed).multinomial(count, cells, size=draws).reshape(draws, 2, -1)
    totals = drawn.sum(axis=1)
    recalls = np.divide(drawn[:, 0], totals, out=np.zeros(totals.shape), where=totals > 0)
    scores = recalls.sum(axis=1) / (totals > 0).sum(axis=1)
    low, high = np.quantile(scores, [0.025, 0.975])
    return float(low), float(high)


def calibration_error(probabilities: np.ndarray, correct: np.ndarray, bins: int = 15) -> float:
    """Return the expected calibration error, in [0, 1]: mean gap of confidence and accuracy.

    Confidence is the largest of a row's (n, c) `probabilities`; rows are grouped into `bins` of
    equal width in it, and the gap of a bin counts as often as it has rows. 0 = confidence can be
    read as the chance of being right; few rows or many bins make it larger by chance. *Source:* Guo
    et al. 2017 (arXiv:1706.04599), eq. 3.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(which, weights=confidence - correct, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))


def _macro_f1(confusion: np.ndarray) -> float:
    """Return the mean F1 over the classes that occur in the truth or among the predictions."""
    hits = np.diag(confusion)
    total = confusion.sum(axis=0) + confusion.sum(axis=1)
    return float(np.mean(2 * hits[total > 0] / total[total > 0]))
