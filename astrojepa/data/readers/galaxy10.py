"""Galaxy10 DECaLS and HDF5 files of its layout, which are untrusted and checked before reading.

*Source:* Leung & Bovy, zenodo.org/records/10845026; labels from Galaxy Zoo (Lintott et al. 2008,
2011; Walmsley et al. 2022).
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from astrojepa.cache import cache_path
from astrojepa.data import DataError
from astrojepa.data.content import content_hashes
from astrojepa.data.coordinates import to_degrees
from astrojepa.data.dataset import Dataset
from astrojepa.data.frames import open_pictures, write_pictures
from astrojepa.data.missing import known_numbers, known_places
from astrojepa.data.readers.labels import doubtful_positions, doubtful_redshifts
from astrojepa.data.readers.registry import Selection, reader
from astrojepa.progress import Listener
from astrojepa.wording import one_line, sentences

if TYPE_CHECKING:
    import h5py

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"

CLASSES = (
    "Disturbed",
    "Merging",
    "Round Smooth",
    "In-between Round Smooth",
    "Cigar Shaped Smooth",
    "Barred Spiral",
    "Unbarred Tight Spiral",
    "Unbarred Loose Spiral",
    "Edge-on without Bulge",
    "Edge-on with Bulge",
)
REQUIRED = ("images", "ans")
UNREAD = "?"
LIMITS = {"ra": (0, 360), "dec": (-90, 90)}  # degrees
NUMBERS = ("ra", "dec", "redshift", "pxscale")
MAX_GALAXIES = 1_000_000
MAX_SIDE = 1024
MAX_BYTES = 64 * 1024**3
MAX_CHUNK_BYTES = 1024**3
# attributes of netCDF, and the most numbers that each holds
MISSING = {"_FillValue": 64, "missing_value": 64}
PACKED = {"scale_factor": 1, "add_offset": 1}
VALID = {"valid_range": 2, "valid_min": 1, "valid_max": 1}
ATTRIBUTES = MISSING | PACKED | VALID
UNSIGNED = "_Unsigned"  # text
NETCDF = "_NCProperties"  # of a file, and of the variables of older ones
NETCDF_ITEM = ("_Netcdf4Dimid", "_Netcdf4Coordinates")
# what netCDF writes where nothing was written. *Source:* netcdf.h, NC_FILL_SHORT to NC_FILL_DOUBLE
FILLS = {
    **{"i2": -32767, "u2": 65535, "i4": -(2**31) + 1, "u4": 2**32 - 1},
    **{"i8": -(2**63) + 2, "u8": 2**64 - 2, "f4": 15 * 2.0**119, "f8": 15 * 2.0**119},
}
DEFLATE_LIMIT = 1100  # deflate never packs more than 1032 : 1
FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 32000: "lzf"}
SLICE_BYTES = 128 * 1024**2
SDSS_SHAPE = (69, 69)


@dataclass(frozen=True)
class MappedReader:
    """Reads rows of memory-mapped images: uint8 (n, H, W, 3)."""

    pictures: np.ndarray

    def read(self, row: int) -> np.ndarray:
        """Return a copy of one image as uint8 (H, W, 3)."""
        return np.array(self.pictures[row])


@dataclass(frozen=True)
class FileReader:
    """Reads image rows in place, uint8 (n, H, W, 3), while the file stays as it was opened.

    It is not mapped: a mapped file that somebody cuts short ends the process that reads it.
    """

    path: Path
    offset: int  # bytes before the first image
    shape: tuple[int, ...]
    seen: tuple[int, int]  # bytes of the file, and when it was last changed, in ns

    def read(self, row: int) -> np.ndarray:
        """Return an image uint8 (H, W, 3); DataError if the file changed or is gone."""
        picture = np.empty(self.shape[1:], dtype=np.uint8)
        try:
            with self.path.open("rb", buffering=0) as stream:
                stream.seek(self.offset + row * picture.nbytes)
                whole = stream.readinto(picture.data) == picture.nbytes
                found = os.fstat(stream.fileno())
        except OSError as error:
            raise DataError(
                f"{self.path} cannot be read any more ({error.strerror or error}); is it still "
                f"there?"
            ) from error
        if not whole or (found.st_size, found.st_mtime_ns) != self.seen:
            raise DataError(f"{self.path} was changed after it was opened; open it again.")
        return picture


def is_hdf5(source: str) -> bool:
    """Whether a file is HDF5, by its name or its first bytes."""
    path = Path(source)
    if not path.is_file():
        return False
    if path.suffix.lower() in (".h5", ".hdf5"):
        return True
    with path.open("rb") as stream:
        return stream.read(len(HDF5_SIGNATURE)) == HDF5_SIGNATURE


@reader("an HDF5 file of Galaxy10's layout", is_hdf5, gives_flux=True)
def _open(source: str, selection: Selection, progress: Listener) -> Dataset:
    if selection.bands:
        from astrojepa.data.readers.flux_hdf5 import open_flux

        return open_flux(Path(source), selection.bands)
    return open_galaxy10(source, progress)


def open_galaxy10(path: str | Path, progress: Listener = False) -> Dataset:
    """Open an HDF5 file with `images` uint8 (n, H, W, 3) and `ans` (n,) in 0 ... 9.

    `ra`, `dec` (degrees), `redshift` and `pxscale` (arcsec per pixel) may be missing: NaN. Ids are
    row numbers; `table` has `pxscale`. A compressed file costs 93 ms per random row, so that its
    images are unpacked once, in long slices, into the cache (3.5 GB for Galaxy10 DECaLS); an
    uncompressed one is read where it lies.

    `source_hash` covers every byte; a file is read for it once, until it changes.

    Raises FileNotFoundError; DataError for other layouts, links, external or virtual storage, and
    sizes that the file cannot hold; OSError where the disk has no room for the images.
    """
    import h5py

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no file {path}; download Galaxy10_DECals.h5 from "
            f"zenodo.org/records/10845026."
        )
    with contextlib.ExitStack() as stack:
        with reading(path):
            file = stack.enter_context(h5py.File(path, "r"))
            images, labels, numbers = _judge(path, file)
        source_hash = content_hashes(path.resolve(), [""], [path.stat()])[0].hex()
        reader = _reader(path, images, source_hash, progress)
    return Dataset(
        name=path.stem,
        reader=reader,
        rows=np.arange(len(labels), dtype=np.int64),
        ids=np.arange(len(labels)).astype(str),
        labels=labels,
        classes=CLASSES,
        ra=numbers["ra"],
        dec=numbers["dec"],
        redshift=numbers["redshift"],
        source_hash=source_hash,
        table=pd.DataFrame({"pxscale": numbers["pxscale"]}),
        notes=sentences(
            doubtful_positions(numbers["ra"], numbers["dec"]),
            *(doubtful_redshifts(numbers["redshift"]), *unread(path)),
        ),
    )


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what h5py raises on a damaged file into a sentence."""
    try:
        yield
    except DataError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise DataError(f"{path} is not a whole HDF5 file ({error}); download it again.") from error


