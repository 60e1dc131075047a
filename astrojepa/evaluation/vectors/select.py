"""Galaxies of a store by their place on the map or the sky and by their columns, with DuckDB."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from astrojepa.cache import cache_path, load_arrays, save_arrays
from astrojepa.data.arrow_columns import to_series
from astrojepa.data.filters import matching
from astrojepa.data.values import read_values
from astrojepa.evaluation.vectors.columns import opened_parquet
from astrojepa.evaluation.vectors.store import Store
from astrojepa.wording import one_line

BATCH = 65_536  # rows read together
Box = tuple[float, float, float, float]  # x and y of one corner, x and y of the other
Cone = tuple[float, float, float]  # ra, dec and radius, degrees
ALONE: dict[str, Any] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}  # nothing is fetched


def select(
    store: Store, *, box: Box | None = None, cone: Cone | None = None, where: str = ""
) -> pa.Table:
    """Return the columns, without vectors, of the galaxies that fulfil everything, in store order.

    `box` is a rectangle of the columns x and y, edges included; `cone` a circle on the sky; `where`
    an expression over the columns (`matching`). Partitions and row groups that cannot hold a
    galaxy of the box, or of the cone's declinations, are not read, but once for each state of the
    store, to see that they are whole. Raises ValueError where DuckDB is not installed, a column is
    missing, numbers are not finite, or the expression cannot be read; VectorsError for damage.
    """
    try:
        import duckdb  # a fifth of a second to load, and most work does without
    except ModuleNotFoundError as error:
        raise ValueError(
            "DuckDB is not installed; install it with: pip install 'astrojepa[scale]'"
        ) from error
    schema = parquet.read_schema(store.files[0])
    conditions: list[str] = []
    values: list[Any] = [[str(file) for file in store.files]]
    if box is not None:
        _check(box, "box")
        for name, ends in (("x", box[::2]), ("y", box[1::2])):
            conditions.append(f"{_column(store, schema, name)} BETWEEN ? AND ?")
            values += sorted(ends)
    if cone is not None:
        condition, numbers = _in_cone(store, schema, cone)
        conditions.append(condition)
        values += numbers
    kept = list(store.names)
    _check_pages(store, kept)
    columns_read = (f"{_value(store, name)} AS {_quoted(name)}" for name in kept)
    # a partition of astropy without a missing value has no masks
    source = "read_parquet(?, union_by_name = true)" if store.masks else "read_parquet(?)"
    query = f"SELECT {', '.join(columns_read)} FROM {source}"
    if conditions:
        query += f" WHERE {' AND '.join(conditions)}"
    try:
        with duckdb.connect(":memory:", config=ALONE) as database:
            found: pa.Table = database.sql(query, params=values).to_arrow_table()
    except duckdb.Error as error:
        raise ValueError(
            f"{store.path.name} cannot be read to its end ({one_line(str(error), 120)}); its files "
            "are damaged or were written by something else, write them anew."
        ) from error
    if where:
        columns = {name: read_values(to_series(found[name]).rename(name)) for name in kept}
        found = found.filter(pa.array(matching(where, columns)))
    return found


def _check_pages(store: Store, names: list[str]) -> None:
    """Read columns once for each state of the store: VectorsError for damage, which DuckDB passes
    over without a word since it compares no checksums.
    """
    done = cache_path("checked", hashlib.sha256(f"{store.hash} {names}".encode()).hexdigest()[:24])
    if load_arrays(done) is not None:
        return
    for path in store.files:
        with opened_parquet(path) as file:
            for _ in file.iter_batches(BATCH, columns=names):
                pass
    save_arrays(done, rows=np.array(len(store)))


def _in_cone(store: Store, schema: pa.Schema, cone: Cone) -> tuple[str, list[float]]:
    """Return a condition and its numbers: the haversine of the separation is small enough."""
    _check(cone, "cone")
    ra, dec, radius = cone
    if not (0 <= ra <= 360 and -90 <= dec <= 90 and 0 < radius <= 180):
        raise ValueError(
            f"The cone has ra {ra:g}, dec {dec:g} and radius {radius:g}; expected degrees in [0, "
            f"360], [-90, 90] and (0, 180]."
        )
    own_ra, own_dec = (
        _column(store, schema, store.layouts[0].known.get(name, name)) for name in ("ra", "dec")
    )
    condition = (
        f"{own_dec} BETWEEN ? AND ? AND pow(sin(radians({own_dec} - ?) / 2), 2) + "
        f"cos(radians({own_dec})) * ? * pow(sin(radians({own_ra} - ?) / 2), 2) <= ?"
    )
    limit = math.sin(math.radians(radius) / 2) ** 2
    return condition, [dec - radius, dec + radius, dec, math.cos(math.radians(dec)), ra, limit]


def _check(numbers: tuple[float, ...], name: str) -> None:
    if not np.isfinite(numbers).all():
        raise ValueError(f"The {name} is {numbers}; expected finite numbers.")


def _column(store: Store, schema: pa.Schema, name: str) -> str:
    """Return a column of numbers as SQL names it."""
    if name not in schema.names or not pa.types.is_floating(schema.field(name).type):
        raise ValueError(
            f"{store.path.name} has no numbers {name!r} (found: {', '.join(schema.names[:20])}); "
            f"project the store, or leave this condition out."
        )
    return _value(store, name)


def _value(store: Store, name: str) -> str:
    """Return the values of a column as SQL names them, NULL where its mask says so."""
    if name not in store.masks:
        return _quoted(name)
    return f"CASE WHEN {_quoted(store.masks[name])} THEN NULL ELSE {_quoted(name)} END"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
