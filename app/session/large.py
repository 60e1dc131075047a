"""A store of more galaxies than are read into memory: what the pages know of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from astrojepa.data.values import Values
from astrojepa.evaluation.maps.large_map import LargeMap, StoreColumns
from astrojepa.evaluation.maps.plane import PLACES
from astrojepa.evaluation.vectors.neighbour_index import is_available
from astrojepa.evaluation.vectors.store import store_files
from astrojepa.progress import Progress
from astrojepa.wording import counted, galaxies

from ..components.escape_markdown import escape_markdown
from ..components.latent_map import colouring
from ..components.latent_map.layers import option_name
from ..server import pictures
from ..server.serving import Source
from ..server.settings import Settings
from . import clusters, links, loaders, opening, state, waiting
from .gathered import Gathered
from .queue import as_task

NO_COLOUR = "none"
SCORE = "score"  # the column of the anomaly score, as `astrojepa anomalies` names it
WIDEST = 704  # pixels of the image of one galaxy that a browser is sent
RANKED = 100_000  # galaxies of a file, and of a leaderboard, at most


@dataclass(frozen=True)
class Order:
    """The order of a leaderboard: by a column, of the galaxies that a filter chooses."""

    column: str
    lowest: bool  # first
    filter: str

    @property
    def facts(self) -> dict[str, str]:
        """What a file says of it."""
        first = "lowest first" if self.lowest else "highest first"
        return {"ranked_by": self.column, "order": first, "filter": self.filter}


@dataclass(frozen=True)
class Made:
    """A column that the session has made of a store."""

    key: str  # changes with its values
    read: Callable[[], Values]


@dataclass(frozen=True)
class Large:
    """A store that is open, a hash of its state on disk, and where its images are from."""

    name: str
    key: str
    map: LargeMap
    drawn: Any = None  # a DrawnImages, of a simulated store
    source: Source | None = None  # whose images are found by id
    pictures_key: str = ""  # changes with the store and with the source
    histograms: dict[str, Any] = field(default_factory=dict)  # of columns, the last ones
    checkpoint: str | None = ""  # that the explorer was started with; None: it is for another store
    others: tuple[str, ...] = ()  # further stores, of other models

    @property
    def label(self) -> str:
        """The column of the class; "" where there is none."""
        return self.map.store.layouts[0].known.get("label", "")

    @property
    def is_simulated(self) -> bool:
        """Whether the store says so of itself."""
        return self.map.store.facts.get("simulated") == "true"

    @property
    def options(self) -> list[str]:
        """What the map can be coloured by: the class, numbers."""
        first = self.map.store.table_of(np.array([0]))
        known = {self.label, self.map.store.layouts[0].known["id"], *PLACES, ""}
        numbers = [name for name in first if first[name].dtype.kind == "f" and name not in known]
        return [*([self.label] if self.label else []), *numbers, *clusters.LEVELS, NO_COLOUR]

    @property
    def scores(self) -> list[str]:
        """The columns of numbers that galaxies can be ranked by, the anomaly score first."""
        known = self.map.store.layouts[0].known
        places = {*PLACES, known.get("ra"), known.get("dec")}
        numbers = [name for name in self.map.store.numbers if name not in places]
        return sorted(numbers, key=lambda name: name != SCORE)

    def names(self, rows: Sequence[int] | np.ndarray) -> list[str]:
        """The ids of some galaxies."""
        return self.map.store.known_of(np.asarray(rows))["id"].astype(str).tolist()

    def galaxies(self, rows: Sequence[int] | np.ndarray) -> Any:
        """Some galaxies as a data set, as pages of small data and exports know them."""
        from astrojepa.evaluation.vectors.store_galaxies import galaxies_of

        return galaxies_of(self.map.store, np.asarray(rows), self.key)

    @property
    def provenance(self) -> dict[str, Any]:
        """What every file says of where its galaxies are from."""
        by = {"model": self.name, "model_hash": self.key}  # where the store does not say
        return {**by, **self.map.store.facts, "data": self.name, "data_fingerprint": self.key}

    def coloured(self, option: str) -> colouring.Colouring | None:
        """The colours by a column, or by clusters that are there; None while they are computed."""
        if option in clusters.LEVELS:
            from .large_clusters import at_hand

            found, level = at_hand(self), clusters.LEVELS[option]
            assert found is not None
            labels, names, title = found.level(level).labels, found.names(level), option
            return waiting.show_when_ready(
                ("large colour", self.key, option),
                "Colouring by clusters",
                lambda report: colouring.by_cluster(labels, names, option_name(title)),
            )
        sentence = f"Colouring {galaxies(len(self.map))} by {option}"
        return waiting.show_when_ready(
            ("large colour", self.key, option), sentence, _colouring(self, option)
        )

    def last_coloured(self) -> tuple[str, colouring.Colouring | None]:
        """What the map was last coloured by, and these colours if they are still there."""
        option = st.session_state.get(state.COLOURED, "")
        return option, loaders.jobs().result(("large colour", self.key, option))

    @property
    def made(self) -> dict[str, Made]:
        """The columns that the session has made."""
        from . import large_clusters, large_search

        return {**large_search.columns(self), **large_clusters.columns(self)}

    @property
    def columns(self) -> StoreColumns:
        """What is known of galaxies beside ids and places: by the session, and by the store."""
        made, names = self.made, self.map.described
        return StoreColumns(
            self.map, [*made, *names], {name: one.read for name, one in made.items()}
        )

    def reader(self, name: str) -> Callable[[], Values]:
        """What reads a column, later and elsewhere too."""
        made = self.made
        return made[name].read if name in made else partial(self.map.column, name)

    def matching(self, expression: str) -> np.ndarray | None:
        """Which galaxies a filter chooses, bool (n,); None while they are sought or counted."""
        from astrojepa.data.filters import folded

        from . import examples, large_clusters, large_search

        said = folded(expression)
        searched = examples.RANK in said or examples.DISTANCE in said
        if searched and large_search.pending(self):
            return None
        if (
            clusters.named_in(expression)
            and waiting.show_when_ready(*large_clusters.task(self)) is None
        ):
            return None
        sentence = f"Filtering {galaxies(len(self.map))}"
        readers = {name: one.read for name, one in self.made.items()}
        return waiting.show_when_ready(
            ("large filter", self.key, expression, *self.made_for(expression)),
            sentence,
            lambda report: self.map.matching(expression, readers),
        )

    def made_for(self, expression: str) -> list[str]:
        """What changes with the columns that the session has made and an expression names."""
        from astrojepa.data.filters import folded

        said = folded(expression)
        return [one.key for name, one in self.made.items() if folded(name) in said]

    def order(self) -> Order | None:
        """The order of the leaderboard, as session and link have it; None without numbers."""
        columns = self.scores
        column = st.session_state.get(state.SELECTION_ORDER)
        if column not in columns:  # a selection may be sorted by others too
            if column:  # whose direction says nothing of the score
                st.session_state.pop(state.DIRECTION, None)
            column = next(iter(columns), "")
        lowest = links.is_reversed()
        expression = st.session_state.get(state.FILTER, "").strip()
        return Order(column, lowest, expression) if columns else None

    def ranked(self, order: Order) -> tuple[np.ndarray, int] | None:
        """The rows of the first 100,000 galaxies of a leaderboard, and how many have a value; None
        while they are filtered and sorted. ValueError for a wrong filter.
        """
        matching = None
        if order.filter and (matching := self.matching(order.filter)) is None:
            return None
        return waiting.show_when_ready(
            ("large rank", self.key, order, *self.made_for(order.filter)),
            f"Sorting {galaxies(len(self.map))} by {order.column}",
            lambda report: self.map.first(
                order.column, RANKED, lowest=order.lowest, shown=matching
            ),
        )

    def beside(self, order: Order, row: int) -> tuple[int, int, int | None, int | None] | None:
        """The rank of a galaxy on a leaderboard, 0 where it is not on it, how many are, and the
        rows before and after it; None while they are filtered and sorted.

        Among the first 100,000 they are looked up, beyond all values are compared once.
        """
        if (found := self.ranked(order)) is None:
            return None
        rows, count = found
        if len(at := np.flatnonzero(rows == row)) and (at[0] + 1 < len(rows) or count == len(rows)):
            place = int(at[0])
            before, after = (
                int(rows[to]) if 0 <= to < len(rows) else None for to in (place - 1, place + 1)
            )
            return place + 1, count, before, after
        matching = None
        if order.filter and (matching := self.matching(order.filter)) is None:
            return None
        rank, before, after = self.map.beside(
            order.column, row, lowest=order.lowest, shown=matching
        )
        return rank, count, before, after

    def galaxies_hash(self) -> str | None:
        """Hash of the set of ids, under which marks are kept; None while they are read."""
        return None if (found := self._ids()) is None else found[0]

    def repeated_id(self) -> str:
        """A sentence that names an id of several rows, where there is one and ids were read."""
        return "" if (found := self._ids()) is None else found[1]

    def _ids(self) -> tuple[str, str] | None:
        return waiting.show_when_ready(
            ("large ids", self.key), f"Reading {counted(len(self.map), 'id')}", _read_ids(self)
        )

    def rows_of(self, names: tuple[str, ...]) -> dict[str, int] | None:
        """The rows of galaxies by their ids, of those that are there; None while sought."""
        return waiting.show_when_ready(
            ("large rows", self.key, names),
            f"Looking up {len(names):,} ids",
            lambda report: self.map.store.rows_of(names),
        )

    def histogram(self, column: str) -> tuple[np.ndarray, np.ndarray] | None:
        """The `plotting.histogram` of a column of numbers; None while it is counted."""
        return waiting.show_when_ready(
            ("large histogram", self.key, column), f"Reading {column}", _histogram(self, column)
        )

    @property
    def shown(self) -> LargeMap:
        """The map that is chosen, if it is there."""
        from .large_maps import at_hand

        return at_hand(self)

    def inside(self, polygons: list[Any]) -> np.ndarray | None:
        """The rows inside polygons on the chosen map, ascending; None while they are sought."""
        shown = self.shown
        return waiting.show_when_ready(
            (
                "large area",
                self.key,
                st.session_state.get(state.PROJECTION),
                shown is self.map,  # while the chosen one is computed
                str(polygons),
            ),
            "Selecting galaxies",
            lambda report: shown.inside(polygons),
        )

    @property
    def address(self) -> str:
        """Where the images are, once they are there."""
        return pictures.address(self.pictures_key)

    def images(self) -> Any:
        """The images of the galaxies, a StoreImages; None without any, or while looking up ids."""
        found = self.drawn
        if self.source is not None:
            found = waiting.show_when_ready(
                ("large images", self.pictures_key),
                f"Looking up {len(self.map):,} ids in {self.source.name}",
                _looking_up(self),
            )
        if found is not None:
            pictures.offer_large(self.pictures_key, found)
        return found

    def nearest(self, row: int, count: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Distances and rows of the nearest galaxies; None while sought, or the index is built."""
        if not is_available():
            return waiting.show_when_ready(
                ("large nearest", self.key, row, count),
                f"Comparing {counted(len(self.map), 'vector')}",
                lambda report: self.map.nearest(row, count),
            )
        if (index := self.index()) is None:
            return None
        distances, rows = index.nearest(np.array([row]), count)
        return distances[0], rows[0]

    def index(self) -> Any:
        """The index of the vectors, a StoreIndex; None while it is built. It needs faiss."""
        return waiting.show_when_ready(
            ("large index", self.key),
            f"Indexing {counted(len(self.map), 'vector')}",
            index_of(self.map.store),
        )

    def gathered(self, key: str, go: Callable[[str], None], link: str) -> Gathered:
        """The galaxies as they are collected and sent; `key` is the hash of all ids."""
        made_by = self.provenance["model"], self.provenance["model_hash"]
        return Gathered(
            key,
            self.key,
            made_by,
            self.provenance,
            lambda rows: (self.galaxies(rows), np.arange(len(rows))),
            go,
            link,
        )


