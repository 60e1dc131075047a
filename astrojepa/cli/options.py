"""Shared by the sub-commands: their declaration, galaxies, model and tables."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from astrojepa.data.dataset import Dataset
    from astrojepa.types import Embeddings


def declare(
    commands: Any,
    name: str,
    run: Callable[[argparse.Namespace], int],
    help: str,
    example: str,
    model: bool = True,
) -> argparse.ArgumentParser:
    """Add a sub-command; with `model` it is given a model and galaxies."""
    made: argparse.ArgumentParser = commands.add_parser(
        name, help=help, description=help, epilog=f"example: astrojepa {name} {example}"
    )
    made.set_defaults(run=run)
    if model:
        made.add_argument(
            "model", help="model: id, alias, run folder or file; best; or random (random weights)"
        )
        add_data(made)
    return made


def add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", default="", help="HDF5 file, image folder or simulated[:COUNT]")
    parser.add_argument(
        "--where",
        action="append",
        metavar="COLUMN=VALUE",
        help="keep only matching rows of labels.csv; repeatable",
    )
    parser.add_argument("--label-column", default="", help="column of labels.csv with the class")
    parser.add_argument(
        "--skip-corrupt",
        action="store_true",
        help="leave out unreadable images and list them",
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="", help="cpu or cuda (default: cuda if there is one)")


def add_passes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--passes",
        type=int,
        help="passes over orientations and crop sizes (default: all of the model's; 1 is fastest)",
    )


def fill_benchmark(options: argparse.Namespace) -> None:
    """Set what --benchmark fixes; ValueError for flags that contradict it."""
    from astrojepa.evaluation.reports.benchmark import BENCHMARKS

    if options.benchmark:
        if options.where or options.label_column or options.split:
            raise ValueError(
                f"--benchmark {options.benchmark} fixes galaxies, labels and split; leave out "
                f"--where, --label-column and --split."
            )
        fixed = BENCHMARKS[options.benchmark]
        options.where, options.label_column, options.split = (
            list(fixed.where),
            fixed.label_column,
            fixed.split,
        )


def open_data(options: argparse.Namespace, heard: bool = True) -> Dataset:
    from astrojepa.data import find_data, open_dataset

    source = find_data(options.data)
    data = open_dataset(
        source,
        where=options.where,
        label_column=options.label_column or None,
        skip_corrupt=options.skip_corrupt,
        progress=heard and sys.stderr.isatty(),
    )
    if data.simulated and heard:
        print("These galaxies are SIMULATED.", file=sys.stderr)
    for name in data.skipped if heard else ():
        print(f"Left out (unreadable): {name}", file=sys.stderr)
    for note in data.notes if heard else ():
        print(f"Note: {note}", file=sys.stderr)
    return data


def vectors(options: argparse.Namespace, device: str = "cpu") -> tuple[Dataset, Embeddings]:
    import astrojepa as aj

    data = open_data(options)
    return data, aj.embed(aj.load_model(options.model, device), data, progress=sys.stderr.isatty())


def label(data: Dataset, row: int) -> str:
    return data.classes[data.labels[row]] if data.labels[row] >= 0 else ""


def row_of(data: Dataset, text: str) -> int:
    found = np.flatnonzero(data.ids.astype(str) == text)
    if len(found):
        return int(found[0])
    if text.isdecimal() and int(text) < len(data):
        return int(text)
    raise ValueError(
        f"{data.name} has no galaxy {text!r}; give an id such as {data.ids[0]}, or a row from 0 to "
        f"{len(data) - 1}."
    )


def print_rows(header: list[str], rows: list[list[Any]]) -> None:
    widths = [max(len(str(row[k])) for row in [header, *rows]) for k in range(len(header))]
    for row in [header, *rows]:
        print(
            "  ".join(
                str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)
            ).rstrip()
        )


def six_digits(value: float) -> float:
    """Return a number as it is written into tables."""
    return float(f"{value:.6g}")


def four_decimals(value: float) -> float | None:
    """Return a share as JSON holds it, None where it is not defined."""
    return round(float(value), 4) if math.isfinite(value) else None
