"""The model's queue: one call at a time, first come, first served."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

SAY_EVERY = 1.0  # seconds


def waiting_for(ahead: int) -> str:
    """Say how many jobs come first."""
    count = max(ahead, 1)  # the running one at least
    return f"Waiting for {count} job{'' if count == 1 else 's'}"


class BusyError(RuntimeError):
    """Others come first; `.ahead` says how many."""

    def __init__(self, ahead: int) -> None:
        super().__init__(f"{waiting_for(ahead)}.")
        self.ahead = ahead


class Turns:
    """A line of threads."""

    def __init__(self) -> None:
        self._moved = threading.Condition()
        self._line: deque[int] = deque()  # thread numbers

    @contextmanager
    def turn(self, say: Callable[[int], Any] | None = None) -> Iterator[None]:
        """Wait in line; `say` hears the number ahead every second, may raise. Not reentrant."""
        me = threading.get_ident()
        with self._moved:
            self._line.append(me)
        try:
            while ahead := self._wait(me):
                if say is not None:
                    say(ahead)
            yield
        finally:
            with self._moved:
                self._line.remove(me)
                self._moved.notify_all()

    def _wait(self, me: int) -> int:
        """Return how many are ahead, as soon as nobody is or it is time to say it."""
        with self._moved:
            self._moved.wait_for(lambda: self._line[0] == me, SAY_EVERY)
            return self._line.index(me)

    def check(self) -> None:
        """Return where it is the calling thread's turn; BusyError where it is not."""
        with self._moved:
            if not self._line or self._line[0] != threading.get_ident():
                raise BusyError(len(self._line))
