"""Review of a store that is too large for memory: marks by key, in the leaderboard's order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from ...components.keepsake.keepsake import keep
from ...components.large_card import class_names, columns_and_links, shown_image
from ...session import keepsake, marks, reviewing, state
from ...session.large import Large, Order, select, selected
from ...session.large_links import publish
from ...session.reviewing import Reviewed
from .review import arrived, files, finished, following, galleries, marking


def review(large: Large, images: Any, order: Order, rows: np.ndarray) -> None:
    """Show the galaxy to be marked, and what comes next among `rows`, in their order."""
    if (key := large.galaxies_hash()) is None or not _taken_over(large, key):
        return
    about = _reviewed(large, key, images)
    before, current = selected(large), arrived(key, rows, (key, order))
    if (row := current.shown) is None:
        finished(about, current, f"the first {len(rows):,} galaxies of this order")
    else:
        if row != before:
            select(large, row)
        left, right = st.columns([1, 1], gap="medium")
        with left:
            shown_image(large, images, row, about.ids([row])[0])
        with right:
            marking(about, current, row)
            columns_and_links(large, large.map.store.table_of(np.array([row])))
            files(about, current)
    coming = following(current, rows)
    places = {int(row): place for place, row in enumerate(rows, 1)}
    galleries(about, current, coming, [f"rank {places[row]:,}" for row in coming])
    st.caption("The order stays that of the leaderboard, whatever is marked.")
    _keep(large, key)


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
        reranks=False,
        hosted=False,
    )


def _taken_over(large: Large, key: str) -> bool:
    """Put the marks that the browser kept beside those of the session, which win; False while
    their galaxies are sought.
    """
    kept = st.session_state.get(state.MARKS_FOUND, {}).get(key)
    if not kept:
        return True
    if (rows := large.rows_of(tuple(kept))) is None:
        return False
    found = {row: kept[name] for name, row in rows.items()}
    reviewing.change(key, lambda review: marks.resume(review, found))
    del st.session_state[state.MARKS_FOUND][key]
    return True


def _keep(large: Large, key: str) -> None:
    """Have the browser keep the marks by the ids of their galaxies."""
    given = reviewing.review_of(key).marks
    ids = st.session_state.setdefault(state.MARKED_IDS, {}).setdefault(key, {})
    if new := [row for row in given if row not in ids]:
        ids.update(zip(new, large.names(new), strict=True))

    def take(kept: dict[str, Any]) -> None:
        found = keepsake.read(kept.get(key), None).marks
        st.session_state.setdefault(state.MARKS_FOUND, {})[key] = found

    text = keepsake.write(keepsake.Kept({ids[row]: value for row, value in given.items()}))
    keep(key, {key: text}, take)
