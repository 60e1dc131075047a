"""The table of models: measured and published numbers, controls; from the cards."""

from __future__ import annotations

from typing import Any

from astrojepa.checkpoints.card import ABSENT, mean_accuracy
from astrojepa.evaluation.anomalies import DEFAULT
from astrojepa.evaluation.anomalies.scores.asymmetry import PIXEL_ASYMMETRY
from astrojepa.evaluation.baselines.vectors import BOTH, ENCODER, PIXELS, POLAR, RANDOM, STATISTICS
from astrojepa.evaluation.reports.benchmark import BENCHMARKS
from astrojepa.presets import PRESETS, PUBLISHED, ZOO

NOT_TRAINED, NOT_MEASURED = "not trained", "not measured"
HERE, NOT_HERE = "here", "not here"  # where the weights are
LINEAR = "linear probe"
CONTROLS = {
    f"{STATISTICS}, linear": "hand-made shape statistics",
    f"{POLAR}, linear": "polar Fourier statistics",
    f"{BOTH}, RBF-SVM": "shape and polar Fourier statistics, SVM",
    f"{PIXELS}, linear": "pixel PCA-64",
    f"{RANDOM} 0, linear": "random weights",
}
# the default score of older reports, which do not have the present one, and how a cell says so
EARLIER, DAGGER = "asymmetry", "†"
RARE, PUBLISHED_PERCENT = "rare class, AP", "published elsewhere, %"


