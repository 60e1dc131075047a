"""label-next: which galaxies to label next, and what that saves beside choosing at random."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from astrojepa.cli.options import (
    add_passes,
    declare,
    fill_benchmark,
    open_data,
    print_rows,
    six_digits,
)
from astrojepa.files import write_csv


def add_to(commands: Any) -> None:
    """Declare the command of this file."""
    chosen = declare(
        commands,
        "label-next",
        _label_next,
        "Choose the unlabelled galaxies whose labels would help a classifier most.",
        "best --data my_galaxies --label-column morphology --count 20 --out next.csv",
    )
    chosen.add_argument("--count", type=int, default=20, help="number of galaxies (default 20)")
    chosen.add_argument("--seed", type=int, default=0, help="random seed (default 0)")
    add_passes(chosen)
    chosen.add_argument("--out", type=Path, help="CSV file to write")
    chosen.add_argument(
        "--curve",
        action="store_true",
        help=(
            "instead measure accuracy against the number of labels on a labelled data set, --count "
            "at a time, and compare with random labels"
        ),
    )
    chosen.add_argument("--benchmark", choices=("B1", "B2"), help="as in the probe command")
    chosen.add_argument("--split", default="", help="split, as in the probe command")
    chosen.add_argument(
        "--most", type=int, default=400, help="largest number of labels (default 400)"
    )
    chosen.add_argument("--draws", type=int, default=10, help="random starts (default 10)")


def _label_next(options: argparse.Namespace) -> int:
    import astrojepa as aj

    fill_benchmark(options)
    if options.out and options.out.suffix.lower() != ".csv":
        raise ValueError(f"--out is {options.out.name}; name a file that ends in .csv.")
    data, model = open_data(options), aj.load_model(options.model)
    how: dict[str, Any] = {"passes": options.passes, "progress": sys.stderr.isatty()}
    if options.curve:
        from astrojepa.data.splits import default_split
        from astrojepa.evaluation.probes.label_next import label_curve

        train, _, test = aj.split(data, options.split) if options.split else default_split(data)
        curve = label_curve(
            aj.embed(model, train, **how),
            aj.embed(model, test, **how),
            batch=options.count,
            most=options.most,
            draws=options.draws,
            seed=options.seed,
            progress=sys.stderr.isatty(),
        )
        ways = ("chosen", "random", "difference")
        header = ["labels", *(f"{way}{end}" for way in ways for end in ("", " low", " high"))]
        rows: list[list[Any]] = [
            [point.num_labels]
            + [
                "" if value is None else six_digits(value)
                for way in ways
                for value in getattr(point, way)
            ]
            for point in curve
        ]
    else:
        found = aj.label_next(aj.embed(model, data, **how), options.count, seed=options.seed)
        header = ["rank", "id", "margin"]
        rows = [
            [rank, str(data.ids[row]), six_digits(margin)]
            for rank, (row, margin) in enumerate(zip(found.rows, found.margins, strict=True), 1)
        ]
    print_rows(header, rows)
    if options.out:
        write_csv(options.out, header, rows)
    return 0
