"""What is measured: a preset's real step on random frames, its counted FLOPs, and a clock that
other programs do not disturb.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from astrojepa.checkpoints.weights import build_network
from astrojepa.config import TrainConfig
from astrojepa.models.jepa import JEPA, JEPAOutput
from astrojepa.objective.masking import token_counts
from astrojepa.training.batches import BatchMaker
from astrojepa.training.state import TrainState, new_state
from astrojepa.training.step import Stepper
from astrojepa.types import PatchMasks

CPU = torch.device("cpu")
PACE = {"rate": 1e-4, "momentum": 0.996}
HALF = (0.5, 0.5, 0.5)
# CPU seconds of all threads of this process: equals wall time on an idle machine, one thread
clock = time.process_time


def make_state(config: TrainConfig, device: torch.device = CPU) -> TrainState:
    """Return fresh weights and their optimiser, in training mode; the same for the same config."""
    state = new_state(config, build_network(config, device, config.seed), {})
    state.network.train()
    return state


def make_batches(config: TrainConfig, device: torch.device = CPU, count: int = 0) -> BatchMaker:
    """Return batches of `count` random frames of the size that the config's images are cut from
    (two batches' worth if 0).
    """
    side = config.image.frame_size
    shape = (count or 2 * config.optim.batch_size, side, side, 3)
    frames = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    return BatchMaker(frames, config, HALF, HALF, device)


def step_of(stepper: Stepper, batches: BatchMaker) -> torch.Tensor:
    """Make the next batch and do a step with it, as the trainer does; returns the terms, on the
    device.
    """
    terms = stepper(batches.parts(stepper.state.step), 1.0, **PACE)
    stepper.state.step += 1
    return terms


def gflop_per_image(
    config: TrainConfig,
    forward: Callable[..., JEPAOutput] = JEPA.forward,
    tokens: tuple[int, int] | None = None,
) -> float:
    """Count forward and backward of one image, in 1e9 floating point operations, on shapes alone:
    nothing is computed.

    Matrix products and convolutions count, attention as its two products; norms, activations,
    SIGReg and the optimiser do not. `tokens` are those of the context and of one target block,
    where others than the config's are asked about.
    """
    size, views = config.image.image_size, config.views
    images = masks = None
    pictures: tuple[torch.Tensor, ...] = ()
    with torch.device("meta"):
        network = JEPA(config.image, config.model).train()
        if config.objective.prediction_weight > 0:
            context, target = tokens or token_counts(config.image.grid, config.mask)
            index = torch.zeros(2, config.mask.num_targets * target, dtype=torch.int64)
            masks = PatchMasks(
                torch.zeros(2, context, dtype=torch.int64), index.view(2, -1, target)
            )
            images = torch.zeros(2, 3, size, size)
        if config.multi_view:
            sizes = ((views.global_views, size), (views.local_views, views.local_size))
            pictures = tuple(
                torch.zeros(number, 2, 3, side, side) for number, side in sizes if number
            )
        # the fused kernel is not counted on CPUs
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            output = forward(network, images, masks, pictures)
            loss = output.projected.sum()
            if output.prediction is not None:
                loss = loss + output.prediction.sum()
            loss.backward()
    return counter.get_total_flops() / 2 / 1e9
