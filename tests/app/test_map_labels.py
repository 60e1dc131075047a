"""Names of clusters on the canvas, in a real browser: two levels, none over another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from canvas_page import Canvas, packed

from app.components.latent_map import colouring
from app.session import clusters

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::ResourceWarning")]
rng = np.random.default_rng(0)
PLACES = rng.integers(5000, 60_000, (400, 2))


class Found:
    """Two coarse clusters, and forty finer ones that lie close to each other."""

    def level(self, name: str) -> Any:
        labels = np.arange(400) % (2 if name == "coarse" else 40)
        return type("Level", (), {"labels": labels})

    def names(self, name: str) -> tuple[str, ...]:
        return tuple(f"{name} {k}, of this kind" for k in range(2 if name == "coarse" else 40))


@pytest.fixture
def canvas(browser: Any) -> Iterator[Callable[..., Canvas]]:
    contexts = []

    def make(width: int) -> Canvas:
        contexts.append(browser.new_context(viewport={"width": width, "height": 800}))
        made = Canvas(contexts[-1].new_page(), "")
        found = Found()
        coloured = colouring.by_cluster(
            found.level("coarse").labels, found.names("coarse"), "Feature cluster"
        )
        labels = clusters.marks(found, PLACES, "feature cluster")
        return made.show(packed(PLACES, coloured=coloured, named=labels))

    yield make
    for context in contexts:
        context.close()


def shown(canvas: Canvas) -> dict[str, dict[str, float]]:
    canvas.page.wait_for_timeout(200)  # a frame or two
    return dict(canvas.canvas.evaluate("canvas => canvas.labelsShown()"))


@pytest.mark.parametrize("width", [390, 900])
def test_labels_are_few_when_far_and_more_when_near_and_never_overlap(
    canvas: Callable[..., Canvas], width: int
) -> None:
    page = canvas(width)
    far = shown(page)
    assert set(far) <= {"coarse 0, of this kind", "coarse 1, of this kind"}
    assert far
    size = page.canvas.bounding_box()
    page.canvas.focus()
    for zoomed in range(5):
        page.press("+")
        near = shown(page)
        assert near
        if zoomed > 1:
            assert all(name.startswith("fine") for name in near), "1.5 ** 2 > 2"
        for one, other in combinations(near.values(), 2):
            apart = (
                one["left"] + one["width"] <= other["left"]
                or other["left"] + other["width"] <= one["left"]
                or one["top"] + one["height"] <= other["top"]
                or other["top"] + other["height"] <= one["top"]
            )
            assert apart, (one, other)
        for box in near.values():
            assert 0 <= box["left"] <= size["width"] - box["width"]
            assert 0 <= box["top"] <= size["height"] - box["height"]


def test_a_cluster_that_the_legend_hides_is_not_named(canvas: Callable[..., Canvas]) -> None:
    page = canvas(900)
    page.page.locator(".chip").nth(0).click()
    assert set(shown(page)) <= {"coarse 1, of this kind"}


def test_a_label_stands_at_a_member_in_the_middle_of_its_cluster() -> None:
    marks = clusters.marks(Found(), PLACES, "finer feature cluster")
    assert [mark["level"] for mark in marks] == ["coarse"] * 2 + ["fine"] * 40
    assert {mark["code"] for mark in marks} == {None, *range(40)}
    for mark in marks:
        place, code = [mark["x"], mark["y"]], int(mark["text"].split(",")[0].split()[1])
        members = PLACES[np.arange(400) % (2 if mark["level"] == "coarse" else 40) == code]
        assert place in members.tolist()
        gaps = np.linalg.norm(members - np.median(members, axis=0), axis=1)
        assert gaps.min() == pytest.approx(
            np.linalg.norm(np.array(place) - np.median(members, axis=0))
        )
