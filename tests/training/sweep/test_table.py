"""The numbers of a sweep's table: closed forms, and CSV that reads back."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from scipy import stats

from astrojepa.files import write_records
from astrojepa.training.sweep.plan import value_text
from astrojepa.training.sweep.table import t_interval


def test_the_t_interval_is_the_textbook_one():
    low, high = t_interval([0.50, 0.54, 0.58])
    half = 4.302652730 * 0.04 / np.sqrt(3)  # t(0.975; 2), s = 0.04
    assert (low, high) == pytest.approx((0.54 - half, 0.54 + half))
    values = np.random.default_rng(0).normal(size=12)
    assert t_interval(values) == pytest.approx(
        stats.t.interval(0.95, 11, values.mean(), stats.sem(values))
    )
    assert t_interval([0.5]) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1e-3, "0.001"),
        (0.1234567891, "0.1234567891"),
        (True, "true"),
        ((0.1, 0.2), "0.1:0.2"),
    ],
)
def test_values_are_written_short_and_exact(value, text):
    assert value_text(value) == text


def test_csv_has_every_column_once_and_reads_back(tmp_path):
    rows = [
        {"step": 1, "total": 0.1 + 0.2},
        {"step": 2, "alarm": 'a "word", and\nanother', "total": None},
    ]
    write_records(tmp_path / "new" / "metrics.csv", rows)
    with (tmp_path / "new" / "metrics.csv").open(newline="") as stream:
        found = list(csv.DictReader(stream))
    assert list(found[0]) == ["step", "total", "alarm"]
    assert float(found[0]["total"]) == 0.1 + 0.2
    assert (found[0]["alarm"], found[1]["total"], found[1]["alarm"]) == (
        "",
        "",
        'a "word", and\nanother',
    )
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["metrics.csv"]
