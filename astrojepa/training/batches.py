"""Batches: orientation, masks, views, normalisation, all from (seed, step, galaxy)."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from astrojepa import distributed
from astrojepa.config import TrainConfig
from astrojepa.data.transforms import normalise, random_frames
from astrojepa.objective.masking import (
    counter_uniforms,
    num_uniforms,
    patch_brightness,
    sample_masks,
)
from astrojepa.training.views import make_noise_bank, num_view_uniforms, random_views
from astrojepa.types import Batch

# frames up to this size are held on a GPU; larger ones, and those for a CPU, stay memory-mapped
RESIDENT_BYTES = 8 * 2**30
_TURN_DRAWS = 4


def check_batch(galaxies: int, config: TrainConfig) -> tuple[int, int]:
    """Return the batch size and the parts that share it; ValueError where galaxies are too few."""
    size, parts = config.optim.batch_size, config.optim.accumulate * distributed.world_size()
    if galaxies < size:
        raise ValueError(
            f"There are {galaxies} galaxies to train on, fewer than `batch_size` {size}; use a "
            f"smaller batch."
        )
    if size < 2 * parts:
        raise ValueError(
            f"`batch_size` {size} is shared by {parts} parts (processes times `accumulate`), which "
            f"need 2 images each; use at least {2 * parts}."
        )
    return size, parts


class BatchMaker:
    """Holds training frames (n, F, F, C), uint8 or flux; makes this process's part of any batch.

    `numbers` (n, 230), the `described_numbers` of the same galaxies, go with it where a describer
    learns to tell them.
    """

    def __init__(
        self,
        frames: np.ndarray,
        config: TrainConfig,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        device: torch.device,
        numbers: np.ndarray | None = None,
    ) -> None:
        size, parts = check_batch(len(frames), config)
        self.config, self.mean, self.std, self.device = config, mean, std, device
        self.frames = frames
        self.numbers = None if numbers is None else torch.from_numpy(numbers).to(device)
        resident = device.type == "cuda" and frames.nbytes <= RESIDENT_BYTES
        self.resident = torch.from_numpy(np.asarray(frames)).to(device) if resident else None
        full, rest = divmod(len(frames), size)
        self.steps_per_epoch = full + (config.optim.keep_last and rest >= 2 * parts)
        self.noise = make_noise_bank(config.seed, device) if config.multi_view else torch.empty(0)
        self._order: tuple[int, np.ndarray] = (-1, np.empty(0, np.int64))
        self._order_there: tuple[int, Tensor] = (-1, torch.empty(0))  # the same, on the device
        self._ahead: tuple[int, Future[Tensor]] | None = None
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="frames")

    def rows(self, step: int) -> np.ndarray:
        """Return a step's galaxies over all processes, in the order of (seed, epoch)."""
        epoch, place = divmod(step, self.steps_per_epoch)
        if self._order[0] != epoch:
            self._order = (
                epoch,
                np.random.default_rng((self.config.seed, epoch)).permutation(len(self.frames)),
            )
        size = self.config.optim.batch_size
        return self._order[1][place * size : (place + 1) * size]

    def parts(self, step: int) -> list[Batch]:
        """Make this process's share of a step, in parts for gradient accumulation."""
        rows = self._own(step)
        ids, frames = self._ids(step), self._frames(step, rows)
        pieces = np.array_split(np.arange(len(rows)), self.config.optim.accumulate)
        spans = [slice(piece[0], piece[-1] + 1) for piece in pieces]
        return [self._make(step, ids[span], frames[span]) for span in spans]

    def _own(self, step: int) -> np.ndarray:
        rows = self.rows(step)
        return rows[distributed.share(len(rows))]

    def _ids(self, step: int) -> Tensor:
        """Return the same rows on the device, to which an epoch's order is copied once: every copy
        makes the host wait for a GPU.
        """
        epoch, place = divmod(step, self.steps_per_epoch)
        rows, first = self.rows(step), place * self.config.optim.batch_size
        if self._order_there[0] != epoch:
            self._order_there = epoch, torch.from_numpy(self._order[1]).to(self.device)
        return self._order_there[1][first : first + len(rows)][distributed.share(len(rows))]

    def _make(self, step: int, ids: Tensor, frames: Tensor) -> Batch:
        config = self.config
        num_masking = num_uniforms(config.image.grid, config.mask)
        num_views = (
            num_view_uniforms(config.views, config.image.channels) if config.multi_view else 0
        )
        draws = counter_uniforms(config.seed, step, ids, _TURN_DRAWS + num_masking + num_views)
        turning, masking, viewing = draws.split([_TURN_DRAWS, num_masking, num_views], dim=1)
        images = masks = None
        if config.objective.prediction_weight > 0:
            flux = random_frames(
                frames, config.image.image_size, config.optim.rotate, turning, config.image
            )
            masks = sample_masks(
                patch_brightness(flux, config.image.patch_size), config.mask, uniforms=masking
            )
            images = self._normalised(flux)
        views: tuple[Tensor, ...] = ()
        if config.multi_view:
            flux_views = random_views(frames, config.image, config.views, viewing, self.noise)
            views = tuple(
                self._normalised(view.flatten(0, 1)).unflatten(0, view.shape[:2])
                for view in flux_views
            )
        return Batch(images, masks, views, ids, None if self.numbers is None else self.numbers[ids])

    def _normalised(self, flux: Tensor) -> Tensor:
        return normalise(flux, self.config.image.normalization, self.mean, self.std)

    def _frames(self, step: int, rows: np.ndarray) -> Tensor:
        """Return a step's frames on the device, reading ahead from a memory map."""
        if self.resident is not None:
            return self.resident.index_select(0, self._ids(step))
        ahead, self._ahead = self._ahead, None
        frames = ahead[1].result() if ahead is not None and ahead[0] == step else self._read(rows)
        self._ahead = step + 1, self._reader.submit(self._read, self._own(step + 1))
        return frames.to(self.device, non_blocking=True)

    def _read(self, rows: np.ndarray) -> Tensor:
        order = np.argsort(rows)  # the memory map is read front to back
        found = torch.empty(
            (len(rows), *self.frames.shape[1:]),
            dtype=torch.float32 if self.config.image.bands else torch.uint8,
            pin_memory=self.device.type == "cuda",
        )
        found.numpy()[order] = self.frames[rows[order]]
        return found
