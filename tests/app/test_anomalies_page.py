"""The anomalies page, drawn headless: leaderboard, review and the test of the ranking."""

from __future__ import annotations

import csv
import io
import re
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from astropy.io.votable import parse_single_table
from exported import read_back
from page_runner import QUIET, run_page, settled, tables, words
from streamlit.testing.v1 import AppTest

import astrojepa as aj
from app.pages.anomalies import artefacts, leaderboard, quality, review, scores, tasks
from app.pages.anomalies.order import finite_places
from app.session import loaders, state
from app.session.marks import Review
from astrojepa.data.filters import matching
from astrojepa.data.values import Numbers
from astrojepa.evaluation.anomalies.feedback import rerank
from astrojepa.evaluation.pictures.artefacts import ARTEFACTS, LIKELY
from astrojepa.evaluation.pictures.checks import picture_checks
from astrojepa.tables import WRITERS

pytestmark = QUIET


@pytest.fixture
def unlabelled(tmp_path: Path) -> str:
    from astrojepa import plotting

    for k in range(8):
        picture = np.random.default_rng(k).integers(0, 255, (64, 64, 3), dtype=np.uint8)
        (tmp_path / f"{k}.jpg").write_bytes(plotting.encode_image(picture))
    return str(tmp_path)


def press(test: AppTest, key: str) -> AppTest:
    next(button for button in test.button if button.key == key or button.label == key).click().run()
    return settled(test)


def choose(test: AppTest, key: str, value: str) -> AppTest:
    next(box for box in test.selectbox if box.key == key).set_value(value).run()
    return settled(test)


