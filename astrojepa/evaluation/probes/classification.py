"""Classification probes on frozen embeddings, scored once on new galaxies."""

from __future__ import annotations

import numpy as np

from astrojepa.evaluation.probes.logistic import LogisticPath, Weights
from astrojepa.evaluation.probes.metrics import balanced_accuracy, score
from astrojepa.evaluation.probes.parts import ProbeParts, labelled, probe_parts, scored
from astrojepa.evaluation.vectors.neighbours import check_count, nearest
from astrojepa.evaluation.vectors.standardise import standardise, whiten
from astrojepa.types import Embeddings, ProbeResult

# C of the logistic regression; smaller = stronger L2 penalty
STRENGTHS = tuple(10.0**power for power in range(-5, 3))
FIXED_STRENGTH = 0.01  # where too few labels are known to choose


def linear_probe(
    known: Embeddings,
    new: Embeddings,
    *,
    validation: Embeddings | None = None,
    seed: int = 0,
    strength: float | None = None,
) -> ProbeResult:
    """Fit a multinomial logistic regression on `known` and score it once on `new`.

    Features are standardised on `known` alone. The L2 strength C is the one of 1e-5 ... 100 with
    the best balanced accuracy on `validation`, or, without one, on a stratified 20 % of `known`
    drawn with `seed`, after which all of `known` is fitted. The path ends when the score has fallen
    twice in a row, or is perfect; a tie goes to the stronger penalty. With fewer than two galaxies
    per class nothing can be held out, and C = 0.01. A `strength` that is given is C. Unlabelled
    rows (-1) are left out.

    Raises ValueError where there is nothing labelled to fit or to score, only one class is known,
    the class names or widths differ, a vector is not finite, or strength <= 0. *Source:* the
    protocol of Chen et al. 2020 (arXiv:2002.05709), appendix B.

    Examples:
        >>> result = aj.linear_probe(known, new)
        >>> 0 <= result.interval[0] <= result.accuracy <= result.interval[1] <= 1
        True
    """
    parts = probe_parts(known, new, validation, seed)
    weights, setting = fitted_weights(parts, strength)
    return parts.score(weights.probabilities(parts.targets), len(parts.codes), setting)


def knn_probe(
    known: Embeddings, new: Embeddings, k: int = 20, whitened: bool = False
) -> ProbeResult:
    """Predict each new galaxy by its k most similar known ones, voting with (1 + cosine) / 2.

    Features are standardised, or `whitened`, on `known`, then scaled to unit length.
    `probabilities` are the shares of the vote; a tie goes to the first class. k is lowered to the
    number of labelled known galaxies. Raises ValueError as `linear_probe`, and for k < 1.

    Examples:
        >>> aj.knn_probe(known, new, k=5).setting
        'k = 5'
    """
    check_count(k)
    features, labels = labelled(known, "known")
    targets, truth, rows = scored(known, new)
    k = min(k, len(labels))
    features, targets = (
        part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-12)
        for part in (whiten if whitened else standardise)(features, targets)
    )
    distances, indices = nearest(features, targets, k)
    weights = 1 - np.square(distances) / 4  # (1 + cosine) / 2 of unit vectors
    probabilities = np.zeros((len(truth), len(known.classes)), dtype=np.float32)
    np.add.at(
        probabilities, (np.arange(len(truth))[:, None], labels[indices]), np.maximum(weights, 1e-6)
    )
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    setting = f"k = {k}{', whitened' if whitened else ''}"
    return score(known.classes, truth, probabilities, rows, len(labels), setting)


def majority_probe(known: Embeddings, new: Embeddings) -> ProbeResult:
    """Predict the most frequent known class for every new galaxy: the baseline without images.

    Examples:
        >>> aj.majority_probe(known, new).predictions.std() == 0  # one class for all
        np.True_
    """
    _, labels = labelled(known, "known")
    _, truth, rows = scored(known, new)
    share = np.bincount(labels, minlength=len(known.classes)) / len(labels)
    probabilities = np.repeat(share[None].astype(np.float32), len(truth), axis=0)
    setting = f"always {known.classes[int(share.argmax())]}"
    return score(known.classes, truth, probabilities, rows, len(labels), setting)


def paired_bootstrap(
    a: ProbeResult, b: ProbeResult, seed: int = 0, draws: int = 10_000
) -> tuple[float, float, float]:
    """Return (difference, low, high) of accuracies a - b on the same galaxies, 95 % interval.

    One *beats* the other when the interval excludes 0. Rows are drawn in pairs, so what is hard for
    both counts for neither. Raises ValueError where the scored rows or their labels differ.
    *Source:* Efron & Tibshirani 1993, chapter 13.

    Examples:
        >>> result = aj.linear_probe(known, new)
        >>> difference, low, high = aj.paired_bootstrap(result, aj.majority_probe(known, new))
        >>> low <= difference <= high
        True
    """
    if not np.array_equal(a.rows, b.rows) or not np.array_equal(a.truth, b.truth):
        raise ValueError(
            f"The probes were scored on different galaxies ({len(a.rows)} and {len(b.rows)} rows, "
            "or other labels); compare results on one test set only."
        )
    won, lost = int((a.correct & ~b.correct).sum()), int((~a.correct & b.correct).sum())
    count = len(a.truth)
    shares = np.array([won, lost, count - won - lost]) / count
    drawn = np.random.default_rng(seed).multinomial(count, shares, size=draws)
    low, high = np.quantile((drawn[:, 0] - drawn[:, 1]) / count, [0.025, 0.975])
    return (won - lost) / count, float(low), float(high)


def fitted_weights(parts: ProbeParts, strength: float | None = None) -> tuple[Weights, str]:
    """Fit all known galaxies at C = `strength` or the chosen C: (weights, C and why)."""
    chosen, remark = None, ""
    if strength is not None:
        if not strength > 0:
            raise ValueError(
                f"The L2 strength C is {strength}; it must be above 0 (smaller = stronger penalty)."
            )
        remark = " (given)"
    elif not len(parts.check_labels):
        strength, remark = FIXED_STRENGTH, " (fixed: too few labels to choose)"
    else:
        strength, chosen = _best_on_check(parts)
        if len(parts.fitted) == len(parts.codes):
            return chosen, f"C = {strength:g}"
    path = LogisticPath(parts.features, parts.codes, len(parts.present))
    if chosen is not None:
        path.start_from(chosen)
    return path.fit(strength), f"C = {strength:g}{remark}"


def _best_on_check(parts: ProbeParts) -> tuple[float, Weights]:
    """Return the C with the best balanced accuracy, and its fit to `parts.fitted`."""
    path = LogisticPath(parts.features[parts.fitted], parts.codes[parts.fitted], len(parts.present))
    scores: list[float] = []
    fits: list[Weights] = []
    for strength in STRENGTHS:
        fits.append(path.fit(strength))
        predictions = parts.present[fits[-1].probabilities(parts.check).argmax(axis=1)]
        scores.append(balanced_accuracy(parts.check_labels, predictions))
        if scores[-1] == 1 or (len(scores) > 2 and scores[-1] < scores[-2] < scores[-3]):
            break
    best = int(np.argmax(scores))
    return STRENGTHS[best], fits[best]
