"""HATS catalogues are read where images, vectors and tables are, and whole or not at all."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

import astrojepa as aj
from astrojepa.data import DataError
from astrojepa.data.catalogue import read_catalogue
from astrojepa.data.hats import hats_files, is_hats

PARTS = {(1, 9): slice(0, 3), (0, 9): slice(3, 7)}  # two pixels of one number
SHADES = [10 * row for row in range(7)]
PROPERTIES = "#HATS catalog\nobs_collection=made\ndataproduct_type=object\nhats_nrows={}\n"


def write_catalogue(folder: Path, partitions: dict[tuple[int, int], pa.Table]) -> Path:
    """Write partitions, by order and pixel; returns the folder."""
    for (order, pixel), table in partitions.items():
        place = folder / "dataset" / f"Norder={order}" / "Dir=0"
        place.mkdir(parents=True, exist_ok=True)
        parquet.write_table(table, place / f"Npix={pixel}.parquet")
    rows = sum(len(table) for table in partitions.values())
    (folder / "hats.properties").write_text(PROPERTIES.format(rows))
    lines = [f"{order},{pixel}" for order, pixel in partitions]
    (folder / "partition_info.csv").write_text("\n".join(["Norder,Npix", *lines]) + "\n")
    # what writers of HATS add beside the partitions, and is no galaxy
    (folder / "point_map.fits").write_bytes(b"SIMPLE  =                    T")
    (folder / "per_partition_statistics.parquet").write_bytes(b"PAR1")
    (folder / "dataset" / "_metadata").write_bytes(b"PAR1")
    return folder


def encoded(shade: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (16, 16), (shade, shade, shade)).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    """Seven galaxies with image, position and class, as mmu_gz10 has them."""
    table = pa.table(
        {
            "_healpix_29": np.arange(7),
            "object_id": [f"g{row}" for row in range(7)],
            "ra": np.linspace(10, 40, 7),
            "dec": np.zeros(7),
            "label": ["Spiral" if row % 2 else "Round" for row in range(7)],
            "rgb_image": [{"bytes": encoded(shade), "path": None} for shade in SHADES],
        }
    )
    parts = {key: table.slice(rows.start, rows.stop - rows.start) for key, rows in PARTS.items()}
    return write_catalogue(tmp_path / "made", parts)


def test_a_catalogue_of_images_opens_as_a_data_set(catalogue: Path) -> None:
    data = aj.open_dataset(catalogue)
    order = [3, 4, 5, 6, 0, 1, 2]  # partitions by order, then pixel
    assert data.ids.tolist() == [f"g{row}" for row in order]
    shades = [int(data[row].image[0, 0, 0]) for row in range(7)]
    assert shades == [SHADES[row] for row in order]
    assert data.classes == ("Round", "Spiral")
    np.testing.assert_allclose(data.ra, np.linspace(10, 40, 7)[order])
    assert len(set(data.table["file"])) == 7


def test_a_collection_opens_its_primary_table(catalogue: Path) -> None:
    collection = catalogue.parent
    write_catalogue(collection / "made_10arcs", {(0, 1): pa.table({"a": [1]})})
    (collection / "collection.properties").write_text(
        "#HATS Collection\nobs_collection=made\nhats_primary_table_url=made\nall_margins=made_10arcs\n"
    )
    assert is_hats(collection)
    assert hats_files(collection) == hats_files(catalogue)
    assert len(aj.open_dataset(collection)) == 7


def test_a_table_to_match_with_is_read_without_its_images(catalogue: Path) -> None:
    table = read_catalogue(catalogue)
    assert table["object_id"].tolist() == ["g3", "g4", "g5", "g6", "g0", "g1", "g2"]
    assert "rgb_image" not in table
    assert "Norder" not in table, "folders are places, not columns"


def test_a_partition_may_be_a_folder_of_files(catalogue: Path) -> None:
    whole = catalogue / "dataset/Norder=0/Dir=0/Npix=9.parquet"
    content = whole.read_bytes()
    whole.unlink()
    (whole.parent / "Npix=9").mkdir()
    (whole.parent / "Npix=9/part0.parquet").write_bytes(content)
    assert len(aj.open_dataset(catalogue)) == 7


def test_a_missing_partition_is_named(catalogue: Path) -> None:
    (catalogue / "dataset/Norder=1/Dir=0/Npix=9.parquet").unlink()
    with pytest.raises(DataError, match=r"lacks 1 of the partitions .* Norder=1, Npix=9; fetch it"):
        aj.open_dataset(catalogue)
    with pytest.raises(DataError, match="Norder=1, Npix=9"):
        read_catalogue(catalogue)


def test_a_damaged_list_and_a_collection_that_leads_elsewhere_are_refused(catalogue: Path) -> None:
    (catalogue / "partition_info.csv").write_text("order;pixel\n1;9\n")
    with pytest.raises(DataError, match="is no list of partitions"):
        hats_files(catalogue)
    (catalogue / "collection.properties").write_text("hats_primary_table_url=../elsewhere\n")
    with pytest.raises(DataError, match="which is no catalogue in its folder"):
        hats_files(catalogue)


def test_a_folder_of_galaxies_is_no_catalogue(tmp_path: Path) -> None:
    (tmp_path / "dataset").mkdir()
    assert not is_hats(tmp_path)
