"""Our step beside two published ways of computing it: same blocks and weights, same batch, same
masks, in turns, one CPU thread.

python -m benchmarks.peers [--presets vit5m.sigreg06 ...] [--batch-sizes 8 ...] [--repeats 3] [--out
FILE]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from astrojepa.config import TrainConfig, replace
from astrojepa.models.jepa import JEPA, JEPAOutput
from astrojepa.objective.masking import token_counts
from astrojepa.precision import resolve
from astrojepa.presets import preset
from astrojepa.training.step import Stepper
from astrojepa.types import Batch
from benchmarks.cases import CPU, PACE, gflop_per_image, make_batches, make_state
from benchmarks.measure import best_of, machine, write
from benchmarks.peer_steps import OfficialData, OfficialStep, official_forward, seed_forward

PRESETS = {"vit5m.sigreg06": 8, "vit25m.sigreg06": 8}  # batch sizes
# least speed ratio to the seed's way, as a fraction of the ratio of counted FLOPs
FLOAT32_BAR = 0.85
BFLOAT16_BAR = 1.4 * FLOAT32_BAR  # ours in bfloat16 against the seed's way in float32
FORWARDS: dict[str, Callable[..., JEPAOutput]] = {
    "ours": JEPA.forward,
    "seed": seed_forward,
    "official": official_forward,
}
Step = Callable[[Batch], Tensor]


def make_steps(config: TrainConfig) -> dict[str, Step]:
    """Return the steps that take turns, each with its own network of the same weights.

    Ours and the seed's differ in the forward pass alone: both have our losses, fused AdamW and
    moving average.
    """

    def ours(forward: Callable[..., Any], precision: str) -> Step:
        state = make_state(replace(config, precision=precision))
        stepper = Stepper(state, CPU, partial(forward, state.network))
        return lambda batch: stepper([batch], 1.0, **PACE)

    steps: dict[str, Step] = {
        "ours": ours(JEPA.forward, "float32"),
        "seed": ours(seed_forward, "float32"),
    }
    steps["official"] = OfficialStep(make_state(config))
    if resolve("auto", CPU)[0] == "bfloat16":
        steps["ours in bfloat16"] = ours(JEPA.forward, "bfloat16")
    return steps


def compare(config: TrainConfig, repeats: int) -> dict[str, Any]:
    """Measure one size: images per second of a whole step from a ready batch, and what making
    the batch costs.
    """
    size, batches = config.optim.batch_size, make_batches(config)
    (batch,) = batches.parts(0)
    official_data = OfficialData(config.image, config.mask)
    steps = {name: partial(step, batch) for name, step in make_steps(config).items()}
    seconds = best_of(steps, repeats)
    making = best_of(
        {
            "ours": lambda: batches.parts(0),
            "official": lambda: official_data(batches.frames[batches.rows(0)]),
        },
        repeats,
    )
    gflop = {name: gflop_per_image(config, forward) for name, forward in FORWARDS.items()}
    context, target = token_counts(config.image.grid, config.mask)
    return {
        "batch_size": size,
        "tokens": config.image.grid**2,
        "context_tokens": context,
        "target_tokens": target,
        "images_per_second": {name: size / value for name, value in seconds.items()},
        "gflop_per_image": gflop,
        "gflop_per_second": {name: value * size / seconds[name] for name, value in gflop.items()},
        "data_milliseconds_per_image": {name: 1e3 * value / size for name, value in making.items()},
        "images_per_second_with_data": {
            name: size / (seconds[name] + value) for name, value in making.items()
        },
        **_ratios(seconds, gflop),
    }


def _ratios(seconds: dict[str, float], gflop: dict[str, float]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for peer in ("seed", "official"):
        speed, flops = seconds[peer] / seconds["ours"], gflop[peer] / gflop["ours"]
        found[peer] = {
            "speed_ratio": speed,
            "flop_ratio": flops,
            "speed_over_flop_ratio": speed / flops,
        }
    found["seed"] |= {
        "bar": FLOAT32_BAR,
        "met": found["seed"]["speed_over_flop_ratio"] >= FLOAT32_BAR,
    }
    found["bfloat16"] = None
    if "ours in bfloat16" in seconds:
        ratio = seconds["seed"] / seconds["ours in bfloat16"] / found["seed"]["flop_ratio"]
        found["bfloat16"] = {
            "speed_over_flop_ratio": ratio,
            "bar": BFLOAT16_BAR,
            "met": ratio >= BFLOAT16_BAR,
        }
    return found


def main(arguments: list[str] | None = None) -> None:
    """Measure the sizes and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presets", nargs="+", default=list(PRESETS))
    parser.add_argument("--batch-sizes", nargs="+", type=int, default=list(PRESETS.values()))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/peers.json"))
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    sizes = dict(zip(options.presets, options.batch_sizes, strict=True))
    found = {
        name: compare(replace(preset(name), batch_size=size), options.repeats)
        for name, size in sizes.items()
    }
    write(
        options.out,
        {"machine": machine(), "threads": 1, "repeats": options.repeats, "sizes": found},
    )


if __name__ == "__main__":
    main()
