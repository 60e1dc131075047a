"""Two sets of galaxies are compared column by column, by standard effect sizes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2_contingency, ttest_ind
from scipy.stats.contingency import association

from astrojepa.data.values import Numbers, Words, coded
from astrojepa.evaluation.maps.differences import Difference, differences

FIRST, SECOND = np.arange(200), np.arange(200, 400)


def only(values: Numbers | Words, first: np.ndarray, second: np.ndarray) -> Difference:
    (found,) = differences({"it": values}, first, second)
    return found


def test_numbers_are_compared_by_cohens_d_of_the_definition() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(1, 2, 200), rng.normal(0, 1, 200)
    found = only(Numbers(np.append(a, b)), FIRST, SECOND)
    # equal sides: the pooled variance is the mean of both
    assert found.effect == pytest.approx(
        (a.mean() - b.mean()) / np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
    )
    assert found.p == pytest.approx(ttest_ind(a, b, equal_var=False).pvalue)
    assert found.medians == (np.median(a), np.median(b))
    # for equal sides it is the correlation of the column with the side, but for n against n - 2
    side = np.repeat([1, 0], 200)
    expected = abs(np.corrcoef(np.append(a, b), side)[0, 1])
    assert found.strength == pytest.approx(expected, rel=0.01)


def test_words_are_compared_by_cramers_v_corrected_for_bias() -> None:
    rng = np.random.default_rng(1)
    codes = np.append(rng.choice(3, 200, p=[0.6, 0.3, 0.1]), rng.choice(3, 200, p=[0.3, 0.3, 0.4]))
    table = np.stack([np.bincount(codes[FIRST]), np.bincount(codes[SECOND])])
    plain = association(table, method="cramer")  # 2 x k and equal sides: the usual one
    found = only(coded(codes, ["a", "b", "c"]), FIRST, SECOND)
    assert found.effect == found.strength == pytest.approx(np.sqrt(plain**2 - 2 / 400))
    assert found.p == pytest.approx(chi2_contingency(table, correction=False).pvalue)
    assert (found.word, found.shares) == ("a", (table[0, 0] / 200, table[1, 0] / 200))


def test_how_many_galaxies_a_side_has_does_not_change_the_strength() -> None:
    codes = np.append(np.repeat([0, 1], [160, 40]), np.repeat([0, 1], [40, 160]))
    even = only(coded(codes, ["a", "b"]), FIRST, SECOND)
    many = np.append(codes, np.tile(codes[200:], 99))
    uneven = only(coded(many, ["a", "b"]), FIRST, np.arange(200, len(many)))
    assert uneven.effect == pytest.approx(even.effect, rel=0.01) == pytest.approx(0.6, rel=0.01)


def test_chance_is_no_difference() -> None:
    rng = np.random.default_rng(2)
    columns = {f"n{k}": Numbers(rng.normal(size=400)) for k in range(20)}
    columns |= {f"w{k}": coded(rng.integers(0, 6, 400), list("abcdef")) for k in range(20)}
    found = differences(columns, FIRST, SECOND)
    assert len(found) == 40
    assert not any(one.significant for one in found)
    assert max(one.strength for one in found) < 0.2


def test_the_strongest_comes_first_whatever_its_measure() -> None:
    rng = np.random.default_rng(3)
    columns = {
        "weak": Numbers(rng.normal(size=400) + 0.5 * (np.arange(400) < 200)),
        "class": coded(np.repeat([0, 1], 200), ["a", "b"]),
        "strong": Numbers(rng.normal(size=400) - 2 * (np.arange(400) < 200)),
    }
    found = differences(columns, FIRST, SECOND)
    assert [one.column for one in found] == ["class", "strong", "weak"]
    assert [np.sign(one.effect) for one in found] == [1, -1, 1]
    assert all(one.significant for one in found)


def test_unknown_values_are_left_out_and_empty_or_constant_columns_too() -> None:
    values = np.arange(400.0)
    values[:190] = np.nan
    columns = {
        "half": Numbers(values),
        "empty": Numbers(np.full(400, np.nan)),
        "constant": Numbers(np.ones(400)),
        "same": coded(np.zeros(400, np.int64), ["a"]),
        "names": coded(np.arange(400), [f"g{k:03}" for k in range(400)]),
    }
    (found,) = differences(columns, FIRST, SECOND)
    assert (found.column, found.counts) == ("half", (10, 200))


def test_a_column_that_is_constant_on_each_side_separates_them_wholly() -> None:
    found = only(Numbers(np.repeat([1.0, 2.0], 200)), FIRST, SECOND)
    assert (found.effect, found.strength, found.significant) == (-np.inf, 1.0, True)


def test_a_galaxy_is_on_one_side_only() -> None:
    with pytest.raises(ValueError, match="on both sides: 1"):
        differences({}, np.array([1, 2]), np.array([2, 3]))
