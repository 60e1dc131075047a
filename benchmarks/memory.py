"""What a run holds in memory, each case in a process of its own: peaks, memory-mapped frames,
growth over a thousand steps.

python -m benchmarks.memory [--cases batch64 ...] [--out FILE]
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

from astrojepa.config import replace
from astrojepa.presets import preset
from astrojepa.training.batches import BatchMaker
from astrojepa.training.step import Stepper
from astrojepa.training.trainer import Trainer, train
from benchmarks.cases import CPU, HALF, make_batches, make_state, step_of
from benchmarks.measure import machine, write

ROOT = Path(__file__).parents[1]
GALAXY10_COUNT, GALAXY10_SIZE = 17_736, 256
GIGA = 1e9
# GB; the last is the allocator's noise
PEAK_BAR, FRAMES_BAR, MAPPED_BAR, GROWTH_BAR = 6.0, 3.6, 1.5, 0.005
Found = list[dict[str, Any]]


def held(what: str, size: float, bar: float) -> dict[str, Any]:
    """Compare so many bytes with a bar in GB."""
    return {"what": what, "gb": size / GIGA, "bar_gb": bar, "met": size <= bar * GIGA}


def status(field: str) -> int:
    """Return a field of /proc/self/status in bytes: VmHWM (peak), VmRSS (all that is resident),
    RssAnon (without mapped files).
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    (kilobytes,) = (line.split()[1] for line in lines if line.startswith(field + ":"))
    return int(kilobytes) * 1024


def batch64(steps: int = 2, batch_size: int = 64) -> Found:
    """The 5 M hybrid at 224/16 on the CPU: everything the process ever held, libraries included."""
    config = replace(preset("vit5m.sigreg06"), batch_size=batch_size)
    stepper, batches = Stepper(make_state(config), CPU), make_batches(config)
    for _ in range(steps):
        step_of(stepper, batches)
    return [
        held(
            f"`{config.preset}`, batch {batch_size}, on a CPU: peak of the whole process",
            status("VmHWM"),
            PEAK_BAR,
        )
    ]


def mapped(steps: int = 3, count: int = GALAXY10_COUNT) -> Found:
    """All frames of Galaxy10 in a file mapped read-only: what batches of a whole epoch, and steps,
    take above model and libraries.

    Pages of the file are the kernel's to drop; anonymous memory is the process's own.
    """
    config = preset("small.sigreg06")
    config = replace(config, batch_size=min(config.optim.batch_size, count // 2))
    shape = (count, GALAXY10_SIZE, GALAXY10_SIZE, 3)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frames"
        with path.open("wb") as stream:
            stream.truncate(int(np.prod(shape)))  # a sparse file: all zeros, no disk
        frames = np.memmap(path, np.uint8, "r", shape=shape)
        stepper = Stepper(make_state(config), CPU)
        before = status("RssAnon")
        batches = BatchMaker(frames, config, HALF, HALF, CPU)
        with _peak_of("RssAnon") as peak_of_batches:
            for step in range(batches.steps_per_epoch):
                batches.parts(step)
        with _peak_of("RssAnon") as peak_of_steps:
            for _ in range(steps):
                step_of(stepper, batches)
    size = config.optim.batch_size
    return [
        held(
            f"frames of {count:,} galaxies, {GALAXY10_SIZE} pixels a side",
            frames.nbytes,
            FRAMES_BAR,
        ),
        held(
            f"these memory-mapped, an epoch of batches of {size}: above the model",
            peak_of_batches() - before,
            MAPPED_BAR,
        ),
        held(
            f"the same with steps of `{config.preset}`: above the model",
            peak_of_steps() - before,
            MAPPED_BAR,
        ),
    ]


def resident(count: int = GALAXY10_COUNT) -> Found:
    """The same frames held on a GPU."""
    before = torch.cuda.memory_allocated()
    batches = make_batches(preset("vit5m.sigreg06"), torch.device("cuda"), count)
    assert batches.resident is not None
    return [
        held(
            f"frames of {count:,} galaxies on the GPU",
            torch.cuda.memory_allocated() - before,
            FRAMES_BAR,
        )
    ]


def growth(galaxies: int = 400, early: int = 100, late: int = 1000) -> Found:
    """A real run of a tiny network, log, validation and saving included: resident memory late less
    early.

    Before each look the allocator gives back what it keeps for later, some megabytes that come and
    go with validation.
    """
    sizes = {
        "image_size": 32,
        "patch_size": 4,
        "width": 32,
        "depth": 2,
        "heads": 2,
        "batch_size": 8,
        "epochs": 100,
    }
    sizes |= {"predictor_width": 32, "predictor_depth": 2, "predictor_heads": 2}
    config = replace(preset("small.sigreg06"), data=f"simulated:{galaxies}", **sizes)
    seen: dict[int, int] = {}
    step = Trainer.step

    def watched(trainer: Trainer) -> None:
        step(trainer)
        if trainer.state.step in (early, late):
            gc.collect()
            ctypes.CDLL(None).malloc_trim(0)
            seen[trainer.state.step] = status("VmRSS")
        if trainer.state.step == late:
            raise KeyboardInterrupt

    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        stack.enter_context(patch.object(Trainer, "step", watched))
        stack.enter_context(patch.dict(os.environ, ASTROJEPA_CACHE=folder))
        stack.enter_context(contextlib.suppress(KeyboardInterrupt))
        train(config, out=Path(folder) / "run", device="cpu", progress=False)
    return [
        held(
            f"a tiny network's run: growth from step {early:,} to {late:,}",
            seen[late] - seen[early],
            GROWTH_BAR,
        )
    ]


CASES: dict[str, Callable[..., Found]] = {
    function.__name__: function for function in (batch64, mapped, resident, growth)
}


@contextlib.contextmanager
def _peak_of(field: str) -> Iterator[Callable[[], int]]:
    """Look at a field every few milliseconds while something else happens; call the result for
    the largest value.
    """
    seen, over = [status(field)], threading.Event()

    def look() -> None:
        while not over.is_set():
            seen[0] = max(seen[0], status(field))
            time.sleep(0.003)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield lambda: seen[0]
    finally:
        over.set()
        thread.join()


def main(arguments: list[str] | None = None) -> None:
    """Run each case in a fresh process and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--cases",
        nargs="+",
        choices=list(CASES),
        default=list(CASES),
        help="default: all that can be run",
    )
    parser.add_argument(
        "--options",
        type=json.loads,
        default={},
        help="JSON: options of the cases' functions, for a smaller run",
    )
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/memory.json"))
    parser.add_argument(
        "--here", action="store_true", help="run the one case in this process and print it"
    )
    options = parser.parse_args(arguments)
    if options.here:
        torch.set_num_threads(1)
        print(json.dumps(CASES[options.cases[0]](**options.options)))
        return
    found: dict[str, Found | None] = {}
    for case in options.cases:
        if case == "resident" and not torch.cuda.is_available():
            found[case] = None
            continue
        inner = json.dumps(options.options.get(case, {}))
        command = [
            sys.executable,
            "-m",
            "benchmarks.memory",
            "--here",
            "--cases",
            case,
            "--options",
            inner,
        ]
        printed = subprocess.run(
            command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
        ).stdout
        found[case] = json.loads(printed.splitlines()[-1])
    write(options.out, {"machine": machine(), "threads": 1, "cases": found})


if __name__ == "__main__":
    main()
