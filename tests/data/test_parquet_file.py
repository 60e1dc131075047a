"""Parquet files of pyarrow and DuckDB, whole and with pages that claim what they do not hold."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from pyarrow.parquet import encryption

from astrojepa.data import parquet_file, parquet_footer
from astrojepa.data.parquet_file import HEADERS, PACKED, UNPACKED, CheckedParquet
from astrojepa.data.parquet_footer import PAGES, Compact, _chunk, row_groups

NUMBERS = np.random.default_rng(0).integers(0, 2**40, 5000)
# how much memory pyarrow asked for, at most, after a file was refused by us, then by pyarrow
PEAKS = """
import sys, pyarrow as pa
from pyarrow import parquet
from astrojepa.data.parquet_file import CheckedParquet
for kind in (CheckedParquet, parquet.ParquetFile):
    try:
        kind(sys.argv[1]).read()
    except (pa.ArrowException, OSError):
        print(pa.default_memory_pool().max_memory())
"""
CODECS = ("none", "snappy", "gzip", "brotli", "lz4", "zstd")


def varied() -> pa.Table:
    """A table of words, lists in structs in lists, gaps, and words of thousands of letters."""
    rows = range(4000)
    return pa.table(
        {
            "id": [f"g{row}" for row in rows],
            "number": np.random.default_rng(0).normal(size=len(rows)),
            "same": [1.0] * len(rows),
            "gaps": pa.array([None if row % 3 else row for row in rows]),
            "few": [["Sa", "E", None][row % 3] for row in rows],
            "true": [row % 2 == 0 for row in rows],
            "image": [[{"band": "g", "flux": [[row, 1], []]}] * (row % 3) for row in rows],
            "long": ["x" * 1000 + str(row) for row in rows],
            "fixed": pa.array([row.to_bytes(5, "big") for row in rows], pa.binary(5)),
        }
    )


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("dictionary", [True, False])
def test_whole_files_of_pyarrow_are_read_as_pyarrow_reads_them(
    tmp_path: Path, codec: str, dictionary: bool, version: str
) -> None:
    path, table = tmp_path / "t.parquet", varied()
    how = {"use_dictionary": dictionary, "data_page_version": version, "data_page_size": 4096}
    parquet.write_table(table, path, row_group_size=1500, compression=codec, **how)
    names = ["image", "few", "long"]
    assert any(end - start > HEADERS[0] for start, end in pages(path, 8))  # long
    with CheckedParquet(path) as file:
        assert file.read() == table
        assert file.read_row_group(1, names) == table.slice(1500, 1500).select(names)
        assert file.read_row_groups([2], names) == table.slice(3000).select(names)
        batches = file.iter_batches(100, row_groups=[0, 1], columns=names)
        assert pa.Table.from_batches(batches) == table.slice(0, 3000).select(names)


@pytest.mark.parametrize("codec", CODECS)
def test_values_that_are_packed_as_densely_as_can_be_are_read(tmp_path: Path, codec: str) -> None:
    path, table = tmp_path / "t.parquet", pa.table({"number": np.zeros(10**6)})
    how: dict[str, Any] = {"use_dictionary": False, "max_rows_per_page": 10**7}
    parquet.write_table(table, path, compression=codec, data_page_size=2**30, **how)
    with CheckedParquet(path) as file:
        assert file.read() == table


@pytest.mark.parametrize("codec", CODECS)
def test_whole_files_of_duckdb_are_read(tmp_path: Path, codec: str) -> None:
    duckdb = pytest.importorskip("duckdb")
    path, packed = tmp_path / "t.parquet", "uncompressed" if codec == "none" else codec
    rows = (
        "SELECT i, i % 7 AS few, [i, 2 * i] AS two, repeat('x', i % 300) AS word FROM range(9999)"
    )
    duckdb.sql(f"COPY ({rows} t(i)) TO '{path}' (FORMAT parquet, COMPRESSION {packed})")
    with CheckedParquet(path) as file:
        assert file.read() == parquet.read_table(path)


@pytest.mark.parametrize("encoding", ["DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"])
def test_whole_files_of_other_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    path, table = tmp_path / "t.parquet", pa.table({"number": NUMBERS})
    how: dict[str, Any] = {"use_dictionary": False, "column_encoding": {"number": encoding}}
    parquet.write_table(table, path, **how)
    with CheckedParquet(path) as file:
        assert file.read() == table


def test_columns_begin_where_pyarrow_says(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    parquet.write_table(varied(), path, row_group_size=1500)
    facts = parquet.read_metadata(path)
    for number, group in enumerate(row_groups(path)):
        for place, chunk in enumerate(group.chunks):
            said = facts.row_group(number).column(place)
            assert chunk.start == (said.dictionary_page_offset or said.data_page_offset)
            assert chunk.packed == said.total_compressed_size
            assert chunk.unpacked == said.total_uncompressed_size
    no_dictionary = {1: 2, 4: 0, 5: 1, 6: 9, 7: 9, PAGES: 400, 11: 0}
    assert _chunk(no_dictionary).start == 400


def varint(number: int) -> bytes:
    """A number in Thrift's compact protocol."""
    left, found = (number << 1) ^ (number >> 63), b""
    while left > 127:
        found, left = found + bytes([left & 127 | 128]), left >> 7
    return found + bytes([left])


