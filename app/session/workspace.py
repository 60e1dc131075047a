"""The workspace: one data set, one model, and everything computed from the two."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from astrojepa.checkpoints.card import usable
from astrojepa.progress import Progress
from astrojepa.wording import galaxies

from ..components.latent_map import colouring
from ..server import pictures
from ..server.serving import Listing, Source, last_folders
from ..server.settings import Settings
from . import loaders, opening, sampling, state, waiting
from .queue import import_libraries

BASELINE = "baseline"  # the reference of "no model": pixel PCA
RANDOM = "random"
VECTORS = "vectors:"  # begins the reference of a file of vectors

# key on the board of jobs, sentence while it runs, what to do
Task = tuple[tuple[object, ...], str, Callable[[Progress], Any]]


@dataclass(frozen=True)
class Choice:
    """A model in the menu."""

    reference: str  # what load_model takes, BASELINE, or VECTORS and the path of a file
    label: str
    sha256: str = ""  # what its weights must be, where they are on the list of what is served


@dataclass
class Workspace:
    """What one run of a page works on: a data set and a model.

    The shell sets it up, and changes `model` and `choice` where a model cannot be opened; a page
    asks it for what is computed, which it keeps.
    """

    settings: Settings
    hosted: bool
    source: Source
    choice: Choice
    choices: list[Choice]
    bar: Any  # the row of controls at the top, to which a page may add its own
    go: Callable[[str], None]  # opens another page
    model: Any = None  # a Model; None for the baseline and for vectors
    stored: Any = None  # the Stored vectors that stand in for a model's
    # False where the model is known by its card alone, and its network still to come
    loaded: bool = True
    opened: dict[str, Any] = field(default_factory=dict)

    @property
    def whole(self) -> Any:
        """The data set with all its galaxies, labelled by the column that was chosen."""
        if "whole" not in self.opened:
            whole = self.opened["given"] = waiting.wait_for(*data_task(self.source))
            column = st.session_state.get(state.LABEL_COLUMN)
            if column and column in whole.table.columns:
                whole = loaders.labelled_by(whole, whole.fingerprint, column)
            self.opened["whole"] = whole
        return self.opened["whole"]

    @property
    def sampled(self) -> np.ndarray | None:
        """Rows of the sample shown before all are embedded, or with vectors; None for all."""
        if "sampled" not in self.opened:
            whole, rows = self.whole, None
            if self.stored is not None:
                rows = self._with_vectors()
            elif self.model is not None and sampling.is_large(len(whole)):
                embedded = self.has_embedded(self.model)
                rows = None if embedded else sampling.stratified_rows(whole.labels)
            self.opened["sampled"] = rows
        return self.opened["sampled"]

    def _with_vectors(self) -> np.ndarray | None:
        """Rows of the galaxies that have a vector in the file; None where all have one."""
        from astrojepa.evaluation.vectors.stored import rows_of

        there = rows_of(self.stored, self.given_whole) >= 0
        return None if there.all() else np.flatnonzero(there)

    def has_embedded(self, model: Any) -> bool:
        """Whether a model has looked at all galaxies before."""
        return loaders.jobs().has(
            ("embed", model.hash, self.whole.fingerprint)
        ) or loaders.is_embedded(model, self.given_whole)

    @property
    def searched(self) -> tuple[str, int]:
        """Hash and number of the galaxies that a search is among."""
        return self.whole.galaxies_hash, len(self.whole)

    @property
    def can_embed(self) -> bool:
        """Whether there is a model that images can be embedded with."""
        return self.model is not None

    @property
    def given_whole(self) -> Any:
        """All galaxies with the labels that they were opened with."""
        whole = self.whole
        return self.opened.get("given", whole)

    @property
    def given(self) -> Any:
        """The open galaxies with the labels that they were opened with: for what is computed from
        images alone, which the cache then finds whatever the labels.
        """
        given = self.given_whole
        if given is self.whole:
            return self.data
        if "given_data" not in self.opened:
            self.opened["given_data"] = (
                given if self.sampled is None else given.subset(self.sampled)
            )
        return self.opened["given_data"]

    @property
    def data(self) -> Any:
        """The open galaxies: all of them, or the sample."""
        if "data" not in self.opened:
            whole, rows = self.whole, self.sampled
            data = whole if rows is None else whole.subset(rows)
            if self.stored is not None and rows is not None:
                from astrojepa.evaluation.vectors.stored import left_out

                note = left_out(self.stored, whole, len(whole) - len(data))
                data = dataclasses.replace(data, notes=(*data.notes, note))
            self.opened["data"] = data
            pictures.offer(data)
        return self.opened["data"]

    @property
    def key(self) -> tuple[str, str]:
        """Hashes of what made the vectors and of the data."""
        return (self.made_by[1] or BASELINE, self.data.fingerprint)

    @property
    def made_by(self) -> tuple[str, str]:
        """Name and hash of the model or the file that the vectors are from; no hash of pixels."""
        if self.stored is not None:
            return self.stored.name, self.stored.hash
        return (str(self.model.id), self.model.hash) if self.model else ("pixel PCA", "")

    @property
    def name_in_link(self) -> str:
        """What a link calls the model, the file of vectors, or the baseline."""
        if self.is_baseline:
            return self.choice.reference
        return self.choice.label if self.stored else self.made_by[0]

    @property
    def is_baseline(self) -> bool:
        """Whether the vectors are principal components of the pixels."""
        return self.model is None and self.stored is None

    @property
    def without_model(self) -> str:
        """Say what stands in for a model."""
        if self.stored is not None:
            return f"These are vectors from {self.stored.name}."
        return "This is the pixel baseline."

    @property
    def embeddings(self) -> Any:
        """One vector per galaxy."""
        return waiting.wait_for(*self.embed_task())

    def embed_task(self) -> Task:
        """What `waiting.wait_for` needs for the vectors."""
        if self.stored is not None:
            sentence = f"Reading the vectors of {galaxies(len(self.data))}"
            task = loaders.stored_vectors(self.stored, self.data, self.given)
            return ("embed", *self.key), sentence, task
        count, all_of_them = len(self.data), len(self.whole)
        shown = f"{count:,} of {galaxies(all_of_them)}" if count < all_of_them else galaxies(count)
        sentence = (
            f"Embedding {shown} with {self.choice.label}"
            if self.model
            else f"Computing the pixel PCA of {shown}"
        )
        return ("embed", *self.key), sentence, loaders.embed(self.model, self.data, self.given)

    @property
    def scores(self) -> np.ndarray:
        """Anomaly scores, larger = more anomalous; ValueError for a single galaxy."""
        if len(self.data) == 1:
            raise ValueError(
                f"{self.data.name} holds a single galaxy. Map, neighbours and anomaly scores need "
                "at least two: choose other galaxies above, and upload this image under Models & "
                "data to see it among them. The Galaxy page shows it."
            )
        task = loaders.scores(self.embeddings)
        sentence = f"Computing anomaly scores of {galaxies(len(self.data))}"
        return waiting.wait_for(("scores", *self.key), sentence, task)

    @property
    def places(self) -> np.ndarray:
        """Rank of every galaxy, 1 = most anomalous."""
        if "places" not in self.opened:
            self.opened["places"] = colouring.ranks(self.scores)
        return self.opened["places"]

    @property
    def selected(self) -> int:
        """Row of the selected galaxy; where none is, one worth showing is selected."""
        row = st.session_state.get(state.ROW)
        if len(self.data) == 1:
            row = st.session_state[state.ROW] = 0
        elif row is None or row >= len(self.data):
            task = loaders.first_galaxy(self.data, self.places)
            row = waiting.wait_for(("first", *self.key), "Choosing the first galaxy", task)
            st.session_state[state.ROW] = row
        return int(row)

    def projection_task(self, method: str, dimensions: int = 2) -> Task:
        """What `waiting.wait_for` needs for positions on the map, float (n, dimensions)."""
        kind = state.PROJECTIONS[method] if dimensions == 2 else f"3-D {state.PROJECTIONS[method]}"
        sentence = f"Computing the {kind} map of {galaxies(len(self.data))}"
        further = () if dimensions == 2 else (dimensions,)
        key = ("project", *self.key, method, *further)
        return key, sentence, loaders.project(self.embeddings, method, dimensions)

    def trust_task(self, method: str, k: int) -> Task:
        """The task of the share of k neighbours that a map keeps, float (n,)."""
        sentence = "Measuring the projection reliability"
        return (
            ("trust", *self.key, method, k),
            sentence,
            loaders.neighbours_kept(self.embeddings, method, k),
        )

    def positions(self, method: str, dimensions: int = 2) -> np.ndarray:
        """Positions on the map, float (n, dimensions)."""
        return waiting.wait_for(*self.projection_task(method, dimensions))

    @property
    def labelled(self) -> bool:
        """Whether there are classes to speak of."""
        return len(self.data.classes) > 1 and bool((self.data.labels >= 0).any())

    @property
    def pictures(self) -> str:
        """Address of this data set's images, from the server's root."""
        return pictures.address(self.data.fingerprint)

    def class_name(self, row: int) -> str:
        """The class of a galaxy, or "no label"."""
        label = int(self.data.labels[row])
        return self.data.classes[label] if label >= 0 else "no label"

    def picture(self, row: int) -> np.ndarray | None:
        """A galaxy's image as stored, uint8 (H, W, 3), or None where it cannot be read."""
        with contextlib.suppress(ValueError, OSError):
            return self.data[row].image
        return None


