"""Components on a page of their own, without a server: presses while they are drawn anew, and
galleries whose rows are full.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.components.browser import PRESS, parts
from app.components.keys.keys import QUEUE

SCRIPTS = {
    "histograms": ("histograms", PRESS),
    "gallery": ("gallery", PRESS, QUEUE),
    "table": ("table", PRESS),
}
HTML = {
    "histograms": '<div class="panels"></div>',
    "gallery": '<div class="gallery"></div>',
    "table": '<div class="frame"><table></table></div>',
}
PAGE = """<!doctype html><style>{css}</style><div id="host">{html}</div><script type="module">
import component from "/component.js";
window.sent = [];
window.show = (data) => component({{
  parentElement: document.getElementById("host"), data,
  setTriggerValue: (name, value) => window.sent.push([name, value]),
}});
window.ready = true;
</script>"""
REDSHIFT = {"column": "z", "title": "z", "words": [], "edges": ["0", "1", "2"], "all": [5, 5, 0, 0]}
CLASS = {"column": "class", "title": "class", "words": ["spiral", "merger"], "all": [6, 4, 0, 0]}
MAGNITUDE = REDSHIFT | {"column": "m", "title": "m"}


def gallery(*rows: int) -> dict[str, Any]:
    captions = [[f"galaxy {row}"] for row in rows]
    about = {"pictures": "/pictures", "side": 96, "tile": 96, "marks": "", "given": [], "taken": 0}
    return about | {"rows": rows, "captions": captions, "queue": "gallery", "selected": None}


def table(*ids: str, order: bool = False) -> dict[str, Any]:
    titles = ["id", "snr"][: 1 + order]
    return {
        "label": "Galaxies",
        "titles": titles,
        "helps": [""] * len(titles),
        "numeric": [False, True][: len(titles)],
        "rows": [[name, "1"][: len(titles)] for name in ids],
        "names": ids,
        "images": [],
        "selected": None,
        "clicks": True,
        "order": {"ways": ["none"] * len(titles), "now": ""} if order else None,
    }


@pytest.fixture
def opened(browser: Any) -> Iterator[Callable[[str], Any]]:
    pages = []

    def answer(route: Any, name: str) -> None:
        found = parts(name, *SCRIPTS[name], html=HTML[name])
        if route.request.url.endswith(".js"):
            route.fulfill(body=found["js"], content_type="text/javascript")
        else:
            route.fulfill(body=PAGE.format(**found), content_type="text/html")

    def opened(name: str) -> Any:
        pages.append(page := browser.new_page())
        page.route("http://component.test/**", lambda route: answer(route, name))
        page.goto("http://component.test/")
        page.wait_for_function("window.ready")
        return page

    yield opened
    for page in pages:
        page.close()


@pytest.mark.parametrize(
    ("name", "before", "after", "pressed", "sent"),
    [
        (
            "histograms",
            {"panels": [REDSHIFT, CLASS]},
            {"panels": [REDSHIFT, CLASS, MAGNITUDE]},
            "[data-column=z] .bars",
            ["choice", {"choice": ["z", 0, 0]}],
        ),
        (
            "histograms",
            {"panels": [REDSHIFT, CLASS]},
            {"panels": [REDSHIFT, CLASS, MAGNITUDE]},
            "[data-column=class] .word",
            ["choice", {"choice": ["class", 0]}],
        ),
        ("gallery", gallery(5, 6), gallery(6, 5, 7), "[data-row='5']", ["click", {"row": 5}]),
        ("table", table("a", "b"), table("b", "c", "a"), "tbody tr", ["click", {"row": 2}]),
        ("table", table("a", "b"), table("b", "a", order=True), "tbody tr", ["click", {"row": 1}]),
        (
            "table",
            table("1", "2") | {"names": [5, 6]},  # whose first column is the rank
            table("1", "2") | {"names": [6, 5]},
            "tbody tr",
            ["click", {"row": 1}],
        ),
        (
            "table",
            table("a", order=True),
            table("b", order=True),
            "thead th:nth-child(2) button",
            ["sort", {"column": 1}],
        ),
    ],
    ids=["bars", "word", "gallery", "row", "column", "rank", "heading"],
)
def test_a_press_counts_for_what_was_pressed_where_other_content_comes_before_it_ends(
    opened: Callable[[str], Any],
    name: str,
    before: dict[str, Any],
    after: dict[str, Any],
    pressed: str,
    sent: list[Any],
) -> None:
    page = opened(name)
    page.evaluate("data => window.show(data)", before)
    page.locator(pressed).first.evaluate("node => { node.id = 'pressed'; }")
    box = page.locator("#pressed").bounding_box()
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    page.mouse.down()
    page.evaluate("data => window.show(data)", after)
    assert page.locator("#pressed").count() == 1
    page.mouse.up()
    page.locator("#pressed").wait_for(state="detached")
    assert page.evaluate("window.sent") == [sent]


@pytest.mark.parametrize(
    ("width", "count", "tile", "columns"),
    [
        (806, 24, 144, 4),  # a leaderboard at 1280 px, where 5 fit
        (914, 24, 144, 6),
        (1618, 24, 144, 8),  # at 2560 px, where 10 fit
        (496, 6, 104, 3),  # neighbours, of which 4 fit
        (700, 6, 104, 6),
        (496, 4, 104, 4),
        (496, 3, 104, 4),  # of one row, images keep their size
        (806, 7, 144, 5),  # no number fills both rows
        (358, 24, 144, 2),
        (150, 3, 96, 2),  # one in a row would be too large
    ],
)
def test_the_rows_of_a_gallery_are_full_where_that_needs_few_columns_less(
    opened: Callable[[str], Any], width: int, count: int, tile: int, columns: int
) -> None:
    page = opened("gallery")
    page.locator("#host").evaluate("(host, width) => { host.style.width = `${width}px`; }", width)
    page.evaluate("data => window.show(data)", gallery(*range(count)) | {"tile": tile})
    tops = page.locator(".tile").evaluate_all("all => all.map(one => one.offsetTop)")
    tracks = page.locator(".gallery").evaluate("all => getComputedStyle(all).gridTemplateColumns")
    assert len(tracks.split()) == columns
    assert tops.count(tops[0]) == min(columns, count)


def test_a_row_that_is_gone_when_the_press_ends_is_not_taken_for_another(
    opened: Callable[[str], Any],
) -> None:
    page = opened("table")
    page.evaluate("data => window.show(data)", table("a", "b"))
    page.get_by_text("b", exact=True).hover()
    page.mouse.down()
    page.evaluate("data => window.show(data)", table("c", "d"))
    page.mouse.up()
    page.get_by_text("d", exact=True).wait_for()
    assert page.evaluate("window.sent") == []


@pytest.mark.parametrize(
    ("name", "data", "pressed", "grows", "sent"),
    [
        ("gallery", gallery(5, 6), "[data-row='5']", 20, ["click", {"row": 5}]),
        ("gallery", gallery(5, 6), "[data-row='5']", 400, ["click", {"row": 5}]),
        ("table", table("a", "b", "c"), "tbody tr", 20, ["click", {"row": 0}]),
        ("table", table("a", order=True), "thead button", 20, ["sort", {"column": 0}]),
        ("histograms", {"panels": [CLASS]}, ".word", 400, ["choice", {"choice": ["class", 0]}]),
    ],
    ids=["tile", "tile far away", "row", "heading", "word"],
)
def test_what_moves_under_a_pressed_mouse_that_stays_is_clicked_once(
    opened: Callable[[str], Any],
    name: str,
    data: dict[str, Any],
    pressed: str,
    grows: int,
    sent: list[Any],
) -> None:
    page = opened(name)
    page.evaluate("data => window.show(data)", data)
    page.locator(pressed).first.hover(position={"x": 4, "y": 4})
    page.mouse.down()
    page.locator("#host").evaluate("(host, px) => { host.style.marginTop = `${px}px`; }", grows)
    page.mouse.up()
    page.evaluate("() => new Promise((done) => setTimeout(done, 20))")
    assert page.evaluate("window.sent") == [sent]


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda page: page.locator("[data-row='6']").hover(),
        lambda page: page.mouse.wheel(0, 600),
        lambda page: page.locator("#host").evaluate("host => { host.style.display = 'none'; }"),
        lambda page: page.locator("#host").evaluate("host => host.remove()"),
        lambda page: page.evaluate(
            "() => { document.body.append(Object.assign(document.createElement('div'), "
            "{ style: 'position: fixed; inset: 0' })); }"
        ),
    ],
    ids=["leaves", "scrolls", "hidden", "gone", "covered"],
)
def test_a_press_that_ends_away_from_what_was_pressed_clicks_nothing(
    opened: Callable[[str], Any], meanwhile: Callable[[Any], None]
) -> None:
    page = opened("gallery")
    page.evaluate("data => window.show(data)", gallery(5, 6))
    page.evaluate("() => { document.body.style.height = '5000px'; }")
    page.locator("[data-row='5']").hover(position={"x": 4, "y": 4})
    page.mouse.down()
    meanwhile(page)
    page.evaluate("() => new Promise((done) => setTimeout(done, 100))")
    page.mouse.up()
    page.evaluate("() => new Promise((done) => setTimeout(done, 20))")
    assert page.evaluate("window.sent") == []


def test_a_press_beside_which_another_button_is_pressed_clicks_once(
    opened: Callable[[str], Any],
) -> None:
    page = opened("table")
    page.evaluate("data => window.show(data)", table("a", order=True))
    page.locator("thead button").first.hover()
    page.mouse.down()
    page.mouse.down(button="right")
    page.locator("#host").evaluate("host => { host.style.marginTop = '3px'; }")
    page.mouse.up()
    page.mouse.up(button="right")
    page.evaluate("() => new Promise((done) => setTimeout(done, 20))")
    assert page.evaluate("window.sent") == [["sort", {"column": 0}]]


def test_a_press_that_slides_from_the_edge_of_one_image_onto_another_clicks_none(
    opened: Callable[[str], Any],
) -> None:
    page = opened("gallery")
    page.evaluate("data => window.show(data)", gallery(5, 6))
    page.evaluate("() => { document.querySelector('.gallery').style.gap = '0'; }")
    edge = page.locator("[data-row='6']").bounding_box()
    page.mouse.move(edge["x"] - 2, edge["y"] + 9)
    page.mouse.down()
    page.mouse.move(edge["x"] + 3, edge["y"] + 9)
    page.mouse.up()
    page.evaluate("() => new Promise((done) => setTimeout(done, 20))")
    assert page.evaluate("window.sent") == []


TOUCH = """([name, pointerId]) => document.querySelector("[data-row='5']").dispatchEvent(
  new PointerEvent(name, { pointerId, pointerType: "touch", bubbles: true, composed: true }))"""


def test_a_tap_counts_for_what_was_tapped_where_other_content_comes_before_its_click(
    opened: Callable[[str], Any],
) -> None:
    page = opened("gallery")
    page.evaluate("data => window.show(data)", gallery(5, 6))
    page.evaluate(TOUCH, ["pointerdown", 2])
    page.evaluate("data => window.show(data)", gallery(6, 5))
    page.evaluate(
        f"""() => {{
          ({TOUCH})(["pointerup", 2]);
          const clicked = () => document.querySelector(".tile").click();
          return new Promise((done) => setTimeout(() => done(clicked())));
        }}"""
    )
    assert page.evaluate("window.sent") == [["click", {"row": 5}]]
    page.locator("[data-row='6'] + [data-row='5']").wait_for()


def test_while_a_second_finger_rests_nothing_is_drawn_anew(opened: Callable[[str], Any]) -> None:
    page = opened("gallery")
    page.evaluate("data => window.show(data)", gallery(5, 6))
    page.evaluate(TOUCH, ["pointerdown", 2])
    page.evaluate(TOUCH, ["pointerdown", 3])
    page.evaluate("data => window.show(data)", gallery(6, 5))
    page.evaluate(TOUCH, ["pointercancel", 2])
    page.evaluate("() => new Promise((done) => setTimeout(done))")
    assert page.locator("[data-row='5'] + [data-row='6']").count() == 1
    page.evaluate(TOUCH, ["pointerup", 3])  # which no click follows
    page.locator("[data-row='6'] + [data-row='5']").wait_for()


@pytest.mark.parametrize("leaves", [False, True], ids=["pressed", "left"])
def test_a_press_of_the_space_bar_counts_where_other_content_comes_before_it_ends(
    opened: Callable[[str], Any], leaves: bool
) -> None:
    page = opened("gallery")
    page.evaluate("data => window.show(data)", gallery(5, 6))
    page.locator("[data-row='5']").focus()
    page.keyboard.down(" ")
    page.evaluate("data => window.show(data)", gallery(6, 5))
    if leaves:
        page.locator("[data-row='5']").blur()
    else:
        page.keyboard.up(" ")
    page.locator("[data-row='6'] + [data-row='5']").wait_for()
    assert page.evaluate("window.sent") == [["click", {"row": 5}]] * (not leaves)


def test_scripts_are_sent_without_indentation_and_comments() -> None:
    lines = str(parts("gallery", "gallery", PRESS)["js"]).split("\n")
    assert {"function afterPress(root, paint) {", "const CLICK = 300;"} <= set(lines)
    assert [line for line in lines if line != line.strip() or line.startswith("//")] == []
