"""Patch errors of many galaxies at once, under one fixed set of masks."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from astrojepa.cache import cache_path, load_arrays, save_arrays
from astrojepa.data.dataset import Dataset
from astrojepa.data.frames import frames_for
from astrojepa.evaluation.patches.masked_prediction import MaskGroup, masked_errors
from astrojepa.evaluation.patches.patch_errors import check_predictor, fixed_plan
from astrojepa.progress import Progress, reporting
from astrojepa.types import normalised_error

if TYPE_CHECKING:
    from astrojepa.checkpoints.model import Model

_VERSION = 1  # part of the cache's key; raise it when the numbers change


@dataclass(frozen=True)
class PatchErrorSummary:
    """Patch errors of n galaxies under the same masks; NaN on visible patches."""

    mse: np.ndarray  # float32 (n, G, G), larger = more surprising
    cosine: np.ndarray  # float32 (n, G, G), in [-1, 1]
    variance: np.ndarray  # float32 (n,), what predicting a galaxy's mean token would give

    @property
    def mean_mse(self) -> np.ndarray:
        """Mean over patches: float32 (n,)."""
        return np.nanmean(self.mse, axis=(1, 2))

    @property
    def max_mse(self) -> np.ndarray:
        """The most surprising patch: float32 (n,)."""
        return np.nanmax(self.mse, axis=(1, 2))

    @property
    def mean_cosine(self) -> np.ndarray:
        """Mean over patches: float32 (n,)."""
        return np.nanmean(self.cosine, axis=(1, 2))

    @property
    def normalised(self) -> np.ndarray:
        """Mean MSE over that of the galaxy's mean token: float32 (n,), >= 0, NaN if undefined."""
        return normalised_error(self.mean_mse, self.variance)


def patch_error_summary(
    model: Model,
    data: Dataset | np.ndarray,
    masks: str | np.ndarray = "tiling",
    *,
    batch_size: int = 32,
    cache: bool = True,
    progress: Progress | bool | None = None,
) -> PatchErrorSummary:
    """Compute `patch_errors` of every galaxy of a data set, or of frames uint8 (n, F, F, 3).

    `masks` is "tiling" or one's own bool (G, G), True = hidden: the same for all. The result for a
    data set is kept under `.cache/astrojepa/patch-errors-*.npz` by the content of weights, data and
    masks, unless `cache` is False.

    Raises ValueError for an encoder-only checkpoint, no galaxies, frames of another type, other
    masks, batch_size < 1, or predictions that are not finite.
    """
    check_predictor(model)
    if len(data) == 0 or batch_size < 1:
        raise ValueError(
            f"Expected galaxies and batch_size >= 1, found {len(data)} and {batch_size}; loosen "
            f"the selection."
        )
    if not isinstance(data, Dataset) and (
        data.dtype != np.uint8 or data.ndim != 4 or data.shape[-1] != 3
    ):
        raise ValueError(
            f"Expected frames of type uint8 and shape (n, F, F, 3), found {data.dtype} and "
            f"{data.shape}."
        )
    plan = fixed_plan(model, masks)
    path = _path(model, data, plan) if cache and isinstance(data, Dataset) else None
    if path is not None and (found := _read(path, len(data), model.grid)) is not None:
        return found
    pictures = frames_for(data, model.config.image, progress) if isinstance(data, Dataset) else data
    parts = []
    with reporting(progress, len(data), "patch errors") as report:
        for first in range(0, len(data), batch_size):
            errors = masked_errors(
                model, model.normalised(np.asarray(pictures[first : first + batch_size])), plan
            )
            parts.append((_once(errors.mse), _once(errors.cosine), errors.variance))
            report(min(first + batch_size, len(data)))
    mse, cosine, variance = (
        np.concatenate(part).astype(np.float32) for part in zip(*parts, strict=True)
    )
    shape = (len(data), model.grid, model.grid)
    summary = PatchErrorSummary(mse.reshape(shape), cosine.reshape(shape), variance)
    if path is not None:
        save_arrays(path, mse=summary.mse, cosine=summary.cosine, variance=variance)
    return summary


def _once(values: np.ndarray) -> np.ndarray:
    """Take each patch from the one mask that predicted it: (b, m, N) -> (b, N)."""
    return np.where(np.isnan(values), 0, values).sum(axis=1) + np.where(
        np.isnan(values).all(axis=1), np.nan, 0
    )


def _path(model: Model, data: Dataset, plan: list[MaskGroup]) -> Path:
    config = model.config.to_dict()
    masks = [
        [group.context.tolist(), *([targets.tolist() for _, targets in group.blocks])]
        for group in plan
    ]
    facts = [
        _VERSION,
        model.hash,
        data.fingerprint,
        config["image"],
        config["model"],
        list(model.mean),
        list(model.std),
        masks,
    ]
    return cache_path(
        "patch-errors", hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:24]
    )


def _read(path: Path, count: int, grid: int) -> PatchErrorSummary | None:
    arrays = load_arrays(path)
    if (
        arrays is None
        or not {"mse", "cosine", "variance"} <= arrays.keys()
        or arrays["mse"].shape != (count, grid, grid)
    ):
        return None
    return PatchErrorSummary(arrays["mse"], arrays["cosine"], arrays["variance"])
