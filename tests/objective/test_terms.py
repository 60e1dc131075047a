"""Prediction, invariance, description and their weighted sum against their formulas."""

from __future__ import annotations

import math

import pytest
import torch

from astrojepa.config import ObjectiveConfig
from astrojepa.objective.terms import description_loss, invariance_loss, objective, prediction_loss


def value_and_gradient(function, z: torch.Tensor) -> tuple[float, torch.Tensor]:
    """What a function gives for embeddings, and its gradient there."""
    z = z.detach().requires_grad_()
    value = function(z)
    return value.item(), torch.autograd.grad(value, z)[0]


def test_prediction_loss_averages_over_features_too():
    assert prediction_loss(torch.full((2, 3, 4, 5), 3.0), torch.ones(2, 3, 4, 5)).item() == 4.0


def test_invariance_of_two_global_views_is_a_quarter_of_their_squared_distance():
    views = torch.randn(2, 6, 3)
    assert invariance_loss(views, 2).item() == pytest.approx(
        (views[0] - views[1]).square().mean().item() / 4
    )
    assert invariance_loss(views[:1].expand(4, 6, 3), 2).item() == 0


def test_invariance_and_its_gradient_equal_the_slow_formula():
    views = torch.randn(4, 5, 3)

    def slow(views):
        total = 0.0
        for image in range(5):
            centre = (views[0, image] + views[1, image]) / 2
            total = total + sum(((view[image] - centre) ** 2).sum() for view in views)
        return total / (4 * 5 * 3)

    (value, gradient), (expected, slope) = (
        value_and_gradient(f, views) for f in (lambda v: invariance_loss(v, 2), slow)
    )
    assert value == pytest.approx(expected)
    torch.testing.assert_close(gradient, slope)


def test_local_views_are_drawn_to_the_centre_without_moving_it():
    views = torch.zeros(3, 2, 4)
    views[2] = 6.0
    assert invariance_loss(views, 2).item() == pytest.approx(36 / 3)
    assert invariance_loss(views, 3).item() == pytest.approx((4 + 4 + 16) / 3)


def test_invariance_is_computed_in_float32():
    views = torch.randn(2, 3, 4).bfloat16()
    assert invariance_loss(views, 1).dtype == torch.float32
    assert invariance_loss(views, 1).item() == invariance_loss(views.float(), 1).item()


@pytest.mark.parametrize("num_global", [0, 4])
def test_a_centre_of_no_views_or_more_than_there_are_is_refused(num_global):
    with pytest.raises(ValueError, match="of 1 to 3 views"):
        invariance_loss(torch.zeros(3, 2, 4), num_global)


@pytest.mark.parametrize("weight", [0.0, 0.01, 0.6, 1.0])
@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 0.0), (0.0, 1.0), (1.0, 0.5), (2.0, 3.0)])
def test_the_objective_is_the_convex_combination(weight, alpha, beta):
    config = ObjectiveConfig(sigreg_weight=weight, prediction_weight=alpha, invariance_weight=beta)
    parts = [torch.tensor(value, requires_grad=True) for value in (2.0, 3.0, 5.0)]
    terms = objective(*parts, config)
    factors = ((1 - weight) * alpha, (1 - weight) * beta, weight)
    assert terms.total.item() == pytest.approx(2 * factors[0] + 3 * factors[1] + 5 * factors[2])
    terms.total.backward()
    for part, factor in zip(parts, factors, strict=True):
        assert part.grad is None if factor == 0 else part.grad.item() == pytest.approx(factor)
    assert [term.item() for term in (terms.prediction, terms.invariance, terms.sigreg)] == [2, 3, 5]
    assert not any(
        term.requires_grad for term in (terms.prediction, terms.invariance, terms.sigreg)
    )


def test_a_missing_term_is_reported_as_zero_and_adds_nothing():
    config = ObjectiveConfig(sigreg_weight=0.25, invariance_weight=1.0)
    sigreg, invariance = torch.tensor(4.0), torch.tensor(8.0)
    terms = objective(None, invariance, sigreg, config)
    assert (terms.total.item(), terms.prediction.item(), terms.invariance.item()) == (7.0, 0.0, 8.0)
    terms = objective(None, None, sigreg, config)
    assert (terms.total.item(), terms.invariance.item(), terms.sigreg.item()) == (1.0, 0.0, 4.0)


def test_a_term_of_weight_0_may_be_anything():
    config = ObjectiveConfig(sigreg_weight=0.0)
    terms = objective(torch.tensor(2.0), torch.tensor(math.nan), torch.tensor(math.inf), config)
    assert terms.total.item() == 2.0


def test_description_is_the_squared_error_over_views_galaxies_and_numbers():
    numbers = torch.tensor([[0.0, 1.0], [2.0, 3.0]])
    described = torch.stack((numbers, numbers + 2))
    assert description_loss(described, numbers) == pytest.approx(2.0)
    terms = objective(
        None,
        None,
        torch.tensor(4.0),
        ObjectiveConfig(sigreg_weight=0.25, description_weight=2.0),
        torch.tensor(3.0),
    )
    assert terms.total == pytest.approx(0.75 * 2 * 3 + 0.25 * 4)
    assert terms.description == 3
