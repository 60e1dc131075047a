"""FITS pictures: fluxes of any unit made into an RGB picture, and the sky position of its
centre.
"""

from __future__ import annotations

import io
import math
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from astropy.io import fits

from astrojepa.data import PictureError
from astrojepa.data.images.raster import MAX_BYTES, MAX_PIXELS

MAX_FILE_BYTES = 512 * 1024**2
MAX_HDUS = 32
BEGINNING = b"SIMPLE  ="
CARD, BLOCK = 80, 2880
ENDED = re.compile(rb"END {77}")
MAX_HEADER_BYTES = 300 * BLOCK  # 10,800 cards
WCS_TEXTS = ("CTYPE1", "CTYPE2", "CUNIT1", "CUNIT2", "RADESYS")
WCS_NUMBERS = (
    *(
        "CRPIX1",
        "CRPIX2",
        "CRVAL1",
        "CRVAL2",
        "CDELT1",
        "CDELT2",
        "CROTA2",
        "EQUINOX",
        "LONPOLE",
        "LATPOLE",
    ),
    *("CD1_1", "CD1_2", "CD2_1", "CD2_2", "PC1_1", "PC1_2", "PC2_1", "PC2_2"),
)
LARGEST = 1e100  # beyond it lies no flux in any unit, and sums overflow: such a pixel is undefined
SOFTENING = 3.0  # in units of the sky's noise: below it the stretch is linear, above it logarithmic
WHITE_PERCENTILE = 99.8

_lock = threading.Lock()  # silencing astropy's warnings is process-wide


def read_fits(
    source: str | Path | bytes, name: str = ""
) -> tuple[np.ndarray, float | None, float | None]:
    """Read the first image of a FITS file: uint8 (H, W, 3), and ra, dec of its centre in degrees
    (None without a WCS).

    A 2-D image (or a cube of one plane) becomes grey; a cube (3, H, W) or (H, W, 3) becomes red,
    green, blue in this order, or the reverse where the header's BANDS says blue first (grz, as the
    Legacy Surveys write it). Rows are turned upside down, as FITS counts from the bottom. Undefined
    pixels take the sky's value. The stretch is `stretch`. The size is checked in the header before
    reading.

    Raises PictureError for anything else, for a file cut short, and for tile-compressed images;
    FileNotFoundError where missing.
    """
    name = name or ("The FITS file" if isinstance(source, bytes) else str(source))
    with _first_image(source, name) as hdu:
        header = hdu.header
        planes = np.asarray(hdu.data, dtype=np.float64)
        position = _centre(header)
        blue_first = str(header.get("BANDS", "")).strip().lower() in ("grz", "gri")
    planes = (
        planes[None]
        if planes.ndim == 2
        else planes
        if planes.shape[0] in (1, 3)
        else np.moveaxis(planes, -1, 0)
    )
    if blue_first:
        planes = planes[::-1]
    planes = np.where(np.abs(planes) < LARGEST, planes, np.nan)
    if not np.isfinite(planes).any():
        raise PictureError(f"{name} has no defined pixel.")
    return stretch(planes)[::-1].copy(), *(position or (None, None))


def read_position(source: str | Path) -> tuple[float, float] | None:
    """Return ra, dec in degrees of a FITS image's centre, from its header alone; None without a
    celestial WCS.
    """
    with _first_image(source, str(source)) as hdu:
        return _centre(hdu.header)


def stretch(planes: np.ndarray) -> np.ndarray:
    """Map fluxes (1 or 3, H, W) to uint8 (H, W, 3) so that faint arms and bright nuclei are both
    seen and colours are kept.

    Per plane: sky = median, noise σ = 1.4826 · median |x - sky|; undefined pixels become sky. With
    I the mean over planes of
    x - sky + σ (not below 0), and σ now that of I,  f(I) = asinh(I / 3σ) / asinh(I_white / 3σ),
    I_white the 99.8th percentile;
    each plane is multiplied by f(I) / I and clipped to [0, 1]. Not photometric.

    *Source:* Lupton et al. 2004, PASP 116, 133, eq. 2 with all planes scaled alike; ours are the
    robust choices of σ and white.
    """
    known = [plane[np.isfinite(plane)] for plane in planes]
    sky = np.array([np.median(values) if len(values) else 0.0 for values in known]).reshape(
        -1, 1, 1
    )
    flux = np.where(np.isfinite(planes), planes, sky) - sky
    noise = 1.4826 * np.median(np.abs(flux), axis=(1, 2), keepdims=True)
    flux = np.maximum(flux + noise, 0)
    intensity = flux.mean(axis=0)
    softening = SOFTENING * float(noise.mean())
    white = max(float(np.percentile(intensity, WHITE_PERCENTILE)), softening)
    if white <= 0:  # more than half of the pixels are alike: scale by the brightest
        white = float(intensity.max())
    softening = softening or white / 100
    if white <= 0:
        return np.zeros((*intensity.shape, 3), dtype=np.uint8)
    ratio = (
        np.arcsinh(intensity / softening)
        / np.arcsinh(white / softening)
        / np.maximum(intensity, np.finfo(float).tiny)
    )
    picture = np.moveaxis(np.clip(flux * ratio, 0, 1), 0, -1)
    return np.round(np.broadcast_to(picture, (*intensity.shape, 3)) * 255).astype(np.uint8)


