"""The map: hover shows a galaxy, click selects it, lasso and box open a gallery."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
import streamlit as st

from astrojepa.data.columns import class_columns
from astrojepa.places import TRAIN
from astrojepa.wording import first_of

from ...components.choose import choose
from ...components.escape_markdown import escape_markdown
from ...components.galaxy_card import galaxy_card
from ...components.guide.guide import guide
from ...components.instead import say_instead
from ...components.latent_map import colouring, geometry
from ...components.latent_map.latent_map import latent_map, mark
from ...components.latent_map.layers import Layers, colour_options, layers, option_name
from ...session import clusters, columns, examples, links, loaders, state, waiting
from ...session.described import OfWorkspace
from ...session.queue import imported
from ...session.workspace import Workspace
from ..registry import Page
from . import large, search
from .cluster_choice import choose_cluster, clusters_sentence
from .column_panel import column_panel
from .difference_panel import compare_the_selection, difference_panel
from .examples_bar import examples_bar
from .figure import figure_map
from .filter_box import filter_box, set_filter
from .selection import begin_beside, show_selection
from .sky import sky_panel

NUM_NEIGHBOURS = 6
LINE = "Each point is a galaxy; similar ones lie close together. Click one, or draw a lasso."
STEPS = (
    "Each point is a galaxy; similar ones lie close together. Hover to see one; click to select.",
    "Lasso and Box select several: a gallery, a table and exports of them open below the map.",
)
KEYS = (
    ("Drag, wheel, + −, 0", "move, zoom, reset the view"),
    ("Arrows", "select the next galaxy in that direction"),
    ("l, b, Esc", "lasso, box, clear; Shift adds to the selection"),
    ("p, c, /, s", "images, contours, search, random galaxy"),
)


def show(workspace: Workspace) -> None:
    """Draw the map, the selected galaxy beside it, and the gallery of the selection below."""
    with st.container(key="heard_title"):
        st.title("Map", anchor=False)
    _ = workspace.places  # the long steps first, so that their progress stands alone
    with workspace.bar:
        _controls(workspace)
    _pane(workspace)


@st.fragment
def _pane(workspace: Workspace) -> None:
    """Draw what follows a click, in a fragment of its own so that the page stays."""
    if st.session_state.pop(state.STORE, False):
        st.rerun()  # what the browser keeps is written with the whole page
    try:
        line = st.container(
            horizontal=True, vertical_alignment="center", gap="small", key="map_line"
        )
        with line:
            _banner(workspace)
            _guide(workspace)
        left, right = st.columns([2, 1], gap="medium")
        with left:
            chosen, is_filtered = _map(workspace, line)
            if chosen is not None:
                with st.container(key="chosen"):
                    chosen = show_selection(workspace, chosen, is_filtered)
        with right:
            with st.container():  # so that the card keeps its place and the focus
                if chosen is not None:
                    begin_beside(
                        chosen,
                        len(chosen),
                        workspace.pictures,
                        lambda rows: map(workspace.class_name, rows),
                        links.select,
                    )
            if (row := st.session_state.get(state.ROW)) is not None:
                galaxy_card(workspace, row, links.publish(workspace))
    except (ValueError, OSError) as error:
        st.error(escape_markdown(error))


def _map(workspace: Workspace, line: Any) -> tuple[np.ndarray | None, bool]:
    """Draw the map, and in the line above it what it separates by; returns the rows that lasso and
    filter choose, None without either, and whether a filter is applied.
    """
    method, option = st.session_state[state.PROJECTION], st.session_state[state.COLOUR]
    with st.container(key="map_notes", gap="small"):
        waits = _clusters(workspace)
        shown = layers(workspace, method, option)
        if shown.method != method:
            st.caption(f"Until then, this is the {state.PROJECTIONS[shown.method]} map.")
    with line:
        _islands(workspace, shown)
    _ = workspace.selected
    if st.session_state.get(state.OFF_COLOUR) != shown.option:
        st.session_state[state.OFF], st.session_state[state.OFF_COLOUR] = (), shown.option
    polygons = _polygons(workspace, shown.method, method)
    board, below = st.container(), st.container(key="map_below")
    with below:
        pending = examples_bar(
            workspace,
            lambda: examples.pending(workspace),
            workspace.pictures,
            lambda row: (workspace.class_name(row),),
        )
    # a filter by clusters or by a search waits for them
    matching, wrong = (None, "") if waits or pending else columns.filtered(workspace)
    with board:
        in_space = st.session_state.get(state.DRAWING) == "space"
        if not (in_space and figure_map(workspace, shown, matching, links.select)):
            latent_map(shown.packed, links.select, _drawn, _toggled, shown.coloured.legend["title"])
            mark(_selection(workspace, polygons), matching)
    found = clusters.at_hand(workspace) if clusters.wanted(workspace) else None
    chosen, about = None, OfWorkspace(workspace)
    if polygons or matching is not None:
        chosen = chosen_rows(shown, polygons, st.session_state[state.OFF], matching)
    with below:
        filter_box(workspace, matching, wrong, lambda: choose_cluster(found))
        column_panel(about, matching, wrong)
        sky_panel(about, chosen)
        difference_panel(about, chosen)
        if notes := workspace.data.notes:
            st.caption(escape_markdown(" ".join(notes)))
    return chosen, matching is not None


def _polygons(workspace: Workspace, shown: str, wanted: str) -> list[geometry.Polygon]:
    """Return the polygons of the map that is shown, which may stand in for one that is computed.

    Those of another map are kept until the one that was chosen is there, then dropped.
    """
    place = st.session_state[state.MAP_SHOWN] = (*workspace.key, shown)
    owner = st.session_state.get(state.AREA_OF)
    if shown == wanted and owner != place:
        if owner is not None:  # a link's belong to the map that it names
            st.session_state[state.POLYGONS] = []
        st.session_state[state.AREA_OF] = place
    return links.polygons_of_shown_map()


def chosen_rows(
    shown: Layers,
    polygons: list[geometry.Polygon],
    off: tuple[int, ...],
    matching: np.ndarray | None = None,
) -> np.ndarray:
    """Return the rows inside the polygons, if there are any, that match the filter, bool (n,), if
    there is one, and are of a group that the legend shows; ascending.
    """
    everybody = np.arange(len(shown.places))
    rows = geometry.rows_inside(shown.places, polygons) if polygons else everybody
    rows = rows if matching is None else rows[matching[rows]]
    return rows[~np.isin(shown.coloured.codes[rows], off)]


def _selection(workspace: Workspace, polygons: list[geometry.Polygon]) -> dict[str, Any]:
    row = st.session_state.get(state.ROW)
    near = (
        []
        if row is None
        else loaders.neighbours(
            workspace.embeddings, *workspace.key, row, NUM_NEIGHBOURS
        ).indices.tolist()
    )
    return {
        "pictures": workspace.pictures,
        "selected": row,
        "neighbours": near,
        "polygons": [[list(map(round, corner)) for corner in polygon] for polygon in polygons],
        "off": list(st.session_state[state.OFF]),
    }


def _controls(workspace: Workspace) -> None:
    if st.session_state.get(state.PROJECTION) not in state.PROJECTIONS:
        st.session_state[state.PROJECTION] = (
            "umap" if loaders.is_projected(workspace.embeddings, "umap") else "pca"
        )
    options = colour_options(workspace)
    if (wanted := st.session_state.get(state.COLOUR)) not in options:
        st.session_state[state.COLOUR] = options[0]
        if wanted:
            say_instead(f"These data cannot be coloured by {wanted!r}", f"{options[0]} is shown")
    st.selectbox(
        "Map",
        list(state.PROJECTIONS),
        format_func=state.PROJECTIONS.__getitem__,
        key=state.PROJECTION,
        width=104,
    )
    st.selectbox("Colour", options, format_func=option_name, key=state.COLOUR, width=168)
    st.text_input(
        "Find",
        key="find",
        placeholder="Id, class, position",
        on_change=_find,
        args=(workspace,),
    )
    st.button("Random", on_click=_surprise, args=(len(workspace.data),), shortcut="s")
    with st.popover("Map options"):
        choose("Map type", state.DRAWINGS, state.DRAWING)
        st.caption("\n".join(f"- **{keys}** {what}" for keys, what in KEYS))
        st.caption("UMAP and t-SNE are computed when you first choose them.")
        st.caption("The menu at the top right switches between dark and light.")


def _banner(workspace: Workspace) -> None:
    parts = []
    if workspace.data.simulated:
        parts.append("**Simulated galaxies**: drawn by a program, not observed.")
    if workspace.stored is not None:
        name = escape_markdown(workspace.stored.name)
        parts.append(f"**Vectors from {name}**, not of a model: there are no patch errors.")
    elif workspace.model is None:
        parts.append(
            "**Baseline without a model**: the map shows the PCA of the pixels. Train a model "
            f"with `{TRAIN}`."
        )
    elif workspace.model.card.get("random"):
        parts.append("**Random weights**: an untrained control.")
    data = workspace.data
    if (data.labels < 0).all() and (columns := class_columns(data.table)):
        named = first_of([escape_markdown(name.replace("_", " ")) for name in columns], 4)
        parts.append(f"**No galaxy has a label.** Choose a column under *Label*: {named}.")
    if skipped := data.skipped:
        named = ", ".join(skipped[:3]) + (" …" if len(skipped) > 3 else "")
        parts.append(
            f"{len(skipped):,} damaged image{'s are' if len(skipped) > 1 else ' is'} left out: "
            f"{escape_markdown(named)}."
        )
    if parts:
        st.caption(" ".join(parts), width="content")


def _guide(workspace: Workspace) -> None:
    model = workspace.model
    errors = "Patch errors, beside the map, show what the model did not expect. "
    last = "Copy link, below the selected galaxy, sends what you see now."
    guide(LINE, (*STEPS, (errors if model is not None and model.has_predictor else "") + last))


def _islands(workspace: Workspace, shown: Layers) -> None:
    """Say by which column the map separates that says nothing of shape, and offer one value."""
    if workspace.model is not None and not imported.is_set():  # the first page waits for no library
        return
    key = ("islands", *workspace.key, shown.method)
    sentence = "Measuring what the map separates by"
    task = loaders.islands(workspace.data.table, shown.places)
    found = waiting.show_when_ready(key, sentence, task)
    if not found:
        return
    column, measured = found
    groups = colouring.by_column(workspace.data.table[column], column).legend["groups"]
    codes = [group["code"] for group in groups]
    with st.container(horizontal=True, vertical_alignment="center", width="content", key="islands"):
        st.caption(islands_sentence(column, measured), width="content")
        with st.popover(f"Show one {escape_markdown(column)}"):
            for group in groups:
                st.button(
                    escape_markdown(f"{group['name']} ({group['count']:,})"),
                    key=f"only_{group['code']}",
                    on_click=_show_only,
                    args=(column, codes, (group["code"],)),
                    width="stretch",
                )
            if st.session_state.get(state.OFF) and shown.option == column:
                st.button("All", on_click=_show_only, args=(column, codes, codes))


def _clusters(workspace: Workspace) -> bool:
    """Find clusters where they are asked for, and say how stable they are.

    Returns whether they are still to come.
    """
    if not clusters.wanted(workspace):
        return False
    if workspace.model is not None and not imported.is_set():  # as for the islands
        return True
    found = waiting.show_when_ready(*clusters.task(workspace))
    if found is None:
        return True
    st.caption(clusters_sentence(found.clusters))
    return False


def islands_sentence(column: str, measured: Any) -> str:
    """Say how far a map separates by a column, beside what chance gives."""
    name = escape_markdown(column)
    return (
        f"The map separates by **{name}**: {100 * measured.share:.0f} % of the 15 nearest points "
        f"have the same (by chance {100 * measured.chance:.0f} %)."
    )


def _drawn(message: Any) -> None:
    st.session_state[state.POLYGONS] = geometry.read_polygons(message)
    st.session_state[state.AREA_OF] = st.session_state.get(state.MAP_SHOWN)
    st.session_state[state.GALLERY_PAGE] = 0
    compare_the_selection()


def _toggled(message: Any) -> None:
    st.session_state[state.OFF] = state.read_codes(message)
    st.session_state[state.GALLERY_PAGE] = 0


def _find(workspace: Workspace) -> None:
    from astrojepa.data.coordinates import parse_coordinates

    data, written = workspace.data, st.session_state.get("find", "")
    if expression := search.cone(written, parse_coordinates) or (
        written if search.is_filter(written) else ""
    ):
        set_filter(expression)
        st.session_state["find"] = ""
        return
    if not written.strip():
        st.session_state[state.OFF] = ()
        return
    found = search.search(
        written,
        data.ids,
        data.classes,
        data.ra,
        data.dec,
        parse_coordinates,
    )
    links.notice(found.sentence)
    if found.row is not None:
        links.select(found.row)
    if found.labels:
        codes = (*range(len(data.classes)), colouring.UNKNOWN)
        _show_only(state.CLASS_COLOUR, codes, found.labels)


def _show_only(option: str, codes: Iterable[int], shown: Collection[int]) -> None:
    """Colour the map by an option and hide all codes of its legend but these."""
    st.session_state[state.COLOUR] = st.session_state[state.OFF_COLOUR] = option
    st.session_state[state.OFF] = tuple(code for code in codes if code not in shown)


def _surprise(count: int) -> None:
    links.select(int(np.random.default_rng().integers(count)))


PAGE = Page("Map", 1, show, needs_libraries=False, show_large=large.show)
