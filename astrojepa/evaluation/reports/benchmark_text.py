"""How a benchmark reads in the terminal: its card in, lines out."""

from __future__ import annotations

from typing import Any

import numpy as np

_SHOWN = (
    "linear probe",
    "20-NN",
    "polar Fourier, linear",
    "summary statistics, linear",
    "pixel PCA-64, linear",
    "random weights 0, linear",
)


def benchmark_lines(card: dict[str, Any]) -> list[str]:
    """Lay out the results of `probe_table`: probes, recall, and further tables."""
    absent = ", ".join(card.get("absent", []))  # rows that a table of stored vectors lacks
    lines = [
        f"{card['data']}{' (SIMULATED)' if card['simulated'] else ''}: split {card['split']}, "
        f"{card['num_train']} for training (hash {card['train_hash']}), {card['num_test']} for "
        f"testing (hash {card['test_hash']}), {len(card['classes'])} classes",
        *_probes(card["rows"]),
        *([f"not included, for want of images or a model: {absent}"] if absent else []),
        "",
        *_recalls(card["rows"], card["classes"]),
    ]
    for key, lay_out in (
        ("few_labels", _few_labels),
        ("controls", _controls),
        ("regressions", _regressions),
    ):
        if key in card:
            lines += ["", *lay_out(card[key])]
    return lines


def _probes(rows: dict[str, Any]) -> list[str]:
    lines = [
        f"{'':32s} accuracy  95 % interval   balanced  macro-F1  calibration error  linear probe "
        "minus this"
    ]
    for name, row in rows.items():
        low, high = np.array(row["interval"]) * 100
        line = (
            f"{name:32s} {row['accuracy']:8.1%}  {low:5.1f} to {high:5.1f}   "
            f"{row['balanced_accuracy']:8.1%}"
        )
        line += f"  {row['macro_f1']:8.1%}  {row['calibration_error']:17.1%}"
        lines.append(line + (f"  {_difference(row['difference'])}" if "difference" in row else ""))
    return lines


def _recalls(rows: dict[str, Any], classes: list[str]) -> list[str]:
    shown = [name for name in _SHOWN if name in rows]
    lines = ["recall, %" + " " * 23 + "n  " + "  ".join(shown)]
    for name in classes:
        cells = []
        for title in shown:
            recall = rows[title]["recalls"][name]["recall"]
            cells.append(f"{'-' if recall is None else f'{100 * recall:.1f}':>{len(title)}s}")
        lines.append(f"{name:27s} {rows[shown[0]]['recalls'][name]['n']:5d}  " + "  ".join(cells))
    return lines


def _few_labels(curves: dict[str, Any]) -> list[str]:
    lines = ["few labels: balanced accuracy, %, mean over draws ± 95 % interval of the mean"]
    lines.append(f"{'':14s} labels  draws  " + "  ".join(f"{name:>18s}" for name in curves))
    for place, point in enumerate(next(iter(curves.values()))):
        cells = []
        for curve in curves.values():
            mean, low, _ = curve[place]["balanced_accuracy"]
            cells.append(
                f"{100 * mean:.1f}" + ("" if low is None else f" ± {100 * (mean - low):.1f}")
            )
        line = f"{point['budget']:14s} {point['num_labels']:6d}  {point['draws']:5d}  "
        lines.append(line + "  ".join(f"{cell:>18s}" for cell in cells))
    return lines


def _controls(tables: dict[str, Any]) -> list[str]:
    lines = [
        f"controls: other properties in vectors {'measure':20s}     n  value, %  95 % interval"
    ]
    for name, rows in tables.items():
        for row in rows:
            low, high = np.array(row["interval"]) * 100
            title = f"{name}: {row['name']}"
            line = (
                f"{title:37s} {row['measure']:20s} {row['num_test']:5d}  "
                f"{100 * row['value']:8.1f}  {low:5.1f} to {high:5.1f}"
            )
            lines.append(line)
    return lines


def _regressions(tables: dict[str, Any]) -> list[str]:
    lines = []
    for column, rows in tables.items():
        count = next(iter(rows.values()))["num_test"]
        lines.append(
            f"{f'{column}, n {count}':32s}       R²   95 % interval       RMSE  Spearman  "
            "encoder's R² minus this"
        )
        for name, row in rows.items():
            low, high = row["interval"]
            line = (
                f"{name:32s} {row['r2']:8.3f}  {low:6.3f} to {high:6.3f}  {row['rmse']:9.4g}  "
                f"{row['spearman']:8.3f}"
            )
            if "difference" in row:
                mean, low, high = row["difference"]
                line += f"  {mean:+.3f} [{low:+.3f}, {high:+.3f}]"
            lines.append(line)
    return lines


def _difference(values: list[float]) -> str:
    mean, low, high = np.array(values) * 100
    return f"{mean:+5.1f} [{low:+.1f}, {high:+.1f}]"
