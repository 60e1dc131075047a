"""The probe lab of a large store: a probe on a random sample of its galaxies."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from ...components import collections_bar
from ...components.escape_markdown import escape_markdown
from ...components.gallery.gallery import gallery
from ...components.keepsake.large import begun, keep_large
from ...components.large_card import go_in, listing
from ...session import collections, state, waiting
from ...session.large import Large
from ...session.large_links import publish
from ...session.queue import imported
from ...session.store_sample import SAMPLED, SEED, Drawn, of_each, sampled
from ...session.workspace import LIBRARIES


def show(large: Large, go: Callable[[str], None]) -> None:
    """Say what the sample is, and draw controls, report and what to label next."""
    from .view import probe

    if st.session_state.pop(state.TO_MAP, False):
        go("map")
    st.title("Probe lab", anchor=False)
    name = escape_markdown(large.name)
    if (key := begun(large)) is None:
        return
    held = collections_bar.collections_of(key)
    if not large.label and not held:
        st.info(
            f"A probe needs classes: {name} has no column label, and there are no collections of "
            "its galaxies."
        )
        return
    if not imported.is_set():
        waiting.wait_for(*LIBRARIES)
    on_collections = st.session_state.get(state.PROBE_TARGET) == collections.COLLECTIONS
    # members of collections, whose share of the sample would bias the score of a class
    asked = list(held.values()) if on_collections or not large.label else []
    members = of_each(asked)
    about, images = large.gathered(key, go, publish(large)), large.images()
    if (found := sampled(large, about, members, images)) is None:
        return
    workspace, drawn = found
    rows = workspace.data.rows
    _share(key, workspace.data.galaxies_hash, rows)
    in_all = len({row for one in asked for row in one})
    st.caption(
        f"{'Simulated galaxies. ' if large.is_simulated else ''}A probe is a small classifier on "
        f"frozen features: here, the vectors of {said(drawn, len(rows), in_all)} of {name}."
    )
    opened = go_in(large, lambda: st.session_state.update({state.TO_MAP: True}))

    def galaxies(chosen: np.ndarray, captions: Sequence[Sequence[str]]) -> None:
        if images is None:
            listing(large, "confused_table", rows[chosen], opened)
        else:
            gallery("confused", large.address, rows[chosen].tolist(), captions, opened)

    probe(workspace, galaxies)
    keep_large(large, key)


def said(drawn: Drawn, count: int, held: int) -> str:
    """Say which galaxies are in a sample of so many, with those of collections that hold `held`."""
    if len(drawn.rows) == drawn.labelled + drawn.unlabelled:
        return "all galaxies"
    of_kind = {"labelled": drawn.labelled, "unlabelled": drawn.unlabelled}
    parts = [f"{min(SAMPLED, of):,} of the {of:,} {kind}" for kind, of in of_kind.items() if of]
    more = count - len(drawn.rows)
    others = f", and of {more:,} more of the {held:,} in collections," if more else ""
    return f"a random sample (seed {SEED}) of {' and '.join(parts)} galaxies{others}"


def _share(key: str, own: str, rows: np.ndarray) -> None:
    """Give a sample of these rows the collections of its store, after what was given in the sample
    since, such as labels, has gone into those.
    """
    whole = collections_bar.collections_of(key)
    if st.session_state.get(state.SHARED) == (own, whole):
        given = collections_bar.collections_of(own)
        merged = collections.with_those_of(whole, given, rows)
        if merged != whole:
            collections_bar.keep(key, merged)
            whole = merged
    st.session_state[state.SHARED] = own, whole
    models = collections_bar.drawn_on(key)
    for place, held in (
        (state.COLLECTIONS, collections.among(whole, rows)),
        (state.DRAWN_ON, models),
    ):
        st.session_state[place] = {**st.session_state.get(place, {}), own: held}
