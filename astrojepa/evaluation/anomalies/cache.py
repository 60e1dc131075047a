"""Scores of a model and a data set: computed batch by batch, cached by content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from astrojepa.cache import cache_path, load_arrays, save_arrays
from astrojepa.data.dataset import Dataset
from astrojepa.data.frames import frames_for
from astrojepa.progress import Progress, reporting

if TYPE_CHECKING:
    from astrojepa.checkpoints.model import Model

# frames (b, F, F, 3), rows (b,) -> arrays (b, ...)
Scorer = Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]]


def scored_in_batches(
    kind: str,
    model: Model,
    data: Dataset,
    settings: dict[str, Any],
    scorer: Scorer,
    *,
    batch_size: int,
    cache: bool = True,
    progress: Progress | bool | None = None,
) -> dict[str, np.ndarray]:
    """Run `scorer` over the frames of all galaxies; returns its arrays (n, ...) by name.

    The scorer is given frames uint8 (b, F, F, 3) and the galaxies' row numbers in their source,
    which stay the same in a subset. Kept under `.cache/astrojepa/<kind>-*.npz` by weights,
    galaxies, image settings and `settings`, unless `cache` is False. Raises ValueError for an empty
    data set or batch_size < 1.
    """
    if len(data) == 0:
        raise ValueError(f"{data.name} has no galaxies to score; loosen the selection.")
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; it must be at least 1.")
    config = model.config.to_dict()
    facts = [
        model.hash,
        data.fingerprint,
        config["image"],
        config["model"],
        list(model.mean),
        list(model.std),
        settings,
    ]
    path = cache_path(
        kind, hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:24]
    )
    found = load_arrays(path) if cache else None
    if found is not None and all(len(array) == len(data) for array in found.values()):
        return found
    pictures = frames_for(data, model.config.image, progress)
    parts = []
    with reporting(progress, len(data), kind.replace("-", " ")) as report:
        for first in range(0, len(data), batch_size):
            part = slice(first, first + batch_size)
            parts.append(scorer(np.asarray(pictures[part]), data.rows[part]))
            report(min(first + batch_size, len(data)))
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    if cache:
        save_arrays(path, **arrays)
    return arrays
