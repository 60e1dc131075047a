"""The model's queue: one at a time, a bounded number waiting, and a count for whoever is turned away."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from streamlit.testing.v1 import AppTest

from app.jobs import Jobs
from app.turns import BusyError, Turns
from app.work import describe


def test_fifty_callers_take_turns_and_whoever_comes_to_a_full_queue_is_told_its_length() -> None:
    turns, inside, most_inside, ahead = Turns(most=8), [0], [0], []
    everybody = threading.Barrier(50)

    def call(_: int) -> bool:
        everybody.wait()
        try:
            with turns.soon():
                inside[0] += 1
                most_inside[0] = max(most_inside[0], inside[0])
                time.sleep(0.05)
                inside[0] -= 1
        except BusyError as busy:
            ahead.append(busy.ahead)
            return False
        return True

    with ThreadPoolExecutor(50) as pool:
        served = sum(pool.map(call, range(50)))
    assert most_inside == [1]
    assert served + len(ahead) == 50
    assert served >= 9
    assert set(ahead) == {9}
    assert turns.ahead == 0


def test_work_in_the_background_waits_its_turn_however_many_are_ahead() -> None:
    turns = Turns(most=0)
    with ThreadPoolExecutor(4) as pool:

        def call(_: int) -> None:
            with turns:
                time.sleep(0.01)

        list(pool.map(call, range(8)))
    assert turns.ahead == 0


def test_an_error_gives_the_turn_back() -> None:
    turns = Turns(most=0)
    with pytest.raises(ZeroDivisionError), turns.soon():
        raise ZeroDivisionError
    with turns.soon():
        assert turns.ahead == 1


def _busy_page() -> None:
    import streamlit as st

    from app import loaders, work

    with loaders.MODEL_TURNS:
        loaders.MODEL_TURNS._present += 20
        try:
            found = work.unless_busy(lambda: loaders.picture_vector(None, None))
        finally:
            loaders.MODEL_TURNS._present -= 20
    st.write(f"drawn with {found}")


def test_a_page_that_meets_a_full_queue_says_so_and_is_drawn_all_the_same() -> None:
    test = AppTest.from_function(_busy_page, default_timeout=60).run()
    assert not test.exception
    assert any("Busy, 21 ahead" in caption.value for caption in test.caption)
    assert any("drawn with None" in text.value for text in test.markdown)


def test_a_board_says_how_many_jobs_are_ahead_and_turns_away_when_too_many_wait() -> None:
    board, free = Jobs(most=2), threading.Event()
    jobs = [board.start((number,), lambda report: free.wait(60)) for number in range(3)]
    assert [board.ahead(job) for job in jobs] == [0, 1, 2]
    assert describe(jobs[2], board.ahead(jobs[2])) == "busy, 2 ahead"
    with pytest.raises(BusyError, match="3 ahead"):
        board.start(("one too many",), lambda report: None)
    assert board.start((1,), lambda report: None) is jobs[1], "whoever asks for the same waits with the others"
    free.set()
    assert all(job.finished.wait(60) for job in jobs)
    assert board.start(("later",), lambda report: 7).finished.wait(60)
