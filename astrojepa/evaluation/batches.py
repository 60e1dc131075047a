"""Numbers of every galaxy: computed batch by batch, and kept by what decides them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from astrojepa.cache import cache_path, load_arrays, save_arrays
from astrojepa.data.dataset import Dataset
from astrojepa.data.frames import frames_for
from astrojepa.progress import Listener, reporting
from astrojepa.types import Embeddings

if TYPE_CHECKING:
    from astrojepa.checkpoints.card import ModelFacts
    from astrojepa.checkpoints.model import Model

# frames (b, F, F, 3), rows (b,) -> arrays (b, ...)
Scorer = Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]]


def key_of(*facts: Any) -> str:
    """Return 24 hex digits that tell these facts, plain values, from others."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:24]


def content_path(kind: str, model: ModelFacts, data: Dataset, *settings: Any) -> Path:
    """Return where the cache keeps what weights, galaxies, image settings and `settings` decide."""
    config = model.config.to_dict()
    seen = (config["image"], config["model"], list(model.mean), list(model.std))
    return cache_path(kind, key_of(model.hash, data.fingerprint, *seen, *settings))


def vectors_path(kind: str, facts: str, vectors: np.ndarray) -> Path:
    """Return where the cache keeps what vectors (n, D) and `facts` decide."""
    digest = hashlib.sha256(f"{facts} {vectors.shape} ".encode())
    digest.update(np.ascontiguousarray(vectors).data)
    return cache_path(kind, digest.hexdigest()[:24])


def in_batches(
    pictures: np.ndarray,
    rows: np.ndarray,
    scorer: Scorer,
    *,
    batch_size: int,
    progress: Listener,
    text: str,
) -> dict[str, np.ndarray]:
    """Run `scorer` over images (n, F, F, 3) and rows (n,), and join its arrays (n, ...) by name."""
    parts = []
    with reporting(progress, len(rows), text) as report:
        for first in range(0, len(rows), batch_size):
            part = slice(first, first + batch_size)
            parts.append(scorer(np.asarray(pictures[part]), rows[part]))
            report(min(first + batch_size, len(rows)))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def of_galaxies(vectors: np.ndarray, data: Dataset, model_hash: str) -> Embeddings:
    """Return vectors (n, D) with what `data` says of the same galaxies."""
    labels, ids = np.asarray(data.labels, dtype=np.int64), np.asarray(data.ids).astype(str)
    return Embeddings(vectors, labels, ids, data.classes, model_hash, data.fingerprint)


def check_batches(data: Dataset | np.ndarray, purpose: str, batch_size: int = 1) -> None:
    """Raise ValueError where there are no galaxies for that purpose, or for batch_size < 1."""
    if len(data) == 0:
        name = getattr(data, "name", "The array")
        raise ValueError(f"{name} has no galaxies to {purpose}; loosen the selection.")
    if batch_size < 1:
        raise ValueError(f"`batch_size` is {batch_size}; it must be at least 1.")


def scored_in_batches(
    kind: str,
    model: Model,
    data: Dataset,
    settings: dict[str, Any],
    scorer: Scorer,
    *,
    batch_size: int,
    cache: bool = True,
    progress: Listener = None,
) -> dict[str, np.ndarray]:
    """Run `scorer` over the frames of all galaxies and join what it returns, arrays (n, ...) by
    name.

    The scorer is given frames uint8 (b, F, F, 3) and the galaxies' row numbers in their source,
    which stay the same in a subset. Kept under `.cache/astrojepa/<kind>-*.npz` by weights,
    galaxies, image settings and `settings`, unless `cache` is False. Raises ValueError for an empty
    data set or batch_size < 1.
    """
    check_batches(data, "score", batch_size)
    path = content_path(kind, model, data, settings)
    found = load_arrays(path) if cache else None
    if found is not None and all(len(array) == len(data) for array in found.values()):
        return found
    arrays = in_batches(
        frames_for(data, model.config.image, progress),
        data.rows,
        scorer,
        batch_size=batch_size,
        progress=progress,
        text=kind.replace("-", " "),
    )
    if cache:
        save_arrays(path, **arrays)
    return arrays
