"""Review: one large image at a time, marks by key, re-ranking, and export of the marks."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import streamlit as st

from astrojepa.tables import WRITERS
from astrojepa.wording import counted

from ...components.choose import choose
from ...components.cutout.cutout import cutout
from ...components.escape_markdown import escape_markdown
from ...components.export_menu import MARK, export_menu
from ...components.facts import facts
from ...components.galaxy_card import named
from ...components.gallery.gallery import gallery
from ...components.keys.keys import keys
from ...session import links, loaders, marks, reviewing, state, waiting
from ...session.export import model_facts
from ...session.marks import Review
from ...session.reviewing import Reviewed
from ...session.workspace import Workspace
from ..galaxy import measures
from ..galaxy import view as galaxy
from . import tasks
from .listing import View, score_parts
from .order import (
    artefact_kind,
    finite_places,
    patch_box,
    patch_words,
    position_words,
    worst_patch,
)
from .scores import mid_sentence, ranked_by, title

RERANKINGS = {"neighbours": "By neighbours", "forest": "By random forest"}
# how interesting; the key is shown beside the word
MARKS = ("Ordinary", "Slightly", "Somewhat", "Fairly", "Very", "Most")
MOVES = (
    ("Previous", "Left", marks.back),
    ("Next", "Right", marks.forward),
    ("Undo", "U", marks.undo),
)
NEXT, MARKED = 12, 24
CONTEXT = "review_context"  # session key: what the path through the galaxies belongs to
# session key: what became of the last file of marks, and whether that was an error
SAID = "marks_read"
FILE = "marks_file"


def expected(workspace: Workspace, view: View, given: Mapping[int, int]) -> np.ndarray:
    """Return the expected mark of each galaxy, or the score itself without marks."""
    if not given:
        return view.chosen.scores
    key = (*workspace.key, view.chosen.name)
    return by_marks(workspace.embeddings.vectors, view.chosen.scores, key, given)


def by_marks(
    vectors: np.ndarray, scores: np.ndarray, key: tuple[str, ...], given: Mapping[int, int]
) -> np.ndarray:
    """Return expected marks by the method that was chosen; `key` tells vectors and scores."""
    method = st.session_state.get(state.RERANKING) or "neighbours"
    return tasks.expected_marks(vectors, scores, key, tuple(sorted(given.items())), method)


def review(workspace: Workspace, view: View) -> None:
    """Show the galaxy to be marked, and what comes next."""
    context = (*workspace.key, view.chosen.name, view.label, view.keep is not None)
    about = reviewed(workspace)
    given = reviewing.review_of(about.key).marks
    places = finite_places(expected(workspace, view, given))
    order = view.order(workspace, places)
    current = arrived(about.key, order, context)
    row = current.shown
    if row is None:
        finished(about, current)
    else:
        with st.container(horizontal=True, gap="medium", key="review_columns"):
            left, right = st.container(), st.container()
        image = workspace.picture(row)
        culprit = _culprit(workspace, view, row, image)
        with left:
            _picture(workspace, row, image, culprit)
        with right:
            marking(about, current, row, order)
            place = f"place {places[row]:,} of {len(places):,}"
            anew = {f"Re-ranked {marks_words(given)}": place} if given else {}
            _facts(workspace, view, row, culprit, anew)
            files(about, current)
    coming, ranks = following(current, order), view.chosen.places
    lines = [rank_lines(ranks[row], places[row] if given else None) for row in coming]
    galleries(about, current, coming, lines, ranks_said(ranked_by(view.chosen), given))


def reviewed(workspace: Workspace) -> Reviewed:
    """The open galaxies, as those that are marked."""
    data = workspace.data
    made = {**model_facts(workspace.made_by), "view": links.address(workspace)}
    return Reviewed(
        data.galaxies_hash,
        data.fingerprint,
        len(data),
        workspace.pictures,
        lambda rows: [str(data.ids[row]) for row in rows],
        lambda rows: [workspace.class_name(row) for row in rows],
        lambda ending, given: marks.marks_file(ending, given, data, made),
        lambda name, content: marks.read_marks(name, content, data.ids),
        reranks="all other galaxies",
        hosted=workspace.hosted,
    )


def arrived(key: str, order: np.ndarray, context: object) -> Review:
    """Return the review at the galaxy that is to be marked, which is selected; in another `context`
    the path through the galaxies begins anew.
    """
    current = reviewing.review_of(key)
    if st.session_state.get(CONTEXT, context) != context:
        current = marks.restart(current)
    st.session_state[CONTEXT] = context
    current = st.session_state[state.REVIEWS][key] = marks.arrive(current, order.tolist())
    if current.shown is not None:
        st.session_state[state.ROW] = current.shown
    return current


def marking(about: Reviewed, current: Review, row: int, order: np.ndarray) -> None:
    """Draw the galaxy's name, and the buttons that mark it and move on in this order."""

    def press(of: int, number: int, _: int = 0) -> None:
        def change(review: Review) -> Review:
            if number < len(MARKS):
                return marks.mark(review, of, number)
            return MOVES[number - len(MARKS)][2](marks.arrive(review, order.tolist()))

        if 0 <= of < about.count:
            reviewing.change(about.key, change)

    given = current.marks.get(row)
    named(about.ids([row])[0], about.classes([row])[0])
    with st.container(horizontal=True, gap="small", key="review_marks"):
        for value, word in enumerate(MARKS):
            kind: Literal["primary", "secondary"] = "primary" if value == given else "secondary"
            st.button(
                word,
                key=f"mark_{value}",
                type=kind,
                shortcut=str(value),
                on_click=press,
                args=(row, value),
            )
    with st.container(horizontal=True, gap="small", key="review_moves"):
        barred = (current.at == 0, False, not current.steps)
        for number, (name, key, _) in enumerate(MOVES):
            st.button(
                name,
                key=f"review_{key.lower()}",
                shortcut=key,
                disabled=barred[number],
                on_click=press,
                args=(row, len(MARKS) + number),
            )
    digits = [str(value) for value in range(len(MARKS))]
    buttons = [("review_marks", digits), ("review_moves", ["ArrowLeft", "ArrowRight", "u"])]
    keys(f"review_keys_{about.key}", row, -1, buttons, press, frees=state.BOARD_MODE)
    most = "most interesting."
    if about.reranks:
        most = f"show more like it. Each mark re-ranks {about.reranks}."
    said = "not marked yet" if given is None else f"marked {given}"
    best = sum(value >= marks.HIGHEST - 1 for value in current.marks.values())
    st.caption(
        f"How interesting is this galaxy? 0 = ordinary or an artefact, 5 = {most} This galaxy is "
        f"{said}. {len(current.marks):,} marked so far, {best:,} of them with 4 or 5."
    )


