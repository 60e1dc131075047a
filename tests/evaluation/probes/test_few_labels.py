from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from astrojepa.evaluation.probes.classification import knn_probe, linear_probe
from astrojepa.evaluation.probes.few_labels import few_label_curve, few_label_probe, mean_over_draws
from astrojepa.types import Embeddings

Make = Callable[..., Embeddings]


def recorded(seen: list[np.ndarray]) -> Callable[..., Any]:
    """The nearest-neighbour probe, noting the ids it was given."""

    def probe(known: Embeddings, new: Embeddings, seed: int) -> Any:
        seen.append(known.ids)
        return knn_probe(known, new, k=1)

    return probe


def test_separate_blobs_are_named_from_few_labels(make_blobs: Make) -> None:
    curve = few_label_curve(make_blobs(seed=1), make_blobs(seed=2), draws=4)
    assert [point.budget for point in curve] == [
        "1 per class",
        "5 per class",
        "10 per class",
        "20 per class",
        "1 %",
        "5 %",
        "10 %",
        "100 %",
    ]
    assert [point.num_labels for point in curve] == [4, 20, 40, 80, 4, 8, 20, 200]
    assert [len(point.accuracies) for point in curve] == [4, 4, 4, 4, 4, 4, 4, 1], (
        "everything is drawn once"
    )
    assert min(point.balanced_accuracies.mean() for point in curve) > 0.97


def test_more_labels_are_worth_more(make_blobs: Make) -> None:
    curve = few_label_curve(
        make_blobs(count=800, spread=2, seed=1),
        make_blobs(count=400, spread=2, seed=2),
        shares=(1.0,),
    )
    means = [point.balanced_accuracies.mean() for point in curve]
    assert means == sorted(means)


def test_draws_are_stratified_nested_and_the_same_for_other_vectors(make_blobs: Make) -> None:
    known, new, seen, others = make_blobs(seed=1), make_blobs(seed=2), [], []
    few_label_curve(known, new, shares=(), per_class=(2, 5), draws=3, probe=recorded(seen))
    doubled, twice = (
        dataclasses.replace(part, vectors=part.vectors[:, :3] * 2) for part in (known, new)
    )
    few_label_curve(doubled, twice, shares=(), per_class=(2, 5), draws=3, probe=recorded(others))
    assert [ids.tolist() for ids in seen] == [ids.tolist() for ids in others]
    labels = dict(zip(known.ids.tolist(), known.labels.tolist(), strict=True))
    for ids in seen:
        assert len(np.unique(np.bincount([labels[name] for name in ids.tolist()]))) == 1
    for small, large in zip(seen[:3], seen[3:], strict=True):
        assert set(small.tolist()) < set(large.tolist())
    assert len({tuple(ids.tolist()) for ids in seen}) == 6


def test_another_seed_draws_other_galaxies_and_the_same_seed_the_same(make_blobs: Make) -> None:
    known, new = make_blobs(spread=2, seed=1), make_blobs(spread=2, seed=2)
    first, again, other = (
        few_label_curve(known, new, shares=(), per_class=(3,), seed=seed)[0] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.accuracies, again.accuracies)
    assert (first.accuracies != other.accuracies).any()


def test_small_classes_give_all_they_have_and_unlabelled_galaxies_nothing(make_blobs: Make) -> None:
    known, new = make_blobs(seed=1), make_blobs(seed=2)
    labels = known.labels.copy()
    labels[np.flatnonzero(labels == 3)[2:]] = -1
    curve = few_label_curve(
        dataclasses.replace(known, labels=labels), new, shares=(0.01, 1.0), per_class=(5,), draws=2
    )
    assert [point.num_labels for point in curve] == [17, 4, 152]


def test_the_strength_is_fixed_for_few_labels_and_chosen_for_many(make_blobs: Make) -> None:
    new = make_blobs(seed=2)
    assert few_label_probe(make_blobs(count=999, seed=1), new).setting == "C = 1 (given)"
    many = make_blobs(count=1000, seed=1)
    assert few_label_probe(many, new).setting == linear_probe(many, new).setting


def test_the_interval_covers_the_mean_about_95_times_in_100() -> None:
    drawn = np.random.default_rng(0).normal(0.7, 0.05, size=(1000, 5))
    covered = [low <= 0.7 <= high for _, low, high in map(mean_over_draws, drawn)]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)


def test_one_draw_has_no_interval() -> None:
    assert mean_over_draws(np.array([0.5])) == (0.5, None, None)
    assert mean_over_draws(np.array([0.5, 0.5])) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    "wrong", [{"draws": 0}, {"shares": (0.0,)}, {"shares": (1.5,)}, {"per_class": (0,)}]
)
def test_impossible_budgets_are_refused(make_blobs: Make, wrong: dict[str, Any]) -> None:
    with pytest.raises(
        ValueError, match=r"Expected draws >= 1, shares in \(0, 1\] and numbers >= 1, found"
    ):
        few_label_curve(make_blobs(), make_blobs(), **wrong)


def test_galaxies_without_labels_or_of_one_class_are_refused(make_blobs: Make) -> None:
    known = make_blobs()
    with pytest.raises(ValueError, match="None of the 200 known galaxies has a label"):
        few_label_curve(dataclasses.replace(known, labels=np.full(200, -1)), known)
    with pytest.raises(ValueError, match="at least 2 classes"):
        few_label_curve(dataclasses.replace(known, labels=np.zeros(200, int)), known)
