"""The galaxy that is shown first has no fault and is large in its frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from astrojepa.evaluation.pictures.worth import ENOUGH, first_galaxy, share_filled

SIDE = 64


def galaxy(scale: float = 10.0, sky: tuple[float, float, float] = (12, 12, 12)) -> np.ndarray:
    """A round galaxy in the middle over a noisy sky, uint8 (S, S, 3)."""
    down, right = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    light = 180 * np.exp(-((np.hypot(down, right) / scale) ** 2))[..., None]
    noise = 2 * np.random.default_rng(0).normal(size=(SIDE, SIDE, 3))
    return np.clip(light + np.array(sky) + noise, 0, 255).astype(np.uint8)


def bad_column(image: np.ndarray) -> np.ndarray:
    image[:, 34:36] = 0
    return image


def bright_column(image: np.ndarray) -> np.ndarray:
    image[:, 12] = 220
    return image


def bad_row(image: np.ndarray) -> np.ndarray:
    return bad_column(image.transpose(1, 0, 2)).transpose(1, 0, 2)


def flooded_star(image: np.ndarray) -> np.ndarray:
    down, right = np.mgrid[:SIDE, :SIDE]
    image[np.hypot(down - 10, right - 10) < 8] = 255
    return image


def red_glare(image: np.ndarray) -> np.ndarray:
    """A star's halo that is nowhere clipped and far brighter than the galaxy."""
    down, right = np.mgrid[:SIDE, :SIDE]
    halo = 900 * np.exp(-np.hypot(down - 30, right) / 6)[..., None] * np.array([0.26, 0.1, 0.05])
    return np.clip(image + np.minimum(halo, 235), 0, 235).astype(np.uint8)


def tinted(image: np.ndarray) -> np.ndarray:
    return np.clip(image + np.array([0, 40, 0]), 0, 255).astype(np.uint8)


def missing_band(image: np.ndarray) -> np.ndarray:
    image[..., 0] = 20
    return image


def brighter_star(image: np.ndarray) -> np.ndarray:
    image[20:23, 40:43] = 235
    return image


def flat(image: np.ndarray) -> np.ndarray:
    return np.full_like(image, 128)


FAULTS = [
    bad_column,
    bad_row,
    bright_column,
    flooded_star,
    red_glare,
    brighter_star,
    tinted,
    missing_band,
    flat,
]


@dataclass(frozen=True)
class _Galaxy:
    image: np.ndarray


class _Data(list[_Galaxy]):
    """Images by row, of which the first is damaged."""

    def __getitem__(self, row: int) -> _Galaxy:  # type: ignore[override]
        if row == 0:
            raise ValueError("The image of this galaxy is damaged.")
        return super().__getitem__(row)


@pytest.mark.parametrize("fault", FAULTS)
def test_an_image_with_a_fault_is_not_worth_showing(
    fault: Callable[[np.ndarray], np.ndarray],
) -> None:
    assert share_filled(galaxy(16.0)[None])[0] > ENOUGH
    spoilt = galaxy(3.0) if fault is red_glare else galaxy(16.0)
    assert share_filled(fault(spoilt)[None])[0] == 0


def test_a_galaxy_that_is_twice_as_wide_fills_four_times_as_much() -> None:
    small, large = share_filled(np.stack([galaxy(6.0), galaxy(12.0)]))
    assert large / small == pytest.approx(4, rel=0.15)


def test_the_first_galaxy_is_the_most_anomalous_one_that_is_sound_and_large() -> None:
    images = [galaxy(), flat(galaxy()), galaxy(3.0), galaxy(14.0), galaxy(16.0)]
    data = _Data(map(_Galaxy, images))
    assert first_galaxy(data, np.array([1, 2, 3, 4, 5])) == 3  # type: ignore[arg-type]
    assert first_galaxy(data, np.array([1, 2, 3, 5, 4])) == 4  # type: ignore[arg-type]
    small = _Data(map(_Galaxy, images[:3]))
    assert first_galaxy(small, np.array([1, 2, 3])) == 2, "none is large: the largest"  # type: ignore[arg-type]
