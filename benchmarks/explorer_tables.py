"""The tables of docs/performance.md about the explorer and what it asks of the package, each by
the name of its JSON file.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.tables import Results, markdown, verdict


def projections(results: Results) -> str:
    """Compare maps, probe and patch errors with their bars."""
    found, rows = results["projections"], []
    for size, maps in (("maps", found["maps"]), ("large", found["large"])):
        for method, made in maps.items():
            name = {"pca": "PCA", "umap": "UMAP", "tsne": "t-SNE"}[method]
            shape = f"{name}, {made['galaxies']:,} × {made['features']}"
            rows.append(
                [
                    shape,
                    *_seconds(made, "wall_seconds"),
                    f"{made['cpu_seconds']:.1f}",
                    f"{made['peak_mb'] / 1e3:.2f} GB",
                ]
            )
            if size == "maps" and "trust" in made:
                trust = made["trust"]
                rows.append(
                    [
                        f"its reliability, {shape}",
                        *_seconds(trust, "wall_seconds"),
                        f"{trust['cpu_seconds']:.1f}",
                        "–",
                    ]
                )
    probe, patches = found["probe"], found["patches"]
    shape = f"linear probe, L2 chosen, {probe['galaxies']:,} × {probe['features']}, one thread"
    rows.append([shape, *_seconds(probe, "wall_seconds"), f"{probe['cpu_seconds']:.1f}", "–"])
    patch = (
        f"patch errors of one galaxy, `{patches['model']}` at {patches['image_size']} px, one "
        f"thread, p95"
    )
    rows.append([patch, *_seconds(patches, "wall_p95"), f"{patches['cpu_p95']:.2f}", "–"])
    return markdown(["", "seconds", "at most", "met", "CPU seconds", "peak memory"], rows)


def _seconds(found: dict[str, Any], key: str) -> list[str]:
    bar, digits = found.get("bar_wall_seconds"), 2 if found[key] < 1 else 1
    return [
        f"{found[key]:.{digits}f}",
        "–" if bar is None else f"{bar:g}",
        "–" if bar is None else verdict(found[key] <= bar),
    ]


def app_latency(results: Results) -> str:
    """Compare what the explorer takes to answer, in the browser, with its bars."""
    return _latency(results["app_latency"])


def app_latency_latents(results: Results) -> str:
    """The same on a large catalogue of simulated latents."""
    return _latency(results["app_latency_latents"])


def _latency(found: dict[str, Any]) -> str:
    rows = []
    for name, times in found["actions"].items():
        server, browser = (_times(times[side]) for side in ("server", "browser"))
        # what the server has no part in, or what only a browser can see
        judged = times["server"] or times["browser"]
        rows.append(
            [
                name,
                *server,
                f"{times['bar_ms']:.0f}",
                verdict(judged["p50_ms"] <= times["bar_ms"]),
                *browser,
            ]
        )
    payload = found["payload_bytes"] / 1000 * 20_000 / found["count"]
    further = [
        ("the map's first message, kB per 20,000 galaxies", payload, found["payload_bar_kb"]),
        ("private memory, MB", found["private_mb"], found["bar_mb"]),
    ]
    rows += [
        [name, f"{value:.0f}", "–", f"{bar:.0f}", verdict(value <= bar), "–", "–"]
        for name, value, bar in further
    ]
    head = ["server, median ms", "p95", "at most", "met", "in the browser, median ms", "p95"]
    return markdown([f"{found['galaxies']}, `{found['checkpoint']}`", *head], rows)


def app_columns(results: Results) -> str:
    """Compare what the server takes to answer a filter and a choice in a histogram with its bars."""
    rows = []
    for count, found in results["app_columns"]["galaxies"].items():
        for name, times in found["actions"].items():
            first = times["repeats"] == 1  # reads the columns, which is done once
            bar = ["–", "–"] if first else [f"{found['bar_ms']:.0f}", _met(times, found)]
            rows.append([f"{int(count):,}", name, f"{times['cpu_ms']:.0f}", *bar, *_times(times)])
    head = ["processor's time, ms", "at most", "met", "whole answer, median ms", "p95"]
    return markdown(["galaxies", "action", *head], rows)


def _met(times: dict[str, float], found: dict[str, Any]) -> str:
    return verdict(times["cpu_ms"] <= found["bar_ms"])


def _times(found: dict[str, float] | None) -> list[str]:
    return ["–", "–"] if found is None else [f"{found[key]:.0f}" for key in ("p50_ms", "p95_ms")]


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
        counts = [
            str(found["visitors"][kind]),
            str(met["clicks"]),
            str(met["errors"]),
            str(met["wrong_answers"]),
        ]
        rows.append(
            [
                kind,
                *counts,
                *(f"{card[key]:.0f}" for key in ("p50_ms", "p95_ms", "max_ms")),
                verdict(met["met"]),
            ]
        )
    return markdown(
        [
            "visitors",
            "number",
            "clicks",
            "errors",
            "wrong answers",
            "median, ms",
            "p95, ms",
            "longest, ms",
            "met",
        ],
        rows,
    )


def app_memory(results: Results) -> str:
    """Say what a long visit costs the server."""
    found = results["app_memory"]
    memory, grown = found["memory"], found["growth"]
    peak, slope = memory["peak_mb"], grown["mb_per_minute"]
    rows = [
        ["actions", str(sum(found["actions"].values())), "–", "–"],
        [
            "largest private memory, MB",
            f"{peak:.0f}",
            f"{memory['bar_mb']:.0f}",
            verdict(peak < memory["bar_mb"]),
        ],
        [
            f"growth over the last {grown['minutes']:.0f} minutes, MB a minute",
            f"{slope:.2f}",
            f"{found['bar_mb_per_minute']:g}",
            verdict(slope < found["bar_mb_per_minute"]),
        ],
    ]
    return markdown(
        [
            f"{memory['minutes'][-1]:.0f} minutes on {found['galaxies']}",
            "measured",
            "at most",
            "met",
        ],
        rows,
    )


def hosted_start(results: Results) -> str:
    """Say what a bundle costs its host."""
    found = results["hosted_start"]
    measured = [
        ("the whole folder, MB", found["bundle_mb"], 250, 0),
        ("start to ready, s", found["ready_s"], None, 1),
        (
            "first map of a visitor who comes when it is ready, s",
            found["first_map_when_ready_s"],
            6,
            1,
        ),
        ("first map of the next visitor, s", found["second_visitor_s"], 6, 1),
        (
            "start to the first map of a visitor who waited from the start, s",
            found["first_map_s"],
            None,
            1,
        ),
        ("CPU time of the server until then, s", found["first_map_cpu_s"], None, 1),
        ("private memory with one map open, MB", found["map_mb"], 900, 0),
        ("after two visitors and all seven pages, MB", found["all_pages_mb"], 900, 0),
        ("results computed on the host", len(found["computed_on_the_host"]), 0, 0),
    ]
    rows = [
        [
            name,
            f"{value:.{digits}f}",
            *(("–", "–") if bar is None else (f"{bar:g}", verdict(value <= bar))),
        ]
        for name, value, bar, digits in measured
    ]
    return markdown([f"{found['galaxies']:,} galaxies", "measured", "at most", "met"], rows)


def first_look(results: Results) -> str:
    """Say how soon a fresh clone shows its map."""
    found = results["first_look"]
    names = {
        "ready_s": "start of the server to ready",
        "whole_map_s": "request to the whole map",
        "answering_map_s": "request to the map that answers clicks",
        "first_galaxy_s": "request to the first galaxy and its neighbours",
    }
    rows = []
    for condition, times in found["summary"].items():
        for key, name in names.items():
            bar = found["bar_s"] if key == "whole_map_s" else None
            limits = ("–", "–") if bar is None else (f"{bar:g}", verdict(times[key]["p95"] <= bar))
            rows.append(
                [
                    condition.replace("beside it", "added"),
                    name,
                    f"{times[key]['p50']:.2f}",
                    f"{times[key]['p95']:.2f}",
                    *limits,
                ]
            )
    load = np.median([start["load"] for one in found["starts"].values() for start in one])
    starts = min(len(one) for one in found["starts"].values())
    return markdown(
        [
            f"{starts} starts each, load average {load:.0f}",
            "seconds from … to",
            "median",
            "p95",
            "p95 at most",
            "met",
        ],
        rows,
    )
