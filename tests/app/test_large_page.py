"""The pages of a store that is too large to be read into memory; the threshold is lowered."""

from __future__ import annotations

import io
import json
import re
import threading
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import url2pathname

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from astropy.table import Table
from page_runner import QUIET, numbers, run_page, settled, tables, words
from pyarrow import parquet

from app.components import collections_bar, instead, large_card
from app.components.keepsake import large as keepsake_of_large
from app.components.latent_map import geometry
from app.components.latent_map.colouring import by_class
from app.components.latent_map.latent_map import packed_bits
from app.components.latent_map.tiles import pack_tile, read_box, widened
from app.components.patch_panel import masks
from app.pages.anomalies import artefacts, large_artefacts, large_order, large_review, review
from app.pages.anomalies import large as anomalies
from app.pages.compare import galaxy as compare_galaxy
from app.pages.compare import large as compare_page
from app.pages.galaxy import large_errors, panel
from app.pages.map import large as page
from app.pages.map import large_selection, selection
from app.pages.models import uploads as models_uploads
from app.pages.probe import label_next, report, tasks
from app.pages.probe import large as probe
from app.pages.registry import pages
from app.server import first_look, pictures, settings
from app.server.settings import read_settings
from app.session import (
    keepsake,
    large,
    large_search,
    loaders,
    marks,
    opening,
    state,
    store_sample,
    uploads,
    waiting,
)
from app.session.large import Large
from app.session.large_described import OfStore
from app.session.large_second import Both
from app.session.queue import Urgency
from astrojepa import plotting
from astrojepa.data import open_dataset
from astrojepa.data.crops import resize_frame
from astrojepa.data.images import raster
from astrojepa.evaluation.anomalies.feedback import rerank
from astrojepa.evaluation.maps import large_map
from astrojepa.evaluation.maps.large_map import WHOLE, open_large_map
from astrojepa.evaluation.maps.plane import UNITS
from astrojepa.evaluation.maps.store_pca import project_by_pca
from astrojepa.evaluation.patches.regions import region_similarity
from astrojepa.evaluation.pictures.checks import picture_checks
from astrojepa.evaluation.vectors import compare_stores, newcomers, store_images
from astrojepa.evaluation.vectors.hats_store import write_hats
from astrojepa.evaluation.vectors.neighbour_index import is_available
from astrojepa.evaluation.vectors.simulated_store import FIRST_ID, Mixture, simulate_store
from astrojepa.evaluation.vectors.store import open_store, store_files
from astrojepa.evaluation.vectors.store_images import DrawnImages
from tests.test_samp import hub, topcat  # noqa: F401  (fixtures)

pytestmark = QUIET
COUNT = 3000


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "survey"
    simulate_store(Mixture(COUNT, 16), path)
    return path


@pytest.fixture(scope="module")
def plain(store: Path) -> Path:
    """The same galaxies in a store that does not say that they are simulated: without images."""
    path = store.parent / "plain"
    path.mkdir()
    pd.read_parquet(store).to_parquet(path / "a.parquet")
    return path


@pytest.fixture(autouse=True)
def low_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_map, "LARGE", 1000)
    monkeypatch.setattr(large_map, "DRAWN", 2000)
    monkeypatch.setattr(settings, "find_data", lambda: "simulated:60")


def run(monkeypatch: pytest.MonkeyPatch, cache: Path, store: Path, **more: Any) -> Any:
    name = more.pop("page", "map")
    flags = [f"--vectors={store}", *(f"--data={path}" for path in more.pop("images", []))]
    options = {"flags": flags, "data": "", "checkpoint": ""}
    return run_page(monkeypatch, cache, name, **options, **more)


def test_a_small_store_without_images_opens_like_a_large_one_and_rounds_no_position(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, plain: Path
) -> None:
    monkeypatch.setattr(large_map, "LARGE", 200_000)
    table = pd.read_parquet(plain).iloc[:500].rename(columns={"ra": "RA", "dec": "DEC"})
    small = plain.parent / "small"
    small.mkdir()
    table.to_parquet(small / "a.parquet")
    test = run(monkeypatch, pages_cache, small, query={"galaxy": "7"})
    said = words(test)
    assert "500 galaxies, without images" in said
    assert f"{table['RA'][7]:.5f}" in said
    assert f"{table['DEC'][7]:.5f}" in said
    box = next(box for box in test.text_input if box.key == "filter")
    settled(box.input("redshift < 0").run())
    assert "0 galaxies selected" in words(test)
    assert "None matches the filter." in words(test)
    assert "press 0 to reset" not in words(test), "which would show none either"
    assert "No galaxy passes the filter." in words(test)
    test.session_state["filter"] = "nosuch > 3"
    test.session_state["polygons"] = [[(-9.0, -9.0), (-8.0, -9.0), (-9.0, -8.0)]]
    test.session_state["area_of"] = test.session_state["map_shown"]
    settled(test.run())
    assert "No galaxy lies in the area drawn. Clear" in words(test), "all that is applied"


@pytest.mark.parametrize("mapped", [False, True])
def test_a_folder_of_vectors_of_the_default_galaxies_opens_beside_them(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, tmp_path: Path, mapped: bool
) -> None:
    vectors = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    table = pd.DataFrame(
        {"object_id": open_dataset("simulated:60").ids.astype(str), "vector": list(vectors)}
    )
    if mapped:
        table[["x", "y"]] = vectors[:, :2]
    table.to_parquet(tmp_path / "a.parquet")
    test = run(monkeypatch, pages_cache, tmp_path, query={"map": "pca"})
    assert not test.error
    assert [box.value for box in test.selectbox if box.label == "Model"] == [f"vectors:{tmp_path}"]
    assert "without images" not in words(test)


@pytest.mark.skipif(not is_available(), reason="faiss is not installed")
@pytest.mark.parametrize("count", [1, 3])
def test_the_pages_of_very_few_galaxies_open(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, plain: Path, tmp_path: Path, count: int
) -> None:
    few = pd.read_parquet(plain).iloc[:count]
    flags = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        few.to_parquet(tmp_path / name / "a.parquet")
        flags.append(f"--vectors={tmp_path / name}")
    options = {"flags": flags, "data": "", "checkpoint": "", "query": {"galaxy": "0"}}
    for name in ("map", "galaxy"):
        test = run_page(monkeypatch, pages_cache, name, **options)
        assert not test.error
        found = [box for box in test.button if re.match(r"\d+ \(\d\.\d\d\)", box.label)]
        assert len(found) == count - 1
    test = run_page(monkeypatch, pages_cache, "compare", **options)
    if count == 1:
        assert [one.value for one in test.error] == [
            "Only one galaxy is in both stores; a comparison needs at least two."
        ]
    else:
        assert not test.error
        assert "share 2 of 2 nearest neighbours" in words(test)


@pytest.mark.parametrize("count", [1, 300])
def test_a_small_store_without_a_map_is_shown_on_its_pca_map(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, plain: Path, tmp_path: Path, count: int
) -> None:
    table = pd.read_parquet(plain).iloc[:count].drop(columns=["x", "y"])
    table.to_parquet(tmp_path / "a.parquet")
    monkeypatch.setattr(large_map, "LARGE", 200_000)
    test = run(monkeypatch, pages_cache, tmp_path, query={"galaxy": "0", "map": "umap"})
    said, held = words(test), "1 galaxy" if count == 1 else f"{count} galaxies"
    assert not test.error
    assert f"{held}, without images" in said
    assert "has no UMAP map; the map by PCA is shown" in said
    (menu,) = (box for box in test.selectbox if box.key == "projection")
    assert menu.options == ["PCA"]


def test_no_sentence_on_a_small_store_says_that_it_is_large(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, plain: Path
) -> None:
    monkeypatch.setattr(large, "is_available", lambda: False)
    monkeypatch.setattr(compare_page, "is_available", lambda: False)
    monkeypatch.setitem(pages(), "models", replace(pages()["models"], show_large=None))
    flags = [f"--vectors={plain}", f"--vectors={plain.parent}"]
    options = {"flags": flags, "data": "", "checkpoint": ""}
    said = [
        words(run_page(monkeypatch, pages_cache, name, **options)) for name in ("compare", "models")
    ]
    assert "faiss must be installed" in said[0]
    assert "cannot show a store such as plain" in said[1]
    assert not [one for one in (*said, OfStore.unmeasured) if "200,000" in one]


def test_the_map_says_how_many_galaxies_are_drawn_and_how(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, store: Path
) -> None:
    said = words(run(monkeypatch, pages_cache, store))
    drawn = "whose images are drawn when they are asked for"
    assert f"**survey**, 3,000 **simulated** galaxies, {drawn}." in said
    assert "The map shows the density of the 3,000 in view. Zoom in" in said


@pytest.mark.slow
def test_the_map_keeps_its_colours_while_others_wait_for_a_long_task(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, store: Path
) -> None:
    drawn, free = list[Any](), threading.Event()
    draw = page.pack_tile
    monkeypatch.setattr(
        page,
        "pack_tile",
        lambda *given: (
            drawn.append((given[3].legend["title"], given[0]["standsIn"])) or draw(*given)
        ),
    )
    test = run(monkeypatch, pages_cache, store, query={"colour": "label"})
    first = drawn.pop()
    long = loaders.jobs().start(("long",), lambda report: free.wait(120), Urgency.AWAITED)
    try:
        test.selectbox(key=state.COLOUR).select("redshift").run()
        assert "Until then, the map is coloured by Label." in words(test)
        assert drawn.pop() == (first[0], True), "the browser knows that they stand in"
    finally:
        free.set()
    assert long.finished.wait(60)
    settled(test)
    assert "Until then" not in words(test)
    assert (drawn.pop(), first[1]) == (("redshift", False), False)


@pytest.mark.slow
def test_no_group_is_hidden_while_other_colours_stand_in(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, store: Path
) -> None:
    marked, sorts, free = list[Any](), list[Any](), threading.Event()
    arranged = large_selection._arranged
    monkeypatch.setattr(page, "mark", lambda told: marked.append(told["off"]))
    monkeypatch.setattr(
        large_selection, "_arranged", lambda *given: sorts.append(given[1::3]) or arranged(*given)
    )
    query = {"filter": "redshift > 0.2", "colour": "label", "off": "1", "view": "table"}
    test = run(monkeypatch, pages_cache, store, query=query)
    count = int((pd.read_parquet(store)["redshift"] > np.float32(0.2)).sum())
    assert (marked[-1], len(sorts[-1][0]) < count) == ([1], True)
    long = loaders.jobs().start(("long stand-in",), lambda report: free.wait(120), Urgency.AWAITED)
    try:
        test.session_state[state.OFF_COLOUR], test.session_state[state.OFF] = "magnitude", (2,)
        test.selectbox(key=state.COLOUR).select("magnitude").run()  # as a link would have it
        assert "Until then, the map is coloured by Label." in words(test)
        assert f"{count:,} galaxies selected" in [one.value for one in test.header]
        assert (marked[-1], len(sorts[-1][0])) == ([], count)
        assert sorts[-1][1][-2:] == ((), "label"), "by what was drawn"
        session = {key: test.session_state[key] for key in (state.COLOURED, state.OFF_COLOUR)}
        with monkeypatch.context() as toggled:
            toggled.setattr(page.st, "session_state", session)
            page._toggled([1])
        assert state.OFF not in session, "codes of the groups of other colours"
    finally:
        free.set()
    assert long.finished.wait(60)
    settled(test)
    assert "Until then" not in words(test)
    assert (marked[-1], sorts[-1][1][-2:]) == ([2], ((2,), "magnitude"))


