"""Patch errors of many galaxies at once, under one fixed set of masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from astrojepa.data.dataset import Dataset
from astrojepa.evaluation.batches import check_batches, in_batches, scored_in_batches
from astrojepa.evaluation.patches.masked_prediction import masked_errors
from astrojepa.evaluation.patches.patch_errors import check_predictor, fixed_plan
from astrojepa.progress import Listener
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
    progress: Listener = None,
) -> PatchErrorSummary:
    """Compute `patch_errors` of every galaxy of a data set, or of frames uint8 (n, F, F, 3).

    `masks` is "tiling" or one's own bool (G, G), True = hidden: the same for all. The result for a
    data set is kept under `.cache/astrojepa/patch-errors-*.npz` by the content of weights, data and
    masks, unless `cache` is False.

    Raises ValueError for an encoder-only checkpoint, no galaxies, frames of another type, other
    masks, batch_size < 1, or predictions that are not finite.
    """
    check_predictor(model)
    check_batches(data, "predict", batch_size)
    bands = model.config.image.bands
    kind, channels = ("float32", len(bands)) if bands else ("uint8", 3)
    if not isinstance(data, Dataset) and (
        data.dtype != kind or data.ndim != 4 or data.shape[-1] != channels
    ):
        raise ValueError(
            f"Expected frames of type {kind} and shape (n, F, F, {channels}), found {data.dtype} "
            f"and {data.shape}."
        )
    plan = fixed_plan(model, masks)

    def errors(frames: np.ndarray, rows: np.ndarray) -> dict[str, np.ndarray]:
        found = masked_errors(model, model.normalised(frames), plan)
        shape = (len(frames), model.grid, model.grid)
        mse, cosine = (_once(part).reshape(shape) for part in (found.mse, found.cosine))
        arrays = {"mse": mse, "cosine": cosine, "variance": found.variance}
        return {name: array.astype(np.float32) for name, array in arrays.items()}

    how: dict[str, Any] = {"batch_size": batch_size, "progress": progress}
    if not isinstance(data, Dataset):
        rows = np.arange(len(data))
        return PatchErrorSummary(**in_batches(data, rows, errors, text="patch errors", **how))
    lists = [[group.context.tolist(), *(t.tolist() for _, t in group.blocks)] for group in plan]
    settings = {"masks": lists, "version": _VERSION}
    found = scored_in_batches("patch-errors", model, data, settings, errors, cache=cache, **how)
    return PatchErrorSummary(**found)


def _once(values: np.ndarray) -> np.ndarray:
    """Take each patch from the one mask that predicted it: (b, m, N) -> (b, N)."""
    return np.where(np.isnan(values), 0, values).sum(axis=1) + np.where(
        np.isnan(values).all(axis=1), np.nan, 0
    )
