"""The explorer's cached functions, each one call of the package."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

import astrojepa as aj
from astrojepa.places import TOP
from astrojepa.progress import Progress
from astrojepa.wording import have

from ..components.patch_panel import masks as masking
from ..server.serving import Source
from .queue import Line, Queue, as_task, warm_up

FEW = 2000  # galaxies that exemplars are chosen from
MODEL_TURNS = Line()  # one heatmap at a time: two would only slow each other down


@st.cache_resource(show_spinner=False)
def jobs() -> Queue:
    """The queue of long tasks, one for the whole server."""
    return Queue()


@st.cache_data(show_spinner=False, max_entries=512)
def patch_errors(
    _model: Any, _data: Any, model_hash: str, data_hash: str, row: int, masks: str
) -> tuple[Any, float]:
    """Return a galaxy's patch errors and the seconds they took; BusyError if others come first."""
    MODEL_TURNS.check()
    began = time.perf_counter()
    image = _model.image_of(_data, row)
    return aj.patch_errors(_model, image, masks=masks, seed=0), time.perf_counter() - began


@st.cache_data(show_spinner=False, max_entries=512)
def panel_errors(
    _model: Any, _data: Any, model_hash: str, data_hash: str, row: int, masks: masking.Masks
) -> tuple[Any, float]:
    """The same under the masks chosen in the patch panel."""
    MODEL_TURNS.check()
    options: dict[str, Any] = {"masks": masks.kind, "seed": masks.seed, "num_masks": masks.count}
    if masks.kind == "bright":
        _model, options["masks"] = masking.with_bias(_model), "random"
    elif masks.kind == "drawn":
        options["masks"] = masking.read_mask(masks.drawn, _model.grid)
    began = time.perf_counter()
    image = _model.image_of(_data, row)
    return aj.patch_errors(_model, image, **options), time.perf_counter() - began


@st.cache_data(show_spinner=False, max_entries=64)
def gauges(_embeddings: Any, model_hash: str, data_hash: str) -> Any:
    """How spread out a model's embeddings are."""
    return aj.collapse_gauges(_embeddings.vectors)


@st.cache_data(show_spinner=False, max_entries=512)
def neighbours(_embeddings: Any, model_hash: str, data_hash: str, row: int, count: int) -> Any:
    """The nearest galaxies of one galaxy, itself excluded."""
    from astrojepa.evaluation.vectors.neighbours import neighbours_among

    return neighbours_among(features(_embeddings, model_hash, data_hash), row, count)


@st.cache_resource(show_spinner=False, max_entries=3)
def features(_embeddings: Any, model_hash: str, data_hash: str) -> np.ndarray:
    """Return the features that distances are taken in, kept for fast clicks."""
    from astrojepa.evaluation.vectors.standardise import checked_vectors, standardise

    return standardise(checked_vectors(_embeddings))[0]


@st.cache_data(show_spinner=False, max_entries=64)
def exemplars(
    _embeddings: Any, model_hash: str, data_hash: str, rows: np.ndarray, count: int
) -> np.ndarray:
    """Rows of a few galaxies that stand for those of `rows`, int64 (m,)."""
    from astrojepa.evaluation.vectors.exemplars import exemplars

    some = np.random.default_rng(0).permutation(rows)[:FEW]
    return some[exemplars(features(_embeddings, model_hash, data_hash)[some], count)]


@st.cache_resource(show_spinner=False, ttl=20)
def cards() -> list[dict[str, Any]]:
    """The cards of the released checkpoints, to read only: they are long and not copied."""
    return aj.list_checkpoints()


@st.cache_data(show_spinner=False, ttl=20)
def best_released() -> str:
    """The id of the released checkpoint that measured best."""
    from astrojepa.checkpoints.card import best_id

    return best_id()


@st.cache_data(show_spinner=False, ttl=20)
def run_folders() -> list[str]:
    """The run folders that hold weights, newest name first."""
    places = dict.fromkeys([Path("runs").resolve(), TOP / "runs"])
    found = {
        path.parent
        for place in places
        if place.is_dir()
        for path in [*place.glob("*/last.pt"), *place.glob("*/best.pt")]
    }
    return [str(folder) for folder in sorted(found, key=lambda folder: folder.name, reverse=True)]


def is_projected(embeddings: Any, method: str) -> bool:
    """Whether a map has been computed before."""
    from astrojepa.evaluation.maps.projection import cached_projection

    return cached_projection(embeddings, method) is not None


