"""The open galaxies as the panels below the map know them, of a small data set or a large store."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

import numpy as np

from astrojepa.data.histograms import Histogram, histogram
from astrojepa.data.values import Values
from astrojepa.progress import Progress

from . import export, links, loaders, waiting
from .columns import columns_of
from .queue import imported
from .workspace import Workspace

T = TypeVar("T")


class Described(Protocol):
    """What panels ask of galaxies, whichever way they are held."""

    @property
    def count(self) -> int:
        """How many there are."""

    @property
    def columns(self) -> Mapping[str, Values]:
        """Their columns by name; one is read when it is asked for."""

    @property
    def made_of(self) -> str:
        """What changes with the columns that the session has made."""

    @property
    def has_positions(self) -> bool:
        """Whether it is known where on the sky some are."""

    @property
    def pictures(self) -> str:
        """Address of their images; "" where there are none."""

    @property
    def unmeasured(self) -> str:
        """Say what is not measured on the images; "" where all is."""

    def galaxies_hash(self) -> str | None:
        """Return the hash that collections are kept under; None while it is computed."""

    def ready(
        self, key: tuple[object, ...], sentence: str, task: Callable[[Progress], T]
    ) -> T | None:
        """Return what a task gives; None while it runs, with its progress."""

    def histogram(self, name: str) -> Histogram:
        """Count a column; the counts are kept."""

    def measured(self) -> Mapping[str, Values]:
        """Return the columns that are measured on the images, once they are."""

    def positions(self) -> tuple[np.ndarray, np.ndarray]:
        """Return right ascension and declination in degrees, float (n,), NaN = unknown."""

    def position_of(self, row: int) -> tuple[float, float] | None:
        """Return those of one galaxy; None where they are unknown."""

    def ids(self, rows: np.ndarray) -> np.ndarray:
        """Return the ids of some galaxies, as text."""

    def class_names(self, rows: np.ndarray) -> list[str]:
        """Return what is written below images."""

    def exemplars(self, rows: np.ndarray, count: int) -> np.ndarray | None:
        """Return a few galaxies that stand for those of `rows`; None while they are sought."""

    def select(self, row: Any) -> None:
        """Select a galaxy, as the browser sent its row."""

    def facts(self) -> dict[str, Any]:
        """Return what a file tells of galaxies and model, and the link to what is shown."""


class OfWorkspace:
    """Those of a small data set, all of which is in memory."""

    unmeasured, made_of = "", ""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace, self.columns = workspace, columns_of(workspace)
        self.count, self.pictures = len(workspace.data), workspace.pictures

    @property
    def has_positions(self) -> bool:
        ra, dec = self.positions()
        return not self.workspace.data.simulated and bool((np.isfinite(ra + dec)).any())

    def galaxies_hash(self) -> str:
        return str(self.workspace.data.galaxies_hash)

    def ready(self, key: tuple[object, ...], sentence: str, task: Callable[[Progress], T]) -> T:
        return task(lambda *said: None)  # which takes no time

    def histogram(self, name: str) -> Histogram:
        kept: dict[str, Any] = self.workspace.opened.setdefault("histograms", {})
        values = self.columns[name]
        if name not in kept or kept[name][0] is not values:
            kept[name] = values, histogram(values)
        found: Histogram = kept[name][1]
        return found

    def measured(self) -> Mapping[str, Values]:
        if not self.workspace.data.has_images:
            return {}
        key = ("shapes", self.workspace.given.fingerprint)
        task = loaders.shapes(self.workspace.given)
        return waiting.show_when_ready(key, "Measuring images", task) or {}

    def positions(self) -> tuple[np.ndarray, np.ndarray]:
        return self.workspace.data.ra, self.workspace.data.dec

    def position_of(self, row: int) -> tuple[float, float] | None:
        ra, dec = (float(values[row]) for values in self.positions())
        return (ra, dec) if np.isfinite(ra + dec) else None

    def ids(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(self.workspace.data.ids[rows].astype(str))

    def class_names(self, rows: np.ndarray) -> list[str]:
        return [self.workspace.class_name(row) for row in rows.tolist()]

    def exemplars(self, rows: np.ndarray, count: int) -> np.ndarray | None:
        if self.workspace.model is not None and not imported.is_set():
            return None
        return loaders.exemplars(self.workspace.embeddings, *self.workspace.key, rows, count)

    def select(self, row: Any) -> None:
        links.select(row)

    def facts(self) -> dict[str, Any]:
        known = export.provenance(self.workspace.data) | export.model_facts(self.workspace.made_by)
        return {**known, "view": links.address(self.workspace)}


def digest(rows: np.ndarray | None) -> str:
    """Return a short name for rows, or for None, all galaxies."""
    if rows is None:
        return ""
    return hashlib.blake2b(np.ascontiguousarray(rows).data, digest_size=8).hexdigest()
