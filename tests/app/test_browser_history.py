"""The browser's own buttons: back, forward and reload show what was there, and two visitors
never see each other's.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest
from explorer_page import PATIENCE, Explorer, identities
from playwright.sync_api import expect
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::ResourceWarning")]
SMALL = {"width": 1280, "height": 800}


@pytest.fixture
def visit(server: Any, browser: Any) -> Iterator[Any]:
    """Open browsers that share nothing; each is asked at the end what went wrong in it."""
    opened: list[Explorer] = []

    def one() -> Explorer:
        opened.append(Explorer(browser.new_context(viewport=SMALL).new_page(), server.url))
        return opened[-1]

    yield one
    for explorer in opened:
        assert explorer.complaints == [], "the browser's console has errors"
        explorer.page.context.close()


def go(explorer: Explorer, name: str) -> None:
    """Open another page by the navigation at the top."""
    explorer.page.get_by_role("link", name=name).click()
    at_page(explorer, name)


def at_page(explorer: Explorer, name: str) -> None:
    """Wait until this page is there and whole, and its address says what it shows."""
    explorer.page.locator("[aria-current=page]").get_by_text(name, exact=True).wait_for()
    if name == "Map":
        explorer.drawn()
    else:
        explorer.page.locator("h1").wait_for(timeout=PATIENCE)
    explorer.page.wait_for_url(re.compile(r"[?&]galaxy=\d+"))
    explorer.quiet()
    assert explorer.page.get_by_test_id("stException").count() == 0


def addressed(explorer: Explorer) -> int:
    """The galaxy that the address names."""
    found = re.search(r"[?&]galaxy=(\d+)", explorer.page.url)
    assert found, explorer.page.url
    return int(found[1])


def shows(explorer: Explorer, row: int) -> bool:
    """Wait until the card shows this galaxy; says whether the address names it too."""
    explorer.page.get_by_text(identities()[row], exact=True).first.wait_for()
    explorer.quiet()
    return addressed(explorer) == row == explorer.shown_row()


def test_back_from_another_page_is_one_step_to_the_map_and_its_galaxy(visit: Any) -> None:
    explorer = visit().open()
    row = explorer.lonely_row(avoid=(explorer.shown_row(),))
    explorer.click_row(row)
    explorer.quiet()
    go(explorer, "Anomalies")
    explorer.page.go_back(wait_until="commit")
    at_page(explorer, "Map")
    assert shows(explorer, row)
    explorer.page.go_forward(wait_until="commit")
    at_page(explorer, "Anomalies")
    assert addressed(explorer) == row


def test_back_and_forward_walk_through_the_galaxies_that_were_clicked(visit: Any) -> None:
    explorer = visit().open()
    rows = [explorer.shown_row()]
    for _ in range(2):
        rows.append(explorer.lonely_row(avoid=tuple(rows)))
        explorer.click_row(rows[-1])
        explorer.page.wait_for_url(re.compile(rf"[?&]galaxy={rows[-1]}(&|$)"))
    go(explorer, "Galaxy")
    assert shows(explorer, rows[2])
    for row in reversed(rows):
        explorer.page.go_back(wait_until="commit")
        at_page(explorer, "Map")
        assert shows(explorer, row)
    for row in rows[1:]:
        explorer.page.go_forward(wait_until="commit")
        assert shows(explorer, row)
    explorer.page.go_forward(wait_until="commit")
    at_page(explorer, "Galaxy")
    assert shows(explorer, rows[2])


def test_projection_and_colour_of_a_link_outlive_a_click_and_another_page(visit: Any) -> None:
    explorer = visit().open("/?map=pca&colour=anomaly+score")
    explorer.click_row(explorer.lonely_row(avoid=(explorer.shown_row(),)))
    go(explorer, "Anomalies")
    assert "colour=anomaly+score" in explorer.page.url
    go(explorer, "Map")
    assert "map=pca&colour=anomaly+score" in explorer.page.url


def test_reload_keeps_page_galaxy_projection_colour_and_box(visit: Any) -> None:
    explorer = visit().open("/?map=pca&colour=anomaly+score&model=baseline")
    inside = explorer.draw_box()
    address, row = explorer.page.url, explorer.shown_row()
    explorer.page.reload()
    explorer.drawn()
    explorer.page.get_by_text(inside, exact=True).wait_for()
    assert (explorer.page.url, explorer.shown_row()) == (address, row)
    assert "model=baseline" in address
    explorer.page.goto(explorer.url + "/galaxy?galaxy=17&masks=random&seed=5")
    at_page(explorer, "Galaxy")
    explorer.page.reload()
    at_page(explorer, "Galaxy")
    assert shows(explorer, 17)
    expect(explorer.page.get_by_label("Seed", exact=True)).to_have_value("5")


def test_two_visitors_do_not_see_each_others_galaxy_model_or_selection(visit: Any) -> None:
    first, second = (
        visit().open("/?map=pca"),
        visit().open("/?map=pca&model=baseline&colour=anomaly+score"),
    )
    rows = []
    for explorer in (first, second, first):
        rows.append(explorer.lonely_row(avoid=(*rows, explorer.shown_row())))
        explorer.click_row(rows[-1])
    inside = second.draw_box()
    for explorer, row, model, colour in (
        (first, rows[2], "random", "class"),
        (second, rows[1], "baseline", "anomaly+score"),
    ):
        explorer.page.reload()
        assert shows(explorer.drawn(), row)
        assert f"model={model}" in explorer.page.url
        assert f"colour={colour}" in explorer.page.url
    go(first, "Galaxy")
    assert shows(first, rows[2])
    assert shows(second, rows[1])
    assert second.page.get_by_text("Baseline without a model").is_visible()
    assert second.page.get_by_text(inside, exact=True).is_visible()
    go(first, "Map")
    assert first.page.get_by_text("galaxies selected").count() == 0


def test_back_from_a_page_that_is_just_being_drawn_again_leaves_the_history_as_it_was(
    visit: Any,
) -> None:
    explorer = visit()
    late: list[tuple[Any, Any]] | None = None

    def connect(socket: Any) -> None:
        upstream = socket.connect_to_server()
        upstream.on_message(
            lambda message: socket.send(message) if late is None else late.append((socket, message))
        )

    explorer.page.route_web_socket(re.compile("/_stcore/stream"), connect)
    row = explorer.open().shown_row()
    clicked = explorer.lonely_row(avoid=(row,))
    explorer.click_row(clicked)
    go(explorer, "Galaxy")
    late, before = [], -1
    # Streamlit's key for drawing the page again, as a progress bar does whose work has ended
    explorer.page.keyboard.press("r")
    while len(late) > before:
        before = len(late)
        explorer.page.wait_for_timeout(1000)
    begun = [ForwardMsg.FromString(message).WhichOneof("type") for _, message in late].index(
        "navigation"
    )
    # the page was on its way: its beginning comes after the visitor has left, the rest never
    del late[begun + 1 :]
    explorer.page.go_back(wait_until="commit")
    explorer.page.wait_for_url(lambda address: "/galaxy" not in address)
    for socket, message in late:
        socket.send(message)
    late = None
    at_page(explorer, "Map")
    assert shows(explorer, clicked)
    explorer.page.go_forward(wait_until="commit")
    at_page(explorer, "Galaxy")
    explorer.page.go_back(wait_until="commit")
    at_page(explorer, "Map")
    explorer.page.go_back(wait_until="commit")
    assert shows(explorer, row)
    go(explorer, "Galaxy")
    assert "/galaxy?" in explorer.page.url


@pytest.mark.parametrize(
    ("path", "late", "clicked", "chosen"),
    [
        (
            "/?map=pca&filter=snr+%3E+500&view=table&columns=snr&sort=snr&order=lowest",
            "TextInput|Selectbox|Checkbox|ButtonGroup|Multiselect",
            ("What differs?", "What differs?"),
            ".st-key-filter input",
        ),
        (
            "/galaxy?galaxy=3&masks=random&seed=7",
            "NumberInput",
            ("Cosine", "Squared error"),
            ".st-key-mask_seed input",
        ),
    ],
)
def test_a_click_before_the_controls_of_a_page_are_there_keeps_what_the_link_says(
    visit: Any, path: str, late: str, clicked: tuple[str, str], chosen: str
) -> None:
    explorer = visit()
    page, held = explorer.page, []
    page.route(re.compile(rf"/({late})\.[^/]*\.js$"), lambda route: held.append(route))
    page.goto(explorer.url + path)
    for words in clicked:
        button = page.get_by_text(words, exact=True)
        explorer.appears(button)
        explorer.calm()
        button.click()
        explorer.calm()
        while held:
            held.pop().continue_()
        explorer.appears(page.locator(chosen))
    kept = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(page.url).query))
    wanted = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(path).query))
    assert {name: kept.get(name) for name in wanted} == wanted
    assert page.locator(chosen).input_value() in wanted.values()
