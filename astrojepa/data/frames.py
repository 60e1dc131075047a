"""Pictures made ready once: every galaxy as a square frame of one size, in a memory-mapped file."""

from __future__ import annotations

import hashlib
import itertools
import math
import shutil
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import DTypeLike

from astrojepa.cache import cache_path
from astrojepa.config import ImageConfig
from astrojepa.data import DataError
from astrojepa.data.crops import resize_flux, resize_frame
from astrojepa.data.dataset import Dataset
from astrojepa.files import atomic_write
from astrojepa.progress import Listener, reporting

CHUNK = 256  # frames between two writes
THREADS = 2  # Pillow decodes and resamples outside Python's lock
SPARE_BYTES = 64 * 1024 * 1024  # left free on the disk


def frames(data: Dataset, frame_size: int, progress: Listener = False) -> np.ndarray:
    """Return every galaxy of `data`, in its order, as read-only memory-mapped uint8 (n, F, F, 3).

    The first call reads each image once, cuts its central square and resamples it
    (`resize_frame`); later calls open the file in the cache. Its name comes from the source's
    content, the rows and the frame size, and not from labels, which change no pixel. A cached file
    of the wrong size or shape is made anew.

    Raises DataError naming an image that cannot be read, OSError where the disk is full;
    neither leaves half a file.
    """
    return _kept_frames(data, frame_size, progress)


def _kept_frames(
    data: Dataset, frame_size: int, progress: Listener, num_bands: int = 0
) -> np.ndarray:
    """Return the frames in the cache, making them first where they are not; 0 bands: uint8 RGB."""
    if not 1 <= frame_size <= 4096:
        raise ValueError(f"A frame of {frame_size} pixels cannot be made; choose 1 to 4096.")
    kind, dtype = ("flux", np.float32) if num_bands else ("frames", np.uint8)
    path = cache_path(kind, f"{pictures_hash(data)}-{frame_size}", ".npy")
    shape = (len(data), frame_size, frame_size, num_bands or 3)
    found = open_pictures(path, shape, dtype)
    if found is None:
        if (prepare := getattr(data.reader, "prepare", None)) is not None:
            prepare(len(data), progress)
        parts = (slice(start, start + CHUNK) for start in range(0, len(data), CHUNK))
        read = read_frames(data, frame_size, parts, bool(num_bands))
        write_pictures(path, shape, read, progress, f"reading {data.name}", dtype)
        found = open_pictures(path, shape, dtype)
    if found is None:
        raise OSError(
            f"{path} was written and cannot be read back; is the disk sound, or did something "
            f"delete it?"
        )
    return found


def flux_frames(data: Dataset, frame_size: int, progress: Listener = False) -> np.ndarray:
    """Return the flux of every galaxy, as `frames` does: memory-mapped float32 (n, F, F, C)."""
    return _kept_frames(data, frame_size, progress, len(data.bands))


def frames_for(data: Dataset, image: ImageConfig, progress: Listener = None) -> np.ndarray:
    """Return the frames that a network with this image config is given, uint8 or flux.

    DataError where its bands are not those of the data.
    """
    check_bands(data, image)
    kept = flux_frames if image.bands else frames
    return kept(data, image.frame_size, progress)


def read_frames_for(
    data: Dataset, image: ImageConfig, parts: Iterable[slice]
) -> Generator[np.ndarray]:
    """Yield parts of `frames_for`, without the cache."""
    check_bands(data, image)
    return read_frames(data, image.frame_size, parts, bool(image.bands))


def check_bands(data: Dataset, image: ImageConfig) -> None:
    """Raise DataError unless the data are given in the bands that a network takes."""
    if image.bands != data.bands:
        wanted = f"flux in {', '.join(image.bands)}" if image.bands else "RGB images"
        found = f"flux in {', '.join(data.bands)}" if data.bands else "RGB images"
        how = f"with the bands {' '.join(image.bands)}" if image.bands else "without bands"
        raise DataError(
            f"The model takes {wanted}, and {data.name} was opened as {found}; open it {how}, or "
            f"train a model on it."
        )


def read_frames(
    data: Dataset, frame_size: int, parts: Iterable[slice], flux: bool = False
) -> Generator[np.ndarray]:
    """Yield the frames of each part of the rows, uint8 (b, F, F, 3), without the cache.

    With `flux` they are float32 (b, F, F, C). While the caller works on one part the next is read,
    in two threads; no more than three parts' frames are in memory. A reader with `of_rows` is asked
    for a part at once. Raises DataError naming an image that cannot be read.
    """
    reader: Any = data.reader
    read, resize = (reader.flux, resize_flux) if flux else (reader.read, resize_frame)
    together = not flux and hasattr(reader, "of_rows")

    def frames(rows: list[int]) -> list[np.ndarray]:
        if not together:
            return [resize(read(row), frame_size) for row in rows]
        found = {}
        for row, image in reader.of_rows(rows):
            if isinstance(image, DataError):
                raise image
            found[row] = resize(image, frame_size)
        return [found[row] for row in rows]

    pool = ThreadPoolExecutor(THREADS)
    try:
        asked = (data.rows[part].tolist() for part in parts)
        reads = (
            pool.map(frames, [rows] if together else [[row] for row in rows]) for rows in asked
        )
        for ready, _ahead in itertools.pairwise(itertools.chain(reads, [iter(())])):
            yield np.stack(list(itertools.chain.from_iterable(ready)))
    finally:
        pool.shutdown(cancel_futures=True)


def open_pictures(
    path: Path, shape: tuple[int, ...], dtype: DTypeLike = np.uint8
) -> np.ndarray | None:
    """Map a cached .npy of that shape and type read-only; None if missing or different."""
    try:
        pictures = np.load(path, mmap_mode="c", allow_pickle=False)
    except Exception:  # numpy and tokenize raise a dozen kinds for damaged files
        return None
    whole = (
        isinstance(pictures, np.memmap) and path.stat().st_size == pictures.offset + pictures.nbytes
    )
    return pictures if whole and pictures.shape == shape and pictures.dtype == dtype else None


def write_pictures(
    path: Path,
    shape: tuple[int, ...],
    blocks: Iterable[np.ndarray],
    progress: Listener,
    text: str,
    dtype: DTypeLike = np.uint8,
) -> None:
    """Write blocks of images one after the other into a .npy of that shape and type, atomically.

    Raises OSError where the disk has no room for it, before anything is read.
    """
    needed = math.prod(shape) * np.dtype(dtype).itemsize + SPARE_BYTES
    path.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(path.parent).free
    if free < needed:
        raise OSError(
            f"{text} needs {needed / 1e9:.1f} GB in {path.parent}, and {free / 1e9:.1f} GB are "
            "free; make room, or name another folder in ASTROJEPA_CACHE."
        )
    done = 0
    with atomic_write(path) as stream, reporting(progress, shape[0], text) as report:
        descr = npy.dtype_to_descr(np.dtype(dtype))
        npy.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
        for block in blocks:
            stream.write(np.ascontiguousarray(block, dtype=dtype).data)
            done += len(block)
            report(done)
        if done != shape[0]:
            raise ValueError(f"{text}: {shape[0]} images were announced and {done} came.")


def pictures_hash(data: Dataset) -> str:
    return hashlib.sha256(data.source_hash.encode() + b"\0" + data.rows.tobytes()).hexdigest()[:16]
