"""Where computed arrays are kept: written to a temporary name and renamed, so that a reader never sees half a file."""

from __future__ import annotations

import contextlib
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

Progress = Callable[[int, int, str], None]


def cache_path(kind: str, key: str, suffix: str = ".npz") -> Path:
    """Return the path of a cached array: `<cache>/<kind>-<key><suffix>`; the folder is `$ASTROJEPA_CACHE` or .cache/astrojepa."""
    root = Path(os.environ.get("ASTROJEPA_CACHE") or Path(__file__).resolve().parent.parent / ".cache" / "astrojepa")
    return root / f"{kind}-{key}{suffix}"


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path` that replaces it when the block succeeds and vanishes when it fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def load_arrays(path: Path) -> dict[str, np.ndarray] | None:
    """Read a cached .npz, or return None where there is none; a damaged one counts as none."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            return dict(archive)
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        return None


def save_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Write a cached .npz atomically."""
    with atomic_write(path) as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]
