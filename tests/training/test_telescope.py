"""Views of another telescope: what changes, what does not, and that old recipes see what they
saw.
"""

from __future__ import annotations

import math

import pytest
import torch

from astrojepa.config import ImageConfig, TrainConfig, ViewConfig, replace
from astrojepa.objective.masking import counter_uniforms
from astrojepa.presets import PRESETS, preset
from astrojepa.training.telescope import (
    GREY_SHARE,
    _asinh,
    another_telescope,
    num_telescope_draws,
    pixel_scale,
)
from astrojepa.training.views import make_noise_bank, num_view_uniforms, random_views

IMAGE = ImageConfig(image_size=32, patch_size=8, crop_fraction=0.5)
SCALE, SKY, GAMMA, SOFTENING, GREY = 0, 4, 5, 6, 7


def pictures(count: int = 64) -> torch.Tensor:
    return torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 0.6 + 0.2


def neutral(count: int, **columns: float) -> torch.Tensor:
    """Numbers that leave the light nearly alone, but for the columns named."""
    draws = torch.full((count, num_telescope_draws(3)), 0.5)
    draws[:, SOFTENING], draws[:, GREY] = 0.0, 0.99
    for name, value in columns.items():
        draws[:, globals()[name]] = value
    return draws


def test_draws_in_the_middle_change_nothing() -> None:
    views = pictures()
    torch.testing.assert_close(
        another_telescope(views, neutral(len(views)), 1.0), views, atol=1e-5, rtol=0
    )
    torch.testing.assert_close(pixel_scale(neutral(3), 1.0), torch.ones(3))


def test_strength_0_changes_nothing_whatever_is_drawn() -> None:
    views, draws = (
        pictures(),
        torch.rand(64, num_telescope_draws(3), generator=torch.Generator().manual_seed(1)),
    )
    torch.testing.assert_close(another_telescope(views, draws, 0.0), views, atol=1e-5, rtol=0)
    assert (pixel_scale(draws, 0.0) == 1).all()


def test_light_stays_between_black_and_white_and_keeps_its_order() -> None:
    ramp = torch.linspace(0, 1, 64).view(1, 1, 8, 8).expand(500, 3, 8, 8).contiguous()
    draws = torch.rand(500, num_telescope_draws(3), generator=torch.Generator().manual_seed(2))
    seen = another_telescope(ramp, draws, 1.0)
    assert seen.min() >= 0
    assert seen.max() <= 1
    assert (seen.flatten(2).diff(dim=2) >= -1e-6).all(), (
        "a brighter pixel never becomes the fainter one"
    )


def test_the_pixel_scale_reaches_from_0_6_to_1_65() -> None:
    ends = pixel_scale(torch.tensor([[0.0] * 8, [1.0] * 8]), 1.0)
    torch.testing.assert_close(ends, torch.tensor([math.exp(-0.5), math.exp(0.5)]))


def test_gains_are_each_channels_own_and_log_normal_with_sigma_0_3() -> None:
    draws = neutral(20_000)
    draws[:, 1:4] = torch.rand(20_000, 3, generator=torch.Generator().manual_seed(3))
    flat = torch.full((20_000, 3, 1, 1), 0.2)
    gains = (another_telescope(flat, draws, 1.0) / 0.2).log().flatten(1)
    torch.testing.assert_close(gains.mean(0), torch.zeros(3), atol=0.01, rtol=0)
    torch.testing.assert_close(gains.std(0), torch.full((3,), 0.3), atol=0.01, rtol=0)
    assert torch.corrcoef(gains.T).triu(1).abs().max() < 0.03


def test_one_view_in_ten_is_grey() -> None:
    draws = neutral(1000)
    draws[:, GREY] = torch.linspace(0, 0.999, 1000)
    seen = another_telescope(pictures(1000), draws, 1.0)
    grey = (seen == seen[:, :1]).flatten(1).all(1)
    assert abs(grey.float().mean() - GREY_SHARE) < 0.002


def test_a_larger_pixel_scale_shows_more_of_the_frame() -> None:
    frames = torch.zeros(1, 64, 64, 3, dtype=torch.uint8)
    frames[:, 28:36, 28:36] = 255
    config = ViewConfig(
        global_scale=(1.0, 1.0),
        shift=0.0,
        seeing=0.0,
        noise=0.0,
        brightness=0.0,
        local_size=16,
        telescope=1.0,
    )
    bank = make_noise_bank(0, torch.device("cpu"))
    lights = []
    for place in (0.0, 0.5, 1.0):
        still = torch.cat(
            (torch.tensor([0.9, 0.9, 0, 0, 0, 0.5, 0.5, 0, 0.5, 0, 0]), neutral(1, SCALE=place)[0])
        )
        (views,) = random_views(frames, IMAGE, config, still.repeat(1, 2), bank)
        lights.append(float(views.mean()))
    assert lights[0] / lights[1] == pytest.approx(math.e, rel=0.15), (
        "the area of the galaxy in the view goes as 1 / scale²"
    )
    assert lights[1] / lights[2] == pytest.approx(math.e, rel=0.15)


@pytest.mark.parametrize("name", [name for name in PRESETS if not PRESETS[name].views.telescope])
def test_without_the_setting_a_recipe_is_written_and_draws_as_before(name: str) -> None:
    config = PRESETS[name]
    assert "telescope" not in config.to_dict()["views"]
    assert num_view_uniforms(config.views) == 11 * (
        config.views.global_views + config.views.local_views
    )


def test_with_the_setting_it_is_written_and_read_back() -> None:
    config = replace(preset("small.lejepa"), telescope=0.7)
    assert config.to_dict()["views"]["telescope"] == 0.7
    assert TrainConfig.from_dict(config.to_dict()) == config


def test_a_galaxys_views_depend_on_its_own_numbers_only() -> None:
    config = ViewConfig(local_views=1, local_size=16, telescope=1.0)
    frames = torch.randint(
        0, 256, (20, 64, 64, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    numbers, bank = (
        counter_uniforms(0, 0, torch.arange(20), num_view_uniforms(config)),
        make_noise_bank(0, torch.device("cpu")),
    )
    together = random_views(frames, IMAGE, config, numbers, bank)
    alone = random_views(frames[7:8], IMAGE, config, numbers[7:8], bank)
    for all_views, one in zip(together, alone, strict=True):
        torch.testing.assert_close(all_views[:, 7:8], one, atol=1e-5, rtol=0)


def test_the_quick_asinh_is_that_of_torch_to_a_few_parts_in_ten_million() -> None:
    numbers = torch.logspace(-7, 1, 1000)
    torch.testing.assert_close(_asinh(numbers), torch.asinh(numbers), rtol=5e-7, atol=0)
