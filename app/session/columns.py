"""Every column of the open galaxies by its name, as a filter, a histogram and a table read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from astrojepa.data.columns import further_columns
from astrojepa.data.filters import NoColumnError, folded, matching
from astrojepa.data.values import Numbers, Values, Words, coded, read_values

from ..server import settings
from . import clusters, examples, loaders, state
from .workspace import Workspace

_SEARCHED = "while there is a search; “More like this” or “Search by image” begins one."
_MADE_BY = {
    examples.RANK: _SEARCHED,
    examples.DISTANCE: _SEARCHED,
    "probe_prediction": "once a probe is trained in the Probe lab.",
}


class Columns(Mapping[str, Values]):
    """Columns by name; one is read when it is first asked for."""

    def __init__(self, readers: Mapping[str, Callable[[], Values]]) -> None:
        self._readers, self._read = readers, dict[str, Values]()

    def __getitem__(self, name: str) -> Values:
        if name not in self._read:
            self._read[name] = self._readers[name]()
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._readers)

    def __len__(self) -> int:
        return len(self._readers)


def columns_of(workspace: Workspace) -> Columns:
    """The columns of a workspace: class, score, probe, clusters, search, and those of the data."""
    key = str(("columns", *_made_of(workspace)))
    if key not in workspace.opened:
        workspace.opened[key] = Columns(_readers(workspace))
    return workspace.opened[key]


def filtered(workspace: Workspace) -> tuple[np.ndarray | None, str]:
    """Return which galaxies match the filter, bool (n,), and what is wrong with it.

    None where there is no filter, or one that cannot be read.
    """
    expression = st.session_state.get(state.FILTER, "")
    if not expression.strip():
        return None, ""
    asked = *_made_of(workspace), expression
    before, found = workspace.opened.get("filtered", (None, (None, "")))
    if before != asked:
        try:
            found = matching(expression, columns_of(workspace)), ""
        except NoColumnError as error:
            found = None, _not_there(expression, columns_of(workspace), error)
        except ValueError as error:
            found = None, str(error)
        workspace.opened["filtered"] = asked, found
    return found


def _not_there(expression: str, there: Columns, error: NoColumnError) -> str:
    """Say which column a filter names that is not there, and how it comes to be."""
    for name, how in _MADE_BY.items():
        if name in folded(expression) and name not in there:
            return f"The filter names {name}, which is a column {how}"
    if settings.strangers_may_look():
        return str(error)
    return f"{error} The option --catalogue TABLE of astrojepa app joins others."


def _made_of(workspace: Workspace) -> tuple[object, ...]:
    """What decides which columns there are: the probe, the search, and what has been found."""
    return (
        st.session_state.get(state.PROBED),
        clusters.at_hand(workspace) is not None,
        examples.asked(workspace),
        examples.distances(workspace) is not None,
    )


def _readers(workspace: Workspace) -> dict[str, Callable[[], Values]]:
    data = workspace.data
    found: dict[str, Callable[[], Values]] = {}
    if workspace.labelled:
        found[_name(state.CLASS_COLOUR)] = lambda: coded(data.labels, data.classes)
    found[_name(state.SCORE_COLOUR)] = lambda: Numbers(np.asarray(workspace.scores, np.float64))
    if (report := probe_report(workspace)) is not None:
        found[_name(state.PROBE_COLOUR)] = lambda: coded(*predicted(len(data), report))
    if (distances := examples.distances(workspace)) is not None:
        ranks = np.empty(len(data))
        ranks[np.argsort(distances, kind="stable")] = np.arange(1, len(data) + 1)
        found[examples.RANK] = lambda: Numbers(ranks)
        found[examples.DISTANCE] = lambda: Numbers(distances.astype(np.float64))
    if (groups := clusters.at_hand(workspace)) is not None:
        for name in clusters.COLUMNS:
            found[name] = partial(clusters.column, groups, name)
    for name in ("redshift", "ra", "dec"):
        values = np.asarray(getattr(data, name), np.float64)
        if np.isfinite(values).any():
            found[name] = partial(Numbers, values)
    found["id"] = lambda: read_ids(data.ids)
    for name in further_columns(data):
        found.setdefault(name, partial(_of_table, data.table[name], data.galaxies_hash, name))
    return found


def _name(option: str) -> str:
    return option.replace(" ", "_")


def read_ids(ids: np.ndarray) -> Words:
    """Return ids as words, also those that are numbers."""
    codes, names = pd.factorize(ids.astype(str))
    return coded(codes, names.tolist())


@st.cache_resource(show_spinner=False, max_entries=128)
def _of_table(_column: pd.Series, galaxies_hash: str, name: str) -> Values:
    return read_values(_column)


def probe_report(workspace: Workspace) -> Any:
    """The last probe of these galaxies and this model, if one was trained in this session."""
    key = st.session_state.get(state.PROBED)
    if not key or tuple(key[:2]) != workspace.key:
        return None
    return loaders.jobs().result(("probe", *key))


def predicted(count: int, report: Any) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the class of each galaxy by a probe, int64 (count,), -1 where none, and the names."""
    result = report.rows[0].result
    named = probed_labels(count, report.test, result.predictions)
    # nearest neighbours name the test part alone
    return np.where(named < 0, report.named, named), result.classes


def probed_labels(count: int, test: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Return the probe's prediction for each of `count` galaxies: int64 (count,), -1 if none."""
    named = np.full(count, -1, dtype=np.int64)
    named[test] = predictions
    return named
