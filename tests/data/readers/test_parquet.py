"""Parquet and Arrow files with images, as `datasets` and others write them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from astropy import units
from astropy.io import fits
from PIL import Image, ImageOps
from pyarrow import parquet

import astrojepa as aj
from astrojepa.cli import main
from astrojepa.data import DataError
from astrojepa.data.content import content_hash
from astrojepa.data.images import fits as reading_fits
from astrojepa.data.readers import parquet as reading

LONG_ID = 1237648720142401611


def pixels(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 255, (24, 24, 3), np.uint8)


def png(number: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels(number)).save(stream, "PNG")
    return stream.getvalue()


def hub_table(numbers: range, label: Any = None) -> pa.Table:
    """A table as the Hub has them: image structs, and a ClassLabel in the schema's metadata."""
    labels = pa.array([number % 3 for number in numbers] if label is None else label, pa.int64())
    table = pa.table(
        {
            "image": [{"bytes": png(number), "path": f"{number}.png"} for number in numbers],
            "label": labels,
            "object_id": [LONG_ID + number for number in numbers],
            "ra": [10.0 + number for number in numbers],
            "dec": [float(-number) for number in numbers],
            "z_spec": pa.array([0.1, None, *[0.2] * (len(numbers) - 2)]),
            "spectrum": [[1.0, 2.0]] * len(numbers),
        }
    )
    features = {"label": {"names": ["round", "spiral", "edge-on"], "_type": "ClassLabel"}}
    about = json.dumps({"info": {"features": features}})
    return table.replace_schema_metadata({"huggingface": about})


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """A data set of two training shards and one of tests, of row groups of four."""
    for name, numbers in (
        ("train-00000-of-00002", range(10)),
        ("train-00001-of-00002", range(10, 15)),
        ("test-00000-of-00001", range(15, 20)),
    ):
        path = tmp_path / "hub" / "data" / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(hub_table(numbers), path, row_group_size=4)
    return tmp_path / "hub"


def test_columns_without_one_value_a_row_are_said_not_to_be_read(hub: Path) -> None:
    assert aj.open_dataset(hub).notes == (
        "Columns of lists, structs, bytes or complex numbers are not read: spectrum.",
    )


