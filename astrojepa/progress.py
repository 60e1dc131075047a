"""How far a long read has come: a terminal bar, a callable, or nothing."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from tqdm import tqdm

Progress = Callable[[int, int, str], None]  # done, total, what is being done
Listener = bool | Progress | None  # True: a bar in the terminal; False or None: nobody


@contextlib.contextmanager
def reporting(progress: Listener, total: int, text: str) -> Iterator[Callable[[int], None]]:
    """Give a function that takes how many items are done so far.

    `progress` True draws a bar with ETA in the terminal, a callable gets (done, total, text), False
    or None stays silent.
    """
    if callable(progress):
        tell = progress
        tell(0, total, text)
        yield lambda done: tell(done, total, text)
    elif progress:
        with steady_bar(total=total, desc=text, unit=" galaxies") as bar:

            def advance(done: int) -> None:
                bar.update(done - bar.n)

            yield advance
    else:
        yield lambda done: None


def steady_bar(**options: Any) -> tqdm[Any]:
    """Draw tqdm's bar with a monotonic clock."""
    bar = tqdm(**options)
    bar._time = time.monotonic
    bar.start_t = bar.last_print_t = time.monotonic()
    return bar
