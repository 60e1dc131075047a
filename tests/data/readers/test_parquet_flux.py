"""Flux in Parquet files and HATS catalogues, as the Multimodal Universe lays it out."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
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


class Array2D(pa.ExtensionType):
    """What `datasets` makes of Array2D: lists of lists under a name of its own."""

    def __init__(self, kind: pa.DataType) -> None:
        super().__init__(
            pa.list_(pa.list_(kind)), "datasets.features.features.Array2DExtensionType"
        )

    def __arrow_ext_serialize__(self) -> bytes:
        return b"[[12, 16], null]"

    @classmethod
    def __arrow_ext_deserialize__(cls, storage: pa.DataType, _: bytes) -> Array2D:
        return cls(storage.value_type.value_type)


def legacy_survey(folded: bool, flux: str, mask: str) -> tuple[pa.Table, np.ndarray]:
    """The Multimodal Universe's images of the Legacy Surveys, as scripts/legacysurvey/legacysurvey.py
    declares them (`Sequence` of a dict), and their inverse variance; the columns of Image() are
    PNG files.
    """
    ivar = np.ones_like(FLUX)
    ivar[1, 2, 3, :5] = 0
    cells = {flux: FLUX, mask: ivar > 0, "ivar": ivar}
    kinds = {name: Array2D(pa.from_numpy_dtype(cube.dtype)) for name, cube in cells.items()}
    planes = {
        name: pa.ExtensionArray.from_storage(
            kinds[name], pa.array(cube.reshape(-1, 12, 16).tolist(), kinds[name].storage_type)
        )
        for name, cube in cells.items()
    }
    numbers = {
        "band": pa.array([name.upper() for name in NAMES] * COUNT),
        "psf_fwhm": pa.array([1.3, 1.2, 1.1, 1.1] * COUNT, pa.float32()),
        "scale": pa.array([0.262] * 4 * COUNT, pa.float32()),
    }
    ends = pa.array(np.arange(COUNT + 1) * len(NAMES), pa.int32())
    fields = numbers | planes
    if folded:
        lists = [pa.ListArray.from_arrays(ends, values) for values in fields.values()]
        images = pa.StructArray.from_arrays(lists, list(fields))
    else:
        structs = pa.StructArray.from_arrays(list(fields.values()), list(fields))
        images = pa.ListArray.from_arrays(ends, structs)
    pictures = {
        name: [{"bytes": png(place), "path": None}] * COUNT
        for place, name in enumerate(("blobmodel", "rgb", "object_mask"))
    }
    about = {"object_id": [f"{n}-7" for n in range(COUNT)], "EBV": [0.1] * COUNT}
    return pa.table({"image": images, **pictures, **about, "TYPE": ["EXP"] * COUNT}), ivar


def png(level: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((12, 16, 3), 50 * level, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture(params=[False, True], ids=["", "datasets imported"])
def extension(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.param:
        pa.register_extension_type(Array2D(pa.float32()))
    yield
    if request.param:
        pa.unregister_extension_type(Array2D(pa.float32()).extension_name)


@pytest.mark.usefixtures("extension")
@pytest.mark.parametrize("kind", ["parquet", "arrow"])
@pytest.mark.parametrize("folded", [True, False], ids=["struct of lists", "list of structs"])
@pytest.mark.parametrize(("flux", "mask"), [("array", "bit_mask"), ("flux", "mask")])
def test_the_legacy_surveys_of_the_multimodal_universe_are_read(
    kind: str, folded: bool, flux: str, mask: str, tmp_path: Path
) -> None:
    table, ivar = legacy_survey(folded, flux, mask)
    (tmp_path / "train").mkdir()
    path = tmp_path / "train" / f"data-00000-of-00001.{kind}"
    if kind == "parquet":
        parquet.write_table(table, path)
    else:  # as `save_to_disk` writes
        with pa.ipc.new_stream(path, table.schema) as writer:
            writer.write_table(table)
    data = aj.open_dataset(tmp_path, bands=("g", "r", "i", "z"))
    expected = np.moveaxis(FLUX, 1, -1).copy()
    np.testing.assert_array_equal(data.flux(0), expected[0])
    expected[1, ..., 2][ivar[1, 2] == 0] = np.median(FLUX[1, 2][ivar[1, 2] > 0])
    np.testing.assert_array_equal(data.flux(1), expected[1])
    assert (data.ids[1], data.bands, list(data.split_column)) == (
        "1-7",
        tuple("griz"),
        ["train"] * 5,
    )
    assert [note for note in data.notes if "masks of the images are not applied" in note]
    assert aj.open_dataset(tmp_path)[0].image[0, 0].tolist() == [50] * 3  # rgb, no model or mask
