"""Images and contours on the canvas in a real browser: none over another, of every class."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from canvas_page import CLASSES, Canvas, packed

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::ResourceWarning")]


@pytest.fixture
def canvas(browser: Any) -> Iterator[Callable[..., Canvas]]:
    contexts = []

    def make(places: np.ndarray, labels: np.ndarray | None = None) -> Canvas:
        contexts.append(browser.new_context(viewport={"width": 900, "height": 800}))
        return Canvas(contexts[-1].new_page(), "").show(packed(places, labels))

    yield make
    for context in contexts:
        context.close()


def shown(page: Canvas) -> tuple[float, list[int], np.ndarray]:
    page.page.wait_for_timeout(120)  # a frame or two
    side, rows = page.canvas.evaluate("canvas => canvas.picturesShown()")
    pixels = page.canvas.evaluate("(canvas, rows) => rows.map(canvas.pixelOf)", rows)
    return side, rows, np.array(pixels)


def test_no_image_hides_another_at_any_zoom(canvas: Callable[..., Canvas]) -> None:
    places = np.clip(np.random.default_rng(0).normal(32_768, 9000, (3000, 2)), 0, 65_535)
    page = canvas(places)
    page.page.get_by_role("button", name="Images").click()
    page.canvas.focus()
    sides = []
    for _ in range(14):
        side, rows, pixels = shown(page)
        sides.append(side)
        gaps = np.abs(pixels[:, None] - pixels[None]).max(axis=2) + 1e9 * np.eye(len(rows))
        assert len(rows) < 2 or gaps.min() >= side + 1.5, (side, gaps.min())
        page.press("+")
    assert sides[0] == 48
    assert sides[-1] == 112, "they grow"


def test_images_are_of_every_class_however_rare_and_from_all_over_the_data(
    canvas: Callable[..., Canvas],
) -> None:
    rng = np.random.default_rng(1)
    labels = np.where(np.arange(3000) < 2990, 0, 1 + np.arange(3000) % 2)  # ten of two classes
    page = canvas(rng.integers(0, 65_536, (3000, 2)), labels)
    page.page.get_by_role("button", name="Images").click()
    _, rows, _ = shown(page)
    assert {CLASSES[k] for k in labels[rows]} == set(CLASSES)
    assert (labels[rows] > 0).sum() >= 6, "none of the rare ones lies on another"
    usual = np.array(rows)[labels[rows] == 0]
    assert np.median(usual) > 700, "the first rows alone are often of one source"


def test_contours_enclose_the_shares_that_they_name(canvas: Callable[..., Canvas]) -> None:
    sigma = 7000
    places = np.clip(np.random.default_rng(2).normal(32_768, sigma, (20_000, 2)), 0, 65_535)
    page = canvas(places)
    assert page.canvas.evaluate("canvas => canvas.contoursShown()") == []
    page.canvas.focus()
    page.press("c")
    page.page.wait_for_timeout(200)
    assert page.page.locator("[data-do=contours]").get_attribute("aria-pressed") == "true"
    lines = page.canvas.evaluate("canvas => canvas.contoursShown()")
    # the map was fitted to the places as they are; shares of a Gaussian lie inside σ √(-2 ln(1 - p))
    for line, share in zip(lines, (0.2, 0.4, 0.6, 0.8, 0.95), strict=True):
        radii = np.linalg.norm(np.reshape(line, (-1, 2)) - 32_768, axis=1)
        assert np.median(radii) == pytest.approx(sigma * np.sqrt(-2 * np.log(1 - share)), rel=0.08)


def test_contours_are_of_what_is_chosen(canvas: Callable[..., Canvas]) -> None:
    rng = np.random.default_rng(3)
    labels = np.arange(2000) % 2
    places = rng.normal(15_000, 2000, (2000, 2)) + 35_000 * labels[:, None]
    page = canvas(np.clip(places, 0, 65_535), labels)
    page.page.get_by_role("button", name="Contours").click()
    page.page.locator(".chip").nth(0).click()
    page.page.wait_for_timeout(200)
    for line in page.canvas.evaluate("canvas => canvas.contoursShown()"):
        assert np.min(line) > 40_000, "the hidden class has no lines"
