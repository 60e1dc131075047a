"""Search by example in a large store: the nearest galaxies have a rank and a distance."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from astrojepa.data.values import Numbers
from astrojepa.evaluation.vectors.neighbour_index import is_available
from astrojepa.progress import Progress
from astrojepa.wording import galaxies

from ..components.instead import say_instead
from . import examples, loaders, state, uploads, waiting
from .large import Large, Made
from .workspace import Choice, Task, model_task

MOST = 1000  # galaxies that have a rank
SAID = f"The nearest {MOST:,} have a rank."
PATCHED = 300  # galaxies whose patches a region is compared with
SAID_OF_REGION = (
    f"Of the {PATCHED} galaxies nearest to this one, those with an image are ranked by their "
    "best-matching part."
)


class StoreSearch:
    """A store as what is searched."""

    sampled: np.ndarray | None = None

    def __init__(self, large: Large) -> None:
        self.large = large

    @property
    def searched(self) -> tuple[str, int]:
        return self.large.key, len(self.large.map)

    @property
    def model(self) -> Any:
        """The model of the vectors, once it is loaded: a region is compared with its patches."""
        if _choice(self.large) is None:
            return None
        return loaders.jobs().result(_model_task(self.large)[0])

    @property
    def can_embed(self) -> bool:
        return not without(self.large)

    @property
    def is_by_region(self) -> bool:
        """Whether a region is searched for."""
        return bool(examples.asked(self).region)

    def picture(self, row: int) -> np.ndarray | None:
        images = self.large.images()
        if images is None:
            return None
        ((_, image),) = images.each([row])
        return image if isinstance(image, np.ndarray) else None


def follow(large: Large, link: state.Link) -> None:
    """Search for what a link searches for, if it names the store, or its galaxy by row and id."""
    same = bool(link.model_hash) and large.key.startswith(link.model_hash)
    if link.row is not None and link.id:
        same = large.names([link.row])[:1] == [link.id]
    examples.follow(large.key if same else "", link)
    if not same and (link.like or link.unlike or link.region or link.images):
        say_instead("The search of the link is of other galaxies", "nothing is searched for")


def found(large: Large) -> tuple[np.ndarray, np.ndarray] | None:
    """Return distances and rows of the nearest; None where nothing is searched for, or not yet."""
    key = _key(large)
    return None if key is None else loaders.jobs().result(key)


def columns(large: Large) -> dict[str, Made]:
    """What the search says of galaxies, as columns: rank and distance, of the nearest."""
    if (nearest := found(large)) is None:
        return {}
    distances, rows = nearest
    ranks = np.arange(1, len(rows) + 1)
    values = {examples.RANK: ranks, examples.DISTANCE: distances}
    return {
        name: Made(str(_key(large)), partial(_spread, len(large.map), rows, told))
        for name, told in values.items()
    }


def pending(large: Large) -> bool:
    """Search for what is not found yet, with progress; whether it is not there yet."""
    if not prepared(large):
        return True
    key, search = _key(large), examples.asked(StoreSearch(large))
    if key is None or found(large) is not None:
        return False
    index, vectors = None, np.zeros((0, large.map.store.width), np.float32)
    if is_available() and (index := large.index()) is None:
        return True
    if search.region:
        return waiting.show_when_ready(*_region_task(large, index, key, search)) is None
    if search.images:
        held = st.session_state[state.UPLOADS]
        model = model_of(large)
        if model is None:
            return True
        choice = _choice(large)
        named = [held[name] for name in search.images]
        vectors = np.stack(uploads.vectors(model, model.hash, choice.label, named))
    like, unlike = (np.array(rows, np.int64) for rows in (search.like, search.unlike))

    def task(report: Progress) -> tuple[np.ndarray, np.ndarray]:
        from astrojepa.evaluation.vectors.store_search import nearest_to_examples

        return nearest_to_examples(large.map.store, index, like, unlike, vectors, MOST)

    said = f"Searching {galaxies(len(large.map))}"
    return waiting.show_when_ready(key, said, task) is None


def prepared(large: Large) -> bool:
    """Load the model that a search by a region needs; whether it is there, or not needed.

    ValueError where there is none, or the vectors are another's.
    """
    asked = st.session_state.get(state.REGION)
    if not asked or st.session_state.get(state.EXAMPLES_OF) != large.key:
        return True
    if sentence := without_model(large):
        raise ValueError(sentence)
    return StoreSearch(large).model is not None or model_of(large) is not None


def model_of(large: Large) -> Any | None:
    """The model that was asked for, or that the store names; None while it is loaded."""
    return waiting.show_when_ready(*_model_task(large))


def _region_task(
    large: Large, index: Any, key: tuple[object, ...], search: examples.Search
) -> Task:
    """Compare a region with the patches of the galaxies that are nearest to its own."""
    about = StoreSearch(large)
    region, model, images = examples.region_of(about, search), about.model, large.images()

    def task(report: Progress) -> tuple[np.ndarray, np.ndarray]:
        from .store_sample import with_images

        if region is None or images is None:
            raise ValueError("A search by a region needs images; start the explorer with --data.")
        row, patches = region
        if index is None:
            near = large.map.nearest(row, PATCHED)[1]
        else:
            near = index.nearest(np.array([row]), PATCHED)[1][0]
        read = images.each([row, *near.tolist()])
        sound = {one for one, image in read if isinstance(image, np.ndarray)}
        rows = np.array([one for one in (row, *near.tolist()) if one in sound], np.int64)
        if len(rows) < 2 or rows[0] != row:
            raise ValueError("There are no images to compare this region with.")
        data = with_images(large.galaxies(rows), images)
        distances = 1 - loaders.region(model, data, 0, patches, report)
        order = np.argsort(distances, kind="stable")
        return distances[order], rows[order]

    return key, f"Comparing the region with {PATCHED} galaxies", task


def without(large: Large) -> str:
    """Say why no image can be searched with; "" where the model of the vectors is at hand."""
    facts = large.map.store.facts
    if not facts.get("model_hash"):
        return (
            "The store does not say which model its vectors are from, so no image can be compared "
            "with them. “More like this” searches with a galaxy of the store."
        )
    if _choice(large) is None:
        return (
            f"To search with an image, start the explorer with the model of the vectors: "
            f"--checkpoint {facts.get('model') or 'PATH'}."
        )
    return ""


def without_model(large: Large) -> str:
    """Say why there are no patch errors; "" where there is a model to ask."""
    if _choice(large) is not None:
        return ""
    named = large.map.store.facts.get("model", "")
    return (
        "For patch errors, and to search by a region of an image, start the explorer with a model: "
        f"--checkpoint {named or 'ID'}."
    )


def _choice(large: Large) -> Any:
    """The checkpoint that was asked for, or the released one of the name that the store says."""
    name = large.map.store.facts.get("model", "")
    if large.checkpoint and large.checkpoint != "best":
        return Choice(large.checkpoint, large.checkpoint)
    there = any(str(card["id"]) == name for card in loaders.cards())
    return Choice(name, name) if there else None


def _model_task(large: Large) -> Task:
    """What loads the model; ValueError where the vectors are another's."""
    key, sentence, load = model_task(_choice(large))
    wanted = large.map.store.facts.get("model_hash", "")

    def task(report: Progress) -> Any:
        model = load(report)
        if wanted and model.hash != wanted:
            advice = "start with --checkpoint and the right one"
            if large.checkpoint is None:
                advice = "the released model of this name is another one"
            raise ValueError(
                f"The vectors of {large.name} are those of the model {wanted[:8]}, not of "
                f"{model.id} ({model.hash[:8]}); {advice}."
            )
        return model

    return (*key, wanted), sentence, task


def _key(large: Large) -> tuple[object, ...] | None:
    search = examples.asked(StoreSearch(large))
    return ("large search", large.key, large.pictures_key, search) if search else None


def _spread(count: int, rows: np.ndarray, values: np.ndarray) -> Numbers:
    every = np.full(count, np.nan)
    every[rows] = values
    return Numbers(every)
