"""Where a training step spends its time: the real step of several presets, split into parts, beside
its counted FLOPs.

python -m benchmarks.step [--presets vit5m.sigreg06 ...] [--batch-sizes 16 ...] [--repeats 3] [--out
FILE]
"""

from __future__ import annotations

import argparse
import contextlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from astrojepa.config import TrainConfig, replace
from astrojepa.presets import preset
from astrojepa.training import batches as batches_module
from astrojepa.training import step as step_module
from astrojepa.training.batches import BatchMaker
from astrojepa.training.step import Stepper
from benchmarks.cases import clock, gflop_per_image, make_batches, make_state, step_of
from benchmarks.measure import machine, write

# batch sizes
PRESETS = {
    "small.sigreg06": 64,
    "vit5m.sigreg06": 16,
    "vit25m.sigreg06": 8,
    "small.lejepa": 64,
    "vit5m.lejepa": 8,
}
DATA_BAR = 0.05  # data and masks together, largest share of a step at 224 pixels and patches of 16
REST = "everything else"


class Stopwatch:
    """Adds up the CPU seconds of each part, less those of the parts inside it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._open: list[str] = []
        self._since = clock()

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Charge what happens inside to a part."""
        self._charge()
        self._open.append(name)
        try:
            yield
        finally:
            self._charge()
            self._open.pop()

    def watch(self, owner: Any, attribute: str, name: str) -> Any:
        """Return a context in which every call of `owner.attribute` is charged to a part."""
        function = getattr(owner, attribute)

        def watched(*inputs: Any, **options: Any) -> Any:
            with self.part(name):
                return function(*inputs, **options)

        return patch.object(owner, attribute, watched)

    def _charge(self) -> None:
        now = clock()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
        self._since = now


def parts_of(stepper: Stepper, batches: BatchMaker) -> list[tuple[Any, str, str]]:
    """List what a step calls: owner, attribute, and the part of the step that it belongs to."""
    network, optimizer = stepper.state.network, stepper.state.optimizer
    parts: list[tuple[Any, str, str]] = [
        (batches, "parts", "data"),
        *(
            (batches_module, name, "masks")
            for name in ("counter_uniforms", "patch_brightness", "sample_masks")
        ),
        *((network.encoder, name, "encoder") for name in ("forward", "patch_tokens")),
        *((network.target_encoder, name, "target encoder") for name in ("forward", "patch_tokens")),
        (network.predictor, "forward", "predictor"),
        (stepper.sigreg, "forward", "SIGReg"),
        *(
            (step_module, name, "other losses")
            for name in ("prediction_loss", "invariance_loss", "objective")
        ),
        *((step_module, name, "gauges") for name in ("explained_variance", "token_spread")),
        (torch.Tensor, "backward", "backward"),
        (torch.nn.utils, "clip_grad_norm_", "optimiser"),
        (optimizer, "step", "optimiser"),
        (network, "update_target", "moving average"),
    ]
    return [part for part in parts if part[0] is not None]


def step_profile(config: TrainConfig, repeats: int) -> dict[str, Any]:
    """Time the parts of a step on the CPU with one thread; the fastest of `repeats` steps
    stands.
    """
    batches, state = make_batches(config), make_state(config)
    stepper = Stepper(state, torch.device("cpu"))
    measured: list[dict[str, float]] = []
    for _ in range(repeats + 1):
        stopwatch = Stopwatch()
        with contextlib.ExitStack() as stack:
            for owner, attribute, name in parts_of(stepper, batches):
                stack.enter_context(stopwatch.watch(owner, attribute, name))
            with stopwatch.part(REST):
                step_of(stepper, batches)
        measured.append(dict(stopwatch.seconds))
    seconds = min(measured[1:], key=lambda parts: sum(parts.values()))
    total, gflop, size = sum(seconds.values()), gflop_per_image(config), config.optim.batch_size
    share = {name: value / total for name, value in seconds.items()}
    data = share["data"] + share["masks"]
    bar = DATA_BAR if (config.image.image_size, config.image.patch_size) == (224, 16) else None
    return {
        "batch_size": size,
        "image_size": config.image.image_size,
        "patch_size": config.image.patch_size,
        "seconds": seconds,
        "share": share,
        "data_and_masks_share": data,
        "bar": bar,
        "met": None if bar is None else data <= bar,
        "images_per_second": size / total,
        "gflop_per_image": gflop,
        "gflop_per_second": gflop * size / total,
        "bfloat16": stepper.precision == "bfloat16",
    }


def main(arguments: list[str] | None = None) -> None:
    """Measure presets and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presets", nargs="+", default=list(PRESETS))
    parser.add_argument("--batch-sizes", nargs="+", type=int, default=list(PRESETS.values()))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/step.json"))
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    sizes = dict(zip(options.presets, options.batch_sizes, strict=True))
    profiles = {
        name: step_profile(replace(preset(name), batch_size=size), options.repeats)
        for name, size in sizes.items()
    }
    write(
        options.out,
        {"machine": machine(), "threads": 1, "repeats": options.repeats, "profiles": profiles},
    )


if __name__ == "__main__":
    main()
