"""What a run says about itself: facts for its card, and the first lines in the terminal."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path
from typing import Any

import torch

from astrojepa.config import TrainConfig
from astrojepa.data.dataset import Dataset
from astrojepa.training.batches import BatchMaker
from astrojepa.training.state import TrainState


def bfloat16_pays(device: torch.device) -> bool:
    """Say whether the device computes in bfloat16 faster than in float32: any recent GPU, a CPU with AVX512-BF16 or AMX."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    capable = torch.cpu.get_capabilities()
    return bool(capable.get("avx512_bf16") or capable.get("amx_bf16"))


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
    """Return the commit of this code, or "unknown" outside a checkout."""
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
    progress: bool,
) -> None:
    if not progress:
        return
    network = state.network
    strength = config.objective.strength(config.optim.batch_size)
    rho = "infinite" if strength is None else f"{strength:.3g}"
    print(
        f"Data      {training.name}{' (SIMULATED galaxies)' if training.simulated else ''}: {len(training):,} to learn from",
        end="",
    )
    print(f" (split {split}, hash {training.id_hash}), {len(validation):,} to judge on")
    print(
        f"Model     {config.preset or 'custom'}, {network.num_trainable():,} trainable parameters, {config.image.image_size} px, ",
        end="",
    )
    print(f"patches of {config.image.patch_size}, on {device}{' in bfloat16' if bfloat16_pays(device) else ''}")
    print(
        f"Objective {1 - config.objective.sigreg_weight:g} · prediction + {config.objective.sigreg_weight:g} · SIGReg (ρ = {rho})"
    )
    steps = config.optim.epochs * batches.steps_per_epoch
    print(f"Run       {folder}, step {state.step:,} of {steps:,}; Ctrl-C stops and saves", flush=True)
