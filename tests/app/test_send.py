"""Galaxies sent to other programs of the desktop from the explorer, and never from a hosted one."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table
from page_runner import QUIET, run_page, words

import astrojepa as aj
from app.session import export
from tests.test_samp import hub, topcat  # noqa: F401  (fixtures)

pytestmark = QUIET


@pytest.mark.slow
def test_the_leaderboard_is_sent_in_its_order_to_a_program_at_the_hub(
    monkeypatch: pytest.MonkeyPatch,
    pages_cache: Path,
    topcat: dict[str, Any],  # noqa: F811
) -> None:
    test = run_page(
        monkeypatch, pages_cache, "anomalies", query={"score": "knn", "artefacts": "shown"}
    )
    test.button(key="send_leaderboard").click().run()
    assert topcat["event"].wait(20)
    assert "Sent 60 galaxies to topcat." in words(test)
    table = Table.read(url2pathname(urlsplit(topcat["url"]).path), format="votable")
    assert table["rank"].tolist() == list(range(1, 61))
    assert (np.diff(table["value"]) <= 0).all()
    assert set(table["id"]) == set(aj.open_dataset("simulated:60").ids)


@pytest.mark.slow
def test_without_a_hub_the_page_says_what_to_start(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, tmp_path: Path
) -> None:
    monkeypatch.setenv("SAMP_HUB", f"std-lockurl:{(tmp_path / 'none').as_uri()}")
    test = run_page(monkeypatch, pages_cache, "anomalies", query={"score": "knn"})
    test.button(key="send_leaderboard").click().run()
    assert "No SAMP hub is running: start TOPCAT or Aladin, then send again." in words(test)


@pytest.mark.slow
def test_a_hosted_explorer_sends_nothing(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    test = run_page(monkeypatch, pages_cache, "anomalies", query={"score": "knn"}, hosted=True)
    assert "page 1 of" in words(test)
    assert not [button for button in test.button if str(button.key).startswith("send_")]


def test_what_is_sent_has_the_units_of_a_joined_catalogue() -> None:
    data = aj.open_dataset("simulated:5")
    table = data.table.assign(mass=np.arange(5.0))
    about, place = {"mass": ("solMass", "stellar mass")}, np.arange(1.0, 6)
    data = dataclasses.replace(data, table=table, about=about, ra=place, dec=place)
    made = export.table_columns(data, np.array([3, 1]), export.plain_columns({"rank": [1, 2]}))
    columns = {item.name: item for item in made}
    assert list(columns["id"].values) == data.ids[[3, 1]].tolist()
    assert (columns["ra"].unit, columns["mass"].unit) == ("deg", "solMass")
    assert columns["mass"].description == "stellar mass"
    assert pd.Series(columns["mass"].values).tolist() == [3.0, 1.0]
    assert columns["rank"].values == [1, 2]


def test_a_column_of_the_data_that_is_called_as_one_of_the_order_is_kept() -> None:
    data = aj.open_dataset("simulated:4")
    data = dataclasses.replace(data, table=data.table.assign(score=[0.5, 0.25, 0.125, 1.0]))
    more = export.plain_columns({"rank": [1, 2], "score": ["size", "size"]})
    made = {column.name: column for column in export.table_columns(data, np.array([3, 1]), more)}
    assert list(made["score"].values) == ["size", "size"]
    assert list(made["data_score"].values) == [1.0, 0.25]
    text = export.table_text(data, [3, 1], {"score": ["size", "size"]})
    header, first, *_ = text.splitlines()
    assert dict(zip(header.split(","), first.split(","), strict=True))["data_score"] == "1.0"
