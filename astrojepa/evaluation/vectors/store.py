"""A store of vectors: a folder of Parquet files, its partitions, read a batch at a time.

Each file is one that `read_parquet` reads: ids, vectors, and what else is known. Where the names
end as `part-00003-of-00012.parquet` does, all of them must be there. Rows are numbered through the
files in the order of their names.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from astrojepa.data import DataError
from astrojepa.data.arrow_columns import masks_of, read_columns, to_frame, to_series
from astrojepa.data.content import content_hashes
from astrojepa.data.hats import hats_files, is_hats
from astrojepa.data.values import EXACT, Numbers, Values, coded, read_values
from astrojepa.evaluation.vectors.columns import (
    MAX_NUMBERS,
    MAX_ROWS,
    Columns,
    Layout,
    VectorsError,
    column_values,
    numbered_columns,
    opened_parquet,
    parquet_layout,
    vector_batches,
)
from astrojepa.progress import Listener, reporting

PARTITION = 100_000  # galaxies of a file that is written here, about
ROW_GROUP = 8192  # galaxies that are read together
OPTIONS: dict[str, Any] = {
    "compression": "none",
    "use_dictionary": ["label"],
    "write_page_checksum": True,
}  # floats do not shrink
MOST_COMPARED = 1000  # ids that occur twice, or seem to, which are then compared
ID_NAME = re.compile(r"(^|_|obj|object|source|target|brick|fiber)ids?$", re.IGNORECASE)
PART_NAME = re.compile(r"(.+)-(\d{5,})-of-(\d{5,})\.parquet")


@dataclass(frozen=True)
class Store:
    """Partitions on disk; nothing of them is kept in memory."""

    path: Path  # the folder, or the one file
    files: tuple[Path, ...]
    layouts: tuple[Layout, ...]  # one per file

    def __len__(self) -> int:
        return sum(layout.count for layout in self.layouts)

    @property
    def width(self) -> int:
        """The length D of a vector."""
        return self.layouts[0].width

    @property
    def facts(self) -> dict[str, str]:
        """What the first partition says of itself."""
        return self.layouts[0].facts

    @cached_property
    def map_recipe(self) -> str:
        """How its map was made, JSON, as `project` writes it; "" where it does not say."""
        metadata = parquet.read_schema(self.files[0]).metadata or {}
        return metadata.get(b"map", b"").decode(errors="replace")

    @property
    def firsts(self) -> np.ndarray:
        """The first row of each partition, and the number of rows at the end: int64 (p + 1,)."""
        return np.cumsum([0, *(layout.count for layout in self.layouts)])

    def batches(self, rows: np.ndarray | None = None) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the first row and the vectors of one batch after another: float32 (b, D), finite;
        of the partitions with some `rows`, ascending, if given.

        VectorsError where a partition is damaged or a vector is not finite.
        """
        for first, path, layout in zip(self.firsts, self.files, self.layouts, strict=False):
            if rows is not None and np.equal(*np.searchsorted(rows, (first, first + layout.count))):
                continue
            with opened_parquet(path) as file:
                for start, numbers in vector_batches(path, file, layout):
                    with np.errstate(over="ignore"):
                        vectors = numbers.astype(np.float32, copy=False)
                    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
                    if len(bad):
                        raise VectorsError(
                            f"{path}: the vector of row {start + bad[0]} holds NaN, infinity or a "
                            f"number too large for float32; leave this galaxy out."
                        )
                    yield int(first) + start, vectors

    def vectors_of(self, rows: np.ndarray, progress: Listener = None) -> np.ndarray:
        """Return the vectors of some rows, ascending, read a batch at a time: float32 (q, D)."""
        found = np.empty((len(rows), self.width), np.float32)
        with reporting(progress, len(self), "reading vectors") as report:
            for first, batch in self.batches(rows):
                here = slice(*np.searchsorted(rows, (first, first + len(batch))))
                found[here] = batch[rows[here] - first]
                report(len(batch))
        return found

    def known(self, meaning: str) -> np.ndarray | None:
        """Return a column of WANTED for all galaxies, (n,); None where no partition has it."""
        if meaning not in self.layouts[0].known:
            return None
        return np.concatenate([*self._parts(meaning)])

    def known_of(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return the columns of WANTED for some rows, (q,) each, by what they mean."""
        found: dict[str, list[np.ndarray]] = {meaning: [] for meaning in self.layouts[0].known}
        parts, back = self._by_partition(rows)
        for number, here in parts:
            path, layout = self.files[number], self.layouts[number]
            with opened_parquet(path, layout.text) as file:
                table = _taken(file, here, list(layout.known.values()))
                for meaning, name in layout.known.items():
                    found[meaning].append(column_values(path, name, table.column(name)))
        none = [np.zeros(0, object)]
        return {meaning: np.concatenate(each or none)[back] for meaning, each in found.items()}

    def _by_partition(self, rows: np.ndarray) -> tuple[list[tuple[int, np.ndarray]], np.ndarray]:
        """Return the number of each partition with some of the rows, and these as counted in it;
        and the order that puts what was found, joined, back.
        """
        part = np.searchsorted(self.firsts, rows, side="right") - 1
        parts = [(int(n), rows[part == n] - self.firsts[n]) for n in np.unique(part)]
        return parts, np.argsort(np.argsort(part, kind="stable"), kind="stable")

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of one value a galaxy but for masks, in the order of the first partition."""
        masks = self.masks.values()
        return tuple(
            field.name
            for field in parquet.read_schema(self.files[0])
            if not pa.types.is_nested(field.type) and field.name not in masks
        )

    @cached_property
    def masks(self) -> dict[str, str]:
        """The columns of any partition that say which values of another are missing, by that."""
        schemas = map(parquet.read_schema, self.files)
        return {name: mask for schema in schemas for name, mask in masks_of(schema).items()}

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """Those of `names` that hold numbers, but for labels, what begins with _ (of HATS: pixels,
        by which it sorts) and ids: by their name, or whole numbers that float64 would round.
        """
        known = self.layouts[0].known
        return tuple(
            field.name
            for field in parquet.read_schema(self.files[0])
            if (pa.types.is_integer(field.type) or pa.types.is_floating(field.type))
            and field.name not in (known["id"], known.get("label"))
            and not field.name.startswith("_")
            and not ID_NAME.search(field.name)
            and not (pa.types.is_integer(field.type) and self._is_long(field.name))
        )

    def _is_long(self, name: str) -> bool:
        """Whether float64 would round a column's whole numbers, by its statistics or its values."""
        for path in self.files:
            with opened_parquet(path) as file:
                leaves = [file.schema.column(k).path for k in range(len(file.schema))]
                place = leaves.index(name)
                for group in range(file.num_row_groups):
                    found = file.metadata.row_group(group).column(place).statistics
                    if found is None or not found.has_min_max:
                        return not isinstance(self.values(name), Numbers)
                    if found.min < -EXACT or found.max > EXACT:
                        return True
        return False

    def values(self, name: str) -> Values:
        """Return one of `names` for all galaxies: (n,)."""
        kind, parts = parquet.read_schema(self.files[0]).field(name).type, []
        for path in self.files:
            with opened_parquet(path, [name] if pa.types.is_string(kind) else ()) as file:
                parts.append(read_columns(file, [name]).column(0))
                parts[-1].validate(full=True)  # of a damaged file, words may lie anywhere
        column = pa.chunked_array([chunk for part in parts for chunk in part.chunks])
        if pa.types.is_floating(column.type):  # a part at a time, which a core keeps at hand
            numbers: list[Any] = [read_values(to_series(c).rename(name)) for c in column.chunks]
            return Numbers(np.concatenate([np.zeros(0), *(part.values for part in numbers)]))
        if not pa.types.is_dictionary(column.type):
            return read_values(to_series(column).rename(name))
        if not pa.types.is_string(column.type.value_type):
            column = column.cast(pa.string()).dictionary_encode()
        coded_once = column.unify_dictionaries()
        codes = [chunk.indices.fill_null(-1).to_numpy() for chunk in coded_once.chunks]
        names = coded_once.chunk(0).dictionary.to_pylist() if codes else []
        return coded(np.concatenate([np.zeros(0, np.int32), *codes]), names)

    def table_of(self, rows: np.ndarray) -> pd.DataFrame:
        """Return `names` of some galaxies, in the order of `rows`; only their groups are read."""
        parts, back = self._by_partition(rows)
        names, frames = list(self.names), []
        for number, here in parts:
            with opened_parquet(self.files[number]) as file:
                frames.append(to_frame(_taken(file, here, names)))
        found = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=names)
        return found.iloc[back].reset_index(drop=True)

    def row_of(self, name: str) -> int:
        """Return the first row with an id, else the row of that number; ValueError for neither."""
        if (row := self.rows_of([name]).get(name)) is not None:
            return row
        if name.isdecimal() and int(name) < len(self):
            return int(name)
        raise ValueError(
            f"{self.path.name} has no galaxy {name!r}; give an id such as "
            f"{self.known_of(np.array([0]))['id'][0]}, or a row from 0 to {len(self) - 1}."
        )

    def rows_of(self, names: Collection[str]) -> dict[str, int]:
        """Return the first row with each id, of those that are there."""
        found: dict[str, int] = {}
        left = set(names)
        for first, ids in zip(self.firsts, self._parts("id"), strict=False):
            if not left:
                break
            whole = ids.dtype.kind in "iu"
            ids = ids if whole else ids.astype(str)
            wanted = _as_ids(left, ids.dtype) if whole else {name: [name] for name in left}
            there = np.isin(ids, np.array(list(wanted), ids.dtype if whole else str))
            for row in np.flatnonzero(there)[::-1].tolist():
                found |= dict.fromkeys(wanted[ids[row].item()], int(first) + row)
            left -= found.keys()
        return {name: found[name] for name in names if name in found}

    @cached_property
    def galaxies_hash(self) -> str:
        """Hash of the set of ids, whatever their order (16 hex digits)."""
        total = 0
        for ids in self._parts("id"):
            codes = pd.util.hash_array(_codes(ids), categorize=False)
            total = (total + int(codes.sum(dtype=np.uint64))) % 2**64
        return hashlib.sha256(f"{len(self)} {total}".encode()).hexdigest()[:16]

    def check_ids(self) -> None:
        """Raise VectorsError, naming one, where an id stands in several rows.

        64-bit hashes of all ids and the ids of one partition are in memory; where hashes are equal,
        ids are compared.
        """
        codes = np.concatenate([_codes(ids) for ids in self._parts("id")])
        ordered = np.sort(codes)
        again = ordered[1:][ordered[1:] == ordered[:-1]]
        alike = np.flatnonzero(np.isin(codes, again[:MOST_COMPARED]))[: 2 * MOST_COMPARED]
        ids = self.known_of(alike)["id"] if len(alike) else alike
        seen, first = np.unique(ids, return_index=True)
        if len(seen) < len(ids):
            second = int(np.setdiff1d(np.arange(len(ids)), first)[0])
            rows = alike[ids == ids[second]]
            raise VectorsError(
                f"{self.path} has the id {str(ids[second])!r} in the rows {rows[0]} and {rows[1]}; "
                f"give every galaxy an id of its own."
            )

    def _parts(self, meaning: str) -> Iterator[np.ndarray]:
        """Yield a column of WANTED of one partition after another."""
        for path, layout in zip(self.files, self.layouts, strict=True):
            name = layout.known[meaning]
            with opened_parquet(path, layout.text) as file:
                yield column_values(path, name, read_columns(file, [name]).column(0))

    def read(self) -> Columns:
        """Read everything into memory, as `read_parquet` does one file.

        VectorsError for more numbers than may be read.
        """
        if len(self) * self.width > MAX_NUMBERS:
            raise VectorsError(
                f"{self.path} holds {len(self):,} vectors of width {self.width:,}; at most "
                f"{MAX_NUMBERS:,} numbers are read into memory. Divide it."
            )
        vectors = np.empty((len(self), self.width), np.float32)
        for first, batch in self.batches():
            vectors[first : first + len(batch)] = batch
        known = {meaning: self.known(meaning) for meaning in self.layouts[0].known}
        there = {meaning: values for meaning, values in known.items() if values is not None}
        return Columns(vectors, there, None, self.facts)

    @property
    def hash(self) -> str:
        """Hash of every byte of the partitions (16 hex digits); unchanged files are not reread."""
        root = self.path if self.path.is_dir() else self.path.parent
        names = [path.relative_to(root).as_posix() for path in self.files]
        hashes = content_hashes(root, names, [path.stat() for path in self.files])
        return hashlib.sha256(b"".join(hashes)).hexdigest()[:16]


