"""AstroJEPA: galaxy morphology learned without labels, and ways to look at what was learned.

The public API. Names are loaded when first used, so that `import astrojepa` is quick and needs no
torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from astrojepa.checkpoints.card import list_checkpoints
    from astrojepa.checkpoints.model import Model, load_model
    from astrojepa.data import DataError, open_dataset
    from astrojepa.data.dataset import Dataset
    from astrojepa.data.splits import split
    from astrojepa.evaluation.anomalies.scoring import anomaly_scores
    from astrojepa.evaluation.maps.projection import project
    from astrojepa.evaluation.patches.patch_errors import patch_errors
    from astrojepa.evaluation.probes.classification import (
        knn_probe,
        linear_probe,
        majority_probe,
        paired_bootstrap,
    )
    from astrojepa.evaluation.probes.classifier import Classifier, finetune, load_classifier
    from astrojepa.evaluation.probes.label_next import label_next
    from astrojepa.evaluation.vectors.collapse import collapse_gauges
    from astrojepa.evaluation.vectors.embed import embed, pixel_pca
    from astrojepa.evaluation.vectors.examples import search_by_examples
    from astrojepa.evaluation.vectors.neighbours import neighbours
    from astrojepa.evaluation.vectors.stored import read_vectors
    from astrojepa.notebook import show
    from astrojepa.objective.masking import patch_brightness, sample_masks
    from astrojepa.objective.sigreg import SIGReg
    from astrojepa.presets import preset
    from astrojepa.training.trainer import train

_HOMES = {
    "Classifier": "evaluation.probes.classifier",
    "Dataset": "data.dataset",
    "DataError": "data",
    "Model": "checkpoints.model",
    "SIGReg": "objective.sigreg",
    "anomaly_scores": "evaluation.anomalies.scoring",
    "collapse_gauges": "evaluation.vectors.collapse",
    "embed": "evaluation.vectors.embed",
    "finetune": "evaluation.probes.classifier",
    "knn_probe": "evaluation.probes.classification",
    "label_next": "evaluation.probes.label_next",
    "linear_probe": "evaluation.probes.classification",
    "list_checkpoints": "checkpoints.card",
    "load_classifier": "evaluation.probes.classifier",
    "load_model": "checkpoints.model",
    "majority_probe": "evaluation.probes.classification",
    "neighbours": "evaluation.vectors.neighbours",
    "open_dataset": "data",
    "paired_bootstrap": "evaluation.probes.classification",
    "patch_brightness": "objective.masking",
    "patch_errors": "evaluation.patches.patch_errors",
    "pixel_pca": "evaluation.vectors.embed",
    "preset": "presets",
    "project": "evaluation.maps.projection",
    "read_vectors": "evaluation.vectors.stored",
    "sample_masks": "objective.masking",
    "search_by_examples": "evaluation.vectors.examples",
    "show": "notebook",
    "split": "data.splits",
    "train": "training.trainer",
}

__version__ = "0.1.0"
__all__ = [
    "Classifier",
    "DataError",
    "Dataset",
    "Model",
    "SIGReg",
    "anomaly_scores",
    "collapse_gauges",
    "embed",
    "finetune",
    "knn_probe",
    "label_next",
    "linear_probe",
    "list_checkpoints",
    "load_classifier",
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
    "read_vectors",
    "sample_masks",
    "search_by_examples",
    "show",
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
