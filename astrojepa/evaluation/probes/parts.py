"""The parts of a probe: galaxies to fit, to choose a setting, and to score once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from astrojepa.evaluation.probes.metrics import score
from astrojepa.evaluation.vectors.standardise import check_same_width, checked_vectors, standardise
from astrojepa.types import Embeddings, ProbeResult


@dataclass(frozen=True)
class ProbeParts:
    """The labelled galaxies of one probe. Features are standardised on the known ones."""

    classes: tuple[str, ...]
    present: np.ndarray  # int64 (p,), labels that occur among the known galaxies, ascending
    features: np.ndarray  # float32 (n, D), known galaxies
    codes: np.ndarray  # int64 (n,), their places in `present`
    # int64 (f,), the rows of `features` that are fitted while a setting is chosen
    fitted: np.ndarray
    # float32 (v, D), galaxies that choose the setting; none where too few labels are known
    check: np.ndarray
    check_labels: np.ndarray  # int64 (v,)
    targets: np.ndarray  # float32 (m, D), galaxies to score
    truth: np.ndarray  # int64 (m,)
    rows: np.ndarray  # int64 (m,), their row numbers among the new galaxies

    def score(self, probabilities: np.ndarray, num_train: int, setting: str) -> ProbeResult:
        """Score probabilities of the classes in `present`, (m, p); the other classes get 0."""
        full = np.zeros((len(self.truth), len(self.classes)), dtype=np.float32)
        full[:, self.present] = probabilities
        return score(self.classes, self.truth, full, self.rows, num_train, setting)


def probe_parts(
    known: Embeddings, new: Embeddings, validation: Embeddings | None, seed: int
) -> ProbeParts:
    """Gather the labelled galaxies of a probe; without `validation`, hold out 20 % of `known`.

    Raises ValueError where there is nothing labelled to fit, to choose by or to score, only one
    class is known, the class names or widths differ, or a vector is not finite.
    """
    features, labels = labelled(known, "known")
    targets, truth, rows = scored(known, new)
    present = np.unique(labels)
    if len(present) < 2:
        names = ", ".join(known.classes[label] for label in present)
        raise ValueError(
            f"A probe needs at least 2 classes, the known galaxies show {names} only; label some "
            f"of another class."
        )
    fitted = np.arange(len(labels))
    if validation is not None:
        check, check_labels, _ = scored(known, validation, "validation")
        features, targets, check = standardise(features, targets, check)
    else:
        features, targets = standardise(features, targets)
        fitted, held = stratified(labels, seed)
        check, check_labels = features[held], labels[held]
    codes = np.searchsorted(present, labels)
    return ProbeParts(
        known.classes, present, features, codes, fitted, check, check_labels, targets, truth, rows
    )


def stratified(labels: np.ndarray, seed: int, share: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """Split rows into (kept, held out), `share` of every class, none of a class of one."""
    generator = np.random.default_rng(seed)
    held = []
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        held.append(members[: max(1, round(share * len(members))) if len(members) > 1 else 0])
    out = np.sort(np.concatenate(held))
    return np.setdiff1d(np.arange(len(labels)), out), out


def labelled(embeddings: Embeddings, which: str) -> tuple[np.ndarray, np.ndarray]:
    """Return vectors and labels of labelled rows; ValueError if none or no class."""
    vectors, labels = checked_vectors(embeddings), np.asarray(embeddings.labels)
    chosen = labels >= 0
    if not chosen.any():
        raise ValueError(
            f"None of the {len(labels)} {which} galaxies has a label; a probe needs labelled ones."
        )
    if labels.max() >= len(embeddings.classes):
        raise ValueError(
            f"A label is {labels.max()}, but the {which} galaxies have {len(embeddings.classes)} "
            f"classes."
        )
    return vectors[chosen], labels[chosen]


def scored(
    known: Embeddings, new: Embeddings, which: str = "new"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return vectors, labels and rows of labelled `new`, if comparable with `known`."""
    if known.classes != new.classes:
        raise ValueError(
            f"The classes differ: {', '.join(known.classes)} are known, {', '.join(new.classes)} "
            "are asked for; use parts of one data set, with one label column."
        )
    vectors, labels = labelled(new, which)
    check_same_width(np.asarray(known.vectors), vectors)
    return vectors, labels, np.flatnonzero(np.asarray(new.labels) >= 0)
