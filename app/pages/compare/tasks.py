"""What the compare page measures: probes of two models, and curves of a sweep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

import astrojepa as aj
from astrojepa.places import TOP
from astrojepa.progress import Progress

from ...components.difference import words
from ...session.queue import as_task
from ..probe.tasks import rows_of

KINDS = {"linear": "Linear probe", "knn": "20 nearest neighbours"}
CURVES = {
    "linear_accuracy_last": "linear probe, accuracy",
    "knn_accuracy_last": "20-NN, accuracy",
    "effective_rank_last": "effective rank",
    "sigreg_over_floor_last": "SIGReg / floor",
    "merger_ap": "rare mergers, average precision",
}
LAMBDA = "sigreg_weight"


@dataclass(frozen=True)
class Accuracy:
    """One kind of probe on both models, scored on the same test galaxies."""

    kind: str
    first: Any  # ProbeResult
    second: Any
    difference: tuple[float, float, float]  # first minus second, with its interval
    split: str
    hand_made: Any = None  # ProbeResult on hand-made statistics; None without images


@dataclass(frozen=True)
class Curve:
    """A line of a sweep's figure: means over seeds and 95 % intervals (None for one seed)."""

    x: list[float]
    y: list[float]
    low: list[float | None]
    high: list[float | None]


@as_task
def accuracies(report: Progress, data: Any, first: Any, second: Any) -> list[Accuracy]:
    """Train both kinds of probe on both models and hand-made statistics, on the same galaxies."""
    from astrojepa.data.splits import default_split, split_name
    from astrojepa.evaluation.vectors.embed import summary_statistics

    train, _, test = (rows_of(part, data) for part in default_split(data))
    compared = [first, second]
    if data.has_images:
        measured = summary_statistics(data, progress=report)
        compared.append(replace(measured, labels=first.labels, classes=first.classes))
    found: list[Accuracy] = []
    probes: dict[str, Callable[..., Any]] = {"linear": aj.linear_probe, "knn": aj.knn_probe}
    for kind, fit in probes.items():
        results: list[Any] = []
        for embeddings in compared:
            results.append(fit(embeddings.subset(train), embeddings.subset(test)))
            done = len(found) * len(compared) + len(results)
            report(done, len(probes) * len(compared), "Training probes")
        of_first, of_second, *of_hand_made = results
        difference = aj.paired_bootstrap(of_first, of_second)
        found.append(
            Accuracy(kind, of_first, of_second, difference, split_name(data), *of_hand_made)
        )
    return found


def verdict(accuracy: Accuracy, first: str, second: str) -> str:
    """Say which model a probe prefers: only if the interval of the difference excludes 0."""
    verb, numbers = words(accuracy.difference)
    return f"{KINDS[accuracy.kind]}: {first} {verb} {second}, {numbers}."


def sweep_folders() -> list[Path]:
    """Find the sweeps beside the runs and those that are published here, newest name first."""
    places = dict.fromkeys([Path("runs").resolve(), TOP / "runs", TOP / "docs" / "experiments"])
    found = {
        path.parent for place in places if place.is_dir() for path in place.glob("*/sweep.json")
    }
    whole = (folder for folder in found if (folder / "table.csv").is_file())
    return sorted(whole, key=lambda folder: folder.name, reverse=True)


def read_sweep(folder: Path) -> tuple[list[str], pd.DataFrame]:
    """Read the settings of a sweep and its table of runs; ValueError for other folders."""
    from astrojepa.files import read_json

    settings = read_json(folder / "sweep.json").get("settings")
    table = pd.read_csv(folder / "table.csv")
    if (
        not isinstance(settings, dict)
        or not settings
        or not {*settings, "seed"} <= {*map(str, table.columns)}
    ):
        raise ValueError(
            f"{folder.name} is not a sweep: its table has no column for every setting of "
            f"sweep.json."
        )
    return [str(name) for name in settings], table


def sweep_curves(
    settings: list[str], table: pd.DataFrame, metric: str
) -> tuple[str, dict[str, Curve]]:
    """Return the axis and a curve per combination of the other settings: means over seeds.

    λ is the axis where it was varied, else the first setting that is a number throughout;
    ValueError where none is.
    """
    from astrojepa.training.sweep.table import t_interval

    numeric = [
        name for name in settings if pd.to_numeric(table[name], errors="coerce").notna().all()
    ]
    axis = LAMBDA if LAMBDA in numeric else next(iter(numeric), "")
    if not axis:
        raise ValueError(
            f"No setting of this sweep is a number ({', '.join(settings)}), so there is no curve "
            f"to draw."
        )
    others = [name for name in settings if name != axis]
    known = (
        table[pd.to_numeric(table[metric], errors="coerce").notna()]
        if metric in table.columns
        else table[:0]
    )
    curves: dict[str, Curve] = {}
    for values, part in known.groupby(others) if others else [((), known)]:
        label = ", ".join(f"{name} {value}" for name, value in zip(others, values, strict=True))
        points = [
            (float(x), group[metric].astype(float).tolist()) for x, group in part.groupby(axis)
        ]
        spans = [t_interval(seeds) or (None, None) for _, seeds in points]
        means = [sum(seeds) / len(seeds) for _, seeds in points]
        curves[label] = Curve(
            [x for x, _ in points], means, [low for low, _ in spans], [high for _, high in spans]
        )
    return axis, {label: curve for label, curve in curves.items() if curve.x}
