"""Undisturbed galaxies, smooth, spiral and edge-on, with random parameters on any pixel grid.

Each function returns a `Sketch`: three bands (3, S, S) in g, r, z with a total r-band flux of about
one before dust, and the parameters that made it. `extent` is the radius in pixels out to which the
galaxy is meant to be seen.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from astrojepa.data.simulate import light


@dataclass
class Sketch:
    """A galaxy before the camera: its light and the truth about it."""

    bands: np.ndarray  # float32 (3, S, S)
    # mean r-band surface brightness within the half-light radius, AB magnitudes per square arcsec
    brightness: float
    truth: dict[str, float] = field(default_factory=dict)
    axis_ratio: float = 1.0  # of the isophotes, turns the half-light circle into an area


@dataclass(frozen=True)
class SpiralStyle:
    """Ranges from which a spiral's parameters are drawn."""

    pitch_deg: tuple[float, float]
    num_arms: tuple[int, ...]
    bulge_to_total: tuple[float, float]
    bar_strength: tuple[float, float]  # bar's share of the light; zero is unbarred
    sharpness: tuple[float, float]
    young_share: tuple[float, float]  # light of the arms over that of the whole disc


STYLES = {
    "barred spiral": SpiralStyle(
        (11, 26), (2, 2, 2, 4), (0.04, 0.13), (0.16, 0.30), (1.6, 3.5), (0.30, 0.50)
    ),
    "unbarred tight spiral": SpiralStyle(
        (7, 14), (2, 2, 3, 4), (0.12, 0.35), (0, 0), (1.5, 3.0), (0.40, 0.60)
    ),
    "unbarred loose spiral": SpiralStyle(
        (20, 38), (2, 2, 2, 2, 3, 4), (0.03, 0.15), (0, 0), (1.6, 4.0), (0.40, 0.62)
    ),
}


@dataclass(frozen=True)
class _Disc:
    """The plane of a spiral: coordinates, radii and phases of every pixel, and its scales."""

    u: np.ndarray
    v: np.ndarray
    radius: np.ndarray
    phase: np.ndarray
    scale_length: float
    reference: float  # where the arms begin: end of the bar, edge of the bulge
    truncation: float


def red_colour(rng: np.random.Generator) -> tuple[float, float]:
    """Return g - r and r - z of an old population, AB magnitudes."""
    age = rng.normal()
    return 0.80 + 0.05 * age, 0.66 + 0.06 * age


def smooth_galaxy(
    rng: np.random.Generator,
    x: np.ndarray,
    y: np.ndarray,
    extent: float,
    axis_ratio: tuple[float, float],
    disky: bool = False,
) -> Sketch:
    """Draw an elliptical: a random Sérsic profile, old stars, rounder outside."""
    ratio = rng.uniform(*axis_ratio)
    index = rng.uniform(1.2, 2.2) if disky else rng.uniform(2.0, 4.5)
    half_light = extent * rng.uniform(0.34, 0.44)
    u, v = light.deproject(x, y, rng.uniform(0, np.pi), ratio)
    radius = light.soft_radius(u, v)
    profile = light.sersic(radius * np.float32(np.sqrt(ratio)), half_light, index)
    profile *= light.smooth_step((2.2 * extent - radius) / (0.3 * extent))
    colour = red_colour(rng)
    bluer = rng.choice([0.0, 0.0, 0.12]) * rng.random()  # the odd rejuvenated one
    bands = light.paint(profile, 1.0, colour[0] - bluer, colour[1] - bluer)
    truth = {"bulge_to_total": 1.0, "inclination_deg": np.nan}
    return Sketch(bands, rng.uniform(20.3, 21.8), truth, ratio)