def _picture(workspace: Workspace, row: int, image: np.ndarray | None, culprit: int | None) -> None:
    if image is None:
        st.warning("The image of this galaxy cannot be read; it may be damaged.")
        return
    height, width = image.shape[:2]
    box = None
    if culprit is not None and (share := galaxy.seen_share(workspace)) is not None:
        box = patch_box(culprit, workspace.model.grid, galaxy.seen_box(height, width, share))
    bar = galaxy.scale_bar(width, galaxy.arcsec_per_pixel(workspace.data.table, row))
    with st.container(width=560):
        cutout("review_picture", image, bar, box)


def _culprit(workspace: Workspace, view: View, row: int, image: np.ndarray | None) -> int | None:
    """The number of the worst predicted patch, where there is a predictor."""
    from astrojepa.data.crops import seen_part

    if "culprit" in view.chosen.parts:  # of all patches, as the score has it
        return int(view.chosen.parts["culprit"][row])
    if image is None or workspace.model is None or not workspace.model.has_predictor:
        return None
    errors, _ = waiting.in_turn(
        lambda: loaders.patch_errors(workspace.model, workspace.data, *workspace.key, row, "tiling")
    )
    return worst_patch(errors.mse, seen_part(image, workspace.model.config.image))


def _facts(
    workspace: Workspace, view: View, row: int, culprit: int | None, by_marks: Mapping[str, str]
) -> None:
    data, chosen = workspace.data, view.chosen
    position = "" if data.simulated else position_words(float(data.ra[row]), float(data.dec[row]))
    redshift = float(data.redshift[row])
    known = {
        "Position": position or ("none (simulated)" if data.simulated else "unknown"),
        "Redshift": f"{redshift:.4f}" if math.isfinite(redshift) else "unknown",
        **by_marks,
        title(
            chosen.name
        ): f"{chosen.scores[row]:.3f}, rank {chosen.places[row]:,} of {len(chosen.places):,}",
        **(
            _parts(workspace, chosen.name, row)
            or {"Details": score_parts(workspace, view, np.array([row]))[0]}
        ),
    }
    if culprit is not None:
        known["Worst-predicted patch"] = f"{patch_words(culprit, workspace.model.grid)} (framed)"
    if view.checks is not None:
        known["Image"] = (
            f"likely artefact: {kind}"
            if (kind := artefact_kind(view.checks.parts, row))
            else "no artefact found"
        )
    facts("review", known)


def _parts(workspace: Workspace, name: str, row: int) -> dict[str, str]:
    """Say what a combined score is made of: each part's value, its rank and what it measures;
    nothing until all are there, which of many galaxies are measured elsewhere.
    """
    from astrojepa.evaluation.anomalies.registry import find

    names, count = list(dict.fromkeys(find(name).parts)), len(workspace.data)
    parts = [*measures.values_of(workspace, row, names, asked=count <= measures.FEW)]
    if len(parts) < len(names):
        return {}
    return {
        f"Part: {mid_sentence(title(part))}": f"{value:.3f}, rank {rank:,} of {count:,}: "
        f"{find(part).meaning}"
        for part, (value, rank) in parts
    }


