"""Search by example on the pages: what it ranks, how it changes, ends, and opens from a link."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_runner import QUIET, run_page, settled, tables, words
from streamlit.testing.v1 import AppTest

import astrojepa as aj
from app.components import instead
from app.components.patch_panel.masks import first_mask, write_mask
from app.session import uploads
from astrojepa import plotting

pytestmark = QUIET
DATA = "simulated:120"


@pytest.fixture
def draw(monkeypatch: pytest.MonkeyPatch, pages_cache: Path) -> Callable[..., AppTest]:
    """Run the map until nothing is in progress any more."""
    return partial(run_page, monkeypatch, pages_cache, "map", data=DATA)


def press(test: AppTest, label: str) -> AppTest:
    next(button for button in test.button if button.label == label).click()
    return settled(test.run())


def uploader_of(test: AppTest) -> Any:
    return next(box for box in test.file_uploader if str(box.key).startswith("search_files"))


def labels(test: AppTest) -> list[str]:
    return [button.label for button in test.button]


@pytest.mark.slow
def test_more_like_this_chooses_the_nearest_hundred_and_is_in_the_link(
    draw: Callable[..., AppTest],
) -> None:
    test = draw(query={"map": "pca", "galaxy": "7", "view": "table"})
    assert "Less like this" not in labels(test)
    press(test, "More like this")
    assert tables(test)[0]["search_rank"].tolist()[:3] == ["1", "2", "3"], "the nearest come first"
    assert "like 1 example;" in words(test)
    assert "the filter `search_rank <= 10` keeps ten." in words(test)
    assert "100 of 120 galaxies match." in words(test)
    assert test.query_params["like"] == "7"
    assert test.query_params["filter"] == "search_rank <= 100"
    assert "Remove from search" in labels(test)
    press(test, "End search")
    assert "galaxies match" not in words(test)
    assert not {"like", "filter"} & set(test.query_params)


@pytest.mark.slow
def test_the_columns_of_a_search_are_its_distances(draw: Callable[..., AppTest]) -> None:
    known = aj.embed(aj.load_model("random"), aj.open_dataset(DATA))
    distances = aj.search_by_examples(known, [7, 12], [30])
    limit = float(np.sort(distances)[9:11].mean())
    query = {"map": "pca", "galaxy": "7", "like": "7.12", "unlike": "30"}
    by_distance = draw(query=query | {"filter": f"search_distance < {limit}"})
    assert "like 2 examples, less like 1;" in words(by_distance)
    assert "10 of 120 galaxies match." in words(by_distance)
    row = int(np.argsort(distances)[9])
    name = str(aj.open_dataset(DATA).ids[row])
    by_rank = draw(query=query | {"filter": f'search_rank == 10 & id == "{name}"'})
    assert "1 of 120 galaxies matches." in words(by_rank)


@pytest.mark.slow
def test_examples_are_added_on_either_side_and_removed(draw: Callable[..., AppTest]) -> None:
    test = draw(query={"map": "pca", "galaxy": "7", "like": "12", "filter": "search_rank <= 5"})
    press(test, "Less like this")
    assert (test.query_params["like"], test.query_params["unlike"]) == ("12", "7")
    assert test.query_params["filter"] == "search_rank <= 5", "the visitor's own filter stays"
    press(test, "Remove from search")
    assert "unlike" not in test.query_params
    press(test, "More like this")
    assert test.query_params["like"] == "12.7"


@pytest.mark.slow
def test_a_search_joins_the_filter_that_is_there_and_leaves_it_when_it_ends(
    draw: Callable[..., AppTest],
) -> None:
    test = draw(query={"map": "pca", "galaxy": "7", "filter": "snr > 20"})
    press(test, "More like this")
    assert test.query_params["filter"] == "snr > 20 & search_rank <= 100"
    test.session_state["filter"] = "snr > 20 & search_distance < 30"
    settled(test.run())
    press(test, "End search")
    assert test.query_params["filter"] == "snr > 20"
    assert "no column" not in words(test)


def test_what_is_unlike_alone_is_forgotten(draw: Callable[..., AppTest]) -> None:
    test = draw(query={"map": "pca", "galaxy": "7", "like": "7", "unlike": "12"})
    press(test, "Remove from search")
    assert "Searching" not in words(test)
    press(test, "More like this")
    assert "unlike" not in test.query_params


def test_a_link_of_other_data_searches_for_nothing(draw: Callable[..., AppTest]) -> None:
    query = {"map": "pca", "data": "simulated@0123456789abcdef", "galaxy": "7", "like": "7"}
    test = draw(query=query | {"images": "1"})
    assert "Searching" not in words(test)
    assert not {"like", "images"} & set(test.query_params)


def test_rows_beyond_the_data_are_no_examples(draw: Callable[..., AppTest]) -> None:
    test = draw(query={"map": "pca", "galaxy": "7", "like": "5000", "unlike": "3"})
    assert "Searching" not in words(test)


def test_an_image_that_was_brought_along_finds_its_galaxy(draw: Callable[..., AppTest]) -> None:
    test = draw(query={"map": "pca", "galaxy": "7"})
    data = aj.open_dataset(DATA)
    held, problems = uploads.add({}, [("mine.png", plotting.encode_image(data[33].image, "png"))])
    assert problems == []
    test.session_state["uploads"] = held
    test.session_state["like_images"] = tuple(held)
    test.session_state["examples_of"] = data.galaxies_hash
    test.session_state["filter"] = f'search_rank == 1 & id == "{data.ids[33]}"'
    settled(test.run())
    assert "like 1 example;" in words(test)
    assert "1 of 120 galaxies matches." in words(test)
    press(test, "Remove")
    assert "Searching" not in words(test)


def test_a_link_of_a_search_by_image_keeps_filter_and_order_and_says_that_the_image_is_missing(
    draw: Callable[..., AppTest],
) -> None:
    test = draw(query={"map": "pca", "galaxy": "7", "filter": "snr > 20"})
    data = aj.open_dataset(DATA)
    image = plotting.encode_image(data[33].image, "png")
    settled(uploader_of(test).upload("first.png", image, "image/png").run())
    assert test.query_params["sort"] == "search_rank"
    found = "snr > 20 & search_rank <= 10"
    test.session_state["filter"], test.session_state["selection_order"] = found, "snr"
    settled(test.run())
    said = next(element.value for element in test.caption if "galaxies match" in element.value)
    link = dict(test.query_params)
    assert (link["images"], link["filter"], link["sort"]) == ("1", found, "snr")

    again = draw(query=link)
    assert "is by an image, which a link does not hold" in words(again)
    assert dict(again.query_params) == link, "sent on, the link is the same"
    settled(uploader_of(again).upload("first.png", image, "image/png").run())
    assert "does not hold" not in words(again)
    assert again.session_state["filter"] == found
    assert dict(again.query_params) == link, "in the order of the link too"
    assert said in words(again)
    press(again, "End search")
    assert "images" not in again.query_params
    ended = draw(query=link)
    press(ended, "End search")
    assert ended.query_params["filter"] == "snr > 20"
    assert "images" not in ended.query_params


@pytest.mark.slow
def test_an_uploaded_file_is_an_example_until_it_is_removed_and_again_when_sent_again(
    draw: Callable[..., AppTest],
) -> None:
    test = draw(query={"map": "pca", "galaxy": "7"})
    data = aj.open_dataset(DATA)
    first, second = (plotting.encode_image(data[row].image, "png") for row in (33, 34))
    settled(uploader_of(test).upload("first.png", first, "image/png").run())
    assert "like 1 example;" in words(test)
    press(test, "Remove")
    assert "Searching" not in words(test)
    settled(uploader_of(test).upload("second.png", second, "image/png").run())
    assert "like 1 example;" in words(test), "the removed one does not come back"
    settled(uploader_of(test).upload("broken.png", b"not an image", "image/png").run())
    assert "broken.png" in words(test)
    assert "like 1 example;" in words(test)


def test_with_the_end_of_a_search_its_files_are_no_longer_listed(
    draw: Callable[..., AppTest],
) -> None:
    test = draw(query={"map": "pca", "galaxy": "7"})
    image = plotting.encode_image(aj.open_dataset(DATA)[33].image, "png")
    settled(uploader_of(test).upload("first.png", image, "image/png").run())
    settled(uploader_of(test).upload("broken.png", b"not an image", "image/png").run())
    assert uploader_of(test).value
    assert "broken.png" in words(test)
    press(test, "End search")
    assert not uploader_of(test).value
    assert "broken.png" not in words(test)
    settled(uploader_of(test).upload("first.png", image, "image/png").run())
    assert "like 1 example;" in words(test), "sent again, it is searched for again"


@pytest.mark.slow
def test_a_region_ranks_its_own_galaxy_first(draw: Callable[..., AppTest]) -> None:
    data, model = aj.open_dataset(DATA), aj.load_model("random")
    mask = write_mask(first_mask(model.grid))
    query = {"map": "pca", "galaxy": "7", "region": f"7.{mask}"}
    test = draw(query=query | {"filter": f'search_rank == 1 & id == "{data.ids[7]}"'})
    assert "a region like the bright one" in words(test)
    assert "1 of 120 galaxies matches." in words(test)
    assert "Less like this" not in labels(test)
    assert test.query_params["region"] == f"7.{mask}"
    press(test, "More like this")
    assert "region" not in test.query_params
    assert test.query_params["like"] == "7"


def test_a_region_of_another_grid_is_ignored(draw: Callable[..., AppTest]) -> None:
    test = draw(query={"map": "pca", "galaxy": "7", "region": "7.ff"})
    assert "Searching" not in words(test)


def test_the_order_and_the_columns_of_a_search_end_with_it_without_a_word(
    draw: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(instead.st, "toast", lambda text, **options: told.append(text))
    query = {"map": "pca", "galaxy": "7", "filter": "snr > 20", "view": "table", "like": "3"}
    query |= {"sort": "search_rank", "order": "reversed", "columns": "search_distance,class"}
    test = draw(query=query)
    assert tables(test)[0].columns.tolist() == [
        "id",
        "search_rank",
        "search_distance",
        "class",
        "image",
    ]
    assert test.query_params["order"] == "reversed", "the highest rank comes first"
    press(test, "End search")
    assert "search" not in str(dict(test.query_params))
    assert "order" not in test.query_params
    assert tables(test)[0].columns.tolist() == ["id", "anomaly_score", "class", "image"]
    query |= {"filter": "search_rank <= 9", "columns": "search_rank"}
    test = press(draw(query=query), "End search")
    assert not tables(test)
    assert not {"sort", "order", "columns"} & set(test.query_params), "nor does a link name them"
    test.text_input(key="filter").input("snr > 20")
    settled(test.run())
    assert tables(test)[0].columns.tolist()[:3] == ["id", "class", "anomaly_score"], "as usual"
    assert not told


def test_a_link_says_that_a_search_begins_with_its_nearest_as_old_links_did(
    draw: Callable[..., AppTest],
) -> None:
    query = {"map": "pca", "galaxy": "7", "like": "7", "filter": "search_rank <= 9"}
    query |= {"view": "table", "columns": "search_rank"}
    for old, said, first in (("", "", "1"), ("highest", "", "1"), ("lowest", "reversed", "9")):
        asked = query | {"sort": "search_rank"} | ({"order": old} if old else {})
        test = draw(query=asked)
        assert tables(test)[0]["search_rank"][0] == first
        assert dict(test.query_params).get("order", "") == said
        again = draw(query=dict(test.query_params))
        assert tables(again)[0]["search_rank"][0] == first
    for order in ("highest", "lowest"):
        test = draw(query=query | {"sort": "snr", "order": order})
        assert test.query_params["order"] == order
