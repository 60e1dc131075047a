"""Thumbnails of all galaxies in a few JPEG sheets, for a quick first page."""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from PIL import Image

from astrojepa.cache import cache_path, load_arrays, save_arrays
from astrojepa.data.crops import resize_frame
from astrojepa.data.dataset import Dataset
from astrojepa.data.frames import pictures_hash

SIDE = 96  # pixels, a multiple of JPEG's blocks, so that no tile colours its neighbour
ACROSS = 8  # tiles along a sheet's side
QUALITY = 88
_DECODED = 4  # sheets of 1.8 MB kept decoded


class Thumbnails:
    """The sheets, as JPEG in one array; a sheet is decoded when one of its tiles is asked for."""

    side = SIDE

    def __init__(self, jpeg: np.ndarray, ends: np.ndarray) -> None:
        self._jpeg, self._ends = jpeg, ends
        self._sheet = lru_cache(_DECODED)(self._decode)

    def tile(self, row: int) -> np.ndarray:
        """Return the image of one galaxy, uint8 (SIDE, SIDE, 3)."""
        number, place = divmod(row, ACROSS**2)
        top, left = (SIDE * part for part in divmod(place, ACROSS))
        return self._sheet(number)[top : top + SIDE, left : left + SIDE]

    def _decode(self, number: int) -> np.ndarray:
        begin = int(self._ends[number - 1]) if number else 0
        with Image.open(
            io.BytesIO(self._jpeg[begin : int(self._ends[number])].tobytes()), formats=["JPEG"]
        ) as image:
            if image.size != (ACROSS * SIDE, ACROSS * SIDE):
                raise ValueError(
                    f"A sheet of thumbnails has {image.size} pixels, expected {ACROSS * SIDE} a "
                    f"side."
                )
            return np.asarray(image.convert("RGB"))


def keep_thumbnails(data: Dataset) -> None:
    """Make the sheets of a data set and keep them in the cache."""
    jpegs = []
    for first in range(0, len(data), ACROSS**2):
        sheet = np.zeros((ACROSS, SIDE, ACROSS, SIDE, 3), dtype=np.uint8)
        for place, row in enumerate(range(first, min(first + ACROSS**2, len(data)))):
            down, along = divmod(place, ACROSS)
            sheet[down, :, along] = resize_frame(data[row].image, SIDE)
        stream = io.BytesIO()
        Image.fromarray(sheet.reshape(ACROSS * SIDE, ACROSS * SIDE, 3)).save(
            stream, "JPEG", quality=QUALITY, optimize=True
        )
        jpegs.append(np.frombuffer(stream.getvalue(), dtype=np.uint8))
    ends = np.cumsum([len(jpeg) for jpeg in jpegs])
    save_arrays(
        cache_path("thumbnails", pictures_hash(data)), jpeg=np.concatenate(jpegs), ends=ends
    )


def kept_thumbnails(data: Dataset) -> Thumbnails | None:
    """Return the sheets that were made of a data set before, None where there are none."""
    arrays = load_arrays(cache_path("thumbnails", pictures_hash(data)))
    if (
        arrays is None
        or not {"jpeg", "ends"} <= arrays.keys()
        or len(arrays["ends"]) != -(-len(data) // ACROSS**2)
    ):
        return None
    return Thumbnails(arrays["jpeg"], arrays["ends"])
