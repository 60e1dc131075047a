"""Hashes of files: every byte counts, and what is remembered is never of another content."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import astrojepa as aj
from astrojepa.data import content, open_dataset
from astrojepa.data.content import content_hashes
from astrojepa.data.frames import frames


def hashes(root: Path) -> list[bytes]:
    names = sorted(path.name for path in root.glob("*.bin"))
    return content_hashes(root, names, [(root / name).stat() for name in names])


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remember files at once, however new they are."""
    monkeypatch.setattr(content, "SETTLED", -(10**15))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "files"
    root.mkdir()
    for k in range(5):
        (root / f"{k}.bin").write_bytes(bytes([k]) * (k * 700_000))
    return root


def test_a_hash_is_the_sha256_of_length_and_bytes(folder: Path) -> None:
    expected = [
        hashlib.sha256(f"{k * 700_000}".encode() + bytes([k]) * (k * 700_000)).digest()
        for k in range(5)
    ]
    assert hashes(folder) == expected


@pytest.mark.usefixtures("settled")
def test_known_files_are_not_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, read = hashes(folder), list[str]()
    whole = content.content_hash
    monkeypatch.setattr(
        content, "content_hash", lambda path: (read.append(str(path)), whole(path))[1]
    )
    assert hashes(folder) == first
    assert read == []
    (folder / "2.bin").write_bytes(b"y" * 1_400_000)
    assert [a == b for a, b in zip(hashes(folder), first, strict=True)] == [
        True,
        True,
        False,
        True,
        True,
    ]
    assert read == [f"{folder}/2.bin"]


def test_files_of_the_last_seconds_are_read_each_time(folder: Path, cache: Path) -> None:
    hashes(folder)
    assert not list(cache.glob("contents-*"))


@pytest.mark.usefixtures("settled")
def test_a_damaged_memory_is_none(folder: Path, cache: Path) -> None:
    first = hashes(folder)
    (kept,) = cache.glob("contents-*")
    np.savez(kept, stamps=np.zeros(3), hashes=np.zeros((3, 2), np.uint8))
    assert hashes(folder) == first
    kept.write_bytes(b"nonsense")
    assert hashes(folder) == first


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("kept", ["date", "date and length"])
def test_a_picture_rewritten_in_place_has_another_fingerprint_and_other_frames(
    tmp_path: Path, write_picture: object, write_fits: object, kept: str
) -> None:
    root = tmp_path / "g"
    for seed in range(3):
        write_fits(np.random.default_rng(seed).normal(size=(30, 30)), f"g/{seed}.fits")  # type: ignore[operator]
    before = open_dataset(root)
    first, old = frames(before, 16).copy(), (root / "1.fits").stat()
    raw = bytearray((root / "1.fits").read_bytes())
    raw[-2880:-1440] = raw[-1440:]
    (root / "1.fits").write_bytes(raw)
    os.utime(root / "1.fits", ns=(old.st_atime_ns, old.st_mtime_ns))
    after = open_dataset(root)
    assert after.fingerprint != before.fingerprint
    assert [bool((a == b).all()) for a, b in zip(frames(after, 16), first, strict=True)] == [
        True,
        False,
        True,
    ]


def test_two_bands_with_the_same_names_share_nothing(tmp_path: Path, write_fits: object) -> None:
    folders = []
    for band in ("g", "r"):
        for seed in range(3):
            data = np.random.default_rng(seed + 10 * (band == "r")).normal(size=(30, 30))
            write_fits(data, f"{band}/galaxies/{seed}.fits")  # type: ignore[operator]
        folders.append(tmp_path / band / "galaxies")
    one, other = (open_dataset(folder) for folder in folders)
    assert one.source_hash != other.source_hash
    assert not np.array_equal(frames(one, 16), frames(other, 16))
    model = aj.load_model("random")
    assert not np.array_equal(aj.embed(model, one).vectors, aj.embed(model, other).vectors)


def test_a_copy_elsewhere_of_another_date_has_the_same_fingerprint(
    tmp_path: Path, write_picture: object
) -> None:
    for name in ("one/galaxies", "two/galaxies"):
        for seed in range(2):
            path = write_picture(tmp_path / name / f"{seed}.png", seed)  # type: ignore[operator]
            os.utime(path, (len(name), seed))
    folders = [tmp_path / "one/galaxies", tmp_path / "two/galaxies"]
    assert len({open_dataset(folder).fingerprint for folder in folders}) == 1


def test_an_image_that_is_read_otherwise_than_before_has_another_hash_and_others_keep_theirs(
    tmp_path: Path,
) -> None:
    samples = np.full((4, 6, 2), 3000, ">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in samples)
    head = struct.pack(">IIBBBBB", 6, 4, 16, 4, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    deep = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    )
    held = [Image.Exif() for _ in range(2)]
    held[0][0x0112], held[1][0x0112] = 1, 8
    upright, turned = (exif.tobytes() for exif in held)
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (700, 700, 3), np.uint8))
    cases = [(deep, False)]
    for image, kind, exif, kept in (
        (Image.new("LA", (6, 4)), "PNG", None, True),
        (Image.new("L", (6, 4)), "JPEG", upright, True),
        (Image.new("L", (6, 4)), "JPEG", turned, False),
        (Image.new("L", (6, 4)), "WEBP", turned, False),
        (noise, "PNG", turned, False),
    ):
        stream = io.BytesIO()
        image.save(stream, kind, **({"exif": exif} if exif else {}))
        cases.append((stream.getvalue(), kept))
    raw = cases[-1][0]  # of 1.5 MB; its EXIF behind the image
    at = raw.index(b"eXIf") - 4
    end = at + 12 + int.from_bytes(raw[at : at + 4])
    cases.append((raw[:at] + raw[end:-12] + raw[at:end] + raw[-12:], False))
    for content_of, kept in cases:
        (tmp_path / "a.bin").write_bytes(content_of)
        before = hashlib.sha256(str(len(content_of)).encode() + content_of).digest()
        assert (hashes(tmp_path) == [before]) is kept
