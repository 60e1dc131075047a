"""A map of a store: fitted to some galaxies, others placed, written along a space-filling curve."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from astrojepa.evaluation.maps.map_quality import MapTrust, map_trust
from astrojepa.evaluation.maps.morton import morton_codes
from astrojepa.evaluation.maps.placement import Placer
from astrojepa.evaluation.maps.plane import COLUMNS
from astrojepa.evaluation.maps.projection import map_recipe, project
from astrojepa.evaluation.vectors.neighbour_index import LARGE
from astrojepa.evaluation.vectors.sorted_store import write_sorted
from astrojepa.evaluation.vectors.store import Store
from astrojepa.progress import Listener, reporting
from astrojepa.types import Embeddings

FIT = 20_000  # galaxies that a map is fitted to
JUDGED = 20_000  # placed galaxies that the map is judged by, at most


@dataclass(frozen=True)
class StoreMap:
    """Places of all galaxies of a store, and how far they can be trusted."""

    xy: np.ndarray  # float32 (n, 2)
    recipe: dict[str, Any]  # parameters of the fit
    fitted: MapTrust  # of the galaxies that the map was fitted to, among themselves
    placed: MapTrust  # of as many galaxies that were placed, among themselves


def project_store(
    store: Store, method: str = "umap", seed: int = 0, *, fit: int = FIT, progress: Listener = None
) -> StoreMap:
    """Fit a map to `fit` galaxies drawn with `seed` and `place` the others, batch by batch.

    The trust of placed galaxies is that of a draw of at most 20,000 which the fit has not seen. The
    two numbers compare where both draws are equally large. Raises ValueError where `fit` does not
    lie in [5, 200,000] or leaves fewer than 5 galaxies to place, and as `project` and `place`.
    """
    count = len(store)
    if count < 10:
        raise ValueError(
            f"{store.path.name} has {count} galaxies; fitting to some and placing the others needs "
            "at least 10."
        )
    if not 5 <= fit <= min(LARGE, count - 5):
        raise ValueError(
            f"fit is {fit:,}; it must lie between 5 and {min(LARGE, count - 5):,} of the "
            f"{count:,} galaxies of {store.path.name}."
        )
    drawn = np.random.default_rng(seed).permutation(count)[: 2 * fit]
    rows = np.sort(drawn[:fit])
    others = np.sort(drawn[fit:][:JUDGED])
    known, judged = _gathered(store, rows), _gathered(store, others)
    with _share(progress, count, f"{method} of {fit:,}") as heard:
        fitted = project(known, method=method, seed=seed, progress=heard)
    place, xy = Placer(known, fitted, method), np.empty((count, 2), np.float32)
    with reporting(progress, count, "placing") as report:
        for first, batch in store.batches():
            xy[first : first + len(batch)] = place(batch)
            report(first + len(batch))
    xy[rows] = fitted
    return StoreMap(
        xy,
        map_recipe(known, method, seed) | {"fitted_to": fit},
        map_trust(known, fitted, seed=seed),
        map_trust(judged, xy[others], seed=seed),
    )


def write_map(
    store: Store,
    made: StoreMap,
    path: str | Path,
    facts: dict[str, str],
    *,
    beside: bool = False,
    progress: Listener = None,
) -> int:
    """Write a store anew with x and y, sorted along their curve; returns how many partitions.

    What it held in these columns is replaced; `facts` and the map's parameters go into its
    metadata. `beside` the map that it has: in the same order, with x_pca and y_pca, and so of other
    methods. Raises as `write_sorted`.
    """
    if beside:
        method = str(made.recipe["method"])
        columns = dict(zip(COLUMNS[method], made.xy.T, strict=True))
        about = {**facts, f"map_{method}": json.dumps(made.recipe)}
        return write_sorted(store, np.arange(len(store)), columns, path, about, progress=progress)
    codes = morton_codes(made.xy, made.xy.min(axis=0), made.xy.max(axis=0))
    columns = {"x": made.xy[:, 0], "y": made.xy[:, 1]}
    about = {**facts, "map": json.dumps(made.recipe)}
    order = np.argsort(codes, kind="stable")
    return write_sorted(store, order, columns, path, about, progress=progress)


def _gathered(store: Store, rows: np.ndarray) -> Embeddings:
    """Return some galaxies, rows in rising order, with their labels."""
    known = store.known_of(rows)
    words = known.get("label", np.full(len(rows), "")).astype(str)
    classes = tuple(sorted(set(words.tolist()) - {""}))
    numbers = {word: number for number, word in enumerate(classes)}
    labels = np.array([numbers.get(word, -1) for word in words.tolist()], dtype=np.int64)
    model_hash = store.facts.get("model_hash", "")
    ids, vectors = known["id"].astype(str), store.vectors_of(rows)
    return Embeddings(vectors, labels, ids, classes, model_hash, store.hash)


@contextlib.contextmanager
def _share(progress: Listener, total: int, text: str) -> Iterator[Listener]:
    """Give the fit its own bar, or tell a callable what is being done."""
    if callable(progress):
        tell = progress
        yield lambda done, of, what: tell(math.floor(total * done / max(1, of)), total, text)
    else:
        yield progress