@st.cache_data(show_spinner=False, max_entries=32)
def picture(_images: Any, key: str, row: int) -> tuple[str, str]:
    """The image of one galaxy as an address, and what is wrong with it; both "" without one."""
    from astrojepa.data.crops import at_most

    ((_, image),) = _images.each([row])
    if isinstance(image, np.ndarray):
        return pictures.inline(at_most(image, WIDEST)), ""
    return "", str(image or "")


def opened(settings: Settings, hosted: bool) -> Large | None:
    """Return the store that the explorer was started with, if it is a large one.

    A store that changed on disk is opened anew. ValueError where it has no map.
    """
    task = None if hosted else _opening(settings)
    return None if task is None else waiting.wait_for(*task)


def begin(settings: Settings, seconds: float) -> None:
    """Open the store before the first page asks for it, for at most so long."""
    if (task := _opening(settings)) is not None:
        loaders.jobs().start(task[0], task[2]).finished.wait(seconds)


def _opening(settings: Settings) -> tuple[Any, str, Callable[[Progress], Large | None]] | None:
    """What opens the store, under a key of its state on disk; None where there is none."""
    if not settings.vectors or not Path(settings.vectors[0]).is_dir():
        return None
    path = Path(settings.vectors[0])
    digest = digest_of(path)
    read = settings.asked or settings.sources[:1]  # whose ids a small store may have
    sources = [(source, loaders.state_of(source)) for source in read]
    key = _digest(digest, len(settings.asked), sources, settings.vectors[1:])
    return ("large", key), f"Opening {path.name}", _open(path, digest, key, settings)


