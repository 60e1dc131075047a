"""Tasks and cached functions of the anomalies page, each around one call of the package."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import streamlit as st

import astrojepa as aj
from astrojepa.progress import Progress

from ...session.loaders import MODEL_TURNS
from ...session.queue import as_task
from .order import worst_patch

FEW = 2000  # galaxies whose images are checked unasked
WAITED_FOR = 200  # galaxies whose scores are there in a moment, before which the page is empty


@as_task
def picture_checks(report: Progress, data: Any) -> Any:
    """Check every image: artefacts, brightness, signal-to-noise, stars."""
    from astrojepa.evaluation.pictures.checks import picture_checks

    return picture_checks(data, progress=report)


@as_task
def named_score(report: Progress, model: Any, data: Any, name: str) -> Any:
    """One of the scores that need a look at every image, by its name."""
    from astrojepa.evaluation.anomalies.scoring import score_by_name

    return score_by_name(model, data, name, progress=report)


@as_task
def prediction_parts(report: Progress, model: Any, data: Any) -> dict[str, np.ndarray]:
    """The parts of every galaxy's prediction error: mean, worst and its patch number, cosine."""
    from astrojepa.evaluation.patches.summary import patch_error_summary

    errors = patch_error_summary(model, data, progress=report)
    culprit = np.nanargmax(errors.mse.reshape(len(data), -1), axis=1)
    return {
        "mean": errors.mean_mse,
        "worst": errors.max_mse,
        "cosine": errors.mean_cosine,
        "culprit": culprit,
    }


@as_task
def culprits(report: Progress, model: Any, data: Any, rows: tuple[int, ...]) -> dict[int, int]:
    """Return `worst_patch` of a few galaxies by row, without unreadable images."""
    from astrojepa.data.crops import seen_part

    found = {}
    for done, row in enumerate(rows):
        try:
            image = model.image_of(data, row)
        except (ValueError, OSError):
            continue
        with MODEL_TURNS.turn():
            errors = aj.patch_errors(model, image).mse
        found[row] = worst_patch(errors, seen_part(data[row].image, model.config.image))
        report(done + 1, len(rows), "")
    return found


@st.cache_data(show_spinner=False, max_entries=128)
def distances(
    _embeddings: Any, model_hash: str, data_hash: str, rows: tuple[int, ...], count: int
) -> np.ndarray:
    """Distances of a few galaxies to their nearest others, nearest first: (rows, count)."""
    return aj.neighbours(_embeddings, query=list(rows), k=count).distances


@st.cache_data(show_spinner=False, max_entries=64)
def score_follows(
    _scores: np.ndarray, _checks: Any, model_hash: str, data_hash: str, name: str
) -> Any:
    """How closely a score follows brightness, signal-to-noise and star count."""
    from astrojepa.evaluation.pictures.checks import correlations

    return correlations({name: _scores}, _checks.properties)


@st.cache_data(show_spinner=False, max_entries=32)
def expected_marks(
    _vectors: np.ndarray,
    _scores: np.ndarray,
    key: tuple[str, ...],
    marks: tuple[tuple[int, int], ...],
    method: str,
) -> np.ndarray:
    """Predict every galaxy's mark from those given; `key` identifies vectors and scores."""
    from astrojepa.evaluation.anomalies.feedback import rerank

    return rerank(_vectors, _scores, dict(marks), method)


@as_task
def ranking_quality(
    report: Progress,
    model: Any,
    data: Any,
    embeddings: Any,
    rare: str,
    draws: int = 20,
    *,
    is_stored: bool = False,
) -> Any:
    """Measure how well every score finds a class thinned to 2 %, with baselines."""
    from astrojepa.evaluation.anomalies import leaderboard_table as table
    from astrojepa.evaluation.anomalies.leaderboard import leaderboard, mean_interval

    if model is not None:
        return table.leaderboard_table(model, data, rare, draws=draws, progress=report)
    if is_stored:
        rows = table.leaderboard_table(
            None, data, rare, draws=draws, found=embeddings, progress=report
        )
        return [
            dataclasses.replace(row, vectors="stored") if row.vectors == "encoder" else row
            for row in rows
        ]
    labels = table.rare_labels(data, rare)
    found = leaderboard(embeddings.vectors, labels, draws=draws, progress=report)
    knn = found[0].average_precision
    return [
        table.Row("pixel PCA-64", one, mean_interval(one.average_precision - knn)) for one in found
    ]


def can_be_rare(data: Any, fraction: float = 0.02) -> list[str]:
    """Return the classes that are large enough to be thinned to `fraction`."""
    from astrojepa.evaluation.anomalies.leaderboard import num_kept

    known = int((data.labels >= 0).sum())
    possible = []
    for label, name in enumerate(data.classes):
        count = int((data.labels == label).sum())
        try:
            num_kept(known - count, count, fraction)
        except ValueError:
            continue
        possible.append(name)
    return possible
