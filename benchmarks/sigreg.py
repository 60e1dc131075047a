"""What SIGReg costs, forward and backward on one thread, beside the straightforward formula and
lightly's code, as JSON.

python -m benchmarks.sigreg [--repeats 9] [--out benchmarks/results/sigreg.json]

lightly is compared with where it is installed: pip install 'astrojepa[bench]'. All get the same
embeddings and the same directions, so the time to draw directions is in none of them.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from astrojepa.objective.sigreg import SIGReg, random_directions
from benchmarks.measure import best_of, kernel_share, machine, peak_bytes, slope, write

NUM_SAMPLES, WIDTHS, NUM_DIRECTIONS, T_MAX, NUM_KNOTS = 512, (192, 384), 1024, 3.0, 33
SWEEPS = {
    "samples": (128, 256, 512, 1024, 2048),
    "width": (64, 128, 256, 512, 768),
    "directions": (128, 256, 512, 1024, 2048, 4096),
}
Loss = Callable[[Tensor], Tensor]


def straightforward(z: Tensor, directions: Tensor) -> Tensor:
    """The statistic as LeJEPA's own code has it: 17 knots on [0, 3] that stand for both sides,
    an (N, K, 17) tensor, autograd.
    """
    count = NUM_KNOTS // 2 + 1
    t = torch.linspace(0, T_MAX, count)
    window = torch.exp(-t.square() / 2)
    weights = torch.full_like(t, 2 * T_MAX / (count - 1))
    weights[[0, -1]] /= 2
    angle = (z @ directions)[..., None] * t
    distance = (angle.cos().mean(0) - window).square() + angle.sin().mean(0).square()
    return (distance @ (weights * window)).mean()


def lightly_sigreg(directions: Tensor) -> Loss | None:
    """Return lightly's SIGReg with these directions and without its factor N; None where lightly
    is not installed.
    """
    # lets torchvision, which lightly imports, work beside any torch
    importlib.import_module("astrojepa.models.timm_import")
    try:
        module = importlib.import_module("lightly.loss.lejepa_loss")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "lightly":
            raise
        return None
    loss = module.SIGReg(knots=NUM_KNOTS // 2 + 1, t_max=T_MAX, num_vectors=directions.shape[1])
    loss._generate_unit_vectors = lambda *_, **__: directions
    return lambda z: loss(z) / len(z)


def both_ways(loss: Loss, z: Tensor) -> Callable[[], tuple[Tensor, Tensor]]:
    """Return the call that is timed: a value and its gradient."""
    z = z.clone().requires_grad_()

    def run() -> tuple[Tensor, Tensor]:
        value = loss(z)
        return value.detach(), torch.autograd.grad(value, z)[0]

    return run


def ours(samples: int, width: int, count: int) -> Callable[[], tuple[Tensor, Tensor]]:
    """Return the call that times our SIGReg at one size."""
    z, directions = torch.randn(samples, width), random_directions(width, count, seed=0, step=0)
    loss = SIGReg(count, T_MAX, NUM_KNOTS)
    return both_ways(lambda z: loss(z, directions), z)


def comparison(width: int, repeats: int) -> dict[str, Any]:
    """Compare seconds, memory, value and gradient at one width."""
    z = torch.randn(NUM_SAMPLES, width, generator=torch.Generator().manual_seed(0))
    directions = random_directions(width, NUM_DIRECTIONS, seed=0, step=0)
    loss = SIGReg(NUM_DIRECTIONS, T_MAX, NUM_KNOTS)
    runs = {
        "ours": both_ways(lambda z: loss(z, directions), z),
        "straightforward": both_ways(lambda z: straightforward(z, directions), z),
    }
    if (theirs := lightly_sigreg(directions)) is not None:
        runs["lightly"] = both_ways(theirs, z)
    seconds = best_of(runs, repeats)
    kernel = {name: kernel_share(run, 3 * repeats) for name, run in runs.items()}
    peaks = {name: peak_bytes(run) for name, run in runs.items()}
    value, gradient = runs["ours"]()
    differences = {}
    for name in set(runs) - {"ours"}:
        other, slope_there = runs[name]()
        differences[name] = {
            "value": abs(value / other - 1).item(),
            "gradient": ((gradient - slope_there).abs().max() / slope_there.abs().max()).item(),
        }
    return {
        "width": width,
        "seconds": {name: seconds.get(name) for name in ("ours", "straightforward", "lightly")},
        "kernel_share": {name: kernel.get(name) for name in ("ours", "straightforward", "lightly")},
        "times_faster_than": _ratios(seconds),
        "extra_bytes": {name: peaks.get(name) for name in ("ours", "straightforward", "lightly")},
        "times_less_memory_than": _ratios(peaks),
        "relative_difference_from": {
            name: differences.get(name) for name in ("straightforward", "lightly")
        },
    }


def _ratios(found: dict[str, Any]) -> dict[str, float | None]:
    return {
        name: found[name] / found["ours"] if name in found else None
        for name in ("straightforward", "lightly")
    }


def growth(repeats: int) -> dict[str, Any]:
    """Time ours at several sizes, one varied at a time; a slope of 1 is time in proportion."""
    base = {"samples": NUM_SAMPLES, "width": WIDTHS[0], "directions": NUM_DIRECTIONS}
    found = {}
    for name, sizes in SWEEPS.items():
        calls = {str(size): ours(*(base | {name: size}).values()) for size in sizes}
        seconds = list(best_of(calls, repeats).values())
        found[name] = {"sizes": sizes, "seconds": seconds, "slope": slope(sizes, seconds)}
    return found


def main() -> None:
    """Measure and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/sigreg.json"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    found = {
        "samples": NUM_SAMPLES,
        "directions": NUM_DIRECTIONS,
        "t_max": T_MAX,
        "knots": NUM_KNOTS,
        "threads": 1,
        "repeats": options.repeats,
        "how": {
            "seconds": "CPU time of forward and backward, least of interleaved repeats",
            "kernel_share": "of CPU time; large arrays are fetched from the kernel page by page, "
            "anew in every call",
            "extra_bytes": "most that torch's allocator held at once beyond the embeddings and the "
            "directions",
            "relative_difference_from": "of the value; of the gradient, largest difference over "
            "largest entry",
        },
        "widths": [comparison(width, options.repeats) for width in WIDTHS],
        "growth": growth(options.repeats),
        "machine": machine(),
    }
    write(options.out, found)
    if found["widths"][0]["seconds"]["lightly"] is None:
        print("lightly is not installed; to compare with it: pip install 'astrojepa[bench]'")


if __name__ == "__main__":
    main()
