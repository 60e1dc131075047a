"""Anomalies: leaderboard, review with marks, and benchmark of the scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from ...components.choose import choose
from ...components.escape_markdown import escape_markdown
from ...components.instead import say_instead
from ...session import loaders, reviewing, state, waiting
from ...session.workspace import Workspace
from ..registry import Page
from . import large, tasks
from .artefacts import artefacts, artefacts_included, check_task, of_workspace
from .leaderboard import BY_MARKS, board
from .listing import View, first_page
from .quality import quality
from .review import far_from_marks, review
from .scores import choose_score, how, measured, mid_sentence, title


def show(workspace: Workspace) -> None:
    """Draw the leaderboard, the review or the test of the ranking."""
    if st.session_state.pop(state.TO_GALAXY, False):
        workspace.go("galaxy")
    _ = workspace.places  # the long steps first, so that their progress stands alone
    st.title("Anomalies", anchor=False)
    mode = choose("Mode", state.BOARD_MODES, state.BOARD_MODE, label_visibility="collapsed")
    if mode == "quality":
        quality(workspace)
        return
    if mode == "artefacts":
        artefacts(of_workspace(workspace), waiting.wait_for(*check_task(workspace)))
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key="anomaly_controls"):
        name = choose_score(workspace, first_page)
        label = _class_filter(workspace)
        hide = not artefacts_included()
    features = (
        "the pixels (baseline, no model)" if workspace.is_baseline else workspace.choice.label
    )
    said = st.container()
    with (
        st.container(horizontal=True, vertical_alignment="center", key="meanwhile"),
        waiting.in_one_line(),
    ):
        chosen = measured(workspace, name)
        checks = _checks(workspace, hide)
    until = "" if chosen.name == name else f", until {mid_sentence(title(name))} is shown"
    view = View(chosen, label, _sound(checks) if hide and checks is not None else None, checks)
    given = reviewing.review_of(workspace.data.galaxies_hash).marks
    if mode != "review" and not st.session_state.get(BY_MARKS):
        given = {}
    artefact = (
        f"Likely artefacts are {'left out once all images are checked' if hide else 'included'}"
    )
    if view.keep is not None:
        count = view.hidden(workspace)
        kind = "artefact is" if count == 1 else "artefacts are"
        artefact = f"{count:,} likely {kind} left out (tab *Artefacts*)"
    said.caption(
        f"{'Simulated galaxies. ' if workspace.data.simulated else ''}"
        f"{far_from_marks(given) or 'Most anomalous first, by '}{how(chosen.name, features)}"
        f"{until}. {'' if given else 'A top rank may be a merger or a foreground star. '}"
        f"{artefact}."
    )
    if not len(view.order(workspace, chosen.places)):
        _nothing(view)
    elif mode == "review":
        review(workspace, view)
    else:
        board(workspace, view)


def _class_filter(workspace: Workspace) -> int | None:
    if not workspace.labelled:
        return None
    options = [state.ALL_CLASSES, *workspace.data.classes]
    if (wanted := st.session_state.get(state.ANOMALY_CLASS)) not in options:
        st.session_state[state.ANOMALY_CLASS] = options[0]
        if wanted:
            say_instead(f"These data have no class {wanted!r}", "all classes are shown")
    chosen = st.selectbox(
        "Class", options, key=state.ANOMALY_CLASS, on_change=first_page, width=240
    )
    return None if chosen == options[0] else options.index(chosen) - 1


def _checks(workspace: Workspace, needed: bool) -> Any | None:
    """Return the image checks when they are ready, None before: unasked for few images only."""
    job, sentence, task = check_task(workspace)
    if (
        needed
        or len(workspace.data) <= tasks.FEW
        or loaders.jobs().has(job)
        or st.session_state.get("check_pictures") == job
    ):
        return waiting.show_when_ready(job, sentence, task)
    return None


def _sound(checks: Any) -> np.ndarray:
    from astrojepa.evaluation.pictures.artefacts import LIKELY

    return np.asarray(checks.artefact <= LIKELY)


def _nothing(view: View) -> None:
    """Say why no galaxy is left, and offer the way out."""

    def everything() -> None:
        st.session_state[state.SHOW_ARTEFACTS] = True
        st.session_state[state.ANOMALY_CLASS] = state.ALL_CLASSES
        first_page()

    st.info(
        "All galaxies of this selection are likely artefacts."
        if view.keep is not None and view.label is None
        else f"No galaxy of {escape_markdown(st.session_state[state.ANOMALY_CLASS])} to show."
    )
    st.button("Show all galaxies", on_click=everything)


PAGE = Page("Anomalies", 3, show, show_large=large.show)