def released_facts(reference: str, sha256: str) -> Any | None:
    """Return what is known of released weights without loading them, or None."""
    from astrojepa.checkpoints.card import released_facts

    with contextlib.suppress(ValueError, OSError):
        facts = released_facts(reference)
        return facts if sha256 in {"", facts.card["sha256"]} else None
    return None


def is_embedded(model: Any, data: Any) -> bool:
    """Whether a model has looked at a data set before."""
    from astrojepa.evaluation.vectors.embed import cached_embedding

    return cached_embedding(model, data) is not None


def state_of(source: Source) -> tuple[tuple[int, int, int], ...]:
    """Return what changes with the data on disk: which file or folder, its length and its age."""
    tables = [Path(source.catalogue)] if source.catalogue else []
    return state_on_disk(Path(source.path), Path(source.path) / "labels.csv", *tables)


def state_on_disk(*paths: Path) -> tuple[tuple[int, int, int], ...]:
    """Return which files or folders these are, with their length and age."""
    found = []
    for path in paths:
        with contextlib.suppress(OSError):
            status = path.stat()
            found.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(found)


def hash_of_vectors(path: str) -> str:
    """Return the hash of a file of vectors, read once per state on disk; "" where it cannot be."""
    with contextlib.suppress(OSError, ValueError):
        return _hash_of_vectors(path, state_on_disk(Path(path), Path(path) / "manifest.json"))
    return ""


@st.cache_data(show_spinner=False, max_entries=16)
def _hash_of_vectors(path: str, on_disk: tuple[tuple[int, int, int], ...]) -> str:
    from astrojepa.evaluation.vectors.stored import hash_of

    return hash_of(path)


# What follows may take long: tasks for the board, each called with a progress function.


def start(report: Progress) -> str:
    """Import what pages need and check the cache; a sentence if it is only temporary."""
    from astrojepa.cache import ensure_cache

    sentence = ensure_cache()
    warm_up()
    return sentence


@as_task
def embed(report: Progress, model: Any, data: Any, given: Any = None) -> Any:
    """Embed a data set with a model; without one, by pixel PCA.

    `given`: the same galaxies with the labels that they were opened with, by which the cache knows
    them whatever column `data` is labelled by.
    """
    given = data if given is None else given
    if model is None:
        found = aj.pixel_pca(given, given, progress=report)[1]
    else:
        found = aj.embed(model, given, progress=report)
    return dataclasses.replace(found, labels=data.labels, classes=data.classes)


@as_task
def stored_vectors(report: Progress, stored: Any, data: Any, given: Any) -> Any:
    """A file's vectors, one per galaxy, `given` as in `embed`; ValueError where one has none."""
    from astrojepa.evaluation.vectors.stored import rows_of, taken

    rows = rows_of(stored, given)
    if (missing := int((rows < 0).sum())) > 0:
        raise ValueError(
            f"{missing:,} of these {len(data):,} galaxies {have(missing)} no vector in "
            f"{stored.name}; choose it at the top to see the others."
        )
    return taken(stored, data, rows)


@as_task
def scores(report: Progress, embeddings: Any, method: str = "knn") -> Any:
    """Anomaly score of every galaxy, larger = more anomalous."""
    from astrojepa.evaluation.anomalies.scoring import kept_scores

    return kept_scores(embeddings, method)


@as_task
def first_galaxy(report: Progress, data: Any, places: np.ndarray) -> int:
    """The row of the galaxy that is shown where none is selected."""
    from astrojepa.evaluation.pictures.worth import first_galaxy

    return first_galaxy(data, places)


@as_task
def drift(report: Progress, model: Any, data: Any, row: int) -> Any:
    """How far one galaxy's embedding moves when its image is rotated or mirrored."""
    from astrojepa.evaluation.vectors.symmetry import symmetry_drift

    with MODEL_TURNS.turn():
        return symmetry_drift(model, data, np.array([row]))


@as_task
def comparison(report: Progress, first: Any, second: Any) -> Any:
    """How alike two models' embeddings of the same galaxies are."""
    from astrojepa.evaluation.vectors.compare import compare_embeddings

    return compare_embeddings(first, second)


@as_task
def project(report: Progress, embeddings: Any, method: str, dimensions: int = 2) -> Any:
    """Positions on the map."""
    return aj.project(embeddings, method=method, seed=0, dimensions=dimensions, progress=report)


