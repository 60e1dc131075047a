"""A store written anew in another order of its galaxies, in bounded memory."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import ipc, parquet

from astrojepa.evaluation.vectors.columns import opened_parquet
from astrojepa.evaluation.vectors.store import OPTIONS, PARTITION, ROW_GROUP, Store, part_name
from astrojepa.files import temporary_folder
from astrojepa.progress import Progress, reporting

_BATCH = 32_768  # rows moved together
_MOST_PARTITIONS = 400  # files that are open at the same time
_RANK = "__rank__"
_GONE = {b"store", b"mixture", b"row"}  # what a store said of its own order


def write_sorted(
    store: Store,
    order: np.ndarray,
    columns: Mapping[str, np.ndarray],
    path: str | Path,
    facts: Mapping[str, str],
    *,
    progress: Progress | bool | None = None,
) -> int:
    """Write the galaxies in `order` (n,), their row numbers; returns how many partitions.

    `columns` (n,) each, in the order of the store, are added or replace those of the same name;
    `facts` are added to the metadata. Rows first go to the file of their partition, and each of
    these is then sorted: at most one partition is in memory. The new folder is there whole or not
    at all. Raises FileExistsError where there is something at `path` already.
    """
    path, count = Path(path), len(store)
    if path.exists():
        raise FileExistsError(f"{path} exists already; name a new folder for the store.")
    size = max(PARTITION, -(-count // _MOST_PARTITIONS))
    number = -(-count // size)
    rank = np.empty(count, np.int64)
    rank[order] = np.arange(count)
    with (
        temporary_folder(path.parent, path.name) as made,
        reporting(progress, 2 * count, "sorting") as report,
    ):
        schema = _divide(store, rank, columns, size, made, report)
        about = {key: value for key, value in (schema.metadata or {}).items() if key not in _GONE}
        final = schema.remove(schema.get_field_index(_RANK)).with_metadata(about | _bytes(facts))
        (made / "store").mkdir()
        for part in range(number):
            with pa.memory_map(str(made / f"{part}.arrow")) as source:
                table = ipc.open_file(source).read_all()
                places = np.argsort(table[_RANK].to_numpy(), kind="stable")
                table = table.drop_columns([_RANK]).take(pa.array(places)).cast(final)
            target = made / "store" / part_name(part, number)
            parquet.write_table(table, target, row_group_size=ROW_GROUP, **OPTIONS)
            (made / f"{part}.arrow").unlink()
            report(count + min(count, (part + 1) * size))
        (made / "store").rename(path)
    return number


def _divide(
    store: Store,
    rank: np.ndarray,
    columns: Mapping[str, np.ndarray],
    size: int,
    folder: Path,
    report: Callable[[int], None],
) -> pa.Schema:
    """Write every row to the file of its new partition, with its rank; returns their schema."""
    further, first = {**columns, _RANK: rank}, 0
    with contextlib.ExitStack() as stack:
        writers: dict[int, Any] = {}
        for file in store.files:
            with opened_parquet(file) as source:
                for batch in source.iter_batches(_BATCH):
                    table = pa.Table.from_batches([batch])
                    here = slice(first, first + len(table))
                    kept = [name for name in table.column_names if name not in further]
                    table = table.select(kept)
                    for name, values in further.items():
                        table = table.append_column(name, pa.array(values[here]))
                    part = rank[here] // size
                    for number in np.unique(part).tolist():
                        if number not in writers:
                            place = str(folder / f"{number}.arrow")
                            sink = stack.enter_context(pa.OSFile(place, "wb"))
                            writers[number] = stack.enter_context(ipc.new_file(sink, table.schema))
                        rows = pa.array(np.flatnonzero(part == number))
                        writers[number].write_table(table.take(rows))
                    first = here.stop
                    report(first)
        return table.schema


def _bytes(facts: Mapping[str, str]) -> dict[bytes, bytes]:
    return {key.encode(): value.encode() for key, value in facts.items()}
