"""Galaxy10 DECaLS from Zenodo, 2.7 GB: resumable, verified by sha256, in place only when whole.

The bytes grow in `<name>.part` beside the file. Whatever ends a download, from Ctrl-C to a power
cut, the same command goes on with that part: its bytes are hashed again, so that the hash at the
end is of what lies on the disk.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from filelock import lock_descriptor

from astrojepa.data import DataError
from astrojepa.data.download.https import DroppedError, Server, UnreachableError
from astrojepa.data.download.known_files import (
    GALAXY10,
    KnownFile,
    hash_file,
    named,
    reporting_bytes,
    sha256_of,
)
from astrojepa.progress import Listener

URL = "https://zenodo.org/records/10845026/files/Galaxy10_DECals.h5?download=1"
BLOCK = 1024 * 1024
SPARE_BYTES = 64 * 1024 * 1024  # left free on the disk
ATTEMPTS = 6  # in a row that bring less than a block
LONGEST_WAIT = 60.0  # seconds


def download(
    path: Path,
    url: str = URL,
    known: KnownFile = GALAXY10,
    *,
    progress: Listener = False,
    say: Callable[[str], None] = lambda text: None,
    timeout: float = 30.0,
    first_wait: float = 1.0,
    http_on_loopback: bool = False,
) -> str:
    """Download the `known` file to `path` and say what is there; a complete file is only verified.

    Only https is spoken, redirects included; `http_on_loopback` allows http to this machine, for
    tests. A dropped connection, silence for `timeout` seconds and errors of the server are met by
    further attempts, `first_wait` seconds later and then twice as long each time; six in a row
    without a megabyte end it. A server without ranges sends everything again. `progress` counts
    bytes, `say` gets a sentence about each further attempt.

    Raises DataError where the file at `path`, the announced length or the final sha256 is another;
    a finished wrong file is kept as `<name>.wrong`. OSError where there is no network, no such page
    or no room. KeyboardInterrupt says what is kept.
    """
    if path.exists():
        return _verified(path, known, progress)
    server = Server(url, timeout, http_on_loopback)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _opened(path.with_name(f"{path.name}.part"), progress) as part:
        if part.size > known.num_bytes:
            part.restart()
        _check_room(path.parent, known.num_bytes - part.size)
        try:
            _complete(server, part, known, progress, say, first_wait)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"Interrupted. {_kept(part, known)}") from None
        os.fsync(part.stream.fileno())
        if part.digest.hexdigest() != known.sha256:
            wrong = part.path.replace(path.with_name(f"{path.name}.wrong"))
            raise DataError(
                f"What came is {named(wrong, part.digest.hexdigest())}, and not {known.name}; it "
                f"is kept as {wrong}, and the same command downloads everything again."
            )
        part.path.replace(path)
    return f"{path} is {known.name}: {known.num_bytes:,} bytes, sha256 {known.sha256}."


class Part:
    """The file that a download grows in, and the sha256 of what it holds."""

    def __init__(self, path: Path, stream: BinaryIO, progress: Listener) -> None:
        self.path = path
        self.stream = stream
        self.size = path.stat().st_size
        self.digest = hash_file(path, progress if self.size else False)

    def append(self, block: bytes) -> None:
        """Write a block; OSError where the disk is full."""
        try:
            self.stream.write(block)
            self.stream.flush()
        except OSError as error:
            reason = error.strerror or error
            raise OSError(
                f"{self.path} cannot grow ({reason}); make room, and the same command goes on."
            ) from error
        self.digest.update(block)
        self.size += len(block)

    def restart(self) -> None:
        """Forget everything that came."""
        self.stream.truncate(0)
        self.digest = hash_file(self.path)
        self.size = 0


@contextlib.contextmanager
def _opened(path: Path, progress: Listener) -> Iterator[Part]:
    """Open the part, for one process at a time; one that is still empty at the end is removed."""
    with path.open("ab") as stream:
        if not lock_descriptor(stream.fileno(), blocking=False):
            raise OSError(f"Another download is writing {path}; let it finish, or end it.")
        part = Part(path, stream, progress)
        try:
            yield part
        finally:
            if part.size == 0:
                path.unlink(missing_ok=True)


def _complete(
    server: Server,
    part: Part,
    known: KnownFile,
    progress: Listener,
    say: Callable[[str], None],
    first_wait: float,
) -> None:
    """Make attempts until the part is as long as the file."""
    failures = 0
    while part.size < known.num_bytes:
        before = part.size
        try:
            _attempt(server, part, known, progress, say)
        except DroppedError as error:
            failures = 0 if part.size - before >= BLOCK else failures + 1
            if isinstance(error, UnreachableError) and not server.answered:
                raise OSError(
                    f"{error}; check the network, or bring {server.url} here by other means and "
                    f"verify it with: "
                    f"python -m astrojepa data verify --data FILE. {_kept(part, known)}"
                ) from error
            if failures == ATTEMPTS:
                raise OSError(
                    f"{error}, {ATTEMPTS} times in a row. {_kept(part, known)}"
                ) from error
            wait = min(first_wait * 2**failures, LONGEST_WAIT)
            say(f"{error}; {part.size:,} bytes are here, next attempt in {wait:g} s.")
            time.sleep(wait)


def _attempt(
    server: Server, part: Part, known: KnownFile, progress: Listener, say: Callable[[str], None]
) -> None:
    """Append what one connection brings; DroppedError where that is not all."""
    with server.open(part.size) as answer:
        total = _announced(answer, part, server.url)
        if total not in (None, known.num_bytes):
            raise DataError(
                f"{server.url} has {total:,} bytes, expected {known.num_bytes:,} of {known.name}; "
                f"check the address."
            )
        if part.size and answer.status != http.client.PARTIAL_CONTENT:
            say(f"The server cannot go on from byte {part.size:,} and sends everything again.")
            part.restart()
        with reporting_bytes(
            progress, known.num_bytes, f"downloading {part.path.stem}", part.size
        ) as report:
            while block := _read(answer):
                if part.size + len(block) > known.num_bytes:
                    raise DataError(
                        f"{server.url} sends more than the {known.num_bytes:,} bytes of "
                        f"{known.name}; check the address."
                    )
                part.append(block)
                report(part.size)
    if part.size < known.num_bytes:
        raise DroppedError("The connection ended early")


def _announced(answer: http.client.HTTPResponse, part: Part, url: str) -> int | None:
    """Return how long the whole file is by the answer's headers; None where they do not say."""
    if answer.status != http.client.PARTIAL_CONTENT:
        length = answer.headers.get("Content-Length", "")
        return int(length) if length.isdecimal() else None
    stated = answer.headers.get("Content-Range", "")
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", stated)
    if not match or int(match[1]) != part.size:
        raise OSError(
            f"{url} answers with {stated or 'an unnamed part'} where bytes from {part.size} on "
            f"were asked for; try another `url`."
        )
    return None if match[2] == "*" else int(match[2])


def _read(answer: http.client.HTTPResponse) -> bytes:
    try:
        return answer.read1(BLOCK)
    except (OSError, http.client.HTTPException) as error:
        raise DroppedError(f"The connection dropped ({error})") from error


def _verified(path: Path, known: KnownFile, progress: Listener) -> str:
    if path.is_dir():
        raise IsADirectoryError(
            f"{path} is a folder; name the file to write, e.g. {path / 'Galaxy10_DECals.h5'}."
        )
    digest = sha256_of(path, progress)
    if digest != known.sha256:
        raise DataError(
            f"{path} is there and is {named(path, digest)}; move it away to download {known.name}."
        )
    return (
        f"{path} is there already and is {known.name}: {known.num_bytes:,} bytes, sha256 {digest}."
    )


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed + SPARE_BYTES:
        raise OSError(
            f"{folder} has {free / 1e9:.2f} GB free, and {(needed + SPARE_BYTES) / 1e9:.2f} GB are "
            "needed; make room, or choose another `out`."
        )


def _kept(part: Part, known: KnownFile) -> str:
    if not part.size:
        return "Nothing had come yet."
    return (
        f"{part.size:,} of {known.num_bytes:,} bytes are kept in {part.path}, and the same "
        f"command goes on."
    )
