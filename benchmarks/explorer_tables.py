"""The tables of docs/performance.md about the explorer and what it asks of the package, each by the name of its JSON file."""

from __future__ import annotations

from typing import Any

from benchmarks.tables import Results, markdown, verdict


def projections(results: Results) -> str:
    """Compare maps, probe and patch errors with their bars."""
    found, rows = results["projections"], []
    for size, maps in (("maps", found["maps"]), ("large", found["large"])):
        for method, made in maps.items():
            name = {"pca": "PCA", "umap": "UMAP", "tsne": "t-SNE"}[method]
            shape = f"{name}, {made['galaxies']:,} × {made['features']}"
            rows.append([shape, *_seconds(made, "wall_seconds"), f"{made['cpu_seconds']:.1f}", f"{made['peak_mb'] / 1e3:.2f} GB"])
            if size == "maps" and "trust" in made:
                trust = made["trust"]
                rows.append([f"its trust numbers, {shape}", *_seconds(trust, "wall_seconds"), f"{trust['cpu_seconds']:.1f}", "–"])
    probe, patches = found["probe"], found["patches"]
    shape = f"linear probe with the choice of L2, {probe['galaxies']:,} × {probe['features']}, one thread"
    rows.append([shape, *_seconds(probe, "wall_seconds"), f"{probe['cpu_seconds']:.1f}", "–"])
    patch = f"patch errors of one galaxy, `{patches['model']}` at {patches['image_size']} px, one thread, p95"
    rows.append([patch, *_seconds(patches, "wall_p95"), f"{patches['cpu_p95']:.2f}", "–"])
    return markdown(["", "seconds", "at most", "met", "CPU seconds", "peak memory"], rows)


def _seconds(found: dict[str, Any], key: str) -> list[str]:
    bar, digits = found.get("bar_wall_seconds"), 2 if found[key] < 1 else 1
    return [f"{found[key]:.{digits}f}", "–" if bar is None else f"{bar:g}", "–" if bar is None else verdict(found[key] <= bar)]


def app_latency(results: Results) -> str:
    """Compare what the explorer takes to answer, in the browser, with its bars."""
    return _latency(results["app_latency"])


def app_latency_latents(results: Results) -> str:
    """The same on a large catalogue of simulated latents."""
    return _latency(results["app_latency_latents"])


def _latency(found: dict[str, Any]) -> str:
    rows = [
        [
            name,
            f"{times['p50_ms']:.0f}",
            f"{times['p95_ms']:.0f}",
            f"{times['bar_ms']:.0f}",
            verdict(times["p50_ms"] <= times["bar_ms"]),
        ]
        for name, times in found["actions"].items()
    ]
    rows.append(
        [
            "private memory, MB",
            f"{found['private_mb']:.0f}",
            "–",
            f"{found['bar_mb']:.0f}",
            verdict(found["private_mb"] < found["bar_mb"]),
        ]
    )
    return markdown([f"{found['galaxies']}, `{found['checkpoint']}`", "median, ms", "p95, ms", "at most", "met"], rows)


def app_load(results: Results) -> str:
    """Say what many visitors at once met."""
    return _load(results["app_load"])


def app_load_50(results: Results) -> str:
    """The same with fifty."""
    return _load(results["app_load_50"])


def _load(found: dict[str, Any]) -> str:
    rows = []
    for kind, met in found["kinds"].items():
        card = met["click_to_card"]
        counts = [str(found["visitors"][kind]), str(met["clicks"]), str(met["errors"]), str(met["wrong_answers"])]
        rows.append([kind, *counts, *(f"{card[key]:.0f}" for key in ("p50_ms", "p95_ms", "max_ms")), verdict(met["met"])])
    return markdown(
        ["visitors", "how many", "clicks", "errors", "wrong answers", "median, ms", "p95, ms", "longest, ms", "met"], rows
    )
