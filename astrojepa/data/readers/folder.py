"""A folder of images as a data set: with labels.csv, with sub-folders named by class, or bare."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from astrojepa.cache import cache_path, load_arrays, save_arrays
from astrojepa.data import DataError, PictureError
from astrojepa.data.content import content_hashes
from astrojepa.data.dataset import Dataset
from astrojepa.data.images import FITS_SUFFIXES, IMAGE_SUFFIXES
from astrojepa.data.images.bands import wavelength
from astrojepa.data.images.called import perhaps_beside
from astrojepa.data.images.raster import read_image
from astrojepa.data.missing import doubtful_commas
from astrojepa.data.readers.labels import (
    COLOURS,
    SPLITS,
    TABLES,
    coordinate_columns,
    doubts_of,
    encode_labels,
    find_column,
    find_table,
    keep_where,
    linked_folders,
    list_pictures,
    name_galaxies,
    of_one_galaxy,
    of_one_name,
    read_labels,
    split_names,
    walk,
)
from astrojepa.data.readers.parquet import is_table
from astrojepa.data.readers.registry import Selection, reader
from astrojepa.data.readers.rows import readable_rows
from astrojepa.progress import Listener, reporting
from astrojepa.wording import first_of, sentences

if TYPE_CHECKING:
    from astrojepa.data.images.fits import Sky

LEAST_UNCOVERED = 1e-3  # of an image, worth a word
SAME_ZERO = 1e-3  # magnitudes
TEXTS = ("unit", "masks", "zero_points")  # of what a header tells
BAND = "{band}"  # in the name of a file for each band
SUFFIXES = IMAGE_SUFFIXES + FITS_SUFFIXES
SUFFIX = re.compile(f"({'|'.join(map(re.escape, SUFFIXES))})$", re.IGNORECASE)
# what an id has not: the band, and the suffix where the band is all of a name
OF_BAND = re.compile(rf"/\{{band\}}{SUFFIX.pattern}|[-_.]\{{band\}}|\{{band\}}[-_.]", SUFFIX.flags)
LONGEST_FILTER = 6  # letters, as of F1000W
NO_FILTER = re.compile(r"\W?|\d+|[a-z]\d", re.IGNORECASE)  # between names; b1 and m3 are names too
MASK, NO_BANDS = "called masks or the like of images", "of no galaxy with all bands"
OTHER_TABLES = (".csv", ".tsv", ".ecsv", ".vot", ".parquet", ".xlsx")


@dataclass(frozen=True)
class FolderReader:
    """Decodes one file per image, as long as it stays as it was when it was opened; row numbers
    count the rows of labels.csv, or the sorted files where there is none.
    """

    root: Path
    files: tuple[str, ...]
    seen: dict[str, tuple[int, int]] = field(default_factory=dict)  # bytes, ns of the last change

    def read(self, row: int) -> np.ndarray:
        """Return an image as uint8 (H, W, 3); DataError for a damaged, changed or missing file."""
        name = self.files[row]
        with self._unchanged(name):
            if name.lower().endswith(FITS_SUFFIXES):
                from astrojepa.data.images.fits import read_fits

                return read_fits(self.root / name, name)[0]
            return read_image(self.root / name, name)

    @contextlib.contextmanager
    def _unchanged(self, name: str) -> Iterator[None]:
        """Raise DataError where a file was changed since it was opened, or is gone."""
        try:
            status = os.stat(f"{self.root}/{name}")  # noqa: PTH116
            if self.seen.get(name, _age(status)) != _age(status):
                raise DataError(f"{name} was changed after it was opened; open {self.root} again.")
            yield
        except OSError as error:
            raise DataError(
                f"{name} cannot be read any more ({error.strerror or error}); is {self.root} still "
                f"whole?"
            ) from error


@dataclass(frozen=True)
class FluxFolderReader(FolderReader):
    """Reads flux of FITS images: a file per galaxy, or per band, named with {band} in its place."""

    bands: tuple[str, ...] = ()

    def flux(self, row: int) -> np.ndarray:
        """Return the flux as float32 (H, W, C); DataError as `read`, or where a band is missing."""
        from astrojepa.data.images.fits import filled, read_flux, read_plane
        from astrojepa.data.images.grids import on_one_grid

        name, planes = self.files[row], []
        if BAND not in name:
            with self._unchanged(name):
                return read_flux(self.root / name, self.bands, name)
        for band in self.bands:
            file = name.replace(BAND, band)
            with self._unchanged(file):
                planes.append(read_plane(self.root / file, band, file))
        return filled(on_one_grid(planes, name), name, self.bands)

    def read(self, row: int) -> np.ndarray:
        """Return an RGB image of the bands, uint8 (H, W, 3), by their wavelengths."""
        from astrojepa.data.images.fits import shown

        return shown(self.flux(row), self.bands)


def _age(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns


def _is_folder(source: str) -> bool:
    return Path(source).is_dir() and not is_table(source)


@reader("a folder of images", _is_folder, selects=True, gives_flux=True)
def _open(source: str, selection: Selection, progress: Listener) -> Dataset:
    chosen = (dict(selection.where), selection.label_column, selection.skip_corrupt)
    return open_folder(source, *chosen, progress, selection.bands)


def open_folder(
    path: str | Path,
    where: Mapping[str, str] | None = None,
    label_column: str | None = None,
    skip_corrupt: bool = False,
    progress: Listener = False,
    bands: tuple[str, ...] = (),
) -> Dataset:
    """Open the images of a folder; no image is decoded, except with `skip_corrupt`.

    With `bands` every image is FITS and has them: as planes, as extensions, or as one file for each
    band, named alike but for the band (galaxy_g.fits, galaxy_r.fits); a row of the table then
    names any of its files, or galaxy_{band}.fits.

    labels.csv or labels.tsv: one row per image, column `file`, optional `id` (else the file),
    `ra`, `dec` (degrees), `redshift`, `split`, in any letters and as other catalogues call them
    (`labels.NAMES`); the class is `label_column`, else `label`, else `morphology`, else `class`.
    What says that a value is missing (`missing.WORDS`, -99, -9999) is unknown. Without a table,
    sub-folders are split and classes (`list_pictures`). Classes are sorted, of the kept rows. FITS
    headers give coordinates where the table has none. `table` keeps every column as text.
    `source_hash` covers the table and every byte of the kept files. `notes` say what was left out
    or could not be told.

    Raises DataError for a missing column or file, a path that leaves the folder, no image at all,
    or no row left by `where`.
    """
    root = Path(path).resolve()
    table, raw = read_labels(root, Path(path).absolute()) or list_pictures(root, SUFFIXES)
    table = table.assign(file=_as_on_disk(root, table["file"]))
    listed = set(table["file"])
    table, lacking = _one_row_per_galaxy(root, table, bands) if bands else (table, "")
    said_by = (find_table(root) or Path(TABLES[0])).name
    rows = keep_where(table, dict(where or {}), str(path), said_by)
    files = tuple(table["file"].tolist())
    names = _all_files([files[row] for row in rows.tolist()], bands)
    statuses = _check_files(root, names)
    hashes = content_hashes(root, names, statuses, progress)
    seen = {name: _age(status) for name, status in zip(names, statuses, strict=True)}
    reader = (
        FluxFolderReader(root, files, seen, bands) if bands else FolderReader(root, files, seen)
    )
    listing = "\n".join(f"{n}\t{h.hex()}" for n, h in zip(names, hashes, strict=True))
    rows, skipped = readable_rows(reader, rows, progress) if skip_corrupt else (rows, ())
    kept = table.iloc[rows].reset_index(drop=True)
    labels, classes, said = encode_labels(kept, label_column, said_by)
    ra, dec, redshift = coordinate_columns(kept, said_by)
    listing += "".join(f"\n{band}" for band in bands)
    source_hash = hashlib.sha256(raw + listing.encode("utf-8", "surrogateescape")).hexdigest()
    told, changes = _fill_from_headers(reader, rows, ra, dec, source_hash, progress)
    for changed in changes:  # what was shown of such files before is in the cache
        source_hash = hashlib.sha256(f"{source_hash} {changed}".encode()).hexdigest()
    named = kept[find_column(kept, "id") or "file"].unique()
    alike = [SUFFIX.pattern] * (find_table(root) is None) + [OF_BAND.pattern] * bool(bands)
    twice = of_one_name(named, re.compile("|".join(alike), SUFFIX.flags) if alike else None)
    left_out = _left_out(root, set(_all_files(files, bands)), listed)
    by_name = dict(zip(names, hashes, strict=True))
    again = "" if bands else _in_two_classes(kept["file"], labels, by_name)
    ids = name_galaxies(kept, said_by)
    return Dataset(
        root.name,
        reader,
        rows,
        _without_band(ids) if bands else ids,
        labels,
        classes,
        *(ra, dec, redshift),
        source_hash=source_hash,
        split_column=split_names(kept),
        table=kept,
        skipped=skipped,
        notes=sentences(
            *(said, *doubts_of(kept, list(kept.columns), ra, dec, redshift)),
            *(doubtful_commas(kept), *told),
            *(twice, of_one_galaxy(ids, ra, dec), again, lacking, left_out),
            "" if find_table(root) else _perhaps_noise(files),
            "" if find_table(root) else _folders_of_one(labels, classes),
            "" if find_table(root) else _folders_alike(kept),
            _filters_apart(kept["file"].tolist()),
        ),
    )


def _as_on_disk(root: Path, files: pd.Series) -> pd.Series:
    """Return the names of files as the disk has them: macOS writes accents apart from letters."""
    if "".join(files).isascii():
        return files
    there = {name for name in walk(root) if not name.isascii()}
    known = {unicodedata.normalize("NFC", name): name for name in there}
    return files.map(
        lambda name: name if name in there else known.get(unicodedata.normalize("NFC", name), name)
    )


def _one_row_per_galaxy(
    root: Path, table: pd.DataFrame, bands: tuple[str, ...]
) -> tuple[pd.DataFrame, str]:
    """Join the rows of files that are named alike but for a band into one, file name with {band}.
    Without a table, files that have no such name with all bands are left out where others have;
    the sentence says which galaxies lack a band.

    DataError for files that are not FITS.
    """
    others = [name for name in table["file"] if not name.lower().endswith(FITS_SUFFIXES)]
    if others:
        raise DataError(
            f"bands are read from FITS images, and {first_of(others)} is none; leave out the "
            f"bands, or the file."
        )
    any_band = "|".join(map(re.escape, sorted(bands, key=len, reverse=True)))
    # the last part of the name, before its suffixes
    last = re.compile(rf"^(.*[-_.])({any_band})(\.[^/]*)$")
    patterns = table["file"].str.replace(last, rf"\1{BAND}\3", regex=True)
    # or another part, where all bands are there
    part = re.compile(rf"(^|.*[-_./])({any_band})([-_.][^/]*)")
    there = set(table["file"])
    parted = {}  # lacking a band or not
    for row, name in patterns[patterns == table["file"]].items():
        other = part.sub(rf"\1{BAND}\3", name) if part.fullmatch(name) else name
        if BAND in other and there.issuperset(_all_files([other], bands)):
            patterns[row] = other
        parted[name] = other
    whole = {p for p in patterns.unique() if BAND in p and there.issuperset(_all_files([p], bands))}
    table, kept = table.assign(file=patterns), ~patterns.duplicated() | (patterns == table["file"])
    if find_table(root) or not whole:
        return table[kept].reset_index(drop=True), ""
    lacking = {parted.get(name, name) for name in patterns if name not in whole}
    said = _lacking(sorted(name for name in lacking if BAND in name), bands, there)
    found = table[kept & patterns.isin(whole)].reset_index(drop=True)
    # the folder of the files that are called as a band alone
    folder = found["file"].str.extract(rf"([^/]+)/\{{band\}}{SUFFIX.pattern}", SUFFIX.flags)[0]
    own = folder.dropna()
    if "label" in found and own.is_unique and {*own, ""} >= set(found["label"]):  # one per galaxy
        found = found.drop(columns="label")
    return found, said


def _lacking(patterns: Sequence[str], bands: tuple[str, ...], there: set[str]) -> str:
    """Say for each band how many galaxies have no file of it, and which."""
    said = []
    for band in bands:
        names = [name for name in patterns if name.replace(BAND, band) not in there]
        if names:
            who = "1 galaxy lacks" if len(names) == 1 else f"{len(names):,} galaxies lack"
            said.append(f"{who} {band}: {first_of(_without_band(np.array(names)).tolist())}.")
    return " ".join(said)


def _without_band(ids: np.ndarray) -> np.ndarray:
    """Return ids without the band, and without the suffix where the band is all of a name."""
    return np.array([OF_BAND.sub("", name) for name in ids.tolist()])


def _all_files(names: Sequence[str], bands: tuple[str, ...]) -> list[str]:
    """Return the files behind names, of which some have {band}."""
    return [
        name.replace(BAND, band)
        for name in names
        for band in (bands if bands and BAND in name else (BAND,))
    ]


def _in_two_classes(files: pd.Series, labels: np.ndarray, hashes: Mapping[str, bytes]) -> str:
    """Say which files of equal content have different labels."""
    seen: dict[bytes, tuple[str, int]] = {}
    found = []
    for file, label in zip(files.tolist(), labels.tolist(), strict=True):
        if label >= 0:
            other, known = seen.setdefault(hashes[file], (file, label))
            if known != label:
                found.append(f"{other} and {file}")
    if not found:
        return ""
    return (
        f"Files of equal content have different labels: {len(found):,} ({found[0]}); keep one of "
        "each."
    )


def _folders_of_one(labels: np.ndarray, classes: Sequence[str]) -> str:
    """Say which folders, read as classes, have one galaxy."""
    counts = np.bincount(labels[labels >= 0], minlength=len(classes))
    alone = [name for name, count in zip(classes, counts.tolist(), strict=True) if count == 1]
    if not alone:
        return ""
    return (
        f"Folders are read as classes, and {len(alone):,} of {len(classes):,} have one galaxy each "
        f"({first_of(alone)}); if they are galaxies, name their classes in {TABLES[0]}."
    )


def _folders_alike(table: pd.DataFrame) -> str:
    """Say where folders that are read as classes all hold the same folders, as those of surveys
    hold classes.
    """
    below: dict[str, set[str]] = {}
    for file, name in zip(table["file"], table.get("label", ()), strict=False):
        if name:
            folders = file.split("/")[:-1]
            inside = folders[folders.index(name) + 1 :]
            below.setdefault(name, set()).add(inside[0] if inside else "")
    first = next(iter(below.values()), set())
    if len(below) < 2 or len(first) < 2 or any(names != first for names in below.values()):
        return ""
    if "" in first or {name.lower() for name in first} <= set(SPLITS):
        return ""
    return (
        f"Folders are read as classes ({first_of(sorted(below))}), and each holds the same folders "
        f"({first_of(sorted(first))}); if these are the classes, name them in {TABLES[0]}."
    )


def _filters_apart(files: Sequence[str]) -> str:
    """Say where at least half of the files have names that differ only in a filter."""
    alike: dict[str, list[tuple[str, str]]] = {}
    known: dict[str, bool] = {}
    for file in files:
        parts = re.split(r"([-_./])", SUFFIX.sub("", file))
        for place, part in enumerate(parts):
            if len(part) > LONGEST_FILTER:
                continue
            if part not in known:
                no_filter = NO_FILTER.fullmatch(part) or part.lower() in COLOURS
                known[part] = not no_filter and wavelength(part) is not None
            if known[part]:
                rest = "".join([*parts[:place], "*", *parts[place + 1 :]])
                alike.setdefault(rest, []).append((part, file))
    several = [found for found in alike.values() if len({part for part, _ in found}) > 1]
    if 2 * len({file for found in several for _, file in found}) < max(1, len(files)):
        return ""
    names = first_of([file for _, file in several[0]])
    lengths = {part: wavelength(part) or 0 for part, _ in several[0]}
    bands = " ".join(sorted(lengths, key=lengths.__getitem__))
    return (
        f"Files whose names differ only in a filter ({names}) count as a galaxy each; FITS images "
        f"are read as one if you name their bands (--bands {bands})."
    )


def _perhaps_noise(files: Sequence[str]) -> str:
    """Say which images may be the noise of others by their names."""
    if found := perhaps_beside([SUFFIX.sub("", name) for name in files]):
        return (
            f"Called like the noise of another image, and taken as a galaxy: {first_of(found)}; "
            "take it out of the folder if it shows none."
        )
    return ""


def _left_out(root: Path, read: set[str], listed: set[str]) -> str:
    """Say how many files of a folder are not read, and of which kind; the table is. Without a
    table, images that were `listed` lack a band.
    """
    table = find_table(root)
    others = [name for name in walk(root) if name not in read and root / name != table]
    kinds = Counter(_kind(name, table is not None, name in listed) for name in others)
    said = []
    if kinds:
        counted = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common(6))
        said.append(f"{len(others):,} other files in {root.name} are not read ({counted}).")
    for kind in (MASK, NO_BANDS) if table is None else ():
        if names := [name for name in others if _kind(name, False, name in listed) == kind]:
            kept = "; rename what shows galaxies" if kind == MASK else ""
            said.append(f"{kind.capitalize()}: {first_of(sorted(names))}{kept}.")
    if table is None and (links := linked_folders(root)):
        said.append(
            f"Folders that are links are not followed ({first_of(links)}); copy them, or open what "
            "they lead to."
        )
    return " ".join(said)


def _kind(name: str, in_table: bool, listed: bool) -> str:
    suffix = PurePosixPath(name).suffix.lower()
    if name.lower().endswith(SUFFIXES):
        return "in no row of the table" if in_table else NO_BANDS if listed else MASK
    return f"table {name}" if suffix in OTHER_TABLES else suffix or "without a suffix"


def _check_files(root: Path, files: Sequence[str]) -> list[os.stat_result]:
    """Return the state of every file; each must be an image inside the folder, links followed."""
    inside: dict[str, bool] = {}  # by folder, so that only links cost a look-up per file
    found, missing, outside, foreign = [], [], [], []
    for name in files:
        folder = name.rpartition("/")[0]
        if folder not in inside:
            inside[folder] = _is_inside(root, folder)
        if not name.lower().endswith(SUFFIXES):
            foreign.append(name)
            continue
        if not inside[folder]:
            outside.append(name)
            continue
        try:
            status = os.lstat(f"{root}/{name}")
            if stat.S_ISLNK(status.st_mode):
                if not _is_inside(root, name):
                    outside.append(name)
                    continue
                status = os.stat(f"{root}/{name}")  # noqa: PTH116  (strings: pathlib takes a second per 10,000 files)
        except (OSError, ValueError):
            missing.append(name)
            continue
        if stat.S_ISREG(status.st_mode):
            found.append(status)
        else:
            foreign.append(name)
    _complain(root, len(files), missing, outside, foreign)
    return found


def _complain(
    root: Path, total: int, missing: Sequence[str], outside: Sequence[str], foreign: Sequence[str]
) -> None:
    table = find_table(root)
    source = table.name if table else root.name
    if outside:
        names = "names files outside" if table else "holds links to files outside"
        raise DataError(f"{source} {names} {root}: {first_of(outside)}. Copy them into the folder.")
    if foreign:
        raise DataError(
            f"{source} names files that are not JPEG, PNG or FITS: {first_of(foreign)}. Convert or "
            f"remove them."
        )
    if missing:
        raise DataError(
            f"{len(missing)} of {total} files of {source} are missing in {root}: "
            f"{first_of(missing)}. Add the files, or remove their rows."
        )


def _is_inside(root: Path, name: str) -> bool:
    if "\0" in name or name.startswith("/") or ".." in name.split("/"):
        return False
    try:
        return (root / name).resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # a loop of links
        return False


def _fill_from_headers(
    reader: FolderReader,
    rows: np.ndarray,
    ra: np.ndarray,
    dec: np.ndarray,
    source_hash: str,
    progress: Listener,
) -> tuple[list[str], list[str]]:
    """Write the sky position of FITS images into `ra` and `dec` where both are unknown; say whose
    bands have no names, are resampled, are not shown, or are in other units than others; and in
    words how images are read otherwise than before (`Sky.anew`).
    """
    bands = reader.bands if isinstance(reader, FluxFolderReader) else ()
    names = [reader.files[row] for row in rows.tolist()]
    places = [place for place, name in enumerate(names) if name.lower().endswith(FITS_SUFFIXES)]
    if not places:
        return [], []
    from astrojepa.data.images.grids import one_unit  # astropy

    fits = [names[place] for place in places]
    told = _headers(reader.root, fits, source_hash, progress, bands)
    unnamed, resampled, uncovered = told["unnamed_bands"], told["resampled"], told["uncovered"]
    left_out, others = told["left_out"], told["others"]
    unknown = np.isnan(ra[places]) & np.isnan(dec[places])
    ra[places] = np.where(unknown, told["ra"], ra[places])
    dec[places] = np.where(unknown, told["dec"], dec[places])
    order = ", ".join(bands)
    shown = (
        f"{first_of([fits[place] for place in np.flatnonzero(unnamed)])}: the header names no "
        f"known filters for its {len(bands) or 'three'} planes; they are "
        + (f"taken as {order}" if bands else "shown as red, green and blue")
        + " in the order of the file."
    )
    apart = (
        f"{int(resampled.sum()):,} of {len(fits):,} galaxies have bands whose pixels differ in "
        f"number, size or place; they are brought onto the finest by their WCS."
    )
    if partly := int((uncovered >= LEAST_UNCOVERED).sum()):
        apart += (
            f" In {partly:,} of them a band does not cover the whole image; what is missing, up to "
            f"{uncovered.max():.0%}, takes the median of the band."
        )
    alone = (
        f"{first_of([fits[place] for place in np.flatnonzero(left_out)])}: images in other filters "
        "are not shown beside the largest; they need a known filter, its unit, and its size or a "
        "WCS that meets its own."
    )
    further = (
        f"{first_of([fits[place] for place in np.flatnonzero(others)])}: of several images in "
        f"one filter, or in none that is named, the largest or first is shown."
    )
    counted = Counter(unit for unit in told["unit"].tolist() if unit)
    often = ", ".join(f"{count:,} in {unit}" for unit, count in counted.most_common(3))
    mixed = (
        f"Galaxies differ in the unit of their flux (BUNIT: {often}), which is read as it stands; "
        "convert it to one."
    )
    several = bool(bands) and not one_unit(list(counted))
    said = (
        *((shown, any(unnamed)), (apart, any(resampled)), (alone, any(left_out))),
        *((further, any(others)), (mixed, several)),
        (_about_zeros(told["zero_points"].tolist()), bool(bands)),
        (_about_masks(told["masks"].tolist()), True),
    )
    changes = ("resampled", any(resampled)), ("anew", any(told["anew"]))
    return [s for s, true in said if s and true], [word for word, true in changes if true]


def _about_zeros(zeros: Sequence[str]) -> str:
    """Say whether one keyword has several zero points (`_in_words`), in a galaxy or among them."""
    within = 0
    ends: dict[str, tuple[float, float]] = {}
    for said in zeros:
        words = said.split()
        differ = False
        for key, *numbers in zip(words[::3], words[1::3], words[2::3], strict=True):
            low, high = map(float, numbers)
            differ |= high - low > SAME_ZERO
            lowest, highest = ends.get(key, (low, high))
            ends[key] = min(lowest, low), max(highest, high)
        within += differ
    most = max((high - low for low, high in ends.values()), default=0.0)
    if most <= SAME_ZERO:
        return ""
    who = f"The bands of {within:,} of {len(zeros):,} galaxies" if within else "Galaxies"
    return (
        f"{who} differ in the zero point or the exposure time of their counts, by up to {most:.3g} "
        "magnitudes by their headers, which is not applied; scale the images to one."
    )


def _in_words(zeros: Sequence[tuple[str, float]]) -> str:
    """Return the keywords of zero points, each with the lowest and the highest of its values."""
    found: dict[str, list[float]] = {}
    for key, value in zeros:
        found.setdefault(key, []).append(value)
    return " ".join(f"{key} {min(values)!r} {max(values)!r}" for key, values in found.items())


def _about_masks(masks: Sequence[str]) -> str:
    """Say how many images have a mask beside them."""
    counted = Counter(filter(None, masks))
    if not counted:
        return ""
    return (
        f"{counted.total():,} of {len(masks):,} FITS images have masks or weights beside them "
        f"({counted.most_common(1)[0][0]}), which are not applied; write NaN where a pixel is bad."
    )


def _headers(
    root: Path, files: Sequence[str], source_hash: str, progress: Listener, bands: tuple[str, ...]
) -> dict[str, np.ndarray]:
    """Read FITS headers, once for a content: what `Sky` holds of each file, by name, (n,): float64,
    NaN where unknown, or str, the zero points `_in_words`.
    """
    from astrojepa.data.images.fits import Sky, reading

    key = hashlib.sha256(f"by name {source_hash} {reading()} {len(bands)}".encode())
    path = cache_path("headers", key.hexdigest()[:16])
    kinds = {item.name: "U" if item.name in TEXTS else "f" for item in fields(Sky)}  # of arrays
    known = load_arrays(path) or {}
    shapes = {name: (part.shape, part.dtype.kind) for name, part in known.items()}
    if shapes == {name: ((len(files),), kind) for name, kind in kinds.items()}:
        return known
    skies = [Sky()] * len(files)
    with reporting(progress, len(files), f"reading headers of {root.name}") as report:
        for place, name in enumerate(files):
            with contextlib.suppress(PictureError):  # named when the image is read
                skies[place] = _read_sky(root, name, bands)
            report(place + 1)
    told: dict[str, list[Any]] = {name: [getattr(sky, name) for sky in skies] for name in kinds}
    told["zero_points"] = list(map(_in_words, told["zero_points"]))
    found = {name: np.array(told[name], "U" if name in TEXTS else "f8") for name in kinds}
    save_arrays(path, **found)
    return found


def _read_sky(root: Path, name: str, bands: tuple[str, ...]) -> Sky:
    """Read what the headers of one galaxy tell, be it a file or a file for each band."""
    from astrojepa.data.images import fits, grids

    if BAND not in name:
        return fits.read_sky(root / name, bands)
    files = [root / name.replace(BAND, band) for band in bands]
    sizes, found, skies = zip(*map(fits.read_grid, files, bands), strict=True)
    zeros = tuple(zero for sky in skies for zero in sky.zero_points)
    masks = next(filter(None, (sky.masks for sky in skies)), "")
    known = [grid for grid in found if grid]
    if len(known) < len(files) or not grids.differ(sizes, found):
        return replace(skies[0], zero_points=zeros, masks=masks)
    sky = skies[known.index(grids.finest(known))]
    told = {"resampled": True, "uncovered": grids.uncovered(known)}
    return replace(sky, zero_points=zeros, masks=masks, **told)
