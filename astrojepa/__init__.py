"""AstroJEPA: galaxy morphology learned without labels, and ways to look at what was learned.

The public API. Names are loaded when first used, so that `import astrojepa` is quick and needs no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from astrojepa.cards import list_checkpoints
    from astrojepa.checkpoint import Model, load_model
    from astrojepa.data import DataError, open_dataset
    from astrojepa.data.dataset import Dataset
    from astrojepa.data.splits import split
    from astrojepa.evaluation.anomaly import anomaly_scores
    from astrojepa.evaluation.collapse import collapse_gauges
    from astrojepa.evaluation.embed import embed, pixel_pca
    from astrojepa.evaluation.neighbours import neighbours
    from astrojepa.evaluation.patch_error import patch_errors
    from astrojepa.evaluation.probes import knn_probe, linear_probe, majority_probe, paired_bootstrap
    from astrojepa.evaluation.projection import project
    from astrojepa.losses import SIGReg
    from astrojepa.masking import patch_brightness, sample_masks
    from astrojepa.presets import preset
    from astrojepa.training.trainer import train

_HOMES = {
    "Dataset": "data.dataset",
    "DataError": "data",
    "Model": "checkpoint",
    "SIGReg": "losses",
    "anomaly_scores": "evaluation.anomaly",
    "collapse_gauges": "evaluation.collapse",
    "embed": "evaluation.embed",
    "knn_probe": "evaluation.probes",
    "linear_probe": "evaluation.probes",
    "list_checkpoints": "cards",
    "load_model": "checkpoint",
    "majority_probe": "evaluation.probes",
    "neighbours": "evaluation.neighbours",
    "open_dataset": "data",
    "paired_bootstrap": "evaluation.probes",
    "patch_brightness": "masking",
    "patch_errors": "evaluation.patch_error",
    "pixel_pca": "evaluation.embed",
    "preset": "presets",
    "project": "evaluation.projection",
    "sample_masks": "masking",
    "split": "data.splits",
    "train": "training.trainer",
}

__version__ = "0.1.0"
__all__ = [
    "DataError",
    "Dataset",
    "Model",
    "SIGReg",
    "anomaly_scores",
    "collapse_gauges",
    "embed",
    "knn_probe",
    "linear_probe",
    "list_checkpoints",
    "load_model",
    "majority_probe",
    "neighbours",
    "open_dataset",
    "paired_bootstrap",
    "patch_brightness",
    "patch_errors",
    "pixel_pca",
    "preset",
    "project",
    "sample_masks",
    "split",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'astrojepa' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"astrojepa.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
