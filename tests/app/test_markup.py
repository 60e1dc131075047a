"""Text of the data is shown letter by letter on every page: it makes no icon, colour or formula."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from google.protobuf.json_format import MessageToDict
from page_runner import QUIET, run_page, settled
from streamlit.testing.v1 import AppTest

import astrojepa as aj
from app.session import loaders, state
from astrojepa import plotting
from astrojepa.evaluation.maps.islands import Islands

pytestmark = QUIET
NAMED = ":red[x] $y$ :material/home: *z* [l](u) :star: <= q"
# what Markdown reads, what Streamlit reads whether it is escaped or not, and what is escaped twice
AS_MARKUP = re.compile(r"(?<!\\)(:red|\$y|\*z|\[l)|:material|:star:|<= q|\\\\")
COUNT = 48
# fields of Streamlit's messages that it reads as Markdown, and elements that have none
FIELDS = {"body", "label", "help", "text", "caption", "content", "legend"}
PLAIN = {"text", "bidi_component", "arrow_data_frame"}


@pytest.fixture(scope="module")
def galaxies(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder of galaxies whose every name is markup."""
    folder = tmp_path_factory.mktemp("data") / NAMED.replace("/", "-")
    folder.mkdir()
    images = aj.open_dataset(f"simulated:{COUNT}")
    rows = []
    for row in range(COUNT):
        (folder / f"{row}.png").write_bytes(plotting.encode_image(images[row].image, "png"))
        words = {
            "label": f"{NAMED} {'ab'[row % 2]}" if row else "",
            "source": f"{NAMED} {'cd'[2 * row // COUNT]}",
            f"{NAMED} word": f"{NAMED} {row % 3}",
        }
        rows.append({"file": f"{row}.png", "id": f"{NAMED} {row}", "redshift": row / 100, **words})
    pd.DataFrame(rows).assign(**{f"{NAMED} number": np.arange(COUNT) % 7}).to_csv(
        folder / "labels.csv", index=False
    )
    return str(folder)


def marked_up(test: AppTest) -> list[str]:
    """What Streamlit takes for markup, of the text of the data: what is not escaped, exactly once."""
    told = [(node.type, *said) for node in _below(test._tree) for said in _texts(_told(node))]
    return [
        f"{kind}.{field}: {text}"
        for kind, field, text in told
        if kind not in PLAIN and field in FIELDS
        if AS_MARKUP.search(text)
    ]


def _told(node: Any) -> dict[str, Any]:
    proto = getattr(node, "proto", None)
    return {} if proto is None else MessageToDict(proto)


def _below(node: Any) -> Iterator[Any]:
    yield node
    for child in getattr(node, "children", {}).values():
        yield from _below(child)


def _texts(said: Any, field: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(said, dict):
        for name, value in said.items():
            yield from _texts(value, name)
    elif isinstance(said, list):
        for value in said:
            yield from _texts(value, field)
    elif isinstance(said, str):
        yield field, said


STATES: dict[str, tuple[str, dict[str, str], dict[str, Any]]] = {
    "map": ("map", {"colour": "source"}, {}),
    "filter": ("map", {"filter": "redshift < 0.3"}, {state.DIFFERENCES_OPEN: True}),
    "table": ("map", {"filter": "redshift < 0.3"}, {state.SELECTION_VIEW: "table"}),
    "search": ("map", {"like": "1.2", "unlike": "3"}, {state.HISTOGRAMS_OPEN: True}),
    "wrong filter": ("map", {"filter": f'"{NAMED}" < `{NAMED}`'}, {}),
    "clusters": ("map", {"colour": "feature cluster"}, {}),
    "unknown colour": ("map", {"colour": NAMED}, {}),
    "galaxy": ("galaxy", {}, {}),
    "anomalies": ("anomalies", {}, {}),
    "review": ("anomalies", {}, {state.BOARD_MODE: "review"}),
    "artefacts": ("anomalies", {}, {state.BOARD_MODE: "artefacts"}),
    "benchmark": ("anomalies", {}, {state.BOARD_MODE: "quality"}),
    "probe": ("probe", {"label": "source"}, {state.PROBE_ASKED: True}),
    "compare": ("compare", {}, {state.SECOND: "baseline"}),
    "models": ("models", {}, {}),
}


# of the map, whose parts draw most of the text
QUICK = {"map", "filter", "table", "search", "wrong filter", "unknown colour"}


@pytest.mark.parametrize(
    "shown",
    [pytest.param(name, marks=[pytest.mark.slow] * (name not in QUICK)) for name in STATES],
)
def test_text_of_the_data_is_never_markup(
    shown: str, galaxies: str, monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    page, query, further = STATES[shown]
    apart = ("source", Islands(0.9, 0.3))
    monkeypatch.setattr(loaders, "islands", lambda table, places: lambda report: apart)
    test = run_page(monkeypatch, pages_cache, page, data=galaxies, query=query)
    data = aj.open_dataset(galaxies)
    held = {NAMED: (1, 2, 3), f"{NAMED} 2": (4, 5, 6)}
    test.session_state[state.COLLECTIONS] = {data.galaxies_hash: held}
    for key, value in further.items():
        test.session_state[key] = value
    settled(test.run())
    test.session_state[state.CELL] = (0, 0)
    settled(test.run())
    assert not marked_up(test)
    assert any(NAMED in text for node in _below(test._tree) for _, text in _texts(_told(node)))
