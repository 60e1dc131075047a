"""The open model: what it is, whether it has collapsed, how its training went, and its card."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

import astrojepa as aj
from astrojepa import plotting, runs
from astrojepa.progress import Progress

from ...components import figures
from ...components.escape_markdown import escape_markdown
from ...components.facts import facts
from ...components.table.table import Heading, table
from ...session import loaders, waiting
from ...session.queue import as_task
from ...session.workspace import Workspace

CURVES = (
    ("Losses", {"total": "total", "prediction": "prediction", "invariance": "invariance"}),
    ("SIGReg / floor (1 = Gaussian features)", {"sigreg_over_floor": "SIGReg / floor"}),
    ("Effective rank", {"effective_rank": "effective rank"}),
    ("20-NN probe", {"knn_accuracy": "accuracy"}),
)
PROBES = {
    "Linear probe, %": "linear probe",
    "20-NN, %": "20-NN",
    "Random weights, %": "random weights 0, linear",
}
BASELINE = "Strongest simple baseline, %"
NO_BREAK = "\N{NO-BREAK SPACE}"
SHOWN_ON_CARD = (
    "description",
    "data",
    "training",
    "encoder",
    "measured",
    "published",
    "environment",
    "normalisation",
    "sha256",
)


def show(workspace: Workspace) -> None:
    """Draw the facts of the open model."""
    st.header(escape_markdown(workspace.choice.label), anchor=False)
    if workspace.stored is not None:
        st.write(
            f"Vectors of width {workspace.embeddings.vectors.shape[1]} from a file, joined to the "
            "galaxies by id. Without a model there are no patch errors, no images of your own and "
            "no scores of predictions."
        )
        facts("model", {"Hash": workspace.stored.hash})
        _health(workspace)
        return
    if workspace.model is None:
        st.write(
            "Principal components of the pixels: a baseline without training and without patch "
            "errors."
        )
        return
    facts("model", described(workspace.model))
    _health(workspace)
    _measured(workspace.model.card)
    folder = Path(workspace.choice.reference)
    rows = (
        runs.read_metrics(folder)
        if not workspace.hosted and folder.is_dir()
        else workspace.model.card.get("curve") or []
    )
    if workspace.model.card.get("encoder"):
        _curves("Training of the predictor", rows, CURVES[:1])
    else:
        _curves("Training", rows, CURVES)
    with st.expander("Full model card"):
        card = workspace.model.card
        st.json({name: card[name] for name in SHOWN_ON_CARD if card.get(name)}, expanded=1)


def measured_table(card: dict[str, Any]) -> pd.DataFrame:
    """Lay out the measurements on a card, a row per benchmark; malformed entries stay empty."""
    rows = []
    for measured in map(_mapping, card.get("measured") or []):
        probes = _mapping(measured.get("rows"))
        galaxies = " ".join([str(measured.get("data", "")), *map(str, measured.get("where") or [])])
        rows.append(
            {"Galaxies": galaxies}
            | {title: _accuracy(probes.get(name)) for title, name in PROBES.items()}
            | {BASELINE: _strongest(probes)}
        )
    return pd.DataFrame(rows)


def _strongest(probes: dict[str, Any]) -> str:
    """Write the best probe on hand-made statistics or pixels, and what it is; "" for none."""
    from astrojepa.evaluation.baselines.vectors import HAND_MADE, PIXELS

    simple = {
        name: row["accuracy"]
        for name, row in probes.items()
        if name.startswith((*HAND_MADE, PIXELS)) and _accuracy(row)
    }
    if not simple:
        return ""
    best = max(simple, key=lambda name: simple[name])
    return f"{_accuracy(probes[best]).replace(' ', NO_BREAK)}: {best}"


def _measured(card: dict[str, Any]) -> None:
    shown = measured_table(card)
    if len(shown):
        st.markdown("**Measured**, accuracy on test galaxies")
        numbers = {name: Heading(numeric=name in PROBES) for name in shown}
        table("measured", "Accuracy on test galaxies", shown, numbers)
        st.caption(
            "In brackets, 95 % intervals. Strongest simple baseline: the best of all probes on "
            "hand-made statistics and pixels, chosen by its accuracy on these test galaxies, which "
            "is slightly optimistic."
        )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _accuracy(row: Any) -> str:
    row = _mapping(row)
    interval = row.get("interval")
    if (
        not isinstance(row.get("accuracy"), int | float)
        or not isinstance(interval, list)
        or len(interval) != 2
    ):
        return ""
    value, low, high = (f"{100 * share:.1f}" for share in (row["accuracy"], *interval))
    return f"{value} [{low}, {high}]"


def described(model: Any) -> dict[str, str]:
    """What a model is, in words."""
    config, card = model.config, model.card
    encoder = _mapping(card.get("encoder"))  # of a model whose predictor came afterwards
    aim = _mapping(_mapping(encoder.get("config")).get("objective")) or dataclasses.asdict(
        config.objective
    )
    terms = {
        "λ =": "sigreg_weight",
        "prediction": "prediction_weight",
        "invariance": "invariance_weight",
    }
    from astrojepa.models.encoders.registry import find_encoder

    sized = find_encoder(config.model.backbone).sized
    predictor = "fitted to the frozen encoder after training" if encoder else "yes"
    data = _mapping(card.get("data"))
    trained = (
        card.get("description")
        or data.get("name")
        or ("nothing (random weights)" if card.get("random") else "unknown")
    )
    if start := _mapping(card.get("started_from")).get("id"):
        trained = f"{trained}, started from {start}"
    return {
        "Trained on": str(trained),
        "Input": f"{config.image.image_size} px"
        + (
            f", patches of {config.image.patch_size} px, grid {model.grid} × {model.grid}"
            if sized
            else ""
        ),
        "Encoder": f"{config.model.backbone}, width {model.width}"
        + (f", depth {config.model.depth}" if sized else ""),
        "Predictor": predictor if model.has_predictor else "none, so no patch errors",
        "Objective": ", ".join(
            f"{title} {aim[name]:g}" for title, name in terms.items() if _is_number(aim.get(name))
        ),
        "Hash": model.hash,
    }


def _health(workspace: Workspace) -> None:
    """Say whether the embeddings of the open galaxies are still spread out, and beside what."""
    if len(workspace.data) < 2:
        return
    st.markdown(f"**Embedding health** on the {len(workspace.data):,} open galaxies")
    gauges = loaders.gauges(workspace.embeddings, *workspace.key)
    if workspace.data.has_images:
        task = _beside_hand_made(workspace.embeddings.vectors, workspace.data)
        key = ("gauges beside hand-made statistics", *workspace.key)
        gauges = waiting.show_when_ready(key, "Measuring hand-made statistics", task) or gauges
    width = workspace.embeddings.vectors.shape[1]
    (st.warning if gauges.collapsing or gauges.narrow else st.write)(gauges.verdict)
    told = {"Effective rank": f"{gauges.effective_rank:.1f} of {width}"}
    if gauges.hand_made_rank is not None:
        told["Effective rank of hand-made statistics"] = f"{gauges.hand_made_rank:.1f}"
    told["Standard deviation of features"] = f"{gauges.feature_std:.3f}"
    told["Mean cosine"] = f"{gauges.mean_cosine:.3f}"
    facts("gauges", told)
    st.caption(
        "The effective rank is the number of directions that the embeddings use. Hand-made "
        "statistics are colours, sizes, profile and asymmetry of the same galaxies (at most 2,048)."
    )


@as_task
def _beside_hand_made(report: Progress, vectors: Any, data: Any) -> Any:
    """Return what measures the spread of vectors and of hand-made statistics."""
    from astrojepa.evaluation.vectors.collapse import gauged_rows
    from astrojepa.evaluation.vectors.embed import summary_statistics

    rows = gauged_rows(len(vectors))
    measured = summary_statistics(data.subset(rows), progress=report).vectors
    return aj.collapse_gauges(vectors[rows], hand_made=measured)


def curves(
    rows: list[dict[str, Any]], names: dict[str, str]
) -> dict[str, tuple[list[float], list[float]]]:
    """Collect curves (steps, values) from metrics; without those of one point or only zeros."""
    found = {}
    for name, title in names.items():
        points = [
            (row["step"], row[name])
            for row in rows
            if isinstance(row, dict) and _is_number(row.get(name), row.get("step"))
        ]
        if len(points) > 1 and any(value for _, value in points):
            found[title] = ([step for step, _ in points], [value for _, value in points])
    return found


def _is_number(*values: Any) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _curves(
    heading: str, rows: list[dict[str, Any]], shown: tuple[tuple[str, dict[str, str]], ...]
) -> None:
    """Draw the training curves of a run, or those on a released card."""
    drawn = [(title, found) for title, names in shown if (found := curves(rows, names))]
    if not drawn:
        return
    st.markdown(f"**{heading}**")
    for first in range(0, len(drawn), 2):
        for column, (title, found) in zip(
            st.columns(2, gap="small"), drawn[first : first + 2], strict=False
        ):
            with column:
                st.caption(title)
                figure = plotting.curves_figure(found, ("step", ""))
                legend = {"orientation": "h", "y": 1.15, "bgcolor": "rgba(0, 0, 0, 0)"}
                figure.update_layout(margin={"t": 8}, legend=legend)
                figures.chart(figure, f"curve_{title}", 208)
