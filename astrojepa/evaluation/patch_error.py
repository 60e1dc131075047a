"""Which patches of a galaxy surprise the model: predicted against target tokens, on patches that were hidden from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from astrojepa.config import MaskConfig
from astrojepa.data.transforms import centre_crop, resize_frame, to_flux
from astrojepa.evaluation.tiling import tiling_masks
from astrojepa.masking import block_shapes, patch_brightness, sample_masks
from astrojepa.types import PatchErrors, PatchMasks

if TYPE_CHECKING:
    from astrojepa.checkpoint import Model

BATCH = 32  # masks predicted in one call


def patch_errors(
    model: Model, image: np.ndarray, masks: str | np.ndarray = "tiling", seed: int = 0, num_masks: int = 16
) -> PatchErrors:
    """Compare predicted with target tokens of one picture, uint8 (H, W, 3), patch by patch; larger `mse` = more surprising.

    - "tiling": a fixed set of masks hides every patch exactly once, in blocks of the size the model was trained with; the context
      is everything else. `seed` plays no part.
    - "random": `num_masks` masks drawn with `seed` as in training; patches that were never a target stay NaN.
    - a bool (G, G) array, True = hidden: predicted as one block from everything else.

    Only hidden patches are scored: `mse` and `cosine` are means over the masks that predicted a patch, `spread` the sample standard
    deviation of the MSE over them (NaN with fewer than two), `times` their number. `hidden` is True where a mask's context had no token.
    Targets are layer-normed, so their mean square is 1, and an `mse` of 1 is what predicting zeros gives.

    Raises ValueError for an encoder-only checkpoint, another image type, a mask of another shape or that hides all or nothing, an
    unknown word, num_masks < 1, or predictions that are not finite.
    """
    if not model.has_predictor:
        raise ValueError("This checkpoint has no predictor, only an encoder: it cannot give patch errors. Choose another one.")
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"Expected an image of type uint8 and shape (H, W, 3), found {image.dtype} and {image.shape}.")
    batches = _plan(model, image, masks, seed, num_masks)
    pixels = model.prepare(image)
    tally = _Tally(model.grid, max(int(rows.max()) for rows, _ in batches) + 1)
    for rows, batch in batches:
        prediction, target = model.predict(pixels, batch)
        tally.add(rows, batch, prediction.float().cpu(), target.float().cpu())
    return tally.result()


def tile_shape(grid: int, config: MaskConfig) -> tuple[int, int]:
    """Return the (height, width) in patches of a typical target block of training: the squarest, then the largest."""
    shapes = block_shapes(grid, config.target_scale, config.target_aspect)
    return min(shapes, key=lambda shape: (abs(shape[0] - shape[1]), -shape[0] * shape[1]))


def tiling_plan(groups: list[np.ndarray]) -> list[tuple[np.ndarray, PatchMasks]]:
    """Turn groups of blocks, bool (t_i, G, G) hidden together, into batches of equal token counts: (mask numbers (b,), masks).

    A mask whose blocks differ in size appears in several batches, each time with the whole group hidden.
    """
    jobs: dict[tuple[int, int, int], list[tuple[int, np.ndarray, np.ndarray]]] = {}
    for number, blocks in enumerate(groups):
        context = np.flatnonzero(~blocks.any(axis=0))
        sizes = blocks.sum(axis=(1, 2))
        for size in np.unique(sizes):
            targets = np.array([np.flatnonzero(block) for block in blocks[sizes == size]])
            jobs.setdefault((len(context), *targets.shape), []).append((number, context, targets))
    return [_stack(same[first : first + BATCH]) for same in jobs.values() for first in range(0, len(same), BATCH)]


def _stack(jobs: list[tuple[int, np.ndarray, np.ndarray]]) -> tuple[np.ndarray, PatchMasks]:
    numbers, contexts, targets = zip(*jobs, strict=True)
    masks = PatchMasks(context=torch.from_numpy(np.stack(contexts)), targets=torch.from_numpy(np.stack(targets)))
    return np.array(numbers), masks


def _plan(
    model: Model, image: np.ndarray, masks: str | np.ndarray, seed: int, num_masks: int
) -> list[tuple[np.ndarray, PatchMasks]]:
    if isinstance(masks, str):
        if masks == "tiling":
            return tiling_plan(tiling_masks(model.grid, *tile_shape(model.grid, model.config.mask)))
        if masks == "random":
            return _random_plan(model, image, seed, num_masks)
        raise ValueError(f'There is no set of masks {masks!r}; choose "tiling", "random", or a bool array (G, G).')
    hidden = np.asarray(masks)
    shape = (model.grid, model.grid)
    if hidden.shape != shape or hidden.dtype != bool:
        raise ValueError(
            f"Expected a mask of type bool and shape {shape}, True = hidden; found {hidden.dtype} and {hidden.shape}."
        )
    if hidden.all() or not hidden.any():
        raise ValueError(f"The mask hides {'every patch' if hidden.all() else 'no patch'}; hide some and leave some.")
    return tiling_plan([hidden[None]])


def _random_plan(model: Model, image: np.ndarray, seed: int, num_masks: int) -> list[tuple[np.ndarray, PatchMasks]]:
    if num_masks < 1:
        raise ValueError(f"num_masks is {num_masks}; it must be at least 1.")
    config = model.config.image
    crop = centre_crop(resize_frame(image, config.frame_size), config.image_size)
    brightness = patch_brightness(to_flux(torch.from_numpy(crop[None].copy())), config.patch_size)
    generator = torch.Generator().manual_seed(seed)
    drawn = sample_masks(brightness.expand(num_masks, -1, -1), model.config.mask, generator)
    parts = [slice(first, first + BATCH) for first in range(0, num_masks, BATCH)]
    return [(np.arange(num_masks)[part], PatchMasks(drawn.context[part], drawn.targets[part])) for part in parts]


class _Tally:
    """Sums of errors per mask and patch: a patch that several blocks of one mask predict counts once, with their mean."""

    def __init__(self, grid: int, count: int) -> None:
        self.grid = grid
        self.mse = np.zeros((count, grid * grid))
        self.cosine = np.zeros((count, grid * grid))
        self.times = np.zeros((count, grid * grid), dtype=np.int64)
        self.hidden = np.ones((count, grid * grid), dtype=bool)

    def add(self, rows: np.ndarray, masks: PatchMasks, prediction: Tensor, target: Tensor) -> None:
        """Add predicted and target tokens (b, M, Nt, D) of the masks numbered `rows`."""
        if not bool(torch.isfinite(prediction).all() and torch.isfinite(target).all()):
            raise ValueError("The checkpoint predicts numbers that are not finite; its training diverged, use another one.")
        where = (rows[:, None, None], masks.targets.cpu().numpy())
        np.add.at(self.mse, where, (prediction - target).square().mean(dim=-1).numpy())
        np.add.at(self.cosine, where, torch.cosine_similarity(prediction, target, dim=-1).numpy())
        np.add.at(self.times, where, 1)
        self.hidden[rows[:, None], masks.context.cpu().numpy()] = False

    def result(self) -> PatchErrors:
        """Average within masks, then over them."""
        seen = self.times > 0
        shape = (self.grid, self.grid)
        mse = np.divide(self.mse, self.times, out=np.zeros_like(self.mse), where=seen)
        cosine = np.divide(self.cosine, self.times, out=np.zeros_like(self.cosine), where=seen)
        times = seen.sum(axis=0)
        unknown = np.full(times.shape, np.nan)
        mean = np.divide(mse.sum(axis=0), times, out=unknown.copy(), where=times > 0)
        squares = np.square(mse - mean).sum(axis=0, where=seen)
        variance = np.divide(squares, times - 1, out=unknown.copy(), where=times > 1)
        return PatchErrors(
            mse=mean.reshape(shape).astype(np.float32),
            cosine=np.divide(cosine.sum(axis=0), times, out=unknown.copy(), where=times > 0).reshape(shape).astype(np.float32),
            spread=np.sqrt(variance).reshape(shape).astype(np.float32),
            times=times.reshape(shape),
            hidden=self.hidden.reshape(-1, *shape),
        )
