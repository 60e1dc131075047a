"""Writing files so that a reader never sees half of one, and reading JSON of bounded size."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from filelock import lock_descriptor

from astrojepa.wording import one_line

MAX_JSON_BYTES = 64_000_000
WINDOWS = sys.platform == "win32"  # renames and removes no open file, and opens no folder
UNFINISHED = ".unfinished"  # end of a temporary name; a living writer holds a lock on it
_NUMBERS = re.compile(r'\[\n\s+[^][{}"]+\n\s+\]')  # a list without text, over several lines
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a cell begins that a spreadsheet would run


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file that replaces `path` on success and vanishes on failure.

    A killed process leaves its temporary file, which the next writer into the folder removes. An
    OSError of the disk names `path`.
    """
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path.parent)
        handle, temporary = _locked(
            lambda: tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=UNFINISHED)
        )
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
    """Make a folder inside `parent` that vanishes with the block."""

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
    """Remove what killed processes left in a folder; files being written are locked and stay.

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
def alone(path: Path, refusal: Callable[[str], str], *, needs_locks: bool = True) -> Iterator[None]:
    """Hold a lock on `path`, a file that is made; OSError if another process does: what `refusal`
    says of the name of that process. Without `needs_locks` a file system that has none will do.
    """
    with path.open("ab+", buffering=0) as stream:
        try:
            free = lock_descriptor(stream.fileno(), blocking=False)
        except OSError:
            if needs_locks:
                raise
            free = True
        if not free:
            stream.seek(1)
            raise OSError(refusal(stream.read(200).decode("utf-8", "replace") or "just begun"))
        with naming(path):
            stream.truncate(0)
            # the first byte is the locked one on Windows
            stream.write(f"\nprocess {os.getpid()} on {platform.node()}".encode())
        yield


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an OSError that says nowhere, or a temporary name, what it is about say `path`."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and (
            error.filename is None or UNFINISHED in str(error.filename)
        ):
            error.filename = str(path)
        raise


def read_json(path: Path, limit: int = MAX_JSON_BYTES) -> dict[str, Any]:
    """Read a JSON object of at most `limit` bytes; ValueError names the file."""
    if path.stat().st_size > limit:
        raise ValueError(
            f"{path} has {path.stat().st_size:,} bytes, more than the {limit:,} allowed for such a "
            f"file."
        )
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not valid JSON ({one_line(error, 160)}).") from error
    if not isinstance(value, dict):
        raise ValueError(f"{path} must hold a JSON object, found {type(value).__name__}.")
    return value


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write a JSON object atomically, each list of numbers on one line."""
    text = json.dumps(value, indent=1, allow_nan=False)
    text = _NUMBERS.sub(lambda found: " ".join(found[0].split()), text)
    with atomic_write(path) as stream:
        stream.write(f"{text}\n".encode())


def write_csv(path: str | Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table as CSV, atomically, with nothing in it that a spreadsheet would run."""
    with atomic_write(Path(path)) as stream:
        stream.write(csv_text(header, rows).encode())


def write_records(path: str | Path, records: Sequence[dict[str, Any]]) -> None:
    """Write records as CSV with all columns, in the order first seen; None is empty."""
    columns = list(dict.fromkeys(name for record in records for name in record))
    write_csv(path, columns, ([record.get(name) for name in columns] for record in records))


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table as CSV with escaped cells, header included."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([safe_cell(name) for name in header])
    writer.writerows([safe_cell(value) for value in row] for row in rows)
    return out.getvalue()


def safe_cell(value: object) -> str:
    """Return a value as text; text that could be a formula gets an apostrophe."""
    if value is None or (isinstance(value, float) and value != value):
        return ""
    text = str(value).replace("\r", "\n")  # a lone carriage return would begin a row of its own
    if isinstance(value, int | float) or not text.lstrip(" \n").startswith(FORMULA):
        return text
    return "'" + text


def _locked(make: Callable[[], tuple[int, str]]) -> tuple[int, Path]:
    """Make something temporary and lock it, again if it was removed in between."""
    while True:
        handle, name = make()
        # a file system without locks: nothing is removed there either
        with contextlib.suppress(OSError):
            lock_descriptor(handle)
        if os.path.lexists(name):
            return handle, Path(name)
        os.close(handle)


def _release(stream: BinaryIO) -> None:
    """Close a file before renaming on Windows; elsewhere keep it open and locked."""
    if WINDOWS:
        stream.close()
