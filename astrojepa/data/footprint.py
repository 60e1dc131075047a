"""Sky positions: which rows are one galaxy, and which survey took the image."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from astrojepa.data.dataset import Dataset
from astrojepa.data.splits import chord, close_links, directions, linked_groups

# catalogues' centres of one galaxy differ by less; two galaxies so close would be one entry
SAME_GALAXY_ARCSEC = 3.0
NORTH_DEC = 32.375  # degrees
MAX_SURVEYS = 8


def survey_halves(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Return the half of the Legacy Surveys of each position (degrees): "north", "south" or "".

    North (BASS and MzLS) is above declination 32.375 degrees and north of the Galactic plane; all
    else is DECam, the south.
    *Source:* Legacy Surveys DR9, www.legacysurvey.org/dr9/description, on how the two are joined;
    Dey et al. (2019), AJ 157, 168.
    """
    from astropy.coordinates import SkyCoord

    known = np.isfinite(ra) & np.isfinite(dec)
    halves = np.full(len(ra), "", dtype="U5")
    latitude = SkyCoord(ra[known], dec[known], unit="deg").galactic.b.deg
    halves[known] = np.where((dec[known] > NORTH_DEC) & (latitude > 0), "north", "south")
    return halves


def surveys(data: Dataset) -> tuple[np.ndarray, str]:
    """Return each galaxy's survey, str (n,), "" if unknown, and its source: "dec", "survey", "".

    By the coordinates if there are any, else by a column `survey` of at most 8 values.
    """
    if (np.isfinite(data.ra) & np.isfinite(data.dec)).any():
        return survey_halves(data.ra, data.dec), "dec"
    if "survey" in data.table:
        names = data.table["survey"].to_numpy(dtype=str)
        if len(np.unique(names)) <= MAX_SURVEYS:
            return names, "survey"
    return np.full(len(data), "", dtype="U5"), ""


def close_pairs(data: Dataset, arcsec: float) -> int:
    """Count pairs of galaxies within `arcsec`, known coordinates only."""
    _, unit = directions(data)
    tree = cKDTree(unit)
    return int(tree.count_neighbors(tree, chord(arcsec)) - len(unit)) // 2


def same_galaxy_groups(data: Dataset) -> np.ndarray:
    """Number the groups of rows with one id or position (3 arcsec): int64 (n,)."""
    _, first, name = np.unique(data.ids, return_index=True, return_inverse=True)
    by_id = np.stack((first[name], np.arange(len(data))), axis=1)
    by_place = close_links(data, SAME_GALAXY_ARCSEC)
    return linked_groups(len(data), np.concatenate((by_id, by_place)))
