"""The benchmark of an encoder: probes and all baselines on one split."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from astrojepa.data.dataset import Dataset
from astrojepa.data.splits import Split, default_split, split
from astrojepa.evaluation.baselines.vectors import (
    BOTH,
    ENCODER,
    HAND_MADE,
    IMAGENET,
    PIXELS,
    RANDOM,
    STATISTICS,
    Parts,
    encoded,
    stored,
)
from astrojepa.evaluation.probes.classification import (
    knn_probe,
    linear_probe,
    majority_probe,
    paired_bootstrap,
)
from astrojepa.evaluation.probes.controls import control_table
from astrojepa.evaluation.probes.few_labels import few_label_curve, mean_over_draws
from astrojepa.evaluation.probes.fine_tuning import fine_tune, supervised
from astrojepa.evaluation.probes.metrics import balanced_interval
from astrojepa.evaluation.probes.mlp import mlp_probe
from astrojepa.evaluation.probes.regression import (
    linear_regression_probe,
    mean_value_probe,
    paired_r2_bootstrap,
)
from astrojepa.evaluation.probes.svm import svm_probe
from astrojepa.evaluation.reports.benchmark_text import benchmark_lines
from astrojepa.progress import Listener
from astrojepa.types import Embeddings, ProbeResult, RegressionResult

if TYPE_CHECKING:
    from astrojepa.checkpoints.model import Model


@dataclass(frozen=True)
class Benchmark:
    """Galaxies and labels of a benchmark; numbers compare within one only."""

    title: str  # in tables
    where: tuple[str, ...]
    label_column: str
    split: str
    rare: str = ""  # the class that reports thin; by default the smallest possible one


BENCHMARKS = {
    "B1": Benchmark("Galaxy Zoo 1", ("source=gz1-balanced",), "morphology", "column", "merger"),
    "B2": Benchmark("EFIGI", ("source=efigi",), "hubble", "column"),
}


def probe_table(
    model: Model | None,
    data: Dataset,
    kind: str = "",
    random_seeds: int = 3,
    seed: int = 42,
    *,
    mlp: bool = False,
    few_labels: bool = False,
    controls: bool = False,
    fine_tune_epochs: int = 0,
    targets: tuple[str, ...] = (),
    found: Embeddings | None = None,
    progress: Listener = None,
) -> dict[str, Any]:
    """Score linear and 20-NN probes (plain and whitened) of model and baselines on one split.

    Every probe, the baselines' included, is fitted on train, with L2 chosen on validation, and
    scored once on test. `difference` is the linear accuracy less the baseline's, with the 95 %
    interval of the paired bootstrap on the same galaxies: a model beats a baseline where it
    excludes 0. On request: rows of MLP probes and of training on the labels (the encoder, and a
    ResNet-18 from random weights as the ceiling), and tables `few_labels`, `controls` and
    `regressions` of columns of numbers in `data.table`. `text` holds all as lines.

    Without a model the vectors `found` of `data` are probed; `absent` names the rows that then
    cannot be there. Raises ValueError where the split or the labels do not allow it, or a model or
    images are needed.
    """
    parts = split(data, kind, seed) if kind else default_split(data, seed)
    if not (len(parts[0]) and len(parts[2])):
        raise ValueError(
            f"{data.name} is split into {len(parts[0]):,} galaxies for training and "
            f"{len(parts[2]):,} for testing; a probe needs both. Give more galaxies, or a column "
            "split."
        )
    absent: list[str] = []
    if model is not None:
        vectors = encoded(model, parts, random_seeds, progress)
    elif found is None:
        raise ValueError("There is nothing to probe; give a model, or vectors.")
    elif fine_tune_epochs or (controls and not data.has_images):
        needed, what = ("a model", "Fine-tuning") if fine_tune_epochs else ("images", "Controls")
        raise ValueError(f"{what} of stored vectors cannot be computed: there is need of {needed}.")
    else:
        vectors = stored(found, data, parts)
        absent = [name for name in (*HAND_MADE, PIXELS, IMAGENET, RANDOM) if name not in vectors]
    results = _probed(vectors, mlp)
    if fine_tune_epochs and model is not None:
        for name, train_on_labels in (
            ("fine-tuned", fine_tune),
            ("supervised ResNet-18", supervised),
        ):
            results[name] = train_on_labels(
                model, *parts, epochs=fine_tune_epochs, progress=progress
            )
    linear = results["linear probe"]
    train, _, test = parts
    card: dict[str, Any] = {
        "data": data.name,
        "simulated": data.simulated,
        "classes": list(data.classes),
        "split": kind or ("column" if data.split_column is not None else f"grouped, seed {seed}"),
        "num_train": linear.num_train,
        "num_test": len(linear.truth),
        "train_hash": train.id_hash,
        "test_hash": test.id_hash,
        "model_hash": model.hash if model is not None else vectors[ENCODER].train.model_hash,
        "linear_probe_accuracy": linear.accuracy,
        "confusion": linear.confusion.tolist(),
        "rows": {
            name: _row(linear, result, name != "linear probe") for name, result in results.items()
        },
    }
    if absent:
        card["absent"] = absent
    if few_labels:
        card["few_labels"] = _few_labels(vectors)
    if controls:
        card["controls"] = _controls(vectors, parts)
    if targets:
        card["regressions"] = {column: _regressions(vectors, parts, column) for column in targets}
    return {**card, "text": benchmark_lines(card)}


def markdown_table(benchmarks: list[dict[str, Any]]) -> str:
    """Lay out benchmarks side by side: accuracy, interval, lead of the linear probe."""
    titles = [" ".join([card["data"], *card["where"]]) for card in benchmarks]
    titles = [
        f"{title}, {len(card['classes'])} classes, n {card['num_test']}"
        for title, card in zip(titles, benchmarks, strict=True)
    ]
    lines = ["| test accuracy, % | " + " | ".join(titles) + " |", "|---" * (len(titles) + 1) + "|"]
    for name in benchmarks[0]["rows"]:
        cells = [_cell(card["rows"][name]) if name in card["rows"] else "" for card in benchmarks]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(row: dict[str, Any]) -> str:
    low, high = np.array(row["interval"]) * 100
    text = f"{row['accuracy'] * 100:.1f} [{low:.1f}, {high:.1f}]"
    if "difference" in row:
        mean, low, high = np.array(row["difference"]) * 100
        text += f" · {mean:+.1f} [{low:+.1f}, {high:+.1f}]"
    return text


def _probed(vectors: dict[str, Parts], mlp: bool) -> dict[str, ProbeResult]:
    """Return every probe of every kind of vectors, the encoder's first."""
    results: dict[str, ProbeResult] = {}
    for name, parts in vectors.items():
        title = "" if name == ENCODER else f"{name}, "
        results[title + "linear" if title else "linear probe"] = linear_probe(
            parts.train, parts.test, validation=parts.chooser
        )
        if name != STATISTICS:
            results[f"{title}20-NN"] = knn_probe(parts.train, parts.test)
            results[f"{title}20-NN, whitened"] = knn_probe(parts.train, parts.test, whitened=True)
        if name == BOTH:
            results[f"{title}RBF-SVM"] = svm_probe(
                parts.train, parts.test, validation=parts.chooser
            )
        if mlp:
            results[f"{title}MLP"] = mlp_probe(parts.train, parts.test, validation=parts.chooser)
        if name == ENCODER:
            results["majority"] = majority_probe(parts.train, parts.test)
    return results


