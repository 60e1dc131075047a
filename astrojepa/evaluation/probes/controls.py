"""Controls of a probe: nuisances that vectors predict, and random labels."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from astrojepa.data.dataset import Dataset
from astrojepa.data.splits import Split
from astrojepa.evaluation.baselines.vectors import Parts
from astrojepa.evaluation.probes.classification import (
    linear_probe,
    majority_probe,
    paired_bootstrap,
)
from astrojepa.evaluation.probes.few_labels import mean_over_draws
from astrojepa.evaluation.probes.regression import linear_regression_probe
from astrojepa.types import Embeddings

# declination at which the Legacy Surveys change telescopes, Dey et al. 2019 (AJ 157, 168)
NORTH_OF_DEGREES = 32.375
_CHANNEL_MEANS, _HALF_LIGHT = slice(0, 3), 33  # columns of shape_statistics


@dataclass(frozen=True)
class Control:
    """A line of the table: what a linear probe predicts besides morphology."""

    name: str
    measure: str  # "R²", or "accuracy - majority"
    value: float
    # 95 %: of the bootstrap over test galaxies, or over permutations of the labels
    interval: tuple[float, float]
    num_test: int
    setting: str


def control_table(
    parts: Parts, statistics: Parts, split: Split, seed: int = 0
) -> tuple[Control, ...]:
    """Probe one kind of vectors for the nuisances, and for labels that mean nothing.

    survey half: which survey an image is from, by the column `survey` of the data, else by
    declination north of 32.375° (left out where all galaxies are in one half); linear probe,
    accuracy less that of the most frequent half. brightness, size: mean of all channels in [0, 1],
    and radius holding half of the light in half sides, of `statistics`, the vectors of
    `summary_statistics`; ridge regression, R². random labels: the linear probe with the labels of
    train permuted, and those of validation; accuracy less the most frequent class's. A protocol
    that leaks nothing leaves it at or below 0.

    A nuisance that is told is a shortcut that a classifier might take. Left out where a part has
    nothing to fit or to score.
    """
    rows = []
    halves = survey_halves(split)
    if halves is not None:
        rows.append(_classified("survey half", parts, *halves, seed=seed))
    for name, columns in (
        ("brightness", _CHANNEL_MEANS),
        ("size", slice(_HALF_LIGHT, _HALF_LIGHT + 1)),
    ):
        known, new = (
            part.vectors[:, columns].mean(axis=1) for part in (statistics.train, statistics.test)
        )
        if np.ptp(known) > 0 and np.ptp(new) > 0:
            found = linear_regression_probe(parts.train, parts.test, known, new, seed=seed)
            rows.append(
                Control(name, "R²", found.r2, found.interval, len(found.truth), found.setting)
            )
    if len(np.unique(parts.train.labels[parts.train.labels >= 0])) > 1:
        rows.append(random_labels(parts, seed))
    return tuple(rows)


def random_labels(parts: Parts, seed: int = 0, permutations: int = 5) -> Control:
    """Fit the linear probe on permuted labels: its accuracy minus that of the most frequent class.

    Mean and 95 % interval of it over permutations: one of them may well agree with a few clusters
    of galaxies by chance, which a bootstrap over the test galaxies does not see.
    """
    generator = np.random.default_rng(seed)
    commonest = majority_probe(parts.train, parts.test)
    gains = []
    for _ in range(permutations):
        check = None if parts.chooser is None else permuted(parts.chooser, generator)
        found = linear_probe(
            permuted(parts.train, generator), parts.test, validation=check, seed=seed
        )
        gains.append(found.accuracy - commonest.accuracy)
    mean, low, high = mean_over_draws(np.array(gains))
    interval = (mean if low is None else low, mean if high is None else high)
    setting = f"{permutations} permutations"
    return Control(
        "random labels", "accuracy - majority", mean, interval, len(commonest.truth), setting
    )


def permuted(embeddings: Embeddings, generator: np.random.Generator) -> Embeddings:
    """Give the labelled galaxies one another's labels at random; unlabelled ones stay so."""
    labels = embeddings.labels.copy()
    labels[labels >= 0] = generator.permutation(labels[labels >= 0])
    return dataclasses.replace(embeddings, labels=labels)


def survey_halves(split: tuple[Dataset, ...]) -> tuple[tuple[str, ...], list[np.ndarray]] | None:
    """Return (names, labels of each part): `survey`, or north/south; None if one half."""
    if all("survey" in part.table for part in split):
        texts = [part.table["survey"].to_numpy(dtype=str) for part in split]
        names = tuple(sorted({str(text) for part in texts for text in part} - {""}))
        number = {name: place for place, name in enumerate(names)} | {"": -1}
        labels = [np.array([number[str(text)] for text in part], dtype=np.int64) for part in texts]
    else:
        names = ("north", "south")
        labels = [
            np.where(np.isnan(part.dec), -1, np.where(part.dec > NORTH_OF_DEGREES, 0, 1))
            for part in split
        ]
    train, test = labels[0], labels[-1]
    return (names, labels) if len(np.unique(train[train >= 0])) > 1 and (test >= 0).any() else None


def _classified(
    name: str, parts: Parts, classes: tuple[str, ...], labels: list[np.ndarray], seed: int
) -> Control:
    known, new = (
        dataclasses.replace(part, labels=own, classes=classes)
        for part, own in ((parts.train, labels[0]), (parts.test, labels[-1]))
    )
    found = linear_probe(known, new, seed=seed)
    difference, low, high = paired_bootstrap(found, majority_probe(known, new))
    return Control(
        name, "accuracy - majority", difference, (low, high), len(found.truth), found.setting
    )
