"""Sky coordinates as people write them, and links to survey viewers. Nothing is fetched."""

from __future__ import annotations

import math
import re
import warnings
from typing import Any
from urllib.parse import unquote

import numpy as np

from astrojepa.wording import one_line

MAX_TEXT = 1000
NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)"
DEGREE = r"\s*(?:°|deg(?:rees?)?)?"
PAIR = re.compile(
    rf"({NUMBER}){DEGREE}(?:\s*[,;\s]\s*|(?=[+-]))({NUMBER}){DEGREE}", re.ASCII | re.IGNORECASE
)
SEXAGESIMAL = re.compile(r"[0-9hmsd:°'\"′″.+\-\s,;]+")
# of the viewers' links, in this order
PARAMETERS = (("ra", "dec"), ("coord",), ("target",), ("mark",))
LONG = re.compile(r"(?<![.\d])\d{5,}")  # a whole number that is no power of a unit
# as people write units
ANGLES = {
    **dict.fromkeys(("deg", "degs", "degree", "degrees"), "deg"),
    **dict.fromkeys(("rad", "radian", "radians"), "rad"),
    **dict.fromkeys(("h", "hr", "hour", "hours", "hourangle"), "hourangle"),
}
HELP = (
    "give degrees (187.7 12.39), sexagesimal (12:30:49 +12:23:28, or 12h30m49s +12d23m28s), or "
    "a viewer's link"
)


def parse_coordinates(text: str) -> tuple[float, float]:
    """Read right ascension and declination, in degrees, from what a person types or pastes.

    Plain numbers are degrees. Sexagesimal right ascension is in hours unless it is marked with
    d; declination is in degrees and keeps its sign (-00:30:00 is -0.5). A viewer's link is read by
    its ra= and dec=, or target=, Coord= or mark=.

    Raises ValueError saying what was found and what can be read; right ascension must be in [0,
    360], declination in [-90, 90].
    """
    shown = one_line(text.strip(), 80)
    if len(text) <= MAX_TEXT:
        plain = _from_link(text.strip()).replace("\N{MINUS SIGN}", "-")
        plain = plain.replace("\N{EN DASH}", "-").strip()
        pair = PAIR.fullmatch(plain)
        position = (float(pair[1]), float(pair[2])) if pair else _sexagesimal(plain)
        if position is not None:
            ra, dec = position
            if not (0 <= ra <= 360 and -90 <= dec <= 90):
                raise ValueError(
                    f"{shown!r} is off the sky: right ascension is in [0, 360] and declination in "
                    f"[-90, 90] degrees."
                )
            return ra % 360, dec
    raise ValueError(f"{shown!r} is not a position on the sky; {HELP}.")


def parse_pair(ra: str, dec: str) -> tuple[float, float]:
    """Read a position from the two cells of a table, as `parse_coordinates` does; ValueError also
    for decimal commas, which would look like minutes.
    """
    if "," in ra + dec:
        shown = one_line(f"{ra} {dec}", 80)
        raise ValueError(f"{shown!r} has a comma; write numbers with decimal points.")
    return parse_coordinates(f"{ra} {dec}")


def to_degrees(values: np.ndarray, unit: str) -> np.ndarray | None:
    """Return angles in degrees, float64; None where the unit is no angle.

    >>> to_degrees(np.array([1.0, 2.0]), "hours").round(6).tolist()
    [15.0, 30.0]
    """
    from astropy.units import deg

    known = read_unit(unit)
    values = np.asarray(values, dtype=np.float64)
    angle = known is not None and known.is_equivalent(deg)
    return (values * known).to_value(deg) if angle else None


def read_unit(unit: str) -> Any:
    """Return the unit that text names, as astropy has it; None for what is no unit, or has powers
    that would take minutes, such as 10**100000000 Jy.
    """
    from astropy.units import Unit

    if LONG.search(unit):
        return None
    try:
        return Unit(ANGLES.get(unit.lower().rstrip("."), unit))
    except (ValueError, TypeError, ArithmeticError):
        return None