def test_rgb_is_the_image_only_where_no_other_column_is_called_one(tmp_path: Path) -> None:
    columns = {name: [png(k)] for k, name in enumerate(("rgb", "img", "thumb", "more"))}
    for names, shown in ((("rgb", "img"), "img"), (("rgb", "thumb", "more"), "rgb")):
        chosen = {name: columns[name] for name in names}
        parquet.write_table(pa.table(chosen), tmp_path / f"{shown}.parquet")
        expected = np.array(Image.open(io.BytesIO(columns[shown][0])))
        found = aj.open_dataset(tmp_path / f"{shown}.parquet")[0].image
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_images_that_exif_turns_are_turned_and_share_no_frames_with_those_of_before(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes = []
    for said in (1, 6, 6):
        exif, stream = Image.Exif(), io.BytesIO()
        exif[0x0112] = said
        Image.fromarray(pixels(0)[:16]).save(stream, "PNG", exif=exif)
        table = pa.table({"image": [{"bytes": raw} for raw in (png(1), b"?", stream.getvalue())]})
        path = tmp_path / f"{said}.{suffix}"
        if suffix == "parquet":
            parquet.write_table(table, path, compression="zstd", row_group_size=2)
        else:
            with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as out:
                out.write_table(table)
        data = aj.open_dataset(path)
        seen = ImageOps.exif_transpose(Image.open(stream))
        np.testing.assert_array_equal(data[2].image, np.array(seen))
        before = hashlib.sha256(f"\t{content_hash(path).hex()}".encode()).hexdigest()
        hashes.append((data.source_hash == before, data.source_hash))
        # looked at once for a content
        monkeypatch.setattr(reading, "orientation", lambda raw: 1)
        assert aj.open_dataset(path).source_hash == data.source_hash
        monkeypatch.undo()
    assert [kept for kept, _ in hashes] == [True, False, False]
    assert hashes[1] == hashes[2]


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_fits_images_that_are_shown_otherwise_than_before_share_no_frames_with_those_of_before(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(name: str, *images: bytes) -> tuple[bool, str]:
        table, path = pa.table({"image": list(images)}), tmp_path / f"{name}.{suffix}"
        if suffix == "parquet":
            parquet.write_table(table, path)
        else:
            with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as out:
                out.write_table(table)
        before = hashlib.sha256(f"\t{content_hash(path).hex()}".encode()).hexdigest()
        found = aj.open_dataset(path).source_hash
        return found == before, found

    def image(**cards: Any) -> bytes:
        stream = io.BytesIO()
        fits.PrimaryHDU(pixels(0)[..., 0].astype("f4"), fits.Header(cards)).writeto(stream)
        return stream.getvalue()

    softened = image(BSOFTEN=1.0, BOFFSET=0.0)  # which older versions showed as it stands
    assert opened("plain", png(1), image(), b"?")[0]
    assert not opened("softened", image(), b"SIMPLE  = damaged", softened)[0]
    assert opened("plain", png(1), image(), b"?")[0]
    monkeypatch.setattr(reading_fits, "reading", lambda: "a later program")
    monkeypatch.setattr(reading_fits, "shown_otherwise", lambda content: "anew")
    assert not opened("plain", png(1), image(), b"?")[0]
    assert opened("pictures", png(1), b"")[0]


def test_a_look_that_damage_ends_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exif, stream = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    Image.fromarray(pixels(0)).save(stream, "PNG", exif=exif)
    path = tmp_path / "some.parquet"
    parquet.write_table(pa.table({"image": [png(1), stream.getvalue()]}), path, row_group_size=1)
    read = reading.ParquetShard.images

    def damaged(shard: reading.ParquetShard) -> Any:
        yield next(read(shard))
        raise OSError("too many open files")

    monkeypatch.setattr(reading.ParquetShard, "images", damaged)
    before = aj.open_dataset(path).source_hash
    monkeypatch.undo()
    assert aj.open_dataset(path).source_hash != before


def test_fits_images_that_cannot_be_shown_otherwise_than_before_are_not_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def image(*more: fits.ImageHDU, **cards: Any) -> bytes:
        stream = io.BytesIO()
        first = fits.PrimaryHDU(pixels(0)[..., 0].astype("f4"), fits.Header(cards))
        fits.HDUList([first, *more]).writeto(stream)
        return stream.getvalue()

    plane = pixels(0)[:32, :32, 0].astype("f4")
    depth = fits.ImageHDU(np.tile(plane, (9, 9)), name="DEPTH")  # once shown, as the largest
    assert reading_fits.shown_otherwise(image(depth)) == "anew"
    assert reading_fits.shown_otherwise(image(BUNIT="mag")) == "anew"
    assert reading_fits.shown_otherwise(gzip.compress(image(BUNIT="mag"))) == "anew"
    assert reading_fits.shown_otherwise(image(PUPIL="F200W")) == "anew"
    for name in ("h-Alpha", "f150lp", "F290LP"):
        assert reading_fits.shown_otherwise(image(FILTER=name)) == "anew"
    monkeypatch.setattr(reading_fits, "_opened", None)
    assert reading_fits.shown_otherwise(image(OBJECT="NGC 4", FILTER="r")) == ""
    with pytest.raises(TypeError):
        reading_fits.shown_otherwise(image(BUNIT="nanomaggy"))


def test_images_are_looked_at_up_to_the_first_that_exif_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[bytes] = []
    monkeypatch.setattr(reading, "orientation", lambda raw: looked.append(raw) or len(looked))
    (tmp_path / "data").mkdir()
    for number in range(2):
        table = pa.table({"image": [png(4 * number + k) for k in range(4)]})
        parquet.write_table(table, tmp_path / "data" / f"{number}.parquet", row_group_size=1)
    aj.open_dataset(tmp_path / "data")
    assert looked == [png(0), png(1)]


def test_ids_that_differ_only_in_how_accents_are_written_are_said(tmp_path: Path) -> None:
    twice = {"id": ["NGC é", unicodedata.normalize("NFD", "NGC é"), "NGC 4"]}
    for number, ids in enumerate((twice, {"id": ["NGC é", "NGC é", "NGC 4"]})):
        path = tmp_path / f"{number}.parquet"
        parquet.write_table(pa.table({"image": [png(k) for k in range(3)], **ids}), path)
        said = [note for note in aj.open_dataset(path).notes if "accents" in note]
        assert len(said) == (number == 0)


def test_a_data_set_of_the_hub_opens_with_images_classes_positions_and_split(hub: Path) -> None:
    data = aj.open_dataset(hub)
    numbers = [*range(15, 20), *range(15)]  # shards by name: test before train
    assert data.ids.tolist() == [str(LONG_ID + number) for number in numbers]
    assert data.classes == ("edge-on", "round", "spiral")
    assert [data.classes[label] for label in data.labels] == [
        ("round", "spiral", "edge-on")[number % 3] for number in numbers
    ]
    assert data.ra.tolist() == [10.0 + number for number in numbers]
    assert data.split_column is not None
    assert data.split_column.tolist() == ["test"] * 5 + ["train"] * 15
    for row in np.random.default_rng(0).permutation(20):
        assert np.array_equal(data[int(row)].image, pixels(numbers[row]))
    assert data[6].redshift is None
    assert data[5].redshift == 0.1
    assert "spectrum" not in data.table


def test_an_arrow_folder_of_save_to_disk_gives_the_same_galaxies(hub: Path, tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    with pa.OSFile(str(folder / "data-00000-of-00001.arrow"), "wb") as sink:
        table = hub_table(range(10))
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=3)
    (folder / "dataset_info.json").write_text("{}")
    data, other = (
        aj.open_dataset(folder),
        aj.open_dataset(hub / "data/train-00000-of-00002.parquet"),
    )
    assert data.ids.tolist() == other.ids.tolist()
    assert np.array_equal(data.labels, other.labels)
    assert all(np.array_equal(data[row].image, other[row].image) for row in range(10))


@pytest.mark.parametrize(("packed", "ending"), [(None, "arrow"), ("lz4", "feather")])
def test_the_file_format_of_arrow_gives_the_same_galaxies(
    tmp_path: Path, packed: Any, ending: str
) -> None:
    table = hub_table(range(15))
    how = pa.ipc.IpcWriteOptions(compression=packed)
    path = tmp_path / f"g.{ending}"
    with pa.ipc.new_file(path, table.schema, options=how) as writer:
        writer.write_table(table, max_chunksize=4)
    data = aj.open_dataset(path)
    assert data.ids.tolist() == [str(LONG_ID + number) for number in range(15)]
    assert all(np.array_equal(data[row].image, pixels(row)) for row in range(15))
    content = path.read_bytes()
    (tmp_path / "cut.arrow").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="is no whole Parquet or Arrow file"):
        aj.open_dataset(tmp_path / "cut.arrow")


def test_an_arrow_file_that_unpacks_to_gigabytes_is_refused_before_it_is_unpacked(
    tmp_path: Path,
) -> None:
    table = pa.table({"image": [png(0)] * 4, "note": ["x" * 100_000] * 4})
    for packed in ("lz4", "zstd"):
        how = pa.ipc.IpcWriteOptions(compression=packed)
        with pa.ipc.new_stream(tmp_path / "g.arrow", table.schema, options=how) as writer:
            writer.write_table(table)
        content = (tmp_path / "g.arrow").read_bytes()
        place = content.rindex((400_000).to_bytes(8, "little"))  # before the packed text
        lie = content[:place] + (2**40).to_bytes(8, "little") + content[place + 8 :]
        (tmp_path / "g.arrow").write_bytes(lie)
        with pytest.raises(DataError, match=r"packed values take 1099\.5 GB; at most 2\.1 GB"):
            aj.open_dataset(tmp_path / "g.arrow")


def test_ids_as_floating_point_numbers_keep_their_digits_or_are_refused(tmp_path: Path) -> None:
    images = [png(0), png(1)]
    columns = {"image": images, "object_id": [12.0, None], "ra": [1.0, 2.0], "dec": [3.0, 4.0]}
    parquet.write_table(pa.table(columns), tmp_path / "c.parquet")
    assert aj.open_dataset(tmp_path / "c.parquet").ids.tolist() == ["12", "c.parquet#1"]
    columns["object_id"] = [1.2376487201424016e18, 2.0]
    parquet.write_table(pa.table(columns), tmp_path / "floatid.parquet")
    with pytest.raises(
        DataError, match=r"^floatid\.parquet: object_id holds floating-point"
    ) as said:
        aj.open_dataset(tmp_path / "floatid.parquet")
    assert "labels.csv" not in str(said.value)


def test_plain_bytes_of_any_image_and_other_names_of_columns_are_read(tmp_path: Path) -> None:
    stream = io.BytesIO()
    ramp = np.arange(1024, dtype=np.float32).reshape(32, 32)
    fits.PrimaryHDU(ramp).writeto(stream)
    columns = {"cutout": [png(1), stream.getvalue()], "RAJ2000": [1.0, 2.0], "DEJ2000": [3.0, 4.0]}
    columns |= {"Label": ["Sa", "-"], "mass": [9.5, 10.0]}
    parquet.write_table(pa.table(columns), tmp_path / "c.parquet")
    data = aj.open_dataset(tmp_path / "c.parquet")
    assert (data.ra.tolist(), data.dec.tolist()) == ([1.0, 2.0], [3.0, 4.0])
    assert data.labels.tolist() == [0, -1]
    assert data[1].image.shape == (32, 32, 3)
    assert data.table["mass"].tolist() == [9.5, 10.0]
    assert data.ids.tolist() == ["c.parquet#0", "c.parquet#1"]


def test_views_as_polars_writes_them_are_read(tmp_path: Path) -> None:
    views = {
        "image": pa.array([png(1)], pa.binary_view()),
        "id": pa.array(["01"], pa.string_view()),
    }
    table = pa.table(views)
    with (
        pa.OSFile(str(tmp_path / "c.arrow"), "wb") as file,
        pa.ipc.new_file(file, table.schema) as w,
    ):
        w.write_table(table)
    data = aj.open_dataset(tmp_path / "c.arrow")
    assert data.ids.tolist() == ["01"]
    np.testing.assert_array_equal(data[0].image, pixels(1))


def test_rows_are_chosen_by_columns_and_bad_images_are_left_out_when_asked(tmp_path: Path) -> None:
    table = pa.table({"image": [png(0), b"no image", png(2)], "survey": ["a", "a", "b"]})
    parquet.write_table(table, tmp_path / "c.parquet")
    assert aj.open_dataset(tmp_path / "c.parquet", where={"survey": "b"}).rows.tolist() == [2]
    with pytest.raises(DataError, match=r"c\.parquet#1 is no JPEG, PNG or WebP image"):
        _ = aj.open_dataset(tmp_path / "c.parquet")[1].image
    data = aj.open_dataset(tmp_path / "c.parquet", skip_corrupt=True)
    assert (data.rows.tolist(), data.skipped) == ([0, 2], ("c.parquet#1",))


def test_the_fingerprint_follows_the_content_and_a_changed_file_is_not_read(hub: Path) -> None:
    data = aj.open_dataset(hub)
    path = hub / "data" / "test-00000-of-00001.parquet"
    parquet.write_table(hub_table(range(15, 20), label=[0] * 5), path)
    assert aj.open_dataset(hub).source_hash != data.source_hash
    with pytest.raises(DataError, match="was changed after it was opened"):
        _ = data[0].image


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"ra": [1.0]}, r"no columns of encoded images .*found: ra \(double\)"),
        ({"a": [b"x"], "b": [b"y"]}, "2 columns of encoded images"),
        ({"image": pa.array([], pa.binary())}, "no rows"),
        (
            {"image": [b"x"], "id": ["1.23765E+18"]},
            r"^c\.parquet: id is '1.23765E\+18', a number that lost its digits",
        ),
        ({"image": [b"x"], "ra": [400.0], "dec": [0.0]}, r"^c\.parquet: ra of .* expected degrees"),
    ],
)
def test_what_is_no_data_set_is_refused(
    columns: dict[str, Any], message: str, tmp_path: Path
) -> None:
    parquet.write_table(pa.table(columns), tmp_path / "c.parquet")
    with pytest.raises(DataError, match=message):
        aj.open_dataset(tmp_path / "c.parquet")


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_a_damaged_file_is_refused_in_one_sentence(hub: Path, tmp_path: Path, ending: str) -> None:
    content = (hub / "data" / "train-00000-of-00002.parquet").read_bytes()
    for number, damaged in enumerate((content[:-500], b"PAR1" * 20, b"")):
        path = tmp_path / f"d{number}.{ending}"
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="is no whole Parquet or Arrow file"):
            aj.open_dataset(path)


