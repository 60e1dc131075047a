from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astrojepa.config import MaskConfig
from astrojepa.evaluation.patches.tiling import tile_shape, tiles, tiling_masks
from astrojepa.objective.masking import block_shapes


@st.composite
def shapes(draw: st.DrawFn) -> tuple[int, int, int]:
    grid = draw(st.integers(2, 24))
    height, width = draw(st.integers(1, grid)), draw(st.integers(1, grid))
    return grid, height, width


@given(shapes())
@settings(max_examples=200, deadline=None)
def test_tiles_cover_every_patch_exactly_once(shape: tuple[int, int, int]) -> None:
    grid, height, width = shape
    np.testing.assert_array_equal(tiles(grid, height, width).sum(axis=0), np.ones((grid, grid)))


@given(shapes())
@settings(max_examples=200, deadline=None)
def test_tiles_are_solid_blocks_of_nearly_one_size(shape: tuple[int, int, int]) -> None:
    grid, height, width = shape
    sides = []
    for tile in tiles(grid, height, width):
        rows, columns = np.flatnonzero(tile.any(axis=1)), np.flatnonzero(tile.any(axis=0))
        assert tile.sum() == len(rows) * len(columns) == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
        sides.append((len(rows), len(columns)))
    assert (np.ptp(sides, axis=0) <= 1).all()
    assert (np.max(sides, axis=0) <= (height, width)).all()


@given(shapes())
@settings(max_examples=200, deadline=None)
def test_masks_hide_every_patch_exactly_once_and_never_all(shape: tuple[int, int, int]) -> None:
    grid, height, width = shape
    if (height, width) == (grid, grid):
        return
    masks = tiling_masks(grid, height, width)
    hidden = np.array([blocks.any(axis=0) for blocks in masks])
    np.testing.assert_array_equal(hidden.sum(axis=0), np.ones((grid, grid)))
    assert not hidden.all(axis=(1, 2)).any()
    assert 2 <= len(masks) <= 4


@given(shapes())
@settings(max_examples=100, deadline=None)
def test_tiles_of_one_mask_never_share_an_edge(shape: tuple[int, int, int]) -> None:
    grid, height, width = shape
    if (height, width) == (grid, grid):
        return
    for blocks in tiling_masks(grid, height, width):
        number = np.where(blocks.any(axis=0), blocks.argmax(axis=0), -1)
        for a, b in ((number[1:], number[:-1]), (number[:, 1:], number[:, :-1])):
            assert not ((a != b) & (a >= 0) & (b >= 0)).any()


@pytest.mark.parametrize(
    ("grid", "scale", "expected"),
    [(14, (0.15, 0.2), (7, 5)), (8, (0.15, 0.2), (4, 3)), (16, (0.04, 0.09), (4, 4))],
)
def test_tiles_are_as_large_as_the_blocks_of_training_and_fit(
    grid: int, scale: tuple[float, float], expected: tuple[int, int]
) -> None:
    shapes = block_shapes(grid, scale, MaskConfig().target_aspect)
    chosen = tile_shape(grid, shapes)
    assert chosen in shapes
    assert chosen == expected or chosen == expected[::-1]
    assert len(tiles(grid, *chosen)) == min(len(tiles(grid, *shape)) for shape in shapes)


@pytest.mark.parametrize(
    ("grid", "side", "counts"),
    [(14, 6, [3, 3, 3]), (8, 3, [3, 3, 3]), (16, 4, [4, 4, 4, 4]), (6, 3, [1] * 4)],
)
def test_masks_hide_equally_many_tiles_where_that_is_possible(
    grid: int, side: int, counts: list[int]
) -> None:
    assert [len(blocks) for blocks in tiling_masks(grid, side, side)] == counts


@pytest.mark.parametrize("size", [(0, 2), (5, 2), (2, 5)])
def test_a_tile_that_does_not_fit_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="does not fit on a 4×4 grid"):
        tiles(4, *size)


def test_a_tile_that_hides_everything_is_refused() -> None:
    with pytest.raises(ValueError, match="covers the whole 4×4 grid"):
        tiling_masks(4, 4, 4)