def open_store(path: str | Path, label_column: str = "") -> Store:
    """Open a folder of Parquet files, a HATS catalogue, or one file, without reading its vectors.

    Raises FileNotFoundError where there are none or some are missing, VectorsError where a file is
    damaged, holds no vectors, or differs from the first in columns or width.
    """
    path = Path(path)
    files = store_files(path)
    if not files or not files[0].is_file():
        raise FileNotFoundError(f"{path} holds no Parquet files of vectors; name another folder.")
    _check_complete(path, files)
    if numbered_columns(files[0]):
        raise VectorsError(
            f"{files[0]} has a column for each number of its vectors; a store has them as lists in "
            "one column, vector. Write them so."
        )
    layouts = tuple(parquet_layout(file, label_column) for file in files)
    for file, layout in zip(files, layouts, strict=True):
        same = (layout.width, layout.known, layout.facts) == (
            layouts[0].width,
            layouts[0].known,
            layouts[0].facts,
        )
        if not same:
            raise VectorsError(
                f"{file} and {files[0].name} differ in the width of their vectors, in their "
                f"columns or in what made them; keep files of one kind in a folder."
            )
    store = Store(path, tuple(files), layouts)
    if len(store) > MAX_ROWS:
        raise VectorsError(
            f"{path} holds {len(store):,} vectors; at most {MAX_ROWS:,} are read. Divide it."
        )
    return store


