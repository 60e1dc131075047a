"""Columns of the data as classes, and what they say of one galaxy."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

import astrojepa as aj
from astrojepa.data.columns import class_columns, further_columns, known_of, labelled_by
from astrojepa.data.dataset import Dataset
from astrojepa.data.values import Numbers, Words, read_values


@pytest.fixture
def data() -> Dataset:
    """Four galaxies with the columns of a catalogue."""
    table = pd.DataFrame(
        {
            "id": list("abab"),
            "hubble": ["Sa", "E", "", "Sa"],
            "mag_r": [14.123456789, np.nan, 15.0, 16.0],
            "one": ["x"] * 4,
            "count": [1, 2, 1, 2],
        }
    )
    return dataclasses.replace(aj.open_dataset("simulated:4"), table=table)


def test_columns_of_words_can_be_classes_and_numbers_and_ids_cannot(data: Dataset) -> None:
    assert class_columns(data.table) == ["hubble", "count"]


def test_a_column_becomes_the_labels(data: Dataset) -> None:
    new = labelled_by(data, "hubble")
    assert (new.labels.tolist(), new.classes) == ([1, 0, -1, 1], ("E", "Sa"))
    assert new.rows.tolist() == data.rows.tolist()
    assert new.source_hash == data.source_hash, "so that what is computed for the images stays"
    with pytest.raises(ValueError, match="no column 'bulge'"):
        labelled_by(data, "bulge")


def test_what_is_known_of_a_galaxy_leaves_out_what_is_not(data: Dataset) -> None:
    assert further_columns(data) == ["hubble", "mag_r", "one", "count"]
    assert known_of(data, 0) == {"hubble": "Sa", "mag_r": "14.1235", "one": "x", "count": "1"}
    assert known_of(data, 1) == {"hubble": "E", "one": "x", "count": "2"}
    assert list(known_of(data, 2)) == ["mag_r", "one", "count"]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ([True, None, False], ["true", None, "false"]),
        ([Decimal("1.5"), None, Decimal("2")], [1.5, None, 2.0]),
        ([date(2020, 1, 2), None], ["2020-01-02", None]),
        (np.array([-(2**63), 1]), [str(-(2**63)), "1"]),
        (["a", 1, None], ["a", "1", None]),
        ([None, None], [None, None]),
    ],
)
def test_values_of_any_kind_can_be_compared(column: Any, expected: list[Any]) -> None:
    kind = None if isinstance(column, np.ndarray) else object
    values = read_values(pd.Series(column, dtype=kind))
    if isinstance(values, Words):
        found = [values.words[code] if code >= 0 else None for code in values.codes]
    else:
        found = [None if value != value else value for value in values.values]
    assert found == expected


@pytest.mark.parametrize("column", [[-9.0, -1, 0.1], ["-9", "-1", "0.1"]])
def test_no_value_of_a_redshift_is_minus_one_or_less(column: list[Any]) -> None:
    for name, unknown in (("Z_spec", [True, True, False]), ("mass", [False] * 3)):
        assert (~read_values(pd.Series(column, name=name)).known).tolist() == unknown


def test_numbers_that_mean_missing_are_no_values_of_a_column() -> None:
    for column in ([-99.0, 1.5], [-9999, 1], np.array([-999999500, 1], np.float32)):
        values = read_values(pd.Series(column))
        assert isinstance(values, Numbers)
        assert np.isnan(values.values).tolist() == [True, False]


def test_commas_that_divide_thousands_are_known_by_a_value_far_below() -> None:
    values = read_values(pd.Series(["1,234"] * 30 + ["1,234,567"]))
    assert isinstance(values, Numbers)
    assert values.values[-2:].tolist() == [1234, 1234567]
