"""The published Galaxy10 files by name: which one this is, and whether it is the one to use.

*Source:* zenodo.org/records/10845026 (Leung & Bovy); the hashes are those of astroNN's loaders and
documentation.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from astrojepa.data import DataError
from astrojepa.progress import Listener, reporting, steady_bar

BLOCK = 4 * 1024 * 1024


@dataclass(frozen=True)
class KnownFile:
    """A published file: name, beginning of its sha256 (hex), length (0 if unknown)."""

    name: str
    sha256: str
    num_bytes: int = 0


GALAXY10 = KnownFile(
    "the current Galaxy10 DECaLS",
    "19aefc477c41bb7f77ff07599a6b82a038dc042f889a111b0d4d98bb755c1571",
    2_735_267_419,
)
OUTDATED = (
    KnownFile("an outdated Galaxy10 DECaLS, a test release (E7ED36C5...)", "e7ed36c5"),
    KnownFile("an outdated Galaxy10 DECaLS (3454CB96...)", "3454cb96"),
    KnownFile(
        "the older Galaxy10 SDSS, whose classes are others",
        "969a6b1cefcc36e09fffa86febd2f699a4aa19b837ba0427f01b0bc6ded458af",
    ),
)
GET_IT = "get the current one with: python -m astrojepa data download"


def verify_galaxy10(path: Path, progress: Listener = False) -> str:
    """Say that a file is the current Galaxy10 DECaLS, by its sha256; `progress` counts bytes.

    Raises DataError naming what the file is otherwise: an outdated one, the SDSS set, a part of
    one, something else.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}; {GET_IT}.")
    digest = sha256_of(path, progress)
    if digest == GALAXY10.sha256:
        return f"{path} is {GALAXY10.name}: {path.stat().st_size:,} bytes, sha256 {digest}."
    raise DataError(f"{path} is {named(path, digest)}; {GET_IT}.")


def named(path: Path, digest: str) -> str:
    """Identify a file that is not the current version, by hash or content."""
    for known in OUTDATED:
        if digest.startswith(known.sha256):
            return known.name
    import h5py  # here, since only a strange file needs the readers

    from astrojepa.data.readers.galaxy10 import SDSS_SHAPE

    try:
        with h5py.File(path, "r") as file:
            plain = isinstance(file.get("images", getlink=True), h5py.HardLink)
            plain = plain and file.get("images", getclass=True) is h5py.Dataset
            shape = file["images"].shape if plain else None
            names = ", ".join([str(name) for name in file][:10]) or "nothing"
    except (OSError, RuntimeError, KeyError, ValueError, TypeError):
        part = f"{path.stat().st_size:,} bytes where {GALAXY10.num_bytes:,} are expected"
        return f"not a whole HDF5 file ({part}, sha256 {digest[:8]}...)"
    if shape is not None and shape[1:3] == SDSS_SHAPE:
        return f"of the shape of {OUTDATED[-1].name} (images {shape})"
    what = f"images {shape}" if shape is not None else f"it holds {names}"
    return (
        f"no published Galaxy10 file ({what}, sha256 {digest[:8]}...), though it may be one of "
        f"your own"
    )


def sha256_of(path: Path, progress: Listener = False) -> str:
    """Return the sha256 of a file's bytes, hex; `progress` counts bytes."""
    return hash_file(path, progress).hexdigest()


def hash_file(path: Path, progress: Listener = False) -> hashlib._Hash:
    """Return the sha256 object after a file's bytes, to be hashed on."""
    digest, done = hashlib.sha256(), 0
    with (
        path.open("rb") as stream,
        reporting_bytes(progress, path.stat().st_size, f"hashing {path.name}") as report,
    ):
        while block := stream.read(BLOCK):
            digest.update(block)
            done += len(block)
            report(done)
    return digest


@contextlib.contextmanager
def reporting_bytes(
    progress: Listener, total: int | None, text: str, start: int = 0
) -> Iterator[Callable[[int], None]]:
    """Wrap `reporting` for bytes: done, speed and time left in the terminal's bar."""
    if progress is not True:
        with reporting(progress, total or 0, text) as report:
            yield report
        return
    with steady_bar(total=total, initial=start, desc=text, unit="B", unit_scale=True) as bar:
        yield lambda done: bar.update(done - bar.n) and None