def store_files(path: Path) -> list[Path]:
    """Return the files of a store, in the order of their rows: [] where a folder has none.

    VectorsError for a HATS catalogue that is not whole.
    """
    if is_hats(path):
        try:
            return hats_files(path)
        except DataError as error:
            raise VectorsError(str(error)) from error
    return sorted(path.glob("*.parquet")) if path.is_dir() else [path]


def part_name(number: int, count: int) -> str:
    """Return the name of one partition."""
    return f"part-{number:05d}-of-{count:05d}.parquet"


def _codes(ids: np.ndarray) -> np.ndarray:
    """Return a number for each id, uint64 (n,): equal for equal ids."""
    if ids.dtype.kind in "iu":
        return ids.astype(np.uint64)
    return pd.util.hash_array(ids.astype(str).astype(object), categorize=False)


def _check_complete(path: Path, files: list[Path]) -> None:
    """Raise FileNotFoundError where the names of the files say that some are missing."""
    matches = [PART_NAME.fullmatch(file.name) for file in files]
    if not all(matches):
        return
    kinds = {(match[1], int(match[3])) for match in matches if match}
    if len(kinds) > 1:
        raise VectorsError(f"{path} holds the partitions of {len(kinds)} stores; keep one.")
    ((name, count),) = kinds
    if path.is_dir() and len(files) < count:
        raise FileNotFoundError(
            f"{path} is unfinished: it has {len(files)} of {count} partitions {name}; start the "
            f"command that writes it again."
        )


def _as_ids(names: Collection[str], dtype: np.dtype[Any]) -> dict[int, list[str]]:
    """Return the names that are whole numbers of this type, by number."""
    limits, found = np.iinfo(dtype), dict[int, list[str]]()
    for name in names:
        if name.removeprefix("-").isdecimal() and limits.min <= int(name) <= limits.max:
            found.setdefault(int(name), []).append(name)
    return found


def _taken(file: pa.parquet.ParquetFile, rows: np.ndarray, names: list[str]) -> pa.Table:
    """Return some rows of some columns, in the order given; only their row groups are read."""
    counts = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
    ends = np.cumsum(counts)
    groups = np.unique(np.searchsorted(ends, rows, side="right"))
    table = read_columns(file, names, groups.tolist())
    table.validate(full=True)  # of a damaged file, words may lie anywhere
    inside = np.concatenate([[0], np.cumsum([counts[group] for group in groups])])
    place = np.searchsorted(groups, np.searchsorted(ends, rows, side="right"))
    firsts = np.array([ends[group] - counts[group] for group in groups])
    return table.take(pa.array(inside[place] + rows - firsts[place]))
