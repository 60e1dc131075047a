"""The recipes of the model zoo, and what was published about them. An id is architecture.recipe."""

from __future__ import annotations

from typing import Any

from astrojepa.config import TrainConfig, replace

_DEFAULT = TrainConfig()

_VIT25M: dict[str, Any] = {
    "width": 384,
    "heads": 6,
    "depth": 8,
    "predictor_width": 384,
    "predictor_heads": 6,
    "epochs": 100,
}

# 64 px and patches of 8: about an hour on two cores for some ten thousand galaxies.
_SMALL: dict[str, Any] = {
    "image_size": 64,
    "patch_size": 8,
    "predictor_width": 96,
    "predictor_depth": 3,
    "momentum": 0.99,
    "epochs": 30,
    "batch_size": 128,
    "warmup_epochs": 2.0,
}

# The published 5 M network whole, at these pixels: what models 1 to 3 are where only a CPU is at
# hand.
_SMALL5M: dict[str, Any] = {**_SMALL, "predictor_width": 192, "predictor_depth": 6, "epochs": 8}

# As the first published code ran, not as its text says: blocks of 0.2-0.3 and a context of 0.5-0.7
# of the side, a 140 px cut, pixels in [-1, 1].
_AS_RUN: dict[str, Any] = {
    "target_scale": (0.04, 0.09),
    "target_aspect": (0.66, 1.5),
    "context_scale": (0.25, 0.5),
    "context_fraction": 0.15,
    "crop_fraction": 140 / 256,
    "normalization": "fixed",
}

# Multi-view, no teacher, constants of the official code: 33 knots on [-3, 3] are its 17 on [0, 3].
_LEJEPA: dict[str, Any] = {
    "prediction_weight": 0.0,
    "invariance_weight": 1.0,
    "predictor_depth": 0,
    "projector_hidden": 2048,
    "local_views": 6,
    "sigreg_weight": 0.05,
    "sigreg_scale": "count",
    "t_max": 3.0,
    "num_knots": 33,
    "num_directions": 1024,
    "epochs": 100,
}
_SMALL_LEJEPA: dict[str, Any] = {
    **_SMALL,
    **_LEJEPA,
    "projector_hidden": 512,
    "local_views": 2,
    "local_size": 32,
    "seeing": 0.5,
}
# The middle of the frame, where the galaxy is, seen gently. Moments of all stages of a network
# whose first two stages tell much as they were drawn, and less once they are trained; short,
# because more of it made it worse (docs/experiments.md).
_CLOSE: dict[str, Any] = {
    **_SMALL_LEJEPA,
    "backbone": "resnet10t",
    "readout": "stages",
    "frozen_stages": 2,
    "orientations": 4,
    "crop_fraction": 0.42,
    "global_scale": (0.7, 1.0),
    "shift": 0.2,
    "local_views": 0,
    "projector_hidden": 1024,
    "projector_width": 256,
    "epochs": 3,
}

# Tokens read along rings, so that shape is kept; views of other telescopes; and a describer, which
# must tell hand-made numbers from every view. Longer is better here (docs/experiments.md): an hour
# on one core that is fast at bfloat16.
_RINGS: dict[str, Any] = {
    **_SMALL_LEJEPA,
    "backbone": "resnet10t",
    "readout": "rings",
    "readout_width": 32,
    "embedding_width": 256,
    "describer": True,
    "sigreg_on": "both",
    "crop_fraction": 0.45,
    "global_scale": (0.5, 1.0),
    "shift": 0.2,
    "local_views": 0,
    "telescope": 0.7,
    "seeing": 1.0,
    "noise": 0.03,
    "num_directions": 512,
    "batch_size": 256,
    "warmup_epochs": 1.0,
    "epochs": 45,
}

