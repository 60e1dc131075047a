"""Histograms: every galaxy counts once, and a bar's filter chooses the galaxies of that bar."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from astrojepa.data.filters import matching
from astrojepa.data.histograms import (
    BINS,
    MOST_WORDS,
    Histogram,
    chosen_bars,
    histogram,
    range_clause,
    words_clause,
)
from astrojepa.data.values import Numbers, Words

RNG = np.random.default_rng(0)
Z = np.where(RNG.random(500) < 0.1, np.nan, RNG.gamma(2, 0.05, 500))


@pytest.mark.parametrize("values", [Z, RNG.integers(0, 7, 300).astype(float), -1e6 * Z, Z + 1e4])
@pytest.mark.parametrize(("first", "last"), [(0, 2), (1, 3), (2, 10**6)])
def test_the_filter_of_bars_chooses_what_they_count(
    values: np.ndarray, first: int, last: int
) -> None:
    found = histogram(Numbers(values))
    last = min(last, found.bars - 1)
    clause = range_clause("z", found, first, last)
    chosen = matching(clause, {"z": Numbers(values)})
    assert chosen.sum() == found.counts[first : last + 1].sum() > 0
    np.testing.assert_array_equal(
        found.counted(chosen)[first : last + 1], found.counts[first : last + 1]
    )
    marked = chosen_bars(clause, "z", found)
    assert marked is not None
    assert np.flatnonzero(marked).tolist() == list(range(first, last + 1))


def test_bars_of_many_numbers_are_counted_as_numpy_counts_them() -> None:
    values = np.append(RNG.normal(size=40_000), [np.nan, np.inf, -np.inf, 0.25, 0.5])
    found = histogram(Numbers(values))
    ends = np.concatenate([[-np.inf], found.edges[1:-1], [np.inf]])
    expected = np.histogram(values[~np.isnan(values)], ends)[0]
    assert found.counts.tolist() == [*expected, 0, 1]
    places = np.digitize(values, found.edges[1:-1])
    assert found.codes.tolist() == np.where(np.isnan(values), found.bars + 1, places).tolist()


@pytest.mark.slow
def test_millions_of_numbers_are_counted_one_by_one_in_bins_told_by_some_of_them() -> None:
    values = np.random.default_rng(3).normal(size=2**22 + 5)
    values[7], values[11] = np.nan, np.inf  # in no bin, and in the last
    found = histogram(Numbers(values))
    within = np.clip(values[~np.isnan(values)], found.edges[0], found.edges[-1])
    expected = np.histogram(within, found.edges)[0]
    np.testing.assert_array_equal(found.counts, [*expected, 0, 1])
    exact = histogram(Numbers(np.sort(values)[:: 2**4])).edges
    np.testing.assert_array_equal(found.edges, exact)
    in_turn = histogram(Numbers(np.stack([values, values + 1000, values - 500], axis=1).ravel()))
    assert in_turn.edges[0] <= -500, "rows that take turns are all seen"
    assert in_turn.edges[-1] >= 1000
    whole, halves = (histogram(Numbers(np.append(np.zeros(2**22), one))) for one in (2, 1.5))
    assert np.diff(whole.edges).min() == 1 > np.diff(halves.edges).max()


def test_bins_have_a_round_width_and_end_bars_hold_the_tails() -> None:
    values = np.append(RNG.normal(size=2000), [90.0, -70.0])
    found = histogram(Numbers(values))
    steps = np.diff(found.edges)
    np.testing.assert_allclose(steps, 0.25)
    assert found.counts[0] >= 1
    assert found.counts.sum() == 2002
    whole = histogram(Numbers(np.array([0.0, 1, 1, 2, 6])))
    assert whole.edges.tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert whole.counts.tolist() == [1, 2, 1, 0, 0, 0, 1, 0, 0]


@given(
    arrays.arrays(
        float,
        st.integers(0, 50),
        elements=st.floats(-1e9, 1e9) | st.just(np.nan) | st.just(7.0) | st.floats(0, 1e-9),
    )
)
def test_every_galaxy_counts_once(values: np.ndarray) -> None:
    found = histogram(Numbers(values))
    assert found.counts.sum() == len(values)
    assert found.counts[-1] == np.isnan(values).sum()
    assert found.bars <= 2 * BINS + 2
    assert (np.diff(found.edges) > 0).all()


def test_words_are_counted_the_most_frequent_first_and_the_rest_together() -> None:
    codes = np.repeat(np.arange(-1, 12), np.arange(1, 14))
    found = histogram(Words(codes, tuple(f"w{k:02}" for k in range(12))))
    assert found.words == tuple(f"w{k:02}" for k in range(11, 11 - MOST_WORDS, -1))
    assert found.counts.tolist() == [*range(13, 13 - MOST_WORDS, -1), 2 + 3 + 4 + 5, 1]


@pytest.mark.parametrize("words", [["b"], ["b", ""], [""], ['say "b"', "a"]])
def test_the_filter_of_words_marks_their_bars(words: list[str]) -> None:
    names = ("a", "b", 'say "b"')
    values = Words(np.array([0, 1, 2, 1, -1]), names)
    found = histogram(values)
    clause = words_clause("my kind", words)
    chosen = matching(clause, {"my kind": values})
    said = np.array([*names, ""])[values.codes]
    np.testing.assert_array_equal(chosen, np.isin(said, words))
    marked = chosen_bars(f"z > 1 & {clause}", "my kind", found)
    assert marked is not None
    assert marked.tolist() == [word in words for word in (*found.words, "")]


def test_a_filter_without_this_column_marks_no_bar() -> None:
    found: Histogram = histogram(Numbers(Z))
    assert chosen_bars("x < 1", "z", found) is None
    assert chosen_bars("z < x", "z", found) is None
    assert chosen_bars('z < "a"', "z", found) is None
    assert words_clause("z", []) == ""
    assert range_clause("z", found, 0, found.bars) == ""
