"""SIGReg against its closed forms, the objective against its formula."""

from __future__ import annotations

import math

import pytest
import torch

from astrojepa.losses import SIGReg, objective, prediction_loss, random_directions, sigreg_floor


def slow_sigreg(z: torch.Tensor, directions: torch.Tensor, t_max: float, num_knots: int) -> torch.Tensor:
    """The formula, word for word: every knot of [-T, T], trapezoid rule."""
    t = torch.linspace(-t_max, t_max, num_knots, dtype=z.dtype)
    angle = (z @ directions)[:, :, None] * t
    window = torch.exp(-t.square() / 2)
    distance = (angle.cos().mean(0) - window).square() + angle.sin().mean(0).square()
    return torch.trapezoid(distance * window, t).mean()


def gaussian_expectation(t_max: float) -> float:
    """√(2π)·erf(T/√2) - √(2π/3)·erf(T·√1.5), times 1 / N."""
    return math.sqrt(2 * math.pi) * math.erf(t_max / math.sqrt(2)) - math.sqrt(2 * math.pi / 3) * math.erf(t_max * math.sqrt(1.5))


@pytest.mark.parametrize(("t_max", "value"), [(3.0, 1.0527), (5.0, 1.0594)])
@pytest.mark.parametrize("scale", ["mean", "count"])
def test_a_gaussian_sample_scores_its_closed_form_expectation(t_max, value, scale):
    assert gaussian_expectation(t_max) == pytest.approx(value, abs=1e-4)
    count, draws = 256, 40
    loss = SIGReg(num_directions=128, t_max=t_max, num_knots=33, scale=scale)
    generator = torch.Generator().manual_seed(0)
    seen = torch.stack([loss(torch.randn(count, 32, generator=generator), step=k) for k in range(draws)])
    expected = value if scale == "count" else value / count
    error = seen.std() / math.sqrt(draws)
    assert abs(seen.mean() - expected) < 4 * error
    assert sigreg_floor(count, t_max, 33, scale) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(("t_max", "value"), [(3.0, 0.40223), (5.0, 0.4089)])
@pytest.mark.parametrize("scale", ["mean", "count"])
def test_all_zeros_score_their_closed_form_with_gradient_exactly_zero(t_max, value, scale):
    z = torch.zeros(64, 16, requires_grad=True)
    seen = SIGReg(t_max=t_max, num_knots=65, scale=scale)(z)
    assert seen.item() == pytest.approx(value * (64 if scale == "count" else 1), rel=1e-3)
    seen.backward()
    assert (z.grad == 0).all()


@pytest.mark.parametrize(
    ("t_max", "spread", "value"), [(3.0, 0.5, 0.151), (3.0, 2.0, 0.236), (3.0, 0.1, 0.387), (5.0, 0.1, 0.393)]
)
def test_a_gaussian_of_another_width_scores_the_leading_term(t_max, spread, value):
    count = 20_000
    z = spread * torch.randn(count, 8, generator=torch.Generator().manual_seed(1))
    seen = SIGReg(num_directions=32, t_max=t_max, num_knots=33)(z)
    assert seen.item() == pytest.approx(value, abs=0.004)


def test_published_reference_values_of_the_official_code_are_met():
    generator = torch.Generator().manual_seed(2)
    sample = torch.randn(512, 192, generator=generator)
    loss = SIGReg(num_directions=256, t_max=3.0, num_knots=33, scale="count")
    spreads = torch.logspace(-1, 1, 192)
    for z, value, tolerance in (
        (sample, 1.0, 0.2),
        (torch.zeros(512, 192), 205.85, 0.5),
        (torch.ones(512, 192), 551.0, 30.0),
        (0.1 * sample, 198.1, 1.0),
        (2 * sample, 122.4, 3.0),
        (10 * sample, 588.7, 6.0),
        (spreads * sample, 298.7, 30.0),
    ):
        assert loss(z, step=0).item() == pytest.approx(value, abs=tolerance)


@pytest.mark.parametrize(("t_max", "num_knots"), [(5.0, 17), (3.0, 33)])
def test_value_and_gradient_equal_the_slow_formula(t_max, num_knots):
    z = (1.7 * torch.randn(40, 12, dtype=torch.float64) + 0.3).requires_grad_()
    directions = random_directions(12, 300, seed=0, step=0).double()
    fast = SIGReg(t_max=t_max, num_knots=num_knots)(z, directions)
    slow = slow_sigreg(z, directions, t_max, num_knots)
    assert fast.item() == pytest.approx(slow.item(), rel=1e-12)
    torch.testing.assert_close(*(torch.autograd.grad(value, z)[0] for value in (fast, slow)), rtol=1e-10, atol=1e-15)


def test_the_closed_form_gradient_passes_gradcheck():
    z = torch.randn(6, 5, dtype=torch.float64, requires_grad=True)
    directions = random_directions(5, 7, seed=1, step=0).double()
    assert torch.autograd.gradcheck(lambda x: SIGReg(t_max=3.0, num_knots=9)(x, directions), (z,))


def test_a_collapsed_batch_is_moved_as_one_point():
    z = torch.full((32, 8), 0.7, requires_grad=True)
    SIGReg()(z, step=0).backward()
    assert (z.grad - z.grad[:1]).abs().max() < 1e-9
    assert z.grad.abs().max() > 0


def test_directions_are_unit_columns_that_follow_from_seed_and_step():
    first = random_directions(16, 100, seed=3, step=9)
    torch.testing.assert_close(first.norm(dim=0), torch.ones(100))
    assert torch.equal(first, random_directions(16, 100, seed=3, step=9))
    assert not torch.equal(first, random_directions(16, 100, seed=3, step=10))


def test_without_a_step_an_internal_counter_is_used_and_saved():
    z = torch.randn(16, 4, generator=torch.Generator().manual_seed(0))
    loss = SIGReg(num_directions=8)
    values = [loss(z).item() for _ in range(3)]
    assert len(set(values)) == 3
    resumed = SIGReg(num_directions=8)
    resumed.load_state_dict({"counter": torch.tensor(1)})
    assert resumed(z).item() == values[1]


def test_it_is_computed_in_float32_under_autocast():
    z = torch.randn(64, 16, generator=torch.Generator().manual_seed(0))
    plain = SIGReg()(z, step=0)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = SIGReg()(z, step=0)
    assert mixed.dtype == torch.float32
    assert mixed.item() == plain.item()


@pytest.mark.parametrize("shape", [(8,), (1, 4), (2, 3, 4)])
def test_embeddings_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"SIGReg needs embeddings \(N, D\) with N of at least 2, found shape"):
        SIGReg()(torch.zeros(shape))


def test_prediction_loss_averages_over_features_too():
    assert prediction_loss(torch.full((2, 3, 4, 5), 3.0), torch.ones(2, 3, 4, 5)).item() == 4.0


@pytest.mark.parametrize("weight", [0.0, 0.01, 0.6, 1.0])
def test_the_objective_is_the_convex_combination(weight):
    prediction, sigreg = torch.tensor(2.0, requires_grad=True), torch.tensor(5.0, requires_grad=True)
    terms = objective(prediction, sigreg, weight)
    assert terms.total.item() == pytest.approx((1 - weight) * 2 + weight * 5)
    if 0 < weight < 1:
        terms.total.backward()
        assert (prediction.grad.item(), sigreg.grad.item()) == pytest.approx((1 - weight, weight))
    assert not terms.prediction.requires_grad
