"""What the explorer was started with: data sets, checkpoint and mode. Nothing here reads the address bar."""

from __future__ import annotations

import argparse
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from astrojepa.data import find_data

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Source:
    """A data set that the explorer may open."""

    path: str  # HDF5 file, image folder or simulated[:COUNT]
    where: tuple[str, ...] = ()  # COLUMN=VALUE
    label_column: str = ""
    skip_corrupt: bool = False

    @property
    def name(self) -> str:
        """A short name for menus and links; it never shows where on the disk the data are."""
        name = self.path if self.path.startswith("simulated") else Path(self.path).resolve().name
        return " ".join([name, *self.where])


@dataclass(frozen=True)
class Settings:
    """The whole configuration, fixed when the server starts."""

    sources: tuple[Source, ...]
    checkpoint: str = ""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message}. Usage: streamlit run app/main.py -- --data PATH --checkpoint ID")


def read_settings(argv: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Read flags, then the environment; a bad flag raises ValueError with a sentence.

    `--data` may be given several times; `--where` and `--label-column` apply to all of them. Without it Galaxy10 DECaLS is opened
    where data/ has it, else simulated galaxies, which are always on offer.
    """
    parser = _Parser(prog="app/main.py", add_help=False)
    parser.add_argument("--data", action="append", default=[])
    parser.add_argument("--where", action="append", default=[])
    parser.add_argument("--label-column", default="")
    parser.add_argument("--checkpoint", default=environment.get("ASTROJEPA_CHECKPOINT", ""))
    given = parser.parse_args(list(argv))
    paths = given.data or [part for part in [environment.get("ASTROJEPA_DATA", "")] if part] or [find_data()]
    for condition in given.where:
        if not condition.partition("=")[1]:
            raise ValueError(f"--where {condition!r} must read COLUMN=VALUE, e.g. --where source=gz1-balanced.")
    sources = [Source(path, tuple(given.where), given.label_column) for path in dict.fromkeys(paths)]
    if not any(source.path.startswith("simulated") for source in sources):
        sources.append(Source("simulated"))
    return Settings(tuple(sources), given.checkpoint)


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


def is_hosted(environment: Mapping[str, str], address: str | None, headers: Mapping[str, str]) -> bool:
    """Say whether strangers may be looking: anything that is not plainly this machine counts as hosted.

    `ASTROJEPA_MODE` can only tighten. Header names are matched whatever their case.
    """
    if environment.get("ASTROJEPA_MODE", "").strip().lower() == "hosted" or not address or not is_loopback(address):
        return True
    seen = {name.lower(): value for name, value in headers.items()}
    if "host" in seen and not is_loopback(seen["host"]):
        return True
    forwarded = [
        part for name in ("x-forwarded-for", "x-forwarded-host") for part in seen.get(name, "").split(",") if part.strip()
    ]
    return bool(seen.get("forwarded")) or not all(is_loopback(part) for part in forwarded)
