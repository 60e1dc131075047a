"""Short trainings with one piece of the recipe swapped for which there is no setting.

python -m benchmarks.recipe_trials PIECE --preset small.sigreg06 --epochs 2 --out runs/NAME [...]

takes every flag of train.py. The pieces:

- `none`: the control, what train.py does
- `predictor-init`: linear layers of the predictor begin normal with 0.02, their biases 0 (I-JEPA)
- `beta2`: AdamW with β₂ 0.999 instead of 0.95 (I-JEPA)
- `decay-ramp`: weight decay from 0.04 to 0.4 along half a cosine (I-JEPA)
- `visreg`: VISReg in place of SIGReg, weighted so that both pull equally at the first step

`python -m benchmarks.cross_validation runs/NAME` measures what came out.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from astrojepa.cli.train import add_train_arguments, config_from
from astrojepa.config import TrainConfig
from astrojepa.objective.sigreg import SIGReg
from astrojepa.objective.statistics.wasserstein import Wasserstein
from astrojepa.runs import create_run, only_training
from astrojepa.training.prepare import prepare
from astrojepa.training.step import Stepper
from astrojepa.training.trainer import Trainer
from astrojepa.types import Batch

CPU = torch.device("cpu")
SMALLEST_SPREAD = 1e-6
FIRST_DECAY, LAST_DECAY = 0.04, 0.4


class VISReg(SIGReg):
    """Location, scale and shape of embeddings apart: ‖mean‖² + mean_j (1 - σ_j)² + W², times
    `weight`.

    Mean and spread are those of every feature over the samples; W² is `Wasserstein` along random
    directions of the features less their mean, over their spread, both without gradient.

    *Source:* VISReg (Wu, Balestriero & Levine 2026, arXiv:2606.02572), whose code weighs the three
    terms equally, the square of the mean being a mean over features too.
    """

    weight = 1.0

    def forward(
        self, z: Tensor, directions: Float[Tensor, "D K"] | None = None, step: int | None = None
    ) -> Float[Tensor, ""]:
        """Return the three terms' sum for embeddings (N, D), or its mean over views (V, N, D)."""
        mean = z.mean(-2, keepdim=True)
        spread = (z - mean).norm(dim=-2, keepdim=True) / math.sqrt(z.shape[-2])
        standard = (z - mean.detach()) / spread.detach().clamp_min(SMALLEST_SPREAD)
        moments = mean.square().mean() + (1 - spread).square().mean()
        return self.weight * (moments + super().forward(standard, directions, step))


class DecayRamp(Stepper):
    """Sets the weight decay of a step before it is done."""

    total_steps: int

    def __call__(
        self, parts: Sequence[Batch], share: float, rate: float, momentum: float
    ) -> Tensor:
        decay = decay_at(self.state.step, self.total_steps)
        self.state.optimizer.param_groups[0]["weight_decay"] = decay
        return super().__call__(parts, share, rate, momentum)


def decay_at(step: int, total_steps: int) -> float:
    """Return the weight decay of a step: from 0.04 to 0.4 along half a cosine."""
    done = step / max(1, total_steps - 1)
    return FIRST_DECAY + (LAST_DECAY - FIRST_DECAY) * 0.5 * (1 - math.cos(math.pi * done))


def init_predictor(trainer: Trainer) -> None:
    """Draw the weights of the predictor's linear layers anew: normal, 0.02; biases 0."""
    for layer in trainer.state.network.get_submodule("predictor").modules():
        if isinstance(layer, nn.Linear):
            nn.init.trunc_normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)


def raise_beta2(trainer: Trainer) -> None:
    """Let AdamW average squared gradients over some 1000 steps, not 20."""
    for group in trainer.state.optimizer.param_groups:
        group["betas"] = (0.9, 0.999)


def ramp_decay(trainer: Trainer) -> None:
    """Raise the weight decay during the run."""
    trainer.stepper = DecayRamp(trainer.state, CPU)
    trainer.stepper.total_steps = trainer.total_steps


def use_visreg(trainer: Trainer) -> None:
    """Replace SIGReg by VISReg, with the weight that gives it SIGReg's gradient at step 0."""
    stepper = trainer.stepper
    stepper.state.network.train()
    (batch,) = trainer.batches.parts(0)
    before = pull(stepper, batch)
    config = trainer.state.config
    stepper.sigreg = VISReg(
        config.objective.num_directions, seed=config.seed, statistic=Wasserstein()
    )
    stepper.sigreg.weight = before / pull(stepper, batch)
    print(f"VISReg times {stepper.sigreg.weight:.4g}: a gradient of norm {before:.4g}")


def pull(stepper: Stepper, batch: Batch) -> float:
    """Return the norm of the regulariser's gradient with respect to the encoder's weights."""
    output = stepper._forward(batch)
    weights = [item for item in stepper.state.network.encoder.parameters() if item.requires_grad]
    value = stepper._sigreg(stepper._regularised(output))
    gradients = torch.autograd.grad(value, weights, allow_unused=True)
    return math.hypot(*(item.norm().item() for item in gradients if item is not None))


PIECES: dict[str, Callable[[Trainer], None]] = {
    "none": lambda trainer: None,
    "predictor-init": init_predictor,
    "beta2": raise_beta2,
    "decay-ramp": ramp_decay,
    "visreg": use_visreg,
}


def trainer_of(config: TrainConfig, folder: Path, judge_every: int = 1) -> Trainer:
    """Return what train.py would run in this folder."""
    ready = prepare(config, CPU, None, progress=False)
    parts = (Stepper(ready.first_state(), CPU), ready.batches(), ready.monitor(), folder)
    return Trainer(*parts, judge_every=judge_every)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train as the command line says."""
    flags = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    flags.add_argument("piece", choices=PIECES)
    add_train_arguments(flags)
    given = flags.parse_args(arguments)
    if given.out is None:
        flags.error("--out is missing: name the folder of the run.")
    trainer = trainer_of(config_from(given, "cpu"), Path(given.out), given.judge_every)
    with only_training(create_run(trainer.state.config, given.out)):
        torch.manual_seed(trainer.state.config.seed)  # of weights that are drawn anew
        PIECES[given.piece](trainer)
        trainer.run()


if __name__ == "__main__":
    main()