PRESETS: dict[str, TrainConfig] = {
    name: replace(_DEFAULT, preset=name, **changes)
    for name, changes in {
        "vit5m.ijepa-100ep": {"sigreg_weight": 0.0, "epochs": 100},
        "vit5m.ijepa-300ep": {"sigreg_weight": 0.0},
        "vit5m.sigreg06": {},
        "vit5m.sigreg06-asrun": _AS_RUN,
        "vit25m.sigreg06": _VIT25M,
        "vit25m.sigreg001": {**_VIT25M, "sigreg_weight": 0.01},
        "small.ijepa": {**_SMALL, "sigreg_weight": 0.0},
        "small.sigreg06": _SMALL,
        "small5m.ijepa": {**_SMALL5M, "sigreg_weight": 0.0},
        "small5m.sigreg06": _SMALL5M,
        "vit5m.lejepa": _LEJEPA,
        "resnet18.lejepa": {**_LEJEPA, "backbone": "resnet18"},
        "small.lejepa": {
            **_SMALL_LEJEPA,
            "orientations": 4,
            "scales": 3,
            "crop_fraction": 0.5,
            "warmup_epochs": 0.5,
            "epochs": 5,
        },
        "smallresnet10t.lejepa": _CLOSE,
        "smallresnet10t.rings": _RINGS,
        "smallresnet10t.rings96": {
            **_RINGS,
            "image_size": 96,
            "start_from": "smallresnet10t.rings",
            "learning_rate": 5e-4,
            "warmup_epochs": 0.5,
            "epochs": 20,
        },
        "smallresnet10t.polar": {**_RINGS, "backbone": "polar:resnet10t", "epochs": 26},
        "smallresnet10t.petrosian": {
            **_RINGS,
            "backbone": "petrosian:resnet10t",
            "image_size": 128,
            "patch_size": 16,
            "crop_fraction": 1.0,
            "epochs": 36,
        },
    }.items()
}

ZOO = tuple(PRESETS)  # the recipes that the table of models lists

ALIASES = {
    "model1": "vit5m.ijepa-100ep",
    "model2": "vit5m.ijepa-300ep",
    "model3": "vit5m.sigreg06",
    "model4": "vit25m.sigreg06",
    "model5": "vit25m.sigreg001",
    "best-small": "smallresnet10t.petrosian",
}

# Chosen by cross-validation and across sources (docs/experiments.md); no test galaxy chose it
BEST = "smallresnet10t.nested"

# Linear-probe accuracy on Galaxy10 DECaLS and sizes as published by the AstroJEPA capstone project;
# theirs, not measured here.
PUBLISHED: dict[str, dict[str, Any]] = {
    "vit5m.ijepa-100ep": {"probe_percent": "30", "trainable": 5_562_240},
    "vit5m.ijepa-300ep": {
        "probe_percent": "40",
        "trainable": 5_562_240,
        "train_loss": 0.0705,
        "validation_loss": 0.0334,
    },
    "vit5m.sigreg06": {
        "probe_percent": "50-52",
        "trainable": 5_562_240,
        "train_loss": 0.1279,
        "validation_loss": 0.0594,
    },
    "vit25m.sigreg06": {
        "probe_percent": "59.13",
        "trainable": 25_290_240,
        "train_loss": 0.1252,
        "validation_loss": 0.0337,
    },
    "vit25m.sigreg001": {"probe_percent": "57.1", "trainable": 25_290_240, "train_loss": 0.0523},
}


def preset(name: str) -> TrainConfig:
    """Return the recipe with this id or alias; ValueError lists the known ones.

    Examples:
        >>> aj.preset("model3").objective.sigreg_weight
        0.6
    """
    found = PRESETS.get(ALIASES.get(name, name))
    if found is None:
        raise ValueError(
            f"There is no preset {name!r}; known: {', '.join(PRESETS)}, and {', '.join(ALIASES)}."
        )
    return found


def default_preset(device: str) -> TrainConfig:
    """Return the default preset: the published 5 M model on a GPU, a small one on a CPU."""
    return PRESETS["vit5m.sigreg06" if device.startswith("cuda") else "small.sigreg06"]