@contextmanager
def _first_image(source: str | Path | bytes, name: str) -> Iterator[Any]:
    """Open a FITS file at its first image, whose size and length have been checked and whose
    data have not been read.
    """
    limit = MAX_BYTES if isinstance(source, bytes) else MAX_FILE_BYTES
    size = len(source) if isinstance(source, bytes) else Path(source).stat().st_size
    if size > limit:
        raise PictureError(
            f"{name} has {size / 1e6:.0f} MB; at most {limit // 1_000_000} MB are read."
        )
    with io.BytesIO(source) if isinstance(source, bytes) else Path(source).open("rb") as stream:
        if stream.read(len(BEGINNING)) != BEGINNING:
            raise PictureError(
                f"{name} is not a FITS file (it does not begin with SIMPLE); unpack it first if it "
                f"is compressed."
            )
        _check_header(stream, 0, name)
        stream.seek(0)
        with _lock, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                with fits.open(
                    stream, memmap=False, lazy_load_hdus=True, disable_image_compression=True
                ) as hdus:
                    yield _pick(hdus, stream, size, name)
            except PictureError:
                raise
            # astropy raises OSError, ValueError, TypeError, KeyError, ... for damaged files
            except Exception as error:
                raise PictureError(
                    f"{name} cannot be read as FITS, it is damaged or cut short ({error}); replace "
                    f"it."
                ) from error


def _check_header(stream: BinaryIO, place: int, name: str) -> None:
    """Refuse a header of very many cards or axes, over which astropy would go one by one for
    hours.
    """
    stream.seek(place)
    header = b""
    while not header or not ENDED.search(header, max(0, len(header) - 2 * BLOCK)):
        block = stream.read(BLOCK)
        header += block
        if len(block) < BLOCK:
            break
        if len(header) > MAX_HEADER_BYTES:
            raise PictureError(
                f"{name} has a header of more than {MAX_HEADER_BYTES:,} bytes; save the image "
                f"without its history."
            )
    for key, value in (
        header[k : k + CARD].partition(b"=")[::2] for k in range(0, len(header), CARD)
    ):
        numbers = re.findall(rb"\d+", value.partition(b"/")[0])
        if key.upper().split()[-1:] == [b"NAXIS"] and any(
            len(number.lstrip(b"0")) > 3 for number in numbers
        ):
            raise PictureError(
                f"{name}: its header declares {numbers[0].decode()[:20]} axes; expected 2 or 3."
            )


def _pick(hdus: Any, stream: BinaryIO, size: int, name: str) -> Any:
    following = 0
    for index in range(MAX_HDUS):
        if index:
            before = stream.tell()
            _check_header(stream, following, name)
            stream.seek(before)
        try:
            hdu = hdus[index]
        except IndexError:
            break
        info = hdu.fileinfo()
        following = info["datLoc"] + info["datSpan"]
        if not isinstance(hdu, fits.PrimaryHDU | fits.ImageHDU) or not hdu.header.get("NAXIS"):
            continue
        shape = hdu.shape
        if not (len(shape) == 2 or (len(shape) == 3 and (shape[0] in (1, 3) or shape[2] == 3))):
            raise PictureError(
                f"{name}: its image is {shape}; expected (H, W), (3, H, W) or (H, W, 3)."
            )
        planes = 3 if len(shape) == 3 and 3 in (shape[0], shape[2]) else 1
        if not 0 < math.prod(shape) <= MAX_PIXELS * planes:
            raise PictureError(
                f"{name}: its image is {shape}; 1 to {MAX_PIXELS:,} pixels are read. Cut out the "
                f"galaxy first."
            )
        if info["datLoc"] + hdu.size > size:
            raise PictureError(
                f"{name} is cut short: its image ends at byte {info['datLoc'] + hdu.size:,} of "
                f"{size:,}; replace it."
            )
        return hdu
    raise PictureError(
        f"{name} holds no image (tables and tile-compressed images are not read; funpack unpacks "
        f"the latter)."
    )


def _centre(header: Any) -> tuple[float, float] | None:
    """Return ra, dec (ICRS degrees) of the picture's centre, None without a usable celestial WCS.

    Only the linear part of the WCS is used: distortions are below an arcsecond there, and a
    stranger's tables are not evaluated.
    """
    from astropy.coordinates import SkyCoord
    from astropy.wcs import WCS

    # colours first: the axes of the sky are not 1 and 2
    if header["NAXIS"] == 3 and header["NAXIS1"] == 3:
        return None
    plain = fits.Header()
    try:
        for key in WCS_TEXTS:
            if key in header:
                plain[key] = str(header[key]).removesuffix("-SIP")
        for key in WCS_NUMBERS:
            if key in header:
                plain[key] = float(header[key])
        wcs = WCS(plain, naxis=2)
        place = (
            wcs.pixel_to_world((header["NAXIS1"] - 1) / 2, (header["NAXIS2"] - 1) / 2)
            if wcs.has_celestial
            else None
        )
        if not isinstance(place, SkyCoord):
            return None
        ra, dec = float(place.icrs.ra.deg), float(place.icrs.dec.deg)
    # nonsense in the header: a picture without a place
    except (ValueError, TypeError, AttributeError, KeyError, MemoryError):
        return None
    return (ra, dec) if np.isfinite(ra) and np.isfinite(dec) else None
