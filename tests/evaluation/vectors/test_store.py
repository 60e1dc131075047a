"""A folder of Parquet files as one store: rows through all files, and what is refused."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, Table, vstack
from pyarrow import parquet

import astrojepa as aj
from astrojepa.data.values import Numbers, Words
from astrojepa.evaluation.vectors import store as module
from astrojepa.evaluation.vectors.columns import VectorsError, read_parquet
from astrojepa.evaluation.vectors.select import select
from astrojepa.evaluation.vectors.sorted_store import write_sorted
from astrojepa.evaluation.vectors.store import Store, open_store, part_name
from astrojepa.evaluation.vectors.stored import open_vectors

COUNT, WIDTH, PARTS = 90, 5, 3
VECTORS = np.random.default_rng(0).normal(size=(COUNT, WIDTH)).astype(np.float32)
IDS = [f"galaxy {row}" for row in range(COUNT)]
LABELS = [None if row % 7 == 0 else f"class {row % 2}" for row in range(COUNT)]


def write(path: Path, rows: slice, width: int = WIDTH, **other: object) -> None:
    vectors = VECTORS[rows, :width]
    table = {
        "object_id": IDS[rows],
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), width),
        "label": LABELS[rows],
        "ra": np.arange(COUNT)[rows] * 4.0,
        "dec": np.zeros(COUNT)[rows],
        **other,
    }
    parquet.write_table(pa.table(table), path, row_group_size=8)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    for number in range(PARTS):
        write(tmp_path / part_name(number, PARTS), slice(number * 30, number * 30 + 30))
    return open_store(tmp_path)


def test_rows_are_counted_through_the_files(store: Store) -> None:
    assert (len(store), store.width) == (COUNT, WIDTH)
    vectors = np.empty_like(VECTORS)
    for first, batch in store.batches():
        vectors[first : first + len(batch)] = batch
    np.testing.assert_array_equal(vectors, VECTORS)
    ids = store.known("id")
    assert ids is not None
    assert ids.tolist() == IDS
    assert store.known("split") is None


def test_some_rows_are_read_in_the_order_asked_for(store: Store) -> None:
    rows = np.array([89, 0, 31, 31, 7, 60, 29])
    found = store.known_of(rows)
    assert found["id"].tolist() == [IDS[row] for row in rows]
    assert found["label"].tolist() == [LABELS[row] or "" for row in rows]
    assert found["ra"].tolist() == [4.0 * row for row in rows]


@pytest.mark.parametrize("kind", [pa.string(), pa.dictionary(pa.int8(), pa.string())])
def test_words_of_partitions_that_have_different_ones_are_one_column(
    tmp_path: Path, kind: Any
) -> None:
    parts = [["spiral", None, ""], ["edge-on", "spiral", None], [None, None, None]]
    for number, words in enumerate(parts):
        held = {"object_id": [3 * number + k for k in range(3)], "vector": [[1.0, 2.0]] * 3}
        table = pa.table({**held, "kind": pa.array(words, pa.string()).cast(kind)})
        parquet.write_table(table, tmp_path / f"{number}.parquet")
    found = open_store(tmp_path).values("kind")
    assert isinstance(found, Words)
    assert [*found.words] == ["edge-on", "spiral"]
    assert found.codes.tolist() == [1, -1, -1, 0, 1, -1, -1, -1, -1]


def test_vectors_of_some_rows_are_read_from_their_partitions_alone(store: Store) -> None:
    rows = np.array([1, 29, 60, 89])
    store.files[1].unlink()
    np.testing.assert_array_equal(store.vectors_of(rows), VECTORS[rows])
    with pytest.raises(VectorsError, match="part-00001"):
        store.vectors_of(np.array([1, 30]))


def test_the_whole_folder_opens_where_one_file_does(store: Store) -> None:
    found = aj.read_vectors(store.path)
    np.testing.assert_array_equal(found.vectors, VECTORS)
    assert found.ids.tolist() == IDS
    assert found.classes == ("class 0", "class 1")
    assert found.labels[:3].tolist() == [-1, 1, 0]
    one = open_store(store.files[1])
    assert one.known("id").tolist() == IDS[30:60]  # type: ignore[union-attr]


def test_numbers_that_stand_for_none_are_unknown_as_in_small_data(tmp_path: Path) -> None:
    numbers = {"redshift": [-9.0, -0.001, 0.1], "mass": [-9.0, -99.0, 2.0]}
    write(tmp_path / "a.parquet", slice(0, 3), **numbers)
    store = open_store(tmp_path)
    unknown = {name: (~store.values(name).known).tolist() for name in numbers}
    assert unknown == {"redshift": [True, False, False], "mass": [False, True, False]}


def test_the_hash_is_of_every_byte_of_every_file(store: Store) -> None:
    before = store.hash
    assert open_store(store.path).hash == before
    content = bytearray(store.files[2].read_bytes())
    content[40] ^= 1
    store.files[2].write_bytes(content)
    assert open_store(store.path).hash != before


def test_a_vector_that_is_not_finite_is_named(tmp_path: Path) -> None:
    hole = VECTORS.copy()
    hole[4, 2] = np.inf
    column = pa.FixedSizeListArray.from_arrays(pa.array(hole.ravel()), WIDTH)
    parquet.write_table(pa.table({"id": IDS, "vector": column}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"a.parquet: the vector of row 4 holds NaN, infinity"):
        list(open_store(tmp_path).batches())


def test_missing_partitions_and_files_of_another_kind_are_refused(
    store: Store, tmp_path: Path
) -> None:
    write(tmp_path / "other.parquet", slice(5), width=4)
    with pytest.raises(ValueError, match="differ in the width of their vectors"):
        open_store(tmp_path)
    (tmp_path / "other.parquet").rename(tmp_path / part_name(0, 2))
    with pytest.raises(ValueError, match="holds the partitions of 2 stores; keep one"):
        open_store(tmp_path)
    (tmp_path / part_name(0, 2)).unlink()
    store.files[1].unlink()
    with pytest.raises(FileNotFoundError, match="is unfinished: it has 2 of 3 partitions"):
        open_store(tmp_path)
    with pytest.raises(FileNotFoundError, match="holds no Parquet files of vectors"):
        open_store(tmp_path / "none")


@pytest.mark.parametrize("text", [False, True])
def test_galaxies_are_found_by_ids_and_their_set_has_one_hash_in_any_order_and_number_of_files(
    tmp_path: Path, text: bool
) -> None:
    ids = [str(row + 2**62) if text else row + 2**62 for row in range(COUNT)]
    stores = []
    for parts in (1, 5):
        folder = tmp_path / str(parts)
        folder.mkdir()
        for number in range(parts):
            here = ids[number::parts][:: -1 if parts > 1 else 1]
            vectors = pa.FixedSizeListArray.from_arrays(pa.array(np.ones(2 * len(here))), 2)
            table = pa.table({"object_id": here, "vector": vectors})
            parquet.write_table(table, folder / f"{number}.parquet")
        stores.append(open_store(folder))
    one, several = stores
    assert one.galaxies_hash == several.galaxies_hash
    wanted = [str(ids[7]), "nobody", str(ids[3])]
    assert one.rows_of(wanted) == {str(ids[7]): 7, str(ids[3]): 3}
    found = several.rows_of(wanted)
    assert several.known_of(np.array(list(found.values())))["id"].astype(str).tolist() == [*found]


@pytest.mark.parametrize("statistics", [True, False])
def test_a_store_ranks_by_numbers_and_never_by_ids(tmp_path: Path, statistics: bool) -> None:
    rows = np.arange(COUNT)
    columns = {
        "object_id": pa.array(rows),
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(np.ones(2 * COUNT)), 2),
        "shape": pa.array([{"gaia": 1.0, "grid": 2**60}] * COUNT),
        "TARGETID": pa.array(rows),
        "gaia": pa.array(rows + 2**60),
        "healpix": pa.array(rows - 2**60),
        "grid": pa.array(rows),
        "flux": pa.array(rows / 3),
        "_healpix_29": pa.array(rows),
    }
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table(columns), path, row_group_size=40, write_statistics=statistics)
    assert open_store(tmp_path).numbers == ("grid", "flux")


def test_ids_that_differ_only_in_how_accents_are_written_are_one(tmp_path: Path) -> None:
    ids = np.array(IDS[:30], dtype="<U20")
    ids[[4, 17]] = unicodedata.normalize("NFD", "Arp é"), "Arp é"
    write(tmp_path / "a.parquet", slice(0, 30), object_id=ids)
    store = open_store(tmp_path)
    assert store.rows_of(["Arp é"]) == {"Arp é": 4}
    with pytest.raises(VectorsError, match="has the id 'Arp é' in the rows 4 and 17"):
        store.check_ids()
    with pytest.raises(VectorsError, match="1 ids occur twice or more, such as Arp é"):
        open_vectors(tmp_path / "a.parquet")


def test_text_that_is_no_utf_8_is_refused_wherever_it_is_read(tmp_path: Path) -> None:
    words = pa.array([b"\xf4 as no letter"] * 30).view(pa.string())
    write(tmp_path / "a.parquet", slice(0, 30), note=words)
    store = open_store(tmp_path)
    for read in (
        lambda: store.values("note"),
        lambda: store.table_of(np.array([3])),
        lambda: write_sorted(store, np.arange(30), {}, tmp_path / "new", {}),
    ):
        with pytest.raises(VectorsError, match=r"a.parquet .*UTF8"):
            read()


@pytest.mark.parametrize("kind", ["text", "numbers"])
def test_an_id_in_two_rows_is_named_before_an_index_or_another_store_is_made(
    store: Store, tmp_path: Path, kind: str
) -> None:
    ids = np.arange(COUNT) if kind == "numbers" else np.array(IDS)
    for number in range(PARTS):
        rows = slice(number * 30, number * 30 + 30)
        write(tmp_path / part_name(number, PARTS), rows, object_id=ids[rows])
    open_store(tmp_path).check_ids()
    ids[77] = ids[12]
    write(tmp_path / part_name(2, PARTS), slice(60, 90), object_id=ids[60:])
    twice = open_store(tmp_path)
    said = f"has the id '{ids[12]}' in the rows 12 and 77; give every galaxy an id"
    with pytest.raises(VectorsError, match=said):
        twice.check_ids()
    with pytest.raises(VectorsError, match=said):
        write_sorted(twice, np.arange(COUNT), {}, tmp_path / "new", {})
    assert not (tmp_path / "new").exists()


def test_different_ids_with_equal_hashes_are_different(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_codes", lambda ids: np.zeros(len(ids), np.uint64))
    store.check_ids()


def test_values_that_astropy_masks_are_missing_in_every_way_of_reading(tmp_path: Path) -> None:
    missing = np.arange(COUNT) % 3 == 0
    for number, rows in enumerate((slice(0, 30), slice(30, COUNT))):
        table = Table({"object_id": IDS[rows], "vector": VECTORS[rows]})
        mask = missing[rows] & (number == 1)  # astropy writes no mask of a file without gaps
        table["label"] = MaskedColumn(["A", "B"] * (len(mask) // 2), mask=mask)
        for name in ("ra", "dec", "redshift"):
            table[name] = MaskedColumn(np.arange(COUNT)[rows] / 2, mask=mask)
        table.write(tmp_path / f"{number}.parquet")
    known = vstack([Table.read(tmp_path / f"{number}.parquet") for number in range(2)])
    expected = {name: known[name].filled(np.nan) for name in ("ra", "dec", "redshift")}
    found = open_store(tmp_path)
    assert found.names == ("object_id", "label", "ra", "dec", "redshift")
    rows = np.arange(COUNT)
    one = [open_store(tmp_path / "1.parquet").read(), read_parquet(tmp_path / "1.parquet")]
    for name in ("ra", "dec"):
        for values in (found.known(name), found.known_of(rows)[name], found.read().known[name]):
            np.testing.assert_array_equal(values, expected[name])
        for columns in one:
            np.testing.assert_array_equal(columns.known[name], expected[name][30:])
    table, values = found.table_of(rows), found.values("redshift")
    assert isinstance(values, Numbers)
    for redshift in (values.values, table["redshift"], select(found)["redshift"].to_pandas()):
        np.testing.assert_array_equal(redshift, expected["redshift"])
    labels = known["label"].filled("").tolist()
    assert found.known_of(rows)["label"].tolist() == labels
    assert table["label"].fillna("").tolist() == labels
    assert len(select(found, where="redshift > 20")) == int(
        (known["redshift"] > 20).filled(0).sum()
    )
    there = known[~known["ra"].mask]
    apart = SkyCoord(there["ra"], there["dec"], unit="deg").separation(SkyCoord(0, 0, unit="deg"))
    assert select(found, cone=(0.0, 0.0, 21.0))["object_id"].to_pylist() == (
        there["object_id"][apart.deg <= 21].tolist()
    )
