"""Images of a store's galaxies: drawn by the simulator, or found by id in another source."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

import astrojepa as aj
from astrojepa.cache import cache_path
from astrojepa.data import DataError, PictureError, parquet_images
from astrojepa.data.frames import read_frames
from astrojepa.data.image_source import DatasetImages
from astrojepa.data.parquet_images import ParquetImages
from astrojepa.data.simulate.stamp import draw_stamp
from astrojepa.data.splits import equal_pictures
from astrojepa.evaluation.vectors import same_ids
from astrojepa.evaluation.vectors import store_images as module
from astrojepa.evaluation.vectors.simulated_store import FIRST_ID, Mixture, simulate_store
from astrojepa.evaluation.vectors.sorted_store import write_sorted
from astrojepa.evaluation.vectors.store import Store, open_store
from astrojepa.evaluation.vectors.store_images import (
    DrawnImages,
    SomeImages,
    StoreImages,
    find_images,
    is_made_up,
)
from astrojepa.plotting import encode_image

COUNT = 3000


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    path = tmp_path_factory.mktemp("images") / "store"
    simulate_store(Mixture(COUNT, 16), path)
    return open_store(path)


def images(found: StoreImages, rows: list[int]) -> dict[int, Any]:
    return dict(found.each(rows))


def test_the_images_of_some_rows_are_told_by_place_and_read_by_row(store: Store) -> None:
    class EveryOther(DrawnImages):
        def each(self, rows: Any) -> Any:
            return ((row, None if row % 2 else np.full((2, 2, 3), row % 200)) for row in rows)

    some = SomeImages(EveryOther(store), np.array([4, 7, 90]))
    found = images(some, [2, 0, 1])
    assert {place: None if one is None else one.max() for place, one in found.items()} == {
        2: 90,
        0: 4,
        1: None,
    }
    assert (len(some), some.read(90).max()) == (3, 90)
    with pytest.raises(PictureError, match="no image"):
        some.read(7)


def test_frames_and_equal_images_of_a_sample_read_a_row_group_once_for_all_that_are_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = [np.full((8, 8, 3), row % 250, np.uint8) for row in range(300)]
    for picture in pictures:
        picture[0] = 255  # images of one colour equal none
    table = pa.table(
        {"id": [f"g{row}" for row in range(300)], "image": list(map(encode_image, pictures))}
    )
    parquet.write_table(table, tmp_path / "a.parquet", row_group_size=100)
    rows = np.array([250, 7, 7, 120, 0])
    whole = aj.open_dataset(tmp_path / "a.parquet").subset(rows)
    sample = dataclasses.replace(
        whole, reader=SomeImages(ParquetImages(tmp_path / "a.parquet"), rows), source_hash="own"
    )
    groups, read = list[int](), parquet.ParquetFile.iter_batches
    monkeypatch.setattr(
        parquet.ParquetFile,
        "iter_batches",
        lambda own, *given, **how: (groups.extend(how["row_groups"]), read(own, *given, **how))[1],
    )
    (found,) = read_frames(sample, 8, [slice(0, 5)])
    assert groups == [0, 1, 2]
    assert np.array_equal(found, [whole[place].image for place in range(5)])
    groups.clear()
    first, seven, same, other, last = equal_pictures(sample)
    assert groups == [0, 1, 2]
    assert first == last
    assert seven == same
    assert len({first, seven, other}) == 3


def test_a_simulated_image_is_what_the_simulator_draws_of_this_class_under_this_id(
    store: Store,
) -> None:
    frame = pd.read_parquet(store.path)
    rows = [2999, 5, 1500]
    found = images(DrawnImages(store), rows)
    assert list(found) == rows
    for row in rows:
        kind = frame["label"][row].lower()
        expected, _ = draw_stamp(0, FIRST_ID + row, kind, "none", 128)
        assert np.array_equal(found[row], expected)
    assert len({image.tobytes() for image in found.values()}) == len(rows)
    assert DrawnImages(store).there(np.array(rows)).tolist() == [True] * 3


def test_a_simulated_galaxy_keeps_its_image_when_its_store_is_sorted_anew(
    store: Store, tmp_path: Path
) -> None:
    order = np.random.default_rng(0).permutation(COUNT)
    write_sorted(store, order, {}, tmp_path / "sorted", {})
    anew = open_store(tmp_path / "sorted")
    assert is_made_up(anew)
    (before,) = images(DrawnImages(store), [int(order[77])]).values()
    (after,) = images(DrawnImages(anew), [77]).values()
    assert np.array_equal(before, after)


def test_what_the_simulator_cannot_draw_is_said_and_the_others_are_drawn(tmp_path: Path) -> None:
    frame = {
        "object_id": ["1", "2", "three"],
        "label": ["Merging", "Quasar", "Merging"],
        "vector": [[0.0, 1.0]] * 3,
    }
    pd.DataFrame(frame).to_parquet(tmp_path / "a.parquet")
    found = images(DrawnImages(open_store(tmp_path)), [0, 1, 2])
    assert isinstance(found[0], np.ndarray)
    for row, sentence in (
        (1, "2 cannot be drawn: the simulator has no class 'Quasar'."),
        (2, "three cannot be drawn: the simulator counts galaxies by number."),
    ):
        assert isinstance(found[row], DataError)
        assert str(found[row]) == sentence


def test_only_a_store_that_was_made_up_is_drawn(store: Store, tmp_path: Path) -> None:
    assert is_made_up(store)
    table = parquet.read_table(store.files[0])
    about = {b"simulated": b"true", b"model_hash": b"0123"}  # images that a model has seen
    for number, facts in enumerate((None, about)):
        path = tmp_path / str(number)
        path.mkdir()
        parquet.write_table(pa.table(table).replace_schema_metadata(facts), path / "a.parquet")
        assert not is_made_up(open_store(path))


def survey(path: Path, ids: list[Any], group: int = 100) -> Path:
    """Images of one pixel each, whose colour says the row."""
    images = [
        encode_image(np.full((1, 1, 3), row % 256, np.uint8), "png") for row in range(len(ids))
    ]
    table = pa.table({"object_id": ids, "image": pa.array(images, pa.binary())})
    parquet.write_table(table, path, row_group_size=group)
    return path


def test_images_of_a_source_are_found_by_id_whatever_its_order(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(same_ids, "SORTED", 100)  # in many pieces
    monkeypatch.setattr(parquet_images, "CHUNK", 64)
    order = np.random.default_rng(0).permutation(COUNT + 500)[:2500]
    ids = [str(FIRST_ID + number) for number in order.tolist()]
    found = find_images(store, ParquetImages(survey(tmp_path / "a.parquet", ids)))
    place = {name: row for row, name in enumerate(ids)}
    expected = [place.get(str(FIRST_ID + row), -1) for row in range(COUNT)]
    assert found.rows.tolist() == expected
    assert found.count == COUNT - expected.count(-1) < COUNT
    assert found.others == 2500 - found.count > 0
    lacking, first, *_, last = expected.index(-1), *np.flatnonzero(found.rows >= 0).tolist()
    seen = images(found, [last, lacking, first, last])
    assert seen[lacking] is None
    for row in (first, last):
        assert seen[row].ravel().tolist() == [expected[row] % 256] * 3
    assert found.there(np.array([first, lacking])).tolist() == [True, False]


def test_of_several_images_of_an_id_the_first_counts(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(same_ids, "SORTED", 2)
    monkeypatch.setattr(parquet_images, "CHUNK", 2)
    ids = [FIRST_ID + 4, FIRST_ID + 9, FIRST_ID + 4, FIRST_ID + 9, FIRST_ID + 4]
    found = find_images(store, ParquetImages(survey(tmp_path / "a.parquet", ids)))
    assert (found.rows[4], found.rows[9], found.count) == (0, 1, 2)


def test_ids_are_looked_up_once_and_again_where_store_or_source_changed(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, looked = tmp_path / "a.parquet", []
    real = module.rows_by_id
    monkeypatch.setattr(module, "rows_by_id", lambda *given: (looked.append(1), real(*given))[1])

    def find() -> list[int]:
        return find_images(store, ParquetImages(path)).rows.tolist()

    survey(path, [FIRST_ID + 1, FIRST_ID])
    assert find() == find() == [1, 0, *[-1] * (COUNT - 2)]
    assert len(looked) == 1
    survey(path, [FIRST_ID, FIRST_ID + 1])
    assert find() == [0, 1, *[-1] * (COUNT - 2)]
    assert len(looked) == 2
    (kept,) = cache_path("images", "*").parent.glob("images-*")
    kept.write_bytes(kept.read_bytes()[:50])
    assert find() == [0, 1, *[-1] * (COUNT - 2)]
    assert len(looked) == 3


def test_a_source_of_other_galaxies_is_refused_with_an_id_of_each(
    store: Store, tmp_path: Path
) -> None:
    source = ParquetImages(survey(tmp_path / "other.parquet", ["m31", "m33"]))
    with pytest.raises(DataError, match=rf"such as {FIRST_ID} there and m31 here"):
        find_images(store, source)


def test_a_folder_of_images_and_a_hats_catalogue_are_found_as_a_file_is(
    store: Store, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in (2, 5):
        (folder / f"{number}.png").write_bytes(
            encode_image(np.full((4, 4, 3), number, np.uint8), "png")
        )
    names = "\n".join(f"{number}.png,{FIRST_ID + number}" for number in (2, 5))
    (folder / "labels.csv").write_text(f"file,object_id\n{names}\n")
    found = find_images(store, DatasetImages(aj.open_dataset(folder)))
    assert found.count == 2
    seen = images(found, [5, 2])
    assert {row: image[0, 0, 0] for row, image in seen.items()} == {2: 2, 5: 5}
    place = tmp_path / "hats" / "dataset" / "Norder=0" / "Dir=0" / "Npix=4.parquet"
    place.parent.mkdir(parents=True)
    (tmp_path / "hats" / "hats.properties").write_text("dataproduct_type=object\n")
    survey(place, [FIRST_ID + 8])
    found = find_images(store, ParquetImages(tmp_path / "hats"))
    assert np.flatnonzero(found.rows >= 0).tolist() == [8]
