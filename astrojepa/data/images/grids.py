"""Bands whose pixels do not lie on each other, brought onto one grid by what says where they lie.

Our own few lines on astropy's WCS and `scipy.ndimage`: `reproject` would be one more dependency.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from astropy import units
from astropy.coordinates import ICRS, SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from scipy.interpolate import RectBivariateSpline
from scipy.ndimage import map_coordinates

from astrojepa.data import PictureError
from astrojepa.data.coordinates import read_unit
from astrojepa.data.images.position import NUMBERS, on_sky
from astrojepa.wording import one_line

ALIKE = 1.02  # areas of pixels whose ratio is below are of one size
KNOTS = 33  # per axis, where astropy computes how two grids lie on each other: smooth in between
MAX_ON_GRID = 2**22  # pixels of all bands: seconds of work, 200 MB
FIELD = 0.5  # of the largest image, which the finest covers at least: stamps are not its bands
LONGEST_UNIT = 100  # characters; a card holds 68, and several cards any number
# BUNIT whose values do not grow with the pixel: per solid angle, of temperature, or logarithms
PER_SKY = re.compile(
    r"arcsec|arcmin|asec|ster|beam|sr\b|sr-|sr\^|sq ?deg|deg(2|\^|\*|-2)|^m?k$|mag(?!g)|dex|log",
    re.IGNORECASE,
)
# words of units, but the e of 1e-17; and those that astropy does not know, or as siemens and ampere
UNIT_WORD = re.compile(r"(?<![A-Za-z\d.])(e-(?!\d)|[A-Za-z]+)", re.IGNORECASE)
UNIT_WORDS = {"e": "electron", "e-": "electron", "s": "s", "sec": "s", "secs": "s", "per": "/"}
UNIT_WORDS |= {"a": "Angstrom", "ang": "Angstrom", "pix": "pixel", "ster": "sr", "cps": "ct/s"}
# Janskys and maggies, and a part or a multiple of them; m and M are left to astropy
PREFIXED = re.compile(
    r"(?<![A-Za-z])(pico|nano|micro|milli|kilo|mega|mu|[\u00b5\u03bcnu])[ -]?"
    r"(?:(jy|jansk(?:ys?|ies))|mgy|magg(?:y|ies?))(?![A-Za-z])",
    re.IGNORECASE,
)
PREFIXES = {"pico": "p", "nano": "n", "micro": "u", "milli": "m", "kilo": "k", "mega": "M"}
ELECTRONS = re.compile(r"(?<![A-Za-z\d.])e-(?=[A-Za-z])", re.IGNORECASE)  # before another word
# Of counts, which say how bright something is by a zero point: in magnitudes, and as a flux
COUNTED = {"electron", "adu", "ct", "DN", "ph"}
ZERO_POINTS = (
    *("MAGZERO", "MAGZPT", "MAGZP", "MAGZEROP", "ZEROPOINT", "ZEROPNT", "ZEROPT", "ZPAB", "ZP"),
    *("ZPT", "PHOTZP", "SEXMGZPT", "ABMAGZP", "ABZP"),
)
ZERO_FLUXES = {"FLUXMAG0": 1, "PHOTFNU": -1, "PHOTMJSR": -1}  # not PHOTFLAM: per wavelength
HIGHEST_ZERO = 50  # magnitudes; outside of 0 to it are words for unknown, as -99


@dataclass(frozen=True)
class Grid:
    """Where the pixels of an image lie on the sky; row 0 is the top, as everywhere here."""

    wcs: WCS
    frame: Any
    shape: tuple[int, ...]
    top_down: bool = True  # the first row of the file is the top
    per_sky: bool = False  # values are no flux per pixel

    def sky(self, rows: np.ndarray, columns: np.ndarray) -> SkyCoord:
        """Return the positions of pixels; rows and columns count from 0 at pixels' centres."""
        world = self.wcs.all_pix2world(columns, self._turned(rows), 0)
        longitude, latitude = world[self.wcs.wcs.lng], world[self.wcs.wcs.lat]
        return SkyCoord(longitude, latitude, unit=units.deg, frame=self.frame)

    def pixels(self, sky: SkyCoord) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows and columns of positions, NaN where they are on no pixel at all."""
        places = sky.transform_to(self.frame).spherical
        world = [places.lon.deg, places.lat.deg]
        if self.wcs.wcs.lng:
            world.reverse()
        columns, rows = self.wcs.all_world2pix(*world, 0)
        return self._turned(rows), columns

    @cached_property
    def pixel_area(self) -> float:
        """Solid angle of the central pixel, steradians."""
        row, column = ((side - 1) / 2 for side in self.shape)
        found = self.sky(np.array([row, row, row + 1]), np.array([column, column + 1, column]))
        origin, right, down = found.cartesian.xyz.value.T
        return float(np.linalg.norm(np.cross(right - origin, down - origin)))

    def _turned(self, rows: np.ndarray) -> np.ndarray:
        return rows if self.top_down else self.shape[0] - 1 - rows


@dataclass(frozen=True)
class Plane:
    """The image of one band."""

    values: np.ndarray  # float64 (H, W), NaN where undefined
    grid: Grid | None  # None where nothing says how its pixels lie on the sky
    unit: str = ""  # as the file writes it; "" where it does not


def grid_of(header: fits.Header, hdus: list[Any], shape: tuple[int, ...]) -> Grid | None:
    """Return the grid of a FITS image as its header has it, None without a position on the sky."""
    found = on_sky(header, hdus)
    if found is None or min(shape) < 1:
        return None
    wcs, frame = found
    try:
        flat = wcs if wcs.naxis == 2 else wcs.sub(2)
    except Exception:  # axes that depend on each other
        return None
    per_sky = bool(PER_SKY.search(unit_of(header, hdus)))
    grid = Grid(flat, frame, shape, is_top_down(header), per_sky)
    return grid if grid.wcs.has_celestial and _is_sound(grid) else None


def unit_of(header: fits.Header, hdus: list[Any]) -> str:
    """Return the unit of a FITS image, or that of the whole file, cut if long; "" for none."""
    first = hdus[0].header if hdus else header
    return one_line(str(header.get("BUNIT") or first.get("BUNIT") or "").strip(), LONGEST_UNIT)


def one_unit(given: Sequence[str]) -> bool:
    """Whether units, of which some may be unknown (""), are the same, however they are written.

    >>> one_unit(["MJy/sr", "", "MJy sr-1"]), one_unit(["nJy", "uJy"])
    (True, False)
    >>> one_unit(["ELECTRONS/S", "e-/sec", "electron s-1"]), one_unit(["counts", "ADU"])
    (True, False)
    >>> one_unit(["muJy", "UJY", "micro-Jansky"]), one_unit(["mJy", "MJy"])
    (True, False)
    """
    known = [_meaning(unit) for unit in dict.fromkeys(given) if unit]
    return all(unit == known[0] for unit in known)


@lru_cache(maxsize=64)
def _meaning(unit: str) -> Any:
    plain = ELECTRONS.sub("electron ", PREFIXED.sub(_prefixed, unit.replace("\N{MINUS SIGN}", "-")))
    plain = UNIT_WORD.sub(lambda word: _known_word(word[0]), plain)
    if plain.count("/") > 1 and "(" not in plain:  # as astropy reads it, which warns of a/b/c
        above, _, below = plain.partition("/")
        plain = f"{above}/({below.replace('/', ' ')})"
    known = read_unit(plain)
    return unit.lower().replace(" ", "") if known is None else known


def _prefixed(found: re.Match[str]) -> str:
    return PREFIXES.get(found[1].lower(), "n" if found[1] in "nN" else "u") + (
        "Jy" if found[2] else "mgy"
    )


def zero_point(header: fits.Header, hdus: list[Any]) -> tuple[str, float] | None:
    """Return the keyword and the magnitude of one count that a header tells, but for a constant of
    this keyword; without one, that of the exposure time where counts are not per second; None for
    neither, or where the unit is no count.
    """
    meaning = _meaning(unit_of(header, hdus))
    if isinstance(meaning, units.UnitBase) and meaning != units.dimensionless_unscaled:
        names = {base.to_string() for base in meaning.decompose().bases}
        if not names & COUNTED:
            return None
    for cards in (header, hdus[0].header) if hdus else (header,):
        found = {key: cards.get(key) for key in (*ZERO_POINTS, *ZERO_FLUXES)}
        for key, value in found.items():
            if type(value) not in (int, float) or not np.isfinite(value):
                continue
            if key in ZERO_POINTS and 0 <= value <= HIGHEST_ZERO:
                return key, float(value)
            if key in ZERO_FLUXES and value > 0:
                return key, float(ZERO_FLUXES[key] * 2.5 * np.log10(value))
    seconds = header.get("EXPTIME")
    whole = isinstance(meaning, units.UnitBase) and units.s not in meaning.decompose().bases
    if whole and meaning != units.dimensionless_unscaled and type(seconds) in (int, float):
        return ("EXPTIME", float(2.5 * np.log10(seconds))) if 0 < seconds < np.inf else None
    return None


def _known_word(word: str) -> str:
    """Return a word of a unit as astropy knows it: in other letters, or of one instead of many."""
    if word.lower() in UNIT_WORDS:
        return UNIT_WORDS[word.lower()]
    known = units.get_current_unit_registry().registry
    forms = (word, word.lower(), word.capitalize())
    single = [form.removesuffix("s").removesuffix("ie") for form in forms]
    more = [f"{form}y" for form in single] if word.lower().endswith("ies") else single
    return next((form for form in (*forms, *more) if form in known), word)


def is_top_down(header: fits.Header) -> bool:
    """Whether the first row of a FITS image is the top."""
    return str(header.get("ROWORDER", "")).strip().upper() == "TOP-DOWN"


def centred_grid(shape: tuple[int, ...], arcsec_per_pixel: float) -> Grid | None:
    """Return the grid of an image of known pixel size around the galaxy; None for no size."""
    if not 1e-4 < arcsec_per_pixel < 3600:
        return None
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.crpix = (shape[1] + 1) / 2, (shape[0] + 1) / 2
    wcs.wcs.cdelt = -arcsec_per_pixel / 3600, -arcsec_per_pixel / 3600
    wcs.wcs.set()
    return Grid(wcs, ICRS(), shape)


def same_cards(headers: Sequence[fits.Header]) -> bool:
    """Whether headers have the same numbers about the sky, which is soon seen."""
    cards = [[item for item in h.items() if NUMBERS.fullmatch(item[0])] for h in headers]
    return all(card == cards[0] for card in cards)


def differ(shapes: Sequence[tuple[int, ...]], grids: Sequence[Grid | None]) -> bool:
    """Whether images differ in number or size of pixels, or lie over a pixel apart on the sky."""
    if len(set(shapes)) > 1:
        return True
    known = [grid for grid in grids if grid]
    if not 1 < len(known) == len(grids):
        return False
    areas = [grid.pixel_area for grid in known]
    return max(areas) > ALIKE * min(areas) or any(_apart(known[0], one) for one in known[1:])


def _apart(one: Grid, other: Grid) -> bool:
    """Whether a corner of an image lies more than a pixel from the same corner of another."""
    height, width = one.shape
    rows, columns = np.array([(0, 0, height, height), (0, width, 0, width)]) - 0.5
    try:
        found = np.array(other.pixels(one.sky(rows, columns)))
    except Exception:  # on the other side of the sky
        return True
    return not np.abs(found - (rows, columns)).max() <= 1


def finest(grids: Sequence[Grid]) -> Grid:
    """Return the grid of the smallest pixels; of several, the one of most pixels."""
    smallest = min(grid.pixel_area for grid in grids)
    fine = [grid for grid in grids if grid.pixel_area <= ALIKE * smallest]
    return max(fine, key=lambda grid: grid.shape[0] * grid.shape[1])


def coverage(target: Grid, source: Grid) -> float:
    """Return which fraction of a grid's pixels lies on another image."""
    if source is target:
        return 1.0
    return float(_inside(source, *_places(target, source)).mean())


