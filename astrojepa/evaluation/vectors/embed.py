"""Embeddings of a trained model, and the hand-made baselines."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from astrojepa.cache import cache_path, load_whole, program_text, save_arrays
from astrojepa.config import ImageConfig
from astrojepa.data.crops import centre_crop
from astrojepa.data.dataset import Dataset
from astrojepa.data.frames import frames, frames_for
from astrojepa.evaluation.baselines import polar_fourier
from astrojepa.evaluation.baselines import shape_statistics as measuring
from astrojepa.evaluation.batches import (
    check_batches,
    content_path,
    in_batches,
    key_of,
    of_galaxies,
)
from astrojepa.evaluation.vectors.standardise import check_finite
from astrojepa.progress import Listener
from astrojepa.settings import within
from astrojepa.types import Embeddings

if TYPE_CHECKING:
    from astrojepa.checkpoints.card import ModelFacts
    from astrojepa.checkpoints.model import Model

_BATCH = 512  # images that are measured together


def embed(
    model: Model,
    data: Dataset,
    *,
    batch_size: int = 256,
    cache: bool = True,
    progress: Listener = None,
    precision: str = "float32",
    passes: int | None = None,
) -> Embeddings:
    """Embed every galaxy, float32 (n, D): the mean over tokens, orientations and crop sizes.

    The network computes in float32, the same on every machine, unless `precision` is "bfloat16", or
    "auto" where the device is made for that. It looks `config.model.passes` times at a galaxy
    unless `passes` says how often, from 1 on: quicker, less accurate. Kept under
    `.cache/astrojepa/embeddings-*.npz` by the content of weights, data, image settings, precision
    and passes, unless `cache` is False. `progress(done, total, text)` is called per batch; True
    shows a bar in the terminal. Raises ValueError for an empty data set, batch_size < 1, passes
    that the model has not, or a vector that is not finite (its galaxy is named).

    Examples:
        >>> data = aj.open_dataset("simulated:60")
        >>> vectors = aj.embed(aj.load_model("small.lejepa"), data, passes=1)
        >>> vectors.vectors.shape, vectors.vectors.dtype
        ((60, 192), dtype('float32'))
    """
    check_batches(data, "embed", batch_size)
    unusual = differences(model, precision, passes)
    if cache and (found := _kept(model, data, unusual)) is not None:
        return found
    vectors = in_batches(
        frames_for(data, model.config.image, progress),
        data.rows,
        lambda frames, rows: {"vectors": model.encode(frames, **unusual)},
        batch_size=batch_size,
        progress=progress,
        text="embedding",
    )["vectors"]
    check_finite(vectors, data.ids)
    if cache:
        save_arrays(_path(model, data, unusual), vectors=vectors)
    return of_galaxies(vectors, data, model.hash)


def differences(
    model: Model, precision: str = "float32", passes: int | None = None
) -> dict[str, Any]:
    """Return how settings differ from float32 and all passes; ValueError for others."""
    found: dict[str, Any] = {}
    if precision != "float32":
        from astrojepa.precision import resolve

        if resolve(precision, model.device)[0] != "float32":
            found["precision"] = "bfloat16"
    if passes is not None:
        within("passes", passes, 1, model.config.model.passes)
        if passes != model.config.model.passes:
            found["passes"] = passes
    return found


def keep_embedding(model: ModelFacts, data: Dataset, vectors: np.ndarray) -> None:
    """Cache `vectors`, float32 (n, D), as what `embed` returns."""
    save_arrays(_path(model, data, {}), vectors=vectors)


def cached_embedding(model: ModelFacts, data: Dataset) -> Embeddings | None:
    """Return what `embed` would, if it has been computed before, else None; computes nothing."""
    return _kept(model, data, {})


def _kept(model: ModelFacts, data: Dataset, unusual: dict[str, Any]) -> Embeddings | None:
    arrays = load_whole(_path(model, data, unusual), vectors=len(data))
    if arrays is None or arrays["vectors"].ndim != 2:
        return None
    return of_galaxies(arrays["vectors"], data, model.hash)


def pixel_pca(
    train: Dataset,
    test: Dataset,
    components: int = 64,
    size: int = 32,
    *,
    progress: Listener = None,
) -> tuple[Embeddings, Embeddings]:
    """Embed by principal components of the central 7/8, `size` × `size` × 3: (train, test).

    Fitted on `train` alone; the sign of a component is fixed by its largest loading. `components`
    is lowered to what n and the pixels allow. Kept in the cache by the content of both sets. Raises
    ValueError for empty data or components < 1.

    Examples:
        >>> train, _, test = aj.split(aj.open_dataset("simulated:60"), "grouped", seed=42)
        >>> known, new = aj.pixel_pca(train, test, components=8)
        >>> new.vectors.shape[1]
        8
    """
    if components < 1 or len(train) < 2 or not len(test):
        raise ValueError(
            f"Pixel PCA needs 2 galaxies to fit, 1 to embed and components >= 1, found "
            f"{len(train)}, {len(test)} and {components}."
        )
    components = min(components, len(train) - 1, size * size * 3)
    name = f"pixel-pca-{components}-{size}"
    path = cache_path("baseline", key_of(name, train.fingerprint, test.fingerprint))
    found = load_whole(path, known=len(train), new=len(test))
    if found is None:
        from sklearn.decomposition import PCA

        known, new = (
            _centre(data, size, progress).reshape(len(data), -1) for data in (train, test)
        )
        solver = "randomized" if components < min(known.shape) else "full"
        fitted = PCA(components, svd_solver=solver, random_state=0).fit(known)
        found = {
            "known": fitted.transform(known).astype(np.float32),
            "new": fitted.transform(new).astype(np.float32),
        }
        save_arrays(path, **found)
    return of_galaxies(found["known"], train, name), of_galaxies(found["new"], test, name)


def summary_statistics(data: Dataset, *, progress: Listener = None) -> Embeddings:
    """Embed by hand-made statistics: colour, percentiles, size, ellipticity, profile, asymmetry.

    One row per galaxy of `shape_statistics` on the centre 7/8 at 64 × 64 pixels; learned from
    nothing, what astronomers had before. Kept in the cache by the content of the data and of the
    program that measures.
    """
    key = ("summary-statistics", program_text(measuring), data.fingerprint)
    size = measuring.FRAME_SIZE
    frame_size = round(size / 0.875)
    return _kept_measures(data, key, measuring.shape_statistics, size, frame_size, progress)


def galaxy_statistics(data: Dataset, *, progress: Listener = None) -> Embeddings:
    """Measure `shape_statistics` as `summary_statistics` does, on the galaxy alone; cached."""
    from astrojepa.evaluation.baselines import galaxy_alone

    key = ("galaxy-statistics", program_text(measuring, galaxy_alone), data.fingerprint)
    size = measuring.FRAME_SIZE
    measure = galaxy_alone.statistics_of_galaxy
    return _kept_measures(data, key, measure, size, round(size / 0.875), progress)


def crop_statistics(data: Dataset, image: ImageConfig) -> Embeddings:
    """Embed by `shape_statistics` of the model's crop; cached."""
    return _measured(data, image, "crop-statistics", measuring.shape_statistics)


