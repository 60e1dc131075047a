from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from astrojepa.evaluation.probes.classification import (
    knn_probe,
    linear_probe,
    majority_probe,
    paired_bootstrap,
)
from astrojepa.types import Embeddings, ProbeResult

Make = Callable[..., Embeddings]
PROBES = [linear_probe, knn_probe]


@pytest.mark.parametrize("probe", PROBES)
def test_separate_blobs_are_named_without_error(
    make_blobs: Make, probe: Callable[..., ProbeResult]
) -> None:
    result = probe(make_blobs(seed=1), make_blobs(seed=2))
    assert result.accuracy == result.balanced_accuracy == result.macro_f1 == 1
    assert result.interval == (1, 1)
    assert result.num_train == 200


@pytest.mark.parametrize("probe", PROBES)
def test_random_labels_stay_near_chance(
    make_embeddings: Make, probe: Callable[..., ProbeResult]
) -> None:
    generator = np.random.default_rng(0)
    known, new = (
        make_embeddings(generator.normal(size=(n, 10)), generator.integers(4, size=n))
        for n in (600, 1000)
    )
    result = probe(known, new)
    assert result.accuracy == pytest.approx(0.25, abs=0.05)
    assert result.interval[0] < 0.25 < result.interval[1]


def test_a_line_between_classes_is_found_where_neighbours_drown_in_noise(
    make_embeddings: Make,
) -> None:
    generator = np.random.default_rng(0)

    def half(n: int) -> Embeddings:
        vectors = generator.normal(size=(n, 60))
        return make_embeddings(vectors, (vectors[:, 3] > 0).astype(int))

    known, new = half(1000), half(500)
    linear, near = linear_probe(known, new), knn_probe(known, new)
    assert linear.accuracy > 0.9
    assert paired_bootstrap(linear, near)[1] > 0


@pytest.mark.parametrize("probe", PROBES)
def test_new_galaxies_cannot_influence_the_probe(
    make_blobs: Make, probe: Callable[..., ProbeResult]
) -> None:
    known, new = make_blobs(spread=1.5, seed=1), make_blobs(spread=1.5, seed=2)
    alone = probe(known, new)
    others = dataclasses.replace(
        new,
        vectors=np.vstack([new.vectors, 1e4 * new.vectors]),
        labels=np.tile(new.labels, 2),
        ids=np.tile(new.ids, 2),
    )
    among = probe(known, others)
    assert among.setting == alone.setting
    np.testing.assert_allclose(among.probabilities[:200], alone.probabilities, rtol=1e-4, atol=1e-6)


def test_rescaled_features_change_nothing(make_blobs: Make) -> None:
    known, new = make_blobs(spread=1.5, seed=1), make_blobs(spread=1.5, seed=2)
    scale = np.random.default_rng(0).uniform(0.01, 100, size=16).astype(np.float32)
    known_scaled, new_scaled = (
        dataclasses.replace(part, vectors=part.vectors * scale + 5) for part in (known, new)
    )
    for probe in PROBES:
        before, after = probe(known, new), probe(known_scaled, new_scaled)
        assert (before.predictions == after.predictions).mean() > 0.99


def test_the_validation_set_chooses_the_strength_and_is_not_fitted(make_blobs: Make) -> None:
    known, new = make_blobs(spread=1.5, seed=1), make_blobs(spread=1.5, seed=2)
    check = make_blobs(spread=1.5, seed=3)
    wrong = dataclasses.replace(check, labels=(check.labels + 1) % 4)
    result = linear_probe(known, new, validation=check)
    assert result.num_train == 200
    assert result.setting.startswith("C = ")
    assert linear_probe(known, new, validation=wrong).accuracy > 0.5


def test_the_same_seed_gives_the_same_probe(make_blobs: Make) -> None:
    known, new = make_blobs(spread=2, seed=1), make_blobs(spread=2, seed=2)
    np.testing.assert_array_equal(
        linear_probe(known, new, seed=3).probabilities,
        linear_probe(known, new, seed=3).probabilities,
    )


def test_one_label_per_class_fixes_the_strength_and_says_so(make_blobs: Make) -> None:
    result = linear_probe(make_blobs(count=4, seed=1), make_blobs(seed=2))
    assert result.accuracy > 0.9
    assert result.setting == "C = 0.01 (fixed: too few labels to choose)"


@pytest.mark.parametrize("probe", [*PROBES, majority_probe])
def test_unlabelled_galaxies_are_left_out(
    make_blobs: Make, probe: Callable[..., ProbeResult]
) -> None:
    known, new = make_blobs(seed=1), make_blobs(seed=2)
    labels = new.labels.copy()
    labels[::3] = -1
    known_labels = known.labels.copy()
    known_labels[:50] = -1
    result = probe(
        dataclasses.replace(known, labels=known_labels), dataclasses.replace(new, labels=labels)
    )
    np.testing.assert_array_equal(result.rows, np.flatnonzero(np.arange(200) % 3))
    np.testing.assert_array_equal(result.truth, new.labels[result.rows])
    assert result.num_train == 150
    assert result.probabilities.shape == (133, 4)


