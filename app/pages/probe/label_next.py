"""Label next: the galaxies whose labels would help the probe most, and the classes given to them.

A given class is a collection of that name, which the browser keeps like any other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import streamlit as st

import astrojepa as aj
from astrojepa.progress import Progress
from astrojepa.tables import Column
from astrojepa.wording import galaxies

from ...components import collections_bar
from ...components.cutout.cutout import cutout
from ...components.difference import words
from ...components.escape_markdown import escape_markdown
from ...components.export_menu import export_menu
from ...components.facts import position_facts
from ...components.gallery.gallery import gallery
from ...components.keys.keys import keys
from ...components.known_columns import known_columns
from ...session import collections, export, loaders, state, waiting
from ...session.gathered import gathered
from ...session.queue import as_task
from ...session.workspace import Workspace
from ..galaxy import view as galaxy
from .tasks import Report, Split, Target, known_rows, relabelled, with_given

COUNT = 20
KEYS = "1234567890"  # of the first ten classes
_SAID = "label_said"  # session key: why a class was not given
NONE_LEFT = (
    "Every galaxy of the training part has a class, so there is none to label. Choose a target "
    "for which some galaxies have no class."
)
REST = (
    " Galaxies of no collection count as “everything else”. To label them, make a second "
    "collection on the map, switch off *Add all other galaxies as a class*, and train again."
)


@dataclass(frozen=True)
class Batch:
    """Galaxies to label next, most useful first."""

    rows: np.ndarray  # int64 (k,)
    probabilities: np.ndarray  # float32 (k, c), what the trained probe says of each
    unlabelled: int  # galaxies that they were chosen among


@as_task
def batch_task(
    progress: Progress,
    embeddings: Any,
    report: Report,
    target: Target,
    split: Split,
    fraction: float,
) -> Batch:
    """Choose unlabelled galaxies of the training part, by `label_next`; the test part stays."""
    vectors = relabelled(embeddings, target)
    known = vectors.subset(known_rows(target, split, fraction))
    pool = split.parts[0][target.labels[split.parts[0]] < 0]
    if not len(pool):
        return Batch(pool, np.zeros((0, len(target.classes)), np.float32), 0)
    both = np.concatenate([known_rows(target, split, fraction), pool])
    rows = both[aj.label_next(vectors.subset(both), min(COUNT, len(pool))).rows]
    new = vectors.subset(rows)
    if report.probe.layers:
        shares = report.probe.probabilities(new.vectors)
    else:  # neighbours vote on what has a label, so that each is given one, which has no effect
        labels = np.zeros(len(rows), np.int64)
        shares = aj.knn_probe(known, dataclasses.replace(new, labels=labels)).probabilities
    return Batch(rows, shares, len(pool))


def show(
    workspace: Workspace, report: Report, target: Target, split: Split, key: tuple[Any, ...]
) -> None:
    """Show one galaxy large, the probabilities of its classes, which are buttons, and the others;
    `key` is that of the probe.
    """
    task = batch_task(workspace.embeddings, report, target, split, key[3] / 100)
    batch: Batch = waiting.wait_for(("label next", *key), "Choosing galaxies to label", task)
    if not len(batch.rows):
        st.info(NONE_LEFT + (REST if collections.REST in target.classes else ""))
        if len(target.given):
            _again_and_file(workspace, target, split, key)
        return
    data = workspace.data
    codes = collections.codes_given(
        collections_bar.collections_of(data.galaxies_hash), target.classes, len(data)
    )
    given = {row: int(codes[row]) for row in batch.rows.tolist() if codes[row] >= 0}
    order = batch.rows.tolist()
    row: Any = st.session_state.get(state.LABELLED)
    row = st.session_state[state.LABELLED] = row if row in order else following(order, given, None)
    with st.container(horizontal=True, gap="medium", key="review_columns"):
        left, right = st.container(), st.container()
    with left:
        _picture(workspace, row)
    with right:
        _classes(workspace, target, batch, given, row)
    with right:
        _again_and_file(workspace, target, split, key)
        position_facts(workspace, row, {})
        known_columns(workspace, row, "label")
    _others(workspace, target, batch, given, row)


def following(order: Sequence[int], given: Mapping[int, int], row: int | None) -> int:
    """Return the next galaxy of the order without a class, after `row` or from the start; `row`
    itself, or the first, where all have one.
    """
    at = order.index(row) + 1 if row in order else 0
    left = [one for one in (*order[at:], *order[:at]) if one not in given and one != row]
    return left[0] if left else order[0] if row is None else row


def said(classes: Sequence[str], shares: np.ndarray, most: int = 2) -> str:
    """Say the most probable classes, with their probabilities."""
    best = np.argsort(-shares, kind="stable")[:most]
    return ", ".join(f"{classes[k]}: {100 * shares[k]:.0f} %" for k in best)


def _picture(workspace: Workspace, row: int) -> None:
    image = workspace.picture(row)
    if image is None:
        st.info("There is no image of this galaxy here; the sky viewers may have one.")
        return
    width = image.shape[1]
    scale = galaxy.scale_bar(width, galaxy.arcsec_per_pixel(workspace.data.table, row))
    with st.container(width=560):
        cutout("label_picture", image, scale, None, f"Galaxy {workspace.data.ids[row]}")


def _classes(
    workspace: Workspace, target: Target, batch: Batch, given: Mapping[int, int], row: int
) -> None:
    """Draw the name of the galaxy, a button for each class, and those that move on."""
    order = batch.rows.tolist()
    at, own = order.index(row), given.get(row)
    st.header(escape_markdown(workspace.data.ids[row]), anchor=False)
    have = "has" if len(given) == 1 else "have"
    called = "no class yet" if own is None else f"your class: {target.classes[own]}"
    st.caption(
        escape_markdown(f"Galaxy {at + 1} of {len(order)}, {called}. {len(given)} {have} a class.")
    )
    classes = target.classes[: len(target.classes) - (collections.REST in target.classes)]

    def press(of: int, number: int, had: int) -> None:
        if number < len(classes):
            _press(workspace.data, classes, order, of, number, had)
        else:
            now = order.index(st.session_state[state.LABELLED])
            step = 1 if number > len(classes) else -1
            _visit(order, order[min(max(now + step, 0), len(order) - 1)])

    have_class = -1 if own is None else own
    with st.container(horizontal=True, gap="small", key="label_classes"):
        for number, name in enumerate(classes):
            kind: Literal["primary", "secondary"] = "primary" if number == own else "secondary"
            st.button(
                f"{escape_markdown(name)}: {100 * batch.probabilities[at, number]:.0f} %",
                key=f"label_{number}",
                type=kind,
                shortcut=KEYS[number] if number < len(KEYS) else None,
                on_click=press,
                args=(row, number, have_class),
            )
    with st.container(horizontal=True, gap="small", key="label_moves"):
        for number, (name, to) in enumerate((("Previous", at - 1), ("Next", at + 1))):
            st.button(
                name,
                key=f"label_{name.lower()}",
                shortcut="Left" if to < at else "Right",
                disabled=not 0 <= to < len(order),
                on_click=press,
                args=(row, len(classes) + number, have_class),
            )
    digits = [KEYS[number] if number < len(KEYS) else "" for number in range(len(classes))]
    buttons = [("label_classes", digits), ("label_moves", ["ArrowLeft", "ArrowRight"])]
    place = f"label_keys_{workspace.data.galaxies_hash}"
    keys(place, row, have_class, buttons, press, frees=state.PROBE_VIEW)
    if problem := st.session_state.pop(_SAID, ""):
        st.warning(escape_markdown(problem))
    st.caption(
        "Which class is it? The numbers are the probabilities that the probe gives. A class that "
        "is pressed again is taken back."
    )


def _again_and_file(
    workspace: Workspace, target: Target, split: Split, key: tuple[Any, ...]
) -> None:
    """Offer to train with the labels given since, say what the last changed, and export all."""
    data = workspace.data
    held = collections_bar.collections_of(data.galaxies_hash)
    codes = collections.codes_given(held, target.classes, len(data))
    if target.name == collections.COLLECTIONS:
        labels = collections.as_labels(held, len(data), collections.REST in target.classes)[0]
    else:
        labels = with_given(target, split, held).labels
    new = int((labels != target.labels)[split.parts[0]].sum())
    with st.container(horizontal=True, vertical_alignment="center", key="label_files"):
        st.button(
            f"Train again with {new} changed {'label' if new == 1 else 'labels'}",
            key="label_train",
            type="primary",
            shortcut="T",
            disabled=not new,
            on_click=_train_again,
            args=(target, key),
        )
        rows = np.flatnonzero(codes >= 0)
        names = [target.classes[code] for code in codes[rows]]
        own, about = gathered(workspace), f"class given in the explorer, of {target.name}"
        made = {**own.facts, "model": workspace.made_by[0], "view": own.link}
        export_menu(
            "labels",
            "labels",
            len(rows),
            lambda ending: export.table_file(
                ending, data, rows, [Column("label", names, about)], made
            ),
        )
    _difference(key)


def _difference(key: tuple[Any, ...]) -> None:
    """Say what the labels changed that were given since the probe before."""
    before = st.session_state.get(state.PROBED_BEFORE)
    if not before or before[:4] != key[:4] or before == key:
        return
    reports = [loaders.jobs().result(("probe", *one)) for one in (key, before)]
    if None in reports:
        return
    now, then = (report.rows[0].result for report in reports)
    if np.array_equal(now.truth, then.truth):
        verb, numbers = words(aj.paired_bootstrap(now, then))
        st.caption(f"With these labels the probe {verb} the one before: {numbers}.")


def _others(
    workspace: Workspace, target: Target, batch: Batch, given: Mapping[int, int], row: int
) -> None:
    order = batch.rows.tolist()
    st.header(
        f"The {galaxies(len(order))} most worth labelling, of {batch.unlabelled:,} without a label",
        anchor=False,
    )
    st.caption(
        "Chosen as `astrojepa label-next` does: their two most probable classes are closest in "
        "probability, and they differ from each other. It fits a linear probe of its own (C = 1), "
        "whose probabilities may differ from those above. All are from the training part; the test "
        "part stays as it is. Arrow keys move between images, digits give the class."
    )
    classes = target.classes[: len(target.classes) - (collections.REST in target.classes)]
    if workspace.data.has_images:
        own = [f"✓ {target.classes[given[one]]}" if one in given else "" for one in order]
        probable = [said(target.classes, shares) for shares in batch.probabilities]
        captions = [[line for line in lines if line] for lines in zip(own, probable, strict=True)]
        gallery(
            "label_gallery",
            workspace.pictures,
            order,
            captions,
            lambda one: _visit(order, one),
            selected=row,
            tile=112,
            on_mark=lambda one, digit, had: _press(
                workspace.data, classes, order, one, KEYS.index(str(digit)), had
            ),
            digits=KEYS[: len(classes)],
            given=[given.get(one, -1) for one in order],
        )


def _visit(order: Sequence[int], row: Any) -> None:
    if isinstance(row, int) and not isinstance(row, bool) and row in order:
        st.session_state[state.LABELLED] = row


def _press(
    data: Any, classes: tuple[str, ...], order: Sequence[int], row: int, number: int, had: int
) -> None:
    """Give a galaxy a class, or take back the one that it `had` when it was seen, and go on from it
    to the next; anything but a galaxy and a class of these changes nothing.
    """
    if row not in order or not 0 <= number < len(classes):
        return
    held = collections_bar.collections_of(data.galaxies_hash)
    name = "" if number == had else classes[number]
    try:
        held = collections.with_class(held, row, name, classes)
    except ValueError as error:
        st.session_state[_SAID] = str(error)
        return
    collections_bar.keep(data.galaxies_hash, held)
    codes = collections.codes_given(held, classes, len(data))
    given = {one: int(codes[one]) for one in order if codes[one] >= 0}
    if row == st.session_state.get(state.LABELLED) and name:
        st.session_state[state.LABELLED] = following(order, given, row)


def _train_again(target: Target, key: tuple[Any, ...]) -> None:
    """Train the same kind of probe on the same target, with the labels that there are now."""
    st.session_state[state.PROBED_BEFORE] = key
    st.session_state[state.PROBE_ASKED] = st.session_state[state.PROBE_GIVEN] = True
    st.session_state[state.PROBE_KIND], st.session_state[state.PROBE_SHARE] = key[2:4]
    st.session_state[state.PROBE_TARGET] = target.name
