"""The flux behind simulated images in g, r, i, z, y: what the camera gathered, before any stretch.

The simulator draws g, r and z. The light of i and y follows from them pixel by pixel, as a smooth
spectrum has it: i lies between r and z on a straight line of log flux over log wavelength, y beyond
z on half of that line's slope.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from astrojepa.data import DataError
from astrojepa.data.dataset import Dataset, ImageReader
from astrojepa.data.images.bands import NANOMETRES
from astrojepa.data.simulate import camera
from astrojepa.data.simulate.census import ARTEFACTS, KINDS, Census, take_census
from astrojepa.data.simulate.stamp import Exposure, expose
from astrojepa.progress import Listener

DRAWN = ("g", "r", "z")
BANDS = ("g", "r", "i", "z", "y")
SIZE = 128  # pixels, of the stamps of a data set
# Noise of the sky in i over that in r, and in y over z. *Source:* the depths of DES DR2 (Abbott et
# al. 2021, ApJS 255, 20, table 1): r 24.4, i 23.8, z 23.1, Y 21.7 mag.
NOISE_OVER = {"i": ("r", 10 ** (0.4 * 0.6)), "y": ("z", 10 ** (0.4 * 1.4))}
DARK = -1.0  # flux of a dead column


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
        exposure = expose(self.seed, number, kind, artefact, SIZE)
        planes = dict(zip(DRAWN, exposure.flux, strict=True))
        for band in self.bands:
            if band in NOISE_OVER:
                random = np.random.default_rng((self.seed, number, NANOMETRES[band]))
                planes[band] = another_band(exposure, band, random)
        return np.stack([planes[band] for band in self.bands], axis=-1).astype(np.float32)

    def prepare(self, count: int, progress: Listener = False) -> None:
        """Prepare for so many reads of images."""
        if (prepare := getattr(self.images, "prepare", None)) is not None:
            prepare(count, progress)


def another_band(exposure: Exposure, band: str, random: np.random.Generator) -> np.ndarray:
    """Expose the camera to the same light in i or y: (S, S), nanomaggies per native pixel."""
    twin, factor = NOISE_OVER[band]
    place = DRAWN.index(twin)
    light = spectrum(exposure.light, band)[None]
    drawn_scale = exposure.arcsec_per_pixel / exposure.factor
    seen = camera.blur(light, exposure.fwhm_arcsec[[place]] / drawn_scale)
    seen = camera.shrink(seen, exposure.factor)[0]
    averaged = min(1.0, camera.NATIVE_ARCSEC_PER_PIXEL / exposure.arcsec_per_pixel) ** 2
    photons = seen / camera.ELECTRONS_PER_NANOMAGGY[place]
    variance = (photons + (factor * exposure.sky_noise[place]) ** 2) * averaged
    seen = seen + random.standard_normal(seen.shape) * np.sqrt(variance)
    return np.where(exposure.flux[0] == DARK, DARK, seen)


def spectrum(light: np.ndarray, band: str) -> np.ndarray:
    """Return the light in i or y of light in g, r, z (3, S, S): float32 (S, S), 0 where it is dark.

    >>> float(spectrum(np.full((3, 1, 1), 2.0), "y")[0, 0])
    2.0
    """
    _, r, z = (np.maximum(plane, 0) for plane in light)
    at = {name: np.log(NANOMETRES[name]) for name in BANDS}
    start, reach = (r, at["i"] - at["r"]) if band == "i" else (z, (at["y"] - at["z"]) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where((r > 0) & (z > 0), z / r, 1.0)
    return (start * ratio ** (reach / (at["z"] - at["r"]))).astype(np.float32)


def with_flux(data: Dataset, bands: tuple[str, ...], seed: int) -> Dataset:
    """Return a simulation with its flux in some of g, r, i, z, y; DataError for other bands."""
    if missing := [band for band in bands if band not in BANDS]:
        raise DataError(
            f"The simulator draws the bands {', '.join(BANDS)}, not {', '.join(missing)[:80]}."
        )
    artist = FluxArtist(data.reader, take_census(len(data), seed), seed, bands)
    source_hash = f"{data.source_hash} {' '.join(bands)}"
    return dataclasses.replace(data, reader=artist, source_hash=source_hash)