@pytest.mark.slow
def test_a_slow_score_is_measured_when_asked_and_the_link_says_which(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    test = run_page(monkeypatch, pages_cache, "anomalies")
    assert "page 1 of 3" in words(test)
    assert test.query_params["score"] == "asymmetry-lof", "though another becomes the default"
    choose(test, state.SCORE, "prediction")
    assert "one or two minutes" in words(test)
    assert ", until prediction error is shown." in words(test)
    assert "page 1 of 3" in words(test), "there is something to look at meanwhile"
    press(test, "Keep asymmetry and local outlier factor")
    assert ", until " not in words(test)
    assert test.query_params["score"] == "asymmetry-lof"
    choose(test, state.SCORE, "prediction")
    press(test, "measure_score")
    assert ", until " not in words(test)
    press(test, "Next")
    assert (test.query_params["score"], test.query_params["page"]) == ("prediction", "2")


@pytest.mark.slow
def test_another_score_stands_in_with_one_line_of_progress_until_the_visitor_moves_on(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    test = run_page(
        monkeypatch, pages_cache, "anomalies", data="simulated:48", query={"score": "knn"}
    )
    go_on = threading.Event()

    def gated(task: Any) -> Any:
        return lambda report: task() if go_on.wait(60) else None

    monkeypatch.setattr(tasks, "WAITED_FOR", 10)
    monkeypatch.setattr(scores, "AT_ONCE", 0)
    monkeypatch.setattr(
        tasks, "named_score", lambda model, data, name: gated(lambda: np.arange(len(data)))
    )
    monkeypatch.setattr(tasks, "picture_checks", lambda data: gated(lambda: picture_checks(data)))
    loaders.jobs().forget(("checks", aj.open_dataset("simulated:48").fingerprint))
    box = next(box for box in test.selectbox if box.key == state.SCORE)
    box.set_value("asymmetry-lof").run()
    assert ", until asymmetry and local outlier factor is shown." in words(test)
    [bar] = test.get("progress")
    assert "factor" in bar.proto.text
    assert bar.proto.text.endswith("Next: Checking 48 images")
    go_on.set()
    settled(test)
    assert ", until " in words(test), "nothing moves under the hand of who looks"
    press(test, "Rank by it")
    assert ", until " not in words(test)
    assert test.query_params["score"] == "asymmetry-lof"


@pytest.mark.slow
def test_a_link_opens_the_same_score_class_and_page(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    query = {"score": "pixel-pca-lof", "artefacts": "shown", "page": "2"}
    test = run_page(monkeypatch, pages_cache, "anomalies", query=query)
    said = words(test)
    assert "64 principal components of the pixels" in said
    assert "page 2 of" in said
    assert test.session_state[state.SHOW_ARTEFACTS] is True
    assert "60 galaxies, page 2 of" in said


@pytest.mark.slow
def test_an_empty_choice_has_one_way_out(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, unlabelled: str
) -> None:
    test = run_page(monkeypatch, pages_cache, "anomalies", data=unlabelled)
    assert "All galaxies of this selection" in words(test), "pictures of noise are blank"
    press(test, "Show all galaxies")
    assert "8 galaxies, page 1 of 1" in words(test)


@pytest.mark.slow
def test_artefacts_leave_the_leaderboard_for_their_own_tab_where_they_are_counted(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    options = {"data": "simulated:120", "checkpoint": "baseline"}
    test = run_page(monkeypatch, pages_cache, "anomalies", **options)
    scores = picture_checks(aj.open_dataset("simulated:120")).parts
    likely = {kind: values > LIKELY for kind, values in scores.items()}
    count = int(np.any(list(likely.values()), axis=0).sum())
    assert 0 < count < 30
    assert f"{120 - count} galaxies, page 1 of" in words(test)
    number = "artefact is" if count == 1 else "artefacts are"
    assert f"{count} likely {number} left out (tab *Artefacts*)." in words(test)
    kinds = aj.open_dataset("simulated:120")
    label = int(np.bincount(kinds.labels[np.any(list(likely.values()), axis=0)]).argmax())
    inside = int(np.any(list(likely.values()), axis=0)[kinds.labels == label].sum())
    choose(test, state.ANOMALY_CLASS, kinds.classes[label])
    assert f"{inside} likely artefact" in words(test), "of this class"
    choose(test, state.ANOMALY_CLASS, state.ALL_CLASSES)
    test.session_state[state.BOARD_MODE] = "artefacts"
    settled(test.run())
    assert f"Likely artefacts: {count} of the 120 images." in words(test)
    kind, rows = max(likely.items(), key=lambda item: item[1].sum())
    test.session_state["artefact_kind"] = kind
    settled(test.run())
    assert f"{rows.sum()} galax{'y' if rows.sum() == 1 else 'ies'}, page 1 of 1" in words(test)
    choose(test, "export_format_artefacts", ".vot")
    assert f"Download {rows.sum()} galax{'y' if rows.sum() == 1 else 'ies'} as .vot" in [
        button.proto.label for button in test.get("download_button")
    ]


@pytest.mark.slow
def test_without_artefacts_the_tab_says_so_and_exports_nothing(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    monkeypatch.setattr(artefacts, "likely", lambda scores: np.zeros(0, dtype=np.int64))
    test = run_page(monkeypatch, pages_cache, "anomalies", query={"score": "knn"})
    test.session_state[state.BOARD_MODE] = "artefacts"
    settled(test.run())
    assert "None of the 60 images is a likely artefact." in words(test)
    assert not test.get("download_button")


@pytest.mark.slow
def test_the_artefact_score_and_every_kind_of_artefact_are_explained_where_they_stand(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    monkeypatch.setattr(artefacts, "likely", lambda scores: np.array([3, 1]))
    test = run_page(monkeypatch, pages_cache, "anomalies", query={"tab": "artefacts"})
    first = next(element.value for element in test.caption if "Likely artefacts:" in element.value)
    assert "number under an image is its artefact score: 0 = none, 1 = clear" in first
    assert tuple(artefacts.KINDS) == ARTEFACTS
    [kinds] = [pills for pills in test.get("button_group") if pills.label == "Kind"]
    assert all(f"{kind.capitalize()}: " in kinds.help for kind in ARTEFACTS)


@pytest.mark.slow
def test_a_leaderboard_s_file_tells_the_artefact_score_from_the_data_s_own_column(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    write: dict[str, Any] = {}
    monkeypatch.setattr(leaderboard, "export_menu", lambda key, *more: write.update({key: more}))
    run_page(monkeypatch, pages_cache, "anomalies", query={"score": "knn"})
    content = write["leaderboard"][2](".vot")
    fields = parse_single_table(io.BytesIO(content)).fields
    said = {field.name: (field.datatype, " ".join(field.description.split())) for field in fields}
    assert said["artefact"][0] == "double"
    assert said["artefact"][1].endswith("all kinds: 0 = none, 1 = clear, above 0.5 likely")
    assert said["data_artefact"][1] == "artefact that was simulated, in words: none, or its kind"


def test_an_exported_artefact_names_its_kinds() -> None:
    data = aj.open_dataset("simulated:6")
    parts = {
        "trail": np.array([0, 0.9, 0, 0.2, 0, 0]),
        "dead line": np.array([0, 0.6, 0, 0, 0, 1.0]),
    }
    checks = SimpleNamespace(parts=parts, artefact=np.maximum(*parts.values()))
    order = artefacts.likely(checks.artefact)
    assert order.tolist() == [5, 1]
    text = artefacts.artefacts_file(".csv", data, checks, order, {}).decode()
    first, second = csv.DictReader(text.splitlines())
    assert (first["id"], first["artefact"], first["dead_line"]) == (data.ids[5], "dead line", "1.0")
    assert (second["artefact"], second["trail"]) == ("trail, dead line", "0.9")
    assert first["data"] == data.name


@pytest.mark.slow
@pytest.mark.parametrize("ending", WRITERS)
def test_artefacts_are_exported_in_every_format_with_the_filter_that_chooses_them(
    ending: str,
) -> None:
    data = aj.open_dataset("simulated:6")
    parts = {"trail": np.array([0, 0.9, 0, 0.2, 0, 0]), "dead line": np.array([0, 0, 0.6, 0, 0, 1])}
    checks = SimpleNamespace(parts=parts, artefact=np.maximum(*parts.values()))
    order = artefacts.likely(checks.artefact)
    chosen = artefacts.filter_of(list(parts))
    facts = {"filter": chosen, "view": "galaxy=7"}
    content = artefacts.artefacts_file(ending, data, checks, order, facts)
    columns, said = read_back(ending, content)
    assert columns["id"] == data.ids[order].astype(str).tolist()
    assert columns["artefact"] == ["dead line", "trail", "dead line"]
    assert columns["dead_line"] == [1, 0, 0.6]
    known = {"trail": parts["trail"], "dead_line": parts["dead line"]}
    match = matching(chosen, {name: Numbers(values) for name, values in known.items()})
    assert np.flatnonzero(match).tolist() == sorted(order)
    bright = artefacts.filter_of(list(parts), "z > 1 or z < -1")
    values = {**known, "z": np.array([2.0, 2, 0, 2, 2, -2])}
    match = matching(bright, {name: Numbers(value) for name, value in values.items()})
    assert np.flatnonzero(match).tolist() == [1, 5]
    if ending == ".csv":
        assert set(columns["data"]) == {data.name}
        return
    assert said["filter"] == "trail > 0.5 or dead_line > 0.5"
    assert (said["view"], said["data_fingerprint"]) == ("galaxy=7", data.fingerprint)
    assert "model" not in said, "no model has a part in them"


@pytest.mark.slow
def test_keys_mark_the_galaxy_and_everything_is_ranked_anew(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    test = run_page(monkeypatch, pages_cache, "anomalies")
    test.session_state[state.BOARD_MODE] = "review"
    settled(test.run())
    first = test.session_state[state.ROW]
    assert "not marked yet" in words(test)
    press(test, "mark_5")
    second = test.session_state[state.ROW]
    assert second != first
    assert "1 marked so far, 1 of them" in words(test)
    press(test, "review_left")
    assert "This galaxy is marked 5" in words(test)
    press(test, "review_u")
    assert "0 marked so far" in words(test)
    assert test.session_state[state.ROW] == first
    press(test, "mark_0")
    press(test, "mark_4")
    test.session_state[state.RERANKING] = "forest"
    settled(test.run())
    test.session_state[state.BOARD_MODE] = "board"
    settled(test.run())
    next(toggle for toggle in test.toggle if toggle.key == "board_by_marks").set_value(True).run()
    assert not test.exception


@pytest.mark.slow
def test_after_marks_the_sentence_and_the_numbers_say_the_place_by_marks_and_the_rank_by_score(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    shown: dict[str, Any] = {}
    for module in (leaderboard, review):
        monkeypatch.setattr(
            module, "gallery", lambda key, *own, **named: shown.update({key: own[1:3]})
        )
    query = {"score": "knn", "artefacts": "shown"}
    test = run_page(monkeypatch, pages_cache, "anomalies", query=query)
    data = aj.open_dataset("simulated:60")
    vectors = aj.embed(aj.load_model("random"), data)
    found = aj.anomaly_scores(vectors, method="knn")
    ranks = finite_places(found)
    assert "Ranks are by kNN distance, of 60 galaxies." in words(test)
    rows, captions = shown["leaderboard"]
    assert captions[0][0] == f"rank 1  {data.classes[data.labels[rows[0]]]}"
    given = {int(np.argsort(ranks)[place]): mark for place, mark in ((0, 0), (9, 5), (30, 4))}
    places = finite_places(rerank(vectors.vectors, found, given))
    assert places.tolist() != ranks.tolist()
    test.session_state[state.REVIEWS] = {data.galaxies_hash: Review(given)}
    settled(test.run())
    assert "Most anomalous first, by" in words(test), "the leaderboard waits to be re-ranked"
    test.toggle(key="board_by_marks").set_value(True).run()
    said = words(settled(test))
    assert "Re-ranked by your 3 marks, most interesting first" in said
    assert "Most anomalous first" not in said
    rows, captions = shown["leaderboard"]
    assert rows == np.argsort(places).tolist()[: len(rows)]
    for row, lines in zip(rows, captions, strict=True):
        kind = data.classes[data.labels[row]]
        assert lines[:3] == [f"by marks {places[row]}", f"by score {ranks[row]}", kind]
        assert (f"marked {given.get(row)}" in lines) == (row in given)
    test.session_state[state.BOARD_MODE] = "review"
    said = words(settled(test.run()))
    row = test.session_state[state.ROW]
    assert "Re-ranked by your 3 marks, most interesting first" in said
    assert f"place {places[row]} of 60" in said
    assert f"{found[row]:.3f}, rank {ranks[row]} of 60" in said
    coming, captions = shown["review_next"]
    assert [lines[1:] for lines in captions] == [
        [f"by marks {places[one]}", f"by score {ranks[one]}"] for one in coming
    ]


@pytest.mark.slow
def test_review_says_the_parts_of_a_combined_score_as_the_galaxy_page_does(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    query = {"score": "asymmetry-lof"}
    test = run_page(monkeypatch, pages_cache, "anomalies", query=query | {"tab": "review"})
    row, texts = test.session_state[state.ROW], [element.value for element in test.text]
    galaxy = run_page(monkeypatch, pages_cache, "galaxy", query=query | {"galaxy": str(row)})
    listed = {line["Score"]: line for line in tables(galaxy)[0].to_dict("records")}
    for part in ("Asymmetry", "Local outlier factor"):
        value, rank = listed[part]["Value"], listed[part]["Rank of 60"]
        assert f"Part: {part[0].lower()}{part[1:]}" in words(test)
        assert any(text.startswith(f"{value}, rank {rank} of 60: ") for text in texts)


@pytest.mark.slow
def test_review_measures_no_part_of_many_galaxies_and_shows_parts_only_together(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    monkeypatch.setattr(review.measures, "FEW", 59)
    loaders.jobs()._jobs.clear()
    query = {"score": "asymmetry-lof", "tab": "review"}
    test = run_page(monkeypatch, pages_cache, "anomalies", query=query)
    assert "Asymmetry and local outlier factor" in words(test)
    assert "Part: " not in words(test)
    assert not {"asymmetry", "lof"} & {key[-1] for key in loaders.jobs()._jobs}
    one = [("lof", (1.0, 2))]
    monkeypatch.setattr(review.measures, "values_of", lambda *given, **more: iter(one))
    assert "Part: " not in words(settled(test.run()))
    one.append(("asymmetry", (3.0, 4)))
    assert words(settled(test.run())).count("Part: ") == 2


@pytest.mark.slow
def test_a_file_of_marks_is_read_once_and_a_bad_one_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    test = run_page(monkeypatch, pages_cache, "anomalies")
    test.session_state[state.BOARD_MODE] = "review"
    settled(test.run())
    shown = re.search(r"(sim-0-\d+)", words(test))
    sent = f"id,mark\n{shown[1]},3\nnobody,1\n".encode()
    test.file_uploader[0].upload("marks.csv", sent, "text/csv").run()
    settled(test)
    assert "1 mark imported. 1 galaxy not in these data: nobody." in words(test)
    assert "This galaxy is marked 3" in words(test)
    test.file_uploader[0].upload("marks.csv", b"id,mark\nx,7\n", "text/csv").run()
    settled(test)
    assert "Line 2 has the mark '7'" in words(test)


@pytest.mark.slow
def test_without_a_model_or_classes_all_three_modes_work(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, unlabelled: str
) -> None:
    test = run_page(
        monkeypatch,
        pages_cache,
        "anomalies",
        data=unlabelled,
        checkpoint="baseline",
        query={"score": "prediction", "artefacts": "shown"},
    )
    assert "baseline, no model" in words(test)
    assert test.session_state[state.SCORE] == "knn"
    test.session_state[state.BOARD_MODE] = "review"
    settled(test.run())
    for value in (0, 5, 1, 2, 3, 4, 0, 1):
        press(test, f"mark_{value}")
    assert "You have seen every galaxy of this selection and marked 8 of 8" in words(test)
    press(test, "Start again")
    assert "This galaxy is marked 0" in words(test)
    test.session_state[state.BOARD_MODE] = "quality"
    settled(test.run())
    assert "has no classes, which this test needs" in words(test)


@pytest.mark.slow
@pytest.mark.parametrize("checkpoint", ["random", "baseline"])
def test_a_ranking_is_tested_on_a_class_made_rare(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, checkpoint: str
) -> None:
    monkeypatch.setattr(quality, "DRAWS", 3)
    write: dict[str, Any] = {}
    monkeypatch.setattr(quality, "export_menu", lambda key, *more: write.update({key: more}))
    test = run_page(monkeypatch, pages_cache, "anomalies", checkpoint=checkpoint)
    test.session_state[state.BOARD_MODE] = "quality"
    settled(test.run())
    assert not tables(test)
    press(test, "quality_measure")
    (shown,) = tables(test)
    features = shown["Features"].tolist()
    stem, count, file, _ = write["quality"]
    assert (stem, count) == ("benchmark", len(shown))
    listed = pd.read_csv(io.BytesIO(file(".csv")))
    assert [f"{value:.3f}" for value in listed["average_precision"]] == shown[
        "Average precision"
    ].tolist()
    assert listed["data"].nunique() == listed["rare"].nunique() == 1
    assert file(".vot").startswith(b"<?xml")
    assert "Pixel PCA" in features
    assert ("Random weights" in features) == (checkpoint == "random")
    assert "galaxies, 3 draws" in words(test)
    test.session_state[state.BOARD_MODE] = "board"
    settled(test.run())
    assert "Benchmark: " in words(test), "the leaderboard repeats which score is best"
