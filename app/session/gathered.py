"""The open galaxies as they are collected and sent, of a small data set or a large store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from . import links
from .workspace import Workspace


@dataclass(frozen=True)
class Gathered:
    """What can be collected and sent, whichever way the galaxies are held."""

    key: str  # hash of the set of galaxies, under which session and browser keep collections
    model: str  # hash of what the map is of, or a word for none
    made_by: tuple[str, str]  # name and hash of the model, for a file
    facts: Mapping[str, Any]  # what a file tells of the galaxies
    of: Callable[[np.ndarray], tuple[Any, np.ndarray]]  # a data set with some rows, and where there
    go: Callable[[str], None]  # opens another page
    link: str  # to what is shown
    hosted: bool = False


def gathered(workspace: Workspace) -> Gathered:
    """The galaxies of a small data set, or of the store that a sample is from."""
    if (about := workspace.opened.get("about")) is not None:
        return cast("Gathered", about)
    data = workspace.data
    facts = {"data": data.name, "data_fingerprint": data.fingerprint, "simulated": data.simulated}
    return Gathered(
        data.galaxies_hash,
        workspace.key[0],
        workspace.made_by,
        facts,
        lambda rows: (data, rows),
        workspace.go,
        links.address(workspace),
        workspace.hosted,
    )
