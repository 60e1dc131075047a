"""Waiting for long work without a frozen page: the result if it is there, else a progress bar and the rest later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from app import loaders
from app.jobs import Job, Jobs, Progress

PATIENCE = 0.35  # seconds a page waits before it shows a progress bar


def result(key: tuple[object, ...], sentence: str, task: Callable[[Progress], Any]) -> Any:
    """Return what the task gives; while it runs, show how far it is and stop the page here.

    The task's own error is raised on the page that waits for it, and the next attempt starts anew.
    """
    job = loaders.jobs().start(key, task)
    if not job.finished.wait(PATIENCE):
        _watch(key, sentence, task, loaders.jobs())
        st.stop()
    if job.error is not None:
        loaders.jobs().forget(key)
        raise job.error
    return job.value


def soon(key: tuple[object, ...], sentence: str, task: Callable[[Progress], Any]) -> Any | None:
    """Return what the task gives, or None with a progress bar in its place: the rest of the page is drawn meanwhile.

    The task's own error is raised, and the next attempt starts anew.
    """
    job = loaders.jobs().start(key, task)
    if not job.finished.wait(PATIENCE / 2):
        _watch(key, sentence, task, loaders.jobs())
        return None
    if job.error is not None:
        loaders.jobs().forget(key)
        raise job.error
    return job.value


def behind(key: tuple[object, ...], sentence: str, task: Callable[[Progress], Any]) -> None:
    """Do a task that no page waits for, and show how far it is; once it is done the page is drawn anew.

    The task's own error is raised, and the next attempt starts anew.
    """
    job = loaders.background().start(key, task)
    if not job.finished.is_set():
        _watch(key, sentence, task, loaders.background())
    elif job.error is not None:
        loaders.background().forget(key)
        raise job.error


def describe(job: Job) -> str:
    """Say how far a job is, in words."""
    parts = []
    if job.began is None:
        parts.append("waiting for its turn")
    if job.total:
        parts.append(f"{job.done:,} of {job.total:,}")
    if (left := job.seconds_left) is not None and left > 1:
        parts.append(f"about {left:.0f} s left" if left < 90 else f"about {left / 60:.0f} min left")
    return ", ".join(parts)


@st.fragment(run_every=0.4)
def _watch(key: tuple[object, ...], sentence: str, task: Callable[[Progress], Any], board: Jobs) -> None:
    job = board.start(key, task)
    if job.finished.is_set():
        st.rerun()
    detail = describe(job)
    st.progress(job.fraction, text=f"{sentence}: {detail}" if detail else f"{sentence} …")
