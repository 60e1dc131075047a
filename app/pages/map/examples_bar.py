"""The search by example above the filter: what is searched for, and images to search with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from ...components.escape_markdown import escape_markdown
from ...components.gallery.gallery import gallery
from ...server.pictures import inline
from ...session import examples, state, uploads
from ...session.examples import Searchable

TILE = 64  # pixels of an example
_FILES, _SEEN, _PROBLEMS = "search_files", "search_files_seen", "search_problems"
_ENDED = "searches_ended"  # how many; the list of files of each search is a new one


def search_by_image(workspace: Searchable, without: str = "") -> None:
    """Offer to search with images that a visitor brings along; `without` says what is missing."""
    with st.popover("Search by image"):
        if not workspace.can_embed:
            st.caption(without or "Choose a model at the top to search with an image.")
            return
        st.file_uploader(
            "Images of galaxies",
            type=list(uploads.TYPES),
            accept_multiple_files=True,
            key=_files_key(),
            max_upload_size=10,
            on_change=partial(_take, workspace),
        )
        st.caption(
            "JPEG, PNG or FITS. The model sees the central square, so crop the galaxy with as much "
            "sky as the images here have. Images stay in this session's memory."
        )
        for problem in st.session_state.get(_PROBLEMS, []):
            st.warning(escape_markdown(problem))


def examples_bar(
    workspace: Searchable,
    pending: Callable[[], bool],
    pictures: str,
    captions: Callable[[int], Sequence[str]],
    said: str = "",
) -> bool:
    """Draw what is searched for, if anything is; whether its result is still to come.

    `captions` are written below the galaxy of a row, beside what is `said` of the result.
    """
    search, problem = examples.asked(workspace), examples.problem(workspace)
    if problem:
        st.error(escape_markdown(problem))
    if not search:
        if problem:
            st.button("End search", on_click=_search, args=(workspace, examples.Search()))
        return bool(problem)  # the filter by a search that there is not would be wrong as well
    with st.container(horizontal=True, vertical_alignment="center", key="examples"):
        st.caption(f"{sentence(search)} {said}".rstrip(), width="stretch")
        st.button("End search", on_click=_search, args=(workspace, examples.Search()))
    try:
        waits = pending()
    except ValueError as error:
        st.error(escape_markdown(error))
        return False
    if search.region:
        _region(workspace, search)
        return waits
    if search.images:
        _images(workspace, search)
    shown = {
        row: kind
        for kind, rows in (("like", search.like), ("unlike", search.unlike))
        for row in examples.places(workspace, rows)
    }
    gallery(
        "examples_gallery",
        pictures,
        list(shown),
        [(kind, *captions(row)) for row, kind in shown.items()],
        partial(_remove, workspace),
        tile=TILE,
    )
    every = (*search.like, *search.unlike)
    if missing := len(every) - len(examples.places(workspace, every)):
        st.caption(f"{missing} of the examples will count once all galaxies are embedded.")
    return waits


def sentence(search: examples.Search) -> str:
    """Say what is searched for, and how to change it."""
    if search.region:
        return (
            "Searching for galaxies with a region like the bright one; `search_rank` 1 is nearest."
        )
    count = len(search.like) + len(search.images)
    unlike = f", less like {len(search.unlike)}" if search.unlike else ""
    return (
        f"Searching for galaxies like {count} example{'s' if count > 1 else ''}{unlike}; "
        "`search_rank` 1 is nearest, and the filter `search_rank <= 10` keeps ten. *More like "
        "this* adds an example, a click removes it."
    )


def _region(workspace: Searchable, search: examples.Search) -> None:
    from astrojepa import plotting
    from astrojepa.data.crops import seen_part

    found = examples.region_of(workspace, search)
    if found is None:
        st.caption("The galaxy of this region will count once all galaxies are embedded.")
        return
    row, patches = found
    if (image := workspace.picture(row)) is not None:
        seen = seen_part(image, workspace.model.config.image, 2)
        elsewhere = np.where(patches, np.nan, 0.0)
        shown = plotting.heatmap_overlay(seen, elsewhere, 0.0, 1.0, opacity=0.7)
        st.image(inline(shown, "png"), width=2 * TILE, alt="The region that is searched for")


def _images(workspace: Searchable, search: examples.Search) -> None:
    held = st.session_state[state.UPLOADS]
    with st.container(horizontal=True, vertical_alignment="bottom", key="examples_images"):
        for digest in search.images:
            with st.container(horizontal=True, vertical_alignment="center", width=3 * TILE):
                st.image(inline(held[digest].image, "png"), width=TILE, alt=held[digest].name)
                st.button(
                    "Remove",
                    key=f"remove_{digest}",
                    help=escape_markdown(held[digest].name),
                    on_click=_without,
                    args=(workspace, digest),
                )


def _take(workspace: Searchable) -> None:
    """Read what was sent, and search with it; a bad file becomes a sentence."""
    sent: Sequence[Any] = st.session_state.get(_files_key()) or []
    seen = st.session_state.get(_SEEN, ())
    st.session_state[_SEEN] = [file.file_id for file in sent]
    new = [(file.name, file.getvalue()) for file in sent if file.file_id not in seen]
    held, problems = uploads.add(st.session_state.get(state.UPLOADS, {}), new)
    st.session_state[state.UPLOADS], st.session_state[_PROBLEMS] = held, problems
    digests = (uploads.digest_of(content) for _, content in new)
    if found := tuple(digest for digest in digests if digest in held):
        examples.add_images(workspace, found)


def _without(workspace: Searchable, digest: str) -> None:
    search = examples.asked(workspace)
    images = tuple(kept for kept in search.images if kept != digest)
    _search(workspace, examples.Search(search.like, search.unlike, images))


def _remove(workspace: Searchable, row: Any) -> None:
    count = workspace.searched[1] if workspace.sampled is None else len(workspace.sampled)
    if isinstance(row, int) and 0 <= row < count:
        examples.remove_galaxy(workspace, row)
        _search(workspace, examples.asked(workspace))


def _search(workspace: Searchable, search: examples.Search) -> None:
    """Search for this; with the end of a search the list of its files is empty."""
    examples.set_search(workspace, search)
    if not search:
        st.session_state[_ENDED] = st.session_state.get(_ENDED, 0) + 1
        st.session_state.pop(_PROBLEMS, None)


def _files_key() -> str:
    return f"{_FILES}_{st.session_state.get(_ENDED, 0)}"
