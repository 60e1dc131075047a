from __future__ import annotations

import numpy as np
import pytest

from astrojepa.evaluation.pictures.trails import NUM_SEGMENTS, line_segments, trail_strength

SIDE = 64


def sky(seed: int = 0) -> np.ndarray:
    return (0.1 + 0.02 * np.random.default_rng(seed).normal(size=(SIDE, SIDE, 3))).astype(
        np.float32
    )


def line(angle: float, offset: float, part: float = 1.0) -> np.ndarray:
    """A line one pixel wide across the frame, or across a part of it from the left: (S, S)."""
    down, right = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    away = down * np.cos(angle) - right * np.sin(angle) - offset
    return np.exp(-(away**2) / 2) * (right < (part - 0.5) * SIDE)


@pytest.mark.parametrize("angle", [0.0, 0.4, 1.1, 1.57, 2.5])
@pytest.mark.parametrize("channel", [0, 2])
def test_a_line_in_one_channel_is_a_trail(angle: float, channel: int) -> None:
    flux = sky()
    flux[..., channel] += 0.4 * line(angle, 5)
    assert trail_strength(flux[None])[0] > 0.5


def test_noise_a_white_line_and_half_a_line_are_no_trails() -> None:
    white, half, galaxy = sky(1), sky(2), sky(3)
    white += (0.4 * line(0.4, 5))[..., None].astype(np.float32)
    half[..., 0] += 0.4 * line(0.1, 5, part=0.5)
    down, right = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    galaxy += (0.7 * np.exp(-np.hypot(down, right) / 6))[..., None].astype(np.float32)
    assert (trail_strength(np.stack([sky(), white, half, galaxy])) < 0.2).all()


def test_each_picture_is_judged_alone() -> None:
    flux = np.stack([sky(seed) for seed in range(3)])
    flux[1, ..., 1] += 0.4 * line(0.9, -3)
    together = trail_strength(flux)
    np.testing.assert_allclose(together, [trail_strength(one[None])[0] for one in flux], rtol=1e-5)
    assert together.argmax() == 1


@pytest.mark.parametrize("side", [32, 33])
@pytest.mark.parametrize("upright", [False, True])
def test_the_segments_of_a_line_are_averages_over_its_pixels(side: int, upright: bool) -> None:
    """Some line is row 10 (or column 10): its segments hold the means of six stretches of its
    pixels.
    """
    segments = line_segments(side)
    assert segments.shape[1] == side * side
    np.testing.assert_allclose(segments.sum(axis=1), 1, rtol=1e-5)
    picture = np.zeros((side, side), np.float32)
    picture[10] = np.arange(side)
    sums = (segments @ (picture.T if upright else picture).ravel()).reshape(-1, NUM_SEGMENTS)
    expected = [
        np.mean(np.flatnonzero(np.arange(side) * NUM_SEGMENTS // side == part))
        for part in range(NUM_SEGMENTS)
    ]
    assert np.abs(sums - expected).max(axis=1).min() < 1e-4
