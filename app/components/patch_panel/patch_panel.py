"""The patch panel: model input, patch values over it, and masks drawn by hand."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..browser import component, hears

ENLARGED = 12  # times at most that an image's pixels are shown


@dataclass(frozen=True)
class Panel:
    """What the browser is told. Lists are in reading order, one entry per patch."""

    grid: int
    # changes with galaxy, model and kind of mask: what was being drawn is then dropped
    subject: str
    values: list[float | None] | None  # None: nothing measured
    spread: list[float | None]
    times: list[int]
    roles: str  # letters of app/components/patch_panel/masks.py
    mask: str  # as app/components/patch_panel/masks.py writes it; empty where it cannot be drawn on
    low: float
    high: float
    stops: tuple[str, ...]
    opacity: float  # in [0, 1]
    layout: str  # over or beside
    unit: str
    name: str  # what the values are
    sentence: str  # under the image while no patch is pointed at
    label: str

    @property
    def editable(self) -> bool:
        """Whether the mask can be drawn on."""
        return bool(self.mask)


def message(panel: Panel, picture: bytes, side: int) -> dict[str, Any]:
    """Lay out what the browser gets; `picture` is a PNG, `side` pixels wide; `token` names all."""
    described = {**asdict(panel), "stops": list(panel.stops), "editable": panel.editable}
    described["widest"] = ENLARGED * side
    described["image"] = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
    described["token"] = hashlib.sha256(repr(described).encode()).hexdigest()[:12]
    return described


def patch_panel(
    key: str, panel: Panel, image: np.ndarray, on_mask: Callable[[Any], None] | None = None
) -> None:
    """Show the panel over uint8 (S, S, 3); `on_mask` gets the drawn mask as sent by the browser."""
    from astrojepa import plotting

    component("patch_panel", "drawing", "patch_panel")(
        data=message(panel, plotting.encode_image(image, "png"), image.shape[1]),
        key=key,
        on_mask_change=hears(key, "mask", "mask", on_mask or (lambda mask: None)),
    )
