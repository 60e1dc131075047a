"""JSON files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from astrojepa.files import read_json, write_json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(' []\n",1a'),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(' []\n",1a'), inner),
    max_leaves=12,
)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.text(), VALUES))
def test_json_is_read_as_it_was_written(tmp_path: Path, value: dict[str, object]) -> None:
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value


def test_a_list_of_numbers_takes_one_line(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"confusion": [[1, 2], [3, 4]], "names": ["a"]})
    lines = (tmp_path / "a.json").read_text().splitlines()
    assert [line.strip() for line in lines] == [
        "{", '"confusion": [', "[ 1, 2 ],", "[ 3, 4 ]", "],", '"names": [', '"a"', "]", "}",
    ]  # fmt: skip