def model_choices(
    hosted: bool, loaded_paths: list[str], listing: Listing, vectors: Sequence[str] = ()
) -> list[Choice]:
    """List the models offered: listed, released, then (locally) runs and files, then controls."""
    choices = [Choice(entry.reference, entry.id, entry.sha256) for entry in listing.checkpoints]
    if hosted:
        choices += [Choice(entry.reference, entry.id, entry.sha256) for entry in listing.released]
    else:
        known = {choice.label for choice in choices}
        released = (str(card["id"]) for card in usable(loaders.cards()))
        choices += [Choice(name, name) for name in released if name not in known]
        choices += [
            Choice(folder, f"run {folder.rstrip('/').rpartition('/')[2]}")
            for folder in loaders.run_folders()
        ]
        choices += [Choice(path, label_of(path)) for path in loaded_paths]
        choices += [Choice(VECTORS + path, label_of(path)) for path in vectors]
    return [
        *choices,
        Choice(RANDOM, "random weights (control)"),
        Choice(BASELINE, "no model: pixel PCA (baseline)"),
    ]


def default_model(settings: Settings, hosted: bool, choices: list[Choice]) -> str:
    """Return the requested model, else the vectors, the bundle's, best released, newest run, or
    pixel PCA.

    ValueError where strangers may be looking and the model asked for is not on the list.
    """
    wanted = settings.checkpoint
    if wanted and wanted != "best":
        named = next(
            (choice.reference for choice in choices if wanted in {choice.reference, choice.label}),
            None,
        )
        if named is None and hosted and not wanted.startswith(RANDOM):
            raise ValueError(
                f"{label_of(wanted)} is not on this server's list; export it, and list it with "
                f"--allow or in a bundle."
            )
        if named is None:
            choices.insert(0, Choice(wanted, label_of(wanted)))
        return named or wanted
    if not wanted and settings.vectors and not hosted:
        return VECTORS + settings.vectors[0]
    if settings.listing.checkpoints:
        return settings.listing.checkpoints[0].reference
    if usable(loaders.cards()):
        return loaders.best_released()
    return next(
        (choice.reference for choice in choices if choice.label.startswith("run ")), BASELINE
    )


