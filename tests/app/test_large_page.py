"""The pages of a store that is too large to be read into memory; the threshold is lowered."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from page_runner import QUIET, run_page, settled, words
from pyarrow import parquet

from app.components.latent_map.tiles import pack_tile, read_box, widened
from app.pages.map import large as page
from app.server import first_look
from app.server.settings import read_settings
from app.session import large, loaders
from app.session.large import Large
from astrojepa.evaluation.maps import large_map
from astrojepa.evaluation.maps.large_map import WHOLE, open_large_map
from astrojepa.evaluation.maps.plane import UNITS
from astrojepa.evaluation.vectors.hats_store import write_hats
from astrojepa.evaluation.vectors.neighbour_index import is_available
from astrojepa.evaluation.vectors.simulated_store import Mixture, simulate_store
from astrojepa.evaluation.vectors.store import open_store, store_files

pytestmark = QUIET
COUNT = 3000


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "survey"
    simulate_store(Mixture(COUNT, 16), path)
    return path


@pytest.fixture(autouse=True)
def low_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_map, "LARGE", 1000)
    monkeypatch.setattr(large_map, "DRAWN", 2000)


def run(monkeypatch: pytest.MonkeyPatch, cache: Path, store: Path, **more: Any) -> Any:
    name = more.pop("page", "map")
    options = {"flags": [f"--vectors={store}"], "data": "", "checkpoint": ""}
    return run_page(monkeypatch, cache, name, **options, **more)


def test_the_map_says_how_many_galaxies_are_drawn_and_how(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, store: Path
) -> None:
    said = words(run(monkeypatch, pages_cache, store))
    assert "**survey**, 3,000 **simulated** galaxies, without images." in said
    assert "The map shows the density of the 3,000 in view. Zoom in" in said


def test_a_link_to_a_galaxy_opens_it_with_its_columns_and_neighbours(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, store: Path
) -> None:
    frame = pd.read_parquet(store)
    galaxy = frame.iloc[1234]
    test = run(monkeypatch, pages_cache, store, query={"id": str(galaxy["object_id"])})
    assert not test.error
    assert str(galaxy["object_id"]) in [element.value for element in test.header]
    assert f"{galaxy['redshift']:.6g}" in words(test)
    assert "are drawn" in words(test)
    vectors = np.stack(frame["vector"].to_numpy()).astype(np.float64)
    vectors = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0)
    gaps = np.linalg.norm(vectors - vectors[1234], axis=1)
    nearest = frame["object_id"].iloc[np.argsort(gaps)[1:7]].astype(str).tolist()
    listed = [button.label for button in test.button if button.key.startswith("near_")]
    assert [label.split(" ")[0] for label in listed] == nearest
    next(button for button in test.button if button.key == "near_1").click().run()
    settled(test)
    assert nearest[0] in [element.value for element in test.header]
    assert test.query_params["id"] == nearest[0]


def test_a_filter_of_a_link_is_counted_and_its_galaxies_can_be_exported(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, store: Path
) -> None:
    expected = int((pd.read_parquet(store)["redshift"] > np.float32(0.2)).sum())
    test = run(monkeypatch, pages_cache, store, query={"filter": "redshift > 0.2"})
    assert f"{expected:,} of 3,000 galaxies match." in words(test)
    assert f"All {expected:,} in view that match the filter are drawn." in words(test)
    assert f"{expected:,} galaxies selected" in [element.value for element in test.header]
    find = next(box for box in test.text_input if box.key == "find")
    find.input("180 0 within 20 deg").run()
    settled(test)
    box = next(box for box in test.text_input if box.key == "filter")
    assert box.value == "cone(180, 0, 20)"
    box.input("no such column < 1").run()
    settled(test)
    assert len(test.error) == 1


@pytest.mark.parametrize("name", ["galaxy", "anomalies", "probe", "compare", "models"])
def test_other_pages_say_what_they_take(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, store: Path, name: str
) -> None:
    test = run(monkeypatch, pages_cache, store, page=name)
    assert not test.error
    assert "page works with up to" in words(test)


def test_a_store_without_a_map_is_told_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, store: Path, tmp_path: Path
) -> None:
    frame = pd.read_parquet(store).drop(columns=["x", "y"])
    frame.to_parquet(tmp_path / "plain.parquet")
    test = run(monkeypatch, pages_cache, tmp_path)
    assert "no map of them" in test.error[0].value


def test_a_store_that_changed_on_disk_is_opened_anew(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, store: Path, tmp_path: Path
) -> None:
    frame = pd.read_parquet(store)
    frame.to_parquet(tmp_path / "a.parquet")
    test = run(monkeypatch, pages_cache, tmp_path)
    assert "3,000 galaxies, without images" in words(test)
    frame[:2500].to_parquet(tmp_path / "a.parquet")
    settled(test.run())
    assert "2,500 galaxies, without images" in words(test)


@pytest.mark.parametrize("ending", [".csv", ".ecsv", ".vot", ".xml", ".fits", ".parquet"])
def test_a_selection_is_exported_in_every_format(
    monkeypatch: pytest.MonkeyPatch, store: Path, ending: str
) -> None:
    from astropy.table import Table

    monkeypatch.setattr(page, "EXPORTED", 2)
    large = Large("survey", "0" * 16, open_large_map(open_store(store)))
    facts = {"store": "survey", "filter": "redshift < 0.1"}
    content = page.table_of(large, np.array([5, 1, 7]), ending, facts)
    assert ending == ".csv" or b"redshift" in content
    written = io.BytesIO(content)
    if ending == ".parquet":
        ids = pd.read_parquet(written)["object_id"].tolist()
    elif ending == ".csv":
        ids = pd.read_csv(written)["object_id"].tolist()
    else:
        formats = {".ecsv": "ascii.ecsv", ".fits": "fits"}
        ids = Table.read(written, format=formats.get(ending, "votable"))["object_id"].tolist()
    assert ids == pd.read_parquet(store)["object_id"].iloc[[5, 1]].tolist()


def test_a_tile_names_its_galaxies_by_row_and_places_them_in_its_box(store: Path) -> None:
    large = Large("survey", "0" * 16, open_large_map(open_store(store))).map
    from app.components.latent_map.colouring import by_class

    coloured = by_class(np.zeros(COUNT, np.int64), ("galaxy",))
    box = (0.0, 0.0, 20_000.0, 30_000.0)
    tile = large.tile(box)
    packed = pack_tile({"classes": [], "shapes": []}, large, tile, coloured)
    start, count = 4 + int.from_bytes(packed[:4], "little"), len(tile.rows)
    assert 100 < count < 2000
    sent = np.frombuffer(packed, "<u2", 2 * count, start).reshape(-1, 2)
    rows = np.frombuffer(packed, "<u4", count, start + 7 * count)
    assert rows.tolist() == tile.rows.tolist()
    places = sent / UNITS * np.array(box[2:])
    np.testing.assert_allclose(places, large.places[rows], atol=0.3)
    crowd = pack_tile({"classes": [], "shapes": []}, large, large.tile(WHOLE), coloured)
    cells = large_map.CELLS[0] * large_map.CELLS[1]
    assert len(crowd) == 4 + int.from_bytes(crowd[:4], "little") + 2 * cells


def test_a_box_that_a_browser_sends_is_four_finite_numbers_low_before_high() -> None:
    assert read_box([0, 1, 2, 3.5]) == (0, 1, 2, 3.5)
    for wrong in (
        None,
        [0, 1, 2],
        [0, 1, 0, 3],
        [0, 1, float("nan"), 3],
        ["0", 1, 2, 3],
        [0, 1, 1e9, 3],
    ):
        assert read_box(wrong) is None
    assert widened((10_000, 10_000, 20_000, 20_000)) == (9_000, 9_000, 21_000, 21_000)
    assert widened((-1e5, -1e5, 1e5, 1e5)) == WHOLE


def test_without_faiss_neighbours_are_those_of_all_vectors(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, store: Path
) -> None:
    if not is_available():
        pytest.skip("faiss is not installed")
    name = str(pd.read_parquet(store)["object_id"].iloc[77])
    listed = []
    for there in (True, False):
        monkeypatch.setattr("app.session.large.is_available", lambda there=there: there)
        test = run(monkeypatch, pages_cache, store, query={"id": name})
        listed.append([button.label for button in test.button if "near_" in button.key])
    assert [text.split()[0] for text in listed[0]] == [text.split()[0] for text in listed[1]]
    assert len(listed[0]) == 6


def test_a_hats_catalogue_of_vectors_opens_and_a_change_in_it_is_noticed(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, store: Path, tmp_path: Path
) -> None:
    pytest.importorskip("astropy_healpix")
    write_hats(open_store(store), tmp_path / "sky", partition=400)
    test = run(monkeypatch, pages_cache, tmp_path / "sky")
    assert "**sky**, 3,000 **simulated** galaxies" in words(test)
    files = store_files(tmp_path / "sky")
    table = parquet.read_table(files[0], partitioning=None)
    parquet.write_table(table.slice(1), files[0])
    settled(test.run())
    assert "**sky**, 2,999 **simulated** galaxies" in words(test)


def test_the_server_opens_the_store_before_the_first_page_asks_for_it(
    monkeypatch: pytest.MonkeyPatch, store: Path
) -> None:
    monkeypatch.setattr(first_look, "settings_of_start", lambda: read_settings(flags(store), {}))
    assert first_look.markup(hosted=False) == ""
    key, _, _ = large._opening(read_settings(flags(store), {})) or ((), "", None)
    assert loaders.jobs().has(key)


def flags(store: Path) -> list[str]:
    return ["--vectors", str(store)]
