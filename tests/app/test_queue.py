"""The model's line and the queue of long tasks: one at a time, what a page waits for first; whoever
waits is told how many are ahead, and may stop.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.delta_generator import DeltaGenerator
from streamlit.testing.v1 import AppTest

from app.server import settings
from app.session import loaders, queue, waiting
from app.session.queue import BusyError, Job, Line, Queue, Urgency, as_task
from app.session.waiting import describe, stage
from app.session.workspace import BASELINE, Choice, Workspace
from astrojepa.progress import Progress


@pytest.fixture(autouse=True)
def _no_page_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is, a page counts as left only where a test says so."""
    monkeypatch.setattr(queue, "LEFT", 120.0)


def _waiting(turns: Line, count: int) -> None:
    """Wait until so many stand in line."""
    deadline = time.monotonic() + 60
    while len(turns._line) < count:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_task_runs_where_the_queue_calls_it_and_reports_to_the_queue() -> None:
    told: list[tuple[int, int, str]] = []

    @as_task
    def halves(report: Progress, number: int, *, text: str = "") -> float:
        report(1, 1, text)
        return number / 2

    task = halves(7, text="halving")
    assert told == []
    assert task(lambda *progress: told.append(progress)) == 3.5
    assert told == [(1, 1, "halving")]


def test_fifty_callers_are_served_one_at_a_time_in_the_order_in_which_they_came() -> None:
    turns, served, inside = Line(), [], [0]

    def call(number: int) -> None:
        with turns.turn():
            inside[0] += 1
            assert inside == [1]
            served.append(number)
            inside[0] -= 1

    with ThreadPoolExecutor(50) as pool, turns.turn():
        for number in range(50):
            pool.submit(call, number)
            _waiting(turns, number + 2)
        assert served == []
        turns.check()
    assert served == list(range(50))


def test_whoever_waits_is_told_who_is_ahead_and_leaves_the_line_by_raising(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queue, "SAY_EVERY", 0.02)
    turns, told = Line(), []

    def impatient(ahead: int) -> None:
        told.append(ahead)
        if len(told) == 3:
            raise InterruptedError

    def wait() -> None:
        with turns.turn(impatient):
            raise AssertionError("it was not this caller's turn")

    with ThreadPoolExecutor(1) as pool, turns.turn():
        waiting = pool.submit(wait)
        with pytest.raises(InterruptedError):
            waiting.result(60)
        assert (told, len(turns._line)) == ([1, 1, 1], 1)


def test_an_error_gives_the_turn_back() -> None:
    turns = Line()
    with pytest.raises(ZeroDivisionError), turns.turn():
        raise ZeroDivisionError
    with turns.turn():
        turns.check()
    with pytest.raises(BusyError, match="Waiting for 1 job"):
        turns.check()


def _busy_page() -> None:
    import streamlit as st

    from app.session import loaders, waiting

    def call() -> str:
        loaders.MODEL_TURNS.check()
        return "drawn in its turn"

    st.write(waiting.in_turn(call))


def test_a_page_that_meets_a_queue_says_so_and_is_drawn_when_its_turn_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    caption = DeltaGenerator.caption
    monkeypatch.setattr(
        DeltaGenerator,
        "caption",
        lambda self, body, **named: said.append(body) or caption(self, body, **named),
    )
    monkeypatch.setattr(queue, "SAY_EVERY", 0.02)
    test = AppTest.from_function(_busy_page, default_timeout=60)
    came = threading.Event()

    def others() -> None:
        with loaders.MODEL_TURNS.turn():
            came.set()
            deadline = time.monotonic() + 60
            while len(said) < 2 and time.monotonic() < deadline:
                time.sleep(0.005)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(others)
        assert came.wait(60)
        test.run()
    assert not test.exception
    assert set(said) == {"Waiting for 1 job …"}
    assert [text.value for text in test.markdown] == ["drawn in its turn"]
    assert not test.caption, "the sentence goes when the turn comes"


