"""The map: every galaxy where the model puts it. Hover shows, click selects, a lasso opens a gallery."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from app import colouring, export, geometry, links, loaders, palette, search, state
from app.components.galaxy_card import galaxy_card
from app.components.gallery import gallery
from app.components.latent_map import latent_map, pack
from app.scene import Scene

PER_PAGE = 24


def show(scene: Scene) -> None:
    """Draw the map, the selected galaxy beside it and the lasso's gallery below."""
    _ = scene.scores  # the long steps first, so that their progress stands alone
    with scene.bar:
        method = _controls(scene)
    left, right = st.columns([2, 1], gap="medium")
    with left:
        _banner(scene, method)
        _default_galaxy(scene)
        quantised = geometry.quantise(scene.positions(method))
        latent_map(_payload(scene, method, quantised), _clicked, _drawn)
        if polygons := st.session_state.get(state.POLYGONS):
            _lasso_gallery(scene, geometry.rows_inside(quantised, polygons))
    row = st.session_state.get(state.ROW)
    with right:
        if row is not None:
            galaxy_card(scene, row, links.publish(scene))


def _controls(scene: Scene) -> str:
    if st.session_state.get(state.PROJECTION) not in state.PROJECTIONS:
        st.session_state[state.PROJECTION] = "umap" if loaders.is_projected(scene.embeddings, "umap") else "pca"
    options = colour_options(scene)
    if st.session_state.get(state.COLOUR) not in options:
        st.session_state[state.COLOUR] = options[0]
    st.selectbox("Map", list(state.PROJECTIONS), format_func=state.PROJECTIONS.get, key=state.PROJECTION, width=104)
    st.selectbox("Colour", options, format_func=_colour_name, key=state.COLOUR, width=176)
    st.text_input("Find", key="find", placeholder="Coordinates, viewer link, id or class", on_change=_find, args=(scene,))
    st.button("Surprise me", on_click=_surprise, args=(len(scene.data),), shortcut="s")
    return str(st.session_state[state.PROJECTION])


def colour_options(scene: Scene) -> list[str]:
    """What the map can be coloured by: class, anomaly score, redshift, and every column that says something."""
    options = [state.CLASS_COLOUR] if scene.labelled else []
    options.append(state.SCORE_COLOUR)
    if np.isfinite(scene.data.redshift).any():
        options.append("redshift")
    table = scene.data.table
    skipped = {"file", "id", "ra", "dec", "redshift", "label", "duplicate_of"}
    options += [str(name) for name in table.columns if name not in skipped and 1 < table[name].nunique() <= 0.9 * len(table)]
    return list(dict.fromkeys(options))


def _colour_name(option: str) -> str:
    return option[:1].upper() + option[1:].replace("_", " ")


def _colouring(scene: Scene, option: str) -> colouring.Colouring:
    data = scene.data
    if option == state.CLASS_COLOUR:
        return colouring.by_class(data.labels, data.classes)
    if option == state.SCORE_COLOUR:
        return colouring.by_number(scene.scores, "Anomaly score", palette.MAGMA)
    if option == "redshift":
        return colouring.by_number(data.redshift, "Redshift")
    return colouring.by_column(data.table[option], _colour_name(option))


def _payload(scene: Scene, method: str, quantised: np.ndarray) -> bytes:
    data, option = scene.data, st.session_state[state.COLOUR]
    row = st.session_state.get(state.ROW)
    focus = st.session_state.get(state.FOCUS)
    polygons = st.session_state.get(state.POLYGONS) or []
    nonce = st.session_state.get(state.NONCE, 0)
    near = [] if row is None else loaders.neighbours(scene.embeddings, *scene.key, row, 6).indices.tolist()
    header = {
        "title": f"{state.PROJECTIONS[method]} of {scene.choice.label}",
        "pictures": scene.pictures,
        "classes": list(data.classes),
        "shapes": [style.shape for style in palette.class_styles(data.classes)],
        "ranked": True,
        "selected": row,
        "neighbours": near,
        "polygons": polygons,
        "focus": focus,
        "nonce": nonce,
    }
    coloured = _colouring(scene, option)
    classes = np.where((data.labels < 0) | (data.labels > 254), 255, data.labels)
    return pack(header, quantised, classes, coloured, colouring.rank_codes(scene.places))


