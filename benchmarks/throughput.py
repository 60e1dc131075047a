"""Images per second of real training, data and augmentation included, and the share of the device's
peak that they are.

python -m benchmarks.throughput --preset vit5m.sigreg06 [--batch-size 512] [--seconds 30] [--device
cuda] [--compile auto]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import torch

from astrojepa.config import TrainConfig, replace
from astrojepa.presets import preset
from astrojepa.training.step import Stepper, compiled
from benchmarks.cases import gflop_per_image, make_batches, make_state, step_of
from benchmarks.measure import machine, write

H200_TFLOPS = 790.0  # dense bfloat16
BARS = {"vit5m.sigreg06": 0.16, "vit25m.sigreg06": 0.20}  # least share of an H200's peak
# as many frames as Galaxy10 has, so that they lie on the device or in the map as in a real run
GALAXIES = 17_736
WARMUP_STEPS = 10  # compiling, choosing kernels, filling the allocator


def measure(
    config: TrainConfig,
    device: torch.device,
    seconds: float,
    compile: str,
    peak_tflops: float | None,
    count: int = GALAXIES,
) -> dict[str, Any]:
    """Train for some seconds after a warm-up. Steps are queued as in a run, and the queue is
    waited for before the clock is read.
    """
    batches, state = (
        make_batches(config, device, max(count, config.optim.batch_size)),
        make_state(config, device),
    )
    stepper = Stepper(state, device, compiled(state.network, compile, device, print))
    for _ in range(WARMUP_STEPS if device.type == "cuda" else 1):
        step_of(stepper, batches)
    _wait(device)
    steps, begin, passed = 0, time.perf_counter(), 0.0
    while passed < seconds:
        terms = step_of(stepper, batches)
        steps += 1
        if steps % 20 == 0 or device.type == "cpu":  # as often as the trainer looks at the terms
            terms.tolist()
            passed = time.perf_counter() - begin
    _wait(device)
    passed = time.perf_counter() - begin
    speed, gflop = steps * config.optim.batch_size / passed, gflop_per_image(config)
    return {
        "preset": config.preset,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "batch_size": config.optim.batch_size,
        "compile": compile,
        "bfloat16": stepper.precision == "bfloat16",
        "steps": steps,
        "seconds": passed,
        "images_per_second": speed,
        "gflop_per_image": gflop,
        "peak_tflops": peak_tflops,
        "share_of_peak": speed * gflop / 1e3 / peak_tflops if peak_tflops else None,
        "bar": BARS.get(config.preset) if device.type == "cuda" else None,
        "memory_gb": torch.cuda.max_memory_allocated(device) / 1e9
        if device.type == "cuda"
        else None,
    }


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def main(arguments: list[str] | None = None) -> None:
    """Measure one preset and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="vit5m.sigreg06")
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--compile", default="auto", choices=("auto", "on", "off"))
    parser.add_argument(
        "--peak-tflops", type=float, help="of the device; 790, an H200 in bfloat16, on a GPU"
    )
    parser.add_argument("--galaxies", type=int, default=GALAXIES, help="random frames to train on")
    parser.add_argument(
        "--out", type=Path, help="default benchmarks/results/throughput.PRESET.DEVICE.json"
    )
    options = parser.parse_args(arguments)
    device = torch.device(options.device)
    peak = options.peak_tflops or (H200_TFLOPS if device.type == "cuda" else None)
    config = replace(preset(options.preset), batch_size=options.batch_size)
    found = measure(config, device, options.seconds, options.compile, peak, options.galaxies)
    out = options.out or Path(f"benchmarks/results/throughput.{options.preset}.{device.type}.json")
    write(out, {"machine": machine(), "threads": torch.get_num_threads(), **found})


if __name__ == "__main__":
    main()
