"""What files hold, as hashes of every byte, remembered for as long as a file stays as it is."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from astrojepa.cache import cache_path, load_arrays, save_arrays
from astrojepa.data.images.orientation import JPEG_SIGNATURE, PNG_SIGNATURE, orientation
from astrojepa.data.images.raster import MAX_FILE_BYTES
from astrojepa.progress import Listener, reporting

BLOCK = 2**20
SETTLED = 2 * 10**9  # ns after which a clock that ticks slowly has moved on
MAX_REMEMBERED = 2**20  # files of one folder


# a 16-bit grey PNG with opacity: older versions showed, and cached, other images of it
ANEW = re.compile(rb"\x89PNG\r\n\x1a\n.{16}\x10\x04", re.DOTALL)
PICTURES = (JPEG_SIGNATURE, PNG_SIGNATURE, b"RIFF")


def content_hash(path: str | Path) -> bytes:
    """Hash the length and every byte of a file: sha256, 32 bytes. Images that older versions read
    otherwise, and may have cached, have another hash than theirs.
    """
    with open(path, "rb", buffering=0) as stream:
        digest = hashlib.sha256(str(os.fstat(stream.fileno()).st_size).encode())
        start = stream.read(BLOCK)
        if len(start) == BLOCK and start.startswith(PICTURES):
            start += stream.read(MAX_FILE_BYTES)  # its EXIF may be at the end
        digest.update(b"anew" if ANEW.match(start) else b"")
        digest.update(b"turned" if orientation(start) > 1 else b"")
        digest.update(start)
        while block := stream.read(BLOCK):
            digest.update(block)
    return digest.digest()


def content_hashes(
    root: Path, files: Sequence[str], statuses: Sequence[os.stat_result], progress: Listener = False
) -> list[bytes]:
    """Hash every file below `root`, of which these are the states; known files are not read again.

    A file is known while its number on the disk, length and both times are those it was read at,
    and they were not of the last two seconds: within one tick of the clock a file may change
    unseen. To open a folder of 100,000 JPEGs of 1.4 kB with a table takes 4.6 s of a processor at
    first and 2.9 s later, on one core beside other work.
    """
    now, stamps = time.time_ns(), _stamps(statuses)
    # hashes of older versions, which are under "files" and "hashes", do not tell what is read anew
    path = cache_path("contents", hashlib.sha256(str(root).encode()).hexdigest()[:16])
    kept = load_arrays(path) or {}
    known = _as_rows(kept.get("stamps"), np.int64, 4), _as_rows(kept.get("hashes"), np.uint8, 32)
    place = {stamp.tobytes(): index for index, stamp in enumerate(known[0][: len(known[1])])}
    at = [place.get(stamp.tobytes()) for stamp in stamps]
    found = [b"" if index is None else known[1][index].tobytes() for index in at]
    unknown = [row for row, index in enumerate(at) if index is None]
    with reporting(progress, len(unknown), f"reading {root.name}") as report:
        for done, row in enumerate(unknown, 1):
            found[row] = content_hash(f"{root}/{files[row]}" if files[row] else root)
            if done % 256 == 0 or done == len(unknown):
                report(done)
    settled = [row for row in unknown if stamps[row, 2:].max() < now - SETTLED]
    if settled:
        hashes = np.frombuffer(b"".join(found[row] for row in settled), np.uint8).reshape(-1, 32)
        stamps = np.concatenate((stamps[settled], known[0]))[:MAX_REMEMBERED]
        save_arrays(path, stamps=stamps, hashes=np.concatenate((hashes, known[1]))[:MAX_REMEMBERED])
    return found


def _stamps(statuses: Sequence[os.stat_result]) -> np.ndarray:
    stamps = [(s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for s in statuses]
    return np.array(stamps, dtype=np.uint64).astype(np.int64).reshape(-1, 4)


def _as_rows(array: np.ndarray | None, kind: type, width: int) -> np.ndarray:
    """Return a remembered array, or none where it is not what was written."""
    if array is None or array.dtype != kind or array.ndim != 2 or array.shape[1] != width:
        return np.zeros((0, width), kind)
    return array
