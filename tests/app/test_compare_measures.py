"""What the compare page says about two models and about sweeps: pure functions."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from app.pages.compare import tasks
from app.pages.compare.galaxy import common_scale
from app.pages.compare.maps import picked_out
from app.pages.compare.measures import (
    accuracy_table,
    alike,
    error_bars,
    median_overlap,
    overlap_counts,
)
from app.pages.compare.view import preferred
from app.server.serving import Listing
from app.session.workspace import (
    BASELINE,
    RANDOM,
    VECTORS,
    Choice,
    label_of,
    model_choices,
    named,
    told_apart,
)
from astrojepa.evaluation.vectors.stored import open_vectors

CHOICES = [
    Choice("small.a", "small.a"),
    Choice("/runs/x", "run x"),
    Choice(RANDOM, "random weights"),
    Choice(BASELINE, "no model"),
]


def test_a_link_names_the_second_model_by_id_and_never_by_path_that_is_not_on_offer() -> None:
    assert named(CHOICES, "small.a") == "small.a"
    assert named(CHOICES, "x") == "/runs/x"
    assert named(CHOICES, "random:small.a") == RANDOM
    assert named(CHOICES, "/etc/passwd") is None


def test_vectors_open_by_their_hash_whatever_else_is_open_when_a_link_is_made(
    tmp_path: Path,
) -> None:
    """One file is called by its name, one of two of a name by its folder too."""
    paths, digests = [], []
    for row, folder in enumerate("ab"):
        (tmp_path / folder).mkdir()
        paths.append(str(tmp_path / folder / "vec & co.npz"))
        np.savez(paths[-1], object_id=np.array(["x", "y"]), vector=np.full((2, 3), float(row)))
        digests.append(open_vectors(paths[-1]).hash[:8])

    def offered(*paths: str) -> list[Choice]:
        return told_apart(model_choices(True, [], Listing())) + told_apart(
            [Choice(VECTORS + path, label_of(path)) for path in paths]
        )

    one, both = offered(paths[0]), offered(*paths)
    assert both[-1].label == "b/vec & co.npz"
    for path, digest in zip(paths, digests, strict=True):
        assert named(both, "vec & co.npz", digest) == VECTORS + path
    assert named(one, "a:vec & co.npz", digests[0]) == VECTORS + paths[0]
    assert named(one, "b:vec & co.npz", digests[1]) is None
    assert named(one, "other.npz", digests[0]) is None
    Path(paths[0]).unlink()
    assert named(both, "vec & co.npz", digests[0]) is None


def test_the_overlap_is_counted_neighbour_by_neighbour() -> None:
    assert overlap_counts(np.array([0.0, 0.3, 0.3, 1.0]), 10).tolist() == [
        0.25,
        0,
        0,
        0.5,
        0,
        0,
        0,
        0,
        0,
        0,
        0.25,
    ]


def test_the_overlap_is_said_beside_what_chance_gives() -> None:
    found = SimpleNamespace(k=10, overlap=np.array([0.2, 0.4, 0.6]), mean_overlap=0.4, chance=0.05)
    assert median_overlap(found) == (
        "The models share 4 of 10 nearest neighbours at the median (40.0 % on average; unrelated "
        "models: 5.0 %)."
    )


def test_of_two_galaxies_no_unbiased_cka_is_said() -> None:
    found = SimpleNamespace(cka=1.0, cka_unbiased=float("nan"))
    assert alike(found).startswith("Linear CKA 1.00: 1 = identical")
    found.cka_unbiased = 0.731
    assert alike(found).startswith("Linear CKA 1.00, unbiased 0.73: 1 = identical")


def test_one_scale_holds_both_models_and_waits_for_both() -> None:
    assert common_scale([(0.1, 0.5), (0.3, 0.9)]) == (0.1, 0.9)
    assert common_scale([(0.1, 0.5)]) == (0.1, 0.5)
    assert common_scale([(0.1, 0.5), None]) is None
    assert common_scale([]) is None


def test_what_was_drawn_around_is_one_group_on_both_maps() -> None:
    coloured = picked_out(np.array([True, False, True]))
    assert coloured.codes.tolist() == [1, 0, 1]
    assert [(group["name"], group["count"]) for group in coloured.legend["groups"]] == [
        ("selected", 2),
        ("others", 1),
    ]


@pytest.mark.parametrize(
    ("interval", "word"),
    [
        ((0.02, 0.01, 0.03), "is better than"),
        ((-0.02, -0.03, -0.01), "is worse than"),
        ((0.01, -0.01, 0.03), "not differ significantly"),
    ],
)
def test_a_model_wins_only_if_the_interval_of_the_difference_excludes_zero(
    interval: tuple[float, ...], word: str
) -> None:
    accuracy = tasks.Accuracy("linear", None, None, interval, "grouped")
    assert word in tasks.verdict(accuracy, "A", "B")


def test_accuracies_stand_with_their_intervals() -> None:
    result = SimpleNamespace(accuracy=0.5, interval=(0.4, 0.6), balanced_accuracy=0.45)
    table = accuracy_table([tasks.Accuracy("knn", result, result, (0, 0, 0), "grouped")], "A", "B")
    assert table["model"].tolist() == ["A", "B"]
    assert table["interval"].tolist() == ["40.0 – 60.0"] * 2


def test_hand_made_statistics_stand_beside_the_models() -> None:
    result, simple = (
        SimpleNamespace(accuracy=one, interval=(0.4, 0.6), balanced_accuracy=one)
        for one in (0.5, 0.55)
    )
    found = [tasks.Accuracy("knn", result, result, (0, 0, 0), "grouped", simple)]
    table = accuracy_table(found, "A", "B").set_index("model")
    assert table["accuracy"].to_dict() == pytest.approx(
        {"A": 50, "B": 50, "hand-made statistics": 55}
    )


def sweep_table() -> pd.DataFrame:
    rows = [
        (lam, width, seed, 0.5 + lam + 0.01 * seed)
        for lam in (0.0, 0.5)
        for width in (64, 128)
        for seed in (1, 2)
    ]
    table = pd.DataFrame(rows, columns=["sigreg_weight", "width", "seed", "linear_accuracy_last"])
    table.loc[len(table) - 1, "linear_accuracy_last"] = np.nan  # a run that is not finished
    return table


def test_a_sweep_is_a_curve_over_lambda_for_every_combination_of_the_rest() -> None:
    axis, curves = tasks.sweep_curves(
        ["width", "sigreg_weight"], sweep_table(), "linear_accuracy_last"
    )
    assert axis == "sigreg_weight"
    assert list(curves) == ["width 64", "width 128"]
    assert curves["width 64"].x == [0.0, 0.5]
    assert curves["width 64"].y == pytest.approx([0.515, 1.015])
    assert curves["width 128"].low[1] is None, "one seed has no interval"
    bars = error_bars(curves["width 64"])
    assert bars["array"][0] == pytest.approx(12.706 * 0.005, rel=1e-3)
    assert error_bars(curves["width 128"])["array"][1] == 0.0


def test_a_metric_that_no_run_has_gives_no_curve() -> None:
    assert tasks.sweep_curves(["sigreg_weight"], sweep_table(), "effective_rank_last") == (
        "sigreg_weight",
        {},
    )


def test_sweeps_are_found_beside_the_runs_and_others_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, settings in (("good", {"sigreg_weight": [0, 1]}), ("bad", {"depth": [1]})):
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        (folder / "sweep.json").write_text(json.dumps({"settings": settings, "seeds": 1}))
        sweep_table().to_csv(folder / "table.csv", index=False)
    found = {folder.name: folder for folder in tasks.sweep_folders()}
    assert {"good", "bad"} <= set(found)
    assert tasks.read_sweep(found["good"])[0] == ["sigreg_weight"]
    with pytest.raises(ValueError, match="no column for every setting"):
        tasks.read_sweep(found["bad"])


@pytest.mark.parametrize(
    ("references", "bundled", "first"),
    [
        (["small.other", RANDOM, BASELINE], False, "small.other"),
        (["/runs/mine", RANDOM, BASELINE], False, BASELINE),
        (["small.other", RANDOM, BASELINE], True, BASELINE),
        ([RANDOM], True, RANDOM),
    ],
)
def test_at_first_another_released_model_is_compared_with_or_the_baseline(
    references: list[str], bundled: bool, first: str
) -> None:
    assert preferred([Choice(reference, reference) for reference in references], bundled) == first
