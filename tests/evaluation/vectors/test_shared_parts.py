"""What several evaluations share, each against a closed form or a slow reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.special import softmax

from astrojepa.evaluation.maps.layouts import layout_features, principal_axes
from astrojepa.evaluation.maps.map_quality import check_map
from astrojepa.evaluation.patches.masked_prediction import whole_targets
from astrojepa.evaluation.patches.patch_errors import fixed_plan
from astrojepa.evaluation.pictures.artefacts import border
from astrojepa.evaluation.probes.classification import fitted_weights, linear_probe
from astrojepa.evaluation.probes.mlp import fitted_network, mlp_probe
from astrojepa.evaluation.probes.parts import probe_parts, stratified
from astrojepa.evaluation.reports.benchmark import markdown_table
from astrojepa.evaluation.vectors.embed import cached_embedding, keep_embedding
from astrojepa.evaluation.vectors.neighbours import exact_distances


@pytest.mark.parametrize("side", [8, 32, 64, 100])
def test_the_border_is_a_sixteenth_of_the_side_at_each_edge(side: int) -> None:
    width = max(1, side // 16)
    slow = [
        [min(row, column, side - 1 - row, side - 1 - column) < width for column in range(side)]
        for row in range(side)
    ]
    assert border(side).tolist() == slow


@pytest.mark.parametrize("shape", [(60, 5), (6, 20)])
def test_principal_axes_are_the_right_singular_vectors_with_the_largest_loading_positive(
    shape: tuple[int, int],
) -> None:
    features = np.random.default_rng(0).normal(size=shape).astype(np.float32) * np.arange(
        1, shape[1] + 1, dtype=np.float32
    )
    mean, axes = principal_axes(features, 3)
    reference = np.linalg.svd(features.astype(np.float64) - features.mean(0, dtype=np.float64))[2][
        :3
    ]
    reference *= np.sign(reference[np.arange(3), np.abs(reference).argmax(1)])[:, None]
    np.testing.assert_allclose(mean, features.mean(0), atol=1e-5)
    np.testing.assert_allclose(axes.T, reference, atol=1e-4)


def test_axes_that_the_galaxies_do_not_allow_are_zero() -> None:
    assert not principal_axes(np.ones((5, 4), dtype=np.float32), 2)[1].any()
    axes = principal_axes(np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32), 5)[1]
    assert (np.linalg.norm(axes, axis=0) > 0.5).tolist() == [True, True, True, False, False]


def test_maps_see_standardised_features_and_at_most_fifty_components() -> None:
    vectors = np.random.default_rng(0).normal(3, 2, size=(80, 60)).astype(np.float32)
    (narrow,) = layout_features(vectors[:, :50])
    np.testing.assert_allclose(
        narrow, (vectors[:, :50] - vectors[:, :50].mean(0)) / vectors[:, :50].std(0), atol=1e-4
    )
    (wide,) = layout_features(vectors)
    standard = (vectors - vectors.mean(0)) / vectors.std(0)
    assert wide.shape == (80, 50)
    kept = np.linalg.svd(standard, compute_uv=False)[:50]
    np.testing.assert_allclose(np.linalg.norm(wide, axis=0), kept, rtol=1e-3)


def test_exact_distances_are_those_of_a_loop_and_zero_for_a_duplicate() -> None:
    random = np.random.default_rng(0)
    features, targets = (
        random.normal(100, 1, size=(count, 7)).astype(np.float32) for count in (40, 9)
    )
    targets[4] = features[11]
    indices = random.integers(40, size=(9, 5))
    indices[4, 2] = 11
    slow = [
        [np.linalg.norm(features[i].astype(np.float64) - targets[q]) for i in row]
        for q, row in enumerate(indices)
    ]
    found = exact_distances(features, targets, indices)
    np.testing.assert_allclose(found, slow, rtol=1e-5)
    assert found[4, 2] == 0


def test_a_stratified_part_holds_its_share_of_every_class_and_none_of_a_class_of_one() -> None:
    labels = np.array([0] * 50 + [1] * 10 + [2] * 2 + [3])
    kept, held = stratified(labels, seed=1)
    assert np.bincount(labels[held], minlength=4).tolist() == [10, 2, 1, 0]
    assert sorted([*kept, *held]) == list(range(len(labels)))
    assert (
        stratified(labels, seed=1)[1].tolist()
        == held.tolist()
        != stratified(labels, seed=2)[1].tolist()
    )


def test_the_weights_of_a_linear_probe_name_the_classes_that_the_probe_names(
    make_blobs: Callable[..., Any],
) -> None:
    known, new = make_blobs(seed=1, spread=1.0), make_blobs(seed=2, spread=1.0)
    parts = probe_parts(known, new, None, 0)
    weights, setting = fitted_weights(parts)
    result = linear_probe(known, new)
    assert result.setting == setting
    np.testing.assert_allclose(
        softmax(parts.targets @ weights.slope + weights.offset, axis=1),
        result.probabilities,
        atol=1e-5,
    )


def test_the_network_of_an_mlp_probe_names_the_classes_that_the_probe_names(
    make_blobs: Callable[..., Any],
) -> None:
    known, new = make_blobs(seed=1, spread=1.0), make_blobs(seed=2, spread=1.0)
    parts = probe_parts(known, new, None, 0)
    network, setting = fitted_network(parts)
    result = mlp_probe(known, new)
    assert result.setting == setting
    np.testing.assert_allclose(
        network.predict_proba(parts.targets), result.probabilities, atol=1e-6
    )


def test_targets_of_whole_pictures_are_one_token_per_patch(
    make_stand_in: Callable[..., Any],
) -> None:
    model = make_stand_in()
    tokens = whole_targets(model, model.prepare(np.zeros((3, 40, 40, 3), dtype=np.uint8)))
    assert tokens.shape == (3, model.grid**2, 4)
    assert tokens[1, 5].tolist() == [1, 1, -1, -1]


def test_a_plan_of_a_drawn_mask_hides_it_and_gives_the_rest_as_context(
    make_stand_in: Callable[..., Any],
) -> None:
    model = make_stand_in()
    hidden = np.zeros((model.grid, model.grid), dtype=bool)
    hidden[1, 2:5] = True
    (group,) = fixed_plan(model, hidden)
    targets = np.concatenate([targets.ravel() for _, targets in group.blocks])
    assert sorted(targets.tolist()) == np.flatnonzero(hidden).tolist()
    assert sorted(group.context[0].tolist()) == np.flatnonzero(~hidden).tolist()


def test_kept_vectors_are_found_as_those_that_were_embedded(
    make_stand_in: Any, make_dataset: Any
) -> None:
    model, data = make_stand_in(), make_dataset(np.zeros((4, 40, 40, 3), dtype=np.uint8))
    assert cached_embedding(model, data) is None
    vectors = np.arange(24, dtype=np.float32).reshape(4, 6)
    keep_embedding(model, data, vectors)
    assert cached_embedding(model, data).vectors.tolist() == vectors.tolist()


@pytest.mark.parametrize("xy", [np.zeros((3, 2)), np.zeros((4, 3)), np.full((4, 2), np.nan)])
def test_a_map_of_another_shape_or_not_finite_is_refused(xy: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"Expected a finite map of shape \(4, 2\)"):
        check_map(xy, 4)


def test_a_table_of_benchmarks_holds_accuracy_interval_and_difference_in_percent() -> None:
    rows = {
        "linear probe": {"accuracy": 0.744, "interval": [0.715, 0.772]},
        "majority": {
            "accuracy": 0.518,
            "interval": [0.485, 0.551],
            "difference": [0.226, 0.188, 0.264],
        },
    }
    card = {
        "data": "galaxies",
        "where": ["source=x"],
        "classes": ["a", "b"],
        "num_test": 909,
        "rows": rows,
    }
    assert markdown_table([card]).splitlines() == [
        "| test accuracy, % | galaxies source=x, 2 classes, n 909 |",
        "|---|---|",
        "| linear probe | 74.4 [71.5, 77.2] |",
        "| majority | 51.8 [48.5, 55.1] · +22.6 [+18.8, +26.4] |",
    ]
