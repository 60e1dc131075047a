"""Whitened vectors: uncorrelated on the reference, whatever coordinates they came in."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from astrojepa.evaluation.probes.classification import knn_probe
from astrojepa.evaluation.vectors.neighbours import neighbours
from astrojepa.evaluation.vectors.standardise import whiten
from astrojepa.types import Embeddings

Make = Callable[..., Embeddings]


def correlated(count: int = 500, width: int = 6, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return (
        generator.normal(size=(count, width)) @ generator.normal(size=(width, width)) + 3
    ).astype(np.float32)


def test_the_reference_has_unit_covariance_and_others_are_moved_with_it() -> None:
    vectors = correlated()
    whole, part = whiten(vectors, vectors[:50])
    np.testing.assert_allclose(np.cov(whole, rowvar=False, bias=True), np.eye(6), atol=1e-3)
    np.testing.assert_allclose(whole.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(part, whole[:50], atol=1e-4)


def test_distances_do_not_depend_on_the_coordinates() -> None:
    vectors = correlated()
    mixed = vectors @ (np.random.default_rng(1).normal(size=(6, 6)) + 4 * np.eye(6)).astype(
        np.float32
    )
    (one,), (other,) = whiten(vectors), whiten(mixed)
    distances = [np.linalg.norm(each[:20, None] - each[None, :20], axis=2) for each in (one, other)]
    np.testing.assert_allclose(distances[0], distances[1], rtol=0.02, atol=0.05)


def test_directions_in_which_nothing_varies_are_left_out() -> None:
    vectors = correlated()
    doubled = np.concatenate((vectors, vectors[:, :2], np.ones((500, 1), np.float32)), axis=1)
    assert whiten(doubled)[0].shape == (500, 6)
    assert whiten(vectors[:4])[0].shape == (4, 3)
    assert whiten(vectors[:, :1])[0].shape == (500, 1)


def test_a_faint_direction_counts_for_neighbours_and_votes_once_it_is_whitened(
    make_embeddings: Make,
) -> None:
    generator = np.random.default_rng(0)
    loud, labels = generator.normal(size=(400, 4)), generator.integers(0, 2, 400)
    faint = 0.2 * (labels[:, None] * 2 - 1) + 0.05 * generator.normal(size=(400, 1))
    vectors = np.concatenate([loud[:, :1] + faint, loud], axis=1)
    known, new = (
        make_embeddings(vectors[part], labels[part], classes=("a", "b"))
        for part in (slice(300), slice(300, 400))
    )
    plain, white = knn_probe(known, new), knn_probe(known, new, whitened=True)
    assert white.accuracy > plain.accuracy + 0.1
    assert white.setting == "k = 20, whitened"
    found = neighbours(known, 0, k=20, whitened=True)
    assert (found.indices != neighbours(known, 0, k=20).indices).any()
    assert (np.diff(found.distances) >= 0).all()
