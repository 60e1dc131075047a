"""The available anomaly scores and the chosen one; slow ones are computed on request."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st

from astrojepa.progress import Progress
from astrojepa.wording import galaxies

from ...components.instead import say_instead
from ...session import loaders, state, waiting
from ...session.workspace import Workspace
from . import tasks
from .order import finite_places

NAMES = ("Mahalanobis",)  # of people
ASKED = "slow_scores"  # session key: (job, model, data) of the slow scores that were asked for
# session key: the job of a score that another one stands in for until the visitor moves to it, and
# since when
STANDS_IN = "stands_in"
AT_ONCE = 10.0  # seconds within which a score takes over by itself
MINUTES = "one or two minutes per thousand galaxies on a CPU"


@dataclass(frozen=True)
class Chosen:
    """The score of the leaderboard."""

    name: str
    scores: np.ndarray  # float64 (n,), larger = more anomalous
    places: np.ndarray  # int64 (n,), 1 = most anomalous
    # of a prediction score: mean, worst, cosine, culprit
    parts: dict[str, np.ndarray] = field(default_factory=dict)


def title(name: str) -> str:
    """Name a score in words."""
    from astrojepa.evaluation.anomalies.registry import PIXELS, find

    words = find(name).title
    return f"Pixels: {mid_sentence(words)}" if name.startswith(PIXELS) else words


def mid_sentence(words: str) -> str:
    """Write a title as it stands within a sentence: names and abbreviations keep their capitals."""
    kept = words.startswith(NAMES) or not words[1:2].islower()
    return words if kept else words[:1].lower() + words[1:]


def ranked_by(chosen: Chosen) -> str:
    """Name the score that ranks are by, and how many galaxies are ranked."""
    return f"{mid_sentence(title(chosen.name))}, of {galaxies(len(chosen.places))}"


def how(name: str, features: str) -> str:
    """Say in half a sentence what a score measures, and on which features."""
    from astrojepa.evaluation.anomalies.registry import PIXELS, find

    score = find(name)
    if score.needs != "vectors":
        return score.meaning
    on_pixels = name.startswith(PIXELS)
    where = "64 principal components of the pixels" if on_pixels else f"the features of {features}"
    return f"{score.meaning}, in {where}"


def offered(has_model: bool, has_predictor: bool) -> tuple[str, ...]:
    """Return the names of the scores that can be computed; without a model those of the pixels."""
    from astrojepa.evaluation.anomalies.registry import find, names, vector_scores

    if not has_model:
        return vector_scores()
    return tuple(name for name in names() if has_predictor or find(name).needs != "predictor")


def choose_score(workspace: Workspace, first_page: Any) -> str:
    """Let one score be chosen; returns its name."""
    from astrojepa.evaluation.anomalies import registry

    names = _offered(workspace)
    wanted = st.session_state.get(state.SCORE)
    if wanted not in names:
        st.session_state[state.SCORE] = names[0]
        if wanted:
            called = title(wanted) if wanted in registry.names() else wanted
            say_instead(
                f"The score {called!r} is not available for {workspace.choice.label}",
                f"{mid_sentence(title(names[0]))} is shown",
            )

    def changed() -> None:
        st.session_state.pop(STANDS_IN, None)
        first_page()

    return str(
        st.selectbox(
            "Score", names, format_func=title, key=state.SCORE, on_change=changed, width=260
        )
    )


def measured(workspace: Workspace, name: str) -> Chosen:
    """Return the scores of every galaxy by this name, or by another one that is there, until they
    are computed and wanted; slow scores and prediction errors are computed when asked for.
    """
    from astrojepa.evaluation.anomalies.registry import find

    score = find(name)
    predicted = score.needs == "predictor"
    job, task = score_job(workspace, name)
    if (predicted or score.slow) and not _asked(job):
        _ask(workspace, name, job)
        return _meanwhile(workspace, name)
    if name == "knn":
        return Chosen(name, workspace.scores, workspace.places)
    # a visitor need not wait for what takes minutes
    few = len(workspace.data) <= tasks.WAITED_FOR
    wait: Callable[..., Any] = waiting.wait_for if few else waiting.show_when_ready
    scores = wait(job, title(name), task)
    parts = {}
    if predicted and scores is not None:
        errors = ("errors", *workspace.key)
        parts = wait(
            errors, "Patch errors", tasks.prediction_parts(workspace.model, workspace.given)
        )
    if scores is None or parts is None:
        if _stands_in(job) is None:
            st.session_state[STANDS_IN] = (job, time.monotonic())
        return _meanwhile(workspace, name)
    if (_stands_in(job) or 0.0) > AT_ONCE:  # nothing moves under the hand of who looks
        st.caption(f"{title(name)} is computed.", width="content")
        st.button(
            "Rank by it", type="primary", on_click=st.session_state.pop, args=(STANDS_IN, None)
        )
        return _meanwhile(workspace, name)
    st.session_state.pop(STANDS_IN, None)
    return Chosen(name, scores, finite_places(scores), parts)


def _stands_in(job: tuple[str, ...]) -> float | None:
    """For how many seconds another score has stood in for this one; None if none does."""
    of, since = st.session_state.get(STANDS_IN, (None, 0.0))
    return time.monotonic() - since if of == job else None


def _meanwhile(workspace: Workspace, name: str) -> Chosen:
    """Return a score that is there, the kNN distance where no other is, and offer to keep it."""
    other = _there(workspace, name)

    def choose() -> None:
        st.session_state[state.SCORE], st.session_state[state.BOARD_PAGE] = other.name, 0

    st.button(f"Keep {mid_sentence(title(other.name))}", on_click=choose)
    return other


def on_board(workspace: Workspace) -> Chosen:
    """Return the score that the leaderboard is by, or what stands in for it; the kNN distance where
    no leaderboard was opened. Computes no other.
    """
    name = st.session_state.get(state.SCORE)
    if name == "knn" or name not in _offered(workspace):
        return Chosen("knn", workspace.scores, workspace.places)
    job, _ = score_job(workspace, name)
    scores = loaders.jobs().result(job) if _stands_in(job) is None else None
    return (
        _there(workspace, name) if scores is None else Chosen(name, scores, finite_places(scores))
    )


def _there(workspace: Workspace, name: str) -> Chosen:
    """Return the first score but this one that is there, else the kNN distance."""
    from astrojepa.evaluation.anomalies.registry import find

    for other in _offered(workspace):
        if other != name and find(other).needs != "predictor":
            scores = loaders.jobs().result(score_job(workspace, other)[0])
            if scores is not None:
                return Chosen(other, scores, finite_places(scores))
    return Chosen("knn", workspace.scores, workspace.places)


def _offered(workspace: Workspace) -> tuple[str, ...]:
    model = workspace.model
    return offered(model is not None, model is not None and model.has_predictor)


def score_job(workspace: Workspace, name: str) -> tuple[tuple[str, ...], Callable[[Progress], Any]]:
    """Return under which key the board of jobs keeps a score, and what measures it."""
    from astrojepa.evaluation.anomalies.registry import PIXELS, find

    if find(name).needs != "vectors" or name.startswith(PIXELS):
        return ("score", *workspace.key, name), tasks.named_score(
            workspace.model, workspace.given, name
        )
    return ("scores", *workspace.key, name), loaders.scores(workspace.embeddings, name)


def _asked(job: tuple[str, ...]) -> bool:
    return job in st.session_state.get(ASKED, ()) or loaders.jobs().has(job)


def _ask(workspace: Workspace, name: str, job: tuple[str, ...]) -> None:
    def asked() -> None:
        st.session_state[ASKED] = {*st.session_state.get(ASKED, ()), job}

    st.caption(
        f"{title(name)} runs the network several times on each of {len(workspace.data):,} "
        f"galaxies, which takes {MINUTES}. The result is kept."
    )
    st.button("Compute", type="primary", on_click=asked, key="measure_score")
