"""Images of Parquet files by row, for catalogues of millions: of a file little more is kept than
where its row groups begin, and an image is read without its neighbours.

`aj.open_dataset` reads the same files with all their columns into memory.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from astrojepa.data import DataError
from astrojepa.data.arrow_columns import damage, each_batch
from astrojepa.data.content import PICTURES
from astrojepa.data.id_keys import id_keys
from astrojepa.data.image_source import CHUNK
from astrojepa.data.parquet_footer import Chunk, footers_hash, row_groups
from astrojepa.data.readers.labels import find_name
from astrojepa.data.readers.parquet import (
    MAX_GROUP_BYTES,
    band_fields,
    check_bytes,
    encoded,
    flux_column,
    flux_image,
    image_column,
    is_table,
    picture,
    table_files,
)
from astrojepa.wording import one_line

MAX_ROWS = 10**8
BUFFER = 2**20  # bytes of a file that are read together
UNPACKED = 2**22  # bytes of images that are unpacked together, about
MOST_UNPACKED = 2**28  # at most, where a file says little and repeats one image


@dataclass(frozen=True)
class _File:
    """What is kept of a file."""

    path: Path
    name: str  # as sentences say it
    age: tuple[int, int]  # bytes, ns of the last change
    images: str  # the column of images
    ids: str  # the column of ids
    ends: np.ndarray  # int64 (g,): rows up to the end of each row group
    sizes: np.ndarray  # int64 (g,): bytes of the images of each, unpacked
    chunks: list[dict[int, Chunk]]  # of both columns, of each row group
    weighted: bool  # whether flux has an inverse variance, which older versions did not read


class ParquetImages:
    """Images of one file, of a folder of them, or of a HATS catalogue."""

    def __init__(self, source: str | Path, bands: tuple[str, ...] = ()) -> None:
        root = Path(source).resolve()
        self.name = root.name
        names = table_files(root)
        self._files = [_look(root / name if name else root, name, bool(bands)) for name in names]
        self._decode = partial(flux_image, bands=bands) if bands else picture
        self._firsts = np.cumsum([0, *(int(file.ends[-1]) for file in self._files)])
        if not 0 < len(self) <= MAX_ROWS:
            raise DataError(f"{root} has {len(self):,} rows; 1 to {MAX_ROWS:,} are read.")
        self.fingerprint = f"{footers_hash([file.path for file in self._files])} {' '.join(bands)}"
        if any(file.weighted for file in self._files):
            self.fingerprint += " ivar"
        if not bands and self._are_fits():
            from astrojepa.data.images.fits import reading

            self.fingerprint += reading()

    def __len__(self) -> int:
        return int(self._firsts[-1])

    def keys(self) -> Iterator[np.ndarray]:
        """Yield the keys of the ids in the order of the rows; nothing but the ids is read.

        DataError where a file is damaged, or has ids of another kind.
        """
        for file in self._files:
            count = 0
            for column in _column(file, file.ids):
                count += len(column)
                yield id_keys(column, file.path.name)
            if count != file.ends[-1]:
                raise DataError(f"{file.path} holds {count:,} of {file.ends[-1]:,} rows.")

    def first_id(self) -> str:
        """Return the id of the first row."""
        columns = (column for file in self._files for column in _column(file, file.ids))
        return str(next(column for column in columns if len(column))[0].as_py())

    def each(self, rows: Sequence[int]) -> Iterator[tuple[int, np.ndarray | DataError]]:
        """Yield every row once, with its image or with what is wrong with it, in the order of the
        rows, so that who is near on disk is read once.
        """
        for number, found in itertools.groupby(sorted(set(rows)), key=self._file_of):
            file, first = self._files[number], int(self._firsts[number])
            left = dict.fromkeys(row - first for row in found)
            wrong: Exception | str = "fewer rows than it says"
            try:
                for row, value in _values(file, list(left)):
                    del left[row]
                    yield first + row, self._image(value, f"{file.name}#{row}")
            # pyarrow raises a dozen kinds for damaged files
            except Exception as error:
                wrong = error
            for row in left:
                if isinstance(wrong, DataError):
                    yield first + row, wrong
                    continue
                reason = f"{file.name}#{row} cannot be read ({one_line(wrong, 100)})."
                yield first + row, DataError(reason)

    def _are_fits(self) -> bool:
        """Whether the first image is FITS, of which what is shown depends on the program."""
        with contextlib.suppress(Exception):  # damage is named when the image is read
            file = next(file for file in self._files if file.ends[-1])
            content = encoded(next(_values(file, [0]))[1])
            if not content.startswith(PICTURES):
                from astrojepa.data.images.fits import is_fits

                return is_fits(content[:16])
        return False

    def _file_of(self, row: int) -> int:
        return int(np.searchsorted(self._firsts, row, "right")) - 1

    def _image(self, value: Any, name: str) -> np.ndarray | DataError:
        try:
            return self._decode(value, name)
        except DataError as error:
            return error
        except (ValueError, MemoryError) as error:  # of a value that is not what its column says
            return DataError(f"{name} cannot be read ({one_line(error, 100)}).")


def is_parquet(source: str) -> bool:
    """Whether a source is Parquet files only, which `ParquetImages` reads."""
    if not is_table(source):
        return False
    root = Path(source).resolve()
    return all((name or root.name).lower().endswith(".parquet") for name in table_files(root))


def _look(path: Path, name: str, flux: bool) -> _File:
    """Read the footer of a file. DataError where it is damaged, or lacks images or ids."""
    from astrojepa.data.parquet_file import CheckedParquet

    with damage(f"{path} is no whole Parquet file"):
        status = path.stat()
        groups = row_groups(path)  # pyarrow would end the process on a damaged footer
        with CheckedParquet(path, [group.chunks for group in groups]) as file:
            images = (flux_column if flux else image_column)(file.schema_arrow, path)
            names = list(map(str, file.schema_arrow.names))
            kind = file.schema_arrow.field(images).type
            ids = find_name(names, "id") or find_name(names, "ids") or ""
            chunks = file.chunks([images, ids])
    if not ids:
        raise DataError(
            f"{path.name} has no column of ids (found: {', '.join(names[:20])}); name it object_id."
        )
    sizes = [group.unpacked[images] for group in groups]
    check_bytes(path, "a row group of its images", max(sizes, default=0), MAX_GROUP_BYTES)
    ends = np.cumsum([group.rows for group in groups] or [0])
    age = (status.st_size, status.st_mtime_ns)
    weighted = flux and "ivar" in band_fields(kind)
    about = path, name or path.name, age, images, ids
    return _File(*about, ends, np.array(sizes or [0]), chunks, weighted)


def _opened(file: _File, text: Sequence[str] = ()) -> Any:
    from astrojepa.data.parquet_file import CheckedParquet

    status = file.path.stat()
    if (status.st_size, status.st_mtime_ns) != file.age:
        raise DataError(f"{file.path.name} was changed after it was opened; open it again.")
    how = {"buffer_size": BUFFER, "read_dictionary": list(text)}
    return CheckedParquet(file.path, file.chunks, **how)


def _column(file: _File, name: str) -> Iterator[Any]:
    """Yield a column piece by piece; text as a dictionary, no larger than the file says."""
    import pyarrow as pa

    try:
        with _opened(file) as opened:
            kind = opened.schema_arrow.field(name).type
        text = [name] if pa.types.is_string(kind) or pa.types.is_large_string(kind) else []
        with _opened(file, text) as opened:
            yield from each_batch(opened, name, CHUNK)
    except DataError:
        raise
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise DataError(f"{file.path} is damaged ({one_line(error, 120)}).") from error


def _values(file: _File, rows: list[int]) -> Iterator[tuple[int, Any]]:
    """Yield rows of a file, ascending, with what the column of images holds. A row group is
    unpacked from its beginning to the last row that is wanted, a few images at a time.
    """
    starts = np.concatenate([[0], file.ends])
    groups = itertools.groupby(rows, key=lambda row: int(np.searchsorted(file.ends, row, "right")))
    with _opened(file) as opened:
        for group, found in groups:
            first, wanted = int(starts[group]), list(found)
            mean = int(file.sizes[group]) // max(1, int(file.ends[group]) - first)
            most = MOST_UNPACKED // max(1, int(file.sizes[group]))  # one value may be all of it
            size = int(np.clip(min(UNPACKED // max(1, mean), most), 1, 1024))
            for batch in opened.iter_batches(
                size, row_groups=[group], columns=[file.images], use_threads=False
            ):
                values, last = batch.column(0), first + batch.num_rows
                if wanted[0] < last:
                    values.validate(full=True)  # a damaged offset must not lead out of the values
                while wanted and wanted[0] < last:
                    yield (row := wanted.pop(0)), values[row - first]
                if not wanted:
                    break
                first = last
