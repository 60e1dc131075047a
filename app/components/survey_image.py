"""The survey's own image of a galaxy, fetched when its visitor switches that on, in local mode."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import streamlit as st

from ..session import state
from ..session.workspace import Workspace
from .cutout.cutout import ENLARGED, cutout
from .escape_markdown import escape_markdown

Place = tuple[float, float]  # ra and dec, degrees
WIDEST = 400  # pixels of the image on the page
KEEP = 256  # images, of at most 0.8 MB each
LABEL = "From the Legacy Surveys viewer, not part of your data"
_FAILED = "survey_image_failed"  # the last position that gave no image, and why


def place_of(workspace: Workspace, row: int) -> Place | None:
    """Return where an image of this galaxy may be fetched from: one's own, at a known position."""
    data = workspace.data
    ra, dec = float(data.ra[row]), float(data.dec[row])
    placed = math.isfinite(ra) and math.isfinite(dec)
    return (ra, dec) if placed and not data.simulated and not workspace.hosted else None


def is_on(place: Place | None) -> bool:
    """Whether the visitor switched it on and it is offered."""
    return place is not None and bool(st.session_state.get(state.SURVEY_IMAGE))


def survey_toggle(place: Place | None) -> None:
    """Draw the switch, which says what leaves this machine; nothing where it is not offered."""
    from astrojepa.data.download.survey_image import HOST

    if place is None:
        return
    st.toggle("Show the survey image", key=state.SURVEY_IMAGE, persist_state="session")
    st.caption(
        f"When on, the position of each galaxy that you open here is sent to `{HOST}`, with the "
        "size of the image. Like any website, it sees your network address."
    )


def survey_picture(
    place: Place | None, name: object, side: int = 0, scale: float | None = None, known: str = ""
) -> None:
    """Draw the image of the field of a stored one, of `side` pixels of `scale` arcsec, as wide as
    that; `known` says why it has this field. Nothing is drawn or asked for unless `is_on`.
    """
    if place is None or not is_on(place):
        return
    from astrojepa.data.download.survey_image import USUAL

    side = side or USUAL
    if (found := fetched(place, side, scale)) is None:
        return
    image, shown = found
    with st.container(width=min(WIDEST, ENLARGED * side)):
        alt = f"Galaxy {name} in the Legacy Surveys viewer"
        cutout("survey_cutout", image, scale_bar(shown.size, shown.scale), None, alt)
    field = f"{shown.size * shown.scale:.3g}″ wide{known and ', '}{known}"
    st.caption(f"{LABEL}. {field}; north is up, east left.")


def scale_bar(width: int, scale: float | None) -> tuple[float, str]:
    """Choose a round length of 15 to 40 % of the width: (share of the width, label)."""
    extent = width * (scale or 1.0)
    steps = [digit * 10.0**power for power in range(-3, 6) for digit in (1, 2, 5)]
    length = max((step for step in steps if step <= 0.4 * extent), default=extent)
    return length / extent, f"{length:g}″" if scale else f"{length:g} px"


def fetched(place: Place, side: int, scale: float | None) -> Any | None:
    """Return the image (H, W, 3) and its Cutout, of the field of `side` pixels of `scale` arcsec.

    None, with a sentence in its place, where none came.
    """
    from astrojepa.data.download.survey_image import HOST

    asked = (*place, side, scale)
    failed, why = st.session_state.get(_FAILED, (None, ""))
    if failed != asked:
        try:
            with st.spinner("Fetching the survey image"):
                return _fetch(*asked)
        except (ValueError, OSError) as error:
            why = str(error)
            st.session_state[_FAILED] = (asked, why)
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
