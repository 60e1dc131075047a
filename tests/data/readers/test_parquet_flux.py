"""Flux in Parquet files and HATS catalogues, as the Multimodal Universe lays it out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import astrojepa as aj
from astrojepa.data import DataError
from astrojepa.data.images.fits import shown

COUNT, NAMES = 5, ("des-g", "des-r", "des-i", "des-z")
FLUX = np.random.default_rng(0).normal(5, 2, (COUNT, len(NAMES), 12, 16)).astype(np.float32)


def structs_of_lists(flux: np.ndarray) -> list[Any]:
    return [{"band": list(NAMES), "flux": cube.tolist()} for cube in flux]


def lists_of_structs(flux: np.ndarray) -> list[Any]:
    return [
        [{"band": name, "flux": plane.tolist()} for name, plane in zip(NAMES, cube, strict=True)]
        for cube in flux
    ]


def write(path: Path, images: list[Any]) -> Path:
    table = {
        "object_id": [f"g{row}" for row in range(COUNT)],
        "image": images,
        "ra": np.arange(COUNT) * 1.5,
        "dec": np.zeros(COUNT),
    }
    parquet.write_table(pa.table(table), path, row_group_size=2)
    return path


@pytest.mark.parametrize("layout", [structs_of_lists, lists_of_structs])
def test_flux_is_what_was_written_in_the_order_of_the_bands(tmp_path: Path, layout: Any) -> None:
    data = aj.open_dataset(write(tmp_path / "cubes.parquet", layout(FLUX)), bands=("z", "g"))
    assert data.bands == ("z", "g")
    assert data.ids.tolist() == [f"g{row}" for row in range(COUNT)]
    for row in range(COUNT):
        np.testing.assert_array_equal(data.flux(row), FLUX[row][[3, 0]].transpose(1, 2, 0))
    np.testing.assert_array_equal(data[2].image, shown(data.flux(2), ("z", "g")))


def test_other_bands_are_other_data(tmp_path: Path) -> None:
    path = write(tmp_path / "cubes.parquet", structs_of_lists(FLUX))
    one, other = (aj.open_dataset(path, bands=bands) for bands in (("g", "r"), ("r", "g")))
    assert one.source_hash != other.source_hash


def test_undefined_pixels_are_at_their_band_s_median(tmp_path: Path) -> None:
    flux = FLUX.copy()
    flux[0, 0, 3, 4] = np.nan
    path = write(tmp_path / "cubes.parquet", structs_of_lists(flux))
    found = aj.open_dataset(path, bands=("g",)).flux(0)
    known = np.delete(FLUX[0, 0].ravel(), 3 * 16 + 4)
    assert found[3, 4, 0] == pytest.approx(np.median(known))


def test_what_does_not_fit_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = write(tmp_path / "cubes.parquet", structs_of_lists(FLUX))
    with pytest.raises(DataError, match=r"image holds flux in bands, name them: --bands g r z"):
        aj.open_dataset(path)
    with pytest.raises(DataError, match="has des-g, des-r, des-i, des-z; expected the bands u"):
        aj.open_dataset(path, bands=("u",))

    uneven = structs_of_lists(FLUX)
    uneven[1]["flux"][2] = uneven[1]["flux"][2][:-1]
    data = aj.open_dataset(write(tmp_path / "uneven.parquet", uneven), bands=("g",))
    with pytest.raises(DataError, match=r"uneven.parquet#1 holds no flux of bands of one size"):
        data.flux(1)
    left = aj.open_dataset(tmp_path / "uneven.parquet", bands=("g",), skip_corrupt=True)
    assert left.ids.tolist() == ["g0", "g2", "g3", "g4"]

    parquet.write_table(pa.table({"image": [b"x"]}), tmp_path / "rgb.parquet")
    with pytest.raises(DataError, match="has no columns of flux; expected one of structs"):
        aj.open_dataset(tmp_path / "rgb.parquet", bands=("g",))
