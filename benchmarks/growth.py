"""How the cost of a step grows with the batch and with the number of tokens: seconds, counted FLOPs
and their log-log slopes.

python -m benchmarks.growth [--batch-sizes 16 32 64 128] [--image-sizes 96 128 160 192 224]
[--repeats 2] [--out FILE]
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import torch

from astrojepa.config import TrainConfig, replace
from astrojepa.presets import preset
from astrojepa.training.step import Stepper
from benchmarks.cases import CPU, gflop_per_image, make_batches, make_state, step_of
from benchmarks.measure import best_of, machine, slope, write

BATCH_PRESET, TOKEN_PRESET = "small.sigreg06", "vit5m.sigreg06"
TOKEN_BATCH = 8


def cost(configs: dict[int, TrainConfig], repeats: int) -> dict[str, Any]:
    """Time whole steps of several configs in turns, data and masks included; keys say what
    grows.
    """
    steps = {
        str(key): partial(step_of, Stepper(make_state(config), CPU), make_batches(config))
        for key, config in configs.items()
    }
    seconds = list(best_of(steps, repeats).values())
    gflop = [gflop_per_image(config) * config.optim.batch_size for config in configs.values()]
    grown = list(configs)
    return {
        "seconds_per_step": dict(zip(steps, seconds, strict=True)),
        "gflop_per_step": dict(zip(steps, gflop, strict=True)),
        "slope": slope(grown, seconds),
        "flop_slope": slope(grown, gflop),
    }


def main(arguments: list[str] | None = None) -> None:
    """Measure both and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch-sizes", nargs="+", type=int, default=[16, 32, 64, 128])
    parser.add_argument("--image-sizes", nargs="+", type=int, default=[96, 128, 160, 192, 224])
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/growth.json"))
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    small, model = preset(BATCH_PRESET), preset(TOKEN_PRESET)
    sized = [
        replace(model, image_size=size, batch_size=TOKEN_BATCH) for size in options.image_sizes
    ]
    found = {
        "batch": {"preset": BATCH_PRESET}
        | cost(
            {size: replace(small, batch_size=size) for size in options.batch_sizes}, options.repeats
        ),
        "tokens": {"preset": TOKEN_PRESET, "batch_size": TOKEN_BATCH}
        | cost({config.image.grid**2: config for config in sized}, options.repeats),
    }
    write(options.out, {"machine": machine(), "threads": 1, "repeats": options.repeats, **found})


if __name__ == "__main__":
    main()
