"""Search by example: what the session searches for, and how far every galaxy is from it.

The examples are galaxies, images that were brought along, or a region of one galaxy. The result is
two columns, `search_rank` and `search_distance`, which filter, sort and export as any other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np
import streamlit as st

from astrojepa.data.filters import with_clause
from astrojepa.wording import first_of, galaxies

from ..components.patch_panel.masks import read_mask
from . import loaders, sampling, state, uploads, waiting
from .workspace import LIBRARIES, Workspace

RANK, DISTANCE = "search_rank", "search_distance"
FOUND = 100  # galaxies that a new search chooses
FILTER = f"{RANK} <= {FOUND}"


@dataclass(frozen=True)
class Search:
    """What is searched for; rows are those among all galaxies."""

    like: tuple[int, ...] = ()
    unlike: tuple[int, ...] = ()
    images: tuple[str, ...] = ()  # digests of uploads
    region: str = ""  # row, a dot, and the mask of its patches

    def __bool__(self) -> bool:
        return bool(self.like or self.images or self.region)


class Searchable(Protocol):
    """What is searched: an open data set, or a large store."""

    @property
    def searched(self) -> tuple[str, int]:
        """Hash and number of the galaxies."""

    @property
    def sampled(self) -> np.ndarray | None:
        """Rows among them of those that are open; None for all."""

    @property
    def model(self) -> Any:
        """What regions of images are compared with, or None."""

    @property
    def can_embed(self) -> bool:
        """Whether images can be compared with the galaxies."""

    def picture(self, row: int) -> np.ndarray | None:
        """Return a galaxy's image, uint8 (H, W, 3), or None where it cannot be read."""


def asked(workspace: Searchable) -> Search:
    """Return what this session searches for among the open galaxies, empty for nothing."""
    searched = st.session_state.get(state.EXAMPLES_OF)
    if not searched or searched != workspace.searched[0]:
        return Search()
    named = st.session_state.get(state.LIKE_IMAGES, ())
    held = st.session_state.get(state.UPLOADS, {}) if named and workspace.can_embed else {}
    like, unlike = (
        tuple(row for row in st.session_state.get(key, ()) if row < workspace.searched[1])
        for key in (state.LIKE, state.UNLIKE)
    )
    images = tuple(name for name in named if name in held)
    region = st.session_state.get(state.REGION, "")
    if region and _read_region(workspace, region) is None:
        region = ""
    return Search(region=region) if region else Search(like, unlike, images)


def num_images(workspace: Searchable) -> int:
    """Count the images that are searched for, or that a followed link lacks."""
    if st.session_state.get(state.EXAMPLES_OF) != workspace.searched[0]:
        return 0
    return len(asked(workspace).images) or int(st.session_state.get(state.IMAGES_AWAY) or 0)


def problem(workspace: Searchable) -> str:
    """Say what of a search, a link's or one of another model, is not searched for here, and why."""
    session, count = st.session_state, workspace.searched[1]
    if session.get(state.EXAMPLES_OF) != workspace.searched[0]:
        return ""
    if region := session.get(state.REGION, ""):
        if asked(workspace).region:
            return ""
        row, model = region.partition(".")[0], workspace.model
        if model is None:
            return "A search by a region compares patches of images, which needs a model."
        if int(row) >= count:
            return f"The region is of galaxy number {row}, but there are {galaxies(count)} here."
        return (
            f"The region that is searched for does not fit the {model.grid} × {model.grid} patches "
            f"of {model.id}; draw it again on the Galaxy page."
        )
    if away := session.get(state.IMAGES_AWAY):
        which, them = ("an image", "it") if away == 1 else (f"{away} images", "them")
        return (
            f"The search of the link is by {which}, which a link does not hold: add {them} under "
            "“Search by image”."
        )
    rows = (*session.get(state.LIKE, ()), *session.get(state.UNLIKE, ()))
    missing = [str(row) for row in rows if row >= count]
    if not missing:
        return ""
    numbers, verb = ("number", "is") if len(missing) == 1 else ("numbers", "are")
    return (
        f"The search names galaxies by number, and {numbers} {first_of(missing)} {verb} not among "
        f"the {galaxies(count)} here."
    )


def set_search(workspace: Searchable, search: Search) -> None:
    """Search for this from now on; an empty Search ends the search and its filter."""
    session = st.session_state
    before = asked(workspace)
    search = search or Search()  # what is unlike alone is no search
    session[state.EXAMPLES_OF] = workspace.searched[0]
    session[state.LIKE], session[state.UNLIKE] = search.like, search.unlike
    session[state.LIKE_IMAGES], session[state.REGION] = search.images, search.region
    session[state.IMAGES_AWAY] = 0
    session[state.GALLERY_PAGE] = 0
    expression = session.get(state.FILTER, "")
    if not search:
        for name in (RANK, DISTANCE):
            expression = with_clause(expression, name, "")
        session[state.FILTER] = "" if RANK in expression or DISTANCE in expression else expression
        _forget_columns()
    elif not before and RANK not in expression:
        session[state.FILTER] = with_clause(expression, RANK, FILTER)
        session[state.SELECTION_ORDER], session[state.SELECTION_REVERSED] = RANK, False


