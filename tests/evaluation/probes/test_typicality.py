from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import kstest
from sklearn.covariance import LedoitWolf

from astrojepa.evaluation.probes.portable import fit_probe, probe_from_dict
from astrojepa.evaluation.probes.typicality import distances, typicality, unlike, whitening
from astrojepa.types import Embeddings

Make = Callable[..., Embeddings]


def correlated(count: int, seed: int, width: int = 12) -> np.ndarray:
    mixed = np.random.default_rng(7).normal(size=(width, width))
    drawn: np.ndarray = np.random.default_rng(seed).normal(size=(count, width)) @ mixed
    return drawn


def test_distances_are_those_of_mahalanobis_with_a_shrunken_covariance() -> None:
    known, new = correlated(300, 1), correlated(20, 2)
    fitted = LedoitWolf().fit(known)
    expected = cdist(new, np.zeros((1, 12)), "mahalanobis", VI=fitted.precision_)[:, 0]
    found = distances(new, whitening(known))
    np.testing.assert_allclose(found, expected / np.sqrt(12), rtol=1e-3)


def test_many_features_are_whitened_in_a_subspace_that_is_small_in_a_file() -> None:
    known = np.random.default_rng(0).normal(size=(900, 600))
    directions = whitening(known)
    assert directions.shape == (600, 54)
    assert np.cov((known @ directions).T).trace() / 54 == pytest.approx(1, abs=0.1)


def test_a_constant_feature_and_two_galaxies_give_finite_distances() -> None:
    known = correlated(50, 1)
    known[:, 3] = 0
    assert np.isfinite(distances(known, whitening(known))).all()
    assert np.isfinite(distances(known[:2], whitening(known[:2]))).all()


def test_typicality_is_the_share_of_kept_galaxies_that_are_as_far_or_farther() -> None:
    kept = np.array([1, 2, 2, 3], dtype=np.float32)
    found = typicality(np.array([0.5, 1, 2, 2.5, 3, 4], dtype=np.float32), kept)
    np.testing.assert_allclose(found, np.array([5, 5, 4, 2, 2, 1]) / 5)


def test_of_galaxies_like_the_known_ones_typicality_is_uniform_and_shifted_ones_stand_out() -> None:
    known, kept, new = (correlated(2000, seed) for seed in (1, 2, 3))
    directions = whitening(known)
    far = np.sort(distances(kept, directions))
    alike = typicality(distances(new, directions), far)
    assert kstest(alike, "uniform").statistic < 0.06
    axis = np.linalg.svd(known)[2][-1]  # in which the known ones differ least
    moved = new + 6 * np.std(known @ axis) * axis
    assert (typicality(distances(moved, directions), far) <= 0.05).mean() > 0.8
    said, distrusted = unlike(typicality(distances(moved, directions), far), 2000)
    assert distrusted
    assert "%) are less typical than 95 % of the labelled ones (5 % would be expected)" in said
    assert not unlike(alike, 2000)[1]


@pytest.mark.slow
@pytest.mark.parametrize(("num_kept", "count"), [(19, 2000), (39, 2000), (5000, 5), (5000, 40)])
def test_chance_alone_brings_distrust_in_fewer_than_one_in_fifty_draws(
    num_kept: int, count: int
) -> None:
    generator = np.random.default_rng(0)
    alarms = [
        unlike(typicality(generator.random(count), np.sort(generator.random(num_kept))), num_kept)
        for _ in range(1000)
    ]
    assert np.mean([distrusted for _, distrusted in alarms]) < 0.02


def test_one_galaxy_that_is_unlike_is_counted_and_brings_no_distrust() -> None:
    said, distrusted = unlike(np.array([0.01]), 5000)
    assert (said[:24], distrusted) == ("1 of 1 galaxies (100.0 %", False)


def test_without_enough_kept_galaxies_nothing_is_said_of_typicality() -> None:
    assert "make it again" in unlike(np.full(3, np.nan), 0)[0]
    assert "be told: 18 of those were kept aside, and 19 are" in unlike(np.ones(3), 18)[0]


def test_the_file_of_a_probe_tells_how_its_typicality_is_computed(make_blobs: Make) -> None:
    known, check, kept, new = (make_blobs(seed=seed) for seed in (1, 2, 3, 4))
    probe = fit_probe("linear", known, new)[0].calibrated(known, check, kept)
    content = json.loads(json.dumps(probe.to_dict()))
    scale, told = content["standardisation"], content["typicality"]
    x = (new.vectors - np.array(scale["shift"])) * np.array(scale["factor"])
    distance = np.sqrt(np.mean((x @ np.array(told["whitening"])) ** 2, axis=1))
    kept_far = np.array(told["distances"])
    by_hand = [(1 + (kept_far >= d).sum()) / (1 + len(kept_far)) for d in distance]
    found = probe.predict(new, 0.8).typicality
    np.testing.assert_allclose(found, by_hand, atol=1.1 / (1 + len(kept_far)))


def test_a_probe_of_before_is_read_and_knows_no_typicality(make_blobs: Make) -> None:
    known, check, new = (make_blobs(seed=seed) for seed in (1, 2, 3))
    content = fit_probe("linear", known, new)[0].calibrated(known, check, check).to_dict()
    del content["typicality"]
    assert np.isnan(probe_from_dict(content).predict(new, 0.8).typicality).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"whitening": [[1.0]]},
        {"whitening": [[]] * 16},
        {"whitening": [[1.0] * 17] * 16},  # more directions than features: a stranger's file
        {"distances": [2.0, 1.0]},
        {"distances": "far"},
    ],
)
def test_a_damaged_typicality_is_refused(make_blobs: Make, wrong: dict[str, object]) -> None:
    known, check, new = (make_blobs(seed=seed) for seed in (1, 2, 3))
    content = fit_probe("linear", known, new)[0].calibrated(known, check, check).to_dict()
    content["typicality"] |= wrong
    with pytest.raises(ValueError, match="export it again"):
        probe_from_dict(content)
