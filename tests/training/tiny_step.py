"""One step of a tiny network on random frames, in one process or as one of several."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from astrojepa import distributed
from astrojepa.checkpoints.weights import build_network
from astrojepa.config import TrainConfig, replace
from astrojepa.presets import preset
from astrojepa.training.batches import BatchMaker
from astrojepa.training.state import TrainState, new_state
from astrojepa.training.step import TERMS, Stepper
from tests.tiny_run import TINY

HALF = (0.5, 0.5, 0.5)
CPU = torch.device("cpu")
# of losses and gradients that are sums of the same terms in another order
TOLERANCE = {"float32": 1e-5, "bfloat16": 2e-2}
RECIPES = {
    "ijepa": {"sigreg_weight": 0.0},
    "hybrid": {"sigreg_weight": 0.6},
    "sigreg alone": {"sigreg_weight": 1.0},
    "shared target": {"target": "shared"},
    "lejepa": {
        "prediction_weight": 0.0,
        "invariance_weight": 1.0,
        "predictor_depth": 0,
        "projector_hidden": 32,
        "projector_norm": "none",
        "sigreg_scale": "count",
        "local_views": 1,
        "local_size": 16,
    },
    "both": {"invariance_weight": 0.5, "local_views": 0},
}


def tiny_config(recipe: str, **changes) -> TrainConfig:
    """A recipe on 32 px; gradients are not clipped, so that they can be compared."""
    return replace(
        preset("small.sigreg06"), **(TINY | {"gradient_clip": 1e6} | RECIPES[recipe] | changes)
    )


def tiny_state(config: TrainConfig) -> tuple[TrainState, BatchMaker]:
    frames = np.random.default_rng(0).integers(0, 255, (50, 37, 37, 3), dtype=np.uint8)
    state = new_state(config, build_network(config, CPU, seed=1), {})
    state.network.train()
    return state, BatchMaker(frames, config, HALF, HALF, CPU)


def one_step(
    config: TrainConfig, step: int = 0, stepper_type: type[Stepper] = Stepper
) -> tuple[dict[str, float], torch.Tensor]:
    """Do a step; returns the terms of the whole batch, and all gradients in one vector."""
    state, batches = tiny_state(config)
    state = dataclasses.replace(state, step=step)
    parts = batches.parts(step)
    share = sum(map(len, parts)) / len(batches.rows(step))
    values = distributed.all_sum(
        stepper_type(state, CPU)(parts, share, rate=1e-3, momentum=0.9) * share
    )
    gradients = [
        item.grad.flatten() for item in state.network.parameters() if item.grad is not None
    ]
    return dict(zip(TERMS, values.tolist(), strict=True)), torch.cat(gradients)
