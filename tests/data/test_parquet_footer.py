"""Counts in the footer of Parquet files, beside pyarrow's own."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from astrojepa.data.parquet_footer import count_values


def by_pyarrow(path: Path) -> Counter[str]:
    facts, counts = parquet.read_metadata(path), Counter[str]()
    for group in range(facts.num_row_groups):
        for place in range(facts.num_columns):
            chunk = facts.row_group(group).column(place)
            counts[chunk.path_in_schema.partition(".")[0]] += chunk.num_values
    return counts


def test_counts_are_those_of_pyarrow_over_many_row_groups_and_columns(tmp_path: Path) -> None:
    rows = 200
    lists = [[float(row)] * (row % 4) for row in range(rows)]  # empty ones count as one value
    table = pa.table(
        {
            "id": [f"g{row}" for row in range(rows)],
            "vector": pa.FixedSizeListArray.from_arrays(pa.array(np.arange(rows * 7.0)), 7),
            "lists": pa.array(lists),
            "known": pa.array([None, True] * (rows // 2)),
            "both": pa.array([{"a": 1, "b": "x"}] * rows),
            **{f"number {place}": np.arange(rows) for place in range(20)},
        }
    )
    parquet.write_table(table, tmp_path / "t.parquet", row_group_size=60)
    assert count_values(tmp_path / "t.parquet") == by_pyarrow(tmp_path / "t.parquet")
    assert count_values(tmp_path / "t.parquet")["vector"] == rows * 7


@pytest.mark.parametrize(
    "content",
    [b"", b"PAR1", b"PAR1" + b"\xff\xff\xff\x7fPAR1", b"PAR1" + b"\x19" * 30 + b"\x1e\0\0\0PAR1"],
    ids=["nothing", "a beginning", "an endless footer", "lists in lists"],
)
def test_a_damaged_footer_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.parquet").write_bytes(content)
    with pytest.raises(ValueError, match="footer"):
        count_values(tmp_path / "t.parquet")