def digest_of(path: Path) -> str:
    """A hash of the state of a store on disk."""
    return _digest(path, loaders.state_on_disk(*store_files(path)))


def _digest(*parts: Any) -> str:
    return hashlib.sha256(str(parts).encode()).hexdigest()[:16]


def refuse(title: str, large: Large) -> None:
    """Say that a page cannot be drawn of a store."""
    st.info(
        f"The {title} page cannot show a store such as {escape_markdown(large.name)}. Use the "
        "other pages, or the commands `neighbours` and `select`."
    )


@as_task
def _open(report: Progress, path: Path, digest: str, key: str, settings: Settings) -> Large | None:
    from astrojepa.evaluation.maps.large_map import has_map, is_large, open_large_map
    from astrojepa.evaluation.maps.store_pca import pca_map
    from astrojepa.evaluation.vectors.shards import MANIFEST
    from astrojepa.evaluation.vectors.store import open_store
    from astrojepa.evaluation.vectors.store_images import DrawnImages, is_made_up

    if (path / MANIFEST).is_file():
        return None
    store, sources = open_store(path), settings.asked
    if not is_large(store) and (sources or not _is_alone(store, settings.sources[0], report)):
        return None
    if len(sources) > 1:
        raise ValueError(
            f"The images of {path.name} come from one source; --data names {len(sources)}."
        )
    source = sources[0] if sources else None
    drawn = DrawnImages(store) if source is None and is_made_up(store) else None
    return Large(
        path.name,
        digest,
        open_large_map(store) if is_large(store) or has_map(store) else pca_map(store, report),
        drawn,
        source,
        key,
        checkpoint=settings.checkpoint,
        others=settings.vectors[1:],
    )


