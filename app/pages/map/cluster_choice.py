"""Clusters in words: how stable they are, and a menu that makes one the filter."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from astrojepa.data.filters import name_in, text_in, with_clause

from ...components.escape_markdown import escape_markdown
from ...session import clusters, state
from .filter_box import set_filter


def choose_cluster(found: Any) -> None:
    """Offer clusters, a NamedClusters or None, to be chosen by the filter."""
    if found is None or not found.clusters.fine.count:
        return
    with st.popover("Select a cluster"):
        _cluster_buttons(found)


def _cluster_buttons(found: Any) -> None:
    for column, level in clusters.COLUMNS.items():
        if level == "fine" and found.clusters.fine.count == found.clusters.coarse.count:
            continue
        st.caption("Clusters" if level == "coarse" else "Finer clusters")
        sizes = np.bincount(found.level(level).labels + 1)[1:]
        for name, size in zip(found.names(level), sizes, strict=True):
            st.button(
                f"{escape_markdown(name)} ({size:,})",
                key=f"{column} {name}",
                on_click=_filter_by,
                args=(column, name),
                width="stretch",
            )


def _filter_by(column: str, name: str) -> None:
    before = st.session_state.get(state.FILTER, "")
    set_filter(with_clause(before, column, f"{name_in(column)} == {text_in(name)}"))


def clusters_sentence(found: Any) -> str:
    """Say how many clusters there are, and how far other samples agree with them."""
    coarse, fine = found.coarse, found.fine
    if not fine.count:
        return (
            "**No stable clusters**: clusterings of random halves agree at an adjusted Rand index "
            f"of {coarse.stability:.2f} at most; 0.5 is needed."
        )
    two = fine.count > coarse.count
    finer = f", {fine.count} finer ones {100 * fine.share:.0f} %" if two else ""
    and_finer = f" and {fine.stability:.2f}" if two else ""
    return (
        f"**{coarse.count} clusters** in feature space hold {100 * coarse.share:.0f} % of the "
        f"galaxies{finer}. Clusterings of random halves agree at an adjusted Rand index of "
        f"{coarse.stability:.2f}{and_finer} (1 = the same, 0 = chance)."
        + (" Zoom in for the finer names." if two else "")
    )
