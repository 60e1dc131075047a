"""Long tasks in one thread: each runs once however many pages ask, with progress."""

from __future__ import annotations

import gc
import importlib
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from astrojepa.progress import Progress

from .turns import BusyError


class StoppedError(Exception):
    """Somebody stopped the task."""


@dataclass
class Job:
    """One task: how far it is, and at the end its value or its error."""

    finished: threading.Event = field(default_factory=threading.Event)
    done: int = 0
    total: int = 0
    text: str = ""
    # in the queue: what a page cannot go on without comes first, then in the order asked
    place: tuple[bool, int] = (True, 0)
    began: float | None = None  # seconds, time.monotonic
    unwanted: bool = False
    value: Any = None
    error: BaseException | None = None

    @property
    def fraction(self) -> float:
        """Progress in [0, 1]; 0 where the total is not known."""
        return min(1.0, self.done / self.total) if self.total > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Remaining time at the speed so far, or None while that is a guess."""
        if self.began is None or self.fraction < 0.02:
            return None
        return (time.monotonic() - self.began) * (1 - self.fraction) / self.fraction

    def report(self, done: int, total: int, text: str = "") -> None:
        """Take down progress, as the package's functions report it; StoppedError if unwanted."""
        if self.unwanted:
            raise StoppedError
        self.done, self.total, self.text = int(done), int(total), str(text)

    @property
    def stopped(self) -> bool:
        """Whether it ended because somebody stopped it."""
        return isinstance(self.error, StoppedError)

    def stop(self) -> None:
        """Have the task end when it next tells how far it is."""
        self.unwanted = True

    def run(self, task: Callable[[Progress], Any]) -> None:
        """Do the task and keep what comes of it."""
        self.began = time.monotonic()
        try:
            self.report(0, 0)
            self.value = task(self.report)
        except BaseException as error:
            self.error = error
        settle()
        self.finished.set()


class Jobs:
    """The tasks: latest results stay, failed ones can be retried; at most `most` wait."""

    def __init__(self, keep: int = 32, most: int = 32) -> None:
        self._keep, self._most, self._asked = keep, most, 0
        self._lock = threading.Lock()
        self._jobs: OrderedDict[tuple[object, ...], Job] = OrderedDict()
        self._waiting: list[tuple[Job, Callable[[Progress], Any]]] = []
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="explorer-job")

    def start(
        self, key: tuple[object, ...], task: Callable[[Progress], Any], urgent: bool = False
    ) -> Job:
        """Return the job under this key, starting it if new; BusyError if too many wait.

        An urgent one, or one that was asked for before and now is, comes before all that wait but
        for other urgent ones; what is running is not interrupted.
        """
        with self._lock:
            job = self._jobs.get(key)
            if job is None:
                waiting = sum(not other.finished.is_set() for other in self._jobs.values())
                if waiting > self._most:
                    raise BusyError(waiting)
                self._asked += 1
                job = self._jobs[key] = Job(place=(True, self._asked))
                self._waiting.append((job, task))
                self._pool.submit(self._run_next)
            if urgent:
                job.place = (False, job.place[1])
            self._jobs.move_to_end(key)
            for old in [k for k, j in self._jobs.items() if j.finished.is_set()][
                : max(0, len(self._jobs) - self._keep)
            ]:
                del self._jobs[old]
            return job

    def _run_next(self) -> None:
        with self._lock:
            job, task = min(self._waiting, key=lambda waiting: waiting[0].place)
            self._waiting.remove((job, task))
        job.run(task)

    def ahead(self, job: Job) -> int:
        """How many jobs come before this one, the one that is running included."""
        with self._lock:
            unfinished = [
                other
                for other in self._jobs.values()
                if not other.finished.is_set() and other is not job
            ]
        return (
            0
            if job.began is not None
            else sum(other.began is not None or other.place < job.place for other in unfinished)
        )

    def has(self, key: tuple[object, ...]) -> bool:
        """Say whether a job's result is there."""
        with self._lock:
            job = self._jobs.get(key)
            return job is not None and job.finished.is_set() and job.error is None

    def forget(self, key: tuple[object, ...]) -> None:
        """Drop a job's result or error, so that it can be started anew."""
        with self._lock:
            self._jobs.pop(key, None)


imported = threading.Event()  # the libraries are there
# they may be imported: a first page stands in its browser, which an import would have held up
called_for = threading.Event()
DRAWING = 1.0  # seconds that a browser which has asked for images is left to draw the page
FIRST = (
    "checkpoints.card",
    "plotting",
    "data.readers.folder",
    "evaluation.anomalies.scoring",
    "evaluation.vectors.embed",
    "evaluation.maps.projection",
)
LIBRARIES = (
    "checkpoints.model",
    "data.splits",
    "evaluation.anomalies.feedback",
    "evaluation.patches.patch_errors",
    "evaluation.probes.classification",
)


def warm_up() -> None:
    """Import what the first page needs, without torch and scikit-learn."""
    _import(*(f"astrojepa.{part}" for part in FIRST), f"{__package__.rpartition('.')[0]}.shell")


_seen = threading.Event()


def page_is_seen() -> None:
    """Note that a browser asks for images: a moment later the libraries may be imported."""
    if not _seen.is_set():
        _seen.set()
        timer = threading.Timer(DRAWING, called_for.set)
        timer.daemon = True
        timer.start()


# two threads that import the same libraries at once can trip over each other
_importing = threading.Lock()


def import_libraries() -> None:
    """Import torch, scikit-learn and what else models and probes need."""
    with _importing:
        _import(*(f"astrojepa.{part}" for part in LIBRARIES))
    imported.set()


def _import(*modules: str) -> None:
    for module in modules:
        importlib.import_module(module)
    settle()


_settled = 0  # modules that stood when the collector was last told to leave them alone


def settle() -> None:
    """Exclude newly imported libraries from garbage collection; nothing if none were imported.

    A full collection would walk through all of torch's objects: 0.3 s of whatever is asked
    meanwhile.
    """
    global _settled
    if len(sys.modules) > _settled + 20:
        _settled = len(sys.modules)
        gc.collect()
        gc.freeze()
