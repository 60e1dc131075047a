"""FITS images: fluxes of any unit made into an RGB image, and the sky position of its centre."""

from __future__ import annotations

import bz2
import functools
import gzip
import hashlib
import io
import itertools
import math
import re
import threading
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from astropy.io import fits

from astrojepa.cache import program_text
from astrojepa.config import MAX_BANDS
from astrojepa.data import DataError, PictureError
from astrojepa.data.images.bands import (
    NAMES,
    image_band,
    named_anew,
    ordered_anew,
    plane_bands,
    planes_of,
    red_green_blue,
    wavelength,
)
from astrojepa.data.images.called import FORMERLY_SHOWN, MASKS, NO_PICTURES, PICTURES, PRODUCTS
from astrojepa.data.images.grids import (
    FIELD,
    MAX_ON_GRID,
    Grid,
    Plane,
    coverage,
    differ,
    finest,
    grid_of,
    is_top_down,
    on_one_grid,
    one_unit,
    same_cards,
    too_many,
    uncovered,
    unit_of,
    unrelated,
    zero_point,
)
from astrojepa.data.images.raster import MAX_BYTES, MAX_PIXELS
from astrojepa.wording import one_line

MAX_FILE_BYTES = 512 * 1024**2
MAX_HDUS = 32
BEGINNING = b"SIMPLE  ="
PACKERS: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open}
CARD, BLOCK = 80, 2880
ENDED = re.compile(rb"END {77}")
SIZES = re.compile(rb"(HIERARCH +)?(Z?(NAXIS\d*|BITPIX)|[PG]COUNT|TFIELDS)")
COUNTS = ([b"NAXIS"], [b"ZNAXIS"], [b"TFIELDS"])
MAX_HEADER_BYTES = 300 * BLOCK  # 10,800 cards
# what calls an extension
CALLED = ("EXTNAME", "HDUNAME", "EXTTYPE", "IMAGETYP", "HDUCLAS1", "HDUCLAS2", "HDUCLAS3")
UNPACKED = ("RICE_1", "RICE_ONE", "GZIP_1", "GZIP_2")  # whose unpackers stay within their arrays
# third axes of cubes: spectral ones, and polarization
NO_COLOURS = re.compile("FREQ|ENER|WAV[EN]|AWAV|VRAD|VOPT|ZOPT|VELO|FELO|BETA|STOKES")
LARGEST_FLOAT32 = 1e30  # so that squares of flux stay finite as well
LARGEST = 1e100  # beyond it lies no flux in any unit, and sums overflow: such a pixel is undefined
MAX_FLAGS = 16  # different values of a mask
LEAST_BIT = 8  # highest of single bits: 0, 1, 2 and 4 may be counts as well
MAX_LOOKED_AT = 2**20  # pixels that tell a mask, about
FAINTEST = 90  # magnitudes: 99 means missing
SOFTENING = 3.0  # in units of the sky's noise: below it the stretch is linear, above it logarithmic
WHITE_PERCENTILE = 99.8

_lock = threading.Lock()  # silencing astropy's warnings is process-wide


@dataclass(frozen=True)
class Sky:
    """What a FITS header tells besides the pixels."""

    ra: float | None = None  # of the centre, ICRS, degrees
    dec: float | None = None
    unnamed_bands: bool = False  # planes are shown in the file's order, which may be any
    resampled: bool = False  # bands had other pixels than the finest of them
    uncovered: float = 0.0  # largest fraction of the image in which a band has no pixel
    left_out: bool = False  # images in other filters are not shown
    anew: bool = False  # read otherwise than by older versions, whose frames may be cached
    unit: str = ""  # as the header writes it
    zero_points: tuple[tuple[str, float], ...] = ()  # of images, with their keyword
    masks: str = ""  # names of masks and weights beside the image, which are not applied
    others: bool = False  # the file has further images of one plane


