"""The benchmark of anomaly scores: a class is thinned, and every score ranks it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from astrojepa.tables import table_bytes

from ...components.escape_markdown import escape_markdown
from ...components.export_menu import SCORE, export_menu
from ...components.table.table import Heading, table
from ...session import export, loaders, waiting
from ...session.workspace import Workspace
from . import tasks
from .order import correlations_words
from .scores import mid_sentence, title

DRAWS = 20
ASKED = "quality_asked"  # session key: model, data and class that were asked for
SHOWN = ("encoder", "stored", "pixel PCA-64", "summary statistics", "random weights")
VECTORS = {
    "encoder": "This model",
    "stored": "These vectors",
    "pixel PCA-64": "Pixel PCA",
    "summary statistics": "Hand-made statistics",
    "random weights": "Random weights",
}


def quality(workspace: Workspace, further: Mapping[str, str] = MappingProxyType({})) -> None:
    """Show which score finds a class that is chosen and made rare; a file tells `further` facts."""
    data = workspace.data
    st.caption(
        f"{'Simulated galaxies. ' if data.simulated else ''}One class is thinned to 2 % of the "
        f"galaxies, {DRAWS} times at random, as if it were rare. A good score ranks the remaining "
        "members first. The scores use no labels."
    )
    if not workspace.labelled:
        st.info(
            f"{data.name} has no classes, which this test needs. Open a folder whose labels.csv "
            "has a class column."
        )
        return
    possible = tasks.can_be_rare(data)
    if not possible:
        st.info(f"No class of {data.name} has enough galaxies for this test; open more galaxies.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key="quality_controls"):
        usual = next((name for name in possible if "merg" in name.lower()), possible[0])
        rare = st.selectbox(
            "Rare class", possible, index=possible.index(usual), key="quality_class", width=260
        )
        pressed = st.button("Measure", type="primary", key="quality_measure")
    asked = (*workspace.key, rare)
    if pressed:
        st.session_state[ASKED] = asked
    job = ("quality", *asked)
    if st.session_state.get(ASKED) != asked and not loaders.jobs().has(job):
        st.caption(_cost(workspace))
        return
    is_stored = workspace.stored is not None
    task = tasks.ranking_quality(
        workspace.model, data, workspace.embeddings, rare, DRAWS, is_stored=is_stored
    )
    try:
        rows = waiting.wait_for(job, f"Ranking thinned {rare}", task)
    except ValueError as error:
        st.info(escape_markdown(error))
        return
    shown = [row for row in rows if row.vectors in SHOWN]
    _table(shown, rare)
    made = {**export.model_facts(workspace.made_by), "draws": DRAWS}
    facts = export.provenance(data) | made | dict(further)
    export_menu(
        "quality", "benchmark", len(shown), lambda ending: _file(ending, shown, rare, facts), SCORE
    )


def _cost(workspace: Workspace) -> str:
    if workspace.is_baseline:
        return "Without a model, this tests the scores of the pixel baseline."
    return (
        "This first computes the missing scores, baselines and image checks of "
        f"{len(workspace.data):,} galaxies: minutes per thousand galaxies on a CPU, once."
    )


def measured_verdict(workspace: Workspace) -> str:
    """Repeat which score the last benchmark of these galaxies found best; "" where none was run."""
    asked = st.session_state.get(ASKED)
    if not asked or asked[:-1] != workspace.key:
        return ""
    if (rows := loaders.jobs().result(("quality", *asked))) is None:
        return ""
    return quality_verdict([row for row in rows if row.vectors in SHOWN], asked[-1])


def quality_verdict(rows: Sequence[Any], rare: str) -> str:
    """Say how many rare galaxies there are, and which score on which features ranks them best."""
    first = rows[0].ranking
    best = max(rows, key=lambda row: float(np.mean(row.ranking.average_precision)))
    chance = first.num_rare / first.num_galaxies
    precision = best.ranking.average_precision
    against = "above" if np.quantile(precision, 0.025) > chance else "not clearly above"
    what = f"{mid_sentence(title(best.ranking.score))} on {mid_sentence(VECTORS[best.vectors])}"
    return (
        f"{first.num_rare:,} of class {rare} among {first.num_galaxies:,} galaxies, "
        f"{len(precision)} draws. "
        f"Best: {what}, average precision {np.mean(precision):.3f}, "
        f"{against} chance ({chance:.3f}).{_usual(rows, best)}"
    )


def _usual(rows: Sequence[Any], best: Any) -> str:
    """Say what the score that the page opens with has, where another is better."""
    from astrojepa.evaluation.anomalies import DEFAULT

    usual = next((row for row in rows if row.ranking.score == DEFAULT), rows[0])
    if usual is best:
        return ""
    name = f"{mid_sentence(title(usual.ranking.score))} on {mid_sentence(VECTORS[usual.vectors])}"
    value = np.mean(usual.ranking.average_precision)
    which = "The default" if usual.ranking.score == DEFAULT else "Row 1"
    return f" {which}, {name}, has {value:.3f}."


def _table(rows: Sequence[Any], rare: str) -> None:
    st.text(quality_verdict(rows, rare))
    shown, top = quality_table(rows), rows[0].ranking.top
    table("quality", f"Anomaly scores: {rare}", shown, _columns(top))
    both = " and artefacts" if "artefacts" in shown else ""
    correlates = (
        " Correlates with: significant rank correlations with brightness, S/N or star count (weak "
        "below 0.5, strong above 0.7)."
    )
    st.caption(
        "Ranges hold 95 % of the random draws; they say nothing about another survey. Enrichment "
        f"1 = chance. Recall{both}: among the top {top:,}."
        f"{correlates if 'follows' in shown else ''}"
    )


def _file(ending: str, rows: Sequence[Any], rare: str, facts: dict[str, Any]) -> bytes:
    from astrojepa.evaluation.anomalies.leaderboard_table import table_columns

    named = export.named_in_csv(facts, len(rows)) if ending == ".csv" else []
    return table_bytes(ending, [*table_columns({rare: rows}), *named], facts)


def quality_table(rows: Sequence[Any]) -> pd.DataFrame:
    """Lay out average precision, difference from row 1, recall, enrichment, and where images were
    checked, artefacts and correlations.
    """
    lines = []
    for number, row in enumerate(rows):
        ranking = row.ranking
        low, high = np.quantile(ranking.average_precision, [0.025, 0.975])
        mean, below, above = row.difference
        lines.append(
            {
                "features": VECTORS.get(row.vectors, row.vectors),
                "score": title(ranking.score),
                "precision": float(np.mean(ranking.average_precision)),
                "between": f"{low:.3f} – {high:.3f}",
                "less": signs(f"{mean:+.3f} [{below:+.3f}, {above:+.3f}]") if number else "",
                "recall": 100 * float(np.mean(ranking.recall)),
                "enrichment": float(np.mean(ranking.enrichment)),
                "artefacts": 100 * float(np.mean(ranking.artefact_share)),
                "follows": _follows(ranking),
            }
        )
    unknown = [] if any(row.ranking.follows for row in rows) else ["artefacts", "follows"]
    return pd.DataFrame(lines).drop(columns=unknown)


def signs(numbers: str) -> str:
    """Write negative numbers with a minus sign, as wide as the plus."""
    return numbers.replace("-", "\N{MINUS SIGN}")


def _follows(ranking: Any) -> str:
    from astrojepa.evaluation.pictures.checks import strength

    n = ranking.num_galaxies
    told = {
        about: rho for about, rho in ranking.follows.items() if strength(rho, n) not in {"", "none"}
    }
    return correlations_words(told, n) or "none"


def _columns(top: int) -> dict[str, Heading]:
    return {
        "features": Heading("Features"),
        "score": Heading("Score"),
        "precision": Heading(
            "Average precision",
            ".3f",
            "Mean of the precision at the rank of each rare galaxy; 1 = all come first",
        ),
        "between": Heading("95 % of draws", numeric=True),
        "less": Heading(
            "Difference from row 1",
            help="Average precision minus that of row 1, draw by draw",
            numeric=True,
        ),
        "recall": Heading(f"Recall@{top}, %", ".1f"),
        "enrichment": Heading("Enrichment", ".1f"),
        "artefacts": Heading("Artefacts, %", ".1f"),
        "follows": Heading("Correlates with"),
    }
