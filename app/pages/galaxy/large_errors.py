"""Patch errors of one galaxy of a large store, by the model of its vectors or the one asked for."""

from __future__ import annotations

from collections.abc import Callable
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
        if images is None:
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
    data = with_images(large.galaxies([row]), images)
    nothing: Any = None  # the rest is not asked for
    choice = Choice(str(model.id), str(model.id))
    opened = {"whole": data, "sampled": None, "data": data}
    workspace = Workspace(nothing, False, nothing, choice, [choice], None, go, model, opened=opened)

    def scale(kind: str) -> Task:
        def task(report: Progress) -> Any:
            there = np.flatnonzero(images.there(np.arange(len(large.map))))
            places = np.linspace(0, len(there) - 1, min(LOOKED_AT, len(there))).astype(np.int64)
            found = images.each(there[places].tolist())
            sound = [one for one, picture in found if isinstance(picture, np.ndarray)] or [row]
            few = np.sort(sound)[np.unique(np.linspace(0, len(sound) - 1, SCALED).astype(int))]
            return loaders.error_scale(model, with_images(large.galaxies(few), images), kind)(
                report
            )

        return ("large scale", large.pictures_key, model.hash, kind), SCALING, task

    around = Around(
        scale, lambda mask: examples.set_region(about, row, mask), lambda: publish(large)
    )
    st.header("Patch errors", anchor=False)
    own = (
        "" if large.map.store.facts.get("model_hash") else ", which may not be that of the vectors"
    )
    st.caption(f"By the model {escape_markdown(choice.label)}{own}.")
    patch_panel_section(workspace, 0, image, around)