def test_an_id_of_two_galaxies_is_named_before_marks_and_collections_go_by_it(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, store: Path, tmp_path: Path
) -> None:
    frame = pd.read_parquet(store)
    frame.loc[2718, "object_id"] = frame.loc[31, "object_id"]
    (tmp_path / "twice").mkdir()
    frame.to_parquet(tmp_path / "twice" / "a.parquet")
    test = run(monkeypatch, pages_cache, tmp_path / "twice", query={"filter": "redshift > 0.2"})
    said = f"has the id '{frame.loc[31, 'object_id']}' in the rows 31 and 2718; give every galaxy"
    assert not test.error
    assert [said in warning.value for warning in test.warning] == [True]
    assert any(button.label.startswith("Download") for button in test.get("download_button"))
    assert len(tables(test)) == 1


@pytest.mark.slow
def test_a_link_to_a_galaxy_opens_it_with_its_columns_and_neighbours(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, plain: Path
) -> None:
    frame = pd.read_parquet(plain)
    galaxy = frame.iloc[1234]
    test = run(monkeypatch, pages_cache, plain, query={"id": str(galaxy["object_id"])})
    assert not test.error
    assert str(galaxy["object_id"]) in [element.value for element in test.header]
    assert f"{galaxy['redshift']:.6g}" in words(test)
    assert "are drawn" in words(test)
    vectors = np.stack(frame["vector"].to_numpy()).astype(np.float64)
    vectors = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0)
    gaps = np.linalg.norm(vectors - vectors[1234], axis=1)
    nearest = frame["object_id"].iloc[np.argsort(gaps)[1:7]].astype(str).tolist()
    listed = [button.label for button in test.button if str(button.key).startswith("near_")]
    assert [label.split(" ")[0] for label in listed] == nearest
    test.button(key="near_1").click().run()
    settled(test)
    assert nearest[0] in [element.value for element in test.header]
    assert test.query_params["id"] == nearest[0]


def test_names_of_columns_are_shown_letter_by_letter_and_missing_values_as_unknown(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, plain: Path, tmp_path: Path
) -> None:
    frame = pd.read_parquet(plain)
    frame["[mass](http://example.org)"] = np.nan
    frame.to_parquet(tmp_path / "odd.parquet")
    test = run(monkeypatch, pages_cache, tmp_path, page="galaxy", query={"galaxy": "4"})
    said = [element.value for element in test.caption]
    assert r"\[mass\](http\://example.org)" in said
    assert "unknown" in [element.value for element in test.get("text")]


def test_a_simulated_galaxy_is_shown_with_its_image_and_those_of_its_neighbours(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, store: Path
) -> None:
    shown: list[Any] = []
    monkeypatch.setattr(large_card, "gallery", lambda *given, **more: shown.append(given))
    frame = pd.read_parquet(store)
    test = run(monkeypatch, pages_cache, store, query={"id": str(frame["object_id"][1234])})
    assert not test.error
    assert "Simulated image, drawn from the class and the id." in words(test)
    assert len(test.get("image")) == 1
    key, address, rows, captions, _ = shown[-1]
    assert key == "neighbours"
    assert [name for name, _ in captions] == frame["label"][rows].tolist()
    tiles = pictures.tiles_of_store(address.rpartition("/")[2], rows, 48)
    drawn = dict(DrawnImages(open_store(store)).each(rows))
    for row, tile in zip(rows, tiles, strict=True):
        assert np.array_equal(tile, resize_frame(drawn[row], 48))


@pytest.fixture(scope="module")
def survey(plain: Path) -> Path:
    """Images of every second galaxy and of one that the store does not have; two are broken."""
    ids = [FIRST_ID + row for row in range(0, COUNT, 2)] + [7]
    images = [plotting.encode_image(np.full((8, 8, 3), row % 200, np.uint8)) for row in range(1501)]
    images[100], images[101] = b"broken", huge_png()
    table = pa.table({"object_id": ids, "image": pa.array(images, pa.binary())})
    parquet.write_table(table, plain.parent / "survey.parquet", row_group_size=100)
    return plain.parent / "survey.parquet"


def huge_png() -> bytes:
    """The head of a PNG of a billion pixels."""
    head = b"IHDR" + (40_000).to_bytes(4) * 2 + bytes([8, 2, 0, 0, 0])
    rest = b"IDAT" + zlib.compress(bytes(100))
    parts = [
        len(part[4:]).to_bytes(4) + part + zlib.crc32(part).to_bytes(4) for part in (head, rest)
    ]
    return raster.PNG_SIGNATURE + b"".join(parts)


def test_images_of_a_source_are_found_by_id_and_the_page_says_how_many_there_are(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, plain: Path, survey: Path
) -> None:
    shown: list[Any] = []
    monkeypatch.setattr(large_card, "gallery", lambda *given, **more: shown.append(given))
    test = run(monkeypatch, pages_cache, plain, images=[survey], query={"id": str(FIRST_ID + 1000)})
    assert not test.error
    assert (
        "**plain**, 3,000 galaxies, 1,500 of which have an image in survey.parquet, which has 1 "
        "image of another galaxy. "
    ) in words(test)
    assert len(test.get("image")) == 1
    _, address, rows, captions, _ = shown[-1]
    assert [("no image" in text) for _, text in captions] == [row % 2 == 1 for row in rows]
    tiles = pictures.tiles_of_store(address.rpartition("/")[2], [1000, 1001], 48)
    assert abs(int(tiles[0].mean()) - 500 % 200) < 3
    assert np.array_equal(tiles[1], pictures.placeholder(48, crossed=False))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (200, "survey.parquet#100 is no JPEG, PNG or WebP image"),
        (202, "survey.parquet#101 has 40000 x 40000 pixels; at most 16,777,216 are read."),
        (201, "survey.parquet has no image of this galaxy."),
    ],
)
def test_a_broken_a_huge_and_a_missing_image_are_a_sentence_beside_all_else(
    monkeypatch: pytest.MonkeyPatch,
    pages_cache: Path,
    plain: Path,
    survey: Path,
    row: int,
    sentence: str,
) -> None:
    shown: list[Any] = []
    monkeypatch.setattr(large_card, "gallery", lambda *given, **more: shown.append(given))
    test = run(monkeypatch, pages_cache, plain, images=[survey], query={"id": str(FIRST_ID + row)})
    assert not test.error
    assert not test.get("image")
    assert sentence in words(test)
    address, found = shown[-1][1], str(FIRST_ID + row)
    assert found in [element.value for element in test.header]
    (tile,) = pictures.tiles_of_store(address.rpartition("/")[2], [row], 48)
    assert np.array_equal(tile, pictures.placeholder(48, crossed=row != 201))


@pytest.mark.slow
def test_likely_artefacts_among_the_first_of_a_leaderboard_are_those_of_a_small_data_set(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, plain: Path, tmp_path: Path
) -> None:
    frame = pd.read_parquet(plain).sort_values("score", ascending=False, kind="stable")
    first = frame[:40]
    drawn = DrawnImages(open_store(plain)).each(first.index.tolist())
    images = [np.array(image) for _, image in drawn]
    for image in images[3:20:4]:  # an image without light, and others with a dead line
        image[:, 40] = 0
    images[3][:] = 0
    encoded = [plotting.encode_image(image, "png") for image in images]
    encoded[9] = b"broken"
    table = pa.table(
        {"id": first["object_id"].astype(str), "image": pa.array(encoded, pa.binary())}
    )
    parquet.write_table(table, tmp_path / "pictures.parquet")
    parquet.write_table(table.filter(np.arange(40) != 9), tmp_path / "sound.parquet")
    found = picture_checks(open_dataset(str(tmp_path / "sound.parquet")), cache=False)
    likely = np.flatnonzero(np.insert(found.artefact, 9, 0) > 0.5)
    assert {3, 7, 11} <= set(likely) < set(range(40))
    listed: list[Any] = []
    for module in (large_artefacts, anomalies):
        monkeypatch.setattr(module, "CHECKED", 50)
    monkeypatch.setattr(artefacts, "gallery", lambda *given, **more: listed.append(given))
    options = {"page": "anomalies", "images": [tmp_path / "pictures.parquet"]}
    test = run(monkeypatch, pages_cache, plain, **options, query={"view": "table"})
    assert "open *Artefacts* to have the first 50 images checked" in words(test)
    assert tables(test)[0]["object_id"][3] == str(first["object_id"].iloc[3])
    test.session_state[state.BOARD_MODE] = "artefacts"
    settled(test.run())
    assert not [one.value for one in test.error]
    said = (
        f"{len(likely)} of the images of the first 50 galaxies (11 have no image that can be read)"
    )
    assert said in words(test)
    rows = listed[-1][2]
    assert sorted(rows) == sorted(first.index[likely].tolist())
    clearest = np.insert(found.artefact, 9, 0)[likely].max()
    assert listed[-1][3][0][0].startswith(f"{clearest:.2f}  ")
    test.session_state[state.BOARD_MODE] = "board"
    settled(test.run())
    assert f"Of the first 50, {len(likely)} likely artefacts are left out (tab" in words(test)
    assert f"{len(frame) - len(likely):,} galaxies, page 1" in words(test)
    sound = [1 + k for k in range(50) if k not in likely]
    assert tables(test)[0]["rank"].tolist() == [str(rank) for rank in sound][:24]
    coming: list[Any] = []
    monkeypatch.setattr(large_review, "galleries", lambda *given: coming.append(given[3]))
    test.session_state[state.BOARD_MODE] = "review"
    settled(test.run())
    assert coming[-1][:12] == [[f"rank {rank}"] for rank in sound[1:13]]
    test.session_state[state.BOARD_MODE] = "board"
    settled(test.run())
    test.toggle(key=state.SHOW_ARTEFACTS).set_value(True).run()
    assert settled(test).query_params["artefacts"] == "shown"
    assert tables(test)[0]["rank"].tolist() == [str(1 + k) for k in range(24)]

    ids, options = first["object_id"].astype(str).tolist(), options | {"page": "galaxy"}
    at = max(rank for rank in sound if rank <= 3)
    after = min(rank for rank in sound if rank > at)
    assert after > at + 1
    test = run(monkeypatch, pages_cache, plain, **options, query={"id": ids[at - 1]})
    assert "Likely artefacts are skipped." in words(test)
    assert pressed(test, "Next").query_params["id"] == ids[after - 1]
    assert pressed(test, "Previous").query_params["id"] == ids[at - 1]
    query = {"id": ids[at - 1], "artefacts": "shown"}
    test = run(monkeypatch, pages_cache, plain, **options, query=query)
    assert "skipped" not in words(test)
    assert pressed(test, "Next").query_params["id"] == ids[at]


