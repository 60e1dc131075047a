"""Follow changes of what is shown: an incoming link, or all galaxies after their sample."""

from __future__ import annotations

import streamlit as st

from astrojepa.checkpoints.card import without_weights

from . import examples, links, marks, sampling, state
from .workspace import Choice, Workspace, named


def follow(link: state.Link, choices: list[Choice], sources: list[str]) -> None:
    """Open what a link names, if it is offered here: ids only, never paths."""
    if (reference := named(choices, link.model, link.model_hash)) is not None:
        st.session_state[state.CHECKPOINT] = reference
    called = {state.name_in_link(name): name for name in sources}
    if link.data in called:
        st.session_state[state.SOURCE] = called[link.data]
    if link.row is not None:
        st.session_state[state.DRAWING] = "canvas"
    links.hold(link)
    if link.probe:
        st.session_state[state.PROBE_ASKED] = True


def arrive(workspace: Workspace, link: state.Link) -> None:
    """Find the link's galaxy, and say in one sentence what differs from what the link pinned."""
    whole = workspace.whole
    row, sentence = state.locate(link, whole.ids, whole.fingerprint)
    offered = workspace.settings.offered(workspace.hosted)
    known = {
        "model": named(workspace.choices, link.model, link.model_hash) is not None,
        "data set": link.data in {state.name_in_link(source.name) for source in offered},
    }
    differences = state.differences(
        link,
        workspace.choice.label,
        workspace.made_by[1] or "none",
        whole.name,
        whole.fingerprint,
        [kind for kind, there in known.items() if not there],
    )
    links.notice(
        " ".join(
            part
            for part in (differences, without_weights(link.model) if differences else "")
            if part
        )
    )
    links.notice(sentence)
    if row is not None:
        select_among_all(workspace, row)
    # an area of that map
    st.session_state[state.POLYGONS] = (
        [] if differences else [list(polygon) for polygon in link.polygons]
    )
    st.session_state.pop(state.AREA_OF, None)
    st.session_state[state.OFF], st.session_state[state.OFF_COLOUR] = link.off, link.colour
    st.session_state[state.FILTER] = link.filter
    same = link.data_hash == whole.fingerprint[: len(link.data_hash)]
    examples.follow(whole.galaxies_hash if same else "", link)
    links.arrived()


def select_among_all(workspace: Workspace, row: int) -> None:
    """Select a galaxy by its row among all; one that is not in the sample is waited for."""
    place = sampling.place_in(workspace.sampled, row)
    st.session_state[state.ROW] = place
    st.session_state.pop(state.AWAITED, None)
    if place is None and workspace.stored is not None:
        links.notice(f"{workspace.whole.ids[row]} has no vector in {workspace.stored.name}.")
    elif place is None:
        st.session_state[state.AWAITED] = row
        links.notice(
            f"{workspace.whole.ids[row]} is not in the sample; it opens once all galaxies are "
            "embedded."
        )


def forget_what_changed(workspace: Workspace) -> None:
    """If the data changed on disk, say so and forget the selection, whose rows changed."""
    before = st.session_state.get(state.OPENED)
    now = (workspace.source, workspace.whole.source_hash)
    st.session_state[state.OPENED] = now
    if before and before[0] == now[0] and before != now:
        for key in (state.ROW, state.POLYGONS, state.OFF_COLOUR, state.AWAITED):
            st.session_state.pop(key, None)
        links.notice(f"{workspace.source.name} has changed on disk and was reopened.")


def keep_place(workspace: Workspace) -> None:
    """Keep selection, collections, marks and probe when a sample gives way to all, or back."""
    before = st.session_state.get(state.SAMPLE_OF, "")
    now = "" if workspace.sampled is None else workspace.data.galaxies_hash
    rows = st.session_state.get(state.SAMPLE_ROWS) if before else None
    st.session_state[state.SAMPLE_OF] = now
    st.session_state[state.SAMPLE_ROWS] = workspace.sampled
    if before == now:
        return
    row, awaited = st.session_state.get(state.ROW), st.session_state.get(state.AWAITED)
    if rows is not None and (
        rows[-1] >= len(workspace.whole) or workspace.whole.subset(rows).galaxies_hash != before
    ):
        return  # the sample was of other galaxies
    if rows is not None:
        take_along(before, workspace.whole.galaxies_hash, rows.tolist())
        probed = st.session_state.get(state.PROBED)
        if probed and probed[0] == workspace.key[0]:
            st.session_state[state.PROBE_ASKED] = True
    if awaited is None and row is not None:
        awaited = sampling.among_all(rows, row)
    if awaited is not None:
        select_among_all(workspace, awaited)


def take_along(sample: str, whole: str, rows: list[int]) -> None:
    """Count the collections and marks of a sample among all galaxies."""
    collections = dict(st.session_state.get(state.COLLECTIONS, {}))
    reviews = dict(st.session_state.get(state.REVIEWS, {}))
    for name, members in collections.pop(sample, {}).items():
        held = collections.get(whole, {})
        collections[whole] = {
            **held,
            name: tuple(sorted({*held.get(name, ()), *(rows[place] for place in members)})),
        }
    models = dict(st.session_state.get(state.DRAWN_ON, {}))
    if sample in models:
        models[whole] = {**models.get(whole, {}), **models.pop(sample)}
        st.session_state[state.DRAWN_ON] = models
    if sample in reviews:
        given = marks.renumbered(reviews.pop(sample), rows)
        reviews[whole] = marks.add(reviews[whole], given.marks) if whole in reviews else given
    st.session_state[state.COLLECTIONS], st.session_state[state.REVIEWS] = collections, reviews
