"""A simulated store: its true neighbours, its order on disk, and writing it in pieces."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

import astrojepa as aj
from astrojepa.cli import main
from astrojepa.evaluation.maps.morton import morton_codes
from astrojepa.evaluation.vectors import simulated_store as module
from astrojepa.evaluation.vectors.simulated_store import FIRST_ID, Mixture, simulate_store
from astrojepa.evaluation.vectors.standardise import standardisation
from astrojepa.evaluation.vectors.stored import open_vectors
from benchmarks.true_neighbours import true_neighbours

SMALL = Mixture(3000, width=24, seed=5)


@pytest.fixture
def in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PARTITION", 500)


@pytest.fixture
def store(tmp_path: Path, in_pieces: None) -> Path:
    simulate_store(SMALL, tmp_path / "store")
    return tmp_path / "store"


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_true_neighbours_are_those_of_comparing_all(store: Path) -> None:
    found = open_vectors(store).embeddings
    scale = standardisation(found.vectors)[1]
    facts = parquet.read_schema(next(store.iterdir())).metadata
    assert Mixture(**json.loads(facts[b"mixture"])) == SMALL
    for row in (0, 1234, 2999):
        near, true = aj.neighbours(found, row, 10), true_neighbours(SMALL, row, 10, scale)
        np.testing.assert_array_equal(true.indices, near.indices)
        np.testing.assert_allclose(true.distances, near.distances, rtol=1e-4)


def test_true_neighbours_are_found_in_other_groups_where_a_group_is_too_small(
    tmp_path: Path,
) -> None:
    mixture = Mixture(260, width=12)
    simulate_store(mixture, tmp_path / "s")
    vectors = aj.read_vectors(tmp_path / "s").vectors
    assert mixture.sizes.min() < 80
    order = np.argsort(np.linalg.norm(vectors - vectors[17], axis=1), kind="stable")
    assert set(true_neighbours(mixture, 17, 120).indices) == set(order[1:121].tolist())


def test_the_store_opens_as_any_vectors_and_says_that_it_is_simulated(store: Path) -> None:
    found = open_vectors(store)
    assert len(found.embeddings) == 3000
    assert found.embeddings.vectors.dtype == np.float32
    assert found.embeddings.ids.tolist() == [str(FIRST_ID + row) for row in range(3000)]
    assert found.galaxies.simulated
    assert np.isfinite(found.galaxies.ra).all()
    assert np.abs(found.galaxies.dec).max() <= 90
    assert len(found.embeddings.classes) == 10


def test_galaxies_follow_the_curve_of_their_places_through_all_partitions(store: Path) -> None:
    table = parquet.read_table(store, columns=["x", "y", "vector", "score"])
    xy = np.column_stack([table["x"], table["y"]])
    codes = morton_codes(xy, np.zeros(2), np.full(2, SMALL.side))
    assert len(list(store.iterdir())) > 3
    assert (np.diff(codes.astype(np.int64)) >= 0).all()
    assert table.schema.field("vector").type.value_type == "halffloat"
    centres = np.repeat(SMALL.centres, SMALL.sizes, axis=0)
    vectors = np.stack(table["vector"].to_numpy())
    np.testing.assert_allclose(
        np.linalg.norm(vectors - centres, axis=1), table["score"].to_numpy(), atol=0.02
    )


def test_a_partition_does_not_depend_on_the_others_and_one_that_is_missing_is_written_again(
    store: Path,
) -> None:
    before = content(store)
    for number, name in enumerate(sorted(before)):
        if number % 2:
            (store / name).unlink()
    with pytest.raises(FileNotFoundError, match=r"is unfinished: it has \d of \d partitions part"):
        aj.read_vectors(store)
    assert simulate_store(SMALL, store) == (len(before) + 1) // 2
    assert content(store) == before


def test_a_folder_of_something_else_is_refused(store: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds other files than those of this store"):
        simulate_store(Mixture(3000, width=24, seed=6), store)
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="is a file; name a folder"):
        simulate_store(SMALL, tmp_path / "file")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"count": 0}, r"count is 0; it must lie in \[1, 100,000,000\]"),
        ({"count": 9, "width": 3}, "width is 3"),
        ({"count": 9, "seed": -1}, "seed is -1"),
    ],
)
def test_sizes_that_cannot_be_are_refused(wrong: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Mixture(**wrong)


def test_the_command_writes_a_store_and_goes_on_with_it(
    tmp_path: Path, in_pieces: None, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "store"
    command = ["simulate-store", "--count", "1200", "--width", "16", "--out", str(out)]
    assert main(command) == 0
    assert "1,200 SIMULATED vectors of width 16 in 3 partitions" in capsys.readouterr().out
    next(out.iterdir()).unlink()
    assert main(command) == 0
    assert "2 of 3 partitions were already there" in capsys.readouterr().out
    near = tmp_path / "near.csv"
    asked = ["--galaxy", str(FIRST_ID + 7), "--k", "3", "--out", str(near)]
    assert main(["neighbours", "--vectors", str(out), *asked]) == 0
    assert len(near.read_text().splitlines()) == 4
    for words in (["anomalies"], ["project", "--method", "pca", "--out", str(tmp_path / "m.csv")]):
        assert main([*words, "--vectors", str(out)]) == 0
    assert main(["simulate-store", "--count", "0", "--out", str(out)]) == 2
