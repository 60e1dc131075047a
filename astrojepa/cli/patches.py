"""patch-errors: where a galaxy surprises the model, and which galaxies do so most."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from astrojepa.cli.options import TABLE_FILE, declare, label, open_data, places, provenance, row_of
from astrojepa.files import atomic_write
from astrojepa.tables import Column, check_table, write_table

MEASURES = ("mse", "normalised", "cosine")


def add_to(commands: Any) -> None:
    """Declare the commands of this file."""
    help = "Draw the patch errors of a galaxy, or list galaxies by their mean patch error."
    example = "best --galaxy 7 --out heat.png"
    patches = declare(commands, "patch-errors", _patch_errors, help, example)
    patches.add_argument(
        "--galaxy",
        help="id or row number; without it, all galaxies are listed, largest mean error first",
    )
    patches.add_argument(
        "--masks",
        default="tiling",
        help="tiling or random (default tiling; lists always use tiling)",
    )
    patches.add_argument(
        "--measure", default="mse", choices=MEASURES, help="quantity shown by colour (default mse)"
    )
    patches.add_argument("--seed", type=int, default=0, help="seed of random masks (default 0)")
    patches.add_argument(
        "--out",
        required=True,
        type=Path,
        help=f"PNG file of one galaxy; without --galaxy, {TABLE_FILE}",
    )


def _patch_errors(options: argparse.Namespace) -> int:
    import astrojepa as aj

    if options.galaxy is not None and options.out.suffix.lower() != ".png":
        raise ValueError(
            f"--out is {options.out.name}, but one galaxy is drawn; name a file that ends in .png."
        )
    if options.galaxy is None:
        check_table(options.out, "Without --galaxy all are listed, and --out")
    data, model = open_data(options), aj.load_model(options.model)
    return _list(options, data, model) if options.galaxy is None else _draw(options, data, model)


def _draw(options: argparse.Namespace, data: Any, model: Any) -> int:
    import numpy as np

    import astrojepa as aj
    from astrojepa.data.crops import seen_part
    from astrojepa.plotting import colour_scale, encode_image, heatmap_overlay

    row = row_of(data, options.galaxy)
    image = data[row].image
    errors = aj.patch_errors(
        model, model.image_of(data, row), masks=options.masks, seed=options.seed
    )
    values = getattr(errors, options.measure)
    zoom = max(1, 448 // model.config.image.image_size)
    low, high = colour_scale(values)
    picture = heatmap_overlay(seen_part(image, model.config.image, zoom), values, low, high, 0.6)
    with atomic_write(options.out) as stream:
        stream.write(encode_image(picture, "png"))
    name = {"mse": "MSE", "normalised": "normalised error", "cosine": "cosine"}[options.measure]
    print(
        f"{options.out}: patch {name} from {np.nanmin(values):.3g} to {np.nanmax(values):.3g}, "
        f"scale {low:.3g} to {high:.3g}; mean normalised error "
        f"{np.nanmean(errors.normalised):.3g}, 1 = predicting this galaxy's mean token"
    )
    return 0


def _list(options: argparse.Namespace, data: Any, model: Any) -> int:
    from astrojepa.evaluation.patches.summary import patch_error_summary

    if options.masks != "tiling":
        raise ValueError(
            f"--masks {options.masks} needs a --galaxy; lists of all galaxies use tiling."
        )
    found = patch_error_summary(model, data, progress=sys.stderr.isatty())
    rows = (-found.normalised).argsort(kind="stable")
    columns = [
        Column("id", data.ids[rows].astype(str), "name of the galaxy"),
        Column("normalised", found.normalised[rows], "mean error over that of the mean token"),
        Column("mse", found.mean_mse[rows], "mean squared error, mean over patches"),
        Column("max_mse", found.max_mse[rows], "mean squared error, largest of all patches"),
        Column("cosine", found.mean_cosine[rows], "cosine of prediction and target"),
        Column("label", [label(data, row) for row in rows], "class"),
        *places(data, rows),
    ]
    write_table(options.out, columns, provenance(model, data, masks=options.masks))
    print(f"{options.out}: {len(rows)} galaxies, largest mean normalised error first")
    return 0
