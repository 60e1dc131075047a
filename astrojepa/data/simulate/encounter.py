"""Disturbed galaxies: mergers, tails, shells, lopsided discs; and rare kinds, rings and lenses.

Same conventions as simulate_galaxy.py: a `Sketch` of three bands in g, r, z, total r-band flux
about one.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from astrojepa.data.simulate import light
from astrojepa.data.simulate.galaxy import (
    Sketch,
    SpiralStyle,
    draw_clumps,
    red_colour,
    smooth_galaxy,
    spiral_galaxy,
)

INTERACTING = SpiralStyle((12, 35), (1, 2, 2), (0.10, 0.35), (0, 0), (0.6, 2.0), (0.25, 0.55))


def tidal_tail(
    rng: np.random.Generator,
    size: int,
    start: tuple[float, float],
    heading: float,
    length: float,
    curl: float,
) -> np.ndarray:
    """Return the map (size, size) of a tidal tail that curves, widens and fades outwards.

    `start` and `length` are pixels, `heading` radians, `curl` the radians through which the whole
    path turns.
    """
    steps = 160
    along = np.linspace(0, 1, steps)
    bend = curl * (1 + 0.7 * np.sin(rng.uniform(2, 5) * along + rng.uniform(0, 6.28))) / steps
    direction = heading + np.cumsum(bend)
    x = start[0] + np.cumsum(np.cos(direction)) * length / steps
    y = start[1] + np.cumsum(np.sin(direction)) * length / steps
    width = length * (0.035 + 0.07 * along)
    stars = 8
    scatter = rng.standard_normal((2, stars, steps)) * width
    fade = np.tile((1 - along) ** 0.7 * (0.6 + 0.4 * np.sin(np.pi * along)), (stars, 1))
    points = light.deposit(size, (x + scatter[0]).ravel(), (y + scatter[1]).ravel(), fade.ravel())
    return gaussian_filter(points, max(0.8, 0.035 * length), mode="constant", truncate=3.0)


def shake(
    rng: np.random.Generator, x: np.ndarray, y: np.ndarray, extent: float, strength: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return coordinates bent by smooth random waves of amplitude strength · extent."""
    bent = [x, y]
    for axis in (0, 1):
        for cycles in (0.35, 0.6):
            direction, phase = rng.uniform(0, 2 * np.pi, 2)
            wave = np.float32(2 * np.pi * cycles / extent)
            ramp = (x * np.float32(np.cos(direction)) + y * np.float32(np.sin(direction))) * wave
            amplitude = np.float32(strength * extent * rng.uniform(0.5, 1) * 0.35 / cycles)
            bent[axis] = bent[axis] + amplitude * (
                np.sin(ramp + np.float32(phase)) - np.float32(np.sin(phase))
            )
    return bent[0], bent[1]


def merging_galaxies(
    rng: np.random.Generator, x: np.ndarray, y: np.ndarray, extent: float
) -> Sketch:
    """Draw two galaxies 0.9 to 2.6 half-light radii apart, with tails and an envelope."""
    size, radius = len(x), extent * 0.45
    gap, angle = radius * rng.uniform(1.2, 2.6), rng.uniform(0, 2 * np.pi)
    offset = np.array([np.cos(angle), np.sin(angle)]) * gap
    share = rng.uniform(0.2, 0.5)  # of the lesser galaxy
    places = (-offset * share, offset * (1 - share))
    bands = np.zeros((3, size, size), dtype=np.float32)
    for place, part, reach in zip(
        places, (1 - share, share), (0.8, 0.8 * np.sqrt(share / (1 - share))), strict=True
    ):
        px, py = shake(
            rng, x - np.float32(place[0]), y - np.float32(place[1]), extent, rng.uniform(0.04, 0.13)
        )
        bands += np.float32(part) * _member(rng, px, py, extent * reach).bands
    bands *= np.float32(0.8)
    envelope = light.sersic(
        light.soft_radius(*light.deproject(x, y, angle, rng.uniform(0.5, 0.8))), 0.7 * extent, 1.0
    )
    bands += light.paint(envelope, rng.uniform(0.08, 0.18), 0.58, 0.48)
    sense = rng.choice([-1.0, 1.0])
    for end, place in zip((angle + np.pi, angle), places, strict=True):
        if rng.random() < 0.75:
            heading, curl = end + sense * rng.uniform(0.6, 1.4), sense * rng.uniform(-2.2, -0.6)
            tail = tidal_tail(
                rng, size, (place[0], place[1]), heading, extent * rng.uniform(0.9, 1.7), curl
            )
            bands += light.paint(tail, rng.uniform(0.03, 0.10), 0.48, 0.38)
    return Sketch(bands, rng.uniform(20.8, 21.8), {"inclination_deg": np.nan})


def _member(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, extent: float) -> Sketch:
    """Draw one galaxy of a merging pair."""
    if rng.random() < 0.4:
        return smooth_galaxy(rng, x, y, extent, (0.5, 1.0))
    return spiral_galaxy(rng, x, y, extent, INTERACTING, min_ratio=0.35)


