"""Marks and collections of a large store, which the browser keeps by the ids of the galaxies."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ...session import keepsake, state
from ...session.keepsake import Kept
from ...session.large import RANKED, Large
from ..escape_markdown import escape_markdown
from .keepsake import Found, held, keep, take_over, written


def begun(large: Large) -> str | None:
    """Return the hash of the galaxies, under which the session holds marks and collections, once
    those that the browser kept are among them; None while ids are read and looked up.
    """
    if (key := large.galaxies_hash()) is None:
        return None
    found: tuple[Kept, ...] | None = st.session_state.get(state.KEPT_FOUND, {}).get(key)
    if found is None:
        return key
    rows = large.rows_of(tuple(dict.fromkeys(one for kept in found for one in _galaxies(kept))))
    if rows is None:
        return None
    take_over(key, *(_renamed(kept, rows) for kept in found))
    del st.session_state[state.KEPT_FOUND][key]
    return key


def keep_large(large: Large, key: str) -> None:
    """Have the browser keep what the session holds of a store; the page calls it at its end."""
    if repeated := large.repeated_id():
        st.warning(f"Marks and collections go by ids. {escape_markdown(repeated)}")
    kept = held(key)
    ids = st.session_state.setdefault(state.KEPT_IDS, {}).setdefault(key, {})
    rows = list(kept.marks) if _many(kept) else _galaxies(kept)
    if new := [row for row in rows if row not in ids]:
        ids.update(zip(new, large.names(new), strict=True))

    def take(found: Found) -> None:
        kept = tuple(keepsake.read(text, None) for text in found(key))
        st.session_state.setdefault(state.KEPT_FOUND, {})[key] = kept

    text = written(key, _renamed(kept, ids))
    if _many(kept):
        st.session_state[state.UNKEPT].add(key)
    keep({key: text}, take)


def _many(kept: Kept) -> bool:
    """Whether collections hold more galaxies than a browser keeps, whatever their ids."""
    return sum(map(len, kept.collections.values())) > RANKED


def _galaxies(kept: Kept) -> list[Any]:
    members = (one for own in kept.collections.values() for one in own)
    return list(dict.fromkeys([*kept.marks, *members]))


def _renamed(kept: Kept, to: Any) -> Kept:
    """Return what is kept with ids for rows, or rows for ids, without what has no other name."""
    collections = {
        name: tuple(sorted(to[one] for one in own if one in to))
        for name, own in kept.collections.items()
    }
    marks = {to[one]: value for one, value in kept.marks.items() if one in to}
    return Kept(marks, {name: own for name, own in collections.items() if own}, kept.drawn_on)
