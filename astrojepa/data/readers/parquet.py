"""Parquet and Arrow files with an image in each row, as Hugging Face `datasets` writes them.

One file, a folder of shards, or a HATS catalogue. Images are encoded bytes (JPEG, PNG, WebP, FITS)
in a column of binary values or of structs with a field `bytes`. Only the rows asked for are read:
of Parquet the row group they lie in, of Arrow (`save_to_disk`) the memory-mapped values. With bands
the flux is read instead, as the Multimodal Universe holds it: structs of `band` and `flux`, lists.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np
import pandas as pd

from astrojepa.cache import cache_path, load_arrays, save_arrays
from astrojepa.data import DataError, PictureError
from astrojepa.data.arrow_columns import damage, holds_values, is_binary, to_frame
from astrojepa.data.arrow_messages import FILE, unpacked_bytes
from astrojepa.data.catalogue import ABOUT, check_units, in_degrees, not_read, said_of_columns
from astrojepa.data.content import ANEW, PICTURES, content_hashes
from astrojepa.data.dataset import Dataset
from astrojepa.data.hats import hats_files, is_hats
from astrojepa.data.images import FITS_SUFFIXES, IMAGE_SUFFIXES
from astrojepa.data.images.bands import planes_of
from astrojepa.data.images.orientation import orientation
from astrojepa.data.images.raster import read_image
from astrojepa.data.missing import without_missing
from astrojepa.data.parquet_footer import row_groups
from astrojepa.data.position_parts import is_sign, parts_of
from astrojepa.data.readers.labels import (
    LABEL_COLUMNS,
    SPLITS,
    coordinate_columns,
    doubts_of,
    encode_labels,
    find_column,
    find_name,
    find_table,
    keep_where,
    name_galaxies,
    named_column,
    of_one_galaxy,
    of_one_name,
    split_names,
    walk,
)
from astrojepa.data.readers.registry import Selection, reader
from astrojepa.data.readers.rows import readable_rows
from astrojepa.progress import Listener, reporting
from astrojepa.wording import one_line, sentences

if TYPE_CHECKING:
    from astrojepa.data.images.grids import Plane

WORK_FILES = "cache-"  # of `datasets`, beside the shards of `save_to_disk`
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
SUFFIXES = (".parquet", ".arrow", ".feather")
IMAGE_COLUMNS = ("image", "rgb_image", "img", "picture", "cutout", "jpg", "png", "bytes", "rgb")
NO_IMAGES = re.compile(r"mask|model|segm|psf|thumb|resid", re.IGNORECASE)  # in a column's name
FLUX_FIELDS = ("flux", "array")  # of the Multimodal Universe, in newer and older layouts
MAX_ROWS = 20_000_000
MAX_GROUP_BYTES = 2**30  # of the images of one row group, unpacked
MAX_TEXT_BYTES = 2**31  # of all other columns of a shard, or of a packed Arrow file, unpacked
KEPT_GROUPS = 2
OTHERWISE = ("", "turned", "anew", "resampled")  # than by older versions
UTF8 = "utf-8", "surrogateescape"  # of names that are not


class ParquetShard:
    """A Parquet file: its images are unpacked a row group at a time, and two of these are kept."""

    def __init__(self, path: Path, flux: bool) -> None:
        from astrojepa.data.parquet_file import CheckedParquet

        groups = row_groups(path)  # pyarrow would end the process on a damaged footer
        self.path = path
        self.file = CheckedParquet(path, [group.chunks for group in groups])
        self.schema = self.file.schema_arrow
        self.column = (flux_column if flux else image_column)(self.schema, path)
        self.starts = np.cumsum([0, *(group.rows for group in groups)])
        images = [group.unpacked[self.column] for group in groups]
        others = sum(group.unpacked.total() for group in groups) - sum(images)
        check_bytes(path, "a row group of its images", max(images, default=0), MAX_GROUP_BYTES)
        check_bytes(path, "its other columns", others, MAX_TEXT_BYTES)
        self._groups: dict[int, Any] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return int(self.starts[-1])

    def table(self, columns: list[str]) -> Any:
        """Read columns without images."""
        found = self.file.read(columns)
        found.validate(full=True)
        if columns and len(found) != len(self):
            raise ValueError(f"{len(found)} of {len(self)} rows")
        return found

    def image(self, row: int) -> Any:
        """Return the value of the image column."""
        number = int(np.searchsorted(self.starts, row, "right")) - 1
        with self._lock:
            if number not in self._groups:
                while len(self._groups) >= KEPT_GROUPS:
                    del self._groups[next(iter(self._groups))]
                group = self.file.read_row_group(number, [self.column])
                group.validate(full=True)
                self._groups[number] = group.column(self.column)
            return self._groups[number][row - int(self.starts[number])]

    def images(self) -> Iterator[Any]:
        """Yield the image column, a row group at a time."""
        for number in range(len(self.starts) - 1):
            group = self.file.read_row_group(number, [self.column])
            group.validate(full=True)
            yield group.column(self.column)


class ArrowShard:
    """An Arrow file, mapped into memory: the stream of `save_to_disk`, or a Feather 2 file."""

    def __init__(self, path: Path, flux: bool) -> None:
        import pyarrow as pa

        content = pa.memory_map(str(path))
        start = len(FILE) if content.read(len(FILE)) == FILE else 0
        content.seek(start)
        check_bytes(path, "its packed values", unpacked_bytes(content), MAX_TEXT_BYTES)
        content.seek(start)
        self.whole = pa.ipc.open_stream(content).read_all()
        self.whole.validate(full=True)  # a damaged offset must not lead out of the file
        self.path, self.schema = path, self.whole.schema
        self.column = (flux_column if flux else image_column)(self.schema, path)

    def __len__(self) -> int:
        return int(self.whole.num_rows)

    def table(self, columns: list[str]) -> Any:
        """Return columns without images."""
        return self.whole.select(columns)

    def image(self, row: int) -> Any:
        """Return the value of the image column."""
        return self.whole.column(self.column)[row]

    def images(self) -> Iterator[Any]:
        """Yield the image column."""
        yield self.whole.column(self.column)


@dataclass
class RowReader:
    """Decodes the image of a row; row numbers count through all shards."""

    root: Path
    shards: list[Any]
    files: tuple[str, ...]  # a name for each row
    ages: list[tuple[int, int]]  # bytes, ns of the last change of each shard
    starts: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.starts = np.cumsum([0, *map(len, self.shards)])

    def value(self, row: int) -> Any:
        """Return what the column holds; DataError where it is damaged, changed or gone."""
        number = int(np.searchsorted(self.starts, row, "right")) - 1
        shard = self.shards[number]
        with damage(f"{self.files[row]} cannot be read", 100):
            status = shard.path.stat()
            if (status.st_size, status.st_mtime_ns) != self.ages[number]:
                raise DataError(
                    f"{shard.path.name} was changed after it was opened; open it again."
                )
            return shard.image(row - int(self.starts[number]))

    def read(self, row: int) -> np.ndarray:
        """Return an image as uint8 (H, W, 3); DataError where it is damaged, changed or gone."""
        return picture(self.value(row), self.files[row])


@dataclass
class FluxRowReader(RowReader):
    """Reads the flux of bands from each row."""

    bands: tuple[str, ...] = ()

    def flux(self, row: int) -> np.ndarray:
        """Return the flux as float32 (H, W, C); DataError where it is damaged, changed or gone."""
        return _flux(self.value(row), self.files[row], self.bands)

    def fields(self) -> set[str]:
        """Return the names of what there is of each band, such as scale, ivar and mask."""
        return set().union(*(band_fields(one.schema.field(one.column).type) for one in self.shards))

    def resampled(self, row: int) -> str:
        """Say whether the bands of a row are brought onto one grid, and what is missing then."""
        from astrojepa.data.images.grids import differ, uncovered

        grids = [plane.grid for plane in _planes(self.value(row), self.files[row], self.bands)]
        known = [grid for grid in grids if grid]
        if len(known) < len(grids) or not differ([grid.shape for grid in known], known):
            return ""
        return (
            f"The bands of {self.files[row]} have pixels of different number or size, and so may "
            f"others; they are brought onto the finest by their scale, with one centre. There "
            f"{uncovered(known):.0%} of a band is missing, at most, and takes its median."
        )

    def read(self, row: int) -> np.ndarray:
        """Return an RGB image of the bands, uint8 (H, W, 3), by their wavelengths."""
        from astrojepa.data.images.fits import shown

        return shown(self.flux(row), self.bands)


def encoded(value: Any) -> bytes:
    """Return the encoded image that a value holds, empty where it has none."""
    content = value.as_py()
    return (content.get("bytes") if isinstance(content, dict) else content) or b""


def picture(value: Any, name: str) -> np.ndarray:
    """Decode a value of a column of images, uint8 (H, W, 3); PictureError names what is wrong."""
    content = encoded(value)
    if not content:
        raise PictureError(f"{name} holds no image.")
    from astrojepa.data.images.fits import is_fits, read_fits  # astropy

    return read_fits(content, name)[0] if is_fits(content[:16]) else read_image(content, name)


def _read_otherwise(images: RowReader, listing: str, progress: Listener) -> str:
    """Say how some image is read otherwise than by older versions, whose frames may be cached; ""
    for none. Images are looked at up to the first, once for a content and, of FITS, for the program
    that reads it; none is decoded.
    """
    path = cache_path("otherwise", hashlib.sha256(listing.encode(*UTF8)).hexdigest()[:16])
    known = {name: str(array) for name, array in (load_arrays(path) or {}).items()}
    program = known.get("program")
    if known.get("word") in OTHERWISE and program in ("", _program(program)):
        return known["word"]
    word, others, whole = "", False, True
    with reporting(progress, int(images.starts[-1]), f"looking at {images.root.name}") as report:
        for seen, content in enumerate(_contents(images), 1):
            if content is None:
                whole = False
                continue
            others |= not content.startswith(PICTURES)
            if word := _otherwise(content):
                break
            if seen % 1000 == 0:
                report(seen)
    if word or whole:
        save_arrays(path, word=np.array(word), program=np.array(_program(others)))
    return word


def _contents(images: RowReader) -> Iterator[bytes | None]:
    """Yield the encoded images up to the first damage of each shard, and None for this."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for shard in images.shards:
        # a damaged image is named when it is read; pyarrow raises a dozen kinds
        try:
            for column in shard.images():
                struct = pa.types.is_struct(column.type)
                for one in pc.struct_field(column, "bytes") if struct else column:
                    yield one.as_py() or b""
        except Exception:
            yield None


