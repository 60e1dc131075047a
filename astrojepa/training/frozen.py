"""A predictor for a frozen encoder, which gives it patch errors."""

from __future__ import annotations

import dataclasses
from typing import Any

from astrojepa.checkpoints.model import Model, load_model, pathless
from astrojepa.config import ObjectiveConfig, TrainConfig
from astrojepa.models.encoders.registry import find_encoder
from astrojepa.models.jepa import JEPA


def around_frozen(config: TrainConfig) -> tuple[TrainConfig, Model]:
    """Return the config that fits a predictor to `config.encoder_from`, and that model.

    Images and encoder are the model's own; the predictor's sizes, masks, data and schedule are
    those of `config`; masked prediction is the whole objective, against targets of the same
    encoder, so that it is kept once. A projector that works on other vectors than the mean of the
    patches' tokens is left behind, and so is a describer. Raises ValueError for a predictor of no
    depth.
    """
    model = load_model(config.encoder_from)
    own, wanted = model.config.model, config.model
    if not wanted.predictor_depth:
        raise ValueError(
            "`encoder_from` fits a predictor, so `predictor_depth` must be at least 1."
        )
    sizes = {
        name: getattr(wanted, name)
        for name in ("predictor_width", "predictor_depth", "predictor_heads")
    }
    masks = find_encoder(own.backbone).masks
    projector_width = own.projector_width if masks and own.readout != "rings" else 0
    own = dataclasses.replace(own, projector_width=projector_width, describer=False)
    network = dataclasses.replace(own, **sizes, target="shared", average=False, target_norm=True)
    return dataclasses.replace(
        config,
        image=model.config.image,
        model=network,
        objective=ObjectiveConfig(sigreg_weight=0.0),
    ), model


def facts_of(model: Model) -> dict[str, Any]:
    """Return a card's facts on an encoder trained before its predictor."""
    known: dict[str, Any] = {
        key: model.card[key] for key in ("data", "training", "environment") if key in model.card
    }
    return {"id": model.id, "hash": model.hash, "config": pathless(model.config).to_dict(), **known}


def take_encoder(network: JEPA, model: Model) -> None:
    """Fill encoder and projector with what the model's embeddings come from."""
    network.encoder.load_state_dict(model.network.evaluated.state_dict())
    if network.projector is not None and model.network.projector is not None:
        network.projector.load_state_dict(model.network.projector.state_dict())