@dataclass(frozen=True)
class _Picture:
    """The images of a file that make its image: one, or one of each band."""

    images: list[Any]
    shape: tuple[int, ...]  # of each, without axes of length 1
    bands: list[str] | None  # of its planes, where the header names them
    headers: list[fits.Header]
    parts: list[Any]  # of the whole file
    wanted: int  # bands that are asked for
    grids: list[Grid] | None  # of the images where they differ: all come onto the finest
    left_out: bool  # images in other filters than these
    anew: bool = False  # as in `Sky`
    beside: tuple[str, bool] = ("", False)  # masks and others

    @property
    def planes(self) -> int:
        if len(self.shape) == 2:
            return len(self.images)
        return len(self.bands) if self.bands else self.wanted or 3

    @property
    def size(self) -> tuple[int, ...]:
        """Height and width."""
        if len(self.shape) == 2:
            return self.shape
        return self.shape[1:] if self.shape[0] == self.planes else self.shape[:2]

    def sky(self) -> Sky:
        from astrojepa.data.images.position import centre

        place = self.grids.index(finest(self.grids)) if self.grids else 0
        ra, dec = centre(self.headers[place], self.parts) or (None, None)
        unnamed = self.bands is None and len(self.shape) == 3  # as many planes as are asked for
        unnamed |= not self.wanted and self.planes == 3 and not red_green_blue(self.bands or [])
        apart = bool(self.grids), uncovered(self.grids or [])
        unit = unit_of(self.headers[place], self.parts)
        zeros = tuple(filter(None, (zero_point(header, self.parts) for header in self.headers)))
        return Sky(ra, dec, unnamed, *apart, self.left_out, self.anew, unit, zeros, *self.beside)

    def cube(self, name: str) -> np.ndarray:
        """Read all planes, float64 (n, H, W), in the order of `bands`; row 0 is the top."""
        if len(self.shape) == 2:
            grids: Sequence[Grid | None] = self.grids or [None] * len(self.images)
            parts = zip(self.images, grids, self.headers, strict=True)
            planes = [Plane(_upright(i, h), g, unit_of(h, self.parts)) for i, g, h in parts]
            return on_one_grid(planes, name)
        cube = _values(self.images[0], self.headers[0])
        cube = cube if len(cube) == self.planes else np.moveaxis(cube, -1, 0)
        return cube if is_top_down(self.headers[0]) else cube[:, ::-1]


def read_fits(source: str | Path | bytes, name: str = "") -> tuple[np.ndarray, Sky]:
    """Read the image of a FITS file: uint8 (H, W, 3), and where its centre is on the sky.

    The image is the largest image that is not called a mask, weight, error, PSF or the like; the
    first of several. Images of one size that name different filters are its bands; so are those of
    other sizes, on the grid of the finest, where each has a WCS (`grids`). A plane becomes grey.
    Planes (n, H, W) or (H, W, n) become red, green, blue by the wavelength of their filters
    (`bands`); three without known filters are taken as red, green, blue. Axes of length 1 are
    ignored. Rows are turned upside down, as FITS counts from the bottom, unless ROWORDER says
    TOP-DOWN. BLANK and undefined pixels take the sky's value. The stretch is `stretch`. Files
    packed by gzip, bzip2 or fpack (Rice, gzip) are unpacked. Sizes are checked before reading.

    Raises PictureError for anything else and for a file cut short; FileNotFoundError where missing.
    """
    name = name or ("The FITS file" if isinstance(source, bytes) else str(source))
    with _opened(source, name) as picture:
        planes, sky, bands = picture.cube(name), picture.sky(), picture.bands
    order = red_green_blue(bands or [])
    planes = planes[order] if order else planes
    if not np.isfinite(planes).any():
        raise PictureError(f"{name} has no defined pixel.")
    return stretch(planes), sky


def read_flux(source: str | Path | bytes, bands: Sequence[str], name: str = "") -> np.ndarray:
    """Read the flux of some bands of a FITS file: float32 (H, W, C), in the unit of the file.

    The image is chosen as by `read_fits`. A band is the plane or the extension whose filter has its
    name, or its wavelength; where the header names no filters, the planes are the bands in their
    order, if they are as many. Undefined pixels take the band's median.

    Raises PictureError where a band is missing, and as `read_fits`.
    """
    name = name or ("The FITS file" if isinstance(source, bytes) else str(source))
    with _opened(source, name, bands) as picture:
        cube = _wanted(picture, bands, name)
    return filled(cube, name, bands)


