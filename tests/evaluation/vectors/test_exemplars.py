"""A few galaxies stand for many."""

from __future__ import annotations

import numpy as np

from astrojepa.evaluation.vectors.exemplars import exemplars


def test_each_group_has_its_most_central_galaxy() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(5), 40)
    features = rng.normal(size=(200, 4)) + 50 * rng.normal(size=(5, 4))[groups]
    found = exemplars(features, 5)
    assert sorted(groups[found]) == [0, 1, 2, 3, 4]
    for row in found:
        members = np.flatnonzero(groups == groups[row])
        gaps = np.linalg.norm(features[members] - features[members].mean(axis=0), axis=1)
        assert members[gaps.argmin()] == row


def test_few_galaxies_all_stand_for_themselves() -> None:
    assert exemplars(np.zeros((3, 2)), 6).tolist() == [0, 1, 2]
