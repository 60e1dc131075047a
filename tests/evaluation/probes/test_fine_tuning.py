from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from astrojepa.checkpoints.model import Model, load_model
from astrojepa.checkpoints.weights import build_network
from astrojepa.config import TrainConfig, replace
from astrojepa.data import open_dataset
from astrojepa.data.dataset import Dataset
from astrojepa.data.splits import default_split
from astrojepa.evaluation.probes.classification import linear_probe, paired_bootstrap
from astrojepa.evaluation.probes.fine_tuning import fine_tune, supervised
from astrojepa.evaluation.vectors.embed import embed

MakeData = Callable[..., Dataset]


@pytest.fixture
def model(tiny: TrainConfig) -> Model:
    """The tiny network with random weights."""
    start = load_model("random")
    config = replace(tiny, seed=0)
    network = build_network(config, torch.device("cpu"), 0).eval()
    return dataclasses.replace(start, network=network, config=config, hash="t1ny")


@pytest.fixture
def hard(make_dataset: MakeData) -> tuple[Dataset, Dataset, Dataset]:
    """Round or elongated at any angle, in sizes and brightnesses that overlap: more than a
    random encoder tells a linear probe.
    """

    def part(count: int, seed: int) -> Dataset:
        generator, line = np.random.default_rng(seed), np.arange(40) - 20
        pictures, labels = np.empty((count, 40, 40, 3), np.uint8), np.arange(count) % 2
        for picture, label in zip(pictures, labels, strict=True):
            angle, size, peak = generator.uniform([0, 3, 80], [np.pi, 7, 200])
            along = line[None] * np.cos(angle) + line[:, None] * np.sin(angle)
            across = -line[None] * np.sin(angle) + line[:, None] * np.cos(angle)
            ratio = 0.4 if label else 1.0
            light = np.exp(-(ratio * along**2 + across**2 / ratio) / (2 * size**2))
            noise = generator.normal(0, 8, (40, 40, 3))
            picture[:] = np.clip(20 + peak * light[..., None] * [1, 0.8, 0.6] + noise, 0, 255)
        return make_dataset(pictures, labels, source=f"hard {seed}")

    return part(200, 0), part(60, 1), part(200, 2)


@pytest.mark.slow
def test_labels_teach_an_encoder_what_its_frozen_features_lack(
    model: Model, hard: tuple[Dataset, Dataset, Dataset]
) -> None:
    known, check, new = (embed(model, part) for part in hard)
    frozen = linear_probe(known, new, validation=check)
    tuned = fine_tune(model, *hard, epochs=16, batch_size=16, learning_rate=5e-3)
    assert tuned.accuracy > 0.75
    assert paired_bootstrap(tuned, frozen)[1] > 0


@pytest.mark.slow(15)
def test_the_ceiling_learns_from_random_weights_what_frozen_features_lack(
    model: Model, hard: tuple[Dataset, Dataset, Dataset]
) -> None:
    known, check, new = (embed(model, part) for part in hard)
    ceiling = supervised(model, *hard, epochs=3, batch_size=8)
    assert not ceiling.setting.startswith("epoch 0 ")
    assert ceiling.accuracy > 0.9
    assert paired_bootstrap(ceiling, linear_probe(known, new, validation=check))[1] > 0


@pytest.mark.slow
def test_the_tiny_folder_is_learned_and_the_model_is_left_as_it_was(
    model: Model, galaxy_folder: Path
) -> None:
    parts = default_split(open_dataset(str(galaxy_folder)))
    before = copy.deepcopy(model.network.state_dict())
    result = fine_tune(model, *parts, epochs=2, batch_size=16)
    assert result.accuracy > 0.9
    assert result.num_train == 96
    assert result.setting.endswith("of 2")
    for name, value in model.network.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert not model.network.training


@pytest.mark.slow
def test_the_start_is_the_linear_probe(
    model: Model, hard: tuple[Dataset, Dataset, Dataset]
) -> None:
    known, check, new = (embed(model, part) for part in hard)
    frozen = linear_probe(known, new, validation=check)
    still = fine_tune(model, *hard, epochs=1, batch_size=100, learning_rate=1e-12)
    np.testing.assert_allclose(still.probabilities, frozen.probabilities, atol=0.01)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights_whatever_was_drawn_before(
    model: Model, hard: tuple[Dataset, Dataset, Dataset]
) -> None:
    found = []
    for _ in range(2):
        torch.rand(3)  # global state plays no part
        found.append(fine_tune(model, *hard, epochs=2, learning_rate=5e-3, seed=4).probabilities)
    np.testing.assert_array_equal(*found)


def test_unlabelled_galaxies_are_left_out(model: Model, galaxy_folder: Path) -> None:
    train, check, test = default_split(open_dataset(str(galaxy_folder)))
    test = dataclasses.replace(test, labels=np.where(np.arange(16) < 4, -1, test.labels))
    train = dataclasses.replace(train, labels=np.where(np.arange(96) < 30, -1, train.labels))
    result = fine_tune(model, train, check, test, epochs=1, batch_size=16)
    np.testing.assert_array_equal(result.rows, np.arange(4, 16))
    np.testing.assert_array_equal(result.truth, test.labels[4:])
    assert result.num_train == 66


def test_wrong_settings_and_parts_without_labels_are_refused(
    model: Model, galaxy_folder: Path
) -> None:
    train, check, test = default_split(open_dataset(str(galaxy_folder)))
    with pytest.raises(
        ValueError, match="needs epochs >= 1 and a batch of 2 or more, found 0 and 64"
    ):
        fine_tune(model, train, check, test, epochs=0)
    with pytest.raises(
        ValueError, match="None of the 16 validation galaxies of galaxies has a label"
    ):
        fine_tune(model, train, dataclasses.replace(check, labels=np.full(16, -1)), test)
    with pytest.raises(
        FloatingPointError,
        match=r"The loss of fine-tuning is nan in epoch \d .* choose a smaller learning_rate",
    ):
        fine_tune(model, train, check, test, epochs=3, batch_size=16, learning_rate=1e30)
