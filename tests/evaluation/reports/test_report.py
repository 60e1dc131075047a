"""The report: the same numbers as the functions it gathers, in JSON and on a page that asks for
nothing and trusts nothing.
"""

from __future__ import annotations

import dataclasses
import json
import re

import numpy as np
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe

import astrojepa as aj
from astrojepa.checkpoints.weights import build_network
from astrojepa.cli import main
from astrojepa.config import replace
from astrojepa.data.dataset import Dataset
from astrojepa.evaluation.anomalies.scoring import score_by_name
from astrojepa.evaluation.reports.page import report_page
from astrojepa.evaluation.reports.report import Report, make_report
from tests.tiny_run import TINY

SETTINGS = {
    "method": "pca",
    "num_strange": 6,
    "num_heatmaps": 3,
    "draws": 3,
    "random_seeds": 1,
    "fine_tune_epochs": 1,
}
EVIL = '</script><script>alert(1)</script><img src=x onerror="alert(2)">'


@pytest.fixture(scope="module")
def model() -> aj.checkpoint.Model:
    """Random weights of the tiny network, which looks at 32 px."""
    start = aj.load_model("random:small.sigreg06")
    config = replace(start.config, **TINY)
    network = build_network(config, torch.device("cpu"), 0).eval()
    return dataclasses.replace(start, network=network, config=config, hash="t1ny")


@pytest.fixture(scope="module")
def galaxies() -> Dataset:
    return aj.open_dataset("simulated:150")


@pytest.fixture(scope="module")
def report(model, galaxies) -> Report:
    return make_report(model, galaxies, targets=("bulge_to_total",), fraction=0.04, **SETTINGS)


def written(number: float) -> float:
    """A number as a report has it: six digits."""
    return float(f"{number:.6g}")


@pytest.mark.slow
def test_the_report_holds_the_numbers_of_the_functions_it_gathers(report, model, galaxies):
    facts = json.loads(json.dumps(report.facts, allow_nan=False))
    train, val, test = aj.split(galaxies)
    probe = aj.linear_probe(
        aj.embed(model, train), aj.embed(model, test), validation=aj.embed(model, val)
    )
    assert facts["probes"]["rows"]["linear probe"]["accuracy"] == written(probe.accuracy)
    assert {"fine-tuned", "supervised ResNet-18"} <= facts["probes"]["rows"].keys()
    assert facts["probes"]["confusion"] == probe.confusion.tolist()
    whole = aj.embed(model, galaxies)
    assert np.array_equal(report.embeddings.vectors, whole.vectors)
    order = np.argsort(-score_by_name(model, galaxies), kind="stable")[:6]
    assert [galaxy["id"] for galaxy in facts["anomalies"]] == galaxies.ids[order].tolist()
    gauges = aj.collapse_gauges(whole.vectors)
    assert facts["gauges"]["effective_rank"] == written(gauges.effective_rank)
    assert 1 < facts["gauges"]["hand_made_rank"] < 51
    assert facts["leaderboard"]["rows"][0]["score"] == "knn"
    assert {"encoder", "pixel PCA-64", "random weights 0"} <= facts["probes"]["regressions"][
        "bulge_to_total"
    ].keys()
    first = facts["patch_errors"]["galaxies"][0]
    row = int(np.flatnonzero(galaxies.ids == first["id"])[0])
    error = float(np.nanmean(aj.patch_errors(model, galaxies[row].image).mse))
    assert first["mse"] == pytest.approx(error, rel=1e-5)


@pytest.mark.slow
def test_the_page_shows_them_and_loads_nothing_from_anywhere(report):
    page = report_page(report)
    probe = report.facts["probes"]["rows"]["linear probe"]
    assert f"<td>{100 * probe['accuracy']:.1f}</td>" in page
    assert page.count("data:image/jpeg;base64,") == 6 + 2 * 3
    assert "simulated" in page
    markup = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"""(?:src|href)\s*=\s*(?!["']data:)""", markup)
    assert "url(" not in markup


@pytest.mark.slow
def test_text_from_data_cannot_become_markup(report):
    facts = json.loads(json.dumps(report.facts))
    facts["data"]["name"] = facts["model"]["description"] = facts["anomalies"][0]["id"] = EVIL
    vectors = dataclasses.replace(
        report.embeddings,
        ids=np.full(len(report.embeddings), EVIL),
        classes=tuple(EVIL + name for name in report.embeddings.classes),
    )
    facts["data"]["classes"] = list(vectors.classes)
    clean, dirty = (
        report_page(report),
        report_page(dataclasses.replace(report, facts=facts, embeddings=vectors)),
    )
    assert "<img src=x" not in dirty
    assert dirty.count("<script") == clean.count("<script")
    assert dirty.count("</script>") == clean.count("</script>")


