"""A hosted bundle: one folder with all an explorer needs, without original data or GPU.

bundle.json          format, galaxies, checkpoints, size and sha256 of every file
data/<name>/         the galaxies as `data pack` writes them; none for simulated ones
checkpoints/<id>.*   weights with their card; none for those that the receiver has, named by hash
cache/               vectors, maps and scores, under the names that the package's cache uses
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from astrojepa.files import read_json, write_json
from astrojepa.places import TOP
from astrojepa.wording import OneLineError, first_of

FORMAT = 1
MANIFEST = "bundle.json"
DEMO = TOP / "demo"  # the bundle of the first look
MAX_MANIFEST_BYTES = 64_000_000
MAX_FILES = 300_000
MAX_BYTES = 4_000_000_000  # of all files together
SHA256 = re.compile(r"[0-9a-f]{64}")
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_NAME = re.compile(r"(?:data|checkpoints|cache)(?:/[A-Za-z0-9_+-][A-Za-z0-9._+-]{0,99}){1,5}")
_SIMULATED = re.compile(r"simulated(:\d{1,7}){0,2}")


class BundleError(OneLineError):
    """A folder is not a whole bundle, and the message says what is wrong with it."""


@dataclass(frozen=True)
class Bundle:
    """A bundle all of whose files are what bundle.json says."""

    root: Path
    data: str  # the folder of galaxies, or simulated[:COUNT[:SEED]]
    source_hash: str  # of these galaxies, as `Dataset.source_hash`
    checkpoints: dict[str, str]  # id -> sha256 of the weights in it
    num_bytes: int
    # id -> sha256 of weights that are named only
    released: dict[str, str] = field(default_factory=dict)

    @property
    def cache(self) -> Path:
        """The folder of computed arrays."""
        return self.root / "cache"

    def weights(self, name: str) -> Path:
        """Return the path of a checkpoint's weights."""
        return self.root / "checkpoints" / f"{name}.safetensors"


def seal_bundle(root: Path, facts: dict[str, Any]) -> None:
    """Write bundle.json: `facts`, and size and sha256 of every file in the folder."""
    files = {name: [size, _sha256(f"{root}/{name}")] for name, size in sorted(_found(root).items())}
    write_json(root / MANIFEST, {"format": FORMAT, **facts, "files": files})


def open_bundle(folder: str | Path) -> Bundle:
    """Check a bundle file by file, and say where its parts are.

    Names, sizes and their sum are judged before anything but bundle.json is read. FileNotFoundError
    where there is no bundle; BundleError for another format, a name that leaves the folder, a link,
    or a file that is missing, unlisted or changed.
    """
    root = Path(folder).resolve()
    path = root / MANIFEST
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} holds no {MANIFEST}; give the folder that python -m astrojepa export bundle "
            f"wrote."
        )
    try:
        content = read_json(path, MAX_MANIFEST_BYTES)
    except (ValueError, UnicodeDecodeError) as error:
        raise BundleError(str(error)) from error
    if content.get("format") != FORMAT:
        raise BundleError(
            f"{path} is a bundle of format {content.get('format')!r}, expected {FORMAT}; export it "
            f"again."
        )
    files = _listed(content.get("files"), path)
    data, source_hash = _galaxies(content.get("data"), files, path)
    released = _released(content.get("released", {}), path)
    checkpoints = _checkpoints(content.get("checkpoints"), files, path, named=bool(released))
    _check_files(root, files)
    where = data if data.startswith("simulated") else str(root / data)
    return Bundle(
        root, where, source_hash, checkpoints, sum(size for size, _ in files.values()), released
    )


def _listed(value: Any, path: Path) -> dict[str, tuple[int, str]]:
    """Return {name: (bytes, sha256)} of a bundle.json."""
    if not isinstance(value, dict) or not 0 < len(value) <= MAX_FILES:
        raise BundleError(
            f"{path} must list 1 to {MAX_FILES:,} files under 'files'; export the bundle again."
        )
    for name, entry in value.items():
        if not _NAME.fullmatch(name):
            raise BundleError(
                f"{path} lists {name[:80]!r}, which is no file of a bundle's data, checkpoints or "
                f"cache."
            )
        whole = isinstance(entry, list) and list(map(type, entry)) == [int, str]
        if not whole or entry[0] < 0 or not SHA256.fullmatch(entry[1]):
            raise BundleError(
                f"{path} must give {name} as [bytes, sha256], found {str(entry)[:80]}."
            )
    files = {name: (entry[0], entry[1]) for name, entry in value.items()}
    total = sum(size for size, _ in files.values())
    if total > MAX_BYTES:
        raise BundleError(
            f"{path} lists {min(total, 10**18) / 1e9:.1f} GB; a bundle holds at most "
            f"{MAX_BYTES / 1e9:.0f} GB."
        )
    return files