def disturbed_galaxy(
    rng: np.random.Generator, x: np.ndarray, y: np.ndarray, extent: float
) -> Sketch:
    """Draw a disturbed galaxy: bent, lopsided, with tails or shells, nucleus off centre."""
    size, old = len(x), rng.random() < 0.3
    bx, by = shake(rng, x, y, extent, rng.uniform(0.04, 0.10) if old else rng.uniform(0.15, 0.30))
    if old:
        sketch = smooth_galaxy(rng, bx, by, 0.85 * extent, (0.6, 0.95))
        sketch.bands += shells(rng, x, y, extent)
    else:
        sketch = spiral_galaxy(rng, bx, by, 0.85 * extent, INTERACTING, min_ratio=0.4)
        sketch.bands *= _lopsided(rng, x, y, extent)
        burst = draw_clumps(rng, sketch.bands[0] ** 1.5, int(rng.integers(10, 40)))
        sketch.bands += light.paint(burst, rng.uniform(0.02, 0.06), 0.12, -0.05)
    for _ in range(int(rng.integers(1, 3))):
        angle, sense = rng.uniform(0, 2 * np.pi), rng.choice([-1.0, 1.0])
        start = (0.3 * extent * np.cos(angle), 0.3 * extent * np.sin(angle))
        length, bend = extent * rng.uniform(0.9, 1.7), -sense * rng.uniform(1.2, 2.8)
        tail = tidal_tail(rng, size, start, angle + sense * 0.8, length, bend)
        colour = (0.62, 0.52) if old else (0.40, 0.30)
        sketch.bands += light.paint(tail, rng.uniform(0.03, 0.10), *colour)
    unknown = {"pitch_deg": np.nan, "num_arms": np.nan}
    return Sketch(sketch.bands, rng.uniform(20.8, 22.0), sketch.truth | unknown, sketch.axis_ratio)


def _lopsided(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, extent: float) -> np.ndarray:
    """Return a brightness gradient across the galaxy, about one in the middle."""
    angle = rng.uniform(0, 2 * np.pi)
    across = (x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))) / np.float32(
        0.5 * extent
    )
    return np.exp(np.float32(rng.uniform(0.2, 0.6)) * np.tanh(across))


def shells(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, extent: float) -> np.ndarray:
    """Return the bands of shells round an elliptical: arcs, sharp outside, on both sides."""
    angle = rng.uniform(0, 2 * np.pi)
    u, v = light.deproject(x, y, angle, rng.uniform(0.8, 1.0))
    radius, direction = light.soft_radius(u, v), np.arctan2(v, u)
    total = np.zeros_like(x)
    for number in range(int(rng.integers(2, 5))):
        place = extent * rng.uniform(0.35, 1.0)
        inside = light.smooth_step((place - radius) / (0.02 * extent)) * np.exp(
            (radius - place) / np.float32(0.12 * extent)
        )
        wedge = np.exp(4 * (np.cos(direction - np.float32(np.pi * (number % 2))) - 1))
        total += np.minimum(inside, 1) * wedge
    return light.paint(total, rng.uniform(0.06, 0.14), 0.66, 0.55)


def ring_galaxy(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, extent: float) -> Sketch:
    """Draw a ring of young stars about a red nucleus, a gap between them."""
    ratio = rng.uniform(0.6, 1.0)
    u, v = light.deproject(x, y, rng.uniform(0, np.pi), ratio)
    place, width = extent * rng.uniform(0.6, 0.8), extent * rng.uniform(0.05, 0.10)
    radius, angle = light.soft_radius(u, v), np.arctan2(v, u)
    ring = np.exp(np.float32(-0.5) * ((radius - np.float32(place)) / np.float32(width)) ** 2)
    ring *= light.streaks(rng, angle, radius / np.float32(place), 0.6) * _lopsided(
        rng, u, v, 2 * extent
    )
    nucleus_share = rng.uniform(0.25, 0.45)
    bands = light.paint(
        light.sersic(radius, 0.2 * extent, rng.uniform(1.5, 3)), nucleus_share, *red_colour(rng)
    )
    bands += light.paint(
        light.exponential_disc(radius, 0.4 * extent, 1.1 * extent), 0.15, 0.58, 0.48
    )
    bands += light.paint(ring, 0.82 - nucleus_share, 0.38, 0.25)
    bands += light.paint(draw_clumps(rng, ring, 60), 0.06, 0.12, -0.05)
    truth = {
        "bulge_to_total": nucleus_share,
        "inclination_deg": float(np.degrees(np.arccos(ratio))),
        "bar_strength": 0.0,
    }
    return Sketch(bands, rng.uniform(21.9, 22.6), truth, ratio)


def lens_galaxy(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, extent: float) -> Sketch:
    """Draw an elliptical with blue arcs about it, as of a background galaxy that it lenses.

    The source, a small Gaussian, is looked up where an isothermal sphere of Einstein radius b maps
    each pixel: β = θ (1 - b/|θ|). *Source:* Narayan & Bartelmann (1996), arXiv:astro-ph/9606001,
    section 3.1.
    """
    sketch = smooth_galaxy(rng, x, y, 0.85 * extent, (0.85, 1.0))
    einstein = extent * rng.uniform(0.55, 0.75)
    shear = 1 + rng.uniform(0.02, 0.10)
    u, v = light.deproject(x, y, rng.uniform(0, np.pi), shear)
    back = 1 - np.float32(einstein) / light.soft_radius(u, v)
    angle, offset = rng.uniform(0, 2 * np.pi), einstein * rng.uniform(0.2, 0.6)
    source_u = u * back - np.float32(offset * np.cos(angle))
    source_v = v * back - np.float32(offset * np.sin(angle))
    spread = np.float32(2 * (einstein * rng.uniform(0.07, 0.12)) ** 2)
    arcs = np.exp(-(source_u**2 + source_v**2) / spread)
    sketch.bands += light.paint(arcs, rng.uniform(0.10, 0.18), 0.18, 0.05)
    return sketch