def _otherwise(content: bytes) -> str:
    if content.startswith(PICTURES):
        return "turned" if orientation(content) > 1 else "anew" if ANEW.match(content) else ""
    from astrojepa.data.images.fits import is_fits, shown_otherwise

    with contextlib.suppress(Exception):  # a damaged image is named when it is read
        return shown_otherwise(content) if is_fits(content[:16]) else ""
    return ""


def _program(fits: object) -> str:
    if not fits:
        return ""
    from astrojepa.data.images.fits import reading  # astropy

    return reading()


def flux_image(value: Any, name: str, bands: tuple[str, ...]) -> np.ndarray:
    """Make an image of a value of a column of flux, uint8 (H, W, 3), as `FluxRowReader` does."""
    from astrojepa.data.images.fits import shown

    return shown(_flux(value, name, bands), bands)


def _flux(value: Any, name: str, bands: tuple[str, ...]) -> np.ndarray:
    from astrojepa.data.images.fits import filled
    from astrojepa.data.images.grids import on_one_grid

    return filled(on_one_grid(_planes(value, name, bands), name), name, bands)


def _planes(value: Any, name: str, bands: tuple[str, ...]) -> list[Plane]:
    """Return the flux of bands of a struct of lists or a list of structs, NaN where `ivar`, the
    inverse variance, is not above 0: nothing was measured there. Where the planes differ in their
    number of pixels, or in `scale`, arcseconds per pixel, they have grids by that.

    `mask` is not read: its True means a good pixel to some and a bad one to others.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from astrojepa.data.images.grids import Plane, centred_grid

    try:
        names = _of_bands(value, "band").to_pylist()
        planes = _stored(_of_bands(value, flux_field(band_fields(value.type))))
        ivar = _of_bands(value, "ivar")
        weights = None if ivar is None else _stored(ivar)
        scales = _scales(value, len(planes))
        rows = planes.flatten()
        heights, widths = (set(pc.list_value_length(lists).to_pylist()) for lists in (planes, rows))
        one_size, one_scale = len(heights) == len(widths) == 1, len(set(scales)) == 1
        if len(names) != len(planes) or not len(planes):
            raise ValueError("another number of names than of planes")
        if not one_size and one_scale and np.isnan(scales[0]):
            raise ValueError("nothing says how they lie on each other")
        found = list(map(str, names))
        places = planes_of(bands, found, len(found))
        chosen = [_numbers(planes[place]) for place in places or []]
        for plane, place in zip(chosen, places or [], strict=True):
            if weights is not None and weights[place].is_valid:
                plane[~(_numbers(weights[place]) > 0)] = np.nan
    # a missing value, planes of unequal sizes, other kinds of values
    except (
        AttributeError,
        KeyError,
        TypeError,
        ValueError,
        IndexError,
        pa.ArrowException,
    ) as error:
        raise PictureError(
            f"{name} holds no flux of bands of one size, or an ivar of another."
        ) from error
    if places is None:
        raise PictureError(f"{name} has {', '.join(found)}; expected the bands {', '.join(bands)}.")
    if one_size and one_scale:
        return [Plane(values, None) for values in chosen]
    return [
        Plane(values, centred_grid(values.shape, scales[place]))
        for values, place in zip(chosen, places, strict=True)
    ]


def _numbers(plane: Any) -> np.ndarray:
    """Return a list of rows as float64 (H, W); ValueError where these are not alike."""
    import pyarrow.compute as pc

    rows = plane.values
    numbers = rows.flatten().to_numpy(zero_copy_only=False).astype(np.float64)
    if len(set(pc.list_value_length(rows).to_pylist())) != 1:
        raise ValueError("rows of unequal length")
    return numbers.reshape(len(rows), -1)


def band_fields(kind: Any) -> set[str]:
    """Return the names of what there is of each band, beside its flux."""
    import pyarrow as pa

    kind = kind if pa.types.is_struct(kind) else kind.value_type
    return {field.name for field in kind}


def flux_field(fields: Set[str]) -> str:
    """Return which of what there is of each band is its flux, "" without one."""
    return next((name for name in FLUX_FIELDS if name in fields), "")


def _of_bands(value: Any, name: str) -> Any:
    """Return what there is of each band under a name, None where it is not given."""
    import pyarrow as pa

    if name not in band_fields(value.type):
        return None
    if pa.types.is_struct(value.type):
        return value[name].values if value[name].is_valid else None
    return value.values.field(name)


def _stored(planes: Any) -> Any:
    """Return planes as lists, which `datasets`, where it is imported, makes arrays of its own."""
    import pyarrow as pa

    return planes.storage if isinstance(planes.type, pa.BaseExtensionType) else planes


def _scales(value: Any, count: int) -> list[float]:
    """Return the arcseconds per pixel of each plane, NaN where they are not given."""
    found = _of_bands(value, "scale")
    given = None if found is None else found.to_pylist()
    numbers = [isinstance(scale, int | float) for scale in given or ()]
    if given and len(numbers) == count and all(numbers):
        return list(map(float, given))
    return [np.nan] * count


def is_table(source: str) -> bool:
    """Whether a source is a Parquet or Arrow file, a folder of such alone, or a HATS catalogue."""
    path = Path(source)
    if path.is_file():
        return path.suffix.lower() in SUFFIXES
    if is_hats(path):
        return True
    if not path.is_dir() or find_table(path):
        return False
    found = False
    for name in map(str.lower, walk(path)):
        if name.endswith(IMAGE_SUFFIXES + FITS_SUFFIXES):
            return False
        found = found or name.endswith(SUFFIXES)
    return found


@reader(
    "Parquet or Arrow files with images, a HATS catalogue of them",
    is_table,
    selects=True,
    gives_flux=True,
)
def open_table(source: str, selection: Selection, progress: Listener) -> Dataset:
    """Open files with an image in each row; no image is decoded, except with `skip_corrupt`.

    Columns mean what they mean in labels.csv (`labels.NAMES`). Numbers of a `ClassLabel` of
    `datasets` become its names. Files called train-, validation- and test-... are the split where
    no column is. Columns of lists and structs are left out. Raises DataError for a file without
    images, a damaged one, shards of different columns, or too much to read.
    """
    root = Path(source).resolve()
    names = table_files(root)
    paths = [root / name if name else root for name in names]
    statuses = [path.stat() for path in paths]
    bands = selection.bands
    shards = [_opened(path, bool(bands)) for path in paths]
    if sum(map(len, shards)) > MAX_ROWS:
        raise DataError(
            f"{root} has {sum(map(len, shards)):,} rows; at most {MAX_ROWS:,} are read."
        )
    table = in_degrees(_joined(root, shards, names), said_of_columns(shards[0].schema))
    check_units(table)
    text = _as_text(table, selection, root.name, _whole_numbers(shards))
    rows = keep_where(text, dict(selection.where), root.name, root.name)
    if not len(rows):
        raise DataError(f"{root} has no rows.")
    hashes = content_hashes(root, names, statuses, progress)
    listing = "".join(f"{band}\n" for band in bands) + "\n".join(
        f"{n}\t{h.hex()}" for n, h in zip(names, hashes, strict=True)
    )
    ages = [(status.st_size, status.st_mtime_ns) for status in statuses]
    given = root, shards, tuple(table["file"]), ages
    images = FluxRowReader(*given, bands=bands) if bands else RowReader(*given)
    resampled = unmasked = ""
    if isinstance(images, FluxRowReader):
        images.flux(int(rows[0]))  # bands that are not there are said at once
        resampled = images.resampled(int(rows[0]))
        # older versions took neither into account, whose frames may be cached
        listing += "\nresampled" if "scale" in images.fields() else ""
        listing += "\nivar" if "ivar" in images.fields() else ""
        if images.fields() & {"mask", "bit_mask"}:
            unmasked = "The masks of the images are not applied"
            unmasked += (
                "; pixels whose ivar is 0 are undefined." if "ivar" in images.fields() else "."
            )
    elif word := _read_otherwise(images, listing, progress):
        listing += f"\n{word}"
    skipped: tuple[str, ...] = ()
    if selection.skip_corrupt:
        rows, skipped = readable_rows(images, rows, progress)
    text = text.iloc[rows].reset_index(drop=True)
    labels, classes, said = encode_labels(text, selection.label_column, root.name)
    ra, dec, redshift = coordinate_columns(text, root.name)
    twice = of_one_name(text[column].unique()) if (column := find_column(text, "id")) else ""
    ids = name_galaxies(text, root.name)
    return Dataset(
        root.stem,
        images,
        rows,
        ids,
        labels,
        classes,
        *(ra, dec, redshift),
        source_hash=hashlib.sha256(listing.encode(*UTF8)).hexdigest(),
        split_column=split_names(text),
        table=table.iloc[rows].reset_index(drop=True),
        about=table.attrs[ABOUT],
        skipped=skipped,
        notes=sentences(
            *(said, *doubts_of(text, list(table.columns), ra, dec, redshift)),
            *(resampled, unmasked, twice),
            *(of_one_galaxy(ids, ra, dec), not_read(_unread(shards[0]))),
        ),
    )


def image_column(schema: Any, path: Path) -> str:
    """Return the column of encoded images; DataError where there is none, or two unnamed ones."""
    import pyarrow as pa

    def holds_bytes(kind: Any) -> bool:
        if pa.types.is_struct(kind):
            place = kind.get_field_index("bytes")
            return place >= 0 and holds_bytes(kind.field(place).type)
        kinds = pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view
        return any(is_kind(kind) for is_kind in kinds)

    found = [item.name for item in schema if holds_bytes(item.type)]
    named = [name for name in IMAGE_COLUMNS if name in found]
    flux = _flux_columns(schema)
    found = [name for name in found if not NO_IMAGES.search(name)] if flux else found
    if not named and len(found) != 1:
        if flux:
            raise DataError(
                f"{path.name} has no encoded images; {flux[0]} holds flux in bands, name them: "
                "--bands g r z, or bands=(...)."
            )
        columns = one_line(", ".join(f"{item.name} ({item.type})" for item in schema), 160)
        raise DataError(
            f"{path.name} has {len(found) or 'no'} columns of encoded images (found: {columns}); "
            "expected one of binary values, or of structs with a field bytes, called image."
        )
    return named[0] if named else found[0]


def flux_column(schema: Any, path: Path) -> str:
    """Return the column of flux in bands; DataError where there is none, or two unnamed ones."""
    found = _flux_columns(schema)
    named = [name for name in IMAGE_COLUMNS if name in found]
    if not named and len(found) != 1:
        raise DataError(
            f"{path.name} has {len(found) or 'no'} columns of flux; expected one of structs with "
            "lists band and flux, called image. Leave out the bands to read RGB images."
        )
    return named[0] if named else found[0]


def _flux_columns(schema: Any) -> list[str]:
    """Return the columns of structs of `band` and `flux`, or of lists of such structs."""
    import pyarrow as pa

    def holds(kind: Any) -> bool:
        if pa.types.is_list(kind) or pa.types.is_large_list(kind):
            kind = kind.value_type
        fields = {kind.field(i).name for i in range(kind.num_fields)}
        return bool(pa.types.is_struct(kind) and "band" in fields and flux_field(fields))

    return [item.name for item in schema if holds(item.type)]


def _opened(path: Path, flux: bool) -> ParquetShard | ArrowShard:
    with damage(f"{path} is no whole Parquet or Arrow file"):
        return (ParquetShard if path.suffix.lower() == ".parquet" else ArrowShard)(path, flux)


def table_files(root: Path) -> list[str]:
    """Return the shards below a folder; "" for a file."""
    if not root.is_dir():
        return [""]
    if is_hats(root):
        return [file.relative_to(root).as_posix() for file in hats_files(root)]
    names = sorted(name for name in walk(root) if name.lower().endswith(SUFFIXES))
    shards = [name for name in names if not name.rpartition("/")[2].startswith(WORK_FILES)]
    return shards or names


def _joined(root: Path, shards: list[ParquetShard | ArrowShard], names: list[str]) -> pd.DataFrame:
    """Return the plain columns of all shards, and `file`: a name for each row."""
    parts = []
    last = [shard.path.name for shard in shards]
    # two partitions of a HATS catalogue, or train and test, may have files of the same name
    whole = is_hats(root) or len(set(last)) < len(last)
    for shard, place in zip(shards, names, strict=True):
        kept = [item.name for item in shard.schema if _is_kept(item, shard.column)]
        with damage(f"{shard.path} is damaged"):
            frame = to_frame(shard.table(kept))
        for name, classes in _class_names(shard.schema).items():
            if name in frame:
                numbers = pd.to_numeric(frame[name], errors="coerce").fillna(-1)  # -1: no label
                if not numbers.between(-1, len(classes) - 1).all():
                    raise DataError(
                        f"{shard.path.name}: {name} has {numbers.max():g}, but its {len(classes)} "
                        "classes are counted from 0; write the right number or -1."
                    )
                frame[name] = [[*classes, ""][int(value)] for value in numbers]
        digits = len(str(len(shard)))
        file = place if whole else shard.path.name
        frame["file"] = [f"{file}#{row:0{digits}d}" for row in range(len(shard))]
        if not is_hats(root):
            for name, value in _said_by_folders(place).items():
                if name not in frame:
                    frame[name] = value
        split = _split(place or shard.path.name)
        if find_column(frame, "split") is None and split:
            frame["split"] = split
        parts.append(frame)
    if odd := [
        shard.path.name
        for shard, part in zip(shards, parts, strict=True)
        if set(part.columns) != set(parts[0].columns)
    ]:
        raise DataError(f"{odd[0]} has other columns than {shards[0].path.name}; open one of them.")
    return pd.concat(parts, ignore_index=True)


def _unread(shard: ParquetShard | ArrowShard) -> list[str]:
    """Return the columns that are neither images nor have one value a row."""
    others = (item for item in shard.schema if item.name != shard.column)
    return [item.name for item in others if not _is_kept(item, shard.column)]


def _is_kept(item: Any, images: str) -> bool:
    """Whether a column has one value a row; bytes where they are an id, a class or the like."""
    if is_binary(item.type):
        meant = ("id", "split", *LABEL_COLUMNS)
        return item.name != images and any(find_name([item.name], name) for name in meant)
    return item.name != images and holds_values(item.type)


def _said_by_folders(place: str) -> dict[str, str]:
    """Return what folders called name=value say of the rows below them, as Hive and Spark write."""
    pairs = [folder.partition("=") for folder in place.split("/")[:-1] if "=" in folder]
    return {name: "" if value == NO_VALUE else unquote(value) for name, _, value in pairs}


def _split(place: str) -> str | None:
    """Return the split that the name of a shard says, or a folder that it lies in."""
    *folders, name = place.lower().split("/")
    said = (SPLITS.get(word) for word in (re.split(r"[-.]", name)[0], *reversed(folders)))
    return next(filter(None, said), None)


def _class_names(schema: Any) -> dict[str, list[str]]:
    """Return the class names of columns that `datasets` calls ClassLabel."""
    try:
        about = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = about["info"]["features"]
        return {
            str(name): [str(label) for label in feature["names"]]
            for name, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _whole_numbers(shards: list[ParquetShard | ArrowShard]) -> set[str]:
    """Return the columns of whole numbers, which pandas makes floats of where one is missing."""
    from pyarrow import types

    return {item.name for shard in shards for item in shard.schema if types.is_integer(item.type)}


def _as_text(
    table: pd.DataFrame, selection: Selection, source: str, whole: set[str]
) -> pd.DataFrame:
    """Return the columns that say what a galaxy is, as labels.csv has them."""
    wanted = [find_column(table, name) for name in ("id", "ra", "dec", "redshift", "split")]
    wanted += [find_column(table, name) for name in LABEL_COLUMNS]
    asked = filter(None, (*selection.where, selection.label_column))
    names = list(map(str, table.columns))
    wanted += [*(named_column(names, name) for name in asked), *parts_of(names).values()]
    kept = {"file": table["file"]}
    for name in filter(None, wanted):
        if name in table and name not in kept:
            values = table[name]
            if name == wanted[0] and pd.api.types.is_float_dtype(values.dtype):
                values = _whole(values, source)
            if name in whole and pd.api.types.is_float_dtype(values.dtype):
                values = values.astype("Int64").astype(object)
            known = values.notna()
            text = values.where(known, "").astype(str).str.strip()
            kept[name] = text if is_sign(name) else without_missing(text)
    return pd.DataFrame(kept)


def _whole(ids: pd.Series, source: str) -> pd.Series:
    """Return ids that a gap made floats as whole numbers again; DataError where digits are lost."""
    known = ids[ids.notna()]
    if ((known % 1 != 0) | (known.abs() > 2**53)).any():
        raise DataError(
            f"{source}: {ids.name} holds floating-point numbers, of which ids lose digits; write "
            "them as text or whole numbers, or leave the column out."
        )
    return ids.astype("Int64").astype(object)


def check_bytes(path: Path, what: str, size: int, limit: int) -> None:
    """Raise DataError where something takes more room than is made for it."""
    if size > limit:
        raise DataError(
            f"{path.name}: {what} take {size / 1e9:.1f} GB; at most {limit / 1e9:.1f} GB are read. "
            "Write it in smaller pieces."
        )
