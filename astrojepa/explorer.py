"""Flags of the explorer and of Streamlit. Standard library only."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from astrojepa.places import INSTALLED, PACKAGE, TOP

SCRIPT = (PACKAGE if INSTALLED else TOP) / "app" / "main.py"
FLAGS: dict[str, dict[str, Any]] = {
    "data": {
        "action": "append",
        "help": "HDF5 file, image folder, Parquet or Arrow file, or simulated[:COUNT]; repeatable",
    },
    "where": {
        "action": "append",
        "metavar": "COLUMN=VALUE",
        "help": "keep only matching rows of labels.csv; repeatable",
    },
    "label_column": {"help": "column of labels.csv with the class"},
    "bands": {
        "action": "extend",
        "nargs": "+",
        "metavar": "BAND",
        "help": "bands of flux, for a model that was trained on them, e.g. g r z",
    },
    "catalogue": {
        "metavar": "TABLE",
        "help": "table whose columns are joined to the galaxies, by id or by position (1 arcsec)",
    },
    "vectors": {
        "action": "append",
        "metavar": "FILE",
        "help": "vectors to show like those of a model, matched to the galaxies of --data by id; "
        "or a store, a folder of Parquet files, which needs no --data (but columns x and y for "
        "more than 200,000 galaxies); two stores of the same galaxies are compared; repeatable",
    },
    "checkpoint": {"help": "model shown first: id, alias, run folder or file"},
    "bundle": {"help": "folder written by export bundle"},
    "allow": {"help": "JSON list of what a hosted explorer may serve"},
}


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Declare the explorer's flags; repeatable ones are lists, others "" by default."""
    for name, how in FLAGS.items():
        default: Any = [] if "action" in how else ""
        parser.add_argument(_flag(name), default=default, **how)


def streamlit_arguments(options: argparse.Namespace) -> list[str]:
    """Return the arguments of `streamlit` that start the explorer with these options."""
    server = [
        f"--server.{name}={getattr(options, name)}"
        for name in ("port", "address")
        if getattr(options, name) is not None
    ]
    return ["run", str(SCRIPT), *server, "--", *_given(options)]


def _given(options: argparse.Namespace) -> Iterator[str]:
    for name in FLAGS:
        value = getattr(options, name)
        for text in value if isinstance(value, list) else filter(None, [value]):
            yield f"{_flag(name)}={text}"


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