@pytest.mark.slow
def test_a_source_that_cannot_be_matched_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, plain: Path, survey: Path, tmp_path: Path
) -> None:
    table = pa.table({"object_id": ["m31"], "image": pa.array([b"x"], pa.binary())})
    parquet.write_table(table, tmp_path / "other.parquet")
    for images, sentence in (
        ([tmp_path / "other.parquet"], "No galaxy of plain has the id of an image of other.parq"),
        ([survey, tmp_path], "The images of plain come from one source; --data names 2."),
        (["simulated:60"], "No galaxy of plain has the id of an image of simulated galaxies"),
    ):
        test = run(monkeypatch, pages_cache, plain, images=images)
        assert [sentence in element.value for element in test.error] == [True]


def test_a_source_that_changed_on_disk_is_looked_up_anew(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, plain: Path, survey: Path, tmp_path: Path
) -> None:
    path = tmp_path / "images.parquet"
    parquet.write_table(parquet.read_table(survey).slice(0, 1000), path)
    test = run(monkeypatch, pages_cache, plain, images=[path])
    assert "3,000 galaxies, 1,000 of which have an image in images.parquet" in words(test)
    parquet.write_table(parquet.read_table(survey).slice(0, 400), path)
    settled(test.run())
    assert "3,000 galaxies, 400 of which have an image in images.parquet" in words(test)


def test_the_map_knows_which_galaxies_of_a_tile_have_an_image(store: Path) -> None:
    large = open_large_map(open_store(store))
    tile = large.tile((0.0, 0.0, 20_000.0, 30_000.0))
    there = tile.rows % 3 == 0
    coloured = by_class(np.zeros(COUNT, np.int64), ("galaxy",))
    for pictured, expected in ((there, packed_bits(there)), (there | True, ""), (None, "")):
        packed = pack_tile({}, large, tile, coloured, None, pictured)
        header = json.loads(packed[4 : 4 + int.from_bytes(packed[:4], "little")])
        assert header["tile"]["pictured"] == expected


def test_a_filter_of_a_link_is_counted_and_its_galaxies_can_be_exported(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, store: Path
) -> None:
    exported: list[Any] = []
    monkeypatch.setattr(
        large_selection, "export_menu", lambda *given, **more: exported.append(given)
    )
    expected = int((pd.read_parquet(store)["redshift"] > np.float32(0.2)).sum())
    test = run(monkeypatch, pages_cache, store, query={"filter": "redshift > 0.2"})
    assert f"{expected:,} of 3,000 galaxies match." in words(test)
    assert f"All {expected:,} in view that match the filter are drawn." in words(test)
    assert f"{expected:,} galaxies selected" in [element.value for element in test.header]
    _, _, count, write = exported[-1]
    assert count == expected
    said = {
        line.partition(": ")[0].strip("# -{"): line.partition(": ")[2].strip("}'")
        for line in write(".ecsv").decode().splitlines()
        if line.startswith("#")
    }
    assert (said["filter"], said["simulated"]) == ("redshift > 0.2", "true")
    assert parse_qs(said["view"])["filter"] == ["redshift > 0.2"]
    find = next(box for box in test.text_input if box.key == "find")
    find.input("180 0 within 20 deg").run()
    settled(test)
    box = next(box for box in test.text_input if box.key == "filter")
    assert box.value == "cone(180, 0, 20)"
    box.input("no such column < 1").run()
    settled(test)
    assert len(test.error) == 1


def test_a_selection_opens_a_gallery_of_bounded_length_page_by_page(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, plain: Path, survey: Path
) -> None:
    shown: dict[str, Any] = {}
    for module in (large_selection, selection):
        keep = lambda key, *given, **more: shown.update({key: given})  # noqa: E731
        monkeypatch.setattr(module, "gallery", keep)
    monkeypatch.setattr(large_selection, "PICTURED", 40)
    query = {"filter": "redshift > 0.1", "colour": "redshift", "sort": selection.ON_MAP}
    test = run(monkeypatch, pages_cache, plain, images=[survey], query=query)
    redshift = pd.read_parquet(plain)["redshift"]
    rows = np.flatnonzero(redshift > np.float32(0.1))
    pictured = rows[rows % 2 == 0]
    _, first, captions, _ = shown["lasso_gallery"]
    assert first == pictured[:24].tolist()
    assert captions[0][1] == f"redshift {redshift[first[0]]:.4g}"
    address, beside, names, _ = shown["beside_gallery"]
    assert (address, beside) == (shown["lasso_gallery"][0], first[:4])
    assert names == [caption[:1] for caption in map(tuple, captions[:4])]
    said = f"**First 4 of the {len(rows):,} selected**; gallery, table and exports are below"
    assert said in words(test)
    assert (
        f"{len(pictured):,} of these galaxies have an image. The first 40 images are shown."
    ) in words(test)
    next(button for button in test.button if button.label == "Next").click().run()
    settled(test)
    assert shown["lasso_gallery"][1] == pictured[24:40].tolist()
    assert not tables(test)
    test.session_state["selection_view"] = "table"
    settled(test.run())
    assert len(tables(test)) == 1
    assert test.query_params["view"] == "table"


@pytest.mark.parametrize(
    ("name", "query", "sentence"),
    [
        ("map", {"colour": "age"}, "cannot be coloured by 'age'; label is shown"),
        (
            "map",
            {"filter": "redshift > 0.2", "sort": "age"},
            "cannot be sorted by 'age'; they are sorted by 'Score'",
        ),
        (
            "map",
            {"label": "age"},
            "cannot be labelled by 'age'; their classes are those of 'label'",
        ),
        (
            "map",
            {"filter": "redshift > 0.2", "view": "table", "columns": "age,redshift"},
            "have no column 'age'; the table shows all others",
        ),
        (
            "map",
            {"like": "3.4"},
            "search of the link is of other galaxies; nothing is searched for",
        ),
        ("anomalies", {"sort": "age"}, "cannot be ranked by 'age'; they are ranked by 'score'"),
        ("anomalies", {"score": "lof"}, "'lof' is not available for a large store"),
        ("anomalies", {"only": "Merging"}, "not rank the class 'Merging' alone; all classes"),
        ("anomalies", {"page": "500"}, "has no page 500; page 125 is shown"),
        ("probe", {"learn": "age"}, "have no target 'Age'; 'Classes of the data' is chosen"),
    ],
)
def test_what_a_link_names_and_a_large_store_has_not_is_said_with_what_is_shown(
    monkeypatch: pytest.MonkeyPatch,
    pages_cache: Path,
    store: Path,
    name: str,
    query: dict[str, str],
    sentence: str,
) -> None:
    told: list[str] = []
    monkeypatch.setattr(instead.st, "toast", lambda text, **options: told.append(text))
    test = run(monkeypatch, pages_cache, store, page=name, query=query)
    assert not test.error
    assert [sentence in one.replace("\\", "") for one in told] == [True], told


def test_what_a_selection_is_sorted_by_is_no_mistake_on_the_leaderboard(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, store: Path
) -> None:
    told: list[str] = []
    monkeypatch.setattr(instead.st, "toast", lambda text, **options: told.append(text))
    for sort in (selection.SIMILARITY, selection.ON_MAP, "label"):
        run(monkeypatch, pages_cache, store, page="anomalies", query={"sort": sort})
    assert not told


def test_an_area_of_a_map_that_a_large_store_has_not_is_left_out_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, store: Path
) -> None:
    corners = [[(0, 0), (UNITS, 0), (UNITS, UNITS), (0, UNITS)]]
    link = {"area": geometry.encode_polygons(corners), "map": "umap"}
    test = run(monkeypatch, pages_cache, store, query=link)
    has_no = "survey has no UMAP map; the map of its columns x and y is shown"
    assert f"{has_no}, without the area of the link." in words(test)
    assert not [one for one in test.header if "selected" in one.value]
    test = run(monkeypatch, pages_cache, store, query=link | {"map": "own"})
    assert [one for one in test.header if "selected" in one.value]


def test_a_selection_is_sorted_by_score_by_any_column_and_by_similarity(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, plain: Path
) -> None:
    frame = pd.read_parquet(plain)
    frame.loc[frame.index % 5 == 0, "magnitude"] = np.nan
    changed = pages_cache.parent / "sorted"
    changed.mkdir(exist_ok=True)
    frame.to_parquet(changed / "a.parquet")
    chosen = frame[frame["redshift"] > np.float32(0.2)]
    vectors = np.stack(frame["vector"].to_numpy()).astype(np.float64)
    vectors = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0)
    gaps = pd.Series(np.linalg.norm(vectors - vectors[1234], axis=1))[chosen.index]
    link = {"filter": "redshift > 0.2", "id": str(frame["object_id"][1234]), "view": "table"}

    def order(**query: str) -> list[int]:
        test = run(monkeypatch, pages_cache, changed, query=link | query)
        assert not test.error
        assert test.query_params["sort"] == query.get("sort", "score")
        (listed,) = tables(test)
        return listed["object_id"].astype("int64").tolist()

    def ids(values: pd.Series, ascending: bool = True) -> list[int]:
        sorted_rows = values.sort_values(ascending=ascending, kind="stable").index
        return frame["object_id"][sorted_rows].tolist()[: large_selection.LISTED]

    assert len(chosen) > large_selection.LISTED
    assert order() == ids(chosen["score"], ascending=False), "the most anomalous first"
    assert order(sort="magnitude") == ids(chosen["magnitude"])
    backwards = order(sort="magnitude", order="reversed")
    assert backwards == ids(chosen["magnitude"], ascending=False), "unknown ones stay last"
    by_id = gaps.set_axis(chosen["object_id"])
    for there in {True, False} if is_available() else {False}:  # the index rounds to float16
        monkeypatch.setattr("app.pages.map.large_selection.is_available", lambda there=there: there)
        loaders.jobs()._jobs.clear()
        near = by_id[order(sort=selection.SIMILARITY)]
        np.testing.assert_allclose(near, np.sort(gaps)[: large_selection.LISTED], rtol=1e-3)


