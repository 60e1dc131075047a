from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from astrojepa.checkpoints.model import load_model
from astrojepa.data.crops import turned
from astrojepa.data.dataset import Dataset
from astrojepa.evaluation.vectors.symmetry import SYMMETRIES, drift_of, symmetry_drift

MakeData = Callable[..., Dataset]


class PixelModel:
    """Embeds a picture by the brightness of its four quadrants."""

    hash = "pixels"
    width = 4
    mean = std = (0.5, 0.5, 0.5)

    def __init__(self, stand_in: Any) -> None:
        self.config = stand_in.config

    def encode(self, frames: np.ndarray) -> np.ndarray:
        size = self.config.image.image_size
        edge = (frames.shape[1] - size) // 2
        seen = (
            frames[:, edge : edge + size, edge : edge + size].astype(np.float32).mean(axis=3) / 255
        )
        half = size // 2
        return np.stack(
            [
                seen[:, y : y + half, x : x + half].mean(axis=(1, 2))
                for y in (0, half)
                for x in (0, half)
            ],
            axis=1,
        )


@pytest.fixture
def model(make_stand_in: Callable[..., Any]) -> PixelModel:
    return PixelModel(make_stand_in())


def pictures(count: int = 12) -> np.ndarray:
    frame = np.random.default_rng(0).integers(0, 256, size=(count, 4, 4, 3))
    return frame.repeat(10, axis=1).repeat(10, axis=2).astype(np.uint8)


def test_the_seven_symmetries_and_none_are_the_eight_of_the_square() -> None:
    image = np.arange(27).reshape(1, 3, 3, 3)
    versions = [turned(image, number).tobytes() for number in range(8)]
    assert len(set(versions)) == 8
    assert len(SYMMETRIES) == 7
    for number in range(8):
        both = {turned(turned(image, number), other).tobytes() for other in range(8)}
        assert both == set(versions)


def test_every_name_says_what_is_done() -> None:
    image = np.array([[1, 2], [3, 4]])[None, :, :, None].repeat(3, axis=3)
    seen = {
        name: turned(image, number + 1)[0, :, :, 0].tolist()
        for number, name in enumerate(SYMMETRIES)
    }
    assert seen["turned by 180°"] == [[4, 3], [2, 1]]
    assert seen["mirrored"] == [[2, 1], [4, 3]]
    assert seen["turned by 90°"] == [[2, 4], [1, 3]]


def test_pictures_that_look_the_same_turned_do_not_drift(
    model: PixelModel, make_dataset: MakeData
) -> None:
    y, x = np.mgrid[:40, :40] - 19.5
    rounds = [
        np.exp(-np.hypot(x, y) / scale)[..., None].repeat(3, axis=2) * 255 for scale in (4, 6, 9)
    ]
    drift = symmetry_drift(model, make_dataset(np.array(rounds).astype(np.uint8)))
    np.testing.assert_allclose(drift.cosine, 0, atol=1e-6)
    assert (drift.relative < 1e-3).all()
    assert drift.beyond_nearest == 0


def test_drift_equals_a_slow_computation(model: PixelModel, make_dataset: MakeData) -> None:
    images = pictures()
    drift = symmetry_drift(model, make_dataset(images), rows=np.array([2, 7]))
    assert drift.cosine.shape == drift.relative.shape == (2, 7)
    assert set(drift.medians) == set(SYMMETRIES)
    plain = model.encode(_framed(images))
    mean, deviation = plain.mean(axis=0), plain.std(axis=0)
    for line, row in enumerate((2, 7)):
        for number in range(7):
            version = model.encode(turned(_framed(images)[row : row + 1], number + 1))[0]
            cosine = version @ plain[row] / np.linalg.norm(version) / np.linalg.norm(plain[row])
            assert drift.cosine[line, number] == pytest.approx(1 - cosine, abs=1e-5)
            others = np.delete((plain - mean) / deviation, row, axis=0)
            nearest = np.linalg.norm(others - (plain[row] - mean) / deviation, axis=1).min()
            gap = np.linalg.norm((version - plain[row]) / deviation)
            assert drift.relative[line, number] == pytest.approx(gap / nearest, rel=1e-3)


def test_frames_and_a_data_set_of_them_agree(model: PixelModel, make_dataset: MakeData) -> None:
    images = _framed(pictures())
    one, other = (
        symmetry_drift(model, images, batch_size=5),
        symmetry_drift(model, make_dataset(images)),
    )
    np.testing.assert_allclose(one.relative, other.relative, rtol=1e-4)
    assert 0 < one.beyond_nearest <= 1


def test_one_galaxy_has_a_cosine_but_no_nearest_other(
    model: PixelModel, make_dataset: MakeData
) -> None:
    drift = symmetry_drift(model, make_dataset(pictures(1)))
    assert np.isfinite(drift.cosine).all()
    assert np.isnan(drift.relative).all()
    assert np.isnan(drift.beyond_nearest)


def test_beside_an_exact_duplicate_any_drift_is_infinite(
    model: PixelModel, make_dataset: MakeData
) -> None:
    images = pictures(4)
    images[1] = images[0]
    drift = symmetry_drift(model, make_dataset(images))
    assert np.isinf(drift.relative[:2]).all()
    assert np.isfinite(drift.relative[2:]).all()
    flat = drift_of(np.ones((3, 4), np.float32), np.arange(3), np.ones((7, 3, 4), np.float32))
    assert not flat.relative.any()
    assert not flat.cosine.round(6).any()


def test_a_trained_network_takes_part(make_dataset: MakeData) -> None:
    drift = symmetry_drift(
        load_model("random"), make_dataset(pictures(3).repeat(2, axis=1).repeat(2, axis=2))
    )
    assert np.isfinite(drift.relative).all()


def test_bad_requests_are_refused(model: PixelModel, make_dataset: MakeData) -> None:
    data = make_dataset(pictures(3))
    with pytest.raises(ValueError, match="rows from 0 to 2"):
        symmetry_drift(model, data, rows=np.array([3]))
    with pytest.raises(ValueError, match="`batch_size` is 0"):
        symmetry_drift(model, data, batch_size=0)
    with pytest.raises(ValueError, match="no galaxies to turn"):
        symmetry_drift(model, pictures(0))
    model.encode = lambda frames: np.full((len(frames), 4), np.nan, np.float32)
    with pytest.raises(ValueError, match="is not finite"):
        symmetry_drift(model, _framed(pictures(3)))


def _framed(images: np.ndarray) -> np.ndarray:
    """As `frames` makes them: 37 pixels for a network of 32."""
    from astrojepa.data.crops import resize_frame

    return np.stack([resize_frame(image, 37) for image in images])
