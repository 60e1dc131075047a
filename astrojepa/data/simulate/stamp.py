"""One stamp of the simulator, from its number to the image: a galaxy, its field, the camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from astrojepa.data.simulate import camera, encounter, galaxy, light

# What is known of every stamp, in the order of the rows that `draw_stamp` returns; NaN where it
# does not apply.
TRUTHS = (
    "survey",
    "pitch_deg",
    "num_arms",
    "bar_strength",
    "bulge_to_total",
    "inclination_deg",
    "psf_fwhm_arcsec",
    "snr",
    "half_light_radius_px",
    "num_stars",
    "arcsec_per_pixel",
)
MIN_DRAWN_SIZE = 96  # smaller stamps are drawn finer and averaged


def draw_stamp(
    seed: int, index: int, kind: str, artefact: str, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw galaxy `index` of `seed`: uint8 (size, size, 3), and TRUTHS, float64 (11,)."""
    exposure = expose(seed, index, kind, artefact, size)
    quality = int(exposure.rng.integers(88, 96))
    return camera.through_jpeg(camera.colour_picture(exposure.flux), quality), exposure.truths


@dataclass(frozen=True)
class Exposure:
    """What the camera gathered of a stamp in g, r, z, before the colour image, and what it saw."""

    flux: np.ndarray  # (3, size, size), nanomaggies per native pixel
    truths: np.ndarray  # TRUTHS, float64 (11,)
    rng: np.random.Generator  # for what follows
    light: np.ndarray  # (3, drawn, drawn), before the camera, drawn `factor` times finer
    factor: int
    arcsec_per_pixel: float  # of `flux`
    fwhm_arcsec: np.ndarray  # (3,), of the seeing
    sky_noise: np.ndarray  # (3,), nanomaggies per native pixel


