"""All measurements of one model on one data set, for JSON and a page."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from astrojepa.data.crops import resize_frame, seen_part
from astrojepa.data.dataset import Dataset
from astrojepa.data.splits import default_split, split
from astrojepa.evaluation.anomalies import DEFAULT, OF_VECTORS
from astrojepa.evaluation.anomalies.leaderboard import num_kept
from astrojepa.evaluation.anomalies.leaderboard_table import as_dict, leaderboard_table, rare_labels
from astrojepa.evaluation.anomalies.scoring import score_by_name, score_stored
from astrojepa.evaluation.maps.map_quality import map_trust
from astrojepa.evaluation.maps.projection import project
from astrojepa.evaluation.patches.patch_errors import patch_errors
from astrojepa.evaluation.pictures.checks import picture_checks
from astrojepa.evaluation.reports.benchmark import probe_table
from astrojepa.evaluation.vectors.collapse import collapse_gauges, gauged_rows
from astrojepa.evaluation.vectors.embed import embed, summary_statistics
from astrojepa.evaluation.vectors.stored import Stored
from astrojepa.progress import Listener
from astrojepa.types import CollapseGauges, Embeddings

if TYPE_CHECKING:
    from astrojepa.checkpoints.model import Model

NO_MODEL = "These are vectors from a file, and patch errors need a model"
THUMBNAIL = 128  # pixels
HEATMAP = 224


@dataclass
class Report:
    """What was measured: `facts` are plain values for JSON, the rest is for the page."""

    facts: dict[str, Any]
    embeddings: Embeddings
    xy: np.ndarray  # float32 (n, 2), the map
    # uint8 (128, 128, 3), in the order of facts["anomalies"]
    strange: list[np.ndarray] = field(default_factory=list)
    # what the model saw, float32 (G, G) errors
    heatmaps: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)


def make_report(
    source: Model | Stored,
    data: Dataset,
    kind: str = "",
    *,
    found: Embeddings | None = None,
    curve: list[dict[str, Any]] | None = None,
    method: str = "umap",
    num_strange: int = 24,
    num_heatmaps: int = 8,
    rare: str = "",
    fraction: float = 0.02,
    draws: int = 100,
    progress: Listener = None,
    **probes: Any,
) -> Report:
    """Measure a model on `data`: probes, spread, map, anomalies, patch errors.

    Vectors that no model here made are measured too: `source` is their file, and `found` holds one
    per galaxy of `data` where these are not the file's own. `left_out` of the facts says what such
    a report cannot have.

    `curve` holds the rows of the run's metrics, else those on the model's card. `rare` is the class
    that is thinned to `fraction`, `draws` times, to score the anomaly rankings; by default the
    smallest of which enough is there. The other arguments are those of `probe_table`. What cannot
    be measured (no labels, no predictor) stands in the facts as {"absent": why}.
    """
    model: Model | None = None
    if isinstance(source, Stored):
        vectors = found = source.embeddings if found is None else found
    else:
        model, vectors = source, _embed_parts(source, data, kind, progress)
    report = Report({}, vectors, project(vectors, method, progress=progress))
    score = DEFAULT if model is not None else OF_VECTORS
    strangest = _strangest(report, model, data, score, num_strange, progress)
    probes |= {"progress": progress, "found": found}
    report.facts = {
        "format": 1,
        "model": _about(source, vectors),
        "data": {
            "name": data.name,
            "simulated": data.simulated,
            "fingerprint": data.fingerprint,
            "galaxies": len(data),
            "labelled": int((data.labels >= 0).sum()),
            "classes": list(data.classes),
            "notes": list(data.notes),
        },
        "left_out": [] if model is not None else _left_out(data),
        "curve": curve or (model.card.get("curve") if model is not None else None) or [],
        "gauges": dataclasses.asdict(_gauges(vectors.vectors, data, progress)),
        "map": {"method": method, "seed": 0, **_trust(vectors, report.xy)},
        "probes": _or_absent(lambda: probe_table(model, data, kind, **probes)),
        "anomaly_score": score,
        "anomalies": strangest,
        "leaderboard": _or_absent(
            lambda: _leaderboard(model, data, rare, fraction, draws, found, progress)
        ),
        "patch_errors": {"absent": f"{NO_MODEL}."}
        if model is None
        else _or_absent(
            lambda: _patch_errors(
                report, model, data, [galaxy["id"] for galaxy in strangest], num_heatmaps
            )
        ),
    }
    report.facts["probes"].pop("text", None)
    report.facts = _six_digits(report.facts)
    return report


def _six_digits(value: Any) -> Any:
    """Round every number to what was measured, and more: reports and cards stay small."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _six_digits(one) for key, one in value.items()}
    return [_six_digits(one) for one in value] if isinstance(value, list | tuple) else value


def _embed_parts(model: Model, data: Dataset, kind: str, progress: Listener) -> Embeddings:
    """Embed the parts of the split, and return vectors in the order of the data."""
    parts = [part for part in (split(data, kind) if kind else default_split(data)) if len(part)]
    found = [embed(model, part, progress=progress).vectors for part in parts]
    vectors = np.empty((len(data), found[0].shape[1]), dtype=np.float32)
    rows = np.concatenate([part.rows for part in parts])
    vectors[np.argsort(data.rows, kind="stable")] = np.concatenate(found)[
        np.argsort(rows, kind="stable")
    ]
    return Embeddings(vectors, data.labels, data.ids, data.classes, model.hash, data.fingerprint)


