"""A store written anew in another order of its galaxies, in bounded memory."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import ipc, parquet

from astrojepa.evaluation.vectors.columns import opened_parquet
from astrojepa.evaluation.vectors.store import OPTIONS, PARTITION, ROW_GROUP, Store, part_name
from astrojepa.files import temporary_folder
from astrojepa.progress import Listener, reporting

_BATCH = 32_768  # rows moved together
MOST_PARTITIONS = 400  # files that are open at the same time
_RANK = "__rank__"
_GONE = {b"store", b"mixture", b"row"}  # what a store said of its own order


def write_sorted(
    store: Store,
    order: np.ndarray,
    columns: Mapping[str, np.ndarray],
    path: str | Path,
    facts: Mapping[str, str],
    *,
    progress: Listener = None,
) -> int:
    """Write the galaxies in `order` (n,), their row numbers; returns how many partitions.

    `columns` (n,) each, in the order of the store, are added or replace those of the same name;
    `facts` are added to the metadata. Rows first go to the file of their partition, and each of
    these is then sorted: at most one partition is in memory. The new folder is there whole or not
    at all. Raises FileExistsError where there is something at `path` already, VectorsError where an
    id occurs twice.
    """
    path, count = Path(path), len(store)
    if path.exists():
        raise FileExistsError(f"{path} exists already; name a new folder for the store.")
    size = max(PARTITION, -(-count // MOST_PARTITIONS))
    cuts = np.append(np.arange(0, count, size), count)
    number = len(cuts) - 1
    rank = np.empty(count, np.int64)
    rank[order] = np.arange(count)
    with temporary_folder(path.parent, path.name) as made:
        names = [part_name(part, number) for part in range(number)]
        write_parts(store, rank, cuts, names, columns, made, facts, progress=progress)
        (made / "store").rename(path)
    return number


def write_parts(
    store: Store,
    rank: np.ndarray,
    cuts: np.ndarray,
    names: Sequence[str],
    columns: Mapping[str, np.ndarray],
    folder: Path,
    facts: Mapping[str, str],
    *,
    change: Callable[[pa.Schema], pa.Schema] = lambda schema: schema,
    progress: Listener = None,
) -> list[Any]:
    """Write the rows of ranks `cuts[i]` to `cuts[i + 1]` - 1 to `folder / "store" / names[i]`.

    `rank` (n,) is the place of each row in the new order, -1 for one that is left out; `change`
    makes the schema that is written of the one that was read. Returns the footer of each file.
    """
    store.check_ids()
    footers: list[Any] = []
    count = len(store)
    with reporting(progress, count + int(cuts[-1]), "sorting") as report:
        schema = _divide(store, rank, columns, cuts, folder, report)
        about = {key: value for key, value in (schema.metadata or {}).items() if key not in _GONE}
        final = schema.remove(schema.get_field_index(_RANK)).with_metadata(about | _bytes(facts))
        final = change(final)
        for part, name in enumerate(names):
            with pa.memory_map(str(folder / f"{part}.arrow")) as source:
                table = ipc.open_file(source).read_all()
                places = np.argsort(table[_RANK].to_numpy(), kind="stable")
                table = table.drop_columns([_RANK]).take(pa.array(places))
                table = table.select(final.names).cast(final)
            target = folder / "store" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            parquet.write_table(
                table, target, row_group_size=ROW_GROUP, metadata_collector=footers, **OPTIONS
            )
            (folder / f"{part}.arrow").unlink()
            report(count + int(cuts[part + 1]))
    return footers


def _divide(
    store: Store,
    rank: np.ndarray,
    columns: Mapping[str, np.ndarray],
    cuts: np.ndarray,
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
                    batch.validate(full=True)
                    table = pa.Table.from_batches([batch])
                    here = slice(first, first + len(table))
                    kept = [name for name in table.column_names if name not in further]
                    table = table.select(kept)
                    for name, values in further.items():
                        table = table.append_column(name, pa.array(values[here]))
                    part = np.searchsorted(cuts, rank[here], side="right") - 1
                    for number in np.unique(part[part >= 0]).tolist():
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
