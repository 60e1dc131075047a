"""A tiny run: 96 simulated pictures of 32 px, a network of a few thousand weights."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from astrojepa.config import TrainConfig, replace
from astrojepa.presets import preset

TINY = {
    "image_size": 32,
    "patch_size": 4,
    "width": 16,
    "depth": 1,
    "heads": 2,
    "predictor_width": 16,
    "predictor_depth": 1,
    "predictor_heads": 2,
    "projector_width": 8,
    "num_directions": 16,
    "batch_size": 16,
    "epochs": 3,
}


def flags_on(folder: Path) -> list[str]:
    """The tiny run on these galaxies as flags of train.py."""
    settings = {"data": folder} | TINY
    return [
        word
        for name, value in settings.items()
        for word in (f"--{name.replace('_', '-')}", str(value))
    ]


@pytest.fixture(scope="session")
def drawn_galaxies(tmp_path_factory) -> Path:
    """A folder of 128 small pictures, round or elongated, with labels.csv: 96 to train on, 16 to
    validate, 16 to test. It is left as it is.
    """
    folder = tmp_path_factory.mktemp("drawn") / "galaxies"
    (folder / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    line = np.arange(40) - 20
    rows = []
    for index in range(128):
        kind = index % 2
        angle, size = rng.uniform(0, np.pi), rng.uniform(3, 6)
        x = line[None] * np.cos(angle) + line[:, None] * np.sin(angle)
        y = -line[None] * np.sin(angle) + line[:, None] * np.cos(angle)
        light = np.exp(-((x / size) ** 2 + (y / (size * (0.3 if kind else 1.0))) ** 2) / 2)
        pixels = np.clip(
            20 + 200 * light[..., None] * [1.0, 0.8, 0.6] + rng.normal(0, 4, (40, 40, 3)), 0, 255
        )
        Image.fromarray(pixels.astype(np.uint8)).save(folder / "images" / f"{index}.png")
        split = "train" if index < 96 else "val" if index < 112 else "test"
        rows.append(
            {
                "file": f"images/{index}.png",
                "id": f"g{index}",
                "label": ["round", "elongated"][kind],
                "split": split,
            }
        )
    pd.DataFrame(rows).to_csv(folder / "labels.csv", index=False)
    return folder


@pytest.fixture
def galaxy_folder(drawn_galaxies, tmp_path) -> Path:
    """A copy of these galaxies, which a test may change."""
    return shutil.copytree(drawn_galaxies, tmp_path / "galaxies")


@pytest.fixture
def tiny(galaxy_folder) -> TrainConfig:
    return replace(preset("small.sigreg06"), data=str(galaxy_folder), **TINY)


@pytest.fixture
def tiny_flags(galaxy_folder) -> list[str]:
    return flags_on(galaxy_folder)