def polar_statistics(data: Dataset, image: ImageConfig) -> Embeddings:
    """Embed by `polar_fourier` of the model's crop; cached."""
    return _measured(data, image, "polar-fourier", polar_fourier.polar_fourier)


def own_size_statistics(data: Dataset, image: ImageConfig) -> Embeddings:
    """Embed by `own_size` of the model's crop; cached."""
    from astrojepa.evaluation.baselines import own_size
    from astrojepa.models.encoders import petrosian

    return _measured(data, image, "own-size", own_size.own_size, own_size, petrosian)


def imagenet_transfer(data: Dataset) -> Embeddings | None:
    """Embed by a network trained on ImageNet (`baselines.imagenet`), cached by the content of data
    and weights; None where there are no such weights.
    """
    from astrojepa.checkpoints.card import file_hash
    from astrojepa.evaluation.baselines import imagenet

    if (weights := imagenet.imagenet_weights()) is None:
        return None
    key = ("imagenet", program_text(imagenet), file_hash(weights), data.fingerprint)
    measure = functools.partial(imagenet.imagenet_features, weights=weights)
    return _kept_measures(data, key, measure, imagenet.SIZE, imagenet.FRAME_SIZE)


def _measured(
    data: Dataset,
    image: ImageConfig,
    name: str,
    measure: Callable[[np.ndarray], np.ndarray],
    *more: ModuleType,
) -> Embeddings:
    """Measure every galaxy's crop; the program's text is part of the cache's key."""
    sides = (image.image_size, image.frame_size)
    key = (name, program_text(measuring, polar_fourier, *more), data.fingerprint, *sides)
    return _kept_measures(data, key, measure, *sides)


def _kept_measures(
    data: Dataset,
    key: tuple[Any, ...],
    measure: Callable[[np.ndarray], np.ndarray],
    size: int,
    frame_size: int,
    progress: Listener = None,
) -> Embeddings:
    """Measure the centre `size` pixels of every galaxy's frame, unless that was done before."""
    check_batches(data, "measure")
    path = cache_path("baseline", key_of(*key))
    found = load_whole(path, vectors=len(data))
    if found is None:
        found = in_batches(
            frames(data, frame_size, progress),
            data.rows,
            lambda batch, rows: {"vectors": measure(centre_crop(batch, size))},
            batch_size=_BATCH,
            progress=progress,
            text="measuring images",
        )
        check_finite(found["vectors"], data.ids)
        save_arrays(path, **found)
    return of_galaxies(found["vectors"], data, key[0])


def _centre(data: Dataset, size: int, progress: Listener) -> np.ndarray:
    """Return the centre 7/8 of every image, float32 (n, size, size, 3) in [0, 1]."""
    whole = np.asarray(frames(data, round(size / 0.875), progress))
    return centre_crop(whole, size).astype(np.float32) / 255


def _path(model: ModelFacts, data: Dataset, unusual: dict[str, Any]) -> Path:
    return content_path("embeddings", model, data, *([unusual] if unusual else []))
