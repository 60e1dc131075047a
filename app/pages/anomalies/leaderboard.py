"""The leaderboard: 24 galaxies a page, and the distribution of the score."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

from astrojepa.tables import Column
from astrojepa.wording import counted, galaxies

from ...components import figures
from ...components.escape_markdown import escape_markdown
from ...components.export_menu import export_menu
from ...components.gallery.gallery import gallery
from ...components.send_button import send_button
from ...session import links, reviewing, state, waiting
from ...session.export import model_facts, table_file
from ...session.gathered import gathered
from ...session.workspace import Workspace
from . import tasks
from .artefacts import SCALE
from .listing import PER_PAGE, View, score_parts, turned
from .order import (
    artefact_kind,
    correlations_words,
    finite_places,
    follows,
    patch_words,
    position_words,
)
from .quality import measured_verdict
from .review import expected, ranks_said, tile_lines
from .scores import mid_sentence, ranked_by, title

BY_MARKS = "board_by_marks"
PARTS = {  # of the prediction error, as an export describes them
    "mean": "squared prediction error, mean of all patches",
    "worst": "squared prediction error of the patch with the largest",
    "cosine": "cosine of predicted and target tokens, mean of all patches",
    "culprit": "number of the patch with the largest error, in reading order from 0",
}


def board(workspace: Workspace, view: View) -> None:
    """Draw one page of the leaderboard, and the histogram of its score."""
    left, right = st.columns([2, 1], gap="medium")
    with left:
        given = reviewing.review_of(workspace.data.galaxies_hash).marks
        moved = wants_marks(given)
        places = finite_places(expected(workspace, view, given)) if moved else None
        order = view.order(workspace, view.chosen.places if places is None else places)
        page = _pager(workspace, view, order)
        st.caption(ranks_said(ranked_by(view.chosen), given if moved else {}))
        shown = order[page * PER_PAGE : (page + 1) * PER_PAGE]
        tiles = st.container()
        culprits = found_culprits(workspace, view, shown)
        captions = card_captions(workspace, view, shown, culprits, places)
        with tiles:
            selected = st.session_state.get(state.ROW)
            gallery(
                "leaderboard",
                workspace.pictures,
                shown.tolist(),
                captions,
                links.open_galaxy,
                selected=selected,
                tile=144,
            )
    with right:
        distribution(workspace, view)


def found_culprits(workspace: Workspace, view: View, rows: np.ndarray) -> dict[int, int]:
    """Return the worst-predicted patch by row; {} without a predictor or while computed."""
    if "culprit" in view.chosen.parts:
        return {int(row): int(view.chosen.parts["culprit"][row]) for row in rows}
    if workspace.model is None or not workspace.model.has_predictor or not len(rows):
        return {}
    wanted = tuple(int(row) for row in rows)
    task = tasks.culprits(workspace.model, workspace.data, wanted)
    return (
        waiting.show_when_ready(
            ("culprits", *workspace.key, wanted), "Finding the worst-predicted patches", task
        )
        or {}
    )


def card_captions(
    workspace: Workspace,
    view: View,
    rows: np.ndarray,
    culprits: dict[int, int],
    places: np.ndarray | None,
) -> list[list[str]]:
    """Write the lines under each galaxy: rank and class, score and its first detail, id, more, and
    the visitor's mark; before the rank its place, where marks re-rank.

    Each is as short as an image is wide: what is cut at its end is not read.
    """
    data, chosen = workspace.data, view.chosen
    parts = score_parts(workspace, view, rows)
    given = reviewing.review_of(data.galaxies_hash).marks
    lines = []
    for row, part in zip(map(int, rows), parts, strict=True):
        place = None if places is None else places[row]
        line = [
            *tile_lines(workspace.class_name(row), chosen.places[row], place),
            f"{chosen.scores[row]:.3f}, {part.split(', ')[0]}",
            str(data.ids[row]),
        ]
        if row in culprits and workspace.model is not None:
            line.append(f"worst patch {patch_words(culprits[row], workspace.model.grid)}")
        if view.checks is not None and (kind := artefact_kind(view.checks.parts, row)):
            line.append(f"artefact: {kind}")
        if not data.simulated and (
            position := position_words(float(data.ra[row]), float(data.dec[row]))
        ):
            line.append(position)
        if row in given:
            line.append(f"marked {given[row]}")
        lines.append(line)
    longest = max(map(len, lines), default=0)
    # so that the images stand in rows
    return [[*line, *["\N{NO-BREAK SPACE}"] * (longest - len(line))] for line in lines]


def distribution(workspace: Workspace, view: View) -> None:
    """Show the histogram of the score with the selected galaxy, and its correlations."""
    from astrojepa import plotting

    st.header("Score distribution", anchor=False)
    scores, row = view.chosen.scores, st.session_state.get(state.ROW)
    marked = float(scores[row]) if row is not None and row < len(scores) else None
    figure = plotting.histogram_figure(scores, marked, mid_sentence(title(view.chosen.name)))
    figures.chart(figure, "histogram")
    if marked is not None:
        st.caption(
            f"The line marks the selected galaxy, {workspace.data.ids[row]}: rank "
            f"{view.chosen.places[row]:,} by {ranked_by(view.chosen)}."
        )
    _followed(workspace, view)
    if sentence := measured_verdict(workspace):
        st.caption(f"Benchmark: {escape_markdown(sentence)}")


def _followed(workspace: Workspace, view: View) -> None:
    """Say in words where the score follows brightness, signal-to-noise or star count."""
    if view.checks is None:
        job = ("checks", workspace.data.fingerprint)
        st.caption(
            "Correlations with brightness, S/N and star count are shown once the images are "
            "checked."
        )
        if (
            st.session_state.get(state.SHOW_ARTEFACTS)  # else they are being checked
            and st.session_state.get("check_pictures") != job
        ):
            st.button(
                "Check the images", on_click=lambda: st.session_state.update(check_pictures=job)
            )
        return
    found = tasks.score_follows(view.chosen.scores, view.checks, *workspace.key, view.chosen.name)
    if sentence := follows(found, title(view.chosen.name)):
        st.warning(sentence)
    else:
        known = {one.about: one.spearman for one in found}
        said = correlations_words(known, len(view.chosen.scores))
        st.caption(f"Rank correlation of the score with {said}." if said else "")


def wants_marks(marks: Mapping[int, int], which: str = "Re-rank") -> bool:
    """Offer to re-rank the leaderboard by marks, where there are any."""
    mine = counted(len(marks), "mark")
    return bool(marks) and st.toggle(f"{which} by my {mine}", key=BY_MARKS)


def leaderboard_file(
    ending: str, workspace: Workspace, view: View, order: np.ndarray, facts: Mapping[str, str]
) -> bytes:
    """Write the galaxies of the leaderboard in its order as a table of this format."""
    return table_file(ending, workspace.data, order, ranked_columns(workspace, view, order), facts)


def ranked_columns(workspace: Workspace, view: View, order: np.ndarray) -> list[Column]:
    """Return the columns of the score and its parts; each says which score it is of."""
    from astrojepa.evaluation.anomalies.registry import find

    chosen = view.chosen
    first = "1 = most anomalous"
    found = [
        ("rank", chosen.places, f"rank by the score {chosen.name}; {first}"),
        ("score", np.full(len(chosen.scores), chosen.name, object), "score of rank and value"),
        ("value", chosen.scores, f"the score {chosen.name}: {find(chosen.name).meaning}"),
        *((f"{name}_error", values, PARTS[name]) for name, values in chosen.parts.items()),
        ("rank_knn", workspace.places, f"rank by the score knn: {find('knn').meaning}; {first}"),
    ]
    if view.checks is not None:
        about = f"artefact score of the image, the highest of all kinds: {SCALE}"
        found.append(("artefact", view.checks.artefact, about))
    return [Column(name, values[order].tolist(), about, digits=0) for name, values, about in found]


def _pager(workspace: Workspace, view: View, order: np.ndarray) -> int:
    count = len(order)
    with st.container(horizontal=True, vertical_alignment="center"):
        page = turned(count, galaxies(count))
        facts = {**model_facts(workspace.made_by), "view": links.address(workspace)}
        export_menu(
            "leaderboard",
            "leaderboard",
            count,
            lambda ending: leaderboard_file(ending, workspace, view, order, facts),
        )
        send_button(
            gathered(workspace),
            "leaderboard",
            f"By {mid_sentence(title(view.chosen.name))}",
            order.tolist,
            lambda: ranked_columns(workspace, view, order),
        )
    return page
