"""Prediction errors of hidden patches, one score per galaxy; larger = more anomalous."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from astrojepa.data.crops import centre_crop
from astrojepa.data.dataset import Dataset
from astrojepa.data.transforms import to_flux
from astrojepa.evaluation.anomalies.registry import anomaly_score
from astrojepa.evaluation.batches import scored_in_batches
from astrojepa.evaluation.patches.masked_prediction import whole_targets
from astrojepa.evaluation.patches.patch_errors import check_predictor
from astrojepa.evaluation.patches.summary import PatchErrorSummary, patch_error_summary
from astrojepa.models.tokens import gather_tokens
from astrojepa.objective.masking import (
    counter_uniforms,
    num_uniforms,
    patch_brightness,
    sample_masks,
)
from astrojepa.progress import Listener
from astrojepa.types import PatchMasks

if TYPE_CHECKING:
    from astrojepa.checkpoints.model import Model

PREDICTION_METHODS = ("prediction", "normalised-prediction", "seed-formula")


def prediction_error_scores(
    model: Model,
    data: Dataset,
    masks: str = "tiling",
    seed: int = 0,
    num_masks: int = 8,
    *,
    batch_size: int = 64,
    cache: bool = True,
    progress: Listener = None,
) -> dict[str, np.ndarray]:
    """Score galaxies by their prediction errors: float64 (n,) by name, larger = more anomalous.

    - "prediction": mean over the patches of the squared error between layer-normed target and
      predicted tokens.
    - "normalised-prediction": the same over what predicting the galaxy's mean token would give; 1 =
      no better than that.
    - "seed-formula": mean + 0.5 · max + 0.1 · (1 - mean cosine), the only score of the first
      published code, here on hidden patches only.

    With masks "tiling" every patch is hidden exactly once, by the same masks in every galaxy;
    "random" draws `num_masks` masks per galaxy as in training, from `seed` and its row in the
    source, so that a subset gets the same. A patch counts once, with its mean.

    Raises ValueError for an encoder-only checkpoint, an unknown word, num_masks < 1, or predictions
    that are not finite.
    """
    if masks == "tiling":
        errors = patch_error_summary(
            model, data, batch_size=batch_size, cache=cache, progress=progress
        )
    elif masks == "random":
        errors = _random_errors(model, data, seed, num_masks, batch_size, cache, progress)
    else:
        raise ValueError(f'There is no set of masks {masks!r}; choose "tiling" or "random".')
    seeds = errors.mean_mse + 0.5 * errors.max_mse + 0.1 * (1 - errors.mean_cosine)
    scores = (errors.mean_mse, errors.normalised, seeds)
    return {
        name: values.astype(np.float64)
        for name, values in zip(PREDICTION_METHODS, scores, strict=True)
    }


for _name, _title, _meaning in (
    ("prediction", "Prediction error", "mean squared error of the predicted patches"),
    (
        "normalised-prediction",
        "Prediction error, normalised",
        "prediction error divided by that of predicting the mean patch (1 = no better)",
    ),
    (
        "seed-formula",
        "Mean and worst patch",
        "mean error + 0.5 × worst patch + 0.1 × cosine distance",
    ),
):
    anomaly_score(_name, _title, _meaning, needs="predictor")(
        lambda model, data, name=_name, **options: prediction_error_scores(model, data, **options)[
            name
        ]
    )


def _random_errors(
    model: Model,
    data: Dataset,
    seed: int,
    num_masks: int,
    batch_size: int,
    cache: bool,
    progress: Listener,
) -> PatchErrorSummary:
    check_predictor(model)
    if num_masks < 1:
        raise ValueError(f"`num_masks` is {num_masks}; it must be at least 1.")
    found = scored_in_batches(
        "prediction-errors",
        model,
        data,
        {"seed": seed, "num_masks": num_masks, "mask": model.config.to_dict()["mask"]},
        lambda frames, rows: _batch(
            model, frames, [_draw(model, frames, rows, seed, number) for number in range(num_masks)]
        ),
        batch_size=batch_size,
        cache=cache,
        progress=progress,
    )
    shape = (len(data), model.grid, model.grid)
    return PatchErrorSummary(
        found["mse"].reshape(shape), found["cosine"].reshape(shape), found["variance"]
    )


def _draw(model: Model, frames: np.ndarray, rows: np.ndarray, seed: int, number: int) -> PatchMasks:
    """Draw mask `number` of each galaxy, as in training but from (seed, number, row) alone."""
    config = model.config
    crop = torch.from_numpy(np.ascontiguousarray(centre_crop(frames, config.image.image_size)))
    uniforms = counter_uniforms(
        seed, number, torch.from_numpy(rows), num_uniforms(model.grid, config.mask)
    )
    brightness = patch_brightness(to_flux(crop, config.image), config.image.patch_size)
    return sample_masks(brightness, config.mask, uniforms=uniforms)


@torch.inference_mode()
def _batch(model: Model, frames: np.ndarray, drawn: list[PatchMasks]) -> dict[str, np.ndarray]:
    """Return mean errors per patch, float32 (b, N): over blocks, then masks; NaN if visible."""
    pixels = model.normalised(frames)
    tokens = whole_targets(model, pixels)
    # squared error, cosine, number of blocks
    sums = torch.zeros(len(drawn), 3, *tokens.shape[:2], device=model.device)
    for number, masks in enumerate(drawn):
        moved = PatchMasks(masks.context.to(model.device), masks.targets.to(model.device))
        context, _ = model.network.encoder.patch_tokens(pixels, moved.context)
        prediction = model.network.predict(context, moved).flatten(1, 2).float()
        places = moved.targets.flatten(1)
        target = gather_tokens(tokens, places)
        error = (prediction - target).square().mean(dim=-1)
        values = torch.stack(
            [error, torch.cosine_similarity(prediction, target, dim=-1), torch.ones_like(error)]
        )
        sums[number].scatter_add_(2, places.expand(3, -1, -1), values)
    if not bool(torch.isfinite(sums).all()):
        raise ValueError(
            f"{model.id} predicts values that are not finite; its training diverged. Use another "
            "checkpoint."
        )
    times = (sums[:, 2] > 0).sum(dim=0)
    mean = (sums[:, :2] / sums[:, 2:].clamp_min(1)).sum(dim=0) / torch.where(
        times > 0, times, torch.nan
    )
    variance = tokens.var(dim=1, correction=0).mean(dim=1)
    return {
        "mse": mean[0].cpu().numpy(),
        "cosine": mean[1].cpu().numpy(),
        "variance": variance.cpu().numpy(),
    }
