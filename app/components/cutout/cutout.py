"""A whole image with a scale bar, and the frame of what a model sees of it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

_HERE = Path(__file__).parent


def cutout(
    key: str,
    image: np.ndarray,
    bar: tuple[float, str],
    box: tuple[float, float, float, float] | None,
) -> None:
    """Show uint8 (H, W, 3); `bar`: share of the width and label, `box`: shares of the image."""
    from astrojepa import plotting

    picture = base64.b64encode(plotting.encode_image(image, "jpeg", 92)).decode()
    height, width = image.shape[:2]
    data = {
        "image": f"data:image/jpeg;base64,{picture}",
        "aspect": f"{width} / {height}",
        "bar": bar[0],
        "length": bar[1],
        "box": None if box is None else list(box),
    }
    _component()(data=data, key=key)


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    return st.components.v2.component(
        "astrojepa_cutout",
        html=(
            '<div class="cutout"><img alt="the whole image"><div class="seen"></div><div '
            'class="bar"><span></span><i></i></div></div>'
        ),
        css=(_HERE / "cutout.css").read_text(encoding="utf-8"),
        js=(_HERE / "cutout.js").read_text(encoding="utf-8"),
    )
