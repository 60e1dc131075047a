"""Vectors that others wrote, in Parquet and .npz: what is read, and what is refused before room is
made for it.
"""

from __future__ import annotations

import dataclasses
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

import astrojepa as aj
from astrojepa.data import DataError, open_dataset
from astrojepa.data.splits import default_split
from astrojepa.data.without_images import NoImages
from astrojepa.evaluation.vectors import columns
from astrojepa.evaluation.vectors.embed_shards import embed_shards
from astrojepa.evaluation.vectors.stored import open_vectors, with_images, write_vectors

COUNT = 60
IDS = [587722981741625344 + 3 * row for row in range(COUNT)]
NAMES = [str(name) for name in IDS]
VECTORS = np.random.default_rng(0).normal(size=(COUNT, 5))


def as_parquet(path: Path, **given: Any) -> Path:
    parquet.write_table(pa.table(given), path / "theirs.parquet")
    return path / "theirs.parquet"


def as_npz(path: Path, **given: Any) -> Path:
    np.savez(path / "theirs.npz", **given)
    return path / "theirs.npz"


def fixed(vectors: np.ndarray) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])


@pytest.mark.parametrize(
    "column",
    [
        fixed(VECTORS.astype(np.float32)),
        fixed(VECTORS),
        pa.array(VECTORS.tolist()),
        pa.array(VECTORS.tolist(), pa.large_list(pa.float32())),
        pa.FixedShapeTensorArray.from_numpy_ndarray(VECTORS),
    ],
    ids=["fixed float32", "fixed float64", "lists", "large lists", "tensors"],
)
def test_a_parquet_column_of_lists_becomes_vectors_with_every_digit_of_its_ids(
    tmp_path: Path, column: pa.Array
) -> None:
    found = aj.read_vectors(as_parquet(tmp_path, object_id=IDS, vector=column))
    np.testing.assert_array_equal(found.vectors, VECTORS.astype(np.float32))
    assert found.vectors.dtype == np.float32
    assert found.ids.tolist() == NAMES
    assert found.labels.tolist() == [-1] * COUNT


