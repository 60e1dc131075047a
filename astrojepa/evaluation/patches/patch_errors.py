"""Patch errors of a galaxy: predicted against target tokens of hidden patches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from astrojepa.data.crops import centre_crop, resize_flux, resize_frame
from astrojepa.data.transforms import to_flux
from astrojepa.evaluation.patches.masked_prediction import (
    MaskedErrors,
    MaskGroup,
    mask_plan,
    masked_errors,
    plan_of,
    tiling_plan,
)
from astrojepa.objective.masking import patch_brightness, sample_masks
from astrojepa.types import PatchErrors

if TYPE_CHECKING:
    from astrojepa.checkpoints.model import Model


def patch_errors(
    model: Model,
    image: np.ndarray,
    masks: str | np.ndarray = "tiling",
    seed: int = 0,
    num_masks: int = 16,
) -> PatchErrors:
    """Compare predicted with target tokens of one image, uint8 (H, W, 3), patch by patch.

    A model that takes flux is given `data.flux(index)`, float32 (H, W, C).

    - "tiling": a fixed set of masks hides every patch exactly once, in blocks of the size the model
      was trained with; the context is everything else. `seed` plays no part.
    - "random": `num_masks` masks drawn with `seed` as in training; patches that were never a target
      stay NaN.
    - a bool (G, G) array, True = hidden: predicted as one block from everything else.

    Only hidden patches are scored: `mse` and `cosine` are means over the masks that predicted a
    patch, `spread` the sample standard deviation of the MSE over them (NaN with fewer than two),
    `times` their number. `hidden` is True where a mask's context had no token. Targets are
    layer-normed, so their mean square is 1, and an `mse` of 1 is what predicting zeros gives;
    `normalised` is 1 for what predicting this image's mean token gives.

    Raises ValueError for an encoder-only checkpoint, another image type, a mask of another shape or
    that hides all or nothing, an unknown word, num_masks < 1, or predictions that are not finite.

    Examples:
        >>> model = aj.load_model("small.lejepa")
        >>> errors = aj.patch_errors(model, aj.open_dataset("simulated:60")[7].image)
        >>> errors.mse.shape, bool(np.isnan(errors.mse).any())
        ((8, 8), False)
    """
    check_predictor(model)
    image = np.asarray(image)
    bands = model.config.image.bands
    kind, channels = ("float32", len(bands)) if bands else ("uint8", 3)
    if image.dtype != kind or image.ndim != 3 or image.shape[2] != channels:
        raise ValueError(
            f"Expected an image of type {kind} and shape (H, W, {channels}), found {image.dtype} "
            f"and {image.shape}."
        )
    plan = (
        _random_plan(model, image, seed, num_masks)
        if isinstance(masks, str) and masks == "random"
        else fixed_plan(model, masks)
    )
    return _over_masks(masked_errors(model, model.prepare(image), plan), model.grid)


def check_predictor(model: Model) -> None:
    """Raise ValueError for an encoder-only checkpoint."""
    if not model.has_predictor:
        raise ValueError(
            "This checkpoint has no predictor, only an encoder: it cannot give patch errors. "
            "Choose another one."
        )


def fixed_plan(model: Model, masks: str | np.ndarray) -> list[MaskGroup]:
    """Plan fixed masks: "tiling" or your own bool (G, G); ValueError otherwise."""
    if isinstance(masks, str):
        if masks == "tiling":
            return tiling_plan(model.grid, model.config.mask)
        raise ValueError(
            f'There is no set of masks {masks!r}; choose "tiling", "random", or a bool array (G, '
            f"G)."
        )
    hidden = np.asarray(masks)
    shape = (model.grid, model.grid)
    if hidden.shape != shape or hidden.dtype != bool:
        raise ValueError(
            f"Expected a mask of type bool and shape {shape}, True = hidden; found {hidden.dtype} "
            f"and {hidden.shape}."
        )
    if hidden.all() or not hidden.any():
        raise ValueError(
            f"The mask hides {'every patch' if hidden.all() else 'no patch'}; hide some and leave "
            f"some."
        )
    return mask_plan([hidden[None]])


def _random_plan(model: Model, image: np.ndarray, seed: int, num_masks: int) -> list[MaskGroup]:
    if num_masks < 1:
        raise ValueError(f"`num_masks` is {num_masks}; it must be at least 1.")
    config = model.config.image
    resize = resize_flux if config.bands else resize_frame
    crop = centre_crop(resize(image, config.frame_size), config.image_size)
    seen = to_flux(torch.from_numpy(crop[None].copy()), config)
    brightness = patch_brightness(seen, config.patch_size)
    generator = torch.Generator().manual_seed(seed)
    return plan_of(sample_masks(brightness.expand(num_masks, -1, -1), model.config.mask, generator))


def _over_masks(errors: MaskedErrors, grid: int) -> PatchErrors:
    """Average the errors of one image over its masks."""
    mse, cosine = errors.mse[0], errors.cosine[0]
    seen = ~np.isnan(mse)
    times = seen.sum(axis=0)
    unknown = np.full(times.shape, np.nan)
    mean = np.divide(mse.sum(axis=0, where=seen), times, out=unknown.copy(), where=times > 0)
    squares = np.square(mse - mean).sum(axis=0, where=seen)
    variance = np.divide(squares, times - 1, out=unknown.copy(), where=times > 1)
    similar = np.divide(cosine.sum(axis=0, where=seen), times, out=unknown.copy(), where=times > 0)
    return PatchErrors(
        mse=mean.reshape(grid, grid).astype(np.float32),
        cosine=similar.reshape(grid, grid).astype(np.float32),
        spread=np.sqrt(variance).reshape(grid, grid).astype(np.float32),
        times=times.reshape(grid, grid),
        hidden=errors.hidden.reshape(-1, grid, grid),
        variance=float(errors.variance[0]),
    )
