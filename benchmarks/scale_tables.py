"""The tables of docs/scale.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.measure import slope
from benchmarks.tables import NOT_MEASURED, Results, markdown

KINDS = {"simulated": "simulated", "real": "real, repeated with noise"}
FASTER = 1.05  # a slope above this is named: more than in proportion
Cost = Callable[[dict[str, Any], int], float]


def _stores(results: Results) -> Iterator[tuple[str, int, dict[str, Any]]]:
    for kind, sizes in results["scale"]["stores"].items():
        for count in sorted(map(int, sizes)):
            yield kind, count, sizes[str(count)]


def _rows(results: Results, cells: Callable[[int, dict[str, Any]], list[str]]) -> list[list[str]]:
    return [
        [KINDS[kind], f"{count:,}", *cells(count, found)] for kind, count, found in _stores(results)
    ]


def _cell(found: dict[str, Any], stage: str, name: str, form: str, unit: float = 1.0) -> str:
    """Write one number of a stage, or that it was not measured."""
    if stage not in found or name not in found[stage]:
        return NOT_MEASURED if stage not in found else "–"
    return format(found[stage][name] / unit, form)


def scale_stores(results: Results) -> str:
    """Say what writing and indexing a store cost."""
    head = ["galaxies", "number", "D", "write, CPU s", "disk, MB", "sort, CPU s"]
    head += ["index, CPU s", "its disk, MB", "its peak memory, MB"]
    return markdown(
        head,
        _rows(
            results,
            lambda count, found: [
                _cell(found, "index", "width", ".0f"),
                _cell(found, "store", "cpu_seconds", ".1f"),
                _cell(found, "store", "disk_mb", ",.0f"),
                _cell(found, "sort", "cpu_seconds", ".1f"),
                _cell(found, "index", "cpu_seconds", ".1f"),
                _cell(found, "index", "disk_mb", ",.0f"),
                _cell(found, "index", "peak_mb", ",.0f"),
            ],
        ),
    )


def scale_neighbours(results: Results) -> str:
    """Say what the index finds and what a query costs."""
    head = ["galaxies", "number", "recall@10", "of the true ones", "query, median ms", "p95, ms"]
    head += ["query, CPU ms", "comparing all, CPU ms", "kNN score, CPU ms", "of all, CPU min"]
    return markdown(
        head,
        _rows(
            results,
            lambda count, found: [
                _cell(found, "recall", "recall_at_10", ".4f"),
                _cell(found, "recall", "recall_of_true", ".3f"),
                _cell(found, "recall", "query_ms_median", ".2f"),
                _cell(found, "recall", "query_ms_p95", ".2f"),
                _cell(found, "recall", "query_cpu_ms", ".2f"),
                _cell(found, "exact", "query_cpu_ms", ".1f"),
                _cell(found, "score", "cpu_ms_each", ".2f"),
                _cell(found, "score", "cpu_ms_each", ",.1f", 60_000 / count),
            ],
        ),
    )


def scale_maps(results: Results) -> str:
    """Say what a map costs and how far placed galaxies can be trusted."""

    def cells(count: int, found: dict[str, Any]) -> list[str]:
        trust = found.get("map", {})
        return [
            _cell(found, "map", "fit", ",.0f"),
            _cell(found, "map", "fit_cpu_seconds", ".1f"),
            _cell(found, "map", "place_cpu_seconds", ".1f"),
            _cell(found, "map", "peak_mb", ",.0f"),
            *(
                _cell(trust, which, name, ".3f")
                for which in ("fitted", "placed")
                for name in ("trustworthiness", "neighbours_kept")
            ),
        ]

    head = ["galaxies", "number", "fitted to", "fit, CPU s", "place, CPU s", "peak memory, MB"]
    head += ["fitted: trustworthiness", "neighbours kept", "placed: trustworthiness"]
    return markdown([*head, "neighbours kept"], _rows(results, cells))


def scale_select(results: Results) -> str:
    """Say what a question to the columns of a simulated store costs."""
    rows = [
        [
            f"{count:,}",
            *(
                _cell(found, "select", f"{name}_{what}", form)
                for name in ("box", "cone", "filter")
                for what, form in (("rows", ",.0f"), ("ms", ",.0f"))
            ),
        ]
        for kind, count, found in _stores(results)
        if kind == "simulated"
    ]
    head = ["number", "in the box", "ms", "in the cone", "ms", "by the filter", "ms"]
    return markdown(head, rows)


OPERATIONS = {  # of the explorer: where the milliseconds are
    "open the store": ("open", "cpu_ms"),
    "colour by class": ("colour", "cpu_ms"),
    "move or zoom, median": ("move", "cpu_ms_p50"),
    "move or zoom, 95 %": ("move", "cpu_ms_p95"),
    "columns of a click, median": ("columns_of_a_click", "cpu_ms_p50"),
    "find an id": ("find", "cpu_ms"),
    "filter by a column": ("filter", "cpu_ms"),
    "cone": ("cone", "cpu_ms"),
    "lasso": ("lasso", "cpu_ms"),
    "sort its galaxies by a column": ("selection", "by_column", "cpu_ms"),
    "sort them by similarity": ("by_similarity", "cpu_ms"),
    "read them for a file, at most 100,000": ("selection", "read", "cpu_ms"),
    "Histograms: choose and read the columns, once": ("panels", "read", "cpu_ms"),
    "count what a filter matches": ("panels", "count_matching", "cpu_ms"),
    "What differs? from all others": ("panels", "differ", "cpu_ms"),
    "typical galaxies of both": ("panels", "typical", "cpu_ms"),
    "Sky: positions of a selection": ("panels", "sky", "cpu_ms"),
    "density of all, once": ("panels", "sky_density", "cpu_ms"),
    "search by examples, median": ("panels", "search", "cpu_ms_p50"),
    "PCA map: compute, once": ("pca", "compute", "cpu_ms"),
    "move or zoom on it, 95 %": ("pca", "move", "cpu_ms_p95"),
    "Clusters: find, once": ("panels", "clusters", "cpu_ms"),
    "colour by them, once": ("panels", "colour_clusters", "cpu_ms"),
    "Anomalies: rank": ("anomalies", "rank", "cpu_ms"),
    "reverse": ("anomalies", "reverse", "cpu_ms"),
    "rank what a filter chose": ("anomalies", "rank_filtered", "cpu_ms"),
    "rank by another column": ("anomalies", "rank_another_column", "cpu_ms"),
    "turn a page, median": ("anomalies", "page", "cpu_ms_p50"),
    "histogram of a column": ("histogram", "cpu_ms"),
    "Galaxy page with neighbours, median": ("galaxy_page", "cpu_ms_p50"),
    "its rank, of any, and the galaxies beside": ("anomalies", "beside", "cpu_ms_p50"),
    "marks: hash all ids, once": ("marks", "hash_ids", "cpu_ms"),
    "look up 1,000 ids of a file": ("marks", "look_up_1000", "cpu_ms"),
    "read the vectors that marks re-rank, once": ("marks", "read_vectors", "cpu_ms"),
    "re-rank by 50 marks": ("marks", "rerank", "cpu_ms_p50"),
    "Probe lab: draw the sample, once": ("probe_sample", "draw", "cpu_ms"),
    "read it, once": ("probe_sample", "read", "cpu_ms"),
    "peak memory of all this, MB": ("peak_mb",),
}


def scale_explorer(results: Results) -> str:
    """Say what the pages of a large store cost the server, and how it grows."""
    sizes = [results[name] for name in sorted(results) if name.startswith("large_map_1e")]
    rows = []
    for name, path in OPERATIONS.items():
        found: dict[int, float] = {}
        for size in sizes:
            value: Any = size
            for part in path:
                value = value.get(part, {})
            if value != {}:
                found[size["count"]] = value
        rows.append([name, *(_number(found.get(size["count"])) for size in sizes)])
        grown = {count: value for count, value in found.items() if count >= 100_000 and value}
        rows[-1].append(f"{round(slope(tuple(grown), tuple(grown.values())), 2) + 0:.2f}")
    return markdown(["CPU ms", *(f"{size['count']:,}" for size in sizes), "slope"], rows)


def _number(value: float | None) -> str:
    if value is None:
        return NOT_MEASURED
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def scale_growth(results: Results) -> str:
    """List log-log slopes against the number of galaxies."""
    costs: dict[str, tuple[str, Cost]] = {
        "write the store": ("store", lambda found, count: found["cpu_seconds"]),
        "sort it along the curve": ("sort", lambda found, count: found["cpu_seconds"]),
        "build the index": ("index", lambda found, count: found["cpu_seconds"]),
        "its disk": ("index", lambda found, count: found["disk_mb"]),
        "its peak memory": ("index", lambda found, count: found["peak_mb"]),
        "a query": ("recall", lambda found, count: found["query_cpu_ms"]),
        "a query that compares all": ("exact", lambda found, count: found["query_cpu_ms"]),
        "kNN scores of all": ("score", lambda found, count: found["cpu_ms_each"] * count),
        "galaxies in a box": ("select", lambda found, count: found["box_ms"]),
        "galaxies by a filter": ("select", lambda found, count: found["filter_ms"]),
        "place the others on a map": ("map", lambda found, count: found["place_cpu_seconds"]),
    }
    rows = []
    for name, (stage, cost) in costs.items():
        for kind in KINDS:
            there = [
                (count, cost(found[stage], count))
                for own, count, found in _stores(results)
                if own == kind and found.get(stage) and count >= 100_000
            ]
            if len(there) < 2:
                continue
            counts, values = zip(*there, strict=True)
            found = slope(counts, values)
            sizes = f"{counts[0]:,} to {counts[-1]:,}"
            more = "yes" if found > FASTER else "no"
            rows.append([name, KINDS[kind], sizes, f"{found:.2f}", more])
    return markdown(
        ["cost", "galaxies", "numbers", "slope", "grows faster than in proportion"], rows
    )
