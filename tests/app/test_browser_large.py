"""A store of more galaxies than are read into memory, in a browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from explorer_page import Explorer
from pyarrow import parquet

from astrojepa.data.images.raster import read_image
from astrojepa.evaluation.vectors.simulated_store import FIRST_ID, Mixture, simulate_store
from astrojepa.plotting import encode_image

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::ResourceWarning")]
VIEW = {"width": 1440, "height": 900}
SOMEBODY = """(canvas) => {
  for (let x = 60; x < canvas.clientWidth - 60; x += 5)
    for (let y = 90; y < canvas.clientHeight - 90; y += 5)
      if (canvas.galaxyAt(x, y) !== null) return [x, y];
}"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store, which nobody changes."""
    folder = tmp_path_factory.mktemp("survey") / "survey"
    simulate_store(Mixture(200_100, 16), folder)
    return folder


@pytest.fixture(scope="module")
def server(start: Callable[..., Any], store: Path) -> Any:
    """An explorer of the store, started once: the first test finds it cold."""
    return start("--vectors", str(store))


@pytest.fixture
def explorer(server: Any, browser: Any) -> Iterator[Explorer]:
    """A browser at this explorer, which complains of nothing and asks nobody."""
    context = browser.new_context(viewport=VIEW)
    opened = Explorer(context.new_page(), server.url)
    yield opened
    assert opened.complaints == []
    assert opened.outside == []
    context.close()


def test_a_large_store_is_density_from_afar_and_galaxies_near_to_click_and_link(
    explorer: Explorer,
) -> None:
    page = explorer.open("/").page
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
    other = Explorer(page.context.new_page(), explorer.url)
    other.page.goto(page.url)
    assert name is not None
    other.says(name[1])
    other.drawn()
    assert other.complaints == []
    assert other.outside == []
    explorer.calm()
    page.get_by_role("combobox", name="Map").click()
    page.get_by_role("option", name="PCA").click()
    explorer.says("density of the 200,100 in view")  # another map is seen whole
    page.wait_for_url(re.compile("map=pca"), wait_until="commit")


def test_a_brushed_histogram_filters_a_large_store_and_what_differs_is_shown_with_images(
    explorer: Explorer,
) -> None:
    page = explorer.open("/").page
    page.get_by_text("Histograms", exact=True).click()
    bars = page.locator("[data-column=redshift] .bars")
    explorer.appears(bars)
    explorer.calm()
    explorer.brush(bars, 0.6, 1.5)
    explorer.says(re.compile(r"^[\d,]+ of 200,100 galaxies match\.$"))
    page.wait_for_url(re.compile("filter=redshift"), wait_until="commit")
    count = page.locator("[data-column=label] .count").first
    explorer.appears(count.filter(has_text=" of "))
    explorer.says("in view that match the filter")
    explorer.calm()
    said = page.get_by_text(re.compile(r"^[\d,]+ of 200,100 galaxies match\.$")).inner_text()
    in_legend = [text.split(" of ") for text in page.locator(".chip .count").all_inner_texts()]
    matching, every = (
        sum(int(number.replace(",", "")) for number in column)
        for column in zip(*in_legend, strict=True)
    )
    assert (f"{matching:,}", every) == (said.split(" of ")[0], 200_100)
    page.get_by_text("What differs?", exact=True).click()
    explorer.says(re.compile(r"Selection: 6 typical galaxies of [\d,]+"))
    explorer.appears(page.locator(".st-key-exemplars_1 .tile").nth(5))
    explorer.says(re.compile(r"d = \+\d"))


def test_more_like_this_ranks_a_large_store_and_the_link_of_the_search_opens_it(
    explorer: Explorer,
) -> None:
    page = explorer.page
    page.goto(f"{explorer.url}/?id={FIRST_ID + 1234}")
    explorer.appears(page.get_by_role("button", name="More like this"))
    explorer.calm()
    page.get_by_role("button", name="More like this").click()
    explorer.says("100 of 200,100 galaxies match.")
    page.wait_for_url(re.compile("like=1234"), wait_until="commit")
    explorer.appears(page.locator(".st-key-lasso_gallery .tile[data-row='1234']"))
    explorer.says("search rank 2")
    other = Explorer(page.context.new_page(), explorer.url)
    other.page.goto(page.url)
    other.says("100 of 200,100 galaxies match.")
    other.appears(other.page.locator(".st-key-examples_gallery .tile[data-row='1234']"))
    other.says("search rank 2")
    other.calm()
    other.page.get_by_role("button", name="End search").click()
    other.page.wait_for_url(re.compile("^(?!.*like=)"), wait_until="commit")
    assert other.complaints == []


