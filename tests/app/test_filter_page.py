"""The filter of the map: what it chooses, what it says, and that the link keeps it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from page_runner import QUIET, numbers, run_page, script, settled, tables, words
from streamlit.testing.v1 import AppTest

import astrojepa as aj
from app.components.latent_map import colouring
from app.pages.map import figure, search
from app.pages.map.filter_box import example
from app.session import loaders, state
from app.session.columns import columns_of
from astrojepa.data.filters import matching

pytestmark = QUIET
EXPRESSION = 'snr > 20 & class in ["Merging", "Disturbed"]'


@pytest.fixture
def draw(monkeypatch: pytest.MonkeyPatch, pages_cache: Path) -> Callable[..., AppTest]:
    """Run the map until nothing is in progress any more."""
    return partial(run_page, monkeypatch, pages_cache, "map")


def expected() -> int:
    data = aj.open_dataset("simulated:60")
    named = np.isin(np.array(data.classes)[data.labels], ["Merging", "Disturbed"])
    return int((named & (data.table["snr"].astype(float).to_numpy() > 20)).sum())


@pytest.mark.slow
def test_the_example_of_a_filter_chooses_the_most_anomalous() -> None:
    scores = np.linspace(10, 30, 200)
    workspace: Any = SimpleNamespace(
        data=aj.open_dataset("simulated:200"), scores=scores, labelled=False, opened={}
    )
    workspace.key, workspace.whole = ("model", "data"), workspace.data
    chosen = matching(example(workspace), columns_of(workspace))
    assert chosen.sum() == 2
    assert chosen[scores.argmax()]


def test_a_filter_counts_what_matches_opens_it_and_is_in_the_link(
    draw: Callable[..., AppTest],
) -> None:
    test = draw()
    assert "galaxies match" not in words(test)
    box = next(box for box in test.text_input if box.key == "filter")
    box.set_value(f"  {EXPRESSION} ").run()
    count = expected()
    assert 0 < count < 60
    assert f"{count} of 60 galaxies match." in words(test)
    assert f"{count} galaxies selected" in words(test)
    assert test.query_params["filter"] == EXPRESSION
    next(button for button in test.button if button.label == "Clear filter").click().run()
    assert "galaxies match" not in words(test)
    assert "filter" not in test.query_params


def test_a_link_opens_its_filter(draw: Callable[..., AppTest]) -> None:
    test = draw(query={"map": "pca", "filter": EXPRESSION})
    assert f"{expected()} of 60 galaxies match." in words(test)
    assert test.query_params["filter"] == EXPRESSION


def test_a_filter_that_cannot_be_read_is_one_sentence_and_chooses_nothing(
    draw: Callable[..., AppTest],
) -> None:
    test = draw(query={"filter": "redshfit < 0.1 & <script>"})
    (error,) = test.error
    assert "no column redshfit" in error.value
    assert "--catalogue TABLE" in error.value
    assert "anomaly\\_score" in error.value
    assert "galaxies selected" not in words(test)
    assert "Anomaly rank by kNN distance" in words(test), "the page goes on"


def test_where_no_galaxy_is_left_the_page_says_what_chose_none(
    draw: Callable[..., AppTest],
) -> None:
    test = draw(query={"map": "pca", "filter": "snr < 0"})
    assert "0 of 60 galaxies match." in words(test)
    assert "No galaxy passes the filter. Clear or change what you chose." in words(test)
    test.session_state["off"] = (0,)
    test.run()
    assert "No galaxy passes the filter and is shown by the legend. Clear" in words(test)
    test.session_state["polygons"] = [[(-9.0, -9.0), (-8.0, -9.0), (-9.0, -8.0)]]
    test.run()
    assert "lies in the area drawn, passes the filter and is shown by the legend." in words(test)
    test.session_state["off"], test.session_state["filter"] = (), "nosuch > 3"
    test.run()
    assert "No galaxy lies in the area drawn. Clear" in words(test), "the filter is not applied"


def test_the_search_box_takes_a_filter_and_leaves_links_and_classes_alone(
    draw: Callable[..., AppTest],
) -> None:
    assert search.is_filter("snr > 20")
    assert search.is_filter('class in ["Merging"]')
    for text in ("Merging", "10:20:30 +5 10 0", "https://x.org/?ra=1&dec==2", "spirals in pairs"):
        assert not search.is_filter(text)
    test = draw()
    test.session_state[state.GALLERY_PAGE] = 1
    next(box for box in test.text_input if box.key == "find").set_value(EXPRESSION).run()
    settled(test)
    assert f"{expected()} of 60 galaxies match." in words(test)
    assert test.session_state[state.GALLERY_PAGE] == 0, "other galaxies begin on their first page"


@pytest.mark.parametrize("written", ["mergers", "Merging"])
def test_a_class_that_was_found_is_listed_by_one_click(
    written: str, draw: Callable[..., AppTest]
) -> None:
    test, data = draw(), aj.open_dataset("simulated:60")
    assert "List highlighted" not in [button.label for button in test.button]
    next(box for box in test.text_input if box.key == "find").set_value(written).run()
    settled(test)
    next(button for button in test.button if button.label == "List highlighted").click().run()
    settled(test)
    count = int((np.array(data.classes)[data.labels] == "Merging").sum())
    assert f"{count} of 60 galaxies match." in words(test)
    assert f"{count} galaxies selected" in words(test)
    assert "List highlighted" not in [button.label for button in test.button]


def test_class_score_position_and_columns_of_the_data_can_be_compared() -> None:
    data = aj.open_dataset("simulated:40")
    scores = np.linspace(0, 1, 40)
    workspace = SimpleNamespace(
        data=data, scores=scores, labelled=True, opened={}, key=("model", "data")
    )
    columns = columns_of(workspace)  # type: ignore[arg-type]
    assert {"class", "anomaly_score", "id", "snr"} <= set(columns)
    assert "redshift" not in columns, "none is known"
    wanted = data.ids[7]
    assert matching(f'id == "{wanted}"', columns).nonzero()[0].tolist() == [7]
    assert matching("Anomaly_Score > 0.5", columns).sum() == 20
    merging = data.labels == data.classes.index("Merging")
    np.testing.assert_array_equal(matching('class == "Merging"', columns), merging)


@pytest.mark.slow
def test_a_map_that_is_the_first_one_and_takes_long_shows_one_progress_bar(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    go_on = threading.Event()
    project = loaders.project

    def slow(*given: Any) -> Callable[..., Any]:
        task = project(*given)
        return lambda report: task(report) if go_on.wait(60) else None

    monkeypatch.setattr(loaders, "project", slow)
    for name, value in {"DATA": "simulated:61", "CHECKPOINT": "baseline", "MODE": ""}.items():
        monkeypatch.setenv(f"ASTROJEPA_{name}", value)
    monkeypatch.setenv("ASTROJEPA_CACHE", str(pages_cache))
    test = AppTest.from_function(script, args=("map", False), default_timeout=240)
    test.query_params["map"] = "pca"
    while "PCA map of 61 galaxies" not in str([bar.proto for bar in test.run().get("progress")]):
        assert not test.exception
    assert not test.exception
    go_on.set()
    assert "Anomaly rank by kNN distance" in words(settled(test.run()))


def test_the_figure_draws_what_does_not_match_in_a_grey_trace_of_its_own() -> None:
    groups = figure.marker_groups(
        colouring.by_number(np.array([1.0, 2.0, np.nan, 4.0]), "x"), (), light=False
    )
    found = figure.greyed(groups, np.array([True, False, False, True]))
    assert [group["rows"].tolist() for group in found] == [[0, 3], [1, 2]]
    assert len(found[0]["values"]) == 2
    assert found[1]["name"] == "does not match the filter"


@pytest.mark.slow
def test_a_link_opens_the_table_of_the_selection_with_its_columns_and_order(
    draw: Callable[..., AppTest],
) -> None:
    shown = {"view": "table", "sort": "snr", "order": "reversed", "columns": "snr,class"}
    test = draw(query={"map": "pca", "filter": EXPRESSION, **shown})
    (table,) = tables(test)
    assert list(table.columns) == ["id", "snr", "class", "image"]
    snr = numbers(table["snr"])
    assert snr == sorted(snr, reverse=True)
    assert len(snr) == expected()
    assert {name: test.query_params[name] for name in shown} == shown | {"order": "highest"}
    for direction in ("lowest", "highest"):
        again = draw(query={"map": "pca", "filter": EXPRESSION, **shown, "order": direction})
        assert numbers(tables(again)[0]["snr"]) == sorted(snr, reverse=direction == "highest")
    (old,) = tables(draw(query={"map": "pca", "filter": EXPRESSION, **shown, "order": ""}))
    assert numbers(old["snr"]) == sorted(snr), "as it opened when a link did not say"

    gallery = draw(query={"map": "pca", "filter": EXPRESSION})
    assert not tables(gallery)
    assert not set(shown) & set(gallery.query_params), "what is usual is not in the address"


def test_a_link_with_columns_that_are_not_there_opens_the_usual_ones(
    draw: Callable[..., AppTest],
) -> None:
    test = draw(query={"filter": EXPRESSION, "view": "table", "sort": "mass", "columns": "mass"})
    (table,) = tables(test)
    assert "class" in table.columns
    assert "sort" not in test.query_params
