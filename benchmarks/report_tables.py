"""The tables of docs/results.md and of the README, made from the JSON of `python -m astrojepa
report` in docs/reports/.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from astrojepa.checkpoints.card import best_id, list_checkpoints
from astrojepa.evaluation.reports.benchmark import BENCHMARKS, markdown_table
from astrojepa.evaluation.reports.zoo import markdown_zoo
from astrojepa.training.sweep.table import t_interval

Results = dict[str, Any]
CONTROL = "random weights 0"
EXPERIMENTS = Path(__file__).parents[1] / "docs" / "experiments"
SUMMARY = {  # row of a card: what the README calls it
    "linear probe": "linear probe of `{best}`, trained without labels",
    "20-NN": "20 nearest neighbours by the same embeddings",
    CONTROL + ", linear": "linear probe of the same network with random weights",
    "pixel PCA-64, linear": "linear probe of 64 principal components of the pixels",
    "statistics of the crop, linear": "linear probe of hand-made shape statistics, same crop",
    "statistics and polar Fourier, RBF-SVM": "SVM of shape and polar Fourier statistics",
    "ImageNet transfer, linear": "linear probe of a network trained on ImageNet",
    "majority": "always the most frequent class",
    "supervised ResNet-18": "ResNet-18 trained with the labels, 12 epochs (longer, on Galaxy Zoo 1: 85.4)",
}
STUDIED = {  # column of a studied sweep: title, factor, format
    "b1_linear": ("B1, linear, %", 100, ".1f"),
    "b1_knn": ("B1, 20-NN, %", 100, ".1f"),
    "b2_linear": ("B2, linear, %", 100, ".1f"),
    "merger_ap": ("mergers, AP of kNN", 1, ".4f"),
    "effective_rank_last": ("effective rank", 1, ".1f"),
    "sigreg_over_floor_last": ("SIGReg / floor", 1, ".1f"),
    "images_per_second": ("pictures / s, one thread", 1, ".0f"),
    "peak_megabytes": ("memory, MB", 1, ".0f"),
}


def results(results: Results) -> str:
    """Return the probes of the best model on both benchmarks, from its card."""
    return markdown_table(_measured_of_best())


def summary(results: Results) -> str:
    """Reduce the same to the best model, its baselines and a network trained with labels."""
    measured = _measured_of_best()
    lines = [
        f"| accuracy, % | {' | '.join(one.title for one in BENCHMARKS.values())} |",
        "|---" * (len(measured) + 1) + "|",
    ]
    for key, title in SUMMARY.items():
        cells = [_percent(_row(one, key)) for one in measured]
        lines.append(f"| {title.format(best=best_id())} | {' | '.join(cells)} |")
    return "\n".join(lines)


def zoo(results: Results) -> str:
    """List every model with what its card says was measured, the controls, and the recipes that
    were not trained.
    """
    return markdown_zoo(list_checkpoints())


def physics(results: Results) -> str:
    """Compare what linear regressions tell of the simulator's numbers: R², and what the encoder
    has more than each baseline.
    """
    reports = {
        name.rpartition(".")[0]: report
        for name, report in results["reports"].items()
        if name.endswith(".simulated")
    }
    lines = [
        "| simulated galaxies | class, % | bulge / total, R² | inclination, R² |",
        "|---|---|---|---|",
    ]
    for model, report in reports.items():
        probes = report["probes"]
        lines.append(
            f"| `{model}` | {_linear(report)} | {_r2(probes, 'bulge_to_total', 'encoder')} | "
            f"{_r2(probes, 'inclination_deg', 'encoder')} |"
        )
        for name in ("summary statistics", "pixel PCA-64", CONTROL):
            row = probes["rows"][f"{name}, linear"]
            mean, low, high = (100 * value for value in row["difference"])
            accuracy = f"{100 * row['accuracy']:.1f} · {mean:+.1f} [{low:+.1f}, {high:+.1f}]"
            cells = [_r2(probes, column, name) for column in ("bulge_to_total", "inclination_deg")]
            lines.append(f"| {name} | {accuracy} | {' | '.join(cells)} |")
    return "\n".join(lines)


def lambda_study(results: Results) -> str:
    """Average the runs of docs/experiments/lambda over seeds."""
    return _studied(
        "lambda",
        "sigreg_weight",
        {"λ": lambda row: f"{float(row['sigreg_weight']):g}", "ρ": _strength},
    )


def size_study(results: Results) -> str:
    """Average the runs of docs/experiments/size over seeds."""
    return _studied("size", "width", {"width": lambda row: row["width"], "encoder": _parameters})


def depth_study(results: Results) -> str:
    """Average the runs of docs/experiments/depth over seeds."""
    return _studied("depth", "depth", {"blocks": lambda row: row["depth"], "encoder": _parameters})


def _parameters(row: dict[str, str]) -> str:
    return f"{int(row['parameters']):,}"


def _strength(row: dict[str, str]) -> str:
    return f"{float(row['strength']):.2g}"


def _studied(folder: str, setting: str, named: dict[str, Callable[[dict[str, str]], str]]) -> str:
    """Lay out means over seeds with 95 % t-intervals, a line per value of the setting."""
    with (EXPERIMENTS / folder / "table.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    columns = {column: shown for column, shown in STUDIED.items() if rows[0].get(column)}
    titles = [*named, "seeds", *(title for title, _, _ in columns.values())]
    lines = ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    for value in dict.fromkeys(row[setting] for row in rows):
        group = [row for row in rows if row[setting] == value]
        cells = [*(name(group[0]) for name in named.values()), str(len(group))]
        for column, (_, factor, form) in columns.items():
            numbers = [factor * float(row[column]) for row in group]
            low, high = t_interval(numbers) or (numbers[0], numbers[0])
            cells.append(f"{np.mean(numbers):{form}} [{low:{form}}, {high:{form}}]")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _measured_of_best() -> list[dict[str, Any]]:
    """Return what the card of the best model holds about the benchmarks, in their order."""
    (best,) = (card for card in list_checkpoints() if card["id"] == best_id())
    found = {tuple(one["where"]): one for one in best["measured"]}
    return [found[benchmark.where] for benchmark in BENCHMARKS.values()]


def _row(measured: dict[str, Any], key: str) -> dict[str, Any]:
    """Return a row of the best model's card, or of the first card that has it: what was trained
    with labels on the same galaxies is no model's own.
    """
    same = (one for card in list_checkpoints() for one in card["measured"])
    others = (one for one in same if one["where"] == measured["where"])
    return next(one["rows"][key] for one in (measured, *others) if key in one["rows"])


def _linear(report: dict[str, Any] | None) -> str:
    if report is None:
        return "*not measured*"
    return _percent(report["probes"]["rows"]["linear probe"])


def _percent(row: dict[str, Any]) -> str:
    low, high = row["interval"]
    return f"{100 * row['accuracy']:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def _r2(probes: dict[str, Any], column: str, name: str) -> str:
    row = probes["regressions"][column][name]
    low, high = row["interval"]
    if "difference" not in row:
        return f"{row['r2']:.3f} [{low:.3f}, {high:.3f}]"
    mean, low, high = row["difference"]
    return f"{row['r2']:.3f} · {mean:+.3f} [{low:+.3f}, {high:+.3f}]"