def files(about: Reviewed, current: Review) -> None:
    """Offer the marks as a file, and to take over those of one."""
    with st.container(horizontal=True, vertical_alignment="center", key="review_files"):
        export_menu(
            "marks",
            "marks",
            len(current.marks),
            lambda ending: about.export(ending, current.marks),
            MARK,
        )
        with st.popover("Review options"):
            if about.reranks:
                choose("Re-rank", RERANKINGS, state.RERANKING)
            st.file_uploader(
                "Import marks",
                ["csv"] if about.hosted else [ending[1:] for ending in WRITERS],
                key=FILE,
                max_upload_size=2,
                on_change=_read,
                args=(about,),
            )
            st.caption("This browser keeps marks. Export them to keep them elsewhere.")
    if said := st.session_state.get(SAID):
        sentence, wrong = said
        with st.container(key="review_said"):
            st.caption("The file was not imported." if wrong else "The file was imported.")
            st.text(sentence)


def _read(about: Reviewed) -> None:
    """Take over the marks of a file once, when it arrives."""
    file = st.session_state.get(FILE)
    if file is None:
        st.session_state.pop(SAID, None)
        return
    try:
        found = about.read(file.name, file.getvalue())
    except ValueError as error:
        st.session_state[SAID] = (str(error), True)
        return
    reviewing.change(about.key, lambda review: marks.add(review, found.marks))
    st.session_state[SAID] = (found.sentence(about.data_hash), False)


def following(current: Review, order: np.ndarray) -> list[int]:
    """Return the rows that come next."""
    seen = {*current.path, *current.marks}
    return list(itertools.islice((row for row in order.tolist() if row not in seen), NEXT))


def galleries(
    about: Reviewed,
    current: Review,
    coming: Sequence[int],
    lines: Sequence[Sequence[str]],
    said: str,
) -> None:
    """Show the galaxies that come next, each with its lines, which is `said` of all, and those with
    the highest marks.
    """

    def visit(row: Any) -> None:
        if isinstance(row, int) and not isinstance(row, bool) and 0 <= row < about.count:
            reviewing.change(about.key, lambda review: marks.visit(review, row))

    best = sorted(current.marks, key=lambda row: (-current.marks[row], row))[:MARKED]
    if coming:
        st.header("Up next", anchor=False)
        both = zip(about.classes(coming), lines, strict=True)
        captions = [[kind, *under] for kind, under in both]
        _galaxies("review_next", about, coming, captions, visit)
        st.caption(said)
    if best:
        st.header("Marked", anchor=False)
        kinds = zip(best, about.classes(best), strict=True)
        firsts = [f"{current.marks[row]}  {kind}".rstrip() for row, kind in kinds]
        captions = [list(both) for both in zip(firsts, about.ids(best), strict=True)]
        _galaxies("review_marked", about, best, captions, visit, current.shown)


def _galaxies(
    key: str,
    about: Reviewed,
    rows: Sequence[int],
    captions: Sequence[Sequence[str]],
    visit: Callable[[Any], None],
    selected: int | None = None,
) -> None:
    """Show images, or buttons where there are none."""
    if about.pictures:
        gallery(key, about.pictures, list(rows), captions, visit, selected=selected, tile=92)
        return
    with st.container(horizontal=True, gap="small", key=key):
        for row, under in zip(rows, captions, strict=True):
            words = escape_markdown(", ".join(line for line in under if line))
            st.button(words, key=f"{key}_{row}", on_click=visit, args=(row,))


def rank_lines(rank: int, place: int | None = None) -> list[str]:
    """Write a galaxy's rank by the score, after its place where marks re-rank the list."""
    return [f"rank {rank:,}"] if place is None else [f"by marks {place:,}", f"by score {rank:,}"]


def tile_lines(kind: str, rank: int, place: int | None) -> list[str]:
    """Begin the lines under an image of a leaderboard: `rank_lines` and the class, "" for none."""
    lines = rank_lines(rank, place)
    return [f"{lines[0]}  {kind}".rstrip()] if place is None else [*lines, *filter(None, [kind])]


def ranks_said(by: str, given: Mapping[int, int]) -> str:
    """Say what the numbers of `rank_lines` are; `given` are the marks that re-rank the list."""
    if not given:
        return f"Ranks are by {by}."
    return (
        f"*By marks* is the place in this order, re-ranked {marks_words(given)}; *by score* is the "
        f"rank by {by}."
    )


def marks_words(given: Mapping[int, int]) -> str:
    """Count the marks that re-rank."""
    return f"by your {counted(len(given), 'mark')}"


def far_from_marks(given: Mapping[int, int]) -> str:
    """Begin the sentence on a re-ranked list, which ends with what it is by far from all marks; ""
    without marks.
    """
    if not given:
        return ""
    return f"Re-ranked {marks_words(given)}, most interesting first; far from all of them, by "


def finished(
    about: Reviewed, current: Review, seen: str = "every galaxy of this selection"
) -> None:
    """Say that every galaxy has been seen."""
    st.info(f"You have seen {seen} and marked {len(current.marks):,} of {about.count:,}.")
    with st.container(horizontal=True):
        st.button("Start again", on_click=reviewing.change, args=(about.key, _again))
    files(about, current)


def _again(review: Review) -> Review:
    """Go back to the first galaxy of the path."""
    return Review(review.marks, review.path, 0, review.steps)
