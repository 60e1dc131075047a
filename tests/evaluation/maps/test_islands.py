"""A column that a map separates is measured against chance."""

from __future__ import annotations

import numpy as np
import pytest

from astrojepa.evaluation.maps.islands import Islands, islands


def test_a_map_of_separate_islands_keeps_every_galaxy_among_its_own() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 60)
    places = rng.normal(size=(120, 2)) + 100 * labels[:, None]
    found = islands(places, labels)
    assert found.share == 1
    assert found.chance == pytest.approx(2 * 60 * 59 / (120 * 119))
    assert found.explained == 1


def test_a_map_that_knows_nothing_of_a_column_is_at_chance() -> None:
    rng = np.random.default_rng(1)
    found = islands(rng.normal(size=(3000, 2)), rng.integers(0, 3, 3000))
    assert found.explained == pytest.approx(0, abs=0.02)


def test_the_share_is_that_of_a_slow_count() -> None:
    rng = np.random.default_rng(2)
    places, labels, k = rng.normal(size=(40, 2)), rng.integers(-1, 3, 40), 5
    known = np.flatnonzero(labels >= 0)
    same = []
    for row in known:
        others = [other for other in known if other != row]
        others.sort(key=lambda other: float(np.sum((places[other] - places[row]) ** 2)))
        same += [labels[other] == labels[row] for other in others[:k]]
    assert islands(places, labels, k).share == pytest.approx(np.mean(same))


def test_galaxies_at_one_place_count_as_others_and_not_as_themselves() -> None:
    assert islands(np.zeros((4, 2)), np.arange(4), k=2) == Islands(0.0, 0.0)


def test_one_galaxy_has_no_neighbours() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        islands(np.zeros((3, 2)), np.array([0, -1, -1]))
