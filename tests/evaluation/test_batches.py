from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from astrojepa.data.dataset import Dataset
from astrojepa.evaluation.batches import scored_in_batches

Make = Callable[..., Any]
IMAGES = np.random.default_rng(0).integers(0, 255, size=(7, 40, 40, 3), dtype=np.uint8)


class Counting:
    """Scores a galaxy by its row and its mean level, counting the calls."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def __call__(self, frames: np.ndarray, rows: np.ndarray) -> dict[str, np.ndarray]:
        self.sizes.append(len(frames))
        return {"row": rows, "level": frames.mean(axis=(1, 2, 3))}


def scored(
    data: Dataset, model: Any, scorer: Counting, kind: str = "test", **settings: Any
) -> dict[str, np.ndarray]:
    options = {"batch_size": settings.pop("batch_size", 3), "cache": settings.pop("cache", True)}
    return scored_in_batches(
        kind, model, data, settings, scorer, progress=settings.pop("progress", None), **options
    )


def test_batches_are_joined_in_order_and_a_subset_keeps_its_row_numbers(
    make_dataset: Make, make_stand_in: Make
) -> None:
    data, scorer = make_dataset(IMAGES), Counting()
    found = scored(data, make_stand_in(), scorer)
    assert scorer.sizes == [3, 3, 1]
    np.testing.assert_array_equal(found["row"], np.arange(7))
    part = scored(data.subset([5, 2]), make_stand_in(), scorer)
    np.testing.assert_array_equal(part["row"], [5, 2])
    np.testing.assert_allclose(part["level"], found["level"][[5, 2]])


def test_what_was_scored_is_read_back_unless_model_data_or_settings_differ(
    make_dataset: Make, make_stand_in: Make
) -> None:
    data, model, scorer = make_dataset(IMAGES), make_stand_in(), Counting()
    first = scored(data, model, scorer, seed=0)
    calls = len(scorer.sizes)
    np.testing.assert_array_equal(scored(data, model, scorer, seed=0)["level"], first["level"])
    assert len(scorer.sizes) == calls
    other = make_stand_in()
    other.hash = "0"
    for variant in (
        lambda: scored(data, model, scorer, seed=1),
        lambda: scored(data, other, scorer, seed=0),
        lambda: scored(data.subset([1, 2]), model, scorer, seed=0),
        lambda: scored(data, model, scorer, kind="another", seed=0),
        lambda: scored(data, model, scorer, seed=0, cache=False),
    ):
        calls = len(scorer.sizes)
        variant()
        assert len(scorer.sizes) > calls


def test_without_cache_nothing_is_kept(
    make_dataset: Make, make_stand_in: Make, own_cache: Path
) -> None:
    scored(make_dataset(IMAGES), make_stand_in(), Counting(), cache=False)
    assert not list(own_cache.glob("test-*"))


def test_no_galaxies_and_impossible_batches_are_refused(
    make_dataset: Make, make_stand_in: Make
) -> None:
    with pytest.raises(ValueError, match="memory has no galaxies to score"):
        scored(make_dataset(IMAGES).subset([]), make_stand_in(), Counting())
    with pytest.raises(ValueError, match="`batch_size` is 0"):
        scored(make_dataset(IMAGES), make_stand_in(), Counting(), batch_size=0)
