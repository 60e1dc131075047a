"""A second store of the galaxies of a large one: the vectors of another model, to compare with."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from astrojepa.evaluation.vectors.store import open_store
from astrojepa.progress import Progress
from astrojepa.wording import counted

from ..server.serving import last_folders
from . import state, waiting
from .large import Large, digest_of, index_of
from .store_sample import stored_of, workspace_of
from .workspace import VECTORS, Choice, Workspace, label_of


@dataclass(frozen=True)
class Both:
    """A large store and a second one, whose galaxies and indices are known."""

    large: Large
    name: str  # of the second, among those that are open
    key: str
    partners: Any  # the Partners
    indices: tuple[Any, Any]
    store: Any  # the second, a Store

    @property
    def other(self) -> Large:
        """The second store, as what is asked for its model: its galaxies have no places here."""
        own = dataclasses.replace(self.large.map, store=self.store)
        return dataclasses.replace(self.large, name=self.name, map=own, checkpoint=None)

    @cached_property
    def comparison(self) -> Any:
        """The StoreComparison; None while it is computed."""

        def task(report: Progress) -> Any:
            from astrojepa.evaluation.vectors.compare_stores import compare_stores

            return compare_stores(self.indices, self.partners, progress=report)

        key = ("large comparison", self.large.key, self.key)
        return waiting.show_when_ready(key, "Comparing nearest neighbours", task)

    def nearest(self, row: int) -> np.ndarray | None:
        """The 10 nearest by either, rows int64 (2, 10); None where the second lacks the galaxy."""
        from astrojepa.evaluation.vectors.compare_stores import neighbours_by_both

        if self.partners.seconds[row] < 0:
            return None
        near, whole = neighbours_by_both(self.indices, self.partners, np.array([row]))
        return near[:, 0] if whole[0] else None

    def samples(self, images: Any, go: Callable[[str], None]) -> tuple[Workspace, Workspace]:
        """The galaxies of the comparison as a page of small data knows them, by either store."""
        found = self.comparison
        stored = stored_of(self.large, found.rows, found.vectors[0])
        first = workspace_of(self.large, stored, images, found.rows, go, {})
        embeddings = dataclasses.replace(
            stored.embeddings, vectors=found.vectors[1], model_hash=self.key
        )
        other = dataclasses.replace(
            stored, name=self.name, hash=self.key, embeddings=embeddings, model=""
        )
        choice = Choice(VECTORS + self.name, self.name)
        return first, dataclasses.replace(
            first, choice=choice, stored=other, opened={"whole": first.data, "data": first.data}
        )


def labels(large: Large) -> dict[str, str]:
    """What further stores are called: by the last folders of their paths that tell them apart."""
    every = last_folders([large.map.store.path, *large.others])
    return dict(zip(large.others, every[1:], strict=True))


def named(large: Large, name: str, digest: str) -> str | None:
    """Return the path of a store that a link names; of several of this name, that of the hash."""
    paths = [path for path in large.others if state.name_in_link(label_of(path)) == name]
    if len(paths) > 1 and digest:
        paths.sort(key=lambda path: not digest_of(Path(path)).startswith(digest))
    return next(iter(paths), None)


def opened(large: Large, path: str) -> Both | None:
    """Open a further store and look up its galaxies; None meanwhile, and while either is indexed.

    ValueError or OSError where it cannot be compared.
    """
    key = digest_of(Path(path))
    name = labels(large)[path]

    def task(report: Progress) -> Any:
        from astrojepa.evaluation.vectors.compare_stores import same_galaxies

        store = open_store(path)
        return store, same_galaxies(large.map.store, store, report)

    found = waiting.show_when_ready(
        ("large second", large.key, key), f"Looking up the galaxies of {name}", task
    )
    if found is None or (own := large.index()) is None:
        return None
    store, partners = found
    other = waiting.show_when_ready(
        ("large index", key), f"Indexing {counted(len(store), 'vector')} of {name}", index_of(store)
    )
    return None if other is None else Both(large, name, key, partners, (own, other), store)
