"""The terms of the objective, and their weighted sum.

Sources: I-JEPA (Assran et al. 2023, arXiv:2301.08243); LeJEPA (Balestriero & LeCun 2025,
arXiv:2511.08544).
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from astrojepa.config import ObjectiveConfig
from astrojepa.types import LossTerms


def prediction_loss(
    prediction: Float[Tensor, "B M Nt D"], target: Float[Tensor, "B M Nt D"]
) -> Float[Tensor, ""]:
    """Return the squared error, averaged over images, blocks, tokens and features, in float32."""
    return nn.functional.mse_loss(prediction.float(), target.float())


def invariance_loss(projected: Float[Tensor, "V B P"], num_global: int) -> Float[Tensor, ""]:
    """Return the mean squared distance of views to the centre of the first `num_global`, float32.

    The gradient flows through the centre too: no stop-gradient. 0 or more, smaller = the views
    agree better.

    Source: LeJEPA (arXiv:2511.08544), its prediction term. ValueError if there are not that many
    views.
    """
    if not 1 <= num_global <= len(projected):
        raise ValueError(
            f"The centre is taken of 1 to {len(projected)} views, as many as there are; found "
            f"num_global {num_global}."
        )
    projected = projected.float()
    return (projected - projected[:num_global].mean(dim=0)).square().mean()


def description_loss(
    described: Float[Tensor, "V B Q"], numbers: Float[Tensor, "B Q"]
) -> Float[Tensor, ""]:
    """Return the mean squared error of predicted statistics, float32; 1 = their means."""
    return (described.float() - numbers.float()).square().mean()


def objective(
    prediction: Float[Tensor, ""] | None,
    invariance: Float[Tensor, ""] | None,
    sigreg: Float[Tensor, ""],
    config: ObjectiveConfig,
    description: Float[Tensor, ""] | None = None,
) -> LossTerms:
    """total = (1 - λ) · (α · prediction + β · invariance + γ · description) + λ · SIGReg.

    A term of weight 0, or None, leaves the total's gradient untouched; None is reported as 0.
    """
    learning = 1 - config.sigreg_weight
    total = zero = torch.zeros_like(sigreg)
    for weight, term in (
        (learning * config.prediction_weight, prediction),
        (learning * config.invariance_weight, invariance),
        (learning * config.description_weight, description),
        (config.sigreg_weight, sigreg),
    ):
        if term is not None and weight > 0:
            total = total + weight * term
    prediction, invariance, description = (
        zero if term is None else term.detach() for term in (prediction, invariance, description)
    )
    return LossTerms(total, prediction, invariance, sigreg.detach(), description)
