"""What the probe lab computes: probes and the baselines beside them, on one named split. A task for the board of jobs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import astrojepa as aj
from app.jobs import Progress


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    result: Any  # ProbeResult
    difference: tuple[float, float, float] | None  # the probe minus this baseline, with its interval


@dataclass(frozen=True)
class Report:
    """A probe with its baselines and the rows of the data set that were scored."""

    rows: tuple[Row, ...]  # the probe first
    test: np.ndarray  # int64, rows of the data set behind the scored galaxies
    split: str
    num_known: int


def rows_of(part: Any, whole: Any) -> np.ndarray:
    """Return where a subset's galaxies stand in the whole data set."""
    order = np.argsort(whole.rows, kind="stable")
    return order[np.searchsorted(whole.rows, part.rows, sorter=order)]


def take(embeddings: Any, rows: np.ndarray) -> Any:
    """Return the embeddings of some rows."""
    return dataclasses.replace(
        embeddings, vectors=embeddings.vectors[rows], labels=embeddings.labels[rows], ids=embeddings.ids[rows]
    )


def known_share(labels: np.ndarray, fraction: float, seed: int = 0) -> np.ndarray:
    """Choose a fraction of the labelled rows, class by class and at least one of each: ascending positions."""
    rng = np.random.default_rng(seed)
    chosen = []
    for label in np.unique(labels[labels >= 0]):
        members = rng.permutation(np.flatnonzero(labels == label))
        chosen.append(members[: max(1, round(fraction * len(members)))])
    return np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, dtype=np.int64)


def probe_report(
    model: Any, data: Any, embeddings: Any, kind: str, fraction: float, with_random: bool
) -> Callable[[Progress], Report]:
    """Train the probe and its baselines on the same galaxies, and score all on the same test galaxies."""

    def task(report: Progress) -> Report:
        from astrojepa.data.splits import default_split, split_name

        steps = 4 if with_random else 3
        report(0, steps, "")
        train, _, test = (rows_of(part, data) for part in default_split(data))
        train = train[known_share(data.labels[train], fraction)]
        fit = aj.linear_probe if kind == "linear" else aj.knn_probe
        known, new = take(embeddings, train), take(embeddings, test)
        results = [("This model", fit(known, new))]
        report(1, steps, "")
        results.append(("Commonest class", aj.majority_probe(known, new)))
        if model is not None:
            results.append(("Pixel PCA", fit(*aj.pixel_pca(data.subset(train), data.subset(test)))))
        report(3, steps, "")
        if with_random and model is not None:
            control = aj.embed(model.randomised(), data)
            results.append(("Random weights", fit(take(control, train), take(control, test))))
        first = results[0][1]
        rows = [Row(name, result, None if result is first else aj.paired_bootstrap(first, result)) for name, result in results]
        return Report(tuple(rows), test[first.rows], split_name(data), len(train))

    return task