def _is_alone(store: Any, source: Source, report: Progress) -> bool:
    """Whether a small store has no galaxy of the data opened without it."""
    ids = opening.open_source(source)(report).ids.astype(str)
    return not store.rows_of(ids.tolist())


@as_task
def _looking_up(report: Progress, large: Large) -> Any:
    from astrojepa.data.image_source import DatasetImages
    from astrojepa.data.parquet_images import ParquetImages, is_parquet
    from astrojepa.evaluation.vectors.store_images import find_images

    assert large.source is not None
    chosen = large.source.where or large.source.catalogue
    if not chosen and is_parquet(large.source.path):
        found: Any = ParquetImages(large.source.path, large.source.bands)
    else:
        found = DatasetImages(opening.open_source(large.source)(report))
    return find_images(large.map.store, found, progress=report)


@as_task
def _read_ids(report: Progress, large: Large) -> tuple[str, str]:
    repeated = ""
    try:
        large.map.store.check_ids()
    except ValueError as error:
        repeated = str(error)
    return large.map.store.galaxies_hash, repeated


@as_task
def index_of(report: Progress, store: Any) -> Any:
    """Open the index of a store's vectors, or build it."""
    from astrojepa.evaluation.vectors.store_index import open_index

    return open_index(store, progress=report)


@as_task
def _colouring(report: Progress, large: Large, option: str) -> colouring.Colouring:
    from astrojepa.data.values import Numbers

    if option == NO_COLOUR:
        return colouring.by_class(np.zeros(len(large.map), np.int64), ("galaxy",))
    values = large.map.column(option)
    if isinstance(values, Numbers):
        return colouring.by_number(values.values, option)
    return colouring.by_class(values.codes, values.words)


@as_task
def _histogram(report: Progress, large: Large, column: str) -> Any:
    from astrojepa import plotting

    return plotting.histogram(large.map.column(column).values)  # type: ignore[union-attr]


def selected(large: Large) -> int | None:
    """The row of the selected galaxy, if there is one."""
    row = st.session_state.get(state.ROW)
    return None if row is None or row >= len(large.map) else int(row)


def select(large: Large, row: int) -> None:
    """Select a galaxy and have the map show it."""
    x, y = large.shown.places[row].tolist()
    zoom = float(np.clip(np.sqrt(len(large.map) / 5000), 2, 200))
    wish = st.session_state.get(state.LOOK) or {"number": 0}
    st.session_state[state.ROW] = int(row)
    st.session_state[state.LOOK] = {"at": [x, y], "zoom": zoom, "number": wish["number"] + 1}
