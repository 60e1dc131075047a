"""Review of a store that is too large for memory: marks by key, in the leaderboard's order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from astrojepa.wording import first_galaxies

from ...components.keepsake.large import begun, keep_large
from ...components.large_card import class_names, columns_and_links, shown_image
from ...session import marks, reviewing
from ...session.large import Large, Order, select, selected
from ...session.large_links import publish
from ...session.reviewing import Reviewed
from .large_order import WHICH, order_words, reranked
from .review import (
    arrived,
    files,
    finished,
    following,
    galleries,
    marking,
    rank_lines,
    ranks_said,
)


def review(
    large: Large,
    images: Any,
    order: Order,
    rows: np.ndarray,
    ranks: np.ndarray,
    tell: Callable[[Mapping[int, int]], None],
) -> None:
    """Show the galaxy to be marked, and what comes next among `rows`, in the order of `ranks`;
    `tell` which marks re-rank them.
    """
    if (key := begun(large)) is None:
        return
    about = _reviewed(large, key, images)
    given = reviewing.review_of(key).marks
    if (moved := reranked(large, order, rows, given)) is None:
        return
    tell(given)
    coming_rows = rows[moved]
    before, current = selected(large), arrived(key, coming_rows, (key, order, len(rows)))
    if (row := current.shown) is None:
        finished(about, current, f"{first_galaxies(len(rows))} of this order")
    else:
        if row != before:
            select(large, row)
        with st.container(horizontal=True, gap="medium", key="review_columns"):
            left, right = st.container(), st.container()
        with left:
            shown_image(large, images, row, about.ids([row])[0])
        with right:
            marking(about, current, row, coming_rows)
            columns_and_links(large, large.map.store.table_of(np.array([row])))
            files(about, current)
    coming = following(current, coming_rows)
    now, was = (dict(zip(one.tolist(), ranks.tolist(), strict=True)) for one in (coming_rows, rows))
    lines = [rank_lines(was[row], now[row] if given else None) for row in coming]
    galleries(about, current, coming, lines, ranks_said(order_words(order), given))
    keep_large(large, key)


def _reviewed(large: Large, key: str, images: Any) -> Reviewed:
    facts = {**large.provenance, "view": publish(large)}

    def export(ending: str, given: Mapping[int, int]) -> bytes:
        rows = sorted(given, key=lambda row: (-given[row], row))
        places = {place: given[row] for place, row in enumerate(rows)}
        return marks.marks_file(ending, places, large.galaxies(rows), facts)

    def classes(rows: Sequence[int]) -> list[str]:
        known = large.map.store.known_of(np.asarray(rows, np.int64))
        return class_names(known) if "label" in known else [""] * len(rows)

    return Reviewed(
        key,
        large.key,
        len(large.map),
        large.address if images is not None else "",
        large.names,
        classes,
        export,
        lambda name, content: marks.read_marks(name, content, large.map.store.rows_of),
        reranks=f"{WHICH} galaxies of this order",
        hosted=False,
    )
