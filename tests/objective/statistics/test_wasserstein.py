"""The squared Wasserstein distance against its integral, its closed forms, and as SIGReg."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from astrojepa.config import ObjectiveConfig
from astrojepa.objective.sigreg import SIGReg
from astrojepa.objective.statistics.wasserstein import Wasserstein, bin_means

STATISTIC = Wasserstein()


def value_of(rows: torch.Tensor) -> torch.Tensor:
    return STATISTIC(rows, torch.tensor(float(rows.shape[1]), dtype=rows.dtype))


@pytest.mark.parametrize("count", [2, 7, 100])
def test_it_is_the_integral_over_squared_differences_of_quantiles(count):
    rows = np.random.default_rng(count).normal(0.3, 1.4, size=(5, count))
    level = (np.arange(1_000_000) + 0.5) / 1_000_000
    held = np.sort(rows, axis=1)[:, (level * count).astype(int)]
    expected = np.square(held - stats.norm.ppf(level)).mean()
    assert value_of(torch.from_numpy(rows)).item() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("place", [0.0, -2.0])
def test_samples_in_one_place_score_one_more_than_its_square(place):
    rows = torch.full((3, 5), place, dtype=torch.float64)
    assert value_of(rows).item() == pytest.approx(1 + place**2)


@pytest.mark.parametrize("width", [0.1, 0.5, 3.0])
def test_a_gaussian_of_another_width_scores_the_square_of_the_difference(width):
    rows = width * bin_means(100_000)[None]
    assert value_of(rows).item() == pytest.approx((1 - width) ** 2, abs=1e-3)


def test_the_pull_does_not_fade_where_all_samples_nearly_coincide():
    rows = (1e-6 * torch.randn(1, 64, dtype=torch.float64)).requires_grad_()
    (pull,) = torch.autograd.grad(value_of(rows), rows)
    assert pull.norm().item() == pytest.approx(2 / 8, rel=0.05)  # 2 · |q| / N, |q|² nearly N


def test_two_samples_of_a_gaussian_score_their_closed_form_on_average():
    assert STATISTIC.floor(2) == pytest.approx(2 - 2 * math.sqrt(2) / math.pi, rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("count", [3, 50, 256])
def test_a_gaussian_sample_scores_the_floor_on_average(count):
    rows = torch.randn(4000, count, generator=torch.Generator().manual_seed(0))
    each = torch.stack([value_of(row[None]) for row in rows])
    assert abs(each.mean() - STATISTIC.floor(count)) < 4 * each.std() / math.sqrt(len(rows))


def test_its_gradient_passes_gradcheck():
    rows = torch.randn(2, 9, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(value_of, rows)


def test_training_finds_it_by_name():
    config = ObjectiveConfig(sigreg_statistic="wasserstein", sigreg_scale="count")
    assert SIGReg.of(config, seed=0).floor(77) == pytest.approx(77 * STATISTIC.floor(77))
