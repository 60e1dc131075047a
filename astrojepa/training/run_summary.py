"""What a run says about itself: facts for its card, and the first lines in the terminal."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path
from typing import Any

import torch

import astrojepa as aj
from astrojepa import distributed
from astrojepa.config import TrainConfig
from astrojepa.data.dataset import Dataset
from astrojepa.models.encoders.registry import find_encoder
from astrojepa.places import INSTALLED
from astrojepa.training.batches import BatchMaker
from astrojepa.training.state import TrainState


def run_facts(config: TrainConfig, source: str, training: Dataset, split: str, mean: Any, std: Any) -> dict[str, Any]:
    """Collect what the card says about the data."""
    return {
        "normalisation": {"mean": list(mean), "std": list(std)},
        "data": {
            "name": training.name,
            "source": Path(source).name if not training.simulated else source,
            "where": list(config.data.where),
            "simulated": training.simulated,
            "split": split,
            "num_galaxies": len(training),
            "id_hash": training.id_hash,
            "fingerprint": training.fingerprint,
        },
        "environment": {"commit": _commit(), "torch": str(torch.__version__), "python": platform.python_version()},
    }


def _commit() -> str:
    """Return the commit of this code, the release where it was installed, "unknown" where neither is known."""
    if INSTALLED:  # site-packages may lie inside a repository of somebody else
        return f"release {aj.__version__}"
    try:
        root = Path(__file__).resolve().parent
        done = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"], cwd=root, capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return done.stdout.strip() or "unknown"


def announce(
    config: TrainConfig,
    training: Dataset,
    validation: Dataset,
    state: TrainState,
    batches: BatchMaker,
    folder: Path,
    split: str,
    device: torch.device,
    why: str,
) -> None:
    """Print what the run is about to do; `why` says how its precision was decided."""
    aim, size, size_of_world = config.objective, config.optim.batch_size, distributed.world_size()
    simulated = " (SIMULATED galaxies)" if training.simulated else ""
    print(
        f"Data      {training.name}{simulated}: {len(training):,} to learn from (split {split}, hash {training.id_hash}), "
        f"{len(validation):,} to judge on"
    )
    sized = find_encoder(config.model.backbone).sized
    name = f"patches of {config.image.patch_size}" if sized else config.model.backbone
    processes = f" × {size_of_world} processes" if size_of_world > 1 else ""
    print(
        f"Model     {config.preset or 'custom'}, {state.network.num_trainable():,} trainable parameters, "
        f"{config.image.image_size} px, {name}, on {device}{processes}"
    )
    print(f"Precision {config.precision}: {why}")
    strength = aim.strength(size)
    learned = " + ".join(
        f"{(1 - aim.sigreg_weight) * weight:g} · {term}"
        for term, weight in (("prediction", aim.prediction_weight), ("invariance", aim.invariance_weight))
        if weight
    )
    print(f"Objective {learned} + {aim.sigreg_weight:g} · SIGReg (ρ = {'infinite' if strength is None else f'{strength:.3g}'})")
    norms = any(isinstance(module, torch.nn.modules.batchnorm._BatchNorm) for module in state.network.modules())
    if norms and (config.optim.accumulate > 1 or (size_of_world > 1 and device.type != "cuda")):
        print("Note      batch norm sees each part of a batch alone, so the run differs a little from one with whole batches")
    steps = config.optim.epochs * batches.steps_per_epoch
    print(f"Run       {folder}, step {state.step:,} of {steps:,}; Ctrl-C stops and saves", flush=True)
