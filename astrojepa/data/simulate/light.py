"""Light profiles: surface brightness of the parts of a galaxy, and reddening by dust.

Maps are float32 (S, S), in arbitrary units, not negative; lengths are pixels, angles radians unless
the name says degrees. Images in three bands are float32 (3, S, S) in the order g, r, z.
"""

from __future__ import annotations

import numpy as np

# Attenuation in g, r, z relative to g: the Legacy Surveys' A/E(B-V) = 3.214, 2.165, 1.211 for
# DECam, computed after Schlafly & Finkbeiner (2011), ApJ 737, 103
# (https://www.legacysurvey.org/dr10/catalogs/#galactic-extinction-coefficients).
ATTENUATION = np.array([1.0, 0.674, 0.377], dtype=np.float32)
SOFTENING = 0.3  # pixels; keeps steep centres finite on the grid, well below the point spread


def pixel_grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of pixel centres from the middle: two float32 (size, size)."""
    axis = np.arange(size, dtype=np.float32) - np.float32((size - 1) / 2)
    x, y = np.meshgrid(axis, axis)
    return x, y


def deproject(
    x: np.ndarray, y: np.ndarray, position_angle: float, axis_ratio: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return coordinates along the major and the minor axis, the latter face-on."""
    cos, sin = np.float32(np.cos(position_angle)), np.float32(np.sin(position_angle))
    return x * cos + y * sin, (y * cos - x * sin) / np.float32(axis_ratio)


