"""Images of Parquet files by row, without their neighbours, and the ids that they are found by."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from astropy.io import fits
from PIL import Image
from pyarrow import parquet

import astrojepa as aj
from astrojepa.data import DataError, parquet_images
from astrojepa.data.id_keys import id_keys
from astrojepa.data.image_source import DatasetImages
from astrojepa.data.images import fits as reading_fits
from astrojepa.data.images import raster
from astrojepa.data.parquet_images import ParquetImages, is_parquet

FIRST = 10**15


def png(number: int, side: int = 12) -> bytes:
    stream = io.BytesIO()
    pixels = np.random.default_rng(number).integers(0, 255, (side, side, 3), np.uint8)
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def write(path: Path, numbers: range, group: int = 4, **columns: Any) -> None:
    table = {
        "object_id": [FIRST + number for number in numbers],
        "image": [{"bytes": png(number), "path": ""} for number in numbers],
        **columns,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table(table), path, row_group_size=group)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part in range(3):
        write(tmp_path / "survey" / f"{part}.parquet", range(10 * part, 10 * part + 10))
    return tmp_path / "survey"


def test_every_row_gives_the_image_that_the_data_set_gives(folder: Path) -> None:
    source, data = ParquetImages(folder), aj.open_dataset(folder)
    assert len(source) == len(data) == 30
    rows = np.random.default_rng(0).permutation(30)
    found = dict(source.each([*rows.tolist(), 3]))
    assert list(found) == list(range(30)), "in the order of the files"
    for row in range(30):
        assert np.array_equal(found[row], data[row].image)
    assert np.array_equal(
        np.concatenate([*source.keys()]), np.concatenate([*DatasetImages(data).keys()])
    )
    assert source.first_id() == DatasetImages(data).first_id() == str(FIRST)
    assert is_parquet(str(folder))


def test_only_the_ids_are_read_to_look_them_up_and_only_asked_row_groups_after(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, read = ParquetImages(folder), []
    batches = parquet.ParquetFile.iter_batches

    def counted(file: Any, *given: Any, **more: Any) -> Any:
        read.append((more["columns"], more.get("row_groups")))
        return batches(file, *given, **more)

    monkeypatch.setattr(parquet.ParquetFile, "iter_batches", counted)
    assert sum(map(len, source.keys())) == 30
    assert read == [(["object_id"], None)] * 3
    read.clear()
    assert [row for row, _ in source.each([5, 19, 4, 28])] == [4, 5, 19, 28]
    assert read == [(["image"], [group]) for group in (1, 2, 2)]


def test_images_of_large_row_groups_are_unpacked_a_few_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a.parquet", range(40), group=40)
    monkeypatch.setattr(parquet_images, "UNPACKED", 3000)
    source, sizes = ParquetImages(tmp_path / "a.parquet"), []
    batches = parquet.ParquetFile.iter_batches

    def measured(file: Any, *given: Any, **more: Any) -> Any:
        for batch in batches(file, *given, **more):
            sizes.append(batch.num_rows)
            yield batch

    monkeypatch.setattr(parquet.ParquetFile, "iter_batches", measured)
    assert np.array_equal(dict(source.each([20]))[20], raster.read_image(png(20)))
    assert max(sizes) < 10
    assert 20 < sum(sizes) < 30


def test_one_image_that_a_file_repeats_is_not_unpacked_for_every_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = [{"bytes": png(3, 200), "path": ""}] * 400  # the file holds it once
    write(tmp_path / "g.parquet", range(400), group=400, image=same)
    monkeypatch.setattr(parquet_images, "MOST_UNPACKED", 2**20)
    source, before = ParquetImages(tmp_path / "g.parquet"), pa.total_allocated_bytes()
    most = 0
    for _, image in source.each(range(0, 400, 7)):
        assert isinstance(image, np.ndarray)
        most = max(most, pa.total_allocated_bytes() - before)
    assert most < 8 * 2**20 < 400 * len(same[0]["bytes"])


def test_an_empty_first_file_and_two_columns_of_ids_are_borne_or_refused(tmp_path: Path) -> None:
    write(tmp_path / "survey" / "1.parquet", range(5))
    none = parquet.read_table(tmp_path / "survey" / "1.parquet").slice(0, 0)
    parquet.write_table(none, tmp_path / "survey" / "0.parquet")
    assert ParquetImages(tmp_path / "survey").first_id() == str(FIRST)
    columns = [pa.array([1]), pa.array([2]), pa.array([png(1)])]
    table = pa.Table.from_arrays(columns, ["object_id", "object_id", "image"])
    parquet.write_table(table, tmp_path / "twice.parquet")
    with pytest.raises(DataError, match="object_id"):
        next(ParquetImages(tmp_path / "twice.parquet").keys())


def test_a_broken_a_huge_and_a_missing_image_are_said_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [png(0), b"no image", png(2)[:60], None, png(4, side=40), png(5)]
    table = pa.table({"id": list("abcdef"), "image": pa.array(images, pa.binary())})
    parquet.write_table(table, tmp_path / "a.parquet")
    monkeypatch.setattr(raster, "MAX_PIXELS", 1000)
    found = dict(ParquetImages(tmp_path / "a.parquet").each(range(6)))
    for row, sentence in (
        (1, "a.parquet#1 is no JPEG, PNG or WebP image"),
        (2, "a.parquet#2 cannot be read as an image"),
        (3, "a.parquet#3 holds no image"),
        (4, "a.parquet#4 has 40 x 40 pixels; at most 1,000 are read"),
    ):
        assert isinstance(found[row], DataError)
        assert sentence in str(found[row])
    assert isinstance(found[0], np.ndarray)
    assert isinstance(found[5], np.ndarray)


def test_a_file_that_is_gone_changed_or_damaged_spoils_only_its_own_images(folder: Path) -> None:
    source = ParquetImages(folder)
    (folder / "0.parquet").unlink()
    write(folder / "1.parquet", range(90, 100))
    os.utime(folder / "1.parquet", ns=(1, 1))
    found = dict(source.each([3, 13, 23]))
    assert "0.parquet#3 cannot be read" in str(found[3])
    assert "1.parquet was changed after it was opened" in str(found[13])
    assert isinstance(found[23], np.ndarray)
    state = (folder / "2.parquet").stat()
    content = bytearray((folder / "2.parquet").read_bytes())
    content[4 : len(content) // 2] = bytes(len(content) // 2 - 4)
    (folder / "2.parquet").write_bytes(content)
    os.utime(folder / "2.parquet", ns=(state.st_atime_ns, state.st_mtime_ns))
    assert "2.parquet#0 cannot be read" in str(dict(source.each([20]))[20])


def test_statistics_at_odds_with_the_columns_spoil_images_and_do_not_end_the_process(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.parquet"
    write(path, range(8))
    optional, required = (b"\x25" + kind + b"\x18\x05bytes" for kind in (b"\x02", b"\x00"))
    content = path.read_bytes()
    assert optional in content
    path.write_bytes(content.replace(optional, required))
    source = ParquetImages(path)
    assert sum(map(len, source.keys())) == 8
    assert "a.parquet#0 cannot be read" in str(dict(source.each([0]))[0])
    data = aj.open_dataset(path)
    with pytest.raises(DataError, match=r"a.parquet#0 cannot be read"):
        data[0]


def test_the_fingerprint_changes_with_the_files_and_not_with_how_they_are_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ParquetImages(folder).fingerprint
    monkeypatch.chdir(folder.parent)
    assert ParquetImages("survey").fingerprint == before
    write(folder / "1.parquet", range(90, 100))
    assert ParquetImages(folder).fingerprint != before


def test_the_fingerprint_of_fits_images_changes_with_the_program_that_reads_them(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.BytesIO()
    fits.PrimaryHDU(np.eye(9)).writeto(stream)
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"id": ["a"], "image": [stream.getvalue()]}), path)
    before = [ParquetImages(source).fingerprint for source in (path, folder)]
    assert [ParquetImages(source).fingerprint for source in (path, folder)] == before
    monkeypatch.setattr(reading_fits, "reading", lambda: "other")
    after = [ParquetImages(source).fingerprint for source in (path, folder)]
    assert (after[0] != before[0], after[1] == before[1]) == (True, True)


def test_a_source_without_images_or_ids_or_with_ids_that_lose_digits_is_refused(
    tmp_path: Path,
) -> None:
    def written(file: str, **columns: Any) -> Path:
        parquet.write_table(pa.table(columns), tmp_path / file)
        return tmp_path / file

    bytes_ = pa.array([png(0)], pa.binary())
    with pytest.raises(DataError, match="has no columns of encoded images"):
        ParquetImages(written("a.parquet", object_id=[1]))
    with pytest.raises(DataError, match=r"no column of ids \(found: image, name\); name it obj"):
        ParquetImages(written("b.parquet", image=bytes_, name=["x"]))
    with pytest.raises(DataError, match=r"c.parquet: the ids are double, which lose digits"):
        [*ParquetImages(written("c.parquet", image=bytes_, id=[1.0])).keys()]
    (tmp_path / "d.parquet").write_bytes((tmp_path / "c.parquet").read_bytes()[:-30])
    with pytest.raises(DataError, match="is no whole Parquet file"):
        ParquetImages(tmp_path / "d.parquet")


def test_flux_of_bands_becomes_the_image_that_the_data_set_makes_of_it(tmp_path: Path) -> None:
    flux = np.random.default_rng(0).normal(1, 0.1, (2, 3, 8, 8)).astype(np.float32)
    values = [{"band": ["g", "r", "z"], "flux": cube.tolist()} for cube in flux]
    table = pa.table({"object_id": ["a", "b"], "image": values})
    parquet.write_table(table, tmp_path / "a.parquet")
    bands = ("g", "r", "z")
    data = aj.open_dataset(tmp_path / "a.parquet", bands=bands)
    images = ParquetImages(tmp_path / "a.parquet", bands)
    found = dict(images.each([0, 1]))
    assert all(np.array_equal(found[row], data[row].image) for row in (0, 1))
    assert "ivar" not in images.fingerprint


def test_flux_with_inverse_variance_is_not_that_of_a_version_that_ignored_it(
    tmp_path: Path,
) -> None:
    plane, known = [[1.0, 2.0], [3.0, 9.0]], [[1.0, 1.0], [1.0, 0.0]]
    values = [[{"band": "g", "flux": plane, "ivar": known}]]
    table = pa.table({"object_id": ["a"], "image": values})
    parquet.write_table(table, tmp_path / "a.parquet")
    assert ParquetImages(tmp_path / "a.parquet", ("g",)).fingerprint.endswith(" g ivar")
    data = aj.open_dataset(tmp_path / "a.parquet", bands=("g",))
    assert data.flux(0).ravel().tolist() == [1, 2, 3, 2]


def test_a_number_and_its_text_have_one_key_and_what_is_missing_has_none() -> None:
    numbers = id_keys(pa.array([17, FIRST, None]), "a")
    assert numbers.tolist() == id_keys(pa.array([" 17 ", str(FIRST), "nan"]), "a").tolist()
    assert numbers[2] == 0
    words = pa.array(["17", None, str(FIRST), "17"]).dictionary_encode()
    assert id_keys(words, "a").tolist() == [numbers[0], 0, numbers[1], numbers[0]]
    many = id_keys(pa.array(np.arange(100_000)), "a")
    assert len(np.unique(many)) == 100_000
