"""What is trained on a GPU, most valuable first: the readout by rings at 128 px, then the published
models and their twins without SIGReg.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from astrojepa.config import TrainConfig, replace
from astrojepa.presets import preset

RINGS: dict[str, Any] = {
    "image_size": 128,
    "readout": "rings",
    "readout_width": 32,
    "embedding_width": 256,
    "describer": True,
    "sigreg_on": "both",
    "telescope": 0.7,
    "seeing": 1.0,
    "noise": 0.03,
    "orientations": 1,
    "scales": 1,
    "crop_fraction": 0.45,
    "global_scale": (0.3, 1.0),
    "local_views": 4,
    "local_size": 64,
    "batch_size": 256,
    "warmup_epochs": 5.0,
}
TINY: dict[str, Any] = {
    "image_size": 64,
    "patch_size": 8,
    "width": 24,
    "depth": 1,
    "predictor_width": 24,
    "batch_size": 16,
    "local_views": 0,
    "num_directions": 16,
    "projector_hidden": 16,
}


@dataclass(frozen=True)
class Recipe:
    """A preset with changes, and the epochs after which more would bring little."""

    preset: str
    epochs: int
    changes: dict[str, Any]


RECIPES = {
    "resnet34.rings": Recipe("small.lejepa", 250, RINGS | {"backbone": "resnet34"}),
    "convnextv2nano.rings": Recipe("small.lejepa", 250, RINGS | {"backbone": "convnextv2_nano"}),
    "vit.rings": Recipe("small.lejepa", 250, RINGS | {"backbone": "vit"}),
    "vit5m.sigreg06": Recipe("vit5m.sigreg06", 300, {}),
    "vit5m.ijepa": Recipe("vit5m.ijepa-300ep", 300, {}),
    "vit25m.sigreg06": Recipe("vit25m.sigreg06", 100, {}),
    "vit25m.ijepa": Recipe("vit25m.sigreg06", 100, {"sigreg_weight": 0.0}),
}


def config_of(name: str, tiny: bool = False) -> TrainConfig:
    """Return the config of a recipe; `tiny` makes it small enough to rehearse on a CPU."""
    recipe = RECIPES[name]
    config = replace(preset(recipe.preset), **recipe.changes, epochs=recipe.epochs)
    if not tiny:
        return config
    small = TINY
    if config.model.backbone != "vit":
        small = small | {"backbone": "resnet10t"}
    if config.model.readout == "rings":
        small = small | {"readout_width": 8, "embedding_width": 16}
    return replace(config, **small)
