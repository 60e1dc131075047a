"""The probe with a Gaussian kernel."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from astrojepa.evaluation.probes.classification import linear_probe
from astrojepa.evaluation.probes.svm import svm_probe
from astrojepa.types import Embeddings

Make = Callable[..., Embeddings]


def rings(make: Make, count: int, seed: int) -> Embeddings:
    """Two classes by the distance from the middle: no plane tells them apart."""
    vectors = np.random.default_rng(seed).normal(size=(count, 3))
    return make(
        vectors, (np.linalg.norm(vectors, axis=1) > 1.5).astype(int), classes=("near", "far")
    )


def test_a_kernel_finds_what_no_plane_can(make_embeddings: Make) -> None:
    known, check, new = (
        rings(make_embeddings, count, seed) for count, seed in ((600, 1), (200, 2), (400, 3))
    )
    curved, straight = (
        svm_probe(known, new, validation=check),
        linear_probe(known, new, validation=check),
    )
    assert straight.accuracy < 0.65
    assert curved.accuracy > 0.9


def test_probabilities_sum_to_1_and_name_what_the_machine_names(make_blobs: Make) -> None:
    known, new = make_blobs(spread=3, seed=1), make_blobs(spread=3, seed=2)
    result = svm_probe(known, new, seed=0)
    np.testing.assert_allclose(result.probabilities.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(result.probabilities.argmax(axis=1), result.predictions)
    assert result.setting.startswith("RBF, C = ")
    np.testing.assert_array_equal(svm_probe(known, new, seed=0).predictions, result.predictions)


def test_the_units_of_a_feature_change_nothing(make_blobs: Make) -> None:
    known, new = make_blobs(spread=3, seed=1), make_blobs(spread=3, seed=2)
    scaled = (dataclasses.replace(part, vectors=part.vectors * 100 + 7) for part in (known, new))
    np.testing.assert_array_equal(svm_probe(*scaled).predictions, svm_probe(known, new).predictions)


def test_too_few_labels_to_choose_and_a_class_that_was_never_seen(make_blobs: Make) -> None:
    known, new = make_blobs(count=4, seed=1), make_blobs(seed=2)
    assert svm_probe(known, new).setting == "RBF, C = 10, γ = 0.25 / D"
    unseen = svm_probe(
        dataclasses.replace(known, labels=np.where(known.labels == 2, -1, known.labels)), new
    )
    assert not unseen.probabilities[:, 2].any()
    with pytest.raises(ValueError, match="needs at least 2 classes"):
        svm_probe(dataclasses.replace(known, labels=np.zeros_like(known.labels)), new)
