"""Frames, crops, turns and normalisation."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import torch

from astrojepa.data.crops import at_most, centre_crop, resize_frame
from astrojepa.data.transforms import channel_statistics, normalise, random_frames, to_flux

STILL = (0.9, 0.9, 0.0, 0.0)


def random_pictures(n: int = 3, side: int = 20, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(
        np.random.default_rng(seed).integers(0, 256, (n, side, side, 3), dtype=np.uint8)
    )


def draws(n: int, *values: float) -> torch.Tensor:
    return torch.tensor([values or STILL] * n)


def test_a_picture_of_the_right_size_is_not_resampled() -> None:
    picture = random_pictures(1, 16)[0].numpy()
    assert np.array_equal(resize_frame(picture, 16), picture)


def test_a_wide_picture_is_cropped_to_its_centre_never_stretched() -> None:
    picture = np.zeros((10, 30, 3), np.uint8)
    picture[:, 10:20] = 200
    assert (resize_frame(picture, 5) == 200).all()


@pytest.mark.parametrize("size", [8, 40, 73])
def test_resizing_keeps_a_constant_picture_constant(size: int) -> None:
    frame = resize_frame(np.full((33, 41, 3), (10, 120, 250), np.uint8), size)
    assert frame.shape == (size, size, 3)
    assert (frame == (10, 120, 250)).all()


def test_reducing_averages_instead_of_picking_pixels() -> None:
    checks = np.zeros((64, 64, 3), np.uint8)
    checks[::2, ::2] = checks[1::2, 1::2] = 200
    assert abs(int(resize_frame(checks, 8)[4, 4, 0]) - 100) < 12


def test_a_large_picture_is_reduced_as_a_whole_and_a_small_one_stays() -> None:
    picture = np.zeros((30, 60, 3), np.uint8)
    picture[:, :30] = 200
    reduced = at_most(picture, 20)
    assert reduced.shape == (10, 20, 3)
    assert (reduced[:, :10] == 200).all()
    assert not reduced[:, 10:].any()
    assert at_most(picture, 60) is picture


@pytest.mark.parametrize("side", [8, 9])
def test_centre_crop_of_arrays_and_tensors_agree(side: int) -> None:
    frames = random_pictures(2, side)
    assert np.array_equal(centre_crop(frames.numpy(), 4), centre_crop(frames, 4).numpy())
    assert torch.equal(centre_crop(frames, 4), frames[:, 2:6, 2:6])


def test_a_crop_larger_than_the_frame_is_an_error() -> None:
    with pytest.raises(ValueError, match="A crop of 9 pixels does not fit in a frame of 8 x 8"):
        centre_crop(random_pictures(1, 8), 9)


@pytest.mark.parametrize("rotate", [True, False])
@pytest.mark.parametrize(("side", "size"), [(20, 16), (20, 13), (19, 16), (20, 20)])
def test_no_turn_and_no_mirror_is_the_centre_crop(rotate: bool, side: int, size: int) -> None:
    frames = random_pictures(3, side)
    flux = random_frames(frames, size, rotate, draws(3))
    assert flux.dtype == torch.float32
    torch.testing.assert_close(flux, to_flux(centre_crop(frames, size)), atol=1e-4, rtol=0)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize(("across", "down"), [(0.9, 0.9), (0.1, 0.9), (0.9, 0.1), (0.1, 0.1)])
def test_quarter_turns_move_pixels_exactly_and_resampling_agrees(
    turns: int, across: float, down: float
) -> None:
    frames = random_pictures(2, 21)
    uniforms = draws(2, across, down, turns / 4 + 0.01, 0.0)
    crops = centre_crop(frames, 16)
    crops = crops.flip(2) if across < 0.5 else crops
    crops = crops.flip(1) if down < 0.5 else crops
    expected = to_flux(crops.rot90(turns, (1, 2)))
    assert torch.equal(random_frames(frames, 16, False, uniforms), expected)
    torch.testing.assert_close(
        random_frames(frames, 16, True, uniforms), expected, atol=1e-4, rtol=0
    )


@pytest.mark.parametrize("angle", [0.1, 0.3, 0.5, 0.77])
def test_no_black_corner_enters_at_any_angle(angle: float) -> None:
    frames = torch.full((1, 32, 32, 3), 90, dtype=torch.uint8)
    flux = random_frames(frames, 32, True, draws(1, 0.9, 0.9, 0.0, angle))
    torch.testing.assert_close(flux, torch.full_like(flux, 90 / 255))


def test_turning_by_an_angle_turns_the_galaxy_by_that_angle() -> None:
    y, x = np.mgrid[:65, :65] - 32.0
    bar = np.exp(-((y / 3) ** 2) - (x / 16) ** 2) * 255
    frames = torch.from_numpy(np.repeat(bar[None, ..., None], 3, axis=3).astype(np.uint8))
    flux = random_frames(frames, 57, True, draws(1, 0.9, 0.9, 0.0, 30 / 90))[0, 0].double().numpy()
    v, u = np.mgrid[:57, :57] - 28.0
    position = 0.5 * np.degrees(np.arctan2(-2 * (flux * u * v).sum(), (flux * (u**2 - v**2)).sum()))
    assert position == pytest.approx(30, abs=0.2)


def test_each_image_follows_its_own_numbers() -> None:
    frames = random_pictures(1, 20).repeat(3, 1, 1, 1)
    uniforms = torch.tensor([STILL, (0.1, 0.9, 0.3, 0.4), (0.7, 0.2, 0.8, 0.1)])
    for rotate in (True, False):
        together = random_frames(frames, 16, rotate, uniforms)
        alone = torch.cat(
            [random_frames(frames[i : i + 1], 16, rotate, uniforms[i : i + 1]) for i in range(3)]
        )
        torch.testing.assert_close(together, alone)
        assert not torch.equal(together[0], together[1])


def test_flux_stays_in_the_unit_interval() -> None:
    flux = random_frames(
        random_pictures(8), 16, True, torch.rand(8, 4, generator=torch.Generator().manual_seed(0))
    )
    assert 0 <= float(flux.min()) <= float(flux.max()) <= 1


@pytest.mark.parametrize(
    ("frames", "size", "uniforms", "sentence"),
    [
        (torch.zeros(2, 8, 8, 3), 4, torch.zeros(2, 4), "must be uint8"),
        (torch.zeros(2, 8, 9, 3, dtype=torch.uint8), 4, torch.zeros(2, 4), "must be uint8"),
        (
            torch.zeros(2, 8, 8, 3, dtype=torch.uint8),
            9,
            torch.zeros(2, 4),
            "A crop of 9 pixels does not fit",
        ),
        (
            torch.zeros(2, 8, 8, 3, dtype=torch.uint8),
            4,
            torch.zeros(2, 3),
            "2 frames needs 4 uniform numbers",
        ),
    ],
)
def test_wrong_frames_are_an_error(
    frames: torch.Tensor, size: int, uniforms: torch.Tensor, sentence: str
) -> None:
    unchecked = inspect.unwrap(random_frames)  # as outside tests, where no hook checks shapes first
    with pytest.raises(ValueError, match=sentence):
        unchecked(frames, size, True, uniforms)


def test_zscore_centres_each_image_over_all_channels_and_pixels() -> None:
    made = normalise(random_pictures(4), "zscore")
    torch.testing.assert_close(made.mean(dim=(1, 2, 3)), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(made.std(dim=(1, 2, 3), correction=0), torch.ones(4))


def test_zscore_of_a_constant_image_is_zero_not_infinite() -> None:
    assert (normalise(torch.full((1, 4, 4, 3), 7, dtype=torch.uint8), "zscore") == 0).all()


def test_zscore_forgets_brightness_and_contrast() -> None:
    flux = torch.rand(2, 3, 6, 6, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(
        normalise(flux, "zscore"), normalise(flux * 0.3 + 0.2, "zscore"), atol=1e-4, rtol=1e-4
    )


def test_fixed_maps_the_unit_interval_to_minus_one_and_one() -> None:
    ends = torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 4, 4, 3)
    assert normalise(ends, "fixed").amax(dim=(1, 2, 3)).tolist() == [-1, 1]


def test_dataset_normalisation_with_its_own_statistics_is_standard() -> None:
    frames = random_pictures(6).numpy()
    made = normalise(frames, "dataset", *channel_statistics(frames))
    torch.testing.assert_close(made.mean(dim=(0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(made.std(dim=(0, 2, 3), correction=0), torch.ones(3))


def test_pictures_and_their_flux_normalise_alike() -> None:
    pictures = random_pictures(2)
    for method in ("dataset", "zscore", "fixed"):
        assert torch.equal(normalise(pictures, method), normalise(to_flux(pictures), method))


def test_normalising_leaves_its_input_alone() -> None:
    flux = to_flux(random_pictures(2))
    before = flux.clone()
    for method in ("dataset", "zscore", "fixed"):
        normalise(flux, method)
    assert torch.equal(flux, before)


@pytest.mark.parametrize(
    ("method", "mean", "std", "sentence"),
    [
        ("minmax", (0.5,) * 3, (0.5,) * 3, "no normalisation 'minmax'"),
        ("dataset", (0.5,), (0.5,) * 3, "3 means and 3 positive"),
        ("dataset", (0.5,) * 3, (0.5, 0.0, 0.5), "positive standard deviations"),
    ],
)
def test_unusable_normalisation_is_an_error(
    method: str, mean: tuple[float, ...], std: tuple[float, ...], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        normalise(random_pictures(1), method, mean, std)


def test_channel_statistics_equal_those_of_the_whole_array_at_once() -> None:
    # more than one slice
    frames = np.random.default_rng(3).integers(0, 256, (70, 200, 200, 3), dtype=np.uint8)
    mean, std = channel_statistics(frames)
    assert mean == pytest.approx((frames / 255).mean(axis=(0, 1, 2)).tolist(), abs=1e-9)
    assert std == pytest.approx((frames / 255).std(axis=(0, 1, 2)).tolist(), abs=1e-9)


def test_channel_statistics_of_nothing_are_an_error() -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        channel_statistics(np.zeros((0, 4, 4, 3), np.uint8))
