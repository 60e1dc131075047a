"""Tasks of the probe lab: a probe and its baselines on one named split."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st

import astrojepa as aj
from astrojepa.data.columns import encode_column
from astrojepa.progress import Progress

from ...session import collections
from ...session.queue import as_task

KINDS = {"linear": "Linear probe", "knn": "20 nearest neighbours", "mlp": "MLP (one hidden layer)"}
LABELS = "labels"  # the target that is the data's own classes
COMMONEST = "Most frequent class"
PIXELS = "Pixel PCA"
STATISTICS = "Hand-made statistics"
RANDOM = "Random weights"
COVERAGE = 0.9  # of the prediction sets
MOST_ASKED = 20_000  # galaxies without a label that are asked how typical they are
# up to so many passes of the network random weights look at galaxies without being asked to: some
# ten seconds
UNASKED = 4000


@dataclass(frozen=True)
class Target:
    """What a probe learns to tell: a label per galaxy of the whole data set."""

    name: str  # "labels", a column's name, or "collections"
    labels: np.ndarray  # int64 (n,), -1 where unknown
    classes: tuple[str, ...]
    # hashes of the models on whose maps it was drawn: for these it is circular
    drawn_on: tuple[str, ...] = ()
    # int64, rows of the training part whose label was given in this session
    given: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    @property
    def digest(self) -> str:
        """Tells this labelling from another."""
        return collections.digest(self.labels, self.classes)


@dataclass(frozen=True)
class Split:
    """The fixed split of a data set: rows of each part, and the hashes that identify them."""

    name: str  # "grouped" or "column"
    parts: tuple[np.ndarray, np.ndarray, np.ndarray]  # int64, rows of train, validation and test
    hashes: tuple[str, str, str]  # of the ids in each part


def split_words(name: str) -> str:
    """Say how a split was made."""
    return "from the data" if name == "column" else "grouped within 60″, seed 42"


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    result: Any  # ProbeResult
    # the probe minus this baseline, with its interval
    difference: tuple[float, float, float] | None


@dataclass(frozen=True)
class Report:
    """A probe and the rows of the data set that were scored."""

    rows: tuple[Row, ...]  # the probe first
    test: np.ndarray  # int64, rows of the data set behind the scored galaxies
    split: str
    num_known: int
    probe: Any  # PortableProbe
    # int64 (n,), what the probe calls every galaxy, those it learned from too; -1 where it is too
    # slow to ask
    named: np.ndarray
    # coverage that was asked for, share of test galaxies whose set holds their class, classes in a
    # set; None where none could be made
    sets: tuple[float, float, float] | None = None
    # how typical galaxies without a label are, at most 20,000, evenly drawn; NaN where not known
    typicality: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))


def rows_of(part: Any, whole: Any) -> np.ndarray:
    """Return where a subset's galaxies stand in the whole data set."""
    order = np.argsort(whole.rows, kind="stable")
    return order[np.searchsorted(whole.rows, part.rows, sorter=order)]


def known_share(labels: np.ndarray, fraction: float, seed: int = 0) -> np.ndarray:
    """Choose a fraction of the labelled rows of each class, at least one: ascending positions."""
    rng = np.random.default_rng(seed)
    chosen = []
    for label in np.unique(labels[labels >= 0]):
        members = rng.permutation(np.flatnonzero(labels == label))
        chosen.append(members[: max(1, round(fraction * len(members)))])
    return np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, dtype=np.int64)


def column_target(table: Any, name: str) -> Target:
    """Make classes of a column's words, in alphabetical order; empty ones are unknown."""
    return Target(name, *encode_column(table[name]))


@st.cache_data(show_spinner=False, max_entries=16)
def split_rows(_data: Any, fingerprint: str) -> Split:
    """The fixed split of a data set, kept."""
    return split_of(_data)


def label_target(data: Any) -> Target:
    """The data's own classes."""
    return Target(LABELS, np.asarray(data.labels, dtype=np.int64), data.classes)


def with_given(target: Target, split: Split, held: collections.Collections) -> Target:
    """Give galaxies of the training part that have no label, but by what was given before, the
    class whose name a collection of theirs has.
    """
    codes = collections.codes_given(held, target.classes, len(target.labels))
    train, labels = split.parts[0], target.labels.copy()
    labels[target.given] = -1
    given = np.sort(train[(labels[train] < 0) & (codes[train] >= 0)])
    labels[given] = codes[given]
    return dataclasses.replace(target, labels=labels, given=given)


def why_not(target: Target, split: Split) -> str:
    """Say why a target cannot be probed on this split; empty where it can."""
    train, _, test = (target.labels[rows] for rows in split.parts)
    known = np.unique(train[train >= 0])
    if len(known) < 2:
        names = ", ".join(target.classes[label] for label in known) or "no class"
        return f"The training part contains {names} only; a probe needs at least two classes there."
    if not (test >= 0).any():
        return (
            "No galaxy of the test part has a label, so the probe cannot be scored; collect more "
            "galaxies."
        )
    return ""


def split_of(data: Any) -> Split:
    """Divide a data set as it always is divided."""
    from astrojepa.data.splits import default_split, split_name

    parts = default_split(data)
    train, validation, test = (rows_of(part, data) for part in parts)
    hashes = (parts[0].id_hash, parts[1].id_hash, parts[2].id_hash)
    return Split(split_name(data), (train, validation, test), hashes)


def relabelled(embeddings: Any, target: Target) -> Any:
    """Give embeddings a target's labels."""
    return dataclasses.replace(embeddings, labels=target.labels, classes=target.classes)


