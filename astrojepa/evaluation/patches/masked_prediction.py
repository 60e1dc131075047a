"""Predicted against target tokens under masks, each image encoded whole once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from astrojepa.config import MaskConfig
from astrojepa.evaluation.patches.tiling import tile_shape, tiling_masks
from astrojepa.objective.masking import block_shapes
from astrojepa.types import PatchMasks

if TYPE_CHECKING:
    from astrojepa.checkpoints.model import Model

BATCH = 32  # masks of one image encoded in one call


@dataclass(frozen=True)
class MaskGroup:
    """Masks that leave equally many patches, so that their contexts run as one batch."""

    numbers: np.ndarray  # int64 (m,), which masks of the plan these are
    context: np.ndarray  # int64 (m, Nc), sorted
    # (rows (r,) of this group, targets int64 (r, M, Nt)) per size of block
    blocks: list[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class MaskedErrors:
    """Errors of b images under m masks, per patch; NaN where not predicted."""

    mse: np.ndarray  # float64 (b, m, N)
    cosine: np.ndarray  # float64 (b, m, N)
    # float64 (b,), mean squared distance of an image's target tokens from their mean, per feature
    variance: np.ndarray
    hidden: np.ndarray  # bool (m, N), True where a mask's context has no token


def tiling_plan(grid: int, config: MaskConfig) -> list[MaskGroup]:
    """Plan masks that hide every patch once, in blocks as large as in training."""
    shapes = block_shapes(grid, config.target_scale, config.target_aspect)
    return mask_plan(tiling_masks(grid, *tile_shape(grid, shapes)))


def mask_plan(masks: Sequence[np.ndarray]) -> list[MaskGroup]:
    """Plan masks of blocks, bool (t_i, G, G), hidden together, predicted one by one."""
    visible = [np.flatnonzero(~blocks.any(axis=0)) for blocks in masks]
    counts = np.array([len(context) for context in visible])
    groups = []
    for count in np.unique(counts):
        numbers = np.flatnonzero(counts == count)
        same: dict[tuple[int, int], list[tuple[int, np.ndarray]]] = {}
        for row, number in enumerate(numbers.tolist()):
            sizes = masks[number].sum(axis=(1, 2))
            for size in np.unique(sizes):
                targets = np.array(
                    [np.flatnonzero(block) for block in masks[number][sizes == size]]
                )
                same.setdefault(targets.shape, []).append((row, targets))
        blocks = [
            (np.array([row for row, _ in jobs]), np.stack([targets for _, targets in jobs]))
            for jobs in same.values()
        ]
        groups.append(
            MaskGroup(numbers, np.stack([visible[number] for number in numbers.tolist()]), blocks)
        )
    return groups


def plan_of(masks: PatchMasks) -> list[MaskGroup]:
    """Plan masks that training would draw, as they are."""
    context, targets = masks.context.numpy(), masks.targets.numpy()
    parts = [
        np.arange(first, min(first + BATCH, len(context)))
        for first in range(0, len(context), BATCH)
    ]
    return [
        MaskGroup(part, context[part], [(np.arange(len(part)), targets[part])]) for part in parts
    ]


def masked_errors(model: Model, pixels: Tensor, plan: list[MaskGroup]) -> MaskedErrors:
    """Compare predicted with target tokens of b images (b, 3, S, S) under every mask of a plan.

    A patch that several blocks of one mask predict counts once, with their mean. Raises ValueError
    where the network gives numbers that are not finite.
    """
    count, patches = 1 + max(int(group.numbers.max()) for group in plan), model.grid**2
    sums = torch.zeros(2, len(pixels), count, patches, dtype=torch.float64)
    times = torch.zeros(count, patches)
    hidden = np.ones((count, patches), dtype=bool)
    with torch.inference_mode():
        pixels = pixels.to(model.device)
        target = whole_targets(model, pixels)
        for group in plan:
            hidden[group.numbers[:, None], group.context] = False
            for rows, index, prediction in _predictions(model, pixels, group):
                errors = _compare(prediction, target[:, index.to(target.device)]).cpu()
                place = (
                    torch.from_numpy(group.numbers[rows])[:, None] * patches + index.flatten(1)
                ).flatten()
                sums.view(2, len(pixels), -1).index_add_(2, place, errors.flatten(2).double())
                times.view(-1).index_add_(0, place, torch.ones(len(place)))
        variance = target.var(dim=1, correction=0).mean(dim=1).double().cpu()
    if not bool(torch.isfinite(sums).all() and torch.isfinite(variance).all()):
        raise ValueError(
            "The checkpoint predicts numbers that are not finite; its training diverged, use "
            "another one."
        )
    mse, cosine = (sums / times.where(times > 0, torch.nan)).numpy()
    return MaskedErrors(mse, cosine, variance.numpy(), hidden)


def whole_targets(model: Model, pixels: Tensor) -> Tensor:
    """Return target tokens of whole images, layer-normed: float32 (b, N, D)."""
    every = torch.arange(model.grid**2, device=pixels.device).expand(len(pixels), 1, -1)
    return model.network.target_tokens(pixels, PatchMasks(context=every[:, 0], targets=every))[
        :, 0
    ].float()


def _predictions(
    model: Model, pixels: Tensor, group: MaskGroup
) -> Iterator[tuple[np.ndarray, Tensor, Tensor]]:
    """Yield (rows (r,), patches (r, M, Nt), predictions (b, r, M, Nt, D)) per block size."""
    pictures, masks = len(pixels), len(group.numbers)
    context = torch.from_numpy(group.context).to(pixels.device).repeat(pictures, 1)
    tokens, _ = model.network.encoder.patch_tokens(pixels.repeat_interleave(masks, dim=0), context)
    for rows, targets in group.blocks:
        index = torch.from_numpy(targets)
        places = torch.arange(pictures)[:, None] * masks + torch.from_numpy(rows)
        chosen = places.flatten().to(pixels.device)
        wanted = index.to(pixels.device).repeat(pictures, 1, 1)
        asked = PatchMasks(context=context[chosen], targets=wanted)
        prediction = model.network.predict(tokens[chosen], asked).float()
        yield rows, index, prediction.unflatten(0, (pictures, len(rows)))


def _compare(prediction: Tensor, target: Tensor) -> Tensor:
    """Return (mean squared difference, cosine) over the last axis, stacked in front."""
    mse = (prediction - target).square().mean(dim=-1)
    return torch.stack([mse, torch.cosine_similarity(prediction, target, dim=-1)])
