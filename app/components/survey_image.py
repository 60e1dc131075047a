"""The survey's own image of a galaxy, fetched when its visitor switches that on, in local mode."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import streamlit as st

from ..session import state
from ..session.workspace import Workspace
from .escape_markdown import escape_markdown

KEEP = 256  # images, of at most 0.8 MB each
LABEL = "From the Legacy Surveys viewer, not part of your data"
_FAILED = "survey_image_failed"  # the last position that gave no image, and why


def is_offered(workspace: Workspace, row: int) -> bool:
    """Whether this explorer may fetch an image of this galaxy: one's own, for a known position."""
    data = workspace.data
    placed = math.isfinite(data.ra[row]) and math.isfinite(data.dec[row])
    return placed and not data.simulated and not workspace.hosted


def is_on(workspace: Workspace, row: int) -> bool:
    """Whether the visitor switched it on and it is offered."""
    return bool(st.session_state.get(state.SURVEY_IMAGE)) and is_offered(workspace, row)


def survey_toggle(workspace: Workspace, row: int) -> None:
    """Draw the switch, which says what leaves this machine; nothing where it is not offered."""
    from astrojepa.data.download.survey_image import HOST

    if not is_offered(workspace, row):
        return
    st.toggle("Show the survey image", key=state.SURVEY_IMAGE)
    st.caption(
        f"When on, the position of each galaxy that you open here is sent to `{HOST}`, with the "
        "size of the image. Like any website, it sees your network address."
    )


def fetched(workspace: Workspace, row: int, side: int, scale: float | None) -> Any | None:
    """Return the image (H, W, 3) and its Cutout, of the field of `side` pixels of `scale` arcsec.

    None, with a sentence in its place, where none came; nothing is asked for unless `is_on`.
    """
    from astrojepa.data.download.survey_image import HOST

    if not is_on(workspace, row):
        return None
    place = (float(workspace.data.ra[row]), float(workspace.data.dec[row]), side, scale)
    failed, why = st.session_state.get(_FAILED, (None, ""))
    if failed != place:
        try:
            with st.spinner("Fetching the survey image"):
                return _fetch(*place)
        except (ValueError, OSError) as error:
            why = str(error)
            st.session_state[_FAILED] = (place, why)
    # as code, or the page would make a link of it
    st.caption(escape_markdown(f"No survey image: {why}").replace(HOST, f"`{HOST}`"))
    st.button("Try again", key="survey_image_again", on_click=_forget)
    return None


@st.cache_data(show_spinner=False, max_entries=KEEP)
def _fetch(ra: float, dec: float, side: int, scale: float | None) -> tuple[np.ndarray, Any]:
    from astrojepa.data.download import survey_image

    cutout = survey_image.same_field(side, scale)
    return survey_image.survey_image(ra, dec, cutout), cutout


def _forget() -> None:
    st.session_state.pop(_FAILED, None)
