"""The selected galaxy: image, patch errors, neighbours, facts and links."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from ..server import pictures
from ..session import links, loaders, state, waiting
from ..session.workspace import LIBRARIES, Workspace
from .choose import choose
from .copy_link.copy_link import copy_link
from .escape_markdown import escape_markdown
from .facts import chip, position_facts, unreadable, without_errors
from .gallery.gallery import gallery
from .known_columns import known_columns
from .latent_map import palette
from .search_buttons import search_buttons

COLOURS = {"mse": "magma", "cosine": "viridis"}
IMAGE, ERRORS, BOTH = "Image", "Patch errors", "Both"
NUM_NEIGHBOURS = 6
IMAGE_WIDTH = 352  # pixels at most, so that the neighbours stand on the first screen


def galaxy_card(workspace: Workspace, row: int, query: str) -> None:
    """Show one galaxy; its own controls redraw this card alone."""
    st.session_state.setdefault(state.PANEL_VIEW, IMAGE)
    st.session_state.setdefault(state.OPACITY, 55)
    _card(workspace, row, query)


@st.fragment
def _card(workspace: Workspace, row: int, query: str) -> None:
    if st.session_state.pop(state.WHOLE_PAGE, False):
        st.rerun()
    _heading(workspace, row)
    picture = st.container()  # filled last: all else is there while a first heatmap is computed
    st.caption("Nearest neighbours (feature space) and their distances")
    nearest(workspace, row, "neighbours", _go, 112)
    search_buttons(workspace, row)
    position_facts(workspace, row, {"Anomaly score": f"{workspace.scores[row]:.3f}"})
    known_columns(workspace, row, "card")
    with st.container(horizontal=True):
        if st.button("Open galaxy page"):
            workspace.go("galaxy")
        copy_link(query)
    with picture:
        _picture(workspace, row)


def named(name: str, kind: str) -> None:
    """Head a galaxy by its id, with its class as a chip."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="stretch"):
        st.header(escape_markdown(name), anchor=False, width="content")
        if kind:
            chip(kind)


def _heading(workspace: Workspace, row: int) -> None:
    place, n = int(workspace.places[row]), len(workspace.data)
    named(workspace.data.ids[row], workspace.class_name(row))
    share = f"1 of {n:,} (most anomalous)" if place == 1 else f"{place:,} of {n:,}"
    st.caption(
        f"{'Simulated. ' if workspace.data.simulated else ''}Anomaly rank by kNN distance: {share}."
    )


def _picture(workspace: Workspace, row: int) -> None:
    image = workspace.picture(row)
    if image is None:
        unreadable(workspace.data.ids[row])
    elif sentence := without_errors(workspace):
        st.image(pictures.inline(image), width=IMAGE_WIDTH, alt=_alt(workspace, row))
        st.caption(sentence)
    else:
        _patch_panel(workspace, row, image)


def _patch_panel(workspace: Workspace, row: int, image: np.ndarray) -> None:
    from astrojepa import plotting

    place = st.container(width=IMAGE_WIDTH).empty()
    with st.container(horizontal=True, vertical_alignment="center"):
        view = st.segmented_control(
            "Show",
            [IMAGE, ERRORS, BOTH],
            key=state.PANEL_VIEW,
            label_visibility="collapsed",
            persist_state="session",
        )
        with st.popover("Heatmap options"):
            _options()
    legend = st.container()
    kind, masks = st.session_state[state.ERROR_KIND], st.session_state[state.MASKS]
    scale_key = ("scale", *workspace.key, masks)
    if view in {IMAGE, None} or not loaders.jobs().has(scale_key):
        place.image(pictures.inline(image), width="stretch", alt=_alt(workspace, row))
    if not workspace.loaded:
        with legend:
            waiting.after_first_paint(*LIBRARIES)
        return
    if view in {IMAGE, None}:
        return
    sentence = "Computing the colour scale of the patch errors"
    low, high = waiting.wait_for(
        scale_key, sentence, loaders.error_scale(workspace.model, workspace.data, masks)
    )[kind]
    errors, elapsed = waiting.in_turn(
        lambda: loaders.patch_errors(workspace.model, workspace.data, *workspace.key, row, masks)
    )
    values = errors.mse if kind == "mse" else errors.cosine
    opacity = 1.0 if view == ERRORS else st.session_state[state.OPACITY] / 100
    seen = _model_view(workspace, image)
    shown = plotting.heatmap_overlay(seen, values, low, high, opacity, COLOURS[kind])
    place.image(
        pictures.inline(shown), width="stretch", alt=f"{_alt(workspace, row)}, with patch errors"
    )
    with legend:
        _scale_legend(kind, low, high, values, elapsed)


def _alt(workspace: Workspace, row: int) -> str:
    """Say what the image shows, for those who do not see it."""
    return f"Galaxy {workspace.data.ids[row]}, {workspace.class_name(row)}"


def _model_view(workspace: Workspace, image: np.ndarray) -> np.ndarray:
    """The part of the image that the model sees, smoothly enlarged for the eye."""
    from astrojepa.data.crops import seen_part

    config = workspace.model.config.image
    return seen_part(image, config, max(1, math.ceil(448 / config.image_size)))


def _scale_legend(kind: str, low: float, high: float, values: np.ndarray, elapsed: float) -> None:
    """The scale's two ends, one for all galaxies; numbers only go into the markup."""
    stops = ",".join(palette.MAGMA if kind == "mse" else palette.VIRIDIS)
    name = (
        "Prediction error (squared)"
        if kind == "mse"
        else "Cosine similarity of prediction and target"
    )
    mean = float(np.nanmean(values))
    below, above = palette.scale_ends(low, high, values)
    st.html(
        f'<div class="scale"><span>{below}</span><i '
        f'style="background:linear-gradient(90deg,{stops})"></i><span>{above}</span></div><div '
        f'class="note">{name}, same scale for all galaxies; mean of this galaxy {mean:.2f}. CPU, '
        f"about {elapsed * 1000:.0f} ms per heatmap.</div>"
    )


def _options() -> None:
    names = {"mse": "Squared error", "cosine": "Cosine"}
    choose("Measure", names, state.ERROR_KIND)
    how = {"tiling": "Each patch once", "random": "Random masks"}
    choose("Hidden patches", how, state.MASKS)
    st.slider("Heatmap opacity, %", 10, 100, key=state.OPACITY, step=5, persist_state="session")


def nearest(workspace: Workspace, row: int, key: str, go: Callable[[Any], None], tile: int) -> None:
    """Show the nearest galaxies with their distances; a click on one is told `go`."""
    found = loaders.neighbours(workspace.embeddings, *workspace.key, row, NUM_NEIGHBOURS)
    captions = [
        (workspace.class_name(int(i)), f"{d:.2f}")
        for i, d in zip(found.indices, found.distances, strict=True)
    ]
    gallery(key, workspace.pictures, found.indices.tolist(), captions, go, tile=tile)


def _go(row: Any) -> None:
    links.select(row)
    st.session_state[state.WHOLE_PAGE] = True
