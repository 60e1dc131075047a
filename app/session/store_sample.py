"""A random sample of the galaxies of a large store, for what needs vectors in memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from astrojepa.progress import Progress

from ..server import pictures
from . import waiting
from .gathered import Gathered
from .large import Large
from .workspace import VECTORS, Choice, Workspace

SAMPLED, SEED = 20_000, 0  # of those with a label, and of those without


SCORED = 2000  # galaxies whose kNN score is computed
SCORED_BY = 20  # neighbours


@dataclasses.dataclass(frozen=True)
class Scored:
    """A sample of all galaxies with their kNN anomaly scores."""

    rows: np.ndarray  # int64, ascending
    scores: np.ndarray  # float64, larger = stranger


@dataclasses.dataclass(frozen=True)
class Drawn:
    """Which galaxies are in the sample, and how many they were drawn from."""

    rows: np.ndarray  # int64, ascending
    labelled: int
    unlabelled: int


def sampled(
    large: Large, about: Gathered, members: np.ndarray, images: Any
) -> tuple[Workspace, Drawn] | None:
    """Return what a page works on, whose galaxies are the sample, in the order of the store, and
    the `members` of collections, and what it was drawn from; None while it is read. Without a
    column of labels all galaxies are unlabelled. `images` are those of the store.
    """
    drawn = waiting.show_when_ready(
        ("large sample", large.key), f"Drawing a sample of {large.name}", lambda report: draw(large)
    )
    if drawn is None:
        return None
    rows = np.union1d(drawn.rows, members)
    stored = waiting.show_when_ready(
        ("large sample", large.key, rows.tobytes()),
        f"Reading a sample of {large.name}",
        lambda report: read(large, rows, report),
    )
    if stored is None:
        return None
    return workspace_of(large, stored, images, rows, about.go, {"about": about}), drawn


def workspace_of(
    large: Large, stored: Any, images: Any, rows: np.ndarray, go: Any, opened: dict[str, Any]
) -> Workspace:
    """Return what a page works on, whose galaxies are those of some `rows` of a store, with its
    `images`, if it has any, and their `stored` vectors.
    """
    data = stored.galaxies if images is None else with_images(stored.galaxies, images)
    # the same before images are there: what is computed, and labels given meanwhile, stay theirs
    data = dataclasses.replace(data, source_hash=f"{large.key} {large.pictures_key}")
    if images is not None:
        pictures.offer_large(data.fingerprint, data.reader)
    opened = {"whole": data, "sampled": None, "data": data, **opened}
    nothing: Any = None  # the rest is not asked for
    choice = Choice(VECTORS + stored.name, stored.name)
    workspace = Workspace(nothing, False, nothing, choice, [choice], None, go, opened=opened)
    workspace.stored = stored
    return workspace


def with_images(galaxies: Any, images: Any) -> Any:
    """Return some galaxies of a store, a Dataset, with the images of the store."""
    from astrojepa.evaluation.vectors.store_images import SomeImages

    source_hash = f"{galaxies.source_hash} {images.fingerprint}"
    return dataclasses.replace(
        galaxies, reader=SomeImages(images, galaxies.rows), source_hash=source_hash
    )


def draw(large: Large) -> Drawn:
    """Draw at most 20,000 galaxies with a label, and as many without."""
    known = large.map.column(large.label).known if large.label else np.zeros(len(large.map), bool)
    generator, parts = np.random.default_rng(SEED), []
    for rows in (np.flatnonzero(known), np.flatnonzero(~known)):
        count = min(SAMPLED, len(rows))
        parts.append(generator.choice(rows, count, replace=False, shuffle=False))
    return Drawn(np.sort(np.concatenate(parts)), int(known.sum()), int((~known).sum()))


def of_each(collections: Sequence[Sequence[int]]) -> np.ndarray:
    """Return members of collections, int64, ascending: 20,000 in all, as many of each at most, so
    that small collections stay whole.
    """
    most, generator = SAMPLED // max(1, len(collections)), np.random.default_rng(SEED)
    parts = [np.unique(np.asarray(rows, dtype=np.int64)) for rows in collections]
    chosen = [
        part if len(part) <= most else generator.choice(part, most, replace=False) for part in parts
    ]
    return np.unique(np.concatenate([np.zeros(0, np.int64), *chosen]))


def scored(large: Large, index: Any, report: Progress) -> Scored:
    """Compute the kNN scores of at most 2,000 random galaxies among all, by the index."""
    count = min(SCORED, len(large.map))
    rows = np.random.default_rng(SEED).choice(len(large.map), count, replace=False, shuffle=False)
    rows, parts = np.sort(rows), []
    for first in range(0, count, 100):
        near = index.nearest(rows[first : first + 100], SCORED_BY)[0]
        parts.append(near.mean(axis=1, dtype=np.float64))
        report(first, count, "")
    return Scored(rows, np.concatenate(parts))


def read(large: Large, rows: np.ndarray, report: Progress) -> Any:
    """Read vectors and columns of some galaxies: a Stored."""
    return stored_of(large, rows, large.map.store.vectors_of(rows, report))


def stored_of(large: Large, rows: np.ndarray, vectors: np.ndarray) -> Any:
    """Return what is known of some galaxies, with their vectors: a Stored."""
    from astrojepa.evaluation.vectors.stored import Stored
    from astrojepa.types import Embeddings

    data, facts = large.galaxies(rows), large.map.store.facts
    hashes = facts.get("model_hash", ""), data.fingerprint
    embeddings = Embeddings(vectors, data.labels, data.ids, data.classes, *hashes)
    return Stored(large.name, large.key, embeddings, data, facts.get("model", ""))
