"""Stores of 10,000 to ten million galaxies: writing, index, recall, queries, scores and maps.

python -m benchmarks.scale [--kinds simulated real] [--counts 10000 ...] [--stages store index ...]
                           [--vectors FILE] --folder DIR [--out FILE]

Each stage runs in a process of its own on one thread and adds its numbers to the JSON as soon as it
has them; stages that the JSON holds are not run again. `real` repeats the vectors of FILE (what
`embed` wrote), every repetition with Gaussian noise whose length is the median distance to the
nearest neighbour. CPU seconds are those of the process; queries are timed by the clock, one at a
time, and the load average says what else ran. Stores and index lie in DIR, which may be deleted.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import machine
from benchmarks.projections import peak_mb

COUNTS = (10_000, 100_000, 1_000_000)
SCORED = 20_000  # galaxies whose score is computed, in runs of 1,000 spread over the store
RUN = 1000
SAMPLE = 1000  # galaxies whose recall is measured, fewer of more than two million
PARTITION = 100_000


def bytes_in(folder: Path) -> int:
    """Return the size of all files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def write_real(vectors: Path, count: int, out: Path) -> None:
    """Write a store of embeddings repeated with noise; the first repetition has none."""
    import pyarrow as pa
    from pyarrow import parquet

    from astrojepa.evaluation.vectors.neighbours import nearest
    from astrojepa.evaluation.vectors.standardise import standardisation
    from astrojepa.evaluation.vectors.store import OPTIONS, ROW_GROUP, part_name
    from astrojepa.evaluation.vectors.stored import open_vectors

    found = open_vectors(vectors).embeddings
    rng = np.random.default_rng(0)
    order = rng.permutation(len(found))
    shift, factor = standardisation(found.vectors)
    features = ((found.vectors - shift) * factor)[order]
    length = np.median(nearest(features, features[:1000], 1, exclude=np.arange(1000))[0])
    noise = np.float32(length / np.sqrt(features.shape[1]))
    words = np.array([*found.classes, ""])[found.labels[order]]
    out.mkdir(parents=True)
    parts = -(-count // PARTITION)
    for part in range(parts):
        rows = np.arange(part * PARTITION, min(count, (part + 1) * PARTITION))
        own = rows % len(features)
        made = features[own]
        again = rows >= len(features)
        made[again] += noise * rng.standard_normal((again.sum(), made.shape[1]), np.float32)
        made = (made / factor + shift).astype(np.float16)
        column = pa.FixedSizeListArray.from_arrays(pa.array(made.ravel()), made.shape[1])
        table = pa.table({"object_id": rows, "label": words[own], "vector": column})
        path = out / part_name(part, parts)
        parquet.write_table(table, path, row_group_size=ROW_GROUP, **OPTIONS)


def make_store(kind: str, count: int, folder: Path, vectors: Path) -> dict[str, Any]:
    """Write the store."""
    from astrojepa.evaluation.vectors.simulated_store import Mixture, simulate_store

    if kind == "simulated":
        simulate_store(Mixture(count), folder)
    else:
        write_real(vectors, count, folder)
    return {"disk_mb": bytes_in(folder) / 1e6}


def make_index(kind: str, count: int, folder: Path, vectors: Path) -> dict[str, Any]:
    """Hash the store and build its index."""
    from astrojepa.evaluation.vectors.store import open_store
    from astrojepa.evaluation.vectors.store_index import open_index

    index = open_index(open_store(folder))
    return {
        "lists": index.index.lists.nlist,
        "width": index.index.features.shape[1],
        "disk_mb": bytes_in(index.folder) / 1e6,
    }


def recall(kind: str, count: int, folder: Path, vectors: Path) -> dict[str, Any]:
    """Compare the index with comparing all; of a simulated store, with its true neighbours too."""
    from astrojepa.evaluation.vectors.recall import measure_recall
    from astrojepa.evaluation.vectors.simulated_store import Mixture
    from astrojepa.evaluation.vectors.store import open_store
    from astrojepa.evaluation.vectors.store_index import open_index
    from benchmarks.true_neighbours import true_neighbours

    index = open_index(open_store(folder))
    begin = time.process_time()
    index.nearest(np.linspace(0, count - 1, 500).astype(int), 10)
    each = 2 * (time.process_time() - begin)
    found = measure_recall(index, min(SAMPLE, 2 * 10**9 // count))
    median, late = np.percentile(found.milliseconds, [50, 95])
    numbers = {
        "recall_at_10": found.recall,
        "sample": found.sample,
        "query_ms_median": float(median),
        "query_ms_p95": float(late),
        "query_cpu_ms": each,
    }
    if kind == "simulated":
        hits, rows = 0, np.linspace(0, count - 1, 100).astype(int)
        for row in rows:
            true = true_neighbours(Mixture(count), int(row), 10, index.factor).distances[-1]
            hits += int((index.nearest(row[None], 10)[0] <= true + 5e-3).sum())
        numbers["recall_of_true"] = hits / (10 * len(rows))
    return numbers


def exact(kind: str, count: int, folder: Path, vectors: Path) -> dict[str, Any]:
    """Time one query that compares all, vectors and their standardised copy in memory."""
    from astrojepa.evaluation.vectors.neighbours import neighbours_among
    from astrojepa.evaluation.vectors.standardise import standardise
    from astrojepa.evaluation.vectors.store import open_store

    (features,) = standardise(open_store(folder).read().vectors)
    times = []
    for row in range(0, count, max(1, count // 10)):
        begin = time.process_time()
        neighbours_among(features, row, 10)
        times.append(time.process_time() - begin)
    return {"query_cpu_ms": 1e3 * float(np.median(times))}


def score(kind: str, count: int, folder: Path, vectors: Path) -> dict[str, Any]:
    """Compute kNN scores (k = 20) of some galaxies by the index."""
    from astrojepa.evaluation.vectors.store import open_store
    from astrojepa.evaluation.vectors.store_index import open_index

    index = open_index(open_store(folder))
    firsts = np.linspace(0, count - RUN, max(1, min(SCORED, count) // RUN)).astype(int)
    begin = time.process_time()
    for first in firsts:
        index.nearest(np.arange(first, first + RUN), 20)
    seconds = time.process_time() - begin
    return {"scored": len(firsts) * RUN, "cpu_ms_each": 1e3 * seconds / (len(firsts) * RUN)}


def choose(kind: str, count: int, folder: Path, vectors: Path) -> dict[str, Any]:
    """Time a box of a thousandth of the map, a cone of one degree and a filter (median of five)."""
    from astrojepa.evaluation.vectors.select import select
    from astrojepa.evaluation.vectors.simulated_store import Mixture
    from astrojepa.evaluation.vectors.store import open_store

    if kind != "simulated":  # the others have neither map nor sky
        return {}
    store, side = open_store(folder), Mixture(count).side
    end = side * (0.4 + 0.001**0.5)
    questions: dict[str, dict[str, Any]] = {
        "box": {"box": (0.4 * side, 0.4 * side, end, end)},
        "cone": {"cone": (180.0, 0.0, 1.0)},
        "filter": {"where": "redshift > 0.5"},
    }
    found: dict[str, Any] = {}
    for name, asked in questions.items():
        times, rows = [], 0
        for _ in range(5):
            begin = time.perf_counter()
            rows = select(store, **asked).num_rows
            times.append(1e3 * (time.perf_counter() - begin))
        found |= {f"{name}_ms": float(np.median(times)), f"{name}_rows": rows}
    return found


def place(kind: str, count: int, folder: Path, vectors: Path) -> dict[str, Any]:
    """Fit UMAP to 20,000 (5,000 of 10,000) galaxies, place the others, judge both."""
    from astrojepa.cache import cache_path
    from astrojepa.evaluation.maps.store_map import FIT, project_store
    from astrojepa.evaluation.vectors.store import open_store

    for kept in cache_path("projection", "", "").parent.glob("projection-*"):
        kept.unlink()  # or nothing would be fitted
    begin, steps = time.process_time(), dict[str, float]()

    def heard(done: int, total: int, text: str) -> None:
        steps[text] = time.process_time()

    fit = min(FIT, count // 2)
    made = project_store(open_store(folder), "umap", fit=fit, progress=heard)
    last = steps["placing"]
    fitted = steps[f"umap of {fit:,}"]
    trust = {
        name: {
            "galaxies": found.num_galaxies,
            "trustworthiness": found.trustworthiness,
            "neighbours_kept": found.mean_preservation,
        }
        for name, found in (("fitted", made.fitted), ("placed", made.placed))
    }
    return {
        "fit": fit,
        "fit_cpu_seconds": fitted - begin,
        "place_cpu_seconds": last - fitted,
        "judge_cpu_seconds": time.process_time() - last,
        **trust,
    }


def write_back(kind: str, count: int, folder: Path, vectors: Path) -> dict[str, Any]:
    """Write the store anew along the curve of made-up places."""
    import shutil

    from astrojepa.evaluation.vectors.sorted_store import write_sorted
    from astrojepa.evaluation.vectors.store import open_store

    out, order = folder.with_name(f"{folder.name}-sorted"), np.random.default_rng(0)
    shutil.rmtree(out, ignore_errors=True)
    write_sorted(open_store(folder), order.permutation(count), {}, out, {})
    shutil.rmtree(out)
    return {}


STAGES: dict[str, Callable[[str, int, Path, Path], dict[str, Any]]] = {
    "store": make_store,
    "index": make_index,
    "recall": recall,
    "exact": exact,
    "score": score,
    "select": choose,
    "map": place,
    "sort": write_back,
}


def here(stage: str, kind: str, count: int, folder: Path, vectors: Path) -> None:
    """Run one stage in this process and print its numbers."""
    cpu, wall = time.process_time(), time.perf_counter()
    found = STAGES[stage](kind, count, folder, vectors)
    cost = {
        "cpu_seconds": time.process_time() - cpu,
        "wall_seconds": time.perf_counter() - wall,
        "peak_mb": peak_mb(),
        "load_average": os.getloadavg()[0],
    }
    print(json.dumps(found | cost))


def apart(stage: str, kind: str, count: int, folder: Path, vectors: Path) -> dict[str, Any]:
    """Run one stage in a process of its own."""
    words = ["--here", stage, kind, str(count), str(folder), "--vectors", str(vectors)]
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "NUMBA_NUM_THREADS": "1",
        "ASTROJEPA_CACHE": str(folder.parent / "cache"),
    }
    command = [sys.executable, "-m", "benchmarks.scale", *words]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main(arguments: list[str] | None = None) -> None:
    """Run the stages that are asked for and not yet known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", nargs="+", default=["simulated", "real"])
    parser.add_argument("--counts", nargs="+", type=int, default=COUNTS)
    parser.add_argument("--stages", nargs="+", default=list(STAGES), choices=STAGES)
    parser.add_argument("--vectors", type=Path, default=Path("vectors.npz"))
    parser.add_argument("--folder", type=Path, default=Path("scale"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/scale.json"))
    parser.add_argument("--here", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.here:
        stage, kind, count, folder = options.here
        here(stage, kind, int(count), Path(folder), options.vectors)
        return
    found = json.loads(options.out.read_text()) if options.out.is_file() else {"stores": {}}
    found |= {"machine": machine(), "threads": 1}
    for kind in options.kinds:
        for count in options.counts:
            folder = options.folder.resolve() / f"{kind}-{count}"
            folder.parent.mkdir(parents=True, exist_ok=True)
            known = found["stores"].setdefault(kind, {}).setdefault(str(count), {})
            for stage in options.stages:
                if stage not in known:
                    known[stage] = apart(stage, kind, count, folder, options.vectors.resolve())
                    options.out.parent.mkdir(parents=True, exist_ok=True)
                    options.out.write_text(json.dumps(found, indent=2, allow_nan=False) + "\n")
                    print(kind, count, stage, json.dumps(known[stage]), flush=True)


if __name__ == "__main__":
    main()
