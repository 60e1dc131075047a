"""Hand-made shape statistics as named columns, with the words for a high and a low value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from astrojepa.data.dataset import Dataset
from astrojepa.data.values import Numbers, Values
from astrojepa.evaluation.vectors.embed import galaxy_statistics
from astrojepa.progress import Listener


@dataclass(frozen=True)
class Statistic:
    """One column: the sum of some entries of `shape_statistics`."""

    name: str
    entries: tuple[int, ...]
    more: str  # what a galaxy with a high value is, in a word or two
    less: str


STATISTICS = (
    Statistic("image: colour of the centre, ln(r/b)", (3, 4), "red", "blue"),
    Statistic("image: colour of the outskirts, ln(r/b)", (5, 6), "red outskirts", "blue outskirts"),
    Statistic("image: sky brightness", (7, 8, 9), "bright sky", "dark sky"),
    Statistic("image: total light, ln", (31,), "bright", "faint"),
    Statistic("image: half-light radius", (33,), "large", "small"),
    Statistic("image: concentration, ln(r80/r20)", (35,), "concentrated", "diffuse"),
    Statistic("image: ellipticity", (37,), "elongated", "round"),
    Statistic("image: asymmetry", (48,), "asymmetric", "symmetric"),
    Statistic("image: Gini coefficient", (50,), "light in few pixels", "evenly lit"),
)
BY_NAME = {statistic.name: statistic for statistic in STATISTICS}


def shape_columns(data: Dataset, *, progress: Listener = None) -> dict[str, Values]:
    """Measure images by hand-made statistics: a column of numbers (n,) each, by name.

    On the galaxy alone (`galaxy_alone`) in the centre 7/8 of its frame; radii in half its side.
    Cached. None for data without images.

    >>> import astrojepa as aj
    >>> columns = shape_columns(aj.open_dataset("simulated:20"))
    >>> columns["image: ellipticity"].values.shape
    (20,)
    """
    if not data.has_images:
        return {}
    measured = galaxy_statistics(data, progress=progress).vectors.astype(np.float64)
    return {one.name: Numbers(measured[:, list(one.entries)].sum(axis=1)) for one in STATISTICS}