def test_what_a_page_cannot_go_on_without_comes_before_all_that_wait() -> None:
    board, running, free, done = Queue(), threading.Event(), threading.Event(), []
    jobs = [board.start(("running",), lambda report: running.set() or free.wait(60))]
    assert running.wait(60)
    for name, urgency in (
        ("first", Urgency.SHOWN),
        ("second", Urgency.SHOWN),
        ("awaited", Urgency.AWAITED),
        ("awaited too", Urgency.AWAITED),
        ("whenever", Urgency.BACKGROUND),
        ("third", Urgency.SHOWN),
    ):
        jobs.append(board.start((name,), lambda report, name=name: done.append(name), urgency))
    assert [job.ahead for job in jobs] == [0, 3, 4, 1, 2, 6, 5]
    assert board.start(("second",), lambda report: None, Urgency.AWAITED) is jobs[2], (
        "what a page drew without is now waited for"
    )
    assert [job.ahead for job in jobs] == [0, 4, 1, 2, 3, 6, 5]
    free.set()
    assert all(job.finished.wait(60) for job in jobs)
    assert done == ["second", "awaited", "awaited too", "first", "third", "whenever"]


def test_long_work_that_nobody_waits_for_yields_to_a_page_when_it_next_reports(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queue, "LONG", 600.0)
    board, begun, go_on, order = Queue(), threading.Event(), threading.Event(), []

    def long(report: Progress) -> None:
        begun.set()
        go_on.wait(60)
        order.append("half")
        report(1, 2, "")
        order.append("whole")

    slow = board.start(("long",), long, Urgency.BACKGROUND)
    assert begun.wait(60)
    quick = board.start(("short",), lambda report: order.append("short"), Urgency.AWAITED)
    same = board.start(("same",), lambda report: order.append("same"), Urgency.BACKGROUND)
    go_on.set()
    assert all(job.finished.wait(60) for job in (slow, quick, same))
    assert order == ["half", "short", "whole", "same"]


def test_work_of_a_page_that_was_left_lets_the_page_that_is_open_come_first() -> None:
    board, begun, go_on, order = Queue(), threading.Event(), threading.Event(), []

    def left(report: Progress) -> None:
        begun.set()
        go_on.wait(60)
        report(1, 2, "")
        order.append("left")

    job = board.start(("left",), left, Urgency.AWAITED)
    assert begun.wait(60)
    opened = board.start(("open",), lambda report: order.append("open"), Urgency.SHOWN)
    job.turn.asked -= queue.LEFT
    go_on.set()
    assert all(one.finished.wait(60) for one in (job, opened))
    assert order == ["open", "left"]


def test_short_work_does_not_queue_behind_long_work_of_another_visitor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queue, "LONG", 0.0)  # whatever has worked at all is long
    board, begun, go_on, order = Queue(), threading.Event(), threading.Event(), []

    def long(report: Progress) -> None:
        begun.set()
        go_on.wait(60)
        report(1, 2, "")
        order.append("long")

    slow = board.start(("long",), long, Urgency.AWAITED)
    assert begun.wait(60)
    quick = board.start(("short",), lambda report: order.append("short"), Urgency.AWAITED)
    later = board.start(("later",), lambda report: order.append("later"), Urgency.BACKGROUND)
    go_on.set()
    assert all(job.finished.wait(60) for job in (slow, quick, later))
    assert order == ["short", "long", "later"]


def test_the_time_left_is_that_of_a_stage_at_its_own_speed_and_is_not_guessed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1000.0]
    monkeypatch.setattr(queue, "time", SimpleNamespace(monotonic=lambda: now[0]))
    line, said = Line(), []
    job = Job(line, line.join())

    def after(seconds: float, *progress: Any) -> None:
        now[0] += seconds
        job.report(*progress)
        said.append(job.seconds_left)

    def task(report: Progress) -> None:
        after(0, 0, 1000, "reading galaxies")
        after(0.5, 100, 1000, "reading galaxies")
        after(1.5, 400, 1000, "reading galaxies")  # 2 s for 400
        after(2.0, 0, 1000, "embedding")  # another stage begins
        after(100, 500, 1000, "embedding")  # 100 s for 500
        after(0, 500, 1000, "projecting")  # half of it was there before
        after(10, 600, 1000, "projecting")  # 10 s for 100

    job.run(task)
    assert said == [None, None, 3.0, None, 100.0, None, 40.0]


