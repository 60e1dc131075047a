"""What the load benchmark says of its measurements, and that its visitors are shown the galaxies
that they click.
"""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks import app_load
from benchmarks.app_clients import Tally, Visitor, run


def test_percentiles_are_milliseconds():
    found = app_load.percentiles([0.001 * i for i in range(101)])
    assert found == pytest.approx({"p50_ms": 50, "p95_ms": 95, "max_ms": 100})
    assert app_load.percentiles([]) is None


def test_growth_is_the_slope_of_the_last_minutes_only():
    minutes = [float(i) for i in range(31)]
    held = [100 + 50.0 * min(i, 10) + 2.0 * max(i - 10, 0) for i in range(31)]
    found = app_load.growth(minutes, held)
    assert found == pytest.approx({"minutes": 20, "mb_per_minute": 2, "end_minus_start_mb": 40})
    assert app_load.growth(minutes, held, window=30)["mb_per_minute"] > 5
    assert app_load.growth([0.0], [100.0]) is None


@pytest.mark.parametrize(
    ("errors", "wrong", "seconds", "met"),
    [([], [], 0.2, True), (["x"], [], 0.2, False), ([], ["x"], 0.2, False), ([], [], 2, False)],
)
def test_bars_are_no_error_no_wrong_answer_and_a_soon_answer(errors, wrong, seconds, met):
    found = app_load.summary(Tally(answered=[seconds] * 20, errors=errors, wrong=wrong, clicks=20))
    assert found["met"] is met
    assert (found["errors"], found["wrong_answers"]) == (len(errors), len(wrong))


def test_nobody_clicked_is_no_success():
    assert app_load.summary(Tally())["met"] is False


def card(row: int, name: str, heading: str = "") -> tuple[ForwardMsg, ForwardMsg, ForwardMsg]:
    """The messages of a run that draws a card: its heading, and its link."""
    begun, headed, linked = ForwardMsg(), ForwardMsg(), ForwardMsg()
    begun.new_session.main_script_path = "main.py"
    headed.delta.new_element.heading.body = heading or name
    component = linked.delta.new_element.bidi_component
    component.component_name = "astrojepa_copy_link"
    component.json = json.dumps({"query": urlencode({"galaxy": row, "id": name})})
    return begun, headed, linked


def heard(*messages: ForwardMsg) -> Tally:
    """What a visitor who had galaxy 3 and clicked galaxy 7 takes down."""

    async def listen() -> Tally:
        visitor = Visitor("http://localhost:1", Tally())
        visitor.allowed = (7, 3)
        for message in messages:
            visitor._hear(message)
        return visitor.tally

    return run(listen)


def test_the_galaxy_of_another_visitor_is_a_wrong_answer():
    assert heard(*card(3, "c"), *card(7, "g")).wrong == []
    assert heard(*card(7, "g"), *card(5, "e")).wrong == [
        "galaxy 5 was shown to one who had clicked 7"
    ]
    assert heard(*card(7, "g"), *card(7, "h")).wrong == ["galaxy 7 was called h and g"]
    assert heard(*card(3, "g"), *card(7, "g")).wrong == ["g was galaxy 7 and 3"]
    assert heard(*card(7, "g", heading="e")).wrong == ["the card of g is headed ['e']"]


def test_exceptions_and_errors_on_the_page_are_errors():
    broken, told, warned = ForwardMsg(), ForwardMsg(), ForwardMsg()
    broken.delta.new_element.exception.type = "KeyError"
    told.delta.new_element.alert.body, told.delta.new_element.alert.format = (
        "Gone.",
        told.delta.new_element.alert.ERROR,
    )
    warned.delta.new_element.alert.body, warned.delta.new_element.alert.format = (
        "Slow.",
        warned.delta.new_element.alert.WARNING,
    )
    assert heard(broken, told, warned).errors == ["exception: KeyError: ", "shown: Gone."]


@pytest.mark.slow(15)
def test_two_visitors_are_shown_the_galaxies_that_they_click(tmp_path, monkeypatch):
    monkeypatch.setattr(app_load, "MAP", "pca")  # compiling UMAP takes longer than the visit
    out = tmp_path / "found.json"
    visitors = ["--clients", "2", "--browsers", "0", "--think", "0.5", "--minutes", "0.05"]
    app_load.main(
        ["--data", "simulated:200", "--checkpoint", "random", *visitors, "--out", str(out)]
    )
    found = json.loads(out.read_text())
    told = found["kinds"]["websocket"]
    assert told["clicks"] >= 2
    assert told["click_to_card"] is not None
    assert (told["errors"], told["wrong_answers"], found["server_exceptions"]) == (0, 0, 0), told[
        "what"
    ]
    assert found["memory"]["peak_mb"] >= found["memory"]["private_mb"][0] > 0
