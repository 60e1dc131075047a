"""Two models on the same galaxies: shared and differing neighbours."""

from __future__ import annotations

import dataclasses
from typing import Any

import streamlit as st

from astrojepa.checkpoints.card import ABSENT, without_weights

from ...components.escape_markdown import escape_markdown
from ...components.gallery.gallery import gallery
from ...session import links, loaders, state, waiting
from ...session.workspace import (
    BASELINE,
    RANDOM,
    VECTORS,
    Choice,
    Workspace,
    model_task,
    named,
    vectors_task,
)
from ..models.data import cost
from ..probe.tasks import quickly
from ..registry import Page
from . import galaxy as compare_galaxy
from . import large
from . import maps as compare_maps
from . import measures as compare_measures

FEW = 2000  # galaxies whose pixel PCA is quick enough to be made unasked
ASKED = "compare_asked"  # session key: keys of the embeddings that were asked for


def show(workspace: Workspace) -> None:
    """Draw the comparison of the workspace's model with a second one that is chosen here."""
    st.title("Compare", anchor=False)
    st.caption(
        f"{'Simulated galaxies. ' if workspace.data.simulated else ''}Compares "
        f"{workspace.choice.label} (chosen above) with a second model on the same galaxies."
    )
    second = _second(workspace)
    if second is not None:
        _compare(workspace, second)
    if not workspace.hosted:
        compare_measures.sweeps()


def preferred(choices: list[Choice], bundled: bool) -> str:
    """Choose the first comparison: another released model, or pixel PCA, which bundles hold too."""
    known = [choice.reference for choice in choices]
    released = [
        reference
        for reference in known
        if "/" not in reference
        and reference not in {RANDOM, BASELINE}
        and not reference.startswith(VECTORS)
    ]
    ordered = [BASELINE, *released] if bundled else [*released, BASELINE]
    return next((reference for reference in ordered if reference in known), known[0])


def _second(workspace: Workspace) -> Workspace | None:
    """Let the second model be chosen and load it; an error is shown in its place."""
    first = workspace.choice.reference
    choices = [choice for choice in workspace.choices if choice.reference != first]
    labels = {choice.reference: choice.label for choice in choices}
    digest = st.session_state.pop(state.SECOND_HASH_ASKED, "")
    if name := st.session_state.pop(state.SECOND_ASKED, ""):
        if (wanted := named(choices, name, digest)) is not None:
            st.session_state[state.SECOND] = wanted
        else:
            missing = f"The link's second model {name} is not available here; choose another one."
            st.session_state[state.SECOND_MISSING] = f"{missing} {without_weights(name)}".rstrip()
            st.session_state[state.SECOND] = None
    elif st.session_state.get(state.SECOND) not in labels:
        st.session_state[state.SECOND] = _at_hand(workspace, choices)
    with st.container(horizontal=True, vertical_alignment="bottom", key="compare_bar"):
        reference = st.selectbox(
            "Second model",
            list(labels),
            index=None,
            format_func=lambda key: labels.get(key, key),
            key=state.SECOND,
            placeholder="Choose a model",
            width=320,
            on_change=st.session_state.pop,
            args=(state.SECOND_MISSING, None),
        )
    if away := [str(card["id"]) for card in loaders.cards() if card.get(ABSENT)]:
        st.caption(
            f"Released models whose weights are not here: {escape_markdown(', '.join(away))}. "
            "Models & data explains how to get them."
        )
    if sentence := st.session_state.get(state.SECOND_MISSING):
        st.info(escape_markdown(sentence))
    if reference is None:
        return None
    choice = next(choice for choice in choices if choice.reference == reference)
    model, is_stored = None, reference.startswith(VECTORS)
    if reference != BASELINE:
        task = vectors_task(choice) if is_stored else model_task(choice)
        try:
            model = waiting.show_when_ready(*task)
        except (ValueError, OSError) as error:
            st.error(
                f"**{escape_markdown(choice.label)} was not opened.** {escape_markdown(error)}"
            )
            return None
        if model is None:
            return None
    if not is_stored and not _ready(workspace, model, choice):
        return None
    second = dataclasses.replace(
        workspace,
        choice=choice,
        model=None if is_stored else model,
        stored=model if is_stored else None,
        opened={"data": workspace.data, "given_data": workspace.given},
    )
    st.session_state[state.SECOND_NAME] = (second.name_in_link, second.made_by[1][:8])
    return second


def _at_hand(workspace: Workspace, choices: list[Choice]) -> str | None:
    """Return the first model to compare with if its vectors are there; None: it is chosen first."""
    bundled = bool(workspace.settings.listing.checkpoints)
    reference = preferred(choices, bundled)
    if reference == BASELINE:
        return reference if bundled or len(workspace.data) <= FEW else None
    chosen = next(choice for choice in choices if choice.reference == reference)
    facts = loaders.released_facts(reference, chosen.sha256)
    known = facts is not None and loaders.is_embedded(facts, workspace.given)
    return reference if known else None


def _ready(workspace: Workspace, model: Any, choice: Choice) -> bool:
    """Whether the second model's vectors are there or asked for; else say what they cost."""
    data = workspace.data
    key = ("embed", BASELINE if model is None else model.hash, data.fingerprint)
    asked = st.session_state.setdefault(ASKED, set())
    if model is None:
        quick = len(data) <= FEW or bool(workspace.settings.listing.checkpoints)
    else:
        quick = quickly(model, len(data)) or loaders.is_embedded(model, workspace.given)
    if quick or key in asked or loaders.jobs().has(key):
        return True
    if model is None:
        sentence = f"The pixel PCA reads all {len(data):,} images"
    else:
        seconds = loaders.seconds_per_galaxy(model, model.hash) * len(data)
        sentence = (
            f"{choice.label} has not embedded these {len(data):,} galaxies yet; that takes "
            f"{cost(seconds)}"
        )
    with st.container(horizontal=True, vertical_alignment="center", key="compare_cost"):
        st.button("Compare", type="primary", on_click=asked.add, args=(key,), key="compare_go")
        st.caption(f"{escape_markdown(sentence)}. The result is kept.")
    return False


def _compare(first: Workspace, second: Workspace) -> None:
    vectors = first.embeddings
    others = waiting.show_when_ready(*second.embed_task())
    if others is None:
        return
    key = ("compare", first.key[0], second.key[0], first.data.fingerprint)
    found = waiting.show_when_ready(
        key, "Comparing nearest neighbours", loaders.comparison(vectors, others)
    )
    row = first.selected
    if found is not None:
        compare_measures.summary(first, second, found)
    compare_maps.maps(first, second, row, found)
    compare_galaxy.galaxy(first, second, row, found)
    if found is not None:
        _moved(first, found, row)
    compare_measures.probes(first, second)


def _moved(workspace: Workspace, found: Any, row: int) -> None:
    st.header("Largest changes", anchor=False)
    st.caption(compare_measures.MOVED)
    rows = found.moved[: compare_measures.NUM_MOVED].tolist()
    captions = [(workspace.class_name(row), *compare_measures.moved_by(found, row)) for row in rows]
    gallery("moved_most", workspace.pictures, rows, captions, links.select, selected=row)


PAGE = Page("Compare", 5, show, show_large=large.show)
