"""Vectors of a large catalogue on disk: a folder with a manifest and Parquet shards.

The folder holds manifest.json (whose vectors these are), blocks/ while it is being made (one small
Parquet file per finished block of rows), and in the end shard-00000-of-00002.parquet, ...: the row
groups of shard r of w are the blocks r, r + w, ..., none where there are fewer blocks than
processes.

Columns: id (string), row (int64, place in the data set), label (string, null where unknown), ra,
dec (float64, degrees, null where unknown), vector (fixed_size_list<float32>[D]). The schema's
metadata repeats the manifest. Pages carry checksums.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from astrojepa.data.dataset import Dataset
from astrojepa.data.parquet_file import CheckedParquet
from astrojepa.evaluation.vectors.store import OPTIONS
from astrojepa.files import alone, atomic_write, read_json
from astrojepa.types import Embeddings
from astrojepa.wording import OneLineError, one_line

FORMAT = 1
MANIFEST = "manifest.json"
FACTS = {
    "format",
    "model",
    "model_hash",
    "settings",
    "width",
    "data",
    "data_fingerprint",
    "count",
    "classes",
    "block_size",
}
LIMITS = {"count": 10**9, "width": 10**5, "block_size": 10**9}
MAX_BLOCKS = 10**6
SHARD_NAME = re.compile(r"shard-(\d{5})-of-(\d{5})\.parquet")
AGAIN = "start the same embed command again."


class DamagedShardError(OneLineError):
    """A Parquet file that is missing, was cut short, or was altered after it was written."""


def read_shards(path: str | Path) -> Embeddings:
    """Join the shards of a folder: vectors float32 (n, D) in data order, labels, ids, classes.

    Raises FileNotFoundError where the folder holds no embedding or an unfinished one, ValueError
    (naming the file) where a shard is damaged, belongs to another embedding, or holds other rows
    than its name says: every galaxy is there exactly once.
    """
    folder = open_shards(path)
    facts, shards = folder.facts, folder.shards()
    if absent := [shard.name for shard in shards if not shard.is_file()] or (
        [] if shards else ["every shard"]
    ):
        raise FileNotFoundError(f"{path} is unfinished: it lacks {', '.join(absent[:3])}; {AGAIN}")
    number = {name: label for label, name in enumerate(facts["classes"])} | {None: -1}
    count, width, blocks = facts["count"], facts["width"], folder.blocks
    for part, shard in enumerate(shards):
        # before room is made for as many vectors as the manifest says
        with folder.opened(shard, blocks[part :: len(shards)]):
            pass
    vectors, labels = np.empty((count, width), dtype=np.float32), np.empty(count, dtype=np.int64)
    ids = np.empty(count, dtype=object)
    for part, shard in enumerate(shards):
        for rows, table in folder.tables(shard, blocks[part :: len(shards)]):
            here = slice(rows.start, rows.stop)
            vectors[here] = (
                table["vector"].combine_chunks().flatten().to_numpy().reshape(len(rows), width)
            )
            labels[here] = [number[name] for name in table["label"].to_pylist()]
            ids[here] = table["id"].to_pylist()
    hashes = facts["model_hash"], facts["data_fingerprint"]
    return Embeddings(vectors, labels, ids.astype(str), tuple(facts["classes"]), *hashes)


def read_places(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Return ra, dec of the galaxies of `read_shards`, float64 (n,), degrees, NaN where unknown."""
    folder = open_shards(path)
    shards, angles = folder.shards(), np.full((2, folder.facts["count"]), np.nan)
    for part, shard in enumerate(shards):
        blocks = folder.blocks[part :: len(shards)]
        with folder.opened(shard, blocks) as file:
            table = file.read(columns=["ra", "dec"])
        rows = np.concatenate([np.arange(own.start, own.stop) for own in blocks or [range(0)]])
        for angle, name in zip(angles, ("ra", "dec"), strict=True):
            angle[rows.astype(np.int64)] = table[name].to_numpy()
    return angles[0], angles[1]


