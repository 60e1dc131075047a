"""Masks: counts, reach, brightness, independence."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from astrojepa.config import MaskConfig
from astrojepa.objective.masking import (
    block_shapes,
    counter_uniforms,
    num_uniforms,
    patch_brightness,
    sample_masks,
    token_counts,
)
from astrojepa.presets import preset

CONFIG = MaskConfig()


def galaxy(batch: int = 64, size: int = 64, row: int = 20, column: int = 44) -> torch.Tensor:
    """A bright round source at (row, column) on a noisy sky of 0.1."""
    line = torch.arange(size)
    blob = torch.exp(-((line[:, None] - row) ** 2 + (line - column) ** 2) / (2 * 5.0**2))
    noise = 0.02 * torch.randn(batch, 3, size, size, generator=torch.Generator().manual_seed(0))
    return (0.1 + 0.8 * blob + noise).clamp(0, 1)


def frequencies(index: torch.Tensor, grid: int) -> torch.Tensor:
    """How often each patch appears."""
    return torch.bincount(index.flatten(), minlength=grid * grid).view(grid, grid).float()


@pytest.mark.parametrize("grid", [6, 8, 14, 16])
def test_context_and_targets_share_no_patch_and_have_the_configured_counts(grid):
    masks = sample_masks(torch.rand(256, grid, grid), CONFIG, torch.Generator().manual_seed(1))
    num_context, num_target = token_counts(grid, CONFIG)
    assert masks.context.shape == (256, num_context)
    assert masks.targets.shape == (256, 4, num_target)
    seen = torch.zeros(256, grid * grid).scatter(1, masks.context, 1)
    asked = torch.zeros(256, grid * grid).scatter(1, masks.targets.flatten(1), 1)
    assert (seen * asked).sum() == 0
    assert (seen.sum(1) == num_context).all(), "a context index is repeated"
    for index in (masks.context, masks.targets):
        assert (index.diff(dim=-1) > 0).all(), "indices are not sorted and unique"


def test_targets_are_blocks_of_the_allowed_shapes_when_nothing_is_dropped():
    grid = 8
    shapes = set(block_shapes(grid, CONFIG.target_scale, CONFIG.target_aspect))
    assert shapes == {(3, 4), (4, 3)}
    masks = sample_masks(torch.rand(64, grid, grid), CONFIG, torch.Generator().manual_seed(2))
    rows, columns = masks.targets // grid, masks.targets % grid
    height = rows.amax(-1) - rows.amin(-1) + 1
    width = columns.amax(-1) - columns.amin(-1) + 1
    assert set(zip(height.flatten().tolist(), width.flatten().tolist(), strict=True)) == shapes


@pytest.mark.parametrize("name", ["small.sigreg06", "vit5m.sigreg06", "vit5m.sigreg06-asrun"])
def test_every_grid_position_is_reached_by_context_and_by_targets(name):
    config = preset(name)
    grid = config.image.grid
    brightness = torch.rand(4000, grid, grid, generator=torch.Generator().manual_seed(3))
    masks = sample_masks(brightness, config.mask, torch.Generator().manual_seed(4))
    assert frequencies(masks.context, grid).min() > 0
    assert frequencies(masks.targets, grid).min() > 0


def test_the_random_subset_has_no_row_bias():
    masks = sample_masks(torch.ones(4000, 14, 14), CONFIG, torch.Generator().manual_seed(5))
    rows = frequencies(masks.context, 14).sum(1)
    assert (rows / rows.flip(0) - 1).abs().max() < 0.1, "top and bottom rows must be equally likely"


def test_brightness_prefers_the_galaxy_to_the_sky():
    brightness = patch_brightness(galaxy(), 8)
    assert brightness.flatten(1).argmax(1).tolist() == [2 * 8 + 5] * 64, (
        "the brightest patch is the one with the source"
    )
    assert brightness[:, 6:, :2].max() < 0.1 * brightness.amax(), "the sky counts as dark"
    small_blocks = preset("vit5m.sigreg06-asrun").mask
    for kind, strength in (("context", "context_bias"), ("targets", "target_bias")):
        seen = []
        for bias in (0.0, 0.5, 1.0):
            config = dataclasses.replace(small_blocks, context_bias=0.0, target_bias=0.0)
            masks = sample_masks(
                brightness,
                dataclasses.replace(config, **{strength: bias}),
                torch.Generator().manual_seed(6),
            )
            seen.append(
                brightness.flatten(1).gather(1, getattr(masks, kind).flatten(1)).mean().item()
            )
        assert seen[0] < seen[1] < seen[2], kind
        assert seen[2] > 1.5 * seen[0], kind


def test_brightness_ignores_a_constant_sky():
    flux = galaxy() * 0.5
    torch.testing.assert_close(
        patch_brightness(flux, 8), patch_brightness(flux + 0.3, 8), atol=1e-5, rtol=1e-4
    )


def test_a_blank_image_gets_masks_like_any_other():
    masks = sample_masks(
        torch.zeros(8, 8, 8),
        MaskConfig(context_bias=1.0, target_bias=1.0),
        torch.Generator().manual_seed(0),
    )
    assert masks.context.shape == (8, token_counts(8, CONFIG)[0])


def test_strength_zero_does_not_look_at_the_image():
    config = MaskConfig(context_bias=0.0, target_bias=0.0)
    first, second = (
        sample_masks(torch.rand(32, 8, 8) ** 4, config, torch.Generator().manual_seed(7))
        for _ in range(2)
    )
    assert torch.equal(first.context, second.context)
    assert torch.equal(first.targets, second.targets)


def test_masks_depend_on_seed_step_and_galaxy_not_on_the_batch():
    count = num_uniforms(8, CONFIG)
    brightness = torch.rand(10, 8, 8)
    ids = torch.arange(100, 110)
    whole = sample_masks(brightness, CONFIG, uniforms=counter_uniforms(1, 5, ids, count))
    part = sample_masks(brightness[3:5], CONFIG, uniforms=counter_uniforms(1, 5, ids[3:5], count))
    assert torch.equal(whole.context[3:5], part.context)
    assert torch.equal(whole.targets[3:5], part.targets)
    other = sample_masks(brightness, CONFIG, uniforms=counter_uniforms(1, 6, ids, count))
    assert not torch.equal(whole.targets, other.targets)


@given(seed=st.integers(0, 2**31 - 1), step=st.integers(0, 10**7))
@example(seed=776, step=776)  # all 24 bits set
@settings(max_examples=20, deadline=None)
def test_counter_uniforms_are_uniform_and_uncorrelated_between_neighbours(seed, step):
    draws = counter_uniforms(seed, step, torch.arange(64), 256).double()
    assert draws.min() > 0
    assert draws.max() < 1
    assert abs(draws.mean() - 0.5) < 5 * (1 / 12 / draws.numel()) ** 0.5
    for other in (
        counter_uniforms(seed, step + 1, torch.arange(64), 256),
        counter_uniforms(seed, step, torch.arange(1, 65), 256).roll(2, 0),
    ):
        pair = torch.corrcoef(torch.stack([draws.flatten(), other.double().flatten()]))[0, 1]
        assert abs(pair) < 5 / draws.numel() ** 0.5


def test_almost_every_image_gets_freely_drawn_targets():
    masks = sample_masks(torch.rand(2000, 14, 14), CONFIG, torch.Generator().manual_seed(8))
    same_place = (masks.targets == masks.targets[:, :1]).flatten(1).all(1)
    assert same_place.float().mean() < 0.01


def test_impossible_masks_are_refused_with_numbers():
    with pytest.raises(ValueError, match=r"No block on a 4×4 grid covers 0.15 to 0.2"):
        token_counts(4, CONFIG)
    with pytest.raises(
        ValueError,
        match=r"context_fraction 0.8 asks for 157 of 196 patches.*leaves 133; use at most 0.68",
    ):
        token_counts(14, MaskConfig(context_fraction=0.8))