def spiral_galaxy(
    rng: np.random.Generator,
    x: np.ndarray,
    y: np.ndarray,
    extent: float,
    style: SpiralStyle,
    min_ratio: float = 0.45,
) -> Sketch:
    """Draw a spiral: exponential disc, logarithmic arms, clumps, dust, bulge and perhaps a bar.

    Arms wind outwards from the reference radius, either way round; their ridges obey
    `winding_phase` up to a slow wobble.
    """
    ratio = rng.uniform(min_ratio, 1.0)
    pitch, num_arms = rng.uniform(*style.pitch_deg), int(rng.choice(style.num_arms))
    bulge_share, bar_share = rng.uniform(*style.bulge_to_total), rng.uniform(*style.bar_strength)
    disc = _lay_out(rng, x, y, extent, ratio, pitch, bar_share > 0)
    arms, dust = _arms_and_dust(rng, disc, num_arms, rng.uniform(*style.sharpness))
    bands = _paint_disc(
        rng, disc, arms, 1 - bulge_share - bar_share, rng.uniform(*style.young_share)
    )
    bands = light.attenuate(bands, dust)
    red = red_colour(rng)
    if bar_share > 0:
        half_length, half_width = 0.95 * disc.reference, disc.reference * rng.uniform(0.15, 0.22)
        bar = light.bar(disc.u, disc.v, half_length, half_width)
        bands += light.paint(bar, bar_share, red[0] - 0.06, red[1] - 0.06)
    bulge_size = disc.scale_length * rng.uniform(0.18, 0.25) * (0.6 + 2.2 * bulge_share)
    flattened = light.soft_radius(disc.u, disc.v * np.float32(0.5 + 0.5 * ratio))
    bands += light.paint(
        light.sersic(flattened, bulge_size, rng.uniform(1.2, 2.5)), bulge_share, *red
    )
    truth = {
        "pitch_deg": pitch,
        "num_arms": float(num_arms),
        "bar_strength": bar_share,
        "bulge_to_total": bulge_share,
        "inclination_deg": float(np.degrees(np.arccos(ratio))),
    }
    return Sketch(bands, rng.uniform(20.9, 22.1), truth, ratio)


def _lay_out(
    rng: np.random.Generator,
    x: np.ndarray,
    y: np.ndarray,
    extent: float,
    ratio: float,
    pitch_deg: float,
    barred: bool,
) -> _Disc:
    """Return the plane of a spiral at this axis ratio; the bar or an arm points along +u."""
    u, v = light.deproject(x, y, rng.uniform(0, 2 * np.pi), ratio)
    turn = rng.uniform(0, 2 * np.pi)
    u, v = light.deproject(u, v, turn, 1.0)
    if rng.random() < 0.5:
        v = -v
    radius = light.soft_radius(u, v)
    scale_length = extent / rng.uniform(3.0, 3.8)
    reference = scale_length * (rng.uniform(1.15, 1.6) if barred else rng.uniform(0.4, 0.6))
    phase = light.winding_phase(radius, np.arctan2(v, u), pitch_deg, reference)
    outward = np.log(radius / np.float32(reference))
    wobble = rng.uniform(0.05, 0.22)  # radians
    for wave in (2.2, 4.1):
        phase = phase + np.float32(wobble) * np.sin(
            np.float32(wave) * outward + np.float32(rng.uniform(0, 6.28))
        )
    return _Disc(u, v, radius, phase, scale_length, reference, extent * rng.uniform(1.0, 1.25))


