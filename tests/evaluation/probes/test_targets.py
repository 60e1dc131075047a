from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table

from astrojepa.data import DataError
from astrojepa.data.dataset import Dataset
from astrojepa.evaluation.probes.targets import target_values, with_targets

EFIGI = """# EFIGI_attributes.txt version 1.6.2 :
#    PGC_name              PGC name
#
# PGCname   T T_inf T_sup   Inclination
#
g0   1   0   2   0.5
g2  -1  -2   0    -1
g9   5   5   5   0.25
"""


@pytest.fixture
def data(make_dataset: Callable[..., Dataset]) -> Dataset:
    made = make_dataset(np.zeros((4, 8, 8, 3), np.uint8))
    return dataclasses.replace(
        made,
        table=pd.DataFrame(
            {"pitch": [1.5, np.nan, 3, 4], "text": ["12", "", "7.5", "-3"], "name": list("abcd")}
        ),
    )


def test_columns_are_read_as_numbers_and_empty_is_unknown(data: Dataset) -> None:
    np.testing.assert_array_equal(target_values(data, "pitch"), [1.5, np.nan, 3, 4])
    np.testing.assert_array_equal(target_values(data, "text"), [12, np.nan, 7.5, -3])


def test_a_catalogue_is_joined_on_the_id_in_whatever_order(data: Dataset, tmp_path: Path) -> None:
    (tmp_path / "votes.csv").write_text("objid,score\ng3,0.25\nother,1\ng0,0.5\ng1,\n")
    np.testing.assert_array_equal(
        target_values(data, "score", tmp_path / "votes.csv"), [0.5, np.nan, np.nan, 0.25]
    )


def test_long_numeric_ids_are_not_rounded(data: Dataset, tmp_path: Path) -> None:
    ids = np.array(["587739505552785605", "587739505552785606", "3", "4"])
    (tmp_path / "votes.csv").write_text("objid,score\n587739505552785606,2\n587739505552785605,1\n")
    found = target_values(dataclasses.replace(data, ids=ids), "score", tmp_path / "votes.csv")
    np.testing.assert_array_equal(found, [1, 2, np.nan, np.nan])


def test_minus_one_is_undetermined_in_efigi_except_for_the_type(
    data: Dataset, tmp_path: Path
) -> None:
    path = tmp_path / "EFIGI_attributes.txt"
    path.write_text(EFIGI)
    np.testing.assert_array_equal(target_values(data, "T", path), [1, np.nan, -1, np.nan])
    np.testing.assert_array_equal(
        target_values(data, "Inclination", path), [0.5, np.nan, np.nan, np.nan]
    )


def test_equal_duplicates_are_one_and_contradictions_are_refused(
    data: Dataset, tmp_path: Path
) -> None:
    path = tmp_path / "votes.csv"
    path.write_text("objid,score\ng1,2\ng1,2\n")
    np.testing.assert_array_equal(target_values(data, "score", path), [np.nan, 2, np.nan, np.nan])
    path.write_text("objid,score\ng1,2\ng1,3\n")
    with pytest.raises(
        DataError,
        match=r"votes.csv gives g1 two values of score \(1 such ids\); keep one row of each",
    ):
        target_values(data, "score", path)


def test_columns_that_hold_no_numbers_or_are_not_there_are_refused(
    data: Dataset, tmp_path: Path
) -> None:
    with pytest.raises(
        DataError, match=r"memory has no column 'pich' \(found: pitch, text, name\)"
    ):
        target_values(data, "pich")
    with pytest.raises(DataError, match="memory: name of row 0 is 'a'; choose a column of numbers"):
        target_values(data, "name")
    (tmp_path / "votes.csv").write_text("objid,score\nx,2\n")
    with pytest.raises(
        DataError,
        match="has a known score of none of the galaxies of memory; are their ids in its column of ids, or the first",
    ):
        target_values(data, "score", tmp_path / "votes.csv")
    with pytest.raises(FileNotFoundError):
        target_values(data, "score", tmp_path / "nowhere.csv")


def test_targets_travel_with_the_galaxies_into_the_parts(data: Dataset) -> None:
    part = with_targets(data, ("text", "pitch")).subset([2, 0])
    np.testing.assert_array_equal(part.table["text"], [7.5, 12])
    assert part.table["pitch"].tolist() == [3, 1.5]
    assert with_targets(data, ()).fingerprint == data.fingerprint


@pytest.mark.parametrize("ending", ["fits", "vot", "parquet"])
def test_targets_come_from_every_format_of_catalogues(
    data: Dataset, tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"votes.{ending}"
    table = Table({"score": [0.25, 0.5], "objid": ["g3", "g0"]})
    if ending == "parquet":
        table.to_pandas().to_parquet(path)
    else:
        table.write(path, format="votable" if ending == "vot" else None)
    np.testing.assert_array_equal(target_values(data, "score", path), [0.5, np.nan, np.nan, 0.25])


def test_a_column_is_found_in_other_letters_where_only_one_is_meant(data: Dataset) -> None:
    table = data.table.assign(Redshift=[0.1, 0.2, 0.3, 0.4], z=1.0, Z=2.0)
    data = dataclasses.replace(data, table=table)
    np.testing.assert_array_equal(target_values(data, "redshift"), [0.1, 0.2, 0.3, 0.4])
    assert target_values(data, "z")[0] == 1
    assert target_values(data, "Z")[0] == 2
    with pytest.raises(DataError, match="no column 'zz'"):
        target_values(data, "zz")


def test_the_redshift_is_that_of_the_data_under_whatever_name(data: Dataset) -> None:
    known = np.array([0.1, np.nan, 0.3, 0.4])
    data = dataclasses.replace(data, redshift=known)
    np.testing.assert_array_equal(target_values(data, "redshift"), known)
