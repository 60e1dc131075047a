"""Draws many stamps into memory-mapped files, in this process or in several.

The helpers are plain `python -m astrojepa.data.simulate.workers` processes that take orders on
their standard input and write straight into the files. multiprocessing is not used: its spawned
children import the caller's main script again, which a notebook, an unguarded script or a Streamlit
server does not survive, and forking is unsafe once threads run.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

from astrojepa.data.simulate.census import ARTEFACTS, KINDS, Census, take_census
from astrojepa.data.simulate.stamp import TRUTHS, draw_stamp
from astrojepa.files import naming

CHUNK = 25  # stamps per order
SMALL = 200  # stamps below which helpers are not worth their start
MAX_PROCESSES = 16


def draw_stamps(
    pictures: Path,
    truths: Path,
    count: int,
    seed: int,
    size: int,
    processes: int,
    report: Callable[[int], None],
) -> None:
    """Write two .npy files: images, uint8 (count, size, size, 3), and truths, float64.

    `report` is called in this thread with the number of stamps done. Raises OSError when a helper
    dies.
    """
    for path, dtype, shape in (
        (pictures, np.uint8, (count, size, size, 3)),
        (truths, np.float64, (count, len(TRUTHS))),
    ):
        open_memmap(path, mode="w+", dtype=dtype, shape=shape).flush()
        _reserve(path)
    chunks = [(start, min(start + CHUNK, count)) for start in range(0, count, CHUNK)]
    drawer = _draw_with_helpers(pictures, truths, seed, chunks, processes)
    if processes == 1:
        drawer = _draw_here(pictures, truths, seed, chunks)
    done = 0
    with contextlib.closing(drawer):  # helpers end here, even when `report` raises to stop the work
        for finished in drawer:
            done += finished
            report(done)


def _reserve(path: Path) -> None:
    """Reserve the file's space, since a full disk kills who writes into a sparse map."""
    if hasattr(os, "posix_fallocate"):
        with naming(path), path.open("rb+") as stream:
            os.posix_fallocate(stream.fileno(), 0, path.stat().st_size)


def suitable_processes(count: int) -> int:
    """Return the fastest number of processes: one below 200 stamps, else one per core."""
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return 1 if count < SMALL or not sys.executable else min(cores, MAX_PROCESSES)


def _draw_here(
    pictures: Path, truths: Path, seed: int, chunks: Iterable[tuple[int, int]]
) -> Generator[int, None, None]:
    """Draw the chunks in this process, yielding the size of each."""
    picture_file, truth_file = open_memmap(pictures, mode="r+"), open_memmap(truths, mode="r+")
    count, size = picture_file.shape[:2]
    census = take_census(count, seed)
    for start, stop in chunks:
        for row in range(start, stop):
            picture_file[row], truth_file[row] = draw_member(census, seed, row, size)
        yield stop - start
    picture_file.flush()
    truth_file.flush()


def draw_member(census: Census, seed: int, row: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw one row of a census: uint8 (size, size, 3), and TRUTHS, float64 (11,)."""
    kind, artefact = KINDS[census.kinds[row]], ARTEFACTS[census.artefacts[row]]
    return draw_stamp(seed, int(census.originals[row]), kind, artefact, size)


def _draw_with_helpers(
    pictures: Path, truths: Path, seed: int, chunks: list[tuple[int, int]], processes: int
) -> Generator[int, None, None]:
    """Share the chunks among helper processes, yielding the size of each when done."""
    orders: queue.SimpleQueue[tuple[int, int]] = queue.SimpleQueue()
    for chunk in chunks:
        orders.put(chunk)
    helpers: list[subprocess.Popen[str]] = []
    try:
        for _ in range(min(processes, len(chunks))):
            helpers.append(_start_helper(pictures, truths, seed))
        idle: queue.SimpleQueue[subprocess.Popen[str]] = queue.SimpleQueue()
        for helper in helpers:
            idle.put(helper)
        with ThreadPoolExecutor(len(helpers)) as threads:
            futures = [threads.submit(_order, idle, orders.get_nowait()) for _ in chunks]
            try:
                for future in as_completed(futures):
                    yield future.result()
            finally:
                threads.shutdown(wait=False, cancel_futures=True)
    finally:
        for helper in helpers:
            _dismiss(helper)


def _start_helper(pictures: Path, truths: Path, seed: int) -> subprocess.Popen[str]:
    """Start one helper; it ends when its standard input closes."""
    root = str(Path(__file__).resolve().parents[3])
    paths = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    module = "astrojepa.data.simulate.workers"
    return subprocess.Popen(
        [sys.executable, "-m", module, str(pictures), str(truths), str(seed)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
    )


def _order(idle: queue.SimpleQueue[subprocess.Popen[str]], chunk: tuple[int, int]) -> int:
    """Have an idle helper draw one chunk; return how many stamps that were."""
    helper = idle.get()
    assert helper.stdin is not None
    assert helper.stdout is not None
    try:
        helper.stdin.write(f"{chunk[0]} {chunk[1]}\n")
        helper.stdin.flush()
        answer = helper.stdout.readline().strip()
    except (OSError, ValueError):
        answer = ""
    finally:
        idle.put(helper)
    if answer != "drawn":
        with contextlib.suppress(subprocess.TimeoutExpired):
            helper.wait(5)  # its end may be a moment behind its silence
        raise ChildProcessError(
            f"Expected galaxies {chunk[0]} to {chunk[1]} from a helper process of the simulator, "
            f"but it stopped (exit status {helper.poll()}; its own message is above). With little "
            "memory or disk left, ask for fewer or smaller stamps."
        )
    return chunk[1] - chunk[0]


def _dismiss(helper: subprocess.Popen[str]) -> None:
    """End a helper: at once when it waits for orders, else by force."""
    helper.kill()
    helper.wait()
    for stream in (helper.stdin, helper.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):  # what was still buffered for a helper that is gone
                stream.close()


def main(arguments: list[str]) -> None:
    """Obey orders "start stop" from standard input: draw those stamps, answer "drawn"."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    orders = (line.split() for line in sys.stdin)
    chunks = ((int(start), int(stop)) for start, stop in orders)
    for _ in _draw_here(Path(arguments[0]), Path(arguments[1]), int(arguments[2]), chunks):
        print("drawn", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
