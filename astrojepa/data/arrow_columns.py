"""Columns of Arrow and Parquet as pandas has them, without losing digits, words or gaps."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from astrojepa.data import DataError
from astrojepa.wording import one_line

EXACT = 2**53  # floats hold every whole number up to it
MAX_LETTERS = 2**31  # bytes of a column of words, in which each value takes its own room


@contextlib.contextmanager
def damage(said: str, letters: int = 120) -> Iterator[None]:
    """Let what pyarrow raises on damaged files, a dozen kinds, be a DataError that begins so."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{said} ({one_line(error, letters)}).") from error


def holds_values(kind: Any) -> bool:
    """Whether a column of this type has one number, word, truth or date a row."""
    import pyarrow as pa

    kind = _plain_type(kind)
    return not (pa.types.is_nested(kind) or is_binary(kind))


def is_binary(kind: Any) -> bool:
    """Whether a column of this type holds bytes."""
    import pyarrow as pa

    types = pa.types
    tests = (types.is_binary, types.is_large_binary, types.is_binary_view)
    return any(test(kind) for test in (*tests, types.is_fixed_size_binary))


def to_frame(table: Any) -> pd.DataFrame:
    """Return an Arrow table as a frame, each column as `to_series` does."""
    table = _unmasked(table)
    names = list(map(str, table.column_names))
    if twice := [name for place, name in enumerate(names) if name in names[:place]]:
        raise DataError(f"There are two columns called {twice[0]!r}; rename one.")
    return pd.DataFrame(
        {name: to_series(column) for name, column in zip(names, table.columns, strict=True)},
        index=range(table.num_rows),
    )


def masks_of(schema: Any) -> dict[str, str]:
    """Return the columns of a table of astropy that have masks, and these, called column.mask."""
    import pyarrow as pa

    if b"table_meta_yaml" not in (schema.metadata or {}):
        return {}
    once = {name for name, count in Counter(schema.names).items() if count == 1}
    masks = {name: f"{name}.mask" for name in once if f"{name}.mask" in once}
    return {
        name: mask for name, mask in masks.items() if pa.types.is_boolean(schema.field(mask).type)
    }


def read_columns(file: Any, names: Sequence[str], groups: Sequence[int] | None = None) -> Any:
    """Read columns `names` of an open Parquet file or of row groups, gaps by astropy's masks."""
    masks = masks_of(file.schema_arrow)
    wanted = [*names, *(masks[name] for name in names if name in masks)]
    groups = range(file.num_row_groups) if groups is None else groups
    return _unmasked(file.read_row_groups(list(groups), columns=wanted)).select(list(names))


def each_batch(file: Any, name: str, size: int) -> Iterator[Any]:
    """Yield a Parquet column in checked arrays of at most `size` rows, gaps by astropy's masks."""
    import pyarrow.compute as pc

    names = [name, *filter(None, [masks_of(file.schema_arrow).get(name)])]
    for batch in file.iter_batches(size, columns=names, use_threads=False):
        for column in batch.columns:
            column.validate(full=True)
        values = batch.column(name)
        if len(names) > 1:
            values = pc.if_else(batch.column(names[1]).fill_null(False), None, values)
        yield values


def _unmasked(table: Any) -> Any:
    """Return a table of astropy, which writes the values of masked columns and beside them which of
    these are missing, with gaps in their place.
    """
    import pyarrow.compute as pc

    for name, mask in masks_of(table.schema).items():
        column = pc.if_else(table[mask].fill_null(False), None, table[name])
        place = table.column_names.index(name)
        table = table.set_column(place, table.schema.field(name), column).drop_columns([mask])
    return table


def to_series(column: Any) -> pd.Series:
    """Return a column: words of a dictionary as text; whole numbers with gaps as floats, or as text
    where floats would lose digits; decimals of no fraction as text, others as floats; dates as
    text, "" where unknown; bytes as UTF-8. Other columns are as pandas reads them.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(column.type, pa.BaseExtensionType):
        column = pa.chunked_array(
            [chunk.storage for chunk in column.chunks], column.type.storage_type
        )
    if pa.types.is_dictionary(column.type):
        column = _written_out(column)
    kind = column.type
    if pa.types.is_decimal(kind):
        if kind.scale > 0:
            return pd.to_numeric(_text(column))  # a cast to float64 can miss the nearest number
        return _text(column)
    if is_binary(kind):
        return column.to_pandas().map(lambda value: value.decode("utf-8", "replace"), "ignore")
    if pa.types.is_temporal(kind):
        values = column.to_pandas()
        return values.astype(str).where(values.notna(), "")
    if pa.types.is_integer(kind) and column.null_count:
        ends = pc.min_max(column).as_py()
        if any(abs(end) > EXACT for end in ends.values() if end is not None):
            return _text(column)
    return column.to_pandas()


def _text(column: Any) -> pd.Series:
    import pyarrow as pa

    return column.cast(pa.string()).fill_null("").to_pandas()


def _written_out(column: Any) -> Any:
    """Return a column of codes as the words or numbers that they stand for."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        longest = [pc.max(pc.binary_length(chunk.dictionary)).as_py() for chunk in column.chunks]
        room = max([length or 0 for length in longest], default=0) * len(column)
        if room > MAX_LETTERS:
            raise DataError(
                f"A column of words takes up to {room / 1e9:.1f} GB; at most "
                f"{MAX_LETTERS / 1e9:.1f} GB are read. Shorten its longest words."
            )
    return column.cast(kind)


def _plain_type(kind: Any) -> Any:
    import pyarrow as pa

    if isinstance(kind, pa.BaseExtensionType):
        return _plain_type(kind.storage_type)
    return _plain_type(kind.value_type) if pa.types.is_dictionary(kind) else kind
