"""How fast a CPU embeds and trains, before and now, in either precision; and what fewer passes or
bfloat16 cost in accuracy.

python -m benchmarks.embedding [--galaxies 128] [--repeats 3] [--batch-size 64] [--data
../shared/galaxies] [--out FILE]
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

import astrojepa as aj
from astrojepa.checkpoints.model import Model, load_model
from astrojepa.config import replace
from astrojepa.data.crops import centre_crop, turned
from astrojepa.data.splits import split
from astrojepa.evaluation.reports.benchmark import BENCHMARKS
from astrojepa.evaluation.vectors.neighbours import nearest
from astrojepa.evaluation.vectors.standardise import standardise
from astrojepa.precision import resolve
from astrojepa.presets import preset
from astrojepa.training.step import Stepper
from astrojepa.types import Embeddings
from benchmarks.cases import CPU, PACE, clock, make_batches, make_state
from benchmarks.measure import best_of, machine, write

MODEL = "small.lejepa"
STEPS = ("small.sigreg06", "small.lejepa")
BARS = {"float32": 1.25, "bfloat16": 2.2, "step": 1.3, "difference": 1e-5, "agreement": 0.995}
NUM_KNOWN, NUM_ASKED, NUM_NEIGHBOURS = 1000, 400, 6
LOOKS: dict[str, dict[str, Any]] = {
    "float32": {},
    "bfloat16": {"precision": "bfloat16"},
    "float32, 4 passes": {"passes": 4},
    "float32, 1 pass": {"passes": 1},
    "bfloat16, 1 pass": {"precision": "bfloat16", "passes": 1},
}


def encode_before(model: Model, frames: np.ndarray) -> np.ndarray:
    """Embed 256 galaxies at a time, every pass cut, turned and resampled anew: how it was done."""
    crops = (centre_crop(frames, side) for side in model.config.crop_sides)
    views = (
        model._input(turned(crop, symmetry))
        for crop in crops
        for symmetry in range(model.config.model.orientations)
    )
    with torch.inference_mode():
        return torch.stack([model.network.embed(view).float() for view in views]).mean(0).numpy()


def ways_of(model: Model) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Return every way to embed frames, by name."""
    return {"before": partial(encode_before, model)} | {
        name: partial(model.encode, **look) for name, look in LOOKS.items()
    }


def seconds_alone(name: str, way: str, frames: np.ndarray) -> float:
    """Embed frames in a process that does nothing else, as the command does; processor seconds,
    the first galaxies left out.
    """
    torch.set_num_threads(1)
    encode = ways_of(load_model(name))[way]
    encode(frames[:16])
    begin = clock()
    encode(frames)
    return clock() - begin


def times(name: str, count: int, repeats: int) -> dict[str, Any]:
    """Time random frames in every way, in turns, each in a process of its own; milliseconds of
    processor time a galaxy.
    """
    model = load_model(name)
    side = model.config.image.frame_size
    frames = np.random.default_rng(0).integers(0, 255, (count, side, side, 3), dtype=np.uint8)
    ways = ways_of(model)
    before, now = (ways[way](frames) for way in ("before", "float32"))
    seconds = dict.fromkeys(ways, math.inf)
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as alone:
        for _, way in itertools.product(range(repeats), ways):
            seconds[way] = min(
                seconds[way], alone.submit(seconds_alone, name, way, frames).result()
            )
    return {
        "galaxies": count,
        "passes": model.config.model.passes,
        "milliseconds": {way: 1e3 * value / count for way, value in seconds.items()},
        "times_faster": {way: seconds["before"] / value for way, value in seconds.items()},
        "difference": float(np.abs(now - before).max() / np.abs(before).max()),
    }


def step_times(name: str, size: int, repeats: int) -> dict[str, Any]:
    """Time whole steps in bfloat16 with fused attention, as before, and as they are, beside
    float32.
    """
    config = replace(preset(name), batch_size=size)
    parts = make_batches(config).parts(0)
    steppers = {}
    for way, precision in (("float32", "float32"), ("before", "bfloat16"), ("now", "bfloat16")):
        state = make_state(replace(config, precision=precision))
        steppers[way] = Stepper(state, CPU)
        if way == "before":
            state.network.fuse_attention(True)
    losses = {way: stepper(parts, 1.0, **PACE)[0].item() for way, stepper in steppers.items()}
    seconds = best_of(
        {way: partial(stepper, parts, 1.0, **PACE) for way, stepper in steppers.items()}, repeats
    )
    return {
        "batch_size": size,
        "milliseconds": {way: 1e3 * value for way, value in seconds.items()},
        "times_faster": seconds["before"] / seconds["now"],
        "loss_difference": abs(losses["now"] / losses["before"] - 1),
    }


def accuracy(model: Model, source: str) -> dict[str, Any]:
    """Probe on a part of the validation part, learning from a part of the training part; and how
    many neighbours stay.
    """
    found = {}
    for name, benchmark in BENCHMARKS.items():
        data = aj.open_dataset(source, where=benchmark.where, label_column=benchmark.label_column)
        parts = [
            part.subset(np.flatnonzero(part.labels >= 0))
            for part in split(data, benchmark.split)[:2]
        ]
        known, asked = (
            part.subset(np.sort(np.random.default_rng(0).permutation(len(part))[:count]))
            for part, count in zip(parts, (NUM_KNOWN, NUM_ASKED), strict=True)
        )
        vectors = {
            look: [aj.embed(model, part, **LOOKS[look]) for part in (known, asked)]
            for look in LOOKS
        }
        probes = {look: aj.linear_probe(*pair) for look, pair in vectors.items()}
        stays = {look: _agreement(vectors["float32"], pair) for look, pair in vectors.items()}
        found[name] = {
            "num_known": len(known),
            "num_asked": len(asked),
            "linear_accuracy": {look: probe.accuracy for look, probe in probes.items()},
            "difference": {
                look: aj.paired_bootstrap(probe, probes["float32"])
                for look, probe in probes.items()
            },
            "neighbours": stays,
        }
    return found


def _agreement(usual: list[Embeddings], other: list[Embeddings]) -> float:
    """Return the share of the six nearest galaxies of each that are so in both."""
    near = []
    for pair in (usual, other):
        (features,) = standardise(np.concatenate([part.vectors for part in pair]))
        near.append(
            nearest(features, features, NUM_NEIGHBOURS, exclude=np.arange(len(features)))[1]
        )
    both = [len(np.intersect1d(*rows)) for rows in zip(*near, strict=True)]
    return float(np.mean(both)) / NUM_NEIGHBOURS


def main(arguments: list[str] | None = None) -> None:
    """Measure and write JSON; without --data the accuracy that stands in the file is kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--galaxies", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--presets", nargs="+", default=list(STEPS))
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--data", help="folder with the galaxies of B1 and B2")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/embedding.json"))
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    model = load_model(options.model)
    kept = json.loads(options.out.read_text())["accuracy"] if options.out.is_file() else None
    found = {
        "machine": machine(),
        "threads": 1,
        "repeats": options.repeats,
        "model": model.id,
        "fast_bfloat16": resolve("auto", CPU)[0] == "bfloat16",
        "bars": BARS,
        "embedding": times(options.model, options.galaxies, options.repeats),
        "steps": {
            name: step_times(name, options.batch_size, options.repeats) for name in options.presets
        },
        "accuracy": accuracy(model, options.data) if options.data else kept,
    }
    write(options.out, found)


if __name__ == "__main__":
    main()
