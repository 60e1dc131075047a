"""Likely artefacts, apart from the leaderboard: counted by kind, clearest first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from astrojepa.tables import Column
from astrojepa.wording import counted, galaxies

from ...components.export_menu import export_menu
from ...components.gallery.gallery import gallery
from ...session import links, loaders, state
from ...session.export import table_file
from ...session.workspace import Task, Workspace
from . import tasks
from .listing import PER_PAGE, first_page, turned

ALL = "all"
SCALE = "0 = none, 1 = clear, above 0.5 likely"  # of an artefact score
KINDS = {  # what `artefact_scores` calls so
    "blank": "nothing stands out of the noise, or part of the image holds no data",
    "saturated": "many pixels are clipped at white",
    "trail": "a straight line of one colour crosses the image, as of a satellite",
    "missing band": "one colour has no light where the others have the galaxy",
    "dead line": "a row or column is dark between two lit neighbours",
    "star-dominated": "a bright star, or its scattered light, away from the middle",
    "coloured sky": "the sky is not grey, by scattered light or a bad background",
    "off-centre": "something away from the middle is brighter than what is there",
}
_KIND = "artefact_kind"


@dataclass(frozen=True)
class Checked:
    """The galaxies whose images were checked."""

    data: Any  # a Dataset of these
    rows: np.ndarray  # int64 (m,), by which pictures and clicks name them
    said: str  # which images these are, as "all 2,000 images"
    pictures: str  # address of the images
    facts: Mapping[str, str]  # what a file says
    opened: Callable[[Any], None]  # what follows a click


def of_workspace(workspace: Workspace) -> Checked:
    """All galaxies of a small data set."""
    data = workspace.data
    rows, said = np.arange(len(data)), counted(len(data), "image")
    facts = {"view": links.address(workspace)}
    return Checked(data, rows, said, workspace.pictures, facts, links.open_galaxy)


def artefacts(about: Checked, checks: Any) -> None:
    """Draw the likely artefacts of one kind or of all, clearest first."""
    rows = {kind: likely(values) for kind, values in checks.parts.items()}
    rows = {kind: found for kind, found in rows.items() if len(found)}
    every = likely(checks.artefact)
    count = len(every)
    if not count:
        st.caption(f"None of the {about.said} is a likely artefact.")
        return
    st.caption(
        f"Likely artefacts: {count:,} of the {about.said}. The leaderboard leaves them out. The "
        f"number under an image is its artefact score: {SCALE}. An image of several kinds is "
        "listed under each. Thresholds were set by eye on SDSS cutouts; look at an image before "
        "you discard it."
    )
    options = {ALL: f"All ({count:,})"}
    options |= {kind: f"{kind.capitalize()} ({len(found):,})" for kind, found in rows.items()}
    if st.session_state.get(_KIND) not in options:
        st.session_state[_KIND] = ALL
    kind = st.pills(
        "Kind",
        list(options),
        format_func=options.__getitem__,
        key=_KIND,
        on_change=first_page,
        help="  \n".join(f"{kind.capitalize()}: {KINDS[kind]}." for kind in checks.parts),
    )
    order = rows.get(str(kind), every)
    values = checks.parts[str(kind)] if kind in rows else checks.artefact
    with st.container(horizontal=True, vertical_alignment="center", key="artefact_pages"):
        page = turned(len(order), galaxies(len(order)))
        kinds = [str(kind)] if kind in rows else list(rows)
        facts = {**about.facts, "filter": filter_of(kinds, about.facts.get("filter", ""))}
        export_menu(
            "artefacts",
            "artefacts",
            len(order),
            lambda ending: artefacts_file(ending, about.data, checks, order, facts),
        )
    shown = order[page * PER_PAGE : (page + 1) * PER_PAGE]
    captions = [
        (f"{values[place]:.2f}  {kinds_of(checks.parts, place)}", str(about.data.ids[place]))
        for place in shown.tolist()
    ]
    tiles = about.rows[shown].tolist()
    gallery("artefacts", about.pictures, tiles, captions, about.opened, tile=144)


def check_task(workspace: Workspace) -> Task:
    """What `waiting.wait_for` needs to check all images."""
    return (
        ("checks", workspace.data.fingerprint),
        f"Checking {counted(len(workspace.data), 'image')}",
        tasks.picture_checks(workspace.data),
    )


def left_out(workspace: Workspace) -> np.ndarray:
    """Return the rows of likely artefacts that the leaderboard leaves out; none before a check."""
    checks = loaders.jobs().result(check_task(workspace)[0])
    if st.session_state.get(state.SHOW_ARTEFACTS) or checks is None:
        return np.zeros(0, np.int64)
    return likely(checks.artefact)


def artefacts_included() -> bool:
    """Offer to include likely artefacts; whether they are."""
    return st.toggle(
        "Include likely artefacts",
        key=state.SHOW_ARTEFACTS,
        on_change=first_page,
        help=(
            "Blank or saturated images, trails, missing bands, dead lines, bright stars, coloured "
            "sky, off-centre galaxies."
        ),
    )


def likely(scores: np.ndarray) -> np.ndarray:
    """Return the rows of likely artefacts, clearest first: int64 (m,)."""
    from astrojepa.evaluation.pictures.artefacts import LIKELY

    order = np.argsort(-np.asarray(scores), kind="stable")
    return order[np.asarray(scores)[order] > LIKELY]


def kinds_of(parts: Mapping[str, np.ndarray], row: int) -> str:
    """Name the kinds of artefact that a galaxy's image likely has."""
    from astrojepa.evaluation.pictures.artefacts import LIKELY

    return ", ".join(kind for kind, values in parts.items() if values[row] > LIKELY)


def artefacts_file(
    ending: str, data: Any, checks: Any, order: np.ndarray, facts: Mapping[str, str]
) -> bytes:
    """Write likely artefacts as a table, each with its kinds and its score of every kind."""
    kinds = [kinds_of(checks.parts, row) for row in order.tolist()]
    more = [Column("artefact", kinds, "kinds of artefact that the image likely has")]
    more += [
        Column(_column(kind), values[order], f"artefact score of {kind}: {SCALE}", digits=0)
        for kind, values in checks.parts.items()
    ]
    return table_file(ending, data, order, more, facts)


def filter_of(kinds: Sequence[str], within: str = "") -> str:
    """Return the expression that chooses these kinds, by columns of the export, `within` a filter
    that chose the galaxies.
    """
    from astrojepa.evaluation.pictures.artefacts import LIKELY

    found = " or ".join(f"{_column(kind)} > {LIKELY:g}" for kind in kinds)
    return f"({within}) and ({found})" if within else found


def _column(kind: str) -> str:
    return kind.replace(" ", "_").replace("-", "_")
