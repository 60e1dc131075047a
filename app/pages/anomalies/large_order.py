"""The order of a large store's leaderboard after marks, by the vectors of its first galaxies."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from astrojepa.wording import galaxies

from ...components.escape_markdown import escape_markdown
from ...session import waiting
from ...session.described import digest
from ...session.large import Large, Order
from ...session.queue import imported
from ...session.workspace import LIBRARIES
from .order import finite_places
from .review import by_marks

RERANKED = 20_000  # the first of a leaderboard, whose vectors are in memory
WHICH = f"the first {RERANKED:,}"


def order_words(order: Order) -> str:
    """Say what a leaderboard is ranked by, for a caption."""
    which = f", of those that match {order.filter}" if order.filter else ""
    column = order.column.replace("_", " ")
    return escape_markdown(f"{column}, {order.facts['order']}{which}")


def reranked(
    large: Large, order: Order, rows: np.ndarray, given: Mapping[int, int]
) -> np.ndarray | None:
    """Return the places in a leaderboard, from 0, in the order that marks give: its first 20,000
    re-ranked, then all others; None while vectors are read.

    Marks on other galaxies count too.
    """
    first = np.sort(rows[:RERANKED])
    others = np.setdiff1d(np.array(sorted(given), np.int64), first)
    if not given or len(first) < 2:
        return np.arange(len(rows))
    if not imported.is_set():
        waiting.wait_for(*LIBRARIES)
    vectors = [_vectors(large, wanted) for wanted in (first, others) if len(wanted)]
    found = [one for one in vectors if one is not None]
    if len(found) < len(vectors):
        return None
    place = np.empty(len(first), np.int64)  # of each of `first` in the leaderboard
    place[np.searchsorted(first, rows[:RERANKED])] = np.arange(len(first))
    scores = -np.concatenate([place, np.full(len(others), len(first))]).astype(np.float64)
    at = {int(row): number for number, row in enumerate([*first.tolist(), *others.tolist()])}
    key = (large.key, str(order), digest(rows[:RERANKED]), str(others.tolist()))
    marked = {at[row]: value for row, value in given.items()}
    expected = by_marks(np.concatenate(found), scores, key, marked)[: len(first)]
    moved = finite_places(expected[np.searchsorted(first, rows[:RERANKED])]) - 1
    return np.concatenate([np.argsort(moved), np.arange(len(first), len(rows))])


def _vectors(large: Large, rows: np.ndarray) -> np.ndarray | None:
    return waiting.show_when_ready(
        ("large vectors", large.key, rows.tobytes()),
        f"Reading the vectors of {galaxies(len(rows))}",
        lambda report: large.map.store.vectors_of(rows, report),
    )
