"""Uploaded images: read in memory, for this session only."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from . import loaders, waiting

MAX_FILES = 20  # of a session
MAX_BYTES = 10 * 1024 * 1024
MAX_SIDE = 512  # what is kept of a larger image, so that twenty of them stay small
VECTORS = "upload_vectors"  # session key
TYPES = ("jpg", "jpeg", "png", "fits", "fit", "fts", "gz", "bz2", "fz")


@dataclass(frozen=True)
class Upload:
    """One image that was brought along."""

    name: str
    digest: str  # of the file's content
    image: np.ndarray  # uint8 (S, S, 3), its central square, at most 512 pixels a side
    size: tuple[int, int]  # width and height of the image as it came
    ra: float | None = None  # degrees, where a FITS header tells
    dec: float | None = None


def clean_name(name: object) -> str:
    """Return a file's name, at most 60 plain characters, without folders."""
    text = str(name).replace("\\", "/").rpartition("/")[2]
    return re.sub(r"[^\w .()+-]", " ", text)[-60:].strip() or "picture"


def read_upload(name: str, content: bytes) -> Upload:
    """Read a JPEG, PNG or FITS image; raises ValueError with one sentence for anything else.

    The first bytes decide the format. Size and pixels are limited as the package's readers limit
    them, before decoding.
    """
    from astrojepa.data.crops import resize_frame
    from astrojepa.data.images import FITS_SUFFIXES, fits
    from astrojepa.data.images import raster as images

    name = clean_name(name)
    if not content:
        raise ValueError(f"{name} is empty; choose another file.")
    ra = dec = None
    if fits.is_fits(content) or name.lower().endswith(FITS_SUFFIXES):
        image, sky = fits.read_fits(content, name)
        ra, dec = sky.ra, sky.dec
    else:
        image = images.read_image(content, name)
    height, width = image.shape[:2]
    square = resize_frame(image, min(height, width, MAX_SIDE))
    return Upload(name, digest_of(content), square, (width, height), ra, dec)


def digest_of(content: bytes) -> str:
    """Return what an image is known by: 16 hex digits of its file's hash."""
    return hashlib.sha256(content).hexdigest()[:16]


def add(
    held: dict[str, Upload], files: Iterable[tuple[str, bytes]]
) -> tuple[dict[str, Upload], list[str]]:
    """Return the images with new files (name, content), and a sentence for each failure.

    A bad file stops none of the others; one that is held already is not added twice; beyond twenty
    none is read.
    """
    kept, problems, over = dict(held), [], 0
    for name, content in files:
        if len(kept) >= MAX_FILES:
            over += 1
            continue
        if len(content) > MAX_BYTES:
            problems.append(
                f"{clean_name(name)} has {len(content) / 1e6:.1f} MB; the limit is "
                f"{MAX_BYTES // 1_000_000} MB."
            )
            continue
        try:
            made = read_upload(name, content)
        except (ValueError, OSError) as error:
            problems.append(str(error))
            continue
        kept.setdefault(made.digest, made)
    if over:
        problems.append(
            f"{over} more {'image was' if over == 1 else 'images were'} left out; a session keeps "
            f"at most {MAX_FILES}."
        )
    return kept, problems


def votes(labels: np.ndarray, classes: tuple[str, ...]) -> str:
    """Say how the nearest galaxies are labelled, most first; those without a label do not vote."""
    counts = (
        np.bincount(labels[labels >= 0], minlength=len(classes))
        if len(classes)
        else np.zeros(0, dtype=int)
    )
    return (
        ", ".join(
            f"{classes[k]} {counts[k]}" for k in np.argsort(-counts, kind="stable") if counts[k]
        )
        or "no labels"
    )


def picture_vector(model: Any, image: np.ndarray) -> np.ndarray:
    """Embed one uploaded image; BusyError if others come first."""
    from astrojepa.evaluation.vectors.newcomers import embed_picture

    loaders.MODEL_TURNS.check()
    return embed_picture(model, image)


def vectors(model: Any, key: str, label: str, held: Sequence[Upload]) -> list[np.ndarray]:
    """Embed images with a model, each once per session: float32 (D,) each. `key`: its hash."""
    known: dict[tuple[str, str], np.ndarray] = st.session_state.setdefault(VECTORS, {})
    missing = [upload for upload in held if (key, upload.digest) not in known]
    if missing:
        bar = st.progress(0.0, text="Embedding")
        for number, upload in enumerate(missing):
            bar.progress(
                number / len(missing), text=f"Embedding {number + 1} of {len(missing)} with {label}"
            )
            known[(key, upload.digest)] = waiting.in_turn(
                partial(picture_vector, model, upload.image)
            )
        bar.empty()
    return [known[(key, upload.digest)] for upload in held]


def newcomers(
    vectors: list[np.ndarray], embeddings: Any, scores: np.ndarray, xy: np.ndarray, method: str
) -> Any:
    """Where images that are in no data set stand among the open galaxies."""
    from astrojepa.evaluation.vectors.newcomers import compare_newcomers

    return compare_newcomers(vectors, embeddings, scores, xy, method)
