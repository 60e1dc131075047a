"""The map as a Jupyter widget: what is done on it reaches Python, and images come when shown."""

from __future__ import annotations

import base64
import importlib.util
import json
import sys
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

import astrojepa as aj
from app.components.latent_map import geometry
from astrojepa.types import Embeddings

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("anywidget") is None, reason="needs anywidget"
)
COUNT = 60
CLASSES = ("Round", "Spiral", "Merging")
# What anywidget gives the module: a model with values, messages and listeners.
PAGE = """<!doctype html><body style="margin: 0"><div id="host"></div><script type="module">
import widget from "/widget.js";
const values = JSON.parse(document.getElementById("values").textContent);
const bytes = Uint8Array.from(atob(values.packed), (c) => c.charCodeAt(0));
values.packed = new DataView(bytes.buffer);
const heard = {};
window.sent = [];
window.model = {
  get: (name) => values[name],
  set: (name, value) => (values[name] = value),
  save_changes() {},
  send: (message) => window.sent.push(message),
  on: (names, listener) => names.split(" ").forEach((name) => (heard[name] = listener)),
  off: (names) => names.split(" ").forEach((name) => delete heard[name]),
};
window.hear = (name, ...rest) => heard[name]?.(...rest);
window.listening = () => Object.keys(heard);
window.end = widget.render({ model: window.model, el: document.getElementById("host") });
</script><script type="application/json" id="values">%s</script></body>"""


def embeddings() -> Embeddings:
    rng = np.random.default_rng(0)
    return Embeddings(
        rng.normal(size=(COUNT, 8)).astype(np.float32),
        np.arange(COUNT) % 3,
        np.array([f"g{row}" for row in range(COUNT)]),
        CLASSES,
    )


@pytest.fixture
def images() -> np.ndarray:
    """Images of one shade each, ten times the row's last digit."""
    shades = (np.arange(COUNT) % 10 * 20).astype(np.uint8)
    return np.broadcast_to(shades[:, None, None, None], (COUNT, 32, 32, 3))


@pytest.fixture
def places() -> np.ndarray:
    return np.stack(np.divmod(np.arange(COUNT), 10), 1).astype(float)


@pytest.fixture
def widget(places: np.ndarray, images: np.ndarray) -> Any:
    return aj.show(embeddings(), xy=places, images=images)


def test_a_click_gives_the_nearest_galaxies_and_a_lasso_those_inside(
    widget: Any, places: np.ndarray
) -> None:
    seen = []
    widget.observe(lambda change: seen.append(change["new"]), "selection")
    widget.clicked = 7
    assert widget.neighbours == aj.neighbours(embeddings(), 7, 6).indices.tolist()
    corners = geometry.quantise(places)[[0, 10, 12, 2]].astype(float)
    outline = corners + np.array([[-9, -9], [9, -9], [9, 9], [-9, 9]])
    widget.polygons = [outline.tolist()]
    assert widget.selection == (0, 1, 2, 10, 11, 12)
    widget.hidden_codes = [1]  # rows 1, 10, ... are of class 1
    assert widget.selection == (0, 2, 11, 12)
    assert seen == [(0, 1, 2, 10, 11, 12), (0, 2, 11, 12)]
    widget.polygons = []
    assert widget.selection == tuple(row for row in range(COUNT) if row % 3 != 1)
    widget.hidden_codes = []
    assert widget.selection == ()


