"""Names of filters, however written, and their order by wavelength as red, green and blue."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from astrojepa.config import MAX_BANDS

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
# halves and thirds of J and H, of NEWFIRM and FourStar, where several are there; H2 alone is a line
MEDIUM = {"j1": 1047, "j2": 1195, "j3": 1279, "h1": 1560, "h2": 1707}
# of lines, of MuSCAT (zs), DECam (VR), Hubble's widest and Herschel
LINES_AND_OTHERS = {
    **{"ha": 656, "oiii": 501, "o3": 501, "nii": 658, "sii": 672, "h2": 2122, "brg": 2166},
    **{"zs": 870, "vr": 630, "kshort": 2150, "kprime": 2124, "f200lp": 490, "f350lp": 585},
    **{"psw": 250_000, "pmw": 350_000, "plw": 500_000},
}
# in tens of nm; every other F###W, F###M, F###N and F###LP is Hubble's: nm, or tens of nm below 200
# but for those that are ultraviolet (`FAR`)
JWST = re.compile(
    r"f(070w|090w|115w|140m|150w|162m|164n|182m|187n|200w|210m|212n|250m|277w|300m|322w|323n|335m"
    r"|356w|360m|380m|405n|410m|430m|444w|460m|466n|470n|480m|560w|770w|1000w|1130w|1280w|1500w"
    r"|1800w|2100w|2550w|070lp|100lp|170lp|290lp)"
)
HUBBLE = re.compile(r"f(\d{3})(w|m|n|lp|x)")
# in tens of nm: extra wide ones of NIRCam, coronagraphs of MIRI, Hubble's NICMOS; Roman
INFRARED_TENS = re.compile(
    r"f(150|322)w2|f(1065|1140|1550|2300)c|f(200n|20[47]m|205w|21[56]n|222m|237m|240m)"
    r"|[rzyjhwfk](062|087|106|129|146|158|184|213)"
)
# in nm: narrow ones of S-PLUS and J-PAS, quadrants of Hubble's WFC3, ultraviolet ones of UVIT
NARROW_NM = re.compile(
    r"f(378|395|410|430|515|660|861)|j(0[3-9]\d\d|1007)|fq(\d{3})n|n(219|242|245|263|279)[wmn]"
)
NARROW_BAND = re.compile(r"(?:nb|ib|ia)0?(\d{3})")  # nm, of Subaru; tens of nm below 200, of VISTA
GLUED = re.compile(r"(?:sdss|ps1|bok|mzls|(?:wfc)?sloan)([ugrizy])|([ugrizy])(?:sdss|ps1|java)")
LENGTH = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?) ?(nm|um|\N{MICRO SIGN}m|microns?)(?![a-z])")
VISIBLE = re.compile(r"f[2-8]\d\d(w|m|n|lp|x)")  # of Hubble, where not JWST's
BALMER = re.compile(r"(?<![a-z])h[\W_]?(alpha|beta)", re.IGNORECASE)  # and not the band H
FAR = re.compile(r"f(115|125|140|150|165)lp")
# in nm, though below 200: ultraviolet ones of UVIT and of Hubble's older cameras
ULTRAVIOLET_NM = re.compile(r"f(?:122m|148w|154w|169m|170w|172m|185w)")
LONG_PASS = re.compile(rf"\b({FAR.pattern}|f290lp)\b", re.IGNORECASE)  # read anew
NARROW = re.compile(r"f\d{3}[wmn]", re.IGNORECASE)
PARTS = re.compile(r"[a-z0-9]+")
LEAST_LENGTH = 100  # nm
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
    lower = BALMER.sub(r"h\1", name).lower()
    for part in PARTS.findall(lower):
        plain = re.sub(r"(?<=^[a-z])([pc]|[0-9])$", "", part)  # rp, Rc, i2
        if (special := _of_telescopes(part)) is not None:
            found = special
        elif part in NANOMETRES or plain in NANOMETRES:
            found = NANOMETRES.get(part, NANOMETRES.get(plain))
        elif match := JWST.fullmatch(part):
            found = 10 * int(match[1].rstrip("wmnlp"))
        elif match := HUBBLE.fullmatch(part):
            number = int(match[1])
            found = number * 10 if number < 200 and not FAR.fullmatch(part) else number
    return found if found is not None else _length(lower)


def _of_telescopes(part: str) -> int | None:
    """Return the wavelength, nm, of a line, or of a filter that few telescopes have."""
    if match := GLUED.fullmatch(part):
        return NANOMETRES[match[1] or match[2]]
    if match := NARROW_BAND.fullmatch(part):
        return int(match[1]) if match[1] > "200" else 10 * int(match[1])
    for kind, unit in ((INFRARED_TENS, 10), (NARROW_NM, 1), (ULTRAVIOLET_NM, 1)):
        if kind.fullmatch(part):
            return unit * int(re.findall(r"\d+", part)[0])
    return LINES_AND_OTHERS.get(part)


def _length(name: str) -> float | None:
    """Return the wavelength, nm, that a name gives as a number: 24um, 656 nm; none below 100 nm,
    which are the widths of filters.
    """
    found = [float(number) * (1 if unit == "nm" else 1000) for number, unit in LENGTH.findall(name)]
    return found[-1] if found and found[-1] >= LEAST_LENGTH else None


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
    numbers = range(MAX_BANDS + 1 if header.get("NAXIS", 0) > 2 else 0)
    words = " ".join([said, *(str(header.get(f"{key}{k}", "")) for key in KEYS for k in numbers)])
    words = words.lower()
    return (
        any((NARROW.fullmatch(pupil), BALMER.search(said), LONG_PASS.search(said)))
        or any(_of_telescopes(part) is not None for part in PARTS.findall(words))
        or _length(words) is not None
    )


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


def wavelengths(bands: Sequence[str]) -> list[float | None]:
    """Return the wavelength of each band, of which some mean another thing beside others: F410M is
    Hubble's beside its visible filters, and JWST's alone or beside others of JWST; v is violet
    beside u and g, as SkyMapper calls it; L is the luminance beside R, G and B, which has none;
    H2 is a line, and a part of the band H beside J1, J2, J3 or H1.

    >>> wavelengths(["F410M", "F814W"]), wavelengths(["F410M", "F444W"])
    ([410, 814], [4100, 4440])
    """
    names, found = {band.lower() for band in bands}, [wavelength(band) for band in bands]
    parts = {part for name in names for part in PARTS.findall(name)}
    others = parts - {"f410m"}
    hubble = any(map(VISIBLE.fullmatch, others)) and not any(map(JWST.fullmatch, others))
    for place, band in enumerate(bands):
        if hubble and "f410m" in PARTS.findall(band.lower()):
            found[place] = 410
        elif band.lower() in MEDIUM and len(parts & set(MEDIUM)) > 1:
            found[place] = MEDIUM[band.lower()]
        elif band == "v" and {"u", "g"} <= set(bands):
            found[place] = 384
        elif band in ("L", "l") and {"r", "g", "b"} <= names:
            found[place] = None
    return found


def red_green_blue(bands: Sequence[str]) -> list[int] | None:
    """Return which planes to show as red, green and blue: longest, middle and shortest wavelength;
    the shorter of two is green and blue. None where a name is unknown or two have one wavelength.
    """
    return _by_length(bands, wavelengths(bands))


def ordered_anew(bands: Sequence[str]) -> bool:
    """Whether older versions gave bands another order."""
    return _by_length(bands, list(map(wavelength, bands))) != red_green_blue(bands)


def _by_length(bands: Sequence[str], lengths: Sequence[float | None]) -> list[int] | None:
    known = {place: length for place, length in enumerate(lengths) if length}
    if not all(map(wavelength, bands)) or not len(set(known.values())) == len(known) > 0:
        return None
    order = sorted(known, key=lambda plane: -known[plane])
    return [order[0], order[len(order) // 2], order[-1]]
