"""HDF5 of Galaxy10's layout: what opens, and everything that is refused before it is read."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from astropy import units as u
from scipy.io import _netcdf as netcdf

from astrojepa.data import DataError, open_dataset
from astrojepa.data.readers.galaxy10 import CLASSES, unpacked

Write = Callable[..., Path]


@pytest.mark.parametrize("packed", [True, False])
def test_pictures_labels_and_numbers_come_back_as_written(
    write_galaxy10: Write, packed: bool
) -> None:
    path = write_galaxy10(packed=packed)
    data = open_dataset(path)
    with h5py.File(path) as file:
        for i in range(6):
            assert np.array_equal(data[i].image, file["images"][i])
            assert data[i].label == file["ans"][i]
            assert data[i].ra == file["ra"][i]
        assert np.array_equal(data.redshift, file["redshift"][:], equal_nan=True)
    assert data[1].redshift is None
    assert data.classes == CLASSES
    assert data.table["pxscale"].tolist() == [0.262] * 6
    assert data.ids.tolist() == ["0", "1", "2", "3", "4", "5"]
    assert not data.simulated


def test_unpacked_files_are_mapped_and_packed_ones_unpacked_once(
    write_galaxy10: Write, cache: Path
) -> None:
    open_dataset(write_galaxy10(packed=False))
    assert not cache.exists()
    path = write_galaxy10(name="packed.h5")
    told: list[tuple[int, int, str]] = []
    open_dataset(path, progress=lambda *step: told.append(step))
    assert told[-1] == (6, 6, "unpacking packed.h5")
    assert len(list(cache.iterdir())) == 1
    told.clear()
    open_dataset(path, progress=lambda *step: told.append(step))
    assert told == []


def test_slices_of_whole_chunks_give_every_row(
    write_galaxy10: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("astrojepa.data.readers.galaxy10.SLICE_BYTES", 5000)
    path = write_galaxy10(n=400)
    told: list[int] = []
    data = open_dataset(path, progress=lambda done, total, text: told.append(done))
    assert len(told) > 4
    with h5py.File(path) as file:
        assert np.array_equal(np.stack([data[i].image for i in range(400)]), file["images"][:])


def test_only_images_and_ans_are_required(write_galaxy10: Write) -> None:
    data = open_dataset(write_galaxy10(ra=None, dec=None, redshift=None, pxscale=None))
    assert data[0].ra is None
    assert np.isnan(data.table["pxscale"]).all()


def test_a_file_sorted_by_class_opens_whole(write_galaxy10: Write) -> None:
    data = open_dataset(write_galaxy10(n=20))
    assert data.labels.tolist() == sorted(data.labels.tolist())
    assert set(data.labels.tolist()) == set(range(10))


def test_the_hash_follows_the_content_not_the_place_or_the_date(
    write_galaxy10: Write, tmp_path: Path
) -> None:
    path = write_galaxy10()
    copy = tmp_path / "elsewhere.h5"
    shutil.copy(path, copy)
    os.utime(copy, (1, 1))
    assert open_dataset(copy).fingerprint == open_dataset(path).fingerprint
    assert (
        open_dataset(write_galaxy10(name="other.h5", ra=np.zeros(6))).fingerprint
        != open_dataset(path).fingerprint
    )


def test_one_changed_byte_of_a_long_file_changes_the_fingerprint(write_galaxy10: Write) -> None:
    path = write_galaxy10(n=80, side=256, packed=False)
    first = open_dataset(path).fingerprint
    assert open_dataset(path).fingerprint == first
    with path.open("r+b") as stream:
        stream.seek(path.stat().st_size // 3 + 12_345)
        byte = stream.read(1)
        stream.seek(-1, os.SEEK_CUR)
        stream.write(bytes([byte[0] ^ 1]))
    assert open_dataset(path).fingerprint != first


def test_numbers_that_stand_for_none_are_missing(write_galaxy10: Write) -> None:
    data = open_dataset(
        write_galaxy10(
            n=4,
            ra=np.array([-9999.0, 0.0, 10.0, 0.0]),
            dec=np.array([-99.0, 0.0, 0.0, 5.0]),
            redshift=np.array([-9999.0, np.nan, -999.0, 0.1]),
        )
    )
    assert np.isnan(data.ra).tolist() == [True, True, False, False]
    assert np.isnan(data.dec).tolist() == [True, True, False, False]
    assert np.isnan(data.redshift).tolist() == [True, True, True, False]


def test_a_rewritten_file_is_unpacked_anew(write_galaxy10: Write) -> None:
    path = write_galaxy10()
    before = open_dataset(path)[0].image
    time.sleep(0.01)
    path = write_galaxy10(images=255 - np.stack([open_dataset(path)[i].image for i in range(6)]))
    assert np.array_equal(open_dataset(path)[0].image, 255 - before)


def test_a_damaged_cache_is_made_anew(write_galaxy10: Write, cache: Path) -> None:
    path = write_galaxy10()
    image = open_dataset(path)[5].image
    (cached,) = cache.glob("galaxy10-*")
    os.truncate(cached, cached.stat().st_size - 100)
    assert np.array_equal(open_dataset(path)[5].image, image)


def test_a_missing_file_is_file_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"There is no data at .*none\.h5"):
        open_dataset(tmp_path / "none.h5")


@pytest.mark.parametrize("name", ["images", "ans"])
def test_a_missing_dataset_is_named_with_what_was_found(write_galaxy10: Write, name: str) -> None:
    with pytest.raises(DataError, match=rf"has no dataset '{name}' \(found: .*dec"):
        open_dataset(write_galaxy10(**{name: None}))


def test_an_empty_file_says_so(tmp_path: Path) -> None:
    h5py.File(tmp_path / "empty.h5", "w").close()
    with pytest.raises(DataError, match="found: nothing"):
        open_dataset(tmp_path / "empty.h5")


@pytest.mark.parametrize(
    ("replaced", "sentence"),
    [
        (
            {"images": np.zeros((6, 8, 8), np.uint8)},
            r"'images' is uint8 \(6, 8, 8\); expected uint8",
        ),
        ({"images": np.zeros((6, 8, 8, 4), np.uint8)}, "expected uint8"),
        ({"images": np.zeros((6, 8, 8, 3), np.float32)}, "'images' is float32"),
        ({"images": np.zeros((1, 1, 2000, 3), np.uint8)}, "up to 1024 pixels"),
        (
            {"ans": np.zeros(5, np.uint8)},
            r"'ans' is uint8 \(5,\); expected one number for each of 6 images",
        ),
        ({"ans": np.zeros(6)}, "'ans' is float64"),
        ({"ans": np.array([0, 1, 2, 10, 3, 4])}, "'ans' is 10 in row 3"),
        ({"ans": np.array([0, -1, 2, 1, 3, 4])}, "'ans' is -1 in row 1"),
        ({"ans": np.array([b"a"] * 6)}, r"'ans' holds \|S1 values"),
        ({"ra": np.zeros((6, 2))}, r"'ra' is float64 \(6, 2\)"),
        ({"ra": np.full(6, 400.0)}, r"'ra' has values outside \[0, 360\]"),
        ({"dec": np.full(6, -91.0)}, r"'dec' has values outside \[-90, 90\]"),
        ({"redshift": np.zeros(6, [("a", "f8"), ("b", "f8")])}, "expected plain numbers"),
        ({"pxscale": np.zeros(6, complex)}, "expected plain numbers"),
    ],
)
def test_wrong_shapes_and_kinds_are_named(
    write_galaxy10: Write, replaced: dict[str, np.ndarray], sentence: str
) -> None:
    with pytest.raises(DataError, match=sentence):
        open_dataset(write_galaxy10(packed=False, **replaced))


def test_infinite_numbers_count_as_unknown(write_galaxy10: Write) -> None:
    assert open_dataset(write_galaxy10(redshift=np.full(6, np.inf)))[0].redshift is None


def test_the_older_sdss_set_is_refused_by_name(write_galaxy10: Write) -> None:
    with pytest.raises(DataError, match="older Galaxy10 SDSS"):
        open_dataset(write_galaxy10(images=np.zeros((6, 69, 69, 3), np.uint8)))


@pytest.mark.parametrize("part", [0.02, 0.5, 0.99])
def test_a_truncated_file_is_an_error(write_galaxy10: Write, part: float) -> None:
    path = write_galaxy10(n=60)
    os.truncate(path, int(path.stat().st_size * part))
    with pytest.raises(DataError, match="is not a whole HDF5 file"):
        open_dataset(path)


def test_a_damaged_chunk_is_an_error_and_leaves_no_cache(
    write_galaxy10: Write, cache: Path
) -> None:
    path = write_galaxy10()
    with h5py.File(path) as file:
        chunk = file["images"].id.get_chunk_info(0)
    with path.open("r+b") as stream:
        stream.seek(chunk.byte_offset)
        stream.write(b"\xff" * chunk.size)
    with pytest.raises(DataError, match="is not a whole HDF5 file"):
        open_dataset(path)
    assert list(cache.iterdir()) == []


def test_a_text_file_called_h5_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "page.h5").write_text("<html>404</html>" * 100)
    with pytest.raises(DataError, match="is not a whole HDF5 file"):
        open_dataset(tmp_path / "page.h5")


def test_external_storage_is_refused(write_galaxy10: Write, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"s" * 6 * 8 * 8 * 3)
    path = write_galaxy10(images=None)
    with h5py.File(path, "a") as file:
        file.create_dataset(
            "images", (6, 8, 8, 3), np.uint8, external=[(str(secret), 0, 6 * 8 * 8 * 3)]
        )
    with pytest.raises(DataError, match="'images' keeps its values in another file"):
        open_dataset(path)


@pytest.mark.parametrize("name", ["images", "ans", "ra"])
def test_links_are_refused(write_galaxy10: Write, name: str) -> None:
    other = write_galaxy10(name="other.h5")
    for link in (h5py.SoftLink(f"/real_{name}"), h5py.ExternalLink(str(other), f"/{name}")):
        path = write_galaxy10()
        with h5py.File(path, "a") as file:
            file.move(name, f"real_{name}")
            file[name] = link
        with pytest.raises(DataError, match=f"'{name}' is a link"):
            open_dataset(path)


def test_virtual_datasets_are_refused(write_galaxy10: Write) -> None:
    other = write_galaxy10(name="other.h5")
    path = write_galaxy10(images=None)
    layout = h5py.VirtualLayout((6, 16, 16, 3), np.uint8)
    layout[:] = h5py.VirtualSource(str(other), "images", (6, 16, 16, 3))
    with h5py.File(path, "a") as file:
        file.create_virtual_dataset("images", layout)
    with pytest.raises(DataError, match="'images' keeps its values in another file"):
        open_dataset(path)


def test_a_group_in_place_of_a_dataset_is_refused(write_galaxy10: Write) -> None:
    path = write_galaxy10(images=None)
    with h5py.File(path, "a") as file:
        file.create_group("images")
    with pytest.raises(DataError, match="'images' is a group"):
        open_dataset(path)


@pytest.mark.parametrize(
    ("shape", "options", "sentence"),
    [
        (
            (1_000_000, 256, 256, 3),
            {"chunks": (1, 256, 256, 3), "compression": "gzip"},
            "196.6 GB; at most 69 GB",
        ),
        (
            (300_000, 256, 256, 3),
            {"chunks": (1, 256, 256, 3), "compression": "gzip"},
            "cut short or never filled",
        ),
        ((300_000, 256, 256, 3), {}, "and the file holds 0"),
        (
            (10_000, 1000, 1000, 3),
            {"chunks": (10_000, 1000, 1000, 1), "compression": "gzip"},
            "in pieces of up to 1 GB",
        ),
        ((2_000_000, 8, 8, 3), {"chunks": (2_000_000, 8, 8, 1)}, "never filled|pictures"),
    ],
)
def test_a_small_file_that_declares_a_huge_array_is_refused_at_once(
    write_galaxy10: Write, shape: tuple[int, ...], options: dict[str, object], sentence: str
) -> None:
    path = write_galaxy10(images=None)
    with h5py.File(path, "a") as file:
        file.create_dataset("images", shape, np.uint8, **options)
    assert path.stat().st_size < 20_000
    start = time.perf_counter()
    with pytest.raises(DataError, match=sentence):
        open_dataset(path)
    assert time.perf_counter() - start < 2


def test_labels_that_declare_more_than_the_file_holds_are_refused(write_galaxy10: Write) -> None:
    path = write_galaxy10(ans=None)
    with h5py.File(path, "a") as file:
        file.create_dataset("ans", (5_000_000_000,), np.uint8)
    with pytest.raises(DataError, match=r"'ans' declares 5,000,000,000 bytes and the file holds 0"):
        open_dataset(path)


def test_half_filled_pictures_are_refused(write_galaxy10: Write) -> None:
    path = write_galaxy10(images=None)
    with h5py.File(path, "a") as file:
        images = file.create_dataset(
            "images", (6, 64, 64, 3), np.uint8, chunks=(1, 64, 64, 3), compression="gzip"
        )
        images[:5] = np.random.default_rng(0).integers(0, 256, (5, 64, 64, 3))
    with pytest.raises(DataError, match="5 of 6 pieces"):
        open_dataset(path)


def test_a_full_disk_is_an_os_error_before_anything_is_written(
    write_galaxy10: Write, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_galaxy10()
    monkeypatch.setattr("astrojepa.data.frames.SPARE_BYTES", 1 << 60)
    with pytest.raises(OSError, match="make room, or name another folder in ASTROJEPA_CACHE"):
        open_dataset(path)
    assert list(cache.iterdir()) == []


def test_positions_in_radians_are_said(write_galaxy10: Write) -> None:
    degrees = np.arange(40) * 9.0, np.arange(40) - 20.0
    path = write_galaxy10(40, ra=degrees[0], dec=degrees[1])
    assert open_dataset(path).notes == ()
    path = write_galaxy10(40, ra=np.radians(degrees[0]), dec=np.radians(degrees[1]))
    assert "if they are in radians, convert them" in open_dataset(path).notes[0]


@pytest.mark.parametrize("unit", ["rad", "hourangle", "deg", "radians"])
def test_positions_in_a_stated_unit_become_degrees(unit: str, write_galaxy10: Write) -> None:
    given = np.array([0.1, 0.2, 0.3, 0.4])
    path = write_galaxy10(n=4, ra=given, dec=-given)
    with h5py.File(path, "a") as file:
        for name, key in (("ra", "unit"), ("dec", "units")):
            file[name].attrs[key] = np.bytes_(unit)
    known = {"rad": u.rad, "radians": u.rad, "hourangle": u.hourangle, "deg": u.deg}[unit]
    data = open_dataset(path)
    np.testing.assert_allclose(data.ra, (given * known).to_value(u.deg))
    np.testing.assert_allclose(data.dec, -(given * known).to_value(u.deg))
    assert not data.notes


def test_a_unit_of_positions_that_is_no_angle_is_refused(write_galaxy10: Write) -> None:
    path = write_galaxy10(n=4)
    with h5py.File(path, "a") as file:
        file["dec"].attrs["unit"] = np.bytes_("m")
    with pytest.raises(DataError, match="the unit of 'dec' is m, expected deg"):
        open_dataset(path)


def test_a_unit_that_is_not_read_is_said(write_galaxy10: Write) -> None:
    path = write_galaxy10(n=4)
    with h5py.File(path, "a") as file:
        file["ra"].attrs["unit"] = "rad"  # of variable length
    (note,) = open_dataset(path).notes
    assert note.startswith("The unit of ra is text of variable length, which is not read")


def test_datasets_that_are_not_read_are_named(write_galaxy10: Write) -> None:
    path = write_galaxy10(n=4)
    assert not open_dataset(path).notes
    with h5py.File(path, "a") as file:
        file["objid"] = np.arange(4)
        file["catalogue"] = np.zeros(4, [("ra", "f8")])
    (note,) = open_dataset(path).notes
    assert note == f"{path.name} also holds catalogue, objid, which is not read."


def test_columns_that_netcdf_packed_are_unpacked(write_galaxy10: Write) -> None:
    path = write_galaxy10(redshift=np.array([0, 5, 12, -32768, -1, 7], np.int16))
    attributes = {"scale_factor": 0.01, "add_offset": [0.5], "_FillValue": np.int16([-32768])}
    with h5py.File(path, "r+") as file:
        file["redshift"].attrs.update(attributes | {"missing_value": [-1, -2]})
    expected = [0.5, 0.55, 0.62, np.nan, np.nan, 0.57]
    np.testing.assert_allclose(open_dataset(path).redshift, expected)


@pytest.mark.parametrize(
    ("kind", "fill", "missing"),
    [
        (np.int16, 1e20, False),
        (np.uint8, -255.0, False),  # 1, were it made a byte
        (np.int32, np.nan, False),
        (np.float32, 1e20, True),
        (np.int64, np.int64(-(2**63) + 2), True),
    ],
)
def test_a_number_that_a_kind_of_column_cannot_hold_makes_none_of_it_missing(
    write_galaxy10: Write, kind: type, fill: float, missing: bool
) -> None:
    values = np.array([0, 1, 2, 3, 4, fill if missing else 5], kind)
    path = write_galaxy10(redshift=values)
    with h5py.File(path, "r+") as file:
        file["redshift"].attrs["missing_value"] = fill
        found = unpacked(path, file["redshift"], values)
    np.testing.assert_array_equal(found, [0, 1, 2, 3, 4, np.nan if missing else 5])


# by hand, after the rules of netCDF4-python and, for _Unsigned, of xarray
NAN = np.nan
UNPACKED = {
    "bytes without sign": (
        np.array([0, 127, -128, -1], "i1"),
        {"_Unsigned": b"true", "scale_factor": 2.0},
        [0, 254, 256, 510],
    ),
    "of the other order of bytes": (np.array([1, -2], ">i2"), {"_Unsigned": b"True"}, [1, 65534]),
    "with a fill as it is stored": (
        np.array([3, -1], "i1"),
        {"_Unsigned": b"true", "_FillValue": np.int8(-1)},
        [3, NAN],
    ),
    "with a fill as it is meant": (
        np.array([3, -1], "i1"),
        {"_Unsigned": b"true", "_FillValue": 255},
        [3, NAN],
    ),
    "with a range as it is stored": (
        np.array([9, 10, -6, -5], "i1"),
        {"_Unsigned": b"true", "valid_range": np.array([10, -6], "i1")},
        [NAN, 10, 250, NAN],
    ),
    "with a range as it is meant": (
        np.array([9, 10, -6, -5], "i1"),
        {"_Unsigned": b"true", "valid_min": 10, "valid_max": 250},
        [NAN, 10, 250, NAN],
    ),
    "bytes with a sign": (
        np.array([1, 255, 128], "u1"),
        {"_Unsigned": b"false", "valid_min": -1},
        [1, -1, NAN],
    ),
    "signed by default": (np.array([1, -1], "i1"), {"_Unsigned": b"false"}, [1, -1]),
    "floats have no sign to lose": (np.array([1.5, -1]), {"_Unsigned": b"true"}, [1.5, -1]),
    "a range in packed units": (
        np.array([-11, -10, 0, 10, 11], "i2"),
        {"valid_range": np.array([-10, 10], "i2"), "scale_factor": 0.5, "add_offset": 100.0},
        [NAN, 95, 100, 105, NAN],
    ),
    "a range before its ends": (
        np.array([1, 2, 3], "i4"),
        {"valid_range": [1, 2], "valid_min": 3},
        [1, 2, NAN],
    ),
    "a largest value of floats": (
        np.array([0.1, 0.2, NAN], "f4"),
        {"valid_max": 0.1, "scale_factor": np.float32(10)},
        [1, NAN, NAN],
    ),
    "an end beyond the kind": (np.array([-128, 127], "i1"), {"valid_max": 1000}, [-128, 127]),
    "an end that is no number": (np.array([1], "i1"), {"valid_max": NAN}, [1]),
    "of 64 bits": (
        np.array([5, -1], "i8"),
        {"_Unsigned": b"true", "valid_max": np.uint64(2**64 - 1)},
        [5, 2.0**64],
    ),
}


@pytest.mark.parametrize(("values", "attributes", "expected"), UNPACKED.values(), ids=UNPACKED)
def test_numbers_are_what_netcdf_says_of_them(
    values: np.ndarray, attributes: dict[str, Any], expected: list[float], tmp_path: Path
) -> None:
    path = tmp_path / "packed.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("a", data=values).attrs.update(
            {k: np.bytes_(v) if isinstance(v, bytes) else v for k, v in attributes.items()}
        )
        found = unpacked(path, file["a"], file["a"][:])
    np.testing.assert_allclose(found, expected, rtol=1e-6)


# made with scipy's own constants; netCDF4-python 1.7.5 masks the same
@pytest.mark.parametrize(
    ("kind", "fill", "said", "missing"),
    [
        ("i2", netcdf.FILL_SHORT, {"_Netcdf4Dimid": 0}, True),
        ("i4", netcdf.FILL_INT, {"_Netcdf4Coordinates": [0]}, True),
        ("f4", netcdf.FILL_FLOAT, {"_Netcdf4Dimid": 0, "scale_factor": 0.5}, True),
        ("f8", netcdf.FILL_DOUBLE, {"_Netcdf4Dimid": 0, "missing_value": 7.0}, True),
        ("f8", netcdf.FILL_DOUBLE, {"_Netcdf4Dimid": 0, "_FillValue": 7.0}, False),
        ("i2", netcdf.FILL_SHORT, {"_Netcdf4Dimid": 0, "_Unsigned": np.bytes_("false")}, False),
        ("i1", netcdf.FILL_BYTE, {"_Netcdf4Dimid": 0}, False),
        ("i2", netcdf.FILL_SHORT, {}, False),
    ],
)
def test_what_netcdf_fills_with_is_missing_where_the_file_says_that_it_is_netcdf(
    kind: str, fill: bytes, said: dict[str, Any], missing: bool, tmp_path: Path
) -> None:
    with h5py.File(tmp_path / "a.nc", "w") as file:
        item = file.create_dataset("a", data=np.frombuffer(fill + bytes(len(fill)), f">{kind}"))
        item.attrs.update(said)
        assert np.isnan(unpacked(tmp_path, item, item[:])).tolist() == [missing, False]
        if missing:  # or by the whole file, as newer versions write
            for name in said:
                del item.attrs[name]
            file.attrs["_NCProperties"] = np.bytes_("version=2,netcdf=4.9.2,hdf5=1.14.4")
            assert np.isnan(unpacked(tmp_path, item, item[:])).tolist() == [True, False]


@pytest.mark.parametrize(
    ("values", "attributes", "sentence"),
    [
        (np.zeros(2, "f4"), {"valid_range": [9.0, -9.0]}, "9 to -9, holds no float32"),
        (np.zeros(2, "i2"), {"valid_min": 5, "valid_max": -5}, "5 to -5, holds no int16"),
        (np.zeros(2, "i1"), {"valid_min": 200}, "200 to inf, holds no int8"),
        *(
            (np.zeros(2, "u1"), {"valid_range": np.array(ends, "i1")}, "goes below 0, .* uint8")
            for ends in ([0, -1], [-128, 127])
        ),
    ],
)
def test_a_valid_range_that_makes_all_invalid_is_refused(
    values: np.ndarray, attributes: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    with h5py.File(tmp_path / "a.nc", "w") as file:
        item = file.create_dataset("a", data=values)
        item.attrs.update(attributes)
        with pytest.raises(DataError, match=f"valid range of /a.* {sentence}"):
            unpacked(tmp_path, item, values)


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        ({"_Unsigned": "true"}, r"_Unsigned of /redshift cannot be read; .* fixed length"),
        ({"_Unsigned": np.bytes_("yes")}, "_Unsigned of /redshift cannot be read"),
        ({"_Unsigned": 1}, "_Unsigned of /redshift cannot be read"),
        ({"valid_range": 3}, "valid_range is one number; expected two"),
        ({"valid_range": [1, 2, 3]}, "valid_range is int64 .3,.; expected"),
        ({"valid_min": np.bytes_("1")}, "the attribute valid_min is"),
        ({"valid_max": 1.5, "scale_factor": 0.1}, "is float64, and its packed values are int16"),
    ],
)
def test_a_range_or_a_sign_that_is_not_clear_is_refused(
    attributes: dict[str, Any], sentence: str, write_galaxy10: Write
) -> None:
    path = write_galaxy10(redshift=np.arange(6, dtype=np.int16))
    with h5py.File(path, "r+") as file:
        file["redshift"].attrs.update(attributes)
    with pytest.raises(DataError, match=sentence):
        open_dataset(path)


@pytest.mark.parametrize("value", ["a tenth", np.ones((1, 1)), [1.0, 2.0], 1j])
def test_an_attribute_of_netcdf_that_is_no_number_is_refused(
    write_galaxy10: Write, value: object
) -> None:
    path = write_galaxy10()
    with h5py.File(path, "r+") as file:
        file["redshift"].attrs["scale_factor"] = value
    with pytest.raises(DataError, match=r"the attribute scale_factor is .* expected a number"):
        open_dataset(path)