def pages(path: Path, place: int) -> list[tuple[int, int]]:
    """The places of the pages of a column, and of what follows their headers."""
    chunk, content = row_groups(path)[0].chunks[place], path.read_bytes()
    found, start = [], chunk.start
    while start < chunk.start + chunk.packed:
        header = Compact(content[start:])
        packed = header.struct()[PACKED]
        found.append((start, start + header.place))
        start += header.place + packed
    return found


def harm(path: Path, page: tuple[int, int], unpacked: int = 0, packed: int = 0) -> None:
    """Let a page say other sizes. The first of its values make room for the longer numbers."""
    content, (start, end) = path.read_bytes(), page
    header, said = content[start:end], Compact(content[start:end]).struct()
    longer = len(varint(unpacked or said[UNPACKED])) - len(varint(said[UNPACKED]))
    for field, number in (
        (UNPACKED, unpacked or said[UNPACKED]),
        (PACKED, packed or said[PACKED] - longer),
    ):
        header = header.replace(b"\x15" + varint(said[field]), b"\x15" + varint(number), 1)
    path.write_bytes(content[:start] + header + content[start + len(header) :])


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"unpacked": 2**30}, "claims 1,073,741,824 unpacked"),
        ({"unpacked": -5}, "claims -5 unpacked"),
        ({"packed": 2**30}, "claims 1,073,741,824 bytes"),
        ({"packed": -5}, "claims -5 bytes"),
    ],
)
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_page_that_claims_what_its_column_has_not_is_refused(
    tmp_path: Path, sizes: dict[str, int], message: str, version: str
) -> None:
    path = tmp_path / "t.parquet"
    how: dict[str, Any] = {"use_dictionary": False, "data_page_version": version}
    parquet.write_table(pa.table({"number": NUMBERS, "other": NUMBERS}), path, **how)
    harm(path, pages(path, 1)[0], **sizes)

    with CheckedParquet(path) as file:
        with pytest.raises(pa.ArrowInvalid, match=message):
            file.read(["other"])
        assert file.read(["number"])["number"].to_pylist() == NUMBERS.tolist()


@pytest.mark.slow(2)
def test_no_room_is_made_for_what_a_page_claims(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"number": NUMBERS}), path, use_dictionary=False)
    harm(path, pages(path, 0)[0], unpacked=2**30)
    command = [sys.executable, "-P", "-c", PEAKS, str(path)]
    ours, pyarrows = map(int, subprocess.check_output(command, text=True).split())
    assert ours < 10**6 < 2**30 < pyarrows


def test_a_page_that_claims_more_than_its_bytes_can_hold_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    numbers = np.random.default_rng(0).normal(size=100_010)
    how: dict[str, Any] = {"use_dictionary": False, "max_rows_per_page": 50_000}
    parquet.write_table(pa.table({"number": numbers}), path, **how)
    *_, last = pages(path, 0)
    harm(path, last, unpacked=700_000)
    assert row_groups(path)[0].chunks[0].unpacked > 800_000
    with CheckedParquet(path) as file, pytest.raises(pa.ArrowInvalid, match="claims 700,000"):
        file.read()


@pytest.mark.parametrize("field", ["dictionary", "data"])
def test_a_page_that_claims_more_values_than_there_are_is_refused(
    tmp_path: Path, field: str
) -> None:
    path = tmp_path / "t.parquet"
    words = [f"w{row % 300:03}" for row in range(5000)]
    parquet.write_table(pa.table({"word": words}), path, use_dictionary=field == "dictionary")
    content = path.read_bytes()
    count = varint(300 if field == "dictionary" else 5000)
    place = content.index(b"\x15" + count)  # of the header of the first page
    path.write_bytes(content[: place + 1] + varint(8000) + content[place + 3 :])
    with CheckedParquet(path) as file, pytest.raises(pa.ArrowInvalid, match="claims 8,000"):
        file.read()


def field(step: int, number: int) -> bytes:
    """A number of a struct, so many fields behind the one before it."""
    return bytes([step << 4 | 5]) + varint(number)


