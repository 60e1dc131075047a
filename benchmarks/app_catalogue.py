"""A large catalogue for the explorer whose vectors are drawn instead of computed: simulated
latents on simulated galaxies.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

import astrojepa as aj
from astrojepa.evaluation.vectors.embed import keep_embedding
from astrojepa.files import csv_text
from astrojepa.plotting import encode_image

PICTURES = 64  # rows share them, as links: their number costs the explorer nothing
CLASSES = 10


def write_catalogue(
    folder: Path,
    count: int,
    checkpoint: str,
    seed: int = 0,
    columns: Mapping[str, Sequence[object]] | None = None,
) -> Path:
    """Write a folder of `count` galaxies, with further columns if given, and put their vectors, one
    Gaussian cloud a class, where `checkpoint`'s would be kept.
    """
    galaxies = aj.open_dataset(f"simulated:{PICTURES}")
    folder.mkdir(parents=True)
    for row in range(count):
        if row < PICTURES:
            (folder / f"{row}.jpg").write_bytes(encode_image(galaxies[row].image))
        else:
            os.link(folder / f"{row % PICTURES}.jpg", folder / f"{row}.jpg")
    random = np.random.default_rng(seed)
    labels = random.integers(CLASSES, size=count)
    files = [f"{row}.jpg" for row in range(count)]
    ids, classes = [f"latent-{row}" for row in range(count)], [f"class {k}" for k in labels]
    table = {"file": files, "id": ids, "label": classes, **(columns or {})}
    text = csv_text(list(table), zip(*table.values(), strict=True))
    (folder / "labels.csv").write_text(text, encoding="utf-8")
    model, data = aj.load_model(checkpoint), aj.open_dataset(folder)
    clouds = random.normal(size=(CLASSES, model.width))
    keep_embedding(
        model, data, (clouds[labels] + random.normal(size=(count, model.width))).astype(np.float32)
    )
    return folder