@pytest.mark.parametrize(
    ("sort", "column", "sign"),
    [
        ("redshift", "redshift", -1),
        (selection.SIMILARITY, selection.DISTANCE, 1),
        ("search_rank", "search_rank", 1),
    ],
)
def test_the_table_of_a_large_selection_shows_what_it_is_sorted_by_and_headings_sort_all_of_it(
    monkeypatch: pytest.MonkeyPatch,
    pages_cache: Path,
    store: Path,
    sort: str,
    column: str,
    sign: int,
) -> None:
    listed: list[Any] = []
    monkeypatch.setattr(large_card, "table", lambda *own, **more: listed.append((own, more)))
    first = str(pd.read_parquet(store)["object_id"][7])
    query = {"id": first, "galaxy": "7", "like": "7", "filter": "search_rank <= 300"}
    query |= {"view": "table", "sort": sort, "order": "highest"}
    test = run(monkeypatch, pages_cache, store, query=query)
    assert "The first 200 are listed." in words(test)
    (_, _, shown, _), more = listed[-1]
    assert shown.columns[0] == "object_id"
    assert len(shown) == large_selection.LISTED
    values = shown[column].tolist()
    assert values == sorted(values, key=lambda value: sign * value)
    order = more["order"]
    assert (order.by, order.descending) == (sort, sign < 0)
    assert order.sort is selection.sort_by, "what the menu sets"
    assert set(shown) <= set(order.columns)


@pytest.mark.slow
@pytest.mark.parametrize("turned", [False, True])
def test_a_link_copied_right_after_another_order_was_chosen_opens_as_it_is_shown(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, store: Path, turned: bool
) -> None:
    copied: list[str] = []
    monkeypatch.setattr(page, "copy_link", copied.append)
    query = {"galaxy": "7", "filter": "redshift > 0.2", "view": "table", "sort": "label"}
    query |= {"order": "reversed"} if turned else {}
    test = run(monkeypatch, pages_cache, store, query=query)
    for name in ("redshift", "label"):  # from words to numbers and back
        copied.clear()
        test.selectbox(key=state.SELECTION_ORDER).select(name).run()
        opened = {key: value for key, (value,) in parse_qs(copied[0]).items()}
        assert opened["sort"] == name
        again = run(monkeypatch, pages_cache, store, query=opened)
        assert again.session_state[state.SELECTION_REVERSED] == turned


def test_a_heading_of_a_large_leaderboard_ranks_all_of_it_by_its_column(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, store: Path
) -> None:
    listed: list[Any] = []
    monkeypatch.setattr(large_card, "table", lambda *own, **more: listed.append((own, more)))
    query = {"view": "table", "sort": "redshift", "order": "lowest", "page": "3"}
    test = run(monkeypatch, pages_cache, store, page="anomalies", query=query)
    (_, _, shown, _), more = listed[-1]
    order = more["order"]
    assert (order.by, order.descending, order.sort) == ("redshift", False, selection.sort_by)
    assert set(order.columns) == {"redshift", "magnitude", "score"}
    assert "a heading to rank by its column" in words(test)
    assert shown["redshift"].is_monotonic_increasing
    assert shown["rank"].tolist() == list(range(49, 73))


def test_the_galaxy_page_does_not_change_what_a_selection_is_sorted_by(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, plain: Path
) -> None:
    query = {"galaxy": "7", "filter": "redshift > 0.2", "sort": selection.SIMILARITY}
    test = run(monkeypatch, pages_cache, plain, page="galaxy", query=query)
    assert "by score, highest first" in words(test)
    assert test.query_params["sort"] == selection.SIMILARITY


def test_a_selection_leaves_out_the_groups_that_the_legend_hides_and_random_selects_a_galaxy(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, plain: Path
) -> None:
    frame = pd.read_parquet(plain)
    first = frame["label"].value_counts().index[0]
    test = run(monkeypatch, pages_cache, plain, query={"filter": "redshift > 0.2"})
    large_map_of = open_large_map(open_store(plain))
    values: Any = large_map_of.column("label")
    groups = by_class(values.codes, values.words).legend["groups"]
    code = next(group["code"] for group in groups if group["name"] == first)
    chosen = frame[frame["redshift"] > np.float32(0.2)]
    query = {"filter": "redshift > 0.2", "colour": "label", "off": str(code)}
    test = run(monkeypatch, pages_cache, plain, query=query)
    count = int((chosen["label"] != first).sum())
    assert 0 < count < len(chosen)
    assert f"{count:,} galaxies selected" in [element.value for element in test.header]
    test.button(key="random").click().run()
    settled(test)
    assert test.query_params["id"] in set(frame["object_id"].astype(str))
    assert "Nearest neighbours" in words(test)


def test_a_selection_of_a_large_store_is_collected_kept_by_id_exported_and_sent(
    monkeypatch: pytest.MonkeyPatch,
    pages_cache: Path,
    store: Path,
    topcat: dict[str, Any],  # noqa: F811
) -> None:
    exported, texts = {}, {}
    monkeypatch.setattr(
        collections_bar, "export_menu", lambda *own, **more: exported.update({own[0]: own})
    )
    monkeypatch.setattr(keepsake_of_large, "keep", lambda own, take: texts.update(own))
    frame = pd.read_parquet(store)
    chosen = frame[frame["redshift"] > np.float32(0.3)].sort_values("magnitude", kind="stable")
    names = chosen["object_id"].astype(str).tolist()
    query = {"filter": "redshift > 0.3", "sort": "magnitude"}
    test = run(monkeypatch, pages_cache, store, query=query)
    test.text_input(key="collection_name").input("far")
    test.button(key="collection_add").click()
    settled(test.run())
    assert not test.error
    assert f"far now holds {len(names)} galaxies." in words(test)
    key = open_store(store).galaxies_hash
    assert test.session_state["collections"] == {key: {"far": tuple(sorted(chosen.index))}}
    kept = keepsake.read(texts[key], None)
    assert set(kept.collections["far"]) == set(names), "by id, since rows may change"
    _, _, count, write = exported["collections"]
    table = pd.read_csv(io.BytesIO(write(".csv")), dtype={"id": str})
    assert count == len(names)
    assert set(table["id"]) == set(names)
    assert table["collection"].unique().tolist() == ["far"]
    assert "data_fingerprint" in write(".ecsv").decode()
    test.button(key="send_lasso").click().run()
    assert topcat["event"].wait(20)
    sent = Table.read(url2pathname(urlsplit(topcat["url"]).path), format="votable")
    assert list(sent["id"]) == names, "in the order of the selection"
    again = run(monkeypatch, pages_cache, store, query=query)
    again.session_state["kept_found"] = {key: (keepsake.Kept(), kept)}
    settled(again.run())
    assert again.session_state["collections"] == test.session_state["collections"]


def leaderboard(
    monkeypatch: pytest.MonkeyPatch, cache: Path, store: Path, **more: Any
) -> tuple[Any, dict[str, Any]]:
    """The page Anomalies, and what its gallery and its export were given."""
    given: dict[str, Any] = {}
    monkeypatch.setattr(anomalies, "gallery", lambda *own, **named: given.update(gallery=own))
    monkeypatch.setattr(
        large_selection, "export_menu", lambda *own, **named: given.update(export=own)
    )
    return run(monkeypatch, cache, store, page="anomalies", **more), given


def test_the_leaderboard_lists_galaxies_by_score_and_the_link_says_by_which(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, store: Path
) -> None:
    test, given = leaderboard(monkeypatch, pages_cache, store)
    assert not test.error
    frame = pd.read_parquet(store)
    expected = frame["score"].sort_values(ascending=False, kind="stable").index
    _, _, rows, captions, _ = given["gallery"]
    assert rows == expected[:24].tolist()
    assert captions[0] == [
        f"rank 1  {frame['label'][rows[0]]}",
        f"score {frame['score'][rows[0]]:.4g}",
        str(frame["object_id"][rows[0]]),
    ]
    assert "Highest first, by the column score." in words(test)
    assert "Ranks are by score, highest first." in words(test)
    assert test.query_params["sort"] == "score"
    next(button for button in test.button if button.label == "Next").click().run()
    settled(test)
    assert given["gallery"][2] == expected[24:48].tolist()
    assert test.query_params["page"] == "2"
    test.selectbox(key="selection_order").select("redshift")
    settled(test.run())
    assert "page" not in test.query_params, "another column begins on the first page"


@pytest.mark.slow
def test_a_link_to_a_leaderboard_opens_its_column_order_filter_and_galaxy(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, store: Path
) -> None:
    frame = pd.read_parquet(store)
    chosen = frame[frame["redshift"] > np.float32(0.1)]
    expected = chosen["magnitude"].sort_values(kind="stable").index
    link = {"sort": "magnitude", "order": "reversed", "filter": "redshift > 0.1", "page": "2"}
    link["id"] = str(frame["object_id"][77])
    test, given = leaderboard(monkeypatch, pages_cache, store, query=link)
    assert not test.error
    assert given["gallery"][2] == expected[24:48].tolist()
    assert "Lowest first, by the column magnitude." in words(test)
    assert f"The line marks the selected galaxy, {link['id']}" in words(test)
    assert (link | {"order": "lowest"}).items() <= dict(test.query_params).items()
    key, stem, count, write = given["export"]
    assert (key, stem, count) == ("leaderboard", "leaderboard", len(expected))
    table = pd.read_csv(io.BytesIO(write(".csv")))
    assert table["rank"].tolist() == list(range(1, count + 1))
    assert table["id"].tolist() == chosen["object_id"][expected].tolist()
    assert table["value"].tolist() == chosen["magnitude"][expected].tolist()
    about = write(".ecsv").decode()
    for fact in ("ranked_by: magnitude", "order: lowest first", "redshift > 0.1", "data: survey"):
        assert fact in about
    test, given = leaderboard(monkeypatch, pages_cache, store, query=link | {"view": "table"})
    assert "gallery" not in given
    (listed,) = tables(test)
    assert listed["object_id"].tolist() == table["id"][24:48].astype(str).tolist()
    assert listed["rank"].tolist() == [str(rank) for rank in range(25, 49)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "first"), [({"sort": "nosuch"}, "Highest"), ({"sort": "redshift"}, "Lowest")]
)
def test_the_direction_of_an_order_that_a_store_lacks_does_not_turn_its_leaderboard(
    monkeypatch: pytest.MonkeyPatch,
    pages_cache: Path,
    store: Path,
    query: dict[str, str],
    first: str,
) -> None:
    test, _ = leaderboard(monkeypatch, pages_cache, store, query=query | {"order": "lowest"})
    assert f"{first} first, by" in words(test)


def test_columns_that_are_called_as_orders_of_the_explorer_are_no_orders_of_their_own() -> None:
    names = ["redshift", selection.ON_MAP, selection.DISTANCE, "score"]
    there = SimpleNamespace(store=SimpleNamespace(names=names))
    options = large_selection.order_options(SimpleNamespace(map=there, scores=["score"], made={}))  # type: ignore[arg-type]
    assert options == ["score", selection.ON_MAP, "redshift"]


