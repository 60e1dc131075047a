"""A probe that is taken away gives what it gave here."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from astrojepa.evaluation.probes.classification import knn_probe, linear_probe
from astrojepa.evaluation.probes.mlp import mlp_probe
from astrojepa.evaluation.probes.portable import fit_probe, probe_from_dict
from astrojepa.types import Embeddings

Make = Callable[..., Embeddings]
PROBES: dict[str, Any] = {"linear": linear_probe, "knn": knn_probe, "mlp": mlp_probe}


@pytest.mark.parametrize("kind", PROBES)
def test_a_kept_probe_scores_as_the_probe_of_its_name(kind: str, make_blobs: Make) -> None:
    known, new = make_blobs(seed=1, spread=0.8), make_blobs(seed=2, spread=0.8)
    _, result = fit_probe(kind, known, new)
    expected = PROBES[kind](known, new)
    assert (result.accuracy, result.setting) == (expected.accuracy, expected.setting)
    np.testing.assert_allclose(result.probabilities, expected.probabilities, atol=1e-6)


@pytest.mark.parametrize("num_classes", [2, 4])
@pytest.mark.parametrize("kind", ["linear", "mlp"])
def test_a_probe_read_back_from_json_gives_the_same_probabilities(
    kind: str, num_classes: int, make_blobs: Make
) -> None:
    known, new = (make_blobs(seed=seed, spread=0.8, num_classes=num_classes) for seed in (1, 2))
    probe, result = fit_probe(kind, known, new)
    again = probe_from_dict(json.loads(json.dumps(probe.to_dict(), allow_nan=False)))
    np.testing.assert_allclose(again.probabilities(new.vectors), result.probabilities, atol=1e-5)


def test_a_class_that_was_never_seen_is_not_among_the_answers(
    make_blobs: Make, make_embeddings: Make
) -> None:
    blobs = make_blobs(seed=1)
    without = blobs.labels != 1
    known = make_embeddings(blobs.vectors[without], blobs.labels[without], classes=blobs.classes)
    probe, _ = fit_probe("linear", known, make_blobs(seed=2))
    assert probe.to_dict()["classes"] == ["spiral", "edge-on", "merger"]
    assert not probe.probabilities(blobs.vectors)[:, 1].any()


def test_neighbours_travel_as_the_ids_of_who_votes(make_blobs: Make) -> None:
    known = make_blobs(seed=1)
    probe, _ = fit_probe("knn", known, make_blobs(seed=2), k=5)
    content = probe.to_dict()
    assert content["k"] == 5
    assert content["known"] == {"ids": known.ids.tolist(), "classes": known.labels.tolist()}
    with pytest.raises(ValueError, match="holds no weights"):
        probe.probabilities(known.vectors)


def test_other_widths_kinds_and_formats_are_refused(make_blobs: Make) -> None:
    probe, _ = fit_probe("linear", make_blobs(seed=1), make_blobs(seed=2))
    with pytest.raises(ValueError, match="reads 16 features"):
        probe.probabilities(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="no probe 'svm'"):
        fit_probe("svm", make_blobs(), make_blobs())
    with pytest.raises(ValueError, match="not a probe of format"):
        probe_from_dict({"format": "pickle"})


def test_a_calibrated_probe_read_back_makes_the_same_sets(make_blobs: Make) -> None:
    known, new = make_blobs(seed=1, spread=1.5), make_blobs(seed=2, spread=1.5)
    probe, result = fit_probe("linear", known, new)
    made = probe.calibrated(known, *(make_blobs(seed=seed, spread=1.5) for seed in (3, 4)))
    again = probe_from_dict(json.loads(json.dumps(made.to_dict(), allow_nan=False)))
    found = again.predict(new, 0.9)
    np.testing.assert_array_equal(found.sets, made.predict(new, 0.9).sets)
    np.testing.assert_allclose(found.typicality, made.predict(new, 0.9).typicality, atol=1 / 201)
    np.testing.assert_array_equal(found.labels, result.predictions)
    assert found.covered(np.array(new.classes)[new.labels]) == pytest.approx(0.9, abs=0.07)
    assert made.most_coverage(0.999) == 200 / 201
    with pytest.raises(ValueError, match="there were 0"):
        probe.predict(new, 0.9)


def test_a_network_tells_how_far_it_is(make_blobs: Make) -> None:
    told: list[tuple[int, int]] = []
    fit_probe(
        "mlp",
        make_blobs(seed=1),
        make_blobs(seed=2),
        progress=lambda done, total, text: told.append((done, total)),
    )
    assert told[0] == (0, 200)
    assert [done for done, _ in told] == list(range(len(told)))
