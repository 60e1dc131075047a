"""Which anomaly scores there are for what is open, and the one that was chosen; slow ones are measured when asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st

from ...session import loaders, state
from ...session import waiting as work
from ...session.queue import Progress
from ...session.workspace import Scene
from . import tasks
from .order import finite_places

PIXELS = "pixel-pca-"
SLOW = "jepa-score"
OF_PICTURES = ("asymmetry", "pixel-asymmetry", "prediction", "normalised-prediction", "seed-formula", SLOW)  # not of features
ASKED = "slow_scores"  # session key: (job, model, data) of the slow scores that were asked for
TITLES = {
    "asymmetry": "Asymmetry",
    "pixel-asymmetry": "Pixels: asymmetry",
    "knn": "Distance to the 20 nearest",
    "lof": "Local outlier factor",
    "mahalanobis": "Mahalanobis distance",
    "isolation": "Isolation forest",
    "prediction": "Prediction error",
    "normalised-prediction": "Prediction error, normalised",
    "seed-formula": "Mean and worst patch",
    "jepa-score": "JEPA-SCORE",
}
HOW = {
    "asymmetry": "how unlike itself the network finds a galaxy turned by half a turn, 0 = symmetric",
    "pixel-asymmetry": "how much light changes place when a galaxy is turned by half a turn, 0 = none",
    "knn": "mean distance to the 20 nearest galaxies",
    "lof": "how much thinner its surroundings are than its neighbours' surroundings",
    "mahalanobis": "distance from the mean galaxy, in units of the spread",
    "isolation": "how few random cuts set it apart from the others",
    "prediction": "mean squared error of its hidden patches, as the model predicts them",
    "normalised-prediction": "prediction error over what its mean patch would give, 1 = no better",
    "seed-formula": "mean error, half the worst patch and a tenth of the cosine distance",
    "jepa-score": "how little the encoder magnifies small changes of the picture",
}


@dataclass(frozen=True)
class Chosen:
    """The score of the leaderboard."""

    name: str
    scores: np.ndarray  # float64 (n,), larger = stranger
    places: np.ndarray  # int64 (n,), 1 = strangest
    parts: dict[str, np.ndarray] = field(default_factory=dict)  # of a prediction score: mean, worst, cosine, culprit


def title(name: str) -> str:
    """Name a score in words."""
    plain = name.removeprefix(PIXELS)
    words = TITLES.get(plain, plain)
    return f"Pixels: {words[:1].lower() + words[1:]}" if plain != name else words


def how(name: str, features: str) -> str:
    """Say in half a sentence what a score measures, and in which features."""
    plain = name.removeprefix(PIXELS)
    if plain in OF_PICTURES:
        return HOW[plain]
    return f"{HOW.get(plain, plain)}, in {'64 principal components of the pixels' if plain != name else f'the features of {features}'}"


def offered(has_model: bool, has_predictor: bool) -> tuple[str, ...]:
    """Return the names of the scores that what is open can give: without a model those of the features at hand, the pixels'."""
    from astrojepa.evaluation.anomalies.registry import METHODS, NAMES, PREDICTION_METHODS

    if not has_model:
        return METHODS
    return NAMES if has_predictor else tuple(name for name in NAMES if name not in PREDICTION_METHODS)


def choose_score(scene: Scene, first_page: Any) -> str:
    """Let one score be chosen; returns its name."""
    names = offered(scene.model is not None, scene.model is not None and scene.model.has_predictor)
    wanted = st.session_state.get(state.SCORE)
    if wanted not in names:
        st.session_state[state.SCORE] = names[0]
        if wanted:
            st.toast(f"{scene.choice.label} cannot give the score {title(wanted)!r}; {title(names[0]).lower()} is shown.")
    return str(st.selectbox("Score", names, format_func=title, key=state.SCORE, on_change=first_page, width=260))


def measured(scene: Scene, name: str) -> Chosen | None:
    """Return the scores of every galaxy; None, and a button in their place, where a slow score has not been asked for."""
    predicted = name in ("prediction", "normalised-prediction", "seed-formula")
    job = ("prediction" if predicted else "score", *scene.key, *(() if predicted else (name,)))
    if (predicted or name == SLOW) and not _asked(job):
        _ask(scene, name, job)
        return None
    if name == "knn":
        return Chosen(name, scene.scores, scene.places)
    sentence = f"{title(name)} of {len(scene.data):,} galaxies"
    if predicted:
        found = work.result(job, sentence, tasks.prediction_parts(scene.model, scene.data))
        return Chosen(name, found[name], finite_places(found[name]), found)
    job, task = score_job(scene, name)
    scores = work.result(job, sentence, task)
    return Chosen(name, scores, finite_places(scores))


def score_job(scene: Scene, name: str) -> tuple[tuple[str, ...], Callable[[Progress], Any]]:
    """Return under which key the board of jobs keeps a score, prediction errors excepted, and what measures it."""
    if name in OF_PICTURES or name.startswith(PIXELS):
        return ("score", *scene.key, name), tasks.named_score(scene.model, scene.data, name)
    return ("scores", *scene.key, name), loaders.scores(scene.embeddings, name)


def _asked(job: tuple[str, ...]) -> bool:
    return job in st.session_state.get(ASKED, ()) or loaders.jobs().has(job)


def _ask(scene: Scene, name: str, job: tuple[str, ...]) -> None:
    def asked() -> None:
        st.session_state[ASKED] = {*st.session_state.get(ASKED, ()), job}

    st.info(
        f"{title(name)} needs the network several times for each of the {len(scene.data):,} galaxies: on a CPU about a minute or two "
        "per thousand galaxies. It is measured once and kept."
    )
    st.button("Measure it", type="primary", on_click=asked, key="measure_score")