@pytest.mark.parametrize("total", [0, 10])
def test_a_stage_that_has_not_moved_has_no_time_left(total: int) -> None:
    line = Line()
    job = Job(line, line.join())
    job.began, job.total = -1000.0, total
    assert job.seconds_left is None


def test_work_whose_last_page_is_gone_stops_and_begins_anew_when_a_page_asks_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    board, begun, go_on = Queue(), threading.Event(), threading.Event()

    def long(report: Progress) -> str:
        begun.set()
        go_on.wait(60)
        report(1, 2, "")
        return "done"

    job = board.start(("long",), long)
    assert begun.wait(60)
    job.turn.asked -= queue.FORSAKEN
    go_on.set()
    assert job.finished.wait(60)
    assert job.stopped
    again = board.start(("long",), long)
    assert again is not job
    assert again.finished.wait(60)
    assert again.value == "done"


def test_the_result_of_a_job_is_given_where_it_is_there_and_asking_for_it_starts_nothing() -> None:
    board = Queue(keep=2)
    assert board.result(("a",)) is None
    job = board.start(("a",), lambda report: "done")
    assert job.finished.wait(60)
    for other in "bcd":
        assert board.result(("a",)) == "done", "what is asked for stays longest"
        assert board.start((other,), lambda report: "else").finished.wait(60)
    assert board.result(("b",)) is None
    assert not board.has(("b",))
    assert board.start(("bad",), lambda report: 1 / 0).finished.wait(60)
    assert board.result(("bad",)) is None


def test_a_board_says_how_many_jobs_are_ahead_and_turns_away_when_too_many_wait() -> None:
    board, free = Queue(most=2), threading.Event()
    jobs = [board.start((number,), lambda report: free.wait(60)) for number in range(3)]
    assert [job.ahead for job in jobs] == [0, 1, 2]
    assert describe(jobs[2]) == "waiting for 2 jobs"
    with pytest.raises(BusyError, match="Waiting for 3 jobs"):
        board.start(("one too many",), lambda report: None)
    assert board.start((1,), lambda report: None) is jobs[1], (
        "whoever asks for the same waits with the others"
    )
    free.set()
    assert all(job.finished.wait(60) for job in jobs)
    assert board.start(("later",), lambda report: 7).finished.wait(60)


def test_a_job_that_is_stopped_ends_when_it_next_reports_and_one_that_waits_never_begins() -> None:
    board, reported, go_on, begun = Queue(), threading.Event(), threading.Event(), []

    def long(report: Progress) -> None:
        for done in range(1_000_000):
            report(done, 1_000_000, "")
            reported.set()
            go_on.wait(60)

    first, second = (
        board.start(("long",), long),
        board.start(("next",), lambda report: begun.append(1)),
    )
    assert reported.wait(60)
    first.stop()
    second.stop()
    go_on.set()
    assert first.finished.wait(60)
    assert second.finished.wait(60)
    assert (first.stopped, second.stopped, begun) == (True, True, [])


def _page_with_long_work() -> None:
    import threading

    import streamlit as st

    from app.session import waiting

    def task(report: waiting.Progress) -> str:
        for done in range(3000):
            report(done, 3000, "")
            threading.Event().wait(0.02)
        return "done"

    st.write(waiting.wait_for(("a long task",), "Counting", task))