def sexagesimal(ra: float, dec: float) -> str:
    """Write degrees as "12:30:49.42 +12:23:28.0", rounded, never 60 s."""
    seconds = round(ra / 15 * 3600 * 100) % (24 * 3600 * 100)
    arcsec = round(abs(dec) * 3600 * 10)
    sign = "-" if dec < 0 and arcsec else "+"
    right = f"{seconds // 360000:02d}:{seconds // 6000 % 60:02d}:{seconds % 6000 / 100:05.2f}"
    return f"{right} {sign}{arcsec // 36000:02d}:{arcsec // 600 % 60:02d}:{arcsec % 600 / 10:04.1f}"


def sky_links(ra: float | None, dec: float | None) -> dict[str, str]:
    """Return {name: url} of a position in public viewers and catalogues; {} if unknown.

    The plus sign of a northern declination is written %2B, since a bare + means a space in a link.
    """
    if ra is None or dec is None or not (math.isfinite(ra) and math.isfinite(dec)):
        return {}
    right, decl = _degrees(ra), _degrees(dec)
    signed = decl if dec < 0 else f"%2B{decl}"
    return {
        "Legacy Survey viewer": (
            f"https://www.legacysurvey.org/viewer?ra={right}&dec={decl}&layer=ls-dr10&zoom=16&mark={right},{decl}"
        ),
        "Legacy Survey cutout": (
            f"https://www.legacysurvey.org/viewer/jpeg-cutout?ra={right}&dec={decl}"
            "&layer=ls-dr9&pixscale=0.262&size=256&bands=grz"
        ),
        "SIMBAD": (
            f"https://simbad.cds.unistra.fr/simbad/sim-coo?Coord={right}%20{signed}&CooFrame=ICRS&Radius=10&Radius.unit=arcsec"
        ),
        "NED": (
            "https://ned.ipac.caltech.edu/conesearch?search_type=Near%20Position%20Search&in_csys=Equatorial"
            f"&in_equinox=J2000&ra={right}d&dec={decl}d&radius=0.5"
        ),
        "Aladin": f"https://aladin.cds.unistra.fr/AladinLite/?target={right}%20{signed}&fov=0.05",
        "ESASky": f"https://sky.esa.int/esasky/?target={right}%20{signed}&fov=0.05",
    }


def _degrees(value: float) -> str:
    """Write degrees with at most 6 decimals (4 milliarcsec) and no trailing zeros."""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _from_link(text: str) -> str:
    """Take "ra dec" out of a viewer's link or "ra=... dec=..."; other text passes."""
    for names in PARAMETERS:
        end = r"&#\s,;" if len(names) == 2 else "&#"
        found = [
            re.search(rf"(?:^|[?&#\s,;]){name}=([^{end}]+)", text, re.IGNORECASE) for name in names
        ]
        values = [unquote(match[1].replace("+", " ")).removesuffix("d") for match in found if match]
        if len(values) == len(names):
            return " ".join(values)
    return text


def _sexagesimal(text: str) -> tuple[float, float] | None:
    """Read hours and degrees through astropy; None where the text is neither."""
    if not SEXAGESIMAL.fullmatch(text):
        return None
    from astropy.coordinates import SkyCoord

    parts = text.replace(",", " ").replace(";", " ").split()
    if len(parts) == 2 and re.fullmatch(NUMBER, parts[0], re.ASCII):
        parts[0] += "d"  # a plain number is in degrees whatever stands beside it
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # 60 seconds are a minute, as rounding leaves them
            place = SkyCoord(" ".join(parts), unit=("hourangle", "deg"))
    except (ValueError, TypeError, IndexError):
        return None
    if not place.isscalar:
        return None
    return float(place.ra.deg), float(place.dec.deg)
