"""The rank of a sample among those of all processes, for statistics that sort."""

from __future__ import annotations

from torch import Tensor

from astrojepa import distributed


def ranks(rows: Tensor, count: Tensor) -> Tensor:
    """Return the place of every sample of this process, rows (R, n), in its sorted row of all
    `count` samples: int64 (R, n), 0 to count - 1.
    """
    everyone, start = _gathered(rows.detach(), int(count))
    return everyone.argsort(dim=1).argsort(dim=1)[:, start : start + rows.shape[1]]


def _gathered(rows: Tensor, count: int) -> tuple[Tensor, int]:
    """Return the samples of all processes, (R, N), and where this process's begin."""
    if distributed.world_size() == 1:
        return rows, 0
    sizes = rows.new_zeros(distributed.world_size())
    sizes[distributed.rank()] = rows.shape[1]
    start = int(distributed.all_sum(sizes)[: distributed.rank()].sum())
    everyone = rows.new_zeros(len(rows), count)
    everyone[:, start : start + rows.shape[1]] = rows
    return distributed.all_sum(everyone), start
