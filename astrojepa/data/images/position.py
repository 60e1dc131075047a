"""Where on the sky a FITS image lies, as astropy computes it from the whole header."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from astropy import log, units
from astropy.coordinates import FK4, FK5, ICRS, FK4NoETerms, Galactic, SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import wcs_to_celestial_frame

# of positions that need no table of the Earth's rotation, which astropy would download
FRAMES = (ICRS, FK5, FK4, FK4NoETerms, Galactic)
NUMBERS = re.compile(r"(CRPIX|CRVAL|CDELT|CROTA|CD|PC|PV|EQUINOX|EPOCH|LONPOLE|LATPOLE)[\d_]*")
COUNTS = re.compile(r"WCSAXES[A-Z]?|NAXIS|[AB]P?_ORDER")  # astropy makes arrays of these sizes
MAX_COUNT = 9
EQUINOXES = (1800, 2200)  # 0 for unknown would turn the sky by 25 degrees
TABLES = ("WCSDVARR", "D2IMARR")
MAX_TABLE = 2**20  # values


def centre(header: fits.Header, hdus: list[Any]) -> tuple[float, float] | None:
    """Return ra, dec (ICRS, degrees) of the centre of an image, None where astropy computes none.

    Distortions count: SIP, TPV, PV terms, and the lookup tables among `hdus`. The frame is ICRS,
    FK5, FK4 or Galactic, the equinox any; ecliptic, terrestrial and planetary positions are none.
    """
    found = on_sky(header, hdus)
    try:
        return _centre(header, *found) if found else None
    except Exception:  # nonsense in the header, for which astropy raises a dozen kinds
        return None


def on_sky(header: fits.Header, hdus: list[Any]) -> tuple[WCS, Any] | None:
    """Return the WCS of an image and the frame of its positions, as `centre` takes them."""
    log_was, log.disabled = log.disabled, True
    try:
        return _on_sky(_tidy(header), hdus)
    except Exception:  # nonsense in the header, for which astropy raises a dozen kinds
        return None
    finally:
        log.disabled = log_was


def _tidy(header: fits.Header) -> fits.Header:
    """Copy a header, numbers written as text as numbers; ValueError for counts of huge arrays."""
    header = header.copy(strip=False)
    for key, value in list(header.items()):
        if COUNTS.fullmatch(key) and not 0 <= int(value) <= MAX_COUNT:
            raise ValueError(f"{key} is {value}")
        if NUMBERS.fullmatch(key) and isinstance(value, str):
            header[key] = float(re.sub(r"^[JB]", "", value.strip()))
        if re.fullmatch(r"CUNIT\d", key) and str(value).strip().lower().startswith("deg"):
            header[key] = "deg"
    return header


def _on_sky(header: fits.Header, hdus: list[Any]) -> tuple[WCS, Any] | None:
    if any(hdu.size > 8 * MAX_TABLE for hdu in hdus if hdu.name in TABLES):
        return None
    tables = fits.HDUList(hdus)
    try:
        wcs = WCS(header, tables)
    except ValueError:  # distortions beside a third axis, which astropy has for two only
        wcs = WCS(header, tables, naxis=2)
    # without a reference astropy takes ra = dec = 0, the same for all
    if not wcs.has_celestial or any(
        f"CRVAL{axis + 1}" not in header for axis in (wcs.wcs.lng, wcs.wcs.lat)
    ):
        return None
    axis = wcs.wcs.ctype[wcs.wcs.lng][:4]  # astropy takes ecliptic axes for ICRS, and Galactic too
    frame = Galactic() if axis == "GLON" else wcs_to_celestial_frame(wcs)
    if axis not in ("RA--", "RA", "GLON") or not isinstance(frame, FRAMES):
        return None
    equinox = getattr(frame, "equinox", None)  # which ICRS and Galactic do not have
    if equinox is not None and not EQUINOXES[0] < equinox.jyear < EQUINOXES[1]:
        return None
    return wcs, frame


def _centre(header: fits.Header, wcs: WCS, frame: Any) -> tuple[float, float] | None:
    pixel = [(header.get(f"NAXIS{axis + 1}", 1) - 1) / 2 for axis in range(wcs.naxis)]
    world = wcs.all_pix2world([pixel], 0)[0]
    place = SkyCoord(world[wcs.wcs.lng], world[wcs.wcs.lat], unit=units.deg, frame=frame).icrs
    ra, dec = float(place.ra.deg), float(place.dec.deg)
    return (ra, dec) if np.isfinite(ra) and np.isfinite(dec) else None
