"""How many bytes the batches of an Arrow file take once unpacked, from their messages.

pyarrow makes room for whatever a packed buffer says that it unpacks to. *Source:* the Arrow
columnar format, Message.fbs and Schema.fbs, in FlatBuffers.
"""

from __future__ import annotations

import struct
from typing import Any

FILE = b"ARROW1\0\0"  # begins the file format, which holds a stream
# numbers of fields in Message.fbs
HEADER, BUFFERS, COMPRESSION = 2, 2, 3


def unpacked_bytes(stream: Any) -> int:
    """Return the bytes that all packed buffers of a stream unpack to; 0 where none is packed.

    ValueError where a message is damaged.
    """
    import pyarrow as pa

    total = 0
    try:
        for message in pa.ipc.MessageReader.open_stream(stream):
            if message.type != "record batch":
                continue
            about, body = message.metadata.to_pybytes(), message.body
            header = _field(about, _table(about, 0), HEADER)
            batch = _table(about, header)
            if not _field(about, batch, COMPRESSION):
                continue
            place = _table(about, _field(about, batch, BUFFERS))
            (count,) = struct.unpack_from("<I", about, place)
            for start, length in struct.iter_unpack(
                "<qq", about[place + 4 : place + 4 + 16 * count]
            ):
                if length > 8:
                    (size,) = struct.unpack("<q", body[start : start + 8].to_pybytes())
                    total += size if size >= 0 else length  # -1: stored as it is
    except (struct.error, IndexError, TypeError) as error:
        raise ValueError("a message is damaged") from error
    return total


def _table(content: bytes, place: int) -> int:
    """Follow an offset."""
    return int(place + struct.unpack_from("<I", content, place)[0])


def _field(content: bytes, table: int, number: int) -> int:
    """Return where a field of a table lies, 0 where it is not there."""
    fields = table - struct.unpack_from("<i", content, table)[0]
    if fields < 0 or 4 + 2 * number >= struct.unpack_from("<H", content, fields)[0]:
        return 0
    offset = struct.unpack_from("<H", content, fields + 4 + 2 * number)[0]
    return int(table + offset) if offset else 0
