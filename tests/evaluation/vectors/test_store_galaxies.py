"""Some galaxies of a store as a data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from astrojepa.data.splits import split_name
from astrojepa.evaluation.maps.large_map import open_large_map
from astrojepa.evaluation.vectors.store import Store, open_store
from astrojepa.evaluation.vectors.store_galaxies import galaxies_of

COUNT = 6


@pytest.fixture
def store(tmp_path: Path) -> Store:
    frame = pd.DataFrame(
        {
            "object_id": np.arange(5, 5 + COUNT, dtype=np.int32),
            "vector": list(np.eye(COUNT, dtype=np.float32)),
            "label": ["disc", "Merging"] * 3,
            "split": ["train", "train", "val", "test", "test", "test"],
            "ra": [10.0, 0.0, -10.0, 359.0, 361.0, 20.0],
            "dec": [5.0, 0.0, 5.0, -5.0, 5.0, -99.0],
            "redshift": [0.1, -99.0, -9999.0, np.nan, 0.2, 0.3],
            "x": np.arange(COUNT, dtype=float),
            "y": np.zeros(COUNT),
        }
    )
    frame.to_parquet(tmp_path / "a.parquet")
    return open_store(tmp_path)


def test_the_split_is_that_of_the_store(store: Store) -> None:
    data = galaxies_of(store, np.array([5, 0]), "hash")
    assert split_name(data) == "column"
    assert data.split_column is not None
    assert data.split_column.tolist() == ["test", "train"]


def test_numbers_that_stand_for_none_and_places_beside_the_sky_are_unknown(store: Store) -> None:
    data = galaxies_of(store, np.arange(COUNT), "hash")
    np.testing.assert_array_equal(data.redshift, [0.1, np.nan, np.nan, np.nan, 0.2, 0.3])
    np.testing.assert_array_equal(data.ra, [10, np.nan, np.nan, 359, np.nan, np.nan])
    np.testing.assert_array_equal(np.isnan(data.dec), np.isnan(data.ra))


@pytest.mark.parametrize("absent", ["587727180061933716", "-5000000000", "x", "1e3"])
def test_ids_that_the_column_cannot_hold_are_not_there(absent: str, store: Store) -> None:
    assert store.rows_of([absent, "7"]) == {"7": 2}


def test_an_id_is_found_by_its_number(store: Store) -> None:
    assert store.row_of("007") == 2
    assert store.rows_of(["7", "007"]) == {"7": 2, "007": 2}


def test_a_longer_name_is_no_id_that_it_begins_with(tmp_path: Path) -> None:
    vectors = list(np.eye(2, dtype=np.float32))
    pd.DataFrame({"object_id": ["abc", "x"], "vector": vectors}).to_parquet(tmp_path / "a.parquet")
    assert open_store(tmp_path).rows_of(["abcd", "abc"]) == {"abc": 0}


def test_a_class_may_stand_alone_in_the_filter_of_a_store(store: Store) -> None:
    assert open_large_map(store).matching("merging").tolist() == [False, True] * 3
