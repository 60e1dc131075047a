"""What each process of the distributed tests runs: one step of each case, terms and gradients
written to a file; then whole commands, as `train.py` runs them.

torchrun ... distributed_worker.py FOLDER '[[recipe, step, changes, bug], ...]' '[[flag, ...], ...]'
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from torch import distributed as processes

sys.path.insert(0, str(Path(__file__).parents[2]))

from astrojepa import distributed
from astrojepa.cli.train import train_main
from astrojepa.objective import sigreg
from astrojepa.objective.sigreg import SIGReg, random_directions
from astrojepa.objective.statistics import epps_pulley
from astrojepa.objective.statistics.epps_pulley import half_knots
from astrojepa.training.step import Stepper
from tests.training.tiny_step import CPU, one_step, tiny_config


class GradientlessSIGReg(SIGReg):
    """The mistake of an in-place all-reduce that autograd does not see: right value, gradient 1
    / world of what it should be.
    """

    def forward(self, z, directions=None, step=None):
        (z,) = z
        projections = z @ random_directions(z.shape[1], self.num_directions, self.seed, step)
        _, knots, weights = half_knots(self.statistic.t_max, self.statistic.num_knots)
        total = 0.0
        for t, weight in zip(knots, weights, strict=True):
            means = [(projections * t).cos().mean(0), (projections * t).sin().mean(0)]
            for mean in means:
                processes.all_reduce(mean.data)
                mean.data /= distributed.world_size()
            cos, sin = means
            # autograd still sees the mean over the local rows, as one of world_size summands
            share = 1 / distributed.world_size()
            cos, sin = (x.detach() + share * (x - x.detach()) for x in (cos, sin))
            total = (
                total
                + weight * ((cos - torch.tensor(-0.5 * t * t).exp()).square() + sin.square()).mean()
            )
        return total


class Deaf:
    """`astrojepa.distributed` as the losses see it, whose sums are computed and thrown away, or
    never computed.
    """

    def __init__(self, asks: bool) -> None:
        self.asks = asks

    def __getattr__(self, name):
        return getattr(distributed, name)

    def all_sum(self, tensor):
        if self.asks:
            distributed.all_sum(tensor)
        return tensor


class GradientlessStepper(Stepper):
    def __init__(self, state, device):
        super().__init__(state, device)
        aim = state.config.objective
        self.sigreg = GradientlessSIGReg(
            aim.num_directions, aim.t_max, aim.num_knots, seed=state.config.seed
        )


def compute(recipe: str, step: int, changes: dict, bug: str, early_world_size: int) -> dict:
    if bug == "sums thrown away":
        sigreg.distributed = epps_pulley.distributed = Deaf(asks=True)
    elif bug == "world size read too early":
        sigreg.distributed = epps_pulley.distributed = Deaf(asks=early_world_size > 1)
    stepper = GradientlessStepper if bug == "no gradient through the sum" else Stepper
    try:
        terms, gradient = one_step(tiny_config(recipe, **changes), step, stepper)
        own = SIGReg(8, seed=3)(
            torch.randn(5, 4, generator=torch.Generator().manual_seed(distributed.rank())), step=0
        )
    finally:
        sigreg.distributed = epps_pulley.distributed = distributed
    return {"terms": terms, "gradient": gradient, "sigreg": own}


def main() -> None:
    folder, cases, commands = sys.argv[1:]
    torch.set_num_threads(1)
    early = distributed.world_size()
    distributed.start(CPU)
    found = [compute(*case, early) for case in json.loads(cases)]
    torch.save(found, Path(folder) / f"{distributed.rank()}.pt")
    for flags in json.loads(commands):
        if train_main(flags) != 0:
            sys.exit(1)


if __name__ == "__main__":
    main()
