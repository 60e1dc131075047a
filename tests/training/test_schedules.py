"""Schedules at their corners."""

from __future__ import annotations

import pytest

from astrojepa.config import OptimConfig
from astrojepa.training.schedules import learning_rate, momentum, warmup_steps

CONFIG = OptimConfig(learning_rate=1.0, final_learning_rate=0.1, momentum=0.99)


def test_warm_up_is_the_smaller_of_its_epochs_and_a_tenth_of_the_run():
    assert (
        warmup_steps(OptimConfig(warmup_epochs=10), steps_per_epoch=50, total_steps=50_000) == 500
    )
    assert warmup_steps(OptimConfig(warmup_epochs=10), steps_per_epoch=50, total_steps=1_000) == 100
    assert warmup_steps(OptimConfig(), steps_per_epoch=1, total_steps=5) == 0


def test_learning_rate_rises_in_a_line_peaks_and_ends_at_the_final_rate():
    rates = [learning_rate(step, 101, 10, CONFIG) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == pytest.approx(1.0)
    assert rates[10] == pytest.approx(1.0)
    assert rates[55] == pytest.approx(0.55)
    assert rates[100] == pytest.approx(0.1)
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_momentum_ramps_in_a_line_to_one():
    assert [momentum(step, 100, CONFIG) for step in (0, 50, 100)] == pytest.approx(
        [0.99, 0.995, 1.0]
    )