def told_apart(choices: list[Choice]) -> list[Choice]:
    """Return the choices, those of equal labels called by the folders that tell them apart."""
    labels = [choice.label for choice in choices]
    names = last_folders([choice.reference.removeprefix(VECTORS) for choice in choices])
    return [
        replace(choice, label=name) if labels.count(choice.label) > 1 else choice
        for choice, name in zip(choices, names, strict=True)
    ]


def label_of(reference: str) -> str:
    """What a model is called where nothing but its reference is known."""
    return reference.rstrip("/").rpartition("/")[2] or reference


def named(choices: list[Choice], name: str, digest: str = "") -> str | None:
    """Find the model that a link names among those on offer here: ids only, never a path. What a
    file of vectors is called depends on which others are open: by its own name, its hash decides.
    """
    for choice in choices:
        labels = map(state.name_in_link, (choice.label, choice.label.removeprefix("run ")))
        if name in {choice.reference, *labels} or (
            name.startswith("random:") and choice.reference == RANDOM
        ):
            return choice.reference
    for choice in choices if digest else ():
        path = choice.reference.removeprefix(VECTORS)
        own = state.name_in_link(label_of(path))
        is_called_so = path != choice.reference and f":{name}".endswith(f":{own}")
        if is_called_so and loaders.hash_of_vectors(path).startswith(digest):
            return choice.reference
    return None


LIBRARIES: Task = (
    ("libraries",),
    "Importing torch and scikit-learn",
    lambda report: import_libraries(),
)


def data_task(source: Source) -> Task:
    """What `waiting.wait_for` needs to open a data set."""
    return (
        ("data", source, loaders.state_of(source)),
        f"Opening {source.name}",
        opening.open_source(source),
    )


def vectors_task(choice: Choice) -> Task:
    """What `waiting.wait_for` needs to read a file of vectors."""
    path = choice.reference.removeprefix(VECTORS)
    files = (Path(path), Path(path) / "manifest.json")
    key = ("vectors", path, loaders.state_on_disk(*files))
    return key, f"Reading {choice.label}", opening.open_vectors(path)


def model_task(choice: Choice) -> Task:
    """What `waiting.wait_for` needs to load a model."""
    return (
        ("model", choice.reference, choice.sha256),
        f"Loading {choice.label}",
        opening.open_model(choice.reference, choice.sha256),
    )
