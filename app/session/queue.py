"""Long tasks, one at a time: each runs once however many pages ask, with progress.

What a page waits for comes first. A running task yields to a more urgent one when it reports
progress, is the least urgent once its page was left, and ends when no page asks for it again.
"""

from __future__ import annotations

import functools
import gc
import importlib
import math
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Concatenate, ParamSpec, TypeVar

from astrojepa.progress import Progress

P = ParamSpec("P")
T = TypeVar("T")

SAY_EVERY = 1.0  # seconds
# seconds without a page that asks, after which nobody waits: a hidden tab asks once a minute
FORSAKEN = 180.0
LEFT = 5.0  # seconds without a page that asks, after which others come first: open pages ask sooner
# seconds at work after which a job lets others of its urgency that are shorter come first
LONG = 4.0
KNOWN = 1.5  # seconds of a stage after which its speed is known


def as_task(
    function: Callable[Concatenate[Progress, P], T],
) -> Callable[P, Callable[[Progress], T]]:
    """Have a function that reports progress return what a queue runs: the call itself, to come."""

    @functools.wraps(function)
    def task_of(*args: P.args, **kwargs: P.kwargs) -> Callable[[Progress], T]:
        return lambda report: function(report, *args, **kwargs)

    return task_of


class Urgency(IntEnum):
    """What a task is for; the smallest comes first."""

    AWAITED = 0  # a page cannot go on without it
    SHOWN = 1  # a page draws the rest meanwhile
    BACKGROUND = 2  # nobody waits for it


def waiting_for(ahead: int) -> str:
    """Say how many jobs come first."""
    count = max(ahead, 1)  # the running one at least
    return f"Waiting for {count} job{'' if count == 1 else 's'}"


class BusyError(RuntimeError):
    """Others come first; `.ahead` says how many."""

    def __init__(self, ahead: int) -> None:
        super().__init__(f"{waiting_for(ahead)}.")
        self.ahead = ahead


class StoppedError(Exception):
    """Somebody stopped the task, or nobody waits for it any more."""


@dataclass(eq=False)
class Turn:
    """A place in the line."""

    urgency: Urgency
    number: int  # in the order in which they came
    thread: int  # that asked for it
    at_work: bool = False
    since: float = 0.0  # when it last came to work, seconds, time.monotonic
    used: float = 0.0  # seconds at work before that
    asked: float = math.inf  # when a page last did, seconds, time.monotonic; inf: it is waited for

    @property
    def pressing(self) -> tuple[Urgency, bool]:
        """The urgent comes before the rest, the short before the long; the smallest is first."""
        left = time.monotonic() - self.asked > LEFT
        return Urgency.BACKGROUND if left else self.urgency, self.used > LONG

    @property
    def rank(self) -> tuple[bool, tuple[Urgency, bool], int]:
        """What is at work stays first, until it yields or leaves; then comes what is pressing, and
        whoever came first.
        """
        return not self.at_work, self.pressing, self.number

    def begin(self) -> None:
        """Come to work."""
        self.since, self.at_work = time.monotonic(), True

    @property
    def worked(self) -> float:
        """Seconds at work so far; waiting in between counts for nothing."""
        return self.used + (time.monotonic() - self.since if self.at_work else 0.0)


class Line:
    """One at a time: the most urgent first, then first come, first served."""

    def __init__(self) -> None:
        self._moved = threading.Condition()
        self._line: list[Turn] = []
        self._came = 0

    def join(self, urgency: Urgency = Urgency.AWAITED) -> Turn:
        """Stand in line, without waiting."""
        with self._moved:
            self._came += 1
            self._line.append(Turn(urgency, self._came, threading.get_ident()))
            return self._line[-1]

    def ahead(self, turn: Turn) -> int:
        """Return how many come before."""
        with self._moved:
            return sum(other.rank < turn.rank for other in self._line)

    def wait(self, turn: Turn, say: Callable[[int], Any] = lambda ahead: None) -> None:
        """Return when the turn comes; `say` hears each second how many are ahead, and may raise."""
        while not turn.at_work:
            with self._moved:
                if self._moved.wait_for(lambda: self._first() is turn, SAY_EVERY):
                    turn.begin()
            if not turn.at_work:
                say(self.ahead(turn))

    def leave(self, turn: Turn) -> None:
        """Let the next come."""
        with self._moved:
            self._line.remove(turn)
            self._moved.notify_all()

    def give_way(self, turn: Turn) -> None:
        """Let those who are more urgent come first, and after a while those of the same urgency
        that are shorter; return when the turn comes again.
        """
        with self._moved:
            turn.used, turn.since = turn.worked, time.monotonic()
            turn.at_work = not any(other.pressing < turn.pressing for other in self._line)
            self._moved.notify_all()
        self.wait(turn)

    @contextmanager
    def turn(self, say: Callable[[int], Any] = lambda ahead: None) -> Iterator[None]:
        """Wait in line, as `wait` does. Not reentrant."""
        turn = self.join()
        try:
            self.wait(turn, say)
            yield
        finally:
            self.leave(turn)

    def check(self) -> None:
        """Return where it is the calling thread's turn; BusyError where it is not."""
        with self._moved:
            if not self._line or self._first().thread != threading.get_ident():
                raise BusyError(len(self._line))

    def _first(self) -> Turn:
        return min(self._line, key=lambda turn: turn.rank)