def _default_galaxy(scene: Scene) -> None:
    """Start with the strangest galaxy, so that the first look already shows what the explorer is for."""
    row = st.session_state.get(state.ROW)
    if row is None or row >= len(scene.data):
        st.session_state[state.ROW] = int(np.argmin(scene.places))


def _banner(scene: Scene, method: str) -> None:
    parts = []
    if scene.data.simulated:
        parts.append("**Simulated galaxies**: drawn by a program, not observed.")
    if scene.model is None:
        parts.append("**Baseline, no model**: the map shows pixel PCA. Train a model with `python train.py`.")
    elif scene.model.card.get("random"):
        parts.append("**Random weights**: a control that has learned nothing.")
    if method == "pca" and not loaders.is_projected(scene.embeddings, "umap"):
        parts.append("PCA is shown first; UMAP and t-SNE are computed when you choose them, and kept.")
    if parts:
        st.caption(" ".join(parts))


def _clicked(row: Any) -> None:
    links.select(row)


def _drawn(message: Any) -> None:
    polygons = geometry.read_polygons(message)
    st.session_state[state.POLYGONS] = polygons
    st.session_state[state.GALLERY_PAGE] = 0
    if not polygons:
        st.session_state[state.FOCUS] = None


def _find(scene: Scene) -> None:
    from astrojepa.data.coordinates import parse_coordinates

    data = scene.data
    if not st.session_state.get("find", "").strip():
        if st.session_state.pop(state.FOCUS, None) is not None:
            st.session_state[state.NONCE] = st.session_state.get(state.NONCE, 0) + 1
        return
    found = search.search(st.session_state.get("find", ""), data.ids, data.classes, data.ra, data.dec, parse_coordinates)
    links.notice(found.sentence)
    if found.row is not None:
        links.select(found.row)
    if found.label is not None:
        st.session_state[state.FOCUS] = found.label
        st.session_state[state.COLOUR] = state.CLASS_COLOUR
        st.session_state[state.NONCE] = st.session_state.get(state.NONCE, 0) + 1


def _surprise(count: int) -> None:
    links.select(int(np.random.default_rng().integers(count)))


def _lasso_gallery(scene: Scene, rows: np.ndarray) -> None:
    places = scene.places
    order = rows[np.argsort(places[rows], kind="stable")]
    pages = max(1, -(-len(order) // PER_PAGE))
    page = min(st.session_state.get(state.GALLERY_PAGE, 0), pages - 1)
    with st.container(horizontal=True, vertical_alignment="center", key="lasso"):
        st.subheader(f"{len(order):,} galaxies inside", anchor=False)
        st.button("Back", disabled=page == 0, on_click=_turn, args=(page - 1,))
        st.caption(f"{page + 1} of {pages}")
        st.button("Next", disabled=page + 1 >= pages, on_click=_turn, args=(page + 1,))
        st.download_button("Export CSV", lambda: _csv(scene, order), "galaxies.csv", "text/csv", on_click="ignore")
    shown = order[page * PER_PAGE : (page + 1) * PER_PAGE]
    captions = [(scene.class_name(int(i)), f"rank {places[i]:,}") for i in shown]
    gallery("lasso_gallery", scene.pictures, shown.tolist(), captions, _clicked, selected=st.session_state.get(state.ROW))


def _turn(page: int) -> None:
    st.session_state[state.GALLERY_PAGE] = max(0, page)


def _csv(scene: Scene, rows: np.ndarray) -> str:
    data = scene.data
    header = ("number", "id", "class", "ra_deg", "dec_deg", "redshift", "anomaly_score", "anomaly_rank", "model", "data")
    model = scene.model.id if scene.model else "pixel PCA"
    lines = (
        (
            int(i),
            str(data.ids[i]),
            scene.class_name(int(i)),
            float(data.ra[i]),
            float(data.dec[i]),
            float(data.redshift[i]),
            float(scene.scores[i]),
            int(scene.places[i]),
            model,
            data.name,
        )
        for i in rows
    )
    return export.to_csv(header, lines)
