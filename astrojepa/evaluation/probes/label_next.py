"""Which galaxies should be labelled next? Those a probe is torn about, no two of them alike."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from astrojepa.evaluation.probes.few_labels import few_label_probe, mean_over_draws
from astrojepa.evaluation.probes.logistic import LogisticPath
from astrojepa.evaluation.probes.parts import labelled
from astrojepa.evaluation.vectors.exemplars import exemplars
from astrojepa.evaluation.vectors.standardise import checked_vectors, standardise
from astrojepa.progress import Listener, reporting
from astrojepa.types import Embeddings, ToLabel

CANDIDATES = 10  # so many times the galaxies asked for, those of smallest margin, are clustered


def label_next(embeddings: Embeddings, count: int = 20, *, seed: int = 0) -> ToLabel:
    """Choose `count` of the unlabelled galaxies (label -1) to label next, smallest margin first.

    A linear probe (C = 1) of the labelled ones gives each its *margin*, the probability of the
    first class less that of the second. Of the 10 · `count` of smallest margin, k-means with
    weights 1 - margin makes `count` clusters, and the galaxy nearest to each centre is chosen.
    While fewer than two classes are labelled, all galaxies are clustered alike and margins are
    NaN. ValueError where every galaxy has a label, or count < 1.

    *Source:* Zhdanov 2019 (arXiv:1901.05954), clustered diverse mini-batches.

    Examples:
        >>> some = np.where(np.arange(60) < 20, embeddings.labels, -1)
        >>> embeddings = dataclasses.replace(embeddings, labels=some)
        >>> chosen = aj.label_next(embeddings, count=5)
        >>> bool((chosen.rows >= 20).all()), len(chosen.rows)
        (True, 5)
    """
    if count < 1:
        raise ValueError(f"count is {count}; it must be at least 1.")
    labels = np.asarray(embeddings.labels)
    pool = np.flatnonzero(labels < 0)
    if not len(pool):
        raise ValueError(
            f"Each of the {len(labels)} galaxies has a label; leave those to choose from empty."
        )
    (features,) = standardise(checked_vectors(embeddings))
    present, codes = np.unique(labels[labels >= 0], return_inverse=True)
    margins = np.full(len(pool), np.nan)
    candidates = np.arange(len(pool))
    if len(present) > 1:
        probe = LogisticPath(features[labels >= 0], codes, len(present)).fit(1.0)
        ordered = np.sort(probe.probabilities(features[pool]), axis=1)
        margins = (ordered[:, -1] - ordered[:, -2]).astype(np.float64)
        candidates = np.argsort(margins, kind="stable")[: CANDIDATES * count]
    weights = np.maximum(1 - np.nan_to_num(margins[candidates]), 1e-6)
    chosen = candidates[exemplars(features[pool[candidates]], count, weights, seed)]
    chosen = chosen[np.argsort(margins[chosen], kind="stable")]
    return ToLabel(pool[chosen], margins[chosen])


@dataclass(frozen=True)
class LabelCurvePoint:
    """What a probe of so many labels reaches: (mean, low, high) over draws, fractions."""

    num_labels: int
    chosen: tuple[float, float | None, float | None]  # accuracy, labels chosen by `label_next`
    random: tuple[float, float | None, float | None]  # accuracy, labels drawn at random
    difference: tuple[float, float | None, float | None]  # chosen less random, draw by draw


def label_curve(
    known: Embeddings,
    new: Embeddings,
    *,
    batch: int = 20,
    most: int = 400,
    draws: int = 5,
    seed: int = 0,
    progress: Listener = None,
) -> tuple[LabelCurvePoint, ...]:
    """Follow `label_next` through `known`, `batch` labels at a time up to `most`, beside labels
    drawn at random, and score `few_label_probe` of each on `new`.

    Draw i starts both from the same `batch` galaxies, drawn at random with (seed, i); a start of
    one class only is drawn again. ValueError for settings below 1, or as the probe raises it.
    """
    labelled(known, "known")
    known = known.subset(np.flatnonzero(np.asarray(known.labels) >= 0))
    truth, most = np.asarray(known.labels), min(most, len(known))
    if draws < 1 or not 1 <= batch <= most or len(np.unique(truth)) < 2:
        raise ValueError(
            f"Expected 2 classes, 1 <= batch <= {most} labels and draws >= 1, found batch {batch} "
            f"and {draws} draws."
        )
    budgets = range(batch, most + 1, batch)
    accuracies = np.empty((2, len(budgets), draws))
    with reporting(progress, draws * len(budgets), "labelling") as report:
        for draw in range(draws):
            generator = np.random.default_rng((seed, draw))
            order = generator.permutation(len(known))
            while len(np.unique(truth[order[:batch]])) < min(2, batch):
                order = generator.permutation(len(known))
            own = order[:batch]
            for step, budget in enumerate(budgets):
                if step:
                    labels = np.full(len(known), -1)
                    labels[own] = truth[own]
                    seen = dataclasses.replace(known, labels=labels)
                    own = np.concatenate([own, label_next(seen, batch, seed=draw).rows])
                for way, chosen in enumerate((own, order[:budget])):
                    result = few_label_probe(known.subset(np.sort(chosen)), new, seed=draw)
                    accuracies[way, step, draw] = result.accuracy
                report(draw * len(budgets) + step + 1)
    return tuple(
        LabelCurvePoint(budget, *map(mean_over_draws, (chosen, drawn, chosen - drawn)))
        for budget, chosen, drawn in zip(budgets, *accuracies, strict=True)
    )
