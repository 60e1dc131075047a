"""A map of millions of galaxies: what is in a box, a lasso, a filter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from astrojepa.data.values import Numbers
from astrojepa.evaluation.maps import large_map
from astrojepa.evaluation.maps.large_map import WHOLE, LargeMap, open_large_map
from astrojepa.evaluation.maps.plane import UNITS
from astrojepa.evaluation.vectors.simulated_store import Mixture, simulate_store
from astrojepa.evaluation.vectors.store import Store, open_store

COUNT = 60_000


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    path = tmp_path_factory.mktemp("large") / "store"
    simulate_store(Mixture(COUNT, 16), path)
    return open_store(path)


@pytest.fixture(scope="module")
def large(store: Store) -> LargeMap:
    return open_large_map(store)


@pytest.fixture(scope="module")
def table(store: Store) -> pd.DataFrame:
    """The same galaxies as pandas reads them."""
    return pd.concat([pd.read_parquet(path) for path in store.files], ignore_index=True)


def scaled(table: pd.DataFrame) -> np.ndarray:
    xy = table[["x", "y"]].to_numpy(np.float64)
    low, high = xy.min(axis=0), xy.max(axis=0)
    span = (high - low).max()
    return ((xy - low) / span + (1 - (high - low) / span) / 2) * UNITS


def test_a_small_box_holds_the_galaxies_that_lie_in_it(
    large: LargeMap, table: pd.DataFrame
) -> None:
    x, y = scaled(table).T
    tile = large.tile((20_000, 10_000, 30_000, 25_000))
    expected = np.flatnonzero((x >= 20_000) & (x <= 30_000) & (y >= 10_000) & (y <= 25_000))
    assert tile.cells is None
    assert tile.rows.tolist() == expected.tolist()
    assert tile.count == len(expected) > 1000


def test_a_crowded_box_is_counted_in_cells_each_with_the_colour_of_one_of_its_galaxies(
    large: LargeMap, table: pd.DataFrame
) -> None:
    codes = pd.factorize(table["label"])[0].astype(np.uint8)
    tile = large.tile(WHOLE, codes=codes)
    assert tile.cells is not None
    assert tile.codes is not None
    assert (tile.count, tile.cells.sum(), len(tile.rows)) == (COUNT, COUNT, 0)
    down, across = large_map.CELLS
    expected, ys, xs = np.histogram2d(
        *scaled(table).T[::-1], bins=(down, across), range=((0, UNITS), (0, UNITS))
    )
    assert np.abs(tile.cells.astype(int) - expected).sum() < COUNT / 500  # on edges, in float32
    for cell in np.flatnonzero(tile.cells)[::5000]:
        v, u = divmod(int(cell), across)
        box = (xs[u] - 1, ys[v] - 1, xs[u + 1] + 1, ys[v + 1] + 1)
        assert tile.codes[v, u] in codes[large.tile(box).rows]


def test_of_many_one_in_so_many_is_counted_and_the_number_said_is_that_of_all(
    monkeypatch: pytest.MonkeyPatch, large: LargeMap
) -> None:
    monkeypatch.setattr(large_map, "SAMPLED", 20_000)
    tile = large.tile(WHOLE)
    assert tile.cells is not None
    assert (tile.count, tile.step) == (COUNT, 3)
    assert abs(int(tile.cells.sum()) - COUNT) < 100
    shown = np.zeros(COUNT, bool)
    shown[::2] = True
    monkeypatch.setattr(large_map, "DRAWN", 10_000)
    half = large.tile(WHOLE, shown)
    assert half.cells is not None
    assert (half.count, half.step) == (COUNT // 2, 2)


def test_a_lasso_of_two_triangles_holds_those_on_the_inner_side_of_all_edges_of_either(
    large: LargeMap,
) -> None:
    triangles = [
        [(5_000.5, 5_000.5), (40_000, 9_000), (30_000, 50_000)],
        [(10_000, 10_000), (60_000, 12_000), (20_000, 20_000.5)],
    ]
    expected = np.zeros(COUNT, bool)
    for corners in triangles:
        sides = []
        for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
            x, y = large.places.astype(np.float64).T
            sides.append((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) > 0)
        expected |= np.all(sides, axis=0)
    assert large.inside(triangles).tolist() == np.flatnonzero(expected).tolist()
    assert large.inside([]).tolist() == []


def test_a_filter_chooses_as_pandas_does(large: LargeMap, table: pd.DataFrame) -> None:
    found = large.matching('redshift < 0.05 & label == "Merging"')
    expected = (table["redshift"] < np.float32(0.05)) & (table["label"] == "Merging")
    assert found.tolist() == expected.tolist()
    assert 0 < found.sum() < COUNT
    with pytest.raises(ValueError, match="nonsense"):
        large.matching("nonsense < 1")


@pytest.mark.parametrize("lowest", [False, True])
def test_the_first_galaxies_by_a_column_are_those_of_a_sorted_table(
    large: LargeMap, table: pd.DataFrame, lowest: bool
) -> None:
    column = table["redshift"].astype(np.float64)
    expected = column.sort_values(ascending=lowest, kind="stable").index
    rows, count = large.first("redshift", 100, lowest=lowest)
    assert (rows.tolist(), count) == (expected[:100].tolist(), COUNT)
    shown = np.arange(COUNT) % 3 == 0
    rows, count = large.first("redshift", COUNT, lowest=lowest, shown=shown)
    assert rows.tolist() == [row for row in expected if row % 3 == 0]
    assert count == len(rows)
    with pytest.raises(ValueError, match=r"The column label of .* holds no numbers"):
        large.first("label", 5)


def test_of_equal_values_the_first_row_comes_first_and_unknown_ones_are_not_listed(
    large: LargeMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.full(COUNT, np.nan)
    values[[9, 3, 7, 5]] = 1, 1, 2, 1
    monkeypatch.setattr(large, "kept", {"made": Numbers(values)})
    for most, expected in ((2, [7, 3]), (3, [7, 3, 5]), (9, [7, 3, 5, 9])):
        rows, count = large.first("made", most)
        assert (rows.tolist(), count) == (expected, 4)
    assert large.first("made", 2, lowest=True)[0].tolist() == [3, 5]


@pytest.mark.parametrize("lowest", [False, True])
def test_the_galaxies_beside_one_are_those_of_the_sorted_order(
    large: LargeMap, monkeypatch: pytest.MonkeyPatch, lowest: bool
) -> None:
    values = np.random.default_rng(0).integers(0, 40, COUNT).astype(float)
    values[::7] = np.nan
    monkeypatch.setattr(large, "kept", {"made": Numbers(values)})
    for shown in (None, np.arange(COUNT) % 3 == 0, np.arange(COUNT) == 1, np.zeros(COUNT, bool)):
        order = large.first("made", COUNT, lowest=lowest, shown=shown)[0].tolist()
        ranks = {row: rank for rank, row in enumerate(order)}
        for row in [*order[:3], *order[-3:], *range(100)]:
            expected: tuple[Any, ...] = (0, None, None)
            if (rank := ranks.get(row)) is not None:
                ends = [None, *order, None]
                expected = (rank + 1, ends[rank], ends[rank + 2])
            assert large.beside("made", row, lowest=lowest, shown=shown) == expected


def test_only_columns_that_a_filter_names_are_read(
    monkeypatch: pytest.MonkeyPatch, store: Store
) -> None:
    large, read = open_large_map(store), []
    values = Store.values
    monkeypatch.setattr(
        Store, "values", lambda own, name: (read.append(name), values(own, name))[1]
    )
    large.matching("magnitude < 18 & magnitude > 17")
    assert read == ["magnitude"]


def test_neighbours_without_an_index_are_the_nearest_standardised_vectors(
    large: LargeMap, table: pd.DataFrame
) -> None:
    vectors = np.stack(table["vector"].to_numpy()).astype(np.float64)
    vectors = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0)
    gaps = np.linalg.norm(vectors - vectors[123], axis=1)
    gaps[123] = np.inf
    distances, rows = large.nearest(123, 5)
    assert rows.tolist() == np.argsort(gaps)[:5].tolist()
    np.testing.assert_allclose(distances, np.sort(gaps)[:5], rtol=1e-3)


def test_rows_of_a_store_come_in_the_order_asked_for(store: Store, table: pd.DataFrame) -> None:
    rows = np.array([COUNT - 1, 3, 20_000, 3])
    found = store.table_of(rows)
    expected = table.drop(columns="vector").iloc[rows].reset_index(drop=True)
    assert found["object_id"].tolist() == expected["object_id"].tolist()
    assert found["label"].tolist() == expected["label"].tolist()
    assert store.table_of(np.zeros(0, int)).columns.tolist() == list(store.names)
    assert store.known_of(np.zeros(0, int))["id"].tolist() == []


def test_a_store_without_a_map_says_how_to_make_one(tmp_path: Path) -> None:
    frame = {"object_id": ["a", "b"], "vector": [[0.0, 1.0], [1.0, 0.0]]}
    pd.DataFrame(frame).to_parquet(tmp_path / "plain.parquet")
    with pytest.raises(ValueError, match=r"no map of them .* astrojepa project --vectors"):
        open_large_map(open_store(tmp_path))
    placed = pd.DataFrame({**frame, "x": [0.0, np.nan], "y": [0.0, 1.0]})
    placed.to_parquet(tmp_path / "plain.parquet")
    with pytest.raises(ValueError, match="must be finite numbers"):
        open_large_map(open_store(tmp_path))
