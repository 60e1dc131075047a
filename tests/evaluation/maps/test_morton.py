"""The Z-order curve: bits of x and y in turn."""

from __future__ import annotations

import numpy as np

from astrojepa.evaluation.maps.morton import BITS, morton_codes


def test_a_code_holds_the_bits_of_y_and_x_in_turn() -> None:
    steps = np.random.default_rng(0).integers(0, 2**BITS, size=(200, 2))
    expected = [
        int("".join(f"{a}{b}" for a, b in zip(f"{y:016b}", f"{x:016b}", strict=True)), 2)
        for x, y in steps.tolist()
    ]
    found = morton_codes(steps + 0.5, np.zeros(2), np.full(2, 2**BITS))
    assert found.tolist() == expected


def test_points_outside_and_a_map_without_extent_stay_on_the_curve() -> None:
    points = np.array([[-5.0, -5.0], [9.0, 9.0]])
    assert morton_codes(points, np.zeros(2), np.ones(2)).tolist() == [0, 2**32 - 1]
    assert morton_codes(np.ones((3, 2)), np.ones(2), np.ones(2)).tolist() == [0, 0, 0]
