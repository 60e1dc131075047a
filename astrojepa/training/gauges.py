"""Gauges of one batch, on the device."""

from __future__ import annotations

from torch import Tensor


def explained_variance(prediction_error: Tensor, target: Tensor) -> Tensor:
    """Return 1 - MSE / Var(target) over images; at most 1."""
    flat = target.float().flatten(0, 2)
    return 1 - prediction_error / flat.var(dim=0, correction=0).mean().clamp_min(1e-12)


def token_spread(tokens: Tensor) -> Tensor:
    """Return tokens' variance within an image over their total: 0 = all agree."""
    tokens = tokens.detach().float()
    within = tokens.var(dim=1, correction=0).mean()
    return within / tokens.flatten(0, 1).var(dim=0, correction=0).mean().clamp_min(1e-12)
