"""The table of a sweep: runs as CSV, means and intervals as Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from astrojepa.checkpoints.weights import read_pickled
from astrojepa.files import atomic_write, read_json, write_records
from astrojepa.runs import read_metrics
from astrojepa.training.sweep.plan import FAILURE, SweepRun, value_text

METRICS = (
    "step",
    "total",
    "prediction",
    "invariance",
    "sigreg",
    "sigreg_over_floor",
    "effective_rank",
    "feature_std",
    "mean_cosine",
    "knn_accuracy",
    "linear_accuracy",
)
# What table.md shows: title, column of table.csv, factor, digits.
SHOWN = (
    ("linear probe, last epoch, %", "linear_accuracy_last", 100, 1),
    ("linear probe, best epoch, %", "linear_accuracy_best", 100, 1),
    ("20-NN, last epoch, %", "knn_accuracy_last", 100, 1),
    ("effective rank", "effective_rank_last", 1, 1),
    ("SIGReg / floor", "sigreg_over_floor_last", 1, 2),
)
LEGEND = (
    "Mean and 95 % t-interval over finished seeds, on each run's validation galaxies. ρ = λ / (1 - "
    "λ), times the batch size where sigreg_scale is count."
)


def write_tables(folder: Path, runs: Sequence[SweepRun], states: dict[str, str]) -> None:
    """Write table.csv and table.md; unfinished runs have empty metrics."""
    rows = [run_row(run, states[run.name]) for run in runs]
    write_records(folder / "table.csv", rows)
    with atomic_write(folder / "table.md") as stream:
        stream.write((markdown_table(rows, list(runs[0].values)) + "\n").encode())


def run_row(run: SweepRun, state: str) -> dict[str, Any]:
    """Return a run's settings, and metrics at the last step and at best.pt's epoch."""
    optim, aim = run.config.optim, run.config.objective
    row: dict[str, Any] = {name: value_text(value) for name, value in run.values.items()}
    row |= {"seed": run.config.seed, "strength": aim.strength(optim.batch_size), "state": state}
    metrics = read_metrics(run.folder) if state == "finished" else []
    judged = [line for line in metrics if "effective_rank" in line]
    last = metrics[-1] if metrics else {}
    step = _best_step(run.folder) if judged else None
    best = next((line for line in judged if line["step"] == step), {})
    row |= {f"{name}_last": last.get(name) for name in METRICS}
    row |= {f"{name}_best": best.get(name) for name in METRICS}
    row["failure"] = read_json(run.folder / FAILURE)["sentence"] if state == "failed" else None
    return row


def _best_step(folder: Path) -> int | None:
    """Return the step whose weights best.pt holds."""
    best = folder / "best.pt"
    return int(read_pickled(best)["step"]) if best.is_file() else None


def t_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float] | None:
    """Return mean ± t · s / √n, Student's t with n - 1 degrees; None for n < 2."""
    if len(values) < 2:
        return None
    half = (
        stats.t.ppf((1 + level) / 2, len(values) - 1)
        * np.std(values, ddof=1)
        / math.sqrt(len(values))
    )
    return float(np.mean(values) - half), float(np.mean(values) + half)


def markdown_table(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> str:
    """Lay out a line per combination of settings: mean and interval over seeds."""
    titles = [*names, "ρ", "seeds", *(title for title, *_ in SHOWN)]
    lines = ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in names), []).append(row)
    for values, group in groups.items():
        strength, finished = group[0]["strength"], sum(row["state"] == "finished" for row in group)
        seeds = str(finished) if finished == len(group) else f"{finished} of {len(group)}"
        cells = [
            _cell([row[column] for row in group if row[column] is not None], *form)
            for _, column, *form in SHOWN
        ]
        lines.append(
            "| "
            + " | ".join([*values, "∞" if strength is None else f"{strength:.3g}", seeds, *cells])
            + " |"
        )
    lines += ["", LEGEND]
    for row in rows:
        if row["failure"]:
            lines.append(
                f"\nFailed: {', '.join(f'{name}={row[name]}' for name in names)}, seed "
                f"{row['seed']}. {row['failure']}"
            )
    return "\n".join(lines)


def _cell(values: list[float], factor: float, digits: int) -> str:
    if not values:
        return "–"
    interval = t_interval(values)
    span = (
        "one seed"
        if interval is None
        else ", ".join(f"{bound * factor:.{digits}f}" for bound in interval)
    )
    return f"{np.mean(values) * factor:.{digits}f} [{span}]"
