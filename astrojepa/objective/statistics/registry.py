"""The univariate statistics by name; `docs/extending.md` adds one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar, runtime_checkable

from torch import Tensor

from astrojepa.registries import import_modules


@runtime_checkable
class Statistic(Protocol):
    """How far samples are from N(0, 1): 0 or more, smaller = closer."""

    def __call__(self, rows: Tensor, count: Tensor) -> Tensor:
        """Return the statistic of each row's samples, averaged over the rows.

        `rows` (R, n) float holds this process's samples, `count` () their number over all
        processes. The value is that of all samples; the gradient is that of the value times
        count / n, the convention of `distributed`.
        """

    def floor(self, count: int) -> float:
        """Return the expectation for `count` samples that follow N(0, 1)."""


Made = TypeVar("Made", bound=Callable[..., Statistic])
_STATISTICS: dict[str, Callable[..., Statistic]] = {}


def statistic(name: str) -> Callable[[Made], Made]:
    """Register a statistic: a class that is made without arguments, or with its settings."""

    def register(made: Made) -> Made:
        _STATISTICS[name] = made
        return made

    return register


def find_statistic(name: str) -> Callable[..., Statistic]:
    """Return the class of this name; ValueError lists the known ones."""
    import_modules("astrojepa.objective.statistics")
    if name not in _STATISTICS:
        known = ", ".join(sorted(_STATISTICS))
        raise ValueError(f"There is no statistic {name!r}; choose one of {known}.")
    return _STATISTICS[name]
