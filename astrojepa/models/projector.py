"""The projector from mean token to the vector of SIGReg and invariance; training only."""

from __future__ import annotations

from torch import nn

from astrojepa.config import ModelConfig


def make_projector(width: int, model: ModelConfig) -> nn.Module | None:
    """Build the projector: none, linear, or two hidden layers as in LeJEPA (2511.08544)."""
    if not model.projector_width:
        return None
    if not model.projector_hidden:
        return nn.Linear(width, model.projector_width)
    layers: list[nn.Module] = []
    for _ in range(2):
        layers.append(nn.Linear(width, model.projector_hidden))
        if model.projector_norm == "batch":
            layers.append(nn.BatchNorm1d(model.projector_hidden))
        layers.append(nn.ReLU())
        width = model.projector_hidden
    return nn.Sequential(*layers, nn.Linear(width, model.projector_width))
