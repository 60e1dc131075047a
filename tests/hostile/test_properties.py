"""What holds for every input whatever, tried on hypothesis's inputs: the same ones each time,
and many more at night.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.components.confusion.confusion import read_cell
from app.components.escape_markdown import escape_markdown
from app.components.latent_map import geometry
from app.components.patch_panel import masks
from app.pages.map import search
from app.server import pictures
from app.session import collections, marks, state, uploads
from astrojepa import files
from astrojepa.config import TrainConfig
from astrojepa.data.coordinates import parse_coordinates
from astrojepa.evaluation.probes.portable import probe_from_dict
from astrojepa.wording import LONGEST, one_line
from tests.hostile.trial import LONGEST as LONGEST_REFUSAL

QUICK = 50
NIGHTLY = max(QUICK, int(os.environ.get("HOSTILE_CASES", "24000")) // 24)

TEXT = st.text(max_size=300) | st.text(
    "=+-@\t\r\n `*_[]()<>$~&:!#.|'\",;0123456789abc/\\", max_size=60
)
NUMBERS = (
    st.integers() | st.floats() | st.booleans() | st.sampled_from([10**400, -(10**400), 2**63])
)
LEAVES = st.none() | NUMBERS | TEXT
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=20,
)
NAMES = sorted(TrainConfig().to_dict())
GROUP = st.sampled_from(
    [value for value in TrainConfig().to_dict().values() if isinstance(value, dict)]
)
SETTINGS = GROUP.flatmap(
    lambda group: st.dictionaries(st.sampled_from(sorted(group)), JSON, max_size=3)
)
PARAMETERS = (
    "model",
    "data",
    "map",
    "galaxy",
    "id",
    "colour",
    "with",
    "masks",
    "seed",
    "drawn",
    "area",
    "drawing",
    "off",
    "score",
    "only",
)


def refused(read: Callable[[], Any]) -> bool:
    """Whether a reader refuses, which it may in one printable sentence only."""
    sentence = None
    try:
        read()
    except ValueError as error:
        sentence = str(error)
    assert sentence is None or (10 <= len(sentence) <= LONGEST_REFUSAL and sentence.isprintable())
    return sentence is not None


def check_config(values: Any) -> None:
    if not refused(lambda: TrainConfig.from_dict(values)):
        config = TrainConfig.from_dict(values)
        assert (
            TrainConfig.from_dict(json.loads(json.dumps(config.to_dict(), allow_nan=False)))
            == config
        )


def check_link(parameters: dict[str, str]) -> None:
    link = state.decode_link(parameters)
    written = state.encode_link(link)
    assert state.decode_link(written) == link
    assert all(len(value) <= 2_000 and value.isprintable() for value in written.values())
    assert not {"/", "\\"} & set(link.model + link.data + link.second)


def check_polygons(message: Any) -> None:
    polygons = geometry.read_polygons(message)
    assert len(polygons) <= geometry.MAX_POLYGONS
    assert all(3 <= len(polygon) <= geometry.MAX_CORNERS for polygon in polygons)
    assert all(np.isfinite(polygon).all() for polygon in polygons)


def check_answers(message: Any) -> None:
    codes = state.read_codes(message)
    assert list(codes) == sorted({*codes} & {*range(256)})
    cell = read_cell(message, 3)
    assert cell is None or list(cell) == message
    hidden = masks.read_mask(message, 8)
    assert hidden is None or masks.write_mask(hidden) == message


def check_cell(text: str) -> None:
    (row,) = csv.reader(
        io.StringIO(files.csv_text(["name"], [[text]]).partition("\n")[2], newline="")
    )
    assert not row[0].lstrip(" \n").startswith(("=", "+", "-", "@", "\t", "\r"))
    assert text.replace("\r", "\n") in row[0]


def check_plain(text: str) -> None:
    written = escape_markdown(text)
    bare = re.sub(r"\\[\\`*_\[\]<>$~&:#+.)-]", " ", written)
    assert not re.search(r"[\\`*_\[\]<>$~&]|:(?=[\w/])|\n", bare.replace(": ", ""))
    joined = re.sub(r"\\([^a-zA-Z0-9\s])", r"\1", written)
    shown = joined.replace("\N{WORD JOINER}", "")
    assert shown == " ".join(text.split()).replace("\N{WORD JOINER}", "")
    assert not re.search(r":(material/|(?!\d\d:)[\w+-]+:)", joined)


def check_line(text: str) -> None:
    line = one_line(text * 3)
    assert line.isprintable()
    assert len(line) <= LONGEST
    assert line == text * 3 or len(text) * 3 > LONGEST or not text.isprintable()


def check_names(text: str) -> None:
    name = uploads.clean_name(text)
    assert 1 <= len(name) <= 60
    assert not re.search(r"[/\\<>\n*\[`]", name)
    assert len(collections.clean_name(text)) <= collections.MAX_NAME


def check_rows(text: str) -> None:
    if not refused(lambda: pictures.read_rows(text, 200)):
        rows = pictures.read_rows(text, 200)
        assert 1 <= len(rows) <= pictures.MAX_ROWS
        assert all(0 <= row < 200 for row in rows)


def check_search(text: str) -> None:
    ids, place = np.array(["a", "NGC 4"]), np.array([1.0, 2.0])
    found = search.search(text, ids, ("Merging",), place, place, parse_coordinates)
    assert found.row in (None, 0, 1)
    refused(lambda: parse_coordinates(text))


def check_marks(text: str) -> None:
    refused(
        lambda: marks.read_marks(
            "m.csv", f"id,mark\n{text}".encode(errors="replace"), ["a", "b"]
        ).sentence("0123")
    )


def check_probe(values: Any) -> None:
    whole = {"format": "astrojepa-probe-1", "kind": "linear", "classes": ["a", "b"], "setting": ""}
    whole |= {
        "standardisation": {"shift": [0.0], "factor": [1.0]},
        "layers": [{"weights": [[1.0, 2.0]], "bias": [0.0, 0.0]}],
    }
    probe_from_dict(whole)
    refused(lambda: probe_from_dict(values))
    for name in whole:
        refused(lambda name=name: probe_from_dict({**whole, name: values}))


ONE_GROUP = st.builds(lambda group, values: {group: values}, st.sampled_from(NAMES), SETTINGS)
PROPERTIES: dict[str, tuple[st.SearchStrategy[Any], Callable[[Any], None]]] = {
    "a config is refused or survives JSON": (
        st.builds(lambda group, values: {group: values}, st.sampled_from(NAMES), SETTINGS),
        check_config,
    ),
    "a config of any JSON is refused or read": (JSON, check_config),
    "a link that was read is written and read the same": (
        st.dictionaries(st.sampled_from(PARAMETERS), TEXT),
        check_link,
    ),
    "polygons are few, short and finite": (JSON, check_polygons),
    "codes, cells and masks are what was asked for": (JSON, check_answers),
    "no cell of an export is a formula": (TEXT.filter(lambda text: "\0" not in text), check_cell),
    "markup is shown, not obeyed": (TEXT, check_plain),
    "a message is one printable line": (TEXT, check_line),
    "names are short and lead nowhere": (TEXT, check_names),
    "rows of pictures exist": (TEXT, check_rows),
    "the search box finds a galaxy that is there": (TEXT, check_search),
    "marks are taken over or refused": (TEXT, check_marks),
    "a probe is refused or read": (JSON, check_probe),
}


@pytest.mark.parametrize(
    "cases", [QUICK, pytest.param(NIGHTLY, marks=pytest.mark.nightly)], ids=["quick", "all"]
)
@pytest.mark.parametrize("name", PROPERTIES)
def test_for_every_input(name: str, cases: int) -> None:
    strategy, check = PROPERTIES[name]
    tried = 0

    @settings(
        max_examples=cases,
        derandomize=True,
        database=None,
        deadline=5000,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def holds(value: Any) -> None:
        nonlocal tried
        tried += 1
        check(value)

    holds()
    assert tried >= cases