def test_shards_of_other_columns_are_refused(hub: Path) -> None:
    parquet.write_table(
        pa.table({"image": [png(0)], "mass": [1.0]}), hub / "data" / "train-x.parquet"
    )
    with pytest.raises(DataError, match=r"train-x\.parquet has other columns than test-00000"):
        aj.open_dataset(hub)


def test_a_row_group_too_large_for_memory_is_refused_before_it_is_read(
    hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_GROUP_BYTES", 1000)
    with pytest.raises(DataError, match=r"a row group of its images take .* smaller pieces"):
        aj.open_dataset(hub)


def test_no_more_than_two_row_groups_are_held(hub: Path) -> None:
    data = aj.open_dataset(hub / "data" / "train-00000-of-00002.parquet")
    for row in range(10):
        _ = data[row].image
    shard = data.reader.shards[0]  # type: ignore[attr-defined]
    assert sorted(shard._groups) == [1, 2]


def test_the_commands_work_on_it(hub: Path, tmp_path: Path) -> None:
    out = tmp_path / "v.npz"
    assert main(["embed", "random", "--data", str(hub), "--out", str(out)]) == 0
    with np.load(out) as found:
        assert found["ids"].tolist() == aj.open_dataset(hub).ids.tolist()


def plain_table(**columns: Any) -> pa.Table:
    count = len(next(iter(columns.values())))
    return pa.table({"image": [{"bytes": png(number)} for number in range(count)], **columns})


def test_words_of_a_dictionary_are_labels_and_ids(tmp_path: Path) -> None:
    words = pa.array(["Sa", None, "E", "Sa"])
    for name, column in (("text", words), ("coded", words.dictionary_encode())):
        ids = pa.array(list("abcd"))
        ids = ids.dictionary_encode() if name == "coded" else ids
        parquet.write_table(plain_table(label=column, id=ids), tmp_path / f"{name}.parquet")
        data = aj.open_dataset(tmp_path / f"{name}.parquet")
        assert [*data.ids] == list("abcd")
        assert [*data.labels] == [1, -1, 0, 1]
        assert data.classes == ("E", "Sa")
    assert len(aj.open_dataset(tmp_path)) == 8  # shards of either kind go together


def test_ids_of_bytes_and_decimals_and_numbers_beside_a_gap_keep_every_digit(
    tmp_path: Path,
) -> None:
    long = [LONG_ID, None, LONG_ID + 1]
    parquet.write_table(
        plain_table(
            id=pa.array([b"a", b"b", b"c"]),
            specobjid=pa.array(long, pa.int64()),
            survey_id=pa.array([LONG_ID] * 3, pa.decimal128(20)),
            label=pa.array([1, None, 2]),
        ),
        tmp_path / "x.parquet",
    )
    data = aj.open_dataset(tmp_path / "x.parquet")
    assert [*data.ids] == ["a", "b", "c"]
    assert [*data.table["specobjid"]] == [str(LONG_ID), "", str(LONG_ID + 1)]
    assert [*data.table["survey_id"]] == [str(LONG_ID)] * 3
    assert data.classes == ("1", "2")


@pytest.mark.parametrize("layout", ["{}/data-00000-of-00001.arrow", "default/{}/0000.parquet"])
def test_train_and_test_in_folders_of_their_own_are_the_split_and_share_no_id(
    layout: str, tmp_path: Path
) -> None:
    for start, part in enumerate(("train", "validation", "test")):
        path = tmp_path / layout.format(part)
        path.parent.mkdir(parents=True)
        table = pa.table({"image": [{"bytes": png(3 * start + k)} for k in range(3)]})
        if path.suffix == ".parquet":
            parquet.write_table(table, path)
        else:
            with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as out:
                out.write_table(table)
            (path.parent / "cache-0123456789abcdef.arrow").write_bytes(path.read_bytes())
    data = aj.open_dataset(tmp_path)
    assert len(data) == len(set(data.ids)) == 9
    assert [*data.split_column] == ["test"] * 3 + ["train"] * 3 + ["val"] * 3
    assert {len(part) for part in aj.split(data, "column")} == {3}


def test_columns_in_the_names_of_folders_are_read(tmp_path: Path) -> None:
    whole = plain_table(label=["Sa", "E/S0", "Sa", None], number=[0, 1, 2, 3])
    parquet.write_to_dataset(whole, tmp_path, partition_cols=["label"])
    data = aj.open_dataset(tmp_path)
    found = {
        int(number): data.classes[label] if label >= 0 else None
        for number, label in zip(data.table["number"], data.labels, strict=True)
    }
    assert found == {0: "Sa", 1: "E/S0", 2: "Sa", 3: None}
    assert len(set(data.ids)) == 4


def test_units_of_columns_are_kept_and_positions_become_degrees(tmp_path: Path) -> None:
    about = {"ra": {"unit": "hourangle"}, "dec": {"unit": "rad"}, "mass": {"unit": "solMass"}}
    table = plain_table(ra=[1.0, 2.0], dec=[0.1, -0.2], mass=[3e10, 4e10])
    fields = [field.with_metadata(about.get(field.name, {})) for field in table.schema]
    parquet.write_table(table.cast(pa.schema(fields)), tmp_path / "g.parquet")
    data = aj.open_dataset(tmp_path / "g.parquet")
    np.testing.assert_allclose(data.ra, [15, 30])
    np.testing.assert_allclose(data.dec, ([0.1, -0.2] * units.rad).to_value(units.deg))
    assert data.about["mass"] == ("solMass", "")
    assert data.table["mass"].tolist() == [3e10, 4e10]


def test_positions_in_a_unit_that_is_no_angle_are_refused(tmp_path: Path) -> None:
    table = plain_table(ra=[1.0, 2.0], dec=[0.1, -0.2])
    fields = [field.with_metadata({"unit": "pix"}) for field in table.schema]
    parquet.write_table(table.cast(pa.schema(fields)), tmp_path / "g.parquet")
    with pytest.raises(DataError, match="The unit of ra is pix, expected an angle"):
        aj.open_dataset(tmp_path / "g.parquet")


def test_truths_are_the_same_classes_and_values_in_every_format(tmp_path: Path) -> None:
    parquet.write_table(plain_table(label=[True, False]), tmp_path / "g.parquet")
    (tmp_path / "folder").mkdir()
    for number in range(2):
        (tmp_path / "folder" / f"{number}.png").write_bytes(png(number))
    (tmp_path / "folder" / "labels.csv").write_text("file,label\n0.png,TRUE\n1.png,FALSE\n")
    for source in (tmp_path / "g.parquet", tmp_path / "folder"):
        data = aj.open_dataset(source)
        assert [data.classes[label] for label in data.labels] == ["true", "false"]
        for value in ("true", "True", "1"):
            assert len(aj.open_dataset(source, where={"Label": value})) == 1