@dataclass(eq=False)
class Job:
    """One task: how far it is, and at the end its value or its error."""

    line: Line
    turn: Turn
    finished: threading.Event = field(default_factory=threading.Event)
    done: int = 0
    total: int = 0
    text: str = ""
    # of the stage that it is in: seconds that it had worked before, and where it began
    began: float | None = None
    first: int = 0
    unwanted: bool = False
    value: Any = None
    error: BaseException | None = None

    @property
    def fraction(self) -> float:
        """Progress in [0, 1]; 0 where the total is not known."""
        return min(1.0, self.done / self.total) if self.total > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Remaining time of this stage at its own speed, or None while that is a guess."""
        began, steps = self.began, self.done - self.first  # another thread goes on meanwhile
        if began is None or steps <= 0 or steps < 0.02 * self.total:
            return None
        spent = self.turn.worked - began
        return spent * max(0, self.total - self.done) / steps if spent >= KNOWN else None

    @property
    def ahead(self) -> int:
        """How many jobs come before this one, the one that is running included."""
        return 0 if self.finished.is_set() else self.line.ahead(self.turn)

    def report(self, done: int, total: int, text: str = "") -> None:
        """Take down progress, as the package reports it, and yield; StoppedError if unwanted."""
        self.line.give_way(self.turn)
        if self.unwanted or time.monotonic() - self.turn.asked > FORSAKEN:
            raise StoppedError
        if self.began is None or str(text) != self.text or int(done) < self.done:
            self.began, self.first = self.turn.worked, int(done)
        self.done, self.total, self.text = int(done), int(total), str(text)

    @property
    def stopped(self) -> bool:
        """Whether it ended before its time."""
        return isinstance(self.error, StoppedError)

    def stop(self) -> None:
        """Have the task end when it next tells how far it is."""
        self.unwanted = True

    def run(self, task: Callable[[Progress], Any]) -> None:
        """Do the task in its turn, and keep what comes of it."""
        self.line.wait(self.turn)
        try:
            self.report(0, 0)
            self.value = task(self.report)
        except BaseException as error:
            self.error = error
        settle()
        self.finished.set()
        self.line.leave(self.turn)


class Queue:
    """The tasks: latest results stay, failed ones can be retried; at most `most` wait."""

    def __init__(self, keep: int = 36, most: int = 32) -> None:
        self._keep, self._most = keep, most
        self._lock = threading.Lock()
        self._line = Line()
        self._jobs: OrderedDict[tuple[object, ...], Job] = OrderedDict()
        self._pool = ThreadPoolExecutor(most + 1, thread_name_prefix="explorer-job")

    def start(
        self,
        key: tuple[object, ...],
        task: Callable[[Progress], Any],
        urgency: Urgency = Urgency.SHOWN,
    ) -> Job:
        """Return the job under this key, starting it if new, or if it ended because nobody waited;
        BusyError if too many wait.

        Whoever asks again may make it more urgent, never less.
        """
        with self._lock:
            job = self._jobs.get(key)
            if job is None or (job.stopped and not job.unwanted):
                waiting = sum(not other.finished.is_set() for other in self._jobs.values())
                if waiting > self._most:
                    raise BusyError(waiting)
                job = Job(self._line, self._line.join(urgency))
                self._jobs[key] = job
                self._pool.submit(job.run, task)
            job.turn.asked = time.monotonic()
            job.turn.urgency = min(job.turn.urgency, urgency)
            self._jobs.move_to_end(key)
            for old in [k for k, j in self._jobs.items() if j.finished.is_set()][
                : max(0, len(self._jobs) - self._keep)
            ]:
                del self._jobs[old]
            return job

    def has(self, key: tuple[object, ...]) -> bool:
        """Say whether a job's result is there."""
        with self._lock:
            job = self._jobs.get(key)
            return job is not None and job.finished.is_set() and job.error is None

    def result(self, key: tuple[object, ...]) -> Any:
        """Return a job's result, which then stays longer; None without one. Starts nothing."""
        with self._lock:
            job = self._jobs.get(key)
            if job is None or not job.finished.is_set() or job.error is not None:
                return None
            self._jobs.move_to_end(key)
            return job.value

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
    "evaluation.vectors.exemplars",
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
