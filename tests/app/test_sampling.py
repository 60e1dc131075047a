"""The sample that stands for all galaxies until the model has looked at them, and what is taken
along when they come.
"""

from __future__ import annotations

import numpy as np
import pytest

from app.session import marks, sampling


def test_a_sample_holds_every_class_by_its_share_to_within_one_galaxy() -> None:
    labels = np.random.default_rng(1).choice([-1, 0, 1, 2], 4000, p=[0.02, 0.08, 0.3, 0.6])
    rows = sampling.stratified_rows(labels)
    assert len(np.unique(rows)) == sampling.SAMPLE
    assert (np.diff(rows) > 0).all()
    for label in (-1, 0, 1, 2):
        assert abs((labels[rows] == label).sum() - sampling.SAMPLE * (labels == label).mean()) <= 1


def test_the_same_galaxies_give_the_same_sample() -> None:
    labels = np.zeros(3000, dtype=int)
    assert np.array_equal(sampling.stratified_rows(labels), sampling.stratified_rows(labels))


@pytest.mark.parametrize(("row", "place"), [(2, 0), (9, 2), (3, None), (10, None), (0, None)])
def test_a_row_is_found_in_the_sample_and_again_among_all(row: int, place: int | None) -> None:
    rows = np.array([2, 5, 9])
    assert sampling.place_in(rows, row) == place
    assert place is None or sampling.among_all(rows, place) == row


def test_where_all_galaxies_are_shown_a_row_is_itself() -> None:
    assert sampling.place_in(None, 7) == sampling.among_all(None, 7) == 7


def test_marks_given_on_a_sample_can_be_undone_among_all_galaxies() -> None:
    review = marks.mark(marks.arrive(marks.Review(), [1, 0]), 1, 4)
    moved = marks.renumbered(review, [20, 50, 90])
    assert moved.marks == {50: 4}
    assert marks.undo(moved).shown == 50
    assert marks.undo(moved).marks == {}
