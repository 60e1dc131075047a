"""What lasso and filter choose, as a gallery or a table: sorted, exported, collected."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from astrojepa.data.values import Numbers, Values, cells, sortable
from astrojepa.tables import Column
from astrojepa.wording import first_of, galaxies

from ...components.choose import choose
from ...components.collections_bar import collections_bar
from ...components.export_menu import export_menu
from ...components.gallery.gallery import gallery
from ...components.instead import say_instead
from ...components.send_button import send_button
from ...components.table.table import Heading, Order, table
from ...session import columns, examples, export, links, loaders, reviewing, state
from ...session.gathered import gathered
from ...session.workspace import Workspace

PER_PAGE = 24
MOST_ROWS = 1000  # of the table
SIMILARITY = "similarity to the selected galaxy"
DISTANCE = "distance to the selected galaxy"  # the column of the table that shows it
ON_MAP = "place on the map"  # the order of a large store, along a curve where `project` sorted it
# what no order or column of the data may be taken for
RESERVED = {state.SCORE_COLOUR, SIMILARITY, DISTANCE}
REVERSED = {  # what comes first then, of what is sorted neither from its highest nor as words
    state.SCORE_COLOUR: "Least anomalous first",
    SIMILARITY: "Least similar first",
    ON_MAP: "Last on the map first",
    examples.RANK: "Least similar first",
    examples.DISTANCE: "Least similar first",
}
SIZES = {"small": "Small", "large": "Large"}  # of the images of the gallery
TILES = {"small": 96, "large": 160}
GALLERY_KEYS = "Arrow keys move between images; 0 to 5 mark one as on the Anomalies page."
FORMS = {"ra": ".5f", "dec": ".5f"}  # of numbers in the table
SIDE = 48  # of an image in the table, pixels
BESIDE = 4  # images of the selection that are shown beside the map, one row
_AT_FIRST = ("search_rank", "class", "anomaly_score", "probe_prediction", "redshift")
# columns that the explorer made, as an export describes them
_MADE = {
    "search_rank": "1 = most like what was searched for",
    "search_distance": "distance in feature space to what was searched for; smaller = more similar",
    "probe_prediction": "class that the last probe predicts",
    "feature_cluster": "cluster in feature space",
    "finer_feature_cluster": "finer cluster in feature space",
}


def show_selection(workspace: Workspace, rows: np.ndarray, is_filtered: bool) -> np.ndarray:
    """Draw the chosen galaxies with what can be done with them; returns them in their order."""
    if not len(rows):
        say_none(is_filtered, st.session_state[state.OFF])
        return rows
    with st.container(horizontal=True, vertical_alignment="bottom", key="selection"):
        st.header(f"{galaxies(len(rows))} selected", anchor=False)
        view = choose("View", state.VIEWS, state.SELECTION_VIEW, label_visibility="collapsed")
        known = columns.columns_of(workspace)
        names = [name for name in known if name not in {"anomaly_score", *RESERVED}]
        numbers = [
            name for name in names if isinstance(known[name], Numbers) and name not in REVERSED
        ]
        by, reverse = order_menu([state.SCORE_COLOUR, SIMILARITY, *names], numbers)
    values = sort_values(workspace, rows, by)
    order = in_order(values, reverse)
    rows, values = rows[order], values[order]
    with st.container(horizontal=True, vertical_alignment="center", key="lasso"):
        page, size = 0, "small"
        if view == "gallery":
            page = pager(len(rows))
            size = choose("Images", SIZES, state.SELECTION_SIZE, label_visibility="collapsed")
        about = gathered(workspace)
        _export(workspace, rows, about.link)
        send_button(
            about,
            "lasso",
            "Selection on the map",
            rows.tolist,
            lambda: further(workspace, rows)[0],
        )
        collections_bar(about, rows)
    if view == "table":
        _table(workspace, rows, values, by, reverse)
        return rows
    part = slice(page * PER_PAGE, (page + 1) * PER_PAGE)
    shown = rows[part]
    said, data = captions(workspace, by, shown, values[part]), workspace.data
    gallery(
        "lasso_gallery",
        workspace.pictures,
        shown.tolist(),
        [
            (workspace.class_name(row), text + mark)
            for row, text, mark in zip(shown, said, marked(data.galaxies_hash, shown), strict=True)
        ],
        links.select,
        selected=st.session_state.get(state.ROW),
        tile=TILES[size],
        on_mark=lambda row, value, _: reviewing.take_mark(
            data.galaxies_hash, len(data), row, value
        ),
    )
    st.caption(GALLERY_KEYS)
    return rows


def say_none(is_filtered: bool, off: Sequence[int]) -> None:
    """Say that no galaxy is selected, and what chose none: area, filter, legend, or several."""
    named = {
        "lies in the area drawn": links.polygons_of_shown_map(),
        "passes the filter": is_filtered,
        "is shown by the legend": off,
    }
    *others, last = [words for words, applied in named.items() if applied]
    on = f"{', '.join(others)} and {last}" if others else last
    st.header("0 galaxies selected", anchor=False)
    st.caption(f"No galaxy {on}. Clear or change what you chose.")


def begin_beside(
    rows: np.ndarray,
    count: int,
    pictures: str,
    class_names: Callable[[list[int]], Iterable[str]],
    on_click: Callable[[Any], None],
) -> None:
    """Show the first of `count` chosen galaxies, `rows` in their order, where the map leaves them
    in view.
    """
    if not len(rows):
        return
    shown = rows[:BESIDE].tolist()
    which = f"First {BESIDE} of the {count:,}" if count > BESIDE else f"{count}"
    with st.container(key="chosen_beside", gap="small"):
        st.caption(f"**{which} selected**; gallery, table and exports are below the map.")
        gallery(
            "beside_gallery",
            pictures,
            shown,
            [(name,) for name in class_names(shown)],
            on_click,
            selected=st.session_state.get(state.ROW),
            tile=84,  # four in a row at 390 pixels, at 1280 and at 1440
        )


def marked(key: str, rows: np.ndarray) -> list[str]:
    """Return what a caption adds about the marks of some galaxies, of the set of this hash."""
    given = reviewing.review_of(key).marks
    return [f", marked {given[row]}" if row in given else "" for row in rows.tolist()]


def sort_values(workspace: Workspace, rows: np.ndarray, by: str) -> np.ndarray:
    """Return what galaxies are sorted by, smallest first: float64 (m,), NaN where unknown."""
    if by == state.SCORE_COLOUR:
        return workspace.places[rows].astype(np.float64)
    if by == SIMILARITY:
        vectors = loaders.features(workspace.embeddings, *workspace.key)
        return np.linalg.norm(vectors[rows] - vectors[workspace.selected], axis=1)
    return sortable(columns.columns_of(workspace)[by])[rows]


def in_order(values: np.ndarray, reverse: bool) -> np.ndarray:
    """Return the ascending order of values, (m,), or the descending one; unknown ones, NaN, come
    last, and equal ones stay as they are.
    """
    return np.argsort(-values if reverse else values, kind="stable")


def captions(workspace: Workspace, by: str, rows: np.ndarray, values: np.ndarray) -> list[str]:
    """Say below images what they are sorted by."""
    if by == state.SCORE_COLOUR:
        return [f"rank {value:,.0f}" for value in values]
    if by == SIMILARITY:
        return [f"distance {value:.2f}" for value in values]
    said = cells(columns.columns_of(workspace)[by], rows)
    return [f"{by.replace('_', ' ')} {written(value) or 'unknown'}" for value in said]


def written(value: object) -> str:
    """Write a cell: numbers with four digits, "" for unknown."""
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.4g}"
    return str(value)


def order_menu(
    options: list[str], numbers: Sequence[str], usual: str = state.SCORE_COLOUR
) -> tuple[str, bool]:
    """Draw what a selection can be sorted by, of which some are columns of `numbers`; returns what
    it is, and whether its values descend. `usual`: the score, always sorted from its highest.
    """
    wanted = st.session_state.get(state.SELECTION_ORDER)
    linked = links.named_by_link(state.SELECTION_ORDER)
    if wanted not in options:
        st.session_state[state.SELECTION_ORDER] = options[0]
        st.session_state[state.SELECTION_REVERSED] = False
        if wanted:  # whose direction says nothing of another order
            st.session_state.pop(state.DIRECTION, None)
        if linked:
            say_instead(
                f"These galaxies cannot be sorted by {wanted!r}",
                f"they are sorted by {order_name(options[0])!r}",
            )
    by = st.selectbox(
        "Sort by",
        options,
        format_func=order_name,
        key=state.SELECTION_ORDER,
        persist_state="session",
        width=256,
    )
    st.session_state[state.IN_WORDS] = "" if by in numbers or by == usual else by
    links.is_reversed(lowest_before=by in numbers and by != usual)
    words = "Lowest first" if by in numbers else REVERSED.get(by, "Z to A first")
    turned = st.toggle(words, key=state.SELECTION_REVERSED, persist_state="session")
    return by, turned != (by in numbers)


def sort_by(name: str) -> None:
    """Sort the selection by this as the menu does, the other way round where it already is."""
    again = st.session_state.get(state.SELECTION_ORDER) == name
    turned = again and not st.session_state.get(state.SELECTION_REVERSED, False)
    st.session_state[state.SELECTION_ORDER] = name
    st.session_state[state.SELECTION_REVERSED], st.session_state[state.GALLERY_PAGE] = turned, 0


def order_name(name: str) -> str:
    """How an order reads in the menu."""
    return (name[:1].upper() + name[1:]).replace("_", " ")


def pager(count: int) -> int:
    """Draw the buttons that turn the pages of a gallery; returns the page that is shown."""
    pages = max(1, -(-count // PER_PAGE))
    page = min(st.session_state.get(state.GALLERY_PAGE, 0), pages - 1)
    st.button("Previous", disabled=page == 0, on_click=_turn, args=(page - 1,))
    st.caption(f"{page + 1} of {pages}", width="content")
    st.button("Next", disabled=page + 1 >= pages, on_click=_turn, args=(page + 1,))
    return page


def _turn(page: int) -> None:
    st.session_state[state.GALLERY_PAGE] = max(0, page)


def _table(
    workspace: Workspace, rows: np.ndarray, values: np.ndarray, by: str, reverse: bool
) -> None:
    """Draw the table, with the column that it is sorted by; a click on a row selects the galaxy, on
    a heading sorts all of the selection.
    """
    known = columns.columns_of(workspace)
    before = st.session_state.get(state.TABLE_COLUMNS)
    names = [name for name in known if name not in RESERVED]
    kept = [name for name in before or () if name in names]
    first = [name for name in _AT_FIRST if name in known]
    st.session_state[state.TABLE_COLUMNS] = kept if kept or before == [] else first
    missing = [name for name in before or () if name not in known]
    if links.named_by_link(state.TABLE_COLUMNS) and missing:
        say_instead(
            f"These galaxies have no column {first_of([*map(repr, missing)])}",
            "the table shows the others" if kept else "the table shows the usual ones",
        )
    chosen = st.multiselect(
        "Columns of the table",
        [name for name in names if name != "id"],
        key=state.TABLE_COLUMNS,
        persist_state="session",
    )
    shown = rows[:MOST_ROWS]
    content: dict[str, Sequence[Any] | np.ndarray] = {
        "id": workspace.data.ids[shown].astype(str),
    }
    orders = {"anomaly_score": state.SCORE_COLOUR, DISTANCE: SIMILARITY}
    sorts = {name: name for name in names} | orders
    column = {order: name for name, order in sorts.items()}[by]  # that shows the order
    for name in chosen if column in {"id", *chosen} else (column, *chosen):
        content[name] = values[:MOST_ROWS] if name == DISTANCE else cells(known[name], shown)
    about = workspace.data.about
    selected = np.flatnonzero(shown == st.session_state.get(state.ROW))
    table(
        "selection_table",
        "Selected galaxies",
        pd.DataFrame(content),
        {
            name: Heading(form=FORMS.get(name, ""), help=about.get(name, ("", ""))[1])
            for name in content
        },
        names=shown.tolist(),
        images=[f"{workspace.pictures}/{SIDE}?rows={row}" for row in shown.tolist()],
        selected=int(selected[0]) if len(selected) else None,
        on_click=lambda number: _clicked(shown, number),
        # by score, those of the highest have the lowest ranks
        order=Order(sorts, by, reverse != (by == state.SCORE_COLOUR), sort_by),
    )
    beyond = (
        f" The first {MOST_ROWS:,} of {len(rows):,} are listed; an export holds all."
        if len(rows) > len(shown)
        else ""
    )
    st.caption(f"Click a row to select its galaxy, a heading to sort.{beyond}")


def _clicked(shown: np.ndarray, number: Any) -> None:
    if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < len(shown):
        links.select(int(shown[number]))


def _export(workspace: Workspace, rows: np.ndarray, link: str) -> None:
    more, facts = further(workspace, rows)
    facts["view"] = link
    export_menu(
        "selection",
        "galaxies",
        len(rows),
        lambda ending: export.table_file(ending, workspace.data, rows, more, facts),
    )


def made_columns(read: Mapping[str, Callable[[], Values]], rows: np.ndarray) -> list[Column]:
    """Return the columns that the explorer has made, of those that can be read."""
    return [
        Column(name, cells(read[name](), rows), about, digits=0)
        for name, about in _MADE.items()
        if name in read
    ]


def further(workspace: Workspace, rows: np.ndarray) -> tuple[list[Column], dict[str, Any]]:
    """Return what the model says of galaxies, and what the table was made from."""
    score = "mean distance to the 20 nearest galaxies in feature space; larger = more anomalous"
    said = [
        Column("anomaly_score_knn", workspace.scores[rows], score, digits=0),
        Column("anomaly_rank_knn", workspace.places[rows], "by anomaly_score_knn; 1 = highest"),
    ]
    known = columns.columns_of(workspace)
    said += made_columns({name: partial(known.__getitem__, name) for name in known}, rows)
    filter_ = st.session_state.get(state.FILTER, "")
    return said, {**export.model_facts(workspace.made_by), "filter": filter_}
