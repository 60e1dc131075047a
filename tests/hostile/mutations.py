"""Damage done to files: every mutator takes a seeded generator and whole examples, and returns
bytes that nobody should trust.
"""

from __future__ import annotations

import copy
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from random import Random
from typing import Any

Mutator = Callable[[Random, list[bytes]], bytes]

INTEGERS = (
    0,
    1,
    -1,
    127,
    128,
    255,
    256,
    2**15,
    2**16 - 1,
    2**31 - 1,
    -(2**31),
    2**32 - 1,
    2**53,
    2**63 - 1,
    2**64 - 1,
)
WORDS = (
    *(
        "",
        " ",
        "../../../../etc/passwd",
        "/etc/passwd",
        "..",
        "nan",
        "NaN",
        "inf",
        "1e400",
        "-1e999",
        "0x10",
        "١٢",
        "\0",
        "\x1b[31m",
    ),
    *(
        "=1+1",
        "<script>alert(1)</script>",
        "![x](https://example.org/x.png)",
        "\u202e",
        "\ud800",
        "é" * 300,
        "x" * 5000,
        "9" * 400,
    ),
    *("None", "true", "label", "file", '"', "'", ",", ";", "\n", "\r", "%s%n", "{0}", "a\tb"),
)
VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        2,
        3,
        16,
        1024,
        10**9,
        10**18,
        2**63,
        10**400,
        -(10**400),
        0.5,
        -0.0,
        1e308,
        -1e308,
    ),
    *(
        float("nan"),
        float("inf"),
        float("-inf"),
        [],
        {},
        [[]],
        [None],
        {"": None},
        [0, 0],
        [1, 1, 1],
        [1e308] * 3,
        "x",
        *WORDS,
    ),
)


def harm_bytes(rng: Random, examples: list[bytes]) -> bytes:
    """Damage raw bytes in one to four ways."""
    data = bytearray(rng.choice(examples))
    for _ in range(rng.randint(1, 4)):
        _harm_once(rng, data, examples)
    return bytes(data)


def _harm_once(rng: Random, data: bytearray, examples: list[bytes]) -> None:
    place = (
        rng.randrange(len(data) + 1)
        if rng.random() < 0.6
        else rng.randrange(min(len(data), 256) + 1)
    )
    span = min(rng.choice((1, 2, 4, 8, 16, 64, 512)), len(data) - place)
    way = rng.randrange(8)
    if way == 0:  # a flipped bit
        for _ in range(rng.randint(1, 8)):
            if data:
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif way == 1:
        data[place : place + span] = rng.randbytes(span)
    elif way == 2:
        del data[place:]
    elif way == 3:
        del data[place : place + span]
    elif way == 4:
        data[place:place] = data[place : place + span] * rng.choice((1, 2, 50))
    elif way == 5:
        data[place:place] = rng.randbytes(rng.randint(1, 64))
    elif way == 6:  # a number that lies about a size, in either byte order
        width = rng.choice((1, 2, 4, 8))
        number = rng.choice(INTEGERS) % 2 ** (8 * width)
        data[place : place + width] = number.to_bytes(width, rng.choice(("little", "big")))
    else:  # the end of another example
        other = rng.choice(examples)
        data[place:] = other[rng.randrange(len(other) + 1) :]


def harm_text(rng: Random, examples: list[bytes]) -> bytes:
    """Put hostile words into text, swap its parts, or damage its bytes."""
    if rng.random() < 0.25:
        return harm_bytes(rng, examples)
    text = rng.choice(examples).decode(errors="surrogateescape")
    for _ in range(rng.randint(1, 4)):
        if len(text) > 100_000:
            break
        separator = rng.choice((",", "\n", " ", ";", "=", "&"))
        parts = text.split(separator)
        place = rng.randrange(len(parts))
        way = rng.randrange(5)
        if way == 0:
            parts[place] = rng.choice(WORDS)
        elif way == 1:
            parts.insert(place, rng.choice(WORDS))
        elif way == 2:
            parts.pop(place)
        elif way == 3:
            parts[place:place] = [parts[place]] * min(
                rng.choice((1, 3, 300)), 1 + 500_000 // (1 + len(parts[place]))
            )
        else:
            rng.shuffle(parts)
        text = separator.join(parts)
    return text.encode(errors="surrogatepass")


def harm_json(rng: Random, examples: list[bytes]) -> bytes:
    """Change the tree of a JSON text: values of other kinds, keys lost, unknown or renamed,
    nesting, lists that grow.
    """
    way = rng.random()
    if way < 0.1:
        return harm_text(rng, examples)
    if way < 0.15:
        depth = rng.choice((10, 500, 20_000))
        return rng.choice(
            (b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth, b"[" * depth)
        )
    tree = json.loads(rng.choice(examples))
    for _ in range(rng.randint(1, 3)):
        tree = _harm_tree(rng, tree)
    return json.dumps(tree).encode()


def _harm_tree(rng: Random, tree: Any) -> Any:
    holders: list[Any] = []
    _collect(tree, holders)
    if not holders or rng.random() < 0.02:
        return copy.deepcopy(rng.choice(VALUES))
    holder = rng.choice(holders)
    keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
    key, value = rng.choice(keys), copy.deepcopy(rng.choice(VALUES))
    way = rng.randrange(6)
    if way <= 2:
        holder[key] = value
    elif way == 3:
        del holder[key]
    elif way == 4 and isinstance(holder, dict):
        holder[rng.choice(WORDS)] = holder.pop(key)
    elif way == 4:
        holder *= rng.choice((2, 50))
    else:
        holder[key] = [copy.deepcopy(holder[key])] * rng.choice((1, 2, 3, 17))
    return tree


