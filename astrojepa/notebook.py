"""The explorer's map in a notebook; the widget itself is the explorer's (app/notebook)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from astrojepa.places import INSTALLED

if TYPE_CHECKING:
    import numpy as np

    from astrojepa.types import Embeddings


def show(
    embeddings: Embeddings,
    *,
    images: Any = None,
    xy: np.ndarray | None = None,
    method: str = "umap",
    colour: Any = None,
    title: str = "",
    height: int = 480,
) -> Any:
    """Show embeddings as the explorer's map: a Jupyter widget with `clicked` and `selection`.

    `images` is the data set that was embedded, or a sequence of n images, uint8 (H, W, 3); they are
    read when the map shows them. `xy` (n, 2) are places on the map, by default those of `project`
    with `method`. `colour` is a column of n numbers or words with the name `title`, by default the
    class. `height` is in pixels.

    `widget.clicked` is the row of the clicked galaxy, None before, and may be set;
    `widget.neighbours` are the 6 rows nearest to it in feature space; `widget.selection` holds the
    rows inside the lasso or box, without the groups that the legend hides; with a group hidden and
    nothing drawn, all others. `widget.observe(...)` hears
    of changes.

    Raises ValueError where lengths differ, where images are of other galaxies, or where anywidget
    is not installed.

    Examples:
        >>> widget = aj.show(embeddings, xy=embeddings.vectors[:, :2])
        >>> widget.clicked = 7
        >>> len(widget.neighbours), widget.selection
        (6, ())
    """
    package = "astrojepa.app" if INSTALLED else "app"
    try:
        module = importlib.import_module(f"{package}.notebook.map_widget")
    except ModuleNotFoundError as error:
        if error.name not in ("anywidget", "traitlets", "ipywidgets"):
            raise
        raise ValueError(
            "anywidget is not installed; install it with: pip install 'astrojepa[notebook]'"
        ) from error
    return module.show(
        embeddings, images=images, xy=xy, method=method, colour=colour, title=title, height=height
    )
