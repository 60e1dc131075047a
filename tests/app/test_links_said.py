"""What a link names and is not there is said in one sentence, with what is shown instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from page_runner import QUIET, run_page, settled
from test_state import links

from app.components import instead
from app.session import state
from astrojepa.data.filters import MOST_LETTERS

pytestmark = QUIET
WRONG = {
    "model": "../../weights",
    "data": "x" * 201,
    "map": "umpa",
    "colour": "x" * 81,
    "galaxy": "-1",
    "id": "x" * 161,
    "label": "\n",
    "with": "a/b",
    "masks": "squares",
    "seed": "1e5",
    "drawn": "xyz",
    "drawing": "4d",
    "off": "a.b",
    "area": "!!",
    "filter": "x" * (MOST_LETTERS + 1),
    "like": "1.one",
    "images": "21",
    "unlike": "-1",
    "region": "0",
    "view": "list",
    "sort": "\x00",
    "order": "up",
    "columns": ",,",
    "tab": "best",
    "score": "KNN",
    "only": "\n",
    "artefacts": "yes",
    "page": "-3",
    "probe": "svm",
    "learn": "\t",
    "share": "500",
}


@pytest.mark.parametrize("name", [about.name for about in state.PARAMETERS.values()])
def test_a_parameter_in_a_wrong_form_is_named_and_nothing_of_it_is_taken(name: str) -> None:
    said = state.misread({name: WRONG[name], "unknown": "x"})
    assert said.startswith(f"The link's {name} {WRONG[name][:40]!r} is not valid; ")
    assert state.decode_link({name: WRONG[name]}) == state.Link()


@given(links)
def test_a_link_of_the_explorer_is_never_called_wrong(link: state.Link) -> None:
    assert state.misread(state.encode_link(link)) == ""


def test_names_of_files_in_other_languages_are_read() -> None:
    link = state.Link(model="modèle (2)", data="данные, 1+2")
    assert state.decode_link(state.encode_link(link)) == link


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sentences of all runs of a page about what stands in for what is not there."""
    told: list[str] = []
    monkeypatch.setattr(instead.st, "toast", lambda text, **options: told.append(text))
    return told


def test_a_model_and_data_that_are_not_here_are_named_with_what_is_shown(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    query = {"model": "nosuch", "data": "nowhere", "map": "umpa", "galaxy": "x"}
    test = run_page(monkeypatch, pages_cache, "map", query=query)
    shown = " ".join(one.value for one in test.info).replace("\\", "")
    assert "The link's map 'umpa', galaxy 'x' are not valid; the page opens without them." in shown
    assert (
        "The link was made with the model nosuch and the data set nowhere; shown here: random "
        "weights (control) and simulated galaxies."
    ) in shown
    right = {"model": "random", "data": "simulated:60", "map": "pca", "galaxy": "0"}
    assert not run_page(monkeypatch, pages_cache, "map", query=right).info


@pytest.mark.parametrize(
    ("page", "query", "sentence"),
    [
        ("map", {"colour": "age"}, "cannot be coloured by 'age'; class is shown"),
        (
            "map",
            {"filter": "snr > 20", "sort": "age"},
            "cannot be sorted by 'age'; they are sorted by 'Anomaly score'",
        ),
        (
            "map",
            {"filter": "snr > 20", "view": "table", "columns": "age,snr"},
            "have no column 'age'; the table shows the others",
        ),
        ("map", {"label": "age"}, "cannot be labelled by 'age'; their own labels are shown"),
        ("anomalies", {"only": "Lens"}, "have no class 'Lens'; all classes are shown"),
        ("anomalies", {"page": "9"}, "This list has no page 9; page 3 is shown"),
        (
            "anomalies",
            {"score": "nosuch"},
            "'nosuch' is not available for random weights (control); ",
        ),
        (
            "probe",
            {"learn": "age", "probe": "linear"},
            "have no target 'Age'; 'Classes of the data' is chosen",
        ),
        ("galaxy", {"masks": "drawn", "drawn": "ff"}, "its central patches are hidden"),
    ],
)
def test_what_is_not_there_is_named_with_what_is_shown(
    monkeypatch: pytest.MonkeyPatch,
    pages_cache: Path,
    said: list[str],
    page: str,
    query: dict[str, str],
    sentence: str,
) -> None:
    run_page(monkeypatch, pages_cache, page, query=query)
    assert [sentence in one.replace("\\", "") for one in said] == [True], said


def test_a_page_of_the_leaderboard_that_no_link_named_is_left_without_a_word(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, said: list[str]
) -> None:
    test = run_page(monkeypatch, pages_cache, "anomalies", query={"page": "3"})
    test.session_state[state.BOARD_PAGE] = 8  # of other galaxies
    settled(test.run())
    assert test.session_state[state.BOARD_PAGE] == 2
    assert not said


def test_what_a_link_named_is_not_missed_in_other_data_that_were_chosen_since(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    flags = ("--data=simulated:60", "--data=simulated:70")
    test = run_page(monkeypatch, pages_cache, "map", query={"page": "9"}, flags=flags)
    assert state.BOARD_PAGE in test.session_state[state.LINKED]
    other = next(name for name in test.selectbox(key=state.SOURCE).options if "70" in name)
    settled(test.selectbox(key=state.SOURCE).select(other).run())
    assert test.session_state[state.SOURCE] == other
    assert state.LINKED not in test.session_state


def test_a_region_of_another_grid_is_refused_in_one_sentence_and_the_search_can_be_ended(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    query = {"region": "3.ff", "filter": "search_rank <= 100", "sort": "search_rank"}
    test = run_page(monkeypatch, pages_cache, "map", query=query)
    (error,) = test.error
    assert "does not fit the" in error.value
    assert "draw it again on the Galaxy page" in error.value
    (end,) = (button for button in test.button if button.label == "End search")
    test = settled(end.click().run())
    assert not test.error
    assert test.text_input(key=state.FILTER).value == ""


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"region": "9999.ff"}, "The region is of galaxy number 9999, but there are 60 galaxies"),
        ({"region": "3.ff", "model": "baseline"}, "which needs a model"),
        ({"like": "3.9999"}, "and number 9999 is not among the 60 galaxies here"),
        ({"like": "9998.9999"}, "and numbers 9998, 9999 are not among the 60 galaxies here"),
        ({"filter": "search_rank < 9"}, "search\\_rank, which is a column while there is a search"),
        ({"filter": "probe_prediction == 'x'"}, "once a probe is trained in the Probe lab"),
    ],
)
def test_a_search_that_cannot_be_made_says_why(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, query: dict[str, str], sentence: str
) -> None:
    test: Any = run_page(monkeypatch, pages_cache, "map", query=query)
    assert [sentence in one.value for one in test.error] == [True], test.error
