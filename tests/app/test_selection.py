"""What lasso and filter choose: its order, its captions, its export."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from astropy.io import votable
from astropy.io.votable.ucd import check_ucd
from astropy.table import Table
from exported import read_back
from page_runner import QUIET, numbers, run_page, tables, words
from pyarrow import parquet
from streamlit.testing.v1 import AppTest

import astrojepa as aj
from app.pages.map import selection
from app.session import columns, export, state
from astrojepa.data.values import Numbers
from astrojepa.tables import WRITERS, Column

pytestmark = QUIET
ROWS = np.array([3, 0, 7])
MORE = [Column("anomaly_score_knn", np.array([0.5, 0.25, 0.125]), "distance")]
FACTS = {"model": "mine", "model_hash": "0123", "filter": "snr > 20"}


def workspace(count: int = 40) -> Any:
    data = aj.open_dataset(f"simulated:{count}")
    scores = np.linspace(1, 2, count)
    return SimpleNamespace(
        data=data,
        scores=scores,
        places=np.arange(count, 0, -1),
        labelled=True,
        opened={},
        key=("model", "data"),
        embeddings=None,
        selected=2,
    )


def test_galaxies_are_sorted_by_score_by_similarity_or_by_any_column_unknown_ones_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = workspace()
    rows = np.arange(40)
    vectors = np.abs(rows - 2.0)[:, None]
    monkeypatch.setattr(selection.loaders, "features", lambda *key: vectors)
    by_score = np.argsort(selection.sort_values(shown, rows, "anomaly score"))
    assert by_score.tolist() == rows[::-1].tolist()
    near = np.argsort(selection.sort_values(shown, rows, selection.SIMILARITY), kind="stable")
    assert near[:4].tolist() == [2, 1, 3, 0]
    values = selection.sort_values(shown, rows, "pitch_deg")
    known = shown.data.table["pitch_deg"].replace("", "nan").astype(float).to_numpy()
    np.testing.assert_array_equal(values, known)
    turned = selection.in_order(values, reverse=True)
    unknown = int(np.isnan(known).sum())
    assert 0 < unknown < 40
    assert np.isnan(known[turned[-unknown:]]).all()
    assert (np.diff(known[turned[:-unknown]]) <= 0).all()
    assert selection.in_order(np.array([1.0, 2, np.nan, 2, 1]), True).tolist() == [1, 3, 0, 4, 2]
    assert selection.sort_values(shown, rows, "class")[0] == sorted(shown.data.classes).index(
        shown.data.classes[shown.data.labels[0]]
    )


def test_a_caption_says_what_is_sorted_by() -> None:
    shown = workspace()
    rows, values = np.array([3, 5]), np.array([1234.0, 2.0])
    assert selection.captions(shown, "anomaly score", rows, values)[0] == "rank 1,234"
    assert selection.captions(shown, selection.SIMILARITY, rows, values)[1] == "distance 2.00"
    snr = float(shown.data.table["snr"].iloc[3])
    assert selection.captions(shown, "snr", rows, values)[0] == f"snr {snr:.4g}"
    unknown = np.isnan(selection.sort_values(shown, np.arange(40), "pitch_deg"))
    rows = np.flatnonzero(unknown)[:1]
    assert selection.captions(shown, "pitch_deg", rows, values[:1]) == ["pitch deg unknown"]


@pytest.mark.slow
@pytest.mark.parametrize("ending", [ending for ending in WRITERS if ending != ".csv"])
def test_an_export_holds_ids_scores_columns_and_what_it_was_made_from(
    ending: str, tmp_path: Path
) -> None:
    data = aj.open_dataset("simulated:10")
    path = tmp_path / f"galaxies{ending}"
    path.write_bytes(export.table_file(ending, data, ROWS, MORE, FACTS))
    if ending == ".parquet":
        table = parquet.read_table(path)
        about = {name.decode(): text.decode() for name, text in table.schema.metadata.items()}
        ids, snr = table["id"].to_pylist(), table["snr"].to_pylist()
        assert about["filter"] == "snr > 20"
        assert about["data_fingerprint"] == data.fingerprint
    else:
        kind = {".ecsv": "ascii.ecsv", ".fits": "fits"}.get(ending, "votable")
        table = Table.read(path, format=kind)
        ids, snr = [str(name) for name in table["id"]], list(table["snr"])
        assert "snr > 20" in path.read_text(errors="replace").replace("&gt;", ">")
    assert ids == [str(data.ids[row]) for row in ROWS]
    np.testing.assert_allclose(snr, data.table["snr"].astype(float).iloc[ROWS])


def test_an_export_holds_the_rank_and_the_distance_of_a_search(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = workspace()
    ranks = np.arange(40.0, 0, -1)
    found = {"class": None, "search_rank": Numbers(ranks), "search_distance": Numbers(ranks / 8)}
    monkeypatch.setattr(selection.columns, "columns_of", lambda page: found)
    shown.made_by = ("mine", "0123")
    said = {column.name: column for column in selection.further(shown, ROWS)[0]}
    assert said["search_rank"].array.tolist() == [37, 40, 33]
    assert said["search_distance"].array.tolist() == [4.625, 5, 4.125]
    assert "most like" in said["search_rank"].description


def test_a_position_is_exported_with_its_unit(tmp_path: Path) -> None:
    ra = np.linspace(10, 300, 10)
    data = dataclasses.replace(aj.open_dataset("simulated:10"), ra=ra, dec=ra / 10)
    path = tmp_path / "galaxies.vot"
    path.write_bytes(export.table_file(".vot", data, ROWS, MORE, FACTS))
    table = Table.read(path, format="votable")
    assert str(table["ra"].unit) == "deg"
    np.testing.assert_array_equal(table["ra"], data.ra[ROWS])
    fields = votable.parse_single_table(path).fields
    said = {field.name: field.ucd for field in fields if field.ucd}
    assert said["ra"] == "pos.eq.ra;meta.main"
    assert said["dec"] == "pos.eq.dec;meta.main"
    assert said["id"] == "meta.id;meta.main"
    assert all(check_ucd(ucd, check_controlled_vocabulary=True) for ucd in said.values())


def test_csv_names_model_and_data_in_columns_as_before() -> None:
    data = aj.open_dataset("simulated:10")
    text = export.table_file(".csv", data, ROWS, MORE, FACTS).decode()
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [line["anomaly_score_knn"] for line in lines] == ["0.5", "0.25", "0.125"]
    assert {line["model"] for line in lines} == {"mine"}
    assert {line["data"] for line in lines} == {data.name}
    assert {"id", "class", "ra_deg", "dec_deg", "redshift", "snr"} <= set(lines[0])


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("ending", [".ecsv", ".vot", ".fits", ".parquet"])
def test_every_format_holds_what_csv_holds_model_and_data_as_facts_and_nothing_that_is_unknown(
    ending: str, known: bool
) -> None:
    data = aj.open_dataset("simulated:10")
    values = np.linspace(10, 30, 10) if known else np.full(10, np.nan)
    data = dataclasses.replace(data, ra=values, dec=values, redshift=values / 100)
    in_csv = read_back(".csv", export.table_file(".csv", data, ROWS, MORE, FACTS))[0]
    found, facts = read_back(ending, export.table_file(ending, data, ROWS, MORE, FACTS))
    for name, fact in (("model", "mine"), ("data", data.name)):
        assert facts[name] == fact
        assert set(in_csv.pop(name)) == {fact}
    where = {"ra_deg": "ra", "dec_deg": "dec"}  # whose unit stands in their name
    expected = {where.get(name, name) for name in in_csv}
    assert set(found) == (expected if known else expected - {"ra", "dec", "redshift"})


def test_the_table_lists_the_chosen_columns_of_the_selection_in_its_order(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    draw: Callable[..., AppTest] = partial(run_page, monkeypatch, pages_cache, "map")
    test = draw(query={"map": "pca", "filter": "snr > 20"})
    test.session_state["selection_view"] = "table"
    test.session_state["selection_order"] = "snr"
    test.session_state["table_columns"] = ["class", "snr"]
    test.run()
    assert not test.exception
    table = tables(test)[0]
    assert list(table.columns) == ["id", "class", "snr", "image"]
    snr = numbers(table["snr"])
    assert snr == sorted(snr, reverse=True)
    assert min(snr) > 20
    assert f"{len(table)} galaxies selected" in words(test)
    data = aj.open_dataset("simulated:60")
    row = int(np.flatnonzero(data.ids == table["id"].iloc[0])[0])
    assert table["image"].iloc[0].endswith(f"/48?rows={row}")


@pytest.mark.parametrize(
    ("order", "column", "sign"),
    [
        ("snr", "snr", -1),
        ("anomaly score", "anomaly_score", -1),
        (selection.SIMILARITY, selection.DISTANCE, 1),
        ("search_rank", "search_rank", 1),
        ("search_distance", "search_distance", 1),
    ],
)
def test_the_column_that_the_selection_is_sorted_by_stands_in_its_table(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, order: str, column: str, sign: int
) -> None:
    query = {"map": "pca", "galaxy": "7", "like": "3", "filter": "snr > 20", "view": "table"}
    query |= {"sort": order, "order": "highest", "columns": "class"}
    test = run_page(monkeypatch, pages_cache, "map", query=query)
    (table,) = tables(test)
    assert list(table.columns) == ["id", column, "class", "image"]
    values = numbers(table[column])
    assert values == sorted(values, key=lambda value: sign * value)
    assert test.session_state["table_columns"] == ["class"], "what was chosen stays"


def test_a_second_click_on_a_heading_turns_the_order_and_another_column_begins_as_usual(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session: dict[str, Any] = {"gallery_page": 3}
    monkeypatch.setattr(selection.st, "session_state", session)
    for name, turned in (("snr", False), ("snr", True), ("snr", False), ("snr", True)):
        selection.sort_by(name)
        assert (session["selection_order"], session["selection_reversed"]) == (name, turned)
    selection.sort_by("class")
    assert (session["selection_order"], session["selection_reversed"]) == ("class", False)
    assert session["gallery_page"] == 0


@pytest.mark.parametrize(
    ("query", "sign"),
    [({"sort": "nosuch", "order": "lowest"}, -1), ({"order": "lowest"}, 1)],
)
def test_the_order_of_what_is_not_there_is_not_taken_over_by_the_score(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, query: dict[str, str], sign: int
) -> None:
    query |= {"map": "pca", "filter": "snr > 20", "view": "table", "columns": "anomaly_score"}
    test = run_page(monkeypatch, pages_cache, "map", query=query)
    values = numbers(tables(test)[0]["anomaly_score"])
    assert values == sorted(values, key=lambda value: sign * value)


@pytest.mark.parametrize("name", [selection.DISTANCE, selection.SIMILARITY, "anomaly score"])
def test_a_column_that_is_called_as_the_explorer_s_own_order_is_no_order_of_its_own(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, name: str
) -> None:
    readers = columns._readers

    def with_one_more(shown: Any) -> Any:
        values = Numbers(np.arange(len(shown.data), dtype=np.float64))
        return {**readers(shown), name: lambda: values}

    monkeypatch.setattr(columns, "_readers", with_one_more)
    query = {"map": "pca", "galaxy": "7", "filter": "snr > 20", "view": "table", "sort": name}
    test = run_page(monkeypatch, pages_cache, "map", query=query | {"columns": f"{name},snr"})
    options = test.selectbox(key=state.SELECTION_ORDER).options
    assert len(set(options)) == len(options)
    (table,) = tables(test)
    column = selection.DISTANCE if name == selection.SIMILARITY else "anomaly_score"
    assert list(table.columns) == ["id", column, "snr", "image"], "the explorer's own"