def test_a_click_on_the_leaderboard_opens_the_galaxy_whose_arrow_keys_step_its_ranks(
    explorer: Explorer,
) -> None:
    page = explorer.page
    page.goto(f"{explorer.url}/anomalies?sort=magnitude&filter=redshift%20%3E%200.3")
    tile = page.locator(".st-key-leaderboard .tile").nth(2)
    explorer.appears(tile)
    tiles = page.locator(".st-key-leaderboard .tile").all()
    names = [str(FIRST_ID + int(one.get_attribute("data-row"))) for one in tiles]
    name = int(names[2])
    page.wait_for_url(re.compile("sort=magnitude"), wait_until="commit")
    explorer.calm()
    tile.click()
    page.wait_for_url(re.compile(f"/galaxy\\?.*id={name}"), wait_until="commit")
    explorer.appears(page.get_by_role("heading", name=str(name)))
    explorer.says(re.compile(r"Rank 3 of the [\d,]+ galaxies matching redshift > 0.3, by magni"))
    explorer.calm()
    page.keyboard.press("ArrowRight")
    explorer.says("Rank 4 of the")
    explorer.calm()
    page.keyboard.press("ArrowRight")
    explorer.says("Rank 5 of the")
    explorer.calm()
    page.keyboard.press("ArrowLeft")
    explorer.says("Rank 4 of the")
    page.wait_for_url(re.compile(f"id={names[3]}"), wait_until="commit")
    other = Explorer(page.context.new_page(), explorer.url)
    other.page.goto(page.url)
    other.says("Rank 4 of the")
    other.appears(other.page.get_by_role("heading", name=names[3]))


def test_marks_of_a_large_store_are_given_by_key_and_kept_by_the_browser_by_id(
    explorer: Explorer,
) -> None:
    page = explorer.page
    page.goto(f"{explorer.url}/anomalies?sort=magnitude")
    explorer.appears(page.locator(".st-key-leaderboard .tile").first)
    row = page.locator(".st-key-leaderboard .tile").first.get_attribute("data-row")
    first = str(FIRST_ID + int(row))
    page.get_by_text("Review", exact=True).click()
    explorer.appears(page.get_by_role("heading", name=first))
    explorer.calm()
    page.keyboard.press("5")
    explorer.says("This galaxy is not marked yet. 1 marked so far")
    explorer.calm()
    second = page.get_by_role("heading", name=re.compile(r"^\d{16}$")).inner_text()
    assert second != first
    page.keyboard.press("3")
    explorer.says("This galaxy is not marked yet. 2 marked so far")
    explorer.calm()
    page.keyboard.press("ArrowLeft")
    explorer.says("This galaxy is marked 3. 2 marked so far")
    explorer.appears(page.get_by_role("heading", name=second))
    page.wait_for_function(f"JSON.stringify(localStorage).includes('{second}')")
    page.reload()
    explorer.appears(page.get_by_text("Review", exact=True))
    page.get_by_text("Review", exact=True).click()
    explorer.says("2 marked so far, 1 of them with 4 or 5")
    third = page.get_by_role("heading", name=re.compile(r"^\d{16}$")).inner_text()
    assert third not in (first, second)


def test_a_click_before_the_controls_of_a_large_store_are_there_keeps_what_the_link_says(
    explorer: Explorer,
) -> None:
    page, held = explorer.page, []
    late = re.compile(r"/(TextInput|Selectbox|Checkbox)\.[^/]*\.js$")
    page.route(late, lambda route: held.append(route))
    page.goto(f"{explorer.url}/?filter=redshift%20%3E%200.3&sort=redshift&order=lowest")
    tiles = page.locator(".st-key-lasso_gallery .tile")
    for at in (0, 1):
        explorer.appears(tiles.nth(at))
        explorer.calm()
        tiles.nth(at).click()
        page.wait_for_url(re.compile(f"galaxy={tiles.nth(at).get_attribute('data-row')}"))
        while held:
            held.pop().continue_()
        explorer.appears(page.locator(".st-key-filter input"))
    assert page.locator(".st-key-filter input").input_value() == "redshift > 0.3"
    assert "filter=redshift+%3E+0.3&sort=redshift&order=lowest" in page.url


