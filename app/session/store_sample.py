"""A random sample of the labelled galaxies of a large store, for what needs vectors in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from astrojepa.progress import Progress

from . import waiting
from .large import Large
from .workspace import VECTORS, Choice, Workspace

SAMPLED, SEED = 20_000, 0


def sampled(large: Large, go: Callable[[str], None]) -> tuple[Workspace, int] | None:
    """Return what a page works on, whose galaxies are the sample, in the order of the store, and
    how many labelled galaxies it was drawn from; None while it is read, or without labels.
    """
    if not large.label:
        return None
    found = waiting.show_when_ready(
        ("large sample", large.key),
        f"Reading a sample of {large.name}",
        _sample(large),
    )
    if found is None:
        return None
    stored, labelled = found
    opened = {"whole": stored.galaxies, "sampled": None, "data": stored.galaxies}
    nothing: Any = None  # the rest is not asked for
    choice = Choice(VECTORS + large.name, large.name)
    workspace = Workspace(nothing, False, nothing, choice, [choice], None, go, opened=opened)
    workspace.stored = stored
    return workspace, labelled


def _sample(large: Large) -> Callable[[Progress], Any]:
    def task(report: Progress) -> Any:
        from astrojepa.evaluation.vectors.stored import Stored
        from astrojepa.types import Embeddings

        store = large.map.store
        labelled = np.flatnonzero(large.map.column(large.label).known)
        count = min(SAMPLED, len(labelled))
        drawn = np.random.default_rng(SEED).choice(labelled, count, replace=False, shuffle=False)
        rows = np.sort(drawn)
        data = large.galaxies(rows)
        vectors = store.vectors_of(rows, report)
        hashes = store.facts.get("model_hash", ""), data.fingerprint
        embeddings = Embeddings(vectors, data.labels, data.ids, data.classes, *hashes)
        model = store.facts.get("model", "")
        return Stored(large.name, large.key, embeddings, data, model), len(labelled)

    return task
