"""Images of a store's galaxies: drawn by the simulator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from astrojepa.data import DataError
from astrojepa.data.simulate.stamp import draw_stamp
from astrojepa.evaluation.vectors.simulated_store import FIRST_ID, Mixture, simulate_store
from astrojepa.evaluation.vectors.sorted_store import write_sorted
from astrojepa.evaluation.vectors.store import Store, open_store
from astrojepa.evaluation.vectors.store_images import DrawnImages, StoreImages, is_made_up

COUNT = 3000


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    path = tmp_path_factory.mktemp("images") / "store"
    simulate_store(Mixture(COUNT, 16), path)
    return open_store(path)


def images(found: StoreImages, rows: list[int]) -> dict[int, Any]:
    return dict(found.each(rows))


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
