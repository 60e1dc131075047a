"""How a table writes its cells."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from app.components.table import table as component
from app.components.table.table import Order, cells_of


@pytest.mark.parametrize(
    ("values", "form", "said"),
    [
        ([1839.66, 98.5, -7.0, np.nan], "", ["1,839.66", "98.50", "\u22127.00", ""]),
        ([0.0312, 0.24, 0.1], "", ["0.0312", "0.2400", "0.1000"]),
        ([3.0, 12000.0], "", ["3", "12,000"]),
        ([1.25e-17, -2e-16, 0.0], "", ["1.250e\u221217", "\u22122.000e\u221216", "0.000e+00"]),
        ([2198136, 5], "", ["2,198,136", "5"]),
        ([1152921504606846977, -1], "", ["1152921504606846977", "\u22121"]),
        ([1e300, 2.5e299], "", ["1.000e+300", "2.500e+299"]),
        ([1.7e308, -1.7e308], "", ["1.700e+308", "\u22121.700e+308"]),
        ([0.12345, -0.5], ".1f", ["0.1", "\u22120.5"]),
        (["587727180061933716", None, "-1"], "", ["587727180061933716", "", "-1"]),
    ],
)
def test_numbers_of_a_column_have_the_same_decimals_and_text_stays_as_it_is(
    values: list[object], form: str, said: list[str]
) -> None:
    assert cells_of(pd.Series(values), form) == said


def test_a_heading_asks_for_an_order_by_its_name_and_only_for_one_that_there_is() -> None:
    asked: list[str] = []
    columns = {"anomaly_score": "anomaly score", "snr": "snr"}
    order = Order(columns, "anomaly score", True, asked.append)
    names = ["rank", "anomaly_score", "snr"]
    assert component._order_of(names, order)["ways"] == [None, "descending", "none"]
    turned = Order(columns, "snr", False, asked.append)
    assert component._order_of(names, turned)["ways"] == [None, "none", "ascending"]
    for number in (2, 1, 0, 3, -1, True, "1", None, 1.0):
        component._sort(names, order, number)
    assert asked == ["snr", "anomaly score"]


def test_rows_are_told_apart_by_their_names_else_by_the_first_column(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[list[object]] = []
    monkeypatch.setattr(
        component,
        "component",
        lambda *about, **html: lambda data, **heard: sent.append(data["names"]),
    )
    shown = pd.DataFrame({"rank": [1, 2], "id": ["a", "a"]})
    component.table("few", "Few", shown)
    component.table("few", "Few", shown, names=[7, 5])
    assert sent == [["1", "2"], [7, 5]]
