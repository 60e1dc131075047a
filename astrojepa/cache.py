"""Computed arrays, kept under names that say what they were computed from."""

from __future__ import annotations

import ast
import atexit
import inspect
import logging
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from astrojepa.files import atomic_write
from astrojepa.places import cache_folder

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
    return isinstance(line, ast.Import | ast.ImportFrom) or (
        isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)
    )


def read_first(folder: Path) -> None:
    """Look for cached arrays in this folder first; nothing is written there."""
    if folder not in _supplied:
        _supplied.append(folder)


def load_arrays(path: Path) -> dict[str, np.ndarray] | None:
    """Read a cached .npz as float32; None if it is missing or damaged."""
    return supplied_arrays(path) or _first_readable([path])


def supplied_arrays(path: Path) -> dict[str, np.ndarray] | None:
    """Read what `load_arrays` would out of the folders of `read_first` alone."""
    return _first_readable([folder / path.name for folder in _supplied])


def load_whole(path: Path, **lengths: int) -> dict[str, np.ndarray] | None:
    """Read cached arrays; None unless those of these names are there, each of its length."""
    arrays = load_arrays(path) or {}
    whole = all(name in arrays and arrays[name].shape[:1] == (n,) for name, n in lengths.items())
    return arrays if whole else None


def _first_readable(places: list[Path]) -> dict[str, np.ndarray] | None:
    for place in places:
        try:
            with place.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
                arrays = {name: np.asarray(array) for name, array in archive.items()}
        except Exception:  # numpy, zlib and tokenize raise a dozen kinds for damaged files
            continue
        return {
            name: array.astype(np.float32) if array.dtype == np.float16 else array
            for name, array in arrays.items()
        }
    return None


def save_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Write a cached .npz atomically; a disk that refuses is only logged."""
    try:
        with atomic_write(path) as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]
    except OSError as error:
        logging.getLogger(__name__).warning(
            "%s was not kept (%s) and will be computed again; make room, or name another folder in "
            "ASTROJEPA_CACHE.",
            *(path, error.strerror or error),
        )


def ensure_cache() -> str:
    """If the cache folder is not writable, use a temporary one until this process ends.

    Returns a sentence that says so, "" where the folder is fine. OSError if there is no place for
    temporary files either.
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
            f"{root} cannot keep what is computed ({error.strerror or error}), so that it is kept "
            "until the program ends only; make room, or name another folder in ASTROJEPA_CACHE."
        )
    return ""