def _row(linear: ProbeResult, result: ProbeResult, compare: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "accuracy": result.accuracy,
        "interval": list(result.interval),
        "balanced_accuracy": result.balanced_accuracy,
        "balanced_interval": list(balanced_interval(result)),
        "macro_f1": result.macro_f1,
        "calibration_error": result.calibration_error,
        "recalls": {
            name: {"n": int(count), "recall": float(recall) if count else None}
            for name, count, recall in zip(
                result.classes, result.counts, result.recalls, strict=True
            )
        },
        "setting": result.setting,
    }
    if compare:
        row["difference"] = [float(value) for value in paired_bootstrap(linear, result)]
    return row


def _few_labels(vectors: dict[str, Parts]) -> dict[str, list[dict[str, Any]]]:
    """Return the curve of each kind of vectors; `difference` is the encoder's minus it."""
    curves = {name: few_label_curve(parts.train, parts.test) for name, parts in vectors.items()}
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in curves}
    for name, curve in curves.items():
        for point, own in zip(curve, curves[ENCODER], strict=True):
            entry = {
                "budget": point.budget,
                "num_labels": point.num_labels,
                "draws": len(point.accuracies),
                "accuracy": list(mean_over_draws(point.accuracies)),
                "balanced_accuracy": list(mean_over_draws(point.balanced_accuracies)),
            }
            if name != ENCODER:
                entry["difference"] = list(
                    mean_over_draws(own.balanced_accuracies - point.balanced_accuracies)
                )
            found[name].append(entry)
    return found


def _controls(vectors: dict[str, Parts], parts: Split) -> dict[str, list[dict[str, Any]]]:
    """Return the controls of the encoder and, to compare, of pixels and of one random encoder."""
    return {
        name: [
            {**asdict(row), "interval": list(row.interval)}
            for row in control_table(vectors[name], vectors[STATISTICS], parts)
        ]
        for name in (ENCODER, PIXELS, f"{RANDOM} 0")
        if name in vectors
    }


def _regressions(vectors: dict[str, Parts], parts: Split, column: str) -> dict[str, dict[str, Any]]:
    """Return R² of each kind of vectors; `difference` is the encoder's minus it."""
    values = [part.table[column].to_numpy(dtype=np.float64) for part in parts]
    results: dict[str, RegressionResult] = {}
    for name, own in vectors.items():
        check = (
            (own.validation, values[1])
            if own.validation is not None and np.isfinite(values[1]).any()
            else None
        )
        results[name] = linear_regression_probe(
            own.train, own.test, values[0], values[2], validation=check
        )
    results["mean"] = mean_value_probe(
        vectors[ENCODER].train, vectors[ENCODER].test, values[0], values[2]
    )
    return {
        name: {
            "r2": result.r2,
            "interval": list(result.interval),
            "rmse": result.rmse,
            "spearman": result.spearman,
            "num_train": result.num_train,
            "num_test": len(result.truth),
            "setting": result.setting,
            **(
                {}
                if name == ENCODER
                else {"difference": list(paired_r2_bootstrap(results[ENCODER], result))}
            ),
        }
        for name, result in results.items()
    }