@pytest.mark.parametrize("probe", PROBES)
def test_a_class_that_was_never_seen_is_never_named(
    make_blobs: Make, probe: Callable[..., ProbeResult]
) -> None:
    known, new = make_blobs(seed=1), make_blobs(seed=2)
    result = probe(
        dataclasses.replace(known, labels=np.where(known.labels == 2, -1, known.labels)), new
    )
    assert 2 not in result.predictions
    assert not result.probabilities[:, 2].any()
    assert result.balanced_accuracy == pytest.approx(0.75, abs=0.01)


@pytest.mark.parametrize("probe", PROBES)
def test_probabilities_sum_to_one(make_blobs: Make, probe: Callable[..., ProbeResult]) -> None:
    result = probe(make_blobs(spread=2, seed=1), make_blobs(spread=2, seed=2))
    np.testing.assert_allclose(result.probabilities.sum(axis=1), 1, rtol=1e-5)
    assert result.probabilities.dtype == np.float32


def test_knn_probe_equals_a_slow_vote(make_blobs: Make) -> None:
    known, new = make_blobs(count=60, spread=2, seed=1), make_blobs(count=20, spread=2, seed=2)
    mean, std = known.vectors.mean(axis=0), known.vectors.std(axis=0)
    slow = []
    for vector in (new.vectors - mean) / std:
        cosines = [
            float(vector @ other / np.linalg.norm(vector) / np.linalg.norm(other))
            for other in (known.vectors - mean) / std
        ]
        votes = np.zeros(4)
        for row in np.argsort(cosines)[::-1][:7]:
            votes[known.labels[row]] += (1 + cosines[row]) / 2
        slow.append(votes / votes.sum())
    np.testing.assert_allclose(knn_probe(known, new, k=7).probabilities, slow, rtol=1e-4, atol=1e-6)


def test_knn_probe_with_few_known_galaxies_lowers_k_and_says_so(make_blobs: Make) -> None:
    result = knn_probe(make_blobs(count=3, num_classes=2), make_blobs(num_classes=2, seed=2), k=20)
    assert result.setting == "k = 3"


def test_majority_probe_names_the_commonest_known_class(make_embeddings: Make) -> None:
    known = make_embeddings(np.zeros((5, 2)), [1, 1, 1, 0, 2])
    result = majority_probe(known, make_embeddings(np.zeros((4, 2)), [1, 0, 0, 3]))
    assert (result.accuracy, result.balanced_accuracy) == (0.25, pytest.approx(1 / 3))
    np.testing.assert_allclose(result.probabilities[0], [0.2, 0.6, 0.2, 0])
    assert result.setting == "always round"


@pytest.mark.parametrize("probe", PROBES)
def test_wrong_parts_are_refused(make_blobs: Make, probe: Callable[..., ProbeResult]) -> None:
    known, new = make_blobs(seed=1), make_blobs(seed=2)
    none = np.full(200, -1)
    with pytest.raises(ValueError, match="None of the 200 known galaxies has a label"):
        probe(dataclasses.replace(known, labels=none), new)
    with pytest.raises(ValueError, match="None of the 200 new galaxies has a label"):
        probe(known, dataclasses.replace(new, labels=none))
    with pytest.raises(ValueError, match="The classes differ: spiral, round"):
        probe(known, dataclasses.replace(new, classes=("a", "b", "c", "d")))
    with pytest.raises(ValueError, match="16 and 8 features"):
        probe(known, make_blobs(width=8))
    broken = new.vectors.copy()
    broken[17, 3] = np.nan
    with pytest.raises(ValueError, match="galaxy g17 is not finite"):
        probe(known, dataclasses.replace(new, vectors=broken))
    with pytest.raises(ValueError, match="A label is 9"):
        probe(dataclasses.replace(known, labels=known.labels + 6), new)


def test_a_single_known_class_is_refused_and_named(make_blobs: Make) -> None:
    known = make_blobs()
    with pytest.raises(
        ValueError, match="at least 2 classes, the known galaxies show edge-on only"
    ):
        linear_probe(dataclasses.replace(known, labels=np.full(200, 2)), known)


def test_a_strength_that_is_given_is_not_chosen(make_blobs: Make) -> None:
    known, new = make_blobs(spread=2, seed=1), make_blobs(spread=2, seed=2)
    assert linear_probe(known, new, strength=3.0).setting == "C = 3 (given)"
    with pytest.raises(ValueError, match="C is 0; it must be above 0"):
        linear_probe(known, new, strength=0)


def test_a_validation_set_without_labels_is_named(make_blobs: Make) -> None:
    known = make_blobs(seed=1)
    with pytest.raises(ValueError, match="None of the 200 validation galaxies has a label"):
        linear_probe(known, known, validation=dataclasses.replace(known, labels=np.full(200, -1)))


@pytest.mark.parametrize("probe", [*PROBES, majority_probe])
def test_three_galaxies_and_duplicate_ids_give_a_defined_result(
    make_embeddings: Make, probe: Callable[..., ProbeResult]
) -> None:
    known = make_embeddings([[0.0, 1], [1, 0], [1, 0]], [0, 1, 1], ids=["M31", "M33", "M33"])
    result = probe(known, make_embeddings([[1.0, 0]], [1]))
    assert result.accuracy == 1
    assert result.num_train == 3
