"""The latent map's canvas in a real browser, on a page of its own: what it draws, what gestures
and keys do, what it sends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from canvas_page import FOLDER, Canvas, packed, selection

from app.components.latent_map import colouring, latent_map

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::ResourceWarning")]
# row 4 is in the middle
GRID = np.array([[x, y] for y in (10_000, 30_000, 50_000) for x in (10_000, 30_000, 50_000)])
LIGHT = "--st-background-color: #FFFFFF; --st-text-color: #131824; --st-primary-color: #9A5B00"


@pytest.fixture
def open_map(browser: Any) -> Iterator[Callable[..., Canvas]]:
    made = []

    def make(style: str = "", **options: Any) -> Canvas:
        context = browser.new_context(viewport={"width": 900, "height": 800}, **options)
        made.append((context, Canvas(context.new_page(), style)))
        return made[-1][1]

    yield make
    for context, canvas in made:
        assert canvas.complaints == []
        context.close()


def around(canvas: Canvas, *rows: int) -> tuple[tuple[float, float], tuple[float, float]]:
    places = np.array([canvas.place(row) for row in rows])
    low, high = places.min(axis=0) - 20, places.max(axis=0) + 20
    return (float(low[0]), float(low[1])), (float(high[0]), float(high[1]))


def test_arrows_walk_to_the_nearest_galaxy_in_that_direction(
    open_map: Callable[..., Canvas],
) -> None:
    canvas = open_map().show(packed(GRID), selected=4)
    canvas.canvas.focus()
    for key, row in (("ArrowRight", 5), ("ArrowUp", 8), ("ArrowLeft", 7), ("ArrowDown", 4)):
        canvas.press(key)
        assert canvas.sent() == [["click", {"row": row}]]
    canvas.press("ArrowRight", "ArrowRight")
    assert canvas.sent() == [["click", {"row": 5}]], "at the edge there is nobody further on"


def test_fast_walks_are_told_once(open_map: Callable[..., Canvas]) -> None:
    canvas = open_map().show(packed(GRID), selected=0)
    canvas.canvas.focus()
    press = (
        "(canvas, keys) => keys.forEach(key => canvas.dispatchEvent(new "
        "KeyboardEvent('keydown', {key, bubbles: true})))"
    )
    # at once, however busy the machine is
    canvas.canvas.evaluate(press, ["ArrowRight", "ArrowRight", "ArrowUp", "ArrowUp"])
    assert canvas.sent() == [["click", {"row": 8}]]


def test_a_box_selects_shift_adds_and_escape_clears(open_map: Callable[..., Canvas]) -> None:
    canvas = open_map().show(packed(GRID))
    canvas.canvas.focus()
    canvas.press("b")
    canvas.drag(*around(canvas, 0, 1))
    assert canvas.page.locator(".status").inner_text() == "2 of 9"
    canvas.page.keyboard.down("Shift")
    canvas.drag(*around(canvas, 8))
    canvas.page.keyboard.up("Shift")
    assert canvas.page.locator(".status").inner_text() == "3 of 9"
    assert [len(message[1]["polygons"]) for message in canvas.sent(2)] == [1, 2]
    tool = canvas.page.locator("[data-do=box]")
    tool.click()  # to draw another
    canvas.drag(*around(canvas, 4, 5))
    assert [len(message[1]["polygons"]) for message in canvas.sent()] == [1]
    assert canvas.page.locator(".status").inner_text() == "2 of 9"
    tool.click()
    tool.click()
    assert tool.get_attribute("aria-pressed") == "false"
    canvas.press("Escape")
    assert canvas.sent() == [["lasso", {"polygons": []}]]
    assert canvas.page.locator(".status").inner_text() == ""


def test_the_legend_counts_inside_the_selection_and_toggles_a_class(
    open_map: Callable[..., Canvas],
) -> None:
    canvas = open_map().show(packed(GRID))
    counts = canvas.page.locator(".chip .count")
    assert counts.all_inner_texts() == ["3", "3", "3"]
    canvas.canvas.focus()
    canvas.press("b")
    canvas.drag(*around(canvas, 0, 1))
    assert counts.all_inner_texts() == ["1 of 3", "1 of 3", "0 of 3"]
    canvas.sent()
    canvas.page.locator(".chip").nth(1).click()
    assert canvas.sent() == [["legend", {"off": [1], "of": "Class"}]]
    canvas.page.locator(".chip:nth-child(2)[aria-pressed=false]").wait_for()
    assert canvas.page.locator(".status").inner_text() == "1 of 9"


def test_galaxies_that_do_not_match_the_filter_are_grey_and_in_no_box(
    open_map: Callable[..., Canvas],
) -> None:
    canvas = open_map().show(packed(GRID))
    bits = latent_map.packed_bits(np.arange(9) < 4)
    told = {"of": "/pictures/x", "matching": bits}
    canvas.page.evaluate("said => window.tell({...latentMapState, ...said})", told)
    assert canvas.page.locator(".status").inner_text() == "4 of 9"
    assert canvas.page.locator("[data-do=clear]").is_hidden()
    assert canvas.page.locator(".chip .count").all_inner_texts() == ["2 of 3", "1 of 3", "1 of 3"]
    canvas.canvas.focus()
    canvas.press("b")
    canvas.drag(*around(canvas, 3, 5))
    assert canvas.page.locator(".status").inner_text() == "1 of 9"
    canvas.press("Escape")
    assert canvas.page.locator(".status").inner_text() == "4 of 9"
    canvas.page.evaluate("said => window.tell({...latentMapState, ...said})", told | {"of": "/y"})
    assert canvas.page.locator(".status").inner_text() == "", "that filter was of other galaxies"


def test_a_double_click_in_the_legend_shows_one_class_alone(
    open_map: Callable[..., Canvas],
) -> None:
    canvas = open_map().show(packed(GRID))
    canvas.page.locator(".chip").nth(2).dblclick()
    assert canvas.sent(1)[-1] == ["legend", {"off": [0, 1], "of": "Class"}]
    assert canvas.page.locator(".status").inner_text() == "3 of 9"


def test_a_click_on_the_legend_counts_where_other_counts_come_before_it_ends(
    open_map: Callable[..., Canvas],
) -> None:
    canvas = open_map().show(packed(GRID))
    canvas.page.locator(".chip").nth(1).hover()
    canvas.page.mouse.down()
    told = {"of": "/pictures/x", "matching": latent_map.packed_bits(np.arange(9) < 4)}
    canvas.page.evaluate("said => window.tell({...latentMapState, ...said})", told)
    canvas.page.mouse.up()
    assert canvas.sent() == [["legend", {"off": [1], "of": "Class"}]]
    assert canvas.page.locator(".chip .count").all_inner_texts() == ["2 of 3", "1 of 3", "1 of 3"]


def test_a_group_of_other_colours_that_was_hidden_in_the_meantime_hides_nobody(
    open_map: Callable[..., Canvas],
) -> None:
    canvas = open_map().show(packed(GRID))
    pressed = "chips => chips.map(chip => chip.getAttribute('aria-pressed'))"
    canvas.page.locator(".chip").nth(1).click()
    canvas.page.locator(".chip[aria-pressed=false]").wait_for()  # drawn once the press has ended
    assert canvas.page.locator(".chip").evaluate_all(pressed) == ["true", "false", "true"]
    sizes = colouring.by_category(pd.Series(["small", "large", "large"] * 3), "Size")
    canvas.show(packed(GRID, coloured=sizes))
    assert canvas.page.locator(".chip").evaluate_all(pressed) == ["true", "true"]
    assert canvas.page.locator(".status").inner_text() == ""
    canvas.page.locator(".chip").nth(1).hover()
    canvas.page.mouse.down()
    canvas.show(packed(GRID))
    canvas.page.mouse.up()
    canvas.page.locator(".chip").nth(2).wait_for()
    assert canvas.sent() == [["legend", {"off": [1], "of": "Class"}]], "a press on groups of before"
    assert canvas.page.locator(".status").inner_text() == ""


def test_groups_stay_hidden_where_each_map_keeps_its_own_until_its_colours_change(
    open_map: Callable[..., Canvas],
) -> None:
    canvas = open_map().show(packed(GRID), off=None)
    pressed = "chips => chips.map(chip => chip.getAttribute('aria-pressed'))"
    canvas.page.locator(".chip").nth(1).click()
    canvas.page.locator(".chip[aria-pressed=false]").wait_for()
    # as if long ago: what was chosen here counts for more than the server's word for 4 s alone
    canvas.page.evaluate("() => { document.getElementById('host').latentMap.mine = {}; }")
    canvas.page.evaluate("state => window.tell(state)", selection(selected=4, off=None))
    assert canvas.page.locator(".status").inner_text() == "6 of 9"
    assert canvas.page.locator(".chip").evaluate_all(pressed) == ["true", "false", "true"]
    sizes = colouring.by_category(pd.Series(["small", "large", "large"] * 3), "Size")
    canvas.show(packed(GRID, coloured=sizes), off=None)
    assert canvas.page.locator(".status").inner_text() == ""


def test_no_group_can_be_hidden_while_other_colours_stand_in(
    open_map: Callable[..., Canvas],
) -> None:
    canvas = open_map().show(packed(GRID))
    canvas.page.locator(".chip").nth(1).click()
    canvas.show(packed(GRID, standsIn=True))
    assert canvas.page.locator(".status").inner_text() == "", "the server hides none of these"
    assert canvas.page.locator(".chip:enabled").count() == 0
    canvas.show(
        packed(GRID, coloured=colouring.by_class(np.arange(9) % 3, ("a", "b", "c"), "Kind"))
    )
    assert canvas.page.locator(".chip:enabled").count() == 3


def test_keys_and_wheel_zoom_and_slash_goes_to_the_search(open_map: Callable[..., Canvas]) -> None:
    canvas = open_map().show(packed(GRID))
    gap = lambda: canvas.place(5)[0] - canvas.place(4)[0]  # noqa: E731
    first = gap()
    canvas.canvas.focus()
    canvas.press("+")
    assert gap() == pytest.approx(1.5 * first)
    canvas.press("-", "-")
    assert gap() == pytest.approx(first / 1.5)
    canvas.press("0")
    canvas.page.mouse.move(*canvas.place(4))
    canvas.page.mouse.wheel(0, -100)
    canvas.page.wait_for_timeout(50)
    assert gap() > 1.2 * first
    canvas.press("/")
    assert canvas.page.evaluate("document.activeElement.id") == "find"
    canvas.press("/")
    assert canvas.page.locator("#find").input_value() == "/", "who writes a slash gets one"


def test_a_page_that_is_scrolled_does_not_stop_at_the_map_and_zoom_it(
    open_map: Callable[..., Canvas],
) -> None:
    canvas = open_map("height: 5000px;").show(packed(GRID))
    gap = lambda: canvas.place(5)[0] - canvas.place(4)[0]  # noqa: E731
    first = gap()
    turn = "canvas.dispatchEvent(new WheelEvent('wheel', {deltaY: -100, cancelable: true}))"
    scrolls = canvas.canvas.evaluate(
        "(canvas) => new Promise((done) => {"
        f"addEventListener('scroll', () => done([{turn}, {turn}])); scrollBy(0, 40); }})"
    )
    assert scrolls == [True, True], "the page scrolls on"
    assert gap() == pytest.approx(first)
    canvas.page.wait_for_timeout(300)
    assert not canvas.canvas.evaluate(f"(canvas) => {turn}"), "the next turn is the map's"
    assert gap() > 1.2 * first


def test_the_map_has_a_name_and_shows_where_the_keyboard_is(
    open_map: Callable[..., Canvas],
) -> None:
    canvas = open_map().show(packed(GRID))
    assert "Map of 9 galaxies, a test" in canvas.canvas.get_attribute("aria-label")
    canvas.page.locator("#find").focus()
    canvas.press("Tab")
    assert (
        canvas.page.locator(".stage").evaluate("stage => getComputedStyle(stage).outlineWidth")
        == "2px"
    )


def test_pictures_take_the_place_of_dots_where_there_is_room(
    open_map: Callable[..., Canvas],
) -> None:
    canvas = open_map().show(packed(np.random.default_rng(0).integers(0, 65536, (3000, 2))))
    assert not any("/96?" in url for url in canvas.asked)
    canvas.page.mouse.move(450, 300)
    for _ in range(8):
        canvas.page.mouse.wheel(0, -120)
    canvas.page.wait_for_function(
        "() => [...Array(3000).keys()].some((row) => document.querySelector('.stage > "
        "canvas').hasPicture(row))"
    )
    sheets = [url for url in canvas.asked if "/96?" in url]
    assert sheets
    assert max(url.count(",") for url in sheets) < 64, "more than 64 pictures in a request"


def test_maps_of_the_same_galaxies_flow_into_each_other_unless_less_motion_is_wanted(
    open_map: Callable[..., Canvas],
) -> None:
    for wanted, walks in (("no-preference", "1"), ("reduce", None)):
        canvas = open_map(reduced_motion=wanted).show(packed(GRID))
        canvas.show(packed(GRID[::-1]))
        assert canvas.canvas.get_attribute("data-walks") == walks
        canvas.page.wait_for_timeout(600)
        box = canvas.canvas.bounding_box()
        x, y = canvas.place(0)
        assert (
            canvas.canvas.evaluate(
                "(canvas, [x, y]) => canvas.galaxyAt(x, y)", [x - box["x"], y - box["y"]]
            )
            == 0
        )


def test_what_was_chosen_here_outlives_an_older_word_of_the_server(
    open_map: Callable[..., Canvas],
) -> None:
    canvas = open_map().show(packed(GRID), selected=0)
    canvas.page.mouse.click(*canvas.place(4))
    canvas.page.evaluate("state => window.tell(state)", selection(selected=0))
    canvas.canvas.focus()
    canvas.press("ArrowRight")
    assert canvas.sent(2)[-1] == ["click", {"row": 5}], (
        "it went on from the galaxy that was clicked"
    )


def test_a_finger_pans_and_a_tap_selects(open_map: Callable[..., Canvas]) -> None:
    canvas = open_map(has_touch=True).show(packed(GRID))
    canvas.page.touchscreen.tap(*canvas.place(3))
    assert canvas.sent() == [["click", {"row": 3}]]
    fire = """(canvas, [kind, id, x, y]) => canvas.dispatchEvent(new PointerEvent(kind,
      { pointerId: id, pointerType: "touch", clientX: x, clientY: y, bubbles: true }))"""
    # made-up pointers cannot be captured
    canvas.canvas.evaluate("canvas => (canvas.setPointerCapture = () => {})")
    before, gap = canvas.place(4), canvas.place(5)[0] - canvas.place(4)[0]
    for kind, shift in (
        ("pointerdown", 0),
        ("pointermove", 30),
        ("pointermove", 60),
        ("pointerup", 60),
    ):
        canvas.canvas.evaluate(fire, [kind, 7, 400 + shift, 300])
    assert canvas.place(4)[0] - before[0] == pytest.approx(60, abs=6)
    for kind, pointer, x in (
        ("pointerdown", 7, 400),
        ("pointerdown", 8, 500),
        ("pointermove", 8, 600),
        ("pointerup", 8, 600),
    ):
        canvas.canvas.evaluate(fire, [kind, pointer, x, 300])
    assert canvas.place(5)[0] - canvas.place(4)[0] == pytest.approx(2 * gap, rel=0.05), (
        "two fingers zoom"
    )


def test_a_hundred_thousand_galaxies_are_drawn_as_a_surface(
    open_map: Callable[..., Canvas],
) -> None:
    rng = np.random.default_rng(0)
    places = np.clip(rng.normal(32_768, 9_000, (100_000, 2)), 0, 65_535)
    canvas = open_map().show(packed(places))
    assert canvas.canvas.get_attribute("data-as") == "density"
    canvas.canvas.focus()
    canvas.press(*"+" * 12)
    canvas.page.locator("canvas[data-as=dots]").wait_for()  # zoomed in, they are galaxies again


def test_the_canvas_follows_the_theme_of_the_page(open_map: Callable[..., Canvas]) -> None:
    corner = "canvas => [...canvas.getContext('2d').getImageData(3, 3, 1, 1).data].slice(0, 3)"
    canvas = open_map(LIGHT).show(packed(GRID))
    assert canvas.canvas.evaluate(corner) == [255, 255, 255]
    canvas.page.evaluate("document.body.style.setProperty('--st-background-color', '#0B0E14')")
    dark = f"() => String(({corner})(document.querySelector('.stage > canvas'))) === '11,14,20'"
    canvas.page.wait_for_function(dark)


def test_a_click_in_a_figure_in_space_is_told_once_as_a_row(
    open_map: Callable[..., Canvas],
) -> None:
    script = (FOLDER.parent / "figure_click" / "figure_click.js").read_text(encoding="utf-8")
    told = open_map().page.evaluate(
        """async (script) => {
          const { default: figureClick } = await import(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
          document.body.insertAdjacentHTML("beforeend", '<div class="st-key-f"><div class="js-plotly-plot"></div></div>');
          const [told, heard] = [[], []];
          document.querySelector(".js-plotly-plot").on = (name, hear) => heard.push(hear);
          const send = (name, value) => told.push([name, value]);
          const leave = figureClick({ data: { figure: "f" }, setTriggerValue: send });
          figureClick({ data: { figure: "f" }, setTriggerValue: send })();
          for (const customdata of [7, [8], undefined, "x"]) heard.forEach((hear) => hear({ points: [{ customdata }] }));
          leave();
          return told;
        }""",
        script,
    )
    assert told == [["click", {"row": 7}], ["click", {"row": 8}]]


LEGEND = """() => {
  const pixel = (canvas, x, y) => [...canvas.getContext('2d').getImageData(x, y, 1, 1).data].slice(0, 3);
  const stage = document.querySelector('.stage > canvas');
  const ratio = stage.width / stage.clientWidth;
  const chips = [...document.querySelectorAll('.chip')].map((chip) => pixel(chip.querySelector('canvas'), 28, 28));
  const dots = [...Array(9).keys()].map((row) => pixel(stage, ...stage.pixelOf(row).map((at) => Math.round(at * ratio))));
  return [chips, dots];
}"""


def test_the_legend_has_the_colours_of_the_points_after_every_kind_of_change(
    open_map: Callable[..., Canvas],
) -> None:
    """Colour, theme, galaxies and projection, groups that are hidden and shown again."""
    canvas = open_map(LIGHT, reduced_motion="reduce")
    words = [["a", "b", "c"][row // 3] for row in range(9)]
    by_word = colouring.by_category(pd.Series(words), "kind")
    by_class = packed(GRID)

    def agree(group_of: Callable[[int], int]) -> list[list[int]]:
        canvas.page.wait_for_timeout(150)  # a frame or two
        chips, dots = canvas.page.evaluate(LEGEND)
        for row, dot in enumerate(dots):
            np.testing.assert_allclose(dot, chips[group_of(row)], atol=12, err_msg=str(row))
        return chips

    canvas.show(by_class)
    for _ in range(2):  # on, off: dots and no images
        canvas.page.get_by_role("button", name="Images").click()
    first = agree(lambda row: row % 3)
    canvas.show(packed(GRID, coloured=by_word))
    second = agree(lambda row: row // 3)
    assert first != second, "another column has other colours"
    canvas.page.evaluate("document.body.style.setProperty('--st-background-color', '#0B0E14')")
    assert agree(lambda row: row // 3) != second, "a dark page has others than a light one"
    canvas.show(by_class)
    assert agree(lambda row: row % 3) != first
    canvas.show(packed(GRID[::-1], labels=np.arange(9) // 3))  # another projection, other galaxies
    agree(lambda row: row // 3)
    canvas.page.locator(".chip").nth(0).click()
    canvas.page.locator(".chip").nth(0).click()
    agree(lambda row: row // 3)


def test_a_call_that_the_next_one_overtakes_takes_nothing_from_it(
    open_map: Callable[..., Canvas],
) -> None:
    """While the script loads, Streamlit may call twice and then end the first call."""
    canvas = open_map()
    page = canvas.page
    page.evaluate(
        """([first, second, state]) => {
            show(first, state);
            const overtaken = leave;
            show(second, state);
            overtaken();
        }""",
        [packed(GRID[:2]), packed(GRID), selection()],
    )
    page.locator("canvas[data-drawn='9']").wait_for(timeout=10_000)
    before = canvas.canvas.evaluate("canvas => canvas.width")
    page.set_viewport_size({"width": 700, "height": 600})
    page.wait_for_function(
        "before => document.querySelector('canvas').width !== before", arg=before
    )
    page.mouse.click(*canvas.place(4))
    assert canvas.sent() == [["click", {"row": 4}]], "once"
    page.evaluate("leave()")
    page.wait_for_function("() => !document.getElementById('host').latentMap")


def test_the_first_drawing_waits_for_no_frame(open_map: Callable[..., Canvas]) -> None:
    """A browser that is busy or hidden gives none for a long time."""
    canvas = open_map()
    canvas.page.evaluate(
        "() => { window.requestAnimationFrame = () => 0; window.ResizeObserver.prototype.observe = () => {}; }"
    )
    canvas.page.evaluate(
        "([data, state]) => window.show(data, state)", [packed(GRID), selection(selected=4)]
    )
    assert canvas.canvas.get_attribute("data-drawn") == "9"
    colours = """canvas => new Set(new Uint32Array(
        canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size"""
    assert canvas.canvas.evaluate(colours) > 2, "dots and a ring, not an empty stage"