def test_a_store_without_a_score_is_told_which_command_writes_one(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, store: Path, tmp_path: Path
) -> None:
    pd.read_parquet(store).drop(columns=["score"]).to_parquet(tmp_path / "a.parquet")
    test, given = leaderboard(monkeypatch, pages_cache, tmp_path)
    command = f"`astrojepa anomalies --vectors {tmp_path.name} --out scored`"
    assert command in words(test)
    assert "by the column redshift" in words(test), "other columns rank all the same"
    assert "gallery" not in given
    assert len(tables(test)) == 1


def test_the_galaxy_page_of_a_large_store_shows_the_galaxy_of_the_link(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, store: Path
) -> None:
    assert "Click a galaxy" in words(run(monkeypatch, pages_cache, store, page="galaxy"))
    test = run(monkeypatch, pages_cache, store, page="galaxy", query={"galaxy": "1234"})
    galaxy = pd.read_parquet(store).iloc[1234]
    assert not test.error
    assert [element.value for element in test.title] == [str(galaxy["object_id"])]
    assert f"{galaxy['redshift']:.6g}" in words(test)
    assert "Nearest neighbours" in words(test)
    assert len(test.get("image")) == 1
    assert test.query_params["id"] == str(galaxy["object_id"])


def pressed(test: Any, label: str) -> Any:
    next(button for button in test.button if button.label == label).click().run()
    return settled(test)


@pytest.mark.slow
@pytest.mark.parametrize("listed", [100_000, 40], ids=["listed", "beyond what is listed"])
def test_the_galaxy_page_steps_through_the_ranks_of_the_leaderboard_one_came_from(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, plain: Path, listed: int
) -> None:
    monkeypatch.setattr(large, "RANKED", listed)
    loaders.jobs()._jobs.clear()
    frame = pd.read_parquet(plain)
    chosen = frame[frame["redshift"] > np.float32(0.1)]
    order = chosen["magnitude"].sort_values(kind="stable").index
    ids = frame["object_id"][order].astype(str).tolist()
    link = {"sort": "magnitude", "order": "reversed", "filter": "redshift > 0.1"}
    query = link | {"id": ids[38]}
    test = run(monkeypatch, pages_cache, plain, page="galaxy", query=query)
    said = f"of the {len(ids):,} galaxies matching redshift \\> 0.1, by magnitude, lowest first"
    for step, place in (("Next", 39), ("Next", 40), ("Next", 41), ("Previous", 40)):
        pressed(test, step)
        assert [element.value for element in test.title] == [ids[place]]
        assert f"Rank {place + 1} {said}" in words(test)
        assert test.query_params["id"] == ids[place]
        assert (link | {"order": "lowest"}).items() <= dict(test.query_params).items()
    for end, barred in ((0, "Previous"), (-1, "Next")):
        query = link | {"id": ids[end]}
        test = run(monkeypatch, pages_cache, plain, page="galaxy", query=query)
        buttons = {button.label: button.disabled for button in test.button}
        assert [buttons["Previous"], buttons["Next"]] == [barred == "Previous", barred == "Next"]
    outside = str(frame["object_id"][frame["redshift"].idxmin()])
    test = run(monkeypatch, pages_cache, plain, page="galaxy", query=link | {"id": outside})
    assert f"is not among the {len(ids):,} matching redshift" in words(test)
    query = {"galaxy": "7", "filter": "no such column < 1"}
    test = run(monkeypatch, pages_cache, plain, page="galaxy", query=query)
    assert not test.error
    assert "no column" in words(test)


@pytest.mark.slow
def test_the_same_filter_of_another_search_chooses_and_ranks_other_galaxies(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, plain: Path
) -> None:
    exported: list[Any] = []
    monkeypatch.setattr(
        large_selection, "export_menu", lambda *given, **more: exported.append(given)
    )
    ids = pd.read_parquet(plain)["object_id"].astype(str)
    for row in (7, 1500):
        query = {"id": ids[row], "galaxy": str(row), "like": str(row), "sort": "magnitude"}
        query["filter"] = "search_rank <= 5"
        run(monkeypatch, pages_cache, plain, query=query)
        found = pd.read_csv(io.BytesIO(exported[-1][3](".csv")), dtype={"id": str})
        assert found["id"][found["search_rank"] == 1].tolist() == [ids[row]]
        assert sorted(found["search_rank"]) == [1, 2, 3, 4, 5]
        test = run(monkeypatch, pages_cache, plain, page="galaxy", query=query)
        assert "of the 5 galaxies matching search" in words(test)
        assert "is not among" not in words(test)


@pytest.mark.slow
def test_marks_of_a_large_store_are_given_in_the_order_of_the_leaderboard_and_undone(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, store: Path
) -> None:
    shown, exported = {}, {}
    monkeypatch.setattr(large_order, "RERANKED", 0)
    monkeypatch.setattr(review, "gallery", lambda key, *own, **named: shown.update({key: own}))
    monkeypatch.setattr(review, "export_menu", lambda *own: exported.update({own[0]: own}))
    frame = pd.read_parquet(store)
    order = frame["score"].sort_values(ascending=False, kind="stable").index.tolist()
    ids = frame["object_id"][order].astype(str).tolist()
    test = run(monkeypatch, pages_cache, store, page="anomalies")
    test.session_state["board_mode"] = "review"
    settled(test.run())
    assert not test.error
    assert f"{ids[0]}" in [element.value for element in test.header]
    assert "not marked yet. 0 marked so far" in words(test)
    assert shown["review_next"][1] == order[1:13]
    assert shown["review_next"][2][0] == [frame["label"][order[1]], "rank 2"]
    for key in ("mark_4", "mark_5", "mark_0", "review_u"):
        test.button(key=key).click().run()
        settled(test)
    assert ids[2] in [element.value for element in test.header], "undo goes back"
    assert "2 marked so far, 2 of them with 4 or 5" in words(test)
    assert test.query_params["id"] == ids[2]
    assert shown["review_marked"][1] == [order[1], order[0]]
    assert shown["review_marked"][2][0] == [f"5  {frame['label'][order[1]]}", ids[1]]
    _, _, count, write, _ = exported["marks"]
    assert count == 2
    table = pd.read_csv(io.BytesIO(write(".csv")), dtype={"id": str})
    assert table["id"].tolist() == [ids[1], ids[0]]
    assert table["mark"].tolist() == [5, 4]
    assert table["class"].tolist() == frame["label"][order[1::-1]].tolist()
    np.testing.assert_allclose(table["dec_deg"], frame["dec"][order[1::-1]])
    assert table["data"].unique().tolist() == ["survey"]
    about = write(".ecsv").decode()
    assert "{simulated: 'true'}" in about
    assert about.splitlines()[-2].startswith(ids[1])


def test_marks_re_rank_the_first_galaxies_of_a_large_leaderboard_as_the_package_does(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, store: Path
) -> None:
    monkeypatch.setattr(large_order, "RERANKED", 300)
    frame = pd.read_parquet(store)
    order = frame["score"].sort_values(ascending=False, kind="stable").index.to_numpy()
    given = {int(order[0]): 0, int(order[7]): 5, int(order[2000]): 4}
    both = np.append(order[:300], order[2000])
    vectors = np.stack(frame["vector"].to_numpy())[both]
    places = {row: place for place, row in enumerate(both.tolist())}
    expected = rerank(
        vectors, -np.arange(301.0), {places[row]: value for row, value in given.items()}
    )
    moved = [*order[:300][np.argsort(-expected[:300], kind="stable")], *order[300:]]
    assert moved[:300] != order[:300].tolist()
    test, shown = leaderboard(monkeypatch, pages_cache, store)
    key = open_store(store).galaxies_hash
    test.session_state["reviews"] = {key: marks.Review(given)}
    settled(test.run())
    assert shown["gallery"][2] == order[:24].tolist(), "unasked, the order stays"
    test.session_state["board_by_marks"] = True
    settled(test.run())
    assert not test.error
    assert shown["gallery"][2] == moved[:24]
    ranks = pd.Series(range(1, COUNT + 1), order)
    firsts = [
        [f"by marks {place}", f"by score {ranks[row]:,}", frame["label"][row]]
        for place, row in enumerate(moved[:24], 1)
    ]
    assert [lines[:3] for lines in shown["gallery"][3]] == firsts
    marked = [f"marked {given[row]}" if row in given else "" for row in moved[:24]]
    assert any(marked)
    assert all(mark in lines[-1] for mark, lines in zip(marked, shown["gallery"][3], strict=True))
    assert "Re-ranked by your 3 marks" in words(test)
    assert "Highest first" not in words(test)
    table = pd.read_csv(io.BytesIO(shown["export"][3](".csv")))
    assert table["id"].tolist() == frame["object_id"][moved].tolist()
    assert table["rank"].tolist() == ranks[moved].tolist()
    galleries: dict[str, Any] = {}
    monkeypatch.setattr(review, "gallery", lambda key, *own, **named: galleries.update({key: own}))
    test.session_state["board_mode"] = "review"
    settled(test.run())
    assert "Each mark re-ranks the first 20,000 galaxies of this order." in words(test)
    unmarked = [row for row in moved if row not in given]
    assert str(frame["object_id"][unmarked[0]]) in [element.value for element in test.header]
    assert galleries["review_next"][1] == unmarked[1:13]
    now = {row: place for place, row in enumerate(moved, 1)}
    captions = [lines[1:] for lines in galleries["review_next"][2]]
    assert captions == [review.rank_lines(ranks[row], now[row]) for row in unmarked[1:13]]
    assert "Re-ranked by your 3 marks" in words(test)


def test_marks_of_a_large_store_are_imported_by_id_whatever_its_order(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, plain: Path, tmp_path: Path
) -> None:
    frame = pd.read_parquet(plain)
    frame.iloc[::-1].to_parquet(tmp_path / "a.parquet")
    one, other = (open_store(path) for path in (plain, tmp_path))
    assert one.galaxies_hash == other.galaxies_hash
    frame[1:].to_parquet(tmp_path / "a.parquet")
    assert open_store(tmp_path).galaxies_hash != one.galaxies_hash
    frame.iloc[::-1].to_parquet(tmp_path / "a.parquet")
    named = frame["object_id"].iloc[[7, 9]].astype(str).tolist()
    content = f"id,mark\n{named[0]},3\n{named[1]},5\nnobody,1\n"
    found = marks.read_marks("m.csv", content.encode(), other.rows_of)
    assert found.marks == {COUNT - 8: 3, COUNT - 10: 5}
    assert found.missing == ("nobody",)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["map", "anomalies"])
def test_a_wrong_filter_is_named_on_the_page_and_stays_in_the_link(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, plain: Path, name: str
) -> None:
    query = {"filter": "redshift > 0.1"}
    test = run(monkeypatch, pages_cache, plain, page=name, query=query)
    assert test.query_params["filter"] == "redshift > 0.1"
    next(box for box in test.text_input if box.key == "filter").input("z >").run()
    settled(test)
    assert len(test.error) == 1
    assert test.query_params["filter"] == "z >"


