"""Pictures brought along: seen by the open model, and placed among the open galaxies."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from astrojepa.data.values import read_values, sortable
from astrojepa.evaluation.maps.large_map import has_map
from astrojepa.evaluation.maps.store_pca import project_by_pca
from astrojepa.evaluation.vectors.neighbour_index import INSTALL, is_available
from astrojepa.progress import Progress
from astrojepa.tables import Column, table_bytes
from astrojepa.wording import galaxies

from ...components import figures
from ...components.escape_markdown import escape_markdown
from ...components.export_menu import IMAGE, export_menu
from ...components.facts import facts
from ...components.gallery.gallery import gallery
from ...components.large_card import chosen_row, go_in
from ...components.latent_map import palette
from ...components.table.table import Heading, Order, table
from ...server import pictures
from ...session import (
    examples,
    export,
    large_search,
    links,
    loaders,
    state,
    store_sample,
    uploads,
    waiting,
)
from ...session.large import Large
from ...session.large_links import publish
from ...session.large_maps import own_method
from ...session.large_search import StoreSearch
from ...session.store_sample import SEED
from ...session.uploads import Upload
from ...session.workspace import Workspace
from ..map.selection import in_order

SHOWN = 6
NO_INDEX = f"To compare your own images, faiss must be installed: {INSTALL}."
# columns of the table, as a file names and describes them
_EXPORTED = {
    "Image": ("image", "name of the file"),
    "x": ("x", "position on the map"),
    "y": ("y", "position on the map"),
    "Anomaly score": (
        "anomaly_score_knn",
        "mean distance to the 20 nearest galaxies in feature space; larger = more anomalous",
    ),
    "Anomaly percentile": ("anomaly_percentile", "share of the galaxies with a lower score, %"),
    "Votes": ("votes", "labels of the 20 nearest galaxies"),
    "Nearest": ("nearest", "id of the nearest galaxy in feature space"),
    "Distance": ("distance", "distance to the nearest galaxy in feature space"),
}
COLUMNS = {
    "Anomaly score": Heading(form=".3f"),
    "Anomaly percentile": Heading(form=".1f"),
    "Distance": Heading(form=".3f"),
}
_PROBLEMS, _PLACED, _ORDER = "upload_problems", "upload_placed", "upload_order"


def show(workspace: Workspace) -> None:
    """Draw the form, and what has been found out about every image."""
    st.header("Your own images", anchor=False)
    if workspace.model is None:
        st.caption("Choose a model at the top to compare your own images with these galaxies.")
        return
    if held := _form():
        _placed(workspace, held)


def show_large(large: Large, go: Callable[[str], None]) -> None:
    """The same for a large store, by the model of its vectors."""
    st.header("Your own images", anchor=False)
    if sentence := large_search.without(large) or ("" if is_available() else NO_INDEX):
        st.caption(escape_markdown(sentence))
        return
    held = _form()
    if not held:
        return
    try:
        model, index = large_search.model_of(large), large.index()
    except (ValueError, OSError) as error:
        st.error(escape_markdown(error))
        return
    images = large.images()
    if model is None or index is None or (images is None and large.source is not None):
        return
    vectors = uploads.vectors(model, model.hash, str(model.id), held)
    scored = waiting.show_when_ready(
        ("large scored", large.key),
        f"Scoring a sample of {large.name}",
        lambda report: store_sample.scored(large, index, report),
    )
    if scored is None:
        return

    def task(report: Progress) -> tuple[Any, Any]:
        from astrojepa.evaluation.vectors.newcomers import compare_with_store

        found = compare_with_store(vectors, index, scored.scores, partial(_places, large))
        rows = np.union1d(scored.rows, found.indices)
        return dataclasses.replace(
            found, indices=np.searchsorted(rows, found.indices)
        ), store_sample.read(large, rows, report)

    digests = tuple(upload.digest for upload in held)
    key = ("large placed", large.key, digests)
    ready = waiting.show_when_ready(key, "Placing your images", task)
    if ready is None:
        return
    found, stored = ready
    rows = stored.galaxies.rows
    workspace = store_sample.workspace_of(large, stored, images, rows, go, {})
    mapped = has_map(large.map.store)  # these were read with the rest
    table = stored.galaxies.table
    xy = table[["x", "y"]].to_numpy(np.float64) if mapped else _places(large, rows)
    made = {"model": str(model.id), "model_hash": model.hash, "projection": own_method(large)}
    facts = {**export.provenance(workspace.data), **made, "view": publish(large)}
    title = state.PROJECTIONS.get(own_method(large), "x and y")
    said = f"a random sample (seed {SEED}) of {galaxies(len(scored.rows))}"
    select = go_in(large, lambda: st.session_state.update({state.TO_GALAXY: True}))
    _shown(
        workspace,
        held,
        found,
        xy,
        title,
        facts,
        said,
        lambda place: select(chosen_row(rows, place)),
        partial(_rank, StoreSearch(large)),
    )


def _places(large: Large, rows: np.ndarray) -> np.ndarray:
    """Return where galaxies lie on the map of a store: float64 (m, 2)."""
    store = large.map.store
    if not has_map(store):
        return project_by_pca(store)[rows].astype(np.float64)
    return store.table_of(rows)[["x", "y"]].to_numpy(np.float64)


def _form() -> list[Upload]:
    """Take images, say what is wrong with some, and return those that the session holds."""
    with st.form("upload_form", clear_on_submit=True, border=False):
        files = st.file_uploader(
            "Images of galaxies",
            type=list(uploads.TYPES),
            accept_multiple_files=True,
            key="upload_files",
            label_visibility="collapsed",
            max_upload_size=10,
        )
        sent = st.form_submit_button("Embed and place on the map")
    st.caption(
        f"JPEG, PNG or FITS, at most {uploads.MAX_FILES} files of 10 MB each. The model sees the "
        "central square, so crop the galaxy with as much sky as the images here have. Images stay "
        "in this session's memory and are not written to disk."
    )
    if sent:
        _take(files or [])
    for problem in st.session_state.get(_PROBLEMS, []):
        st.warning(escape_markdown(problem))
    held: dict[str, Upload] = st.session_state.get(state.UPLOADS, {})
    return list(held.values())


def _take(files: list[Any]) -> None:
    """Read what was sent; a bad file becomes a sentence."""
    bar = st.progress(0.0, text="Reading")

    def contents() -> Iterator[tuple[str, bytes]]:
        for number, file in enumerate(files):
            bar.progress(number / len(files), text=f"Reading {number + 1} of {len(files)}")
            yield file.name, file.getvalue()

    st.session_state[state.UPLOADS], st.session_state[_PROBLEMS] = uploads.add(
        st.session_state.get(state.UPLOADS, {}), contents()
    )
    bar.empty()


def _placed(workspace: Workspace, held: list[Upload]) -> None:
    method = st.session_state.get(state.PROJECTION)
    if method not in state.PROJECTIONS:
        method = "umap" if loaders.is_projected(workspace.embeddings, "umap") else "pca"
    xy = waiting.show_when_ready(*workspace.projection_task(method))
    if xy is None:
        return
    vectors = uploads.vectors(workspace.model, workspace.key[0], workspace.choice.label, held)
    key = (*workspace.key, method, tuple(upload.digest for upload in held))
    if st.session_state.get(_PLACED, (None,))[0] != key:
        st.session_state[_PLACED] = (
            key,
            uploads.newcomers(vectors, workspace.embeddings, workspace.scores, xy, method),
        )
    found = st.session_state[_PLACED][1]
    facts = facts_of(workspace, method, links.address(workspace))
    title, rank = state.PROJECTIONS[method], partial(_rank, workspace)
    _shown(workspace, held, found, xy, title, facts, "the open galaxies", links.open_galaxy, rank)


def _shown(
    workspace: Workspace,
    held: list[Upload],
    found: Any,
    xy: np.ndarray,
    title: str,
    facts: Mapping[str, Any],
    among: str,
    select: Callable[[Any], None],
    rank: Callable[[str], None],
) -> None:
    """Show where images stand among galaxies: the percentile is one `among` these."""
    shown = upload_table(
        held, found, workspace.data.labels, workspace.data.classes, workspace.data.ids
    )
    by, descending = st.session_state.get(_ORDER, ("", False))
    if by:
        order = in_order(sortable(read_values(shown[by])), descending)
        shown, held = shown.iloc[order], [held[place] for place in order]
        sorted_too = {name: values[order] for name, values in vars(found).items()}
        found = dataclasses.replace(found, **sorted_too)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        listed = shown.drop(columns=["x", "y"])
        headings = Order({name: name for name in listed}, by, descending, _sort)
        table("placed", "Your images", listed, COLUMNS, order=headings)
        with st.container(horizontal=True):
            export_menu(
                "images",
                "images",
                len(held),
                lambda ending: images_file(ending, shown, facts),
                IMAGE,
            )
            st.button("Remove all", on_click=_forget)
        st.caption(
            "Anomaly score: mean distance to the 20 nearest galaxies (kNN). Percentile: share of "
            f"{among} with a lower score. Votes: labels of the 20 nearest. An image from "
            "another survey, or with a wider or closer crop, may score high for that reason alone. "
            "An image that is already among the open galaxies finds itself and scores lower."
        )
    with right:
        _figure(workspace, held, found, xy, title)
    for number, upload in enumerate(held):
        _one(workspace, upload, found, number, select, rank)


def _sort(name: str) -> None:
    """Sort the images by this column, numbers from the highest; again, the other way round, and
    then as they were sent.
    """
    first, second = (name, name in COLUMNS), (name, name not in COLUMNS)
    turned = {first: second, second: ("", False)}
    st.session_state[_ORDER] = turned.get(st.session_state.get(_ORDER, ("", False)), first)


def upload_table(
    held: list[Upload], found: Any, labels: np.ndarray, classes: tuple[str, ...], ids: np.ndarray
) -> pd.DataFrame:
    """Lay out where every image stands."""
    return pd.DataFrame(
        {
            "Image": [upload.name for upload in held],
            "x": found.xy[:, 0].astype(float),
            "y": found.xy[:, 1].astype(float),
            "Anomaly score": found.scores,
            "Anomaly percentile": 100 * (1 - found.stranger),
            "Votes": [uploads.votes(labels[near], classes) for near in found.indices],
            "Nearest": [str(ids[near[0]]) for near in found.indices],
            "Distance": found.distances[:, 0].astype(float),
        }
    )


def exported(table: pd.DataFrame) -> list[Column]:
    """Return the table's columns as a file names and describes them."""
    return [
        Column(name, table[shown].tolist(), about, digits=0)
        for shown, (name, about) in _EXPORTED.items()
    ]


