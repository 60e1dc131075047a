"""The probe lab: what the frozen features know about classes, with baselines."""

from __future__ import annotations

import streamlit as st

from astrojepa.data.columns import class_columns

from ...components.choose import choose
from ...components.collections_bar import collections_of, drawn_on, list_collections
from ...components.escape_markdown import escape_markdown
from ...components.instead import say_instead
from ...session import collections, state, waiting
from ...session.gathered import gathered
from ...session.workspace import Workspace
from ..registry import Page
from . import label_next, large, tasks
from . import report as probe_report
from .tasks import Split, Target

VIEWS = {"report": "Report", "next": "Label next"}
HOW_TO_COLLECT = (
    "There are no collections yet. Select galaxies on the map with the lasso (key l) and choose "
    "*Add to a collection* below it. A probe separates one collection from everything else, or "
    "several from each other."
)


def show(workspace: Workspace) -> None:
    """Draw the controls, the split, and the report of the last probe."""
    if st.session_state.pop(state.TO_MAP, False):
        workspace.go("map")
    st.title("Probe lab", anchor=False)
    data = workspace.data
    if (
        not workspace.labelled
        and not collections_of(data.galaxies_hash)
        and not class_columns(data.table)
    ):
        st.info(
            f"{data.name} has no classes, which a probe needs. Open a folder whose labels.csv has "
            "a class column (--label-column NAME), or Galaxy10 DECaLS, or make your own "
            "collections with the lasso on the map."
        )
        return
    st.caption(
        f"{'Simulated galaxies. ' if data.simulated else ''}A probe is a small classifier on the "
        f"frozen features of {workspace.choice.label}, which were learned without labels."
    )
    probe(workspace)


def probe(workspace: Workspace, galaxies: probe_report.Galaxies | None = None) -> None:
    """Draw controls, split, report and what to label next; `galaxies` draws those of a sample."""
    data = workspace.data
    # images of a sample are not looked at for equal ones: all of them would be read
    divided = data if galaxies is None else workspace.stored.galaxies
    split = tasks.split_rows(divided, data.fingerprint)
    options = target_options(workspace)
    _ask(workspace, split, options)
    st.caption(split_sentence(split))
    key, target = st.session_state.get(state.PROBED), st.session_state.get(state.PROBED_TARGET)
    if not key or key[:2] != workspace.key or target is None:
        return
    kind, share = key[2:4]
    task = tasks.probe_task(workspace.embeddings, target, split, kind, share / 100)
    report = waiting.wait_for(("probe", *key), "Training the probe", task)
    probe_report.headline(report, target, kind, target_name(target.name))
    if _view() == "next":
        label_next.show(workspace, report, target, split, key)
    else:
        probe_report.show(workspace, report, target, split, (kind, share), galaxies)


def _view() -> str:
    return str(choose("View", VIEWS, state.PROBE_VIEW, label_visibility="collapsed"))


def _ask(workspace: Workspace, split: Split, options: list[str]) -> None:
    """Draw the controls; a click on Train takes down what is to be learned."""
    if (wanted := st.session_state.get(state.PROBE_TARGET)) not in options:
        st.session_state[state.PROBE_TARGET] = options[0]
        if wanted:
            say_instead(
                f"These data have no target {target_name(wanted)!r}",
                f"{target_name(options[0])!r} is chosen",
            )
    st.session_state.setdefault(state.PROBE_SHARE, 100)
    st.session_state.setdefault(state.PROBE_REST, True)
    st.session_state.setdefault(state.PROBE_GIVEN, True)
    with st.container(
        horizontal=True, vertical_alignment="bottom", gap="medium", key="probe_controls"
    ):
        st.selectbox("Target", options, format_func=target_name, key=state.PROBE_TARGET, width=200)
        choose("Method", tasks.KINDS, state.PROBE_KIND)
        st.slider("Training labels, %", 1, 100, key=state.PROBE_SHARE, width=240)
        by_hand = st.button("Train", type="primary")
        pressed = by_hand or st.session_state.pop(state.PROBE_ASKED, False)
    if by_hand:  # another probe than the one before with more labels
        st.session_state.pop(state.PROBED_BEFORE, None)
    with st.container():  # so that what stands below keeps its place and the focus
        target = _target(workspace, split)
        if target is None:
            return
        problem = tasks.why_not(target, split)
        if problem:
            st.info(problem)
    if pressed and not problem:
        kind, share = st.session_state[state.PROBE_KIND], st.session_state[state.PROBE_SHARE]
        st.session_state[state.PROBED] = (*workspace.key, kind, share, target.digest)
        st.session_state[state.PROBED_TARGET] = target
        st.session_state[state.CELL] = None


def target_options(workspace: Workspace) -> list[str]:
    """What can be learned: the classes, columns of words, and the session's collections."""
    own = [tasks.LABELS] if workspace.labelled else []
    return [*own, *class_columns(workspace.data.table), collections.COLLECTIONS]


def target_name(option: str) -> str:
    """How a target reads in the menu."""
    names = {tasks.LABELS: "Classes of the data", collections.COLLECTIONS: "My collections"}
    return names.get(option, option[:1].upper() + option[1:].replace("_", " "))


def _target(workspace: Workspace, split: Split) -> Target | None:
    """Return what is to be learned; None, with a sentence, while there is nothing of the kind."""
    option, data = st.session_state[state.PROBE_TARGET], workspace.data
    held = collections_of(data.galaxies_hash)
    if option != collections.COLLECTIONS:
        own = option == tasks.LABELS
        target = tasks.label_target(data) if own else tasks.column_target(data.table, option)
        return _with_given(tasks.with_given(target, split, held), target)
    if not held:
        st.info(HOW_TO_COLLECT)
        return None
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.toggle(
            "Add all other galaxies as a class", key=state.PROBE_REST, disabled=len(held) == 1
        )
        with st.popover("Collections"):
            list_collections(gathered(workspace), "probe")
        st.caption(
            escape_markdown(", ".join(f"{name} {len(rows):,}" for name, rows in held.items()))
        )
    labels, classes, twice = collections.as_labels(
        held, len(data), len(held) == 1 or st.session_state[state.PROBE_REST]
    )
    if twice:
        st.caption(
            f"{twice:,} {'galaxy is' if twice == 1 else 'galaxies are'} in two collections and "
            "therefore left out."
        )
    models = tuple({model for drawn in drawn_on(data.galaxies_hash).values() for model in drawn})
    return Target(collections.COLLECTIONS, labels, classes, models)


def _with_given(given: Target, target: Target) -> Target:
    """Offer to learn the labels that were given here; returns the target with or without them."""
    if not (count := len(given.given)):
        return target
    return (
        given
        if st.toggle(
            f"Use {count:,} {'label' if count == 1 else 'labels'} given here",
            key=state.PROBE_GIVEN,
            help=(
                "Galaxies without a label that are in a collection called as a class: those "
                "labelled under Label next, and those added to such a collection on the map."
            ),
        )
        else target
    )


def split_sentence(split: Split) -> str:
    """Say which galaxies are trained on and which are scored, with the hashes of the parts."""
    train, validation, test = (f"{len(rows):,}" for rows in split.parts)
    hashes = ", ".join(f"`{digest[:8]}`" for digest in split.hashes)
    return (
        f"Fixed split, {tasks.split_words(split.name)}: {train} training, {validation} validation "
        f"and {test} test galaxies (hashes {hashes}). The probe is trained on the first and scored "
        "once on the last."
    )


PAGE = Page("Probe lab", 4, show, show_large=large.show)