def test_a_score_is_any_column_of_numbers_but_no_identifier(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, plain: Path, tmp_path: Path
) -> None:
    frame = pd.read_parquet(plain)
    frame["source_id"], frame["number"] = np.arange(COUNT), np.arange(COUNT)
    frame["gaia"] = np.arange(COUNT) + 2**60
    frame.to_parquet(tmp_path / "a.parquet")
    test = run(monkeypatch, pages_cache, tmp_path, page="anomalies")
    offered = test.selectbox(key="selection_order").options
    assert offered == ["score", "redshift", "magnitude", "number"]


@pytest.mark.slow
@pytest.mark.parametrize("values", [[-1.7e308, 1.7e308], [3.0, 3.0], [np.inf, np.nan]], ids=str)
def test_a_leaderboard_by_any_numbers_has_its_histogram(
    monkeypatch: pytest.MonkeyPatch,
    pages_cache: Path,
    plain: Path,
    tmp_path: Path,
    values: list[float],
) -> None:
    frame = pd.read_parquet(plain)
    frame["made"] = np.resize(values, COUNT)
    frame.to_parquet(tmp_path / "a.parquet")
    query = {"sort": "made", "galaxy": "1"}
    test = run(monkeypatch, pages_cache, tmp_path, page="anomalies", query=query)
    assert not test.error
    assert len(test.get("plotly_chart")) == 1
    known = int(np.isfinite(frame["made"]).sum())
    assert f"{known:,} galaxies, page 1 of" in words(test)


@pytest.mark.slow
def test_a_probe_is_trained_on_a_random_sample_and_its_link_trains_it_again(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, store: Path
) -> None:
    shown: list[Any] = []
    monkeypatch.setattr(probe, "gallery", lambda *given: shown.append(given))
    monkeypatch.setattr(store_sample, "SAMPLED", 1200)
    monkeypatch.setattr(probe, "SAMPLED", 1200)
    test = run(monkeypatch, pages_cache, store, page="probe")
    assert "of a random sample (seed 0) of 1,200 of the 3,000 labelled galaxies of" in words(test)
    assert "probe" not in test.query_params
    frame = pd.read_parquet(store)
    targets = test.selectbox(key="probe_target").options
    assert targets == ["Classes of the data", "Label", "My collections"]
    pressed(test, "Train")
    assert not test.error
    assert "test galaxies classified correctly" in " ".join(box.value for box in test.header)
    (listed,) = tables(test)
    assert listed["Features"].tolist() == ["survey", "Most frequent class"]
    accuracy = numbers(listed["Accuracy, %"])
    assert accuracy[0] > accuracy[1] + 20, "a mixture's own classes are easy to tell"
    link = dict(test.query_params)
    assert (link["probe"], link["learn"], link["share"]) == ("linear", "labels", "100")
    test.session_state["cell"] = (0, 0)
    settled(test.run())
    _, _, rows, captions, _ = shown[-1]
    assert set(frame["label"].iloc[rows]) == {min(frame["label"])}
    assert [name for name, _ in captions] == frame["object_id"].iloc[rows].astype(str).tolist()
    again = run(monkeypatch, pages_cache, store, page="probe", query=link)
    assert again.header[0].value == test.header[0].value


def test_labels_given_to_a_sample_train_its_probe_and_are_kept_of_the_store(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, plain: Path, survey: Path, tmp_path: Path
) -> None:
    shown: dict[str, Any] = {}
    monkeypatch.setattr(label_next, "gallery", lambda key, *own, **more: shown.update({key: own}))
    once, looked_at = store_images.SomeImages.of_rows, list[int]()
    monkeypatch.setattr(
        store_images.SomeImages,
        "of_rows",
        lambda own, rows: (looked_at.extend(rows), once(own, rows))[1],
    )
    frame = pd.read_parquet(plain)
    frame.loc[frame.index % 2 == 0, "label"] = None
    frame.to_parquet(tmp_path / "a.parquet")
    monkeypatch.setattr(store_sample, "SAMPLED", 700)
    monkeypatch.setattr(probe, "SAMPLED", 700)
    test = run(monkeypatch, pages_cache, tmp_path, page="probe", images=[survey])
    assert "700 of the 1,500 labelled and 700 of the 1,500 unlabelled galaxies" in words(test)
    pressed(test, "Train")
    test.session_state["probe_view"] = "next"
    settled(test.run())
    assert not test.error
    address, order, _, _ = shown["label_gallery"]
    target = test.session_state["probed_target"]
    assert (target.labels[order] < 0).all()
    drawn = store_sample.draw(Large("survey", "0" * 16, open_large_map(open_store(tmp_path))))
    rows = drawn.rows[order]
    assert (rows % 2 == 0).all(), "those without a label"
    (tile,) = pictures.tiles(address.rpartition("/")[2], order[:1], 48)
    if rows[0] not in (200, 202):  # which are broken
        assert abs(int(tile.mean()) - rows[0] // 2 % 200) < 3, "the image of this galaxy"
    name = str(frame["object_id"][rows[0]])
    assert name in [element.value for element in test.header]
    first = test.button(key="label_0").label.rpartition(":")[0]
    test.button(key="label_0").click().run()
    settled(test)
    assert set(looked_at) <= set(rows.tolist()), "no image is read that is not shown"
    key = open_store(tmp_path).galaxies_hash
    called = target.classes[0]
    assert first == called
    assert test.session_state["collections"][key] == {called: (int(rows[0]),)}
    test.button(key="label_train").click().run()
    said = words(settled(test))
    assert "1 of them given here" in said
    outside = int(np.setdiff1d(np.arange(COUNT), drawn.rows)[0])
    held = {called: (*sorted((outside, int(rows[0]))),)}
    test.session_state["collections"] = {**test.session_state["collections"], key: held}
    settled(test.run())
    assert test.session_state["collections"][key] == held, "what the map adds is not undone"
    assert "in collections," not in words(test)
    test.selectbox(key="probe_target").select("collections")
    settled(test.run())
    assert "and of 1 more of the 2 in collections" in words(test)


def test_small_collections_stay_whole_beside_a_large_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_sample, "SAMPLED", 100)
    small, large = range(0, 60, 2), range(1, 2000)
    members = store_sample.of_each([small, large])
    assert set(small) <= set(members.tolist())
    assert len(members) <= 80
    assert (np.diff(members) > 0).all()
    assert len(store_sample.of_each([])) == 0


def test_a_sample_holds_the_vectors_of_its_galaxies_with_a_label_and_without(
    monkeypatch: pytest.MonkeyPatch, plain: Path, tmp_path: Path
) -> None:
    frame = pd.read_parquet(plain)
    frame.loc[frame.index % 3 == 0, "label"] = None
    frame.to_parquet(tmp_path / "a.parquet")
    opened = Large("survey", "0" * 16, open_large_map(open_store(tmp_path)))
    monkeypatch.setattr(store_sample, "SAMPLED", 1500)
    drawn = store_sample.draw(opened)
    assert (drawn.labelled, drawn.unlabelled) == (2000, 1000)
    assert (len(drawn.rows), int((drawn.rows % 3 == 0).sum())) == (2500, 1000)
    monkeypatch.setattr(probe, "SAMPLED", 1500)
    told = "a random sample (seed 0) of 1,500 of the 2,000 labelled and 1,000 of the 1,000 "
    assert probe.said(drawn, 2500, 0) == f"{told}unlabelled galaxies"
    more = f"{told}unlabelled galaxies, and of 7 more of the 9 in collections,"
    assert probe.said(drawn, 2507, 9) == more
    rows = drawn.rows[drawn.rows % 3 > 0]
    stored = store_sample.read(opened, rows, lambda *said: None)
    np.testing.assert_array_equal(
        stored.embeddings.vectors, np.stack(frame["vector"].iloc[rows].to_numpy())
    )
    names = [stored.galaxies.classes[label] for label in stored.embeddings.labels]
    assert names == frame["label"].iloc[rows].tolist()


def test_a_probe_of_a_large_store_names_the_model_of_its_vectors(
    monkeypatch: pytest.MonkeyPatch, plain: Path, tmp_path: Path
) -> None:
    table = parquet.read_table(plain)
    facts = {"model": "vit5m.sigreg06", "model_hash": "0123456789abcdef"}
    parquet.write_table(table.replace_schema_metadata(facts), tmp_path / "a.parquet")
    opened = Large("survey", "0" * 16, open_large_map(open_store(tmp_path)))
    rows = store_sample.draw(opened).rows
    stored = store_sample.read(opened, rows, lambda *said: None)
    given: list[Any] = []
    monkeypatch.setattr(report.st, "download_button", lambda _, content, *more, **_m: content())
    monkeypatch.setattr(tasks, "as_json", lambda *said: given.append(said[3:]))
    made = SimpleNamespace(probe=SimpleNamespace(layers=(), kind="linear"))
    workspace = SimpleNamespace(
        stored=stored, data=stored.galaxies, embeddings=stored.embeddings, model=None
    )
    report._take_away(workspace, made, SimpleNamespace(digest="0"), None, mapped=False)
    data = (stored.galaxies.name, stored.galaxies.fingerprint)
    assert given == [(tuple(facts.values()), data)]


def test_a_sample_stays_the_same_when_its_images_arrive_and_is_another_with_other_images(
    plain: Path,
) -> None:
    opened = open_large_map(open_store(plain))
    rows, hashes = np.arange(0, 50, 5), []
    for source in ("one", "two"):
        about = Large("survey", "0" * 16, opened, pictures_key=source)
        stored = store_sample.stored_of(about, rows, opened.store.vectors_of(rows))
        for images in (None, DrawnImages(opened.store)):
            sample = store_sample.workspace_of(about, stored, images, rows, None, {})
            hashes.append(sample.data.fingerprint)
    assert hashes[0] == hashes[1] != hashes[2] == hashes[3]


def test_a_store_without_classes_is_told_that_a_probe_needs_them(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, plain: Path, tmp_path: Path
) -> None:
    pd.read_parquet(plain).drop(columns="label").to_parquet(tmp_path / "a.parquet")
    test = run(monkeypatch, pages_cache, tmp_path, page="probe")
    assert "has no column label" in words(test)


def test_the_models_page_of_a_large_store_compares_models_and_tells_what_the_store_holds(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, store: Path
) -> None:
    test = run(monkeypatch, pages_cache, store, page="models")
    assert not test.error
    assert len(tables(test)) == 1
    said = [element.value for element in test.get("text")]
    assert {"3,000", "16", "true"} <= set(said)


def test_compare_says_in_a_sentence_what_it_needs(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, store: Path
) -> None:
    test = run(monkeypatch, pages_cache, store, page="compare")
    assert not test.error
    assert "Compare needs a second store of the galaxies of survey" in words(test)