def _judge(path: Path, file: h5py.File) -> tuple[h5py.Dataset, np.ndarray, dict[str, np.ndarray]]:
    """Check what will be read; return unread images, labels, and numbers by name."""
    names = [str(name) for name in file]
    for name in REQUIRED:
        if name not in names:
            raise DataError(
                f"{path.name} has no dataset {name!r} (found: "
                f"{', '.join(names[:10]) or 'nothing'}); "
                "expected images and ans, and where known ra, dec, redshift and pxscale."
            )
    images = stored(path, file, "images")
    _check_images(path, images)
    labels = read_classes(path, file, len(images))
    numbers = {name: np.full(len(images), np.nan) for name in NUMBERS}
    for name in NUMBERS:
        if name in names:
            numbers[name] = read_numbers(path, file, name, len(images))
    numbers["ra"], numbers["dec"] = known_places(numbers["ra"], numbers["dec"])
    return images, labels, numbers


def read_classes(path: Path, file: h5py.File, count: int) -> np.ndarray:
    """Read `ans`, int64 (count,); DataError for others than the ten classes."""
    labels = _column(path, stored(path, file, "ans"), "ans", count, "ui").astype(np.int64)
    wrong = np.flatnonzero((labels < 0) | (labels >= len(CLASSES)))
    if len(wrong):
        raise DataError(
            f"{path.name}: 'ans' is {labels[wrong[0]]} in row {wrong[0]}; the ten classes are 0 to "
            f"9."
        )
    return labels