@pytest.mark.slow
def test_what_cannot_be_measured_says_why(galaxies):
    bare = dataclasses.replace(galaxies.subset(range(40)), labels=np.full(40, -1), classes=())
    model = aj.load_model("random:small.lejepa")
    report = make_report(model, bare, **SETTINGS)
    assert "needs labelled" in report.facts["probes"]["absent"]
    assert "needs labelled galaxies" in report.facts["leaderboard"]["absent"]
    assert "has no predictor" in report.facts["patch_errors"]["absent"]
    page = report_page(report)
    assert page.count("Not measured:") == 3
    assert "No curves are kept" in page
    json.dumps(report.facts, allow_nan=False)


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 3])
def test_two_or_three_galaxies_have_a_report(model, galaxies, count):
    report = make_report(model, galaxies.subset(range(count)), **SETTINGS)
    page = report_page(report)
    json.dumps(report.facts, allow_nan=False)
    assert "Too few galaxies to measure how far" in page


def test_one_galaxy_has_none_and_is_told_why(model, galaxies):
    with pytest.raises(ValueError, match="or at least 2 galaxies"):
        make_report(model, galaxies.subset([0]), **SETTINGS)


@pytest.mark.slow
def test_the_command_writes_both_files_beside_each_other(tmp_path, capsys):
    words = [
        "report",
        "random:small.sigreg06",
        "--data",
        "simulated:80",
        "--map",
        "pca",
        "--draws",
        "2",
        "--fraction",
        "0.04",
    ]
    assert main([*words, "--random-seeds", "0", "--out", str(tmp_path / "new" / "r")]) == 0
    facts = json.loads((tmp_path / "new" / "r.json").read_text())
    assert facts["model"]["random"]
    assert facts["data"]["simulated"]
    assert "80 galaxies" in capsys.readouterr().out
    assert (tmp_path / "new" / "r.html").read_text().startswith("<!doctype html>")


def test_a_benchmark_and_its_own_split_contradict_each_other(capsys, tmp_path):
    assert (
        main(
            [
                "report",
                "random",
                "--benchmark",
                "B1",
                "--split",
                "column",
                "--out",
                str(tmp_path / "r"),
            ]
        )
        == 2
    )
    assert "fixes galaxies, labels and split" in capsys.readouterr().err


@pytest.mark.slow
def test_negative_numbers_have_a_minus_sign(report):
    markup = re.sub(r"<script.*?</script>", "", report_page(report), flags=re.DOTALL)
    cells = " ".join(re.findall(r"<td>(.*?)</td>", markup))
    assert re.search(r"\N{MINUS SIGN}\d", cells)
    assert not re.search(r"(?<![\w–])-\d", cells)


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_page_follows_the_readers_theme_and_its_words_stand_out(report, browser, theme):
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=theme)
    page = context.new_page()
    page.set_content(report_page(report))
    page.wait_for_selector(".js-plotly-plot .main-svg text")
    found = Axe().run(page).response["violations"]
    assert [rule["id"] for rule in found if rule["impact"] in {"serious", "critical"}] == []
    painted = (
        "(element, role) => getComputedStyle(element)[role].match(/\\d+/g).slice(0, 3).map(Number)"
    )
    behind = page.locator("body").evaluate(painted, "backgroundColor")
    assert (sum(behind) < 128) == (theme == "dark")
    words = page.locator(".js-plotly-plot :is(.xtick, .ytick, .legendtext, .g-xtitle) text")
    words = words.or_(page.locator(".js-plotly-plot text.legendtext"))
    assert words.count() > 5
    for word in words.all():
        assert contrast(word.evaluate(painted, "fill"), behind) >= 4.5
    context.close()


@pytest.mark.slow
@pytest.mark.browser
def test_on_a_phone_the_rows_of_tables_are_cards(report, browser):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.set_content(report_page(report))
    page.wait_for_selector(".js-plotly-plot .main-svg text")
    beyond = "nodes => nodes.map(node => node.scrollWidth - node.clientWidth)"
    assert set(page.locator("html, section").evaluate_all(beyond)) == {0}
    name = (
        page.locator("tr.own td")
        .nth(1)
        .evaluate("cell => getComputedStyle(cell, '::before').content")
    )
    assert name == '"accuracy"'
    page.close()


def contrast(*colours: list[int]) -> float:
    """Contrast of two colours of 0 to 255 (WCAG 2.2)."""
    scaled = [np.array(colour) / 255 for colour in colours]
    linear = [np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) for c in scaled]
    low, high = sorted(float(c @ [0.2126, 0.7152, 0.0722]) for c in linear)
    return (high + 0.05) / (low + 0.05)


def test_a_report_of_galaxy_zoo_thins_mergers_whatever_class_is_the_smallest(monkeypatch, tmp_path):
    asked = []

    def stop(*given, rare, **settings):
        asked.append(rare)
        raise ValueError("asked")

    monkeypatch.setattr("astrojepa.evaluation.reports.report.make_report", stop)
    monkeypatch.setattr("astrojepa.cli.reports.open_data", lambda options: None)
    monkeypatch.setattr("astrojepa.evaluation.probes.targets.with_targets", lambda data, *_: data)
    words = ["report", "random", "--benchmark", "B1", "--out", str(tmp_path / "r")]
    for flags in ([], ["--rare", "spiral"]):
        assert main([*words, *flags]) == 2
    assert asked == ["merger", "spiral"]
