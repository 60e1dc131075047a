"""A report as one self-contained HTML page."""

from __future__ import annotations

import base64
import importlib.resources
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from astrojepa.evaluation.anomalies.registry import find
from astrojepa.evaluation.reports.report import Report
from astrojepa.plotting import (
    LIGHT,
    colour_scale,
    confusion_figure,
    curves_figure,
    encode_image,
    figure_html,
    heatmap_overlay,
    map_figure,
    plotly_script,
)

_CURVES = {  # title: rows of the metrics, by the name they are shown under
    "Loss": {"total": "total", "prediction": "prediction", "invariance": "invariance"},
    "SIGReg over its floor": {
        "training views": "sigreg_over_floor",
        "clean validation images": "clean_sigreg_over_floor",
    },
    "Effective rank": {"effective rank": "effective_rank"},
    "Accuracy on validation": {"linear probe": "linear_accuracy", "20-NN": "knn_accuracy"},
}


def report_page(report: Report) -> str:
    """Lay a report out as HTML; every text from data or card is escaped."""
    facts = report.facts
    labels, ids = report.embeddings.labels, report.embeddings.ids
    chart = map_figure(report.xy, labels, report.embeddings.classes, ids)
    chart.update_layout(legend={"orientation": "h"})  # beside it, no room is left on a phone
    figures = {"map": figure_html(chart, 560)}
    if "confusion" in facts["probes"]:
        figures["confusion"] = figure_html(
            confusion_figure(np.array(facts["probes"]["confusion"]), facts["data"]["classes"])
        )
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"percent": _percent, "between": _between, "number": _number}
    source = (
        importlib.resources.files(__package__).joinpath("report.html").read_text(encoding="utf-8")
    )
    return environment.from_string(source).render(
        **facts,
        figures={name: Markup(figure) for name, figure in figures.items()},
        script=Markup(plotly_script()),
        light=LIGHT,
        meaning=find(facts["anomaly_score"]).meaning,
        curves=[(title, Markup(figure)) for title, figure in _curves(facts["curve"])],
        strange=[_picture(image) for image in report.strange],
        heatmaps=_heatmaps(report.heatmaps),
    )


def _curves(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    found = []
    for title, names in _CURVES.items():
        lines = {}
        for name, key in names.items():
            known = [(row["step"], row[key]) for row in rows if row.get(key) is not None]
            if len(known) > 1 and any(value for _, value in known):
                lines[name] = ([step for step, _ in known], [value for _, value in known])
        if lines:
            found.append((title, figure_html(curves_figure(lines, ("step", "")), 260)))
    return found


def _heatmaps(pairs: list[tuple[np.ndarray, np.ndarray]]) -> list[tuple[str, str]]:
    """Return each image, and with its errors over it: one scale for all."""
    if not pairs:
        return []
    low, high = colour_scale(np.concatenate([errors.ravel() for _, errors in pairs]))
    return [
        (_picture(image), _picture(heatmap_overlay(image, errors, low, high, 0.6)))
        for image, errors in pairs
    ]


def _picture(image: np.ndarray) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(encode_image(image, "jpeg", 88)).decode()


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else _signs(form % value)


def _percent(value: float | None) -> str:
    return "–" if value is None else _signs(f"{100 * value:.1f}")


def _between(values: list[float], sign: bool = False, scale: float = 100, digits: int = 1) -> str:
    """Write [mean, low, high] or [low, high] as numbers with their interval."""
    shown = [_signs(f"{scale * value:{'+' if sign else ''}.{digits}f}") for value in values]
    interval = f"[{shown[-2]}, {shown[-1]}]"
    return f"{shown[0]} {interval}" if len(shown) == 3 else interval


def _signs(number: str) -> str:
    return number.replace("-", "\N{MINUS SIGN}")
