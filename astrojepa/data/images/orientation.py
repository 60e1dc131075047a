"""How a camera or a scanner was held, as the EXIF of JPEG, PNG and WebP images says it."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator

import numpy as np

JPEG_SIGNATURE, PNG_SIGNATURE = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
EXIF, TAG = b"Exif\0\0", 0x0112
BYTES = {1: 1, 3: 2, 4: 4}  # of the numbers that EXIF calls BYTE, SHORT and LONG
SCAN, END, ALONE = 0xDA, 0xD9, range(0xD0, 0xD9)  # marks of a JPEG; ALONE have no length
MOST = 50_000  # parts of a file that are looked at


def orientation(raw: bytes) -> int:
    """Return 1 to 8 as an encoded image says it; 1, the first row at the top, where it says nothing
    that can be read.

    *Source:* CIPA DC-008 (Exif 2.32), tag 274; PNG 3rd edition, eXIf; WebP container, EXIF.
    """
    with contextlib.suppress(struct.error, IndexError):
        if raw.startswith(JPEG_SIGNATURE):
            return _of_exif(b"".join(_segments(raw)))
        if raw.startswith(PNG_SIGNATURE):
            return _of_exif(_chunk(raw, len(PNG_SIGNATURE), ">I4s", b"eXIf"))
        if raw[8:12] == b"WEBP":
            return _of_exif(_chunk(raw, 12, "<4sI", b"EXIF"))
    return 1


def upright(picture: np.ndarray, orientation: int) -> np.ndarray:
    """Return an image (H, W, ...) of an orientation as it is to be seen."""
    if orientation > 4:  # its rows are the columns
        picture = picture.swapaxes(0, 1)
    down = -1 if orientation in (3, 4, 7, 8) else 1
    along = -1 if orientation in (2, 3, 6, 7) else 1
    return np.ascontiguousarray(picture[::down, ::along])


def _segments(raw: bytes) -> Iterator[bytes]:
    """Yield the EXIF of a JPEG, which may be in several segments, anywhere before its scan."""
    place = 2
    for _ in range(MOST):
        mark = raw[place + 1]
        if mark == 0xFF:  # filling
            place += 1
            continue
        if mark in (SCAN, END) or raw[place] != 0xFF:
            return
        if mark in ALONE:
            place += 2
            continue
        end = place + 2 + (raw[place + 2] << 8) + raw[place + 3]
        if mark == 0xE1 and raw.startswith(EXIF, place + 4):
            yield raw[place + 4 + len(EXIF) : end]
        place = end


def _chunk(raw: bytes, place: int, head: str, name: bytes) -> bytes:
    """Return the first chunk of a name of a PNG, or of a WebP."""
    for _ in range(MOST):
        one, other = struct.unpack_from(head, raw, place)
        length, called = (one, other) if isinstance(one, int) else (other, one)
        start = place + 8
        if called == name:
            return raw[start : start + length].removeprefix(EXIF)
        # behind it a PNG has four bytes to check it, a WebP one where its length is odd
        place = start + length + (4 if isinstance(one, int) else length % 2)
    return b""


def _of_exif(exif: bytes) -> int:
    """Return the orientation that the first directory says; nothing else of it is read."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return 1
    (first,) = struct.unpack_from(f"{order}I", exif, 4)
    (count,) = struct.unpack_from(f"{order}H", exif, first)
    for place in range(first + 2, first + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(f"{order}HH", exif, place)
        if tag == TAG:
            value = exif[place + 8 : place + 8 + BYTES.get(kind, 0)]
            found = int.from_bytes(value, "little" if order == "<" else "big")
            return found if 1 <= found <= 8 else 1
    return 1
