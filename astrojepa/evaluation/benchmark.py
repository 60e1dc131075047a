"""One table that says whether an encoder has learned anything: probes beside every trivial baseline, on one split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from astrojepa.data.splits import default_split, split
from astrojepa.evaluation.embed import embed, pixel_pca, summary_statistics
from astrojepa.evaluation.probes import knn_probe, linear_probe, majority_probe, paired_bootstrap

if TYPE_CHECKING:
    from astrojepa.checkpoint import Model
    from astrojepa.data.dataset import Dataset
    from astrojepa.types import Embeddings, ProbeResult


def probe_table(model: Model, data: Dataset, kind: str = "", random_seeds: int = 3, seed: int = 42) -> dict[str, Any]:
    """Score linear and 20-NN probes of a model, and the baselines, on the test part of one split.

    Every probe, the baselines' included, is fitted on train, with L2 chosen on validation, and scored once on test. `difference` is
    the linear accuracy less the baseline's, with the 95 % interval of the paired bootstrap on the same galaxies: a model beats a
    baseline where it excludes 0.
    `text` holds the table as lines. Raises ValueError where the split or the labels do not allow it.
    """
    train, validation, test = split(data, kind, seed) if kind else default_split(data, seed)
    parts = (train, validation, test)

    def probed(parts: list[Embeddings]) -> tuple[ProbeResult, ProbeResult]:
        known, check, new = parts
        return linear_probe(known, new, validation=check if len(check) else None), knn_probe(known, new)

    encoded = [embed(model, part) for part in parts]
    linear, nearest = probed(encoded)
    results = {"linear probe": linear, "20-NN": nearest, "majority": majority_probe(encoded[0], encoded[2])}
    results["summary statistics, linear"], _ = probed([summary_statistics(part) for part in parts])
    known, new = pixel_pca(train, test)
    _, check = pixel_pca(train, validation)  # fitted on train alone, so the components are the same
    results["pixel PCA-64, linear"], results["pixel PCA-64, 20-NN"] = probed([known, check, new])
    for number in range(random_seeds):
        control = model.randomised(number)
        found = probed([embed(control, part) for part in parts])
        results[f"random weights {number}, linear"], results[f"random weights {number}, 20-NN"] = found
    rows = {name: _row(linear, result, name != "linear probe") for name, result in results.items()}
    card: dict[str, Any] = {
        "data": data.name,
        "simulated": data.simulated,
        "classes": list(data.classes),
        "split": kind or ("column" if data.split_column is not None else f"grouped, seed {seed}"),
        "num_train": len(train),
        "num_test": len(linear.truth),
        "test_hash": test.id_hash,
        "model_hash": model.hash,
        "linear_probe_accuracy": linear.accuracy,
        "rows": rows,
    }
    return {**card, "text": _lines(card)}


def markdown_table(benchmarks: list[dict[str, Any]]) -> str:
    """Lay out benchmarks from a card side by side: accuracy with its interval, and what the linear probe is better by."""
    titles = [" ".join([card["data"], *card["where"]]) for card in benchmarks]
    titles = [
        f"{title}, {len(card['classes'])} classes, n {card['num_test']}" for title, card in zip(titles, benchmarks, strict=True)
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


def _row(linear: ProbeResult, result: ProbeResult, compare: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "accuracy": result.accuracy,
        "interval": list(result.interval),
        "balanced_accuracy": result.balanced_accuracy,
        "macro_f1": result.macro_f1,
        "setting": result.setting,
    }
    if compare:
        row["difference"] = [float(value) for value in paired_bootstrap(linear, result)]
    return row


def _lines(card: dict[str, Any]) -> list[str]:
    lines = [
        f"{card['data']}{' (SIMULATED)' if card['simulated'] else ''}: split {card['split']}, {card['num_train']} to learn, "
        f"{card['num_test']} to test (hash {card['test_hash']}), {len(card['classes'])} classes",
        f"{'':30s} accuracy  95 % interval   balanced   linear probe less this",
    ]
    for name, row in card["rows"].items():
        low, high = np.array(row["interval"]) * 100
        line = f"{name:30s} {row['accuracy']:8.1%}  {low:5.1f} to {high:5.1f}   {row['balanced_accuracy']:8.1%}"
        if "difference" in row:
            mean, low, high = np.array(row["difference"]) * 100
            line += f"   {mean:+5.1f} [{low:+.1f}, {high:+.1f}]"
        lines.append(line)
    return lines