@pytest.mark.parametrize("strangers", [False, True])
def test_long_work_can_be_stopped_and_begun_again_but_not_by_strangers(
    monkeypatch: pytest.MonkeyPatch, strangers: bool
) -> None:
    monkeypatch.setattr(settings, "strangers_may_look", lambda: strangers)
    key = ("a long task",)
    test = AppTest.from_function(_page_with_long_work, default_timeout=60).run()
    job = loaders.jobs().start(key, lambda report: None)
    assert [button.label for button in test.button] == ([] if strangers else ["Stop"])
    if not strangers:
        test.button[0].click().run()
        assert job.finished.wait(60)
        assert "Counting: stopped." in [caption.value for caption in test.run().caption]
        test.button[0].click().run()
        again = loaders.jobs().start(key, lambda report: None)
        assert again is not job
        job = again
    job.stop()
    assert job.finished.wait(60)
    loaders.jobs().forget(key)


def _page_with_a_sample() -> None:
    import threading

    from app.session import waiting

    def task(report: waiting.Progress) -> None:
        report(1, 3000, "reading galaxies")
        while not threading.Event().wait(0.02):
            report(2, 3000, "reading galaxies")

    waiting.in_background(("a sample",), "Embedding all 9", task, "Showing 3 of 9.")


def test_a_sample_is_called_one_whatever_stage_the_rest_is_in() -> None:
    test = AppTest.from_function(_page_with_a_sample, default_timeout=60).run()
    job = loaders.jobs().start(("a sample",), lambda report: None)
    for _ in range(1000):
        if job.done:
            break
        test.run()
    [bar] = test.run().get("progress")
    job.stop()
    assert bar.proto.text.startswith("Showing 3 of 9. Reading galaxies: ")
    assert job.finished.wait(60)
    loaders.jobs().forget(("a sample",))


class Galaxies(list[int]):
    """As many galaxies as this list is long."""

    fingerprint = "0123"


@pytest.mark.parametrize(
    ("count", "model", "sentence"),
    [
        (
            300,
            SimpleNamespace(id="small.lejepa", hash="4567"),
            "Embedding 300 of 1,000 galaxies with small.lejepa",
        ),
        (
            1000,
            SimpleNamespace(id="small.lejepa", hash="4567"),
            "Embedding 1,000 galaxies with small.lejepa",
        ),
        (1000, None, "Computing the pixel PCA of 1,000 galaxies"),
    ],
)
def test_what_runs_is_said_in_plain_words(count: int, model: Any, sentence: str) -> None:
    choice = Choice("small.lejepa" if model else BASELINE, "small.lejepa")
    opened = {"whole": Galaxies(range(1000)), "data": Galaxies(range(count))}
    workspace = Workspace(
        settings.Settings(()),
        False,
        settings.Source("x"),
        choice,
        [],
        None,
        print,
        model,
        opened=opened,
    )
    assert workspace.embed_task()[1] == sentence


def test_a_map_in_space_is_not_taken_for_the_one_that_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Workspace, "embeddings", None)
    opened = {"whole": Galaxies(range(9)), "data": Galaxies(range(9))}
    args = (settings.Settings(()), False, settings.Source("x"), Choice(BASELINE, ""), [], None)
    workspace = Workspace(*args, print, opened=opened)
    said = [workspace.projection_task("umap", dimensions)[1] for dimensions in (2, 3)]
    assert said == [f"Computing the {kind} map of 9 galaxies" for kind in ("UMAP", "3-D UMAP")]


def test_a_step_on_the_way_is_named_instead() -> None:
    sentence = "Embedding 1,000 galaxies with small.lejepa"
    assert stage(sentence, "embedding") == stage(sentence, "") == sentence
    assert stage(sentence, "reading galaxies") == "Reading galaxies"
    assert (
        stage("Computing the UMAP map of 9 galaxies", "UMAP")
        == "Computing the UMAP map of 9 galaxies"
    )


def test_the_start_of_a_server_waits_longer_than_a_page_and_then_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    again = threading.Event()

    def task(report: Progress) -> str:
        again.wait(2 * waiting.PATIENCE)
        return "made"

    assert waiting.wait_for(("at the start",), "Making it", task) == "made"
    monkeypatch.setattr(waiting, "AT_START", 0.01)
    with pytest.raises(TimeoutError, match="Making it"):
        waiting.wait_for(("at the start", "again"), "Making it", task)
    again.set()
