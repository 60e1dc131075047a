"""Clusters of the open galaxies: found when first asked for, then a colouring and two columns."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import streamlit as st

from astrojepa.data.values import Words, coded
from astrojepa.wording import galaxies

from . import loaders, state
from .workspace import Task, Workspace

FEWEST = 100  # galaxies, below which there are no clusters to find
LEVELS = {state.CLUSTER_COLOUR: "coarse", state.FINER_COLOUR: "fine"}
COLUMNS = {option.replace(" ", "_"): level for option, level in LEVELS.items()}


def offered(workspace: Workspace) -> bool:
    """Whether there are enough galaxies for clusters."""
    return len(workspace.data) >= FEWEST


def wanted(workspace: Workspace) -> bool:
    """Whether the map shows clusters, or the filter names them."""
    return offered(workspace) and asked_for()


def asked_for() -> bool:
    """Whether the session asks for clusters, by colour or filter."""
    return st.session_state.get(state.COLOUR) in LEVELS or named_in(
        st.session_state.get(state.FILTER, "")
    )


def named_in(expression: str) -> bool:
    """Whether a filter names clusters."""
    return re.search(r"feature[ _]cluster", expression, re.IGNORECASE) is not None


def task(workspace: Workspace) -> Task:
    """What `waiting.show_when_ready` needs for the clusters."""
    sentence = f"Finding clusters of {galaxies(len(workspace.data))}"
    found = loaders.clusters(workspace.embeddings, workspace.data, workspace.given)
    return ("clusters", *workspace.key), sentence, found


def at_hand(workspace: Workspace) -> Any | None:
    """The clusters (`loaders.NamedClusters`), where they have been found; computes nothing."""
    return loaders.jobs().result(("clusters", *workspace.key))


def column(found: Any, name: str) -> Words:
    """A level of the clusters as a column of words."""
    return coded(found.level(COLUMNS[name]).labels, found.names(COLUMNS[name]))


def marks(
    found: Any, places: np.ndarray, option: str, rows: np.ndarray | None = None
) -> list[dict[str, Any]]:
    """Where the labels of both levels stand on a map, (n, 2), the largest cluster first.

    `code` is that of the colouring by this option, None for the level that is not coloured. `rows`:
    whose places these are, where they are not those of all.
    """
    made = []
    for other, level in LEVELS.items():
        labels = found.level(level).labels
        labels = labels if rows is None else labels[rows]
        for code, name in enumerate(found.names(level)):
            if not len(members := places[labels == code].astype(np.float64)):
                continue
            # the member in the middle, since the middle itself may be empty
            gaps = np.square(members - np.median(members, axis=0)).sum(axis=1)
            x, y = members[gaps.argmin()]
            made.append(
                {
                    "text": name,
                    "x": int(x),
                    "y": int(y),
                    "level": level,
                    "code": code if other == option else None,
                    "count": len(members),
                }
            )
    return sorted(made, key=lambda mark: -mark["count"])
