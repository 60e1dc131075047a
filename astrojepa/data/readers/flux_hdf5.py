"""HDF5 files of flux in several bands, checked before reading as those of Galaxy10's layout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from astrojepa.config import MAX_BANDS
from astrojepa.data import DataError
from astrojepa.data.content import content_hashes
from astrojepa.data.dataset import Dataset
from astrojepa.data.missing import known_places
from astrojepa.data.readers import galaxy10
from astrojepa.data.readers.labels import doubtful_positions, doubtful_redshifts
from astrojepa.wording import one_line, sentences

if TYPE_CHECKING:
    import h5py

UNNAMED = "The file names no bands; its planes are taken as {} in their order."
NUMBERS = ("ra", "dec", "redshift")
LONGEST_NAME = 64  # bytes
AT_ONCE = 2**20  # pixels, where a defined one is looked for
LOOKED_AT = 2**28  # pixels of all bands at most: seconds of work


@dataclass(frozen=True)
class FluxFileReader:
    """Reads flux rows in place, while the file stays as it was opened."""

    path: Path
    planes: tuple[int, ...]  # of the file, in the order of `bands`
    bands: tuple[str, ...]
    seen: tuple[int, int]  # bytes of the file, and when it was last changed, in ns

    def flux(self, row: int) -> np.ndarray:
        """Return the flux as float32 (H, W, C); DataError if the file changed or is gone."""
        import h5py

        from astrojepa.data.images.fits import filled

        try:
            status = self.path.stat()
        except OSError as error:
            raise DataError(f"{self.path} cannot be read any more ({error.strerror}).") from error
        if (status.st_size, status.st_mtime_ns) != self.seen:
            raise DataError(f"{self.path} was changed after it was opened; open it again.")
        with galaxy10.reading(self.path), h5py.File(self.path, "r") as file:
            images = file["images"]
            cube = galaxy10.unpacked(self.path, images, images[row])
        chosen = cube[list(self.planes)]
        return filled(chosen, f"Row {row} of {self.path.name}", self.bands)

    def read(self, row: int) -> np.ndarray:
        """Return an RGB image of the bands, uint8 (H, W, 3), by their wavelengths."""
        from astrojepa.data.images.fits import shown

        return shown(self.flux(row), self.bands)


def open_flux(path: Path, bands: tuple[str, ...]) -> Dataset:
    """Open an HDF5 file with `images` (n, C, H, W), numbers of any unit, and its bands. Numbers
    that netCDF packed are unpacked (`galaxy10.unpacked`).

    The attribute `bands` of `images` or of the file names the planes, in text of fixed length
    (`numpy.array(["g", "r"], "S8")`); without it they are the bands asked for, in their order, if
    they are as many. `ans` (Galaxy10's classes), `ra`, `dec` and `redshift` may be missing.
    DataError for other layouts, as `open_galaxy10`.
    """
    import h5py

    from astrojepa.data.images.fits import in_magnitudes

    with galaxy10.reading(path), h5py.File(path, "r") as file:
        names = set(file)
        if "images" not in names:
            found = one_line(", ".join(sorted(map(str, names))) or "nothing", 100)
            raise DataError(
                f"{path.name} has no dataset 'images' (found: {found}); expected flux (n, bands, "
                "height, width) under this name."
            )
        images = galaxy10.stored(path, file, "images")
        _check_cubes(path, images)
        if in_magnitudes(unit := galaxy10.unit_of(images)):
            raise DataError(
                f"{path.name}: 'images' are magnitudes (unit {unit}), expected flux; convert them "
                "first."
            )
        doubt = (
            "The unit of images is text of variable length, which is not read; they are taken as "
            "flux."
            if unit == galaxy10.UNREAD
            else ""
        )
        galaxy10.unpacked(path, images, np.zeros(0, images.dtype))  # whether it can be
        # older versions did not, whose frames may be cached
        attributes = set(images.attrs)
        packed = " unpacked" if attributes & {*galaxy10.MISSING, *galaxy10.PACKED} else ""
        packed += " valid" if attributes & {galaxy10.UNSIGNED, *galaxy10.VALID} else ""
        packed += " filled" if galaxy10.netcdf_fills(images) else ""
        count = len(images)
        planes, named = _planes(path, images, file, bands)
        none = _check_defined(path, images, planes, bands)
        labels = np.full(count, -1, dtype=np.int64)
        if "ans" in names:
            labels = galaxy10.read_classes(path, file, count)
        numbers = {name: np.full(count, np.nan) for name in NUMBERS}
        for name in names.intersection(NUMBERS):
            numbers[name] = galaxy10.read_numbers(path, file, name, count)
    ra, dec = known_places(numbers["ra"], numbers["dec"])
    status = path.stat()
    digest = content_hashes(path.resolve(), [""], [status])[0].hex()
    return Dataset(
        name=path.stem,
        reader=FluxFileReader(path.resolve(), planes, bands, (status.st_size, status.st_mtime_ns)),
        rows=np.arange(count, dtype=np.int64),
        ids=np.arange(count).astype(str),
        labels=labels,
        classes=galaxy10.CLASSES if "ans" in names else (),
        ra=ra,
        dec=dec,
        redshift=numbers["redshift"],
        source_hash=f"{digest} {' '.join(bands)}{packed}",
        notes=sentences(
            "" if named else UNNAMED.format(", ".join(bands)),
            *(doubt, none, doubtful_positions(ra, dec)),
            *(doubtful_redshifts(numbers["redshift"]), *galaxy10.unread(path)),
        ),
    )


def _check_cubes(path: Path, images: h5py.Dataset) -> None:
    shape, most = images.shape, galaxy10.MAX_SIDE
    if (
        len(shape) != 4
        or not 1 <= shape[0] <= galaxy10.MAX_GALAXIES
        or not 1 <= shape[1] <= MAX_BANDS
        or not (1 <= shape[2] <= most and 1 <= shape[3] <= most)
    ):
        raise DataError(
            f"{path.name}: 'images' is {shape}; with bands it must be (n, bands, height, width), "
            f"of 1 to {MAX_BANDS} bands and up to {most} pixels."
        )


def _check_defined(
    path: Path, images: h5py.Dataset, planes: tuple[int, ...], bands: tuple[str, ...]
) -> str:
    """Refuse images that have no value in a band, in no row; a row without is named when read. Of
    very many pixels some rows are looked at, all over the file: a sentence where these have none.
    """
    count, pixels = len(images), images.shape[2] * images.shape[3]
    step = max(1, AT_ONCE // pixels)
    starts = range(0, count, step)
    most = max(1, LOOKED_AT // (pixels * len(bands) * step))
    starts = starts[:: -(-len(starts) // most)]
    empty = []
    for band, plane in zip(bands, planes, strict=True):
        parts = (images[row : row + step, plane] for row in starts)
        if not any(np.isfinite(galaxy10.unpacked(path, images, part)).any() for part in parts):
            empty.append(band)
    if not empty:
        return ""
    seen, names = sum(min(step, count - row) for row in starts), ", ".join(empty)
    if seen == count:
        raise DataError(
            f"{path.name}: 'images' has no defined pixel in {names}; look at its fill value and "
            "valid range."
        )
    return (
        f"No pixel is defined in {names} in any of the {seen:,} of {count:,} images that were "
        "looked at; look at the fill value and the valid range of 'images'."
    )


def _planes(
    path: Path, images: h5py.Dataset, file: h5py.File, bands: tuple[str, ...]
) -> tuple[tuple[int, ...], bool]:
    """Return which plane of the file each band is, and whether the file names them."""
    from astrojepa.data.images.bands import planes_of

    count = images.shape[1]
    found = _names(path, images, count) or _names(path, file, count)
    places = planes_of(bands, found, count)
    if places is None:
        has = ", ".join(found) if found else f"{count} bands without names"
        raise DataError(f"{path.name} has {has}; expected the bands {', '.join(bands)}.")
    return tuple(places), found is not None


def _names(path: Path, item: h5py.Dataset | h5py.File, count: int) -> list[str] | None:
    """Return the names in the attribute `bands`, None where it is missing.

    Text of variable length is refused: the HDF5 library follows damaged ones without end.
    """
    if "bands" not in item.attrs:
        return None
    attribute = item.attrs.get_id("bands")
    shape, kind = attribute.shape, attribute.dtype
    if shape != (count,) or kind.kind != "S" or kind.itemsize > LONGEST_NAME:
        raise DataError(
            f"{path.name}: the attribute 'bands' is {kind} {shape}; expected {count} texts of "
            f'fixed length, as numpy.array(["g", "r"], "S8").'
        )
    values = np.zeros(shape, kind)
    attribute.read(values)
    return [value.decode("utf-8", "replace") for value in values.tolist()]
