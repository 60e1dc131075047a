"""Batches from frames: orientation, masks and normalisation, all decided by (seed, step, galaxy)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from astrojepa.config import TrainConfig
from astrojepa.data.transforms import normalise, random_frames
from astrojepa.masking import counter_uniforms, num_uniforms, patch_brightness, sample_masks
from astrojepa.types import Batch

RESIDENT_BYTES = 8 * 2**30  # frames up to this size are held on the device, larger ones stay memory-mapped
_TURN_DRAWS = 4


class BatchMaker:
    """Holds the training frames, uint8 (n, F, F, 3), and makes the batch of any step."""

    def __init__(
        self, frames: np.ndarray, config: TrainConfig, mean: tuple[float, ...], std: tuple[float, ...], device: torch.device
    ) -> None:
        size = config.optim.batch_size
        if len(frames) < size:
            raise ValueError(
                f"There are {len(frames)} galaxies to train on, fewer than --batch-size {size}; use a smaller batch."
            )
        self.config, self.mean, self.std, self.device = config, mean, std, device
        self.frames = frames
        self.resident = torch.from_numpy(np.array(frames)).to(device) if frames.nbytes <= RESIDENT_BYTES else None
        self.steps_per_epoch = len(frames) // size

    def rows(self, step: int) -> np.ndarray:
        """Return which galaxies make up a step: the order is drawn from (seed, epoch), incomplete last batches are dropped."""
        epoch, place = divmod(step, self.steps_per_epoch)
        order = np.random.default_rng((self.config.seed, epoch)).permutation(len(self.frames))
        size = self.config.optim.batch_size
        return order[place * size : (place + 1) * size]

    def batch(self, step: int) -> Batch:
        """Make the batch of a step."""
        config, rows = self.config, self.rows(step)
        ids = torch.from_numpy(rows).to(self.device)
        draws = counter_uniforms(config.seed, step, ids, _TURN_DRAWS + num_uniforms(config.image.grid, config.mask))
        flux = random_frames(self._read(rows, ids), config.image.image_size, config.optim.rotate, draws[:, :_TURN_DRAWS])
        brightness = patch_brightness(flux, config.image.patch_size)
        masks = sample_masks(brightness, config.mask, uniforms=draws[:, _TURN_DRAWS:])
        return Batch(normalise(flux, config.image.normalization, self.mean, self.std), masks, ids)

    def _read(self, rows: np.ndarray, ids: Tensor) -> Tensor:
        if self.resident is not None:
            return self.resident[ids]
        ordered = np.sort(rows)  # the memory map is read front to back
        frames = torch.from_numpy(self.frames[ordered])
        return frames[torch.from_numpy(np.searchsorted(ordered, rows))].to(self.device)