def _forget_columns() -> None:
    """Take the columns of a search out of the order and the table of the selection."""
    session = st.session_state
    if session.get(state.SELECTION_ORDER) in {RANK, DISTANCE}:
        session[state.SELECTION_ORDER], session[state.SELECTION_REVERSED] = "", False
    if named := session.get(state.TABLE_COLUMNS):
        kept = [name for name in named if name not in {RANK, DISTANCE}]
        session[state.TABLE_COLUMNS] = kept or None  # the usual ones


def add_galaxy(workspace: Searchable, row: int, *, alike: bool = True) -> None:
    """Make an open galaxy an example of what to find more of, or less of."""
    search, row = _without(workspace, row), sampling.among_all(workspace.sampled, row)
    most = state.MOST_EXAMPLES
    if alike:
        search = replace(search, like=(*search.like, row)[-most:])
    else:
        search = replace(search, unlike=(*search.unlike, row)[-most:])
    set_search(workspace, search)


def remove_galaxy(workspace: Searchable, row: int) -> None:
    """Take an open galaxy out of the examples."""
    set_search(workspace, _without(workspace, row))


def _without(workspace: Searchable, row: int) -> Search:
    """Return what is searched for without an open galaxy, and without a region."""
    search, row = asked(workspace), sampling.among_all(workspace.sampled, row)
    like, unlike = (
        tuple(kept for kept in rows if kept != row) for rows in (search.like, search.unlike)
    )
    return Search(like, unlike, search.images)


def add_images(workspace: Searchable, digests: tuple[str, ...]) -> None:
    """Make images that were brought along examples of what to find more of."""
    search = asked(workspace)
    images = tuple(dict.fromkeys([*search.images, *digests]))
    set_search(workspace, replace(search, images=images, region=""))


def set_region(workspace: Searchable, row: int, mask: str) -> None:
    """Search for the patches of an open galaxy that a mask marks."""
    set_search(workspace, Search(region=f"{sampling.among_all(workspace.sampled, row)}.{mask}"))


def follow(searched: str, link: state.Link) -> None:
    """Search for what a link searches for among the galaxies of this hash, "" for none."""
    st.session_state[state.EXAMPLES_OF] = searched
    for key, value in (
        (state.LIKE, link.like),
        (state.UNLIKE, link.unlike),
        (state.REGION, link.region),
        (state.LIKE_IMAGES, ()),
        (state.IMAGES_AWAY, link.images),
    ):
        st.session_state[key] = value


def places(workspace: Searchable, rows: tuple[int, ...]) -> list[int]:
    """Return where examples stand among the open galaxies; those not in the sample are left out."""
    found = (sampling.place_in(workspace.sampled, row) for row in rows)
    return [place for place in found if place is not None]


def region_of(workspace: Searchable, search: Search) -> tuple[int, np.ndarray] | None:
    """Return the open galaxy and the patches bool (G, G) of a search by region; None without."""
    read = _read_region(workspace, search.region) if search.region else None
    if read is None:
        return None
    place = sampling.place_in(workspace.sampled, read[0])
    return None if place is None else (place, read[1])


def distances(workspace: Workspace) -> np.ndarray | None:
    """Return every open galaxy's distance to what is searched for, float (n,), smaller = more
    alike; None where nothing is, or not yet.
    """
    return workspace.opened.get(_key(asked(workspace)))


def pending(workspace: Workspace) -> bool:
    """Compute what is missing for the search, with its progress; whether it is not there yet."""
    search = asked(workspace)
    if not search or _key(search) in workspace.opened:
        return False
    compute = _by_region if search.region else _by_examples
    found = compute(workspace, search)
    if found is not None:
        workspace.opened[_key(search)] = found
    return found is None


def _key(search: Search) -> str:
    return f"search {search}"


def _by_examples(workspace: Workspace, search: Search) -> np.ndarray | None:
    from astrojepa.evaluation.vectors.examples import distances_to_examples
    from astrojepa.evaluation.vectors.standardise import checked_vectors, standardise

    if search.images and not workspace.loaded:
        waiting.after_first_paint(*LIBRARIES)
        return None
    features = loaders.features(workspace.embeddings, *workspace.key)
    like, unlike = (features[places(workspace, rows)] for rows in (search.like, search.unlike))
    if search.images:
        held = st.session_state[state.UPLOADS]
        vectors = uploads.vectors(
            workspace.model,
            workspace.key[0],
            workspace.choice.label,
            [held[name] for name in search.images],
        )
        known = checked_vectors(workspace.embeddings)
        like = np.concatenate([like, standardise(known, np.stack(vectors))[1]])
    if len(like) == 0:
        return None
    return distances_to_examples(features, like, unlike)


def _by_region(workspace: Workspace, search: Search) -> np.ndarray | None:
    asked_for = region_of(workspace, search)
    if asked_for is None:
        return None
    if not workspace.loaded:
        waiting.after_first_paint(*LIBRARIES)
        return None
    similar = waiting.show_when_ready(
        ("region", *workspace.key, search.region),
        f"Comparing the region with {galaxies(len(workspace.data))}",
        partial(loaders.region, workspace.model, workspace.given, *asked_for),
    )
    return None if similar is None else 1 - similar


def _read_region(workspace: Searchable, text: str) -> tuple[int, np.ndarray] | None:
    """Read row and patches bool (G, G) of a region; None for another grid or another data set."""
    if workspace.model is None:
        return None
    row, _, mask = text.partition(".")
    patches = read_mask(mask, workspace.model.grid)
    known = row.isdecimal() and int(row) < workspace.searched[1]
    return (int(row), patches) if known and patches is not None and patches.any() else None
