"""Audit of a data set: duplicates, conflicts, leaks, bad frames, shortcuts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from astrojepa.data.audit.frame_faults import frame_faults
from astrojepa.data.audit.near_duplicates import identical_groups, near_pairs, small_frames
from astrojepa.data.dataset import Dataset
from astrojepa.data.footprint import close_pairs, same_galaxy_groups, surveys
from astrojepa.data.splits import (
    SAME_OBJECT_ARCSEC,
    default_split,
    linked_groups,
    same_object_groups,
    split_name,
)
from astrojepa.progress import Listener

TEST_SHARE = 0.1
MANY_AT_ONE_PLACE = 10
# galaxies; so many within 24 degrees of right ascension, from 0 on, are rather within 24 hours
ENOUGH_FOR_HOURS = 100

Groups = list[dict[str, list[Any]]]


def audit(data: Dataset, progress: Listener = False) -> dict[str, Any]:
    """Look at every image once and return what was found, as values that JSON can hold.

    data: name, fingerprint, number of galaxies, how many are labelled, whether simulated.
    same_galaxy: groups of rows that are one galaxy by its id or its place, within 3 arcsec.
    within_60_arcsec: how many pairs of galaxies are in one another's cutouts.
    identical_pictures, near_identical_pictures: groups of equal pixels; of one image re-encoded,
    noisier, rotated or mirrored,
        one member for each group of equal pixels. Blank frames are in neither.
    label_conflicts: groups of any of these three kinds, taken together, that have more than one
    label. leaks: galaxies of a test set that are also learned from, by any of these or by 60
    arcsec: the number expected when 10 % are
        drawn at random, and the number in this data's own split.
    frames: ids of blank, saturated and odd_band frames (see `frame_faults`).
    surveys: galaxies by class and survey, and how the survey is known (see `footprint.surveys`).
    traps: sentences on coordinates, redshifts and the order of rows.

    A group has the lists `ids`, `rows` and `labels` ("" where unknown). Memory: 9 KB a galaxy.
    Raises DataError naming the first image that cannot be read.
    """
    frames = small_frames(data, progress)
    faults = frame_faults(frames)
    one_galaxy, one_picture = same_galaxy_groups(data), identical_groups(data, frames)
    blank = np.flatnonzero(faults["blank"])
    # say nothing about which galaxy they show
    one_picture[blank] = one_picture.max(initial=0) + 1 + np.arange(len(blank))
    _, first = np.unique(one_picture, return_index=True)
    pairs, _ = near_pairs(frames, np.setdiff1d(first, blank))
    near = linked_groups(len(data), pairs)
    twins = _joined(one_galaxy, one_picture, near)
    return {
        "data": {
            "name": data.name,
            "fingerprint": data.fingerprint,
            "galaxies": len(data),
            "labelled": int((data.labels >= 0).sum()),
            "simulated": data.simulated,
        },
        "same_galaxy": _groups(data, one_galaxy),
        "within_60_arcsec": close_pairs(data, SAME_OBJECT_ARCSEC),
        "identical_pictures": _groups(data, one_picture),
        "near_identical_pictures": _groups(data, near),
        "label_conflicts": [
            group for group in _groups(data, twins) if len(set(group["labels"]) - {""}) > 1
        ],
        "leaks": _leaks(data, _joined(twins, same_object_groups(data))),
        "frames": {fault: data.ids[wrong].tolist() for fault, wrong in faults.items()},
        "surveys": _surveys(data),
        "traps": traps(data),
    }


def expected_leak(groups: np.ndarray, num_test: int) -> float:
    """Return how many of `num_test` random galaxies have, on average, a group member elsewhere.

    A member of a group of m is in the test set with probability t / n, and then all others of the
    group are so too with (t - 1)/(n - 1) · (t - 2)/(n - 2) · ..., m - 1 factors; the rest of the
    time it leaks.
    """
    n = len(groups)
    leaked = 0.0
    for size, count in zip(*np.unique(np.bincount(groups), return_counts=True), strict=True):
        together = math.prod(max(num_test - j, 0) / (n - j) for j in range(1, size))
        leaked += size * count * num_test / n * (1 - together)
    return float(leaked)


def leaked_galaxies(groups: np.ndarray, tested: np.ndarray) -> int:
    """Count galaxies of the test set, bool (n,), with a group member outside it."""
    learned_from = np.isin(groups, groups[~tested])
    return int((tested & learned_from).sum())


def traps(data: Dataset) -> list[str]:
    """Say in sentences what has misled others: coordinates, redshifts and the order of rows."""
    found = []
    known = np.isfinite(data.redshift) & np.isfinite(data.dec)
    if known.sum() > 1 and (data.redshift[known] == data.dec[known]).all():
        found.append(
            "The redshift equals the declination in every row; take redshifts from the HDF5 file, "
            "not from a table."
        )
    elif (np.abs(data.redshift) > 10).any():
        found.append(
            f"Redshifts beyond 10: {int((np.abs(data.redshift) > 10).sum()):,}; are they another "
            f"column?"
        )
    placed = np.isfinite(data.ra) & np.isfinite(data.dec)
    if placed.sum() >= ENOUGH_FOR_HOURS and data.ra[placed].max() <= 24:
        found.append("No right ascension is above 24; if it is in hours, multiply it by 15.")
    if placed.any():
        places, count = np.unique(
            np.stack((data.ra[placed], data.dec[placed]), axis=1), axis=0, return_counts=True
        )
        if count.max() > MANY_AT_ONE_PLACE:
            ra, dec = places[count.argmax()]
            found.append(
                f"{count.max():,} rows are at one place (ra {ra:g}, dec {dec:g}); leave unknown "
                f"coordinates empty."
            )
        if not placed.all():
            found.append(
                f"{int((~placed).sum()):,} rows have no coordinates; the 60 arcsec rule cannot "
                f"keep them together."
            )
    labels = data.labels[data.labels >= 0]
    if len(np.unique(labels)) > 1 and (np.diff(labels) >= 0).all():
        found.append("The rows are sorted by class: a slice that is not shuffled holds one class.")
    return found


def _joined(*numberings: np.ndarray) -> np.ndarray:
    """Number the groups that arise when any of the numberings ties two galaxies: int64 (n,)."""
    count = len(numberings[0])
    links = [np.zeros((0, 2), np.int64)]
    for groups in numberings:
        _, first, place = np.unique(groups, return_index=True, return_inverse=True)
        links.append(np.stack((first[place], np.arange(count)), axis=1))
    return linked_groups(count, np.concatenate(links))


def _groups(data: Dataset, numbers: np.ndarray) -> Groups:
    """List the groups of more than one galaxy, in the order of their first rows."""
    order = np.argsort(numbers, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1)
    names = np.array([*data.classes, ""], dtype=object)
    return [
        {
            "ids": data.ids[rows].tolist(),
            "rows": rows.tolist(),
            "labels": names[data.labels[rows]].tolist(),
        }
        for rows in sorted((part for part in parts if len(part) > 1), key=lambda part: int(part[0]))
    ]


def _leaks(data: Dataset, groups: np.ndarray) -> dict[str, Any]:
    *_, test = default_split(data)
    num_test = math.ceil(TEST_SHARE * len(data))
    return {
        "random_test_galaxies": num_test,
        "random_expected": round(expected_leak(groups, num_test), 2),
        "own_split": split_name(data),
        "own_test_galaxies": len(test),
        "own_leaked": leaked_galaxies(groups, np.isin(data.rows, test.rows)),
    }


def _surveys(data: Dataset) -> dict[str, Any]:
    names, known_by = surveys(data)
    classes = np.array([*data.classes, ""], dtype=object)[data.labels]
    by_class = {
        str(label): {
            str(name): int((names[classes == label] == name).sum()) for name in np.unique(names)
        }
        for label in [*data.classes, ""]
        if (classes == label).any()
    }
    return {"known_by": known_by, "by_class": by_class if known_by else {}}
