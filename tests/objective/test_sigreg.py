"""SIGReg against its closed forms and the straightforward formula."""

from __future__ import annotations

import math

import pytest
import torch

from astrojepa import distributed
from astrojepa.objective.sigreg import SIGReg, random_directions
from benchmarks.measure import peak_bytes


def slow_sigreg(
    z: torch.Tensor, directions: torch.Tensor, t_max: float, num_knots: int
) -> torch.Tensor:
    """The formula, word for word: every knot of [-T, T], trapezoid rule."""
    t = torch.linspace(-t_max, t_max, num_knots, dtype=z.dtype)
    angle = (z @ directions)[:, :, None] * t
    window = torch.exp(-t.square() / 2)
    distance = (angle.cos().mean(0) - window).square() + angle.sin().mean(0).square()
    return torch.trapezoid(distance * window, t).mean()


def straightforward_sigreg(z: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
    """The same integral over [-3, 3] as most codes write it: 17 knots on [0, 3] that stand for
    both sides, an (N, K, 17) tensor.
    """
    t = torch.linspace(0, 3, 17, dtype=z.dtype)
    window = torch.exp(-t.square() / 2)
    weights = torch.full_like(t, 2 * 3 / 16)
    weights[[0, -1]] /= 2
    angle = (z @ directions)[..., None] * t
    distance = (angle.cos().mean(0) - window).square() + angle.sin().mean(0).square()
    return (distance @ (weights * window)).mean()


def value_and_gradient(function, z: torch.Tensor) -> tuple[float, torch.Tensor]:
    """What a function gives for embeddings, and its gradient there."""
    z = z.detach().requires_grad_()
    value = function(z)
    return value.item(), torch.autograd.grad(value, z)[0]


def gaussian_expectation(t_max: float) -> float:
    """√(2π)·erf(T/√2) - √(2π/3)·erf(T·√1.5), times 1 / N."""
    return math.sqrt(2 * math.pi) * math.erf(t_max / math.sqrt(2)) - math.sqrt(
        2 * math.pi / 3
    ) * math.erf(t_max * math.sqrt(1.5))


@pytest.mark.parametrize(("t_max", "value"), [(3.0, 1.0527), (5.0, 1.0594)])
@pytest.mark.parametrize("scale", ["mean", "count"])
def test_a_gaussian_sample_scores_its_closed_form_expectation(t_max, value, scale):
    assert gaussian_expectation(t_max) == pytest.approx(value, abs=1e-4)
    count, draws = 256, 40
    loss = SIGReg(num_directions=128, t_max=t_max, num_knots=33, scale=scale)
    generator = torch.Generator().manual_seed(0)
    seen = torch.stack(
        [loss(torch.randn(count, 32, generator=generator), step=k) for k in range(draws)]
    )
    expected = value if scale == "count" else value / count
    error = seen.std() / math.sqrt(draws)
    assert abs(seen.mean() - expected) < 4 * error
    assert loss.floor(count) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(("t_max", "value"), [(3.0, 0.40223), (5.0, 0.4089)])
@pytest.mark.parametrize("scale", ["mean", "count"])
def test_all_zeros_score_their_closed_form_with_gradient_exactly_zero(t_max, value, scale):
    z = torch.zeros(64, 16, requires_grad=True)
    seen = SIGReg(t_max=t_max, num_knots=65, scale=scale)(z)
    assert seen.item() == pytest.approx(value * (64 if scale == "count" else 1), rel=1e-3)
    seen.backward()
    assert (z.grad == 0).all()


@pytest.mark.parametrize(
    ("t_max", "spread", "value"),
    [(3.0, 0.5, 0.151), (3.0, 2.0, 0.236), (3.0, 0.1, 0.387), (5.0, 0.1, 0.393)],
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
    torch.testing.assert_close(
        *(torch.autograd.grad(value, z)[0] for value in (fast, slow)), rtol=1e-10, atol=1e-15
    )


def test_the_closed_form_gradient_passes_gradcheck():
    z = torch.randn(6, 5, dtype=torch.float64, requires_grad=True)
    directions = random_directions(5, 7, seed=1, step=0).double()
    assert torch.autograd.gradcheck(lambda x: SIGReg(t_max=3.0, num_knots=9)(x, directions), (z,))


def test_the_closed_form_gradient_of_several_views_passes_gradcheck():
    z = torch.randn(3, 4, 5, dtype=torch.float64, requires_grad=True)
    directions = random_directions(5, 7, seed=1, step=0).double()
    loss = SIGReg(t_max=3.0, num_knots=9, scale="count")
    assert torch.autograd.gradcheck(lambda x: loss(x, directions), (z,))


@pytest.mark.parametrize("width", [192, 384])
def test_value_and_gradient_keep_to_the_straightforward_formula_at_training_size(width):
    """Values to 1e-5 of the value, gradients to 1e-5 of the largest entry; both are in float32."""
    z = torch.randn(512, width, generator=torch.Generator().manual_seed(0))
    directions = random_directions(width, 1024, seed=0, step=0)
    value, gradient = value_and_gradient(
        lambda z: SIGReg(t_max=3.0, num_knots=33)(z, directions), z
    )
    expected, slope = value_and_gradient(lambda z: straightforward_sigreg(z, directions), z)
    assert value == pytest.approx(expected, rel=1e-5)
    assert (gradient - slope).abs().max() < 1e-5 * slope.abs().max()


@pytest.mark.parametrize(
    ("centre", "spread"),
    [(0.0, 1e-3), (1.0, 1e-3), (math.pi * 16 / 3, 1e-3), (0.0, 1e-6), (0.0, 10.0)],
    ids=str,
)
def test_float32_suffices_for_collapsed_and_scattered_embeddings(centre, spread):
    """Also where all angles of the first knot, 3/16 z, are near 0 or π, and recurrences lose
    digits; near π the gradient vanishes and the straightforward formula loses digits too."""
    z = centre + spread * torch.randn(200, 1, generator=torch.Generator().manual_seed(0))
    loss, direction = SIGReg(t_max=3.0, num_knots=33), torch.ones(1, 1)
    value, gradient = value_and_gradient(lambda z: loss(z, direction), z)
    _, single = value_and_gradient(lambda z: straightforward_sigreg(z, direction), z)
    expected, slope = value_and_gradient(
        lambda z: straightforward_sigreg(z, direction.double()), z.double()
    )
    assert value == pytest.approx(expected, rel=1e-5)
    assert (gradient - slope).abs().max() < max(
        1e-5 * slope.abs().max(), 4 * (single - slope).abs().max()
    )


def test_it_needs_at_most_a_quarter_of_the_straightforward_memory():
    z = torch.randn(512, 192, requires_grad=True)
    directions = random_directions(192, 1024, seed=0, step=0)
    ours = peak_bytes(lambda: SIGReg(t_max=3.0, num_knots=33)(z, directions).backward())
    straightforward = peak_bytes(lambda: straightforward_sigreg(z, directions).backward())
    assert ours < straightforward / 4


def test_memory_grows_with_the_directions_only_by_their_projections():
    z = torch.randn(512, 64, requires_grad=True)
    few, many = (
        peak_bytes(
            lambda count=count: SIGReg(t_max=3.0, num_knots=33)(
                z, random_directions(64, count, 0, 0)
            ).backward()
        )
        for count in (1024, 4096)
    )
    projections = 3072 * 512 * 4
    directions = 3072 * 64 * 4
    # theirs, their gradient, and that times the outer gradient
    assert many - few < 3.2 * (projections + directions)


@pytest.mark.parametrize("scale", ["mean", "count"])
def test_several_views_score_the_mean_of_single_views(scale):
    views = torch.randn(3, 20, 8) * torch.tensor([0.5, 1.0, 2.0])[:, None, None]
    loss = SIGReg(num_directions=32, scale=scale)
    value, gradient = value_and_gradient(lambda z: loss(z, step=4), views)
    singles = [value_and_gradient(lambda z: loss(z, step=4), view) for view in views]
    assert value == pytest.approx(sum(single for single, _ in singles) / 3, rel=1e-5)
    torch.testing.assert_close(gradient, torch.stack([slope for _, slope in singles]) / 3)


def test_parts_of_a_batch_on_several_processes_give_the_value_and_gradient_of_the_whole(
    monkeypatch,
):
    """Process by process, with the other's sums added; the gradients' average is weighted by
    samples, 1 of 12 and 11 of 12.
    """
    whole = torch.randn(2, 12, 5, dtype=torch.float64)
    parts = whole[:, :1], whole[:, 1:]
    loss = SIGReg(num_directions=6, t_max=3.0, num_knots=9, scale="count")
    expected, gradient = value_and_gradient(lambda z: loss(z, step=0), whole)
    monkeypatch.setattr(distributed, "world_size", lambda: 2)
    found = []
    for own, other in (parts, parts[::-1]):
        sent: list[torch.Tensor] = []
        monkeypatch.setattr(
            distributed, "all_sum", lambda sums, sent=sent: sent.append(sums) or sums
        )
        loss(other, step=0)
        monkeypatch.setattr(distributed, "all_sum", lambda sums, sent=sent: sums + sent.pop(0))
        value, slope = value_and_gradient(lambda z: loss(z, step=0), own)
        assert not sent
        assert value == pytest.approx(expected, rel=1e-12)
        found.append(slope * own.shape[1] / 12)
    torch.testing.assert_close(torch.cat(found, dim=1), gradient)


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


@pytest.mark.parametrize("shape", [(8,), (1, 4), (2, 1, 4), (0, 3, 4), (2, 2, 3, 4)])
def test_embeddings_of_another_shape_are_refused(shape):
    with pytest.raises(
        ValueError, match=r"SIGReg needs embeddings \(N, D\) with N of at least 2, found shape"
    ):
        SIGReg()(torch.zeros(shape))


def test_a_process_may_hold_one_row_of_a_larger_batch_but_not_none(monkeypatch):
    monkeypatch.setattr(distributed, "world_size", lambda: 2)
    monkeypatch.setattr(distributed, "all_sum", lambda sums: 2 * sums)
    one, two = torch.ones(1, 4), torch.ones(2, 4)
    value = SIGReg(scale="count")(one, step=0)
    with pytest.raises(ValueError, match="at least one"):
        SIGReg()(one[:0])
    monkeypatch.undo()
    assert value.item() == pytest.approx(SIGReg(scale="count")(two, step=0).item())


def test_directions_of_another_width_are_refused():
    with pytest.raises(ValueError, match=r"Directions must have shape \(4, K\), found \(5, 7\)"):
        SIGReg()(torch.zeros(2, 3, 4), torch.zeros(5, 7))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_directions": 0}, "`num_directions` is 0; it must lie in"),
        ({"t_max": 0.0}, "`t_max` is 0"),
        ({"num_knots": 16}, "`num_knots` is 16; it must be odd"),
        ({"scale": "sum"}, "`scale` is 'sum'; choose one of mean, count"),
    ],
)
def test_settings_out_of_range_are_refused_by_their_own_names(settings, message):
    with pytest.raises(ValueError, match=message):
        SIGReg(**settings)


def test_another_statistic_is_one_class():
    class Spread:
        """How far the variance is from 1."""

        def __call__(self, rows, count):
            return (rows.var(dim=1, correction=0) - 1).square().mean()

        def floor(self, count):
            return 2 / count

    loss = SIGReg(num_directions=64, statistic=Spread(), scale="count")
    assert loss(torch.zeros(50, 4), step=0) == pytest.approx(50)
    assert loss.floor(50) == 2
    z = torch.randn(4000, 4)
    assert loss(z, step=0) < 50 * loss.floor(50)