def read_numbers(path: Path, file: h5py.File, name: str, count: int) -> np.ndarray:
    """Read a column, float64 (count,), NaN where unknown; DataError outside the sky."""
    item = stored(path, file, name)
    values = known_numbers(unpacked(path, item, _column(path, item, name, count, "uif")))
    if name in LIMITS and (unit := unit_of(item)) not in ("", UNREAD):
        degrees = to_degrees(values, unit)
        if degrees is None:
            raise DataError(f"{path.name}: the unit of {name!r} is {unit}, expected deg.")
        values = degrees
    low, high = LIMITS.get(name, (-np.inf, np.inf))
    if ((values < low) | (values > high)).any():
        raise DataError(f"{path.name}: {name!r} has values outside [{low}, {high}] degrees.")
    return values


def unpacked(path: Path, item: h5py.Dataset, values: np.ndarray) -> np.ndarray:
    """Return values of a dataset as float64, as netCDF packs them: NaN where they are `_FillValue`
    or `missing_value`, or outside `valid_min`, `valid_max` or `valid_range`, else times
    `scale_factor`, plus `add_offset`. `_Unsigned` says whether whole numbers have a sign. In files
    of netCDF-4 without `_FillValue`, what netCDF itself fills with is NaN. DataError where one of
    these attributes is not what it should be.

    *Source:* NetCDF Users Guide, appendix A, attribute conventions, and fill values; CF
    conventions, 2.5.1 and 8.1.
    """
    values = values.view(kind := _kind(path, item))
    missing, (factor, offset) = (
        [_numbers(path, item, name) for name in names] for names in (MISSING, PACKED)
    )
    if netcdf_fills(item):
        missing.append(np.array([FILLS[item.dtype.str[1:]]], item.dtype))
    with np.errstate(invalid="ignore", over="ignore"):
        low, high = _valid(path, item, kind)
        none = np.concatenate([_of_kind(numbers, item.dtype, kind) for numbers in missing])
        unknown = np.isin(values, none) | (values < low) | (values > high)
        found = values.astype(np.float64) * (factor[0] if len(factor) else 1)
    return np.where(unknown, np.nan, found + (offset[0] if len(offset) else 0))


def netcdf_fills(item: h5py.Dataset) -> bool:
    """Whether netCDF's own fill value means missing, as netCDF4-python has it: in files that say
    that they are netCDF-4, without `_FillValue` and `_Unsigned`. Bytes have none, as the Users
    Guide says: all of their values may be data.
    """
    said = NETCDF in item.file.attrs or any(name in item.attrs for name in NETCDF_ITEM)
    return said and not {"_FillValue", UNSIGNED} & set(item.attrs) and item.dtype.str[1:] in FILLS


def _kind(path: Path, item: h5py.Dataset) -> np.dtype:
    """Return the kind of number that a dataset means: `_Unsigned` says it of whole ones."""
    if UNSIGNED not in item.attrs or item.dtype.kind == "f":
        return item.dtype
    said = text_of(item, UNSIGNED).lower()
    if said not in ("true", "false"):
        raise DataError(
            f"{path.name}: the attribute {UNSIGNED} of {item.name} cannot be read; expected text "
            f'of fixed length, numpy.bytes_("true") or numpy.bytes_("false").'
        )
    return np.dtype(
        item.dtype.str.translate({ord("i"): "u"} if said == "true" else {ord("u"): "i"})
    )


def _valid(path: Path, item: h5py.Dataset, kind: np.dtype) -> list[float | int]:
    """Return the least and the largest number that is a value, as it is packed."""
    both, *ends = (_numbers(path, item, name) for name in VALID)
    if len(both) == 1:
        raise DataError(f"{path.name}: the attribute valid_range is one number; expected two.")
    found: list[float | int] = []
    ends = [both[:1], both[1:]] if len(both) else ends
    for end, beyond in zip(ends, (-np.inf, np.inf), strict=True):
        if end.dtype.kind == "f" != kind.kind and len(end) and set(PACKED) & set(item.attrs):
            raise DataError(
                f"{path.name}: the valid range of {item.name} is {end.dtype}, and its packed "
                f"values are {item.dtype}; expected numbers of that kind."
            )
        as_stored = end.astype(item.dtype)
        meant = as_stored.view(kind) if (as_stored == end).all() else end
        if kind.kind == "u" and end.dtype.kind == "i" and (meant < 0).any():
            raise DataError(
                f"{path.name}: the valid range of {item.name} is {end.dtype} and goes below 0, and "
                f"its values are {kind}; write it as {kind}."
            )
        found += meant.tolist() or [beyond]
    least, most = _ends(kind)
    if max(found[0], least) > min(found[1], most):
        raise DataError(
            f"{path.name}: the valid range of {item.name}, {found[0]:g} to {found[1]:g}, holds no "
            f"{kind}; correct or remove it."
        )
    return found


