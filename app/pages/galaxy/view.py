"""One galaxy: image, patch errors, neighbours and facts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import streamlit as st

from ...components import survey_image
from ...components.copy_link.copy_link import copy_link
from ...components.cutout.cutout import cutout
from ...components.escape_markdown import escape_markdown
from ...components.facts import position_facts, unreadable
from ...components.galaxy_card import nearest
from ...components.galaxy_head import galaxy_head
from ...components.known_columns import known_columns
from ...components.survey_image import WIDEST, scale_bar
from ...session import links, state
from ...session.workspace import Workspace
from ..anomalies.artefacts import left_out
from ..anomalies.order import SKIPPED, beside, ranking
from ..anomalies.scores import mid_sentence, on_board, title
from ..registry import Page
from . import large
from . import measures as galaxy_measures
from .panel import patch_panel_section

SCALE_COLUMNS = ("pxscale", "arcsec_per_pixel")  # Galaxy10 DECaLS, simulated galaxies


def show(workspace: Workspace) -> None:
    """Draw the page of the selected galaxy."""
    row = workspace.selected
    links.publish(workspace)
    alone = len(workspace.data) == 1
    (_head_alone if alone else _head)(workspace, row)
    image = workspace.picture(row)
    with st.container(horizontal=True, gap="medium", key="galaxy_columns"):
        left, right, third = (st.container() for _ in range(3))
    with right:
        with st.container(key="galaxy_image"):
            beside = _whole(workspace, row, image)
        if not alone:
            st.header("Nearest neighbours (feature space)", anchor=False)
            nearest(workspace, row, "galaxy_neighbours", links.select, 104)
        position_facts(workspace, row, {})
        known_columns(workspace, row, "page")
        link = st.container()
    with third:
        if not alone:
            galaxy_measures.votes(workspace, row)
    with left:
        if image is None:
            unreadable(workspace.data.ids[row])
        else:
            patch_panel_section(workspace, row, image)
    with third:
        if not alone:
            galaxy_measures.scores(workspace, row)
            if image is not None and workspace.model is not None:
                galaxy_measures.drift(workspace, row, image)
    with link:
        copy_link(links.publish(workspace))
    if beside is not None and image is not None:
        with beside:  # last: all else is there while it is fetched
            scale = arcsec_per_pixel(workspace.data.table, row)
            known = "as the stored image"
            if not scale:
                known = "since the stored image's pixel scale is unknown"
            place, name = survey_image.place_of(workspace, row), workspace.data.ids[row]
            survey_image.survey_picture(place, name, image.shape[1], scale, known)


def _head_alone(workspace: Workspace, row: int) -> None:
    """Head the page of the only galaxy, and say what is not known of it."""
    data = workspace.data
    galaxy_head(data.ids[row], workspace.class_name(row), None, None, links.select)
    st.caption(
        f"{'Simulated. ' if data.simulated else ''}{escape_markdown(data.name)} holds a single "
        "galaxy. Nearest neighbours, predictions and anomaly scores need more: choose other "
        "galaxies above, and upload this image under Models & data to see it among them."
    )


def _head(workspace: Workspace, row: int) -> None:
    """Head the page, with the ranks before and after on the leaderboard that was opened last."""
    data, chosen, unsound = workspace.data, on_board(workspace), left_out(workspace)
    kind, only = workspace.class_name(row), st.session_state.get(state.ANOMALY_CLASS)
    of_class = workspace.labelled and kind == only
    order = ranking(chosen.places, data.labels, int(data.labels[row]) if of_class else None)
    before, after = beside(order, unsound, row)
    galaxy_head(data.ids[row], kind, before, after, links.select)
    ranks = {chosen.name: chosen.places[row], "knn": workspace.places[row]}
    shares = "; ".join(
        f"by {mid_sentence(title(name))}: {place:,} of {len(data):,}"
        f"{' (most anomalous)' if place == 1 else ''}"
        for name, place in ranks.items()
    )
    steps = f"the class {escape_markdown(kind)} in the order of " if of_class else ""
    by = f" by {mid_sentence(title(chosen.name))}" if len(ranks) > 1 else ""
    st.caption(
        f"{'Simulated. ' if data.simulated else ''}Anomaly rank {shares}. Arrow keys step through "
        f"{steps}the ranks{by}.{SKIPPED if len(unsound) else ''}"
    )


def arcsec_per_pixel(table: Any, row: int) -> float | None:
    """Return a galaxy's pixel scale where the data tell it, else None."""
    for name in SCALE_COLUMNS:
        if name in table.columns:
            try:
                value = float(table[name].iloc[row])
            except (TypeError, ValueError):
                continue
            if math.isfinite(value) and value > 0:
                return value
    return None


def seen_box(height: int, width: int, share: float) -> tuple[float, float, float, float]:
    """Return (left, top, width, height) of the central square of side `share`, as shares."""
    side = share * min(height, width)
    return (width - side) / 2 / width, (height - side) / 2 / height, side / width, side / height


def seen_share(workspace: Workspace) -> float | None:
    """Which part of the image's shorter side the model sees; None without a model."""
    if workspace.model is None:
        return None
    config = workspace.model.config.image
    return config.image_size / config.frame_size


def seen_sentence(sides: tuple[int, ...]) -> str:
    """Describe the frame over the whole image; `sides` are those of the embedding's crops."""
    if len(sides) == 1:
        return " The frame marks the model input."
    low, high = (f"{end / sides[0]:.2f}" for end in (min(sides), max(sides)))
    return (
        f" The frame marks the model input; the embedding averages crops of {low} to {high} times "
        "its side."
    )


def _whole(workspace: Workspace, row: int, image: np.ndarray | None) -> Any | None:
    """Draw the whole image; returns the place beside it if the survey's own is switched on."""
    if image is None:
        return None
    height, width = image.shape[:2]
    scale = arcsec_per_pixel(workspace.data.table, row)
    share = seen_share(workspace)
    place = survey_image.place_of(workspace, row)
    two = survey_image.is_on(place)
    left, beside = st.columns(2, gap="small") if two else (st.container(), None)
    box = None if share is None else seen_box(height, width, share)
    with left:
        with st.container(width=WIDEST):
            cutout("cutout", image, scale_bar(width, scale), box)
        size = f"{width} × {height} pixels" + (
            f" of {scale:.3g}″" if scale else ", pixel scale unknown"
        )
        st.caption(
            "Whole image, "
            f"{size}.{'' if share is None else seen_sentence(workspace.model.config.crop_sides)}"
        )
    survey_image.survey_toggle(place)
    return beside


PAGE = Page("Galaxy", 2, show, show_large=large.show)
