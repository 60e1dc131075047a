"""Columns of Arrow, compared with the values that were put in."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from astropy.table import MaskedColumn, Table
from pyarrow import parquet

from astrojepa.data import DataError
from astrojepa.data.arrow_columns import each_batch, holds_values, to_frame, to_series
from astrojepa.data.id_keys import id_keys

LONG = 1237648720142401611


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (pa.array(["Sa", None, "E"]).dictionary_encode(), ["Sa", None, "E"]),
        (pa.array([3, 1, 3]).dictionary_encode(), [3, 1, 3]),
        (pa.array(["Sa", "E"], pa.string_view()), ["Sa", "E"]),
        (pa.array([LONG, None, 5]), [str(LONG), "", "5"]),
        (pa.array([2**64 - 1, 7], pa.uint64()), [2**64 - 1, 7]),
        (pa.array([Decimal(LONG), None]), [str(LONG), ""]),
        (pa.array([Decimal("10.5"), Decimal("-0.25"), None]), [10.5, -0.25, None]),
        (pa.array([Decimal("1.5"), Decimal("0.1")], pa.decimal256(76, 40)), [1.5, 0.1]),
        (pa.array([date(2020, 2, 29), None]), ["2020-02-29", ""]),
        (pa.array([datetime(2020, 2, 29, 12, 30)]), ["2020-02-29 12:30:00"]),
        (pa.array([b"NGC 1", b"\xce\xb2"]), ["NGC 1", "β"]),
        (pa.array([True, None, False]), [True, None, False]),
        (pa.array([1, 2], pa.int8()), [1, 2]),
    ],
)
def test_a_column_keeps_every_digit_word_and_gap(written: Any, expected: list[Any]) -> None:
    found = to_series(pa.chunked_array([written[:1], written[1:]]))
    assert [None if value is None or value != value else value for value in found] == expected


def test_whole_numbers_with_a_gap_are_floats_as_long_as_these_hold_them() -> None:
    assert np.array_equal(to_series(pa.chunked_array([[2**53, None]])), [2.0**53, np.nan], True)


def test_columns_of_lists_structs_and_bytes_have_no_value_a_row() -> None:
    kinds = [pa.list_(pa.int8()), pa.struct([("bytes", pa.binary())]), pa.binary()]
    assert not any(map(holds_values, kinds))
    assert all(map(holds_values, [pa.int8(), pa.dictionary(pa.int8(), pa.string()), pa.date32()]))


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(DataError, match="two columns called 'a'"):
        to_frame(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]))


def test_a_dictionary_that_would_fill_the_memory_is_refused() -> None:
    codes = pa.DictionaryArray.from_arrays(pa.array([0] * 300, pa.int32()), ["x" * 2**23])
    with pytest.raises(DataError, match=r"takes up to 2\.5 GB"):
        to_series(pa.chunked_array([codes]))


@pytest.mark.parametrize("text", [False, True])
def test_ids_that_a_mask_of_astropy_says_are_missing_are_gaps_piece_by_piece(
    text: bool, tmp_path: Path
) -> None:
    ids = MaskedColumn([*range(11, 18)], mask=[row in (1, 6) for row in range(7)])
    table = Table({"object_id": ids.astype(str) if text else ids, "z": np.arange(7.0)})
    table.write(tmp_path / "x.parquet")
    with parquet.ParquetFile(tmp_path / "x.parquet", read_dictionary=["object_id"]) as file:
        assert "object_id.mask" in file.schema_arrow.names
        parts = [*each_batch(file, "object_id", 3)]
    assert [len(part) for part in parts] == [3, 3, 1]
    found = [value for part in parts for value in part.to_pylist()]
    assert [value and int(value) for value in found] == [11, None, 13, 14, 15, 16, None]
    keys = np.concatenate([id_keys(part, "x") for part in parts])
    assert np.flatnonzero(keys == 0).tolist() == [1, 6]
