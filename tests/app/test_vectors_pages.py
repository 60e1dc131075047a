"""Vectors of a file in place of a model, on every page."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from page_runner import QUIET, run_page, settled, tables, words
from PIL import Image

import astrojepa as aj
from app.session import loaders, workspace
from app.session.workspace import VECTORS, Workspace, model_choices
from astrojepa.evaluation.vectors.stored import open_vectors

pytestmark = QUIET
COUNT, LEFT_OUT = 60, 7


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Vectors of all but the first galaxies, in another order."""
    path = tmp_path_factory.mktemp("theirs") / "theirs.npz"
    ids = aj.open_dataset(f"simulated:{COUNT}").ids[LEFT_OUT:][::-1]
    vectors = np.random.default_rng(2).normal(size=(len(ids), 8)).astype(np.float32)
    np.savez(path, object_id=ids, vector=vectors)
    return path


def flags(theirs: Path) -> dict[str, list[str] | str]:
    return {
        "flags": [f"--data=simulated:{COUNT}", f"--vectors={theirs}"],
        "checkpoint": "",
    }


def test_vectors_are_a_model_of_the_menu_and_galaxies_without_one_are_counted(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, theirs: Path
) -> None:
    test = run_page(monkeypatch, pages_cache, "map", **flags(theirs))
    menu = next(box for box in test.selectbox if box.key == "checkpoint")
    assert "theirs.npz" in menu.options
    assert menu.value == f"{VECTORS}{theirs}"
    said = words(test)
    assert f"{LEFT_OUT} of {COUNT} galaxies of simulated" in said
    assert "have no vector in theirs.npz and are left out" in said
    assert "Patch errors need a model. These are vectors from theirs.npz." in said
    assert str(theirs.parent) not in said
    assert test.query_params["model"].startswith("theirs.npz@")


@pytest.mark.slow
def test_data_and_vectors_of_equal_names_are_told_apart_chosen_and_linked(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, tmp_path: Path
) -> None:
    given = []
    for count, name in ((20, "one"), (24, "two")):
        images = tmp_path / name / "M 31 & co"
        images.mkdir(parents=True)
        for row in range(count):
            Image.fromarray(np.full((32, 32, 3), 9 * row, np.uint8)).save(images / f"g{row}.png")
        vectors = np.random.default_rng(count).normal(size=(24, 6)).astype(np.float32)
        names = np.array([f"g{row}.png" for row in range(24)])
        np.savez(tmp_path / name / "vectors.npz", object_id=names, vector=vectors)
        given += [f"--data={images}", f"--vectors={tmp_path / name / 'vectors.npz'}"]
    options = {"flags": given, "checkpoint": ""}
    test = run_page(monkeypatch, pages_cache, "galaxy", **options)
    menus = {box.key: box for box in test.selectbox}
    assert menus["source"].options[:2] == ["one/M 31 & co", "two/M 31 & co"]
    assert {"one/vectors.npz", "two/vectors.npz"} <= set(menus["checkpoint"].options)
    menus["source"].select("two/M 31 & co")
    settled(menus["checkpoint"].select(f"{VECTORS}{tmp_path / 'two' / 'vectors.npz'}").run())
    assert "of 24 (most" in words(test) or "of 24. Arrow" in words(test)
    query = dict(test.query_params)
    assert query["data"].startswith("two:M 31 & co@")
    assert query["model"].startswith("two:vectors.npz@")
    again = run_page(monkeypatch, pages_cache, "galaxy", query=query, **options)
    menus = {box.key: box.value for box in again.selectbox}
    assert menus["source"] == "two/M 31 & co"
    assert menus["checkpoint"] == f"{VECTORS}{tmp_path / 'two' / 'vectors.npz'}"
    assert not again.info
    query["model"] = query["model"].removeprefix("two:")  # as where it is the only one of its name
    again = run_page(monkeypatch, pages_cache, "galaxy", query=query, **options)
    assert again.session_state["checkpoint"] == menus["checkpoint"]
    assert not again.info


