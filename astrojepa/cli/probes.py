"""probe: what classifiers and regressions make of the vectors, beside every baseline."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from astrojepa.cli.options import declare, fill_benchmark, open_data
from astrojepa.files import write_json


def add_to(commands: Any) -> None:
    """Declare the commands of this file."""
    probe = declare(
        commands,
        "probe",
        _probe,
        "Score linear and kNN probes beside the baselines.",
        "best --data galaxies --benchmark B1 --few-labels --controls --out B1.json",
    )
    probe.add_argument(
        "--benchmark",
        choices=("B1", "B2"),
        help="B1: gz1-balanced, morphology; B2: efigi, Hubble type; both by the split column",
    )
    probe.add_argument(
        "--split",
        default="",
        help="column, grouped or seed42 (default: column if there is one, else grouped)",
    )
    probe.add_argument(
        "--random-seeds", type=int, default=3, help="random-weight controls (default 3)"
    )
    probe.add_argument("--mlp", action="store_true", help="also probes with one hidden layer")
    probe.add_argument(
        "--few-labels",
        action="store_true",
        help="also 1 to 20 labels per class, and 1, 10 and 100 %%, several draws",
    )
    probe.add_argument(
        "--controls",
        action="store_true",
        help="also what the vectors tell of survey, brightness and size; random labels",
    )
    probe.add_argument(
        "--fine-tune",
        type=int,
        default=0,
        metavar="EPOCHS",
        help="also train the encoder, and a ResNet-18 from random weights, on labels",
    )
    probe.add_argument(
        "--regress",
        action="append",
        default=[],
        metavar="COLUMN",
        help="also tell this number; may be repeated",
    )
    probe.add_argument(
        "--catalogue",
        default="",
        metavar="FILE",
        help="where the numbers are, by id: a CSV file, or EFIGI_attributes.txt",
    )
    probe.add_argument("--out", type=Path, help="JSON file to write, with everything")


def _probe(options: argparse.Namespace) -> int:
    from astrojepa.checkpoints.model import load_model
    from astrojepa.evaluation.probes.targets import with_targets
    from astrojepa.evaluation.reports.benchmark import probe_table

    _check(options)
    columns = tuple(dict.fromkeys(options.regress))
    table = probe_table(
        load_model(options.model),
        with_targets(open_data(options), columns, options.catalogue),
        options.split,
        options.random_seeds,
        mlp=options.mlp,
        few_labels=options.few_labels,
        controls=options.controls,
        fine_tune_epochs=options.fine_tune,
        targets=columns,
        progress=sys.stderr.isatty(),
    )
    for line in table["text"]:
        print(line)
    if options.out:
        facts = {
            "benchmark": options.benchmark,
            "where": options.where or [],
            "label_column": options.label_column,
        }
        write_json(
            options.out, facts | {key: value for key, value in table.items() if key != "text"}
        )
    return 0


def _check(options: argparse.Namespace) -> None:
    """Fill in what a benchmark fixes; ValueError for flags that contradict it, or one another."""
    fill_benchmark(options)
    if options.catalogue and not options.regress:
        raise ValueError(
            f"--catalogue {options.catalogue} holds numbers; say which with --regress COLUMN."
        )
    if options.random_seeds < 0 or options.fine_tune < 0:
        raise ValueError(
            f"--random-seeds {options.random_seeds} and --fine-tune {options.fine_tune} must not "
            f"be negative."
        )