def expose(seed: int, index: int, kind: str, artefact: str, size: int) -> Exposure:
    """Draw galaxy `index` of `seed` and its field, and expose the camera to it."""
    rng = np.random.default_rng((seed, index))
    factor = -(-MIN_DRAWN_SIZE // size)
    drawn = size * factor
    field_arcsec = float(np.clip(rng.lognormal(np.log(60), 0.22), 36, 96))
    finest = field_arcsec / drawn  # arcsec per drawn pixel
    sketch = draw_kind(rng, kind, drawn)
    pixels = light.half_light_radius(sketch.bands[1])
    flux = _flux_for(sketch, pixels)
    bands = sketch.bands * np.float32(flux / float(sketch.bands[1].sum(dtype=np.float64)))
    num_stars = add_field(rng, bands, finest)
    survey = int(rng.random() < camera.NORTH_SHARE)
    fwhm = np.array(camera.SURVEYS[survey].fwhm_arcsec) * rng.lognormal(0, 0.10)
    sky_noise = np.array(camera.SURVEYS[survey].sky_noise) * 0.6 * rng.lognormal(0, 0.2)
    seen = camera.shrink(camera.blur(bands, fwhm / finest), factor)
    seen = camera.add_noise(rng, seen, sky_noise, finest * factor)
    seen = camera.spoil(rng, seen, artefact)
    # native pixels within the half-light circle
    area = np.pi * pixels**2 * (finest / camera.NATIVE_ARCSEC_PER_PIXEL) ** 2
    signal = 0.5 * flux * (finest / camera.NATIVE_ARCSEC_PER_PIXEL) ** 2  # nanomaggies
    noise = np.sqrt(sky_noise[1] ** 2 * area + signal / camera.ELECTRONS_PER_NANOMAGGY[1])
    truth = {
        "survey": float(survey),
        **sketch.truth,
        "psf_fwhm_arcsec": float(fwhm[1]),
        "snr": float(signal / noise),
        "half_light_radius_px": pixels / factor,
        "num_stars": float(num_stars),
        "arcsec_per_pixel": finest * factor,
    }
    truths = np.array([truth.get(name, np.nan) for name in TRUTHS])
    return Exposure(seen, truths, rng, bands, factor, finest * factor, fwhm, sky_noise)


def draw_kind(rng: np.random.Generator, kind: str, size: int) -> galaxy.Sketch:
    """Draw a galaxy of a kind in the middle of a frame, 30 to 60 % of its width across."""
    x, y = light.pixel_grid(size)
    x, y = x - np.float32(rng.normal(0, 0.3)), y - np.float32(rng.normal(0, 0.3))
    extent = size * rng.uniform(0.20, 0.31)
    if kind in galaxy.STYLES:
        return galaxy.spiral_galaxy(rng, x, y, extent, galaxy.STYLES[kind])
    if kind in ("edge-on with bulge", "edge-on without bulge"):
        return galaxy.edge_on_galaxy(rng, x, y, 1.2 * extent, kind == "edge-on with bulge")
    if kind == "round smooth":
        return galaxy.smooth_galaxy(rng, x, y, extent, (0.88, 1.0))
    if kind == "in-between round smooth":
        return galaxy.smooth_galaxy(rng, x, y, 1.1 * extent, (0.5, 0.78))
    if kind == "cigar shaped smooth":
        return galaxy.smooth_galaxy(rng, x, y, 0.85 * extent, (0.22, 0.36), disky=True)
    others = {
        "merging": encounter.merging_galaxies,
        "disturbed": encounter.disturbed_galaxy,
        "ring": encounter.ring_galaxy,
        "lens": encounter.lens_galaxy,
    }
    if kind not in others:
        raise ValueError(
            f"Expected a kind of galaxy of the simulator, found {kind!r}; see KINDS in "
            f"simulate_census.py."
        )
    return others[kind](rng, x, y, extent)


def _flux_for(sketch: galaxy.Sketch, pixels: float) -> float:
    """Return the r-band flux (nanomaggies per native pixel, summed) for its brightness."""
    per_native = 10 ** (-0.4 * (sketch.brightness - 22.5)) * camera.NATIVE_ARCSEC_PER_PIXEL**2
    return 2 * np.pi * pixels**2 * sketch.axis_ratio * per_native


def add_field(rng: np.random.Generator, bands: np.ndarray, arcsec_per_pixel: float) -> int:
    """Add foreground stars and small background galaxies in place; return the number of stars.

    On average 2.2 stars brighter than r = 21.5 and 5 galaxies brighter than r = 22.5 per square
    arcminute, about what a field at high galactic latitude holds.
    """
    size = bands.shape[-1]
    arcmin2 = (size * arcsec_per_pixel / 60) ** 2
    per_native = (camera.NATIVE_ARCSEC_PER_PIXEL / arcsec_per_pixel) ** 2
    num_stars, num_galaxies = int(rng.poisson(2.2 * arcmin2)), int(rng.poisson(5.0 * arcmin2))
    for _ in range(num_stars):
        flux = 10 ** (0.4 * (22.5 - _magnitude(rng, 14.5, 21.5, 0.22))) * per_native
        redness = rng.uniform(0.0, 1.0)
        place = _place(rng, size, 0.12)
        # along the stellar locus
        colour = (0.38 + 1.0 * redness, 0.21 + 0.85 * redness + 0.6 * redness**4)
        bands += light.paint(light.deposit(size, place[:1], place[1:], np.ones(1)), flux, *colour)
        if flux > 3000 * per_native:
            bands += light.paint(_spikes(size, place), 0.03 * flux, *colour)
    for _ in range(num_galaxies):
        flux = 10 ** (0.4 * (22.5 - _magnitude(rng, 19.0, 22.5, 0.35))) * per_native
        _add_background_galaxy(rng, bands, flux, arcsec_per_pixel)
    return num_stars


def _magnitude(rng: np.random.Generator, bright: float, faint: float, slope: float) -> float:
    """Return a magnitude from counts that grow as 10^(slope · magnitude)."""
    low, high = 10 ** (slope * bright), 10 ** (slope * faint)
    return float(np.log10(rng.uniform(low, high)) / slope)


def _place(rng: np.random.Generator, size: int, clear: float) -> np.ndarray:
    """Return x and y anywhere in the frame except within `clear` frame widths of the middle."""
    while True:
        place = rng.uniform(-0.5, 0.5, 2)
        if float(np.hypot(*place)) > clear:
            return place * (size - 1)


def _spikes(size: int, place: np.ndarray) -> np.ndarray:
    """Return the diffraction cross of a bright star."""
    x, y = light.pixel_grid(size)
    x, y = np.abs(x - np.float32(place[0])), np.abs(y - np.float32(place[1]))
    length = np.float32(0.10 * size)
    return np.exp(-x / length) * (y < 0.5) + np.exp(-y / length) * (x < 0.5)


def _add_background_galaxy(
    rng: np.random.Generator, bands: np.ndarray, flux: float, arcsec_per_pixel: float
) -> None:
    """Add a small exponential galaxy, drawn on a patch only."""
    size = bands.shape[-1]
    scale = max(0.5, rng.uniform(0.25, 0.7) / arcsec_per_pixel)
    place = _place(rng, size, 0.2) + (size - 1) / 2
    half = int(np.ceil(4 * scale)) + 1
    left, top = max(0, int(place[0]) - half), max(0, int(place[1]) - half)
    window = (
        slice(top, min(size, top + 2 * half + 1)),
        slice(left, min(size, left + 2 * half + 1)),
    )
    row, column = np.mgrid[window]
    u, v = light.deproject(
        column - place[0], row - place[1], rng.uniform(0, np.pi), rng.uniform(0.35, 1.0)
    )
    age = rng.random()
    bands[(slice(None), *window)] += light.paint(
        np.exp(-np.hypot(u, v) / scale), flux, 0.3 + 0.9 * age, 0.2 + 0.7 * age
    )