def images_file(ending: str, table: pd.DataFrame, facts: Mapping[str, Any]) -> bytes:
    """Write the images as a table of this format; CSV names model and data in columns."""
    made = export.named_in_csv(facts, len(table)) if ending == ".csv" else []
    return table_bytes(ending, [*exported(table), *made], facts)


def facts_of(workspace: Workspace, method: str, view: str) -> dict[str, Any]:
    """Return what the images were placed by: model, map and galaxies, and the link to the page."""
    made = {"projection": method, "view": view}
    return {**export.provenance(workspace.data), **export.model_facts(workspace.made_by), **made}


def _figure(
    workspace: Workspace, held: list[Upload], found: Any, xy: np.ndarray, title: str
) -> None:
    from astrojepa import plotting

    data, rows = (
        workspace.data,
        np.unique(
            np.linspace(0, len(workspace.data) - 1, min(len(workspace.data), 20_000)).astype(int)
        ),
    )
    figure = plotting.map_figure(xy[rows], data.labels[rows], data.classes, data.ids[rows])
    names = [f"{number + 1}" for number in range(len(held))]
    marker = {
        "symbol": "star",
        "size": 15,
        "color": palette.ACCENT,
        "line": {"width": 1, "color": palette.BACKGROUND},
    }
    figure.add_scatter(
        x=found.xy[:, 0],
        y=found.xy[:, 1],
        mode="markers+text",
        text=names,
        textposition="top center",
        marker=marker,
        name="your images",
        customdata=[upload.name for upload in held],
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure.update_layout(showlegend=False, margin={"l": 8, "r": 8, "t": 8, "b": 8})
    figures.chart(figure, "uploads_on_map", 320)
    st.caption(f"Stars: your images on the {title} map, numbered as in the table.")


def _one(
    workspace: Workspace,
    upload: Upload,
    found: Any,
    number: int,
    select: Callable[[Any], None],
    rank: Callable[[str], None],
) -> None:
    """Draw one image beside what is known about it and its nearest galaxies."""
    near, distances = found.indices[number, :SHOWN], found.distances[number, :SHOWN]
    left, middle, right = st.columns([1, 2, 4], gap="medium")
    with left:
        st.image(pictures.inline(upload.image, "png"), width=128, alt=upload.name)
    with middle:
        placed = upload.ra is not None and upload.dec is not None and math.isfinite(upload.ra)
        facts(
            f"upload-{number}",
            {
                f"{number + 1}": upload.name,
                "Size": f"{upload.size[0]} × {upload.size[1]} px",
                "Sky": f"{upload.ra:.5f} {upload.dec:+.5f}"
                if placed
                else "no position in the file",
                "On the map": f"{found.xy[number, 0]:.2f}, {found.xy[number, 1]:.2f}",
                "Anomaly score": (
                    f"{found.scores[number]:.3f} (percentile "
                    f"{100 * (1 - found.stranger[number]):.1f})"
                ),
                "Labels of the 20 nearest": uploads.votes(
                    workspace.data.labels[found.indices[number]], workspace.data.classes
                ),
            },
        )
        st.button(
            "Open the nearest galaxy",
            key=f"nearest_{number}",
            on_click=select,
            args=(int(near[0]),),
        )
        st.button(
            "Rank all galaxies by this image",
            key=f"rank_{number}",
            on_click=rank,
            args=(upload.digest,),
        )
    with right:
        captions = [
            (workspace.class_name(int(i)), f"{d:.2f}") for i, d in zip(near, distances, strict=True)
        ]
        gallery(f"upload_gallery_{number}", workspace.pictures, near.tolist(), captions, select)


def _rank(searched: Any, digest: str) -> None:
    examples.add_images(searched, (digest,))
    st.session_state[state.TO_MAP] = True


def _forget() -> None:
    for key in (state.UPLOADS, state.LIKE_IMAGES, uploads.VECTORS, _PROBLEMS, _PLACED, _ORDER):
        st.session_state.pop(key, None)
