"""How many rows and values a Parquet file says that it holds, and how large they are, from its
footer.

pyarrow tells this too, but a damaged footer then ends the process: a C++ exception that it does not
catch. *Source:* the Parquet format, parquet.thrift, in Thrift's compact protocol.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MAGIC = b"PAR1"
MAX_FOOTER = 64_000_000  # bytes
MAX_FIELDS = 2**24  # of a footer, which take 2 GB while they are read
SMALL_FOOTER = 2**17  # bytes of one that is kept after it was read, with 255 others
DEEPEST = 12  # levels of structs and lists; the format has fewer
# numbers of fields in parquet.thrift
ROW_GROUPS, COLUMNS, NUM_ROWS, META_DATA, ENCRYPTED = 4, 1, 3, 3, 8
TYPE, PATH, CODEC, NUM_VALUES, UNPACKED, PACKED, PAGES, DICTIONARY = 1, 3, 4, 5, 6, 7, 9, 11
MOST = 2**62  # values, rows or bytes


@dataclass(frozen=True, slots=True)
class Chunk:
    """What the footer says of one column of numbers or words in one row group."""

    kind: int  # Type of parquet.thrift
    codec: int  # CompressionCodec
    values: int  # missing ones included
    start: int  # place of its first page in the file
    packed: int  # bytes of all pages
    unpacked: int


@dataclass(frozen=True)
class RowGroup:
    """What the footer says of one row group, by top-level column."""

    rows: int
    values: Counter[str]  # missing ones included
    unpacked: Counter[str]  # bytes
    chunks: list[Chunk] = field(default_factory=list)  # in the order of the schema


def row_groups(path: str | Path) -> tuple[RowGroup, ...]:
    """Return what the footer says of each row group; ValueError where it is damaged."""
    footer = _footer(Path(path))
    return (_kept_groups if len(footer) <= SMALL_FOOTER else _groups)(footer)


def _groups(footer: bytes) -> tuple[RowGroup, ...]:
    try:
        content, found = Compact(footer).struct(), []
        for group in content.get(ROW_GROUPS, ()):
            about = RowGroup(_count(group[NUM_ROWS]), Counter(), Counter())
            for column in group[COLUMNS]:
                if ENCRYPTED in column:
                    raise ValueError("its columns are encrypted")
                facts = column[META_DATA]
                name, chunk = facts[PATH][0].decode(), _chunk(facts)
                about.values[name] += chunk.values
                about.unpacked[name] += chunk.unpacked
                about.chunks.append(chunk)
            found.append(about)
    except (KeyError, IndexError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise ValueError("its footer is damaged") from error
    return tuple(found)


# a store is opened at every click
_kept_groups = functools.lru_cache(maxsize=256)(_groups)


def _chunk(facts: dict[int, Any]) -> Chunk:
    """Make a chunk of its ColumnMetaData; a dictionary at 0 is none, as some writers say it."""
    pages, dictionary = _count(facts[PAGES]), _count(facts.get(DICTIONARY, 0))
    return Chunk(
        kind=_count(facts[TYPE]),
        codec=_count(facts[CODEC]),
        values=_count(facts[NUM_VALUES]),
        start=min(pages, dictionary or pages),
        packed=_count(facts[PACKED]),
        unpacked=_count(facts[UNPACKED]),
    )


def count_values(path: str | Path) -> Counter[str]:
    """Return the number of values, missing ones included, of each top-level column.

    ValueError where the footer is damaged.
    """
    return sum((group.values for group in row_groups(path)), Counter())


def _count(number: int) -> int:
    if not 0 <= number < MOST:
        raise ValueError("its footer holds a negative count")
    return number


def footers_hash(paths: Sequence[Path]) -> str:
    """Hash what the footers of files say (16 hex digits), with number on the disk, length and times
    of each: what changes when a file is written anew, without reading its values.
    """
    digest = hashlib.sha256()
    for path in paths:
        state = path.stat()
        about = (path.name, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
        digest.update(repr(about).encode())
        digest.update(_footer(path))
    return digest.hexdigest()[:16]


def _footer(path: Path) -> bytes:
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - 8))
        tail = stream.read(8)
        length = int.from_bytes(tail[:4], "little")
        if tail[4:] != MAGIC or not 0 < length <= min(size - 8, MAX_FOOTER):
            raise ValueError("its footer is missing, encrypted, or too long")
        stream.seek(size - 8 - length)
        return stream.read(length)


class Compact:
    """Reads `most` values of Thrift's compact protocol: a struct is a dict by field number."""

    def __init__(self, content: bytes, most: int = MAX_FIELDS) -> None:
        self.content, self.place, self.left = content, 0, most

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """Read a struct to its end."""
        if depth > DEEPEST:
            raise ValueError("its footer is nested too deeply")
        found: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            self._take(1)
            step, kind = head >> 4, head & 15
            number = number + step if step else self._integer()
            if number in found or not 0 < number < 2**15:  # others may read it as another
                raise ValueError("its footer has a field twice")
            # a truth stands in the head itself
            found[number] = kind == 1 if kind in (1, 2) else self._value(kind, depth)
        return found

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (1, 2, 3):
            return self._byte()
        if kind in (4, 5, 6):
            return self._integer()
        if kind == 7:
            return self._bytes(8)
        if kind == 8:
            return self._bytes(self._varint())
        if kind in (9, 10):
            return self._list(depth + 1)
        if kind == 12:
            return self.struct(depth + 1)
        raise ValueError("its footer holds an unknown kind of value")

    def _list(self, depth: int) -> list[Any]:
        if depth > DEEPEST:
            raise ValueError("its footer is nested too deeply")
        head = self._byte()
        count = head >> 4 if head >> 4 < 15 else self._varint()
        if count > len(self.content):
            raise ValueError("its footer claims more than it holds")
        self._take(count)
        return [self._value(head & 15, depth) for _ in range(count)]

    def _take(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise ValueError("its footer has too many fields")

    def _byte(self) -> int:
        self.place += 1
        return self.content[self.place - 1]

    def _bytes(self, length: int) -> bytes:
        self.place += length
        if self.place > len(self.content):
            raise ValueError("its footer is cut short")
        return self.content[self.place - length : self.place]

    def _varint(self) -> int:
        found = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            found |= (byte & 127) << shift
            if byte < 128:
                return found
        raise ValueError("its footer holds a number without end")

    def _integer(self) -> int:
        zigzag = self._varint()
        return (zigzag >> 1) ^ -(zigzag & 1)