@pytest.mark.skipif(not is_available(), reason="faiss is not installed")
@pytest.mark.slow
def test_a_second_store_without_images_is_compared_and_one_of_other_galaxies_refused(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, plain: Path, tmp_path: Path
) -> None:
    frame = pd.read_parquet(plain)
    parts = {"same": frame[::-1], "few": frame[:100], "other/same": frame[5:]}
    for name, part in parts.items():
        (tmp_path / name).mkdir(parents=True)
        part[["object_id", "vector"]].to_parquet(tmp_path / name / "a.parquet", index=False)
    flags = [f"--vectors={path}" for path in (plain, *(tmp_path / name for name in parts))]
    options = {"flags": flags, "data": "", "checkpoint": ""}
    test = run_page(monkeypatch, pages_cache, "compare", **options, query={"with": "same@1234"})
    assert not test.error
    # the indices miss a few
    (share,) = re.findall(r"share 10 of 10 .* \(([\d.]+) ± 0.\d % on average", words(test))
    assert float(share) > 99
    assert "random sample (seed 0) of 3,000 of the 3,000 galaxies" in words(test)
    assert tables(test)[1]["shared"].str.endswith("of 10 shared").all()
    test.selectbox(key="second").select(str(tmp_path / "few")).run()
    (error,) = settled(test).error
    assert "plain has 3,000 galaxies and few 100, and 100 ids are in both" in error.value
    assert test.selectbox(key="second").options == [f"{tmp_path.name}/same", "few", "other/same"]
    digest = large.digest_of(tmp_path / "other" / "same")[:8]
    query = {"id": str(frame["object_id"][2]), "with": f"same@{digest}"}
    test = run_page(monkeypatch, pages_cache, "compare", **options, query=query)
    said = f"{query['id']} is not in other/same; the galaxy that moved most is shown."
    assert said in words(test)
    assert test.query_params["with"] == query["with"]
    query["with"] = "gone"
    test = run_page(monkeypatch, pages_cache, "compare", **options, query=query)
    missing = "The link's second store gone is not open here"
    assert missing in words(settled(test.run()))
    test.selectbox(key="second").select(str(tmp_path / "other" / "same")).run()
    assert missing not in words(test)
    assert said in words(settled(test))
    monkeypatch.setattr(compare_stores, "SEARCHED", 1)
    monkeypatch.setattr(compare_stores, "WIDER", 10)  # neighbours of the five that one store lacks
    loaders.jobs()._jobs.clear()
    test = run_page(
        monkeypatch, pages_cache, "compare", **options, query={"with": f"same@{digest}"}
    )
    said = r"sample \(seed 0\) of ([\d,]+) of .* (\d+) of the 2,995 drawn could not be compared"
    ((compared, left_out),) = re.findall(said, words(test))
    assert int(compared.replace(",", "")) + int(left_out) == 2995
    vectors = np.stack(frame["vector"].to_numpy()).astype(np.float64)
    vectors = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0)
    squares = (vectors**2).sum(axis=1) - 2 * vectors @ vectors.T  # but for the row's own square
    np.fill_diagonal(squares, np.inf)
    nearest = squares.argsort(axis=1)[5:, :10]
    assert int(left_out) == pytest.approx((nearest < 5).any(axis=1).sum(), rel=0.1)


def test_a_store_of_vectors_and_places_alone_is_drawn_in_one_colour_without_clusters(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, plain: Path, tmp_path: Path
) -> None:
    frame = pd.read_parquet(plain)[["object_id", "vector", "x", "y"]]
    frame[:1500].to_parquet(tmp_path / "bare.parquet")
    test = run(monkeypatch, pages_cache, tmp_path)
    assert not test.error
    assert test.session_state[state.COLOUR] == "none"
    assert "clusters" not in words(test)


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

    monkeypatch.setattr(large_selection, "RANKED", 2)
    large = Large("survey", "0" * 16, open_large_map(open_store(store)))
    facts = {"store": "survey", "filter": "redshift < 0.1"}
    content = large_selection.table_of(large, np.array([5, 1, 7]), ending, facts)
    assert ending == ".csv" or b"redshift" in content
    written = io.BytesIO(content)
    if ending == ".parquet":
        ids = pd.read_parquet(written)["id"].tolist()
    elif ending == ".csv":
        ids = pd.read_csv(written)["id"].tolist()
    else:
        formats = {".ecsv": "ascii.ecsv", ".fits": "fits"}
        ids = Table.read(written, format=formats.get(ending, "votable"))["id"].tolist()
    assert list(map(int, ids)) == pd.read_parquet(store)["object_id"].iloc[[5, 1]].tolist()


def test_a_tile_names_its_galaxies_by_row_and_places_them_in_its_box(store: Path) -> None:
    large = Large("survey", "0" * 16, open_large_map(open_store(store))).map
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
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, plain: Path
) -> None:
    if not is_available():
        pytest.skip("faiss is not installed")
    name = str(pd.read_parquet(plain)["object_id"].iloc[77])
    listed = []
    for there in (True, False):
        monkeypatch.setattr("app.session.large.is_available", lambda there=there: there)
        test = run(monkeypatch, pages_cache, plain, query={"id": name})
        listed.append([button.label for button in test.button if "near_" in str(button.key)])
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


@pytest.mark.slow
@pytest.mark.parametrize("right", [True, False])
def test_an_image_is_searched_with_by_the_model_of_the_vectors_and_no_other(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, tmp_path: Path, right: bool
) -> None:
    import astrojepa as aj

    model = aj.load_model("best")
    image = aj.open_dataset("simulated:3")[1].image
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(1100, model.width)).astype(np.float32)
    vectors[777] = newcomers.embed_picture(model, image)
    frame = {"object_id": np.arange(1100), "vector": list(vectors)}
    places = {axis: generator.uniform(size=1100) for axis in "xy"}
    table = pa.table({**frame, **places})
    facts = {"model": str(model.id), "model_hash": model.hash if right else 64 * "0"}
    parquet.write_table(table.replace_schema_metadata(facts), tmp_path / "a.parquet")
    test = run(monkeypatch, pages_cache, tmp_path, query={"id": "3", "galaxy": "3"})
    assert "The model sees the central square" in words(test)
    held = uploads.Upload("one.png", "0" * 16, image, (424, 424))
    test.session_state[state.UPLOADS] = {held.digest: held}
    test.session_state[state.LIKE_IMAGES] = (held.digest,)
    test.session_state[state.FILTER] = "search_rank <= 1"
    loads: list[str] = []
    load = opening.open_model

    def counting(*given: Any) -> Any:
        return lambda report: (loads.append("once"), load(*given)(report))[1]

    monkeypatch.setattr(opening, "open_model", counting)
    monkeypatch.setattr(waiting, "PATIENCE", 0.0)  # as on a busy machine
    settled(test.run())
    assert len(loads) <= 2, "it is loaded again and again"
    if not right:
        said = [one.value for one in test.error]
        assert len(said) == 1
        assert "are those of the model 00000000, not of" in said[0]
        return
    assert not test.error
    assert "1 of 1,100 galaxies matches." in words(test)
    assert tables(test)[-1]["object_id"].tolist() == ["777"]


@dataclass(frozen=True)
class Mapped:
    """What a large store asks of its map here."""

    store: Any


def test_the_option_of_the_first_store_is_no_advice_for_the_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    released = SimpleNamespace(id="small.lejepa", hash="1" * 64)
    monkeypatch.setattr(opening, "open_model", lambda *given: lambda report: released)
    monkeypatch.setattr(loaders, "cards", lambda: [{"id": "small.lejepa"}])
    store = SimpleNamespace(facts={"model": "small.lejepa", "model_hash": "0" * 64})
    first = Large("sky", "k", Mapped(store))  # type: ignore[arg-type]
    second = Both(first, "second", "k2", None, (None, None), store).other
    for one, advice in (
        (first, "start with --checkpoint and the right one."),
        (second, "the released model of this name is another one."),
    ):
        with pytest.raises(ValueError, match=re.escape(f"(11111111); {advice}")):
            large_search._model_task(one)[2](lambda *told: None)


@pytest.fixture(scope="module")
def embedded() -> SimpleNamespace:
    """Galaxies and their vectors by a model."""
    import astrojepa as aj

    model, small = aj.load_model("small.lejepa"), aj.open_dataset("simulated:40")
    vectors = aj.embed(model, small, cache=False).vectors
    return SimpleNamespace(model=model, small=small, vectors=vectors)


@pytest.fixture
def modelled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, embedded: SimpleNamespace
) -> SimpleNamespace:
    """A store of the vectors of a model, and the images of its galaxies in another order."""
    monkeypatch.setattr(large_map, "LARGE", 10)
    model, small, vectors = embedded.model, embedded.small, embedded.vectors
    order = np.random.default_rng(0).permutation(40)
    frame = {"object_id": small.ids[order].astype(str), "vector": list(vectors[order])}
    table = pa.table({**frame, "x": np.arange(40.0), "y": np.arange(40.0)})
    facts = {"model": "small.lejepa", "model_hash": model.hash}
    (tmp_path / "store").mkdir()
    parquet.write_table(table.replace_schema_metadata(facts), tmp_path / "store" / "a.parquet")
    encoded = [plotting.encode_image(small[row].image, "png") for row in range(40)]
    images = pa.table({"id": small.ids.astype(str), "image": pa.array(encoded, pa.binary())})
    parquet.write_table(images, tmp_path / "images.parquet")
    return SimpleNamespace(model=model, small=small, order=order, images=images, table=table)


@pytest.mark.slow
def test_patch_errors_and_a_search_by_region_are_those_of_the_model_of_the_vectors(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, tmp_path: Path, modelled: SimpleNamespace
) -> None:
    import astrojepa as aj

    model, small, order = modelled.model, modelled.small, modelled.order
    given = {"images": [tmp_path / "images.parquet"]}
    name = str(small.ids[order[7]])

    panels: list[Any] = []
    monkeypatch.setattr(panel, "patch_panel", lambda key, shown, *more: panels.append(shown))
    query = {"id": name, "masks": "drawn"}
    options = {"page": "galaxy", **given}
    test = run(monkeypatch, pages_cache, tmp_path / "store", **options, query=query)
    assert not [one.value for one in test.error]
    hidden = masks.read_mask(panels[-1].mask, model.grid)
    errors = aj.patch_errors(model, model.image_of(small, int(order[7])), masks=hidden, seed=0)
    np.testing.assert_allclose(
        [np.nan if value is None else value for value in panels[-1].values],
        errors.mse.ravel(),
        rtol=1e-3,
    )
    assert panels[-1].high > panels[-1].low
    next(box for box in test.button if box.label == "Find this region elsewhere").click().run()
    settled(test)
    region = test.query_params["region"]
    assert region == f"7.{panels[-1].mask}"

    exported: dict[str, Any] = {}
    monkeypatch.setattr(
        large_selection,
        "export_menu",
        lambda key, stem, count, write: exported.update({key: write}),
    )
    query = {"id": name, "galaxy": "7", "region": region, "filter": "search_rank <= 20"}
    test = run(monkeypatch, pages_cache, tmp_path / "store", **given, query=query)
    assert not [one.value for one in test.error]
    said = "Of the 300 galaxies nearest to this one, those with an image are ranked by their "
    assert f"{said}best-matching part." in words(test)
    found = pd.read_csv(io.BytesIO(exported["selection"](".csv")), dtype={"id": str})
    similar = region_similarity(model, small, int(order[7]), hidden, cache=False)
    expected = pd.Series(1 - similar, small.ids.astype(str))
    assert len(found) == 20
    np.testing.assert_allclose(found["search_distance"], expected[found["id"]], atol=1e-3)
    assert found["search_distance"].max() <= np.sort(expected)[19] + 1e-3


