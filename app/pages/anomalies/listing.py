"""What the anomalies page lists: one score, the galaxies that pass the filter, details."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from ...components.instead import say_instead
from ...session import links, state
from ...session.workspace import Workspace
from . import tasks
from .order import ranking
from .scores import Chosen

NEAREST = 20
PER_PAGE = 24


@dataclass(frozen=True)
class View:
    """What the page shows of the workspace: one score, and the galaxies that pass the filter."""

    chosen: Chosen
    label: int | None  # the class that is shown, None for all
    keep: np.ndarray | None  # bool (n,), what is not hidden as a likely artefact
    checks: Any | None  # PictureChecks, where the images have been checked

    def hidden(self, workspace: Workspace) -> int:
        """Count the likely artefacts of this class that are left out."""
        labels = workspace.data.labels
        of_class = np.ones(len(labels), bool) if self.label is None else labels == self.label
        return 0 if self.keep is None else int((of_class & ~self.keep).sum())

    def order(self, workspace: Workspace, places: np.ndarray) -> np.ndarray:
        """Return the rows that pass the filter, by their places."""
        return ranking(places, workspace.data.labels, self.label, self.keep)


def score_parts(workspace: Workspace, view: View, rows: np.ndarray) -> list[str]:
    """Return the details of each score, or the kNN rank of a score without details."""
    parts = view.chosen.parts
    if parts:
        return [
            f"mean {parts['mean'][row]:.2f}, worst patch {parts['worst'][row]:.2f}, cosine "
            f"{parts['cosine'][row]:.2f}"
            for row in rows
        ]
    if view.chosen.name == "knn":
        gaps = tasks.distances(workspace.embeddings, *workspace.key, tuple(map(int, rows)), NEAREST)
        return [f"nearest {gap[0]:.3g}, {len(gap)}th {gap[-1]:.3g}" for gap in gaps]
    return [f"kNN rank {workspace.places[row]:,}" for row in rows]


def first_page() -> None:
    """Go back to the first page of the leaderboard, as after every change of what it lists."""
    st.session_state[state.BOARD_PAGE] = 0


def turned(count: int, listed: str) -> int:
    """Draw the buttons that turn the pages of `count` galaxies, and say what is `listed`; returns
    the page that is shown.
    """
    pages = max(1, -(-count // PER_PAGE))
    wanted = st.session_state.get(state.BOARD_PAGE, 0)
    page = st.session_state[state.BOARD_PAGE] = min(wanted, pages - 1)
    if links.named_by_link(state.BOARD_PAGE) and wanted > page:
        say_instead(f"This list has no page {wanted + 1:,}", f"page {pages:,} is shown")
    st.button("Previous", disabled=page == 0, on_click=_turn, args=(page - 1,))
    st.button("Next", disabled=page + 1 >= pages, on_click=_turn, args=(page + 1,))
    st.caption(f"{listed}, page {page + 1:,} of {pages:,}")
    return page


def _turn(page: int) -> None:
    st.session_state[state.BOARD_PAGE] = max(0, page)
