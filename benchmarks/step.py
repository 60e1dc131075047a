"""What one training step costs, part by part: seconds beside counted FLOPs, as JSON.

python -m benchmarks.step [--preset small.sigreg06] [--batch-size 64] [--repeats 5] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from astrojepa.config import TrainConfig, replace
from astrojepa.losses import SIGReg, objective, prediction_loss
from astrojepa.models.jepa import JEPA
from astrojepa.presets import preset
from astrojepa.training.batches import BatchMaker
from astrojepa.training.state import make_optimizer

HALF = (0.5, 0.5, 0.5)


def step_profile(config: TrainConfig, repeats: int) -> dict[str, Any]:
    """Time the parts of a step on the CPU with one thread; the best of `repeats` stands for each."""
    torch.set_num_threads(1)
    size, batch = config.image.frame_size, config.optim.batch_size
    stored = np.random.default_rng(0).integers(0, 255, (2 * batch, size, size, 3), dtype=np.uint8)
    maker = BatchMaker(stored, config, HALF, HALF, torch.device("cpu"))
    network = JEPA(config.image, config.model)
    optimizer, sigreg = make_optimizer(network, config), SIGReg(config.objective.num_directions)
    times: dict[str, list[float]] = defaultdict(list)

    def timed(name: str, part: Callable[[], Any]) -> Any:
        begin = time.perf_counter()
        value = part()
        times[name].append(time.perf_counter() - begin)
        return value

    for step in range(repeats):
        made = timed("data and masks", lambda step=step: maker.batch(step % 2))
        context, _ = timed("context encoder", lambda made=made: network.encoder(made.images, made.masks.context))
        predicted = timed("predictor", lambda context=context, made=made: network.predict(context, made.masks))
        target = timed("target encoder", lambda made=made: network.target_tokens(made.images, made.masks))
        projected = network.projector(context.mean(1)) if network.projector is not None else context.mean(1)
        spread = timed("SIGReg", lambda projected=projected, step=step: sigreg(projected, step=step))
        terms = objective(prediction_loss(predicted, target), spread, config.objective.sigreg_weight)
        timed("backward", terms.total.backward)
        timed("optimiser", optimizer.step)
        timed("target average", lambda: network.update_target(0.99))
        optimizer.zero_grad()
    with FlopCounterMode(display=False) as counter:
        output = network(made.images, made.masks)
        (output.prediction.sum() + output.projected.sum()).backward()
    seconds = {name: min(values) for name, values in times.items()}
    total, flops = sum(seconds.values()), counter.get_total_flops()
    return {
        "preset": config.preset,
        "batch_size": batch,
        "seconds": seconds,
        "share": {name: value / total for name, value in seconds.items()},
        "images_per_second": batch / total,
        "gflop_per_image": flops / batch / 1e9,
        "gflop_per_second": flops / total / 1e9,
        "threads": 1,
        "machine": {
            "processor": torch.cpu.get_capabilities()["cpu_name"],
            "python": platform.python_version(),
            "torch": torch.__version__,
        },
    }


def main() -> None:
    """Measure one preset and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="small.sigreg06")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/step.json"))
    options = parser.parse_args()
    found = step_profile(replace(preset(options.preset), batch_size=options.batch_size), options.repeats)
    text = json.dumps(found, indent=2)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