@pytest.mark.slow
def test_patch_errors_and_regions_follow_the_images_when_a_store_is_opened_with_others(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, tmp_path: Path, modelled: SimpleNamespace
) -> None:
    import astrojepa as aj

    model, small, order = modelled.model, modelled.small, modelled.order
    panels: list[Any] = []
    monkeypatch.setattr(panel, "patch_panel", lambda key, shown, *more: panels.append(shown))
    monkeypatch.setattr(large_errors, "LOOKED_AT", 5)
    exported: dict[str, Any] = {}
    monkeypatch.setattr(
        large_selection,
        "export_menu",
        lambda key, stem, count, write: exported.update({key: write}),
    )
    hidden = masks.first_mask(model.grid)
    query = {"id": str(small.ids[order[7]]), "galaxy": "7"}
    region = {"region": f"7.{masks.write_mask(hidden)}", "filter": "search_rank <= 40"}
    turned = modelled.images.set_column(
        1, "image", modelled.images["image"].take(np.arange(39, -1, -1))
    )
    few = turned.take(order[[4, 5, 6, 7, 8]])  # of rows that follow each other
    for name, table in (("all", modelled.images), ("turned", turned), ("few", few)):
        path = tmp_path / f"{name}.parquet"
        parquet.write_table(table, path)
        there = order if name != "few" else order[4:9]
        own = there if name == "all" else 39 - there
        given = {"images": [path]}
        test = run(
            monkeypatch, pages_cache, tmp_path / "store", **given, page="galaxy", query=query
        )
        assert not [one.value for one in test.error]
        shown = model.image_of(small, int(order[7] if name == "all" else 39 - order[7]))
        errors = aj.patch_errors(model, shown, masks="tiling", seed=0, num_masks=1)
        np.testing.assert_allclose(panels[-1].values, errors.mse.ravel(), atol=1e-4)
        if name == "few":
            scaled = [
                aj.patch_errors(model, model.image_of(small, int(row)), masks="tiling", seed=0).mse
                for row in own
            ]
            scale = np.percentile(np.stack(scaled), [2, 98])
            np.testing.assert_allclose([panels[-1].low, panels[-1].high], scale, rtol=1e-3)
            continue
        test = run(monkeypatch, pages_cache, tmp_path / "store", **given, query=query | region)
        assert not [one.value for one in test.error]
        found = pd.read_csv(io.BytesIO(exported["selection"](".csv")), dtype={"id": str})
        similar = region_similarity(model, small.subset(own), 7, hidden, cache=False)
        expected = pd.Series(1 - similar, small.ids[order].astype(str))
        assert len(found) == 40
        np.testing.assert_allclose(found["search_distance"], expected[found["id"]], atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"model": "small.lejepa", "model_hash": 64 * "0"}, "are those of the model 00000000, not"),
        (
            {"model": "unknown"},
            "to search by a region of an image, start the explorer with a model",
        ),
        (None, "does not fit the"),
    ],
)
def test_a_region_link_without_its_model_or_grid_says_so_beside_the_map_and_can_be_ended(
    monkeypatch: pytest.MonkeyPatch,
    pages_cache: Path,
    tmp_path: Path,
    modelled: SimpleNamespace,
    facts: dict[str, str] | None,
    sentence: str,
) -> None:
    grid = modelled.model.grid if facts else modelled.model.grid + 1
    if facts:
        table = modelled.table.replace_schema_metadata(facts)
        parquet.write_table(table, tmp_path / "store" / "a.parquet")
    region = f"7.{masks.write_mask(masks.first_mask(grid))}"
    query = {"id": str(modelled.small.ids[modelled.order[7]]), "galaxy": "7"}
    query |= {"region": region, "filter": "search_rank <= 20"}
    given = {"images": [tmp_path / "images.parquet"], "query": query}
    test = run(monkeypatch, pages_cache, tmp_path / "store", **given)
    (error,) = [one.value for one in test.error]
    assert sentence in error
    assert "in view are drawn." in words(test)
    next(box for box in test.button if box.label == "End search").click().run()
    settled(test)
    assert not test.error
    assert not {"region", "filter"} & set(test.query_params)


@pytest.mark.slow
@pytest.mark.skipif(not is_available(), reason="faiss is not installed")
def test_compare_shows_patch_errors_by_the_models_of_both_stores_on_one_scale(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, tmp_path: Path, modelled: SimpleNamespace
) -> None:
    import astrojepa as aj

    small, order = modelled.small, modelled.order
    first, other = aj.load_model("random"), tmp_path / "second"
    other.mkdir()
    own = modelled.table.replace_schema_metadata({})
    parquet.write_table(own, tmp_path / "store" / "a.parquet")
    panels: dict[str, Any] = {}
    monkeypatch.setattr(
        compare_galaxy, "patch_panel", lambda key, shown, *more: panels.update({key: shown})
    )
    flags = [f"--vectors={path}" for path in (tmp_path / "store", other)]
    options: Any = {"flags": [*flags, f"--data={tmp_path / 'images.parquet'}"], "data": ""}
    options |= {"checkpoint": "random", "query": {"id": str(small.ids[order[7]])}}
    for name, said in (
        ("small.lejepa", "By the model small.lejepa."),
        ("unknown", "Patch errors need the model of second to be a released one."),
    ):
        facts = {"model": name}
        if name == "small.lejepa":
            facts["model_hash"] = modelled.model.hash
        table = modelled.table.replace_schema_metadata(facts)
        parquet.write_table(table, other / "a.parquet")
        panels.clear()
        test = run_page(monkeypatch, pages_cache, "compare", **options)
        assert not [one.value for one in test.error]
        read = words(test).replace("\\", "")
        assert said in read
        assert f"By the model {first.id}, which may not be that of the vectors." in read
        models = {"heatmap_first": first}
        if "model_hash" in facts:
            models["heatmap_second"] = modelled.model
        assert panels.keys() == models.keys()
        for side, model in models.items():
            errors = aj.patch_errors(model, model.image_of(small, int(order[7])), masks="tiling")
            np.testing.assert_allclose(panels[side].values, errors.mse.ravel(), atol=1e-4)
        assert len({(shown.low, shown.high) for shown in panels.values()}) == 1


@pytest.mark.slow
@pytest.mark.skipif(not is_available(), reason="faiss is not installed")
def test_own_images_are_compared_with_a_large_store_as_with_a_small_data_set(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, tmp_path: Path, modelled: SimpleNamespace
) -> None:
    import astrojepa as aj

    model, small, order = modelled.model, modelled.small, modelled.order
    exported: dict[str, Any] = {}
    monkeypatch.setattr(
        models_uploads, "export_menu", lambda key, *more: exported.update({key: more})
    )
    given: Any = {"page": "models", "images": [tmp_path / "images.parquet"]}
    test = run(monkeypatch, pages_cache, tmp_path / "store", **given)
    others = aj.open_dataset("simulated:60")
    image = others[int(np.flatnonzero(~np.isin(others.ids, small.ids))[0])].image
    held = uploads.Upload("new.png", "0" * 16, image, image.shape[1::-1])
    test.session_state[state.UPLOADS] = {held.digest: held}
    settled(test.run())
    assert not [one.value for one in test.error]
    vector = newcomers.embed_picture(model, image)
    known = aj.embed(model, small)
    near = aj.neighbours(known, vector[None], k=20)
    ids, gaps = small.ids[near.indices[0]].astype(str), near.distances[0]
    scores = aj.anomaly_scores(known, method="knn")
    stem, count, write, _ = exported["images"]
    found = pd.read_csv(io.BytesIO(write(".csv")), dtype={"nearest": str}).iloc[0]
    assert (stem, count, found["image"], found["nearest"]) == ("images", 1, "new.png", ids[0])
    np.testing.assert_allclose(found["distance"], gaps[0], rtol=2e-3)
    np.testing.assert_allclose(found["anomaly_score_knn"], gaps.mean(), rtol=2e-3)
    assert found["anomaly_percentile"] == pytest.approx(100 * (scores <= gaps.mean()).mean())
    rows = pd.Index(small.ids[order].astype(str)).get_indexer(ids[:10]).astype(float)
    at = np.stack([rows, rows], axis=1)  # where they are on the map
    places = np.stack([np.linspace(0, 40, 4001)] * 2, axis=1)
    pull = (np.linalg.norm(places[:, None] - at, axis=2) / np.square(gaps[:10])).sum(axis=1)
    np.testing.assert_allclose(found[["x", "y"]].astype(float), places[pull.argmin()], atol=0.1)
    assert "share of a random sample (seed 0) of 40 galaxies with a lower score" in words(test)
    test.button(key="nearest_0").click().run()
    assert test.session_state[state.ROW] == int(rows[0])
    assert test.query_params["id"] == ids[0]
    facts = {"model": "small.lejepa", "model_hash": model.hash, "map": '{"method": "umap"}'}
    table = modelled.table.drop_columns(["x", "y"]).replace_schema_metadata(facts)
    parquet.write_table(table, tmp_path / "store" / "a.parquet")
    test = run(monkeypatch, pages_cache, tmp_path / "store", **given)
    test.session_state[state.UPLOADS] = {held.digest: held}
    settled(test.run())
    _, _, write, _ = exported["images"]
    found = pd.read_csv(io.BytesIO(write(".csv"))).iloc[0]
    pca = project_by_pca(open_store(tmp_path / "store"), cache=False)
    assert (found[["x", "y"]] >= pca.min(axis=0)).all()
    assert (found[["x", "y"]] <= pca.max(axis=0)).all()
    assert b"umap" not in write(".ecsv"), "the map that was left out"
    table = modelled.table.replace_schema_metadata({})
    parquet.write_table(table, tmp_path / "store" / "a.parquet")
    said = words(run(monkeypatch, pages_cache, tmp_path / "store", **given))
    assert "does not say which model its vectors are from, so no image can be compared" in said
