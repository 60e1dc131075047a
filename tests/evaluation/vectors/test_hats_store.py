"""A store as a HATS catalogue: every galaxy in the partition of its pixel, and read back."""

from __future__ import annotations

import importlib.util
import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from astrojepa.cli import main
from astrojepa.data.hats import hats_files, read_properties
from astrojepa.evaluation.vectors.hats_store import divided, write_hats
from astrojepa.evaluation.vectors.simulated_store import Mixture, simulate_store
from astrojepa.evaluation.vectors.store import Store, open_store

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("astropy_healpix") is None, reason="needs astropy-healpix"
)
COUNT = 3000


@pytest.fixture
def store(tmp_path: Path) -> Store:
    simulate_store(Mixture(COUNT, width=12), tmp_path / "store")
    return open_store(tmp_path / "store")


def test_every_galaxy_is_in_the_partition_of_its_pixel_and_keeps_its_columns(
    store: Store, tmp_path: Path
) -> None:
    from astropy import units
    from astropy_healpix import HEALPix

    written = write_hats(store, tmp_path / "made", partition=100)
    assert (written.galaxies, written.left_out) == (COUNT, 0)
    assert written.partitions == len(hats_files(tmp_path / "made")) > 12
    rows = {}
    for file in hats_files(tmp_path / "made"):
        table = parquet.read_table(file, partitioning=None)
        order, pixel = int(file.parts[-3].partition("=")[2]), int(file.stem.partition("=")[2])
        places = HEALPix(2**order, order="nested").lonlat_to_healpix(
            table["ra"].to_numpy() * units.deg, table["dec"].to_numpy() * units.deg
        )
        assert set(places) == {pixel}
        assert len(table) <= 100
        index = table["_healpix_29"].to_numpy()
        assert (np.diff(index) >= 0).all()
        assert set(index // 4 ** (29 - order)) == {pixel}
        rows |= {row["object_id"]: row for row in table.to_pylist()}
    source = pa.concat_tables([parquet.read_table(file) for file in store.files]).to_pylist()
    assert len(rows) == COUNT
    for row in source[::97]:
        found = rows[row["object_id"]]
        assert found["redshift"] == row["redshift"]
        np.testing.assert_allclose(found["vector"], row["vector"], atol=1e-3)


def test_what_was_written_opens_as_a_store_of_the_same_vectors(
    store: Store, tmp_path: Path
) -> None:
    write_hats(store, tmp_path / "made", partition=500, half=False)
    again = open_store(tmp_path / "made")
    order = np.argsort(again.known("id"))
    expected, found = store.read(), again.read()
    np.testing.assert_array_equal(
        found.vectors[order], expected.vectors[np.argsort(store.known("id"))]
    )
    assert again.facts["simulated"] == "true"
    assert len(again.hash) == 16


def test_the_catalogue_says_what_it_holds(store: Store, tmp_path: Path) -> None:
    write_hats(store, tmp_path / "made", partition=500)
    said = read_properties(tmp_path / "made" / "hats.properties")
    assert said["hats_nrows"] == str(COUNT)
    assert (said["hats_col_ra"], said["hats_col_dec"]) == ("ra", "dec")
    assert said["astrojepa_simulated"] == "true"
    about = parquet.read_metadata(tmp_path / "made" / "dataset" / "_metadata")
    assert about.num_rows == COUNT
    assert parquet.read_schema(tmp_path / "made" / "dataset" / "_common_metadata").field(
        "vector"
    ).type == pa.list_(pa.float16())


def test_pixels_are_divided_until_none_holds_too_many() -> None:
    pixels = np.sort(np.random.default_rng(0).integers(0, 12 * 4**29, 5000))
    parts = divided(pixels, 64)
    assert sum(count for _, _, count in parts) == 5000
    assert max(count for _, _, count in parts) <= 64
    ends = [
        (pixel * 4 ** (29 - order), (pixel + 1) * 4 ** (29 - order)) for order, pixel, _ in parts
    ]
    assert all(last <= first for (_, last), (first, _) in itertools.pairwise(ends))
    assert divided(np.zeros(9, np.int64), 2) == [(10, 0, 9)], "no smaller than order 10"


def test_galaxies_without_a_position_are_left_out_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = {"id": ["a", "b", "c"], "vector": [[1.0, 2.0]] * 3}
    angles = {"ra": [10.0, np.nan, 20.0], "dec": [0.0, 1.0, 95.0]}
    parquet.write_table(pa.table({**table, **angles}), tmp_path / "v.parquet")
    command = ["hats", "--vectors", str(tmp_path / "v.parquet"), "--out", str(tmp_path / "made")]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "2 galaxies have no position and were left out" in said
    assert "1 galaxies in 1 partition" in said
    assert open_store(tmp_path / "made").known("id").tolist() == ["a"]

    assert main(command) == 2
    assert "exists already" in capsys.readouterr().err
    parquet.write_table(pa.table(table), tmp_path / "v.parquet")
    assert main([*command[:-1], str(tmp_path / "other")]) == 2
    assert "has no positions" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()
