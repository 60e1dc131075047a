"""What a setting does: a sweep's runs, measured alike on galaxies that took no part in the
training.

python train.py --preset small.sigreg06 --sweep lambda=0,0.01,0.1,0.3,0.6,0.8,0.95,0.99 --seeds 3
--epochs 1 --warmup-epochs 0.2 \
    --data FOLDER --out runs/lambda
python -m benchmarks.sweep_study runs/lambda --data FOLDER
python -m benchmarks.sweep_study runs/width runs/depth --data FOLDER --against parameters    # sizes, with their cost

Adds to a sweep's table, run by run, what the benchmarks say of the last weights: linear probe on
the test galaxies of B1 and B2, 20-NN on B1's, and the average precision with which kNN scores find
B1's mergers, thinned to 2 %; and of each size its parameters, pictures embedded per second on one
thread, and the memory of a process that does so. Writes docs/experiments/NAME/, which the explorer
opens like any sweep, and one figure of all of them. Runs that stand there already with the same
weights are not measured again.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

import astrojepa as aj
from astrojepa import plotting
from astrojepa.checkpoints.model import Model
from astrojepa.evaluation.anomalies.leaderboard import leaderboard
from astrojepa.evaluation.anomalies.leaderboard_table import rare_labels
from astrojepa.evaluation.reports.benchmark import BENCHMARKS
from astrojepa.files import read_json, write_json, write_records
from astrojepa.training.sweep.plan import read_sweep
from astrojepa.training.sweep.table import t_interval
from astrojepa.types import Embeddings
from benchmarks.app_latency import ROOT, start_chromium

OUT = ROOT / "docs" / "experiments"
RARE, FRACTION = "merger", 0.02
COMMON = {
    "b1_linear": "linear probe on B1",
    "b2_linear": "linear probe on B2",
    "merger_ap": "mergers, AP of kNN",
}
PANELS = {  # what is drawn against what: column of the table, title
    "strength": {
        **COMMON,
        "effective_rank_last": "effective rank",
        "sigreg_over_floor_last": "SIGReg / floor",
        "prediction_last": "prediction loss",
    },
    "parameters": {
        **COMMON,
        "effective_rank_last": "effective rank",
        "images_per_second": "pictures per second, one thread",
        "peak_megabytes": "memory of the process, MB",
    },
}
AXES = {"strength": "ρ = λ / (1 - λ)", "parameters": "parameters of the encoder"}
COST = """
import json, resource, sys, time
import numpy as np, torch
import astrojepa as aj
torch.set_num_threads(1)
model = aj.load_model(sys.argv[1])
frames = np.random.default_rng(0).integers(0, 255, (64, *[model.config.image.frame_size] * 2, 3), dtype=np.uint8)
times = []
for _ in range(8):
    start = time.perf_counter()
    model.encode(frames)
    times.append(time.perf_counter() - start)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"images_per_second": len(frames) / min(times), "peak_megabytes": peak}))
