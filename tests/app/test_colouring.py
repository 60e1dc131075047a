"""Colours, ranks, search and export: pure functions."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.components.latent_map import colouring, palette
from app.components.latent_map.latent_map import pack
from app.pages.map import search
from astrojepa import files
from astrojepa.data.filters import matching
from astrojepa.data.readers.galaxy10 import CLASSES as GALAXY10
from astrojepa.data.values import coded


def test_galaxy10_classes_have_the_colours_and_shapes_of_their_families() -> None:
    styles = palette.class_styles(GALAXY10)
    expected = "#FF7AA2 #E5484D #FFE08A #F5B83D #C98A1B #8CC8FF #4C9BE8 #2F6FC1 #7FE0C3 #2FA58B"
    assert [style.colour for style in styles] == expected.split()
    shapes = "diamond diamond circle circle circle triangle triangle triangle bar bar"
    assert [style.shape for style in styles] == shapes.split()


@given(st.lists(st.text(max_size=12), max_size=12, unique=True))
def test_no_two_classes_share_a_colour_while_colours_last(names: list[str]) -> None:
    styles = palette.class_styles(tuple(names[:8]))
    assert len({style.colour for style in styles}) == len(styles)


def test_unlabelled_galaxies_are_counted_apart() -> None:
    found = colouring.by_class(np.array([0, 1, -1, 1]), ("a", "b"))
    assert found.codes.tolist() == [0, 1, 255, 1]
    assert [group["count"] for group in found.legend["groups"]] == [1, 2, 1]


def test_numbers_run_from_the_first_to_the_last_percentile_and_unknown_ones_are_grey() -> None:
    found = colouring.by_number(np.array([*range(101), np.nan], dtype=float), "x")
    assert found.codes[-1] == 255
    assert (found.codes[0], found.codes[50], found.codes[100]) == (0, 127, 254)
    assert (found.legend["low"], found.legend["high"]) == (1.0, 99.0)
    assert (found.legend["below"], found.legend["above"], found.legend["unknown"]) == (
        True,
        True,
        1,
    )


def test_a_constant_or_empty_number_column_does_not_divide_by_zero() -> None:
    assert set(colouring.by_number(np.full(4, 3.0), "x").codes) == {127}
    assert set(colouring.by_number(np.full(4, np.nan), "x").codes) == {255}


def test_numbers_written_as_text_are_numbers_and_words_are_groups() -> None:
    numbers = pd.Series([f"{k / 7:.3f}" for k in range(40)] + [""])
    assert colouring.by_column(numbers, "x").legend["kind"] == "ramp"
    found = colouring.by_column(pd.Series(["a", "b", "", None, "a"]), "x")
    assert found.legend["kind"] == "groups"
    assert found.codes.tolist() == [0, 1, 255, 255, 0]


def test_many_words_leave_one_colour_for_the_rest() -> None:
    found = colouring.by_category(pd.Series([f"w{k}" for k in range(40)]), "x")
    assert len(found.legend["groups"]) == 16
    last = found.legend["groups"][-1]
    assert (last["code"], last["name"], last["colour"], last["count"]) == (
        15,
        "other",
        palette.MUTED,
        25,
    )


def test_rank_one_is_the_strangest_and_ties_keep_their_order() -> None:
    assert colouring.ranks(np.array([0.5, 2.0, 0.5, 1.0])).tolist() == [3, 1, 4, 2]
    assert colouring.rank_codes(np.array([1, 2, 3])).tolist() == [255, 127, 0]


def test_the_map_of_twenty_thousand_galaxies_fits_in_150_kilobytes() -> None:
    rng = np.random.default_rng(0)
    n = 20_000
    labels = rng.integers(0, 10, n)
    header = {"title": "t", "neighbours": [], "polygons": []}
    coloured = colouring.by_class(labels, GALAXY10)
    data = pack(header, rng.integers(0, 65536, (n, 2)), labels, coloured, np.zeros(n))
    assert len(data) <= 150_000
    length = int.from_bytes(data[:4], "little")
    assert (4 + length) % 4 == 0
    assert json.loads(data[4 : 4 + length])["count"] == n
    assert len(data) == 4 + length + 7 * n


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-cmd", "@x", "\t=1", " =1", "\n-1"])
def test_a_cell_that_looks_like_a_formula_is_escaped(cell: str) -> None:
    assert files.safe_cell(cell).startswith("'")


def test_numbers_are_not_escaped_and_unknown_ones_are_empty() -> None:
    assert [files.safe_cell(value) for value in (-1.5, 3, float("nan"), None, "a,b")] == [
        "-1.5",
        "3",
        "",
        "",
        "a,b",
    ]


@given(
    st.lists(
        st.lists(
            st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20),
            min_size=2,
            max_size=2,
        ),
        max_size=5,
    )
)
def test_csv_reads_back_as_what_was_written(rows: list[list[str]]) -> None:
    text = files.csv_text(("a", "b"), rows)
    read = list(csv.reader(io.StringIO(text)))
    assert read == [["a", "b"], *[[files.safe_cell(cell) for cell in row] for row in rows]]
    assert not any(cell.startswith(("=", "+", "-", "@")) for line in read for cell in line)


IDS = np.array(["NGC 1", "NGC 2", "77"])
RA, DEC = np.array([10.0, 20.0, 30.0]), np.array([-5.0, 5.0, 0.0])


def parse(text: str) -> tuple[float, float]:
    ra, dec = map(float, text.split())
    return ra, dec


def found(text: str) -> search.Found:
    return search.search(
        text, IDS, ("Barred Spiral", "Merging", "Unbarred Tight Spiral"), RA, DEC, parse
    )


def test_search_finds_ids_classes_and_places() -> None:
    assert found("NGC 2").row == 1
    assert found("77").row == 2
    assert found("1").row is None, "a row is no name of a galaxy"
    assert found("merg").labels == (1,)
    assert found("SPIRAL").labels == (0, 2), "a word inside of a name, of every class that has it"
    assert found("barred spiral").labels == (0,), "a whole name"
    assert found("iral").labels == ()
    assert search.search("lenses", IDS, ("Ring", "Lens"), RA, DEC, parse).labels == (1,)
    assert found("mergers").labels == found("Merger").labels == (1,), "as an astronomer says it"
    assert found("spirals").labels == (0, 2)
    assert found("rings").labels == ()
    near = found("20.01 5.0")
    assert near.row == 1
    assert "35.9″ away" in near.sentence
    assert found("ngc").row == 0


def test_the_filter_of_classes_that_are_found_matches_their_galaxies() -> None:
    names = ("Barred Spiral", "Merging", "Unbarred Tight Spiral")
    columns = {"class": coded(np.arange(3), names)}
    for text, expected in (("merging", [1]), ("spiral", [0, 2])):
        assert "The button “List highlighted”" in found(text).sentence
        expression = search.of_classes([names[label] for label in found(text).labels])
        assert np.flatnonzero(matching(expression, columns)).tolist() == expected


def test_a_search_without_a_match_names_the_classes() -> None:
    assert "a class (Barred Spiral, Merging, Unbarred Tight Spiral)" in found("quasar").sentence
    many = search.search("quasar", IDS, tuple(f"kind {n}" for n in range(50)), RA, DEC, parse)
    assert "kind 11, …)" in many.sentence


@pytest.mark.parametrize("text", ["nothing like this", "999", "x" * 5000])
def test_search_says_when_nothing_matches(text: str) -> None:
    answer = found(text)
    assert answer.row is None
    assert answer.sentence


def test_coordinates_find_nothing_among_galaxies_without_places() -> None:
    unknown = np.full(3, np.nan)
    assert "no sky positions" in search.search("1 2", IDS, (), unknown, unknown, parse).sentence


def test_a_scale_says_where_values_lie_beyond_its_ends() -> None:
    values = np.array([[0.2, np.nan], [0.9, 0.4]])
    assert palette.scale_ends(0.25, 0.8, values) == ("≤ 0.25", "≥ 0.80")
    assert palette.scale_ends(0.2, 0.9, values) == ("0.20", "0.90")


def test_a_columns_own_unit_stands_in_the_legend() -> None:
    values = pd.Series(np.linspace(8, 12, 100))
    assert colouring.by_column(values, "Stellar mass", "solMass").legend["unit"] == "solMass"
    assert colouring.by_column(values, "size_arcsec").legend["unit"] == "arcsec"
