"""Masks of the patch panel, scale bars and votes: pure functions."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from app.components.patch_panel import masks
from app.components.patch_panel.masks import Masks
from app.components.survey_image import scale_bar
from app.pages.galaxy.measures import probe_vote, tally
from app.pages.galaxy.view import arcsec_per_pixel, seen_box, seen_sentence
from app.session import state

grids = st.integers(2, 16).flatmap(lambda grid: arrays(bool, (grid, grid)))


@given(grids)
def test_a_drawn_mask_survives_the_browser_and_the_link(hidden: np.ndarray) -> None:
    text = masks.write_mask(hidden)
    assert np.array_equal(masks.read_mask(text, len(hidden)), hidden)
    link = state.Link(masks="drawn", drawn=text)
    assert state.decode_link(state.encode_link(link)) == link


@given(
    st.one_of(st.none(), st.integers(), st.text(max_size=40), st.lists(st.integers(), max_size=3))
)
def test_anything_else_the_browser_sends_is_no_mask(message: object) -> None:
    hidden = masks.read_mask(message, 8)
    assert hidden is None or masks.write_mask(hidden) == message


def test_a_mask_of_another_grid_is_no_mask() -> None:
    assert masks.read_mask(masks.write_mask(np.eye(14, dtype=bool)), 8) is None


def test_drawing_starts_from_a_block_that_leaves_something_to_predict_from() -> None:
    for grid in (2, 7, 8, 14, 16):
        assert masks.complaint(masks.first_mask(grid)) == ""


def test_masks_that_hide_all_or_nothing_are_explained() -> None:
    assert "All patches are hidden" in masks.complaint(np.ones((4, 4), dtype=bool))
    assert "No patch is hidden" in masks.complaint(np.zeros((4, 4), dtype=bool))


def test_the_seed_and_the_kind_of_masks_survive_the_address_bar() -> None:
    link = state.Link(masks="bright", seed=17, second="random:small", second_hash="12345678")
    assert state.decode_link(state.encode_link(link)) == link
    assert state.decode_link(
        {"masks": "<b>", "seed": "-3", "drawn": "xyz", "with": "../x@12345678"}
    ) == state.Link(second_hash="12345678")


def test_of_one_random_mask_targets_context_and_the_rest_are_told_apart() -> None:
    hidden = np.array([[[True, True], [False, True]]])
    times = np.array([[2, 0], [0, 1]])
    assert masks.roles(Masks("random", 3), hidden, times, 1) == "toct"


def test_of_several_random_masks_only_the_context_is_known() -> None:
    hidden = np.array([[[True, False], [False, True]], [[False, True], [False, True]]])
    assert masks.roles(Masks("random", 3, 4), hidden, np.ones((2, 2)), 2) == "coco"


def test_what_a_drawn_mask_or_a_tile_hides_is_its_target() -> None:
    hidden = np.array([[[True, False], [False, False]], [[False, True], [True, True]]])
    assert masks.roles(Masks("tiling"), hidden, np.ones((2, 2)), 1) == "tccc"
    assert masks.roles(Masks("tiling"), hidden, np.ones((2, 2)), 0) == "...."


def test_patches_without_a_value_reach_the_browser_as_none() -> None:
    assert masks.numbers(np.array([[0.12346, np.nan]])) == [0.1235, None]


@pytest.mark.parametrize(("width", "scale"), [(256, 0.262), (128, 0.438), (69, None), (424, None)])
def test_a_scale_bar_is_round_and_as_long_as_it_says(width: int, scale: float | None) -> None:
    share, name = scale_bar(width, scale)
    number = float(name.rstrip("″ px"))
    assert number in {1, 2, 5, 10, 20, 50, 100}
    assert share * width * (scale or 1) == pytest.approx(number)
    assert 0.15 <= share <= 0.4
    assert name.endswith("″" if scale else " px")


def test_the_pixel_scale_is_read_where_the_data_tell_it_and_nowhere_else() -> None:
    table = pd.DataFrame({"pxscale": [0.262, np.nan, -1.0]})
    assert arcsec_per_pixel(table, 0) == 0.262
    assert arcsec_per_pixel(table, 1) is None
    assert arcsec_per_pixel(table, 2) is None
    assert arcsec_per_pixel(pd.DataFrame({"width": ["69"]}), 0) is None


def test_the_frame_of_what_the_model_sees_is_a_centred_square() -> None:
    assert seen_box(100, 100, 0.5) == (0.25, 0.25, 0.5, 0.5)
    left, top, width, height = seen_box(100, 200, 0.8)
    assert (width * 200, height * 100) == (80, 80)
    assert (left * 200 + 40, top * 100 + 40) == (100, 50)


def test_neighbours_are_counted_by_class_and_those_without_a_label_last() -> None:
    assert tally(np.array([1, -1, 1, 0, -1]), ("a", "b", "c")) == [
        ("b", 2),
        ("a", 1),
        ("no label", 2),
    ]
    assert tally(np.array([-1]), ("a",)) == [("no label", 1)]


def test_the_probe_votes_on_its_test_part_only() -> None:
    result = SimpleNamespace(
        classes=("a", "b"),
        predictions=np.array([1, 0]),
        probabilities=np.array([[0.2, 0.8], [0.9, 0.1]]),
    )
    report = SimpleNamespace(test=np.array([4, 7]), rows=[SimpleNamespace(result=result)])
    assert probe_vote(report, 4) == "b, 80 %"
    assert probe_vote(report, 5).startswith("none: the probe predicts the test part only")


def test_frames_of_several_sizes_are_told_apart_from_the_one_that_is_drawn() -> None:
    assert seen_sentence((64,)) == " The frame marks the model input."
    assert seen_sentence((64, 52, 80)).endswith(
        "the embedding averages crops of 0.81 to 1.25 times its side."
    )