def open_shards(path: str | Path) -> ShardFolder:
    """Read a folder's manifest; FileNotFoundError if none, ValueError if different."""
    manifest = Path(path) / MANIFEST
    if not manifest.is_file():
        raise FileNotFoundError(
            f"{path} has no {MANIFEST}; give a folder that the embed command wrote and every "
            f"process can see."
        )
    facts = read_json(manifest)
    if facts.get("format") != FORMAT or facts.keys() != FACTS:
        raise ValueError(
            f"{manifest} is no manifest of vectors (format {FORMAT}), found "
            f"{one_line(sorted(facts)[:6], 160)}; give another folder."
        )
    wrong = [
        name for name, limit in LIMITS.items() if not _is_count(facts[name], limit)
    ] or _wrong_words(facts)
    if wrong or facts["count"] > MAX_BLOCKS * facts["block_size"]:
        raise ValueError(
            f"{manifest} holds no usable {', '.join(wrong) or 'block_size'}; start the embed "
            f"command again in another folder."
        )
    return ShardFolder(Path(path), facts)


def _is_count(value: Any, limit: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= limit


def _is_word(value: Any) -> bool:
    """Whether a value is text that UTF-8 can hold: JSON may name half a letter."""
    return isinstance(value, str) and value.encode(errors="replace").decode() == value


def _wrong_words(facts: dict[str, Any]) -> list[str]:
    """Name the facts that should be words and are not."""
    classes = facts["classes"]
    wrong = [
        name
        for name in ("model", "model_hash", "data", "data_fingerprint")
        if not _is_word(facts[name])
    ]
    wrong += [] if _is_word(json.dumps(facts["settings"], ensure_ascii=False)) else ["settings"]
    return wrong + (
        [] if isinstance(classes, list) and all(map(_is_word, classes)) else ["classes"]
    )


@dataclass(frozen=True)
class ShardFolder:
    """The folder of one embedding, finished or not, and what its manifest says."""

    path: Path
    facts: dict[str, Any]

    @property
    def blocks(self) -> list[range]:
        """The rows of each block."""
        count, size = self.facts["count"], self.facts["block_size"]
        return [range(first, min(first + size, count)) for first in range(0, count, size)]

    @property
    def schema(self) -> pa.Schema:
        """Columns, and the manifest as metadata."""
        columns = {
            "id": pa.string(),
            "row": pa.int64(),
            "label": pa.string(),
            "ra": pa.float64(),
            "dec": pa.float64(),
        }
        columns["vector"] = pa.list_(pa.float32(), self.facts["width"])
        facts = {
            key: value if isinstance(value, str) else json.dumps(value)
            for key, value in self.facts.items()
        }
        return pa.schema(columns, facts)

    def shards(self) -> list[Path]:
        """Return the paths of the shards begun or completed; [] if none."""
        sizes = {
            int(match[2])
            for path in self.path.iterdir()
            if (match := SHARD_NAME.fullmatch(path.name))
        }
        if len(sizes) > 1:
            raise ValueError(
                f"{self.path} holds shards of {' and of '.join(map(str, sorted(sizes)))} "
                f"processes; keep one set."
            )
        return [self.shard(part, size) for size in sizes for part in range(size)]

    def shard(self, part: int, size: int) -> Path:
        """Return the path of one shard."""
        return self.path / f"shard-{part:05d}-of-{size:05d}.parquet"

    @contextlib.contextmanager
    def alone(self, shard: Path) -> Iterator[None]:
        """Hold a shard and its blocks; OSError if another process computes them, or some of them
        because it divides the galaxies into another number of shards.
        """
        with self._held(shard, "let it finish"):
            total = shard.stem.rpartition("-")[2]
            for lock in self.path.glob(".shard-*.parquet.lock"):
                other = shard.with_name(lock.name[1:].removesuffix(".lock"))
                if other.stem.rpartition("-")[2] != total:
                    with self._held(other, "use as many parts as it does"):
                        pass
            yield

    def _held(self, shard: Path, remedy: str) -> contextlib.AbstractContextManager[None]:
        return alone(
            self.path / f".{shard.name}.lock",  # one of the leftovers in the end
            lambda who: f"Another embed, {who}, computes {shard}; {remedy}, or stop it and {AGAIN}",
            needs_locks=False,
        )

    def block(self, rows: range) -> Path:
        """Return the path of one block."""
        return self.path / "blocks" / f"rows-{rows.start:010d}.parquet"

    def write_block(self, data: Dataset, rows: range, vectors: np.ndarray) -> None:
        """Write vectors float32 (b, D) of some rows atomically, with their galaxies."""
        part = slice(rows.start, rows.stop)
        labels = [data.classes[label] if label >= 0 else None for label in data.labels[part]]
        angles = [angle[part].astype(np.float64) for angle in (data.ra, data.dec)]
        columns = [
            pa.array(data.ids[part].astype(str).tolist(), pa.string()),
            pa.array(np.arange(rows.start, rows.stop)),
            pa.array(labels, pa.string()),
            *(pa.array(angle, from_pandas=True) for angle in angles),  # NaN becomes null
            pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1]),
        ]
        with atomic_write(self.block(rows)) as stream:
            parquet.write_table(pa.table(columns, schema=self.schema), stream, **OPTIONS)

    def read_block(self, rows: range) -> pa.Table | None:
        """Return a finished block; None where there is none, or a damaged one."""
        try:
            return next(table for _, table in self.tables(self.block(rows), [rows]))
        except DamagedShardError:
            return None

    def write_shard(self, path: Path, blocks: list[range]) -> None:
        """Move finished blocks into a shard, one in memory at a time; OSError if one is gone."""
        with (
            atomic_write(path) as stream,
            parquet.ParquetWriter(stream, self.schema, **OPTIONS) as writer,
        ):
            for rows in blocks:
                if (table := self.read_block(rows)) is None:
                    raise OSError(
                        f"{self.block(rows)} was written and cannot be read back; {AGAIN}"
                    )
                writer.write_table(table)
        for rows in blocks:
            self.block(rows).unlink(missing_ok=True)

    def is_whole(self, path: Path, blocks: list[range]) -> bool:
        """Whether a shard's footer lists all blocks; content is verified on reading."""
        try:
            with self.opened(path, blocks):
                return True
        except DamagedShardError:
            return False

    def tables(self, path: Path, blocks: list[range]) -> Iterator[tuple[range, pa.Table]]:
        """Yield a file's blocks, verified; DamagedShardError or ValueError."""
        with self.opened(path, blocks) as file:
            for group, rows in enumerate(blocks):
                table = file.read_row_group(group)
                if table["row"].to_pylist() != list(rows):
                    raise DamagedShardError(
                        f"{path} lacks rows {rows.start} to {rows.stop - 1}; delete it and {AGAIN}"
                    )
                yield rows, table

    def remove_leftovers(self) -> None:
        """Remove what killed processes left behind, if every shard is there."""
        if not all(path.is_file() for path in self.shards()):
            return
        for pattern in ("blocks/rows-*.parquet", "blocks/.rows-*.parquet.*", ".shard-*.parquet.*"):
            for path in self.path.glob(pattern):
                with contextlib.suppress(OSError):  # open elsewhere, on Windows
                    path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            (self.path / "blocks").rmdir()  # unless somebody keeps other things in it

    @contextlib.contextmanager
    def opened(self, path: Path, blocks: list[range]) -> Iterator[parquet.ParquetFile]:
        """Open a file whose footer fits; DamagedShardError or ValueError."""
        try:
            with CheckedParquet(path, page_checksum_verification=True) as file:
                schema = file.schema_arrow
                if schema != self.schema or schema.metadata != self.schema.metadata:
                    raise ValueError(
                        f"{path} is of another embedding than the {MANIFEST} of its folder; choose "
                        f"another folder."
                    )
                found = (file.num_row_groups, file.metadata.num_rows)
                rows = (len(blocks), sum(map(len, blocks)))
                if found != rows:
                    raise DamagedShardError(
                        f"{path} has {found} blocks and rows, expected {rows}; delete it and "
                        f"{AGAIN}"
                    )
                yield file
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            why = (str(error).splitlines() or [""])[0]
            raise DamagedShardError(f"{path} is damaged ({why}); delete it and {AGAIN}") from error
