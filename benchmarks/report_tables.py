"""The README's tables of results, made from the JSON of `python -m astrojepa report` in docs/reports/."""

from __future__ import annotations

from typing import Any

from astrojepa.cards import list_checkpoints
from astrojepa.evaluation.benchmark import BENCHMARKS, markdown_table
from astrojepa.evaluation.zoo import markdown_zoo

Results = dict[str, Any]
CONTROL = "random weights 0"


def results(results: Results) -> str:
    """Set the probes of the best model on both benchmarks side by side, from its card."""
    measured = (card["measured"] for card in list_checkpoints() if card.get("measured"))
    best = max(measured, key=lambda measured: float(measured[0]["linear_probe_accuracy"]))
    wanted = [list(benchmark.where) for benchmark in BENCHMARKS.values()]
    return markdown_table([one for one in best if one["where"] in wanted])


def zoo(results: Results) -> str:
    """List every model with what its card says was measured, the controls, and the recipes that were not trained."""
    return markdown_zoo(list_checkpoints())


def physics(results: Results) -> str:
    """Compare what linear regressions tell of the simulator's numbers: R², and what the encoder has more than each baseline."""
    reports = {name.rpartition(".")[0]: report for name, report in results["reports"].items() if name.endswith(".simulated")}
    lines = ["| simulated galaxies | class, % | bulge / total, R² | inclination, R² |", "|---|---|---|---|"]
    for model, report in reports.items():
        probes = report["probes"]
        lines.append(
            f"| `{model}` | {_linear(report)} | {_r2(probes, 'bulge_to_total', 'encoder')} | {_r2(probes, 'inclination_deg', 'encoder')} |"
        )
        for name in ("summary statistics", "pixel PCA-64", CONTROL):
            row = probes["rows"][f"{name}, linear"]
            mean, low, high = (100 * value for value in row["difference"])
            accuracy = f"{100 * row['accuracy']:.1f} · {mean:+.1f} [{low:+.1f}, {high:+.1f}]"
            cells = [_r2(probes, column, name) for column in ("bulge_to_total", "inclination_deg")]
            lines.append(f"| {name} | {accuracy} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _linear(report: dict[str, Any] | None) -> str:
    if report is None:
        return "*not measured*"
    row = report["probes"]["rows"]["linear probe"]
    low, high = row["interval"]
    return f"{100 * row['accuracy']:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def _r2(probes: dict[str, Any], column: str, name: str) -> str:
    row = probes["regressions"][column][name]
    low, high = row["interval"]
    if "difference" not in row:
        return f"{row['r2']:.3f} [{low:.3f}, {high:.3f}]"
    mean, low, high = row["difference"]
    return f"{row['r2']:.3f} · {mean:+.3f} [{low:+.3f}, {high:+.3f}]"
