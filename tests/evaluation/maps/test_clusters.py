"""Clusters are found where there are some, are stable, and are named by what distinguishes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

import astrojepa as aj
from astrojepa.data.values import Numbers, coded
from astrojepa.evaluation.baselines.shape_columns import STATISTICS, shape_columns
from astrojepa.evaluation.baselines.shape_statistics import shape_statistics
from astrojepa.evaluation.maps import clusters as clustering
from astrojepa.evaluation.maps.cluster_labels import cluster_labels
from astrojepa.evaluation.maps.clusters import find_clusters
from astrojepa.types import Embeddings


def embedded(vectors: np.ndarray) -> Embeddings:
    named = np.arange(len(vectors)).astype(str)
    return Embeddings(vectors.astype(np.float32), np.full(len(vectors), -1), named, ())


def clouds(sizes: tuple[int, ...], gap: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    return rng.normal(size=(len(truth), 8)) + gap * rng.normal(size=(len(sizes), 8))[truth], truth


@pytest.mark.slow
def test_clouds_far_apart_are_clusters_that_halves_of_them_confirm() -> None:
    vectors, truth = clouds((300, 200, 100), gap=20)
    found = find_clusters(embedded(vectors), cache=False)
    assert found.coarse.count == 3
    assert found.coarse.stability > 0.95
    assert np.bincount(found.coarse.labels + 1)[1:].argmax() == 0, "the largest is the first"
    inside = found.coarse.labels >= 0
    assert inside.mean() > 0.9
    assert adjusted_rand_score(truth[inside], found.coarse.labels[inside]) == 1


def test_one_cloud_has_no_stable_clusters() -> None:
    found = find_clusters(embedded(clouds((900,), gap=0)[0]), cache=False)
    assert found.coarse.count == found.fine.count == 0
    assert (found.coarse.labels == -1).all()
    assert 0 <= found.coarse.stability < clustering.STABLE


@pytest.mark.slow
def test_groups_of_groups_are_found_at_two_levels() -> None:
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(6), 150)
    centres = np.array([[0, 0], [2, 0], [0, 2], [20, 20], [22, 20], [20, 22]])
    found = find_clusters(embedded(rng.normal(size=(900, 2)) * 0.5 + centres[group]), cache=False)
    assert found.coarse.count == 2
    assert adjusted_rand_score(group // 3, found.coarse.labels) > 0.98
    assert found.fine.count == 6
    inside = found.fine.labels >= 0
    assert adjusted_rand_score(group[inside], found.fine.labels[inside]) > 0.9


@pytest.mark.slow
def test_galaxies_beyond_the_sample_join_their_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clustering, "SAMPLE", 200)
    vectors, truth = clouds((400, 400), gap=20)
    found = find_clusters(embedded(vectors), cache=False).coarse
    inside = found.labels >= 0
    assert inside.sum() > 700
    assert adjusted_rand_score(truth[inside], found.labels[inside]) == 1


def test_few_or_equal_galaxies_have_no_clusters() -> None:
    for vectors in (clouds((30, 30), gap=20)[0], np.ones((200, 4))):
        assert find_clusters(embedded(vectors), cache=False).fine.count == 0


def test_clusters_are_kept_and_progress_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASTROJEPA_CACHE", str(tmp_path))
    vectors = embedded(clouds((80, 60), gap=20)[0])
    told: list[tuple[int, int, str]] = []
    first = find_clusters(vectors, progress=lambda *step: told.append(step))
    assert [step[0] for step in told] == sorted(step[0] for step in told)
    assert told[-1][0] <= told[-1][1]
    monkeypatch.setattr(clustering, "_fitted", None)
    again = find_clusters(vectors)
    np.testing.assert_array_equal(first.fine.labels, again.fine.labels)
    assert again.fine.labels.dtype == np.int64
    assert again.coarse.stability == pytest.approx(first.coarse.stability)


def test_a_label_gives_the_share_of_the_class_and_the_strongest_other_trait() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, -1], [100, 60, 240])
    codes = np.where(np.arange(400) < 82, 0, 1)
    colour = rng.normal(size=400) + 4 * (labels == 0)
    names = [one.name for one in STATISTICS]
    columns = {
        "redshift": Numbers(rng.normal(size=400) - 2 * (labels == 1)),
        names[0]: Numbers(colour),
        "noise": Numbers(rng.normal(size=400)),
        "class": coded(codes, ["edge-on", "spiral"]),
        "kind": coded(codes, ["Edge-on", "Spiral"]),
    }
    expected = ("82 % edge-on, red", "100 % spiral, low redshift")
    assert cluster_labels(labels, columns) == expected


def test_labels_are_different_and_say_so_where_nothing_distinguishes() -> None:
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1, 2], [60, 60, 200])
    same = {"z": Numbers(rng.normal(size=320) + 5 * (labels < 2))}
    assert cluster_labels(labels, same) == ("high z", "high z (2)", "low z")
    assert cluster_labels(labels, {"noise": Numbers(rng.normal(size=320))}) == (
        "cluster 1",
        "cluster 2",
        "cluster 3",
    )
    assert cluster_labels(np.full(320, -1), same) == ()


def test_a_column_that_few_of_a_cluster_have_does_not_name_it() -> None:
    values = np.where(np.arange(300) % 3 == 0, np.repeat([5.0, 1.0], 150), np.nan)
    values += np.random.default_rng(2).normal(size=300)
    labels = np.repeat([0, 1], 150)
    assert cluster_labels(labels, {"z": Numbers(values)}) == ("cluster 1", "cluster 2")


def test_named_statistics_are_what_their_words_say() -> None:
    """A large elongated red galaxy beside a small round blue one."""
    axis = np.arange(64) - 31.5
    x, y = np.meshgrid(axis, axis)
    light = [np.exp(-np.hypot(x / 14, y / 5)), np.exp(-np.hypot(x / 3, y / 3))]
    tints = np.array([[1.0, 0.6, 0.4], [0.4, 0.6, 1.0]])
    images = np.stack(
        [255 * one[..., None] * tint for one, tint in zip(light, tints, strict=True)]
    ).astype(np.uint8)
    measured = shape_statistics(images)
    high = {
        one.more: bool(np.diff(measured[:, list(one.entries)].sum(axis=1))[0] < 0)
        for one in STATISTICS
    }
    assert high["red"]
    assert high["red outskirts"]
    assert high["large"]
    assert high["elongated"]
    assert not high["light in few pixels"]


def test_every_galaxy_has_each_named_statistic() -> None:
    columns = shape_columns(aj.open_dataset("simulated:8"))
    assert set(columns) == {one.name for one in STATISTICS}
    assert all(values.values.shape == (8,) and values.known.all() for values in columns.values())