def _arms_and_dust(
    rng: np.random.Generator, disc: _Disc, num_arms: int, sharpness: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return arm density (S, S), about one on a ridge, and g-band optical depth of dust."""
    begin = light.smooth_step((disc.radius - 0.9 * disc.reference) / (0.16 * disc.reference))
    texture = light.streaks(rng, disc.phase, disc.radius / disc.scale_length, rng.uniform(0.4, 0.8))
    uneven = 1 + np.float32(rng.uniform(0, 0.35)) * np.cos(
        disc.phase + np.float32(rng.uniform(0, 6.28))
    )
    arms = light.spiral_arms(disc.phase, num_arms, sharpness) * uneven * texture * begin
    lane = light.spiral_arms(
        disc.phase - np.float32(rng.uniform(0.35, 0.55) * 2 / num_arms), num_arms, 2.5 * sharpness
    )
    outward = np.exp(-((disc.radius / np.float32(2.6 * disc.scale_length)) ** 2))
    depth = np.float32(rng.uniform(0.3, 1.1)) * lane * outward
    return arms, depth * (0.4 + 0.6 * texture) * (0.35 + 0.65 * begin)


def _paint_disc(
    rng: np.random.Generator, disc: _Disc, arms: np.ndarray, share: float, young_share: float
) -> np.ndarray:
    """Return a disc's bands: old stars, young ones that follow the arms, clumps."""
    old = light.exponential_disc(disc.radius, disc.scale_length, disc.truncation) * (
        np.float32(0.8) + np.float32(0.4) * arms
    )
    young = light.exponential_disc(disc.radius, 1.5 * disc.scale_length, disc.truncation) * arms
    tint = rng.normal(0, 0.05)
    bands = light.paint(old, share * (1 - young_share), 0.60 + tint, 0.50 + tint)
    clump_share = rng.uniform(0.04, 0.15)
    bands += light.paint(young, share * young_share * (1 - clump_share), 0.35 + tint, 0.22 + tint)
    clumps = draw_clumps(rng, young, int(rng.integers(25, 90)))
    bands += light.paint(clumps, share * young_share * clump_share, 0.18 + tint, 0.02 + tint)
    return bands


def draw_clumps(rng: np.random.Generator, density: np.ndarray, number: int) -> np.ndarray:
    """Return star-forming knots: places by density, luminosities by a power law, slope -2."""
    size = len(density)
    growth = np.cumsum(density.ravel(), dtype=np.float64)
    cells = np.minimum(np.searchsorted(growth, rng.random(number) * growth[-1]), size * size - 1)
    x = cells % size - (size - 1) / 2 + rng.uniform(-0.5, 0.5, number)
    y = cells // size - (size - 1) / 2 + rng.uniform(-0.5, 0.5, number)
    return light.deposit(size, x, y, 1 / rng.uniform(0.06, 1.0, number))


def edge_on_galaxy(
    rng: np.random.Generator, x: np.ndarray, y: np.ndarray, extent: float, bulge: bool
) -> Sketch:
    """Draw an edge-on disc: blue and knotty without a bulge, else redder, often dusty."""
    u, v = light.deproject(x, y, rng.uniform(0, np.pi), 1.0)
    scale_length = extent / rng.uniform(2.8, 3.4)
    warp = rng.normal(0, 0.035)
    height = v - np.float32(warp / extent) * u * np.abs(u)
    thickness = scale_length * (rng.uniform(0.16, 0.26) if bulge else rng.uniform(0.12, 0.26))
    edge = light.smooth_step((1.1 * extent - np.abs(u)) / (0.12 * extent))
    old = light.edge_on_disc(u, height, scale_length, thickness) * edge
    young = light.edge_on_disc(u, height, 1.4 * scale_length, 0.6 * thickness) * edge
    bulge_share = rng.uniform(0.22, 0.5) if bulge else 0.0
    young_share = rng.uniform(0.1, 0.3) if bulge else rng.uniform(0.3, 0.6)
    tint = rng.normal(0.05 if bulge else -0.03, 0.07)
    bands = light.paint(old, (1 - bulge_share) * (1 - young_share), 0.66 + tint, 0.56 + tint)
    patches = young * _knots_along(rng, u, scale_length)
    bands += light.paint(patches, (1 - bulge_share) * young_share, 0.34 + tint, 0.22 + tint)
    clumps = draw_clumps(rng, young, 25)
    bands += light.paint(clumps, (1 - bulge_share) * young_share * 0.07, 0.15, 0.0)
    if bulge:
        inner = light.soft_radius(u * np.float32(rng.uniform(0.65, 0.9)), height)
        size = scale_length * rng.uniform(0.32, 0.5)
        bands += light.paint(
            light.sersic(inner, size, rng.uniform(1.5, 3.0)), bulge_share, *red_colour(rng)
        )
    depth = rng.uniform(1.0, 4.0) if rng.random() < 0.6 else rng.uniform(0.0, 0.3)
    lane = height - np.float32(rng.normal(0, 0.25) * thickness)
    dust = light.edge_on_disc(u, lane, 1.3 * scale_length, 0.4 * thickness) * _knots_along(
        rng, u, scale_length
    )
    bands = light.attenuate(bands, np.float32(depth) * dust / max(float(dust.max()), 1e-6))
    truth = {"bulge_to_total": bulge_share, "inclination_deg": 90.0, "bar_strength": np.nan}
    return Sketch(bands, rng.uniform(20.6, 21.6), truth, 0.35 if bulge else 0.22)


def _knots_along(rng: np.random.Generator, u: np.ndarray, scale_length: float) -> np.ndarray:
    """Return a positive patchiness along a disc seen from the side, of mean about one."""
    patches = np.ones_like(u)
    for cycles in (1.1, 2.3, 4.2):
        wave = np.float32(rng.uniform(0.8, 1.2) * cycles / scale_length)
        patches += np.float32(0.22) * np.sin(wave * u + np.float32(rng.uniform(0, 6.28)))
    return patches
