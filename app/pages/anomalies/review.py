"""Review: one large image at a time, marks by key, re-ranking, and export of the marks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import streamlit as st

from astrojepa.tables import WRITERS

from ...components.choose import choose
from ...components.cutout.cutout import cutout
from ...components.export_menu import MARK, export_menu
from ...components.facts import facts
from ...components.galaxy_card import named
from ...components.gallery.gallery import gallery
from ...components.review_focus.review_focus import free_the_keys
from ...session import links, loaders, marks, reviewing, state, waiting
from ...session.marks import Review
from ...session.workspace import Workspace
from ..galaxy import view as galaxy
from . import tasks
from .listing import View, score_parts
from .order import artefact_kind, finite_places, patch_box, patch_words, position_words
from .scores import title

RERANKINGS = {"neighbours": "By neighbours", "forest": "By random forest"}
# how interesting; the key is shown beside the word
MARKS = ("Ordinary", "Slightly", "Somewhat", "Fairly", "Very", "Most")
NEXT, MARKED = 12, 24
CONTEXT = "review_context"  # session key: what the path through the galaxies belongs to
# session key: what became of the last file of marks, and whether that was an error
SAID = "marks_read"
FILE = "marks_file"


def expected(workspace: Workspace, view: View, given: Mapping[int, int]) -> np.ndarray:
    """Return the expected mark of each galaxy, or the score itself without marks."""
    if not given:
        return view.chosen.scores
    method = st.session_state.get(state.RERANKING) or "neighbours"
    key = (*workspace.key, view.chosen.name)
    return tasks.expected_marks(
        workspace.embeddings, view.chosen.scores, key, tuple(sorted(given.items())), method
    )


def review(workspace: Workspace, view: View) -> None:
    """Show the galaxy to be marked, and what comes next."""
    context = (*workspace.key, view.chosen.name, view.label, view.keep is not None)
    current = reviewing.review_of(workspace)
    if st.session_state.get(CONTEXT, context) != context:
        current = marks.restart(current)
    st.session_state[CONTEXT] = context
    places = finite_places(expected(workspace, view, current.marks))
    order = view.order(workspace, places)
    current = marks.arrive(current, order.tolist())
    st.session_state[state.REVIEWS][workspace.data.galaxies_hash] = current
    row = current.shown
    if row is None:
        _finished(workspace, current)
    else:
        st.session_state[state.ROW] = row
        free_the_keys(state.BOARD_MODE, row)
        left, right = st.columns([1, 1], gap="medium")
        image = workspace.picture(row)
        culprit = _culprit(workspace, row, image)
        with left:
            _picture(workspace, row, image, culprit)
        with right:
            _marking(workspace, current, row)
            _facts(workspace, view, row, culprit)
            _files(workspace, current)
    _galleries(workspace, view, current, order, places)


def _marking(workspace: Workspace, current: Review, row: int) -> None:
    given = current.marks.get(row)
    named(workspace, row)
    said = "not marked yet" if given is None else f"marked {given}"
    best = sum(value >= marks.HIGHEST - 1 for value in current.marks.values())
    st.caption(
        f"This galaxy is {said}. {len(current.marks):,} marked so far, {best:,} of them with 4 or "
        "5."
    )
    with st.container(horizontal=True, gap="small", key="review_marks"):
        for value, word in enumerate(MARKS):
            kind: Literal["primary", "secondary"] = "primary" if value == given else "secondary"
            st.button(
                word,
                key=f"mark_{value}",
                type=kind,
                shortcut=str(value),
                on_click=reviewing.change,
                args=(workspace, lambda r, value=value: marks.mark(r, value)),
            )
    with st.container(horizontal=True, gap="small", key="review_moves"):
        moves = (
            ("Previous", "Left", marks.back, current.at == 0),
            ("Next", "Right", marks.forward, False),
            ("Undo", "U", marks.undo, not current.steps),
        )
        for name, key, change, barred in moves:
            st.button(
                name,
                key=f"review_{key.lower()}",
                shortcut=key,
                disabled=barred,
                on_click=reviewing.change,
                args=(workspace, change),
            )
    st.caption(
        "How interesting is this galaxy? 0 = ordinary or an artefact, 5 = show more like it. Each "
        "mark re-ranks all other galaxies."
    )


def _picture(workspace: Workspace, row: int, image: np.ndarray | None, culprit: int | None) -> None:
    if image is None:
        st.warning("The image of this galaxy cannot be read; it may be damaged.")
        return
    height, width = image.shape[:2]
    box = None
    if culprit is not None and (share := galaxy.seen_share(workspace)) is not None:
        box = patch_box(culprit, workspace.model.grid, galaxy.seen_box(height, width, share))
    with st.container(width=560):
        cutout(
            "review_picture",
            image,
            galaxy.scale_bar(width, galaxy.arcsec_per_pixel(workspace.data.table, row)),
            box,
        )
        if box is not None:
            st.caption("The frame marks the worst-predicted patch.")


def _culprit(workspace: Workspace, row: int, image: np.ndarray | None) -> int | None:
    """The number of the worst predicted patch, where there is a predictor."""
    if image is None or workspace.model is None or not workspace.model.has_predictor:
        return None
    errors, _ = waiting.in_turn(
        lambda: loaders.patch_errors(workspace.model, workspace.data, *workspace.key, row, "tiling")
    )
    return int(np.nanargmax(errors.mse))


def _facts(workspace: Workspace, view: View, row: int, culprit: int | None) -> None:
    data, chosen = workspace.data, view.chosen
    position = "" if data.simulated else position_words(float(data.ra[row]), float(data.dec[row]))
    redshift = float(data.redshift[row])
    known = {
        "Position": position or ("none (simulated)" if data.simulated else "unknown"),
        "Redshift": f"{redshift:.4f}" if math.isfinite(redshift) else "unknown",
        title(
            chosen.name
        ): f"{chosen.scores[row]:.3f}, rank {chosen.places[row]:,} of {len(chosen.places):,}",
        "Details": score_parts(workspace, view, np.array([row]))[0],
    }
    if culprit is not None:
        known["Worst-predicted patch"] = patch_words(culprit, workspace.model.grid)
    if view.checks is not None:
        known["Image"] = (
            f"likely artefact: {kind}"
            if (kind := artefact_kind(view.checks.parts, row))
            else "no artefact found"
        )
    facts("review", known)


def _files(workspace: Workspace, current: Review) -> None:
    data = workspace.data
    with st.container(horizontal=True, vertical_alignment="center", key="review_files"):
        made = {"model": workspace.made_by[0], "model_hash": workspace.made_by[1]}
        made["view"] = links.address(workspace)
        export_menu(
            "marks",
            "marks",
            len(current.marks),
            lambda ending: marks.marks_file(ending, current.marks, data, made),
            MARK,
        )
        with st.popover("Review options"):
            choose("Re-rank", RERANKINGS, state.RERANKING)
            st.file_uploader(
                "Import marks",
                ["csv"] if workspace.hosted else [ending[1:] for ending in WRITERS],
                key=FILE,
                max_upload_size=2,
                on_change=_read,
                args=(workspace,),
            )
            st.caption("This browser keeps marks. Export them to keep them elsewhere.")
    if said := st.session_state.get(SAID):
        sentence, wrong = said
        with st.container(key="review_said"):
            st.caption("The file was not imported." if wrong else "The file was imported.")
            st.text(sentence)


def _read(workspace: Workspace) -> None:
    """Take over the marks of a file once, when it arrives."""
    file = st.session_state.get(FILE)
    if file is None:
        st.session_state.pop(SAID, None)
        return
    try:
        found = marks.read_marks(file.name, file.getvalue(), workspace.data.ids)
    except ValueError as error:
        st.session_state[SAID] = (str(error), True)
        return
    reviewing.change(workspace, lambda review: marks.add(review, found.marks))
    st.session_state[SAID] = (found.sentence(workspace.data.fingerprint), False)


def _galleries(
    workspace: Workspace, view: View, current: Review, order: np.ndarray, places: np.ndarray
) -> None:
    def visit(row: Any) -> None:
        if isinstance(row, int) and not isinstance(row, bool) and 0 <= row < len(workspace.data):
            reviewing.change(workspace, lambda review: marks.visit(review, row))

    seen = {*current.path, *current.marks}
    coming = [row for row in order.tolist() if row not in seen][:NEXT]
    if coming:
        st.header("Up next", anchor=False)
        captions = [
            (workspace.class_name(row), rank_words(places[row], view.chosen.places[row]))
            for row in coming
        ]
        gallery("review_next", workspace.pictures, coming, captions, visit, tile=96)
    if current.marks:
        best = sorted(current.marks, key=lambda row: (-current.marks[row], row))
        st.header("Marked", anchor=False)
        captions = [
            (f"{current.marks[row]}  {workspace.class_name(row)}", str(workspace.data.ids[row]))
            for row in best[:MARKED]
        ]
        gallery(
            "review_marked",
            workspace.pictures,
            best[:MARKED],
            captions,
            visit,
            selected=current.shown,
            tile=96,
        )


def rank_words(place: int, before: int) -> str:
    """Say which rank a galaxy has by the marks, and which it had by the same score alone."""
    return f"rank {place:,}" if place == before else f"rank {place:,}, was {before:,}"


def _finished(workspace: Workspace, current: Review) -> None:
    st.info(
        f"You have seen every galaxy of this selection and marked {len(current.marks):,} of "
        f"{len(workspace.data):,}."
    )
    with st.container(horizontal=True):
        st.button("Start again", on_click=reviewing.change, args=(workspace, _again))
    _files(workspace, current)


def _again(review: Review) -> Review:
    """Go back to the first galaxy of the path."""
    return Review(review.marks, review.path, 0, review.steps)
