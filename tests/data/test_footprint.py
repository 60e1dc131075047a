"""Places on the sky: one galaxy or two, north or south."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from astrojepa.data.dataset import Dataset
from astrojepa.data.footprint import close_pairs, same_galaxy_groups, survey_halves, surveys

Make = Callable[..., Dataset]
ARCSEC = 1 / 3600


@pytest.mark.parametrize(
    ("ra", "dec", "half"),
    [
        (180.0, 40.0, "north"),
        (180.0, 32.376, "north"),
        (180.0, 32.374, "south"),
        (180.0, -5.0, "south"),
        (20.0, 33.0, "south"),  # above the line, but south of the Galactic plane
        (math.nan, 40.0, ""),
    ],
)
def test_north_is_above_32_375_degrees_and_north_of_the_galactic_plane(
    ra: float, dec: float, half: str
) -> None:
    assert survey_halves(np.array([ra]), np.array([dec])).tolist() == [half]


def test_one_galaxy_is_three_arcsec_or_one_id_and_sixty_arcsec_are_counted_apart(
    make_data: Make,
) -> None:
    ra = np.array([0.0, 10, 10, 20, 359.9999, 0.0001, 50, 60])
    dec = np.array([59 * ARCSEC, 60, 60 + 2.9 * ARCSEC, 60, 0, 0, np.nan, 0])
    data = make_data(8, ra=ra, dec=dec, ids=np.array(list("abcdefgd")))
    assert same_galaxy_groups(data).tolist() == [0, 1, 1, 2, 3, 3, 4, 2]
    assert close_pairs(data, 60) == 4  # a e, a f, b c, e f


def test_three_arcsec_is_three_arcsec_everywhere(make_data: Make) -> None:
    for dec, ra_step in ((0.0, 2.9), (60.0, 2 * 2.9), (89.0, 2.9 / np.cos(np.radians(89)))):
        near = make_data(2, ra=np.array([120, 120 + ra_step * ARCSEC]), dec=np.full(2, dec))
        far = make_data(2, ra=np.array([120, 120 + 1.1 * ra_step * ARCSEC]), dec=np.full(2, dec))
        assert len(np.unique(same_galaxy_groups(near))) == 1
        assert len(np.unique(same_galaxy_groups(far))) == 2


def test_without_coordinates_only_ids_tie(make_data: Make) -> None:
    data = make_data(3, ids=np.array(["a", "b", "a"]))
    assert same_galaxy_groups(data).tolist() == [0, 1, 0]
    assert close_pairs(data, 60) == 0


def test_a_position_shared_by_all_galaxies_costs_no_memory(make_data: Make) -> None:
    data = make_data(
        20_000,
        images=np.zeros((20_000, 1, 1, 3), np.uint8),
        ra=np.zeros(20_000),
        dec=np.zeros(20_000),
    )
    assert close_pairs(data, 60) == 20_000 * 19_999 // 2
    assert len(np.unique(same_galaxy_groups(data))) == 1


def test_surveys_come_from_coordinates_else_from_a_column_of_few_values(make_data: Make) -> None:
    few = pd.DataFrame({"survey": ["x", "y", "x"]})
    names, known_by = surveys(make_data(3, table=few))
    assert (names.tolist(), known_by) == (["x", "y", "x"], "survey")
    names, known_by = surveys(
        make_data(3, table=few, ra=np.array([180.0, 180, np.nan]), dec=np.array([40.0, 0, np.nan]))
    )
    assert (names.tolist(), known_by) == (["north", "south", ""], "dec")
    many = pd.DataFrame({"survey": np.arange(50).astype(str)})
    assert surveys(make_data(50, table=many))[1] == surveys(make_data(3))[1] == ""
