"""How a table writes its cells."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from app.components.table.table import cells_of


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
        ([0.12345, -0.5], ".1f", ["0.1", "\u22120.5"]),
        (["587727180061933716", None, "-1"], "", ["587727180061933716", "", "-1"]),
    ],
)
def test_numbers_of_a_column_have_the_same_decimals_and_text_stays_as_it_is(
    values: list[object], form: str, said: list[str]
) -> None:
    assert cells_of(pd.Series(values), form) == said
