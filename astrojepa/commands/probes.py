"""probe: what a linear classifier and the neighbours make of the vectors."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from astrojepa.commands.options import declare, open_data
from astrojepa.runs import write_json


def add_to(commands: Any) -> None:
    """Declare the commands of this file."""
    probe = declare(
        commands,
        "probe",
        _probe,
        "Score linear and kNN probes beside the baselines.",
        "best --data galaxies --where source=gz1-balanced",
    )
    probe.add_argument("--split", default="", help="column, grouped or seed42 (default: column if there is one, else grouped)")
    probe.add_argument("--random-seeds", type=int, default=3, help="random-weight controls to average (default 3)")
    probe.add_argument("--out", type=Path, help="JSON file to write")


def _probe(options: argparse.Namespace) -> int:
    from astrojepa.checkpoint import load_model
    from astrojepa.evaluation.benchmark import probe_table

    table = probe_table(load_model(options.model), open_data(options), options.split, options.random_seeds)
    for line in table["text"]:
        print(line)
    if options.out:
        facts = {"where": options.where or [], "label_column": options.label_column}
        write_json(options.out, facts | {key: value for key, value in table.items() if key != "text"})
    return 0
