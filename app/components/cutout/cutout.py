"""A whole image with a scale bar, and the frame of what a model sees of it."""

from __future__ import annotations

import base64

import numpy as np

from ..browser import component

ENLARGED = 6  # times at most that an image's pixels are shown
_HTML = (
    '<div class="cutout"><img alt=""><div class="seen"></div>'
    '<div class="bar"><span></span><i></i></div></div>'
)


def cutout(
    key: str,
    image: np.ndarray,
    bar: tuple[float, str],
    box: tuple[float, float, float, float] | None,
    alt: str = "the whole image",
) -> None:
    """Show uint8 (H, W, 3); `bar`: share of the width and label, `box`: shares of the image.

    `alt` says what it shows to those who do not see it.
    """
    from astrojepa import plotting

    picture = base64.b64encode(plotting.encode_image(image, "jpeg", 92)).decode()
    height, width = image.shape[:2]
    data = {
        "image": f"data:image/jpeg;base64,{picture}",
        "aspect": f"{width} / {height}",
        "widest": ENLARGED * width,
        "bar": bar[0],
        "length": bar[1],
        "box": None if box is None else list(box),
        "alt": alt,
    }
    component("cutout", html=_HTML)(data=data, key=key)
