"""The losses: patch prediction, invariance between views, and Sketched Isotropic Gaussian Regularization (SIGReg) that keeps embeddings
from collapsing.

Sources: I-JEPA (Assran et al. 2023, arXiv:2301.08243); LeJEPA (Balestriero & LeCun 2025, arXiv:2511.08544), section 4.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from astrojepa import distributed
from astrojepa.config import ObjectiveConfig
from astrojepa.types import LossTerms

VALUES_PER_CHUNK = 2**17  # projections that a CPU handles at a time, so that the powers taken of them stay in its cache


def prediction_loss(prediction: Float[Tensor, "B M Nt D"], target: Float[Tensor, "B M Nt D"]) -> Float[Tensor, ""]:
    """Return the squared error, averaged over images, blocks, tokens and features, in float32."""
    return nn.functional.mse_loss(prediction.float(), target.float())


def invariance_loss(projected: Float[Tensor, "V B P"], num_global: int) -> Float[Tensor, ""]:
    """Return the squared distance of every view to the centre of the first `num_global` ones, the mean over all of them, in float32.

    The gradient flows through the centre too: no stop-gradient. 0 or more, smaller = the views agree better.

    Source: LeJEPA (arXiv:2511.08544), its prediction term. ValueError if there are not that many views.
    """
    if not 1 <= num_global <= len(projected):
        raise ValueError(
            f"The centre is taken of 1 to {len(projected)} views, as many as there are; found num_global {num_global}."
        )
    projected = projected.float()
    return (projected - projected[:num_global].mean(dim=0)).square().mean()


def random_directions(width: int, count: int, seed: int, step: int, device: torch.device | str = "cpu") -> Float[Tensor, "D K"]:
    """Draw K unit columns that depend on (seed, step) and the kind of device alone, so that every process agrees."""
    generator = torch.Generator(device).manual_seed((seed * 1_000_003 + step) % 2**63)
    directions = torch.randn(width, count, generator=generator, device=device)
    return nn.functional.normalize(directions, dim=0)


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
    """Σ_k w_k |mean_n e^{i t_k p_n} - e^{-t_k²/2}|², averaged over the rows of p, with its closed-form gradient.

    A row holds the projections of all samples onto one direction. Knots are multiples of one step, so e^{i t_k p} are the powers of
    one unit complex number: repeated multiplication gives their means, Horner's rule the gradient, a polynomial in that number.

    Means are over the samples of all processes, `count` in number. By the convention of `distributed`, each process's gradient is
    that of the whole divided by its share of the samples, so 1 / (own samples) stands where the formula has 1 / count.
    """

    @staticmethod
    def forward(ctx: Any, projections: Tensor, count: Tensor, t_max: float, num_knots: int) -> Tensor:
        step, knots, weights = half_knots(t_max, num_knots)
        table = torch.tensor([knots, weights], dtype=projections.dtype).to(projections.device, non_blocking=True)
        t, w = table[..., None]
        gaussian = torch.exp(-t.square() / 2)
        rows, own_count = projections.shape
        chunk = rows if projections.is_cuda else max(1, VALUES_PER_CHUNK // own_count)
        total = projections.new_zeros(())
        gradient = torch.empty_like(projections) if ctx.needs_input_grad[0] else None
        for start in range(0, rows, chunk):
            angle = projections[start : start + chunk] * step
            unit = torch.complex(angle.cos(), angle.sin_())
            power, sums = torch.ones_like(unit), unit.new_empty(len(knots), len(unit))
            for knot_sum in sums:
                torch.sum(power.mul_(unit), dim=1, out=knot_sum)
            offset = distributed.all_sum(sums) / count - gaussian
            total += (w * torch.view_as_real(offset).square().sum(dim=2)).sum()
            if gradient is not None:
                polynomial = power.zero_()
                for coefficient in (offset.conj() * (w * t)).flip(0)[..., None]:
                    polynomial.add_(coefficient).mul_(unit)
                gradient[start : start + chunk] = polynomial.imag
        if gradient is not None:
            ctx.save_for_backward(gradient.mul_(-2 / (own_count * rows)))
        return total / rows

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * outer, None, None, None


class SIGReg(nn.Module):
    """How far embeddings are from N(0, I), seen along random directions: 0 or more, smaller = closer.

    mean over directions a of Σ_k w_k |φ_emp(t_k) - e^{-t_k²/2}|², with φ_emp the empirical characteristic function of z·a, w_k =
    e^{-t_k²/2} times the trapezoid rule on [-t_max, t_max]; times N with scale="count". N(0, I) itself has expectation
    1.059 / N at t_max = 5 (1.053 / N at 3); all zeros give 0.409 (0.402). Computed in float32 even under autocast (float64 stays).
    N counts the samples of all processes, each of which gets the value of the whole and a gradient after `distributed`'s convention.

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
        """Return the statistic of embeddings `z` (N, D), or the mean of the views' statistics for several views (V, N, D).

        `directions` (unit columns, the same for all views) can be passed in to compare with other code; else they follow from
        (seed, step), and without `step` from an internal counter that is saved with the module. Other processes must call it too.
        ValueError for fewer than 2 samples over all processes, none on this one, or other shapes.
        """
        if z.ndim not in (2, 3) or z.numel() == 0 or z.shape[-2] * distributed.world_size() < 2:
            raise ValueError(
                f"SIGReg needs embeddings (N, D) with N of at least 2, found shape {tuple(z.shape)}. Several views are (V, N, D); "
                f"N counts the samples of all processes (here {distributed.world_size()}), each of which needs at least one."
            )
        if directions is None:
            if step is None:
                step = int(self.counter)
                self.counter += 1
            directions = random_directions(z.shape[-1], self.num_directions, self.seed, step, z.device)
        elif directions.ndim != 2 or directions.shape[0] != z.shape[-1]:
            raise ValueError(f"Directions must have shape ({z.shape[-1]}, K), found {tuple(directions.shape)}.")
        with torch.autocast(z.device.type, enabled=False):
            z = z if z.dtype == torch.float64 else z.float()
            projections = directions.to(z).T @ z.reshape(-1, z.shape[-1]).T
            rows = projections.reshape(-1, z.shape[-2])  # one per direction and view
            count = distributed.all_sum(rows.new_full((), rows.shape[1]))
            value: Tensor = _CharacteristicDistance.apply(rows, count, self.t_max, self.num_knots)
        return value * count if self.scale == "count" else value


def sigreg_floor(count: int, t_max: float, num_knots: int, scale: str = "mean") -> float:
    """Return SIGReg's expectation for N samples that truly follow N(0, I): Σ_k w_k (1 - e^{-t_k²}) / N, times N for "count"."""
    _, knots, weights = half_knots(t_max, num_knots)
    value = sum(w * (1 - math.exp(-t * t)) for t, w in zip(knots, weights, strict=True))
    return value if scale == "count" else value / count


def description_loss(described: Float[Tensor, "V B Q"], numbers: Float[Tensor, "B Q"]) -> Float[Tensor, ""]:
    """Return the squared error of the numbers told from each view, averaged, in float32: 1 is no better than their means."""
    return (described.float() - numbers.float()).square().mean()


def objective(
    prediction: Float[Tensor, ""] | None,
    invariance: Float[Tensor, ""] | None,
    sigreg: Float[Tensor, ""],
    config: ObjectiveConfig,
    description: Float[Tensor, ""] | None = None,
) -> LossTerms:
    """Combine the terms: total = (1 - λ) · (α · prediction + β · invariance + γ · description) + λ · SIGReg.

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
