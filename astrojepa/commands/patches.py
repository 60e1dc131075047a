"""patch-errors: where a galaxy surprises the model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from astrojepa.cache import atomic_write
from astrojepa.commands.options import declare, open_data, row_of


def add_to(commands: Any) -> None:
    """Declare the commands of this file."""
    patches = declare(
        commands, "patch-errors", _patch_errors, "Draw where a galaxy surprises the model.", "best --galaxy 7 --out heat.png"
    )
    patches.add_argument("--galaxy", required=True, help="id or row number")
    patches.add_argument("--masks", default="tiling", help="tiling or random (default tiling)")
    patches.add_argument("--seed", type=int, default=0, help="decides random masks (default 0)")
    patches.add_argument("--out", required=True, type=Path, help="PNG file to write")


def _patch_errors(options: argparse.Namespace) -> int:
    import astrojepa as aj
    from astrojepa.data.transforms import centre_crop, resize_frame
    from astrojepa.plotting import colour_scale, encode_image, heatmap_overlay

    data, model = open_data(options), aj.load_model(options.model)
    image = data[row_of(data, options.galaxy)].image
    errors = aj.patch_errors(model, image, masks=options.masks, seed=options.seed)
    zoom = max(1, 448 // model.config.image.image_size)
    frame = resize_frame(image, model.config.image.frame_size * zoom)
    low, high = colour_scale(errors.mse)
    picture = heatmap_overlay(centre_crop(frame, model.config.image.image_size * zoom), errors.mse, low, high, 0.6)
    with atomic_write(options.out) as stream:
        stream.write(encode_image(picture, "png"))
    print(
        f"{options.out}: patch MSE from {np.nanmin(errors.mse):.3g} to {np.nanmax(errors.mse):.3g}, scale {low:.3g} to {high:.3g}"
    )
    return 0
