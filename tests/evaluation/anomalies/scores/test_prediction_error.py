from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from astrojepa.checkpoints.model import Model, load_model
from astrojepa.data.crops import centre_crop
from astrojepa.data.frames import frames_for
from astrojepa.data.transforms import to_flux
from astrojepa.evaluation.anomalies.scores.prediction_error import (
    PREDICTION_METHODS,
    prediction_error_scores,
)
from astrojepa.evaluation.patches.masked_prediction import masked_errors, plan_of
from astrojepa.evaluation.patches.patch_errors import patch_errors
from astrojepa.objective.masking import (
    counter_uniforms,
    num_uniforms,
    patch_brightness,
    sample_masks,
)

Make = Callable[..., Any]


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model("random")


def pictures(count: int) -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 40, size=(count, 73, 73, 3))
    down, right = np.mgrid[:73, :73] - 36
    scale = np.linspace(3, 12, count)[:, None, None, None]
    return np.clip(
        200 * np.exp(-np.hypot(down, right)[None, ..., None] / scale) + noise, 0, 255
    ).astype(np.uint8)


def formula(mse: np.ndarray, cosine: np.ndarray) -> float:
    return float(np.nanmean(mse) + 0.5 * np.nanmax(mse) + 0.1 * (1 - np.nanmean(cosine)))


def test_tiling_scores_are_those_of_each_picture_s_patch_errors(
    model: Model, make_dataset: Make
) -> None:
    images = pictures(4)
    found = prediction_error_scores(model, make_dataset(images))
    assert tuple(found) == PREDICTION_METHODS
    for row, image in enumerate(images):
        alone = patch_errors(model, image)
        assert found["prediction"][row] == pytest.approx(alone.mse.mean(), rel=1e-4)
        assert found["normalised-prediction"][row] == pytest.approx(
            alone.mse.mean() / alone.variance, rel=1e-4
        )
        assert found["seed-formula"][row] == pytest.approx(
            formula(alone.mse, alone.cosine), rel=1e-4
        )
        assert found["prediction"].dtype == np.float64


def test_random_scores_equal_a_slow_loop_over_pictures_and_masks(
    model: Model, make_dataset: Make
) -> None:
    data = make_dataset(pictures(3))
    found = prediction_error_scores(model, data, "random", seed=5, num_masks=3, batch_size=2)
    stored, config = np.asarray(frames_for(data, model.config.image)), model.config
    for row in range(3):
        flux = to_flux(
            torch.from_numpy(centre_crop(stored[row : row + 1], config.image.image_size).copy())
        )
        brightness = patch_brightness(flux, config.image.patch_size)
        errors = []
        for number in range(3):
            uniforms = counter_uniforms(
                5, number, torch.tensor([row]), num_uniforms(model.grid, config.mask)
            )
            plan = plan_of(sample_masks(brightness, config.mask, uniforms=uniforms))
            errors.append(masked_errors(model, model.normalised(stored[row : row + 1]), plan))
        mse, cosine = (
            np.array([one.mse[0, 0] for one in errors]),
            np.array([one.cosine[0, 0] for one in errors]),
        )
        seen = ~np.isnan(mse).all(axis=0)
        mse, cosine = np.nanmean(mse[:, seen], axis=0), np.nanmean(cosine[:, seen], axis=0)
        assert found["prediction"][row] == pytest.approx(mse.mean(), rel=1e-4)
        assert found["normalised-prediction"][row] == pytest.approx(
            mse.mean() / errors[0].variance[0], rel=1e-4
        )
        assert found["seed-formula"][row] == pytest.approx(formula(mse, cosine), rel=1e-4)


def test_a_subset_gets_the_same_random_masks_and_another_seed_gets_others(
    model: Model, make_dataset: Make
) -> None:
    data = make_dataset(pictures(3))
    whole = prediction_error_scores(model, data, "random", num_masks=2)["prediction"]
    part = prediction_error_scores(model, data.subset([2, 0]), "random", num_masks=2)["prediction"]
    np.testing.assert_allclose(part, whole[[2, 0]], rtol=1e-4)
    assert (prediction_error_scores(model, data, "random", 1, 2)["prediction"] != whole).all()


def stand_in(make_stand_in: Make, **settings: Any) -> Any:
    """A model whose errors are known; frames and pictures are the same to it."""
    model = make_stand_in(**settings)
    model.id = "stand-in"
    return model


def test_known_errors_have_their_closed_form(make_stand_in: Make, make_dataset: Make) -> None:
    mse = ((np.arange(64) + 1) / 10) ** 2 / 2
    found = prediction_error_scores(stand_in(make_stand_in), make_dataset(pictures(2)))
    np.testing.assert_allclose(found["prediction"], mse.mean(), rtol=1e-5)
    assert np.isnan(found["normalised-prediction"]).all(), (
        "all target tokens agree: nothing was left to predict"
    )


@pytest.mark.parametrize("masks", ["tiling", "random"])
def test_a_perfect_prediction_scores_zero(
    make_stand_in: Make, make_dataset: Make, masks: str
) -> None:
    model = stand_in(make_stand_in)
    model.error = lambda patch: 0 * patch
    found = prediction_error_scores(model, make_dataset(pictures(2)), masks, num_masks=2)
    np.testing.assert_allclose(found["prediction"], 0, atol=1e-7)
    np.testing.assert_allclose(found["seed-formula"], 0, atol=1e-7)


@pytest.mark.parametrize("masks", ["tiling", "random"])
def test_an_encoder_only_checkpoint_is_refused(
    make_stand_in: Make, make_dataset: Make, masks: str
) -> None:
    with pytest.raises(ValueError, match="no predictor"):
        prediction_error_scores(
            make_stand_in(has_predictor=False), make_dataset(pictures(1)), masks
        )


def test_unknown_masks_and_impossible_counts_are_refused(
    make_stand_in: Make, make_dataset: Make
) -> None:
    with pytest.raises(ValueError, match='no set of masks \'blocks\'; choose "tiling" or "random"'):
        prediction_error_scores(make_stand_in(), make_dataset(pictures(1)), "blocks")
    with pytest.raises(ValueError, match="`num_masks` is 0"):
        prediction_error_scores(make_stand_in(), make_dataset(pictures(1)), "random", num_masks=0)


def test_predictions_that_are_not_finite_are_refused(
    make_stand_in: Make, make_dataset: Make
) -> None:
    model = stand_in(make_stand_in)
    model.error = lambda patch: patch * float("nan")
    with pytest.raises(ValueError, match="stand-in predicts values that are not finite"):
        prediction_error_scores(model, make_dataset(pictures(1)), "random", num_masks=1)
