"""Vectors and what stands beside them in one file, whoever wrote it: Parquet or .npz.

Nothing is unpickled, and room is made for numbers only after the file has said how many there are.
"""

from __future__ import annotations

import contextlib
import math
import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from astrojepa.data.arrow_columns import read_columns
from astrojepa.data.catalogue import said_of_columns
from astrojepa.data.coordinates import to_degrees
from astrojepa.data.parquet_file import CheckedParquet
from astrojepa.data.parquet_footer import count_values
from astrojepa.data.readers.labels import LABEL_COLUMNS, find_name, named_column
from astrojepa.wording import OneLineError, one_line

MAX_ROWS = 10**8
MAX_WIDTH = 2**16
MAX_NUMBERS = 2**31  # of all vectors: 8 GiB as float32
MAX_LETTERS = 256  # of an id, a label or the name of a class
MAX_TEXT = 2**31  # bytes of a column of text, in which each value takes the room of the longest
UNPACKED = 64  # numbers per byte of its length that a file may hold, beyond SPARE
SPARE = 2**24
BATCH = 2**22  # numbers that are converted together
VECTORS = ("vector", "vectors", "embedding", "embeddings", "feature", "features", "representation")
# what a number of a vector is called in tables with a column for each: emb_0, emb_1 ...
NUMBERED = re.compile(
    r"(emb|embed|embedding|embeddings|feat|feature|features|vec|vector|latent|dim|pca?|rep|z|x|f|v)?"
    r"[_ .-]?(\d{1,5})",
    re.IGNORECASE,
)
LEAST_NUMBERED = 4
WANTED = ("id", "label", "ra", "dec", "split")


