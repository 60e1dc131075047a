"""Names of filters, however written, and their order by wavelength as red, green and blue."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

# Central wavelengths in nm, enough to order filters by. *Source:* SVO Filter Profile Service.
NANOMETRES = {
    **{"fuv": 154, "uvw2": 206, "uvm2": 225, "nuv": 232, "uvw1": 260},
    **{"u": 360, "b": 440, "g": 480, "v": 550, "r": 630, "i": 775, "z": 900, "y": 1000},
    **{"j": 1250, "h": 1640, "k": 2180, "ks": 2150, "l": 3450, "m": 4750},
    **{"vis": 715, "blue": 450, "green": 530, "red": 640, "halpha": 656, "hbeta": 486},
    **{"w1": 3368, "w2": 4618, "w3": 12082, "w4": 22194},
    **{"irac1": 3551, "irac2": 4494, "irac3": 5731, "irac4": 7872},
    **{"ch1": 3551, "ch2": 4494, "ch3": 5731, "ch4": 7872},
}
# in tens of nm; every other F###W, F###M, F###N and F###LP is Hubble's: nm, or tens of nm below 200
# but for those that are ultraviolet (`FAR`)
JWST = re.compile(
    r"f(070w|090w|115w|140m|150w|162m|164n|182m|187n|200w|210m|212n|250m|277w|300m|322w|323n|335m"
    r"|356w|360m|380m|405n|410m|430m|444w|460m|466n|470n|480m|560w|770w|1000w|1130w|1280w|1500w"
    r"|1800w|2100w|2550w|070lp|100lp|170lp|290lp)"
)
HUBBLE = re.compile(r"f(\d{3})(w|m|n|lp|x)")
BALMER = re.compile(r"(?<![a-z])h[\W_]?(alpha|beta)", re.IGNORECASE)  # and not the band H
FAR = re.compile(r"f(115|125|140|150|165)lp")
LONG_PASS = re.compile(rf"\b({FAR.pattern}|f290lp)\b", re.IGNORECASE)  # read anew
NARROW = re.compile(r"f\d{3}[wmn]", re.IGNORECASE)
SINGLE = re.compile(r"Ks|[A-Za-z]")
KEYS = ("BANDS", "FILTERS", "BAND", "FILTER", "FILT", "CHAN", "PLANE")
NAMES = ("FILTER", "BAND", "EXTNAME", "FILTNAM1", "FILTER1", "FILTER2")  # of one image


def wavelength(name: str) -> float | None:
    """Return a filter's wavelength in nm, None where the name is not known: "r", "SDSS-r",
    "HSC-I2", "g'", "VISTA_Ks", "z DECam SDSS c0004 9260.0 1520.0", "r.MP9601", "F814W".

    The last part of the name that is a filter counts.

    >>> wavelength("DECam z"), wavelength("NIRCam F444W"), wavelength("weight")
    (900, 4440, None)
    """
    found = None
    for part in re.findall(r"[a-z0-9]+", BALMER.sub(r"h\1", name).lower()):
        plain = re.sub(r"(?<=^[a-z])([pc]|[0-9])$", "", part)  # rp, Rc, i2
        if part in NANOMETRES or plain in NANOMETRES:
            found = NANOMETRES.get(part, NANOMETRES.get(plain))
        elif match := JWST.fullmatch(part):
            found = 10 * int(match[1].rstrip("wmnlp"))
        elif match := HUBBLE.fullmatch(part):
            number = int(match[1])
            found = number * 10 if number < 200 and not FAR.fullmatch(part) else number
    return found


def plane_bands(header: Mapping[str, Any], count: int) -> list[str] | None:
    """Return the names that a header gives to `count` planes, in their order: one keyword for all
    ("grz", "g,r,z", "['g', 'r']") or one for each (BAND0, BAND1 ...; FILTER1, FILTER2 ...).
    """
    for key in KEYS:
        text = str(header.get(key, ""))
        for names in (re.split(r"[^\w.+'-]+", text.strip("[](){} ")), SINGLE.findall(text)):
            plain = [name.strip("'") for name in names]
            if len(plain) == count and all(wavelength(name) for name in plain):
                return plain
        for first in (0, 1):
            numbered = [str(header.get(f"{key}{k}", "")) for k in range(first, first + count)]
            if all(wavelength(name) for name in numbered):
                return numbered
    return None


def image_band(header: Mapping[str, Any]) -> str | None:
    """Return the one filter that a header says its image was taken through. Cameras of JWST have
    two wheels, and the narrower filter is in that of the pupil: F405N before F444W.
    """
    pupil = str(header.get("PUPIL", "")).strip()
    if NARROW.fullmatch(pupil):
        return pupil
    named = (str(header.get(key, "")) for key in NAMES)
    return next((name for name in named if wavelength(name)), None)


def named_anew(header: Mapping[str, Any]) -> bool:
    """Whether older versions took the filter of a header for another."""
    said = " ".join(str(header.get(key, "")) for key in (*KEYS, *NAMES))
    pupil = str(header.get("PUPIL", "")).strip()
    return any((NARROW.fullmatch(pupil), BALMER.search(said), LONG_PASS.search(said)))


def planes_of(bands: Sequence[str], names: Sequence[str] | None, count: int) -> list[int] | None:
    """Return which of `count` planes the bands are: by name, else by wavelength.

    Without names the planes are the bands in their order. None where a band is missing, twice
    there, or the planes without names are not as many.

    >>> planes_of(["r", "g"], ["SDSS-g", "SDSS-r"], 2), planes_of(["z"], ["g", "r"], 2)
    ([1, 0], None)
    """
    if names is None:
        return list(range(count)) if count == len(bands) else None
    places = []
    for band in bands:
        wanted = wavelength(band)
        found = [place for place, name in enumerate(names) if name == band] or [
            place for place, name in enumerate(names) if wanted and wavelength(name) == wanted
        ]
        if len(found) != 1:
            return None
        places += found
    return places


def red_green_blue(bands: Sequence[str]) -> list[int] | None:
    """Return which planes to show as red, green and blue: longest, middle and shortest wavelength;
    the shorter of two is green and blue. None where a name is unknown or two have one wavelength.
    """
    lengths = [wavelength(band) or 0 for band in bands]
    if not lengths or 0 in lengths or len(set(lengths)) < len(lengths):
        return None
    order = sorted(range(len(bands)), key=lambda plane: -lengths[plane])
    return [order[0], order[len(order) // 2], order[-1]]
