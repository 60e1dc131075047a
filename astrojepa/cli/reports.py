"""report and zoo: everything measured of one model, and the table of all models."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astrojepa.cli.options import (
    add_switch,
    add_thinning,
    asked_for,
    check_source,
    declare,
    fill_benchmark,
    open_data,
    open_stored,
)
from astrojepa.cli.probes import add_table
from astrojepa.files import atomic_write, write_json
from astrojepa.runs import read_metrics

if TYPE_CHECKING:
    from astrojepa.checkpoints.model import Model
    from astrojepa.evaluation.vectors.stored import Stored


def add_to(commands: Any) -> None:
    """Declare the commands of this file."""
    help = "Measure a model and write JSON and a self-contained HTML page."
    example = "best --data galaxies --benchmark B1 --out reports/best-B1"
    report = declare(commands, "report", _report, help, example, stored=True)
    add_table(report)
    report.add_argument(
        "--map",
        choices=("umap", "tsne", "pca"),
        default="umap",
        help="projection of the map (default umap)",
    )
    report.add_argument(
        "--rare",
        default="",
        help="class to thin for the anomaly leaderboard (default: that of the benchmark, or the "
        "smallest possible one)",
    )
    add_thinning(report)
    add_switch(report, "--card", "also write the numbers to the card of the released model")
    report.add_argument(
        "--out", type=Path, required=True, metavar="STEM", help="writes STEM.json and STEM.html"
    )
    help = "Print the table of released models, controls and recipes as Markdown."
    declare(commands, "zoo", _zoo, help, "", model=False)


def _report(options: argparse.Namespace) -> int:
    from astrojepa.checkpoints.card import released_card
    from astrojepa.checkpoints.model import load_model
    from astrojepa.evaluation.probes.targets import with_targets
    from astrojepa.evaluation.reports.benchmark import BENCHMARKS
    from astrojepa.evaluation.reports.page import report_page
    from astrojepa.evaluation.reports.report import make_report
    from astrojepa.evaluation.reports.zoo import with_measurement

    fill_benchmark(options)
    check_source(options)
    columns = tuple(dict.fromkeys(options.regress))
    found, model = None, None
    source: Model | Stored
    if options.vectors:
        _check_vectors(options)
        source, data, found = open_stored(options)
    else:
        source = model = load_model(options.model)
        if options.card:
            released_card(model)  # refused before anything is measured
        data = open_data(options)
    data = with_targets(data, columns, options.catalogue)
    folder = Path(options.model or "")
    report = make_report(
        source,
        data,
        options.split,
        found=found,
        curve=[row for row in read_metrics(folder) if "effective_rank" in row]
        if options.model and folder.is_dir()
        else None,
        method=options.map,
        rare=options.rare or (BENCHMARKS[options.benchmark].rare if options.benchmark else ""),
        fraction=options.fraction,
        draws=options.draws,
        random_seeds=options.random_seeds,
        few_labels=options.few_labels,
        controls=options.controls,
        fine_tune_epochs=options.fine_tune,
        targets=columns,
        progress=sys.stderr.isatty(),
    )
    facts = asked_for(options)
    numbers, page = (
        options.out.with_name(options.out.name + suffix) for suffix in (".json", ".html")
    )
    numbers.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(page) as stream:
        stream.write(report_page(report).encode())
    write_json(numbers, facts | report.facts)
    print(f"{numbers} and {page}: {len(data)} galaxies")
    for sentence in report.facts["left_out"]:
        print(sentence)
    if options.card and model is not None:
        path, card = released_card(model)
        write_json(path, with_measurement(card, facts | report.facts))
        print(f"{path}: {facts['benchmark'] or data.name} updated")
    return 0


def _check_vectors(options: argparse.Namespace) -> None:
    """Raise ValueError for flags that need a model, or images."""
    without = {"--card": options.card, "--fine-tune": options.fine_tune}
    if flags := [flag for flag, given in without.items() if given]:
        raise ValueError(f"{flags[0]} needs a model; leave it out beside --vectors.")
    if options.controls and not options.data:
        raise ValueError("--controls needs images; give --data too, or leave it out.")


def _zoo(options: argparse.Namespace) -> int:
    from astrojepa.checkpoints.card import list_checkpoints
    from astrojepa.evaluation.reports.zoo import markdown_zoo

    print(markdown_zoo(list_checkpoints()))
    return 0
