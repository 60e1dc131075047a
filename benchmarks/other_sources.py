"""Probes fitted to one source of galaxies and scored on others, which are zoomed otherwise.

python -m benchmarks.other_sources best runs/NAME own-size polar statistics imagenet
    [--data ../shared/galaxies] [--test]

Linear and 20-NN probes are fitted to `gz1-balanced` and scored on `gz1-wide` and `gz2-votes`, whose
frames show about half as much sky: balanced accuracy over the four classes of Galaxy Zoo. *Source*
is the accuracy with which a linear probe tells the three sources apart, in 4-fold cross-validation
over equally many galaxies of each class in each; chance is 33.3 %. *Within* is the balanced accuracy
of a linear probe fitted to the other source itself, in 4-fold cross-validation: labels that
contradict the images limit it too. *Unusual* is the share of its galaxies with a typicality of 5 %
or less, and *covered* that whose class is in its 90 % set, for a classifier fitted to half of
`gz1-balanced` and calibrated on the other half. All on training and validation galaxies, so that models may be
chosen by it; `--test` scores the test parts once.

`polar` and `statistics` are the hand-made numbers on the crop of the best model, `own-size` both of
them on the square of 1.5 Petrosian radii around each galaxy, `imagenet` the features of a network
trained on ImageNet. Vectors come from one pass.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import astrojepa as aj
from astrojepa.config import ImageConfig
from astrojepa.data.dataset import Dataset
from astrojepa.data.splits import default_split
from astrojepa.evaluation.probes.portable import fit_probe
from astrojepa.evaluation.probes.typicality import UNUSUAL
from astrojepa.evaluation.vectors.embed import imagenet_transfer, own_size_statistics
from astrojepa.types import Embeddings, ProbeResult
from benchmarks.cross_validation import FOLDS, fold_of_each, vectors_of
from benchmarks.measure import machine, write

KNOWN, OTHERS = "gz1-balanced", ("gz1-wide", "gz2-votes")
WHOLE = ImageConfig(image_size=128, patch_size=16, crop_fraction=1.0)
PROBES: dict[str, Callable[[Embeddings, Embeddings], ProbeResult]] = {
    "linear": aj.linear_probe,
    "20-NN": aj.knn_probe,
}


def embedded(name: str, data: Dataset) -> Embeddings:
    """Return the vectors of a model, or hand-made numbers."""
    if name == "own-size":
        return own_size_statistics(data, WHOLE)
    if name == "imagenet":
        found = imagenet_transfer(data)
        if found is None:
            raise SystemExit("There are no ImageNet weights here; install the development extra.")
        return found
    return vectors_of(name, data)


def galaxies(source: Path, name: str, tested: bool) -> Dataset:
    """Return the labelled galaxies of a source: its test part, or the others."""
    data = aj.open_dataset(source, where=[f"source={name}"], label_column="morphology")
    test = set(default_split(data)[2].ids)
    keep = [row for row, key in enumerate(data.ids) if (key in test) == tested]
    return data.subset(np.array([row for row in keep if data.labels[row] >= 0]))


def within(part: Embeddings) -> float:
    """Return the balanced accuracy of a linear probe fitted to three quarters of a source."""
    folds, correct = fold_of_each(part.labels), np.empty(len(part.labels), dtype=bool)
    for fold in range(FOLDS):
        known, new = (part.subset(np.flatnonzero(rows)) for rows in (folds != fold, folds == fold))
        correct[folds == fold] = aj.linear_probe(known, new).correct
    classes = np.unique(part.labels)
    return round(100 * float(np.mean([correct[part.labels == one].mean() for one in classes])), 1)


def taken_away(fitted: Embeddings, parts: dict[str, Embeddings]) -> dict[str, float]:
    """Return what a classifier says of galaxies of its own source and of others, in percent."""
    folds = fold_of_each(fitted.labels)
    known, chooser, kept = (
        fitted.subset(np.flatnonzero(rows)) for rows in (folds < 2, folds == 2, folds == 3)
    )
    halves = fold_of_each(kept.labels, seed=1) < 2
    new, kept = (kept.subset(np.flatnonzero(rows)) for rows in (halves, ~halves))
    probe = fit_probe("linear", known, chooser, validation=chooser)[0]
    probe = probe.calibrated(known, chooser, kept)
    found = {}
    for name, part in {KNOWN: new, **parts}.items():
        says = probe.predict(part, 0.9)
        covered = says.covered(np.array(part.classes)[part.labels])
        found[f"{name}, unusual"] = round(100 * float((says.typicality <= UNUSUAL).mean()), 1)
        found[f"{name}, covered"] = round(100 * covered, 1)
    return found


def source_told(parts: dict[str, Embeddings], seed: int = 0) -> float:
    """Return how well a linear probe tells sources apart, in percent."""
    generator = np.random.default_rng(seed)
    smallest = np.min([np.bincount(part.labels) for part in parts.values()], axis=0)
    chosen = [
        part.subset(
            np.concatenate(
                [
                    generator.choice(np.flatnonzero(part.labels == label), count, replace=False)
                    for label, count in enumerate(smallest)
                ]
            )
        )
        for part in parts.values()
    ]
    numbers = np.repeat(np.arange(len(parts)), smallest.sum())
    every = Embeddings(
        np.concatenate([part.vectors for part in chosen]),
        numbers,
        np.concatenate([part.ids for part in chosen]),
        tuple(parts),
    )
    folds, right = fold_of_each(numbers), 0
    for fold in range(FOLDS):
        known, new = (every.subset(np.flatnonzero(rows)) for rows in (folds != fold, folds == fold))
        right += int(aj.linear_probe(known, new).correct.sum())
    return round(100 * right / len(numbers), 1)


def main() -> None:
    """Measure what the command line names."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("models", nargs="+")
    flags.add_argument("--data", type=Path, default=Path("../shared/galaxies"))
    flags.add_argument("--test", action="store_true")
    flags.add_argument("--out", type=Path, default=Path("other_sources.json"))
    given = flags.parse_args()
    known = galaxies(given.data, KNOWN, tested=False)
    others = {name: galaxies(given.data, name, given.test) for name in OTHERS}
    rows: list[dict[str, Any]] = []
    for model in given.models:
        fitted = embedded(model, known)
        parts = {name: embedded(model, data) for name, data in others.items()}
        row: dict[str, Any] = {"model": model}
        for (name, part), (kind, probe) in itertools.product(parts.items(), PROBES.items()):
            row[f"{name}, {kind}"] = round(100 * probe(fitted, part).balanced_accuracy, 1)
        if not given.test:
            row |= {f"{name}, within": within(part) for name, part in parts.items()}
            row |= taken_away(fitted, parts)
            row["source"] = source_told({KNOWN: fitted, **parts})
        print(row, flush=True)
        rows.append(row)
    counts = {name: len(data) for name, data in {KNOWN: known, **others}.items()}
    write(given.out, {"machine": machine(), "galaxies": counts, "models": rows})


if __name__ == "__main__":
    main()
