"""The losses: patch prediction, and Sketched Isotropic Gaussian Regularization (SIGReg) that keeps embeddings from collapsing.

Sources: I-JEPA (Assran et al. 2023, arXiv:2301.08243); LeJEPA (Balestriero & LeCun 2025, arXiv:2511.08544), section 4.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from astrojepa.config import ObjectiveConfig
from astrojepa.types import LossTerms

DIRECTIONS_PER_CHUNK = 128  # bounds the memory beside the projections themselves


def prediction_loss(prediction: Float[Tensor, "B M Nt D"], target: Float[Tensor, "B M Nt D"]) -> Float[Tensor, ""]:
    """Return the squared error, averaged over images, blocks, tokens and features, in float32."""
    return nn.functional.mse_loss(prediction.float(), target.float())


def random_directions(width: int, count: int, seed: int, step: int, device: torch.device | str = "cpu") -> Float[Tensor, "D K"]:
    """Draw K unit columns that depend on (seed, step) alone, so that every process agrees."""
    generator = torch.Generator().manual_seed((seed * 1_000_003 + step) % 2**63)
    directions = torch.randn(width, count, generator=generator)
    return nn.functional.normalize(directions, dim=0).to(device)


def half_knots(t_max: float, num_knots: int) -> tuple[float, list[float], list[float]]:
    """Return the step, the positive knots and their weights e^{-t²/2} · trapezoid, doubled for -t.

    The integrand is even and vanishes at t = 0, so the knots right of 0 carry all of [-t_max, t_max].
    """
    count = num_knots // 2
    step = t_max / count
    knots = [step * j for j in range(1, count + 1)]
    weights = [2 * step * math.exp(-0.5 * t * t) * (0.5 if j == count else 1.0) for j, t in enumerate(knots, 1)]
    return step, knots, weights


class _CharacteristicDistance(torch.autograd.Function):
    """Σ_k w_k |mean_n e^{i t_k p_n} - e^{-t_k²/2}|², averaged over directions, with its closed-form gradient.

    cos and sin are taken once per value; those of the other knots follow by rotation, cos((j+1)x) = cos(jx)cos(x) - sin(jx)sin(x).
    """

    @staticmethod
    def forward(ctx: Any, projections: Tensor, t_max: float, num_knots: int) -> Tensor:
        step, knots, weights = half_knots(t_max, num_knots)
        count, width = projections.shape
        total = projections.new_zeros(())
        gradient = torch.empty_like(projections) if ctx.needs_input_grad[0] else None
        for start in range(0, width, DIRECTIONS_PER_CHUNK):
            part = projections[:, start : start + DIRECTIONS_PER_CHUNK]
            cos1, sin1 = (part * step).cos_(), (part * step).sin_()
            means = []
            for cos, sin in _rotations(cos1, sin1, len(knots)):
                means.append((cos.mean(dim=0), sin.mean(dim=0)))
            offsets = [(c - math.exp(-0.5 * t * t), s) for t, (c, s) in zip(knots, means, strict=True)]
            total += sum(w * (c.square() + s.square()).sum() for w, (c, s) in zip(weights, offsets, strict=True))
            if gradient is not None:
                slope = torch.zeros_like(part)
                for (cos, sin), t, w, (c, s) in zip(_rotations(cos1, sin1, len(knots)), knots, weights, offsets, strict=True):
                    slope.addcmul_(cos, s, value=w * t).addcmul_(sin, c, value=-w * t)
                gradient[:, start : start + DIRECTIONS_PER_CHUNK] = slope
        if gradient is not None:
            ctx.save_for_backward(gradient.mul_(2 / (count * width)))
        return total / width

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * outer[0], None, None


def _rotations(cos1: Tensor, sin1: Tensor, count: int) -> Any:
    """Yield cos(jx), sin(jx) for j = 1 .. count."""
    cos, sin = cos1, sin1
    yield cos, sin
    for _ in range(1, count):
        cos, sin = torch.addcmul(cos * cos1, sin, sin1, value=-1), torch.addcmul(sin * cos1, cos, sin1)
        yield cos, sin


class SIGReg(nn.Module):
    """How far embeddings are from N(0, I), seen along random directions: 0 or more, smaller = closer.

    mean over directions a of Σ_k w_k |φ_emp(t_k) - e^{-t_k²/2}|², with φ_emp the empirical characteristic function of z·a, w_k =
    e^{-t_k²/2} times the trapezoid rule on [-t_max, t_max]; times N with scale="count". N(0, I) itself has expectation
    1.059 / N at t_max = 5 (1.053 / N at 3); all zeros give 0.409 (0.402). Computed in float32 even under autocast (float64 stays).

    Source: LeJEPA (arXiv:2511.08544), Epps-Pulley statistic; its code uses scale="count", t_max=3 and 17 knots on [0, 3] (33 here).
    """

    counter: Tensor

    def __init__(
        self, num_directions: int = 256, t_max: float = 5.0, num_knots: int = 17, scale: str = "mean", seed: int = 0
    ) -> None:
        super().__init__()
        ObjectiveConfig(num_directions=num_directions, t_max=t_max, num_knots=num_knots, sigreg_scale=scale)  # checks the ranges
        self.num_directions, self.t_max, self.num_knots, self.scale, self.seed = num_directions, t_max, num_knots, scale, seed
        self.register_buffer("counter", torch.zeros((), dtype=torch.int64))

    def forward(self, z: Tensor, directions: Float[Tensor, "D K"] | None = None, step: int | None = None) -> Float[Tensor, ""]:
        """Return the statistic for embeddings `z` (N, D).

        `directions` (unit columns) can be passed in to compare with other code; else they follow from (seed, step), and without
        `step` from an internal counter that is saved with the module. ValueError for fewer than 2 rows or other shapes.
        """
        if z.ndim != 2 or len(z) < 2:
            raise ValueError(f"SIGReg needs embeddings (N, D) with N of at least 2, found shape {tuple(z.shape)}.")
        if directions is None:
            if step is None:
                step = int(self.counter)
                self.counter += 1
            directions = random_directions(z.shape[1], self.num_directions, self.seed, step, z.device)
        elif directions.ndim != 2 or directions.shape[0] != z.shape[1]:
            raise ValueError(f"Directions must have shape ({z.shape[1]}, K), found {tuple(directions.shape)}.")
        with torch.autocast(z.device.type, enabled=False):
            z = z if z.dtype == torch.float64 else z.float()
            value: Tensor = _CharacteristicDistance.apply(z @ directions.to(z), self.t_max, self.num_knots)
        return value * len(z) if self.scale == "count" else value


def sigreg_floor(count: int, t_max: float, num_knots: int, scale: str = "mean") -> float:
    """Return SIGReg's expectation for N samples that truly follow N(0, I): Σ_k w_k (1 - e^{-t_k²}) / N, times N for "count"."""
    _, knots, weights = half_knots(t_max, num_knots)
    value = sum(w * (1 - math.exp(-t * t)) for t, w in zip(knots, weights, strict=True))
    return value if scale == "count" else value / count


def objective(prediction: Tensor, sigreg: Tensor, sigreg_weight: float) -> LossTerms:
    """Combine the terms: total = (1 - λ) · prediction + λ · SIGReg. A term of weight 0 leaves the total's gradient untouched."""
    total = torch.zeros_like(prediction)
    if sigreg_weight < 1:
        total = total + (1 - sigreg_weight) * prediction
    if sigreg_weight > 0:
        total = total + sigreg_weight * sigreg
    return LossTerms(total=total, prediction=prediction.detach(), sigreg=sigreg.detach())
