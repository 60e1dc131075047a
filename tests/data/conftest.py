"""Small files written into a temporary folder: pictures, FITS, HDF5 of Galaxy10's layout, and
data sets in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from PIL import Image

from astrojepa.data import content
from astrojepa.data.dataset import Dataset

REAL = Path(__file__).parents[2].parent / "shared" / "galaxies"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep every cached array inside the test's own folder."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("ASTROJEPA_CACHE", str(folder))
    monkeypatch.setattr(content, "SETTLED", 10**15)  # no hash is kept, however slow the test
    return folder


@pytest.fixture
def real_galaxies() -> Path:
    if not (REAL / "labels.csv").is_file():
        pytest.skip("needs the real galaxy pictures beside the checkout")
    return REAL


def blob(seed: int = 0, height: int = 24, width: int = 24) -> np.ndarray:
    """A bright spot on a dark noisy sky, uint8 (H, W, 3)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    spot = 200 * np.exp(-((x - width / 2) ** 2 + (y - height / 2) ** 2) / 18)
    colours = rng.uniform(0.5, 1, 3)
    return np.clip(
        spot[..., None] * colours + rng.uniform(0, 30, (height, width, 3)), 0, 255
    ).astype(np.uint8)


@pytest.fixture
def write_picture() -> Callable[..., Path]:
    def write(path: Path, seed: int = 0, **options: Any) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(blob(seed, **options)).save(path)
        return path

    return write


@pytest.fixture
def write_folder(tmp_path: Path, write_picture: Callable[..., Path]) -> Callable[..., Path]:
    """Write a folder with labels.csv from rows of {column: value}; their pictures are made,
    except those in `absent`.
    """

    def write(
        rows: Sequence[Mapping[str, object]], absent: Sequence[str] = (), name: str = "galaxies"
    ) -> Path:
        root = tmp_path / name
        root.mkdir(exist_ok=True)
        for seed, row in enumerate(rows):
            if row["file"] not in absent:
                write_picture(root / str(row["file"]), seed)
        pd.DataFrame(rows).to_csv(root / "labels.csv", index=False)
        return root

    return write


@pytest.fixture
def write_galaxy10(tmp_path: Path) -> Callable[..., Path]:
    """Write an HDF5 file of Galaxy10's layout; keyword arguments replace (or, as None, leave
    out) its datasets.
    """

    def write(
        n: int = 6, side: int = 16, name: str = "galaxies.h5", packed: bool = True, **replaced: Any
    ) -> Path:
        path = tmp_path / name
        rng = np.random.default_rng(n)
        contents: dict[str, Any] = {
            "images": rng.integers(0, 256, (n, side, side, 3), dtype=np.uint8),
            "ans": (np.arange(n) * 10 // n).astype(np.uint8),
            "ra": rng.uniform(0, 360, n),
            "dec": rng.uniform(-10, 80, n),
            "redshift": np.where(np.arange(n) % 2, np.nan, 0.05),
            "pxscale": np.full(n, 0.262),
        } | replaced
        with h5py.File(path, "w") as file:
            for key, values in contents.items():
                if values is not None:
                    file.create_dataset(
                        key, data=values, compression="gzip" if packed and key == "images" else None
                    )
        return path

    return write


@pytest.fixture
def write_fits(tmp_path: Path) -> Callable[..., Path]:
    def write(
        data: np.ndarray,
        name: str = "galaxy.fits",
        wcs: tuple[float, float] | None = None,
        **cards: Any,
    ) -> Path:
        header = fits.Header()
        if wcs is not None:
            header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
            header["CRVAL1"], header["CRVAL2"] = wcs
            header["CRPIX1"], header["CRPIX2"] = (data.shape[-1] + 1) / 2, (data.shape[-2] + 1) / 2
            header["CDELT1"], header["CDELT2"] = -0.262 / 3600, 0.262 / 3600
        header.update(cards)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fits.PrimaryHDU(data, header).writeto(path)
        return path

    return write


class ArrayReader:
    """Pictures held in memory."""

    def __init__(self, images: np.ndarray) -> None:
        self.images = images
        self.reads = 0

    def read(self, row: int) -> np.ndarray:
        self.reads += 1
        return np.array(self.images[row])


@pytest.fixture
def make_data() -> Callable[..., Dataset]:
    """Make a data set in memory; unknown are: labels -1, coordinates NaN, ids row numbers."""

    def make(n: int = 10, images: np.ndarray | None = None, **given: Any) -> Dataset:
        pictures = np.zeros((n, 8, 8, 3), np.uint8) if images is None else images
        values = {
            "name": "memory",
            "reader": ArrayReader(pictures),
            "rows": np.arange(len(pictures)),
            "ids": np.arange(len(pictures)).astype(str),
            "labels": np.full(len(pictures), -1),
            "classes": ("a", "b", "c"),
            "ra": np.full(len(pictures), np.nan),
            "dec": np.full(len(pictures), np.nan),
            "redshift": np.full(len(pictures), np.nan),
            "source_hash": "memory",
        } | given
        return Dataset(**values)

    return make