def uncovered(grids: Sequence[Grid]) -> float:
    """Return the largest fraction of the finest grid in which another has no pixel."""
    target = finest(grids) if grids else None
    return max((1 - coverage(target, grid) for grid in grids if target), default=0.0)


def on_one_grid(planes: Sequence[Plane], name: str) -> np.ndarray:
    """Return planes, float64 (n, H, W), on the grid of the finest: `finest`, `resampled`.

    Planes whose pixels lie on each other are taken as they are (`differ`). PictureError where they
    do not and nothing says how they lie, or would have too many pixels; and for several units.
    """
    if not one_unit(given := [plane.unit for plane in planes]):
        raise PictureError(
            f"{name} has bands in {', '.join(map(repr, dict.fromkeys(filter(None, given))))} "
            f"(BUNIT); expected one unit. Convert them first."
        )
    shapes, grids = [plane.values.shape for plane in planes], [plane.grid for plane in planes]
    if not differ(shapes, grids):
        return np.stack([plane.values for plane in planes])
    known = [grid for grid in grids if grid]
    if len(known) < len(grids):
        raise PictureError(unrelated(name, shapes))
    target = finest(known)
    if len(planes) * target.shape[0] * target.shape[1] > MAX_ON_GRID:
        raise PictureError(too_many(name, shapes))
    return np.stack([resampled(plane, target) for plane in planes])