# the structs of a page, as parquet.thrift has them: of 5000 values, and of none
ABOUT = {number: b"".join(field(1, said) for said in (number, 0, 3, 3)) for number in (5000, 0)}
ABOUT_2 = b"".join(field(1, said) for said in (5000, 0, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("kind", "about"),
    [
        (1, [(5, ABOUT[5000])]),  # an index
        (2, [(5, ABOUT[5000]), (7, ABOUT[0][:4])]),  # a dictionary, also of values
        (0, [(5, ABOUT[0]), (8, ABOUT_2)]),  # values, also of the second version
        (0, [(8, ABOUT_2)]),
        (3, [(5, ABOUT[5000])]),
    ],
)
def test_a_page_that_hides_the_next_behind_another_type_is_refused(
    tmp_path: Path, kind: int, about: list[tuple[int, bytes]]
) -> None:
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"number": NUMBERS}), path, use_dictionary=False)
    start, content = row_groups(path)[0].chunks[0].start, bytearray(path.read_bytes())

    def header(kind: int, sizes: tuple[int, int], about: list[tuple[int, bytes]]) -> bytes:
        made, at = b"".join(field(1, number) for number in (kind, *sizes)), 3
        for number, body in about:
            made, at = made + bytes([(number - at) << 4 | 12]) + body + b"\0", number
        return made + b"\0"

    hidden = header(0, (2**30, 1000), [(5, ABOUT[5000])])
    made = header(kind, (0, 0), about) + hidden
    content[start : start + len(made)] = made
    path.write_bytes(content)
    with CheckedParquet(path) as file, pytest.raises(pa.ArrowInvalid, match="another type"):
        file.read()


@pytest.mark.slow
def test_statistics_of_any_length_and_many_small_row_groups_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.parquet"
    raw = np.random.default_rng(0).bytes(2000)
    table = pa.table({"image": [bytes([row % 256]) + raw for row in range(12_000)]})
    parquet.write_table(table, path, row_group_size=1)  # 48 MB of statistics
    with CheckedParquet(path) as file:
        assert file.read() == table
        monkeypatch.setattr(parquet_file, "MAX_PAGES", 2)
        file._seen.clear()
        assert file.read_row_group(11_999) == table.slice(11_999)
        with pytest.raises(pa.ArrowInvalid, match="more than 2 pages"):
            file.read()


def test_a_footer_is_read_once_where_a_file_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, table = tmp_path / "t.parquet", varied()
    parquet.write_table(table, path, row_group_size=1000)
    names = ["id", "image"]
    with CheckedParquet(path) as file:
        chunks = file.chunks(names)
    monkeypatch.setattr(parquet_file, "row_groups", None)
    with CheckedParquet(path, chunks) as file:
        assert file.read(names) == table.select(names)
        with pytest.raises(pa.ArrowInvalid, match="not where"):
            file.read(["few"])


def test_a_footer_of_too_many_fields_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(Compact(b"\x19\xf3\x03\1\2\3\0", 4).struct()[1]) == 3  # a list of three
    for content in (b"\x19\xf3\x03\1\2\3\0", b"\x15\0\x15\0\x15\0\x15\0\0"):
        with pytest.raises(ValueError, match="too many fields"):
            Compact(content, 3).struct()
    assert parquet_footer.MAX_FIELDS >= 10**7


def test_what_follows_no_page_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"number": NUMBERS}), path)
    content, start = bytearray(path.read_bytes()), row_groups(path)[0].chunks[0].start
    content[start : start + 20] = bytes(20)
    path.write_bytes(content)
    with CheckedParquet(path) as file, pytest.raises(pa.ArrowInvalid, match="not where"):
        file.read()


class Keys(encryption.KmsClient):
    """Hides nothing."""

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> bytes:
        return base64.b64encode(key_bytes)

    def unwrap_key(self, wrapped_key: bytes, master_key_identifier: str) -> bytes:
        return base64.b64decode(wrapped_key)


def test_encrypted_columns_are_refused(tmp_path: Path) -> None:
    path, table = tmp_path / "t.parquet", pa.table({"open": [1, 2], "secret": [3, 4]})
    factory = encryption.CryptoFactory(lambda config: Keys())
    config = encryption.EncryptionConfiguration(
        footer_key="f", column_keys={"k": ["secret"]}, plaintext_footer=True
    )
    secret = factory.file_encryption_properties(encryption.KmsConnectionConfig(), config)
    parquet.write_table(table, path, encryption_properties=secret)
    with pytest.raises(ValueError, match="encrypted"):
        row_groups(path)


def test_a_footer_of_more_bytes_than_are_read_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    with path.open("wb") as stream:  # zeros, which take no room on the disk
        stream.truncate(parquet_footer.MAX_FOOTER + 100)
        stream.seek(0, 2)
        stream.write((parquet_footer.MAX_FOOTER + 1).to_bytes(4, "little") + b"PAR1")
    with pytest.raises(pa.ArrowInvalid, match=r"footer has 64,000,001 bytes; at most 64,000,000"):
        CheckedParquet(path)


def test_columns_are_found_by_their_names_and_those_of_what_they_are_in(tmp_path: Path) -> None:
    table = varied().append_column("same.2", [[2.0] * 4000]).append_column("sam", [[3.0] * 4000])
    parquet.write_table(table, tmp_path / "t.parquet")
    with CheckedParquet(tmp_path / "t.parquet") as file:
        leaves = [file.schema.column(k).path for k in range(len(file.schema))]
        for columns in (["same"], ["image", "few"], ["image.list.element.flux"], None):
            expected = [
                place
                for place, leaf in enumerate(leaves)
                if columns is None or any(leaf == c or leaf.startswith(f"{c}.") for c in columns)
            ]
            assert [*file.chunks(columns)[0]] == expected
