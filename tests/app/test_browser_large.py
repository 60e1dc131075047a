"""A store of more galaxies than are read into memory, in a browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from explorer_page import Explorer

from astrojepa.evaluation.vectors.simulated_store import Mixture, simulate_store

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::ResourceWarning")]
VIEW = {"width": 1440, "height": 900}
SOMEBODY = """(canvas) => {
  for (let x = 60; x < canvas.clientWidth - 60; x += 5)
    for (let y = 90; y < canvas.clientHeight - 90; y += 5)
      if (canvas.galaxyAt(x, y) !== null) return [x, y];
}"""


def test_a_large_store_is_density_from_afar_and_galaxies_near_to_click_and_link(
    start: Callable[..., Any], browser: Any, tmp_path: Path
) -> None:
    simulate_store(Mixture(200_100, 16), tmp_path / "survey")
    server = start("--vectors", str(tmp_path / "survey"))
    context = browser.new_context(viewport=VIEW)
    explorer = Explorer(context.new_page(), server.url).open("/")
    page = explorer.page
    explorer.says("density of the 200,100 in view")
    assert explorer.canvas.get_attribute("data-as") == "density"
    box = explorer.canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for _ in range(5):
        page.mouse.wheel(0, -120)
    explorer.says(re.compile(r"All [\d,]+ in view are drawn"))
    explorer.quiet()
    page.wait_for_function(
        f"(canvas) => ({SOMEBODY})(canvas)", arg=explorer.canvas.element_handle()
    )
    x, y = explorer.canvas.evaluate(SOMEBODY)
    page.mouse.click(box["x"] + x, box["y"] + y)
    page.wait_for_url(re.compile("id="), wait_until="commit")
    name = re.search(r"id=(\d+)", page.url)
    explorer.says("Nearest neighbours (feature space)")
    other = Explorer(context.new_page(), server.url)
    other.page.goto(page.url)
    assert name is not None
    other.says(name[1])
    other.drawn()
    for opened in (explorer, other):
        assert opened.complaints == []
        assert opened.outside == []
    context.close()