def zoo_table(cards: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return the table as text: models by mean accuracy, controls, then recipes without weights.

    Columns: image size and epochs; whether the weights are here; per benchmark the accuracy of the
    linear probe on the test part, percent, with its 95 % interval; and the average precision for
    the thinned class of the first benchmark, by the default score, else by asymmetry (†); by
    asymmetry of the pixels, or kNN on them, for hand-made features. What a card does not hold in
    the expected form counts as not measured.
    """
    cards = sorted((card for card in cards if "error" not in card), key=mean_accuracy, reverse=True)
    columns = _columns(cards)
    measures = [*(f"{column}, %" for column in columns), RARE]
    rows = [_model_row(card, columns) for card in cards]
    measurements = (measured for card in reversed(cards) for measured in _measured(card))
    # of one benchmark the last counts
    everything = {"measured": sorted(measurements, key=lambda one: "rare" in one)}
    for key, title in CONTROLS.items():
        # cells -> the models whose control they are: some share their encoder
        found: dict[tuple[str, ...], list[str]] = {}
        for card in cards if RANDOM in key else [everything]:
            found.setdefault(tuple(_cells(card, columns, key).values()), []).append(
                str(card.get("id"))
            )
        for cells, names in found.items():
            if set(cells) != {NOT_MEASURED}:
                name = ", ".join([title, *names]) if RANDOM in key else title
                rows.append(_row(name, dict(zip(measures, cells, strict=True))))
    known = {str(card.get("id")) for card in cards}
    for name in (name for name in ZOO if name not in known):
        recipe = _recipe(PRESETS[name].to_dict())
        rows.append(_row(name, dict.fromkeys(measures, ""), recipe, weights=NOT_TRAINED))
    return rows


def measurement(report: dict[str, Any]) -> dict[str, Any]:
    """Return what a card keeps of a report: probes and the main leaderboard rows."""
    kept = {"where": report["where"], "label_column": report["label_column"], **report["probes"]}
    board = report["leaderboard"]
    lines = {
        (line["vectors"], line["score"]): line["average_precision"]
        for line in board.get("rows", [])
    }
    if lines:
        names = {"class": board["rare"], "fraction": board["fraction"], "draws": board["draws"]}
        scores = ("knn", EARLIER, DEFAULT, PIXEL_ASYMMETRY)
        kept["rare"] = names | {
            f"{vectors}, {score}": value
            for (vectors, score), value in lines.items()
            if score in scores
        }
    return kept


def with_measurement(card: dict[str, Any], report: dict[str, Any]) -> dict[str, Any]:
    """Return the card with a report's numbers; ValueError without probes."""
    if "rows" not in report["probes"]:
        raise ValueError(
            f"The report holds no probes ({report['probes'].get('absent', 'none')}), so nothing "
            f"goes on the card."
        )
    new = measurement(report)
    measured = [
        old
        for old in _measured(card)
        if (old.get("data"), old.get("where")) != (new["data"], new["where"])
    ]
    order = [list(benchmark.where) for benchmark in BENCHMARKS.values()]
    measured = sorted(
        [*measured, new],
        key=lambda one: order.index(one["where"]) if one.get("where") in order else len(order),
    )
    return {**card, "measured": measured, "parameters": report["model"]["parameters"]}


def markdown_zoo(cards: list[dict[str, Any]]) -> str:
    """Lay out the table as Markdown; what was not measured in italics."""
    rows = zoo_table(cards)
    lines = [f"| {' | '.join(rows[0])} |", "|---" * len(rows[0]) + "|"]
    for row in rows:
        cells = [
            f"*{cell}*" if cell in (NOT_TRAINED, NOT_MEASURED, NOT_HERE) else cell
            for cell in list(row.values())[1:]
        ]
        name = f"`{row['model']}`" if row["recipe"] or row["parameters"] else row["model"]
        lines.append(f"| {' | '.join([name, *cells])} |")
    return "\n".join(lines)


def _columns(cards: list[dict[str, Any]]) -> list[str]:
    """Return the benchmarks of any card: ours first, others by name of their data."""
    found = {_benchmark(measured) for card in cards for measured in _measured(card)}
    ours = [benchmark.title for benchmark in BENCHMARKS.values()]
    return [*(name for name in ours if name in found), *sorted(found - {*ours})] or ours


def _benchmark(measured: dict[str, Any]) -> str:
    where = measured.get("where") or []
    ours = (one.title for one in BENCHMARKS.values() if list(one.where) == where)
    return next(ours, " ".join([str(measured.get("data", "")), *map(str, where)]))


def _model_row(card: dict[str, Any], columns: list[str]) -> dict[str, str]:
    recipe = _recipe(_mapping(card.get("encoder") or card).get("config"))
    parameters = card.get("parameters")
    count = f"{parameters:,}" if isinstance(parameters, int) else ""
    weights = NOT_HERE if card.get(ABSENT) else HERE
    return _row(
        str(card.get("id")), _cells(card, columns, f"{ENCODER}, linear"), recipe, count, weights
    )


def _row(
    name: str, cells: dict[str, str], recipe: str = "", parameters: str = "", weights: str = ""
) -> dict[str, str]:
    published = str(PUBLISHED.get(name, {}).get("probe_percent", ""))
    return {
        "model": name,
        "recipe": recipe,
        "parameters": parameters,
        "weights": weights,
        **cells,
        PUBLISHED_PERCENT: published,
    }


def _recipe(config: Any) -> str:
    """Write a recipe's pixels and epochs as "64 px, 8 epochs"; "" where they are not told."""
    side, epochs = (
        _mapping(_mapping(config).get(part)).get(name)
        for part, name in (("image", "image_size"), ("optim", "epochs"))
    )
    return (
        f"{side} px, {epochs} epochs" if isinstance(side, int) and isinstance(epochs, int) else ""
    )


def _cells(card: dict[str, Any], columns: list[str], key: str) -> dict[str, str]:
    """Return a card's accuracy per benchmark and rare-class score for one kind of vectors."""
    found = {_benchmark(measured): measured for measured in _measured(card)}
    row = LINEAR if key.startswith(ENCODER) else key
    cells = {f"{column}, %": _accuracy(found.get(column), row) for column in columns}
    vectors = key.partition(",")[0].removesuffix(" 0")
    rare = _mapping(_mapping(found.get(columns[0])).get("rare"))
    thinned = [one.rare for one in BENCHMARKS.values() if one.title == columns[0] and one.rare]
    if thinned and rare.get("class") not in thinned:  # a table compares one class
        rare = {}
    of_images = {PIXELS: f"{PIXELS}, knn", STATISTICS: f"none, {PIXEL_ASYMMETRY}"}
    cell = _interval(rare.get(of_images.get(vectors, f"{vectors}, {DEFAULT}")), 1, 3)
    earlier = _interval(rare.get(f"{vectors}, {EARLIER}"), 1, 3)
    if cell == NOT_MEASURED != earlier:
        cell = earlier.replace(" ", f"{DAGGER} ", 1)
    return cells | {RARE: cell}


def _accuracy(measured: dict[str, Any] | None, name: str) -> str:
    row = _mapping(_mapping(_mapping(measured).get("rows")).get(name))
    return _interval([row.get("accuracy"), *(row.get("interval") or [])], 100, 1)


def _interval(numbers: Any, factor: float, digits: int) -> str:
    """Write [value, low, high] as "74.4 [71.5, 77.2]"."""
    if (
        not isinstance(numbers, list)
        or len(numbers) != 3
        or not all(isinstance(number, int | float) for number in numbers)
    ):
        return NOT_MEASURED
    value, low, high = (f"{factor * number:.{digits}f}" for number in numbers)
    return f"{value} [{low}, {high}]"


def _measured(card: dict[str, Any]) -> list[dict[str, Any]]:
    found = card.get("measured")
    return [_mapping(one) for one in found] if isinstance(found, list) else []


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
