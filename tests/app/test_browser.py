"""The explorer in a real browser, started by its real command from another folder: hover, click,
lasso, link, heatmap.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from explorer_page import PATIENCE, Explorer, identities
from PIL import Image

from astrojepa.evaluation.maps.plane import points_in_polygon

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::ResourceWarning")]
SMALL = {"width": 1280, "height": 800}


@pytest.fixture
def explorer(server: Any, browser: Any) -> Iterator[Explorer]:
    context = browser.new_context(viewport=SMALL, color_scheme="dark")
    made = Explorer(context.new_page(), server.url)
    yield made
    assert made.complaints == [], "the browser's console has errors"
    assert made.outside == [], "a request went to another host"
    context.close()


def test_map_draws_every_galaxy_on_a_cold_cache(explorer: Explorer) -> None:
    explorer.open()
    assert explorer.canvas.get_attribute("data-drawn") == "200"
    pixels = np.array(Image.open(io.BytesIO(explorer.canvas.screenshot())).convert("RGB")).astype(
        int
    )
    coloured = (pixels.max(axis=2) - pixels.min(axis=2) > 60).mean()
    assert coloured > 0.001, "the canvas is blank"
    assert explorer.page.get_by_text("Simulated galaxies").first.is_visible()


def test_settings_hold_from_another_folder(explorer: Explorer, server: Any) -> None:
    explorer.open()
    background = explorer.page.get_by_test_id("stApp").evaluate(
        "app => getComputedStyle(app).backgroundColor"
    )
    assert background == "rgb(11, 14, 20)", "the theme is not the explorer's own"
    assert "http://127.0.0.1:" in server.log.read_text(), "the address is not this machine's alone"


def test_hover_shows_the_picture_of_the_galaxy_under_the_pointer(explorer: Explorer) -> None:
    explorer.open()
    row = explorer.lonely_row()
    explorer.page.mouse.move(*explorer.place(row))
    card = explorer.page.locator(".hover")
    card.wait_for()
    assert card.get_attribute("data-row") == str(row)
    explorer.page.wait_for_function(
        "card => card.querySelector('img').naturalWidth === 160", arg=card.element_handle()
    )
    assert card.locator("img").get_attribute("src").endswith(f"/160?rows={row}")


def test_click_shows_that_galaxy_and_not_another(explorer: Explorer) -> None:
    explorer.open()
    first = explorer.shown_row()
    row = explorer.lonely_row(avoid=(first,))
    explorer.click_row(row)
    assert explorer.shown_row() == row
    explorer.quiet()
    assert f"galaxy={row}" in explorer.page.url


def test_lasso_returns_exactly_the_galaxies_inside_it(explorer: Explorer) -> None:
    explorer.open()
    xy = explorer.all_pixels()
    centre = np.median(xy, axis=0)
    corners = centre + np.array([[-90, -70], [30, -90], [110, 10], [20, 80], [-100, 50]])
    box = explorer.canvas.bounding_box()
    explorer.canvas.focus()
    explorer.page.keyboard.press("l")
    mouse = explorer.page.mouse
    mouse.move(box["x"] + corners[0, 0], box["y"] + corners[0, 1])
    mouse.down()
    for x, y in [*corners[1:], corners[0]]:
        mouse.move(box["x"] + x, box["y"] + y, steps=8)
    mouse.up()
    heading = explorer.page.get_by_text(re.compile(r"^\d+ galaxies selected$"))
    heading.wait_for()
    inside = int(explorer.page.locator(".status").inner_text().split(" of ")[0])
    assert int(heading.inner_text().split()[0]) == inside, (
        "browser and server count the same galaxies"
    )
    clear = np.abs(
        [
            points_in_polygon(xy, corners + shift)
            for shift in ([0, 0], [3, 0], [-3, 0], [0, 3], [0, -3])
        ]
    ).sum(axis=0)
    assert (clear == 5).sum() <= inside <= (clear > 0).sum()
    assert inside > 10
    explorer.quiet()
    gallery = explorer.page.locator(".st-key-lasso_gallery .tile")
    gallery.nth(min(24, inside) - 1).wait_for()
    rows = [int(tile.get_attribute("data-row")) for tile in gallery.all()]
    assert len(rows) == min(24, inside)
    assert all(clear[row] > 0 for row in rows)
    explorer.canvas.focus()
    explorer.page.keyboard.press("Escape")
    heading.wait_for(state="detached")


def test_copied_link_reopens_the_same_galaxy_in_another_browser_session(
    explorer: Explorer, browser: Any
) -> None:
    explorer.open()
    row = explorer.lonely_row(avoid=(explorer.shown_row(),))
    explorer.click_row(row)
    explorer.quiet()
    explorer.page.get_by_role("button", name="Copy link").click()
    link = explorer.page.locator(".copy[data-link]").get_attribute("data-link")
    context = browser.new_context(viewport=SMALL)
    other = Explorer(context.new_page(), explorer.url)
    other.page.goto(link)
    assert other.drawn().shown_row() == row
    assert not other.page.get_by_text("The link was made with").count()
    assert other.complaints == []
    context.close()


def test_link_keeps_the_box_the_colour_and_the_hidden_class(
    explorer: Explorer, browser: Any
) -> None:
    explorer.open("/?map=pca&colour=anomaly+score")
    said = explorer.draw_box()
    context = browser.new_context(viewport=SMALL, color_scheme="light")
    other = Explorer(context.new_page(), explorer.url)
    other.page.goto(explorer.page.url)
    other.drawn().page.get_by_text(said, exact=True).wait_for()
    assert other.page.get_by_text("Anomaly score", exact=True).count() > 0
    background = other.page.get_by_test_id("stApp").evaluate(
        "app => getComputedStyle(app).backgroundColor"
    )
    assert background == "rgb(255, 255, 255)", "whoever asks the system for light gets light"
    context.close()


def test_a_click_draws_nothing_of_the_page_around_the_map_anew(explorer: Explorer) -> None:
    heard: list[int] = []

    def hear(frame: bytes | str) -> None:
        # the galaxy's own picture is news
        if b"data:image/jpeg" not in (frame if isinstance(frame, bytes) else frame.encode()):
            heard.append(len(frame))

    explorer.page.on("websocket", lambda socket: socket.on("framereceived", hear))
    explorer.open()
    explorer.page.wait_for_timeout(1500)
    row = explorer.lonely_row(avoid=(explorer.shown_row(),))
    heard.clear()
    explorer.click_row(row)
    explorer.quiet()
    assert 0 < sum(heard) < 30_000, "bytes"


def test_a_link_of_before_to_a_plotly_figure_opens_the_same_map(explorer: Explorer) -> None:
    explorer.open("/?map=pca&drawing=plotly&galaxy=7")
    assert explorer.page.locator(".js-plotly-plot").count() == 0
    assert explorer.shown_row() == 7
    assert "map=pca" in explorer.page.url


def test_link_to_another_data_set_says_so_and_opens(explorer: Explorer) -> None:
    explorer.open("/?galaxy=7&id=nobody&data=elsewhere@0123456789abcdef&map=pca")
    assert explorer.page.get_by_text("The link was made with the data set elsewhere").count() == 1
    assert (
        explorer.page.get_by_text("The link's galaxy nobody is not in this data set").count() == 1
    )


def test_heatmap_covers_the_picture_and_can_be_taken_away(explorer: Explorer) -> None:
    explorer.open()
    assert explorer.page.get_by_text("Prediction error (squared)").count() == 0, "image first"
    explorer.page.get_by_role("radio", name="Both", exact=True).or_(
        explorer.page.get_by_role("button", name="Both", exact=True)
    ).first.click()
    explorer.page.get_by_text("Prediction error (squared)").wait_for(timeout=PATIENCE)
    explorer.quiet()
    image = explorer.page.locator('[data-testid="stImage"] img').first
    with_errors = image.get_attribute("src")
    explorer.page.get_by_role("radio", name="Image", exact=True).or_(
        explorer.page.get_by_role("button", name="Image", exact=True)
    ).first.click()
    explorer.page.get_by_text("Prediction error (squared)").wait_for(state="detached")
    explorer.quiet()
    assert image.get_attribute("src") != with_errors


def test_neighbour_can_be_followed(explorer: Explorer) -> None:
    explorer.open()
    tile = explorer.page.locator(".st-key-neighbours .tile").nth(2)
    row = int(tile.get_attribute("data-row"))
    tile.click()
    explorer.page.get_by_text(identities()[row], exact=True).first.wait_for()


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        ("Anomalies", "Most anomalous first"),
        ("Probe lab", "A probe is a small classifier"),
        ("Models & data", "Train your own"),
        ("About", "Please cite"),
    ],
)
def test_every_page_opens_and_the_galaxy_is_still_selected_on_return(
    explorer: Explorer, page: str, sentence: str
) -> None:
    explorer.open()
    row = explorer.lonely_row(avoid=(explorer.shown_row(),))
    explorer.click_row(row)
    explorer.page.get_by_role("link", name=page).click()
    explorer.page.get_by_text(sentence).first.wait_for()
    explorer.quiet()
    assert explorer.page.get_by_test_id("stException").count() == 0
    explorer.page.get_by_role("link", name="Map").click()
    assert explorer.drawn().shown_row() == row


def test_the_leaderboard_opens_a_galaxys_page_and_back_leads_to_the_leaderboard(
    explorer: Explorer,
) -> None:
    explorer.page.goto(explorer.url + "/anomalies")
    explorer.appears(explorer.page.locator(".st-key-leaderboard .tile").nth(3))
    explorer.calm()
    tile = explorer.page.locator(".st-key-leaderboard .tile").nth(3)
    row = int(tile.get_attribute("data-row"))
    tile.click()
    explorer.appears(explorer.page.get_by_role("heading", name=identities()[row]))
    assert "/galaxy" in explorer.page.url
    explorer.calm()
    explorer.page.go_back()
    explorer.appears(explorer.page.locator(f".st-key-leaderboard .tile[data-row='{row}']"))


def test_map_fits_a_telephone(server: Any, browser: Any) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    phone = Explorer(context.new_page(), server.url).open()
    assert phone.page.evaluate("() => document.documentElement.scrollWidth") <= 390
    canvas, name, filter_box = (
        part.bounding_box()
        for part in (
            phone.canvas,
            phone.page.get_by_text(re.compile(r"^sim-\d+-\d+$")).first,
            phone.page.get_by_role("textbox", name="Filter"),
        )
    )
    assert canvas["width"] > 340
    assert canvas["y"] < name["y"] < filter_box["y"], "below the map is who was touched"
    context.close()


def test_clicks_are_answered_soon(explorer: Explorer) -> None:
    """Not a benchmark: a click must not recompute what it needs not."""
    explorer.open()
    times = []
    for _ in range(3):
        row = explorer.lonely_row(avoid=(explorer.shown_row(),))
        began = time.monotonic()
        explorer.click_row(row)
        times.append(time.monotonic() - began)
    assert min(times) < 5
