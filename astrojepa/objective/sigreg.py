"""Sketched Isotropic Gaussian Regularization (SIGReg): what keeps embeddings from collapsing."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from astrojepa import distributed
from astrojepa.config import ObjectiveConfig
from astrojepa.objective.statistics.epps_pulley import EppsPulley
from astrojepa.objective.statistics.registry import Statistic, find_statistic
from astrojepa.settings import one_of, within


def random_directions(
    width: int, count: int, seed: int, step: int, device: torch.device | str = "cpu"
) -> Float[Tensor, "D K"]:
    """Draw K unit columns from (seed, step) and device kind, the same on all processes."""
    generator = torch.Generator(device).manual_seed((seed * 1_000_003 + step) % 2**63)
    directions = torch.randn(width, count, generator=generator, device=device)
    return nn.functional.normalize(directions, dim=0)


class SIGReg(nn.Module):
    """Distance of embeddings from N(0, I) along random directions: >= 0, smaller = closer.

    The mean over unit directions a of a univariate statistic of z·a, by default
    `EppsPulley(t_max, num_knots)`; times N with scale="count". N(0, I) itself has the expectation
    `floor(N)`. Computed in float32 even under autocast (float64 stays). N counts the samples of
    all processes, each of which gets the value of the whole and a gradient after the convention
    of `distributed`.

    *Source:* LeJEPA (arXiv:2511.08544), section 4; its code uses scale="count", t_max=3 and 17
    knots on [0, 3] (33 here).

    >>> import torch, astrojepa as aj
    >>> loss = aj.SIGReg(num_directions=64)
    >>> far, near = torch.zeros(256, 8), torch.randn(256, 8)
    >>> bool(loss(near, step=0) < loss(far, step=0))
    True

    Examples:
        >>> loss = aj.SIGReg(num_directions=256)
        >>> gaussian = torch.randn(512, 64, generator=torch.Generator().manual_seed(0))
        >>> bool(loss(gaussian) < 0.01), bool(loss(torch.zeros(512, 64)) > 0.4)
        (True, True)
    """

    counter: Tensor

    def __init__(
        self,
        num_directions: int = 256,
        t_max: float = 5.0,
        num_knots: int = 17,
        scale: str = "mean",
        seed: int = 0,
        *,
        statistic: Statistic | None = None,
    ) -> None:
        """ValueError for values out of range; t_max and num_knots are those of `EppsPulley`."""
        super().__init__()
        within("num_directions", num_directions, 1, 65536)
        one_of("scale", scale, ("mean", "count"))
        self.num_directions, self.scale, self.seed = num_directions, scale, seed
        self.statistic = statistic or EppsPulley(t_max, num_knots)
        self.register_buffer("counter", torch.zeros((), dtype=torch.int64))

    @classmethod
    def of(cls, config: ObjectiveConfig, seed: int, scale: str | None = None) -> SIGReg:
        """Make the one that a config describes; ValueError for an unknown statistic."""
        made = find_statistic(config.sigreg_statistic)
        own = made(config.t_max, config.num_knots) if made is EppsPulley else made()
        chosen = scale or config.sigreg_scale
        return cls(config.num_directions, scale=chosen, seed=seed, statistic=own)

    def floor(self, count: int) -> float:
        """Return the expectation for `count` samples that truly follow N(0, I)."""
        value = self.statistic.floor(count)
        return value * count if self.scale == "count" else value

    def forward(
        self, z: Tensor, directions: Float[Tensor, "D K"] | None = None, step: int | None = None
    ) -> Float[Tensor, ""]:
        """Return the statistic of embeddings `z` (N, D), or its mean over views (V, N, D).

        `directions` (unit columns, the same for all views) can be passed in to compare with other
        code; else they follow from (seed, step), and without `step` from an internal counter that
        is saved with the module. Other processes must call it too. ValueError for fewer than 2
        samples over all processes, none on this one, or other shapes.
        """
        if z.ndim not in (2, 3) or z.numel() == 0 or z.shape[-2] * distributed.world_size() < 2:
            raise ValueError(
                f"SIGReg needs embeddings (N, D) with N of at least 2, found shape "
                f"{tuple(z.shape)}. Several views are (V, N, D); "
                f"N counts the samples of all processes (here {distributed.world_size()}), each of "
                f"which needs at least one."
            )
        if directions is None:
            if step is None:
                step = int(self.counter)
                self.counter += 1
            directions = random_directions(
                z.shape[-1], self.num_directions, self.seed, step, z.device
            )
        elif directions.ndim != 2 or directions.shape[0] != z.shape[-1]:
            raise ValueError(
                f"Directions must have shape ({z.shape[-1]}, K), found {tuple(directions.shape)}."
            )
        with torch.autocast(z.device.type, enabled=False):
            z = z if z.dtype == torch.float64 else z.float()
            projections = directions.to(z).T @ z.reshape(-1, z.shape[-1]).T
            rows = projections.reshape(-1, z.shape[-2])  # one per direction and view
            count = distributed.all_sum(rows.new_full((), rows.shape[1]))
            value = self.statistic(rows, count)
        return value * count if self.scale == "count" else value
