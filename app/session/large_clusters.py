"""Clusters of a large store: found when first asked for, then a colouring and two columns."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from astrojepa.data.columns import ABOUT_FILES
from astrojepa.data.values import Numbers, Values
from astrojepa.progress import Progress
from astrojepa.wording import galaxies

from . import clusters, loaders
from .large import Large, Made
from .workspace import Task

SAID = "They are found in a random sample of 5,000 galaxies; every other joins its nearest there."


def task(large: Large) -> Task:
    """What `waiting.show_when_ready` needs for the clusters."""

    def found(report: Progress) -> Any:
        from astrojepa.evaluation.maps.cluster_labels import cluster_labels
        from astrojepa.evaluation.maps.store_clusters import find_store_clusters, sample_of

        store = large.map.store
        both = find_store_clusters(store, progress=report)
        rows, columns = sample_of(len(store)), dict[str, Values]()
        for name in large.map.described:
            if name.lower() not in ABOUT_FILES | {"ra", "dec"}:
                columns[name] = _part(large.map.column(name), rows)
        names = {
            level: cluster_labels(one.labels[rows].astype(np.int64), columns, large.label)
            for level, one in (("coarse", both.coarse), ("fine", both.fine))
        }
        return loaders.NamedClusters(both, names)

    return ("large clusters", large.key), f"Finding clusters of {galaxies(len(large.map))}", found


def at_hand(large: Large) -> Any | None:
    """The clusters (`loaders.NamedClusters`), where they have been found; computes nothing."""
    return loaders.jobs().result(("large clusters", large.key))


def columns(large: Large) -> dict[str, Made]:
    """The clusters as columns, once they are there."""
    if (found := at_hand(large)) is None:
        return {}
    return {
        name: Made("clusters", partial(clusters.column, found, name)) for name in clusters.COLUMNS
    }


def marks(large: Large, option: str) -> list[dict[str, Any]]:
    """Where the labels stand on the map, as `clusters.marks` places them, by the sample."""
    from astrojepa.evaluation.maps.store_clusters import sample_of

    found, rows = at_hand(large), sample_of(len(large.map))
    return clusters.marks(found, large.shown.places[rows], option, rows)


def _part(values: Values, rows: np.ndarray) -> Values:
    if isinstance(values, Numbers):
        return Numbers(values.values[rows])
    return type(values)(values.codes[rows], values.words)