def _collect(tree: Any, found: list[Any]) -> None:
    if isinstance(tree, dict | list) and tree:
        found.append(tree)
        for child in tree.values() if isinstance(tree, dict) else tree:
            _collect(child, found)


def harm_png(rng: Random, examples: list[bytes]) -> bytes:
    """Damage what stands in a PNG's chunks and make their checksums whole again, so that the
    decoder goes on to believe them.
    """
    data = harm_bytes(rng, examples)
    if rng.random() < 0.3:
        return data
    out, place = bytearray(data[:8]), 8
    while place + 8 <= len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        body = data[place + 4 : place + 8 + length]
        out += data[place : place + 4] + body + struct.pack(">I", zlib.crc32(body))
        place += 12 + length
    return bytes(out)


def harm_fits(rng: Random, examples: list[bytes]) -> bytes:
    """Write other values into a FITS header's cards of 80 characters, lose and repeat cards, or
    damage the bytes.
    """
    if rng.random() < 0.3:
        return harm_bytes(rng, examples)
    data = bytearray(rng.choice(examples))
    headers = [
        place for place in range(0, len(data), 2880) if data[place : place + 3] in (b"SIM", b"XTE")
    ]
    start = rng.choice(headers or [0])
    cards = (data.find(b"END" + b" " * 77, start) - start) // 80
    for _ in range(rng.randint(1, 3)):
        place = start + 80 * rng.randrange(max(1, cards))
        other = start + 80 * rng.randrange(max(1, cards))
        value = rng.choice(
            (
                *map(str, INTEGERS),
                "T",
                "F",
                "'x'",
                "'TAN'",
                "1E400",
                "NAN",
                "-1.5",
                "",
                "'",
                "(1, 2)",
                "'" + "x" * 60,
            )
        )
        way = rng.randrange(4)
        if way <= 1:
            data[place + 10 : place + 80] = value.rjust(20).ljust(70)[:70].encode()
        elif way == 2:
            data[place : place + 80] = data[other : other + 80]
        else:
            data[place : place + 8] = rng.choice(
                (
                    b"NAXIS3  ",
                    b"BITPIX  ",
                    b"XTENSION",
                    b"CONTINUE",
                    b"HIERARCH",
                    b"\0" * 8,
                    b"BSCALE  ",
                )
            )
    return bytes(data)


def harm_safetensors(rng: Random, examples: list[bytes]) -> bytes:
    """Let the header of a safetensors file lie about names, kinds, shapes and places, under a
    length that is right, or damage the bytes.
    """
    if rng.random() < 0.3:
        return harm_bytes(rng, examples)
    data = rng.choice(examples)
    (length,) = struct.unpack("<Q", data[:8])
    header, body = data[8 : 8 + length], data[8 + length :]
    if rng.random() < 0.3:
        tree = json.loads(header)
        entry = tree[rng.choice([key for key in tree if key != "__metadata__"])]
        kinds = (
            "F64",
            "F32",
            "F16",
            "BF16",
            "I64",
            "U8",
            "BOOL",
            "F8_E4M3",
            "F8_E8M0",
            "F4",
            "C64",
            "X9",
        )
        entry["dtype"] = rng.choice(kinds)
        if rng.random() < 0.5:
            entry["data_offsets"] = [rng.choice(INTEGERS) % 2**64, rng.choice(INTEGERS) % 2**64]
        header = json.dumps(tree).encode()
    else:
        header = harm_json(rng, [header])
    if rng.random() < 0.2:  # numbers that are none
        body = bytearray(body)
        place = 4 * rng.randrange(max(1, len(body) // 4))
        body[place : place + 4] = struct.pack("<f", rng.choice((float("nan"), float("inf"), 3e38)))
    return struct.pack("<Q", len(header)) + header + bytes(body)


def harm_zip(rng: Random, examples: list[bytes]) -> bytes:
    """Damage one record inside a zip archive and pack it anew with right checksums, or damage
    the archive itself.
    """
    if rng.random() < 0.3:
        return harm_bytes(rng, examples)
    with zipfile.ZipFile(io.BytesIO(rng.choice(examples))) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    pickled = [name for name in records if name.endswith(".pkl")]
    name = pickled[0] if pickled and rng.random() < 0.7 else rng.choice(list(records))
    way = rng.random()
    if way < 0.8:
        records[name] = harm_bytes(rng, [records[name] or b"\0"])
    elif way < 0.9:
        records[rng.choice(("data.pkl", "../../outside", "/etc/passwd", "archive/data/0"))] = (
            records.pop(name)
        )
    else:
        del records[name]
    out = io.BytesIO()
    packing = zipfile.ZIP_DEFLATED if rng.random() < 0.2 else zipfile.ZIP_STORED
    with zipfile.ZipFile(out, "w", packing) as archive:
        for record, content in records.items():
            archive.writestr(record, content)
    return out.getvalue()


def either(*ways: Mutator) -> Mutator:
    """Choose one of several mutators for each case."""
    return lambda rng, examples: rng.choice(ways)(rng, examples)
