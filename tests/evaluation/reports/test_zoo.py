"""The table of the zoo: made from cards, which a report is written down on."""

from __future__ import annotations

from typing import Any

import pytest

from astrojepa.checkpoints import card as checkpoint_cards
from astrojepa.checkpoints.card import (
    ABSENT,
    CHECKPOINTS,
    best_id,
    list_checkpoints,
    mean_accuracy,
    num_unbeaten,
    usable,
)
from astrojepa.evaluation.baselines.vectors import PIXELS, RANDOM, STATISTICS
from astrojepa.evaluation.reports.benchmark import BENCHMARKS
from astrojepa.evaluation.reports.zoo import markdown_zoo, measurement, with_measurement, zoo_table
from astrojepa.files import read_json
from astrojepa.presets import BEST, ZOO


def report(accuracy: float, where: list[str], data: str = "galaxies") -> dict[str, Any]:
    probe = {"accuracy": accuracy, "interval": [accuracy - 0.03, accuracy + 0.03]}
    rows = {
        name: probe for name in ("linear probe", "random weights 0, linear", "pixel PCA-64, linear")
    }
    found = {
        "encoder": ("asymmetry-lof", "knn", "lof"),
        "random weights": ("asymmetry",),
        "pixel PCA-64": ("knn",),
    }
    lines = [
        {"vectors": vectors, "score": score, "average_precision": [0.1 * (place + 1), 0.05, 0.4]}
        for vectors, scores in found.items()
        for place, score in enumerate(scores)
    ]
    return {
        "where": where,
        "label_column": "morphology",
        "model": {"parameters": 1234567},
        "probes": {
            "data": data,
            "linear_probe_accuracy": accuracy,
            "rows": rows,
        },
        "leaderboard": {"rare": "merger", "fraction": 0.02, "draws": 100, "rows": lines},
    }


B1, B2 = ["source=gz1-balanced"], ["source=efigi"]


def test_a_report_takes_the_place_of_an_earlier_one_on_the_same_galaxies_and_the_first_benchmark_comes_first() -> (
    None
):
    card: dict[str, Any] = {"id": "a"}
    for accuracy, where in ((0.5, B2), (0.6, B1), (0.7, B2)):
        card = with_measurement(card, report(accuracy, where))
    assert [(one["where"], one["linear_probe_accuracy"]) for one in card["measured"]] == [
        (B1, 0.6),
        (B2, 0.7),
    ]
    assert card["parameters"] == 1234567
    kept = {name: value for name, value in card["measured"][0]["rare"].items() if ", " in name}
    assert kept == {
        "encoder, asymmetry-lof": [0.1, 0.05, 0.4],
        "encoder, knn": [0.2, 0.05, 0.4],
        "random weights, asymmetry": [0.1, 0.05, 0.4],
        "pixel PCA-64, knn": [0.1, 0.05, 0.4],
    }


def test_another_class_than_the_benchmarks_is_not_shown_in_its_place() -> None:
    other = report(0.6, B1)
    other["leaderboard"]["rare"] = "edge-on"
    cards = [
        with_measurement({"id": name}, one) for name, one in (("a", report(0.5, B1)), ("b", other))
    ]
    shown = {row["model"]: row["rare class, AP"] for row in zoo_table(cards)}
    assert (shown["a"], shown["b"]) == ("0.100 [0.050, 0.400]", "not measured")


def test_every_released_card_thins_the_class_of_its_benchmark() -> None:
    for card in list_checkpoints():
        for one in card["measured"]:
            if one["where"] == B1:
                assert one["rare"]["class"] == BENCHMARKS["B1"].rare, card["id"]


def test_a_report_without_probes_is_refused() -> None:
    empty = report(0.5, B1) | {"probes": {"absent": "no labels"}}
    with pytest.raises(ValueError, match="holds no probes"):
        with_measurement({"id": "a"}, empty)


def test_models_stand_by_accuracy_then_controls_then_recipes_without_weights() -> None:
    cards = [
        with_measurement({"id": name}, report(value, B1))
        for name, value in (("small.ijepa", 0.5), ("mine", 0.7))
    ]
    rows = zoo_table([*cards, {"id": "torn", "error": "no card"}])
    names = [row["model"] for row in rows]
    assert names[:5] == [
        "mine",
        "small.ijepa",
        "pixel PCA-64",
        "random weights, mine",
        "random weights, small.ijepa",
    ]
    assert set(names[5:]) == set(ZOO) - {"small.ijepa"}
    assert rows[0] == {
        "model": "mine",
        "recipe": "",
        "parameters": "1,234,567",
        "weights": "here",
        "Galaxy Zoo 1, %": "70.0 [67.0, 73.0]",
        "rare class, AP": "0.100 [0.050, 0.400]",
        "published elsewhere, %": "",
    }
    assert rows[3]["rare class, AP"] == "0.100† [0.050, 0.400]", "not the default score"
    assert {len(row) for row in rows} == {7}


def test_models_whose_random_weights_are_the_same_share_a_row_of_controls() -> None:
    cards = [with_measurement({"id": name}, report(0.5, B1)) for name in ("a", "b")]
    assert [row["model"] for row in zoo_table(cards)][2:4] == [
        "pixel PCA-64",
        "random weights, a, b",
    ]


