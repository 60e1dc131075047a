from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from astrojepa.evaluation.probes.classification import linear_probe, paired_bootstrap
from astrojepa.evaluation.probes.mlp import mlp_probe
from astrojepa.types import Embeddings

Make = Callable[..., Embeddings]


@pytest.fixture
def crossed(make_embeddings: Make) -> Callable[[int, int], Embeddings]:
    """Two classes by the sign of a product: no line tells them apart."""

    def make(count: int, seed: int) -> Embeddings:
        vectors = np.random.default_rng(seed).normal(size=(count, 6))
        return make_embeddings(
            vectors, (vectors[:, 0] * vectors[:, 1] > 0).astype(int), classes=("alike", "opposite")
        )

    return make


@pytest.mark.slow
def test_a_hidden_layer_finds_what_no_line_can(crossed: Callable[[int, int], Embeddings]) -> None:
    known, check, new = crossed(800, 1), crossed(200, 2), crossed(400, 3)
    curved, straight = (
        mlp_probe(known, new, validation=check),
        linear_probe(known, new, validation=check),
    )
    assert straight.accuracy < 0.6
    assert curved.accuracy > 0.85
    assert paired_bootstrap(curved, straight)[1] > 0


def test_the_same_seed_gives_the_same_network_and_another_seed_another(make_blobs: Make) -> None:
    known, new = make_blobs(spread=2, seed=1), make_blobs(spread=2, seed=2)
    first, again, other = (mlp_probe(known, new, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.probabilities, again.probabilities)
    assert (first.probabilities != other.probabilities).any()


def test_the_epoch_that_validation_likes_best_is_scored(make_blobs: Make) -> None:
    known, check = make_blobs(count=60, spread=4, seed=1), make_blobs(count=200, spread=4, seed=3)
    result = mlp_probe(known, check, validation=check)
    epoch = int(result.setting.split()[-1])
    assert 1 <= epoch < 200
    longer = mlp_probe(
        known, check, validation=dataclasses.replace(check, labels=(check.labels + 1) % 4)
    )
    assert result.balanced_accuracy > longer.balanced_accuracy


def test_one_label_per_class_trains_for_fixed_epochs_and_says_so(make_blobs: Make) -> None:
    result = mlp_probe(make_blobs(count=4, seed=1), make_blobs(seed=2))
    assert result.setting == "256 hidden, epoch 50 (fixed: too few labels to choose)"
    assert result.accuracy > 0.9


def test_a_class_that_was_never_seen_is_never_named_and_one_class_is_refused(
    make_blobs: Make,
) -> None:
    known, new = make_blobs(seed=1), make_blobs(seed=2)
    result = mlp_probe(
        dataclasses.replace(known, labels=np.where(known.labels == 2, -1, known.labels)), new
    )
    assert not result.probabilities[:, 2].any()
    np.testing.assert_allclose(result.probabilities.sum(axis=1), 1, rtol=1e-5)
    with pytest.raises(
        ValueError, match="at least 2 classes, the known galaxies show edge-on only"
    ):
        mlp_probe(dataclasses.replace(known, labels=np.full(200, 2)), new)
