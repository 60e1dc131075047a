"""The sample that is shown until all galaxies are embedded. Pure functions."""

from __future__ import annotations

import numpy as np

# galaxies: a few seconds on two cores for a model of 12 passes
SAMPLE = 300


def is_large(count: int) -> bool:
    """Whether there are enough galaxies to show a sample first."""
    return count > 2 * SAMPLE


def stratified_rows(labels: np.ndarray, count: int = SAMPLE, seed: int = 0) -> np.ndarray:
    """Draw `count` rows, ascending, in proportion to class, unknown ones included."""
    by_label = np.lexsort((np.random.default_rng(seed).random(len(labels)), labels))
    places = np.linspace(0, len(labels) - 1, min(count, len(labels))).round().astype(int)
    return np.sort(by_label[places])


def place_in(rows: np.ndarray | None, row: int) -> int | None:
    """Find where a row of all galaxies stands in the sample; None where it is not in it."""
    if rows is None:
        return row
    place = int(np.searchsorted(rows, row))
    return place if place < len(rows) and rows[place] == row else None


def among_all(rows: np.ndarray | None, place: int) -> int:
    """Find which row of all galaxies stands at a place in the sample."""
    return place if rows is None else int(rows[place])
