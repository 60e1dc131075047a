"""Leaderboard and review of a store that is too large for memory, by any column of numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import streamlit as st

from astrojepa.wording import counted, first_galaxies, galaxies, have

from ...components import figures
from ...components.choose import choose
from ...components.escape_markdown import escape_markdown
from ...components.gallery.gallery import gallery
from ...components.instead import say_instead
from ...components.keepsake.large import begun, keep_large
from ...components.large_card import class_names, go_in, listing, place_of
from ...components.send_button import send_button
from ...components.table.table import Order as Headings
from ...session import links, reviewing, state, waiting
from ...session.large import RANKED, SCORE, Large, Order, selected
from ...session.large_links import publish
from ...session.queue import imported
from ...session.store_sample import SAMPLED, SEED, sampled, with_images
from ...session.workspace import LIBRARIES
from ..map.large import filter_row, pictured, what
from ..map.large_selection import export_rows, order_options, ranked_columns
from ..map.selection import SIMILARITY, sort_by, written
from .artefacts import Checked, artefacts, artefacts_included
from .large_artefacts import CHECKED, check_task, likely_artefacts
from .large_order import WHICH, order_words, reranked
from .large_review import review
from .leaderboard import wants_marks
from .listing import PER_PAGE, turned
from .order import position_words
from .quality import quality
from .review import far_from_marks, ranks_said, tile_lines

TABLE = "leaderboard_table"


def show(large: Large, go: Callable[[str], None]) -> None:
    """Draw one page of the leaderboard, and the histogram of its column."""
    if st.session_state.pop(state.TO_GALAXY, False):
        go("galaxy")
    st.title("Anomalies", anchor=False)
    mode = choose("Mode", state.BOARD_MODES, state.BOARD_MODE, label_visibility="collapsed")
    images, columns = large.images(), large.scores
    if mode == "quality":
        _benchmark(large, images, go)
        return
    if SCORE not in columns:
        st.info(
            f"{escape_markdown(large.name)} has no anomaly score. Write a store that has one: "
            f"`astrojepa anomalies --vectors {large.name.replace('`', '')} --out scored`"
        )
    if (order := large.order()) is None:
        return
    _name_order(large, order)
    with st.container(horizontal=True, vertical_alignment="bottom", key="anomaly_controls"):
        column = st.selectbox(
            "Score", columns, format_func=_words, key=state.SELECTION_ORDER, width=260
        )
        lowest = st.toggle("Lowest first", key=state.SELECTION_REVERSED)
        view = "table"
        if images is not None and mode == "board":
            view = choose("View", state.VIEWS, state.SELECTION_VIEW, label_visibility="collapsed")
        hide = mode != "artefacts" and images is not None and not artefacts_included()
    said = st.empty()
    included = "Likely artefacts are included: there are no images to check."
    if images is not None:
        included = (
            "Likely artefacts are still included; "
            f"open *Artefacts* to have the first {CHECKED:,} images checked."
        )

    def tell(given: Mapping[int, int]) -> None:
        more = "" if mode == "artefacts" else included
        said.caption(_said(large, images, column, lowest, more, given))

    tell({})
    matching, _ = filter_row(large)
    order = large.order()
    if order is None or (order.filter and matching is None):
        return
    if st.session_state.setdefault(state.BOARD_OF, order) != order:
        st.session_state[state.BOARD_OF], st.session_state[state.BOARD_PAGE] = order, 0
    found = large.ranked(order)
    if found is None:
        return
    rows, count = found
    opened = go_in(large, lambda: st.session_state.update({state.TO_GALAXY: True}))
    if mode == "artefacts":
        _artefacts(large, images, rows, order, opened)
        return
    unsound = likely_artefacts(large, images, rows) if hide else None
    if unsound is not None:
        checked = f"{min(CHECKED, count):,}"
        verb = "is" if len(unsound) == 1 else "are"
        included = f"Of the first {checked}, {counted(len(unsound), 'likely artefact')} {verb} "
        included += "left out (tab *Artefacts*)."
        tell({})
    ranks = np.arange(1, len(rows) + 1)
    if unsound is not None:
        sound = ~np.isin(rows, unsound)
        rows, ranks, count = rows[sound], ranks[sound], count - len(unsound)
    if mode == "review":
        review(large, images, order, rows, ranks, tell)
        return
    left, right = st.columns([2, 1], gap="medium")
    with left:
        key = begun(large)
        facts = {} if unsound is None else {"artefacts_left_out": f"{len(unsound)}"}
        _board(large, images, view, order, rows, ranks, count, key, go, opened, facts, tell)
        if key is not None:
            keep_large(large, key)
    with right:
        _distribution(large, column)


def _name_order(large: Large, order: Order) -> None:
    """Keep the column that ranks, and say so where a link asks for another that cannot."""
    wanted = st.session_state.get(state.SELECTION_ORDER, order.column)
    known = {*large.scores, SIMILARITY, *order_options(large)}  # a selection's is no mistake
    if links.named_by_link(state.SELECTION_ORDER) and wanted not in known:
        say_instead(
            f"These galaxies cannot be ranked by {wanted!r}",
            f"they are ranked by {_words(order.column)!r}",
        )
    st.session_state[state.SELECTION_ORDER], st.session_state[state.IN_WORDS] = order.column, ""


def _benchmark(large: Large, images: Any, go: Callable[[str], None]) -> None:
    """Test anomaly scores on a random sample of labelled galaxies, with images if there are any."""
    about = large.gathered(large.key, go, publish(large))
    if images is None and large.source is not None:
        return  # while ids are looked up
    if not imported.is_set():
        waiting.wait_for(*LIBRARIES)
    if (found := sampled(large, about, np.zeros(0, np.int64), None)) is None:
        return
    whole, drawn = found
    data, kept = whole.data, whole.data.labels >= 0
    said = f"{min(SAMPLED, drawn.labelled):,} of the {drawn.labelled:,} labelled galaxies"
    if images is not None and not (there := images.there(data.rows))[kept].all():
        kept &= there
        said += f", of which {int(kept.sum()):,} {have(int(kept.sum()))} an image"
    data = data.subset(np.flatnonzero(kept))
    if images is not None and len(data):
        data = with_images(data, images)
    if drawn.labelled:
        st.caption(
            f"Tested on a random sample (seed {SEED}) of {said}; neighbours are sought in it alone."
        )
    opened = {"whole": data, "data": data}
    quality(dataclasses.replace(whole, opened=opened), {"sample": said, "sample_seed": f"{SEED}"})


def _artefacts(
    large: Large, images: Any, rows: np.ndarray, order: Order, opened: Callable[[Any], None]
) -> None:
    """Check the first galaxies of the leaderboard, and list likely artefacts."""
    if images is None:
        st.info("Artefacts are found in images; start the explorer with --data and the images.")
        return
    found = waiting.show_when_ready(*check_task(large, images, rows))
    if found is None:
        return
    checked, checks = found
    lacking = len(rows[:CHECKED]) - len(checked)
    without = f" ({lacking:,} {have(lacking)} no image that can be read)" if lacking else ""
    said = f"images of {first_galaxies(len(rows[:CHECKED]))}{without}"
    facts = {**large.provenance, **order.facts, "view": publish(large)}
    data = large.galaxies(checked)
    artefacts(Checked(data, checked, said, large.address, facts, opened), checks)


def _said(
    large: Large, images: Any, column: str, lowest: bool, more: str, given: Mapping[int, int]
) -> str:
    """Say whose galaxies these are, what they are ranked by, of marks too, and `more`."""
    first = far_from_marks(given) or f"{'Lowest' if lowest else 'Highest'} first, by "
    made = large.map.store.facts.get(SCORE, "") if column == SCORE else ""
    return (
        f"{what(large, pictured(large, images))}"
        f"{first}{escape_markdown(made or f'the column {_words(column)}')}. {more}"
    )


def _board(
    large: Large,
    images: Any,
    view: str,
    order: Order,
    rows: np.ndarray,
    ranks: np.ndarray,
    count: int,
    key: str | None,
    go: Callable[[str], None],
    opened: Callable[[Any], None],
    facts: Mapping[str, str],
    tell: Callable[[Mapping[int, int]], None],
) -> None:
    """Draw the galaxies of one page, of which a click has one `opened`; they are re-ranked by marks
    if the user asks for that, once the `key` of the marks is known, and `tell` which. A file tells
    `facts`.
    """
    given = {} if key is None else reviewing.review_of(key).marks
    places = None
    if by_marks := wants_marks(given, f"Re-rank {WHICH}"):
        if (moved := reranked(large, order, rows, given)) is None:
            return
        rows, ranks, places = rows[moved], ranks[moved], ranks
        tell(given)
    with st.container(horizontal=True, vertical_alignment="center"):
        all_of_them = f"The first {len(rows):,} of " if count > RANKED else ""
        page = turned(len(rows), f"{all_of_them}{galaxies(count)}")
        link = export_rows(large, "leaderboard", rows, {**order.facts, **facts}, ranks=ranks)
        if key is not None:
            about = large.gathered(key, go, link)
            send_button(
                about,
                "leaderboard",
                f"By {_words(order.column)}",
                rows.tolist,
                lambda: ranked_columns(about.of(rows)[0], ranks, order.column),
            )
    part = slice(page * PER_PAGE, (page + 1) * PER_PAGE)
    shown, here = rows[part], ranks[part]
    anew = {} if places is None or view == "table" else given
    st.caption(ranks_said(order_words(order), anew))
    if not len(shown):
        st.caption("No galaxy has a value here.")
    elif view == "table":
        sorts = {} if by_marks else {name: name for name in large.scores if name != "rank"}
        headings = Headings(sorts, order.column, not order.lowest, sort_by)
        listing(large, TABLE, shown, opened, here, order=headings)
        further = ", a heading to rank by its column" if sorts else ""
        st.caption(f"Click a row to open its galaxy{further}.")
    else:
        moved_to = None if places is None else places[part]
        captions = _captions(large, images, order.column, shown, here, moved_to, given)
        gallery(
            "leaderboard",
            large.address,
            shown.tolist(),
            captions,
            opened,
            selected=selected(large),
            tile=144,
        )


def _captions(
    large: Large,
    images: Any,
    column: str,
    rows: np.ndarray,
    ranks: np.ndarray,
    places: np.ndarray | None,
    given: Mapping[int, int],
) -> list[list[str]]:
    """Write the lines under each galaxy: rank and class, value, id, position, the visitor's mark;
    before the rank its place, where marks re-rank.
    """
    table, known = large.map.store.table_of(rows), large.map.store.known_of(rows)
    there, lines = images.there(rows), []
    for place, kind in enumerate(class_names(known)):
        moved = None if places is None else places[place]
        value = f"{_words(column)} {written(float(table[column][place]))}"
        line = [
            *tile_lines(kind if "label" in known else "", ranks[place], moved),
            value if there[place] else f"{value}, no image",
            str(known["id"][place]),
        ]
        if (row := int(rows[place])) in given:
            line.append(f"marked {given[row]}")
        at = place_of(large, table[place : place + 1].reset_index(drop=True))
        lines.append(line if at is None else [*line, position_words(*at)])
    return lines


def _distribution(large: Large, column: str) -> None:
    """Show the histogram of a column, with the selected galaxy."""
    from astrojepa import plotting

    st.header("Distribution", anchor=False)
    counted, row = large.histogram(column), selected(large)
    if counted is None:
        return
    value = None
    if row is not None:
        value = float(large.map.store.table_of(np.array([row]))[column][0])
    figures.chart(plotting.counts_figure(*counted, value, _words(column)), "histogram")
    if row is not None:
        st.caption(
            f"The line marks the selected galaxy, {escape_markdown(large.names([row])[0])}: "
            f"{written(value) or 'unknown'}."
        )


def _words(column: str) -> str:
    return column.replace("_", " ")
