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
from astrojepa.data.readers import parquet as parquet_reader

COUNT, NAMES = 5, ("des-g", "des-r", "des-i", "des-z")
FLUX = np.random.default_rng(0).normal(5, 2, (COUNT, len(NAMES), 12, 16)).astype(np.float32)


def structs_of_lists(flux: np.ndarray) -> list[Any]:
    return [{"band": list(NAMES), "flux": cube.tolist()} for cube in flux]


def lists_of_structs(flux: np.ndarray) -> list[Any]:
    return [
        [{"band": name, "flux": plane.tolist()} for name, plane in zip(NAMES, cube, strict=True)]
        for cube in flux
    ]


def of_two_scales(side: int, scales: dict[str, float | None]) -> list[Any]:
    """Galaxies of one Jansky in every band, two arcseconds left of the middle and one above it."""
    found = []
    for band, scale in scales.items():
        pixels = round(side * 0.1 / (scale or 0.1))
        y, x = (np.mgrid[:pixels, :pixels] - (pixels - 1) / 2) * (scale or 0.1)
        light = np.exp(-((x + 2) ** 2 + (y + 1) ** 2) / 2) / (2 * np.pi) * (scale or 0.1) ** 2
        found.append({"band": band, "flux": light.tolist(), "scale": scale})
    return [found] * COUNT


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


def as_struct_of_lists(images: list[Any]) -> list[Any]:
    return [{key: [band[key] for band in image] for key in image[0]} for image in images]


@pytest.mark.parametrize("layout", [list, as_struct_of_lists])
def test_planes_of_different_pixel_size_share_their_centre(tmp_path: Path, layout: Any) -> None:
    images = layout(of_two_scales(120, {"VIS": 0.1, "NIR_H": 0.3}))
    data = aj.open_dataset(write(tmp_path / "euclid.parquet", images), bands=("NIR_H", "VIS"))
    flux = data.flux(3)
    assert flux.shape == (120, 120, 2)
    y, x = np.mgrid[:120, :120]
    for band in range(2):
        light = flux[..., band] / flux[..., band].sum()
        assert flux[..., band].sum() == pytest.approx(1, rel=0.02)
        assert (light * x).sum() == pytest.approx(59.5 - 20, abs=0.1)
        assert (light * y).sum() == pytest.approx(59.5 - 10, abs=0.1)
    assert any("#0 have pixels of different number or size" in note for note in data.notes)
    plain = aj.open_dataset(tmp_path / "euclid.parquet", bands=("NIR_H",))
    assert plain.flux(0).shape == (40, 40, 1)
    assert not plain.notes


def test_planes_of_one_size_and_scale_are_as_they_were_written(tmp_path: Path) -> None:
    images = structs_of_lists(FLUX)
    given = [image | {"scale": [0.26] * len(NAMES)} for image in images]
    plain = aj.open_dataset(write(tmp_path / "a.parquet", images), bands=("z", "g"))
    scaled = aj.open_dataset(write(tmp_path / "b.parquet", given), bands=("z", "g"))
    np.testing.assert_array_equal(plain.flux(1), scaled.flux(1))
    assert not scaled.notes


@pytest.mark.parametrize("layout", [list, as_struct_of_lists])
def test_data_whose_pixels_may_differ_in_size_are_not_those_of_a_version_that_ignored_it(
    tmp_path: Path, layout: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else kept vectors of the old numbers would be shown, also where only later rows differ."""
    images = layout(of_two_scales(60, {"VIS": 0.1, "NIR_H": 0.1}))
    path = write(tmp_path / "a.parquet", images)
    now = aj.open_dataset(path, bands=("VIS", "NIR_H")).source_hash
    monkeypatch.setattr(parquet_reader.FluxRowReader, "fields", lambda self: set())
    assert aj.open_dataset(path, bands=("VIS", "NIR_H")).source_hash != now


def test_planes_of_one_size_and_several_scales_are_no_one_grid(tmp_path: Path) -> None:
    images = of_two_scales(120, {"VIS": 0.1, "NIR_H": 0.3})
    wide = of_two_scales(360, {"NIR_H": 0.3})[0][0]
    path = write(tmp_path / "a.parquet", [[image[0], wide] for image in images])
    flux = aj.open_dataset(path, bands=("VIS", "NIR_H")).flux(0)
    np.testing.assert_allclose(flux.sum(axis=(0, 1)), 1, rtol=0.02)


@pytest.mark.parametrize("scale", [None, 0.0, -0.3, float("nan"), float("inf")])
def test_planes_of_several_sizes_without_a_scale_are_refused(
    tmp_path: Path, scale: float | None
) -> None:
    images = of_two_scales(60, {"VIS": 0.1, "NIR_H": 0.3})
    images = [[image[0], image[1] | {"scale": scale}] for image in images]
    with pytest.raises(DataError, match=r"no flux of bands of one size|no WCS or pixel size"):
        aj.open_dataset(write(tmp_path / "a.parquet", images), bands=("VIS", "NIR_H"))


@pytest.mark.parametrize("layout", [structs_of_lists, lists_of_structs])
def test_pixels_without_inverse_variance_are_undefined(tmp_path: Path, layout: Any) -> None:
    plain = aj.open_dataset(write(tmp_path / "cubes.parquet", layout(FLUX)), bands=NAMES)
    ivar = np.ones_like(FLUX)
    ivar[:, 1, 0, :3] = 0, np.nan, -1
    holed = np.where(ivar > 0, FLUX, 0)  # as of JWST in the Multimodal Universe
    masks = {"ivar": ivar.tolist(), "mask": (ivar > 0).tolist()}
    images = layout(holed)
    for row, image in enumerate(images):
        for name, values in masks.items():
            if isinstance(image, dict):
                image[name] = values[row]
            else:
                for band, plane in zip(image, values[row], strict=True):
                    band[name] = plane
    data = aj.open_dataset(write(tmp_path / "cubes.parquet", images), bands=NAMES)
    expected = np.moveaxis(FLUX[0].copy(), 0, -1)
    expected[0, :3, 1] = np.median(FLUX[0, 1].ravel()[3:])
    np.testing.assert_array_equal(data.flux(0), expected)
    assert data.source_hash != plain.source_hash
    (note,) = data.notes
    assert note == "The masks of the images are not applied; pixels whose ivar is 0 are undefined."
    assert not plain.notes


@pytest.mark.parametrize("ivar", [None, [[1.0]], [[0.0] * 16] * 12])
def test_an_inverse_variance_of_another_size_or_of_nothing_is_refused(
    tmp_path: Path, ivar: Any
) -> None:
    images = structs_of_lists(FLUX)
    for image in images:
        image["ivar"] = [ivar] * len(NAMES)
    path = write(tmp_path / "cubes.parquet", images)
    if ivar is None:  # not known: all pixels are taken
        found = aj.open_dataset(path, bands=NAMES).flux(0)
        np.testing.assert_array_equal(found, np.moveaxis(FLUX[0], 0, -1))
        return
    with pytest.raises(DataError, match=r"an ivar of another|no defined pixel in des-g"):
        aj.open_dataset(path, bands=NAMES)
