"""Likely artefacts among the first galaxies of a large store's leaderboard."""

from __future__ import annotations

from typing import Any

import numpy as np

from astrojepa.progress import Progress
from astrojepa.wording import counted

from ...session import loaders
from ...session.large import Large
from ...session.workspace import Task

CHECKED = 500  # the first of a leaderboard


def check_task(large: Large, images: Any, rows: np.ndarray) -> Task:
    """What `waiting.show_when_ready` needs to check the images of the first of some galaxies:
    which have one that can be read, and the PictureChecks of these.
    """
    first = rows[:CHECKED]

    def task(report: Progress) -> tuple[np.ndarray, Any]:
        from astrojepa.evaluation.pictures.checks import check_readable

        found = images.each(first.tolist())
        return check_readable(found, len(first), progress=report)

    key = ("large checks", large.pictures_key, first.tobytes())
    return key, f"Checking {counted(len(first), 'image')}", task


def likely_artefacts(large: Large, images: Any, rows: np.ndarray) -> np.ndarray | None:
    """Return which of the first galaxies are likely artefacts; None where not checked before."""
    from astrojepa.evaluation.pictures.artefacts import LIKELY

    key = check_task(large, images, rows)[0]
    found = None if images is None else loaders.jobs().result(key)
    return None if found is None else found[0][found[1].artefact > LIKELY]
