"""The Cramér-von Mises statistic: the empirical distribution function against that of N(0, 1)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from astrojepa import distributed
from astrojepa.objective.statistics.ranks import ranks
from astrojepa.objective.statistics.registry import statistic


@statistic("cramer-von-mises")
@dataclass(frozen=True)
class CramerVonMises:
    """∫ (F_emp - Φ)² dΦ = 1 / 12N² + mean_i (Φ(x_(i)) - (2i - 1) / 2N)².

    All zeros give exactly 1/12. Outliers hardly count: Φ saturates, and so does the gradient, so
    that a far-off sample is pulled back slowly.

    *Source:* Cramér 1928, von Mises 1928; tabulated as W² = N times this (Stephens 1974).
    """

    def __call__(self, rows: Tensor, count: Tensor) -> Tensor:
        """Return the statistic of each row's samples, averaged over the rows (R, n)."""
        residual = torch.special.ndtr(rows) - (2 * ranks(rows, count) + 1) / (2 * count)
        mean = residual.square().mean()
        share = rows.shape[1] / count
        whole = distributed.all_sum(mean.detach() * share) + 1 / (12 * count**2)
        return mean + (whole - mean.detach())  # the value of all, the gradient of this process's

    def floor(self, count: int) -> float:
        """Return the expectation for `count` samples of N(0, 1): 1 / 6N."""
        return 1 / (6 * count)