def test_images_are_sent_as_one_sheet_when_they_are_asked_for(
    widget: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = []
    monkeypatch.setattr(type(widget), "send", lambda _, said, buffers: sent.append((said, buffers)))
    widget._answer(widget, {"sheet": 4, "side": 48, "rows": [1, 5, 9]}, [])
    ((said, (jpeg,)),) = sent
    assert said == {"sheet": 4}
    sheet = np.asarray(Image.open(BytesIO(jpeg)))
    assert sheet.shape == (96, 96, 3)
    shades = [sheet[24, 24, 0], sheet[24, 72, 0], sheet[72, 24, 0]]
    np.testing.assert_allclose(np.array(shades, float), [20, 100, 180], atol=4)
    for bad in ({"side": 47, "rows": [1]}, {"side": 48, "rows": [COUNT]}):
        widget._answer(widget, {"sheet": 5, **bad}, [])
    assert len(sent) == 1


def test_what_does_not_fit_is_refused(places: np.ndarray, images: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"`xy` has the shape \(59, 2\); expected \(60, 2\)"):
        aj.show(embeddings(), xy=places[1:])
    with pytest.raises(ValueError, match="There are 59 images for 60 galaxies"):
        aj.show(embeddings(), xy=places, images=images[1:])
    with pytest.raises(ValueError, match="`colour` has 2 values for 60 galaxies"):
        aj.show(embeddings(), xy=places, colour=[1, 2])
    with pytest.raises(ValueError, match="images are of other galaxies, or in another order"):
        aj.show(embeddings(), xy=places, images=aj.open_dataset("simulated:60"))
    with pytest.raises(Exception, match="There is no row 60; there are 60"):
        aj.show(embeddings(), xy=places).clicked = COUNT


def test_without_anywidget_a_sentence_says_what_to_install(
    places: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "app.notebook.map_widget", None)
    monkeypatch.delitem(sys.modules, "app.notebook.map_widget")
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(ValueError, match=r"pip install 'astrojepa\[notebook\]'"):
        aj.show(embeddings(), xy=places)


@pytest.fixture
def page(browser: Any, widget: Any) -> Iterator[Any]:
    """The widget in a page, its model played by the test."""
    names = ("height", "clicked", "neighbours", "polygons", "hidden_codes")
    values = {name: getattr(widget, name) for name in names}
    values["packed"] = base64.b64encode(widget.packed).decode()
    shown = browser.new_page(viewport={"width": 800, "height": 600})
    complaints: list[str] = []
    shown.on("pageerror", lambda error: complaints.append(str(error)))
    body = PAGE % json.dumps(values).replace("<", "\\u003c")
    shown.route("http://nb.test/", lambda route: route.fulfill(body=body, content_type="text/html"))
    script = {"body": str(widget._esm), "content_type": "text/javascript"}
    shown.route("http://nb.test/widget.js", lambda route: route.fulfill(**script))
    shown.goto("http://nb.test/")
    shown.wait_for_selector("#host canvas[data-drawn='60']", state="attached")
    yield shown
    shown.close()
    assert complaints == []


@pytest.mark.browser
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_click_and_a_lasso_change_the_model_and_sheets_fill_the_map(
    page: Any, widget: Any, places: np.ndarray
) -> None:
    canvas = page.locator("#host .stage > canvas")
    box = canvas.bounding_box()
    at = [canvas.evaluate("(canvas, row) => canvas.pixelOf(row)", row) for row in (7, 0, 23)]
    page.mouse.click(box["x"] + at[0][0], box["y"] + at[0][1])
    page.wait_for_function("() => window.model.get('clicked') === 7")

    page.locator("#host").get_by_role("button", name="Box").click()
    (x0, y0), (x1, y1) = (
        (box["x"] + min(at[1][0], at[2][0]) - 6, box["y"] + min(at[1][1], at[2][1]) - 6),
        (box["x"] + max(at[1][0], at[2][0]) + 6, box["y"] + max(at[1][1], at[2][1]) + 6),
    )
    page.mouse.move(x0, y0)
    page.mouse.down()
    page.mouse.move(x1, y1, steps=4)
    page.mouse.up()
    page.wait_for_function("() => window.model.get('polygons').length === 1")
    widget.polygons = page.evaluate("() => window.model.get('polygons')")
    expected = [row for row in range(COUNT) if places[row][0] <= 2 and places[row][1] <= 3]
    assert list(widget.selection) == expected

    page.wait_for_function("() => window.sent.length > 0")
    asked = page.evaluate("() => window.sent[0]")
    sheets: list[bytes] = []
    type(widget).send, kept = lambda _, said, buffers: sheets.append(buffers[0]), type(widget).send
    try:
        widget._answer(widget, asked, [])
    finally:
        type(widget).send = kept
    page.evaluate(
        """([number, text]) => window.hear("msg:custom", { sheet: number },
          [Uint8Array.from(atob(text), (c) => c.charCodeAt(0))])""",
        [asked["sheet"], base64.b64encode(sheets[0]).decode()],
    )
    page.wait_for_function(
        "row => document.querySelector('#host').firstChild.shadowRoot.querySelector('.stage > canvas').hasPicture(row)",
        arg=asked["rows"][0],
    )

    page.evaluate("() => { window.model.set('clicked', 12); window.hear('change:clicked'); }")
    page.evaluate("() => window.end()")
    assert page.evaluate("() => window.listening()") == []
