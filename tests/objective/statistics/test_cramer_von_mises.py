"""The Cramér-von Mises statistic against SciPy's, its closed forms, and as SIGReg."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from astrojepa.config import ObjectiveConfig
from astrojepa.objective.sigreg import SIGReg
from astrojepa.objective.statistics.cramer_von_mises import CramerVonMises
from astrojepa.objective.statistics.registry import find_statistic

STATISTIC = CramerVonMises()


def value_of(rows: torch.Tensor) -> torch.Tensor:
    return STATISTIC(rows, torch.tensor(float(rows.shape[1]), dtype=rows.dtype))


@pytest.mark.parametrize("count", [2, 7, 100])
def test_it_is_scipy_s_statistic_over_the_number_of_samples(count):
    rows = np.random.default_rng(count).normal(0.3, 1.4, size=(5, count))
    expected = np.mean([stats.cramervonmises(row, "norm").statistic for row in rows]) / count
    assert value_of(torch.from_numpy(rows)).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("count", [2, 5, 64])
def test_all_zeros_score_a_twelfth(count):
    assert value_of(torch.zeros(3, count, dtype=torch.float64)).item() == pytest.approx(1 / 12)


@pytest.mark.slow
def test_a_gaussian_sample_scores_the_floor_on_average():
    count, rows = 50, 4000
    sample = torch.randn(rows, count, generator=torch.Generator().manual_seed(0))
    each = torch.stack([value_of(row[None]) for row in sample])
    assert abs(each.mean() - STATISTIC.floor(count)) < 4 * each.std() / math.sqrt(rows)


def test_its_gradient_passes_gradcheck():
    rows = torch.randn(2, 9, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(value_of, rows)


def test_training_finds_it_by_name_and_an_unknown_one_is_refused():
    config = ObjectiveConfig(sigreg_statistic="cramer-von-mises", sigreg_scale="count")
    assert SIGReg.of(config, seed=0).floor(77) == pytest.approx(1 / 6)
    with pytest.raises(
        ValueError, match="no statistic 'luck'; choose one of cramer-von-mises, epps"
    ):
        find_statistic("luck")
