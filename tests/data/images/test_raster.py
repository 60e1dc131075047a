"""JPEG and PNG: what is read, what is refused before decoding."""

from __future__ import annotations

import io
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from astrojepa.data import DataError
from astrojepa.data.images.raster import MAX_BYTES, read_image


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that declares a size and holds almost nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    size = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + size
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


def test_png_pixels_come_back_as_they_were() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    assert np.array_equal(read_image(encoded(Image.fromarray(picture))), picture)


def test_file_and_bytes_give_the_same_picture(tmp_path: Path) -> None:
    raw = encoded(Image.fromarray(np.full((6, 6, 3), 90, np.uint8)), "JPEG")
    (tmp_path / "galaxy.jpg").write_bytes(raw)
    assert np.array_equal(read_image(tmp_path / "galaxy.jpg"), read_image(raw))


def test_the_first_bytes_decide_the_format_not_the_suffix(tmp_path: Path) -> None:
    (tmp_path / "galaxy.jpg").write_bytes(
        encoded(Image.fromarray(np.full((6, 6, 3), 90, np.uint8)), "PNG")
    )
    assert read_image(tmp_path / "galaxy.jpg").tolist() == np.full((6, 6, 3), 90).tolist()


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.new("L", (2, 2), 70), (70, 70, 70)),
        (Image.new("1", (2, 2), 1), (255, 255, 255)),
        (Image.new("P", (2, 2), 0), (0, 0, 0)),
        (Image.new("RGBA", (2, 2), (200, 100, 50, 255)), (200, 100, 50)),
        (Image.new("RGBA", (2, 2), (200, 100, 50, 0)), (0, 0, 0)),
        (Image.new("LA", (2, 2), (80, 255)), (80, 80, 80)),
        (Image.fromarray(np.full((2, 2), 65535, np.uint16)), (255, 255, 255)),
        (Image.fromarray(np.full((2, 2), 128 * 257, np.uint16)), (128, 128, 128)),
    ],
    ids=[
        "grey",
        "bits",
        "palette",
        "opaque",
        "transparent-is-sky",
        "grey-alpha",
        "16-bit-white",
        "16-bit-grey",
    ],
)
def test_every_kind_of_png_becomes_rgb(image: Image.Image, expected: tuple[int, int, int]) -> None:
    picture = read_image(encoded(image))
    assert picture.shape == (2, 2, 3)
    assert picture.dtype == np.uint8
    assert tuple(picture[0, 0]) == expected


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_of_several_frames_none_is_chosen(kind: str) -> None:
    frames = [Image.new("RGB", (9, 9), (level, 0, 0)) for level in (0, 90, 200)]
    raw = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    with pytest.raises(DataError, match="has 3 frames; expected one"):
        read_image(raw)


def test_palette_with_transparency_is_laid_over_black() -> None:
    image = Image.new("P", (2, 2), 1)
    image.putpalette([9, 9, 9, 200, 100, 50])
    assert read_image(encoded(image, transparency=bytes([255, 0])))[0, 0].tolist() == [0, 0, 0]