"""


def measure(model: Model, source: str, draws: int) -> dict[str, float]:
    """Return what the benchmarks say of a model."""
    found = {}
    for name, benchmark in BENCHMARKS.items():
        data = aj.open_dataset(
            source, where=list(benchmark.where), label_column=benchmark.label_column
        )
        embedded = aj.embed(model, data)
        parts = np.asarray(data.split_column)
        train, val, test = (_take(embedded, parts == part) for part in ("train", "val", "test"))
        found[f"{name.lower()}_linear"] = aj.linear_probe(train, test, validation=val).accuracy
        if RARE in data.classes:
            found[f"{name.lower()}_knn"] = aj.knn_probe(train, test).accuracy
            (ranking,) = leaderboard(
                embedded.vectors, rare_labels(data, RARE), FRACTION, draws, scores=("knn",)
            )
            found[f"{RARE}_ap"] = float(ranking.average_precision.mean())
    return found


def cost(path: Path) -> dict[str, float]:
    """Return what embedding costs, in a process of its own: pictures per second on one thread,
    and its memory at the most.
    """
    done = subprocess.run(
        [sys.executable, "-c", COST, str(path)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def study(
    folder: Path, source: str, out: Path, draws: int, with_cost: bool
) -> list[dict[str, Any]]:
    """Measure every finished run of a sweep, and write sweep.json and table.csv; returns the
    table's rows.
    """
    sweep = read_sweep(folder)
    runs = {_key(run.values, run.config.seed): run.folder for run in sweep.runs(folder)}
    known = (
        {_named(row, sweep.settings): row for row in _read(out / "table.csv")}
        if (out / "table.csv").is_file()
        else {}
    )
    rows = [row for row in _read(folder / "table.csv") if row["state"] == "finished"]
    out.mkdir(parents=True, exist_ok=True)
    record = read_json(folder / "sweep.json")
    record["config"]["data"]["data"] = Path(source).name  # no machine's path
    write_json(out / "sweep.json", record)
    for place, row in enumerate(rows):
        key = _named(row, sweep.settings)
        before, path = known.get(key, {}), runs[key] / "last.pt"
        model = aj.load_model(path)
        if before.get("model") == model.hash:
            row |= {name: value for name, value in before.items() if name not in row}
        else:
            row |= {"model": model.hash} | measure(model, source, draws)
            row["parameters"] = sum(
                weights.numel() for weights in model.network.encoder.parameters()
            )
            row |= cost(path) if with_cost else {}
            print(
                {
                    name: value
                    for name, value in row.items()
                    if name in (*sweep.settings, "seed", *COMMON)
                },
                flush=True,
            )
        write_records(out / "table.csv", rows[: place + 1])
    return rows


def _take(embedded: Embeddings, which: np.ndarray) -> Embeddings:
    return Embeddings(
        embedded.vectors[which], embedded.labels[which], embedded.ids[which], embedded.classes
    )


def _read(path: Path) -> list[dict[str, Any]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _key(values: dict[str, Any], seed: int) -> tuple[float, ...]:
    return (*map(float, values.values()), float(seed))


def _named(row: dict[str, Any], settings: dict[str, Any]) -> tuple[float, ...]:
    return _key({name: row[name] for name in settings}, int(row["seed"]))


def draw(rows: list[dict[str, Any]], axis: str, path: Path) -> None:
    """Draw every measure against an axis, logarithmic: means and 95 % intervals over seeds; 0
    stands apart at the left.
    """
    from playwright.sync_api import sync_playwright
    from plotly.subplots import make_subplots

    panels = PANELS[axis]
    figure = make_subplots(
        rows=2,
        cols=3,
        subplot_titles=list(panels.values()),
        horizontal_spacing=0.07,
        vertical_spacing=0.16,
    )
    values = sorted({float(row[axis]) for row in rows})
    places = [math.log10(value or min(filter(None, values)) / 10) for value in values]
    for panel, column in enumerate(panels):
        groups = [
            [float(row[column]) for row in rows if float(row[axis]) == value and row[column]]
            for value in values
        ]
        means = [float(np.mean(group)) for group in groups]
        ends = [
            t_interval(group) or (mean, mean) for group, mean in zip(groups, means, strict=True)
        ]
        above, below = (
            [abs(end[side] - mean) for end, mean in zip(ends, means, strict=True)]
            for side in (1, 0)
        )
        bars = {"type": "data", "array": above, "arrayminus": below, "thickness": 1}
        line = {"color": "#4C9BE8"}
        figure.add_scatter(
            x=places,
            y=means,
            error_y=bars,
            mode="lines+markers",
            line=line,
            row=panel // 3 + 1,
            col=panel % 3 + 1,
        )
    names = [f"{value / 1e6:.2g} M" if value >= 1e4 else f"{value:.2g}" for value in values]
    figure.update_xaxes(tickvals=places, ticktext=names, title=AXES[axis])
    figure.update_layout(
        width=1200,
        height=620,
        showlegend=False,
        template="simple_white",
        margin={"t": 48, "l": 48, "r": 16, "b": 48},
    )
    page = (
        f"<!doctype "
        f"html><script>{plotting.plotly_script()}</script>{figure.to_html(full_html=False, include_plotlyjs=False)}"
    )
    with sync_playwright() as playwright:
        chromium = start_chromium(playwright)
        tab = chromium.new_page(viewport={"width": 1216, "height": 640})
        tab.set_content(page)
        tab.locator(".plot-container").screenshot(path=str(path))
        chromium.close()


def main(arguments: list[str] | None = None) -> None:
    """Measure, write and draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sweeps", type=Path, nargs="+", help="folders of train.py --sweep")
    parser.add_argument("--data", required=True, help="the folder of real galaxies")
    parser.add_argument(
        "--against",
        choices=tuple(PANELS),
        default="strength",
        help="axis of the figure (default strength)",
    )
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args(arguments)
    rows: list[dict[str, Any]] = []
    for folder in options.sweeps:
        rows += study(
            folder,
            options.data,
            options.out / folder.name,
            options.draws,
            options.against == "parameters",
        )
    draw(rows, options.against, options.out / options.sweeps[0].name / "figure.png")


if __name__ == "__main__":
    main()
