from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from astrojepa.checkpoints.model import Model, load_model
from astrojepa.data.frames import frames_for
from astrojepa.evaluation.anomalies.scores.jepa_score import SMALLEST, jepa_scores

Make = Callable[..., Any]
IMAGES = np.random.default_rng(0).integers(0, 255, size=(3, 73, 73, 3), dtype=np.uint8)


class Linear:
    """An encoder whose embedding is brightness-dependent times a matrix: its Jacobian is known
    at every picture.
    """

    id, hash, width, mean, std = "linear", "0", 4, (0.5,) * 3, (0.5,) * 3
    device = torch.device("cpu")

    def __init__(self, matrix: np.ndarray, config: Any) -> None:
        self.matrix, self.config = torch.from_numpy(matrix.astype(np.float32)), config

    def normalised(self, frames: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(
            frames[:, :2, :2, :1].astype(np.float32).reshape(len(frames), 4) / 255
        )

    @property
    def network(self) -> Linear:
        return self

    def embed(self, pixels: torch.Tensor) -> torch.Tensor:
        return (pixels**2) @ self.matrix.T


def linear(make_stand_in: Make, seed: int = 0) -> Linear:
    return Linear(np.random.default_rng(seed).normal(size=(4, 4)), make_stand_in().config)


def test_the_exact_score_is_minus_the_log_determinant_of_the_jacobian(
    make_stand_in: Make, make_dataset: Make
) -> None:
    model, data = linear(make_stand_in), make_dataset(IMAGES)
    pixels = model.normalised(np.asarray(frames_for(data, model.config.image))).numpy()
    expected = [
        -np.log(abs(np.linalg.det(model.matrix.numpy() @ np.diag(2 * row)))) for row in pixels
    ]
    np.testing.assert_allclose(jepa_scores(model, data, None), expected, rtol=1e-4)


def test_as_many_directions_as_features_give_the_exact_score(
    make_stand_in: Make, make_dataset: Make
) -> None:
    model, data = linear(make_stand_in), make_dataset(IMAGES)
    np.testing.assert_allclose(
        jepa_scores(model, data, 4), jepa_scores(model, data, None), rtol=1e-4
    )


def test_a_direction_that_the_encoder_ignores_counts_as_the_floor(
    make_stand_in: Make, make_dataset: Make
) -> None:
    model = Linear(np.diag([1.0, 0, 0, 0]), make_stand_in().config)
    data = make_dataset(np.full((1, 40, 40, 3), 255, np.uint8))
    assert jepa_scores(model, data, None)[0] == pytest.approx(
        -np.log(2) - 3 * np.log(SMALLEST), rel=1e-6
    )


def test_fewer_directions_are_the_volume_of_the_projection_and_drawn_with_the_seed(
    make_stand_in: Make, make_dataset: Make
) -> None:
    model, data = linear(make_stand_in), make_dataset(IMAGES)
    found = jepa_scores(model, data, 2, seed=3)
    basis = np.linalg.qr(np.random.default_rng(3).normal(size=(4, 2)))[0]
    pixels = model.normalised(np.asarray(frames_for(data, model.config.image))).numpy()
    for score, row in zip(found, pixels, strict=True):
        jacobian = basis.T @ model.matrix.numpy() @ np.diag(2 * row)
        assert score == pytest.approx(-np.log(np.linalg.svd(jacobian)[1]).sum(), rel=1e-4)
    assert (jepa_scores(model, data, 2, seed=4) != found).any()


def test_a_real_encoder_gives_the_score_of_its_own_jacobian(make_dataset: Make) -> None:
    model: Model = load_model("random")
    data = make_dataset(IMAGES[:2])
    found = jepa_scores(model, data, 3, batch_size=2)
    pixels = model.normalised(np.asarray(frames_for(data, model.config.image)))
    basis = torch.from_numpy(
        np.linalg.qr(np.random.default_rng(0).normal(size=(model.width, 3)))[0].astype(np.float32)
    )
    for score, picture in zip(found, pixels, strict=True):
        jacobian = torch.autograd.functional.jacobian(
            lambda one: (model.network.embed(one[None]) @ basis)[0], picture
        )
        sizes = torch.linalg.svdvals(jacobian.flatten(1).double())
        assert score == pytest.approx(-float(sizes.log().sum()), rel=1e-4)


@pytest.mark.parametrize("directions", [0, 5])
def test_impossible_directions_are_refused(
    make_stand_in: Make, make_dataset: Make, directions: int
) -> None:
    with pytest.raises(ValueError, match=f"directions is {directions}; it must lie in 1 to 4"):
        jepa_scores(linear(make_stand_in), make_dataset(IMAGES), directions)


def test_a_jacobian_that_is_not_finite_is_refused(make_stand_in: Make, make_dataset: Make) -> None:
    model = Linear(np.full((4, 4), np.nan), make_stand_in().config)
    with pytest.raises(ValueError, match="Jacobian of linear is not finite"):
        jepa_scores(model, make_dataset(IMAGES), None)
