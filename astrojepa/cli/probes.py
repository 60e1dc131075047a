"""probe: what classifiers and regressions make of the vectors, beside every baseline."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from astrojepa.cli.options import (
    add_benchmark,
    add_switch,
    add_value,
    asked_for,
    check_source,
    declare,
    fill_benchmark,
    json_file,
    open_data,
    open_stored,
)
from astrojepa.files import write_json


def add_to(commands: Any) -> None:
    """Declare the commands of this file."""
    help = "Measure linear and kNN probes and their baselines."
    example = "best --data galaxies --benchmark B1 --few-labels --controls --out B1.json"
    probe = declare(commands, "probe", _probe, help, example, stored=True)
    add_table(probe)
    add_switch(probe, "--mlp", "also train probes with one hidden layer")
    probe.add_argument("--out", type=json_file, help="JSON file for all results")


def add_table(parser: argparse.ArgumentParser) -> None:
    """Declare what the table of probes holds."""
    add_benchmark(parser)
    add_value(parser, "--random-seeds", 3, "number of random-weight controls")
    add_switch(
        parser,
        "--few-labels",
        "also train on 1 to 20 labels per class and on 1, 5, 10 and 100 %% of all labels, "
        "several random draws each",
    )
    add_switch(parser, "--controls", "also predict survey, brightness and size, and random labels")
    parser.add_argument(
        "--fine-tune",
        type=int,
        default=0,
        metavar="EPOCHS",
        help="also fine-tune the encoder, and train a ResNet-18 from scratch, on the labels",
    )
    parser.add_argument(
        "--regress",
        action="append",
        default=[],
        metavar="COLUMN",
        help="also predict this numeric column; repeatable",
    )
    parser.add_argument(
        "--catalogue",
        default="",
        metavar="FILE",
        help="table with ids and the columns of --regress: any that `astrojepa match` reads, or "
        "EFIGI_attributes.txt",
    )


def _probe(options: argparse.Namespace) -> int:
    from astrojepa.checkpoints.model import load_model
    from astrojepa.evaluation.probes.targets import with_targets
    from astrojepa.evaluation.reports.benchmark import probe_table

    _check(options)
    columns = tuple(dict.fromkeys(options.regress))
    model, found = None, None
    facts: dict[str, Any] = {}
    if options.vectors:
        stored, data, found = open_stored(options)
        facts = {"vectors": stored.name, "vectors_hash": stored.hash}
    else:
        model, data = load_model(options.model), open_data(options)
    table = probe_table(
        model,
        with_targets(data, columns, options.catalogue),
        options.split,
        options.random_seeds,
        mlp=options.mlp,
        few_labels=options.few_labels,
        controls=options.controls,
        fine_tune_epochs=options.fine_tune,
        targets=columns,
        found=found,
        progress=sys.stderr.isatty(),
    )
    for line in table["text"]:
        print(line)
    if options.out:
        numbers = {key: value for key, value in table.items() if key != "text"}
        write_json(options.out, facts | asked_for(options) | numbers)
    return 0


def _check(options: argparse.Namespace) -> None:
    """Fill in what a benchmark fixes; ValueError for flags that contradict it, or one another."""
    fill_benchmark(options)
    check_source(options)
    if options.catalogue and not options.regress:
        raise ValueError(f"--catalogue {options.catalogue} needs --regress COLUMN.")
    if options.random_seeds < 0 or options.fine_tune < 0:
        raise ValueError(
            f"--random-seeds {options.random_seeds} and --fine-tune {options.fine_tune} must not "
            f"be negative."
        )
