"""A probe's results: accuracy, baselines, recall, calibration, confusion matrix."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from astrojepa.wording import counted, galaxies

from ...components import figures
from ...components.confusion.confusion import confusion
from ...components.difference import words
from ...components.escape_markdown import escape_markdown
from ...components.gallery.gallery import gallery
from ...components.table.table import Heading
from ...components.table.table import table as data_table
from ...session import links, loaders, state, waiting
from ...session.workspace import Workspace
from ..models.data import cost
from . import tasks
from .tasks import Report, Row, Split, Target

SHOWN = 48
ASKED = "random_asked"  # session key: random weights were asked for, per model and data

COLUMNS = {
    "features": Heading("Features"),
    "accuracy": Heading("Accuracy, %", ".1f"),
    "interval": Heading("95 % interval", numeric=True),
    "balanced": Heading("Balanced accuracy, %", ".1f", "Mean of the recalls of the classes"),
    "macro F1": Heading(
        "Macro F1, %", ".1f", "Mean over the classes of F1, which joins recall and precision"
    ),
}
CIRCULAR = (
    "These collections were drawn on this model's own map. The accuracy says how well a probe "
    "recovers their outlines, not what the model knows about galaxies, so it is not compared with "
    "baselines. Use another model, or labels, to compare."
)


# draws galaxies by their rows, with captions
Galaxies = Callable[[np.ndarray, Sequence[Sequence[str]]], None]


def headline(report: Report, target: Target, kind: str, name: str) -> None:
    """Say how many galaxies a probe of this kind classifies correctly, and what it learned from;
    `name` is that of the target in the menu, where another may be chosen by now.
    """
    first, own = report.rows[0].result, len(target.given)
    st.header(
        f"{percent(first.accuracy)} of {counted(len(first.truth), 'test galaxy', 'test galaxies')} "
        "classified correctly",
        anchor=False,
    )
    low, high = first.interval
    given = f", {own:,} of them given here" if own else ""
    st.caption(
        f"95 % interval {percent(low)} to {percent(high)}. Target: {escape_markdown(name)}. "
        f"{tasks.KINDS[kind]}, {first.setting}, trained on {report.num_known:,} labels of the "
        f"training part{given}, scored on the test part."
    )


def show(
    workspace: Workspace,
    report: Report,
    target: Target,
    split: Split,
    setting: tuple[str, int],
    galaxies: Galaxies | None = None,
) -> None:
    """Draw a probe's report; `setting` is its kind and the share of labels, %. `galaxies` draws
    those of a sample, whose probe colours no map.
    """
    first = report.rows[0].result
    circular = workspace.key[0] in target.drawn_on
    if circular:
        st.warning(CIRCULAR)
    _take_away(workspace, report, target, split, mapped=galaxies is None)
    _typicality(report, int((target.labels < 0).sum()))
    compared = st.container()
    with st.container(horizontal=True, gap="large", key="probe_columns"):
        left, right = st.container(), st.container()
    with left:
        _recall(first)
        _calibration(first, report)
    with right:
        st.markdown("**Confusion**: click a cell to see its galaxies")
        cell = st.session_state.get(state.CELL)
        confusion("confusion", first.confusion, first.classes, cell, _choose)
        if cell is not None:
            _cell(workspace, report, cell, galaxies)
    if circular:
        return
    with compared:  # last, since a baseline may take long
        on_images = workspace.data.has_images and galaxies is None
        _compare(workspace, report, target, split, setting, on_images)


def _compare(
    workspace: Workspace,
    report: Report,
    target: Target,
    split: Split,
    setting: tuple[str, int],
    on_images: bool,
) -> None:
    """Draw the table of the probe and its baselines, one by one; of images only if `on_images`."""
    kind, share = setting
    place = "/".join((ASKED, *workspace.key))
    asked = bool(st.session_state.get(place)) or _at_hand(workspace)
    names = tasks.baselines(
        workspace.model,
        len(workspace.data),
        asked,
        on_pixels=workspace.is_baseline,
        has_images=on_images,
    )
    subject = "This model" if workspace.stored is None else "The probe of these vectors"
    table_place, rows = st.container(), list(report.rows)
    for name in names:
        key = ("baseline", *workspace.key, kind, share, target.digest, name)
        task = tasks.baseline_task(name, workspace, report, target, split, kind, share / 100)
        row = waiting.show_when_ready(key, f"Baseline: {name.lower()}", task)
        if row is None:
            break
        rows.append(row)
    with table_place:
        first = workspace.stored.name if workspace.stored is not None else rows[0].name
        first = "Pixel PCA, no model" if workspace.is_baseline else first
        shown = table([dataclasses.replace(rows[0], name=first), *rows[1:]])
        data_table("probe_table", "The probe and its baselines", shown, COLUMNS)
    if len(rows) > 1:
        st.markdown("\n".join(f"- {verdict(row, subject)}" for row in rows[1:]))
    if workspace.model is not None and tasks.RANDOM not in names:
        _offer_random(workspace, place)


def _at_hand(workspace: Workspace) -> bool:
    """Whether random weights have looked at these galaxies before."""
    if workspace.model is None or tasks.quickly(workspace.model, len(workspace.data)):
        return False
    return loaders.control_is_embedded(workspace.model, workspace.data, *workspace.key)


def _offer_random(workspace: Workspace, place: str) -> None:
    """Offer the random-weights baseline, which takes as long to embed as the model itself."""
    seconds = loaders.seconds_per_galaxy(workspace.model, workspace.model.hash) * len(
        workspace.data
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Add random weights"):
            st.session_state[place] = True
            st.rerun()
        st.caption(
            f"The same network, untrained. Embedding {galaxies(len(workspace.data))} with it "
            f"takes {cost(seconds)}."
        )


def _take_away(
    workspace: Workspace, report: Report, target: Target, split: Split, *, mapped: bool
) -> None:
    """Buttons that use the probe: colours on the map, and a file."""
    stored = workspace.stored
    named = (
        (workspace.made_by[0], str(workspace.embeddings.model_hash))
        if stored is None
        else stored.made_by
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        if mapped:
            st.button("Colour map by prediction", on_click=_to_map)
        st.download_button(
            "Download probe",
            lambda: tasks.as_json(
                report, target, split, named, (workspace.data.name, workspace.data.fingerprint)
            ),
            f"probe-{report.probe.kind}-{target.digest[:8]}.json",
            "application/json",
            on_click="ignore",
        )
        part = "all galaxies" if report.probe.layers else "the test part"
        all_named = f"The map shows predictions for {part}. " if mapped else ""
        use = "; `astrojepa predict FILE --data FOLDER` applies it" if workspace.model else ""
        st.caption(
            f"{all_named}The download is JSON with classes, weights, standardisation, and hashes "
            f"of model, data and split{use}."
        )


def percent(share: float, decimals: int = 1) -> str:
    """Write a fraction as a percentage."""
    return f"{100 * share:.{decimals}f}\N{NO-BREAK SPACE}%"


def table(rows: list[Row]) -> pd.DataFrame:
    """Lay out the results, percentages with their intervals."""
    names = [row.name for row in rows]
    results = [row.result for row in rows]
    return pd.DataFrame(
        {
            "features": names,
            "accuracy": [100 * result.accuracy for result in results],
            "interval": [
                f"{100 * result.interval[0]:.1f} – {100 * result.interval[1]:.1f}"
                for result in results
            ],
            "balanced": [100 * result.balanced_accuracy for result in results],
            "macro F1": [100 * result.macro_f1 for result in results],
        }
    )


def verdict(row: Row, subject: str = "This model") -> str:
    """Say whether the probe beats a baseline: only if the interval of the difference excludes 0."""
    verb, numbers = words(row.difference or (0.0, 0.0, 0.0))
    name = (
        "the most frequent class"
        if row.name == tasks.COMMONEST
        else row.name[:1].lower() + row.name[1:]
    )
    return f"{subject} {verb} {name}: {numbers}."


def _recall(result: Any) -> None:
    from astrojepa import plotting

    present = np.flatnonzero(result.counts)
    names = [f"{result.classes[k]} ({result.counts[k]})" for k in present]
    st.markdown("**Recall by class** (number of test galaxies)")
    figure = plotting.bars_figure(names, result.recalls[present].tolist(), "recall")
    figures.chart(figure, "recall", 72 + 32 * len(present))


def _typicality(report: Report, unlabelled: int) -> None:
    """Say how far the galaxies without a label are like those with one."""
    from astrojepa.evaluation.probes.typicality import unlike

    known = len(report.probe.distances)
    if known and len(report.typicality):
        told, distrusted = unlike(report.typicality, known)
        say = st.warning if distrusted else st.caption
        drawn = "" if len(report.typicality) == unlabelled else f" (a sample of the {unlabelled:,})"
        say(f"Galaxies without a label{drawn}: {told[0].lower()}{told[1:]}")


def _calibration(result: Any, report: Report) -> None:
    from astrojepa import plotting

    st.markdown("**Calibration**: accuracy against confidence")
    figure = plotting.reliability_figure(result.probabilities.max(axis=1), result.correct)
    figures.chart(figure, "calibration")
    st.caption(
        f"Mean calibration error {percent(result.calibration_error)}. On the dotted line "
        "confidence equals accuracy; below it the probe is overconfident, above it underconfident. "
        "Bars are 95 % intervals."
    )
    if report.sets is not None:
        asked, found, size = report.sets
        st.caption(
            f"The download holds a temperature ({report.probe.temperature:.2f}) that divides the "
            f"logits, and prediction sets: meant to contain the true class of {percent(asked)} of "
            f"galaxies, they do so for {percent(found)} of the test part, with {size:.1f} classes "
            "on average."
        )


def _cell(
    workspace: Workspace, report: Report, cell: tuple[int, int], galaxies: Galaxies | None
) -> None:
    result = report.rows[0].result
    true, named = cell
    if max(cell) >= len(result.classes):
        return
    inside = np.flatnonzero((result.truth == true) & (result.predictions == named))
    inside = inside[np.argsort(-result.probabilities[inside, named], kind="stable")]
    rows = report.test[inside]
    shown = (
        f", the {SHOWN} with the highest confidence"
        if len(rows) > SHOWN
        else ", highest confidence first"
    )
    labelled, called = escape_markdown(result.classes[true]), escape_markdown(result.classes[named])
    st.header(
        f"{len(rows):,} {'galaxy' if len(rows) == 1 else 'galaxies'} labelled {labelled}, "
        f"predicted {called}{shown}",
        anchor=False,
    )
    captions = [
        (str(workspace.data.ids[row]), f"{percent(result.probabilities[i, named], 0)} confidence")
        for i, row in zip(inside, rows, strict=True)
    ]
    if galaxies is not None:
        galaxies(rows[:SHOWN], captions[:SHOWN])
    else:
        first = rows[:SHOWN].tolist()
        gallery("confused", workspace.pictures, first, captions[:SHOWN], links.open_on_map)


def _choose(cell: tuple[int, int] | None) -> None:
    st.session_state[state.CELL] = cell


def _to_map() -> None:
    st.session_state[state.COLOUR] = state.PROBE_COLOUR
    st.session_state[state.TO_MAP] = True
