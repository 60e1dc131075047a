"""The flux behind simulated images: what the camera gathered, before any stretch."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from astrojepa.data import DataError
from astrojepa.data.dataset import Dataset, ImageReader
from astrojepa.data.simulate.census import ARTEFACTS, KINDS, Census, take_census
from astrojepa.data.simulate.stamp import draw_bands
from astrojepa.progress import Progress

BANDS = ("g", "r", "z")
SIZE = 128  # pixels, of the stamps of a data set


@dataclass(frozen=True)
class FluxArtist:
    """Reads the images of a simulation, and draws the flux of a stamp whenever it is asked for."""

    images: ImageReader
    census: Census
    seed: int
    bands: tuple[str, ...]

    def read(self, row: int) -> np.ndarray:
        """Return one stamp as uint8 (128, 128, 3)."""
        return self.images.read(row)

    def flux(self, row: int) -> np.ndarray:
        """Return a stamp's flux, float32 (128, 128, C), nanomaggies per native pixel."""
        kind, artefact = KINDS[self.census.kinds[row]], ARTEFACTS[self.census.artefacts[row]]
        number = int(self.census.originals[row])
        planes = draw_bands(self.seed, number, kind, artefact, SIZE)[0]
        chosen = planes[[BANDS.index(band) for band in self.bands]]
        return np.ascontiguousarray(np.moveaxis(chosen, 0, -1), dtype=np.float32)

    def prepare(self, count: int, progress: bool | Progress = False) -> None:
        """Prepare for so many reads of images."""
        if (prepare := getattr(self.images, "prepare", None)) is not None:
            prepare(count, progress)


def with_flux(data: Dataset, bands: tuple[str, ...], seed: int) -> Dataset:
    """Return a simulation with its flux in some of g, r, z; DataError for other bands."""
    if missing := [band for band in bands if band not in BANDS]:
        raise DataError(
            f"The simulator draws the bands {', '.join(BANDS)}, not {', '.join(missing)[:80]}."
        )
    artist = FluxArtist(data.reader, take_census(len(data), seed), seed, bands)
    source_hash = f"{data.source_hash} {' '.join(bands)}"
    return dataclasses.replace(data, reader=artist, source_hash=source_hash)
