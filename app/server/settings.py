"""Settings of the server: data sets, checkpoint and mode; never from the address bar."""

from __future__ import annotations

import argparse
import ipaddress
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import streamlit as st

from astrojepa.checkpoints.bundle import MANIFEST
from astrojepa.data import find_data
from astrojepa.explorer import add_flags
from astrojepa.places import EXPLORE, TOP

from .serving import Listing, Source, listing, told_apart

BUNDLE = TOP / "bundle"  # opened where it is there and nothing else was asked for


@dataclass(frozen=True)
class Settings:
    """The whole configuration, fixed when the server starts."""

    sources: tuple[Source, ...]
    checkpoint: str = ""
    vectors: tuple[str, ...] = ()  # files of vectors, shown on this machine alone
    asked: tuple[Source, ...] = ()  # the data sets that were asked for by name
    listing: Listing = field(default_factory=Listing)

    def offered(self, hosted: bool) -> list[Source]:
        """The data sets on offer: in hosted mode those on the list only."""
        return [source for source in self.sources if source.is_listed or not hosted]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(
            f"{message}. Usage: {EXPLORE} --data PATH --checkpoint ID, or --bundle FOLDER"
        )


def settings_of_start() -> Settings:
    """Read this process's flags after `--`; none if another program runs the script."""
    return read_settings(
        sys.argv[1:] if Path(sys.argv[0] or ".").name == "main.py" else [], os.environ
    )


def read_settings(argv: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Read flags, then the environment; ValueError or OSError if a flag, bundle or list is bad.

    `--data` may be given several times; `--where` and `--label-column` apply to all of them.
    `--bundle` opens a hosted bundle, `--allow` a list of what may be served. Without any of them
    Galaxy10 DECaLS is opened where data/ has it, else simulated galaxies, which are always on
    offer. `--vectors` are those of the galaxies of `--data`; the
    folder of a store needs no `--data`.
    """
    parser = _Parser(prog="app/main.py", add_help=False)
    add_flags(parser)
    parser.set_defaults(
        **{
            name: environment.get(f"ASTROJEPA_{name.upper()}", "")
            for name in ("checkpoint", "bundle", "allow")
        }
    )
    given = parser.parse_args(list(argv))
    paths = given.data or [part for part in [environment.get("ASTROJEPA_DATA", "")] if part]
    at_hand = "" if paths or not (BUNDLE / MANIFEST).is_file() else str(BUNDLE)
    listed = listing(given.bundle or at_hand, given.allow)
    if not paths and not listed.sources:
        paths = [find_data()]
    without_data = not (given.data or environment.get("ASTROJEPA_DATA"))
    if without_data and not all(Path(vectors).is_dir() for vectors in given.vectors):
        raise ValueError(
            "--vectors needs --data, the galaxies with the ids of the vectors. Only a store, a "
            "folder of Parquet files, needs none."
        )
    for condition in given.where:
        if not condition.partition("=")[1]:
            raise ValueError(
                f"--where {condition!r} must read COLUMN=VALUE, e.g. --where source=gz1-balanced."
            )
    bands = tuple(given.bands)
    own = tuple(
        told_apart(
            [
                Source(path, tuple(given.where), given.label_column, given.catalogue, bands=bands)
                for path in _once(paths)
            ]
        )
    )
    sources = [*listed.sources, *own]
    if not any(source.is_simulated for source in sources):
        sources.append(Source("simulated"))
    vectors = tuple(_once(given.vectors))
    asked = () if without_data else own
    return Settings(tuple(sources), given.checkpoint, vectors, asked, listed)


def _once(paths: Sequence[str]) -> list[str]:
    """Return what is named, each once, however its path is written."""
    named: dict[str | Path, str] = {}
    for path in paths:
        named.setdefault(path if Source(path).is_simulated else Path(path).resolve(), path)
    return list(named.values())


def is_loopback(host: str) -> bool:
    """Say whether a host name or address, with or without a port, means this very machine."""
    name = host.strip().lower()
    if name.startswith("["):
        name = name[1:].partition("]")[0]
    elif name.count(":") == 1:
        name = name.partition(":")[0]
    if name in {"localhost", "localhost."}:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def strangers_may_look() -> bool:
    """Say whether this run of the page is for anybody but the owner of this machine."""
    return is_hosted(os.environ, st.get_option("server.address"), st.context.headers)


def is_hosted(
    environment: Mapping[str, str], address: str | None, headers: Mapping[str, str]
) -> bool:
    """Whether the server is public: anything that is not plainly this machine counts as hosted.

    `ASTROJEPA_MODE` can only tighten. Header names are matched whatever their case.
    """
    if (
        environment.get("ASTROJEPA_MODE", "").strip().lower() == "hosted"
        or not address
        or not is_loopback(address)
    ):
        return True
    seen = {name.lower(): value for name, value in headers.items()}
    if "host" in seen and not is_loopback(seen["host"]):
        return True
    forwarded = [
        part
        for name in ("x-forwarded-for", "x-forwarded-host")
        for part in seen.get(name, "").split(",")
        if part.strip()
    ]
    return bool(seen.get("forwarded")) or not all(is_loopback(part) for part in forwarded)
