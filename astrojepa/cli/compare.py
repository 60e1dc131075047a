"""compare: do two models see the same galaxies alike?"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astrojepa.cli.options import (
    TABLE_FILE,
    add_data,
    declare,
    four_decimals,
    label,
    open_data,
    places,
    print_columns,
    provenance,
)
from astrojepa.files import write_json
from astrojepa.tables import Column, check_table, write_table

if TYPE_CHECKING:
    from astrojepa.checkpoints.model import Model
    from astrojepa.data.dataset import Dataset
    from astrojepa.evaluation.vectors.compare import Comparison

SHOWN = 10  # galaxies whose neighbourhoods changed most


def add_to(commands: Any) -> None:
    """Declare the commands of this file."""
    help = "Compare the embeddings of two models on the same galaxies."
    example = "best random --data galaxies --symmetries 200 --out comparison.json"
    compare = declare(commands, "compare", _compare, help, example, model=False)
    compare.add_argument(
        "model",
        metavar="MODEL_A",
        help="model: id, alias, run folder or file; best; random; or timm:NAME[@FILE]",
    )
    compare.add_argument("other", metavar="MODEL_B", help="second model")
    add_data(compare)
    compare.add_argument(
        "--neighbours",
        type=int,
        default=10,
        metavar="K",
        help="nearest neighbours per galaxy (default 10)",
    )
    compare.add_argument(
        "--symmetries",
        type=int,
        default=0,
        metavar="COUNT",
        help="also measure how vectors of this many galaxies change if rotated or mirrored",
    )
    compare.add_argument(
        "--out",
        type=Path,
        help=f"JSON file with the numbers, or with one row per galaxy a {TABLE_FILE}",
    )


def _compare(options: argparse.Namespace) -> int:
    import astrojepa as aj
    from astrojepa.evaluation.vectors.compare import compare_embeddings

    if options.out:
        check_table(options.out, "--out", ".json")
    if options.symmetries < 0:
        raise ValueError(
            f"--symmetries is {options.symmetries}; give a number of galaxies >= 1, or leave it "
            "out."
        )
    data = open_data(options)
    models = [aj.load_model(name) for name in (options.model, options.other)]
    first, second = (aj.embed(model, data, progress=sys.stderr.isatty()) for model in models)
    comparison = compare_embeddings(first, second, k=options.neighbours)
    numbers = _numbers(comparison, data, models)
    if options.symmetries:
        numbers["symmetries"] = _symmetries(models, data, options.symmetries)
    if options.out and options.out.suffix.lower() == ".json":
        write_json(options.out, numbers)
    elif options.out:
        facts = provenance(models[0], data, k=comparison.k) | {
            f"other_{name}": text for name, text in models[1].origin.items()
        }
        columns = [*_columns(comparison, data), *places(data, comparison.moved)]
        write_table(options.out, columns, facts)
    _show(numbers, comparison, data)
    return 0


def _numbers(comparison: Comparison, data: Dataset, models: list[Model]) -> dict[str, Any]:
    numbers = {
        name: getattr(comparison, name)
        for name in ("mean_overlap", "chance", "cka", "cka_unbiased")
    }
    return {
        "models": [{"id": model.id, "hash": model.hash} for model in models],
        "data": {"name": data.name, "hash": data.fingerprint, "galaxies": len(data)},
        "k": comparison.k,
        **{name: four_decimals(value) for name, value in numbers.items()},
        "moved_most": [
            {
                "id": str(data.ids[row]),
                "overlap": four_decimals(comparison.overlap[row]),
                "stretch": four_decimals(comparison.stretch[row]),
            }
            for row in comparison.moved[:SHOWN]
        ],
    }


def _symmetries(models: list[Model], data: Dataset, count: int) -> dict[str, Any]:
    import numpy as np

    from astrojepa.evaluation.vectors.symmetry import symmetry_drift

    rows = np.unique(np.linspace(0, len(data) - 1, min(count, len(data))).astype(int))
    drifts = [symmetry_drift(model, data, rows, progress=sys.stderr.isatty()) for model in models]
    return {
        "galaxies": len(rows),
        "models": [
            {
                "median_relative_drift": {
                    name: four_decimals(value) for name, value in drift.medians.items()
                },
                "beyond_nearest": four_decimals(drift.beyond_nearest),
                "mean_cosine_distance": four_decimals(drift.cosine.mean()),
            }
            for drift in drifts
        ],
    }


def _show(numbers: dict[str, Any], comparison: Comparison, data: Dataset) -> None:
    first, second = (model["id"] for model in numbers["models"])
    print(
        f"{first} and {second} on {len(data)} galaxies share {comparison.mean_overlap:.3f} of "
        f"their {comparison.k} nearest neighbours (by chance {comparison.chance:.3f}); linear CKA "
        f"{comparison.cka:.3f}, unbiased {comparison.cka_unbiased:.3f}"
    )
    for name, drift in zip(
        (first, second), numbers.get("symmetries", {}).get("models", ()), strict=False
    ):
        print(
            f"{name}: {drift['beyond_nearest']} of rotated and mirrored images move farther than "
            "the nearest neighbour"
        )
    print("Galaxies whose neighbours differ most:")
    print_columns(_columns(comparison, data), SHOWN)


def _columns(comparison: Comparison, data: Dataset) -> list[Column]:
    moved = comparison.moved
    overlap = [round(float(value), 3) for value in comparison.overlap[moved]]
    return [
        Column("id", data.ids[moved].astype(str), "name of the galaxy"),
        Column("overlap", overlap, "share of nearest neighbours in common", digits=0),
        Column(
            "stretch",
            comparison.stretch[moved],
            "how much further apart one model places the neighbours of the other",
            digits=4,
        ),
        Column("label", [label(data, row) for row in moved], "class"),
    ]
