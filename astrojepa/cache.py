"""Where computed arrays are kept: written to a temporary name and renamed, so that a reader never sees half a file."""

from __future__ import annotations

import ast
import atexit
import contextlib
import inspect
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from filelock import lock_descriptor

from astrojepa.places import cache_folder

Progress = Callable[[int, int, str], None]

WINDOWS = sys.platform == "win32"  # renames and removes no open file, and opens no folder
UNFINISHED = ".unfinished"  # how the name of a temporary file or folder ends; a living writer holds a lock on it
PROBE_BYTES = 2**20  # a cache folder that does not take a megabyte is none

_supplied: list[Path] = []  # folders of arrays that came with a hosted bundle


def cache_path(kind: str, key: str, suffix: str = ".npz") -> Path:
    """Return the path of a cached array: `<kind>-<key><suffix>` in `places.cache_folder()`."""
    return cache_folder() / f"{kind}-{key}{suffix}"


def program_text(*parts: Any) -> str:
    """Return the statements of modules or functions, for the key of what they compute.

    Layout, comments, docstrings and imports are left out: they change no number.
    """
    statements = []
    for part in parts:
        tree = ast.parse(inspect.getsource(part))
        for node in [*ast.walk(tree)]:
            if isinstance(body := getattr(node, "body", None), list):
                node.body = [line for line in body if not _says_nothing(line)] or [ast.Pass()]  # type: ignore[attr-defined]
        statements.append(ast.unparse(tree))
    return "\n".join(statements)


def _says_nothing(line: ast.AST) -> bool:
    return isinstance(line, ast.Import | ast.ImportFrom) or (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path` that replaces it when the block succeeds and vanishes when it fails.

    A killed process leaves its temporary file, which the next writer into the folder removes. An OSError of the disk names `path`.
    """
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path.parent)
        handle, temporary = _locked(lambda: tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=UNFINISHED))
        with os.fdopen(handle, "wb") as stream:  # closed last: until then the name is locked
            try:
                yield stream
                stream.flush()
                os.fsync(handle)
                if not WINDOWS:  # where no other account is kept out by a mode
                    os.fchmod(handle, 0o644)
                _release(stream)
                temporary.replace(path)
            finally:
                _release(stream)
                temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def temporary_folder(parent: Path, name: str) -> Iterator[Path]:
    """Make a folder inside `parent` that vanishes with the block; a killed process leaves it to the next writer into `parent`."""

    def make() -> tuple[int, str]:
        made = tempfile.mkdtemp(dir=parent, prefix=f".{name}.", suffix=UNFINISHED)
        try:
            return os.open(os.devnull if WINDOWS else made, os.O_RDONLY), made
        except FileNotFoundError:  # taken for a leftover already
            return make()

    with naming(parent):
        parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(parent)
        handle, folder = _locked(make)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left unfinished in a folder; what a living one writes is locked, and stays.

    On Windows it is open, which comes to the same, and temporary folders stay.
    """
    for path in folder.glob(f".*{UNFINISHED}"):
        with contextlib.suppress(OSError):  # locked, somebody else's, or gone meanwhile
            if sys.platform == "win32":
                path.unlink()
                continue
            kind = os.O_RDONLY | os.O_DIRECTORY if path.is_dir() else os.O_RDWR
            handle = os.open(path, kind | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                if lock_descriptor(handle, blocking=False):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            finally:
                os.close(handle)


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an OSError that says nowhere, or a temporary name, what it is about say `path`."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and (error.filename is None or UNFINISHED in str(error.filename)):
            error.filename = str(path)
        raise


def read_first(folder: Path) -> None:
    """Look for cached arrays in this folder before the cache itself, until the process ends; nothing is ever written there."""
    if folder not in _supplied:
        _supplied.append(folder)


def load_arrays(path: Path) -> dict[str, np.ndarray] | None:
    """Read a cached .npz, or return None where there is none; a damaged one counts as none. Half precision becomes float32."""
    return supplied_arrays(path) or _first_readable([path])


def supplied_arrays(path: Path) -> dict[str, np.ndarray] | None:
    """Read what `load_arrays` would out of the folders of `read_first` alone."""
    return _first_readable([folder / path.name for folder in _supplied])


def _first_readable(places: list[Path]) -> dict[str, np.ndarray] | None:
    for place in places:
        try:
            with place.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
                arrays = {name: np.asarray(array) for name, array in archive.items()}
        except Exception:  # numpy, zlib and tokenize raise a dozen kinds for damaged files
            continue
        return {name: array.astype(np.float32) if array.dtype == np.float16 else array for name, array in arrays.items()}
    return None


def save_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Write a cached .npz atomically. Where the disk refuses, a logged sentence says so: what was computed is not lost with it."""
    try:
        with atomic_write(path) as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]
    except OSError as error:
        logging.getLogger(__name__).warning(
            "%s was not kept (%s) and will be computed again; make room, or name another folder in ASTROJEPA_CACHE.",
            *(path, error.strerror or error),
        )


def ensure_cache() -> str:
    """Where the cache folder cannot be written to, keep everything in a temporary one until this process ends.

    Returns a sentence that says so, "" where the folder is fine. OSError if there is no place for temporary files either.
    """
    root = cache_path("", "").parent
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root) as stream:
            stream.write(bytes(PROBE_BYTES))
    except OSError as error:
        temporary = os.environ["ASTROJEPA_CACHE"] = tempfile.mkdtemp(prefix="astrojepa-")
        atexit.register(shutil.rmtree, temporary, ignore_errors=True)
        return (
            f"{root} cannot keep what is computed ({error.strerror or error}), so that it is kept until the program ends only; "
            "make room, or name another folder in ASTROJEPA_CACHE."
        )
    return ""


def _locked(make: Callable[[], tuple[int, str]]) -> tuple[int, Path]:
    """Make something temporary and lock it; made again where it was taken for a leftover in between."""
    while True:
        handle, name = make()
        with contextlib.suppress(OSError):  # a file system without locks: nothing is removed there either
            lock_descriptor(handle)
        if os.path.lexists(name):
            return handle, Path(name)
        os.close(handle)


def _release(stream: BinaryIO) -> None:
    """Close a file on Windows, before it is renamed or removed; elsewhere it stays open, and locked, until it is."""
    if WINDOWS:
        stream.close()
