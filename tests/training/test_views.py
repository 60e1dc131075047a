"""Views: what may differ between two pictures of one galaxy, and what may not."""

from __future__ import annotations

import functools
import inspect

import numpy as np
import pytest
import torch

from astrojepa.config import ImageConfig, ViewConfig
from astrojepa.data.crops import centre_crop
from astrojepa.data.transforms import to_flux
from astrojepa.objective.masking import counter_uniforms
from astrojepa.training.views import NUM_BANKED, make_noise_bank, num_view_uniforms, random_views

IMAGE = ImageConfig(image_size=32, patch_size=8)
SIDE = IMAGE.frame_size  # 37
# columns of a view's numbers, after the four of its turn
AREA, ACROSS, DOWN, SEEING, GAIN, NOISE, PLACE = range(4, 11)
# no mirror, no turn, no shift, no blur, no gain, no noise
STILL = (0.9, 0.9, 0.0, 0.0, 0.0, 0.5, 0.5, 0.0, 0.5, 0.0, 0.0)


@functools.cache
def bank() -> torch.Tensor:
    return make_noise_bank(0, torch.device("cpu"))


def quiet(**changes: object) -> ViewConfig:
    """Two global views that show the whole central crop, with nothing done to it."""
    nothing = {
        "global_scale": (1.0, 1.0),
        "shift": 0.0,
        "seeing": 0.0,
        "noise": 0.0,
        "brightness": 0.0,
        "local_size": 16,
    }
    return ViewConfig(**{**nothing, **changes})  # type: ignore[arg-type]


def still(count: int, config: ViewConfig, **columns: float) -> torch.Tensor:
    """Numbers that change nothing, (count, views, 11), but for the columns named."""
    numbers = torch.tensor(STILL).repeat(count, config.global_views + config.local_views, 1)
    for name, value in columns.items():
        numbers[..., globals()[name]] = value
    return numbers


def drawn(count: int, config: ViewConfig, step: int = 0) -> torch.Tensor:
    return counter_uniforms(0, step, torch.arange(count), num_view_uniforms(config))


def look(
    frames: torch.Tensor, config: ViewConfig, numbers: torch.Tensor, image: ImageConfig = IMAGE
) -> tuple[torch.Tensor, ...]:
    return random_views(frames, image, config, numbers.flatten(1), bank())


def random_pictures(count: int, side: int = SIDE) -> torch.Tensor:
    return torch.from_numpy(
        np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    )


