"""A trial of readers: each meets its damaged files in a process of its own, with caps on memory and
time, watched for what it opens.

Case k of a reader depends on the seed, the reader's name and k alone. Inputs that were not borne
stay in the folder.
"""

from __future__ import annotations

import json
import math
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from tests.forking import fork
from tests.hostile.mutations import Mutator

LEAST = 50  # cases of every reader
MEMORY_CAP = 1024**3  # bytes a reader may ask for beyond what stands in memory when it begins
SECONDS = 5.0  # of processor time, for one case
LONGEST = 400  # characters of a refusal, the folder's own name not counted
KEPT = 5  # inputs that were not borne, kept per reader
FORBIDDEN = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "subprocess.Popen",
    "socket.connect",
    "socket.getaddrinfo",
)
# warnings quote their line
CODE = tuple(str(Path(__file__).parents[2] / folder) for folder in ("astrojepa", "app", "tests"))
# What a reader may open; "<string>" is no file: Python 3.13 looks for the line of code that a
# warning is about, whatever its name.
ROOTS = (sys.prefix, sys.base_prefix, *CODE, str(Path("<string>").resolve()), "/dev", "/proc")


@dataclass(frozen=True)
class Reader:
    """A reader and what it is tried on.

    `furnish` fills a folder with whatever else a case needs and returns whole examples, which
    `read` must accept. `read` gets the path of a damaged one and returns or refuses, except that a
    `total` reader may not even refuse.
    """

    name: str
    file: str  # name of the damaged file in the folder
    furnish: Callable[[Path], list[bytes]]
    harm: Mutator
    read: Callable[[Path], Any]
    weight: float = 1.0  # share of the cases
    total: bool = False


@dataclass
class Outcome:
    """What became of one reader's cases."""

    reader: str
    seed: int
    cases: int = 0
    refused: int = 0
    slowest: float = 0.0  # s of processor time
    megabytes: float = 0.0  # highest memory in use above that at the start
    failures: list[str] = field(default_factory=list)


class TooLongError(BaseException):
    """No `except Exception` catches it."""


class Watch:
    """Notes what Python opens outside the roots and every start of a program or a connection."""

    def __init__(self, *roots: str) -> None:
        self.roots, self.seen, self.active = roots, list[str](), False
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.active:
            return
        if event.startswith(FORBIDDEN):
            self.seen.append(event)
        elif event == "open" and isinstance(arguments[0], str | bytes):
            path = os.path.realpath(os.fsdecode(arguments[0]))
            if not path.startswith(self.roots):
                self.seen.append(f"open {path}")


def complaint(error: BaseException | None, reader: Reader, folder: Path) -> str:
    """Say what is wrong with how a reader took a case; empty where it returned, or refused in
    one sentence.
    """
    if error is None:
        return ""
    chain, link = [], error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    if any(isinstance(link, MemoryError) or "allocate" in str(link).lower() for link in chain):
        return f"asked for more than {MEMORY_CAP:,} bytes"
    if isinstance(error, TooLongError):
        return f"took more than {SECONDS} s"
    if not isinstance(error, ValueError | OSError) or isinstance(error, UnicodeError):
        return "".join(traceback.format_exception(error)[-3:])
    if reader.total:
        return f"refused, and may not: {error}"
    text = str(error).replace(str(folder), "")
    if not 10 <= len(text) <= LONGEST:
        return f"says {len(text)} characters: {text[:300]}"
    return "" if text.isprintable() else f"says what cannot be printed: {text!r}"


def read(reader: Reader, path: Path) -> BaseException | None:
    """Read one file and return what was raised."""
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        reader.read(path)
    except (Exception, TooLongError) as error:
        return error
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return None


def try_reader(reader: Reader, cases: int, seed: int, folder: Path, report: Path) -> None:
    """Read whole examples, then damaged ones, under the caps; write the outcome after every
    failure and at the end.
    """
    folder.mkdir(parents=True)
    cache = folder.with_name(f"{folder.name}-cache")  # beside it: some readers walk their folder
    os.environ["ASTROJEPA_CACHE"] = str(cache)
    path, outcome = folder / reader.file, Outcome(reader.name, seed)
    whole = reader.furnish(folder)
    for content in whole:
        path.write_bytes(content)
        reader.read(path)
    watch = Watch(*ROOTS, os.path.realpath(folder), os.path.realpath(cache))
    signal.signal(signal.SIGPROF, _give_up)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY_CAP, size + MEMORY_CAP))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for case in range(cases):
        path.unlink(missing_ok=True)
        path.write_bytes(reader.harm(Random(f"{seed}/{reader.name}/{case}"), whole))
        watch.seen.clear()
        began, watch.active = time.process_time(), True
        error = read(reader, path)
        watch.active = False
        outcome.slowest = max(outcome.slowest, round(time.process_time() - began, 3))
        outcome.cases, outcome.refused = case + 1, outcome.refused + (error is not None)
        outcome.megabytes = round(
            (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, 1
        )
        if found := ", ".join(watch.seen) or complaint(error, reader, folder):
            if len(outcome.failures) < KEPT:
                path.rename(folder / f"case-{case}-{reader.file}")
            outcome.failures.append(f"case {case}: {found}")
            report.write_text(json.dumps(asdict(outcome)))
    report.write_text(json.dumps(asdict(outcome)))


def _give_up(*_: object) -> None:
    raise TooLongError


def try_all(readers: Sequence[Reader], cases: int, seed: int, folder: Path) -> list[Outcome]:
    """Share the cases out among the readers, one process each, and print what became of them;
    one that dies has failed.
    """
    weights, outcomes = sum(reader.weight for reader in readers), []
    for reader in readers:
        share = max(LEAST, math.ceil(cases * reader.weight / weights))
        place, report = folder / reader.name.replace(" ", "-"), folder / f"{reader.name}.json"
        child = fork(60 + share)
        if child == 0:
            code = 1
            try:
                try_reader(reader, share, seed, place, report)
                code = 0
            except BaseException:
                traceback.print_exc()
            os._exit(code)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        outcome = (
            Outcome(**json.loads(report.read_text()))
            if report.is_file()
            else Outcome(reader.name, seed)
        )
        if status:
            outcome.failures.append(f"the process ended with {status} on {place / reader.file}")
        print(json.dumps(asdict(outcome)), flush=True)
        outcomes.append(outcome)
    return outcomes
