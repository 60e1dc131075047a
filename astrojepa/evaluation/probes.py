"""What do frozen embeddings know about the classes? Probes fitted on known galaxies and scored once on new ones."""

from __future__ import annotations

import numpy as np

from astrojepa.evaluation.logistic import LogisticPath
from astrojepa.evaluation.neighbours import check_count, nearest
from astrojepa.evaluation.scores import balanced_accuracy, score
from astrojepa.evaluation.standardise import check_same_width, checked_vectors, standardise
from astrojepa.types import Embeddings, ProbeResult

STRENGTHS = tuple(10.0**power for power in range(-5, 3))  # C of the logistic regression; smaller = stronger L2 penalty
FIXED_STRENGTH = 0.01  # where too few labels are known to choose


def linear_probe(known: Embeddings, new: Embeddings, *, validation: Embeddings | None = None, seed: int = 0) -> ProbeResult:
    """Fit a multinomial logistic regression on `known` and score it once on `new`.

    Features are standardised on `known` alone. The L2 strength C is the one of 1e-5 ... 100 with the best balanced accuracy on
    `validation`, or, without one, on a stratified 20 % of `known` drawn with `seed`, after which all of `known` is fitted. The
    path ends when the score has fallen twice in a row; a tie goes to the stronger penalty. With fewer than two galaxies per
    class nothing can be held out, and C = 0.01. Unlabelled rows (-1) are left out everywhere.

    Raises ValueError where there is nothing labelled to fit or to score, only one class is known, the class names or widths
    differ, or a vector is not finite. *Source:* the protocol of Chen et al. 2020 (arXiv:2002.05709), appendix B.
    """
    features, labels = _labelled(known, "known")
    targets, truth, rows = _scored(known, new)
    present = np.unique(labels)
    if len(present) < 2:
        raise ValueError(f"A linear probe needs at least 2 classes, the known galaxies show {_names(known, present)} only.")
    held, held_labels = (targets[:0], truth[:0]) if validation is None else _scored(known, validation)[:2]
    features, targets, held = standardise(features, targets, held)
    fitted, codes = np.arange(len(labels)), np.searchsorted(present, labels)
    if validation is None:
        fitted, out = _stratified(labels, seed)
        held, held_labels = features[out], labels[out]
    strength, remark = FIXED_STRENGTH, " (fixed: too few labels to choose)"
    if len(held_labels):
        strength, remark = _choose_strength(features[fitted], codes[fitted], present, (held, held_labels)), ""
    weights = LogisticPath(features, codes, len(present)).fit(strength)
    probabilities = np.zeros((len(truth), len(known.classes)), dtype=np.float32)
    probabilities[:, present] = weights.probabilities(targets)
    return score(known.classes, truth, probabilities, rows, len(labels), f"C = {strength:g}{remark}")


def knn_probe(known: Embeddings, new: Embeddings, k: int = 20) -> ProbeResult:
    """Name each new galaxy by its k most similar known ones, each voting with weight (1 + cosine) / 2.

    Features are standardised on `known`, then scaled to unit length. `probabilities` are the shares of the vote; a tie goes to
    the first class. k is lowered to the number of labelled known galaxies. Raises ValueError as `linear_probe`, and for k < 1.
    """
    check_count(k)
    features, labels = _labelled(known, "known")
    targets, truth, rows = _scored(known, new)
    k = min(k, len(labels))
    features, targets = (_unit(part) for part in standardise(features, targets))
    distances, indices = nearest(features, targets, k)
    weights = 1 - np.square(distances) / 4  # (1 + cosine) / 2 of unit vectors
    probabilities = np.zeros((len(truth), len(known.classes)), dtype=np.float32)
    np.add.at(probabilities, (np.arange(len(truth))[:, None], labels[indices]), np.maximum(weights, 1e-6))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return score(known.classes, truth, probabilities, rows, len(labels), f"k = {k}")


