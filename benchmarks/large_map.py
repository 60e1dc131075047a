"""What the pages of a store of millions cost the server, as JSON: python -m benchmarks.large_map.

Each step is what a page calls; milliseconds of the clock and of the processor, without Streamlit
and the browser. The store is simulated, and its places are made up. Neighbours are those of the
index, which is built first where there is none; `--without-index` leaves them out.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from app.components.latent_map import colouring
from app.components.latent_map.tiles import pack_tile, widened
from app.pages.anomalies.large_order import RERANKED
from app.pages.map.column_panel import worth_a_look
from app.pages.map.selection import in_order
from app.pages.map.sky import counts_of, sky_of
from app.session.large import RANKED, Large
from app.session.large_described import OfStore
from app.session.large_search import MOST
from app.session.loaders import FEW
from app.session.store_sample import draw, read
from astrojepa.evaluation.anomalies.feedback import rerank
from astrojepa.evaluation.maps.differences import differences
from astrojepa.evaluation.maps.large_map import UNITS, LargeMap, large_map, open_large_map
from astrojepa.evaluation.maps.store_clusters import find_store_clusters
from astrojepa.evaluation.maps.store_pca import project_by_pca
from astrojepa.evaluation.vectors.exemplars import exemplars
from astrojepa.evaluation.vectors.store import open_store
from astrojepa.evaluation.vectors.store_galaxies import galaxies_of
from astrojepa.evaluation.vectors.store_index import StoreIndex, open_index
from astrojepa.evaluation.vectors.store_search import nearest_to_examples
from astrojepa.files import read_json
from astrojepa.plotting import histogram
from benchmarks.measure import machine, write

MOVES = 200  # boxes and clicks that are measured


def timed(call: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """Return what a call gives, and its milliseconds."""
    clock, processor = time.perf_counter(), time.process_time()
    found = call()
    wall, cpu = time.perf_counter() - clock, time.process_time() - processor
    return found, {"ms": round(1000 * wall, 1), "cpu_ms": round(1000 * cpu, 1)}


def repeated(calls: list[Callable[[], Any]]) -> dict[str, float]:
    """Return the median and the 95th percentile of calls, in milliseconds."""
    times = [timed(call)[1] for call in calls]
    return {
        f"{name}_p{share}": round(float(np.percentile([one[name] for one in times], share)), 1)
        for name in ("ms", "cpu_ms")
        for share in (50, 95)
    }


def boxes(count: int) -> list[tuple[float, float, float, float]]:
    """Draw boxes from the whole map down to a thousandth of its side, anywhere on it."""
    generator = np.random.default_rng(0)
    sides = UNITS * 10 ** generator.uniform(-3, 0, count)
    corners = generator.uniform(0, 1, (count, 2)) * (UNITS - sides)[:, None]
    low_high = np.concatenate([corners, corners + sides[:, None]], axis=1)
    return [widened(tuple(box)) for box in low_high.tolist()]


def measure(path: str, with_index: bool) -> dict[str, Any]:
    """Measure one store."""
    large, opening = timed(lambda: open_large_map(open_store(path)))

    def colours() -> colouring.Colouring:
        values: Any = large.column("label")
        return colouring.by_class(values.codes, values.words)

    coloured, colour = timed(colours)
    header: dict[str, Any] = {"title": "", "classes": [], "shapes": [], "pictures": ""}

    def move(box: Any) -> bytes:
        tile = large.tile(box, None, coloured.codes)
        return pack_tile(header, large, tile, coloured)

    rows = np.random.default_rng(1).integers(0, len(large), MOVES)
    calls: list[Callable[[], Any]] = [partial(move, box) for box in boxes(MOVES)]
    clicks: list[Callable[[], Any]] = [
        partial(large.store.table_of, rows[i : i + 1]) for i in range(MOVES)
    ]
    index = open_index(large.store) if with_index else None
    return {
        "count": len(large),
        "open": opening,
        "colour": colour,
        "whole": timed(lambda: move((0.0, 0.0, UNITS, UNITS)))[1],
        "move": repeated(calls),
        "columns_of_a_click": repeated(clicks),
        "filter": timed(lambda: large.matching("redshift > 0.5"))[1],
        "cone": timed(lambda: large.matching("cone(180, 0, 1)"))[1],
        "histogram": timed(lambda: histogram(column_of(large, "score")))[1],
        "lasso": timed(lambda: inside(large))[1],
        "find": timed(lambda: large.store.row_of(str(large.store.known_of(rows[:1])["id"][0])))[1],
        "anomalies": anomalies(large, rows),
        "selection": selection(large),
        **({} if index is None else by_index(large, index, rows)),
        "marks": marks(large),
        "probe_sample": probe_sample(Large("", "", large)),
        "panels": panels(Large("", "", large), index),
        "pca": pca(large),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def anomalies(large: LargeMap, rows: np.ndarray) -> dict[str, Any]:
    """Measure the leaderboard: rank by another column, reverse, filter, step from one galaxy to the
    next beyond what is listed, turn pages.
    """
    column_of(large, "score")
    shown, filtering = timed(lambda: large.matching("redshift > 0.1"))
    column_of(large, "score")
    listed = large.first("score", RANKED)[0]
    pages = [listed[first : first + 25] for first in range(0, min(len(listed), 5000), 25)]
    steps: list[Callable[[], Any]] = [partial(large.beside, "score", int(row)) for row in rows[:20]]
    return {
        "rank": timed(lambda: large.first("score", RANKED))[1],
        "reverse": timed(lambda: large.first("score", RANKED, lowest=True))[1],
        "filter": filtering,
        "rank_filtered": timed(lambda: large.first("score", RANKED, shown=shown))[1],
        "rank_another_column": timed(lambda: large.first("magnitude", RANKED))[1],
        "page": repeated([partial(large.store.table_of, page) for page in pages]),
        "beside": repeated(steps),
    }


def by_index(large: LargeMap, index: StoreIndex, rows: np.ndarray) -> dict[str, Any]:
    """Measure what asks the index: the Galaxy page, and a selection sorted by similarity."""
    chosen = inside(large)
    return {
        "galaxy_page": repeated([partial(galaxy_page, large, index, int(row)) for row in rows]),
        "by_similarity": timed(lambda: chosen[in_order(index.distances(0, chosen), False)])[1],
    }


def galaxy_page(large: LargeMap, index: StoreIndex, row: int) -> None:
    """Read the columns of a galaxy, its neighbours and what they are called."""
    large.store.table_of(np.array([row]))
    large.store.known_of(index.nearest(np.array([row]), 6)[1][0])


def selection(large: LargeMap) -> dict[str, Any]:
    """Measure the galaxies of a lasso: sorted by a column, read to be collected or sent."""
    rows = inside(large)

    def by_column() -> np.ndarray:
        return rows[in_order(column_of(large, "redshift")[rows], False)]

    return {
        "count": len(rows),
        "by_column": timed(by_column)[1],
        "read": timed(lambda: galaxies_of(large.store, rows[:RANKED], ""))[1],
    }


def marks(large: LargeMap) -> dict[str, Any]:
    """Measure marks: hash all ids, look up those of a file, re-rank by 50 of them."""
    names = large.store.known_of(np.linspace(0, len(large) - 1, 1000).astype(int))["id"].astype(str)
    rows = np.sort(large.first("score", RERANKED)[0])
    vectors, reading = timed(lambda: large.store.vectors_of(rows))
    scores = column_of(large, "score")[rows]
    given = {place: place % 6 for place in range(50)}
    rerank(vectors, scores, given)
    return {
        "hash_ids": timed(lambda: large.store.galaxies_hash)[1],
        "look_up_1000": timed(lambda: large.store.rows_of(names))[1],
        "read_vectors": reading,
        "rerank": repeated([lambda: rerank(vectors, scores, given)] * 8),
    }


def probe_sample(large: Large) -> dict[str, Any]:
    """Measure the sample of the Probe lab: draw it, read its vectors and columns."""
    drawn, drawing = timed(lambda: draw(large))
    reading = timed(lambda: read(large, drawn.rows, lambda *said: None))[1]
    return {"count": len(drawn.rows), "draw": drawing, "read": reading}


def panels(large: Large, index: StoreIndex | None) -> dict[str, Any]:
    """Measure the panels below the map, a search by two examples (by the index), and clusters."""
    about = OfStore(large, None)
    kept, reading = timed(lambda: [about.histogram(one) for one in worth_a_look(about)])
    matching = large.map.matching("redshift > 0.1")
    rows, rest = np.flatnonzero(matching), np.flatnonzero(~matching)
    compared = [name for name in about.columns if name not in ("ra", "dec")]
    like, unlike = np.random.default_rng(2).integers(0, about.count, (2, 50, 2))
    none = np.zeros((0, large.map.store.width), np.float32)

    def differ() -> None:
        for name in compared:
            differences({name: about.columns[name]}, rows, rest)

    def typical(chosen: np.ndarray) -> np.ndarray:
        assert index is not None
        some = np.sort(np.random.default_rng(0).permutation(chosen)[:FEW])
        return exemplars(index.index.features[some].astype(np.float32), 6)

    def search(number: int) -> Any:
        examples = like[number], unlike[number], none
        return nearest_to_examples(large.map.store, index, *examples, MOST)

    found, finding = timed(lambda: find_store_clusters(large.map.store, cache=False))
    labels = found.fine.labels
    names_of = tuple(map(str, range(found.fine.count)))
    by_index = {}
    if index is not None:
        typical(rows)
        by_index = {
            "typical": timed(lambda: [typical(rows), typical(rest)])[1],
            "search": repeated([partial(search, number) for number in range(50)]),
        }
    return {
        "columns": len(kept),
        "read": reading,
        "count_matching": timed(lambda: [one.counted(matching) for one in kept])[1],
        "differ": timed(differ)[1],
        "sky": timed(lambda: sky_of(about, rows))[1],
        "sky_density": timed(lambda: counts_of(about))[1],
        "clusters": finding,
        "colour_clusters": timed(lambda: colouring.by_cluster(labels, names_of, ""))[1],
        **by_index,
    }


def pca(large: LargeMap) -> dict[str, Any]:
    """Measure another map: computed, and moved, though the store is not sorted along it."""
    xy, computing = timed(lambda: project_by_pca(large.store, cache=False))
    other = large_map(large.store, *xy.T.astype(np.float64))
    return {"compute": computing, "move": repeated([partial(other.tile, b) for b in boxes(MOVES)])}


def column_of(large: LargeMap, name: str) -> np.ndarray:
    """Return a column of numbers of all galaxies."""
    values: Any = large.column(name)
    return np.asarray(values.values)


def inside(large: LargeMap) -> np.ndarray:
    """Select with a hexagon of a quarter of the map's width."""
    angles = np.linspace(0, 2 * np.pi, 7)[:-1]
    corners = UNITS * (0.5 + 0.125 * np.stack([np.cos(angles), np.sin(angles)], axis=1))
    return large.inside([corners.tolist()])


def main() -> None:
    """Measure the store that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", help="folder that astrojepa simulate-store wrote")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/large_map.json"))
    parser.add_argument("--without-index", action="store_true", help="leave neighbours out")
    parser.add_argument(
        "--panels", action="store_true", help="measure the panels and the index again"
    )
    given = parser.parse_args()
    if given.panels:
        large = Large("", "", open_large_map(open_store(given.store)))
        index = None if given.without_index else open_index(large.map.store)
        rows = np.random.default_rng(1).integers(0, len(large.map), MOVES)
        asked: dict[str, Any] = {} if index is None else by_index(large.map, index, rows)
        asked |= {"panels": panels(large, index), "pca": pca(large.map)}
        write(given.out, {**read_json(given.out), **asked})
        return
    measured = measure(given.store, not given.without_index)
    write(given.out, {"machine": machine(), "threads": 1, **measured})


if __name__ == "__main__":
    main()
