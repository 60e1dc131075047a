"""What a program that opens an exported table finds in it."""

from __future__ import annotations

import csv
import io
from typing import Any

from astropy.io.votable import parse
from astropy.table import Table
from pyarrow import parquet


def read_back(ending: str, content: bytes) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """Return the columns, numbers as such, and the facts by name; CSV has none."""
    stream = io.BytesIO(content)
    if ending == ".csv":
        lines = list(csv.DictReader(content.decode().splitlines()))
        return {name: [_number(line[name]) for line in lines] for name in lines[0]}, {}
    if ending == ".parquet":
        table = parquet.read_table(stream)
        facts = {name.decode(): text.decode() for name, text in table.schema.metadata.items()}
        return table.to_pydict(), facts
    if ending in {".vot", ".xml"}:
        resource = parse(stream, verify="exception").resources[0]
        facts = {info.name: info.value for info in resource.infos}
        return _columns(resource.tables[0].to_table()), facts
    read = Table.read(stream, format={".ecsv": "ascii.ecsv", ".fits": "fits"}[ending])
    return _columns(read), {name.lower(): value for name, value in read.meta.items()}


def _columns(table: Table) -> dict[str, list[Any]]:
    return {name: table[name].tolist() for name in table.colnames}


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text
