"""The camera: seeing, noise, the colour image, compression, and what goes wrong on the way.

Bands are float32 (3, S, S) in the order g, r, z, in nanomaggies per native pixel of 0.262 arcsec (a
surface brightness, so that resampling does not change it). Images are uint8 (S, S, 3) with red =
z, green = r, blue = g, as in Galaxy10 DECaLS.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import fft

NATIVE_ARCSEC_PER_PIXEL = 0.262
MOFFAT_BETA = 3.5
COLOUR_SCALES = np.array([6.0, 3.4, 2.2], dtype=np.float32)  # of g, r, z in the colour image
SKY_EXCESS = np.float32(0.018)  # at most, in units of the colour image's m = 0.03
# g, r, z, about three DECam exposures
ELECTRONS_PER_NANOMAGGY = np.array([5000.0, 7000.0, 9000.0], dtype=np.float32)


@dataclass(frozen=True)
class Survey:
    """Typical seeing and sky noise of a survey in g, r, z.

    *Source:* after the delivered image quality and single-exposure depths in Dey et al. (2019), AJ
    157, 168, the depths turned into noise per native pixel; scatter and number of exposures are
    drawn in simulate_scene.py.
    """

    name: str
    fwhm_arcsec: tuple[float, float, float]
    sky_noise: tuple[float, float, float]  # nanomaggies per native pixel, one exposure


SURVEYS = (
    Survey("south", (1.29, 1.18, 1.11), (0.0071, 0.0113, 0.0313)),
    Survey("north", (1.61, 1.47, 1.01), (0.0075, 0.0139, 0.0314)),
)
NORTH_SHARE = 0.36  # of the galaxies, as in Galaxy10 DECaLS


def moffat(size: int, fwhm: float) -> np.ndarray:
    """Return a Moffat PSF, β = 3.5, sum 1, centred on pixel (0, 0) and wrapping: (size, size)."""
    distance = np.arange(size // 2 + 1, dtype=np.float32)
    core = (fwhm / (2 * np.sqrt(2 ** (1 / MOFFAT_BETA) - 1))) ** 2
    quarter = (1 + (distance[:, None] ** 2 + distance**2) / np.float32(core)) ** np.float32(
        -MOFFAT_BETA
    )
    wrapped = np.minimum(np.arange(size), size - np.arange(size))
    spread = quarter[wrapped][:, wrapped]
    return spread / spread.sum()


def blur(bands: np.ndarray, fwhm_pixels: np.ndarray) -> np.ndarray:
    """Convolve each band with its own Moffat PSF; edges continue as they are."""
    size = bands.shape[-1]
    padded = fft.next_fast_len(size + 2 * max(8, size // 10), real=True)
    before = (padded - size) // 2
    widths = ((before, padded - size - before),) * 2
    result = np.empty_like(bands)
    for band, fwhm in enumerate(fwhm_pixels):
        spectrum = fft.rfft2(np.pad(bands[band], widths, mode="edge")) * fft.rfft2(
            moffat(padded, float(fwhm))
        )
        blurred = fft.irfft2(spectrum, s=(padded, padded))
        result[band] = blurred[before : before + size, before : before + size]
    return np.maximum(result, 0)


def shrink(bands: np.ndarray, factor: int) -> np.ndarray:
    """Average blocks of factor × factor pixels."""
    if factor == 1:
        return bands
    size = bands.shape[-1] // factor
    return bands.reshape(-1, size, factor, size, factor).mean(axis=(2, 4), dtype=np.float32)


def add_noise(
    rng: np.random.Generator, bands: np.ndarray, sky_noise: np.ndarray, arcsec_per_pixel: float
) -> np.ndarray:
    """Add sky and photon noise, averaged over the native pixels of a pixel, and subtract the sky.

    A little too much is taken off, as survey pipelines do round bright galaxies.

    A pixel gathers hundreds of electrons of sky, so Poisson's distribution is drawn as a normal one
    of equal variance.
    """
    averaged = min(1.0, NATIVE_ARCSEC_PER_PIXEL / arcsec_per_pixel) ** 2
    photon = bands / ELECTRONS_PER_NANOMAGGY[:, None, None]
    variance = (photon + np.square(sky_noise, dtype=np.float32)[:, None, None]) * np.float32(
        averaged
    )
    excess = SKY_EXCESS * np.float32(rng.uniform(0.3, 1.0)) / COLOUR_SCALES[:, None, None]
    return bands - excess + rng.standard_normal(bands.shape, dtype=np.float32) * np.sqrt(variance)


def colour_picture(bands: np.ndarray) -> np.ndarray:
    """Return the arcsinh image of three bands: uint8 (S, S, 3), red = z, green = r, blue = g.

    Every channel keeps its share of the intensity I = mean of (scale · flux + m), which is
    compressed to arcsinh(Q I)/√Q. *Source:* Lupton et al. (2004), PASP 116, 133, with the constants
    of the Legacy Surveys' viewer.
    """
    offset, q = np.float32(0.03), np.float32(20)
    planes = np.maximum(bands * COLOUR_SCALES[:, None, None] + offset, 0)
    intensity = planes.mean(axis=0) + np.float32(1e-6)
    planes *= np.arcsinh(q * intensity) / (np.sqrt(q) * intensity)
    planes = np.clip(planes[::-1].transpose(1, 2, 0), 0, 1)
    return (planes * 255 + np.float32(0.5)).astype(np.uint8)


def through_jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    """Return the image after a JPEG round trip, as served by the surveys' cutout services."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=quality)
    with Image.open(io.BytesIO(stream.getvalue())) as image:
        return np.asarray(image)


def spoil(rng: np.random.Generator, bands: np.ndarray, artefact: str) -> np.ndarray:
    """Return the bands with a "satellite trail", "dead column", "missing band" or "none"."""
    bands = bands.copy()
    size = bands.shape[-1]
    if artefact == "satellite trail":
        bands[rng.integers(3)] += _trail(rng, size)
    elif artefact == "dead column":
        width = max(1, round(size / 128 * rng.uniform(1, 3)))
        first = int(rng.integers(size // 6, size - size // 6))
        bands[:, :, first : first + width] = -1.0  # far below the sky: black in the image
    elif artefact == "missing band":
        bands[rng.integers(3)] = 0.0
    elif artefact != "none":
        raise ValueError(
            f"Expected an artefact of the simulator, found {artefact!r}; see ARTEFACTS in "
            f"simulate_census.py."
        )
    return bands


def _trail(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return a satellite's straight trail: one exposure, hence one band."""
    axis = np.arange(size, dtype=np.float32) - np.float32(size / 2)
    angle = rng.uniform(0, np.pi)
    distance = (
        axis[None, :] * np.sin(angle)
        - axis[:, None] * np.cos(angle)
        - rng.uniform(-0.3, 0.3) * size
    )
    width = size / 128 * rng.uniform(0.8, 1.5)
    return (rng.uniform(0.15, 0.5) * np.exp(-0.5 * (distance / width) ** 2)).astype(np.float32)