def read_plane(source: str | Path, band: str, name: str) -> Plane:
    """Read one band of a FITS file as `read_flux` does, undefined pixels NaN, and its grid."""
    with _opened(source, name, (band,)) as picture:
        cube = _wanted(picture, (band,), name)
        header, parts = picture.headers[0], picture.parts
        return Plane(cube[0], grid_of(header, parts, picture.size), unit_of(header, parts))


def read_grid(source: str | Path, band: str) -> tuple[tuple[int, ...], Grid | None, Sky]:
    """Return the size, the grid and the sky of one band of a FITS file, which is not read."""
    with _opened(source, str(source), (band,)) as picture:
        size = picture.size
        return size, grid_of(picture.headers[0], picture.parts, size), picture.sky()


def _wanted(picture: _Picture, bands: Sequence[str], name: str) -> np.ndarray:
    """Read some bands, float64 (C, H, W)."""
    if any(in_magnitudes(header.get("BUNIT")) for header in picture.headers):
        raise PictureError(f"{name} holds magnitudes (BUNIT), expected flux; convert it first.")
    cube, found = picture.cube(name), picture.bands
    if found is None and len(cube) == 1 == len(bands):
        said = (image_band(header) for header in (picture.headers[0], picture.parts[0].header))
        found = next(([own] for own in said if own), None)
    places = planes_of(bands, found, len(cube))
    if places is None:
        planes = (
            "one plane without a name" if len(cube) == 1 else f"{len(cube)} planes without names"
        )
        has = ", ".join(found) if found else planes
        alike = f"galaxy-{bands[0]}.fits, galaxy-{bands[-1]}.fits"
        files = f" Name the files of a galaxy alike but for the band ({alike})."
        raise PictureError(
            f"{name} has {has}; expected the bands {', '.join(bands)}.{files * (len(cube) == 1)}"
        )
    return cube[places]


def filled(cube: np.ndarray, name: str, bands: Sequence[str]) -> np.ndarray:
    """Return planes (C, H, W) as float32 (H, W, C), undefined pixels at their band's median.

    PictureError where a band has no defined pixel.
    """
    cube = np.where(np.abs(cube) < LARGEST_FLOAT32, cube, np.nan)
    for band, plane in zip(bands, cube, strict=True):
        known = plane[np.isfinite(plane)]
        if not len(known):
            raise PictureError(f"{name} has no defined pixel in {band}.")
        plane[~np.isfinite(plane)] = np.median(known)
    return np.ascontiguousarray(np.moveaxis(cube, 0, -1), dtype=np.float32)


def read_sky(source: str | Path, bands: Sequence[str] = ()) -> Sky:
    """Return what a FITS file's headers tell of its image, which is not read."""
    with _opened(source, str(source), bands) as picture:
        return picture.sky()


def shown_otherwise(content: bytes) -> str:
    """Say whether an image is another than older versions made of it, as `open_folder` says it of
    files: "anew" or "resampled", "" for neither.
    """
    # what `_picture` says so of is one image of several, in magnitudes, or of a filter that is
    # `named_anew`; to open takes 1 ms
    if content.startswith(b"SIMPLE"):
        others = content[6:].upper()
        words = b"SIMPLE", b"XTENSION", b"NAXIS3", b"BSOFTEN", b"BUNIT", b"ALPHA", b"BETA", b"PUPIL"
        # and F150LP; LP alone is in the pixels of most images
        if not any(word in others for word in (*words, b"0LP", b"5LP", b"9223372036854775808")):
            return ""
    with _opened(content, "a FITS file") as picture:
        return "anew" if picture.anew else "resampled" if picture.grids else ""