def soft_radius(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return the radius of every pixel, never below the softening length."""
    return np.sqrt(u * u + v * v + np.float32(SOFTENING**2))


def sersic(radius: np.ndarray, half_light_radius: float, index: float) -> np.ndarray:
    """Return Sérsic's profile exp(-b ((r/r_e)^(1/n) - 1)); n = 1 is a disc, n = 4 an elliptical.

    *Source:* Sérsic (1963); b from Ciotti & Bertin (1999), A&A 352, 447, eq. 18, good to 1e-4 for n
    > 0.5.
    """
    b = 2 * index - 1 / 3 + 4 / (405 * index) + 46 / (25515 * index**2)
    power = np.exp(np.log(radius / np.float32(half_light_radius)) * np.float32(1 / index))
    return np.exp(np.float32(-b) * (power - 1))


def exponential_disc(radius: np.ndarray, scale_length: float, truncation: float) -> np.ndarray:
    """Return exp(-r/h), fading smoothly beyond the truncation radius."""
    return np.exp(-radius / np.float32(scale_length)) * smooth_step(
        (truncation - radius) / (0.3 * scale_length)
    )


def smooth_step(value: np.ndarray) -> np.ndarray:
    """Return a switch from 0 (value << 0) to 1 (value >> 0)."""
    return np.float32(0.5) + np.float32(0.5) * np.tanh(np.float32(0.5) * value)


def winding_phase(
    radius: np.ndarray, angle: np.ndarray, pitch_deg: float, reference_radius: float
) -> np.ndarray:
    """Return θ - ln(r/r0)/tan p, which is constant along a logarithmic spiral of pitch angle p."""
    return angle - np.log(radius / np.float32(reference_radius)) * np.float32(
        1 / np.tan(np.radians(pitch_deg))
    )


def spiral_arms(phase: np.ndarray, num_arms: int, sharpness: float) -> np.ndarray:
    """Return exp(κ (cos(m · phase) - 1)), in (0, 1], one on the ridges of the arms."""
    return np.exp(np.float32(sharpness) * (np.cos(np.float32(num_arms) * phase) - 1))


def bar(u: np.ndarray, v: np.ndarray, half_length: float, half_width: float) -> np.ndarray:
    """Return a box-Gaussian bar along u: flat to its ends, Gaussian across."""
    along = (u / np.float32(half_length)) ** 2
    across = (v / np.float32(half_width)) ** 2
    return np.exp(-along * along - np.float32(0.5) * across)


def edge_on_disc(
    u: np.ndarray, height: np.ndarray, scale_length: float, scale_height: float
) -> np.ndarray:
    """Return sech²(z/z0) times a radial exponential, rounded in the middle, for an edge-on disc.

    *Source:* van der Kruit & Searle (1981), A&A 95, 105. Their radial K1 profile is replaced by an
    exponential of the softened radius, which it approaches outside.
    """
    radial = np.exp(
        -np.sqrt(u * u + np.float32((0.5 * scale_length) ** 2)) / np.float32(scale_length)
    )
    vertical = (
        np.float32(1)
        / np.cosh(np.minimum(np.abs(height / np.float32(scale_height)), np.float32(20))) ** 2
    )
    return radial * vertical


def attenuate(bands: np.ndarray, optical_depth: np.ndarray) -> np.ndarray:
    """Dim three bands (3, S, S) by dust of g-band optical depth (S, S): most in g, least in z."""
    return bands * np.exp(-ATTENUATION[:, None, None] * optical_depth)


def paint(light: np.ndarray, flux: float, g_minus_r: float, r_minus_z: float) -> np.ndarray:
    """Return bands (3, S, S) of a map with this r-band flux and AB colours."""
    weights = np.array([10 ** (-0.4 * g_minus_r), 1.0, 10 ** (0.4 * r_minus_z)], dtype=np.float32)
    total = float(light.sum(dtype=np.float64))
    return weights[:, None, None] * (light * np.float32(flux / max(total, 1e-12)))


def streaks(
    rng: np.random.Generator,
    phase: np.ndarray,
    radius: np.ndarray,
    contrast: float,
    along: float = 4.0,
) -> np.ndarray:
    """Return a patchy texture of mean about one, fine across the spiral's arms, coarse along them.

    A lognormal noise table over (phase, ln radius), periodic in phase, read with linear
    interpolation; `along` is the number of independent patches per e-folding of the radius.
    """
    columns, rows = 48, 32
    table = rng.standard_normal((rows, columns)).astype(np.float32)
    table = (table + np.roll(table, 1, axis=1) + np.roll(table, -1, axis=1)) / np.float32(3**0.5)
    table = np.exp(np.float32(contrast) * table - np.float32(contrast**2 / 2))
    across = np.mod(phase * np.float32(columns / (2 * np.pi)), np.float32(columns))
    outward = np.clip(np.log(radius) * np.float32(along) + rows / 2, 0, rows - 1.01).astype(
        np.float32
    )
    return _interpolate(table, outward, across)


def _interpolate(table: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Read a table between its entries; columns are periodic."""
    columns = table.shape[1]
    low, left = row.astype(np.int32), np.minimum(column.astype(np.int32), columns - 1)
    down, right = row - low, column - left
    wrapped = np.concatenate([table, table[:, :1]], axis=1).ravel()
    corner = low * (columns + 1) + left
    upper = wrapped[corner] * (1 - right) + wrapped[corner + 1] * right
    corner += columns + 1
    lower = wrapped[corner] * (1 - right) + wrapped[corner + 1] * right
    return upper * (1 - down) + lower * down


def deposit(size: int, x: np.ndarray, y: np.ndarray, flux: np.ndarray) -> np.ndarray:
    """Return a map (size, size) with points shared among four pixels; others are lost."""
    column, row = x + (size - 1) / 2, y + (size - 1) / 2
    inside = (column >= 0) & (row >= 0) & (column < size - 1) & (row < size - 1)
    column, row, flux = column[inside], row[inside], flux[inside]
    left, top = column.astype(np.int64), row.astype(np.int64)
    right, down = column - left, row - top
    first = top * size + left
    cells = np.concatenate([first, first + 1, first + size, first + size + 1])
    shares = np.concatenate(
        [(1 - right) * (1 - down), right * (1 - down), (1 - right) * down, right * down]
    )
    return (
        np.bincount(cells, shares * np.tile(flux, 4), size * size)
        .reshape(size, size)
        .astype(np.float32)
    )


def half_light_radius(light: np.ndarray) -> float:
    """Return the radius in pixels, about the middle, that holds half of the light."""
    x, y = pixel_grid(len(light))
    radius = np.sqrt(x * x + y * y)
    steps = np.bincount((radius * 4).astype(np.int64).ravel(), light.ravel())
    growth = np.cumsum(steps)
    return float(np.interp(growth[-1] / 2, growth, (np.arange(len(growth)) + 1) / 4))