def test_cmyk_jpeg_becomes_rgb() -> None:
    assert read_image(encoded(Image.new("CMYK", (4, 4), (0, 0, 0, 255)), "JPEG")).max() < 10


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "deep"])
def test_an_image_is_turned_as_its_exif_says_and_as_pillow_turns_it(kind: str) -> None:
    samples = np.random.default_rng(0).integers(0, 256, (40, 24), dtype=np.uint8)
    image = Image.fromarray(samples * np.uint16(257) if kind == "deep" else samples)
    for order in ("<", ">"):
        for said in range(10):
            exif = Image.Exif()
            exif.endian = order
            exif[0x010E], exif[0x0112], exif[0x0131] = "a galaxy", said, "Scanner 1.0"
            raw = encoded(image, "PNG" if kind == "deep" else kind, exif=exif)
            with Image.open(io.BytesIO(raw)) as opened:
                seen = np.array(ImageOps.exif_transpose(opened))
            expected = np.uint8(seen // 257) if kind == "deep" else seen
            expected = np.dstack([expected] * 3) if expected.ndim == 2 else expected
            assert np.array_equal(read_image(raw), expected), (order, said)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # Pillow's, of a JPEG
def test_exif_is_found_wherever_the_format_may_have_it_and_nonsense_turns_nothing() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    body = exif.tobytes().removeprefix(b"Exif\0\0")
    plain = {kind: encoded(Image.new("RGB", (8, 4)), kind) for kind in ("JPEG", "PNG", "WEBP")}
    chunk = struct.pack(">I", len(body)) + b"eXIf" + body
    chunk += struct.pack(">I", zlib.crc32(b"eXIf" + body))
    last = plain["PNG"][:-12] + chunk + plain["PNG"][-12:]
    halves = [b"Exif\0\0" + part for part in (body[:20], body[20:])]
    segments = b"".join(b"\xff\xff\xe1" + struct.pack(">H", len(h) + 2) + h for h in halves)
    split = plain["JPEG"][:20] + segments + plain["JPEG"][20:]
    assert read_image(last).shape == read_image(split).shape == (8, 4, 3)
    marks = [match.start() for match in re.finditer(b"\xff[\xdb\xc0\xc4\xda\xd9]", plain["JPEG"])]
    for place in marks:  # before tables, the frame, the scan and the end
        late = plain["JPEG"][:place] + b"\xff\xd0" + segments + plain["JPEG"][place:]
        seen = ImageOps.exif_transpose(Image.open(io.BytesIO(late)))
        assert read_image(late).shape[:2] == seen.size[::-1], place
    for wrong in (
        b"",
        b"II*\0",
        b"Exif\0\0",
        body[:-9],
        b"II\0*" + body[4:],
        body[:8] + b"\xff" * 9,
    ):
        for kind in plain:
            raw = encoded(Image.new("RGB", (8, 4)), kind, exif=b"Exif\0\0" + wrong)
            assert read_image(raw).shape == (4, 8, 3)


@pytest.mark.parametrize(
    ("width", "height"), [(20000, 20000), (10000, 9000), (65535, 65535), (2**31 - 1, 1)]
)
def test_an_image_bomb_is_refused_by_its_header(width: int, height: int) -> None:
    with pytest.raises(
        DataError, match=rf"has {width} x {height} pixels; at most 16,777,216 are read"
    ):
        read_image(png_header(width, height), "bomb.png")


def test_a_jpeg_of_thousands_of_scans_is_refused() -> None:
    raw = encoded(Image.new("RGB", (64, 64)), "JPEG", progressive=True)
    assert read_image(raw).shape == (64, 64, 3)
    with pytest.raises(DataError, match=r"is a JPEG of [0-9]+ scans; at most 100"):
        read_image(raw[:-2] + raw[raw.rindex(b"\xff\xda") : -2] * 5000 + raw[-2:])


def test_uploads_over_ten_megabytes_are_refused() -> None:
    with pytest.raises(DataError, match=r"upload\.png has 10\.5 MB; at most 10 MB"):
        read_image(b"\0" * (MAX_BYTES + 1), "upload.png")


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_truncated_picture_is_an_error_naming_it(kind: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    raw = encoded(Image.fromarray(noise), kind)
    path = tmp_path / "half.img"
    path.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(
        DataError, match=r"half\.img cannot be read as an image, it is damaged or cut short"
    ):
        read_image(path)


@pytest.mark.parametrize(
    "raw",
    [
        b"GIF89a" + b"\0" * 50,
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"II*\0" + b"\0" * 60,
    ],
)
def test_other_formats_are_refused(raw: bytes) -> None:
    with pytest.raises(DataError, match="no JPEG, PNG or WebP image"):
        read_image(raw)


def test_an_empty_file_is_refused_as_one() -> None:
    with pytest.raises(DataError, match="is an empty file; replace it"):
        read_image(b"")


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff\xd8\xff",
        b"\xff\xd8\xff" + b"\xff" * 100,
        b"\x89PNG\r\n\x1a\n",
        b"\x89PNG\r\n\x1a\n" + b"\0" * 99,
    ],
)
def test_a_bare_signature_is_a_damaged_picture(raw: bytes) -> None:
    with pytest.raises(DataError, match="damaged or cut short"):
        read_image(raw)


def test_a_missing_picture_is_file_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_image(tmp_path / "none.jpg")


def png16(samples: np.ndarray) -> bytes:
    """Write uint16 (H, W, 1 to 4) as a PNG, which Pillow does for grey only."""
    height, width, count = samples.shape
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in samples)
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, (0, 4, 2, 6)[count - 1], 0, 0, 0)),
        (b"IDAT", zlib.compress(lines)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_values_of_fewer_bits_in_a_16_bit_png_fill_the_range(bits: int, count: int) -> None:
    rng = np.random.default_rng(bits)
    samples = rng.integers(0, 2**bits, (9, 7, count), dtype=np.uint16)
    samples[0, 0] = 2**bits - 1
    if count in (2, 4):
        samples[..., -1] = 65535
    image = read_image(png16(samples))
    expected = np.broadcast_to(
        samples[..., : 1 if count < 3 else 3] / (2**bits - 1) * 255, (9, 7, 3)
    )
    assert np.abs(image - expected).max() <= 0.5


@pytest.mark.parametrize("settings", [{"lossless": True}, {"quality": 80}, {"alpha": True}])
def test_a_webp_is_read_as_pillow_decodes_it(tmp_path, settings):
    rng = np.random.default_rng(0)
    alpha = settings.pop("alpha", False)
    pixels = rng.integers(0, 256, (24, 33, 4 if alpha else 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.webp", "WEBP", **settings)
    found = read_image(tmp_path / "a.webp")
    assert found.shape == (24, 33, 3)
    if not alpha:  # transparency lies over black
        np.testing.assert_array_equal(found, np.array(Image.open(tmp_path / "a.webp")))


@pytest.mark.parametrize(
    "chunk",
    [
        b"VP8X" + (10).to_bytes(4, "little") + bytes(4) + b"\xff\xff\x00" * 2,
        b"VP8L"
        + (5).to_bytes(4, "little")
        + b"\x2f"
        + (2**28 - 1).to_bytes(4, "little")
        + bytes(5),
        b"VP8 " + (10).to_bytes(4, "little") + bytes(3) + b"\x9d\x01\x2a" + b"\xff\x3f" * 2,
    ],
    ids=["canvas", "lossless", "lossy"],
)
def test_a_webp_bomb_is_refused_by_its_header(chunk):
    raw = b"RIFF" + (4 + len(chunk)).to_bytes(4, "little") + b"WEBP" + chunk
    with pytest.raises(DataError, match="pixels; at most 16,777,216 are read"):
        read_image(raw)


def test_a_damaged_webp_is_refused(tmp_path):
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "a.webp", "WEBP")
    raw = (tmp_path / "a.webp").read_bytes()
    for damaged in (raw[:20], raw[:30], raw[:-8]):
        with pytest.raises(DataError):
            read_image(damaged)
