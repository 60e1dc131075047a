"""Marks given one by one: going forth and back, undoing, and the file that carries them."""

from __future__ import annotations

import pytest

from app import marks
from app.marks import Review, arrive, read_csv, write_csv

IDS = ["a", "=b", "c,d", "e"]
ORDER = [2, 0, 3, 1]


def test_marking_goes_to_the_strangest_galaxy_not_seen_yet() -> None:
    review = arrive(Review(), ORDER)
    assert review.shown == 2
    review = arrive(marks.mark(review, 5), ORDER)
    assert (review.shown, dict(review.marks)) == (0, {2: 5})
    review = arrive(marks.forward(review), ORDER)
    assert review.shown == 3, "a galaxy passed over is not shown again"


def test_undo_takes_back_the_last_mark_and_looks_at_it_again() -> None:
    review = arrive(marks.mark(arrive(Review(), ORDER), 4), ORDER)
    undone = marks.undo(review)
    assert (undone.shown, dict(undone.marks)) == (2, {})
    assert marks.undo(undone) == undone


def test_undo_brings_the_earlier_mark_back() -> None:
    review = marks.mark(arrive(Review(), ORDER), 4)
    again = marks.mark(marks.visit(review, 2), 1)
    assert dict(again.marks) == {2: 1}
    assert dict(marks.undo(again).marks) == {2: 4}


def test_an_imported_file_is_one_step_to_undo() -> None:
    review = marks.add(marks.mark(arrive(Review(), ORDER), 3), {0: 5, 1: 0})
    assert dict(review.marks) == {2: 3, 0: 5, 1: 0}
    assert dict(marks.undo(review).marks) == {2: 3}


@pytest.mark.parametrize("value", [-1, 6])
def test_a_mark_outside_0_to_5_changes_nothing(value: int) -> None:
    review = arrive(Review(), ORDER)
    assert marks.mark(review, value) == review


def test_back_and_the_end_of_the_order_stay_inside() -> None:
    assert marks.back(Review()).at == 0
    review = Review()
    for _ in range(6):
        review = marks.forward(arrive(review, ORDER))
    assert review.path == tuple(ORDER)
    assert arrive(review, ORDER).shown is None


def test_exported_marks_are_read_back_and_formulas_are_escaped() -> None:
    text = write_csv({1: 5, 2: 0, 0: 3}, IDS, "model", "m1", "data", "d1")
    assert "'=b" in text
    assert text.splitlines()[1].endswith("d1"), "the highest mark comes first"
    found = read_csv(text.encode(), IDS)
    assert found.marks == {1: 5, 2: 0, 0: 3}
    assert found.sentence("d1") == "3 marks taken over."
    assert "given on other data (d1, here d2)" in found.sentence("d2")


def test_galaxies_that_are_not_here_are_counted_and_named() -> None:
    found = read_csv(b"id,mark\na,5\nzz,1\nyy,2\n", IDS)
    assert found.marks == {0: 5}
    assert found.sentence("") == "1 mark taken over. 2 galaxies not in these data: zz, yy."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"id,mark\na,7\n", "Line 2 has the mark '7'; marks are whole numbers from 0 to 5"),
        (b"id,mark\na,nan\n", "has the mark 'nan'"),
        (b"name,value\na,1\n", r"columns named id and mark \(found: name, value\)"),
        (b"", "found: none"),
        (b"id,mark\n", "holds no marks"),
        (b"\xff\xfe\x00", "not text in UTF-8"),
        (b"x" * (marks.MAX_BYTES + 1), "at most 2 MB"),
    ],
)
def test_a_file_that_holds_no_marks_is_refused_in_one_sentence(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_csv(content, IDS)
