"""Every page drawn headless by Streamlit's own test runner, on 60 simulated galaxies and random
weights.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from page_runner import QUIET, run_page, settled, tables, words
from streamlit.testing.v1 import AppTest

from app.components.latent_map import colouring
from app.pages.anomalies.order import ranking
from app.pages.probe import tasks
from app.session import links
from astrojepa.data import open_dataset
from astrojepa.evaluation.pictures.worth import ENOUGH, share_filled

pytestmark = QUIET


@pytest.fixture
def draw(monkeypatch: pytest.MonkeyPatch, pages_cache: Path) -> Callable[..., AppTest]:
    """Run a page until nothing is in progress any more."""
    return partial(run_page, monkeypatch, pages_cache)


def test_map_selects_a_galaxy_worth_showing_and_names_the_simulation(
    draw: Callable[..., AppTest],
) -> None:
    test = draw("map")
    assert "Simulated galaxies" in words(test)
    assert "Anomaly rank by kNN distance" in words(test)
    image = open_dataset("simulated:60")[test.session_state["row"]].image
    assert share_filled(image[None])[0] >= ENOUGH
    assert test.session_state["panel_view"] == "Image", "the heatmap is drawn when it is asked for"
    assert test.query_params["galaxy"] == str(test.session_state["row"])
    test.button[0].click().run()
    assert not test.exception


def test_map_follows_a_link_and_keeps_its_galaxy(draw: Callable[..., AppTest]) -> None:
    test = draw("map", query={"galaxy": "17", "map": "pca", "colour": "anomaly score"})
    assert test.session_state["row"] == 17
    assert test.session_state["colour"] == "anomaly score"


def test_only_back_and_forward_follow_an_older_address(
    draw: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    test = draw("map", query={"galaxy": "17", "map": "pca"})
    before = dict(test.query_params)
    test.session_state["row"] = 21
    settled(test.run())

    def run_at_the_older_address() -> tuple[int, str]:
        for name, value in before.items():
            test.query_params[name] = value
        settled(test.run())
        return test.session_state["row"], test.query_params["galaxy"]

    # clicked before the browser had taken up the address of galaxy 21
    test.session_state["row"] = 33
    assert run_at_the_older_address() == (33, "33")
    assert run_at_the_older_address() == (33, "33"), "a page that draws itself anew went back"
    monkeypatch.setattr(links, "back_or_forward", lambda: True)
    assert run_at_the_older_address() == (17, "17")


def test_without_a_model_the_map_is_a_baseline_and_says_so(draw: Callable[..., AppTest]) -> None:
    test = draw("map", checkpoint="baseline")
    assert "Baseline without a model" in words(test)
    assert "Patch errors need a model" in words(test)


def test_a_bad_checkpoint_is_one_card_and_the_page_goes_on(
    draw: Callable[..., AppTest], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"not weights")
    test = draw("map", checkpoint=str(bad))
    assert len(test.error) == 1
    assert "bad.safetensors was not opened" in test.error[0].value
    assert "Baseline without a model" in words(test)


def test_missing_data_are_a_sentence(draw: Callable[..., AppTest]) -> None:
    test = draw("map", data="no/such/folder")
    assert "There is no data at" in test.error[0].value


def test_anomalies_filters_by_class(draw: Callable[..., AppTest]) -> None:
    test = draw("anomalies")
    assert "Most anomalous first" in words(test)
    box = next(box for box in test.selectbox if box.key == "anomaly_class")
    box.select("Merging").run()
    assert not test.exception


@pytest.mark.slow
def test_probe_lab_trains_on_click_with_baselines_beside_it(draw: Callable[..., AppTest]) -> None:
    test = draw("probe", data="simulated:200")
    next(button for button in test.button if button.label == "Train").click().run()
    settled(test)
    assert "classified correctly" in words(test)
    assert "95 % interval" in words(test)
    compared = [
        "This model",
        "Most frequent class",
        "Pixel PCA",
        "Hand-made statistics",
        "Random weights",
    ]
    assert list(tables(test)[0]["Features"]) == compared


def test_probe_lab_explains_data_without_labels(
    draw: Callable[..., AppTest], tmp_path: Path
) -> None:
    from astrojepa import plotting

    for k in range(8):
        picture = np.random.default_rng(k).integers(0, 255, (64, 64, 3), dtype=np.uint8)
        (tmp_path / f"{k}.jpg").write_bytes(plotting.encode_image(picture))
    test = draw("probe", data=str(tmp_path))
    assert "has no classes" in test.info[0].value


@pytest.mark.parametrize("page", ["models", "about"])
def test_page_of_facts_opens(draw: Callable[..., AppTest], page: str) -> None:
    assert len(words(draw(page))) > 400


def test_strangers_get_no_path_box_and_no_runs(draw: Callable[..., AppTest]) -> None:
    assert [box.key for box in draw("models").text_input] == ["path_to_load"]
    test = draw("models", hosted=True)
    assert not test.text_input
    models = next(box for box in test.selectbox if box.key == "checkpoint")
    assert not any("/" in option for option in models.options)


def test_ranking_can_be_of_one_class() -> None:
    places = colouring.ranks(np.array([0.1, 0.9, 0.5, 0.7]))
    assert ranking(places, np.array([0, 1, 0, 1]), None).tolist() == [1, 3, 2, 0]
    assert ranking(places, np.array([0, 1, 0, 1]), 0).tolist() == [2, 0]


def test_a_share_of_the_labels_keeps_every_class() -> None:
    labels = np.array([0] * 100 + [1] * 10 + [-1] * 5)
    chosen = tasks.known_share(labels, 0.01)
    assert sorted(labels[chosen].tolist()) == [0, 1]
    assert len(tasks.known_share(labels, 1.0)) == 110
