"""JPEG, PNG and WebP images as RGB arrays; nothing is decoded before its size is known."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from astrojepa.data import PictureError
from astrojepa.data.images.orientation import JPEG_SIGNATURE, PNG_SIGNATURE, orientation, upright

MAX_PIXELS = 4096 * 4096
MAX_BYTES = 10 * 1024 * 1024  # of an upload
MAX_FILE_BYTES = 128 * 1024 * 1024
MAX_SCANS = 100  # a progressive JPEG has about ten; thousands over a large image take hours
MAX_CHUNKS = 50_000  # a PNG of 4096 x 4096 pixels has about 8,000, of 8 kB each
BITS = (8, 10, 12, 14, 16)
DEEP = ("I;16B", "LA;16B", "RGB;16B", "RGBA;16B")  # kinds of 16-bit samples, as Pillow names them
JPEG_SCAN = b"\xff\xda"


def read_image(source: str | Path | bytes, name: str = "") -> np.ndarray:
    """Read a JPEG, PNG or WebP image as uint8 (H, W, 3), RGB.

    Greyscale is repeated, palettes are looked up, and transparency is laid over black (empty sky).
    A 16-bit PNG becomes 8 bits by the fewest bits that hold its brightest value, of 8, 10, 12, 14
    and 16: cameras and scanners store 12 in 16. The image is turned as its EXIF says
    (`orientation`), not as XMP or the text of a PNG do. Bytes are limited to 10 MB, files to 128
    MB, and any image to 4096 x 4096 pixels, which is checked in the header before decoding. The
    first bytes decide the format, not the suffix.

    Raises PictureError, naming `name` or the path, for anything that is not a whole image;
    FileNotFoundError where it is missing.
    """
    if isinstance(source, bytes):
        name = name or "The image"
        _check_length(len(source), MAX_BYTES, name)
        return _decode(source, name)
    name = name or str(source)
    _check_length(Path(source).stat().st_size, MAX_FILE_BYTES, name)
    return _decode(Path(source).read_bytes(), name)


def _check_length(size: int, limit: int, name: str) -> None:
    if size > limit:
        raise PictureError(
            f"{name} has {size / 1e6:.1f} MB; at most {limit // 1_000_000} MB are read."
        )


def _decode(raw: bytes, name: str) -> np.ndarray:
    opener: type[JpegImageFile | PngImageFile | WebPImageFile]
    if raw.startswith(JPEG_SIGNATURE):
        opener = JpegImageFile
        if raw.count(JPEG_SCAN) > MAX_SCANS:
            raise PictureError(
                f"{name} is a JPEG of {raw.count(JPEG_SCAN)} scans; at most {MAX_SCANS} are "
                f"decoded. Save it anew."
            )
    elif raw.startswith(PNG_SIGNATURE):
        opener = PngImageFile
        _check_chunks(raw, name)
    elif raw[:4] == b"RIFF" and raw[8:12] == b"WEBP":
        opener = WebPImageFile
        _check_size(_webp_size(raw), name)  # before Pillow makes room for it
    elif not raw:
        raise PictureError(f"{name} is an empty file; replace it.")
    else:
        raise PictureError(
            f"{name} is no JPEG, PNG or WebP image (it begins with {raw[:8]!r}); convert it first."
        )
    try:
        # The format's own class, not Image.open: its size check is ours, without warnings, and safe
        # between threads.
        with opener(io.BytesIO(raw)) as image:
            _check_size(image.size, name)
            if (frames := getattr(image, "n_frames", 1)) > 1:
                raise PictureError(f"{name} has {frames:,} frames; expected one. Save that alone.")
            kind = str(image.tile[0].args) if image.tile else ""  # a WebP has none
            pixels = _scaled(_deep(raw, kind)) if kind in DEEP else _to_rgb(image)
            turned = orientation(raw)
            return upright(pixels, turned) if turned > 1 else pixels
    except PictureError:
        raise
    # Pillow raises OSError, SyntaxError, ValueError, struct.error, ... for damaged files
    except Exception as error:
        raise PictureError(
            f"{name} cannot be read as an image, it is damaged or cut short ({error}); replace it."
        ) from error


def _check_chunks(raw: bytes, name: str) -> None:
    """Refuse a PNG of very many chunks: Pillow takes five seconds for 800,000 empty ones."""
    place = len(PNG_SIGNATURE)
    for _ in range(MAX_CHUNKS):
        if place + 8 > len(raw):
            return
        place += 12 + int.from_bytes(raw[place : place + 4])
    raise PictureError(f"{name} is a PNG of more than {MAX_CHUNKS:,} chunks. Save it anew.")


def _webp_size(raw: bytes) -> tuple[int, int]:
    """Return (width, height) as a WebP's first chunk has them: 14 bits each, or 24 of a canvas."""
    kind, head = raw[12:16], raw[20:30]
    if kind == b"VP8X":
        width, height = (int.from_bytes(head[at : at + 3], "little") for at in (4, 7))
        return width + 1, height + 1
    if kind == b"VP8L":
        bits = int.from_bytes(head[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return (
        int.from_bytes(head[6:8], "little") & 0x3FFF,
        int.from_bytes(head[8:10], "little") & 0x3FFF,
    )


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width * height > MAX_PIXELS or min(size) < 1:
        raise PictureError(
            f"{name} has {width} x {height} pixels; at most {MAX_PIXELS:,} are read. Cut out the "
            f"galaxy first."
        )


def _deep(raw: bytes, kind: str) -> np.ndarray:
    """Read a PNG of 16 bits: uint16 (H, W, 1 to 4), of which Pillow itself keeps 8 in colours.

    The decoder is asked for the upper bytes, then, as if the file were little-endian, the lower;
    for grey and alpha, for their four bytes as if they were colours.
    """
    samples: Any = 0
    if kind == "LA;16B":
        with PngImageFile(io.BytesIO(raw)) as whole:
            whole.tile = [whole.tile[0]._replace(args="RGBA")]
            upper, lower = (np.array(whole)[..., k::2].astype(np.uint16) for k in (0, 1))
        return upper * np.uint16(256) + lower
    for order in "BL" if kind != "I;16B" else "B":
        with PngImageFile(io.BytesIO(raw)) as half:
            half.tile = [half.tile[0]._replace(args=kind[:-1] + order)]
            samples = samples * np.uint16(256) + np.array(half).astype(np.uint16)
    return samples.reshape(*samples.shape[:2], -1)


def _scaled(deep: np.ndarray) -> np.ndarray:
    """Turn 16-bit samples, grey or RGB, with or without alpha, into uint8 (H, W, 3)."""
    colours = deep.shape[2] - (deep.shape[2] % 2 == 0)
    light, opacity = deep[..., :colours], deep[..., colours:]
    opacity = opacity if opacity.size else np.ones(1, np.uint16)
    bits = next(bits for bits in BITS if int(light.max()) < 2**bits)
    values = light / np.float32(2**bits - 1) * (opacity / np.float32(max(opacity.max(), 1)))
    return np.repeat(np.round(values * 255).astype(np.uint8), 3 // light.shape[2], axis=2)


def _to_rgb(image: Image.Image) -> np.ndarray:
    if image.mode == "RGB" and "transparency" not in image.info:
        return np.array(image)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        sky = Image.new("RGBA", image.size, (0, 0, 0, 255))
        return np.array(Image.alpha_composite(sky, image).convert("RGB"))
    return np.array(image.convert("RGB"))
