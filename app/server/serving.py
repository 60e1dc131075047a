"""What a hosted explorer serves: galaxies and checkpoints by name and hash, read at the start.

The list comes from a bundle (`--bundle FOLDER`), from a JSON file (`--allow FILE`), and from
checkpoints/, whose weights must stay what their cards say at the start. Simulated galaxies hide
nothing and are always on it. Nothing in an address adds to it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from astrojepa.cache import read_first
from astrojepa.checkpoints import card as cards
from astrojepa.checkpoints.bundle import DEMO, ID, MANIFEST, SHA256, open_bundle
from astrojepa.files import read_json

FORMAT = 1
MAX_ENTRIES = 100
FACTS = ("path", "sha256", "where", "label_column")


@dataclass(frozen=True)
class Source:
    """A data set that the explorer may open."""

    path: str  # HDF5 file, image folder or simulated[:COUNT]
    where: tuple[str, ...] = ()  # COLUMN=VALUE
    label_column: str = ""
    catalogue: str = ""  # table whose columns are joined
    skip_corrupt: bool = False
    bands: tuple[str, ...] = ()  # whose flux is read
    source_hash: str = ""  # what it must be, where it is on the list
    title: str = ""  # what the list calls it

    @property
    def name(self) -> str:
        """A short name for menus and links; it never shows where on the disk the data are."""
        if self.title:
            return self.title
        name = self.path if self.is_simulated else Path(self.path).resolve().name
        return " ".join([name, *self.where])

    @property
    def is_simulated(self) -> bool:
        """Whether a program draws it; a folder may be called simulated-something."""
        return self.path.partition(":")[0] == "simulated"

    @property
    def is_listed(self) -> bool:
        """Whether strangers may see it."""
        return bool(self.source_hash) or self.is_simulated


@dataclass(frozen=True)
class Listed:
    """A checkpoint that strangers may see."""

    id: str
    reference: str  # what load_model takes
    sha256: str


@dataclass(frozen=True)
class Listing:
    """All that strangers may see, beside simulated galaxies and the controls."""

    sources: tuple[Source, ...] = ()
    checkpoints: tuple[Listed, ...] = ()  # of the bundle and the file
    # of checkpoints/, as far as the others do not go by the same name
    released: tuple[Listed, ...] = ()


def last_folders(paths: Sequence[str | Path]) -> list[str]:
    """Call each path by as many of its last folders as tell it from the others."""
    every = [Path(path).parts for path in paths]
    once = set(every)

    def name(parts: tuple[str, ...]) -> str:
        for count in range(1, len(parts)):
            if sum(other[-count:] == parts[-count:] for other in once) == 1:
                return "/".join(parts[-count:])
        return str(Path(*parts))

    return [name(parts) for parts in every]


def told_apart(sources: Sequence[Source]) -> list[Source]:
    """Return data sets, those of equal names called by the folders that tell them apart."""
    names = [source.name for source in sources]
    folders = last_folders([Path(source.path).resolve() for source in sources])
    return [
        replace(source, title=" ".join([folder, *source.where]))
        if names.count(source.name) > 1 and not source.title
        else source
        for source, folder in zip(sources, folders, strict=True)
    ]


_read: dict[tuple[str, str], Listing | Exception] = {}
_lock = threading.Lock()


def listing(bundle: str, allow: str) -> Listing:
    """Return the list, read once per process; FileNotFoundError or ValueError if it is bad."""
    with _lock:
        if (bundle, allow) not in _read:
            try:
                _read[bundle, allow] = _everything(bundle, allow)
            except (OSError, ValueError) as error:
                _read[bundle, allow] = error
        found = _read[bundle, allow]
    if isinstance(found, Exception):
        raise found
    return found


def supply_demo() -> None:
    """Check the bundled demo and read from it first; a damaged one is ignored."""
    if (DEMO / MANIFEST).is_file():
        try:
            read_first(open_bundle(DEMO).cache)
        except (OSError, ValueError) as error:
            logging.getLogger(__name__).warning(
                "The bundled demo is not used, its map is computed: %s", error
            )


def _everything(bundle: str, allow: str) -> Listing:
    supply_demo()
    parts = [
        *([_from_bundle(bundle)] if bundle else []),
        *([read_list(Path(allow))] if allow else []),
    ]
    named: dict[str, Listed] = {}
    for entry in (entry for part in parts for entry in part.checkpoints):
        named.setdefault(entry.id, entry)
    released = tuple(entry for entry in _released() if entry.id not in named)
    return Listing(
        tuple(source for part in parts for source in part.sources), tuple(named.values()), released
    )


def _from_bundle(folder: str) -> Listing:
    """Check a bundle, and read what it has computed before computing anything."""
    bundle = open_bundle(folder)
    read_first(bundle.cache)
    checkpoints = (
        Listed(name, str(bundle.weights(name)), sha256)
        for name, sha256 in bundle.checkpoints.items()
    )
    return Listing((Source(bundle.data, source_hash=bundle.source_hash),), tuple(checkpoints))


def read_list(path: Path) -> Listing:
    """Read a JSON list {"format": 1, "data": {...}, "checkpoints": {...}}, with relative paths.

    `data`: {NAME: {"path", "sha256", optional "where" and "label_column"}}; `checkpoints`: {ID:
    {"path" of a .safetensors, "sha256"}}. FileNotFoundError where there is no such file, ValueError
    for anything else in it.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no list {path}; give a JSON file to --allow.")
    content = read_json(path, cards.MAX_CARD_BYTES)
    unknown = content.keys() - {"format", "data", "checkpoints"}
    if content.get("format") != FORMAT or unknown:
        raise ValueError(
            f"{path} must read {{'format': {FORMAT}, 'data': ..., 'checkpoints': ...}}, found "
            f"{sorted(content)[:6]}."
        )
    data, checkpoints = (
        _entries(content.get(part, {}), part, path) for part in ("data", "checkpoints")
    )
    root = path.resolve().parent
    sources = [
        Source(
            str(root / entry["path"]),
            tuple(_texts(entry.get("where", []), path)),
            _texts([entry.get("label_column", "")], path)[0],
            source_hash=entry["sha256"],
            title=name,
        )
        for name, entry in data.items()
    ]
    for name, entry in checkpoints.items():
        if not entry["path"].endswith(".safetensors"):
            raise ValueError(
                f"{path}: the checkpoint {name} must be a .safetensors with its card, found "
                f"{entry['path']!r}; export it."
            )
    listed = (
        Listed(name, str(root / entry["path"]), entry["sha256"])
        for name, entry in checkpoints.items()
    )
    return Listing(tuple(sources), tuple(listed))


