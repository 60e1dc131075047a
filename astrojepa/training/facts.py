"""What a run's card says of the run: galaxies, normalisation, code."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from astrojepa.config import TrainConfig
from astrojepa.data.dataset import Dataset
from astrojepa.places import INSTALLED


def run_facts(
    config: TrainConfig, source: str, training: Dataset, split: str, mean: Any, std: Any
) -> dict[str, Any]:
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
        "environment": {
            "commit": _commit(),
            "torch": str(torch.__version__),
            "python": platform.python_version(),
        },
    }


def _commit() -> str:
    """Return the commit of this code, or its release, or "unknown"."""
    if INSTALLED:  # site-packages may lie inside a repository of somebody else
        return f"release {version('astrojepa')}"
    try:
        root = Path(__file__).resolve().parent
        done = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return done.stdout.strip() or "unknown"
