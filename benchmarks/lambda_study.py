"""What λ does: a sweep's runs, measured alike on galaxies that took no part in the training.

python train.py --preset small.sigreg06 --sweep lambda=0,0.01,0.1,0.3,0.6,0.8,0.95,0.99 --seeds 3 --epochs 1 --warmup-epochs 0.2 \
    --data FOLDER --out runs/lambda
python -m benchmarks.lambda_study runs/lambda --data FOLDER

Adds to the sweep's table, run by run, what benchmark B1 says of the last weights: linear probe and 20-NN on its test galaxies, and
the average precision with which kNN scores find its mergers, thinned to 2 %. Writes docs/experiments/lambda/, which the explorer
opens like any sweep, and a figure of it.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

import numpy as np

import astrojepa as aj
from astrojepa import plotting
from astrojepa.evaluation.benchmark import BENCHMARKS
from astrojepa.evaluation.leaderboard import leaderboard
from astrojepa.runs import read_json, write_csv, write_json
from astrojepa.training.sweep_table import t_interval
from astrojepa.types import Embeddings
from benchmarks.app_latency import ROOT, start_chromium

OUT = ROOT / "docs" / "experiments" / "lambda"
RARE, FRACTION = "merger", 0.02
MEASURED = ("b1_linear", "b1_knn", "merger_ap")
PANELS = {  # column of the table: title
    "b1_linear": "linear probe on B1",
    "b1_knn": "20-NN on B1",
    "merger_ap": "mergers, AP of kNN",
    "effective_rank_last": "effective rank",
    "sigreg_over_floor_last": "SIGReg / floor",
    "prediction_last": "prediction loss",
}


def measure(folder: Path, source: str, draws: int) -> dict[str, float]:
    """Return what B1 says of a run's last weights."""
    benchmark = BENCHMARKS["B1"]
    data = aj.open_dataset(source, where=list(benchmark.where), label_column=benchmark.label_column)
    embedded = aj.embed(aj.load_model(folder / "last.pt"), data)
    parts = [_take(embedded, np.flatnonzero(data.split_column == part)) for part in ("train", "val", "test")]
    rare = np.where(embedded.labels < 0, -1, embedded.labels == data.classes.index(RARE)).astype(int)
    (ranking,) = leaderboard(embedded.vectors, rare, FRACTION, draws, scores=("knn",))
    linear = aj.linear_probe(parts[0], parts[2], validation=parts[1])
    values = linear.accuracy, aj.knn_probe(parts[0], parts[2]).accuracy, float(ranking.average_precision.mean())
    return dict(zip(MEASURED, values, strict=True))


def _take(embedded: Embeddings, rows: np.ndarray) -> Embeddings:
    return Embeddings(embedded.vectors[rows], embedded.labels[rows], embedded.ids[rows], embedded.classes)


def study(sweep: Path, source: str, out: Path, draws: int) -> list[dict[str, Any]]:
    """Measure every finished run, and write sweep.json and table.csv; returns the table's rows."""
    with (sweep / "table.csv").open(newline="", encoding="utf-8") as stream:
        rows: list[dict[str, Any]] = list(csv.DictReader(stream))
    for row in rows:
        if row["state"] == "finished":
            row |= measure(sweep / f"sigreg_weight={row['sigreg_weight']}" / f"seed{row['seed']}", source, draws)
            print({name: row[name] for name in ("sigreg_weight", "seed", *MEASURED)}, flush=True)
    out.mkdir(parents=True, exist_ok=True)
    record = read_json(sweep / "sweep.json")
    record["config"]["data"]["data"] = Path(source).name  # no machine's path
    write_json(out / "sweep.json", record)
    write_csv(rows, out / "table.csv")
    return rows


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw every measure against ρ, means and 95 % intervals over seeds; λ = 0, which has none, stands apart at the left."""
    from playwright.sync_api import sync_playwright
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=3, subplot_titles=list(PANELS.values()), horizontal_spacing=0.07, vertical_spacing=0.16)
    strengths = sorted({float(row["strength"]) for row in rows})
    places = np.log10([strength or min(filter(None, strengths)) / 10 for strength in strengths])
    for panel, column in enumerate(PANELS):
        groups = [
            [float(row[column]) for row in rows if float(row["strength"]) == strength and row[column]] for strength in strengths
        ]
        means = [float(np.mean(group)) for group in groups]
        ends = [t_interval(group) or (mean, mean) for group, mean in zip(groups, means, strict=True)]
        above, below = ([abs(end[side] - mean) for end, mean in zip(ends, means, strict=True)] for side in (1, 0))
        bars = {"type": "data", "array": above, "arrayminus": below, "thickness": 1}
        line = {"color": "#4C9BE8"}
        figure.add_scatter(
            x=places, y=means, error_y=bars, mode="lines+markers", line=line, row=panel // 3 + 1, col=panel % 3 + 1
        )
    names = [f"{strength:.2g}" for strength in strengths]
    figure.update_xaxes(tickvals=places, ticktext=names, title="ρ = λ / (1 - λ)")
    figure.update_layout(
        width=1200, height=620, showlegend=False, template="simple_white", margin={"t": 48, "l": 48, "r": 16, "b": 48}
    )
    page = f"<!doctype html><script>{plotting.plotly_script()}</script>{figure.to_html(full_html=False, include_plotlyjs=False)}"
    with sync_playwright() as playwright:
        chromium = start_chromium(playwright)
        tab = chromium.new_page(viewport={"width": 1216, "height": 640})
        tab.set_content(page)
        tab.locator(".plot-container").screenshot(path=str(path))
        chromium.close()


def main(arguments: list[str] | None = None) -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweep", type=Path, help="folder of train.py --sweep lambda=...")
    parser.add_argument("--data", required=True, help="the folder of real galaxies")
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args(arguments)
    draw(study(options.sweep, options.data, options.out, options.draws), options.out / "lambda.png")


if __name__ == "__main__":
    main()
