"""Patch errors of one galaxy of a large store, by the model of its vectors or the one asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from astrojepa.progress import Progress

from ...components.escape_markdown import escape_markdown
from ...session import examples, large_search, loaders
from ...session.large import Large
from ...session.large_links import publish
from ...session.large_search import StoreSearch
from ...session.store_sample import with_images
from ...session.workspace import Choice, Task, Workspace
from .panel import SCALING, Around, patch_panel_section

SCALED, LOOKED_AT = 12, 60  # galaxies that colours are scaled by, and images that are read for it


def patch_errors(large: Large, images: Any, row: int, go: Callable[[str], None]) -> None:
    """Show the patch panel of a galaxy, or say why there is none."""
    about = StoreSearch(large)
    image = None if images is None else about.picture(row)
    if image is None:
        if images is None and large.source is None:  # else ids are looked up
            st.caption("Patch errors need images: start the explorer with --data.")
        return
    if sentence := large_search.without_model(large):
        st.caption(escape_markdown(sentence))
        return
    try:
        model = large_search.model_of(large)
    except (ValueError, OSError) as error:
        st.error(escape_markdown(error))
        return
    if model is None:
        return
    workspace = looked_at(large, images, row, model, go)
    around = Around(
        partial(scale_task, large, images, row, model),
        lambda mask: examples.set_region(about, row, mask),
        lambda: publish(large),
    )
    st.header("Patch errors", anchor=False)
    st.caption(by_model(large, model))
    patch_panel_section(workspace, 0, image, around)


def by_model(large: Large, model: Any) -> str:
    """Say whose patch errors these are."""
    known = large.map.store.facts.get("model_hash")
    own = "" if known else ", which may not be that of the vectors"
    return f"By the model {escape_markdown(model.id)}{own}."


def looked_at(
    large: Large, images: Any, row: int, model: Any, go: Callable[[str], None]
) -> Workspace:
    """Return what draws the patch errors of one galaxy, by a model."""
    data = with_images(large.galaxies([row]), images)
    nothing: Any = None  # the rest is not asked for
    choice = Choice(str(model.id), str(model.id))
    opened = {"whole": data, "sampled": None, "data": data}
    return Workspace(nothing, False, nothing, choice, [choice], None, go, model, opened=opened)


def scale_task(large: Large, images: Any, row: int, model: Any, kind: str) -> Task:
    """What `waiting.show_when_ready` needs for the colour scale, of 12 galaxies with an image."""

    def task(report: Progress) -> Any:
        there = np.flatnonzero(images.there(np.arange(len(large.map))))
        places = np.linspace(0, len(there) - 1, min(LOOKED_AT, len(there))).astype(np.int64)
        found = images.each(there[places].tolist())
        sound = [one for one, picture in found if isinstance(picture, np.ndarray)] or [row]
        few = np.sort(sound)[np.unique(np.linspace(0, len(sound) - 1, SCALED).astype(int))]
        return loaders.error_scale(model, with_images(large.galaxies(few), images), kind)(report)

    return ("large scale", large.pictures_key, model.hash, kind), SCALING, task