def _left_out(data: Dataset) -> list[str]:
    """Say what a report of vectors does not hold."""
    needed = {"patch errors, training curves and random weights": "a model"}
    if not data.has_images:
        needed["pictures, artefact marks and the baselines of the images"] = "images"
    return [f"Left out: {what}, which need {which}." for what, which in needed.items()]


def _about(source: Model | Stored, vectors: Embeddings) -> dict[str, Any]:
    if isinstance(source, Stored):
        width = vectors.vectors.shape[1]
        return {"id": source.name, "hash": source.hash, "width": width, **source.origin}
    model = source
    config = model.config.to_dict()
    # no machine's path in a report
    config["data"]["data"] = config["data"]["data"].rpartition("/")[2]
    kept = {
        key: model.card[key]
        for key in ("description", "data", "training", "environment", "random")
        if key in model.card
    }
    sizes = {"parameters": model.network.num_parameters(), "width": model.width}
    return {"id": model.id, "hash": model.hash, **sizes, "config": config} | kept


def _gauges(vectors: np.ndarray, data: Dataset, progress: Listener) -> CollapseGauges:
    """Measure the spread, beside that of hand-made statistics where there are images."""
    rows = gauged_rows(len(vectors))
    measured = (
        summary_statistics(data.subset(rows), progress=progress).vectors
        if data.has_images and len(data) == len(vectors)
        else None
    )
    return collapse_gauges(vectors[rows], hand_made=measured)


def _trust(vectors: Embeddings, xy: np.ndarray) -> dict[str, Any]:
    trust = dataclasses.asdict(map_trust(vectors, xy))
    trust["preservation"] = float(trust["preservation"].mean())
    return {
        key: None if isinstance(value, float) and np.isnan(value) else value
        for key, value in trust.items()
    }


def _strangest(
    report: Report, model: Model | None, data: Dataset, score: str, count: int, progress: Listener
) -> list[dict[str, Any]]:
    scores = (
        score_stored(report.embeddings, data, score)
        if model is None
        else score_by_name(model, data, score, progress=progress)
    )
    artefact = picture_checks(data, progress=progress).artefact if data.has_images else None
    found = []
    for rank, row in enumerate(np.argsort(-scores, kind="stable")[:count].tolist(), 1):
        facts = {"score": float(scores[row])}
        if artefact is not None:
            report.strange.append(resize_frame(data[row].image, THUMBNAIL))
            facts["artefact"] = float(artefact[row])
        name = str(data.ids[row])
        found.append({"rank": rank, "id": name, "class": _class(data, row), **facts})
    return found


def _leaderboard(
    model: Model | None,
    data: Dataset,
    rare: str,
    fraction: float,
    draws: int,
    found: Embeddings | None,
    progress: Listener,
) -> dict[str, Any]:
    rare = rare or _smallest_class(data, fraction)
    table = leaderboard_table(model, data, rare, fraction, draws, found=found, progress=progress)
    return {"rare": rare, "fraction": fraction, "draws": draws, **as_dict(table)}


def _smallest_class(data: Dataset, fraction: float) -> str:
    """Return the smallest class that can be thinned so far; ValueError if none."""
    for label in np.argsort(
        np.bincount(data.labels[data.labels >= 0], minlength=len(data.classes)), kind="stable"
    ):
        labels = rare_labels(data, data.classes[label])
        try:
            num_kept(int((labels == 0).sum()), int((labels == 1).sum()), fraction)
        except ValueError:
            continue
        return data.classes[label]
    raise ValueError(
        f"No class of {data.name} can be thinned to {fraction:g}; a leaderboard needs labelled "
        f"galaxies."
    )


def _patch_errors(
    report: Report, model: Model, data: Dataset, strange: list[str], count: int
) -> dict[str, Any]:
    """Measure the first galaxy of each class, then the most anomalous ones."""
    first = [
        np.flatnonzero(data.labels == label)[0]
        for label in np.unique(data.labels[data.labels >= 0])
    ]
    rows = [
        int(row) for row in [*first, *(np.flatnonzero(data.ids == name)[0] for name in strange)]
    ]
    galaxies = []
    for row in list(dict.fromkeys(rows))[:count]:
        image = data[row].image
        errors = patch_errors(model, model.image_of(data, row))
        seen = seen_part(
            image, model.config.image, max(1, HEATMAP // model.config.image.image_size)
        )
        report.heatmaps.append((seen, errors.mse))
        numbers = {
            "mse": float(np.nanmean(errors.mse)),
            "normalised": float(np.nanmean(errors.normalised)),
        }
        galaxies.append({"id": str(data.ids[row]), "class": _class(data, row), **numbers})
    return {"masks": "tiling", "galaxies": galaxies}


def _class(data: Dataset, row: int) -> str | None:
    return data.classes[data.labels[row]] if data.labels[row] >= 0 else None


def _or_absent(measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what was measured, or the sentence that says why it cannot be."""
    try:
        return measure()
    except ValueError as error:
        return {"absent": str(error)}