@as_task
def islands(report: Progress, table: Any, places: np.ndarray) -> Any:
    """The column that explains a map and says nothing of shape, with its measure; None if none."""
    from astrojepa.data.columns import class_columns, encode_column
    from astrojepa.evaluation.maps.islands import NUISANCES, PLAIN, islands

    found = {}
    for name in class_columns(table):
        if name.lower() in NUISANCES:
            labels = encode_column(table[name])[0]
            if (labels >= 0).sum() > 1:
                found[name] = islands(places, labels)
    most = max(found, key=lambda name: found[name].explained, default="")
    return (most, found[most]) if most and found[most].explained > PLAIN else None


def region(model: Any, data: Any, row: int, patches: np.ndarray, report: Progress) -> np.ndarray:
    """How much every galaxy has of some patches of one of them, float32 (n,)."""
    from astrojepa.evaluation.patches.regions import region_similarity

    return region_similarity(model, data, row, patches, progress=report)


@dataclasses.dataclass(frozen=True)
class NamedClusters:
    """Clusters at two levels, each with a label."""

    clusters: Any  # a Clusters
    labels: dict[str, tuple[str, ...]]  # of each level

    def level(self, name: str) -> Any:
        """One level, a Clustering: "coarse" or "fine"."""
        return getattr(self.clusters, name)

    def names(self, level: str) -> tuple[str, ...]:
        """The labels of a level's clusters."""
        return self.labels[level]


@as_task
def clusters(report: Progress, embeddings: Any, data: Any, given: Any) -> NamedClusters:
    """Clusters with labels from the columns of the data and the images. `given` as in `embed`."""
    from astrojepa.data.columns import comparable_columns
    from astrojepa.evaluation.baselines.shape_columns import shape_columns
    from astrojepa.evaluation.maps.cluster_labels import cluster_labels
    from astrojepa.evaluation.maps.clusters import find_clusters

    found = find_clusters(embeddings, progress=report)
    levels = {"coarse": found.coarse, "fine": found.fine}
    if not found.fine.count:
        return NamedClusters(found, dict.fromkeys(levels, ()))
    columns = comparable_columns(data) | shape_columns(given, progress=report)
    return NamedClusters(
        found, {name: cluster_labels(level.labels, columns) for name, level in levels.items()}
    )


@as_task
def shapes(report: Progress, given: Any) -> Any:
    """Hand-made statistics of the images as columns; none without images."""
    from astrojepa.evaluation.baselines.shape_columns import shape_columns

    return shape_columns(given, progress=report)


@st.cache_resource(show_spinner=False, max_entries=8)
def labelled_by(_data: Any, fingerprint: str, column: str) -> Any:
    """The same galaxies with another column's words as labels."""
    from astrojepa.data.columns import labelled_by

    return labelled_by(_data, column)


@as_task
def neighbours_kept(report: Progress, embeddings: Any, method: str, k: int) -> Any:
    """For each galaxy, the share of its k nearest that are among its k nearest on the map."""
    from astrojepa.evaluation.maps.map_quality import neighbour_preservation

    return neighbour_preservation(embeddings, aj.project(embeddings, method=method, seed=0), k)


@as_task
def error_scale(
    report: Progress, model: Any, data: Any, masks: str
) -> dict[str, tuple[float, float]]:
    """Return the colour scale of patch errors: 2nd and 98th percentile over a few galaxies."""
    from astrojepa import plotting

    rows = np.unique(np.linspace(0, len(data) - 1, min(12, len(data))).astype(int))
    found = []
    for done, row in enumerate(rows):
        with MODEL_TURNS.turn():
            image = model.image_of(data, int(row))
            found.append(aj.patch_errors(model, image, masks=masks, seed=0, num_masks=4))
        report(done + 1, len(rows), "")
    kinds = ("mse", "cosine")
    return {
        kind: plotting.colour_scale(np.stack([getattr(errors, kind) for errors in found]))
        for kind in kinds
    }


@st.cache_data(show_spinner=False, max_entries=16)
def seconds_per_galaxy(_model: Any, model_hash: str) -> float:
    """How long the model looks at one galaxy here, from one batch of dark images."""
    image = _model.config.image
    shape = (16, image.frame_size, image.frame_size, image.channels)
    grey = np.zeros(shape, np.float32 if image.bands else np.uint8)
    with MODEL_TURNS.turn():
        _model.encode(grey[:1])
        began = time.perf_counter()
        _model.encode(grey)
        return (time.perf_counter() - began) / len(grey)


@st.cache_data(show_spinner=False, ttl=60, max_entries=64)
def control_is_embedded(_model: Any, _data: Any, model_hash: str, data_hash: str) -> bool:
    """Whether random weights of the same network have embedded this data set."""
    return is_embedded(_model.randomised(), _data)
