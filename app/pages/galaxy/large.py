"""One galaxy of a store that is too large for memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from astrojepa.wording import galaxies

from ...components.copy_link.copy_link import copy_link
from ...components.escape_markdown import escape_markdown
from ...components.galaxy_head import galaxy_head
from ...components.large_card import class_names, columns_and_links, nearest, place_of, shown_image
from ...components.survey_image import is_on, survey_picture, survey_toggle
from ...session import state
from ...session.large import Large, Order, select, selected
from ...session.large_links import publish
from ..anomalies.large_artefacts import CHECKED, likely_artefacts
from ..anomalies.order import SKIPPED, beside
from .large_errors import patch_errors


def show(large: Large, go: Callable[[str], None]) -> None:
    """Draw the page of the selected galaxy."""
    if st.session_state.pop(state.TO_MAP, False):
        go("map")
    link, row = publish(large), selected(large)
    if row is None:
        st.title("Galaxy", anchor=False)
        st.info("Click a galaxy on the Map or the Anomalies page.")
        return
    table = large.map.store.table_of(np.array([row]))
    known = large.map.store.known_of(np.array([row]))
    name, place = str(known["id"][0]), place_of(large, table)
    images = large.images()
    _head(large, images, row, name, class_names(known)[0] if "label" in known else "")
    left, right = st.columns([3, 2], gap="medium")
    with left:
        stored, survey = st.columns(2, gap="small") if is_on(place) and images else (left, left)
        with stored:
            shown_image(large, images, row, name)
        survey_toggle(place)
        survey = survey.container()
        errors = st.container()
    with right:
        nearest(large, images, row)
        columns_and_links(large, table)
        copy_link(link)
    with errors:
        patch_errors(large, images, row, go)
    with survey:
        survey_picture(place, name)  # last: all else is there while it is fetched


def _head(large: Large, images: Any, row: int, name: str, kind: str) -> None:
    """Head the page, with the ranks before and after on the leaderboard."""
    head, order, found, said = st.container(), large.order(), None, ""
    before = after = None
    if order is not None:
        which = f" matching {order.filter}" if order.filter else ""
        by = f"by {order.column.replace('_', ' ')}, {order.facts['order']}"
        try:
            found = large.beside(order, row)
        except ValueError as error:
            said = str(error)
    if found is not None and order is not None:
        rank, count, before, after = found
        said = f"Rank {rank:,} of the {galaxies(count)}{which}, {by}. Arrow keys step through the "
        said += "ranks."
        if not rank:
            said = f"This galaxy is not among the {count:,}{which} that are ranked {by}."
        elif (unsound := _left_out(large, images, order, rank)) is not None:
            before, after = beside(*unsound, row)
            said += SKIPPED
    st.caption(escape_markdown(f"{'Simulated. ' if large.is_simulated else ''}{said}"))
    with head:
        galaxy_head(name, kind, before, after, partial(select, large))


def _left_out(
    large: Large, images: Any, order: Order, rank: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """The rows of the leaderboard and those that it leaves out, where a rank is near one."""
    ranked = large.ranked(order)
    if ranked is None or rank > CHECKED + 1 or st.session_state.get(state.SHOW_ARTEFACTS):
        return None
    unsound = likely_artefacts(large, images, ranked[0])
    return None if unsound is None or not len(unsound) else (ranked[0], unsound)
