"""What differs? The columns and images of the selected galaxies beside those of others."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from astrojepa.data.columns import ABOUT_FILES
from astrojepa.progress import Progress
from astrojepa.tables import Column, table_bytes
from astrojepa.wording import counted, galaxies

from ...components.collections_bar import collections_of
from ...components.escape_markdown import escape_markdown
from ...components.export_menu import COLUMN, export_menu
from ...components.gallery.gallery import gallery
from ...components.table.table import table as show_table
from ...session import export, state
from ...session.described import Described, digest

SELECTION, REST = "Selection", "Everything else"
MOST = 20  # columns that are listed
EXEMPLARS = 6
TWO = "To compare two regions, add one to a collection, select the other, and choose both here."
IMAGES = "Columns named *image* are measured on the images, radii in units of half the frame."
MEASURES = "d = Cohen's d, of numbers; V = Cramér's V, of words"
SIZES = "0 = no difference; d is positive where the first set is higher"
WAITED = "differences_waited"  # session key: the sides that were shown before all was measured
# pixels: kept by theme.css for what is measured; a row of the table, and its head
ROOM, ROW, HEAD = 230, 33, 53
_APART = ABOUT_FILES | {"ra", "dec"}


def difference_panel(about: Described, chosen: np.ndarray | None) -> None:
    """Draw the folded panel; while it is closed, nothing is compared. `chosen`: selected rows."""
    panel = st.expander("What differs?", key=state.DIFFERENCES_OPEN, on_change="rerun")
    if not panel.open:
        return
    with panel:
        if (sides := sides_of(about, chosen)) is None:
            return
        if not sides:
            st.caption(
                "Select galaxies with lasso, box or filter, or gather a collection, to compare "
                "them with all others or with another collection."
            )
            return
        first, second = _menus(list(sides))
        if len(sides) == 1:
            st.caption(TWO)
        one, inside = sides[first], np.zeros(about.count, bool)
        inside[one] = True
        other = np.flatnonzero(~inside) if second == REST else sides[second][~inside[sides[second]]]
        both = 0 if second == REST else len(sides[second]) - len(other)
        if not len(one) or not len(other):
            st.caption("One of the two sets is empty; choose another.")
            return
        _compare(about, (first, second), (one, other))
        if both:
            verbs = "is in both sets and counts" if both == 1 else "are in both sets and count"
            st.caption(f"{galaxies(both)} {verbs} for {escape_markdown(first)} only.")


def sides_of(about: Described, chosen: np.ndarray | None) -> dict[str, np.ndarray] | None:
    """Return what can be compared, rows by name: selection, collections; None while looked up."""
    if (key := about.galaxies_hash()) is None:
        return None
    found = {} if chosen is None or not len(chosen) else {SELECTION: chosen}
    for name, rows in collections_of(key).items():
        own = np.unique(np.array(rows, dtype=np.int64))
        found[f"Collection {name}"] = own[own < about.count]
    return found


def compare_the_selection() -> None:
    """Have the panel compare what was just selected, unless it is one of the two sides already."""
    if st.session_state.get(state.DIFFERENCES_SECOND) != SELECTION:
        st.session_state[state.DIFFERENCES_FIRST] = SELECTION


def _menus(names: list[str]) -> tuple[str, str]:
    with st.container(horizontal=True, vertical_alignment="bottom", key="differences"):
        first = _menu("Compare", names, state.DIFFERENCES_FIRST)
        others = [REST, *(name for name in names if name != first)]
        return first, _menu("with", others, state.DIFFERENCES_SECOND)


def _menu(label: str, options: list[str], key: str) -> str:
    if st.session_state.get(key) not in options:
        st.session_state[key] = options[0]
    return str(st.selectbox(label, options, key=key, persist_state="session", width=232))


def _compare(
    about: Described, names: tuple[str, str], sides: tuple[np.ndarray, np.ndarray]
) -> None:
    room = st.container(key="differences_listed")  # theme.css keeps room for what is measured
    with room:
        listed = st.container()
        measured = about.measured()
    asked = tuple(map(digest, sides))
    if not measured:
        st.session_state[WAITED] = asked

    def task(report: Progress) -> list[Any]:
        from astrojepa.evaluation.maps.differences import differences

        own = (name for name in about.columns if name not in _APART)
        # one after another, since a column of millions is only held while it is compared
        found = [differences({name: about.columns[name]}, *sides) for name in own]
        found.append(differences(measured, *sides))
        return sorted(chain(*found), key=lambda one: (-one.strength, one.p))

    key = ("differences", *asked, about.made_of)
    found = about.ready(key, f"Comparing {galaxies(about.count)}", task)
    if found is None:
        return
    told = [one for one in found if one.significant]
    if told:
        with listed:
            shown = pd.DataFrame(table(told[:MOST], names))
            show_table("what_differs", "What differs", shown)
    if measured and st.session_state.get(WAITED) == asked and (left := left_over(told, measured)):
        room.space(left)
    facts = {**about.facts(), "filter": st.session_state.get(state.FILTER, "")}
    export_menu(
        "differences",
        "differences",
        len(found),
        lambda ending: differences_file(ending, found, names, facts),
        COLUMN,
    )
    about_images = IMAGES if measured else about.unmeasured
    st.caption(f"{summary(len(told), len(found))} {about_images}".rstrip())
    _exemplars(about, names, sides)


def left_over(told: list[Any], measured: Mapping[str, Any]) -> int:
    """Return how much stays empty, in pixels, of the room that was kept for what is measured."""
    before = min(sum(one.column not in measured for one in told), MOST)
    more = (len(told[:MOST]) - before) * ROW + (HEAD if told and not before else 0)
    return max(ROOM - more, 0)


def table(found: list[Any], names: tuple[str, str]) -> Mapping[str, list[str]]:
    """Write differences, the strongest first, as the columns of a table."""
    sides: list[list[str]] = [[], []]
    for one in found:
        for side, written in enumerate(sides):
            written.append(
                f"{100 * one.shares[side]:.0f} % {one.word}"
                if one.medians is None
                else f"{one.medians[side]:.4g}".replace("-", "\N{MINUS SIGN}")
            )
    return {
        "column": [one.column.replace("_", " ") for one in found],
        "effect size": [effect(one) for one in found],
        **dict(zip(names, sides, strict=True)),
        "n": [f"{one.counts[0]:,} and {one.counts[1]:,}" for one in found],
    }


def differences_file(
    ending: str, found: list[Any], names: tuple[str, str], facts: Mapping[str, Any]
) -> bytes:
    """Write all columns that were compared, the strongest difference first, in this format."""
    columns = [
        Column("column", [one.column for one in found], "column that is compared"),
        Column("measure", [one.measure for one in found], MEASURES),
        Column("effect_size", [one.effect for one in found], SIZES, digits=0),
        Column("p", [one.p for one in found], "probability that chance gives as much", digits=0),
        Column("word", [one.word for one in found], "most over-represented in the first set"),
    ]
    for side, which in enumerate(("first", "second")):
        medians = [np.nan if one.medians is None else one.medians[side] for one in found]
        shares = [one.shares[side] if one.medians is None else np.nan for one in found]
        counts = [one.counts[side] for one in found]
        columns += [
            Column(which, [names[side]] * len(found), f"the {which} set of galaxies"),
            Column(f"n_{which}", counts, f"galaxies of the {which} set whose value is known"),
            Column(f"median_{which}", medians, f"median of the {which} set", digits=0),
            Column(f"share_{which}", shares, f"share of the word in the {which} set", digits=0),
        ]
    columns += export.named_in_csv(facts, len(found)) if ending == ".csv" else []
    return table_bytes(ending, columns, facts)


def effect(one: Any) -> str:
    """Write an effect size with its measure: "d = +1.20", "V = 0.61"."""
    if one.measure == "V":
        return f"V = {one.effect:.2f}"
    return f"d = {one.effect:+.2f}".replace("-", "\N{MINUS SIGN}")


def summary(told: int, compared: int) -> str:
    """Say what the table holds."""
    if not told:
        return f"None of {counted(compared, 'column')} differs significantly (p < 0.001)."
    listed = f"The strongest {MOST} are listed. " if told > MOST else ""
    differ = f"{counted(compared, 'column')} {'differs' if told == 1 else 'differ'}"
    return (
        f"{told} of {differ} significantly (p < 0.001). {listed}Numbers: medians, and Cohen's d, "
        "the difference of the means in standard deviations. Words: the one that is most "
        "over-represented in the first set, its share in both, and Cramér's V (0 = same shares, 1 "
        "= no word in common)."
    )


def _exemplars(
    about: Described, names: tuple[str, str], sides: tuple[np.ndarray, np.ndarray]
) -> None:
    """Show galaxies that stand for each side, one beside the other."""
    for number, (name, rows) in enumerate(zip(names, sides, strict=True)):
        if (shown := about.exemplars(rows, EXEMPLARS)) is None:
            return
        typical = counted(len(shown), "typical galaxy", "typical galaxies")
        st.caption(f"{escape_markdown(name)}: {typical} of {len(rows):,}")
        key, kinds = f"exemplars_{number}", about.class_names(shown)
        gallery(
            key,
            about.pictures,
            shown.tolist(),
            [(kind,) for kind in kinds]
            if about.pictures
            else list(zip(about.ids(shown), kinds, strict=True)),
            about.select,
            selected=st.session_state.get(state.ROW),
        )
