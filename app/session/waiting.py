"""Waiting for long tasks: the result if it is there, else a progress bar first."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from astrojepa.progress import Progress

from ..components.escape_markdown import escape_markdown
from ..server import settings
from . import loaders, state
from .queue import BusyError, Job, Urgency, called_for, waiting_for

T = TypeVar("T")
AGAIN = 2.0  # seconds until a page that was turned away asks again
UNSEEN = 5.0  # seconds after which what waits for a browser waits no longer
PATIENCE = 0.35  # seconds a page waits before it shows a progress bar
AT_START = 60.0  # seconds the server waits for what it prepares before the first page


class Wait(NamedTuple):
    """What a page waits for."""

    key: tuple[object, ...]
    sentence: str
    task: Callable[[Progress], Any]
    urgency: Urgency
    meanwhile: str = ""  # what the page shows until then


_gathered: ContextVar[list[Wait] | None] = ContextVar("gathered", default=None)


def wait_for(key: tuple[object, ...], sentence: str, task: Callable[[Progress], Any]) -> Any:
    """Return what the task gives; while it runs, show how far it is and stop the page here.

    The task's own error is raised on the page that waits for it, and the next attempt starts anew.
    TimeoutError where there is no page, and it takes longer than a start may.
    """
    patience = AT_START if get_script_run_ctx(suppress_warning=True) is None else PATIENCE
    job = _done(key, sentence, task, Urgency.AWAITED, patience)
    if job is None:
        st.stop()  # the page; where there is none, this does nothing
        raise TimeoutError(f"{sentence}: it took longer than {patience:g} s.")
    return job.value


def show_when_ready(
    key: tuple[object, ...], sentence: str, task: Callable[[Progress], Any]
) -> Any | None:
    """Return what the task gives, or None with a progress bar in its place.

    The task's own error is raised, and the next attempt starts anew.
    """
    job = _done(key, sentence, task, Urgency.SHOWN, PATIENCE / 2)
    return None if job is None else job.value


def in_background(
    key: tuple[object, ...], sentence: str, task: Callable[[Progress], Any], meanwhile: str
) -> None:
    """Run a task that no page waits for, with progress, and say what the page shows `meanwhile`;
    once done, redraw the page.

    The task's own error is raised, and the next attempt starts anew.
    """
    _done(key, sentence, task, Urgency.BACKGROUND, 0, meanwhile)


@contextmanager
def in_one_line() -> Iterator[None]:
    """Show what `show_when_ready` waits for inside in one line here: what is at work, and what
    follows.
    """
    waits: list[Wait] = []
    place, token = st.container(), _gathered.set(waits)
    try:
        yield
    finally:
        _gathered.reset(token)
    if waits:
        with place:
            _watch(*waits)


def after_first_paint(
    key: tuple[object, ...], sentence: str, task: Callable[[Progress], Any]
) -> None:
    """Run a task after the first paint, then redraw the page."""
    _begin(key, sentence, task, st.session_state.setdefault(state.ASKED, time.monotonic()))


def in_turn(call: Callable[[], T]) -> T:
    """Return what a call of the model gives when its turn comes; show the queue until then."""
    try:
        return call()
    except BusyError:
        place = st.empty()
        with loaders.MODEL_TURNS.turn(lambda ahead: place.caption(f"{waiting_for(ahead)} …")):
            place.empty()
            return call()


def stage(sentence: str, text: str) -> str:
    """Return the name of a task's stage: its progress text if that is a step, else its sentence."""
    return (
        text[:1].upper() + text[1:]
        if text and text.split()[0].casefold() not in sentence.casefold()
        else sentence
    )


def describe(job: Job) -> str:
    """Say how far a job is, in words."""
    parts = [waiting_for(ahead).lower()] if (ahead := job.ahead) else []
    if job.total:
        parts.append(f"{job.done:,} of {job.total:,}")
    if not job.ahead and (left := job.seconds_left) is not None and left > 1:
        parts.append(f"about {left:.0f} s left" if left < 90 else f"about {left / 60:.0f} min left")
    return ", ".join(parts)


def _done(
    key: tuple[object, ...],
    sentence: str,
    task: Callable[[Progress], Any],
    urgency: Urgency,
    patience: float,
    meanwhile: str = "",
) -> Job | None:
    """Return a finished job; else None, and the page shows its progress, or why it does not run."""
    try:
        job = loaders.jobs().start(key, task, urgency)
    except BusyError as busy:
        _ask_again(busy.ahead, time.monotonic())
        return None
    if not job.finished.wait(patience):
        wait, together = Wait(key, sentence, task, urgency, meanwhile), _gathered.get()
        if together is None or urgency is Urgency.AWAITED:  # then the page stops here
            _watch(wait)
        else:
            together.append(wait)
    elif job.stopped:
        _offer_again(key, f"{meanwhile} {sentence}".lstrip())
    elif job.error is not None:
        loaders.jobs().forget(key)
        raise job.error
    else:
        return job
    return None


@st.fragment(run_every=AGAIN)
def _ask_again(ahead: int, since: float) -> None:
    if time.monotonic() - since > AGAIN / 2:
        st.rerun()
    st.caption(f"{waiting_for(ahead)} …")


@st.fragment(run_every=1.0)  # each time is work for a browser that is still drawing
def _begin(
    key: tuple[object, ...], sentence: str, task: Callable[[Progress], Any], since: float
) -> None:
    if called_for.is_set() or time.monotonic() - since > UNSEEN:
        job = loaders.jobs().start(key, task)
        if job.error is not None:
            raise job.error
        if job.finished.is_set():
            st.rerun()
    st.progress(0.0, text=f"{escape_markdown(sentence)} …")


@st.fragment(run_every=0.4)
def _watch(*waits: Wait) -> None:
    jobs = [loaders.jobs().start(wait.key, wait.task, wait.urgency) for wait in waits]
    if any(job.finished.is_set() for job in jobs):
        st.rerun()
    job, wait = min(zip(jobs, waits, strict=True), key=lambda one: one[0].ahead)
    doing, detail = escape_markdown(stage(wait.sentence, job.text)), describe(job)
    said = f"{wait.meanwhile} {doing}{f': {detail}' if detail else ' …'}".lstrip()
    if rest := [escape_markdown(other.sentence) for other in waits if other is not wait]:
        said += f". Next: {', '.join(rest)}"
    with st.container(horizontal=True, vertical_alignment="center", key=f"wait_{hash(wait.key)}"):
        st.progress(job.fraction, text=said)
        if not settings.strangers_may_look():  # who do not stop what others wait for
            st.button(
                "Stop",
                key=f"stop {hash(wait.key)}",
                on_click=job.stop,
                disabled=job.unwanted,
            )


def _offer_again(key: tuple[object, ...], sentence: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{escape_markdown(sentence)}: stopped.")
        st.button(
            "Start again",
            key=f"again {hash(key)}",
            on_click=loaders.jobs().forget,
            args=(key,),
        )
