"""export and metrics: what a run leaves behind."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from astrojepa.cli.options import add_value, declare
from astrojepa.files import read_json, write_records
from astrojepa.runs import read_config, read_metrics


def add_to(commands: Any) -> None:
    """Declare the commands of this file."""
    help = "Export the weights of a run with a card."
    example = "runs/20260101-small.sigreg06 --id small.sigreg06"
    export = declare(commands, "export", _export, help, example, model=False)
    export.add_argument("model", metavar="RUN", help="run folder, or one of its .pt files")
    export.add_argument("--id", required=True, help="id of the model: architecture.recipe")
    add_value(export, "--out", "checkpoints", "folder")
    export.add_argument(
        "--orientations",
        type=int,
        help="average embeddings over 1, 4 or 8 orientations (default: as trained)",
    )
    export.add_argument(
        "--scales", type=int, help="average embeddings over 1 or 3 crop sizes (default: as trained)"
    )
    export.add_argument(
        "--backbone",
        help="another encoder with the same layers, for example nested:resnet10t in place of "
        "petrosian:resnet10t (default: as trained)",
    )
    export.add_argument("--description", default="", help="one sentence on the training data")
    export.add_argument(
        "--measured",
        type=Path,
        action="append",
        default=[],
        help="JSON of probe --out, whose numbers the card gets; repeatable",
    )
    help = "Convert the metrics of a run to a table or TensorBoard events."
    metrics = declare(commands, "metrics", _metrics, help, "RUN --csv metrics.csv", model=False)
    metrics.add_argument("run_folder", metavar="RUN", type=Path, help="run folder")
    metrics.add_argument(
        "--csv", type=Path, help="CSV file to write, one row per line of metrics.jsonl"
    )
    metrics.add_argument(
        "--tensorboard", type=Path, metavar="DIR", help="folder for TensorBoard events"
    )


def _export(options: argparse.Namespace) -> int:
    from astrojepa.checkpoints.model import load_model, save_released
    from astrojepa.config import replace

    model = load_model(options.model)
    if options.backbone:
        model = model.with_backbone(options.backbone)
    averages = {
        name: getattr(options, name)
        for name in ("orientations", "scales")
        if getattr(options, name) is not None
    }
    model = dataclasses.replace(model, config=replace(model.config, **averages))
    card = {**model.card, "id": options.id}
    if options.description:
        card["description"] = options.description
    card["parameters"] = model.network.num_parameters()
    card["measured"] = [read_json(path) for path in options.measured]
    # the training of a frozen encoder says more than that of its predictor
    given = [Path(name) for name in (model.config.encoder_from, options.model) if name]
    folders = [path if path.is_dir() else path.parent for path in given if path.exists()]
    runs = [folder for folder in folders if (folder / "config.json").is_file()]
    if runs and not options.backbone:
        curve = [row for row in read_metrics(runs[0]) if "effective_rank" in row]
        card["curve"] = curve[-500:]
    path = save_released(model, options.out, card)
    print(f"{path}: {path.stat().st_size:,} bytes; card in {path.with_suffix('.json').name}")
    return 0


def _metrics(options: argparse.Namespace) -> int:
    read_config(options.run_folder)  # refuses what is no run folder
    rows = read_metrics(options.run_folder)
    if not rows or not (options.csv or options.tensorboard):
        found = "has no metrics yet" if not rows else "needs --csv FILE or --tensorboard DIR"
        raise ValueError(f"{options.run_folder} {found}.")
    if options.csv:
        write_records(options.csv, rows)
    if options.tensorboard:
        from astrojepa.training.tensorboard import write_tensorboard

        write_tensorboard(rows, options.tensorboard)
    print(
        f"{len(rows)} row{'s' if len(rows) > 1 else ''} up to step {rows[-1]['step']:,}: "
        f"{', '.join(str(x) for x in (options.csv, options.tensorboard) if x)}"
    )
    return 0
