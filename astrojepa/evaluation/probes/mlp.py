"""A probe with one hidden layer on frozen embeddings."""

from __future__ import annotations

import numpy as np
from sklearn.neural_network import MLPClassifier

from astrojepa.evaluation.probes.metrics import balanced_accuracy
from astrojepa.evaluation.probes.parts import ProbeParts, probe_parts
from astrojepa.progress import Progress
from astrojepa.types import Embeddings, ProbeResult

HIDDEN = 256  # units of the hidden layer
MAX_EPOCHS, PATIENCE = 200, 20
FIXED_EPOCHS = 50  # where too few labels are known to choose


def mlp_probe(
    known: Embeddings, new: Embeddings, *, validation: Embeddings | None = None, seed: int = 0
) -> ProbeResult:
    """Fit one hidden layer of 256 rectified units on `known` and score it once on `new`.

    Features are standardised on `known` alone. Adam with cross-entropy, until the balanced accuracy
    on `validation` (or on a stratified 20 % of `known`, which is then not fitted) has not improved
    for 20 epochs, at most 200; the epoch with the best one is scored, the earliest on a tie. Where
    nothing can be held out, 50 epochs. First weights and batches follow from `seed`. Unlabelled
    rows are left out everywhere. Raises ValueError as `linear_probe`.
    """
    parts = probe_parts(known, new, validation, seed)
    network, setting = fitted_network(parts, seed)
    return parts.score(network.predict_proba(parts.targets), len(parts.fitted), setting)


def fitted_network(
    parts: ProbeParts, seed: int = 0, progress: Progress | None = None
) -> tuple[MLPClassifier, str]:
    """Fit the network of `mlp_probe`: (network, epochs and why); at most 200 epochs."""
    random = np.random.RandomState(seed)  # the legacy generator is what scikit-learn takes
    network = MLPClassifier((HIDDEN,), batch_size=min(200, len(parts.fitted)), random_state=random)
    report = progress or (lambda done, total, text: None)
    if len(parts.check_labels):
        epoch, remark = _fit_until_it_stops_improving(network, parts, report), ""
    else:
        epoch, remark = FIXED_EPOCHS, " (fixed: too few labels to choose)"
        for done in range(epoch):
            report(done, epoch, "epochs")
            _one_epoch(network, parts)
    return network, f"{HIDDEN} hidden, epoch {epoch}{remark}"


def _fit_until_it_stops_improving(
    network: MLPClassifier, parts: ProbeParts, report: Progress
) -> int:
    """Train, restore the best epoch's weights, and return its number from 1."""
    best, best_epoch = -1.0, 0
    kept: tuple[list[np.ndarray], list[np.ndarray]] = [], []
    for epoch in range(1, MAX_EPOCHS + 1):
        report(epoch - 1, MAX_EPOCHS, "epochs")
        _one_epoch(network, parts)
        reached = balanced_accuracy(parts.check_labels, parts.present[network.predict(parts.check)])
        if reached > best:
            best, best_epoch = reached, epoch
            kept = (
                [part.copy() for part in network.coefs_],
                [part.copy() for part in network.intercepts_],
            )
        if best == 1 or epoch - best_epoch >= PATIENCE:
            break
    network.coefs_, network.intercepts_ = kept
    return best_epoch


def _one_epoch(network: MLPClassifier, parts: ProbeParts) -> None:
    features, codes = parts.features[parts.fitted], parts.codes[parts.fitted]
    network.partial_fit(features, codes, classes=np.arange(len(parts.present)))
