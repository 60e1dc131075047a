"""The sphere of the sky in numbers: angles between positions, and a map of the whole of it."""

from __future__ import annotations

import numpy as np

ROUNDS = 50  # of Newton's method; a few are enough away from the poles
CELLS = (180, 360)  # of the map of the whole sky, its corners included: down, across
CELL = 4 * 180**2 / np.pi * (8 / (2 * np.pi)) / (CELLS[0] * CELLS[1])  # square degrees of each
_CHUNK = 65_536


def separation(
    ra: np.ndarray, dec: np.ndarray, ra0: float | np.ndarray, dec0: float | np.ndarray
) -> np.ndarray:
    """Return the angle to (ra0, dec0) in degrees (haversine); NaN for unknown positions.

    >>> separation(np.array([10.0, np.nan]), np.array([0.0, 0.0]), 10.0, 60.0)
    array([60., nan])
    """
    a, d, a0, d0 = np.radians(ra), np.radians(dec), np.radians(ra0), np.radians(dec0)
    h = np.sin((d - d0) / 2) ** 2 + np.cos(d) * np.cos(d0) * np.sin((a - a0) / 2) ** 2
    return np.degrees(2 * np.arcsin(np.sqrt(np.clip(h, 0, 1))))


def mollweide(ra: np.ndarray, dec: np.ndarray, centre: float = 180.0) -> np.ndarray:
    """Map positions in degrees onto the Mollweide ellipse: float64 (n, 2), east to the left.

    x is in [-2, 2] and y in [-1, 1]; equal areas stay equal, and `centre` is the right ascension at
    x = 0. NaN for unknown positions. (Snyder 1987, *Map Projections*, USGS Professional Paper 1395,
    equations 31-1 to 31-3, scaled by 1/√2.)

    >>> mollweide(np.array([180.0, 90.0]), np.array([0.0, 0.0]))
    array([[0., 0.],
           [1., 0.]])
    """
    longitude = (np.asarray(ra, dtype=np.float64) - centre + 180) % 360 - 180
    latitude = np.radians(np.asarray(dec, dtype=np.float64))
    angle = 2 * latitude  # θ' = 2 θ, where θ' + sin θ' = π sin(latitude)
    target = np.pi * np.sin(latitude)
    moving = np.isfinite(angle)
    for _ in range(ROUNDS):
        before = angle[moving]
        slope = np.maximum(1 + np.cos(before), 1e-12)  # 0 at the poles, where the root is known
        step = (before + np.sin(before) - target[moving]) / slope
        angle[moving] = np.clip(before - step, -np.pi, np.pi)
        moving[moving] = np.abs(step) > 1e-14
    return np.stack([-longitude / 90 * np.cos(angle / 2) + 0.0, np.sin(angle / 2)], axis=-1)


def field_of(ra: np.ndarray, dec: np.ndarray) -> tuple[float, float, float]:
    """Return the mean direction of positions (n,), and the largest angle to it; all in degrees.

    >>> np.round(field_of(np.array([359.0, 3.0]), np.array([0.0, 0.0])), 6).tolist()
    [1.0, 0.0, 2.0]
    """
    a, d = np.radians(ra), np.radians(dec)
    x, y, z = (np.cos(d) * np.cos(a)).mean(), (np.cos(d) * np.sin(a)).mean(), np.sin(d).mean()
    ra0, dec0 = np.degrees(np.arctan2(y, x)) % 360, np.degrees(np.arctan2(z, np.hypot(x, y)))
    ra0 %= 360  # since -1e-17 % 360 is 360
    return float(ra0), float(dec0), float(separation(ra, dec, ra0, dec0).max())


def tangent_plane(ra: np.ndarray, dec: np.ndarray, ra0: float, dec0: float) -> np.ndarray:
    """Map positions less than 90° from (ra0, dec0) onto the plane that touches the sky there:
    offsets to the east and north in degrees, float64 (n, 2).

    The gnomonic projection, `TAN` of FITS. (Snyder 1987, *Map Projections*, USGS Professional Paper
    1395, equations 22-4, 22-5 and 5-3.)
    """
    a, d, d0 = np.radians(ra - ra0), np.radians(dec), np.radians(dec0)
    towards = np.sin(d0) * np.sin(d) + np.cos(d0) * np.cos(d) * np.cos(a)
    east = np.cos(d) * np.sin(a)
    north = np.cos(d0) * np.sin(d) - np.sin(d0) * np.cos(d) * np.cos(a)
    return np.degrees(np.stack([east, north], axis=-1) / towards[:, None])


def sky_counts(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Count positions in degrees in the cells of the `mollweide` map, which have equal areas:
    int64 (180, 360), from the lowest declination up, from x = -2 to 2. Unknown ones are left out.

    >>> found = sky_counts(np.array([180.1, 180.1, np.nan]), np.array([0.1, 0.1, 0.0]))
    >>> np.argwhere(found).tolist(), int(found.max())
    ([[90, 179]], 2)
    """
    down, across = CELLS
    found = np.zeros(down * across, np.int64)
    known = np.isfinite(ra) & np.isfinite(dec)
    for first in range(0, len(ra), _CHUNK):
        here = slice(first, first + _CHUNK)
        xy = mollweide(ra[here][known[here]], dec[here][known[here]])
        x = np.clip(((xy[:, 0] + 2) / 4 * across).astype(np.int64), 0, across - 1)
        y = np.clip(((xy[:, 1] + 1) / 2 * down).astype(np.int64), 0, down - 1)
        found += np.bincount(y * across + x, minlength=down * across)
    return found.reshape(CELLS)


def healpix(ra: np.ndarray, dec: np.ndarray, order: int) -> np.ndarray:
    """Return the HEALPix pixel, int64 (n,), of positions in degrees: nested, 12 · 4^order of them.

    ValueError where astropy-healpix is not installed.

    Examples:
        >>> healpix(np.array([90.0, 300.0]), np.array([0.0, -80.0]), 0).tolist()
        [5, 11]
    """
    try:
        from astropy_healpix import core
    except ModuleNotFoundError as error:
        raise ValueError(
            "astropy-healpix is not installed; install it with: pip install 'astrojepa[scale]'"
        ) from error
    from astropy import units

    return np.asarray(
        core.lonlat_to_healpix(ra * units.deg, dec * units.deg, 2**order, order="nested"), np.int64
    )