def majority_probe(known: Embeddings, new: Embeddings) -> ProbeResult:
    """Name every new galaxy by the commonest known class: what a probe that has seen no image reaches."""
    _, labels = _labelled(known, "known")
    _, truth, rows = _scored(known, new)
    share = np.bincount(labels, minlength=len(known.classes)) / len(labels)
    probabilities = np.repeat(share[None].astype(np.float32), len(truth), axis=0)
    return score(known.classes, truth, probabilities, rows, len(labels), f"always {known.classes[int(share.argmax())]}")


def paired_bootstrap(a: ProbeResult, b: ProbeResult, seed: int = 0, draws: int = 10_000) -> tuple[float, float, float]:
    """Return (difference, low, high) of the accuracies a - b on the same galaxies, with its 95 % bootstrap interval.

    One *beats* the other when the interval excludes 0. Rows are drawn in pairs, so what is hard for both counts for neither.
    Raises ValueError where the scored rows or their labels differ. *Source:* Efron & Tibshirani 1993, chapter 13.
    """
    if not np.array_equal(a.rows, b.rows) or not np.array_equal(a.truth, b.truth):
        raise ValueError(
            f"The probes were scored on different galaxies ({len(a.rows)} and {len(b.rows)} rows, or other labels); "
            "compare results on one test set only."
        )
    won, lost = int((a.correct & ~b.correct).sum()), int((~a.correct & b.correct).sum())
    count = len(a.truth)
    shares = np.array([won, lost, count - won - lost]) / count
    drawn = np.random.default_rng(seed).multinomial(count, shares, size=draws)
    low, high = np.quantile((drawn[:, 0] - drawn[:, 1]) / count, [0.025, 0.975])
    return (won - lost) / count, float(low), float(high)


def _choose_strength(features: np.ndarray, codes: np.ndarray, present: np.ndarray, check: tuple[np.ndarray, np.ndarray]) -> float:
    """Return the C with the best balanced accuracy on `check` = (features, labels)."""
    path = LogisticPath(features, codes, len(present))
    scores: list[float] = []
    for strength in STRENGTHS:
        predictions = present[path.fit(strength).probabilities(check[0]).argmax(axis=1)]
        scores.append(balanced_accuracy(check[1], predictions))
        if len(scores) > 2 and scores[-1] < scores[-2] < scores[-3]:
            break
    return STRENGTHS[int(np.argmax(scores))]


def _stratified(labels: np.ndarray, seed: int, share: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """Split row numbers into (kept, held out), `share` of every class held out, none of a class of one."""
    generator = np.random.default_rng(seed)
    held = []
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        held.append(members[: max(1, round(share * len(members))) if len(members) > 1 else 0])
    out = np.sort(np.concatenate(held))
    return np.setdiff1d(np.arange(len(labels)), out), out


def _labelled(embeddings: Embeddings, which: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the vectors and labels of the labelled rows."""
    vectors, labels = checked_vectors(embeddings), np.asarray(embeddings.labels)
    chosen = labels >= 0
    if not chosen.any():
        raise ValueError(f"None of the {len(labels)} {which} galaxies has a label; a probe needs labelled ones.")
    if labels.max() >= len(embeddings.classes):
        raise ValueError(f"A label is {labels.max()}, but the {which} galaxies have {len(embeddings.classes)} classes.")
    return vectors[chosen], labels[chosen]


def _scored(known: Embeddings, new: Embeddings) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return vectors, labels and row numbers of the labelled rows of `new`, after checking that they compare with `known`."""
    if known.classes != new.classes:
        raise ValueError(
            f"The classes differ: {', '.join(known.classes)} are known, {', '.join(new.classes)} are asked for; "
            "use parts of one data set, with one label column."
        )
    vectors, labels = _labelled(new, "new")
    check_same_width(np.asarray(known.vectors), vectors)
    return vectors, labels, np.flatnonzero(np.asarray(new.labels) >= 0)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def _names(embeddings: Embeddings, labels: np.ndarray) -> str:
    return ", ".join(embeddings.classes[label] for label in labels)
