"""JPEG and PNG pictures, from a file or from somebody's upload, as RGB arrays. Nothing is decoded before its size is known."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from astrojepa.data import DataError

MAX_PIXELS = 4096 * 4096
MAX_BYTES = 10 * 1024 * 1024
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_SIGNATURE = b"\xff\xd8\xff"
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")


def read_image(source: str | Path | bytes, name: str = "") -> np.ndarray:
    """Read a JPEG or PNG picture as uint8 (H, W, 3), RGB.

    Greyscale is repeated, palettes are looked up, transparency is laid over black (empty sky), and 16-bit greyscale is divided
    by 257. The EXIF orientation is ignored: north stays where the file has it. Bytes are limited to 10 MB, and any picture to
    4096 x 4096 pixels, which is checked in the header before decoding. The first bytes decide the format, not the suffix.

    Raises DataError, naming `name` or the path, for anything that is not a whole picture; FileNotFoundError where it is missing.
    """
    if isinstance(source, bytes):
        if len(source) > MAX_BYTES:
            raise DataError(
                f"{name or 'The image'} has {len(source) / 1e6:.1f} MB; at most {MAX_BYTES // 1_000_000} MB are read."
            )
        return _decode(io.BytesIO(source), name or "The image")
    with Path(source).open("rb") as stream:
        return _decode(stream, name or str(source))


def _decode(stream: BinaryIO, name: str) -> np.ndarray:
    head = stream.read(8)
    stream.seek(0)
    opener: type[JpegImageFile | PngImageFile]
    if head.startswith(JPEG_SIGNATURE):
        opener = JpegImageFile
    elif head.startswith(PNG_SIGNATURE):
        opener = PngImageFile
    else:
        raise DataError(f"{name} is neither a JPEG nor a PNG picture (it begins with {head!r}); convert it first.")
    try:
        # The format's own class, not Image.open: its size check is ours, without warnings, and safe between threads.
        with opener(stream) as image:
            _check_size(image.size, name)
            return _to_rgb(image)
    except DataError:
        raise
    except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError, struct.error, ... for damaged files
        raise DataError(f"{name} cannot be read as a picture, it is damaged or cut short ({error}); replace it.") from error


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width * height > MAX_PIXELS or min(size) < 1:
        raise DataError(f"{name} has {width} x {height} pixels; at most {MAX_PIXELS:,} are read. Cut out the galaxy first.")


def _to_rgb(image: Image.Image) -> np.ndarray:
    if image.mode == "RGB" and "transparency" not in image.info:
        return np.array(image)
    if image.mode.startswith("I"):
        grey = np.clip(np.array(image).astype(np.int64) // 257, 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        sky = Image.new("RGBA", image.size, (0, 0, 0, 255))
        return np.array(Image.alpha_composite(sky, image).convert("RGB"))
    return np.array(image.convert("RGB"))