def test_labels_positions_and_split_are_read_where_they_stand_beside_the_vectors(
    tmp_path: Path,
) -> None:
    words, parts = ["spiral", "round", "?"] * (COUNT // 3), ["train", "val", "test"] * (COUNT // 3)
    ra, dec = np.linspace(0, 359, COUNT), np.linspace(-90, 90, COUNT)
    known = {"label": words, "RAJ2000": ra, "DEJ2000": dec, "split": parts}
    for path in (
        as_parquet(tmp_path, id=NAMES, embedding=VECTORS.tolist(), **known),
        as_npz(tmp_path, id=NAMES, embedding=VECTORS, **known),
    ):
        found = open_vectors(path)
        assert found.embeddings.classes == ("round", "spiral")
        assert found.embeddings.labels[:3].tolist() == [1, 0, -1]
        np.testing.assert_array_equal(found.galaxies.ra, ra)
        np.testing.assert_array_equal(found.galaxies.dec, dec)
        train, validation, test = default_split(found.galaxies)
        assert test.ids.tolist() == NAMES[2::3]
        assert len(train) == len(validation) == COUNT // 3


def test_another_column_can_be_the_label(tmp_path: Path) -> None:
    path = as_parquet(tmp_path, id=IDS, vector=VECTORS.tolist(), bar=[0, 1] * (COUNT // 2))
    assert open_vectors(path, "bar").embeddings.classes == ("0", "1")
    with pytest.raises(ValueError, match="no column 'ring' for the labels"):
        open_vectors(path, "ring")


def test_packed_and_transposed_arrays_are_read(tmp_path: Path) -> None:
    np.savez_compressed(
        tmp_path / "v.npz", id=np.array(NAMES, "S"), features=np.asfortranarray(VECTORS)
    )
    found = aj.read_vectors(tmp_path / "v.npz")
    np.testing.assert_array_equal(found.vectors, VECTORS.astype(np.float32))
    assert found.ids.tolist() == NAMES


def test_a_file_has_no_images_and_says_so(tmp_path: Path) -> None:
    data = open_vectors(as_npz(tmp_path, id=IDS, vector=VECTORS)).galaxies
    assert isinstance(data.reader, NoImages)
    assert not data.has_images
    with pytest.raises(DataError, match=r"theirs.npz holds vectors and no images; give the images"):
        data[0]
    assert sum(map(len, aj.split(data, "grouped"))) == COUNT


VALUES = VECTORS.tolist()
HOLE = VECTORS.copy()
HOLE[3, 1], HOLE[9] = np.nan, np.inf
CASES = {
    "lists of different lengths": (
        {"id": IDS, "vector": [[1.0, 2.0, 3.0], *[[1.0, 2.0]] * (COUNT - 2), [1.0]]},
        "the vector of row 0 has 3 numbers, others 2",
    ),
    "lists whose lengths do not add up": (
        {"id": IDS, "vector": [[1.0, 2.0]] * (COUNT - 1) + [[1.0]]},
        "the vectors differ in length, or some are missing (119 numbers in 60 rows)",
    ),
    "a missing vector": ({"id": IDS, "vector": [None, *VALUES[1:]]}, "or some are missing"),
    "a missing number": (
        {"id": IDS, "vector": [[1.0, None]] + [[1.0, 2.0]] * (COUNT - 1)},
        "1 of 60 vectors hold NaN",
    ),
    "non-finite vectors": (
        {"id": IDS, "vector": HOLE.tolist()},
        f"2 of 60 vectors hold NaN, infinity or a number too large for float32 (first: {IDS[3]}); "
        f"leave these galaxies out",
    ),
    "numbers beyond float32": ({"id": IDS, "vector": [[1e300]] * COUNT}, "60 of 60 vectors hold"),
    "words": ({"id": IDS, "vector": [["a"]] * COUNT}, "vector holds lists of string, expected num"),
    "a plain column": ({"id": IDS, "vector": VECTORS[:, 0]}, "has 0 columns of lists (id, vector)"),
    "two unnamed columns": ({"id": IDS, "a": VALUES, "b": VALUES}, "has 2 columns of lists (a, b)"),
    "no ids": ({"vector": VALUES}, "has no ids (found: vector); name them object_id"),
    "ids that are floats": (
        {"id": np.array(IDS, float), "vector": VALUES},
        "the ids are floating-point numbers, which lose digits",
    ),
    "ids from a spreadsheet": (
        {"id": ["1.23765E+18", *NAMES[1:]], "vector": VALUES},
        "the id 1.23765E+18 lost its digits in a spreadsheet (1 such ids)",
    ),
    "equal ids": (
        {"id": [NAMES[1], *NAMES[1:]], "vector": VALUES},
        f"1 ids occur twice or more, such as {NAMES[1]}; keep one vector of each",
    ),
    "a missing id": ({"id": [None, *IDS[1:]], "vector": VALUES}, "1 ids are missing"),
    "an endless id": (
        {"id": ["x" * 9999, *NAMES[1:]], "vector": VALUES},
        "id holds a value of 9,999 letters",
    ),
    "a position outside the sky": (
        {"id": IDS, "vector": VALUES, "ra": [400.0] * COUNT, "dec": [0.0] * COUNT},
        f"ra of {IDS[0]} is 400.0, expected degrees in [0, 360]",
    ),
    "no rows": (
        {"id": IDS[:0], "vector": pa.array([], pa.list_(pa.float32()))},
        "holds no vectors",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_parquet_of_something_else_is_refused_in_one_sentence(tmp_path: Path, case: str) -> None:
    given, message = CASES[case]
    with pytest.raises(ValueError, match=r"theirs.parquet") as refused:
        aj.read_vectors(as_parquet(tmp_path, **given))
    assert message in str(refused.value)


ARRAYS = {
    "objects": (
        {"id": IDS, "vector": VECTORS.astype(object)},
        "vector holds Python objects, expected plain numbers or text; nothing is unpickled",
    ),
    "ids that are objects": ({"id": np.array(NAMES, object), "vector": VECTORS}, "Python objects"),
    "complex numbers": ({"id": IDS, "vector": VECTORS + 1j}, "vector holds complex128"),
    "one dimension": ({"id": IDS, "vector": VECTORS[:, 0]}, "expected numbers (n, D)"),
    "too few ids": ({"id": IDS[1:], "vector": VECTORS}, "expected one value per vector (60)"),
    "equal ids": ({"id": [1] * COUNT, "vector": VECTORS}, "1 ids occur twice or more"),
    "non-finite vectors": ({"id": IDS, "vector": HOLE}, "2 of 60 vectors hold NaN"),
    "no vectors": ({"id": IDS}, "has no array 'vectors' (found: id)"),
    "no ids": ({"vector": VECTORS}, "has no ids"),
    "too wide": (
        {"id": IDS, "vector": np.zeros((COUNT, 70_000), np.int8)},
        "60 vectors of width 70,000; at most",
    ),
}


@pytest.mark.parametrize("case", ARRAYS)
def test_npz_of_something_else_is_refused_in_one_sentence(tmp_path: Path, case: str) -> None:
    given, message = ARRAYS[case]
    with pytest.raises(ValueError, match=r"theirs.npz") as refused:
        aj.read_vectors(as_npz(tmp_path, **given))
    assert message in str(refused.value)


def test_a_small_parquet_that_unpacks_to_gigabytes_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns, "SPARE", 1000)
    monkeypatch.setattr(columns, "_joined", None)
    path = as_parquet(tmp_path, id=np.arange(9000), vector=fixed(np.zeros((9000, 900), np.int8)))
    with pytest.raises(ValueError, match=r"says that it holds 8,100,000 numbers in [\d,]+ bytes"):
        aj.read_vectors(path)


def test_an_array_whose_header_claims_more_than_its_record_is_refused_before_room_is_made(
    tmp_path: Path,
) -> None:
    text = "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000, 512), }\n"
    stream = io.BytesIO(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode())
    with zipfile.ZipFile(tmp_path / "v.npz", "w") as archive:
        archive.writestr("vector.npy", stream.getvalue() + b"\0" * 64)
        archive.writestr("id.npy", stream.getvalue())
    with pytest.raises(ValueError, match="vector is cut short or damaged"):
        aj.read_vectors(tmp_path / "v.npz")


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    table = pa.table([IDS, VALUES, IDS], names=["id", "vector", "id"])
    parquet.write_table(table, tmp_path / "theirs.parquet")
    with pytest.raises(ValueError, match="has two columns 'id'; rename one"):
        aj.read_vectors(tmp_path / "theirs.parquet")


def test_damaged_and_other_files_are_refused(tmp_path: Path) -> None:
    for name, content, message in (
        ("a.parquet", b"PAR1 and nothing", "a.parquet is not a readable Parquet file"),
        ("a.npz", b"PK not an archive", "a.npz holds no vectors that can be read"),
        ("a.csv", b"id,vector\n", "a.csv is no file of vectors; give one that ends in .npz"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=message):
            aj.read_vectors(tmp_path / name)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="empty holds no Parquet files of vectors"):
        aj.read_vectors(tmp_path / "empty")
    with pytest.raises(FileNotFoundError, match="There are no vectors"):
        aj.read_vectors(tmp_path / "none.npz")


@pytest.mark.slow
def test_what_embed_writes_is_read_with_positions_and_the_split(
    galaxy_folder: Path, tmp_path: Path
) -> None:
    table = (galaxy_folder / "labels.csv").read_text().splitlines()
    rows = [f"{line},{row},{-row / 2}" for row, line in enumerate(table[1:])]
    (galaxy_folder / "labels.csv").write_text("\n".join([f"{table[0]},ra,dec", *rows]))
    data, model = open_dataset(galaxy_folder), aj.load_model("random")
    vectors = aj.embed(model, data)
    write_vectors(tmp_path / "v.npz", vectors, data, {"passes": 1})
    embed_shards(model, data, tmp_path / "shards")
    for place in ("v.npz", "shards", "shards/shard-00000-of-00001.parquet"):
        found = open_vectors(tmp_path / place)
        np.testing.assert_array_equal(found.embeddings.vectors, vectors.vectors)
        assert found.embeddings.classes == data.classes
        assert found.embeddings.labels.tolist() == data.labels.tolist()
        np.testing.assert_array_equal(found.galaxies.ra, data.ra)
        np.testing.assert_array_equal(found.galaxies.dec, data.dec)
        assert found.embeddings.model_hash == found.origin["model_hash"] == model.hash
        assert found.embeddings.data_hash == data.fingerprint
    split = open_vectors(tmp_path / "v.npz").galaxies.split_column
    assert split is not None
    assert split.tolist() == data.split_column.tolist()  # type: ignore[union-attr]


@pytest.mark.slow
def test_vectors_name_the_model_that_made_them_or_else_the_file(
    galaxy_folder: Path, tmp_path: Path
) -> None:
    data, model = open_dataset(galaxy_folder), aj.load_model("random")
    write_vectors(tmp_path / "v.npz", aj.embed(model, data), data, {"model": model.id})
    embed_shards(model, data, tmp_path / "shards")
    for place in ("v.npz", "shards", "shards/shard-00000-of-00001.parquet"):
        assert open_vectors(tmp_path / place).made_by == (model.id, model.hash)
    theirs = open_vectors(as_npz(tmp_path, id=NAMES, vectors=VECTORS))
    assert theirs.made_by == ("theirs.npz", theirs.hash)


def test_vectors_meet_the_images_of_the_same_ids(galaxy_folder: Path, tmp_path: Path) -> None:
    data = open_dataset(galaxy_folder)
    stored = open_vectors(
        as_npz(tmp_path, id=["g7", "elsewhere", "g3"], vector=np.eye(3), label=["a", "b", "a"])
    )
    both, found = with_images(stored, data)
    assert both.ids.tolist() == found.ids.tolist() == ["g3", "g7"]
    np.testing.assert_array_equal(found.vectors, np.eye(3)[[2, 0]])
    assert found.classes == data.classes  # of the images' table
    assert found.labels.tolist() == both.labels.tolist()
    assert both.has_images
    with pytest.raises(ValueError, match=r"has the id of a vector in theirs.npz"):
        with_images(open_vectors(as_npz(tmp_path, id=["x", "y"], vector=np.eye(2))), data)


def test_vectors_whose_ids_occur_twice_are_not_joined_and_the_ids_are_named(
    galaxy_folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "ours.npz"
    ids = np.array(["g3", "g3", "g7"])
    np.savez(path, ids=ids, vectors=np.eye(3), model_hash=np.array("0" * 16))
    with pytest.raises(ValueError, match=r"ours\.npz has several vectors each of g3, .* keep one"):
        with_images(open_vectors(path), open_dataset(galaxy_folder))


def test_vectors_meet_images_whose_ids_write_accents_or_blanks_otherwise(
    galaxy_folder: Path, tmp_path: Path
) -> None:
    data = open_dataset(galaxy_folder)
    data = dataclasses.replace(
        data.subset([0]), ids=np.array(["G\N{LATIN SMALL LETTER A WITH ACUTE}l"])
    )
    stored = open_vectors(
        as_npz(tmp_path, id=[" Ga\N{COMBINING ACUTE ACCENT}l"], vectors=VECTORS[:1])
    )
    assert len(with_images(stored, data)[0]) == 1


def test_a_position_that_means_missing_is_none(tmp_path: Path) -> None:
    ra, dec = np.full(COUNT, 10.0), np.full(COUNT, -5.0)
    ra[3] = dec[3] = -9999
    galaxies = open_vectors(as_npz(tmp_path, ids=IDS, vectors=VECTORS, ra=ra, dec=dec)).galaxies
    assert np.isnan([galaxies.ra[3], galaxies.dec[3]]).all()
    assert np.isfinite(np.delete(galaxies.ra, 3)).all()


@pytest.mark.parametrize("word", ["nan", "<NA>", "null", "--"])
def test_an_id_that_says_missing_is_missing(word: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="1 ids are missing"):
        open_vectors(as_npz(tmp_path, ids=[word, *NAMES[1:]], vectors=VECTORS))


@pytest.mark.parametrize("prefix", ["emb_", "", "feature", "PC"])
def test_a_table_with_a_column_for_each_number_holds_vectors(prefix: str, tmp_path: Path) -> None:
    vectors = np.random.default_rng(1).normal(size=(4, 12))
    first = 1 if prefix == "PC" else 0
    order = np.random.default_rng(2).permutation(12)
    frame = pd.DataFrame({"Object_ID": NAMES[:4], "mag": 1.0, "aper_0": 2.0, "aper_1": 2.0})
    for place in order:
        frame[f"{prefix}{place + first}"] = vectors[:, place]
    frame["Label"] = ["a", "b", None, "a"]
    frame.to_parquet(tmp_path / "wide.parquet")
    found = open_vectors(tmp_path / "wide.parquet")
    np.testing.assert_array_equal(found.embeddings.vectors, vectors.astype(np.float32))
    assert found.embeddings.ids.tolist() == NAMES[:4]
    assert found.embeddings.labels.tolist() == [0, 1, -1, 0]


def test_two_vectors_in_columns_and_a_gap_in_one_are_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"id": NAMES[:3]} | {f"{n}_{k}": 1.0 for n in ("emb", "pc") for k in range(5)}
    )
    frame.to_parquet(tmp_path / "wide.parquet")
    with pytest.raises(ValueError, match="has the vectors emb_0 to emb_4 and pc_0 to pc_4"):
        open_vectors(tmp_path / "wide.parquet")
    frame.drop(columns=["emb_2", "pc_2"]).to_parquet(tmp_path / "wide.parquet")
    with pytest.raises(ValueError, match="name the vectors 'vector', or their numbers emb_0"):
        open_vectors(tmp_path / "wide.parquet")


def test_truths_are_labels_as_in_other_tables(tmp_path: Path) -> None:
    labels = [True, False, True]
    given = {"object_id": NAMES[:3], "label": labels}
    as_parquet(tmp_path, vector=VECTORS[:3].tolist(), **given)
    as_npz(tmp_path, vector=VECTORS[:3], **given)
    for name in ("theirs.parquet", "theirs.npz"):
        found = open_vectors(tmp_path / name).embeddings
        assert found.classes == ("false", "true")
        assert found.labels.tolist() == [1, 0, 1]


@pytest.mark.parametrize(("unit", "read"), [("deg", True), ("rad", False), ("pix", False)])
def test_positions_beside_vectors_are_in_degrees_or_refused(
    unit: str, read: bool, tmp_path: Path
) -> None:
    table = pa.table(
        {"id": NAMES[:2], "vector": VECTORS[:2].tolist(), "ra": [1.0, 2], "dec": [0.1, 0]}
    )
    fields = [field.with_metadata({"unit": unit}) for field in table.schema]
    parquet.write_table(table.cast(pa.schema(fields)), tmp_path / "v.parquet")
    if read:
        assert open_vectors(tmp_path / "v.parquet").galaxies.ra.tolist() == [1, 2]
    else:
        with pytest.raises(ValueError, match=f"the unit of ra is {unit}; write positions in degr"):
            open_vectors(tmp_path / "v.parquet")


def test_columns_of_numbers_are_read_many_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = np.random.default_rng(0).normal(size=(4, 70)).astype("f4")
    table = {"id": NAMES[:4]} | {f"emb_{k}": column for k, column in enumerate(given.T)}
    parquet.write_table(pa.table(table), tmp_path / "v.parquet")
    read, calls = columns.read_columns, []
    monkeypatch.setattr(columns, "read_columns", lambda *a: calls.append(a) or read(*a))
    monkeypatch.setattr(columns, "BATCH", 4 * 32)  # numbers: 32 columns of 4 rows
    assert np.array_equal(columns.read_parquet(tmp_path / "v.parquet").vectors, given)
    assert len(calls) == 1 + 3  # the ids, and 70 columns


@pytest.mark.parametrize("ending", ["npz", "parquet", "wide.parquet"])
def test_columns_of_a_file_of_vectors_that_are_not_read_are_named(
    ending: str, tmp_path: Path
) -> None:
    known = {"id_str": NAMES, "ra": np.arange(COUNT) + 0.5, "dec": np.arange(COUNT) + 0.5}
    path = tmp_path / f"theirs.{ending}"
    for others in ({}, {"redshift": np.ones(COUNT), "mass": np.ones(COUNT)}):
        if ending == "npz":
            np.savez(path, vectors=VECTORS, **known, **others)
        else:
            wide = {f"emb_{k}": column for k, column in enumerate(VECTORS.T)}
            vectors = wide if "wide" in ending else {"vector": VECTORS.tolist()}
            parquet.write_table(pa.table(known | vectors | others), path)
        notes = open_vectors(path).galaxies.notes
        said = f"Other columns of {path.name} are not read (redshift, mass); join them with --"
        assert [note.startswith(said) for note in notes] == [True] * bool(others)
