"""Images per second of each recipe, eager and compiled, beside the step of the official I-JEPA
code, and a profile: python -m benchmarks.gpu.speed. What was measured is written after each row.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from astrojepa.config import TrainConfig, replace
from astrojepa.files import write_json
from astrojepa.training.step import Stepper, compiled
from benchmarks.cases import make_batches, make_state, step_of
from benchmarks.gpu.recipes import RECIPES, config_of
from benchmarks.measure import machine
from benchmarks.peer_steps import OfficialStep
from benchmarks.throughput import H200_TFLOPS, measure

PROFILED_STEPS = 3
OFFICIAL = ("vit5m.ijepa", "vit25m.ijepa")  # recipes that the official code has too


def official(config: TrainConfig, device: torch.device, seconds: float) -> dict[str, Any]:
    """Measure a step as facebookresearch/ijepa does it, eager, on one batch that lies ready; the
    loss is read after each, as there.
    """
    batches, step = make_batches(config, device), OfficialStep(make_state(config, device))
    (ready,) = batches.parts(0)

    def once() -> None:
        with torch.autocast(device.type, torch.bfloat16):
            float(step(ready))

    once()
    steps, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        once()
        steps += 1
    size = config.optim.batch_size
    return {"batch_size": size, "images_per_second": steps * size / (time.perf_counter() - begun)}


def profiled(config: TrainConfig, device: torch.device) -> str:
    """Return the kernels of some steps, the costliest first."""
    state = make_state(config, device)
    batches = make_batches(config, device, 4 * config.optim.batch_size)
    stepper = Stepper(state, device, compiled(state.network, "auto", device, print))
    for _ in range(PROFILED_STEPS):
        step_of(stepper, batches)
    cuda = device.type == "cuda"
    kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    with profile(activities=kinds) as found:
        for _ in range(PROFILED_STEPS):
            step_of(stepper, batches)
        if cuda:
            torch.cuda.synchronize(device)
    key = "self_cuda_time_total" if cuda else "self_cpu_time_total"
    table: str = found.key_averages().table(sort_by=key, row_limit=45, max_name_column_width=90)
    return table


def main() -> None:
    """Measure every recipe; a row that fails says why."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    device, seconds = torch.device(options.device), 0.2 if options.tiny else 6.0
    names = list(RECIPES)[:: len(RECIPES) - 1] if options.tiny else list(RECIPES)
    ways = ("off",) if options.tiny else ("auto", "off")
    found: dict[str, Any] = {"machine": machine(), "rows": {}, "official": {}}

    def keep(kind: str, name: str, row: Any) -> None:
        found[kind][name] = row
        write_json(options.out / "speed.json", found)

    for name in names:
        for way in ways:
            config = config_of(name, options.tiny)
            peak = H200_TFLOPS if device.type == "cuda" else None
            try:
                count = 2 * config.optim.batch_size if options.tiny else 4096
                row = measure(config, device, seconds, way, peak, count)
            except (
                Exception
            ) as error:  # a recipe too large for this device leaves the others theirs
                row = {"failed": f"{type(error).__name__}: {error}"[:300]}
            keep("rows", f"{name} {'compiled' if way == 'auto' else 'eager'}", row)
    for name in OFFICIAL[:1] if options.tiny else OFFICIAL:
        config = replace(config_of(name, options.tiny), sigreg_weight=0.0)
        keep("official", name, official(config, device, seconds))
    (options.out / "profile.txt").write_text(profiled(config_of(names[-1], options.tiny), device))


if __name__ == "__main__":
    main()
