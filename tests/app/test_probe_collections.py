"""Collections: what a lasso gathers, for this session, and how it becomes classes for a probe."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from exported import read_back
from page_runner import QUIET, run_page, settled, words
from streamlit.testing.v1 import AppTest

import app
from app.components.collections_bar import collections_file
from app.session import collections
from app.session.gathered import Gathered
from astrojepa.checkpoints.model import load_model
from astrojepa.data import open_dataset
from astrojepa.tables import WRITERS

pytestmark = QUIET


def test_rows_are_added_once_and_in_order() -> None:
    held = collections.with_added({}, "rings", np.array([5, 2]))
    held = collections.with_added(held, "  rings ", np.array([2, 9]))
    assert held == {"rings": (2, 5, 9)}
    assert collections.without(held, "rings") == {}


def test_what_a_sample_gathers_goes_into_the_collections_of_all_galaxies() -> None:
    rows = np.array([2, 5, 9, 40])
    held = {"rings": (5, 7, 40), "bars": (1,)}
    assert collections.among(held, rows) == {"rings": (1, 3)}
    changed = {"rings": (1,), "arms": (0,)}  # 40 is a ring no more, and 2 has arms
    merged = collections.with_those_of(held, changed, rows)
    assert merged == {"rings": (5, 7), "bars": (1,), "arms": (2,)}
    assert collections.with_those_of(held, collections.among(held, rows), rows) == held


@pytest.mark.parametrize("name", ["", "   ", None, collections.REST, "a\x00b"])
def test_a_collection_needs_a_name_of_its_own(name: str) -> None:
    with pytest.raises(ValueError, match="Give the collection a name"):
        collections.with_added({}, name, np.array([1]))


def test_a_session_keeps_24_collections() -> None:
    held = {f"c{k}": (k,) for k in range(collections.MAX_COLLECTIONS)}
    with pytest.raises(ValueError, match="24 collections already"):
        collections.with_added(held, "one more", np.array([1]))
    assert collections.with_added(held, "c0", np.array([7]))["c0"] == (0, 7)


def test_one_collection_is_told_from_everything_else() -> None:
    labels, classes, twice = collections.as_labels({"rings": (1, 3)}, 5, rest=True)
    assert (labels.tolist(), classes, twice) == ([1, 0, 1, 0, 1], ("rings", collections.REST), 0)


def test_a_galaxy_in_two_collections_is_left_out_and_counted() -> None:
    labels, classes, twice = collections.as_labels({"a": (0, 1), "b": (1, 2, 99)}, 4, rest=False)
    assert (labels.tolist(), classes, twice) == ([0, -1, 1, -1], ("a", "b"), 1)


def test_a_labelling_is_told_from_another_by_its_digest() -> None:
    first = collections.digest(np.array([0, 1]), ("a", "b"))
    assert first == collections.digest(np.array([0, 1], dtype=np.int32), ("a", "b"))
    assert first != collections.digest(np.array([1, 0]), ("a", "b"))
    assert first != collections.digest(np.array([0, 1]), ("a", "c"))


def test_no_module_of_the_app_hides_one_of_python() -> None:
    folder = Path(app.__file__).parent
    ours = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert not ours & sys.stdlib_module_names
    done = subprocess.run(
        [sys.executable, "-c", "import collections, json, inspect"],
        cwd=folder,
        check=False,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr


def gather() -> None:
    """The bar under a lasso, by itself."""
    from types import SimpleNamespace

    import numpy as np

    from app.components.collections_bar import collections_bar

    collections_bar(
        SimpleNamespace(
            key="0123456789abcdef",
            model="model",
            made_by=("model", "0123"),
            facts={},
            hosted=True,
            link="map=pca",
        ),
        np.array([4, 1]),
    )  # type: ignore[arg-type]


def test_the_bar_under_a_lasso_keeps_its_galaxies_for_the_session() -> None:
    test = AppTest.from_function(gather, default_timeout=60)
    settled(test.run())
    test.button[0].click().run()
    assert "Give the collection a name" in words(test)
    test.text_input[0].set_value("rings")
    next(button for button in test.button if button.key == "collection_add").click().run()
    assert not test.exception
    assert test.session_state["collections"] == {"0123456789abcdef": {"rings": (1, 4)}}
    assert test.session_state["drawn_on"] == {"0123456789abcdef": {"rings": ("model",)}}
    assert "rings now holds 2 galaxies" in words(test)
    next(button for button in test.button if button.label == "Add here").click().run()
    assert "rings now holds 2 galaxies" in words(test)
    next(button for button in test.button if button.label == "Remove").click().run()
    assert test.session_state["collections"] == {"0123456789abcdef": {}}
    assert test.session_state["drawn_on"] == {"0123456789abcdef": {}}


@pytest.mark.slow
@pytest.mark.parametrize("ending", WRITERS)
def test_collections_are_exported_in_every_format_with_the_maps_they_were_drawn_on(
    ending: str,
) -> None:
    data = open_dataset("simulated:8")
    about = Gathered("", "", ("", ""), {}, lambda rows: (data, rows), print, "")
    held = {"rings": (1, 4), "bars": (4,)}
    facts = {"view": "map=pca", "drawn_on": "rings: 0123, 4567; bars: 0123"}
    columns, said = read_back(ending, collections_file(ending, about, held, facts))
    assert columns["id"] == data.ids[[1, 4, 4]].astype(str).tolist()
    assert columns["collection"] == ["rings", "rings", "bars"]
    assert len(columns["snr"]) == 3, "columns of the data"
    if ending != ".csv":
        assert {**said, **facts} == said
        assert (said["data"], said["data_fingerprint"]) == (data.name, data.fingerprint)


@pytest.mark.slow
def test_the_bar_offers_collections_in_the_chosen_format(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    query = {"map": "pca", "filter": "snr > 0"}
    test = run_page(monkeypatch, pages_cache, "map", query=query)
    test.text_input(key="collection_name").set_value("bright")
    test.button(key="collection_add").click()
    settled(test.run())
    test.selectbox(key="export_format_collections").set_value(".parquet")
    settled(test.run())
    button = next(
        button
        for button in test.get("download_button")
        if button.proto.label.endswith("as .parquet") and "collections" in button.proto.id
    )
    assert button.proto.label == "Download 60 galaxies as .parquet"


@pytest.mark.slow
def test_a_probe_on_outlines_of_the_models_own_map_claims_nothing_over_baselines(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    test = run_page(monkeypatch, pages_cache, "probe", data="simulated:200")
    whole = open_dataset("simulated:200").galaxies_hash
    model = load_model("random").hash
    halves = {"left": tuple(range(100)), "right": tuple(range(100, 200))}

    def said(drawn_on: str) -> str:
        test.session_state["collections"] = {whole: halves}
        test.session_state["drawn_on"] = {whole: dict.fromkeys(halves, (drawn_on,))}
        test.session_state["probe_target"] = collections.COLLECTIONS
        settled(test.run())
        next(button for button in test.button if button.label == "Train").click().run()
        return words(settled(test))

    own = said(model)
    assert "classified correctly" in own
    assert "drawn on this model's own map" in own
    assert "most frequent class" not in own
    other = said("another")
    assert "drawn on this model's own map" not in other
    assert "most frequent class" in other
