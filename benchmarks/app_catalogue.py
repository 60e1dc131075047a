"""A large catalogue for the explorer whose vectors are drawn instead of computed: simulated
latents on simulated galaxies.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import astrojepa as aj
from astrojepa.evaluation.vectors.embed import keep_embedding
from astrojepa.plotting import encode_image

PICTURES = 64  # rows share them: their number costs the explorer nothing
CLASSES = 10


def write_catalogue(folder: Path, count: int, checkpoint: str, seed: int = 0) -> Path:
    """Write a folder of `count` galaxies and put their vectors, one Gaussian cloud a class,
    where `checkpoint`'s would be kept.
    """
    galaxies = aj.open_dataset(f"simulated:{PICTURES}")
    folder.mkdir(parents=True)
    for row in range(PICTURES):
        (folder / f"{row}.jpg").write_bytes(encode_image(galaxies[row].image))
    random = np.random.default_rng(seed)
    labels = random.integers(CLASSES, size=count)
    lines = [f"{row % PICTURES}.jpg,latent-{row},class {label}" for row, label in enumerate(labels)]
    (folder / "labels.csv").write_text("\n".join(["file,id,label", *lines]), encoding="utf-8")
    model, data = aj.load_model(checkpoint), aj.open_dataset(folder)
    clouds = random.normal(size=(CLASSES, model.width))
    keep_embedding(
        model, data, (clouds[labels] + random.normal(size=(count, model.width))).astype(np.float32)
    )
    return folder
