"""One galaxy of a store that is too large for memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from ...components.copy_link.copy_link import copy_link
from ...components.escape_markdown import escape_markdown
from ...components.facts import chip
from ...components.large_card import (
    class_names,
    columns_and_links,
    nearest,
    place_of,
    shown_image,
)
from ...components.survey_image import is_on, survey_picture, survey_toggle
from ...session.large import Large, selected
from ...session.large_links import publish


def show(large: Large, go: Callable[[str], None]) -> None:
    """Draw the page of the selected galaxy."""
    link, row = publish(large), selected(large)
    if row is None:
        st.title("Galaxy", anchor=False)
        st.info("Click a galaxy on the Map or the Anomalies page.")
        return
    table, known = (
        large.map.store.table_of(np.array([row])),
        large.map.store.known_of(np.array([row])),
    )
    name, place = str(known["id"][0]), place_of(large, table)
    with st.container(horizontal=True, vertical_alignment="center", key="galaxy_head"):
        st.title(escape_markdown(name), anchor=False, width="content")
        if "label" in known:
            chip(class_names(known)[0], "stretch")
    images = large.images()
    left, right = st.columns([3, 2], gap="medium")
    with left:
        stored, survey = st.columns(2, gap="small") if is_on(place) and images else (left, left)
        with stored:
            shown_image(large, images, row, name)
        survey_toggle(place)
        survey = survey.container()
    with right:
        nearest(large, images, row)
        columns_and_links(large, table)
        copy_link(link)
    with survey:
        survey_picture(place, name)  # last: all else is there while it is fetched