def unrelated(name: str, shapes: Sequence[tuple[int, ...]]) -> str:
    """Say that bands cannot be brought onto one grid."""
    return (
        f"{name} has images of {_sizes(shapes)} pixels, and no WCS or pixel size of each "
        f"says how they lie on each other; expected one size."
    )


def too_many(name: str, shapes: Sequence[tuple[int, ...]]) -> str:
    """Say that bands of many pixels are not brought onto one grid."""
    return (
        f"{name} has images of {_sizes(shapes)} pixels, which are brought onto one grid up to "
        f"{MAX_ON_GRID:,} pixels in all bands. Cut out the galaxy first."
    )


def _sizes(shapes: Sequence[tuple[int, ...]]) -> str:
    return ", ".join(f"{shape[1]} x {shape[0]}" for shape in shapes)


def resampled(plane: Plane, target: Grid) -> np.ndarray:
    """Return a plane on another grid, whose pixels are not larger: float64 (H, W).

    Linear between the centres of pixels, which adds no rings around stars. Surface brightness is
    kept: values per pixel are multiplied by the ratio of the pixels' areas, values per solid angle
    (BUNIT) are not. NaN where the plane has no pixel, or an undefined one.
    """
    values, source = plane.values, plane.grid
    if source is target or source is None:
        return values
    rows, columns = _places(target, source)
    inside = _inside(source, rows, columns)
    at = [
        np.clip(np.nan_to_num(p), 0, n - 1)
        for p, n in zip((rows, columns), values.shape, strict=True)
    ]
    known = np.isfinite(values)
    light = map_coordinates(np.where(known, values, 0.0), at, order=1)
    weight = map_coordinates(known.astype(np.float64), at, order=1)
    row, column = (np.rint(place).astype(np.intp) for place in at)
    found = np.full(target.shape, np.nan)
    np.divide(light, weight, out=found, where=inside & known[row, column])
    return found if source.per_sky else found * (target.pixel_area / source.pixel_area)


