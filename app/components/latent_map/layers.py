"""What the map draws: positions and colours, kept by the workspace for fast clicks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from ...session import clusters, loaders, state, waiting
from ...session.columns import predicted, probe_report
from ...session.workspace import Workspace
from . import colouring, geometry, palette
from .colouring import Colouring
from .latent_map import pack

TRUST_NEIGHBOURS = 15
SKIPPED = {"file", "id", "ra", "dec", "redshift", "label", "duplicate_of"}


@dataclass(frozen=True)
class Layers:
    """One map: quantised places, colours, and both packed for the browser."""

    # the projection that is shown, which may still be the last one while another is computed
    method: str
    option: str  # what colours mean
    places: np.ndarray  # uint16 (n, 2)
    coloured: Colouring
    packed: bytes


def layers(workspace: Workspace, method: str, option: str) -> Layers:
    """Put the map together; while something is being computed, the last map stays."""
    key: Any = ("layers", method, option, st.session_state.get(state.PROBED))
    if key not in workspace.opened:
        shown, places = _places(workspace, method)
        option, coloured = _colours(workspace, shown, option)
        labels = []
        if option in clusters.LEVELS:
            labels = clusters.marks(clusters.at_hand(workspace), places, option)
        data = packed(workspace, shown, places, coloured, labels)
        made = Layers(shown, option, places, coloured, data)
        # to be made anew when what was asked for is there
        if (made.method, made.option) != key[1:3]:
            return made
        workspace.opened[key] = made
    return workspace.opened[key]


def colour_options(workspace: Workspace) -> list[str]:
    """List what the map can be coloured by: class, scores, probe, reliability, useful columns."""
    options = [state.CLASS_COLOUR] if workspace.labelled else []
    options.append(state.SCORE_COLOUR)
    if probe_report(workspace) is not None:
        options.append(state.PROBE_COLOUR)
    if clusters.offered(workspace):
        options += clusters.LEVELS
    if np.isfinite(workspace.data.redshift).any():
        options.append("redshift")
    if len(workspace.data) > TRUST_NEIGHBOURS:
        options.append(state.TRUST_COLOUR)
    return list(
        dict.fromkeys([*options, *_columns(workspace.data.table, workspace.data.fingerprint)])
    )


@st.cache_data(show_spinner=False, max_entries=16)
def _columns(_table: Any, fingerprint: str) -> list[str]:
    counts = {str(name): _table[name].nunique() for name in _table.columns if name not in SKIPPED}
    return [
        name
        for name, count in counts.items()
        if 1 < count <= 0.9 * len(_table) or _is_number(_table[name], count)
    ]


def _is_number(values: Any, count: int) -> bool:
    return count > 1 and values.dtype.kind == "f"


def option_name(option: str) -> str:
    """How an option reads in the menu."""
    name = "projection reliability" if option == state.TRUST_COLOUR else option
    return name[:1].upper() + name[1:].replace("_", " ")


def _places(workspace: Workspace, method: str) -> tuple[str, np.ndarray]:
    """Positions by this method; while they are computed, by the one that is at hand."""
    key, sentence, task = workspace.projection_task(method)
    if method != "pca" and not _at_hand(workspace, method):
        # quick, and before the long one in the queue: there is a map meanwhile
        workspace.positions("pca")
    others = [
        other for other in state.PROJECTIONS if other != method and _at_hand(workspace, other)
    ]
    wait = waiting.show_when_ready if others else waiting.wait_for
    xy = wait(key, sentence, task)
    if xy is None:
        method = others[0]
        xy = workspace.positions(method)
    return method, geometry.quantise(xy)


def _at_hand(workspace: Workspace, method: str) -> bool:
    return loaders.jobs().has(workspace.projection_task(method)[0])


def _colours(workspace: Workspace, method: str, option: str) -> tuple[str, Colouring]:
    data = workspace.data
    if option == state.TRUST_COLOUR:
        kept = waiting.show_when_ready(*workspace.trust_task(method, TRUST_NEIGHBOURS))
        if kept is not None:
            return option, colouring.by_neighbours_kept(kept, min(TRUST_NEIGHBOURS, len(data) - 1))
        option = _usual(workspace)
    if option in clusters.LEVELS:
        if (found := clusters.at_hand(workspace)) is not None:
            level = clusters.LEVELS[option]
            labels, names = found.level(level).labels, found.names(level)
            return option, colouring.by_cluster(labels, names, option_name(option))
        option = _usual(workspace)
    if option == state.CLASS_COLOUR:
        return option, colouring.by_class(data.labels, data.classes)
    if option == state.PROBE_COLOUR:
        named, classes = predicted(len(data), probe_report(workspace))
        return option, colouring.by_class(
            named, classes, "Probe prediction", "not in the test part"
        )
    if option == state.SCORE_COLOUR:
        return option, colouring.by_number(workspace.scores, "Anomaly score", palette.MAGMA)
    if option == "redshift":
        return option, colouring.by_number(data.redshift, "Redshift z")
    unit = data.about.get(option, ("", ""))[0]
    return option, colouring.by_column(data.table[option], option_name(option), unit)


def _usual(workspace: Workspace) -> str:
    """What colours mean while those that were asked for are computed."""
    return state.CLASS_COLOUR if workspace.labelled else state.SCORE_COLOUR


def packed(
    workspace: Workspace,
    method: str,
    places: np.ndarray,
    coloured: Colouring,
    labels: Sequence[Mapping[str, Any]] = (),
    *,
    ranked: bool = True,
) -> bytes:
    """Return one map for the browser, with labels as `clusters.marks` makes them; `ranked`: with
    the anomaly percentiles of its galaxies.
    """
    data = workspace.data
    ranks = colouring.rank_codes(workspace.places) if ranked else np.zeros(len(data), np.uint8)
    header = {
        "title": f"{state.PROJECTIONS[method]} of {workspace.choice.label}",
        "pictures": workspace.pictures,
        "classes": list(data.classes),
        "shapes": [style.shape for style in palette.class_styles(data.classes)],
        "ranked": ranked,
        "imageless": not data.has_images,
        "labels": list(labels),
    }
    classes = np.where((data.labels < 0) | (data.labels > 254), 255, data.labels)
    return pack(header, places, classes, coloured, ranks)
