"""The map as a widget: galaxies as points, whoever is clicked and selected back in Python."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import numpy as np
import pandas as pd
import traitlets

from astrojepa.wording import counted, galaxies

from ..components.latent_map import colouring, geometry, palette
from ..components.latent_map.latent_map import pack, parts
from ..server import pictures

if TYPE_CHECKING:
    from astrojepa.types import Embeddings

HERE = Path(__file__).parent
NEIGHBOURS = 6


def _module() -> str:
    """The map's program, its page and its style as one module."""
    map_ = parts()
    style = (map_["css"] or "") + (HERE / "map_widget.css").read_text(encoding="utf-8")
    program = (map_["js"] or "").replace("export default function latentMap", "function latentMap")
    adapter = (HERE / "map_widget.js").read_text(encoding="utf-8")
    texts = f"const HTML = {json.dumps(map_['html'])};\nconst CSS = {json.dumps(style)};\n"
    return f"{program}\n{texts}\n{adapter}"


class MapWidget(anywidget.AnyWidget):
    """A map of galaxies in a notebook, which `aj.show` makes.

    `clicked` is the row of the clicked galaxy, or None, and may be set; `neighbours` are the rows
    nearest to it in feature space. `selection` holds the rows inside what was drawn, without the
    groups that the legend hides; with a group hidden and nothing drawn, all others. All can be
    observed.
    """

    _esm = _module()
    packed = traitlets.Bytes().tag(sync=True)
    height = traitlets.Int(480).tag(sync=True)
    clicked = traitlets.Int(None, allow_none=True).tag(sync=True)
    neighbours = traitlets.List(traitlets.Int()).tag(sync=True)
    polygons: Any = traitlets.List().tag(sync=True)
    hidden_codes: Any = traitlets.List().tag(sync=True)
    selection = traitlets.Tuple()

    def __init__(
        self,
        embeddings: Embeddings,
        places: np.ndarray,
        coloured: colouring.Colouring,
        image: Callable[[int], np.ndarray] | None,
        **traits: Any,
    ) -> None:
        """`places` are float (n, 2); `image` gives that of a row as uint8 (H, W, 3)."""
        from astrojepa.evaluation.vectors.standardise import standardise

        (self._features,) = standardise(embeddings.vectors)
        self._places, self._codes = geometry.quantise(places), coloured.codes
        self._image = image
        labels = np.asarray(embeddings.labels)
        classes = np.where((labels < 0) | (labels > 254), 255, labels)
        header = {
            "title": f"{len(places):,} points",
            "pictures": f"notebook-{secrets.token_hex(8)}",  # tells this map from others
            "imageless": image is None,
            "classes": list(embeddings.classes),
            "shapes": [style.shape for style in palette.class_styles(embeddings.classes)],
            "ranked": False,
            "labels": [],
        }
        packed = pack(header, self._places, classes, coloured, np.zeros(len(places), np.uint8))
        super().__init__(packed=packed, **traits)
        self.on_msg(self._answer)

    @traitlets.validate("clicked")
    def _checked(self, proposal: Any) -> int | None:
        row = proposal["value"]
        if row is not None and not 0 <= row < len(self._places):
            raise traitlets.TraitError(f"There is no row {row}; there are {len(self._places):,}.")
        return row

    @traitlets.observe("clicked")
    def _find_neighbours(self, change: Any) -> None:
        from astrojepa.evaluation.vectors.neighbours import neighbours_among

        row = change["new"]
        if row is None:
            self.neighbours = []
        else:
            near = neighbours_among(self._features, row, NEIGHBOURS).indices
            self.neighbours = [int(other) for other in near]

    @traitlets.observe("polygons", "hidden_codes")
    def _select(self, _: Any) -> None:
        polygons = geometry.read_polygons(self.polygons)
        hidden = [code for code in self.hidden_codes if isinstance(code, int)]
        rows = geometry.rows_inside(self._places, polygons) if polygons else np.arange(0)
        if hidden and not polygons:
            rows = np.arange(len(self._places))
        self.selection = tuple(rows[~np.isin(self._codes[rows], hidden)].tolist())

    def _answer(self, _: Any, message: Any, buffers: Any) -> None:
        """Send the images of some rows as one JPEG."""
        if self._image is None or message.get("side") not in pictures.SIDES:
            return
        rows = [row for row in message.get("rows", []) if isinstance(row, int)]
        if not all(0 <= row < len(self._places) for row in rows):
            return
        tiles = [self._tile(row, message["side"]) for row in rows[: pictures.MAX_ROWS]]
        self.send({"sheet": message["sheet"]}, buffers=[pictures.as_sheet(tiles)])

    def _tile(self, row: int, side: int) -> np.ndarray:
        from astrojepa.data.crops import resize_frame

        assert self._image is not None
        try:
            return resize_frame(self._image(row), side)
        except (ValueError, OSError):
            return pictures.placeholder(side)


def show(
    embeddings: Embeddings,
    *,
    images: Any = None,
    xy: np.ndarray | None = None,
    method: str = "umap",
    colour: Sequence[Any] | np.ndarray | pd.Series | None = None,
    title: str = "",
    height: int = 480,
) -> MapWidget:
    """Make the widget; `aj.show` tells what of."""
    from astrojepa.evaluation.maps.projection import project

    count = len(embeddings)
    places = np.asarray(project(embeddings, method) if xy is None else xy, dtype=np.float64)
    if places.shape != (count, 2):
        raise ValueError(f"`xy` has the shape {places.shape}; expected ({count}, 2).")
    if colour is None:
        coloured = colouring.by_class(embeddings.labels, embeddings.classes)
    else:
        values = pd.Series(colour).reset_index(drop=True)
        if len(values) != count:
            raise ValueError(f"`colour` has {counted(len(values), 'value')} for {galaxies(count)}.")
        coloured = colouring.by_column(values, title or str(values.name or "colour"))
    return MapWidget(embeddings, places, coloured, _images(images, embeddings), height=height)


def _images(images: Any, embeddings: Embeddings) -> Callable[[int], np.ndarray] | None:
    """Return what gives the image of a row; ValueError where images are of other galaxies."""
    if images is None:
        return None
    if len(images) != len(embeddings):
        raise ValueError(
            f"There are {counted(len(images), 'image')} for {galaxies(len(embeddings))}."
        )
    if not hasattr(images, "ids"):
        return lambda row: np.asarray(images[row])
    if list(images.ids) != list(embeddings.ids):
        raise ValueError(
            "The images are of other galaxies, or in another order, than the embeddings; give the "
            "data set that was embedded."
        )
    return lambda row: np.asarray(images[row].image)
