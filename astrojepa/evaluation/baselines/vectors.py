"""Vectors of encoder and baselines on the parts of a data set, cached by content."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from astrojepa.config import ImageConfig
from astrojepa.data.dataset import Dataset
from astrojepa.data.splits import Split
from astrojepa.evaluation.vectors.embed import (
    crop_statistics,
    embed,
    imagenet_transfer,
    pixel_pca,
    polar_statistics,
    summary_statistics,
)
from astrojepa.presets import default_preset
from astrojepa.progress import Listener
from astrojepa.types import Embeddings

if TYPE_CHECKING:
    from astrojepa.checkpoints.model import Model

ENCODER, STATISTICS, PIXELS, RANDOM = (
    "encoder",
    "summary statistics",
    "pixel PCA-64",
    "random weights",
)
CROP, POLAR, BOTH = "statistics of the crop", "polar Fourier", "statistics and polar Fourier"
IMAGENET = "ImageNet transfer"
HAND_MADE = (STATISTICS, CROP, POLAR, BOTH)


@dataclasses.dataclass(frozen=True)
class Parts:
    """One kind of vectors of the three parts of a split."""

    train: Embeddings
    validation: Embeddings | None  # None where that part is empty
    test: Embeddings

    @property
    def chooser(self) -> Embeddings | None:
        """The galaxies that choose a probe's setting: validation, where it has labels."""
        labelled = self.validation is not None and (self.validation.labels >= 0).any()
        return self.validation if labelled else None


def encoded(
    model: Model, split: Split, random_seeds: int = 3, progress: Listener = None
) -> dict[str, Parts]:
    """Return vectors of encoder and baselines by name, with `random_seeds` random encoders.

    The hand-made ones are summary statistics of most of the frame, the same of the crop that the
    encoder sees, polar Fourier statistics of that crop, and the last two side by side. A network
    trained on ImageNet is among them where its weights are at hand.
    The same galaxies in the same order in each. Random weights take as long as the encoder the
    first time, and are then in the cache.
    """
    found = {ENCODER: _embedded(model, split, progress)} | _of_images(split, model.config.image)
    for seed in range(random_seeds):
        found[f"{RANDOM} {seed}"] = _embedded(model.randomised(seed), split, progress)
    return found


def stored(vectors: Embeddings, data: Dataset, split: Split) -> dict[str, Parts]:
    """Return vectors that no model here made, one per galaxy of `data`, as `encoded` does.

    The baselines of the images are there where `data` has images, of the crop that the smallest
    preset sees; random weights are not.
    """
    order = np.argsort(data.rows)
    rows = [order[np.searchsorted(data.rows, part.rows, sorter=order)] for part in split]
    train, check, test = (vectors.subset(own) for own in rows)
    found = {ENCODER: Parts(train, check if len(check) else None, test)}
    return found | _of_images(split, default_preset("cpu").image) if data.has_images else found


def _of_images(split: Split, image: ImageConfig) -> dict[str, Parts]:
    """Return the vectors that images give without a model, or with one of everyday photographs."""
    train, validation, test = split
    found = {
        STATISTICS: _measured(summary_statistics, split),
        CROP: _measured(lambda part: crop_statistics(part, image), split),
        POLAR: _measured(lambda part: polar_statistics(part, image), split),
    }
    found[BOTH] = _side_by_side(found[CROP], found[POLAR])
    known, new = pixel_pca(train, test)
    # fitted on train alone, so the components are the same
    check = pixel_pca(train, validation)[1] if len(validation) else None
    found[PIXELS] = Parts(known, check, new)
    if (transferred := _transferred(split)) is not None:
        found[IMAGENET] = transferred
    return found


def _measured(measure: Callable[[Dataset], Embeddings], split: Split) -> Parts:
    train, validation, test = split
    return Parts(measure(train), measure(validation) if len(validation) else None, measure(test))


def _transferred(split: Split) -> Parts | None:
    train, check, test = (imagenet_transfer(part) if len(part) else None for part in split)
    return Parts(train, check, test) if train is not None and test is not None else None


def _side_by_side(one: Parts, other: Parts) -> Parts:
    def joined(left: Embeddings, right: Embeddings) -> Embeddings:
        return dataclasses.replace(
            left, vectors=np.concatenate((left.vectors, right.vectors), axis=1)
        )

    check = (
        joined(one.validation, other.validation) if one.validation and other.validation else None
    )
    return Parts(joined(one.train, other.train), check, joined(one.test, other.test))


def _embedded(model: Model, split: Split, progress: Listener) -> Parts:
    train, validation, test = split
    check = embed(model, validation, progress=progress) if len(validation) else None
    return Parts(
        embed(model, train, progress=progress), check, embed(model, test, progress=progress)
    )
