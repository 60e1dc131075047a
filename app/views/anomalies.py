"""The leaderboard: strangest galaxies first. A click opens one on the map."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from app import links, state
from app.components.gallery import gallery
from app.scene import Scene

PER_PAGE = 25
ALL = "All classes"


def show(scene: Scene) -> None:
    """Draw the leaderboard beside the distribution of the scores."""
    from astrojepa import plotting

    if st.session_state.pop(state.TO_MAP, False):
        scene.go("map")
    scores, places = scene.scores, scene.places
    st.title("Anomalies", anchor=False)
    st.caption(
        f"{'Simulated galaxies. ' if scene.data.simulated else ''}Strangest first: mean distance to the 20 nearest galaxies in the "
        f"features of {scene.choice.label}. A high rank means unlike the others, which may be a merger or an artefact of the picture."
    )
    left, right = st.columns([2, 1], gap="medium")
    with left:
        order = ranking(places, scene.data.labels, _class_filter(scene))
        page = _pager(len(order))
        shown = order[page * PER_PAGE : (page + 1) * PER_PAGE]
        captions = [(f"{places[i]:,}  {scene.class_name(int(i))}", f"{scores[i]:.3f}  {scene.data.ids[i]}") for i in shown]
        gallery(
            "leaderboard", scene.pictures, shown.tolist(), captions, _open, selected=st.session_state.get(state.ROW), tile=128
        )
    with right:
        st.subheader("How strange is strange", anchor=False)
        row = st.session_state.get(state.ROW)
        marked = float(scores[row]) if row is not None and row < len(scores) else None
        figure = plotting.histogram_figure(scores, marked, "anomaly score").update_layout(height=280)
        st.plotly_chart(figure, width="stretch", config={"displayModeBar": False}, key="histogram")
        if marked is not None:
            st.caption(f"The line marks the selected galaxy: {scene.data.ids[row]}, rank {places[row]:,} of {len(places):,}.")


def ranking(places: np.ndarray, labels: np.ndarray, label: int | None) -> np.ndarray:
    """Return the rows strangest first, of one class only where a class is given."""
    order = np.argsort(places, kind="stable")
    return order if label is None else order[np.asarray(labels)[order] == label]


def _class_filter(scene: Scene) -> int | None:
    if not scene.labelled:
        return None
    options = [ALL, *scene.data.classes]
    chosen = st.selectbox("Class", options, key="anomaly_class", on_change=_first_page, width=240)
    return None if chosen == ALL else options.index(chosen) - 1


def _pager(count: int) -> int:
    pages = max(1, -(-count // PER_PAGE))
    page = min(st.session_state.get(state.BOARD_PAGE, 0), pages - 1)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Stranger", disabled=page == 0, on_click=_turn, args=(page - 1,))
        st.button("Less strange", disabled=page + 1 >= pages, on_click=_turn, args=(page + 1,))
        st.caption(f"{count:,} galaxies, page {page + 1} of {pages}")
    return page


def _turn(page: int) -> None:
    st.session_state[state.BOARD_PAGE] = max(0, page)


def _first_page() -> None:
    st.session_state[state.BOARD_PAGE] = 0


def _open(row: Any) -> None:
    links.select(row)
    st.session_state[state.TO_MAP] = True
