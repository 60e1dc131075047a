"""How benchmarks measure: the machine, the best of interleaved repeats, the peak of allocated
memory, log-log slopes, JSON.
"""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch


def machine() -> dict[str, str]:
    """Name the processor and the versions that a time depends on."""
    return {
        "processor": torch.cpu.get_capabilities()["cpu_name"],
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def best_of(functions: Mapping[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Return each function's least CPU seconds (all threads), so that waiting for a busy machine
    does not count.

    They take turns, so that what a busy machine does to the caches strikes all of them; the first
    turn is not timed.
    """
    best = dict.fromkeys(functions, math.inf)
    for turn in range(repeats + 1):
        for name, function in functions.items():
            begin = time.process_time()
            function()
            if turn > 0:
                best[name] = min(best[name], time.process_time() - begin)
    return best


def kernel_share(function: Callable[[], Any], repeats: int) -> float:
    """Return the part of the CPU time that the kernel takes, in [0, 1]: handing out memory,
    above all.
    """
    before = os.times()
    for _ in range(repeats):
        function()
    after = os.times()
    user, kernel = after.user - before.user, after.system - before.system
    return kernel / max(user + kernel, 1e-9)


def peak_bytes(function: Callable[[], Any]) -> int:
    """Return the most bytes that torch's allocator held at once for what the function allocated
    itself, temporaries included.
    """
    with torch.autograd.profiler.profile(profile_memory=True) as profile:
        function()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profile.export_chrome_trace(str(path))
        events = [
            event
            for event in json.loads(path.read_bytes())["traceEvents"]
            if event["name"] == "[memory]"
        ]
    held = peak = 0
    for event in sorted(events, key=lambda event: event["ts"]):
        held += event["args"]["Bytes"]
        peak = max(peak, held)
    return peak


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Return the slope of the least-squares line through (log x, log y): 1 = in proportion, 2 =
    quadratic.
    """
    return statistics.linear_regression(
        [math.log(value) for value in x], [math.log(value) for value in y]
    ).slope


def write(path: Path, found: dict[str, Any]) -> None:
    """Write JSON and print it."""
    text = json.dumps(found, indent=2, allow_nan=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")
    print(text)
