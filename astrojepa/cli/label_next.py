"""label-next: which galaxies to label next, and what that saves beside choosing at random."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from astrojepa.cli.options import (
    TABLE_FILE,
    add_benchmark,
    add_passes,
    add_switch,
    add_value,
    declare,
    fill_benchmark,
    open_data,
    places,
    print_columns,
    provenance,
)
from astrojepa.tables import Column, check_table, write_table

WAYS = {
    "chosen": "accuracy with chosen labels",
    "random": "accuracy with labels drawn at random",
    "difference": "chosen less random",
}
ENDS = {"": "mean", " low": "lower end of 95 %", " high": "upper end of 95 %"}


def add_to(commands: Any) -> None:
    """Declare the command of this file."""
    help = "Choose the unlabelled galaxies whose labels would help a classifier most."
    example = "best --data my_galaxies --label-column morphology --count 20 --out next.csv"
    chosen = declare(commands, "label-next", _label_next, help, example)
    add_value(chosen, "--count", 20, "number of galaxies")
    add_value(chosen, "--seed", 0, "random seed")
    add_passes(chosen)
    chosen.add_argument("--out", type=Path, help=TABLE_FILE)
    add_switch(
        chosen,
        "--curve",
        "on a labelled data set: measure accuracy against the number of labels, --count more "
        "at a time, and compare with labelling random galaxies",
    )
    add_benchmark(chosen)
    add_value(chosen, "--most", 400, "with --curve: largest number of labels")
    add_value(chosen, "--draws", 10, "random starts")


def _label_next(options: argparse.Namespace) -> int:
    import numpy as np

    import astrojepa as aj

    fill_benchmark(options)
    if options.out:
        check_table(options.out, "--out")
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
        columns = [Column("labels", [point.num_labels for point in curve], "number of labels")]
        for way, meaning in WAYS.items():
            for place, (end, which) in enumerate(ENDS.items()):
                values = [getattr(point, way)[place] for point in curve]
                numbers = np.array(values, dtype=float)  # None becomes NaN
                columns.append(Column(f"{way}{end}", numbers, f"{meaning}, {which}"))
    else:
        found = aj.label_next(aj.embed(model, data, **how), options.count, seed=options.seed)
        columns = [
            Column("rank", range(1, len(found.rows) + 1), "1 = label first"),
            Column("id", data.ids[found.rows].astype(str), "name of the galaxy"),
            Column(
                "margin", found.margins, "probability of the first class less that of the second"
            ),
            *places(data, found.rows),
        ]
    print_columns(columns)
    if options.out:
        write_table(options.out, columns, provenance(model, data, seed=options.seed))
    return 0