def dot(x: int, y: int, count: int = 1, width: int = 1) -> torch.Tensor:
    frame = torch.zeros(count, SIDE, SIDE, 3, dtype=torch.uint8)
    frame[:, y - width // 2 : y + width // 2 + 1, x - width // 2 : x + width // 2 + 1] = 255
    return frame


@pytest.mark.parametrize("side", [32, 36, 37])
def test_a_view_with_nothing_done_is_the_centre_crop(side: int) -> None:
    frames = random_pictures(3, side)
    (views,) = look(frames, quiet(), still(3, quiet()))
    expected = to_flux(centre_crop(frames, 32))
    torch.testing.assert_close(views, torch.stack((expected, expected)), atol=1e-4, rtol=0)


def test_a_galaxys_views_depend_on_its_own_numbers_only() -> None:
    config = ViewConfig(local_views=3, local_size=16)
    frames, numbers = random_pictures(20), drawn(20, config)
    together = look(frames, config, numbers)
    for row in (0, 7, 19):
        alone = look(frames[row : row + 1], config, numbers[row : row + 1])
        for all_views, one in zip(together, alone, strict=True):
            torch.testing.assert_close(all_views[:, row : row + 1], one, atol=1e-6, rtol=0)


def test_the_same_numbers_give_the_same_views_and_others_give_others() -> None:
    config = ViewConfig(local_views=2, local_size=16)
    frames = random_pictures(2)
    first, again, later = (look(frames, config, drawn(2, config, step)) for step in (0, 0, 1))
    for a, b, c in zip(first, again, later, strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)


def test_every_view_of_a_galaxy_differs() -> None:
    config = ViewConfig(global_views=3, local_views=4, local_size=16)
    for views in look(random_pictures(2), config, drawn(2, config)):
        for i in range(len(views)):
            for j in range(i):
                assert (views[i] - views[j]).abs().mean() > 0.02


@pytest.mark.parametrize("local_views", [0, 5])
def test_views_come_as_one_tensor_per_resolution_with_flux_in_the_unit_interval(
    local_views: int,
) -> None:
    config = ViewConfig(
        global_views=2, local_views=local_views, local_size=24, noise=0.5, brightness=0.9
    )
    views = look(random_pictures(3), config, drawn(3, config))
    assert [tuple(v.shape) for v in views] == [(2, 3, 3, 32, 32), (5, 3, 3, 24, 24)][
        : 2 if local_views else 1
    ]
    assert all(v.dtype == torch.float32 and v.min() >= 0 and v.max() <= 1 for v in views)


def test_no_black_corner_enters_at_any_angle_scale_or_place() -> None:
    config = quiet(
        global_scale=(0.2, 1.0), local_scale=(0.05, 1.0), local_views=3, shift=1.0, seeing=2.0
    )
    frames = torch.full((40, SIDE, SIDE, 3), 90, dtype=torch.uint8)
    for views in look(frames, config, drawn(40, config)):
        torch.testing.assert_close(views, torch.full_like(views, 90 / 255))


def test_without_shift_every_view_is_centred_on_the_galaxy() -> None:
    config = quiet(global_scale=(0.3, 1.0), local_scale=(0.2, 0.6), local_views=4)
    frames = torch.zeros(50, 36, 36, 3, dtype=torch.uint8)
    frames[:, 17:19, 17:19] = 255
    for views in look(frames, config, drawn(50, config)):
        grey, size = views.mean(2).flatten(0, 1), views.shape[-1]
        line = torch.arange(size) - (size - 1) / 2
        for axis in (1, 2):
            centroid = (grey.sum(3 - axis) * line).sum(1) / grey.sum((1, 2))
            assert centroid.abs().max() < 0.2


def test_a_view_is_turned_about_the_frames_middle_pixel_where_the_margin_is_odd() -> None:
    numbers = still(8, quiet())
    numbers[:, :, 3] = torch.arange(8)[:, None] / 8
    (views,) = look(dot(18, 18, 8), quiet(), numbers)
    assert (views[:, :, 0, 16, 16] == 1).all()


def test_every_global_view_contains_the_galaxys_centre() -> None:
    config = ViewConfig(seeing=0.0, noise=0.0, shift=1.0)
    (views,) = look(dot(18, 18, 200, width=3), config, drawn(200, config))
    assert views.amax((2, 3, 4)).min() > 0.5


def test_a_shifted_view_stays_inside_the_central_crop() -> None:
    config = quiet(global_scale=(0.3, 0.3), shift=1.0)
    frames = torch.full((1, SIDE, SIDE, 3), 255, dtype=torch.uint8)
    frames[:, 2:34, 2:34] = 0
    for across in (0.0, 1.0):
        for down in (0.0, 1.0):
            (views,) = look(frames, config, still(1, config, ACROSS=across, DOWN=down))
            assert views[..., 1:-1, 1:-1].max() == 0
            assert views.max() > 0  # and reaches its edge


def test_every_quarter_of_the_sky_is_seen_equally_often() -> None:
    (views,) = look(dot(27, 22, 300)[:, :36, :36], quiet(), drawn(300, quiet()))
    place = views[:, :, 0].flatten(2).argmax(2).flatten()
    x, y = place % 32 - 15.5, place // 32 - 15.5
    counts = torch.bincount((x > 0) + 2 * (y > 0), minlength=4)
    assert counts.min() > 110
    assert counts.max() < 190
    angles = torch.atan2(y, x).sort().values
    assert angles.diff().max() < 0.2  # radians, where a pixel is 0.1: no direction is left out


def test_a_turned_view_also_comes_mirrored() -> None:
    config = quiet()
    # a bent arm: no rotation maps it on its mirror image
    frames = torch.maximum(dot(27, 18), dot(18, 10))[:, :36, :36]
    (plain,) = look(frames, config, still(1, config))
    numbers = still(1, config)
    numbers[..., 0] = 0.1
    (mirrored,) = look(frames, config, numbers)
    torch.testing.assert_close(mirrored, plain.flip(-1), atol=1e-4, rtol=0)


@pytest.mark.parametrize("place", [(18, 18), (2, 2), (33, 20)])
def test_seeing_keeps_the_flux(place: tuple[int, int]) -> None:
    config = quiet(seeing=2.0)
    for frames in (dot(*place), random_pictures(1)):
        (sharp,) = look(frames, config, still(1, config))
        (blurred,) = look(frames, config, still(1, config, SEEING=0.9))
        assert (blurred - sharp).abs().max() > 0.1
        torch.testing.assert_close(blurred.sum((3, 4)), sharp.sum((3, 4)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("sigma", [0.8, 1.2, 2.0])
def test_a_point_is_blurred_to_the_width_asked_for(sigma: float) -> None:
    config = quiet(seeing=2.0)
    (views,) = look(dot(18, 18), config, still(1, config, SEEING=sigma / 2))
    profile = views[0, 0, 0].sum(0).double()
    line = torch.arange(32, dtype=torch.float64)
    mean = (profile * line).sum() / profile.sum()
    variance = (profile * (line - mean) ** 2).sum() / profile.sum()
    assert float(variance) == pytest.approx(sigma**2, rel=0.05)


def test_brightness_changes_all_channels_alike() -> None:
    config = quiet(brightness=0.3)
    frames = torch.tensor([40, 120, 20], dtype=torch.uint8).expand(1, SIDE, SIDE, 3)
    numbers = still(1, config)
    numbers[:, 0, GAIN], numbers[:, 1, GAIN] = 0.0, 1.0
    (views,) = look(frames, config, numbers)
    truth = torch.tensor([40, 120, 20]).view(3, 1, 1) / 255
    torch.testing.assert_close(views[0, 0], (truth * 0.7).expand(3, 32, 32))
    torch.testing.assert_close(views[1, 0], (truth * 1.3).expand(3, 32, 32))


def test_noise_has_the_strength_asked_for_and_no_memory() -> None:
    config = quiet(noise=0.1, global_views=3)
    numbers = still(4, config, NOISE=0.5)
    numbers[..., PLACE] = drawn(4, config).view(4, 3, 11)[..., PLACE]
    (views,) = look(torch.full((4, SIDE, SIDE, 3), 128, dtype=torch.uint8), config, numbers)
    noise = (views - 128 / 255).flatten(0, 1).flatten(1)
    assert noise.std(1).numpy() == pytest.approx(np.full(12, 0.05), rel=0.06)
    assert noise.mean(1).numpy() == pytest.approx(np.zeros(12), abs=0.004)
    correlation = torch.corrcoef(noise)
    assert (correlation - torch.eye(12)).abs().max() < 0.08  # 4 / sqrt(3072)


def test_the_noise_bank_is_standard_normal_and_made_from_its_seed() -> None:
    assert len(bank()) == NUM_BANKED
    assert float(bank().mean()) == pytest.approx(0, abs=0.003)
    assert float(bank().std()) == pytest.approx(1, abs=0.003)
    assert not torch.equal(bank()[:100], make_noise_bank(1, torch.device("cpu"))[:100])


def test_a_pattern_finer_than_a_local_views_pixels_leaves_no_moire() -> None:
    image = ImageConfig(image_size=64, patch_size=8)
    config = quiet(local_views=6, local_size=16, local_scale=(0.8, 1.0))
    frames = torch.zeros(8, 73, 73, 3, dtype=torch.uint8)
    frames[:, ::2, ::2] = frames[:, 1::2, 1::2] = 255
    local = look(frames, config, drawn(8, config), image)[1]
    assert float(local.std((2, 3, 4)).max()) < 0.05  # one sample to a pixel gives 0.19
    assert float(local.mean()) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("frames", "numbers", "bank_size", "sentence"),
    [
        (torch.zeros(2, 37, 37, 3), 22, 10_000, "must be uint8"),
        (torch.zeros(2, 37, 36, 3, dtype=torch.uint8), 22, 10_000, "must be uint8"),
        (
            torch.zeros(2, 30, 30, 3, dtype=torch.uint8),
            22,
            10_000,
            "A crop of 32 pixels does not fit in a frame of 30",
        ),
        (
            torch.zeros(2, 37, 37, 3, dtype=torch.uint8),
            21,
            10_000,
            r"needs 22 uniform numbers, found \(2, 21\)",
        ),
        (
            torch.zeros(2, 37, 37, 3, dtype=torch.uint8),
            22,
            3071,
            r"needs 3072 numbers of noise, found a bank of \(3071,\)",
        ),
    ],
)
def test_wrong_shapes_are_an_error(
    frames: torch.Tensor, numbers: int, bank_size: int, sentence: str
) -> None:
    unchecked = inspect.unwrap(random_views)  # as outside tests, where no hook checks shapes first
    with pytest.raises(ValueError, match=sentence):
        unchecked(frames, IMAGE, quiet(), torch.zeros(2, numbers), torch.zeros(bank_size))
