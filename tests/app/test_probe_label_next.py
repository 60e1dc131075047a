"""Label next: which galaxies are shown, the classes given to them, and what becomes of these."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from exported import read_back
from page_runner import QUIET, run_page, settled, words

import astrojepa as aj
from app.components import collections_bar
from app.pages.probe import label_next, tasks, view
from app.session import collections
from astrojepa.data.simulate.simulator import simulate
from astrojepa.types import Embeddings

pytestmark = QUIET
COUNT = 120
CLASSES = ("spiral", "merger", "edge-on")


@pytest.fixture(scope="module")
def lab() -> tuple[Embeddings, tasks.Target, tasks.Split]:
    """Galaxies of three classes, told by their vectors, half of them without a label."""
    data = simulate(COUNT)
    truth = np.arange(COUNT) % 3
    vectors = np.eye(3)[truth] + 0.4 * np.random.default_rng(0).normal(size=(COUNT, 3))
    labels = np.where(np.arange(COUNT) % 2, truth, -1)
    embeddings = Embeddings(vectors.astype(np.float32), labels, data.ids, CLASSES, "m", "d")
    return embeddings, tasks.Target("kind", labels, CLASSES), tasks.split_of(data)


def nothing(done: int, total: int, text: str) -> None:
    """Progress that nobody watches."""


def test_a_given_class_is_a_collection_of_its_name_and_of_no_other_class() -> None:
    held = {"rings": (4, 7), "spiral": (2, 7)}
    held = collections.with_class(held, 7, "merger", CLASSES)
    assert held == {"rings": (4, 7), "spiral": (2,), "merger": (7,)}
    held = collections.with_class(held, 7, "spiral", CLASSES)
    assert held == {"rings": (4, 7), "spiral": (2, 7)}, "an empty class is no collection"
    assert collections.with_class(held, 2, "", CLASSES) == {"rings": (4, 7), "spiral": (7,)}
    assert collections.codes_given(held, CLASSES, 9).tolist() == [-1, -1, 0, -1, -1, -1, -1, 0, -1]
    long = "x" * 60
    held = collections.with_class({}, 1, long, (long, "y"))
    assert collections.codes_given(held, (long, "y"), 2).tolist() == [-1, 0]
    with pytest.raises(ValueError, match="Several classes begin with the 40 characters 'xxx"):
        collections.with_class({}, 1, long, (long, long + "y"))


def test_labels_given_here_change_no_label_of_the_data_and_nothing_outside_of_training(
    lab: Any,
) -> None:
    _, target, split = lab
    everything = {"merger": tuple(range(COUNT))}
    given = tasks.with_given(target, split, everything)
    changed = np.flatnonzero(given.labels != target.labels)
    assert set(changed) == set(split.parts[0]) & set(np.flatnonzero(target.labels < 0))
    assert changed.tolist() == given.given.tolist()
    assert (given.labels[changed] == CLASSES.index("merger")).all()
    assert tasks.with_given(given, split, {}).labels.tolist() == target.labels.tolist()


def test_a_share_of_the_labels_keeps_all_that_were_given_here(lab: Any) -> None:
    _, target, split = lab
    open_rows = [row for row in split.parts[0].tolist() if target.labels[row] < 0][:9]
    given = tasks.with_given(target, split, {"merger": tuple(open_rows)})
    few, before = tasks.known_rows(given, split, 0.1), tasks.known_rows(target, split, 0.1)
    assert sorted([*before, *open_rows]) == few.tolist()


@pytest.mark.parametrize("kind", tasks.KINDS)
def test_the_galaxies_shown_are_those_of_the_command_with_what_the_probe_says(
    kind: str, lab: Any
) -> None:
    embeddings, target, split = lab
    report = tasks.probe_task(embeddings, target, split, kind, 1.0)(nothing)
    batch = label_next.batch_task(embeddings, report, target, split, 1.0)(nothing)
    train = np.sort(split.parts[0])
    open_rows = train[target.labels[train] < 0]
    assert batch.unlabelled == len(open_rows)
    some = dataclasses.replace(
        embeddings,
        vectors=embeddings.vectors[train],
        labels=target.labels[train],
        ids=embeddings.ids[train],
    )
    expected = train[aj.label_next(some, label_next.COUNT).rows]
    assert set(batch.rows.tolist()) == set(expected.tolist())
    np.testing.assert_allclose(batch.probabilities.sum(axis=1), 1, rtol=1e-5)
    truth = batch.rows % 3
    assert (batch.probabilities.argmax(axis=1) == truth).mean() > 0.4, "better than by chance"


def test_the_next_galaxy_is_the_next_without_a_class() -> None:
    order = [5, 8, 2, 9]
    assert label_next.following(order, {}, None) == 5
    assert label_next.following(order, {5: 0, 8: 1}, 5) == 2
    assert label_next.following(order, {9: 0, 2: 0}, 2) == 5, "round again"
    assert label_next.following(order, dict.fromkeys(order, 0), 2) == 2, "none is left"


@pytest.mark.slow
def test_classes_are_given_by_button_learned_by_training_again_and_exported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pages_cache: Path
) -> None:
    data = simulate(COUNT)
    written: list[Any] = []
    monkeypatch.setattr(label_next, "export_menu", lambda *given: written.append(given))
    test = run_page(monkeypatch, pages_cache, "probe", data=str(folder(tmp_path)))
    test.session_state["probe_view"] = "next"
    next(button for button in test.button if button.label == "Train").click().run()
    said = words(settled(test))
    order = batch_of(test)
    assert f"The {len(order)} galaxies most worth labelling" in said
    assert test.button(key="label_train").disabled
    test.button(key="label_1").click().run()
    settled(test)
    names = open_classes(test)
    held = next(iter(test.session_state["collections"].values()))
    assert held == {names[1]: (order[0],)}
    assert test.session_state["labelled"] == order[1], "the next galaxy is shown"
    test.button(key="label_0").click().run()
    settled(test)
    test.button(key="label_previous").click().run()
    settled(test)
    test.button(key="label_previous").click().run()
    settled(test)
    assert f"your class: {names[1]}" in words(test)
    test.button(key="label_1").click().run()
    settled(test)
    held = next(iter(test.session_state["collections"].values()))
    assert held == {names[0]: (order[1],)}, "pressed again, it is taken back"
    _, _, count, write, *_ = written[-1]
    columns, _ = read_back(".csv", write(".csv"))
    assert (count, columns["label"]) == (1, [names[0]])
    before = test.session_state["probed_target"]
    test.button(key="label_train").click().run()
    said = words(settled(test))
    after = test.session_state["probed_target"]
    assert after.given.tolist() == [order[1]]
    assert (after.labels != before.labels).sum() == 1
    assert "1 of them given here" in said
    assert "With these labels the probe" in said
    assert order[1] not in batch_of(test)
    assert "probe" not in test.query_params, "a link cannot repeat it"
    test.toggle(key="probe_given").set_value(False).run()
    next(button for button in test.button if button.label == "Train").click().run()
    assert "With these labels" not in words(settled(test)), "this probe learned none of them"
    assert len(data) == COUNT


def test_collections_that_overlap_are_no_changed_labels(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    held = {"a": tuple(range(20)), "b": tuple(range(12, 30))}
    for module in (view, collections_bar):
        monkeypatch.setattr(module, "collections_of", lambda data: held)
    test = run_page(monkeypatch, pages_cache, "probe")
    test.session_state["probe_target"] = "collections"
    test.session_state["probe_view"] = "next"
    settled(test.run())
    next(button for button in test.button if button.label == "Train").click().run()
    settled(test)
    assert test.button(key="label_train").label == "Train again with 0 changed labels"
    assert [button.label[:1] for button in test.button if button.key in ("label_0", "label_1")] == [
        "a",
        "b",
    ]
    assert not any(button.key == "label_2" for button in test.button), "the rest has no button"


def batch_of(test: Any) -> list[int]:
    """The rows of the galaxies that are shown."""
    from app.session import loaders

    key = ("label next", *test.session_state["probed"])
    return loaders.jobs().start(key, lambda report: None).value.rows.tolist()


def open_classes(test: Any) -> tuple[str, ...]:
    return test.session_state["probed_target"].classes


def folder(place: Path) -> Path:
    """A folder of images, every third of which has no class."""
    from astrojepa.plotting import encode_image

    data = simulate(COUNT)
    lines = []
    for row in range(COUNT):
        name = f"{row:03d}.png"
        place.joinpath(name).write_bytes(encode_image(data[row].image, "png"))
        label = "" if row % 3 == 0 else data.classes[data.labels[row]]
        lines.append({"file": name, "id": name[:3], "label": label})
    pd.DataFrame(lines).to_csv(place / "labels.csv", index=False)
    return place