def _galaxies(value: Any, files: dict[str, tuple[int, str]], path: Path) -> tuple[str, str]:
    """Return where the galaxies are, relative to the bundle, and their hash."""
    facts = value if isinstance(value, dict) else {}
    source, digest = facts.get("source"), facts.get("source_hash")
    if not isinstance(source, str) or not isinstance(digest, str) or not 0 < len(digest) <= 100:
        raise BundleError(
            f"{path} must give the galaxies under 'data' with their source and source_hash, found "
            f"{str(value)[:80]}."
        )
    if not _SIMULATED.fullmatch(source) and not (
        source.count("/") == 1 and f"{source}/labels.csv" in files
    ):
        raise BundleError(
            f"{path} names the galaxies {source[:80]!r}, and lists no labels.csv for them below "
            f"data/."
        )
    return source, digest


def _released(value: Any, path: Path) -> dict[str, str]:
    """Return {id: sha256} of weights that are named and not held."""
    entries = value.items() if isinstance(value, dict) else [("", "")]
    for name, digest in entries:
        if not ID.fullmatch(name) or not isinstance(digest, str) or not SHA256.fullmatch(digest):
            raise BundleError(
                f"{path} must give weights under 'released' as id and sha256, found "
                f"{str(value)[:80]}."
            )
    return dict(value)


def _checkpoints(
    value: Any, files: dict[str, tuple[int, str]], path: Path, named: bool
) -> dict[str, str]:
    """Return {id: sha256} of the listed weights and cards; None if others are `named`."""
    if not isinstance(value, list) or not (value or named):
        raise BundleError(
            f"{path} must name at least one checkpoint under 'checkpoints', found "
            f"{str(value)[:80]}."
        )
    found = {}
    for name in value:
        listed = (
            isinstance(name, str) and ID.fullmatch(name) and f"checkpoints/{name}.json" in files
        )
        if not listed or f"checkpoints/{name}.safetensors" not in files:
            raise BundleError(
                f"{path} names the checkpoint {str(name)[:80]!r} and does not list its weights and "
                f"card."
            )
        found[name] = files[f"checkpoints/{name}.safetensors"][1]
    return found


def _check_files(root: Path, files: dict[str, tuple[int, str]]) -> None:
    """Compare what is in the folder with the list: first names and sizes, then every byte."""
    found = _found(root)
    for complaint, names in (
        ("lacks", files.keys() - found.keys()),
        ("holds, and does not list,", found.keys() - files.keys()),
    ):
        if names:
            raise BundleError(
                f"The bundle {root.name} {complaint} {first_of(sorted(names))}; fetch or "
                f"export the whole folder again."
            )
    for name, (size, _) in files.items():
        if found[name] != size:
            raise BundleError(
                f"The bundle's {name} has {found[name]:,} bytes, {MANIFEST} says {size:,}; fetch "
                f"it again."
            )
    for name, (_, expected) in files.items():
        if (digest := _sha256(f"{root}/{name}")) != expected:
            raise BundleError(
                f"The bundle's {name} has SHA-256 {digest[:12]}…, {MANIFEST} says "
                f"{expected[:12]}…; fetch it, or export the bundle, again."
            )


def _found(root: Path) -> dict[str, int]:
    """Return {name: bytes} of a bundle's files; links and other special files are refused."""
    found: dict[str, int] = {}
    for folder, folders, names in os.walk(root):
        below = folder[len(str(root)) + 1 :].replace(os.sep, "/")
        for name in [*folders, *names]:
            path = f"{below}/{name}" if below else name
            status = os.lstat(f"{folder}/{name}")
            if not stat.S_ISDIR(status.st_mode) and not stat.S_ISREG(status.st_mode):
                raise BundleError(
                    f"The bundle's {path} is a link or no plain file; a bundle holds plain files "
                    f"only."
                )
            if stat.S_ISREG(status.st_mode) and path != MANIFEST:
                found[path] = status.st_size
        if len(found) > MAX_FILES:
            raise BundleError(f"The bundle {root.name} holds more than {MAX_FILES:,} files.")
    return found


def _sha256(path: str) -> str:
    """Return a file's SHA-256, hex, with one small buffer."""
    with open(path, "rb", buffering=0) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