@pytest.mark.slow
def test_the_selected_galaxy_is_the_same_when_the_model_changes(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, theirs: Path
) -> None:
    name = str(aj.open_dataset(f"simulated:{COUNT}").ids[20])
    test = run_page(
        monkeypatch, pages_cache, "galaxy", query={"id": name, "galaxy": "20"}, **flags(theirs)
    )
    assert test.title[0].value == name
    assert test.session_state["row"] == 20 - LEFT_OUT
    menu = next(box for box in test.selectbox if box.key == "checkpoint")
    menu.select("baseline").run()
    settled(test)
    assert test.title[0].value == name
    assert test.session_state["row"] == 20
    assert test.query_params["galaxy"] == "20"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        ("galaxy", "Patch errors need a model. These are vectors from theirs.npz."),
        ("anomalies", "the features of theirs.npz"),
        ("probe", "theirs.npz"),
        ("compare", "Compares theirs.npz (chosen above) with a second model"),
        ("models", "Vectors of width 8 from a file, joined to the galaxies by id."),
    ],
)
def test_every_page_works_on_vectors(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, theirs: Path, page: str, sentence: str
) -> None:
    test = run_page(monkeypatch, pages_cache, page, **flags(theirs))
    said = words(test)
    assert not test.error, said
    if page == "probe":
        next(button for button in test.button if "Train" in button.label).click().run()
        settled(test)
        assert not test.error
        said = words(test) + str(tables(test))
        assert "The probe of these vectors" in said
    assert sentence in said


@pytest.mark.slow
def test_vectors_are_compared_with_a_model_where_they_have_all_its_galaxies(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, theirs: Path
) -> None:
    options = flags(theirs)
    said = words(
        run_page(monkeypatch, pages_cache, "compare", query={"with": "baseline"}, **options)
    )
    assert "The models share" in said
    options["flags"] = [*options["flags"], "--checkpoint=baseline"]
    test = run_page(monkeypatch, pages_cache, "compare", query={"with": "theirs.npz"}, **options)
    assert f"{LEFT_OUT} of these {COUNT} galaxies have no vector" in test.error[0].value


def test_vectors_of_other_galaxies_are_refused_and_the_baseline_is_shown(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, tmp_path: Path
) -> None:
    np.savez(tmp_path / "other.npz", object_id=["x", "y"], vector=np.eye(2))
    test = run_page(monkeypatch, pages_cache, "models", **flags(tmp_path / "other.npz"))
    said = " ".join(error.value for error in test.error)
    assert "other.npz was not opened" in said
    assert "has the id of a vector in other.npz" in said
    assert "Principal components of the pixels" in words(test)


def test_vectors_are_for_this_machine_alone() -> None:
    listing = SimpleNamespace(checkpoints=(), released=())
    local = [choice.reference for choice in model_choices(False, [], listing, ["a/v.npz"])]
    hosted = [choice.reference for choice in model_choices(True, [], listing, ["a/v.npz"])]
    assert "vectors:a/v.npz" in local
    assert "vectors:a/v.npz" not in hosted


def test_scores_and_exports_are_those_of_the_vectors(theirs: Path) -> None:
    from app.pages.map.selection import further
    from app.session.export import table_file

    stored, data = open_vectors(theirs), aj.open_dataset(f"simulated:{COUNT}")
    page = Workspace(None, False, None, workspace.Choice("vectors:v", "v"), [], None, None)  # type: ignore[arg-type]
    page.stored, page.opened = stored, {"whole": data, "given": data}
    assert page.sampled is not None
    assert page.sampled.tolist() == list(range(LEFT_OUT, COUNT))
    rows = {name: row for row, name in enumerate(stored.embeddings.ids.tolist())}
    expected = stored.embeddings.vectors[[rows[name] for name in data.ids[LEFT_OUT:].tolist()]]
    found = page.embed_task()[2](lambda *done: None)
    np.testing.assert_array_equal(found.vectors, expected)
    scores = loaders.scores(found)(lambda *done: None)
    np.testing.assert_allclose(scores, aj.anomaly_scores(found))
    fake = SimpleNamespace(
        data=page.data,
        scores=scores,
        places=np.arange(53),
        made_by=page.made_by,
        labelled=True,
        opened={},
        whole=page.data,
        key=("theirs", page.data.fingerprint),
        embeddings=None,
    )
    rows = np.array([0])
    text = table_file(".csv", page.data, rows, *further(fake, rows)).decode()
    table = list(csv.DictReader(text.splitlines()))
    assert (table[0]["id"], table[0]["model"]) == (data.ids[LEFT_OUT], "theirs.npz")
