"""Trials of the recipe: every piece trains, and is what its source says."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from astrojepa.checkpoints.model import load_model
from astrojepa.objective.statistics.wasserstein import Wasserstein, bin_means
from benchmarks import recipe_trials
from tests.tiny_run import flags_on

WASSERSTEIN = Wasserstein()


def visreg(num_directions: int = 64) -> recipe_trials.VISReg:
    return recipe_trials.VISReg(num_directions, statistic=WASSERSTEIN)


@pytest.mark.slow
@pytest.mark.parametrize("piece", recipe_trials.PIECES)
def test_every_piece_trains(piece, drawn_galaxies, tmp_path):
    folder = tmp_path / "run"
    flags = [*flags_on(drawn_galaxies), "--epochs", "1", "--out", str(folder)]
    recipe_trials.main([piece, *flags])
    assert load_model(folder).config.optim.epochs == 1


def test_collapsed_embeddings_score_1_for_scale_and_1_for_shape_with_a_finite_gradient():
    z = torch.zeros(64, 8, requires_grad=True)
    value = visreg()(z, step=0)
    assert value.item() == pytest.approx(2.0)
    assert torch.autograd.grad(value, z)[0].isfinite().all()


def test_location_and_scale_are_penalised_apart_from_shape():
    z = torch.randn(256, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    z = (z - z.mean(0)) / z.std(0, correction=0)
    shape = visreg()(z, step=0)
    moved = visreg()(0.2 * z + 3, step=0)
    assert (moved - shape).item() == pytest.approx(3**2 + (1 - 0.2) ** 2)


def test_one_feature_with_the_quantiles_of_a_gaussian_scores_what_it_holds_less_than_one():
    z = bin_means(512)[:, None]
    spread = z.std(correction=0).item()
    expected = (1 - spread) ** 2 + WASSERSTEIN((z / spread).T, torch.tensor(512.0)).item()
    assert visreg(1)(z, torch.ones(1, 1)).item() == pytest.approx(expected)


def test_the_scale_pulls_a_nearly_collapsed_feature_no_less_than_a_wide_one():
    pulls = []
    for spread in (1e-3, 0.5):
        z = (spread * torch.randn(64, 4, dtype=torch.float64)).requires_grad_()
        pulls.append(torch.autograd.grad(visreg()(z, step=0), z)[0].norm().item())
    assert pulls[0] > pulls[1]


def test_the_weight_decay_rises_from_a_25th_to_two_fifths():
    seen = [recipe_trials.decay_at(step, 101) for step in (0, 50, 100)]
    assert seen == pytest.approx([0.04, 0.22, 0.4])


def test_a_drawn_predictor_is_normal_with_its_biases_0(tiny):
    trainer = recipe_trials.trainer_of(tiny, Path())
    recipe_trials.init_predictor(trainer)
    layer = trainer.state.network.predictor.out
    assert layer.bias.count_nonzero() == 0
    assert layer.weight.std().item() == pytest.approx(0.02, rel=0.2)


def test_visreg_pulls_as_hard_as_sigreg_at_the_first_step(tiny):
    trainer = recipe_trials.trainer_of(tiny, Path())
    (batch,) = trainer.batches.parts(0)
    before = recipe_trials.pull(trainer.stepper, batch)
    recipe_trials.use_visreg(trainer)
    assert recipe_trials.pull(trainer.stepper, batch) == pytest.approx(before, rel=1e-3)
    assert before > 0


def test_the_optimiser_decays_by_the_ramp_and_norms_not_at_all(tiny):
    trainer = recipe_trials.trainer_of(tiny, Path())
    recipe_trials.ramp_decay(trainer)
    for expected in (0.04, recipe_trials.decay_at(1, trainer.total_steps)):
        trainer.step()
        matrices, others = trainer.state.optimizer.param_groups
        assert matrices["weight_decay"] == pytest.approx(expected)
        assert others["weight_decay"] == 0