def test_a_recipe_is_that_of_the_encoder_and_told_of_models_that_are_not_trained_too() -> None:
    own, before = ({"image": {"image_size": 64}, "optim": {"epochs": epochs}} for epochs in (3, 5))
    rows = {
        row["model"]: row
        for row in zoo_table(
            [{"id": "a", "config": own}, {"id": "b", "config": own, "encoder": {"config": before}}]
        )
    }
    assert [rows[name]["recipe"] for name in ("a", "b", "vit5m.sigreg06")] == [
        "64 px, 3 epochs",
        "64 px, 5 epochs",
        "224 px, 300 epochs",
    ]


def test_other_galaxies_get_a_column_of_their_own() -> None:
    cards = [
        with_measurement({"id": "a"}, report(0.5, B1)),
        with_measurement({"id": "b"}, report(0.6, [], "Galaxy10")),
    ]
    rows = {row["model"]: row for row in zoo_table(cards)}
    a, b = rows["a"], rows["b"]
    assert (a["Galaxy Zoo 1, %"], a["Galaxy10, %"]) == ("50.0 [47.0, 53.0]", "not measured")
    assert (b["Galaxy Zoo 1, %"], b["Galaxy10, %"]) == ("not measured", "60.0 [57.0, 63.0]")
    assert (rows["pixel PCA-64"]["Galaxy Zoo 1, %"], rows["pixel PCA-64"]["Galaxy10, %"]) == (
        a["Galaxy Zoo 1, %"],
        b["Galaxy10, %"],
    )


@pytest.mark.parametrize(
    "measured",
    [
        None,
        "nonsense",
        ["nonsense", {"rows": [1]}],
        [{"rows": {"linear probe": {"accuracy": "x"}}}],
    ],
)
def test_a_card_that_is_not_of_the_expected_form_is_not_measured(measured: Any) -> None:
    row = zoo_table([{"id": "a", "measured": measured}])[0]
    assert "not measured" in row.values()
    assert "not trained" not in row.values()


def test_the_markdown_table_has_a_line_per_row_and_marks_what_is_missing() -> None:
    lines = markdown_zoo([with_measurement({"id": "small.ijepa"}, report(0.5, B1))]).splitlines()
    assert lines[2].startswith("| `small.ijepa` |  | 1,234,567 | here | 50.0 [47.0, 53.0] |")
    assert sum("*not trained*" in line for line in lines) == len(ZOO) - 1


def test_a_model_whose_weights_are_elsewhere_is_marked() -> None:
    rows = {
        row["model"]: row["weights"] for row in zoo_table([{"id": "a"}, {"id": "b", ABSENT: True}])
    }
    assert (rows["a"], rows["b"]) == ("here", "not here")
    assert rows["vit5m.sigreg06"] == "not trained"
    assert "| `b` |" not in markdown_zoo([{"id": "a"}])
    assert "| *not here* |" in markdown_zoo([{"id": "b", "parameters": 3, ABSENT: True}])


def test_the_best_released_model_is_the_one_that_was_chosen_and_has_patch_errors() -> None:
    (card,) = (card for card in usable(list_checkpoints()) if card["id"] == best_id())
    assert card["id"] == BEST
    assert card["config"]["model"]["predictor_depth"] > 0


def test_without_the_chosen_model_the_best_one_leaves_the_fewest_baselines_unbeaten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    others = [card for card in usable(list_checkpoints()) if card["id"] != BEST]
    monkeypatch.setattr(checkpoint_cards, "list_checkpoints", lambda: others)
    cards = {card["id"]: card for card in others}
    with_errors = [
        name for name, card in cards.items() if card["config"]["model"]["predictor_depth"]
    ]
    unbeaten = {name: num_unbeaten(cards[name]) for name in with_errors}
    assert unbeaten[best_id()] == min(unbeaten.values())


def test_a_baseline_is_unbeaten_where_the_interval_of_the_difference_does_not_exclude_zero() -> (
    None
):
    rows = {
        "linear probe": {"accuracy": 0.8},
        "20-NN": {"difference": [0.1, -0.1, 0.3]},  # the encoder's own
        f"{STATISTICS}, linear": {"difference": [0.1, 0.05, 0.15]},
        f"{PIXELS}, linear": {"difference": [0.1, 0.0, 0.2]},
        f"{RANDOM} 0, linear": {"difference": [-0.1, -0.2, 0.01]},
        "majority": {"difference": None},
    }
    assert (
        num_unbeaten(
            {"measured": [{"rows": rows}, {"rows": rows, "simulated": True}, {"rows": "x"}, 3]}
        )
        == 3
    )


def test_accuracy_is_the_mean_over_benchmarks_of_real_galaxies() -> None:
    measured = [{"linear_probe_accuracy": 0.5}, {"linear_probe_accuracy": 0.7, "simulated": False}]
    simulated = {"linear_probe_accuracy": 0.9, "simulated": True}
    assert mean_accuracy(
        {"measured": [*measured, simulated, "nonsense", {"linear_probe_accuracy": "x"}]}
    ) == pytest.approx(0.6)
    assert (
        mean_accuracy({"measured": [simulated]})
        == mean_accuracy({})
        == mean_accuracy({"measured": 3})
        == 0.0
    )


def test_released_cards_hold_what_the_published_reports_say() -> None:
    reports = [
        read_json(path) for path in sorted((CHECKPOINTS.parent / "docs" / "reports").glob("*.json"))
    ]
    cards = {card["id"]: card for card in list_checkpoints()}
    assert reports
    for report in reports:
        assert measurement(report) in cards[report["model"]["id"]]["measured"]
