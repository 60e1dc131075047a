"""Positions as the browser sees them, and who is inside a polygon."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from app.components.latent_map import geometry

coordinates = st.floats(-1e4, 1e4, allow_nan=False).map(lambda x: round(x, 3))


@given(arrays(np.float64, st.tuples(st.integers(2, 40), st.just(2)), elements=coordinates))
def test_quantised_positions_are_off_by_half_a_unit_at_most(xy: np.ndarray) -> None:
    units = geometry.quantise(xy).astype(float)
    span = float((xy.max(axis=0) - xy.min(axis=0)).max())
    if span < 1e-2:
        return
    scale = geometry.UNITS / span
    for axis in (0, 1):
        shift = units[:, axis] - xy[:, axis] * scale
        assert np.ptp(shift) <= 1.0 + 1e-6  # half a unit to either side of one common offset


def test_both_axes_share_one_scale_and_the_shorter_is_centred() -> None:
    units = geometry.quantise(np.array([[0.0, 0.0], [10.0, 5.0]]))
    assert units.tolist() == [[0, 16384], [65535, 49151]]


def test_a_map_without_extent_lies_in_the_middle() -> None:
    assert geometry.quantise(np.full((3, 2), 7.0)).tolist() == [[32768, 32768]] * 3
    assert geometry.quantise(np.zeros((0, 2))).shape == (0, 2)


def test_positions_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match="finite pairs"):
        geometry.quantise(np.array([[0.0, np.nan]]))


def inside_slowly(x: float, y: float, polygon: list[tuple[float, float]]) -> bool:
    """Even-odd rule, one point and one edge at a time, as the browser does it."""
    odd = False
    for k, (xi, yi) in enumerate(polygon):
        xj, yj = polygon[k - 1]
        if (yi > y) != (yj > y) and x < ((xj - xi) * (y - yi)) / (yj - yi) + xi:
            odd = not odd
    return odd


grid = st.integers(0, 12).map(float)


@given(
    st.lists(st.tuples(grid, grid), min_size=3, max_size=9),
    arrays(np.float64, (25, 2), elements=grid),
)
def test_points_in_polygon_agrees_with_the_slow_rule(
    polygon: list[tuple[float, float]], points: np.ndarray
) -> None:
    expected = [inside_slowly(x, y, polygon) for x, y in points]
    assert geometry.points_in_polygon(points, polygon).tolist() == expected


def test_rows_of_several_polygons_are_joined() -> None:
    points = np.array([[1, 1], [5, 5], [9, 9]], dtype=np.uint16)
    squares = [[(0, 0), (2, 0), (2, 2), (0, 2)], [(8, 8), (10, 8), (10, 10), (8, 10)]]
    assert geometry.rows_inside(points, squares).tolist() == [0, 2]


@pytest.mark.parametrize(
    "message",
    [
        None,
        "polygon",
        [[[0, 0], [1, 1]]],
        [[[0, 0], [1, 1], [float("nan"), 2]]],
        [[[0, 0], [1, 1], ["2", 2]]],
        [[[0, 0], [1, 1], [True, 2]]],
        [[[0, 0]] * 401],
        [[[0, 0], [1, 1], [1e9, 2]]],
    ],
)
def test_polygons_that_are_not_polygons_are_dropped(message: object) -> None:
    assert geometry.read_polygons(message) == []


def test_at_most_eight_polygons_are_read() -> None:
    assert len(geometry.read_polygons([[[0, 0], [1, 0], [1, 1]]] * 20)) == 8


whole = st.integers(-300_000, 300_000).map(float)
polygon = st.lists(st.tuples(whole, whole), min_size=3, max_size=30)


@given(st.lists(polygon, max_size=8))
def test_polygons_survive_a_link(polygons: list[list[tuple[float, float]]]) -> None:
    assert geometry.decode_polygons(geometry.encode_polygons(polygons)) == polygons


@given(st.text(max_size=80))
def test_any_text_gives_polygons_or_none(text: str) -> None:
    assert all(len(found) >= 3 for found in geometry.decode_polygons(text))


def test_polygons_that_would_not_fit_into_a_link_are_left_out() -> None:
    many = [[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)] * 20] * 5
    assert geometry.encode_polygons(many) == ""