def known_rows(target: Target, split: Split, fraction: float) -> np.ndarray:
    """Choose the rows of the training part whose labels a probe may learn from: this share of
    those of the data, and all that were given here.
    """
    train, labels = split.parts[0], target.labels.copy()
    labels[target.given] = -1
    return np.union1d(train[known_share(labels[train], fraction)], target.given)


@as_task
def probe_task(
    report: Progress, embeddings: Any, target: Target, split: Split, kind: str, fraction: float
) -> Report:
    """Train a probe on known galaxies, score it on the test part, and predict all others."""
    from astrojepa.evaluation.probes.portable import fit_probe

    vectors = relabelled(embeddings, target)
    known, test = known_rows(target, split, fraction), split.parts[2]
    probe, result = fit_probe(kind, vectors.subset(known), vectors.subset(test), progress=report)
    named, sets = np.full(len(vectors), -1, dtype=np.int64), None
    typicality = np.zeros(0, np.float32)
    if probe.layers:
        probe, sets = _calibrated(probe, vectors, split, known, test[result.rows])
        named = probe.probabilities(vectors.vectors).argmax(axis=1).astype(np.int64)
        unlabelled = np.flatnonzero(target.labels < 0)
        step = max(1, -(-len(unlabelled) // MOST_ASKED))
        typicality = probe.typicality(vectors.vectors[unlabelled[::step]])
    return Report(
        (Row("This model", result, None),),
        test[result.rows],
        split.name,
        len(known),
        probe,
        named,
        sets,
        typicality,
    )


def _calibrated(
    probe: Any, vectors: Any, split: Split, known: np.ndarray, test: np.ndarray
) -> tuple[Any, tuple[float, float, float] | None]:
    """Calibrate a probe on the validation part, and say what its sets hold of the test part."""
    from astrojepa.evaluation.probes.parts import stratified

    check = split.parts[1][vectors.labels[split.parts[1]] >= 0]
    halves = stratified(vectors.labels[check], 0, 0.5) if len(check) else ()
    if not halves or not all(map(len, halves)):
        return probe, None
    parts = (known, *(check[half] for half in halves))
    probe = probe.calibrated(*(vectors.subset(rows) for rows in parts))
    asked = probe.most_coverage(COVERAGE)
    found = probe.predict(vectors.subset(test), asked)
    truth = np.array(vectors.classes)[vectors.labels[test]]
    return probe, (asked, found.covered(truth), float(found.sets.sum(axis=1).mean()))


def baselines(
    model: Any, count: int, asked: bool, *, on_pixels: bool = False, has_images: bool = True
) -> list[str]:
    """Return the baselines, quickest first; random weights of large data only if asked for, and
    pixel PCA unless it is what is probed.
    """
    if not has_images:
        return [COMMONEST]
    names = [COMMONEST, STATISTICS] if on_pixels else [COMMONEST, PIXELS, STATISTICS]
    return [*names, RANDOM] if model is not None and (asked or quickly(model, count)) else names


def quickly(model: Any, count: int) -> bool:
    """Whether random weights are quick enough to be embedded unasked."""
    return count * model.config.model.passes <= UNASKED


def baseline_task(
    name: str,
    workspace: Any,
    first: Report,
    target: Target,
    split: Split,
    kind: str,
    fraction: float,
) -> Callable[[Progress], Row]:
    """Train and score the same kind of probe on a baseline's features of the same galaxies."""
    model, data, embeddings = workspace.model, workspace.data, workspace.embeddings

    def task(report: Progress) -> Row:
        from astrojepa.evaluation.probes.portable import fit_probe

        train, _, test = split.parts
        chosen = known_rows(target, split, fraction)
        # fitted on all of train, which takes no label, so that every share of them finds it in the
        # cache
        if name == PIXELS:
            vectors, new = aj.pixel_pca(data.subset(train), data.subset(test), progress=report)
            known = with_labels(vectors, target, train).subset(np.searchsorted(train, chosen))
            new = with_labels(new, target, test)
        else:
            whole = relabelled(
                embeddings if name == COMMONEST else _features(name, model, data, report), target
            )
            known, new = whole.subset(chosen), whole.subset(test)
        result = (
            aj.majority_probe(known, new)
            if name == COMMONEST
            else fit_probe(kind, known, new, progress=report)[1]
        )
        return Row(name, result, aj.paired_bootstrap(first.rows[0].result, result))

    return task


def with_labels(embeddings: Any, target: Target, rows: np.ndarray) -> Any:
    """Give the embeddings of some rows of the data set a target's labels."""
    return dataclasses.replace(embeddings, labels=target.labels[rows], classes=target.classes)


def _features(name: str, model: Any, data: Any, report: Progress) -> Any:
    from astrojepa.evaluation.vectors.embed import summary_statistics

    if name != RANDOM:
        return summary_statistics(data, progress=report)

    def tell(done: int, total: int, text: str) -> None:
        report(done, total, f"random weights: {text}")

    return aj.embed(model.randomised(), data, progress=tell)


def as_json(
    report: Report, target: Target, split: Split, model: tuple[str, str], data: tuple[str, str]
) -> str:
    """Write a probe as JSON: weights, classes, standardisation, hashes of model, data and split."""
    result = report.rows[0].result
    content = {
        **report.probe.to_dict(),
        "target": target.name,
        "num_known": report.num_known,
        "num_given": len(target.given),
        "scored": {
            "accuracy": result.accuracy,
            "interval": list(result.interval),
            "num_test": len(result.truth),
        },
        "model": {"id": model[0], "hash": model[1]},
        "data": {"name": data[0], "hash": data[1]},
        "split": {"name": split.name, "seed": 42}
        | dict(zip(("train", "validation", "test"), split.hashes, strict=True)),
    }
    return json.dumps(content, allow_nan=False, separators=(",", ":"))
