"""What differs? The panel below the map: sides, table, exemplars."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import streamlit as st
from exported import read_back
from page_runner import QUIET, run_page, settled, tables, words
from scipy import stats
from streamlit.testing.v1 import AppTest

import astrojepa as aj
from app.pages.map import difference_panel
from app.session import state
from app.session.described import OfWorkspace
from astrojepa.data.values import Numbers, coded
from astrojepa.evaluation.maps.differences import differences
from astrojepa.tables import WRITERS

pytestmark = QUIET
LIMIT = 300


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, pages_cache: Path) -> AppTest:
    """The map of 60 simulated galaxies with a filter and the panel open."""
    data = aj.open_dataset("simulated:60")
    test = run_page(
        monkeypatch,
        pages_cache,
        "map",
        checkpoint="baseline",
        query={"map": "pca", "filter": f"snr > {LIMIT}"},
    )
    test.session_state[state.COLLECTIONS] = {data.galaxies_hash: {"odd": tuple(range(1, 60, 2))}}
    test.session_state[state.DIFFERENCES_OPEN] = True
    return settled(test.run())


def compared(test: AppTest) -> str:
    """How many columns the panel says that it compared."""
    found = re.search(r"of (\d+) columns", words(test))
    assert found is not None
    return found[1]


def menu(test: AppTest, label: str) -> list[str]:
    return list(next(box for box in test.selectbox if box.label == label).options)


def test_while_images_are_measured_the_progress_stands_below_the_table_in_one_container(
    opened: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(own: Any) -> dict[str, Any]:
        st.progress(0.5, text="Measuring")
        return {}

    def found(block: Any) -> list[str]:
        below = [found(child) for child in getattr(block, "children", {}).values()]
        if ["progress"] in below:
            rooms.append(below)
        return [block.type] if not below else list(itertools.chain(*below))

    rooms: list[list[list[str]]] = []
    monkeypatch.setattr(OfWorkspace, "measured", measured)
    found(opened.run().main)
    assert rooms == [[["bidi_component"], ["progress"]]]


def test_what_was_kept_for_measured_columns_and_is_not_filled_stays_empty() -> None:
    def told(own: int, measured: int) -> list[Any]:
        names = ["a"] * own + ["image: size"] * measured
        return [SimpleNamespace(column=name) for name in names]

    kept = {(2, 0): 230, (2, 3): 230 - 3 * 33, (2, 9): 0, (0, 1): 230 - 33 - 53, (0, 0): 230}
    for counts, expected in kept.items():
        assert difference_panel.left_over(told(*counts), {"image: size": 0}) == expected, counts
    assert difference_panel.left_over(told(19, 6), {"image: size": 0}) == 230 - 33, "20 are listed"


def test_room_is_kept_for_the_sides_that_were_shown_while_images_were_measured_alone(
    opened: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def empty() -> int:
        return len([one for one in opened.main if one.type == "space"])

    assert not empty(), "measured before the panel was opened"
    real, now = OfWorkspace.measured, {"there": False}
    monkeypatch.setattr(OfWorkspace, "measured", lambda own: real(own) if now["there"] else {})
    opened.run()
    now["there"] = True
    monkeypatch.setattr(difference_panel, "ROOM", 9999)
    assert (empty(), settled(opened.run()) and empty()) == (0, 1)
    next(box for box in opened.selectbox if box.label == "with").select("Collection odd").run()
    assert not empty()


@pytest.mark.slow
def test_a_selection_is_compared_with_all_others_and_with_a_collection(opened: AppTest) -> None:
    data = aj.open_dataset("simulated:60")
    inside = data.table["snr"].to_numpy(float) > LIMIT
    assert menu(opened, "Compare") == ["Selection", "Collection odd"]
    assert menu(opened, "with") == ["Everything else", "Collection odd"]
    table = tables(opened)[0]
    snr = table.set_index("column").loc["snr"]
    median = np.median(data.table["snr"].to_numpy(float)[inside])
    assert snr["Selection"] == f"{median:.4g}"
    assert snr["n"] == f"{inside.sum()} and {60 - inside.sum()}"
    assert snr["effect size"].startswith("d = +")
    assert "image: ellipticity" in list(table["column"]), "images are measured too"
    assert f"typical galaxies of {inside.sum()}" in words(opened)
    assert difference_panel.TWO not in words(opened)
    exported = [button.proto.label for button in opened.get("download_button")]
    assert f"Download {compared(opened)} columns as .csv" in exported

    next(box for box in opened.selectbox if box.label == "with").select("Collection odd").run()
    settled(opened)
    both = int(inside[1::2].sum())
    assert f"{both} galaxies are in both sets and count for Selection only." in words(opened)


def test_without_a_selection_the_panel_says_how_to_make_one(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    test = run_page(monkeypatch, pages_cache, "map", checkpoint="baseline", query={"map": "pca"})
    assert "Select galaxies with lasso" not in words(test), "while it is closed, it says nothing"
    test.session_state[state.DIFFERENCES_OPEN] = True
    assert "Select galaxies with lasso, box or filter" in words(settled(test.run()))
    next(box for box in test.text_input if box.key == "filter").set_value(f"snr > {LIMIT}").run()
    assert difference_panel.TWO in words(settled(test))


def test_a_table_gives_medians_shares_and_both_measures() -> None:
    rng = np.random.default_rng(0)
    columns = {
        "half_light": Numbers(np.append(rng.normal(3, 1, 50), rng.normal(5, 1, 50))),
        "class": coded(np.repeat([0, 1, 1], [40, 10, 50]), ["edge-on", "round"]),
    }
    found = differences(columns, np.arange(50), np.arange(50, 100))
    made = difference_panel.table(found, ("Selection", "Everything else"))
    rows = dict(zip(made["column"], zip(*list(made.values())[1:], strict=True), strict=True))
    assert rows["class"][1:3] == ("80 % edge-on", "0 % edge-on"), "cut at its end, the share stays"
    assert rows["class"][0].startswith("V = 0.8")
    assert rows["half light"][0].startswith("d = \N{MINUS SIGN}")
    assert rows["half light"][3] == "50 and 50"
    assert difference_panel.summary(0, 7) == "None of 7 columns differs significantly (p < 0.001)."
    assert "The strongest 20 are listed." in difference_panel.summary(30, 40)


@pytest.mark.parametrize("ending", WRITERS)
def test_what_differs_is_exported_in_every_format_with_statistics_from_scipy(ending: str) -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(3, 1, 50), rng.normal(3.2, 1, 60)
    codes = np.repeat([0, 1, 0, 1], [40, 10, 10, 50])
    columns = {
        "half_light": Numbers(np.append(one, other)),
        "class": coded(codes, ["edge-on", "round"]),
    }
    found = differences(columns, np.arange(50), np.arange(50, 110))
    facts = {"model": "mine", "data": "some", "view": "map=pca", "filter": ""}
    names = ("Selection", "Everything else")
    content = difference_panel.differences_file(ending, found, names, facts)
    read, said = read_back(ending, content)
    assert read["column"] == ["class", "half_light"], "the strongest difference first"
    assert read["measure"] == ["V", "d"]
    assert (read["first"], read["second"]) == (["Selection"] * 2, ["Everything else"] * 2)
    assert (read["n_first"], read["n_second"]) == ([50, 50], [60, 60])
    deviation = np.sqrt((49 * one.var(ddof=1) + 59 * other.var(ddof=1)) / 108)
    assert read["effect_size"][1] == pytest.approx((one.mean() - other.mean()) / deviation)
    assert read["p"][1] == pytest.approx(stats.ttest_ind(one, other, equal_var=False).pvalue)
    counts = [[40, 10], [10, 50]]
    assert read["p"][0] == pytest.approx(stats.chi2_contingency(counts, correction=False).pvalue)
    assert read["median_first"][1] == pytest.approx(np.median(one))
    assert read["median_second"][1] == pytest.approx(np.median(other))
    assert read["word"][0] == "edge-on"
    assert (read["share_first"][0], read["share_second"][0]) == (0.8, pytest.approx(1 / 6))
    if ending == ".csv":
        assert (read["model"], read["data"]) == (["mine"] * 2, ["some"] * 2)
    else:
        assert (said["model"], said["view"]) == ("mine", "map=pca")


def test_what_is_selected_anew_is_what_is_compared_unless_it_is_one_side_already(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = {state.DIFFERENCES_FIRST: "Collection odd"}
    monkeypatch.setattr("streamlit.session_state", session)
    difference_panel.compare_the_selection()
    assert session[state.DIFFERENCES_FIRST] == difference_panel.SELECTION
    session = {
        state.DIFFERENCES_FIRST: "Collection odd",
        state.DIFFERENCES_SECOND: difference_panel.SELECTION,
    }
    monkeypatch.setattr("streamlit.session_state", session)
    difference_panel.compare_the_selection()
    assert session[state.DIFFERENCES_FIRST] == "Collection odd"
