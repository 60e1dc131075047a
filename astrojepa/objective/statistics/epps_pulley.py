"""The Epps-Pulley statistic: the empirical characteristic function against that of N(0, 1)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from astrojepa import distributed
from astrojepa.constants import constant
from astrojepa.objective.statistics.registry import statistic
from astrojepa.settings import within

# Projections that a CPU handles at a time, so that the powers taken of them stay in its cache.
VALUES_PER_CHUNK = 2**17


@statistic("epps-pulley")
@dataclass(frozen=True)
class EppsPulley:
    """Σ_k w_k |φ_emp(t_k) - e^{-t_k²/2}|², with w_k = e^{-t_k²/2} times the trapezoid rule.

    Knots lie on [-t_max, t_max], `num_knots` of them in all, an odd number. All zeros give 0.409
    at t_max = 5 (0.402 at 3).

    *Source:* Epps & Pulley 1983; LeJEPA (arXiv:2511.08544), whose code has t_max = 3 and 17 knots
    on [0, 3], 33 here. ValueError for a t_max outside 0.1 to 20 or knots outside 3 to 257.
    """

    t_max: float = 5.0
    num_knots: int = 17

    def __post_init__(self) -> None:
        within("t_max", self.t_max, 0.1, 20.0)
        within("num_knots", self.num_knots, 3, 257)
        if self.num_knots % 2 == 0:
            raise ValueError(
                f"`num_knots` is {self.num_knots}; it must be odd, so that 0 is a knot."
            )

    def __call__(self, rows: Tensor, count: Tensor) -> Tensor:
        """Return the statistic of each row's samples, averaged over the rows (R, n)."""
        value: Tensor = _CharacteristicDistance.apply(rows, count, self.t_max, self.num_knots)
        return value

    def floor(self, count: int) -> float:
        """Return the expectation for `count` samples of N(0, 1): Σ_k w_k (1 - e^{-t_k²}) / N.

        1.059 / N at t_max = 5, 1.053 / N at 3.
        """
        _, knots, weights = half_knots(self.t_max, self.num_knots)
        pairs = zip(knots, weights, strict=True)
        return sum(w * (1 - math.exp(-t * t)) for t, w in pairs) / count


def half_knots(t_max: float, num_knots: int) -> tuple[float, list[float], list[float]]:
    """Return the step, the positive knots and their weights e^{-t²/2} · trapezoid, doubled for -t.

    The integrand is even and vanishes at t = 0, so the knots right of 0 carry all of [-t_max,
    t_max].
    """
    count = num_knots // 2
    step = t_max / count
    knots = [step * j for j in range(1, count + 1)]
    weights = [
        2 * step * math.exp(-0.5 * t * t) * (0.5 if j == count else 1.0)
        for j, t in enumerate(knots, 1)
    ]
    return step, knots, weights


class _CharacteristicDistance(torch.autograd.Function):
    """Mean over rows of Σ_k w_k |mean_n e^{i t_k p_n} - e^{-t_k²/2}|², gradient in closed form.

    A row holds the projections of all samples onto one direction. Knots are multiples of one step,
    so e^{i t_k p} are the powers of one unit complex number: repeated multiplication gives their
    means, Horner's rule the gradient, a polynomial in that number.

    Means are over the samples of all processes, `count` in number. By the convention of
    `distributed`, each process's gradient is that of the whole divided by its share of the samples,
    so 1 / (own samples) stands where the formula has 1 / count.
    """

    @staticmethod
    def forward(
        ctx: Any, projections: Tensor, count: Tensor, t_max: float, num_knots: int
    ) -> Tensor:
        step, knots, weights = half_knots(t_max, num_knots)
        table = constant((tuple(knots), tuple(weights)), projections.dtype, projections.device)
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
