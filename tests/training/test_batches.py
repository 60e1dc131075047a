"""Which galaxies, masks and turns make up a step."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from astrojepa import distributed
from astrojepa.config import replace
from astrojepa.training.batches import BatchMaker
from tests.training.tiny_step import tiny_config

HALF = (0.5, 0.5, 0.5)


@pytest.fixture
def frames() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (50, 37, 37, 3), dtype=np.uint8)


def test_every_galaxy_comes_at_most_once_an_epoch_and_the_order_changes(tiny, frames):
    maker = BatchMaker(frames, tiny, HALF, HALF, torch.device("cpu"))
    assert maker.steps_per_epoch == 3
    epochs = [
        np.concatenate([maker.rows(epoch * 3 + place) for place in range(3)]) for epoch in range(2)
    ]
    assert all(len(set(rows)) == 48 for rows in epochs)
    assert not np.array_equal(*epochs)


def test_a_step_is_the_same_whenever_it_is_made(tiny, frames):
    first, second = (BatchMaker(frames, tiny, HALF, HALF, torch.device("cpu")) for _ in range(2))
    first.parts(0)
    (one,), (other,) = first.parts(4), second.parts(4)
    assert torch.equal(one.images, other.images)
    assert torch.equal(one.masks.targets, other.masks.targets)
    assert not torch.equal(one.images, first.parts(1)[0].images)


def test_frames_read_ahead_are_those_read_when_asked_for(tiny, frames):
    ahead, fresh = (BatchMaker(frames, tiny, HALF, HALF, torch.device("cpu")) for _ in range(2))
    ahead.parts(1)
    assert ahead._ahead[0] == 2
    assert torch.equal(ahead.parts(2)[0].images, fresh.parts(2)[0].images)


@pytest.mark.parametrize("recipe", ["hybrid", "lejepa", "both"])
def test_what_a_galaxy_becomes_depends_neither_on_the_parts_nor_on_the_processes(
    recipe, frames, monkeypatch
):
    config = tiny_config(recipe)
    whole = BatchMaker(frames, config, HALF, HALF, torch.device("cpu")).parts(1)
    monkeypatch.setattr(distributed, "world_size", lambda: 2)
    split = []
    for rank in range(2):
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        split += BatchMaker(
            frames, replace(config, accumulate=3), HALF, HALF, torch.device("cpu")
        ).parts(1)
    assert len(split) == 6
    assert torch.equal(torch.cat([part.ids for part in split]), whole[0].ids)
    if recipe != "lejepa":
        assert torch.equal(torch.cat([part.images for part in split]), whole[0].images)
        assert torch.equal(
            torch.cat([part.masks.context for part in split]), whole[0].masks.context
        )
    for index, views in enumerate(whole[0].views):
        torch.testing.assert_close(torch.cat([part.views[index] for part in split], dim=1), views)


def test_the_incomplete_last_batch_is_left_out_unless_asked_for(tiny, frames):
    kept = BatchMaker(frames, replace(tiny, keep_last=True), HALF, HALF, torch.device("cpu"))
    assert kept.steps_per_epoch == 4
    assert len(kept.rows(3)) == 2
    assert sorted(np.concatenate([kept.rows(step) for step in range(4)])) == list(range(50))


def test_a_batch_larger_than_the_data_is_refused_with_both_numbers(tiny, frames):
    with pytest.raises(ValueError, match="50 galaxies to train on, fewer than `batch_size` 64"):
        BatchMaker(frames, replace(tiny, batch_size=64), HALF, HALF, torch.device("cpu"))


def test_a_batch_too_small_for_its_processes_is_refused_with_what_would_do(
    tiny, frames, monkeypatch
):
    monkeypatch.setattr(distributed, "world_size", lambda: 16)
    with pytest.raises(
        ValueError, match=r"`batch_size` 16 is shared by 16 parts .* use at least 32"
    ):
        BatchMaker(frames, tiny, HALF, HALF, torch.device("cpu"))
