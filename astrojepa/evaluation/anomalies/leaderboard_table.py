"""Every score and baseline ranking a thinned class: the tables of decision 4."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from astrojepa.data.dataset import Dataset
from astrojepa.evaluation.anomalies import DEFAULT
from astrojepa.evaluation.anomalies.leaderboard import Ranking, leaderboard, mean_interval
from astrojepa.evaluation.anomalies.registry import all_scores, find, vector_scores
from astrojepa.evaluation.anomalies.scores.prediction_error import prediction_error_scores
from astrojepa.evaluation.pictures.checks import SUSPICIOUS, picture_checks
from astrojepa.evaluation.vectors.embed import embed, pixel_pca, summary_statistics
from astrojepa.progress import Listener
from astrojepa.tables import Column
from astrojepa.types import Embeddings

if TYPE_CHECKING:
    from astrojepa.checkpoints.model import Model

_MEASURES = {
    "average_precision": "average precision of the ranking",
    "difference": "average precision less that of knn on the encoder",
    "recall": "share of the rare among the most anomalous",
    "enrichment": "rare share of the most anomalous over that of all",
    "artefact_share": "likely artefacts among the most anomalous",
}
_ENDS = {"": "mean", "_low": "lower end of 95 % of the draws", "_high": "upper end"}
_LOCAL = ("knn", "lof")  # what is computed on the trivial vectors


@dataclass(frozen=True)
class Row:
    """One score on one kind of vectors."""

    vectors: str
    ranking: Ranking
    # average precision less that of knn on the encoder, draw by draw: mean, 95 % of draws
    difference: tuple[float, float, float]

    @property
    def flags(self) -> dict[str, float]:
        """Image properties with a rank correlation above 0.5 with the score."""
        return {about: rho for about, rho in self.ranking.follows.items() if abs(rho) > SUSPICIOUS}

    def to_dict(self) -> dict[str, Any]:
        """Return numbers for JSON: mean and 95 % range; None if undefined."""
        ranking = self.ranking
        facts: dict[str, Any] = {
            "vectors": self.vectors,
            "score": ranking.score,
            "difference": list(self.difference),
        }
        for name in ("average_precision", "recall", "enrichment", "artefact_share"):
            facts[name] = [
                None if np.isnan(value) else value
                for value in mean_interval(getattr(ranking, name))
            ]
        facts["spearman"] = {
            about: None if np.isnan(rho) else rho for about, rho in ranking.follows.items()
        }
        return facts | {"flagged": list(self.flags)}


def rare_labels(data: Dataset, rare: str) -> np.ndarray:
    """Say which galaxies are of the rare kind: int64 (n,), 1 = rare, 0 = not, -1 = unknown.

    `rare` is a class, or for simulated galaxies a kind or an artefact that the table names, or
    several joined by "+", such as "ring+lens". Raises ValueError naming what there is.
    """
    if rare in data.classes:
        return np.where(data.labels < 0, -1, data.labels == data.classes.index(rare)).astype(
            np.int64
        )
    injected = [
        data.table[column].to_numpy() for column in ("kind", "artefact") if column in data.table
    ]
    wanted = rare.split("+")
    known = [*data.classes, *sorted({str(name) for column in injected for name in column})]
    missing = [name for name in wanted if all(name not in column for column in injected)]
    if missing:
        raise ValueError(
            f"{data.name} has no class {missing[0]!r} to thin; choose one of "
            f"{', '.join(known) or 'none: no labels'}."
        )
    return np.any([np.isin(column, wanted) for column in injected], axis=0).astype(np.int64)


def leaderboard_table(
    model: Model | None,
    data: Dataset,
    rare: str,
    fraction: float = 0.02,
    draws: int = 100,
    seed: int = 0,
    k: int = 20,
    *,
    slow: bool = False,
    found: Embeddings | None = None,
    progress: Listener = None,
) -> list[Row]:
    """Rank thinned data by every score on the encoder, and by quick ones on the baselines.

    All see the same draws; the last rows rank by the images alone. With `slow` also prediction
    errors under four random masks a galaxy and JEPA-SCORE, which take more than 50 ms a galaxy.
    Prediction errors need a predictor. Without a model the vectors `found` are ranked, beside what
    the images give where there are any. Raises ValueError as `rare_labels` and `leaderboard` do.
    """
    labels = rare_labels(data, rare)
    checks = picture_checks(data, progress=progress) if data.has_images else None
    worlds = (
        _of_vectors(found, data, progress)
        if model is None
        else _worlds(model, data, slow, progress)
    )
    properties: dict[str, np.ndarray] = {}
    if checks is not None:
        properties = checks.properties
        worlds[-1][-1].update({**properties, "artefact": checks.artefact})
    settings: dict[str, Any] = {
        "artefacts": None if checks is None else checks.artefact,
        "properties": properties,
        "progress": progress,
    }
    rankings = []
    for name, vectors, scores, given in worlds:
        ranked = leaderboard(
            vectors,
            labels,
            fraction,
            draws,
            seed,
            scores=scores,
            k=k,
            fixed=given,
            combined=_combinations({*scores, *given}),
            **settings,
        )
        rankings += [(name, ranking) for ranking in ranked]
    knn = next(ranking for _, ranking in rankings if ranking.score == "knn").average_precision
    return [
        Row(name, ranking, mean_interval(ranking.average_precision - knn))
        for name, ranking in rankings
    ]


def as_dict(table: Sequence[Row]) -> dict[str, Any]:
    """Return a table as JSON holds it."""
    first = table[0].ranking
    counts = {"num_rare": first.num_rare, "num_galaxies": first.num_galaxies, "top": first.top}
    return counts | {"rows": [row.to_dict() for row in table]}


def table_columns(tables: Mapping[str, Sequence[Row]]) -> list[Column]:
    """Lay out a row per class and score: mean of each measure and range of 95 % of the draws."""
    rows = [(rare, row.to_dict()) for rare, rows in tables.items() for row in rows]
    columns = [
        Column("rare", [rare for rare, _ in rows], "class that was thinned"),
        Column("vectors", [facts["vectors"] for _, facts in rows], "what was scored"),
        Column("score", [facts["score"] for _, facts in rows], "anomaly score"),
    ]
    for name, meaning in _MEASURES.items():
        for place, (end, which) in enumerate(_ENDS.items()):
            values = np.array([facts[name][place] for _, facts in rows], dtype=np.float64)
            columns.append(Column(f"{name}{end}", values, f"{meaning}: {which}"))
    for about in next(iter(tables.values()))[0].ranking.follows:
        rho = np.array([facts["spearman"][about] for _, facts in rows], dtype=np.float64)
        columns.append(Column(f"spearman {about}", rho, f"rank correlation with {about}"))
    return columns


World = tuple[str, np.ndarray, tuple[str, ...], dict[str, np.ndarray]]


def _worlds(model: Model, data: Dataset, slow: bool, progress: Listener) -> list[World]:
    """Return each kind of vectors with its scores, and scores that are fixed; last, of images."""
    random = model.randomised()
    fixed = _of_model(model, data, slow, progress)
    pictures = {name: fixed.pop(name) for name in list(fixed) if find(name).needs == "images"}
    if slow and model.has_predictor:
        drawn = prediction_error_scores(model, data, "random", num_masks=4, progress=progress)
        fixed |= {f"{name}, random masks": values for name, values in drawn.items()}
    default = find(DEFAULT)
    untrained = {
        part: find(part).compute(random, data, progress=progress)
        for part in dict.fromkeys(default.parts or (DEFAULT,))
        if find(part).needs == "encoder"
    }
    return [
        ("encoder", embed(model, data, progress=progress).vectors, vector_scores(), fixed),
        *_of_images(data, progress),
        ("random weights", embed(random, data, progress=progress).vectors, _LOCAL, untrained),
        ("none", np.zeros((len(data), 1), np.float32), (), pictures),
    ]


def _combinations(there: set[str]) -> dict[str, tuple[str, ...]]:
    """Return the combinations whose parts are all there."""
    return {
        name: score.parts
        for name, score in all_scores().items()
        if score.parts and there.issuperset(score.parts)
    }


def _of_vectors(found: Embeddings | None, data: Dataset, progress: Listener) -> list[World]:
    """The same of vectors that no model here made."""
    if found is None:
        raise ValueError("There is nothing to rank; give a model, or vectors.")
    worlds: list[World] = [("encoder", found.vectors, vector_scores(), {})]
    if data.has_images:
        worlds += _of_images(data, progress)
        worlds.append(("none", np.zeros((len(data), 1), np.float32), (), {}))
    return worlds


def _of_images(data: Dataset, progress: Listener) -> list[World]:
    return [
        ("pixel PCA-64", pixel_pca(data, data, progress=progress)[0].vectors, _LOCAL, {}),
        ("summary statistics", summary_statistics(data, progress=progress).vectors, _LOCAL, {}),
    ]


def _of_model(model: Model, data: Dataset, slow: bool, progress: Listener) -> dict[str, np.ndarray]:
    """Return every score that looks at the images alone, and that this model can give."""
    return {
        name: score.compute(model, data, progress=progress)
        for name, score in all_scores().items()
        if score.needs != "vectors"
        and not score.parts
        and (slow or not score.slow)
        and (model.has_predictor or score.needs != "predictor")
    }


def table_lines(rows: list[Row]) -> list[str]:
    """Lay out the rows as Markdown."""
    first = rows[0].ranking
    chance = first.num_rare / first.num_galaxies
    lines = [
        f"{first.num_rare} rare of {first.num_galaxies} galaxies, {len(first.average_precision)} "
        f"draws; chance has AP {chance:.3f}. In brackets: range of 95 % of the draws. Correlates "
        "with: rank correlations above 0.5.",
        "",
        f"| vectors | score | AP | minus knn on the encoder | recall@{first.top} | enrichment | "
        "artefacts | correlates with |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        ranking = row.ranking
        flags = ", ".join(f"{about} {rho:+.2f}" for about, rho in row.flags.items())
        lines.append(
            f"| {row.vectors} | {ranking.score} | "
            f"{_cell(mean_interval(ranking.average_precision))} | {_cell(row.difference, '+')} | "
            f"{np.mean(ranking.recall):.1%} | {np.mean(ranking.enrichment):.1f} | "
            f"{np.mean(ranking.artefact_share):.1%} | {flags} |"
        )
    return lines


def _cell(numbers: tuple[float, float, float], sign: str = "") -> str:
    mean, low, high = (format(number, f"{sign}.3f") for number in numbers)
    return f"{mean} [{low}, {high}]"
