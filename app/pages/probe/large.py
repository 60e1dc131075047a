"""The probe lab of a large store: a probe on a random sample of its labelled galaxies."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from astrojepa.evaluation.vectors.neighbour_index import LARGE

from ...components.escape_markdown import escape_markdown
from ...components.gallery.gallery import gallery
from ...components.large_card import go_in, listing
from ...session import state, waiting
from ...session.large import Large
from ...session.queue import imported
from ...session.store_sample import SEED, sampled
from ...session.workspace import LIBRARIES


def show(large: Large, go: Callable[[str], None]) -> None:
    """Say what the sample is, and draw controls and report."""
    from .view import probe

    if st.session_state.pop(state.TO_MAP, False):
        go("map")
    st.title("Probe lab", anchor=False)
    name = escape_markdown(large.name)
    if not large.label:
        st.info(f"A probe needs classes: {name} has no column label.")
        return
    if not imported.is_set():
        waiting.wait_for(*LIBRARIES)
    if (found := sampled(large, go)) is None:
        return
    workspace, labelled = found
    images, rows = large.images(), workspace.data.rows
    count = len(rows)
    sample = f"a random sample (seed {SEED}) of {count:,} of the {labelled:,} labelled galaxies"
    which = sample if count < labelled else "all labelled galaxies"
    st.caption(
        f"{'Simulated galaxies. ' if large.is_simulated else ''}A probe is a small classifier on "
        f"frozen features: here, the vectors of {which} of {name}."
    )
    opened = go_in(large, lambda: st.session_state.update({state.TO_MAP: True}))

    def galaxies(chosen: np.ndarray, captions: Sequence[Sequence[str]]) -> None:
        if images is None:
            listing(large, "confused_table", rows[chosen], opened)
        else:
            gallery("confused", large.address, rows[chosen].tolist(), captions, opened)

    probe(workspace, galaxies)
    st.caption(f"Label next works with up to {LARGE:,} galaxies; {name} has {len(large.map):,}.")
