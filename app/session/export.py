"""Galaxies as a table for other programs: who they are, where, and every column of the data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import astrojepa
from astrojepa import files
from astrojepa.data.columns import further_columns
from astrojepa.data.values import cells, coded, read_values
from astrojepa.tables import Column, table_bytes

# of which a spreadsheet keeps 15 digits
_LONG = re.compile(r"\d{16,}")
FORMATS = {
    ".csv": "CSV",
    ".ecsv": "ECSV",
    ".vot": "VOTable",
    ".fits": "FITS",
    ".parquet": "Parquet",
}
MARK = "#"  # before an id of many digits, so that a spreadsheet takes it for text


def text_of(name: str) -> str:
    """Return an id as a spreadsheet leaves it alone."""
    return MARK + name


def id_of(text: str) -> str:
    """Return the id that `text_of` was given."""
    return text.removeprefix(MARK)


def is_long(ids: Sequence[object]) -> bool:
    """Whether a spreadsheet would round some of these ids."""
    return any(_LONG.fullmatch(str(name)) for name in ids)


def identity(data: Any, rows: Sequence[int]) -> dict[str, list[object]]:
    """Return the columns that identify galaxies: id, class, ra_deg, dec_deg, redshift.

    Where ids have more than 15 digits, `id_text` repeats them so that a spreadsheet keeps them.
    """
    names = [str(data.ids[row]) for row in rows]
    known: dict[str, list[object]] = {"id": list(names)}
    if is_long(names):
        known["id_text"] = [text_of(name) for name in names]
    labels = [int(data.labels[row]) for row in rows]
    known["class"] = [data.classes[label] if label >= 0 else "" for label in labels]
    for name, values in {"ra_deg": data.ra, "dec_deg": data.dec, "redshift": data.redshift}.items():
        known[name] = [float(values[row]) for row in rows]
    return known


def table_text(data: Any, rows: Sequence[int], more: Mapping[str, Sequence[object]]) -> str:
    """Write galaxies as CSV: their identity, what is given, one value each, then the other columns
    of the data; one that is called as what is given becomes data_NAME.
    """
    columns = identity(data, rows) | {name: list(values) for name, values in more.items()}
    for name in further_columns(data):
        called = f"data_{name}" if name in more else name
        if called not in columns:
            columns[called] = data.table[name].iloc[list(rows)].tolist()
    return files.csv_text(list(columns), zip(*columns.values(), strict=True))


def table_file(
    ending: str, data: Any, rows: np.ndarray, more: Sequence[Column], facts: Mapping[str, Any]
) -> bytes:
    """Write galaxies as a table of this format: `table_columns` with units and `facts`, or CSV,
    which names the data, and the model where `facts` do, in columns.

    ValueError for text that the format cannot hold.
    """
    facts = {**provenance(data), **facts}
    if ending == ".csv":
        named = {column.name: column.cells() for column in [*more, *named_in_csv(facts, len(rows))]}
        return table_text(data, rows.tolist(), named).encode()
    return table_bytes(ending, table_columns(data, rows, more), facts)


def named_in_csv(facts: Mapping[str, Any], count: int) -> list[Column]:
    """Return model and data as columns of CSV, which has no other place for facts."""
    return [
        Column(name, [facts[name]] * count, name) for name in ("model", "data") if name in facts
    ]


def provenance(data: Any) -> dict[str, Any]:
    """Return the facts that every table tells: what wrote it, and from which galaxies."""
    return {
        "creator": f"astrojepa {astrojepa.__version__}",
        "data": data.name,
        "data_fingerprint": data.fingerprint,
        "simulated": data.simulated,
    }


def model_facts(made_by: tuple[str, str]) -> dict[str, str]:
    """Return what a file tells of the model, by its name and its hash, "" for none."""
    return {"model": made_by[0], **({"model_hash": made_by[1]} if made_by[1] else {})}


def table_columns(data: Any, rows: np.ndarray, more: Sequence[Column]) -> list[Column]:
    """Return who the galaxies are, where, `more`, and every column of the data, with units; one
    that is called as one of `more` becomes data_NAME.
    """
    known = [*identity_columns(data, rows), *more]
    taken = {column.name.casefold() for column in known}
    given = {column.name.casefold() for column in more}
    for name in further_columns(data):
        called = f"data_{name}" if name.casefold() in given else name
        if called.casefold() not in taken:
            unit, description = data.about.get(name, ("", ""))
            values = cells(read_values(data.table[name]), rows)
            about = description or "column of the data"
            known.append(Column(called, values, about, unit, digits=0))
    return known


def plain_columns(values: Mapping[str, Sequence[Any]]) -> list[Column]:
    """Return columns that are described by their names."""
    return [
        Column(name, list(found), name.replace("_", " "), digits=0)
        for name, found in values.items()
    ]


def identity_columns(data: Any, rows: np.ndarray) -> list[Column]:
    """Return id and class, and position and redshift where any galaxy has one."""
    about = {
        "ra": ("right ascension, J2000", "deg", "pos.eq.ra;meta.main"),
        "dec": ("declination, J2000", "deg", "pos.eq.dec;meta.main"),
        "redshift": ("redshift", "", "src.redshift"),
    }
    return [
        Column("id", data.ids[rows].astype(str), "galaxy", ucd="meta.id;meta.main"),
        Column("class", cells(coded(data.labels, data.classes), rows), "label", ucd="src.class"),
        *(
            Column(name, getattr(data, name)[rows], text, unit, digits=0, ucd=ucd)
            for name, (text, unit, ucd) in about.items()
            if np.isfinite(getattr(data, name)).any()
        ),
    ]