@functools.cache
def reading() -> str:
    """Hash the program that reads FITS (8 hex digits), for the key of what it read."""
    from astrojepa.data.images import bands, called, fits, grids, position

    text = program_text(fits, position, bands, grids, called)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def shown(flux: np.ndarray, bands: Sequence[str]) -> np.ndarray:
    """Return flux (H, W, C) as an RGB image, uint8 (H, W, 3), by `stretch`.

    Red, green and blue are the longest, the middle and the shortest wavelength, or the last, the
    middle and the first band where a name is unknown.
    """
    order = red_green_blue(bands) or [len(bands) - 1, len(bands) // 2, 0]
    return stretch(np.moveaxis(flux, -1, 0)[order].astype(np.float64))


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
def _opened(source: str | Path | bytes, name: str, bands: Sequence[str] = ()) -> Iterator[_Picture]:
    """Open a FITS file at its image, whose size and length have been checked and whose data
    have not been read; of as many planes as bands, where the header does not name their filters.
    """
    with opened_parts(source, name) as parts:
        yield _picture(parts, name, bands)


@contextmanager
def opened_parts(
    source: str | Path | bytes, name: str, limit: int = MAX_FILE_BYTES
) -> Iterator[list[Any]]:
    """Open the parts of a FITS file, each of which lies within it; no data have been read.

    PictureError where the file is none, is damaged, or has more than `limit` bytes.
    """
    limit = MAX_BYTES if isinstance(source, bytes) else limit
    size = len(source) if isinstance(source, bytes) else Path(source).stat().st_size
    _check_length(size, limit, name)
    with io.BytesIO(source) if isinstance(source, bytes) else Path(source).open("rb") as given:
        stream, size = _unpacked(given, size, limit, name)
        if stream.read(len(BEGINNING)) != BEGINNING:
            raise PictureError(f"{name} is not a FITS file (it does not begin with SIMPLE).")
        _check_header(stream, 0, name)
        stream.seek(0)
        with _lock, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                with fits.open(
                    stream,
                    memmap=False,
                    lazy_load_hdus=True,
                    disable_image_compression=True,
                    do_not_scale_image_data=True,
                ) as hdus:
                    yield _checked(hdus, stream, size, name)
            except DataError:
                raise
            # astropy raises OSError, ValueError, TypeError, KeyError, ... for damaged files
            except Exception as error:
                raise PictureError(
                    f"{name} cannot be read as FITS, it is damaged or cut short ({error}); replace "
                    f"it."
                ) from error


def is_fits(start: bytes) -> bool:
    """Whether a file that begins so is FITS, or packed as FITS files are."""
    return start.startswith((BEGINNING, *PACKERS))


def _check_length(size: int, limit: int, name: str) -> None:
    if size > limit:
        raise PictureError(
            f"{name} has {size / 1e6:.0f} MB; at most {limit // 1_000_000} MB are read."
        )


def _unpacked(stream: BinaryIO, size: int, limit: int, name: str) -> tuple[BinaryIO, int]:
    """Unpack what gzip or bzip2 packed as a whole, as far as the limit allows."""
    start = stream.read(3)
    stream.seek(0)
    for signature, opener in PACKERS.items():
        if start.startswith(signature):
            try:
                with opener(stream) as packed:
                    content = packed.read(limit + 1)
            except (OSError, EOFError, zlib.error) as error:
                raise PictureError(f"{name} cannot be unpacked ({error}); replace it.") from error
            _check_length(len(content), limit, name)
            return io.BytesIO(content), len(content)
    return stream, size


def _check_header(stream: BinaryIO, place: int, name: str) -> None:
    """Refuse a header of so many cards, axes or columns that astropy would take hours."""
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
        if SIZES.fullmatch(key.upper().strip()) and value.lstrip().startswith(b"'"):
            # a size times a text would be a text of that size
            raise PictureError(
                f"{name}: its header says {key.decode().strip()} = "
                f"{value.partition(b'/')[0].decode('ascii', 'replace').strip()[:20]}, which is no "
                "number."
            )
        numbers = re.findall(rb"\d+", value.partition(b"/")[0])
        if key.upper().split()[-1:] in COUNTS and any(
            len(number.lstrip(b"0")) > 3 for number in numbers
        ):
            raise PictureError(
                f"{name}: its header says {key.decode().strip()} = {numbers[0].decode()[:20]}; at "
                f"most 999 axes or columns are read."
            )


def _checked(opened: Any, stream: BinaryIO, size: int, name: str) -> list[Any]:
    """Return the parts of a FITS file, each within the file; packed images as images."""
    hdus, following = [], 0
    for index in range(MAX_HDUS):
        if index:
            before = stream.tell()
            stream.seek(following)
            if stream.read(8) != b"XTENSION":
                break
            _check_header(stream, following, name)
            stream.seek(before)
        try:
            hdu = opened[index]
        except IndexError:
            break
        info = hdu.fileinfo()
        following = info["datLoc"] + info["datSpan"]
        end = info["datLoc"] + max(hdu.size, _size_of_table(hdu, name))
        if end > size:
            raise PictureError(
                f"{name} is cut short: its part {index} ends at byte {end:,} of {size:,}; replace "
                "it."
            )
        if isinstance(hdu, fits.BinTableHDU) and hdu.header.get("ZIMAGE") is True:
            hdu = fits.CompImageHDU(bintable=hdu, do_not_scale_image_data=True)
        hdus.append(hdu)
    return hdus


def _size_of_table(hdu: Any, name: str) -> int:
    """Return how many bytes a table takes; one without axes has no size, whatever its sides say."""
    if not isinstance(hdu, fits.BinTableHDU | fits.TableHDU):
        return 0
    sides = [hdu.header.get(side, 0) for side in ("NAXIS1", "NAXIS2", "PCOUNT")]
    if not all(type(side) is int and side >= 0 for side in sides):
        raise PictureError(f"{name} has a table whose sides are no numbers; replace it.")
    width, count, behind = sides
    return width * count + behind


def _picture(parts: list[Any], name: str, wanted: Sequence[str]) -> _Picture:
    """Choose the image, or the images of several bands, that make the image."""
    images = [
        part
        for part in parts
        if isinstance(part, fits.PrimaryHDU | fits.ImageHDU) and part.header.get("NAXIS")
    ]
    shown = [image for image in images if not _called(image, NO_PICTURES)]
    if not shown:
        called = ", ".join(sorted({image.name or "?" for image in images}))[:100]
        raise PictureError(
            f"{name} holds no image of the sky "
            f"({f'its images are called {called}' if images else 'tables are not read'})."
        )
    shown = [image for image in shown if len(_plain(image.shape)) > 1] or shown
    shown = [image for image in shown if not _called(image, PRODUCTS)] or shown
    flags = _unnamed_masks(shown, name)
    shown = [image for image in shown if all(image is not one for one in flags)]
    best = max(shown, key=_worth)
    everything, unit = shown, unit_of(best.header, parts)
    if not wanted:
        shown = [image for image in shown if one_unit([unit_of(image.header, parts), unit])]
    shape, chosen, bands, grids = _plain(best.shape), [best], None, None
    named, twice = _bands_alike(shown, shape, bool(wanted))
    if len(shape) == 2 and len(named) > 1 and red_green_blue(list(named)):
        bands, chosen = list(named), list(named.values())
    if len(shape) == 2 and best in named.values():
        as_before = bands, chosen, None
        other = _of_other_sizes(shown, named, parts, name, wanted)
        bands, chosen, grids = other or as_before
        shape = finest(grids).shape if grids else _plain(chosen[0].shape)
    headers = [_inherited(image, parts[0]) for image in chosen]
    if len(shape) == 3:
        counts = [count for count in (shape[0], shape[2]) if count <= MAX_BANDS]
        found = (plane_bands(headers[0], count) for count in counts)
        bands = next((names for names in found if names), None)
        along = str(headers[0].get("CTYPE3", "")).strip().upper()
        planes_last = shape[0] != 3 == shape[2]  # and along the first axis
        if not (bands or wanted or planes_last) and NO_COLOURS.match(along):
            raise PictureError(
                f"{name}: its planes are along {along[:8]}, and no colours; take out one plane, or "
                "name their filters in BANDS."
            )
    left_out = not wanted and len(shape) == 2 and bool(_filters(everything) - _filters(chosen))
    before = [i for i in images if not _called(i, NO_PICTURES) or _called(i, FORMERLY_SHOWN)]
    others = [i for i in before if _called(i, FORMERLY_SHOWN) and image_band(i.header)]
    several = len(chosen) > 1 and bool(twice or others)
    anew = (
        several
        or _filters(shown) != _filters(everything)
        or best is not max(before, key=_worth)
        or any(_softened(header) or in_magnitudes(header.get("BUNIT")) for header in headers)
        or any(map(named_anew, headers))
        or ordered_anew(bands or [])
        or any(_of_64_bits(image.header) for image in chosen)
    )
    names = [i.name for i in images if _called(i, MASKS)] + ["unnamed"] * bool(flags)
    masks = one_line(" ".join(dict.fromkeys(names)), 40)
    flat = sum(len(_plain(image.shape)) == 2 and _plain(image.shape)[0] > 1 for image in shown)
    beside = masks, not wanted and len(shape) == 2 and not left_out and flat > len(chosen)
    picture = _Picture(
        chosen, shape, bands, headers, parts, len(wanted), grids, left_out, anew, beside
    )
    if len(shape) != 2 and (len(shape) != 3 or picture.planes not in (shape[0], shape[2])):
        raise PictureError(
            f"{name}: its image is {best.shape}; expected (H, W), (3, H, W) or (H, W, 3), or one "
            f"plane for each filter that BANDS names."
        )
    largest = max(math.prod(_plain(image.shape)) for image in chosen)
    if not 0 < len(chosen) * largest <= MAX_PIXELS * picture.planes:
        raise PictureError(
            f"{name}: its image is {best.shape}; 1 to {MAX_PIXELS:,} pixels are read. Cut out the "
            f"galaxy first."
        )
    for image in chosen:
        if isinstance(image, fits.CompImageHDU):
            _check_tiles(image, name)
    return picture


def _bands_alike(
    shown: list[Any], shape: tuple[int, ...], by_name: bool
) -> tuple[dict[str, Any], bool]:
    """Return the images of one size by the filter that they name, in the order of the file, and
    whether a filter has several: of these the best, the first of equals. Filters are told by their
    wavelength, or by their very name.
    """
    alike = [i for i in shown if _plain(i.shape) == shape and image_band(i.header)]
    found: dict[Any, Any] = {}
    for image in sorted(alike, key=_worth, reverse=True):
        band = image_band(image.header) or ""
        found.setdefault(band if by_name else wavelength(band), image)
    kept = [image for image in alike if any(image is one for one in found.values())]
    return {image_band(i.header) or "": i for i in kept}, len(kept) < len(alike)


def _of_other_sizes(
    shown: list[Any], alike: dict[str, Any], parts: list[Any], name: str, wanted: Sequence[str]
) -> tuple[list[str], list[Any], list[Grid] | None] | None:
    """Return bands whose images differ in number, size or place of pixels: names, images, grids.

    `alike` are the bands of one size, with the largest image; None where they are all there is to
    show, or lack one that is wanted. Without `wanted`, bands that no WCS puts onto the others are
    left out; PictureError where one of `wanted` is.
    """
    named = dict(alike)
    for image in sorted(shown, key=_worth, reverse=True):  # of one filter, the largest
        if len(_plain(image.shape)) == 2 and (band := image_band(image.header)):
            named.setdefault(band, image)
    if wanted:
        places = planes_of(wanted, list(named), len(named))
        if places is None:
            return None
        named = {band: named[band] for band in (list(named)[place] for place in places)}
    elif not red_green_blue(list(named)):
        return None
    images, inside = list(named.values()), set(named) <= set(alike)
    shapes = [_plain(image.shape) for image in images]
    headers = [_inherited(image, parts[0]) for image in images]
    grids: list[Grid | None] = []
    if len(set(shapes)) > 1 or not same_cards(headers):
        grids = [grid_of(h, parts, shape) for h, shape in zip(headers, shapes, strict=True)]
    if not differ(shapes, grids):
        return None if inside and not wanted else (list(named), images, None)
    known = {band: grid for band, grid in zip(named, grids, strict=True) if grid}
    too_large = len(named) * max(map(math.prod, shapes)) > MAX_ON_GRID
    if wanted and (too_large or len(known) < len(named)):
        raise PictureError(too_many(name, shapes) if too_large else unrelated(name, shapes))
    if not wanted:
        known = {} if too_large else known
        target = finest(list(known.values())) if known else None
        known = {band: grid for band, grid in known.items() if target and coverage(target, grid)}
        sizes = [grid.shape for grid in known.values()]
        if not (set(alike) <= set(known) and differ(sizes, list(known.values()))):
            return None
        largest = known[next(iter(alike))]
        if target is None or coverage(largest, target) < FIELD:
            return None
    return list(known), [named[band] for band in known], list(known.values())


def _unnamed_masks(shown: list[Any], name: str) -> list[Any]:
    """Return the images that would be shown before another of their size, but that their pixels
    tell to be its masks; pixels of images that are not to be shown are not looked at.
    """
    shape = _plain(max(shown, key=_worth).shape)
    alike = [image for image in shown if _plain(image.shape) == shape]
    if len(shape) != 2 or len(alike) < 2:
        return []
    by_worth = sorted(alike, key=_worth, reverse=True)
    flags = list(itertools.takewhile(lambda image: _are_flags(image, name), by_worth))
    return flags if len(flags) < len(alike) else []


def _are_flags(image: Any, name: str) -> bool:
    """Whether an image has no name, filter or unit and is of whole numbers: 0 everywhere, or 0 and
    others: bytes of 0 and 1, one number, single bits, or so few that they would fill no bits.
    Counts of photons, 0, 1, 2 and more, are neither; beside others, what is below 0 is not counted.
    """
    header = image.header
    said = {str(header.get(key, "")).strip() for key in (*CALLED, *NAMES, "BUNIT")}
    scaled = header["BITPIX"] < 0 or header.get("BSCALE", 1) != 1
    if said - {"", "COMPRESSED_IMAGE"} or scaled or not 0 < math.prod(image.shape) <= MAX_PIXELS:
        return False
    if isinstance(image, fits.CompImageHDU):
        try:
            _check_tiles(image, name)
        except PictureError:  # said where it is shown
            return str(image._bintable.header.get("ZCMPTYPE")).strip() == "PLIO_1"  # masks only
    pixels = np.asarray(image.data).ravel()
    del image.data  # it may be one of many
    values = np.unique(pixels[:: max(1, len(pixels) // MAX_LOOKED_AT)])
    known = values[values != header.get("BLANK")].astype(np.float64) + float(header.get("BZERO", 0))
    bits = known[known >= 0]
    if not 0 < len(bits) <= MAX_FLAGS or bits[0] != 0:
        return False
    if bits[-1] <= 1:
        return bool(header["BITPIX"] == 8 or len(known) == 1)
    single = bits[-1] >= LEAST_BIT and np.all(np.mod(np.log2(bits[1:]), 1) == 0)
    return bool(len(bits) == 2 or single or bits[-1] >= 2 ** len(bits))


def _filters(images: list[Any]) -> set[float | str | None]:
    """Return the wavelength of each plane's filter, or the name of a filter that is not known."""
    flat = [image.header for image in images if len(_plain(image.shape)) == 2]
    known = {wavelength(band) for header in flat if (band := image_band(header))}
    said = {str(header.get("FILTER", "")).strip() for header in flat if not image_band(header)}
    return known | (said - {""})


def _worth(image: Any) -> tuple[bool, int, bool]:
    """What makes an image rather the image than another: its name, its size, no flags in it."""
    shape = _plain(image.shape)
    return _called(image, PICTURES), math.prod(shape[-2:]), image.header["BITPIX"] != 8


def _called(image: Any, words: re.Pattern[str]) -> bool:
    """Whether one of the words by which a header calls its image is among these."""
    said = " ".join(str(image.header.get(key, "")) for key in CALLED)
    return any(map(words.fullmatch, re.findall(r"[a-z0-9]+", said.lower())))


def _plain(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Leave out axes of length 1 beside those of the sky."""
    while len(shape) > 2 and 1 in (shape[0], shape[-1]):
        shape = shape[1:] if shape[0] == 1 else shape[:-1]
    return shape


def _check_tiles(hdu: Any, name: str) -> None:
    """Refuse a packed image whose parts do not make up the image, or unpack to more than it."""
    header, shape = hdu._bintable.header, hdu.shape
    packed = str(header.get("ZCMPTYPE")).strip()
    if packed not in UNPACKED:
        raise PictureError(
            f"{name} is packed with {packed[:20]}; {', '.join(UNPACKED)} are read. Unpack it with "
            f"funpack."
        )
    settings = {str(header.get(f"ZNAME{k}")).strip(): header.get(f"ZVAL{k}") for k in range(1, 10)}
    tiles = [max(1, side) for side in hdu.tile_shape]
    count = math.prod(-(-side // tile) for side, tile in zip(shape, tiles, strict=True))
    if (
        settings.get("BLOCKSIZE", 32) not in (16, 32, 64, 128)
        or settings.get("BYTEPIX", 4) not in (1, 2, 4, 8)
        or count != header["NAXIS2"]
        or min(hdu.tile_shape) < 1
    ):
        raise PictureError(f"{name}: its packed tiles do not make up {shape}; replace it.")
    table, left = hdu._bintable, 8 * math.prod(shape)
    heap = table._get_raw_data(header["PCOUNT"], np.uint8, table._data_offset + table._theap)
    for column in ("COMPRESSED_DATA", "GZIP_COMPRESSED_DATA"):
        if column not in table.columns.names:
            continue
        bytes_each = {"B": 1, "I": 2, "J": 4}[table.columns[column].format.removeprefix("1")[1]]
        for length, place in np.array(table.data[column]).tolist():
            end = place + length * bytes_each
            if not (place >= 0 and length >= 0 and end <= len(heap)):
                raise PictureError(f"{name}: a packed tile lies outside the file; replace it.")
            if length and not (column == "COMPRESSED_DATA" and packed.startswith("RICE")):
                raw = heap[place:end].tobytes()
                left -= len(zlib.decompressobj(31).decompress(raw, left + 1))
            if left < 0:
                raise PictureError(f"{name}: its packed tiles hold more than {shape}; replace it.")


def _inherited(image: Any, first: Any) -> fits.Header:
    """Return an image's header with the cards of the first part, where it says that it inherits
    them, or says nothing of the sky and the first part is no image.
    """
    own = image.header
    alone = "CRVAL1" in own or first.header.get("NAXIS")
    if image is first or (alone and own.get("INHERIT") is not True):
        return own
    whole = own.copy(strip=False)
    whole.extend(first.header.copy(strip=True), unique=True, update=False)
    return whole


def _values(image: Any, header: fits.Header) -> np.ndarray:
    """Read an image as float64, without axes of length 1, NaN where it is beyond any flux or an
    integer is BLANK: astropy forgets that of unsigned ones. `header` holds inherited cards too.
    """
    own, raw = image.header, np.asarray(image.data)
    scale, blank = own.get("BSCALE", 1), own.get("BLANK")
    zero, whole = float(own.get("BZERO", 0)), raw
    if _of_64_bits(own):
        whole, zero = raw.astype(np.int64).view(np.uint64) ^ np.uint64(2**63), 0.0
    values = whole.astype(np.float64) * float(scale) + zero
    if blank is not None and raw.dtype.kind in "iu":
        limits = np.iinfo(raw.dtype)
        stored = limits.min <= int(blank) <= limits.max  # as it ought to be
        values[(raw if stored else values) == int(blank)] = np.nan
    if _softened(header):
        with np.errstate(over="ignore"):  # no flux: undefined later
            values = 2 * float(header["BSOFTEN"]) * np.sinh(values * np.log(10) / 2.5)
        values += float(header["BOFFSET"])
    if in_magnitudes(header.get("BUNIT")):
        values = 10.0 ** (-0.4 * np.where(np.abs(values) < FAINTEST, values, np.nan))
    values = np.where(np.abs(values) < LARGEST, values, np.nan)
    return values.reshape(_plain(values.shape))


def _of_64_bits(header: fits.Header) -> bool:
    """Whether values are unsigned integers of 64 bits, to which no float adds their BZERO."""
    return bool(header["BITPIX"] == 64 and header.get("BZERO") == 2**63)


def in_magnitudes(unit: object) -> bool:
    """Whether values are magnitudes, of which the smaller are the brighter."""
    words = r"(ab|vega|st)?[ _]?mag(nitudes?|s)?(?![a-z])"
    return bool(re.match(words, str(unit).lower().strip()))


def _softened(header: fits.Header) -> bool:
    """Whether values are asinh magnitudes of Pan-STARRS, which become flux.

    *Source:* Waters et al. 2020, ApJS 251, 4: flux = BOFFSET + 2 BSOFTEN sinh(value · ln 10 / 2.5).
    """
    return "BSOFTEN" in header and "BOFFSET" in header


def _upright(image: Any, header: fits.Header) -> np.ndarray:
    """Read an image as float64 (H, W), row 0 at the top."""
    values = _values(image, header)
    return values if is_top_down(header) else values[::-1]
