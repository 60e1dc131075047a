from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from astrojepa.checkpoints.model import Model, load_model
from astrojepa.evaluation.patches.masked_prediction import (
    mask_plan,
    masked_errors,
    plan_of,
    tiling_plan,
)
from astrojepa.evaluation.patches.patch_errors import patch_errors
from astrojepa.objective.masking import sample_masks
from astrojepa.types import PatchMasks

StandIn = Callable[..., Any]


@pytest.fixture
def image() -> np.ndarray:
    y, x = np.mgrid[:50, :50] - 24.5
    light = 220 * np.exp(-np.hypot(x, y) / 6)
    return np.repeat(light[..., None], 3, axis=2).astype(np.uint8)


def expected_mse(model: Any) -> np.ndarray:
    return (model.error(np.arange(model.grid**2)) ** 2 / 2).reshape(model.grid, model.grid)


def expected_cosine(model: Any) -> np.ndarray:
    error = model.error(np.arange(model.grid**2))
    return ((2 * (1 + error) + 2) / (2 * np.sqrt(2 * (1 + error) ** 2 + 2))).reshape(
        model.grid, model.grid
    )


def targets_of(masks: PatchMasks) -> list[tuple[set[int], set[int]]]:
    """List (context, target) as sets, one pair per mask and block."""
    return [
        (set(context.tolist()), set(block.tolist()))
        for context, blocks in zip(masks.context, masks.targets, strict=True)
        for block in blocks
    ]


@pytest.mark.parametrize(
    "settings", [{}, {"image_size": 56}, {"image_size": 36}, {"target_scale": (0.04, 0.09)}]
)
def test_tiling_gives_every_patch_its_own_error(
    make_stand_in: StandIn, image: np.ndarray, settings: dict[str, Any]
) -> None:
    model = make_stand_in(**settings)
    errors = patch_errors(model, image)
    np.testing.assert_allclose(errors.mse, expected_mse(model), rtol=1e-5)
    np.testing.assert_allclose(errors.cosine, expected_cosine(model), rtol=1e-5)
    assert (errors.times == 1).all()
    assert np.isnan(errors.spread).all()
    assert errors.hidden.dtype == bool
    assert (errors.hidden.sum(axis=0) == 1).all()


def test_nothing_that_is_predicted_is_in_the_context(
    make_stand_in: StandIn, image: np.ndarray
) -> None:
    model = make_stand_in()
    for masks in ("tiling", "random", np.eye(8, dtype=bool)):
        patch_errors(model, image, masks)
    pairs = [pair for call in model.calls for pair in targets_of(call)]
    assert len(pairs) > 20
    assert not any(context & targets for context, targets in pairs)


def test_a_tiled_patch_is_predicted_from_everything_that_its_mask_leaves(
    make_stand_in: StandIn, image: np.ndarray
) -> None:
    model = make_stand_in()
    errors = patch_errors(model, image)
    visible = [set(np.flatnonzero(~hidden)) for hidden in errors.hidden]
    for call in model.calls:
        for context, _ in targets_of(call):
            assert context in visible


def test_a_network_cannot_see_what_it_predicts(image: np.ndarray) -> None:
    model = load_model("random")
    hidden = np.zeros((model.grid, model.grid), dtype=bool)
    hidden[2:4, 3:6] = True
    frame = model.prepare(image)
    plan = mask_plan([hidden[None]])
    index = torch.from_numpy(plan[0].context)
    painted = frame.clone()
    side = model.config.image.patch_size
    painted[:, :, 2 * side : 4 * side, 3 * side : 6 * side] = 9
    with torch.inference_mode():
        torch.testing.assert_close(
            model.network.encoder(frame, index),
            model.network.encoder(painted, index),
            rtol=0,
            atol=0,
        )


def test_a_picture_is_encoded_whole_once_and_each_context_once(
    make_stand_in: StandIn, image: np.ndarray
) -> None:
    model = make_stand_in()
    errors = patch_errors(model, image)
    assert (model.whole, model.contexts) == (1, len(errors.hidden))


def test_masks_of_equal_counts_run_as_one_batch(make_stand_in: StandIn, image: np.ndarray) -> None:
    model = make_stand_in(image_size=48, target_scale=(0.1, 0.12))
    patch_errors(model, image)
    assert [tuple(call.targets.shape) for call in model.calls] == [(3, 3, 16)]


