"""Parquet files whose pages are looked at before pyarrow makes room for what they claim.

Before each page of a column stands how large it is, packed and unpacked. pyarrow asks for as much
memory, up to 2 GB a page, before it finds that this is not true. *Source:* PageHeader of the
Parquet format, parquet.thrift.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import fs, parquet

from astrojepa.data.parquet_footer import MAX_FOOTER, Chunk, Compact, row_groups

# numbers of fields in parquet.thrift
TYPE, UNPACKED, PACKED, NUM_VALUES = 1, 2, 3, 1
DICTIONARY = 2  # type of a page
OF_TYPE = {0: 5, DICTIONARY: 7, 3: 8}  # which field is about a page of values, by its type
HEADERS = (2**7, 2**13, 2**17, 2**20, 2**24)  # bytes of a header that are tried: of statistics
MAX_FIELDS = 100  # of a header; the format has 30
MAX_PAGES = 2**20  # of all columns that are read together: 10 s to look at
UNCOUNTED = 100  # bytes: parquet-mr up to 1.2.8 leaves out the header of a dictionary
# bytes that a value of a dictionary takes, at least, by Type of parquet.thrift
VALUE = {1: 4, 2: 8, 3: 12, 4: 4, 5: 8, 6: 4, 7: 1}
# bytes that one packed byte may become, at most, by CompressionCodec: Snappy, gzip, LZ4 and
# Zstandard by what their shortest commands make; of Brotli there is no such number
RATIO = {1: 22, 2: 1032, 5: 255, 6: 2**15, 7: 255}


def check_footer(content: Any) -> None:
    """Raise ArrowInvalid where an open file claims a footer larger than is read: pyarrow takes
    six times its size.
    """
    end = content.read_at(8, max(0, content.size() - 8))
    length = int.from_bytes(end[:4], "little")
    if end[4:] == b"PAR1" and length > MAX_FOOTER:
        raise pa.ArrowInvalid(f"its footer has {length:,} bytes; at most {MAX_FOOTER:,} are read")


class CheckedParquet(parquet.ParquetFile):
    """A Parquet file that refuses to read a page which claims more than the footer says of its
    column, or than its packed bytes can hold: ArrowInvalid, as pyarrow says of other damage.

    `chunks` are those of each row group by the place of their column, where the footer was read.
    """

    def __init__(
        self,
        path: str | Path,
        chunks: Sequence[Sequence[Chunk] | Mapping[int, Chunk]] | None = None,
        **options: Any,
    ) -> None:
        self._path, self._content = path, fs.LocalFileSystem().open_input_file(str(path))
        self._seen: set[tuple[int, int]] = set()
        self._given = chunks
        try:
            check_footer(self._content)
            super().__init__(self._content, **options)
        except BaseException:
            self._content.close()
            raise

    def close(self, force: bool = True) -> None:
        """Close the file."""
        super().close(force)

    def read(self, columns: Sequence[str] | None = None, **options: Any) -> pa.Table:
        """Read columns of all row groups."""
        self._check(range(self.num_row_groups), columns)
        return super().read(columns=columns, **options)

    def read_row_group(
        self, i: int, columns: Sequence[str] | None = None, **options: Any
    ) -> pa.Table:
        """Read columns of one row group."""
        self._check([i], columns)
        return super().read_row_group(i, columns=columns, **options)

    def read_row_groups(
        self, row_groups: Sequence[int], columns: Sequence[str] | None = None, **options: Any
    ) -> pa.Table:
        """Read columns of some row groups."""
        self._check(row_groups, columns)
        return super().read_row_groups(row_groups, columns=columns, **options)

    def iter_batches(
        self,
        batch_size: int = 2**16,
        row_groups: Sequence[int] | None = None,
        columns: Sequence[str] | None = None,
        **options: Any,
    ) -> Iterable[pa.RecordBatch]:
        """Yield columns of some row groups, all of them if not said, a batch at a time."""
        self._check(range(self.num_row_groups) if row_groups is None else row_groups, columns)
        return super().iter_batches(batch_size, row_groups=row_groups, columns=columns, **options)

    def chunks(self, columns: Sequence[str]) -> list[dict[int, Chunk]]:
        """Return the chunks of columns, with which the file may be opened again."""
        places = self._places(columns)
        return [{place: chunks[place] for place in places} for chunks in self._chunks]

    @cached_property
    def _chunks(self) -> Sequence[Sequence[Chunk] | Mapping[int, Chunk]]:
        return self._given or [group.chunks for group in row_groups(self._path)]

    @cached_property
    def _leaves(self) -> list[tuple[str, int]]:
        """The columns of numbers and words by their names, such as image.bytes., in order."""
        return sorted((f"{self.schema.column(k).path}.", k) for k in range(len(self.schema)))

    def _places(self, columns: Sequence[str] | None) -> list[int]:
        found = set(range(len(self.schema)) if columns is None else ())
        for name in (f"{column}." for column in columns or ()):
            at = bisect.bisect_left(self._leaves, (name,))
            while at < len(self._leaves) and self._leaves[at][0].startswith(name):
                found.add(self._leaves[at][1])
                at += 1
        return sorted(found)

    def _check(self, groups: Iterable[int], columns: Sequence[str] | None) -> None:
        """Look at the pages of columns, once for each row group."""
        places, left = self._places(columns), MAX_PAGES
        try:
            for group in groups:
                for place in places:
                    if (group, place) not in self._seen:
                        left -= self._check_pages(self._chunks[group][place], left)
                        self._seen.add((group, place))
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise pa.ArrowInvalid("its pages are not where its footer says") from error
        except ValueError as error:
            raise pa.ArrowInvalid(str(error)) from error

    def _check_pages(self, chunk: Chunk, left: int) -> int:
        """Go from page to page as pyarrow does: until all values, or all bytes, were seen. Return
        the number of pages, of which `left` may be there.
        """
        place, end, values, pages = chunk.start, chunk.start + chunk.packed, 0, 0
        if end > self._content.size():
            raise ValueError("a column ends behind the file")
        while place < end and values < chunk.values:
            if (pages := pages + 1) > left:
                raise ValueError(f"more than {MAX_PAGES:,} pages of its columns are read together")
            header, length = self._header(place, end)
            packed, unpacked = header[PACKED], header[UNPACKED]
            place += length + packed
            most = min(chunk.unpacked, RATIO.get(chunk.codec, 2**31) * packed + 64)
            if packed < 0 or place > end + UNCOUNTED:
                raise ValueError(f"a page claims {packed:,} bytes, which its column has not left")
            if not 0 <= unpacked <= most:
                raise ValueError(f"a page of at most {most:,} bytes claims {unpacked:,} unpacked")
            kind = header[TYPE]
            said = [number for number in OF_TYPE.values() if number in header]
            if said != [OF_TYPE[kind]] if kind in OF_TYPE else said:
                raise ValueError("a page is of another type than its header describes")
            if not said:
                continue  # pyarrow passes over an index, and over what is not known yet
            count, room = header[said[0]].get(NUM_VALUES), chunk.values - values
            if kind == DICTIONARY:
                room = unpacked // VALUE.get(chunk.kind, 1)
            else:
                values += count
            if not 0 <= count <= room:
                raise ValueError(f"a page of at most {room:,} values claims {count:,}")
        return pages

    def _header(self, place: int, end: int) -> tuple[dict[int, Any], int]:
        """Read the header of a page, and its length."""
        for size in HEADERS:
            content = Compact(self._content.read_at(min(size, end - place), place), MAX_FIELDS)
            try:
                header = content.struct()
            except (IndexError, ValueError) as error:
                if size < min(end - place, HEADERS[-1]):
                    continue  # it may be longer
                raise ValueError("the header of a page is damaged") from error
            return header, content.place
        raise AssertionError
