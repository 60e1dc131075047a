"""The permalink: what goes in comes out, what is not a link is ignored, what differs is said."""

from __future__ import annotations

import urllib.parse

import numpy as np
import pytest
import streamlit
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from app import shell
from app.session import state
from astrojepa.data.filters import MOST_LETTERS, on_one_line

hashes = st.from_regex(r"[0-9a-f]{8,16}", fullmatch=True)
files = st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=255)
names = st.builds(str.__add__, files, st.just("") | st.just("@") | hashes.map("@{}".format)).map(
    state.name_in_link
)
words = st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=60).filter(
    str.isprintable
)
units = st.integers(-200_000, 200_000)
corners = st.tuples(units, units)
rows = st.lists(st.integers(0, state.MAX_ROW), unique=True, max_size=state.MOST_EXAMPLES).map(tuple)
links = st.builds(
    state.Link,
    model=names,
    model_hash=st.just("") | hashes,
    data=names,
    data_hash=st.just("") | hashes,
    second=names,
    projection=st.sampled_from(sorted(state.PROJECTIONS)),
    colour=words,
    row=st.none() | st.integers(0, state.MAX_ROW),
    id=words,
    drawing=st.sampled_from(["", "space"]),
    off=st.lists(st.integers(0, 255), unique=True, max_size=12).map(
        lambda codes: tuple(sorted(codes))
    ),
    filter=words.map(on_one_line),
    view=st.sampled_from(["", "table"]),
    order=words,
    direction=st.sampled_from(["", "lowest", "highest", "reversed"]),
    columns=st.lists(words.filter(bool), unique=True, max_size=state.MOST_COLUMNS).map(tuple),
    like=rows,
    unlike=rows,
    region=st.from_regex(r"[0-9]{1,10}\.[0-9a-f]{1,1024}", fullmatch=True),
    polygons=st.lists(st.lists(corners, min_size=3, max_size=30).map(tuple), max_size=8).map(tuple),
)


@given(links)
def test_a_link_survives_the_address_bar(link: state.Link) -> None:
    query = urllib.parse.urlencode(state.encode_link(link))
    assert state.decode_link(dict(urllib.parse.parse_qsl(query))) == link


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "model",
                "data",
                "map",
                "colour",
                "galaxy",
                "id",
                "drawing",
                "off",
                "area",
                "filter",
                "like",
                "unlike",
                "region",
                "view",
                "sort",
                "columns",
            ]
        ),
        st.text(max_size=600),
    )
)
def test_any_address_gives_a_bounded_link(parameters: dict[str, str]) -> None:
    link = state.decode_link(parameters)
    assert link.projection in {"", *state.PROJECTIONS}
    assert link.row is None or 0 <= link.row <= state.MAX_ROW
    assert link.drawing in {"", *state.DRAWINGS}
    assert all(0 <= code < 256 for code in link.off)
    assert len(link.like) <= state.MOST_EXAMPLES
    assert all(0 <= row <= state.MAX_ROW for row in (*link.like, *link.unlike))
    assert len(link.polygons) <= 8
    assert link.view in {"", *state.VIEWS}
    assert len(link.columns) <= state.MOST_COLUMNS
    assert max(map(len, (link.order, *link.columns))) <= 80
    assert len(link.filter) <= MOST_LETTERS
    assert max(map(len, (link.model, link.data, link.colour, link.id))) <= 200
    assert "/" not in link.model + link.data, "no path comes in by the address"


@pytest.mark.parametrize(
    ("text", "name", "digest"),
    [
        ("small.lejepa@0123abcd", "small.lejepa", "0123abcd"),
        ("one:set.h5 z=1, (2)", "one:set.h5 z=1, (2)", ""),
        ("@0123abcd", "", "0123abcd"),
        ("a@", "a", ""),
        ("a@b", "a@b", ""),
        ("a@b@0123abcd", "a@b", "0123abcd"),
        ("a@0123abcd@", "a@0123abcd", ""),
        ("NGC & 100% [v2] #1; ~'x'.h5@0123abcd", "NGC & 100% [v2] #1; ~'x'.h5", "0123abcd"),
    ],
)
def test_a_name_ends_at_the_last_at_sign_that_a_hash_follows(
    text: str, name: str, digest: str
) -> None:
    assert state.misread({"data": text}) == ""
    assert state.decode_link({"data": text}) == state.Link(data=name, data_hash=digest)
    if text != "a@":
        assert state.encode_link(state.Link(data=name, data_hash=digest)) == {"data": text}


def test_paths_are_not_names() -> None:
    link = state.decode_link(
        {"model": "../../etc/passwd", "data": "..\\x@12345678", "galaxy": "-1", "map": "3d"}
    )
    assert link == state.Link(data_hash="12345678")


IDS = np.array(["a", "b", "c"])


def test_same_data_and_row_are_found_without_a_word() -> None:
    assert state.locate(
        state.Link(row=1, id="b", data_hash="12345678"), IDS, "1234567890abcdef"
    ) == (1, "")


def test_galaxy_is_followed_by_its_id_when_rows_have_moved() -> None:
    assert state.locate(state.Link(row=0, id="c"), IDS, "f" * 16) == (2, "")


def test_a_missing_galaxy_is_named() -> None:
    row, sentence = state.locate(state.Link(row=9, id="nobody"), IDS, "f" * 16)
    assert row is None
    assert "nobody" in sentence


def test_a_bare_row_of_another_data_set_is_opened_with_a_warning() -> None:
    row, sentence = state.locate(state.Link(row=2, data_hash="0" * 8), IDS, "f" * 16)
    assert row == 2
    assert "another data set" in sentence


def test_differences_are_said_in_one_sentence_and_silence_means_none() -> None:
    link = state.Link(model="m", model_hash="aaaaaaaa", data="d", data_hash="bbbbbbbb")
    assert state.differences(link, "m", "aaaaaaaa11111111", "d", "bbbbbbbb11111111") == ""
    sentence = state.differences(link, "other", "cccccccc11111111", "d", "bbbbbbbb11111111")
    assert (
        sentence == "The link was made with the model m (aaaaaaaa); shown here: other (cccccccc)."
    )


def test_the_usual_map_adds_nothing_to_the_address() -> None:
    assert state.encode_link(state.Link(row=3, drawing="canvas")) == {"galaxy": "3"}


def test_a_box_costs_a_link_32_characters() -> None:
    box = ((0, 0), (65535, 0), (65535, 65535), (0, 65535))
    assert len(state.encode_link(state.Link(polygons=(box,)))["area"]) == 32


def test_what_the_browser_says_is_hidden_is_checked() -> None:
    assert state.read_codes([3, 1, 3, -1, 256, True, "2", 2.0]) == (1, 3)
    assert state.read_codes("1.2") == ()


def _visit() -> None:
    from app import shell

    shell.run()


@pytest.mark.filterwarnings("ignore::DeprecationWarning:streamlit", "ignore::ResourceWarning")
def test_a_choice_outlives_a_page_that_is_left_while_it_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shell, "draw", lambda *page: streamlit.stop())
    test = AppTest.from_function(_visit, default_timeout=120)
    test.session_state[state.CHECKPOINT] = "mine.safetensors"
    test.run()
    del test.session_state[state.CHECKPOINT]  # as Streamlit does with a menu that is not drawn
    test.run()
    assert test.session_state[state.CHECKPOINT] == "mine.safetensors"
