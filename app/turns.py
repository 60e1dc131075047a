"""One model call at a time, and few waiting: whoever comes to a long queue is told how long it is and comes back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class BusyError(RuntimeError):
    """Too many wait already; `.ahead` says how many."""

    def __init__(self, ahead: int) -> None:
        super().__init__(f"Busy, {ahead} ahead.")
        self.ahead = ahead


class Turns:
    """A lock with a count: `with turns:` waits however long it takes, `with turns.soon():` only behind a few."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._turn, self._count, self._present = threading.Lock(), threading.Lock(), 0

    @property
    def ahead(self) -> int:
        """How many are at it or wait."""
        return self._present

    def __enter__(self) -> None:
        with self._count:
            self._present += 1
        self._turn.acquire()

    def __exit__(self, *exception: object) -> None:
        self._turn.release()
        with self._count:
            self._present -= 1

    @contextmanager
    def soon(self) -> Iterator[None]:
        """Wait behind at most `most` others, else raise BusyError at once."""
        with self._count:
            if self._present > self.most:
                raise BusyError(self._present)
            self._present += 1
        try:
            with self._turn:
                yield
        finally:
            with self._count:
                self._present -= 1
