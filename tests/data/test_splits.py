"""Splits: what may not be separated, what is balanced, what is reproduced."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from astrojepa.data import DataError
from astrojepa.data.dataset import Dataset
from astrojepa.data.splits import default_split, same_object_groups, split, split_name

Make = Callable[..., Dataset]


def parts_of(data: Dataset, kind: str = "grouped", seed: int = 42) -> dict[str, int]:
    return {
        id_: part
        for part, piece in enumerate(split(data, kind, seed))
        for id_ in piece.ids.tolist()
    }


def test_every_galaxy_is_in_exactly_one_part_in_the_order_of_the_data(make_data: Make) -> None:
    data = make_data(103, labels=np.arange(103) % 3)
    for kind in ("grouped", "seed42"):
        rows = np.concatenate([piece.rows for piece in split(data, kind)])
        assert sorted(rows.tolist()) == list(range(103))
    assert all((np.diff(piece.rows) > 0).all() for piece in split(data))


def test_grouped_parts_are_eighty_ten_ten_within_each_label(make_data: Make) -> None:
    data = make_data(1000, labels=np.repeat([0, 1, 2, -1], [600, 250, 100, 50]))
    for piece, share in zip(split(data), (0.8, 0.1, 0.1), strict=True):
        counts = np.bincount(piece.labels + 1)
        assert counts.tolist() == pytest.approx(
            [50 * share, 600 * share, 250 * share, 100 * share], abs=1
        )


def test_galaxies_within_a_minute_of_arc_are_never_separated(make_data: Make) -> None:
    rng = np.random.default_rng(0)
    ra, dec = rng.uniform(0, 360, 400), rng.uniform(-30, 80, 400)
    near = 59.0 / 3600
    ra = np.concatenate((ra, ra, ra[:200]))
    # pairs, and chains of three that span two minutes
    dec = np.concatenate((dec, dec + near, dec[:200] - near))
    data = make_data(1000, ra=ra, dec=dec, labels=rng.integers(0, 3, 1000))
    for seed in range(3):
        part = parts_of(data, seed=seed)
        assert all(part[str(i)] == part[str(i + 400)] for i in range(400))
        assert all(part[str(i)] == part[str(i + 800)] for i in range(200))


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ((10.0, 60.0), (10.0, 60.0 + 59.9 / 3600), True),
        ((10.0, 60.0), (10.0, 60.0 + 60.1 / 3600), False),
        # 119 arcsec of right ascension are 59.5 at this declination
        ((10.0, 60.0), (10.0 + 119 / 3600, 60.0), True),
        ((359.999, 0.0), (0.001, 0.0), True),
        ((0.0, 89.995), (180.0, 89.995), True),
        ((10.0, 5.0), (190.0, -5.0), False),
    ],
)
def test_distances_are_measured_on_the_sphere(
    make_data: Make, first: tuple[float, float], second: tuple[float, float], together: bool
) -> None:
    ra, dec = np.array([first, second]).T
    groups = same_object_groups(make_data(2, ra=ra, dec=dec))
    assert (groups[0] == groups[1]) == together


def test_equal_ids_and_equal_places_make_one_group(make_data: Make) -> None:
    ra = np.array([1.0, 1.0, 50.0, np.nan, np.nan, 50.0])
    groups = same_object_groups(
        make_data(6, ids=np.array(["a", "b", "b", "c", "d", "c"]), ra=ra, dec=ra / 2)
    )
    assert groups[0] == groups[1] == groups[2] == groups[3] == groups[5]
    assert groups[4] != groups[0]


def test_ten_thousand_galaxies_at_one_place_are_one_group_quickly(make_data: Make) -> None:
    assert set(
        same_object_groups(make_data(10_000, ra=np.zeros(10_000), dec=np.zeros(10_000))).tolist()
    ) == {0}


def test_a_duplicate_under_two_labels_stays_together(make_data: Make) -> None:
    ids = np.array([f"g{i // 2}" for i in range(200)])
    data = make_data(200, ids=ids, labels=np.arange(200) % 3)
    pieces = split(data)
    names = [set(piece.ids.tolist()) for piece in pieces]
    assert not names[0] & names[1]
    assert not names[0] & names[2]
    assert not names[1] & names[2]
    assert [len(piece) for piece in pieces] == pytest.approx([160, 20, 20], abs=4)


def test_the_same_seed_gives_the_same_parts_and_another_seed_others(make_data: Make) -> None:
    data = make_data(200)
    assert parts_of(data) == parts_of(data)
    assert parts_of(data, seed=1) != parts_of(data)


def test_the_order_of_rows_does_not_matter(make_data: Make) -> None:
    rng = np.random.default_rng(0)
    data = make_data(
        300,
        labels=rng.integers(-1, 3, 300),
        ra=rng.uniform(0, 0.5, 300),
        dec=rng.uniform(0, 0.5, 300),
    )
    assert parts_of(data.subset(rng.permutation(300))) == parts_of(data)


def test_seed42_is_scikit_learns_train_test_split(make_data: Make) -> None:
    for n in (10, 101, 1773):
        data = make_data(n, images=np.zeros((n, 1, 1, 3), np.uint8))
        train, val, test = split(data, "seed42", seed=7)
        known, tested = train_test_split(np.arange(n), test_size=0.1, random_state=42)
        assert test.rows.tolist() == tested.tolist()
        assert np.concatenate((train.rows, val.rows)).tolist() == known.tolist()
        assert len(val) == len(known) // 9


def test_the_column_decides_where_there_is_one(make_data: Make) -> None:
    data = make_data(4, split_column=np.array(["test", "train", "val", "train"]))
    assert split_name(data) == "column"
    assert [piece.ids.tolist() for piece in default_split(data)] == [["1", "3"], ["2"], ["0"]]
    assert split_name(make_data(4)) == "grouped"
    assert [len(piece) for piece in default_split(make_data(20))] == [16, 2, 2]


def test_a_missing_split_column_is_an_error(make_data: Make) -> None:
    with pytest.raises(DataError, match="memory has no split column; choose the split grouped"):
        split(make_data(4), "column")


def test_other_values_in_the_split_column_are_an_error(make_data: Make) -> None:
    with pytest.raises(DataError, match="must say train, val or test; 2 rows say '', 'dev'"):
        split(make_data(4, split_column=np.array(["train", "dev", "", "test"])), "column")


def test_an_unknown_split_is_an_error(make_data: Make) -> None:
    with pytest.raises(ValueError, match="no split 'random'; choose grouped, column or seed42"):
        split(make_data(4), "random")


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_very_few_galaxies_still_train(make_data: Make, n: int) -> None:
    assert len(split(make_data(n))[0]) >= 1
