"""The latent map on a page of its own, without a server, as the tests speak of it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from app.components.latent_map import colouring, latent_map, palette
from astrojepa import plotting

FOLDER = Path(latent_map.__file__).parent
CLASSES = ("Round", "Barred Spiral", "Merging")
PAGE = """<!doctype html><style>{css} :root {{ --map-height: calc(100vh - 244px); }} body {{ margin: 0; {style} }}</style>
<div class="st-key-find"><input id="find"></div>
<div id="host">{html}</div><script type="module">
import map from "/map.js";
window.sent = [];
window.send = (name, value) => window.sent.push([name, value]);
window.show = (text, state) => {{
  if (state) globalThis.latentMapState = state;
  const data = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  window.leave = map({{ parentElement: document.getElementById("host"), data, setTriggerValue: window.send }});
}};
window.tell = (state) => {{ globalThis.latentMapState = state; document.dispatchEvent(new CustomEvent("latent-map-state")); }};
window.ready = true;
</script>"""


def packed(
    places: np.ndarray,
    labels: np.ndarray | None = None,
    coloured: colouring.Colouring | None = None,
    named: Sequence[dict[str, Any]] = (),
    **about: Any,
) -> str:
    labels = np.arange(len(places)) % len(CLASSES) if labels is None else labels
    header = {
        "title": "a test",
        "labels": list(named),
        "pictures": "/pictures/x",
        "classes": list(CLASSES),
        "ranked": True,
        **about,
    }
    header["shapes"] = [style.shape for style in palette.class_styles(CLASSES)]
    coloured = coloured or colouring.by_class(labels, CLASSES)
    return base64.b64encode(
        latent_map.pack(header, places, labels, coloured, np.zeros(len(places)))
    ).decode()


def selection(**given: Any) -> dict[str, Any]:
    return {
        "pictures": "/pictures/x",
        "selected": None,
        "neighbours": [],
        "polygons": [],
        "off": [],
        **given,
    }


class Canvas:
    """A page that holds nothing but the map."""

    def __init__(self, page: Any, style: str) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.asked: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        html, css = (
            (FOLDER / f"latent_map.{kind}").read_text(encoding="utf-8") for kind in ("html", "css")
        )
        script = "\n".join(
            (FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in latent_map._SCRIPTS
        )
        body = PAGE.format(css=css, html=html, style=style)
        page.route("http://map.test/**", lambda route: self._answer(route, body, script))
        page.goto("http://map.test/")
        page.wait_for_function("window.ready")

    def _answer(self, route: Any, body: str, script: str) -> None:
        url = route.request.url
        if "/pictures/" in url:
            self.asked.append(url)
            route.fulfill(
                body=plotting.encode_image(np.full((96, 96, 3), 200, np.uint8)),
                content_type="image/jpeg",
            )
        elif url.endswith("map.js"):
            route.fulfill(body=script, content_type="text/javascript")
        else:
            route.fulfill(body=body, content_type="text/html")

    def show(self, data: str, **given: Any) -> Canvas:
        self.page.evaluate(
            "([data, state]) => window.show(data, state)", [data, selection(**given)]
        )
        self.page.locator("canvas[data-drawn]").wait_for()
        return self

    @property
    def canvas(self) -> Any:
        return self.page.locator(".stage > canvas")

    def place(self, row: int) -> tuple[float, float]:
        box = self.canvas.bounding_box()
        x, y = self.canvas.evaluate("(canvas, row) => canvas.pixelOf(row)", row)
        return box["x"] + x, box["y"] + y

    def sent(self, count: int = 1) -> list[Any]:
        self.page.wait_for_function("count => window.sent.length >= count", arg=count)
        return self.page.evaluate("() => window.sent.splice(0)")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        mouse = self.page.mouse
        mouse.move(*start)
        mouse.down()
        mouse.move(*end, steps=6)
        mouse.up()