def _places(target: Grid, source: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Return at which row and column of an image the pixels of another lie, float64 (H, W); NaN
    for all where astropy finds no place for some.
    """
    height, width = target.shape
    down, along = (np.linspace(-0.5, side - 0.5, KNOTS) for side in target.shape)
    rows, columns = np.meshgrid(down, along, indexing="ij")
    try:
        knots = source.pixels(target.sky(rows.ravel(), columns.ravel()))
    except Exception:  # distortions that cannot be inverted there
        knots = (np.full(KNOTS**2, np.nan),) * 2
    if not np.isfinite(knots).all():
        return (np.full(target.shape, np.nan),) * 2
    found = (
        RectBivariateSpline(down, along, values.reshape(KNOTS, KNOTS))(
            np.arange(height), np.arange(width)
        )
        for values in knots
    )
    rows, columns = found
    return rows, columns


def _inside(source: Grid, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    (height, width), edge = source.shape, 0.5 + 1e-3
    return (
        (rows >= -edge)
        & (rows <= height - 1 + edge)
        & (columns >= -edge)
        & (columns <= width - 1 + edge)
    )


def _is_sound(grid: Grid) -> bool:
    """Whether its pixels have a size, and lie where astropy finds them again."""
    try:
        middle = [np.array([(side - 1) / 2]) for side in grid.shape]
        again = grid.pixels(grid.sky(*middle))
        return grid.pixel_area > 0 and bool(np.allclose(again, middle, atol=0.01))
    except Exception:  # nonsense in the header, for which astropy raises a dozen kinds
        return False