class VectorsError(OneLineError):
    """A file of vectors that cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Columns:
    """What a file of vectors holds, as it is written."""

    vectors: np.ndarray  # float32 (n, D)
    # (n,) by what they mean, of WANTED: text (missing values are ""), or numbers
    known: dict[str, np.ndarray]
    classes: tuple[str, ...] | None = None  # what labels that are numbers count, where it is said
    facts: dict[str, str] = field(default_factory=dict)  # about the file: model_hash, data_hash
    unread: tuple[str, ...] = ()  # names of columns that are none of these


@dataclass(frozen=True)
class Layout:
    """What a Parquet file of vectors says that it holds."""

    count: int
    width: int
    vector: str  # name of the column of vectors
    known: dict[str, str]  # names of the other columns by what they mean, of WANTED
    text: list[str]  # those of them that hold text
    facts: dict[str, str]


def read_parquet(path: Path, label_column: str = "") -> Columns:
    """Read a Parquet file with a column of lists of numbers, all of one length, and a column of
    ids.

    VectorsError where it is damaged, too large, or holds something else.
    """
    if columns := numbered_columns(path):
        return _read_wide(path, columns, label_column)
    layout = parquet_layout(path, label_column)
    with opened_parquet(path, layout.text) as file:
        known = {
            meaning: column_values(path, name, read_columns(file, [name]).column(0))
            for meaning, name in layout.known.items()
        }
        vectors = _joined(path, file, layout)
        unread = _others(file.schema_arrow.names, layout.vector, *layout.known.values())
    return Columns(vectors, known, None, layout.facts, unread)


def _others(names: Iterable[str], *read: str) -> tuple[str, ...]:
    """Return the columns that are not `read`, but for an index of pandas."""
    return tuple(name for name in names if name not in read and not name.startswith("__"))


def parquet_layout(path: Path, label_column: str = "") -> Layout:
    """Read the footer of a Parquet file of vectors. Raises as `read_parquet`."""
    with opened_parquet(path) as file:
        schema = file.schema_arrow
        known = _chosen(path, schema.names, label_column)
        _check_units(path, schema, known)
        text = [name for name in known.values() if _is_text(schema.field(name))]
        vector = _vector_column(path, schema)
        width = _width(path, file, vector)
        facts = _text_facts(schema.metadata)
        return Layout(file.metadata.num_rows, width, vector, known, text, facts)


def numbered_columns(path: Path) -> list[str]:
    """Return the columns of a file that has one for each number of a vector, in their order; none
    where it has lists, or other columns than 0 or 1 to the last.
    """
    with opened_parquet(path) as file:
        schema = file.schema_arrow
    if any(_list_type(item.type) is not None for item in schema):
        return []
    called: dict[str, dict[int, str]] = {}
    for item in schema:
        match = NUMBERED.fullmatch(item.name)
        if match and (pa.types.is_floating(item.type) or pa.types.is_integer(item.type)):
            called.setdefault(item.name[: match.start(2)], {})[int(match[2])] = item.name
    whole = [
        [found[number] for number in sorted(found)]
        for found in called.values()
        if len(found) >= LEAST_NUMBERED and max(found) - min(found) == len(found) - 1
        if min(found) < 2
    ]
    if len(whole) > 1:
        names = " and ".join(f"{columns[0]} to {columns[-1]}" for columns in whole)
        raise VectorsError(f"{path} has the vectors {names}; keep one of them.")
    return whole[0] if whole else []


def _read_wide(path: Path, columns: list[str], label_column: str) -> Columns:
    """Read vectors of which each number has a column."""
    with opened_parquet(path) as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows
        chosen = _chosen(path, schema.names, label_column)
        _check_units(path, schema, chosen)
        width = _checked_shape(path, rows, rows * len(columns))
    with opened_parquet(
        path, [name for name in chosen.values() if _is_text(schema.field(name))]
    ) as file:
        known = {
            meaning: column_values(path, name, read_columns(file, [name]).column(0))
            for meaning, name in chosen.items()
        }
        vectors = np.empty((rows, width), np.float32)
        together = max(1, BATCH // rows)  # columns
        for first in range(0, width, together):
            table = read_columns(file, columns[first : first + together])
            for place, name in enumerate(table.column_names, first):
                with np.errstate(over="ignore"):  # infinity is counted later
                    vectors[:, place] = column_values(path, name, table.column(name))
        unread = _others(schema.names, *columns, *chosen.values())
        return Columns(vectors, known, None, _text_facts(schema.metadata), unread)


@contextlib.contextmanager
def opened_parquet(path: Path, text: Sequence[str] = ()) -> Iterator[parquet.ParquetFile]:
    """Open a Parquet file, its columns of text as dictionaries: they then take no more room than
    the file says. VectorsError where it is damaged, also in what is read of it inside the block.
    """
    try:
        with CheckedParquet(
            path, read_dictionary=list(text), page_checksum_verification=True
        ) as file:
            yield file
    except VectorsError:
        raise
    except (pa.ArrowException, OSError, UnicodeError, MemoryError, OverflowError) as error:
        raise VectorsError(f"{path} is not a readable Parquet file ({_why(error)}).") from error


def _chosen(path: Path, names: list[str], label_column: str) -> dict[str, str]:
    """Return the names of the columns to read, by what they mean."""
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise VectorsError(f"{path} has two columns {twice!r}; rename one.")
    chosen = named_column(names, label_column) if label_column else ""
    if chosen is None:
        raise VectorsError(
            f"{path} has no column {label_column!r} for the labels (found: "
            f"{one_line(', '.join(names[:20]), 200)})."
        )
    found = {name: find_name(names, name) for name in WANTED}
    labels = (find_name(names, name) for name in (*LABEL_COLUMNS, "labels"))
    found["id"] = found["id"] or find_name(names, "ids")
    found["label"] = chosen or next((name for name in labels if name), None)
    if found["id"] is None:
        raise VectorsError(
            f"{path} has no ids (found: {one_line(', '.join(names[:20]), 200)}); name them "
            "object_id."
        )
    return {meaning: name for meaning, name in found.items() if name is not None}


def _check_units(path: Path, schema: pa.Schema, known: dict[str, str]) -> None:
    """Raise VectorsError where positions are in another unit than degrees."""
    said = said_of_columns(schema)
    for name in (known[angle] for angle in ("ra", "dec") if angle in known):
        unit = said.get(name, ("", ""))[0]
        if unit and to_degrees(np.ones(1), unit) != 1:
            raise VectorsError(f"{path}: the unit of {name} is {unit}; write positions in degrees.")


def _is_text(column: pa.Field) -> bool:
    return pa.types.is_string(column.type) or pa.types.is_large_string(column.type)


def _list_type(kind: pa.DataType) -> pa.DataType | None:
    """Return the kind of the values of lists, None for what is no list."""
    kind = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
    tests = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return kind.value_type if any(test(kind) for test in tests) else None


def _vector_column(path: Path, schema: pa.Schema) -> str:
    """Return the column that holds the vectors: the one so called, or the only one of lists."""
    lists = {item.name: kind for item in schema if (kind := _list_type(item.type)) is not None}
    called = [name for wanted in VECTORS for name in lists if name.lower() == wanted]
    if not called and len(lists) != 1:
        found = one_line(", ".join([*(lists or schema.names)][:20]), 200)
        raise VectorsError(
            f"{path} has {len(lists)} columns of lists ({found}); name the vectors 'vector', or "
            "their numbers emb_0, emb_1 and so on."
        )
    name = (called or list(lists))[0]
    if not (pa.types.is_floating(lists[name]) or pa.types.is_integer(lists[name])):
        raise VectorsError(f"{path}: {name} holds lists of {lists[name]}, expected numbers.")
    return name


def _width(path: Path, file: parquet.ParquetFile, column: str) -> int:
    """Return D from what the file says of itself, before any number is read."""
    try:
        values = count_values(path)[column]
    except ValueError as error:
        raise VectorsError(f"{path} is not a readable Parquet file ({error}).") from error
    return _checked_shape(path, file.metadata.num_rows, values)


def _checked_shape(path: Path, rows: int, values: int) -> int:
    """Return D of `rows` vectors of `values` numbers in all; VectorsError if that cannot be."""
    if rows < 1 or values < 1:
        raise VectorsError(f"{path} holds no vectors; write at least one.")
    if values % rows:
        raise VectorsError(
            f"{path}: the vectors differ in length, or some are missing ({values:,} numbers in "
            f"{rows:,} rows); write one vector of the same length per row."
        )
    width = values // rows
    if rows > MAX_ROWS or width > MAX_WIDTH or values > MAX_NUMBERS:
        raise VectorsError(
            f"{path} says that it holds {rows:,} vectors of width {width:,}; at most {MAX_ROWS:,} "
            f"vectors, a width of {MAX_WIDTH:,} and {MAX_NUMBERS:,} numbers are read. Divide it."
        )
    size = path.stat().st_size
    if values > UNPACKED * size + SPARE:
        raise VectorsError(
            f"{path} says that it holds {values:,} numbers in {size:,} bytes; it is damaged, or "
            f"no file of vectors."
        )
    return width


def _joined(path: Path, file: parquet.ParquetFile, layout: Layout) -> np.ndarray:
    """Return the vectors, float32 (n, D)."""
    vectors = np.empty((layout.count, layout.width), np.float32)
    for start, numbers in vector_batches(path, file, layout):
        with np.errstate(over="ignore"):  # infinity is counted later
            vectors[start : start + len(numbers)] = numbers
    return vectors


def vector_batches(
    path: Path, file: parquet.ParquetFile, layout: Layout
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the first row and the vectors of one batch after another, (b, D) in the file's type.

    VectorsError where a vector has another length, or the file other rows than it says.
    """
    count, width, start = layout.count, layout.width, 0
    for batch in file.iter_batches(max(1, BATCH // width), columns=[layout.vector]):
        lists = batch.column(0)
        lists.validate(full=True)
        lists = lists.storage if isinstance(lists, pa.ExtensionArray) else lists
        lengths = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False)
        if (other := lengths != width).any():
            row = start + int(np.flatnonzero(other)[0])
            raise VectorsError(
                f"{path}: the vector of row {row} has {lengths[row - start]:,} numbers, others "
                f"{width:,}; write one vector of the same length per row."
            )
        numbers = lists.flatten().to_numpy(zero_copy_only=False)  # null becomes NaN
        if start + len(lists) > count:
            raise VectorsError(f"{path} holds more rows than it says; write it again.")
        yield start, numbers.reshape(len(lists), width)
        start += len(lists)
    if start != count:
        raise VectorsError(f"{path} holds {start:,} of {count:,} rows; write it again.")


def column_values(path: Path, name: str, column: pa.ChunkedArray) -> np.ndarray:
    """Return a column as text (NFC) with "" for missing, or as numbers with NaN."""
    column.validate(full=True)  # of a damaged file, words may lie outside the dictionary
    kind = column.type
    if pa.types.is_dictionary(kind) and _is_text(pa.field("", kind.value_type)):
        longest = [pc.max(pc.utf8_length(chunk.dictionary)).as_py() for chunk in column.chunks]
        _check_letters(path, name, max([length or 0 for length in longest], default=0), len(column))
        words = [normalize("NFC", word or "") for word in column.to_pylist()]
        return np.array(words, dtype=str)
    if pa.types.is_boolean(kind):
        truths = {True: "true", False: "false", None: ""}
        return np.array([truths[truth] for truth in column.to_pylist()], dtype=str)
    if pa.types.is_integer(kind):
        if not column.null_count:
            return np.asarray(column.to_numpy())
        # not by way of floats, of which long ids lose digits
        return np.array(["" if word is None else str(word) for word in column.to_pylist()])
    if pa.types.is_floating(kind):
        return np.asarray(column.to_numpy(), dtype=np.float64)
    raise VectorsError(f"{path}: {name} holds {kind}; expected text or numbers.")


def _check_letters(path: Path, name: str, longest: int, count: int) -> None:
    if longest > MAX_LETTERS or longest * count * 4 > MAX_TEXT:
        raise VectorsError(
            f"{path}: {name} holds a value of {longest:,} letters in {count:,} rows; at most "
            f"{MAX_LETTERS} letters and {MAX_TEXT:,} bytes are read. Shorten the longest, or "
            f"divide the file."
        )


def _text_facts(metadata: dict[bytes, bytes] | None) -> dict[str, str]:
    """Return what a shard of the embed command, or a simulated store, says of itself."""
    known = {
        "model": "model",
        "model_hash": "model_hash",
        "data_fingerprint": "data_hash",
        "simulated": "simulated",
        "score": "score",
    }
    text = {
        key.decode(errors="replace"): value.decode(errors="replace")
        for key, value in (metadata or {}).items()
    }
    return {name: one_line(text[key], 80) for key, name in known.items() if key in text}


def read_npz(path: Path, label_column: str = "") -> Columns:
    """Read an .npz with an array (n, D) of numbers and one of ids; packed ones too.

    VectorsError where it is damaged, too large, or holds something else, such as Python objects.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            records = {
                item.filename.removesuffix(".npy"): item
                for item in archive.infolist()
                if item.filename.endswith(".npy")
            }
            called = next(
                (name for wanted in VECTORS for name in records if name.lower() == wanted), None
            )
            if called is None:
                there = ", ".join([*records][:20]) or "none"
                raise VectorsError(f"{path} has no array 'vectors' (found: {there}).")
            chosen = _chosen(path, list(records), label_column)
            vectors = _array(path, archive, records[called])
            known = {
                meaning: _plain(_array(path, archive, records[name], len(vectors)))
                for meaning, name in chosen.items()
            }
            facts: dict[str, str] = {
                name: one_line(_array(path, archive, records[name], -1), 80)
                for name in ("model", "model_hash", "data_hash")
                if name in records
            }
            classes = (
                _array(path, archive, records["classes"], -1) if "classes" in records else None
            )
    except VectorsError:
        raise
    # numpy, zipfile and zlib raise a dozen kinds for damaged files
    except Exception as error:
        raise VectorsError(
            f"{path} holds no vectors that can be read ({type(error).__name__}: {_why(error)}); "
            f"write it again."
        ) from error
    names = None if classes is None else tuple(classes.reshape(-1).astype(str).tolist())
    unread = _others(records, called, "classes", *chosen.values(), *facts)
    return Columns(vectors, known, names, facts, unread)


def _array(
    path: Path, archive: zipfile.ZipFile, record: zipfile.ZipInfo, count: int = 0
) -> np.ndarray:
    """Read one array: vectors float32 (n, D) without `count`, else an array of `count` values, or
    of few where it is -1. The header is compared with the length of the record first.
    """
    name = record.filename.removesuffix(".npy")
    with archive.open(record) as stream, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of NumPy, about headers that Python 2 wrote
        version = np.lib.format.read_magic(stream)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)
        if read is None:
            raise VectorsError(f"{path}: {name} is of another version of NumPy's format.")
        shape, transposed, kind = read(stream)
        if kind.hasobject or kind.fields is not None or kind.kind not in "fiuUSb":
            raise VectorsError(
                f"{path}: {name} holds {_kind(kind)}, expected plain numbers or text; nothing is "
                f"unpickled."
            )
        length = math.prod(shape) * kind.itemsize
        if length != record.file_size - stream.tell():
            raise VectorsError(f"{path}: {name} is cut short or damaged; write it again.")
        if count:
            expected = (count,) if count > 0 else (math.prod(shape),)
            if (shape or (1,)) != expected or length > MAX_TEXT or (count < 0 and length > 2**24):
                raise VectorsError(
                    f"{path}: {name} has the shape {shape}, expected one value per vector "
                    f"({expected[0]:,})."
                )
            if kind.kind in "US":
                letters = kind.itemsize // (4 if kind.kind == "U" else 1)
                _check_letters(path, name, letters, math.prod(shape))
            found = _bytes(stream, length).view(kind).reshape(shape)
            if kind.kind == "U" and not _are_letters(found):
                raise VectorsError(f"{path}: {name} holds what is no text; write it again.")
            return found
        if len(shape) != 2 or kind.kind not in "fiu":
            raise VectorsError(
                f"{path}: {name} holds {_kind(kind)} {shape}; expected numbers (n, D)."
            )
        _checked_shape(path, shape[0], math.prod(shape))
        found = _bytes(stream, length).view(kind).reshape(shape, order="F" if transposed else "C")
        with np.errstate(over="ignore"):  # infinity is counted later
            return np.ascontiguousarray(found, dtype=np.float32)


def _are_letters(values: np.ndarray) -> bool:
    """Whether text holds numbers of letters only: NumPy takes any, and Python dies of some."""
    codes = np.atleast_1d(values.astype(values.dtype.newbyteorder("="))).view(np.uint32)
    return not ((codes > 0x10FFFF) | ((codes >= 0xD800) & (codes < 0xE000))).any()


def _bytes(stream: Any, length: int) -> np.ndarray:
    """Read exactly `length` bytes, uint8."""
    found = np.empty(length, np.uint8)
    room, start = found.data, 0
    while start < length:
        if not (read := stream.readinto(room[start : start + 2**24])):
            raise EOFError("cut short")
        start += read
    return found


def _plain(values: np.ndarray) -> np.ndarray:
    """Return text as str, missing ones "", and numbers as they are."""
    if values.dtype.kind == "S":
        return np.char.decode(values, "utf-8")
    if values.dtype.kind == "b":
        return np.where(values, "true", "false")
    return values if values.dtype.kind in "Uiu" else values.astype(np.float64)


def _kind(kind: np.dtype) -> str:
    return "Python objects" if kind.hasobject else str(kind)


def _why(error: BaseException) -> str:
    return one_line((str(error).splitlines() or [""])[0], 120)