def _ends(kind: np.dtype) -> tuple[float, float]:
    """Return the least and the largest number that a kind holds."""
    if kind.kind == "f":
        return -np.inf, np.inf
    return np.iinfo(kind).min, np.iinfo(kind).max


def _of_kind(missing: np.ndarray, stored: np.dtype, kind: np.dtype) -> np.ndarray:
    """Return numbers as a dataset of a kind can hold them; whole ones hold no 1e20."""
    if kind.kind == "f":
        return missing.astype(kind)
    as_stored, found = missing.astype(stored), missing.astype(kind)
    return np.concatenate([as_stored[as_stored == missing].view(kind), found[found == missing]])


def _numbers(path: Path, item: h5py.Dataset, name: str) -> np.ndarray:
    """Return the numbers of an attribute, (k,); none where it is missing."""
    if name not in item.attrs:
        return np.zeros(0)
    attribute = item.attrs.get_id(name)
    kind, shape, most = attribute.dtype, attribute.shape, ATTRIBUTES[name]
    few = len(shape) < 2 and 0 < math.prod(shape) <= most
    if kind.kind not in "iuf" or kind.itemsize > 8 or not few:
        raise DataError(f"{path.name}: the attribute {name} is {kind} {shape}; expected a number.")
    value = np.zeros(shape, kind)
    attribute.read(value)
    return value.reshape(-1)


def unit_of(item: h5py.Dataset) -> str:
    """Return the attribute `unit` or `units` of a dataset, "" without one, else as `text_of`."""
    return next((text_of(item, name) for name in ("unit", "units") if name in item.attrs), "")


def text_of(item: h5py.Dataset, name: str) -> str:
    """Return an attribute, and `UNREAD` for what is no text of fixed length: of text of variable
    length, the HDF5 library follows damaged ones without end.
    """
    attribute = item.attrs.get_id(name)
    if attribute.dtype.kind != "S" or attribute.shape not in ((), (1,)):
        return UNREAD
    value = np.zeros(attribute.shape, attribute.dtype)
    attribute.read(value)
    return one_line(value.reshape(-1)[0].decode("utf-8", "replace").strip(), 40)


def unread(path: Path) -> tuple[str, ...]:
    """Say which datasets are not read, and which positions of unread unit are taken as degrees."""
    import h5py

    with reading(path), h5py.File(path, "r") as file:
        units = [name for name in LIMITS if name in file and unit_of(file[name]) == UNREAD]
        others = sorted(map(str, set(file) - {*REQUIRED, *NUMBERS}))
    said = []
    if units:
        said.append(
            f"The unit of {' and '.join(units)} is text of variable length, which is not read; "
            "they are taken as degrees."
        )
    if others:
        names = one_line(", ".join(others), 100)
        said.append(f"{path.name} also holds {names}, which is not read.")
    return tuple(said)


def stored(path: Path, file: h5py.File, name: str) -> h5py.Dataset:
    """Return a dataset stored in this file and no larger than it; nothing is read."""
    import h5py

    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise DataError(
            f"{path.name}: {name!r} is a link; only data that lie in the file itself are read."
        )
    if file.get(name, getclass=True) is not h5py.Dataset:
        raise DataError(f"{path.name}: {name!r} is a group, expected a dataset.")
    item = file[name]
    if item.shape is None or item.dtype.kind not in "uif" or item.dtype.itemsize > 8:
        raise DataError(f"{path.name}: {name!r} holds {item.dtype} values, expected plain numbers.")
    plan = item.id.get_create_plist()
    if item.is_virtual or plan.get_external_count():
        raise DataError(
            f"{path.name}: {name!r} keeps its values in another file; only data in the file itself "
            f"are read."
        )
    codes = (plan.get_filter(i)[0] for i in range(plan.get_nfilters()))
    unknown = [code for code in codes if code not in FILTERS]
    if unknown:
        raise DataError(
            f"{path.name}: {name!r} is packed with filter {unknown[0]}; known: "
            f"{', '.join(FILTERS.values())}."
        )
    _check_size(path, item, name)
    return item


