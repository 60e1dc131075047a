"""Maps, their trust numbers, a linear probe and patch errors: seconds and peak memory.

python -m benchmarks.projections [--only pca umap tsne trust large probe patches] [--out FILE]

Each map is made in a process of its own, of galaxies drawn from ten groups on a curved
24-dimensional surface. Wall seconds rise with whatever else the machine does, CPU seconds (of all
threads) much less; the load average is recorded beside both.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from astrojepa.types import Embeddings
from benchmarks.measure import machine, write

GALAXIES, FEATURES = 17_736, 384  # Galaxy10 DECaLS, the widest encoder
LARGE, LARGE_FEATURES = 100_000, 128
# wall seconds on two quiet cores; UMAP after its compilation
BARS = {"pca": 0.5, "umap": 10.0, "tsne": 45.0}
PROBE_BAR = 3.0  # wall seconds, one thread
PATCH_BAR = 0.3  # wall seconds, 95th percentile, one thread
SUBJECTS = ("pca", "umap", "tsne", "trust", "large", "probe", "patches")


def latent_galaxies(count: int, width: int, seed: int = 0) -> Embeddings:
    """Draw galaxies whose features are correlated as an encoder's are: groups on a curved
    surface of 24 dimensions, and noise.
    """
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 10, count)
    inner = 1.5 * generator.normal(size=(10, 24))[labels] + generator.normal(
        size=(count, 24)
    ) * np.linspace(1.5, 0.3, 24)
    first, second = generator.normal(size=(2, 24, width))
    vectors = (
        np.tanh(inner @ first / 5)
        + 0.3 * np.sin(inner @ second / 4)
        + 0.1 * generator.normal(size=(count, width))
    )
    ids = np.arange(count).astype(str)
    return Embeddings(vectors.astype(np.float32), labels, ids, tuple("abcdefghij"))


def timed(function: Callable[[], Any]) -> tuple[dict[str, float], Any]:
    """Return wall and CPU seconds of one call, and what it gave."""
    wall, cpu = time.perf_counter(), time.process_time()
    value = function()
    return {
        "wall_seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - cpu,
    }, value


def peak_mb() -> float:
    """Return the most memory that this process ever held (VmHWM), in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1000


def map_here(method: str, count: int, width: int, trust: bool) -> dict[str, Any]:
    """Make one map in this process; UMAP is compiled on a few galaxies first."""
    from astrojepa.evaluation.maps.map_quality import map_trust
    from astrojepa.evaluation.maps.projection import map_recipe, project

    found: dict[str, Any] = {}
    found["compilation"], _ = timed(lambda: project(latent_galaxies(300, 60), method, cache=False))
    data = latent_galaxies(count, width)
    before = peak_mb()
    seconds, xy = timed(lambda: project(data, method, cache=False))
    found |= {**seconds, "galaxies": count, "features": width, "recipe": map_recipe(data, method)}
    found |= {"peak_mb": peak_mb(), "peak_mb_before": before}
    if trust:
        seconds, measured = timed(lambda: map_trust(data, xy))
        names = ("trustworthiness", "mean_preservation", "accuracy", "feature_accuracy")
        found["trust"] = {**seconds, **{name: getattr(measured, name) for name in names}}
        found["trust"]["peak_mb"] = peak_mb()
    return found


def map_apart(method: str, count: int, width: int, trust: bool = True) -> dict[str, Any]:
    """Make one map in a process of its own, on all cores."""
    arguments = [
        sys.executable,
        "-m",
        "benchmarks.projections",
        "--here",
        method,
        str(count),
        str(width),
        str(int(trust)),
    ]
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    done = subprocess.run(
        arguments,
        capture_output=True,
        text=True,
        env=environment | {"OMP_WAIT_POLICY": "PASSIVE"},
        check=False,
    )
    if done.returncode:
        raise RuntimeError(
            f"{method} of {count} galaxies ended with code {done.returncode}: {done.stderr[-2000:]}"
        )
    found: dict[str, Any] = json.loads(done.stdout)
    return found | {"load_average": os.getloadavg()[0]}


