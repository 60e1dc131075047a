"""Models by 4-fold cross-validation over the training and validation galaxies of B1, of B2, and of
all sources that have one of the ten classes of Galaxy10; the test part is not touched, so that
models may be chosen by it.

python -m benchmarks.cross_validation best runs/NAME a+b [--data ../shared/galaxies] [--out FILE]

`a+b` is two models' vectors side by side; `polar` and `statistics` are the hand-made numbers on the
crop of the best model. Vectors come from one pass.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import astrojepa as aj
from astrojepa.data.dataset import Dataset
from astrojepa.data.splits import split
from astrojepa.evaluation.reports.benchmark import BENCHMARKS, Benchmark
from astrojepa.evaluation.vectors.collapse import effective_rank
from astrojepa.evaluation.vectors.embed import crop_statistics, polar_statistics
from astrojepa.evaluation.vectors.standardise import standardise
from astrojepa.types import Embeddings
from benchmarks.measure import machine, write

FOLDS = 4
TEN = {"ten": Benchmark("ten classes", (), "galaxy10_class", "column")}  # as `labels.csv` has them
HAND_MADE = {"polar": polar_statistics, "statistics": crop_statistics}


def galaxies(source: Path, name: str) -> Dataset:
    """Return the labelled training and validation galaxies of a benchmark."""
    benchmark = (BENCHMARKS | TEN)[name]
    data = aj.open_dataset(source, where=benchmark.where, label_column=benchmark.label_column)
    tested = set(split(data, benchmark.split)[2].ids)
    keep = [row for row, key in enumerate(data.ids) if key not in tested and data.labels[row] >= 0]
    return data.subset(np.array(keep))


def vectors_of(name: str, data: Dataset) -> Embeddings:
    """Return the vectors of a model, or of several standardised and side by side."""
    names = name.split("+")
    found = [
        HAND_MADE[part](data, aj.load_model("best").config.image)
        if part in HAND_MADE
        else aj.embed(aj.load_model(part), data, passes=1)
        for part in names
    ]
    if len(found) == 1:
        return found[0]
    side_by_side = np.concatenate([standardise(one.vectors)[0] for one in found], axis=1)
    return replace(found[0], vectors=side_by_side)


def fold_of_each(labels: np.ndarray, seed: int = 0) -> np.ndarray:
    """Draw a fold for each galaxy, equally many of each class: int64 (n,), 0 to FOLDS - 1."""
    generator = np.random.default_rng(seed)
    folds = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        folds[members] = np.arange(len(members)) % FOLDS
    return folds


def measured(embeddings: Embeddings) -> dict[str, float]:
    """Return linear and 20-NN accuracy in percent, over all folds, the mean of the linear probe's
    over classes, and the effective rank.
    """
    folds, labels = fold_of_each(embeddings.labels), embeddings.labels
    right = {probe: np.empty(len(folds), dtype=bool) for probe in ("linear", "knn")}
    for fold in range(FOLDS):
        known, new = (
            embeddings.subset(np.flatnonzero(part)) for part in (folds != fold, folds == fold)
        )
        right["linear"][folds == fold] = aj.linear_probe(known, new).correct
        right["knn"][folds == fold] = aj.knn_probe(known, new).correct
    shares = {probe: round(100 * correct.mean(), 2) for probe, correct in right.items()}
    balanced = np.mean([right["linear"][labels == one].mean() for one in np.unique(labels)])
    return {
        **shares,
        "balanced": round(100 * float(balanced), 2),
        "effective_rank": round(effective_rank(embeddings.vectors), 1),
    }


def main() -> None:
    """Measure the models named on the command line."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("models", nargs="+")
    flags.add_argument("--data", type=Path, default=Path("../shared/galaxies"))
    flags.add_argument("--out", type=Path, default=Path("cross_validation.json"))
    given = flags.parse_args()
    data = {name: galaxies(given.data, name) for name in BENCHMARKS | TEN}
    rows = [
        {"model": model, **{name: measured(vectors_of(model, data[name])) for name in data}}
        for model in given.models
    ]
    found: dict[str, Any] = {"machine": machine(), "folds": FOLDS, "models": rows}
    write(given.out, {**found, "galaxies": {name: len(data[name]) for name in data}})


if __name__ == "__main__":
    main()
