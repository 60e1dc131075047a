"""Marks: what a key changes, how it is taken back, and the file that carries them."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import pytest
from exported import read_back
from hypothesis import given
from hypothesis import strategies as st

from app.pages.anomalies.review import far_from_marks, rank_lines, ranks_said
from app.session import marks, state
from app.session.marks import Review
from astrojepa.data.simulate.simulator import simulate
from astrojepa.tables import WRITERS

ORDER = [3, 1, 4, 0, 2]
IDS = np.array(["a", "=b", "c,d", "e", "'f"])


def galaxies(ids: Sequence[str] | np.ndarray) -> SimpleNamespace:
    """Galaxies one degree apart, of which only the first has a class."""
    n = len(ids)
    return SimpleNamespace(
        ids=ids,
        labels=np.array([0, *[-1] * (n - 1)]),
        classes=("spiral",),
        ra=10.0 + np.arange(n),
        dec=np.arange(n) - 5.0,
        redshift=np.full(n, np.nan),
        name="d",
        fingerprint="0123",
    )


def begun() -> Review:
    return marks.arrive(Review(), ORDER)


def seen(review: Review) -> int:
    assert review.shown is not None
    return review.shown


def pressed(review: Review, value: int) -> Review:
    return marks.arrive(marks.mark(review, seen(review), value), ORDER)


def test_a_review_starts_with_the_strangest_galaxy() -> None:
    assert begun().shown == 3


def test_a_mark_goes_on_to_the_best_galaxy_that_was_not_seen() -> None:
    review = pressed(begun(), 5)
    assert (dict(review.marks), review.shown) == ({3: 5}, 1)
    assert marks.arrive(marks.mark(review, 1, 0), [3, 1, 2, 4, 0]).shown == 2, "ranked anew"


def test_arrows_go_back_and_on_without_marking() -> None:
    review = marks.arrive(marks.forward(begun()), ORDER)
    assert (review.shown, dict(review.marks)) == (1, {})
    assert marks.back(review).shown == 3
    assert marks.back(marks.back(review)).shown == 3
    assert marks.forward(marks.back(review)).shown == 1


def test_marks_that_were_kept_stand_beside_those_given_and_a_marked_galaxy_is_left() -> None:
    review = marks.mark(begun(), 3, 4)
    review = marks.arrive(review, ORDER)
    first, second, third = ORDER[:3]
    same = marks.resume(review, {first: 1})
    assert same.marks == {first: 4}, "the session's own wins"
    assert same.path == review.path, "and the way back stays"
    other = marks.arrive(marks.resume(review, {second: 2}), ORDER)
    assert other.marks == {first: 4, second: 2}
    assert other.shown == third


def test_undo_takes_the_mark_back_and_looks_at_that_galaxy_again() -> None:
    review = marks.undo(pressed(pressed(begun(), 5), 2))
    assert (review.shown, dict(review.marks)) == (1, {3: 5})
    review = marks.undo(review)
    assert (review.shown, dict(review.marks)) == (3, {})
    assert marks.undo(review) == review


def test_undo_of_a_second_mark_brings_the_first_one_back() -> None:
    review = marks.mark(marks.back(pressed(begun(), 1)), 3, 4)
    assert dict(review.marks) == {3: 4}
    assert dict(marks.undo(review).marks) == {3: 1}


def test_marks_outside_0_to_5_change_nothing() -> None:
    assert marks.mark(begun(), 3, 6) == begun()
    assert marks.mark(begun(), 3, -1) == begun()


def test_a_mark_is_that_of_the_galaxy_that_was_seen_and_a_second_one_changes_no_other() -> None:
    review = pressed(begun(), 3)
    assert review.shown == 1
    assert marks.mark(review, 3, 3) == review, "the same key again, before the next one was seen"
    corrected = marks.mark(review, 3, 5)
    assert (dict(corrected.marks), corrected.shown) == ({3: 5}, 1)
    assert dict(marks.undo(corrected).marks) == {3: 3}


def test_at_the_end_nothing_is_shown_and_the_marks_stay() -> None:
    review = begun()
    for _ in ORDER:
        review = pressed(review, 1)
    assert review.shown is None
    assert len(review.marks) == len(ORDER)
    assert marks.arrive(marks.restart(review), ORDER).shown is None, "all are marked"


def test_a_galaxy_that_was_chosen_comes_next_and_then_the_path_goes_on() -> None:
    review = marks.visit(begun(), 2)
    assert review.shown == 2
    assert marks.back(review).shown == 3
    assert marks.visit(review, 3).path == review.path


def test_a_file_of_marks_is_one_step_to_undo() -> None:
    review = marks.add(pressed(begun(), 5), {3: 0, 4: 2})
    assert dict(review.marks) == {3: 0, 4: 2}
    assert dict(marks.undo(review).marks) == {3: 5}


@given(st.dictionaries(st.integers(0, len(IDS) - 1), st.integers(0, 5), min_size=1))
def test_exported_marks_come_back_as_they_were(given_marks: dict[int, int]) -> None:
    text = marks.write_csv(given_marks, galaxies(IDS), "m", "abc")
    found = marks.read_marks("m.csv", text.encode(), IDS)
    assert found.marks == given_marks
    assert (found.missing, found.data_hash) == ((), "0123")


def test_an_export_names_model_and_data_and_escapes_formulas() -> None:
    lines = marks.write_csv({1: 2, 0: 5}, galaxies(IDS), "m", "abc").splitlines()
    assert lines == [
        "id,mark,class,ra_deg,dec_deg,redshift,model,model_hash,data,data_hash",
        "a,5,spiral,10.0,-5.0,,m,abc,d,0123",
        "'=b,2,,11.0,-4.0,,m,abc,d,0123",
    ]


def test_marks_of_long_ids_come_back_through_a_spreadsheet() -> None:
    ids = ["587727180061933716", "587727180061933717"]
    text = marks.write_csv({0: 5, 1: 2}, galaxies(ids), "m", "abc")
    for name in ids:
        text = text.replace(f"\n{name},", "\n5.87727E+17,")
    assert marks.read_marks("m.csv", text.encode(), ids).marks == {0: 5, 1: 2}


def test_ids_that_are_not_in_the_data_are_counted_and_named() -> None:
    found = marks.read_marks(
        "m.csv",
        b"id,mark,data_hash\na,3,ffffffffff\nx,1,ffffffffff\ny,1,ffffffffff\nz,0,ffffffffff\nw,2,ffffffffff\n",
        IDS,
    )
    assert found.marks == {0: 3}
    sentence = found.sentence("0123456789")
    assert "1 mark imported" in sentence
    assert "4 galaxies not in these data: x, y, z and 1 more." in sentence
    assert "from other data (ffffffff, here 01234567)" in sentence


def test_a_spreadsheet_may_write_semicolons_and_decimals_and_leave_cells_empty() -> None:
    assert marks.read_marks("m.csv", "\ufeffid;mark\r\na;3.0\r\ne;\r\n".encode(), IDS).marks == {
        0: 3
    }


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"x" * (marks.MAX_BYTES + 1), "at most 2 MB"),
        (b"\xff\xfe\x00a", "not UTF-8 text"),
        (b"", r"found: none"),
        (b"name,score\na,1\n", r"found: name, score"),
        (b"id,mark\na,9\n", r"Line 2 has the mark '9'"),
        (b"id,mark\na,1\ne,good\n", r"Line 3 has the mark 'good'"),
        (b"id,mark\n", "holds no marks"),
        (b'id,mark\n"' + b"x" * 200_000 + b'",1\n', "cannot be read as CSV"),
    ],
)
def test_a_bad_file_is_one_sentence(content: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as raised:
        marks.read_marks("m.csv", content, IDS)
    assert "\n" not in str(raised.value)


@given(st.binary(max_size=300))
def test_any_file_gives_marks_or_a_sentence(content: bytes) -> None:
    try:
        found = marks.read_marks("m.csv", b"id,mark\n" + content, IDS)
    except ValueError:
        return
    assert all(0 <= value <= 5 for value in found.marks.values())


def test_a_link_carries_score_filter_and_page() -> None:
    link = state.Link(score="pixel-pca-lof", only="Merging", with_artefacts=True, page=2)
    parameters = state.encode_link(link)
    assert parameters == {
        "score": "pixel-pca-lof",
        "only": "Merging",
        "artefacts": "shown",
        "page": "3",
    }
    assert state.decode_link(parameters) == link


@given(
    st.dictionaries(st.sampled_from(["score", "only", "artefacts", "page"]), st.text(max_size=200))
)
def test_any_address_gives_a_bounded_leaderboard(parameters: dict[str, str]) -> None:
    link = state.decode_link(parameters)
    assert 0 <= link.page < 10**6
    assert max(len(link.score), len(link.only)) <= 80


@pytest.mark.parametrize("ending", WRITERS)
def test_marks_are_exported_in_every_format_highest_first_and_come_back(ending: str) -> None:
    facts = {"model": "m", "model_hash": "abc", "view": "score=knn"}
    content = marks.marks_file(ending, {1: 2, 0: 5, 2: 5}, simulate(5), facts)
    columns, said = read_back(ending, content)
    assert columns["mark"] == [5, 5, 2]
    assert columns["id"] == [str(simulate(5).ids[row]) for row in (0, 2, 1)]
    named = {name: values[0] for name, values in columns.items()} | said
    assert (named["model"], named["model_hash"], named["data"]) == ("m", "abc", simulate(5).name)
    again = marks.read_marks(f"Marks{ending.upper()}", content, simulate(5).ids.tolist())
    assert again.marks == {1: 2, 0: 5, 2: 5}
    with pytest.raises(ValueError, match=r"id and mark|^The file"):
        marks.read_marks(f"m{ending}", content[:5], [])


def test_a_place_by_marks_and_a_rank_by_the_score_are_told_apart_and_named() -> None:
    assert rank_lines(1500) == ["rank 1,500"]
    assert rank_lines(10, 3) == ["by marks 3", "by score 10"]
    assert rank_lines(3, 3) == ["by marks 3", "by score 3"]
    by = "kNN distance, of 60 galaxies"
    assert ranks_said(by, {}) == f"Ranks are by {by}."
    said = ranks_said(by, {1: 5})
    assert "re-ranked by your 1 mark;" in said
    assert said.endswith(f"rank by {by}.")
    assert far_from_marks({}) == ""
    assert far_from_marks({1: 5, 2: 0}).startswith("Re-ranked by your 2 marks, most interesting")
