"""The galaxies that are chosen to be labelled: doubtful, and unlike one another."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from astrojepa.cli import main
from astrojepa.evaluation.probes.label_next import label_curve, label_next
from astrojepa.types import Embeddings

Make = Callable[..., Embeddings]


def hidden(embeddings: Embeddings, known: int) -> Embeddings:
    """Keep the first labels alone."""
    labels = np.where(np.arange(len(embeddings)) < known, embeddings.labels, -1)
    return dataclasses.replace(embeddings, labels=labels)


def test_the_galaxies_between_two_classes_are_chosen_before_those_inside_them(
    make_embeddings: Make,
) -> None:
    line = np.linspace(-1, 1, 401)
    labels = np.full(401, -1)
    labels[:5], labels[-5:] = 0, 1
    vectors = np.stack([line, np.random.default_rng(0).normal(size=401) * 0.01], axis=1)
    found = label_next(make_embeddings(vectors, labels), 4)
    assert (np.abs(line[found.rows]) < 0.15).all()
    assert (np.diff(found.margins) >= 0).all()


def test_galaxies_that_are_alike_are_not_chosen_together(make_embeddings: Make) -> None:
    # two equally doubtful heaps; without clusters, ties would all come from the first
    heaps = np.repeat([[0.0, 3.0], [0.0, -3.0]], 30, axis=0)
    ends = np.repeat([[-1.0, 0.0], [1.0, 0.0]], 5, axis=0)
    labels = np.r_[np.zeros(5), np.ones(5), np.full(60, -1)].astype(int)
    vectors = np.r_[ends, heaps + np.random.default_rng(0).normal(size=(60, 2)) * 0.01]
    found = label_next(make_embeddings(vectors, labels), 2)
    assert sorted(vectors[found.rows, 1].round()) == [-3, 3]


def test_without_labels_every_cluster_gives_one_galaxy(make_blobs: Make) -> None:
    blobs = make_blobs(count=200, spread=0.05)
    found = label_next(hidden(blobs, 0), 4)
    assert sorted(blobs.labels[found.rows]) == [0, 1, 2, 3]
    assert np.isnan(found.margins).all()


def test_a_choice_is_of_unlabelled_galaxies_once_and_follows_from_the_seed(
    make_blobs: Make,
) -> None:
    some = hidden(make_blobs(count=200, spread=1.5), 30)
    first, second = label_next(some, 25, seed=3), label_next(some, 25, seed=3)
    np.testing.assert_array_equal(first.rows, second.rows)
    assert len(set(first.rows.tolist())) == 25
    assert (some.labels[first.rows] == -1).all()
    assert len(label_next(some, 500).rows) == 170, "no more than there are"


@pytest.mark.slow
def test_chosen_labels_beat_random_ones_where_few_galaxies_are_doubtful(
    make_embeddings: Make,
) -> None:
    def part(count: int, seed: int) -> Embeddings:
        generator = np.random.default_rng(seed)
        angle = generator.uniform(0, 2 * np.pi, count)
        vectors = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        vectors = np.hstack([vectors, 0.3 * generator.normal(size=(count, 20))])
        return make_embeddings(vectors, (vectors[:, 0] > 0.8).astype(int))

    curve = label_curve(part(600, 0), part(600, 1), batch=10, most=80, draws=6)
    assert [point.num_labels for point in curve] == list(range(10, 81, 10))
    assert curve[0].difference[0] == 0, "both begin with the same galaxies"
    low = curve[-1].difference[1]
    assert low is not None
    assert low > 0
    assert curve[-1].chosen[0] - curve[-1].random[0] == pytest.approx(curve[-1].difference[0])


def test_wrong_settings_are_refused(make_blobs: Make) -> None:
    blobs = make_blobs(count=40)
    with pytest.raises(ValueError, match="Each of the 40 galaxies has a label"):
        label_next(blobs)
    with pytest.raises(ValueError, match="count is 0"):
        label_next(hidden(blobs, 3), 0)
    with pytest.raises(ValueError, match="1 <= batch <= 40 labels"):
        label_curve(blobs, blobs, batch=50)


@pytest.mark.slow
def test_the_command_lists_ids_and_writes_a_curve(
    galaxy_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pd.read_csv(galaxy_folder / "labels.csv")
    command = ["label-next", "random", "--data", str(galaxy_folder), "--out"]
    assert main([*command, str(tmp_path / "none.csv")]) == 2
    assert "has a label; leave those to choose from empty" in capsys.readouterr().err
    flags = ["--curve", "--count", "10", "--most", "30", "--draws", "2"]
    assert main([*command, str(tmp_path / "curve.csv"), *flags]) == 0
    curve = pd.read_csv(tmp_path / "curve.csv")
    assert curve["labels"].tolist() == [10, 20, 30]
    assert list(curve.columns[1:4]) == ["chosen", "chosen low", "chosen high"]

    table.loc[20:, "label"] = None
    table.to_csv(galaxy_folder / "labels.csv", index=False)
    assert main([*command, str(tmp_path / "next.csv"), "--count", "3"]) == 0
    with (tmp_path / "next.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["rank"] for row in rows] == ["1", "2", "3"]
    assert {row["id"] for row in rows} <= set(table["id"][20:])
    assert main([*command, str(tmp_path / "next.txt")]) == 2
    assert "name a file that ends in .csv" in capsys.readouterr().err
