"""A map of a store: fitted to some galaxies, the others placed, all written back in order."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

import astrojepa as aj
from astrojepa.cli import main
from astrojepa.evaluation.maps import store_map
from astrojepa.evaluation.maps.large_map import method_of
from astrojepa.evaluation.maps.morton import morton_codes
from astrojepa.evaluation.maps.placement import place
from astrojepa.evaluation.maps.store_map import project_store, write_map
from astrojepa.evaluation.maps.store_pca import project_by_pca
from astrojepa.evaluation.vectors import sorted_store
from astrojepa.evaluation.vectors.simulated_store import Mixture, simulate_store
from astrojepa.evaluation.vectors.sorted_store import write_sorted
from astrojepa.evaluation.vectors.store import Store, open_store
from astrojepa.types import Embeddings

COUNT = 1500


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr("astrojepa.evaluation.vectors.simulated_store.PARTITION", 400)
    monkeypatch.setattr(sorted_store, "PARTITION", 500)
    monkeypatch.setenv("ASTROJEPA_CACHE", str(tmp_path / "cache"))
    simulate_store(Mixture(COUNT, width=12), tmp_path / "store")
    return open_store(tmp_path / "store")


def part_of(found: Embeddings, rows: np.ndarray) -> Embeddings:
    return Embeddings(found.vectors[rows], found.labels[rows], found.ids[rows], found.classes)


def test_some_galaxies_are_fitted_and_the_others_placed_among_them(store: Store) -> None:
    made = project_store(store, "pca", fit=300)
    found = aj.read_vectors(store.path)
    rows = np.sort(np.random.default_rng(0).permutation(COUNT)[:300])
    known = part_of(found, rows)
    fitted = aj.project(known, "pca")
    np.testing.assert_allclose(made.xy[rows], fitted, atol=1e-5)
    np.testing.assert_allclose(made.xy, place(found, known, fitted, "pca"), atol=1e-5)
    assert made.recipe == {"method": "pca", "fitted_to": 300}
    assert (made.fitted.num_galaxies, made.placed.num_galaxies) == (300, 300)


@pytest.mark.slow
def test_placed_galaxies_are_judged_apart_from_the_fitted(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_map, "JUDGED", 200)
    made = project_store(store, "umap", fit=400)
    assert made.placed.num_galaxies == 200
    assert made.placed.trustworthiness > 0.7  # about 0.5 for a random map
    assert made.placed.accuracy > 2 * made.placed.majority
    np.testing.assert_array_equal(project_store(store, "umap", fit=400).xy, made.xy)


@pytest.mark.parametrize("fit", [4, COUNT])
def test_a_fit_that_leaves_nothing_to_place_is_refused(store: Store, fit: int) -> None:
    with pytest.raises(ValueError, match=r"it must lie between 5 and 1,495 of the 1,500 galaxies"):
        project_store(store, "pca", fit=fit)


def test_the_new_store_has_every_galaxy_once_with_its_place_along_the_curve(
    store: Store, tmp_path: Path
) -> None:
    made = project_store(store, "pca", fit=300)
    assert write_map(store, made, tmp_path / "new", {"creator": "me"}) == 3
    before, after = (parquet.read_table(path) for path in (store.path, tmp_path / "new"))
    assert set(after.column_names) == set(before.column_names)
    xy = np.column_stack([after["x"], after["y"]])
    codes = morton_codes(xy, xy.min(axis=0), xy.max(axis=0))
    assert (np.diff(codes.astype(np.int64)) >= 0).all()
    order = np.argsort(after["object_id"].to_numpy())
    np.testing.assert_array_equal(after["object_id"].to_numpy()[order], before["object_id"])
    np.testing.assert_array_equal(xy[order], made.xy)
    for name in ("vector", "ra", "label", "score"):
        assert after[name].take(pa.array(order)).to_pylist() == before[name].to_pylist()
    facts = after.schema.metadata
    assert json.loads(facts[b"map"])["method"] == "pca"
    assert [method_of(open_store(path)) for path in (store.path, tmp_path / "new")] == ["", "pca"]
    assert facts[b"creator"] == b"me"
    assert facts[b"simulated"] == b"true"
    assert b"mixture" not in facts, "its rows stand in another order"
    assert (
        aj.read_vectors(tmp_path / "new").ids.tolist()
        == after["object_id"].cast(pa.string()).to_pylist()
    )


def test_a_map_beside_that_of_the_store_leaves_all_else_as_it_was(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["project", "--vectors", str(store.path), "--method", "pca", "--beside"]
    assert main([*given, "--fit", "300", "--out", str(tmp_path / "both")]) == 0
    before, after = (parquet.read_table(path) for path in (store.path, tmp_path / "both"))
    assert after.drop_columns(["x_pca", "y_pca"]).to_pydict() == before.to_pydict()
    xy = project_store(store, "pca", fit=300).xy
    np.testing.assert_array_equal(np.column_stack([after["x_pca"], after["y_pca"]]), xy)
    assert json.loads(after.schema.metadata[b"map_pca"])["fitted_to"] == 300
    for start in (given, ["project", "best", "--beside"]):
        assert main([*start, "--out", str(tmp_path / "map.csv")]) == 2
        assert "--beside adds a map to a store that has one" in capsys.readouterr().err
    made = ["project", "--vectors", str(tmp_path / "made"), "--method", "pca", "--beside"]
    assert main([*given[:-1], "--fit", "300", "--out", made[2]]) == 0
    assert main([*made, "--fit", "300", "--out", str(tmp_path / "twice")]) == 2
    assert "x and y, is of --method pca too" in capsys.readouterr().err
    assert not (tmp_path / "twice").exists()


@pytest.mark.parametrize("shift", [0.0, 1000.0])
def test_the_pca_of_a_store_is_that_of_its_vectors_in_memory(
    store: Store, tmp_path: Path, shift: float
) -> None:
    vectors = store.read().vectors + np.float32(shift)
    vectors[:, 3] = 5  # a feature that says nothing
    vectors[:, 0] *= 50
    frame = pd.DataFrame({"object_id": np.arange(COUNT), "vector": list(vectors)})
    for part in range(2):
        frame[part::2].to_parquet(tmp_path / f"{part}.parquet")
    moved = open_store(tmp_path)
    known = moved.known("id")
    assert known is not None
    places = known.astype(int)
    found = Embeddings(vectors[places], np.full(COUNT, -1), places.astype(str), ())
    expected = aj.project(found, "pca", cache=False)
    xy = project_by_pca(moved)
    np.testing.assert_allclose(xy, expected, atol=2e-2 if shift else 2e-5)
    np.testing.assert_array_equal(project_by_pca(moved), xy)
    spatial = aj.project(found, "pca", dimensions=3, cache=False)
    xyz = project_by_pca(moved, 3)
    np.testing.assert_allclose(xyz, spatial, atol=2e-2 if shift else 2e-5)
    np.testing.assert_array_equal(xyz[:, :2], xy)
    frame["vector"] = [np.zeros(12, np.float32)] * COUNT
    for part in range(2):
        frame[part::2].to_parquet(tmp_path / f"{part}.parquet")
    assert not project_by_pca(open_store(tmp_path)).any(), "the store changed, and has no direction"


def test_a_store_is_never_overwritten_and_an_interruption_leaves_none(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = np.arange(COUNT)[::-1]
    with pytest.raises(FileExistsError, match="exists already; name a new folder"):
        write_sorted(store, order, {}, store.path, {})
    monkeypatch.setattr(sorted_store, "part_name", lambda part, number: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_sorted(store, order, {}, tmp_path / "new", {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store"]


def test_the_command_writes_a_table_or_a_new_store(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["project", "--vectors", str(store.path), "--method", "pca", "--fit", "300"]
    out, new, trust = tmp_path / "map.csv", tmp_path / "new", tmp_path / "trust.json"
    assert main([*given, "--out", str(out), "--trust", str(trust)]) == 0
    shown = capsys.readouterr().out
    assert "1500 galaxies, pca, seed 0, fitted to 300: trustworthiness 0." in shown
    assert len(out.read_text().splitlines()) == COUNT + 1
    found = json.loads(trust.read_text())
    assert found["placed"]["galaxies"] == found["fitted"]["galaxies"] == 300
    assert found["simulated"]
    assert main([*given[:-2], "--out", str(new)]) == 0
    assert len(open_store(new)) == COUNT
    for wrong, message in (
        ([*given, "--out", str(new)], "exists already; name a new folder for the store"),
        (["project", "best", "--fit", "9", "--out", "m.csv"], "--fit needs --vectors of Parquet"),
        ([*given, "--out", "map.png"], "--out is map.png; name a file that ends in"),
    ):
        assert main(wrong) == 2
        assert message in capsys.readouterr().err


def test_a_store_of_few_galaxies_is_refused_in_its_own_words(tmp_path: Path) -> None:
    simulate_store(Mixture(3, width=12), tmp_path / "few")
    with pytest.raises(ValueError, match=r"few has 3 galaxies; .* at least 10"):
        project_store(open_store(tmp_path / "few"), fit=1)