def test_a_selection_of_a_large_store_is_marked_by_key_and_collected_and_its_marks_re_rank(
    explorer: Explorer,
) -> None:
    page = explorer.page
    page.goto(f"{explorer.url}/?filter=redshift%20%3E%200.3")
    tile = page.locator(".st-key-lasso_gallery .tile").nth(2)
    explorer.appears(tile)
    explorer.calm()
    row = tile.get_attribute("data-row")
    tile.focus()
    page.keyboard.press("5")
    explorer.says(re.compile(r"score [\d.]+, marked 5"))
    assert tile.inner_text().endswith(", marked 5")
    page.get_by_role("button", name="Add to a collection").click()
    page.get_by_label("Name").fill("far")
    page.get_by_role("button", name=re.compile("^Add [0-9,]+ galaxies")).click()
    explorer.says(re.compile(r"far now holds [\d,]+ galaxies\."))
    page.wait_for_function(f"JSON.stringify(localStorage).includes('{FIRST_ID + int(row)}')")
    page.wait_for_function("JSON.stringify(localStorage).includes('far')")
    page.reload()
    explorer.says(re.compile(r", marked 5"))
    explorer.calm()
    page.get_by_role("button", name="Add to a collection").click()
    explorer.says(re.compile(r"^far: [\d,]+$"))
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Anomalies").click()
    first = page.locator(".st-key-leaderboard .tile").first
    explorer.appears(first)
    explorer.calm()
    assert first.get_attribute("data-row") != row
    page.get_by_text("Re-rank the first 20,000 by my 1 mark").click()
    explorer.appears(page.locator(f".st-key-leaderboard .tile:first-child[data-row='{row}']"))
    assert [name.inner_text() for name in first.locator(".caption").all()[:2]] == [
        "by marks 1",
        "by score 3",
    ]


def grey(row: int) -> int:
    """The shade of a galaxy's image, which tells it from its neighbours'."""
    return 40 + 30 * (row % 7)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of all galaxies of the store but every fifth; that of row 2 is broken."""
    path = tmp_path_factory.mktemp("images") / "images.parquet"
    rows = [row for row in range(200_100) if row % 5]
    shades = {shade: np.full((24, 24, 3), shade, np.uint8) for shade in map(grey, range(7))}
    encoded = {shade: encode_image(image) for shade, image in shades.items()}
    held = [b"broken" if row == 2 else encoded[grey(row)] for row in rows]
    ids = [FIRST_ID + row for row in rows]
    table = pa.table({"object_id": ids, "image": pa.array(held, pa.binary())})
    parquet.write_table(table, path, row_group_size=1000)
    return path


def test_images_of_a_large_store_are_beside_it_on_it_and_in_the_gallery_of_a_selection(
    start: Callable[..., Any], browser: Any, store: Path, images: Path
) -> None:
    server = start("--vectors", str(store), "--data", str(images))
    context = browser.new_context(viewport=VIEW)
    explorer = Explorer(context.new_page(), server.url).open(f"/?id={FIRST_ID + 100_001}")
    page = explorer.page
    explorer.says(re.compile(r"galaxies, 160,080 of which have an image in images\.parquet\."))
    explorer.appears(page.get_by_alt_text(f"Galaxy {FIRST_ID + 100_001}"))
    near = page.locator(".st-key-neighbours .tile")
    explorer.appears(near.first)
    rows = [int(tile.get_attribute("data-row")) for tile in near.all()]
    assert ["no image" in tile.inner_text() for tile in near.all()] == [r % 5 == 0 for r in rows]
    sheet = near.first.locator(".picture").evaluate("e => e.style.backgroundImage").split('"')[1]
    pixels = read_image(page.request.get(server.url + sheet).body())
    across = int(np.ceil(np.sqrt(len(rows))))
    for k, row in enumerate(rows):
        if row % 5:
            down, along = (96 * part + 48 for part in divmod(k, across))
            assert abs(int(pixels[down, along].mean()) - grey(row)) < 4
    pictured = next(k for k, row in enumerate(rows) if row % 5)
    near.nth(pictured).click()
    explorer.appears(page.get_by_alt_text(f"Galaxy {FIRST_ID + rows[pictured]}"))
    explorer.quiet()
    box = explorer.canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    seen = (
        "(canvas) => canvas.picturesShown()[1].map((i) => [canvas.rowOf(i), canvas.hasPicture(i)])"
    )
    for _ in range(12):
        page.mouse.wheel(0, -120)
        explorer.quiet()
        page.wait_for_timeout(500)
        if explorer.canvas.evaluate(seen):
            break
    page.wait_for_function(
        f"(canvas) => (shown => shown.length && shown.every((one) => one[1]))(({seen})(canvas))",
        arg=explorer.canvas.element_handle(),
    )
    assert all(row % 5 for row, _ in explorer.canvas.evaluate(seen))
    explorer.draw_box()
    tile = page.locator(".st-key-lasso_gallery .tile").first
    beside = page.locator(".st-key-beside_gallery .tile").first
    explorer.appears(beside)
    assert beside.get_attribute("data-row") == tile.get_attribute("data-row")
    assert beside.bounding_box()["y"] < box["y"] + box["height"]
    chosen = int(tile.get_attribute("data-row"))
    tile.click()
    explorer.appears(page.get_by_alt_text(f"Galaxy {FIRST_ID + chosen}"))
    other = Explorer(context.new_page(), server.url).open(f"/?id={FIRST_ID + 2}")
    other.says(re.compile("images.parquet#1 is no JPEG, PNG or WebP image"))
    other.appears(other.page.locator(".st-key-neighbours .tile").first)
    for opened in (explorer, other):
        assert opened.complaints == []
        assert opened.outside == []
    context.close()
