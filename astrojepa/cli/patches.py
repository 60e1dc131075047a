"""patch-errors: where a galaxy surprises the model, and which galaxies do so most."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

from astrojepa.cli.options import declare, label, open_data, row_of, six_digits
from astrojepa.files import atomic_write, write_csv

MEASURES = ("mse", "normalised", "cosine")


def add_to(commands: Any) -> None:
    """Declare the commands of this file."""
    patches = declare(
        commands,
        "patch-errors",
        _patch_errors,
        "Draw the patch errors of a galaxy, or list galaxies by their mean patch error.",
        "best --galaxy 7 --out heat.png",
    )
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
        "--measure",
        default="mse",
        choices=MEASURES,
        help="quantity shown by colour (default mse)",
    )
    patches.add_argument("--seed", type=int, default=0, help="seed of random masks (default 0)")
    patches.add_argument(
        "--out",
        required=True,
        type=Path,
        help="PNG file of one galaxy, or CSV file for a list of all galaxies",
    )


def _patch_errors(options: argparse.Namespace) -> int:
    import astrojepa as aj

    wanted = ".png" if options.galaxy is not None else ".csv"
    if options.out.suffix.lower() != wanted:
        kind = "one galaxy is drawn" if wanted == ".png" else "without --galaxy all are listed"
        raise ValueError(
            f"--out is {options.out.name}, but {kind}; name a file that ends in {wanted}."
        )
    data, model = open_data(options), aj.load_model(options.model)
    return _list(options, data, model) if options.galaxy is None else _draw(options, data, model)


def _draw(options: argparse.Namespace, data: Any, model: Any) -> int:
    import astrojepa as aj
    from astrojepa.data.crops import seen_part
    from astrojepa.plotting import colour_scale, encode_image, heatmap_overlay

    image = data[row_of(data, options.galaxy)].image
    errors = aj.patch_errors(model, image, masks=options.masks, seed=options.seed)
    values = getattr(errors, options.measure)
    zoom = max(1, 448 // model.config.image.image_size)
    low, high = colour_scale(values)
    picture = heatmap_overlay(seen_part(image, model.config.image, zoom), values, low, high, 0.6)
    with atomic_write(options.out) as stream:
        stream.write(encode_image(picture, "png"))
    name = {"mse": "MSE", "normalised": "normalised error", "cosine": "cosine"}[options.measure]
    print(
        f"{options.out}: patch {name} from {np.nanmin(values):.3g} to {np.nanmax(values):.3g}, "
        f"scale {low:.3g} to {high:.3g}; "
        f"mean normalised error {np.nanmean(errors.normalised):.3g}, 1 = predicting this galaxy's "
        f"mean token"
    )
    return 0


def _list(options: argparse.Namespace, data: Any, model: Any) -> int:
    from astrojepa.evaluation.patches.summary import patch_error_summary

    if options.masks != "tiling":
        raise ValueError(
            f"--masks {options.masks} needs a --galaxy; lists of all galaxies use tiling."
        )
    found = patch_error_summary(model, data, progress=sys.stderr.isatty())
    columns = (found.normalised, found.mean_mse, found.max_mse, found.mean_cosine)
    rows = [
        [data.ids[row], *(six_digits(column[row]) for column in columns), label(data, row)]
        for row in np.argsort(-found.normalised, kind="stable")
    ]
    write_csv(options.out, ["id", "normalised", "mse", "max_mse", "cosine", "label"], rows)
    print(f"{options.out}: {len(rows)} galaxies, largest mean normalised error first")
    return 0