@pytest.mark.parametrize("settings", [{}, {"image_size": 56}, {"image_size": 36}])
def test_planned_patches_are_sorted_and_hide_nothing_twice(
    make_stand_in: StandIn, settings: dict[str, Any]
) -> None:
    model = make_stand_in(**settings)
    plan = tiling_plan(model.grid, model.config.mask)
    assert sorted(number for group in plan for number in group.numbers) == list(
        range(len(np.concatenate([g.numbers for g in plan])))
    )
    for group in plan:
        assert (np.diff(group.context, axis=1) > 0).all()
        for rows, targets in group.blocks:
            assert len(rows) == len(targets)
            assert (np.diff(targets, axis=2) > 0).all()


def test_the_normalised_error_of_predicting_the_mean_token_is_1(
    make_stand_in: StandIn, image: np.ndarray
) -> None:
    model = make_stand_in()
    tokens = torch.from_numpy(
        np.random.default_rng(0).normal(2, 3, size=(model.grid**2, 4))
    ).float()
    model.target = lambda patch: tokens[patch]
    model.predict = lambda context, masks: tokens.mean(dim=0).expand(*masks.targets.shape, 4)
    errors = patch_errors(model, image)
    assert errors.variance == pytest.approx(float(tokens.numpy().var(axis=0).mean()), rel=1e-5)
    assert errors.normalised.mean() == pytest.approx(1, rel=1e-5)
    np.testing.assert_allclose(errors.normalised, errors.mse / errors.variance, rtol=1e-5)


def test_where_all_target_tokens_agree_the_normalised_error_is_not_defined(
    make_stand_in: StandIn, image: np.ndarray
) -> None:
    errors = patch_errors(make_stand_in(), image)
    assert errors.variance == 0
    assert np.isnan(errors.normalised).all()


def test_random_masks_give_mean_and_spread_over_draws(
    make_stand_in: StandIn, image: np.ndarray
) -> None:
    model = make_stand_in()
    errors = patch_errors(model, image, "random", num_masks=40)
    seen = errors.times > 0
    assert seen.mean() > 0.9
    np.testing.assert_allclose(errors.mse[seen], expected_mse(model)[seen], rtol=1e-5)
    np.testing.assert_allclose(errors.spread[errors.times > 1], 0, atol=1e-5)
    assert np.isnan(errors.mse[~seen]).all()
    assert np.isnan(errors.cosine[~seen]).all()
    assert np.isnan(errors.spread[errors.times < 2]).all()
    assert errors.hidden.shape == (40, 8, 8)
    assert (errors.hidden.sum(axis=0) >= errors.times).all()


def test_spread_is_the_sample_deviation_over_masks(
    make_stand_in: StandIn, image: np.ndarray
) -> None:
    model = make_stand_in()
    noise = np.random.default_rng(0)
    found: dict[int, list[float]] = {}

    def noisy(context: torch.Tensor, masks: PatchMasks) -> torch.Tensor:
        shift = torch.from_numpy(noise.random(len(context))).float()[:, None, None, None]
        for row, blocks in enumerate(masks.targets):
            for patch in set(blocks.flatten().tolist()):
                found.setdefault(patch, []).append(float(shift[row, 0, 0, 0]) ** 2)
        return model.target(masks.targets) + shift

    model.predict = noisy
    errors = patch_errors(model, image, "random", num_masks=6)
    for patch, values in found.items():
        assert errors.times.flat[patch] == len(values)
        assert errors.mse.flat[patch] == pytest.approx(np.mean(values), rel=1e-4)
        if len(values) > 1:
            assert errors.spread.flat[patch] == pytest.approx(
                np.std(values, ddof=1), rel=1e-3, abs=1e-6
            )


