"""What torch.compile costs and gains on a CPU: seconds to compile, speed against eager, and whether
the loss stays the same.

python -m benchmarks.compiled [--presets small.sigreg06 ...] [--batch-sizes 32 ...] [--repeats 3]
[--out FILE]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from astrojepa.config import TrainConfig, replace
from astrojepa.presets import preset
from astrojepa.training.step import Stepper, compiled
from benchmarks.cases import CPU, PACE, make_batches, make_state
from benchmarks.measure import best_of, machine, write

PRESETS = {"small.sigreg06": 32, "small.lejepa": 16}  # batch sizes
LOSS_BAR = 1e-5  # largest relative difference of the loss


def compare(config: TrainConfig, repeats: int) -> dict[str, Any]:
    """Do the same steps eagerly and compiled, in turns, from an empty compile cache."""
    said: list[str] = []
    parts = make_batches(config).parts(0)
    eager_state, state = make_state(config), make_state(config)
    eager, fast = (
        Stepper(eager_state, CPU),
        Stepper(state, CPU, compiled(state.network, "on", CPU, said.append)),
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.dict(os.environ, TORCHINDUCTOR_CACHE_DIR=folder),
    ):
        torch._dynamo.reset()
        begin = time.perf_counter()
        first = fast(parts, 1.0, **PACE)[0].item()
        passed = time.perf_counter() - begin
        reference = eager(parts, 1.0, **PACE)[0].item()
        seconds = best_of(
            {
                "eager": lambda: eager(parts, 1.0, **PACE),
                "compiled": lambda: fast(parts, 1.0, **PACE),
            },
            repeats,
        )
    difference = abs(first / reference - 1)
    return {
        "batch_size": config.optim.batch_size,
        "compiled": not said,
        "said": said,
        "compile_seconds": passed - seconds["compiled"],
        "milliseconds_per_step": {name: 1e3 * value for name, value in seconds.items()},
        "speed_ratio": seconds["eager"] / seconds["compiled"],
        "loss_difference": difference,
        "loss_bar": LOSS_BAR,
        "met": difference <= LOSS_BAR and not said,
    }


def main(arguments: list[str] | None = None) -> None:
    """Measure the presets and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presets", nargs="+", default=list(PRESETS))
    parser.add_argument("--batch-sizes", nargs="+", type=int, default=list(PRESETS.values()))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/compiled.json"))
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    sizes = dict(zip(options.presets, options.batch_sizes, strict=True))
    found = {
        name: compare(replace(preset(name), batch_size=size), options.repeats)
        for name, size in sizes.items()
    }
    write(
        options.out,
        {"machine": machine(), "threads": 1, "repeats": options.repeats, "presets": found},
    )


if __name__ == "__main__":
    main()
