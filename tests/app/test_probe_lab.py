"""The probe lab: what can be learned, on which split, and what comes of it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_runner import run_page, settled, tables, words
from streamlit.testing.v1 import AppTest

from app.pages.probe import report as probe_report
from app.pages.probe import tasks
from app.pages.probe import view as probe
from app.session import collections, loaders, sampling, state
from app.session.workspace import Workspace
from astrojepa.config import replace
from astrojepa.data.simulate.simulator import simulate
from astrojepa.evaluation.probes.portable import probe_from_dict
from astrojepa.evaluation.probes.typicality import unlike
from astrojepa.presets import preset
from astrojepa.types import Embeddings

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:streamlit")
COUNT = 120


@pytest.fixture(scope="module")
def data() -> Any:
    return simulate(COUNT)


def test_the_axis_of_recall_says_recall(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr(probe_report.figures, "chart", lambda figure, *rest: drawn.append(figure))
    result = SimpleNamespace(
        counts=np.array([4, 0]), classes=("spiral", "ring"), recalls=np.array([0.75, np.nan])
    )
    probe_report._recall(result)
    assert drawn[0].layout.xaxis.title.text == "recall"
    assert drawn[0].data[0].y == ("spiral (4)",)


@pytest.fixture(scope="module")
def embeddings(data: Any) -> Embeddings:
    """Features that tell the class, with noise."""
    generator = np.random.default_rng(0)
    vectors = np.eye(len(data.classes))[data.labels] + 0.3 * generator.normal(
        size=(len(data), len(data.classes))
    )
    return Embeddings(
        vectors.astype(np.float32), data.labels, data.ids, data.classes, "model", data.fingerprint
    )


def nothing(done: int, total: int, text: str) -> None:
    """Progress that nobody watches."""


def test_the_split_holds_every_galaxy_once_and_is_recognised_by_its_hashes(data: Any) -> None:
    split = tasks.split_of(data)
    assert sorted(np.concatenate(split.parts).tolist()) == list(range(COUNT))
    assert split.hashes[2] == data.subset(split.parts[2]).id_hash
    said = probe.split_sentence(split)
    assert all(digest[:8] in said for digest in split.hashes)
    assert "seed 42" in said


@pytest.mark.parametrize("kind", tasks.KINDS)
def test_a_probe_is_scored_on_the_test_part_alone(
    kind: str, data: Any, embeddings: Embeddings
) -> None:
    split, target = tasks.split_of(data), tasks.label_target(data)
    report = tasks.probe_task(embeddings, target, split, kind, 1.0)(nothing)
    np.testing.assert_array_equal(report.test, split.parts[2])
    assert report.num_known == len(split.parts[0])
    first = report.rows[0].result
    np.testing.assert_array_equal(
        report.named[report.test],
        np.full(len(report.test), -1) if kind == "knn" else first.predictions,
    )
    assert (report.named >= 0).sum() == (0 if kind == "knn" else COUNT)


def test_labels_of_validation_and_test_cannot_change_the_probe(
    data: Any, embeddings: Embeddings
) -> None:
    split, target = tasks.split_of(data), tasks.label_target(data)
    other = target.labels.copy()
    for rows in split.parts[1:]:
        other[rows] = np.random.default_rng(1).permutation(other[rows])
    changed = dataclasses.replace(target, labels=other)
    first, second = (
        tasks.probe_task(embeddings, wanted, split, "linear", 1.0)(nothing)
        for wanted in (target, changed)
    )
    np.testing.assert_array_equal(first.named, second.named)


@pytest.mark.slow
def test_galaxies_without_a_label_that_are_unlike_the_labelled_ones_are_told() -> None:
    data = simulate(600)
    vectors = np.random.default_rng(0).normal(size=(600, 12)) + 3 * np.eye(12)[data.labels]
    labels = np.where(np.arange(600) % 5 == 0, -1, data.labels)
    target = dataclasses.replace(tasks.label_target(data), labels=labels)
    for moved, expected in ((0.0, False), (4.0, True)):
        shifted = (vectors + moved * (labels < 0)[:, None]).astype(np.float32)
        embeddings = Embeddings(shifted, data.labels, data.ids, data.classes, "m", "d")
        report = tasks.probe_task(embeddings, target, tasks.split_of(data), "linear", 1.0)(nothing)
        assert len(report.typicality) == 120
        assert unlike(report.typicality, len(report.probe.distances))[1] is expected


def test_few_labels_are_drawn_from_train_and_hold_every_class(data: Any) -> None:
    split, target = tasks.split_of(data), tasks.label_target(data)
    chosen = tasks.known_rows(target, split, 0.01)
    assert set(chosen) <= set(split.parts[0])
    assert len(chosen) == len(np.unique(target.labels[split.parts[0]]))


def test_a_downloaded_probe_names_galaxies_as_the_lab_did(
    data: Any, embeddings: Embeddings
) -> None:
    split, target = tasks.split_of(data), tasks.label_target(data)
    report = tasks.probe_task(embeddings, target, split, "linear", 1.0)(nothing)
    content = json.loads(
        tasks.as_json(report, target, split, ("m", "hash of m"), ("d", "hash of d"))
    )
    assert content["model"] == {"id": "m", "hash": "hash of m"}
    assert content["split"]["test"] == split.hashes[2]
    assert content["scored"]["accuracy"] == report.rows[0].result.accuracy
    assert content["temperature"] == report.probe.temperature != 1
    kept = len(content["scores"])
    assert report.sets is not None
    assert report.sets[0] == kept / (kept + 1), "fewer than nine allow no more"
    again = probe_from_dict(content)
    named = np.array(again.classes)[again.probabilities(embeddings.vectors).argmax(axis=1)]
    np.testing.assert_array_equal(named, np.array(target.classes)[report.named])


def test_words_of_a_column_can_be_learned() -> None:
    table = pd.DataFrame(
        {
            "bar": ["yes", "no", "", "yes"],
        }
    )
    target = tasks.column_target(table, "bar")
    assert (target.labels.tolist(), target.classes) == ([1, 0, -1, 1], ("no", "yes"))


def test_a_target_that_cannot_be_probed_says_why(data: Any) -> None:
    split = tasks.split_of(data)
    labels = np.full(COUNT, -1)
    labels[split.parts[0][:3]] = 0
    assert "contains a only" in tasks.why_not(
        tasks.Target("collections", labels, ("a", "b")), split
    )
    labels[split.parts[0][3:6]] = 1
    assert "cannot be scored" in tasks.why_not(
        tasks.Target("collections", labels, ("a", "b")), split
    )
    labels[split.parts[2][0]] = 1
    assert tasks.why_not(tasks.Target("collections", labels, ("a", "b")), split) == ""


@pytest.mark.parametrize(("orientations", "scales"), [(1, 1), (4, 1), (4, 3)])
def test_random_weights_wait_until_they_are_asked_for_where_they_look_at_many_galaxies_many_times(
    orientations: int, scales: int
) -> None:
    model = SimpleNamespace(
        config=replace(preset("small.lejepa"), orientations=orientations, scales=scales)
    )
    most = tasks.UNASKED // (orientations * scales)
    assert tasks.RANDOM in tasks.baselines(model, most, False)
    assert tasks.RANDOM not in tasks.baselines(model, most + 1, False)
    assert tasks.RANDOM in tasks.baselines(model, most + 1, True)
    assert tasks.baselines(None, 10, True, on_pixels=True) == [tasks.COMMONEST, tasks.STATISTICS]


def test_a_verdict_follows_from_the_interval() -> None:
    row = tasks.Row("Pixel PCA", None, (0.1, 0.02, 0.2))
    assert (
        probe_report.verdict(row)
        == "This model is better than pixel PCA: +10.0 points, 95 % interval +2.0 to +20.0."
    )
    assert "not differ significantly" in probe_report.verdict(
        dataclasses.replace(row, difference=(0.1, -0.02, 0.2))
    )
    common = probe_report.verdict(
        dataclasses.replace(row, name=tasks.COMMONEST, difference=(-0.1, -0.2, 0.0))
    )
    assert (
        common
        == "This model does not differ significantly from the most frequent class: −10.0 points, 95 % "
        "interval −20.0 to +0.0."
    )
    assert "is worse than" in probe_report.verdict(
        dataclasses.replace(row, difference=(-0.1, -0.2, -0.02))
    )


@pytest.fixture
def lab(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., AppTest]:
    cache = tmp_path_factory.getbasetemp() / "pages-cache"
    return lambda **options: run_page(
        monkeypatch, cache, "probe", data=f"simulated:{COUNT}", **options
    )


def train(test: AppTest) -> AppTest:
    next(button for button in test.button if button.label == "Train").click().run()
    return settled(test)


def probed(test: AppTest) -> Any:
    """The result of the last probe."""
    return (
        loaders.jobs()
        .start(("probe", *test.session_state["probed"]), lambda report: None)
        .value.rows[0]
        .result
    )


@pytest.mark.slow
def test_the_lab_shows_calibration_baselines_and_the_download(lab: Callable[..., AppTest]) -> None:
    test = train(lab())
    assert "Fixed split" in words(test)
    assert "Calibration" in words(test)
    assert tables(test)[0]["Features"].tolist()[1:] == [
        tasks.COMMONEST,
        tasks.PIXELS,
        tasks.STATISTICS,
        tasks.RANDOM,
    ]
    assert "Download probe" in [button.label for button in test.get("download_button")]
    test.session_state["cell"] = cell = tuple(np.argwhere(probed(test).confusion)[0].tolist())
    settled(test.run())
    assert f"predicted {probed(test).classes[cell[1]]}, highest confidence first" in words(test)
    next(
        button for button in test.button if button.label == "Colour map by prediction"
    ).click().run()
    assert test.session_state["colour"] == "probe prediction"


@pytest.mark.slow
def test_the_lab_learns_a_collection_against_everything_else(
    lab: Callable[..., AppTest], data: Any
) -> None:
    test = lab()
    test.session_state["probe_target"] = collections.COLLECTIONS
    settled(test.run())
    assert "no collections yet" in words(test)
    rows = tuple(np.flatnonzero(data.labels < 3).tolist())
    test.session_state["collections"] = {data.galaxies_hash: {"mine": rows}}
    settled(test.run())
    test = train(test)
    assert "classified correctly" in words(test)
    report_classes = test.session_state["probed_target"].classes
    assert report_classes == ("mine", "everything else")


@pytest.mark.slow
def test_without_a_model_the_probe_is_named_as_the_baseline_that_it_is(
    lab: Callable[..., AppTest],
) -> None:
    test = train(lab(checkpoint="baseline"))
    assert tables(test)[0]["Features"].tolist() == [
        "Pixel PCA, no model",
        tasks.COMMONEST,
        tasks.STATISTICS,
    ]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["knn", "mlp"])
def test_every_kind_of_probe_can_be_trained_on_few_labels(
    kind: str, lab: Callable[..., AppTest]
) -> None:
    test = lab()
    test.session_state["probe_kind"], test.session_state["probe_share"] = kind, 30
    test = train(test)
    assert tasks.KINDS[kind] in words(test)
    assert test.session_state["probed"][2:4] == (kind, 30)


@pytest.mark.slow
def test_a_link_trains_the_same_probe(monkeypatch: pytest.MonkeyPatch, pages_cache: Path) -> None:
    link = state.Link(probe="knn", learn=tasks.LABELS, share=50)
    query = state.encode_link(link)
    assert query == {"probe": "knn", "learn": "labels", "share": "50"}
    assert state.decode_link(query) == link
    test = run_page(monkeypatch, pages_cache, "probe", query=query)
    assert test.session_state[state.PROBED][2:4] == ("knn", 50)
    assert "test galaxies" in words(test)
    assert {name: test.query_params[name] for name in query} == query


@pytest.mark.slow
def test_a_probe_of_a_sample_is_trained_again_once_all_galaxies_are_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sampling, "is_large", lambda count: count == COUNT)
    monkeypatch.setattr(sampling, "stratified_rows", lambda labels: np.arange(0, len(labels), 2))
    loaders.jobs()._jobs.clear()
    shown: list[str] = []
    trained = tasks.probe_task

    def seen(embeddings: Any, *more: Any) -> Any:
        shown.append(embeddings.data_hash)
        return trained(embeddings, *more)

    monkeypatch.setattr(tasks, "probe_task", seen)
    query = {"probe": "linear", "learn": "labels", "share": "100"}
    given = {"data": f"simulated:{COUNT}", "checkpoint": "random", "query": query}
    # on a slow machine all may be embedded before the page asks for the probe of the sample
    embedded = Workspace.has_embedded
    monkeypatch.setattr(Workspace, "has_embedded", lambda *of: bool(shown) and embedded(*of))
    test = settled(run_page(monkeypatch, tmp_path, "probe", **given).run())
    whole = test.session_state[state.PROBED][1]
    assert "classified correctly" in words(test)
    assert shown[0] != shown[-1] == whole, "a sample came first"


@given(st.dictionaries(st.sampled_from(["probe", "learn", "share"]), st.text(max_size=200)))
def test_any_address_asks_for_a_bounded_probe(parameters: dict[str, str]) -> None:
    link = state.decode_link(parameters)
    assert link.probe in {"", *tasks.KINDS}
    assert 0 <= link.share <= 100
    assert len(link.learn) <= 80