def test_random_masks_repeat_with_their_seed_and_change_with_it(
    make_stand_in: StandIn, image: np.ndarray
) -> None:
    first, again, other = (
        patch_errors(make_stand_in(), image, "random", seed=seed, num_masks=3) for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(first.hidden, again.hidden)
    assert not np.array_equal(first.hidden, other.hidden)


def test_a_mask_of_ones_own_is_predicted_from_the_rest(
    make_stand_in: StandIn, image: np.ndarray
) -> None:
    model = make_stand_in()
    hidden = np.zeros((8, 8), dtype=bool)
    hidden[2:5, 1] = hidden[7, 7] = True
    errors = patch_errors(model, image, hidden)
    np.testing.assert_allclose(errors.mse[hidden], expected_mse(model)[hidden], rtol=1e-5)
    assert np.isnan(errors.mse[~hidden]).all()
    np.testing.assert_array_equal(errors.times, hidden)
    np.testing.assert_array_equal(errors.hidden, hidden[None])
    assert [tuple(call.targets.shape) for call in model.calls] == [(1, 1, 4)]


def test_an_encoder_alone_is_refused(make_stand_in: StandIn, image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="This checkpoint has no predictor"):
        patch_errors(make_stand_in(has_predictor=False), image)


def test_wrong_masks_are_refused(make_stand_in: StandIn, image: np.ndarray) -> None:
    model = make_stand_in()
    with pytest.raises(ValueError, match=r"shape \(8, 8\), True = hidden; found bool and \(7, 8\)"):
        patch_errors(model, image, np.zeros((7, 8), dtype=bool))
    with pytest.raises(ValueError, match="found int64"):
        patch_errors(model, image, np.eye(8, dtype=np.int64))
    with pytest.raises(ValueError, match="hides every patch"):
        patch_errors(model, image, np.ones((8, 8), dtype=bool))
    with pytest.raises(ValueError, match="hides no patch"):
        patch_errors(model, image, np.zeros((8, 8), dtype=bool))
    with pytest.raises(ValueError, match="no set of masks 'grid'"):
        patch_errors(model, image, "grid")
    with pytest.raises(ValueError, match="`num_masks` is 0"):
        patch_errors(model, image, "random", num_masks=0)


@pytest.mark.parametrize(
    "wrong", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 3))]
)
def test_wrong_images_are_refused(make_stand_in: StandIn, wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="Expected an image of type uint8"):
        patch_errors(make_stand_in(), wrong)


def test_predictions_that_are_not_finite_are_refused(
    make_stand_in: StandIn, image: np.ndarray
) -> None:
    model = make_stand_in()
    model.error = lambda patch: patch * torch.nan
    with pytest.raises(ValueError, match="not finite; its training diverged"):
        patch_errors(model, image)


def test_a_model_with_random_weights_has_errors_on_every_patch(image: np.ndarray) -> None:
    model = load_model("random")
    errors = patch_errors(model, image)
    assert errors.mse.shape == (model.grid, model.grid)
    assert np.isfinite(errors.mse).all()
    assert (np.abs(errors.cosine) <= 1).all()
    again = patch_errors(model, image)
    np.testing.assert_array_equal(errors.mse, again.mse)
    assert np.isfinite(patch_errors(model, image, "random", num_masks=4).mse).any()


def test_hiding_a_patch_alone_or_with_far_ones_predicts_it_from_other_context(
    image: np.ndarray,
) -> None:
    model = load_model("random")
    alone = np.zeros((model.grid, model.grid), dtype=bool)
    alone[1, 1] = True
    more = alone.copy()
    more[-2:, -2:] = True
    assert patch_errors(model, image, alone).mse[1, 1] != patch_errors(model, image, more).mse[1, 1]


@torch.inference_mode()
def predicted_alone(
    model: Model, pixels: torch.Tensor, one: PatchMasks
) -> tuple[torch.Tensor, torch.Tensor]:
    context, _ = model.network.encoder.patch_tokens(pixels, one.context)
    return model.network.predict(context, one), model.network.target_tokens(pixels, one)


@pytest.mark.parametrize(
    ("name", "masks"), [("random", "tiling"), ("random", "random"), ("best", "tiling")]
)
def test_errors_equal_those_of_predicting_every_block_alone(
    image: np.ndarray, name: str, masks: str
) -> None:
    model = load_model(name)
    pixels = model.prepare(image)
    if masks == "tiling":
        plan = tiling_plan(model.grid, model.config.mask)
    else:
        draw = torch.Generator().manual_seed(3)
        plan = plan_of(sample_masks(torch.ones(3, model.grid, model.grid), model.config.mask, draw))
    found = masked_errors(model, pixels, plan)
    sums, times = np.zeros(found.mse.shape[1:]), np.zeros(found.mse.shape[1:])
    for group in plan:
        for rows, targets in group.blocks:
            for row, blocks in zip(rows, targets, strict=True):
                for block in blocks:
                    one = PatchMasks(
                        torch.from_numpy(group.context[row])[None],
                        torch.from_numpy(block)[None, None],
                    )
                    prediction, target = predicted_alone(model, pixels, one)
                    sums[group.numbers[row], block] += (
                        (prediction - target)[0, 0].square().mean(dim=1).numpy()
                    )
                    times[group.numbers[row], block] += 1
    np.testing.assert_array_equal(np.isnan(found.mse[0]), times == 0)
    np.testing.assert_allclose(
        found.mse[0][times > 0], (sums / np.maximum(times, 1))[times > 0], rtol=2e-4
    )