def _check_size(path: Path, item: h5py.Dataset, name: str) -> None:
    """Compare the bytes that the header declares with a cap and with what the file holds."""
    declared = math.prod(item.shape) * item.dtype.itemsize
    if declared > MAX_BYTES or (
        item.chunks and math.prod(item.chunks) * item.dtype.itemsize > MAX_CHUNK_BYTES
    ):
        raise DataError(
            f"{path.name}: {name!r} declares {item.shape}, {declared / 1e9:.1f} GB; at most "
            f"{MAX_BYTES / 1e9:.0f} GB, "
            f"in pieces of up to {MAX_CHUNK_BYTES / 1e9:.0f} GB, are read."
        )
    stored = item.id.get_storage_size()
    packed = DEFLATE_LIMIT if item.id.get_create_plist().get_nfilters() else 1
    if declared > stored * packed or stored > path.stat().st_size:
        raise DataError(
            f"{path.name}: {name!r} declares {declared:,} bytes and the file holds {stored:,}; it "
            f"was cut short or never filled."
        )
    if item.chunks:
        expected = math.prod(
            -(-length // piece) for length, piece in zip(item.shape, item.chunks, strict=True)
        )
        if item.id.get_num_chunks() != expected:
            raise DataError(
                f"{path.name}: {name!r} has {item.id.get_num_chunks()} of {expected} pieces; it "
                f"was never filled."
            )


def _check_images(path: Path, images: h5py.Dataset) -> None:
    shape = images.shape
    if len(shape) != 4 or shape[3] != 3 or images.dtype != np.uint8:
        raise DataError(
            f"{path.name}: 'images' is {images.dtype} {shape}; expected uint8 (n, height, width, "
            f"3), or name the bands of flux (n, bands, height, width)."
        )
    if shape[1:3] == SDSS_SHAPE:
        raise DataError(
            f"{path.name} looks like the older Galaxy10 SDSS (69 x 69 pixels), whose ten classes "
            "are others; give Galaxy10_DECals.h5, or save its images as a folder with labels.csv."
        )
    if not (
        1 <= shape[0] <= MAX_GALAXIES and 1 <= shape[1] <= MAX_SIDE and 1 <= shape[2] <= MAX_SIDE
    ):
        raise DataError(
            f"{path.name}: 'images' is {shape}; 1 to {MAX_GALAXIES:,} images of up to {MAX_SIDE} "
            f"pixels are read."
        )


def _column(path: Path, item: h5py.Dataset, name: str, count: int, kinds: str) -> np.ndarray:
    if item.shape != (count,) or item.dtype.kind not in kinds:
        raise DataError(
            f"{path.name}: {name!r} is {item.dtype} {item.shape}; expected one number for each of "
            f"{count} images."
        )
    return item[()]


def _reader(
    path: Path, images: h5py.Dataset, source_hash: str, progress: Listener
) -> FileReader | MappedReader:
    """Read images in place if stored uncompressed, else unpack them in the cache."""
    offset, status = images.id.get_offset(), path.stat()
    if images.chunks is None and offset is not None:
        reader = FileReader(
            path.resolve(), offset, images.shape, (status.st_size, status.st_mtime_ns)
        )
        with reading(path):
            if all(np.array_equal(reader.read(row), images[row]) for row in (0, len(images) - 1)):
                return reader
    key = hashlib.sha256(
        f"{source_hash} {status.st_size} {status.st_mtime_ns}".encode()
    ).hexdigest()[:16]
    cached = cache_path("galaxy10", key, ".npy")
    pictures = open_pictures(cached, images.shape)
    if pictures is None:
        write_pictures(
            cached, images.shape, _slices(path, images), progress, f"unpacking {path.name}"
        )
        pictures = open_pictures(cached, images.shape)
    if pictures is None:
        raise OSError(
            f"{cached} was written and cannot be read back; is the disk sound, or did something "
            f"delete it?"
        )
    return MappedReader(pictures)


def _slices(path: Path, images: h5py.Dataset) -> Iterator[np.ndarray]:
    """Read rows in slices of whole chunks, so that each chunk is unpacked once."""
    row_bytes = math.prod(images.shape[1:])
    chunk = images.chunks[0] if images.chunks else 1
    step = chunk * max(1, SLICE_BYTES // (chunk * row_bytes))
    # a chunk of very many rows is unpacked more than once
    step = min(step, max(1, MAX_CHUNK_BYTES // row_bytes))
    for start in range(0, len(images), step):
        with reading(path):
            block = images[start : start + step]
        yield block