def _entries(value: Any, part: str, path: Path) -> dict[str, dict[str, Any]]:
    if not isinstance(value, Mapping) or len(value) > MAX_ENTRIES:
        raise ValueError(f"{path}: {part} must map at most {MAX_ENTRIES} names to path and sha256.")
    for name, entry in value.items():
        facts = entry if isinstance(entry, Mapping) else {}
        if (
            not ID.fullmatch(name)
            or not isinstance(facts.get("path"), str)
            or not isinstance(facts.get("sha256"), str)
        ):
            raise ValueError(
                f"{path}: {part} {name[:80]!r} must give a path and a sha256, found "
                f"{str(entry)[:80]}."
            )
        if not SHA256.fullmatch(facts["sha256"]) or facts.keys() - set(FACTS):
            raise ValueError(
                f"{path}: {part} {name} may give {', '.join(FACTS)}, sha256 as 64 hex digits; "
                f"found {sorted(facts)}."
            )
    return dict(value)


def _texts(values: Any, path: Path) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(
            f"{path}: 'where' is a list of COLUMN=VALUE and 'label_column' a name, found "
            f"{str(values)[:80]}."
        )
    return values


def _released() -> list[Listed]:
    """Return the weights of checkpoints/ with the hashes on their cards."""
    found = []
    for path in sorted(cards.CHECKPOINTS.glob("*.json")):
        if not path.with_suffix(".safetensors").is_file():
            continue
        try:
            digest = read_json(path, cards.MAX_CARD_BYTES).get("sha256")
        except (OSError, ValueError):
            continue
        if isinstance(digest, str) and SHA256.fullmatch(digest):
            found.append(Listed(path.stem, path.stem, digest))
    return found
