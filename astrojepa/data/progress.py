"""How far a long read has come: a terminal bar, a callable, or nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from astrojepa.cache import Progress


@contextlib.contextmanager
def reporting(progress: bool | Progress | None, total: int, text: str) -> Iterator[Callable[[int], None]]:
    """Give a function that takes how many items are done so far.

    `progress` True draws a bar with ETA in the terminal, a callable gets (done, total, text), False or None stays silent.
    """
    if callable(progress):
        tell = progress
        tell(0, total, text)
        yield lambda done: tell(done, total, text)
    elif progress:
        from tqdm import tqdm

        with tqdm(total=total, desc=text, unit=" galaxies") as bar:

            def advance(done: int) -> None:
                bar.update(done - bar.n)

            yield advance
    else:
        yield lambda done: None
