"""Keeping the address bar and the session in step, both ways."""

from __future__ import annotations

import urllib.parse
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ..pages.probe.tasks import COLLECTIONS
from . import sampling, state
from .workspace import Workspace


def incoming() -> state.Link | None:
    """Return the link in the address bar at a first visit or after Back or Forward.

    Any other address is one that this session wrote, and may be older than what was clicked since.
    A link stays on its way until `arrived`, since the page may have to wait for a model or for data
    meanwhile.
    """
    seen = {name: value for name, value in st.query_params.items() if isinstance(value, str)}
    first = state.LINK_READ not in st.session_state
    if seen and (first or (back_or_forward() and seen != st.session_state[state.LINK_READ])):
        st.session_state[state.LINK_READ] = seen
        st.session_state[state.LINK_COMING] = state.decode_link(seen)
        _take_panel(st.session_state[state.LINK_COMING])
    return st.session_state.get(state.LINK_COMING)


def back_or_forward() -> bool:
    """Whether the browser's Back or Forward called for this run."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def arrived() -> None:
    """The link has been followed."""
    st.session_state.pop(state.LINK_COMING, None)


def current(workspace: Workspace) -> state.Link:
    """Describe what is shown now."""
    row = st.session_state.get(state.ROW)
    if row is not None:
        row = sampling.among_all(workspace.sampled, row)
    return state.Link(
        model=workspace.choice.reference if workspace.model is None else str(workspace.model.id),
        model_hash=workspace.model.hash[:8] if workspace.model else "",
        data=workspace.source.name,
        data_hash=workspace.whole.fingerprint[:8],
        projection=st.session_state.get(state.PROJECTION) or "",
        colour=st.session_state.get(state.COLOUR) or "",
        row=row,
        id="" if row is None else str(workspace.whole.ids[row]),
        drawing=st.session_state.get(state.DRAWING) or "",
        off=tuple(st.session_state.get(state.OFF) or ()),
        polygons=tuple(
            tuple((round(x), round(y)) for x, y in polygon)
            for polygon in st.session_state.get(state.POLYGONS) or ()
        ),
        **_panel(),
        **_board(),
        **_probe(workspace),
    )


def _take_panel(link: state.Link) -> None:
    """Set the patch panel, leaderboard, probe lab and second model from the link."""
    named = {
        state.MASK_KIND: link.masks,
        state.MASK_SEED: link.seed,
        state.DRAWN: link.drawn,
        state.SECOND_ASKED: link.second,
    }
    named |= {
        state.SCORE: link.score,
        state.ANOMALY_CLASS: link.only,
        state.HIDE_ARTEFACTS: link.hide,
        state.BOARD_PAGE: link.page,
    }
    named |= {
        state.PROBE_KIND: link.probe,
        state.PROBE_TARGET: link.learn,
        state.PROBE_SHARE: link.share,
        state.PROBE_ASKED: bool(link.probe),
    }
    for key, value in named.items():
        if value:
            st.session_state[key] = value


def _panel() -> dict[str, Any]:
    """Describe the patch panel and the second model, as far as they are not the usual ones."""
    kind = st.session_state.get(state.MASK_KIND) or "tiling"
    name, digest = st.session_state.get(state.SECOND_NAME) or ("", "")
    return {
        "second": name,
        "second_hash": digest,
        "masks": "" if kind == "tiling" else kind,
        "seed": int(st.session_state.get(state.MASK_SEED) or 0)
        if kind in {"random", "bright"}
        else 0,
        "drawn": st.session_state.get(state.DRAWN) or "" if kind == "drawn" else "",
    }


def _board() -> dict[str, Any]:
    """Describe the leaderboard, as far as it is not the usual one."""
    score, only = (st.session_state.get(key) or "" for key in (state.SCORE, state.ANOMALY_CLASS))
    return {
        "score": "" if score == state.USUAL_SCORE else score,
        "only": "" if only == state.ALL_CLASSES else only,
        "hide": bool(st.session_state.get(state.HIDE_ARTEFACTS)),
        "page": int(st.session_state.get(state.BOARD_PAGE) or 0),
    }


def _probe(workspace: Workspace) -> dict[str, Any]:
    """Describe the trained probe for a link; "" for collections, which stay in their session."""
    key, target = st.session_state.get(state.PROBED), st.session_state.get(state.PROBED_TARGET)
    if not key or key[:2] != workspace.key or target is None or target.name == COLLECTIONS:
        return {}
    return {"probe": key[2], "learn": target.name, "share": key[3]}


def kept() -> dict[str, Any]:
    """The values of the widgets that outlive the pages that do not show them."""
    return {key: st.session_state[key] for key in state.PERSISTENT if key in st.session_state}


def publish(workspace: Workspace) -> str:
    """Write changed state to the address bar; returns the query string of a copied link."""
    st.session_state[state.KEPT] = kept()
    parameters = state.encode_link(current(workspace))
    st.session_state[state.LINK_READ] = parameters
    # also after a change of page, which empties the address
    if dict(st.query_params) != parameters:
        st.query_params.from_dict(parameters)
    return urllib.parse.urlencode(parameters)


def notice(sentence: str) -> None:
    """Keep a sentence to be shown once at the top of the page."""
    if sentence:
        st.session_state.setdefault(state.NOTICES, [])
        if sentence not in st.session_state[state.NOTICES]:
            st.session_state[state.NOTICES].append(sentence)


def select(row: Any) -> None:
    """Make a galaxy the selected one; anything but a row number is ignored."""
    if isinstance(row, int) and not isinstance(row, bool) and 0 <= row <= state.MAX_ROW:
        st.session_state[state.ROW] = row
        st.session_state.pop(state.AWAITED, None)
