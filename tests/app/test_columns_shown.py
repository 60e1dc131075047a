"""Columns of the data on the pages, in exports, as labels, and as what explains a map."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from astropy.io.votable import parse
from page_runner import QUIET, run_page, settled, words
from streamlit.testing.v1 import AppTest

import astrojepa as aj
from app.pages.anomalies.leaderboard import card_captions, leaderboard_file, ranked_columns
from app.pages.anomalies.listing import View
from app.pages.anomalies.scores import Chosen
from app.pages.map.view import islands_sentence
from app.session import export, loaders
from astrojepa import plotting
from astrojepa.evaluation.maps.islands import Islands

pytestmark = QUIET
COUNT = 48
LONG = 587_727_180_061_933_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sources that look unlike each other; the Hubble type is known, the label half of it."""
    root, galaxies = tmp_path_factory.mktemp("survey"), aj.open_dataset(f"simulated:{COUNT}")
    lines = ["file,id,morphology,hubble,source,mag_r"]
    for row in range(COUNT):
        image, source = galaxies[row].image, "north" if row % 2 else "south"
        image = 255 - image if row % 2 else image
        (root / f"{row:03}.png").write_bytes(plotting.encode_image(image, "png"))
        morphology = "" if row % 2 else ("spiral", "merger")[row % 4 // 2]
        hubble = ("E", "Sb", "Irr")[row % 3]
        lines.append(f"{row:03}.png,{LONG + row},{morphology},{hubble},{source},{13 + row / 10}")
    (root / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    return root


@pytest.mark.slow
def test_columns_are_on_the_panel_and_the_page_and_the_label_is_chosen(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, folder: Path
) -> None:
    options = {"data": str(folder), "query": {"galaxy": "1"}}
    for page in ("map", "galaxy"):
        test = run_page(monkeypatch, pages_cache, page, **options)
        said = words(test)
        assert "mag r" in said, page
        assert "13.1" in said, page
        assert "Sb" in said, page
    assert "no label" in said
    box = next(box for box in test.selectbox if box.key == "label_column")
    box.select("hubble").run()
    settled(test)
    assert "no label" not in words(test)
    assert test.session_state["row"] == 1, "the same galaxy"
    assert test.query_params["label"] == "hubble"
    assert "changed on disk" not in words(test)
    linked = run_page(
        monkeypatch, pages_cache, "galaxy", data=str(folder), query={"label": "hubble"}
    )
    assert next(b for b in linked.selectbox if b.key == "label_column").value == "hubble"


@pytest.mark.slow
def test_where_no_galaxy_has_a_label_the_map_names_the_columns_that_can_be_one(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, folder: Path, tmp_path: Path
) -> None:
    root = shutil.copytree(folder, tmp_path / "unlabelled")
    table = (root / "labels.csv").read_text(encoding="utf-8")
    (root / "labels.csv").write_text(table.replace("spiral", "").replace("merger", ""))
    said = "**No galaxy has a label.** Choose a column under *Label*: hubble, source."
    test = run_page(monkeypatch, pages_cache, "map", data=str(root))
    assert said in words(test)
    next(box for box in test.selectbox if box.key == "label_column").select("hubble").run()
    assert said not in words(settled(test))


def test_what_a_column_is_stands_beside_its_name_on_the_panel_and_in_the_table(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    query = {"map": "pca", "galaxy": "1", "view": "table", "filter": "snr > 20", "columns": "kind"}
    test = run_page(monkeypatch, pages_cache, "map", checkpoint="baseline", query=query)
    said = "the class that was drawn; rings and lenses are labelled as the closest class"
    assert {caption.value: caption.proto.help for caption in test.caption}["kind"] == said
    [listed] = [
        json.loads(one.proto.json)
        for one in test.get("bidi_component")
        if one.proto.component_name == "astrojepa_table"
    ]
    assert dict(zip(listed["titles"], listed["helps"], strict=True))["kind"] == said


@pytest.mark.slow
def test_a_map_that_separates_by_source_says_so_with_its_share(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, folder: Path
) -> None:
    measured = ("source", Islands(0.97, 0.49))
    monkeypatch.setattr(loaders, "islands", lambda table, places: lambda report: measured)
    test = run_page(monkeypatch, pages_cache, "map", data=str(folder), checkpoint="baseline")
    assert "The map separates by **source**" in words(test)
    assert "97 % of the 15 nearest points have the same" in words(test)
    assert "(by chance 49 %)" in words(test)
    next(button for button in test.button if button.label == "north (24)").click().run()
    settled(test)
    assert test.session_state["colour"] == "source"
    assert len(test.session_state["off"]) == 1


def test_a_column_of_shape_is_no_nuisance() -> None:
    places, halves = np.arange(120).reshape(60, 2), ["a"] * 30 + ["b"] * 30
    shape, camera = pd.DataFrame({"hubble": halves}), pd.DataFrame({"survey": halves})
    mixed = pd.DataFrame({"survey": ["a", "b"] * 30})
    assert loaders.islands(shape, places)(lambda *_: None) is None
    assert loaders.islands(mixed, places)(lambda *_: None) is None
    name, found = loaders.islands(camera, places)(lambda *_: None)
    assert (name, found.explained > 0.5) == ("survey", True)
    assert "90 % of" in islands_sentence("source", Islands(0.9, 0.3))


def test_an_export_holds_the_columns_and_ids_of_18_digits_that_a_spreadsheet_keeps(
    folder: Path,
) -> None:
    data = aj.open_dataset(folder)
    text = export.table_text(data, [3, 0], {"anomaly_score_knn": [0.5, 0.25]})
    first, second = csv.DictReader(io.StringIO(text))
    assert first["id"] == str(LONG + 3)
    assert export.id_of(first["id_text"]) == first["id"]
    assert not first["id_text"].isdecimal()
    with pytest.raises(ValueError, match="could not convert"):
        float(first["id_text"])
    assert (first["hubble"], first["mag_r"], second["class"]) == ("E", "13.3", "spiral")
    assert "number" not in first
    assert first["anomaly_score_knn"] == "0.5"


def test_the_leaderboard_is_exported_in_its_order_with_score_and_position() -> None:
    data = aj.open_dataset("simulated:5")
    chosen = Chosen("lof", np.array([0.1, 0.5, 0.3, 0.2, 0.4]), np.array([5, 1, 3, 4, 2]))
    view = View(chosen, None, None, None)
    places = np.array([1, 2, 3, 4, 5])
    workspace = SimpleNamespace(
        data=data,
        made_by=("pixel PCA", ""),
        places=places,
        class_name=lambda row: data.classes[data.labels[row]],
    )
    order = view.order(workspace, chosen.places)  # type: ignore[arg-type]
    facts = {"model": "pixel PCA", "view": "model=baseline&score=lof"}
    content = leaderboard_file(".csv", workspace, view, order, facts)  # type: ignore[arg-type]
    lines = list(csv.DictReader(io.StringIO(content.decode())))
    assert [line["rank"] for line in lines] == ["1", "2", "3", "4", "5"]
    assert lines[0]["id"] == str(data.ids[1])
    assert (lines[0]["score"], lines[0]["value"], lines[0]["rank_knn"]) == ("lof", "0.5", "2")
    assert {"ra_deg", "dec_deg", "class", "model", "data", "snr"} <= set(lines[0])
    said = {one.name: one.description for one in ranked_columns(workspace, view, order)}  # type: ignore[arg-type]
    assert list(said) == ["rank", "score", "value", "rank_knn"]
    assert all("lof" in said[name] for name in ("rank", "value"))
    assert "knn" in said["rank_knn"]
    written = card_captions(workspace, view, order, {}, None)  # type: ignore[arg-type]
    assert [lines[1] for lines in written][:2] == ["0.500, kNN rank 2", "0.400, kNN rank 5"]
    assert max(len(line) for lines in written for line in lines[1:]) <= 22, "so much is not cut"
    workspace.places = 12_345 + places
    third = card_captions(workspace, view, order, {}, None)[2]  # type: ignore[arg-type]
    assert third[1] == "0.300, kNN rank 12,348", "a rank is whole"
    workspace.places = places
    content = leaderboard_file(".vot", workspace, view, order, facts)  # type: ignore[arg-type]
    table = parse(io.BytesIO(content))
    assert {"pixel PCA", "model=baseline&score=lof"} <= {
        info.value for info in table.resources[0].infos
    }
    rows = table.get_first_table().array
    assert rows["id"].tolist() == [line["id"] for line in lines]
    assert rows["value"].tolist() == [float(line["value"]) for line in lines]


def _areas() -> None:
    """Draw around galaxies while UMAP is computed and PCA is shown, and say what is chosen."""
    from types import SimpleNamespace

    import streamlit as st

    from app.pages.map import view

    workspace = SimpleNamespace(key=("model", "data"))
    st.session_state.setdefault("polygons", [[(0, 0), (1, 0), (0, 1)]])  # of a link to UMAP
    said = [len(view._polygons(workspace, "pca", "umap"))]  # type: ignore[arg-type]
    view._drawn([[[0, 0], [9, 0], [0, 9]], [[0, 0], [5, 0], [0, 5]]])
    said.append(len(view._polygons(workspace, "pca", "umap")))  # type: ignore[arg-type]
    said.append(len(view._polygons(workspace, "umap", "umap")))  # type: ignore[arg-type]
    st.session_state["polygons"], st.session_state["area_of"] = [[(0, 0), (1, 0), (0, 1)]], None
    said.append(len(view._polygons(workspace, "pca", "umap")))  # type: ignore[arg-type]
    said.append(len(view._polygons(workspace, "umap", "umap")))  # type: ignore[arg-type]
    st.session_state["said"] = said


def test_a_lasso_works_on_the_map_that_is_shown_while_another_is_computed() -> None:
    test = AppTest.from_function(_areas).run()
    assert not test.exception
    own, drawn, dropped, waiting, linked = test.session_state["said"]
    assert (own, drawn, dropped) == (0, 2, 0)
    assert (waiting, linked) == (0, 1), "a link's lasso waits for its own map"