def probe_seconds(count: int = GALAXIES, width: int = FEATURES) -> dict[str, Any]:
    """Time a linear probe, the choice of L2 included, of galaxies split 80/10/10, one thread; a
    third of the labels are wrong.
    """
    from astrojepa.evaluation.probes.classification import linear_probe

    data, generator = latent_galaxies(count, width), np.random.default_rng(1)
    guessed = np.where(
        generator.random(count) < 1 / 3, generator.integers(0, 10, count), data.labels
    )
    data = Embeddings(data.vectors, guessed, data.ids, data.classes)
    cuts = [0, round(0.8 * count), round(0.9 * count), count]
    known, check, new = (
        Embeddings(data.vectors[a:b], data.labels[a:b], data.ids[a:b], data.classes)
        for a, b in itertools.pairwise(cuts)
    )
    with threadpool_limits(1):
        found = [timed(lambda: linear_probe(known, new, validation=check)) for _ in range(3)]
    seconds = min((times for times, _ in found), key=lambda times: times["wall_seconds"])
    accuracy = {result.accuracy for _, result in found}
    return {
        **seconds,
        "galaxies": count,
        "features": width,
        "equal_accuracies": len(accuracy) == 1,
        "bar_wall_seconds": PROBE_BAR,
    }


def patch_seconds(name: str = "vit5m.sigreg06", repeats: int = 40) -> dict[str, Any]:
    """Time the patch errors of single simulated galaxies by tiling, one thread; and of the same
    galaxies at once.
    """
    import torch

    import astrojepa as aj
    from astrojepa.evaluation.patches.summary import patch_error_summary

    torch.set_num_threads(1)
    model, data = aj.load_model(f"random:{name}"), aj.open_dataset("simulated:10")
    found = [
        timed(partial(aj.patch_errors, model, data[row % 10].image))[0]
        for row in range(repeats + 2)
    ][2:]
    together, _ = timed(lambda: patch_error_summary(model, data, cache=False))
    numbers = {
        f"{kind}_p{percent}": float(
            np.percentile([times[f"{kind}_seconds"] for times in found], percent)
        )
        for kind in ("wall", "cpu")
        for percent in (50, 95)
    }
    return {
        "model": name,
        "image_size": model.config.image.image_size,
        "threads": 1,
        "galaxies": repeats,
        **numbers,
        "cpu_seconds_per_galaxy_at_once": together["cpu_seconds"] / len(data),
        "bar_wall_seconds": PATCH_BAR,
        "load_average": os.getloadavg()[0],
    }


def measure(only: list[str], earlier: dict[str, Any]) -> dict[str, Any]:
    """Measure the subjects asked for; the others stay as an earlier run left them."""
    found = {
        key: value for key, value in earlier.items() if key in ("maps", "large", "probe", "patches")
    }
    for method in (name for name in only if name in BARS):
        made = map_apart(method, GALAXIES, FEATURES, trust="trust" in only)
        bar = BARS[method]
        found["maps"] = found.get("maps", {}) | {method: made | {"bar_wall_seconds": bar}}
    if "large" in only:
        found["large"] = {
            method: map_apart(method, LARGE, LARGE_FEATURES, trust=False) for method in BARS
        }
    if "probe" in only:
        found["probe"] = probe_seconds()
    if "patches" in only:
        found["patches"] = patch_seconds()
    return {"machine": machine(), "threads": os.cpu_count(), **found}


def main(arguments: list[str] | None = None) -> None:
    """Measure and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SUBJECTS, default=list(SUBJECTS))
    parser.add_argument(
        "--here",
        nargs=4,
        metavar=("METHOD", "GALAXIES", "FEATURES", "TRUST"),
        help="one map, in this process",
    )
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/projections.json"))
    options = parser.parse_args(arguments)
    if options.here:
        method, count, width, trust = options.here
        print(json.dumps(map_here(method, int(count), int(width), trust == "1")))
        return
    earlier = json.loads(options.out.read_text()) if options.out.exists() else {}
    write(options.out, measure(options.only, earlier))


if __name__ == "__main__":
    main()
