"""The first lines of a run in the terminal."""

from __future__ import annotations

from pathlib import Path

from torch.nn.modules.batchnorm import _BatchNorm

from astrojepa import distributed
from astrojepa.models.encoders.registry import find_encoder
from astrojepa.training.batches import BatchMaker
from astrojepa.training.prepare import Prepared
from astrojepa.training.state import TrainState


def print_summary(ready: Prepared, state: TrainState, batches: BatchMaker, folder: Path) -> None:
    """Print what the run is about to do."""
    config, training = ready.config, ready.training
    aim, optim, processes = config.objective, config.optim, distributed.world_size()
    simulated = " (SIMULATED galaxies)" if training.simulated else ""
    judged = f"{len(ready.validation):,} for validation"
    if len(ready.validation) < 2:
        judged = "too few for validation: the last weights count as the best"
    print(
        f"Data      {training.name}{simulated}: {len(training):,} for training (split "
        f"{ready.split}, hash {training.id_hash}), {judged}"
    )
    if (image := config.image).bands:
        stretches = zip(image.bands, image.softening, image.white, strict=True)
        told = "; ".join(f"{band} {low:.3g} to {high:.3g}" for band, low, high in stretches)
        print(f"Flux      softening to white of the stretch: {told}")
    sized = find_encoder(config.model.backbone).sized
    name = f"patches of {config.image.patch_size}" if sized else config.model.backbone
    print(
        f"Model     {config.preset or 'custom'}, {state.network.num_trainable():,} trainable "
        f"parameters, {config.image.image_size} px, {name}, on {ready.device}"
        + (f" × {processes} processes" if processes > 1 else "")
    )
    print(f"Precision {config.precision}: {ready.precision_because}")
    strength = aim.strength(optim.batch_size)
    weights = (("prediction", aim.prediction_weight), ("invariance", aim.invariance_weight))
    learned = " + ".join(
        f"{(1 - aim.sigreg_weight) * weight:g} · {term}" for term, weight in weights if weight
    )
    rho = "infinite" if strength is None else f"{strength:.3g}"
    print(f"Objective {learned} + {aim.sigreg_weight:g} · SIGReg (ρ = {rho})")
    norms = any(isinstance(module, _BatchNorm) for module in state.network.modules())
    if norms and (optim.accumulate > 1 or (processes > 1 and ready.device.type != "cuda")):
        print(
            "Note      batch norm is computed per part, so results differ slightly from those with "
            "whole batches"
        )
    steps = optim.epochs * batches.steps_per_epoch
    print(
        f"Run       {folder}, step {state.step:,} of {steps:,}; Ctrl-C stops and saves", flush=True
    )
