"""Which galaxies, masks and turns make up a step."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from astrojepa.config import replace
from astrojepa.training import batches as module
from astrojepa.training.batches import BatchMaker

HALF = (0.5, 0.5, 0.5)


@pytest.fixture
def frames() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (50, 37, 37, 3), dtype=np.uint8)


def test_every_galaxy_comes_at_most_once_an_epoch_and_the_order_changes(tiny, frames):
    maker = BatchMaker(frames, tiny, HALF, HALF, torch.device("cpu"))
    assert maker.steps_per_epoch == 3
    epochs = [np.concatenate([maker.rows(epoch * 3 + place) for place in range(3)]) for epoch in range(2)]
    assert all(len(set(rows)) == 48 for rows in epochs)
    assert not np.array_equal(*epochs)


def test_a_step_is_the_same_whenever_it_is_made(tiny, frames):
    first, second = (BatchMaker(frames, tiny, HALF, HALF, torch.device("cpu")) for _ in range(2))
    first.batch(0)
    one, other = first.batch(4), second.batch(4)
    assert torch.equal(one.images, other.images)
    assert torch.equal(one.masks.targets, other.masks.targets)
    assert not torch.equal(one.images, first.batch(1).images)


def test_memory_mapped_frames_make_the_same_batches_as_resident_ones(tiny, frames, monkeypatch):
    resident = BatchMaker(frames, tiny, HALF, HALF, torch.device("cpu"))
    monkeypatch.setattr(module, "RESIDENT_BYTES", 0)
    mapped = BatchMaker(frames, tiny, HALF, HALF, torch.device("cpu"))
    assert mapped.resident is None
    assert torch.equal(resident.batch(2).images, mapped.batch(2).images)


def test_a_batch_larger_than_the_data_is_refused_with_both_numbers(tiny, frames):
    with pytest.raises(ValueError, match="50 galaxies to train on, fewer than --batch-size 64"):
        BatchMaker(frames, replace(tiny, batch_size=64), HALF, HALF, torch.device("cpu"))
