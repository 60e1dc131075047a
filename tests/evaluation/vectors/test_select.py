"""Galaxies of a store chosen by box, cone and filter, beside choosing them by hand."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from pyarrow import parquet

from astrojepa.cli import main
from astrojepa.evaluation.vectors.select import select
from astrojepa.evaluation.vectors.simulated_store import Mixture, simulate_store
from astrojepa.evaluation.vectors.store import Store, open_store

needs_duckdb = pytest.mark.skipif(
    importlib.util.find_spec("duckdb") is None, reason="DuckDB is not installed: pip install duckdb"
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("stores") / "store"
    simulate_store(Mixture(3000, width=12), folder)
    return open_store(folder)


def ids(table: object) -> list[int]:
    return table["object_id"].to_pylist()  # type: ignore[index]


@needs_duckdb
def test_a_box_holds_the_galaxies_between_its_corners(store: Store) -> None:
    whole = parquet.read_table(store.path)
    x, y = whole["x"].to_numpy(), whole["y"].to_numpy()
    inside = (x >= 1.2) & (x <= 2.5) & (y >= 0.5) & (y <= 3)
    found = select(store, box=(2.5, 0.5, 1.2, 3.0))
    assert 0 < inside.sum() < 3000
    assert ids(found) == whole["object_id"].to_numpy()[inside].tolist()
    assert "vector" not in found.column_names
    assert found["label"].to_pylist() == [
        name for name, there in zip(whole["label"].to_pylist(), inside, strict=True) if there
    ]


@needs_duckdb
@pytest.mark.parametrize("cone", [(359.0, 10.0, 20.0), (12.0, -89.0, 15.0), (180.0, 90.0, 30.0)])
def test_a_cone_holds_the_galaxies_that_astropy_finds(
    store: Store, cone: tuple[float, float, float]
) -> None:
    whole = parquet.read_table(store.path)
    sky = SkyCoord(whole["ra"].to_numpy(), whole["dec"].to_numpy(), unit=u.deg)
    near = sky.separation(SkyCoord(cone[0], cone[1], unit=u.deg)).deg <= cone[2]
    assert near.sum() > 20
    assert ids(select(store, cone=cone)) == whole["object_id"].to_numpy()[near].tolist()


@needs_duckdb
def test_a_filter_joins_the_other_conditions(store: Store) -> None:
    found = select(store, box=(0, 0, 3, 3), where='redshift < 0.1 & label == "Merging"')
    assert set(found["label"].to_pylist()) == {"Merging"}
    assert max(found["redshift"].to_pylist()) < 0.1
    every = select(store, where='label == "Merging"')
    assert set(ids(found)) < set(ids(every))


@needs_duckdb
def test_an_unknown_redshift_is_in_no_filter(store: Store, tmp_path: Path) -> None:
    whole = parquet.read_table(store.path).slice(0, 4)
    place = whole.column_names.index("redshift")
    redshifts = np.array([-9.0, 0.05, -1.0, 0.2], np.float32)
    parquet.write_table(whole.set_column(place, "redshift", [redshifts]), tmp_path / "a.parquet")
    found = select(open_store(tmp_path), where="redshift < 0.1")
    assert ids(found) == whole["object_id"].to_pylist()[1:2]


@needs_duckdb
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cone": (0.0, 95.0, 1.0)}, "dec 95 and radius 1; expected degrees"),
        ({"cone": (0.0, 0.0, 0.0)}, "radius 0"),
        ({"box": (0.0, np.nan, 1.0, 1.0)}, "expected finite numbers"),
        ({"where": "mass > 3"}, "mass"),
    ],
)
def test_what_cannot_be_is_refused(store: Store, given: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        select(store, **given)  # type: ignore[arg-type]


@needs_duckdb
def test_a_store_without_a_map_has_no_box(store: Store, tmp_path: Path) -> None:
    table = parquet.read_table(store.path).drop_columns(["x", "dec"])
    parquet.write_table(table, tmp_path / "plain.parquet")
    plain = open_store(tmp_path / "plain.parquet")
    for given, name in (({"box": (0, 0, 1, 1)}, "x"), ({"cone": (0, 0, 1)}, "dec")):
        with pytest.raises(ValueError, match=rf"plain.parquet has no numbers '{name}'"):
            select(plain, **given)  # type: ignore[arg-type]


@needs_duckdb
def test_the_command_lists_and_writes_them(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, given = tmp_path / "near.parquet", ["select", "--vectors", str(store.path)]
    cone = ["--cone", "180", "-10", "25"]
    assert main([*given, *cone, "--filter", "magnitude < 20", "--out", str(out)]) == 0
    found = parquet.read_table(out)
    assert f"{found.num_rows:,} of 3,000 galaxies" in capsys.readouterr().out
    assert found.schema.metadata[b"cone"] == b"180.0 -10.0 25.0"
    assert found.schema.metadata[b"simulated"] == b"True"
    assert found.schema.field("ra").metadata[b"unit"] == b"deg"
    assert ids(found) == ids(select(store, cone=(180, -10, 25), where="magnitude < 20"))
    for wrong, message in (
        (given, "Nothing chooses the galaxies; give --box, --cone or --filter"),
        (["select", *cone], "--vectors is missing"),
    ):
        assert main(wrong) == 2
        assert message in capsys.readouterr().err


def test_without_duckdb_the_command_says_what_to_install(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(ValueError, match="DuckDB is not installed; install it with: pip install"):
        select(store, box=(0, 0, 1, 1))


@needs_duckdb
@pytest.mark.parametrize(("length", "value"), [(600, 0), (1, 255)], ids=["a hole", "one byte"])
def test_a_file_that_is_damaged_inside_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], length: int, value: int
) -> None:
    simulate_store(Mixture(50, width=12), tmp_path / "store")
    command = ["select", "--vectors", str(tmp_path / "store"), "--filter", "redshift < 0.1"]
    assert main(command) == 0
    (file,) = (tmp_path / "store").glob("*.parquet")
    column = next(
        chunk
        for number in range(parquet.ParquetFile(file).metadata.num_columns)
        if (chunk := parquet.ParquetFile(file).metadata.row_group(0).column(number)).path_in_schema
        == "redshift"
    )
    content = bytearray(file.read_bytes())
    middle = column.data_page_offset + column.total_compressed_size // 2
    content[middle : middle + length] = bytes([value]) * length
    file.write_bytes(content)
    capsys.readouterr()
    assert main(command) == 2
    said = capsys.readouterr().err
    assert "part-00000-of-00001.parquet" in said or "store cannot be read to its end" in said
    assert said.count("\n") == 1


@needs_duckdb
def test_a_cone_off_the_sky_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="The cone has ra 400"):
        select(store, cone=(400.0, 0.0, 1.0))
