"""Search by region: the galaxies that have the same patches, wherever."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import astrojepa as aj
from astrojepa.checkpoints.model import Model, load_model
from astrojepa.evaluation.patches import regions
from astrojepa.evaluation.patches.regions import region_similarity


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model("random:smallresnet10t.rings")


@pytest.fixture
def data(tmp_path: Path, model: Model) -> aj.Dataset:
    """Twelve images of noise; in numbers 3 and 8 the same stripes lie at different places."""
    generator, grid = np.random.default_rng(0), model.grid
    side = model.config.image.frame_size
    first = (side - model.config.image.image_size) // 2
    patch = model.config.image.patch_size
    stripes = np.zeros((2 * patch, 2 * patch, 3), np.uint8)
    stripes[::4] = 255
    for number in range(12):
        image = generator.integers(0, 60, (side, side, 3), dtype=np.uint8)
        if number in {3, 8}:
            y, x = ((2, 3), (grid - 4, 1))[number == 8]
            y, x = first + y * patch, first + x * patch
            image[y : y + 2 * patch, x : x + 2 * patch] = stripes
        Image.fromarray(image).save(tmp_path / f"{number:02}.png")
    return aj.open_dataset(tmp_path)


def region(model: Model, y: int, x: int, side: int = 2) -> np.ndarray:
    marked = np.zeros((model.grid, model.grid), bool)
    marked[y : y + side, x : x + side] = True
    return marked


def test_a_region_is_found_at_another_place_of_another_galaxy(
    data: aj.Dataset, model: Model
) -> None:
    similar = region_similarity(model, data, 3, region(model, 2, 3))
    assert np.argsort(-similar)[:2].tolist() == [3, 8]
    assert similar[3] == pytest.approx(1, abs=1e-5)
    assert similar[8] > np.delete(similar, [3, 8]).max() + 0.1


def test_it_equals_a_slow_search_over_all_places(data: aj.Dataset, model: Model) -> None:
    marked = region(model, 2, 3) | region(model, 3, 4, 1)
    marked[2, 3] = False  # a shape that is no box
    found = region_similarity(model, data, 3, marked, batch_size=5)
    with torch.inference_mode():
        pixels = torch.cat([model.prepare(data[row].image) for row in range(len(data))])
        tokens = model.network.evaluated.patch_tokens(pixels)[0].double().numpy()
    tokens = (tokens - tokens.mean(axis=0)) / np.maximum(tokens.std(axis=0), 1e-6)
    maps = tokens.reshape(len(data), model.grid, model.grid, -1)
    rows, columns = np.nonzero(marked)
    target = maps[3, rows, columns].mean(axis=0)
    rows, columns = rows - rows.min(), columns - columns.min()
    for number in range(len(data)):
        best = -1.0
        for y in range(model.grid - rows.max()):
            for x in range(model.grid - columns.max()):
                mean = maps[number, rows + y, columns + x].mean(axis=0)
                cosine = mean @ target / np.linalg.norm(mean) / np.linalg.norm(target)
                best = max(best, cosine)
        assert found[number] == pytest.approx(best, abs=1e-4)


def test_a_second_search_comes_from_the_cache(
    data: aj.Dataset, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = region_similarity(model, data, 3, region(model, 2, 3))
    monkeypatch.setattr(regions, "_averages", None)  # would be called
    np.testing.assert_array_equal(region_similarity(model, data, 3, region(model, 2, 3)), first)


def test_what_is_no_region_is_refused_in_one_sentence(data: aj.Dataset, model: Model) -> None:
    with pytest.raises(ValueError, match="at least one patch of a grid of shape"):
        region_similarity(model, data, 3, np.zeros((model.grid, model.grid), bool))
    with pytest.raises(ValueError, match="at least one patch of a grid of shape"):
        region_similarity(model, data, 3, np.ones((2, 2), bool))
    for row in (12, -1, 7.5, "7", True):
        with pytest.raises(ValueError, match=f"There is no row {row!r}"):
            region_similarity(model, data, row, region(model, 2, 3))
    with pytest.raises(ValueError, match="at least two"):
        region_similarity(model, data.subset(np.array([3])), 0, region(model, 2, 3))
    with pytest.raises(ValueError, match="`batch_size` is 0"):
        region_similarity(model, data, 3, region(model, 2, 3), batch_size=0)
