"""The galaxy's page, drawn headless, and its patch panel in a real browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from explorer_page import PATIENCE, Explorer
from page_runner import QUIET, run_page, tables, words
from PIL import Image

import astrojepa as aj
from app.components.patch_panel import masks
from astrojepa.evaluation.pictures import artefacts
from astrojepa.evaluation.pictures.checks import picture_checks

pytestmark = QUIET


def test_the_page_shows_what_is_known_and_says_what_is_not(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    test = run_page(
        monkeypatch, pages_cache, "galaxy", query={"galaxy": "17", "masks": "bright", "seed": "5"}
    )
    said = words(test)
    assert test.session_state["row"] == 17
    assert "number 17" not in said, "a row is another galaxy's in another selection"
    assert str(aj.open_dataset("simulated:60").ids[17]) in said
    assert "half light radius px" in said, "columns of the data"
    assert "none (simulated)" in said
    assert "unknown" in said, "redshift"
    assert "none yet; train one" in said
    assert "20 nearest neighbours" in said
    assert tables(test)[0]["Score"].tolist() == [
        "Asymmetry and local outlier factor",
        "Asymmetry",
        "kNN distance",
        "Local outlier factor",
        "Mahalanobis distance",
        "Isolation forest",
    ]
    assert test.number_input[0].value == 5
    assert (test.query_params["masks"], test.query_params["seed"]) == ("bright", "5")


def few(folder: Path, count: int) -> Path:
    """So many galaxies, each of a class of its own, as files."""
    data = aj.open_dataset("simulated:60")
    for row in range(count):
        Image.fromarray(data[row].image).save(folder / f"{row}.png")
    lines = ["file,label", *(f"{row}.png,kind {row}" for row in range(count))]
    (folder / "labels.csv").write_text("\n".join(lines))
    return folder


def test_of_two_galaxies_the_one_neighbour_is_named_in_the_singular(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, tmp_path: Path
) -> None:
    test = run_page(monkeypatch, pages_cache, "galaxy", data=str(few(tmp_path, 2)))
    assert "Nearest neighbour" in [caption.value for caption in test.caption]


def test_one_class_is_named_in_the_singular(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, tmp_path: Path
) -> None:
    test = run_page(monkeypatch, pages_cache, "models", data=str(few(tmp_path, 1)))
    assert "1 in 1 class" in [text.value for text in test.text]


def test_the_page_of_the_only_galaxy_shows_it_and_says_what_needs_more(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, tmp_path: Path
) -> None:
    test = run_page(monkeypatch, pages_cache, "galaxy", data=str(few(tmp_path, 1)))
    said = words(test)
    assert not test.error
    assert (
        "holds a single galaxy. Nearest neighbours, predictions and anomaly scores need more"
        in said
    )
    assert "Whole image" in said
    assert "The image is the model input" in said, "patch errors"
    assert "kind 0" in [text.value for text in test.text]
    assert [button.disabled for button in test.button if button.label == "Next"] == [True]
    assert "Nearest neighbours (feature space)" not in said


@pytest.mark.parametrize("page", ["map", "anomalies"])
def test_a_single_galaxy_is_said_to_be_too_few(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, tmp_path: Path, page: str
) -> None:
    test = run_page(monkeypatch, pages_cache, page, data=str(few(tmp_path, 1)))
    (error,) = test.error
    assert "holds a single galaxy" in error.value
    assert "need at least two" in error.value


@pytest.mark.slow
def test_previous_and_next_follow_the_ranks(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    test = run_page(monkeypatch, pages_cache, "galaxy")
    first = test.session_state["row"]
    rank = int(re.search(r"Anomaly rank by kNN distance: (\d+) of 60", words(test))[1])  # type: ignore[index]
    next(button for button in test.button if button.label == "Next").click().run()
    assert f"Anomaly rank by kNN distance: {rank + 1} of 60" in words(test)
    next(button for button in test.button if button.label == "Previous").click().run()
    assert test.session_state["row"] == first


@pytest.mark.slow
def test_previous_and_next_follow_the_leaderboard_that_was_opened_and_its_rank_is_named(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    data = aj.open_dataset("simulated:60")
    run_page(monkeypatch, pages_cache, "anomalies", query={"score": "mahalanobis"})
    found = aj.anomaly_scores(aj.embed(aj.load_model("random"), data), method="mahalanobis")
    order = np.argsort(-found, kind="stable")
    kind = int(np.bincount(data.labels).argmax())
    of_class = order[data.labels[order] == kind]
    for only, ranked in (("", order), (data.classes[kind], of_class)):
        query = {"galaxy": str(ranked[4]), "score": "mahalanobis", "artefacts": "shown"}
        query |= {"only": only} if only else {}
        test = run_page(monkeypatch, pages_cache, "galaxy", query=query)
        for turned, place in (("Next", 5), ("Next", 6), ("Previous", 5), ("Previous", 4)):
            next(button for button in test.button if button.label == turned).click().run()
            assert test.session_state["row"] == ranked[place]
            rank = int(np.flatnonzero(order == ranked[place])[0]) + 1
            assert f"Anomaly rank by Mahalanobis distance: {rank} of 60" in words(test)
        assert re.search(r"; by kNN distance: \d+ of 60", words(test)), "the map's rank beside it"
        step = f"step through the class {only} in the order of" if only else "step through"
        assert f"{step} the ranks by Mahalanobis distance." in words(test)


@pytest.mark.slow
def test_previous_and_next_pass_over_likely_artefacts_as_the_leaderboard_does(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    data = aj.open_dataset("simulated:60")
    found = picture_checks(data, cache=False).artefact
    monkeypatch.setattr(artefacts, "LIKELY", float(np.sort(found)[40]))
    run_page(monkeypatch, pages_cache, "anomalies")  # which checks the images
    test = run_page(monkeypatch, pages_cache, "galaxy", query={"galaxy": "0"})
    assert "Likely artefacts are skipped." in words(test)
    seen, turned = [test.session_state["row"]], "Next"
    for _ in range(120):
        button = next(button for button in test.button if button.label == turned)
        if button.disabled and turned == "Previous":
            break
        turned = "Previous" if button.disabled else turned
        next(button for button in test.button if button.label == turned).click().run()
        seen.append(test.session_state["row"])
    sound = {int(row) for row in np.flatnonzero(found <= artefacts.LIKELY)}
    assert sound | {0} >= set(seen[1:]) >= sound


@pytest.mark.slow
def test_a_locked_scale_stays_when_the_masks_change(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    test = run_page(monkeypatch, pages_cache, "galaxy")
    next(toggle for toggle in test.toggle if toggle.key == "lock_scale").set_value(True).run()
    locked = dict(test.session_state["locked"])
    test.session_state["mask_kind"] = "random"
    test.run()
    assert dict(test.session_state["locked"]) == locked
    next(toggle for toggle in test.toggle if toggle.key == "lock_scale").set_value(False).run()
    assert test.session_state["locked"] is None


def test_without_a_model_the_panel_says_why_and_the_rest_of_the_page_works(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    test = run_page(monkeypatch, pages_cache, "galaxy", checkpoint="baseline")
    said = words(test)
    assert "Patch errors need a model" in said
    assert "Anomaly scores" in said
    assert "Rotated and mirrored" not in said


@pytest.fixture
def explorer(server: Any, browser: Any) -> Any:
    context = browser.new_context(viewport={"width": 1280, "height": 1400})
    made = Explorer(context.new_page(), server.url)
    yield made
    assert made.complaints == [], "the browser's console has errors"
    assert made.outside == [], "a request went to another host"
    context.close()


@pytest.mark.browser
def test_drawing_a_mask_changes_the_heatmap_to_exactly_what_the_package_gives(
    explorer: Explorer, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = explorer.page
    page.goto(f"{server.url}/galaxy?galaxy=7&masks=drawn")
    page.locator(".panel:not([data-waiting='true']) .scale:not([hidden])").wait_for(
        timeout=PATIENCE
    )
    explorer.quiet()
    canvas = page.locator(".panel canvas").first
    canvas.scroll_into_view_if_needed()
    before = canvas.evaluate("canvas => canvas.panel.mask()")
    box, grid = canvas.bounding_box(), aj.load_model("random").grid
    cell = box["width"] / grid
    page.mouse.move(box["x"] + 0.5 * cell, box["y"] + 0.5 * cell)
    page.mouse.down()
    page.mouse.move(box["x"] + (grid - 0.5) * cell, box["y"] + 0.5 * cell, steps=20)
    page.mouse.up()
    expected = masks.first_mask(grid)
    expected[0] = True
    assert canvas.evaluate("canvas => canvas.panel.mask()") == masks.write_mask(expected) != before
    page.wait_for_function(  # what was sent while still drawing may be answered first
        "([canvas, n]) => canvas.panel.values?.slice(0, n).every(value => value !== null)",
        arg=[canvas.element_handle(), grid],
        timeout=PATIENCE,
    )
    shown = np.array(canvas.evaluate("canvas => canvas.panel.values"), dtype=float).reshape(
        grid, grid
    )
    monkeypatch.setenv("ASTROJEPA_CACHE", str(server.cache))
    errors = aj.patch_errors(
        aj.load_model("random"), aj.open_dataset("simulated:200")[7].image, masks=expected
    )
    np.testing.assert_allclose(shown, errors.mse, atol=6e-5)
    assert canvas.evaluate("canvas => canvas.panel.colourOf(0)") is not None
    page.wait_for_url(re.compile(masks.write_mask(expected)))
    page.keyboard.press("x")
    page.get_by_text("No patch is hidden").wait_for()
    page.keyboard.press("i")
    page.get_by_text("All patches are hidden").wait_for()
