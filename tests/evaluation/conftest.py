"""Embeddings and data sets made in memory, and a stand-in for a trained model whose answers are
known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from astrojepa.config import TrainConfig, replace
from astrojepa.data.dataset import Dataset
from astrojepa.types import Embeddings, PatchMasks

CLASSES = ("spiral", "round", "edge-on", "merger")


@pytest.fixture
def make_embeddings() -> Callable[..., Embeddings]:
    def make(
        vectors: Any, labels: Any = None, classes: tuple[str, ...] = CLASSES, ids: Any = None
    ) -> Embeddings:
        vectors = np.asarray(vectors, dtype=np.float32)
        count = len(vectors)
        return Embeddings(
            vectors=vectors,
            labels=np.full(count, -1) if labels is None else np.asarray(labels, dtype=np.int64),
            ids=np.array([f"g{row}" for row in range(count)]) if ids is None else np.asarray(ids),
            classes=classes,
        )

    return make


@pytest.fixture
def make_blobs(make_embeddings: Callable[..., Embeddings]) -> Callable[..., Embeddings]:
    """Galaxies scattered around one centre per class; `spread` is the scatter, the centres lie
    about 1 apart per feature.
    """

    def make(
        count: int = 200, width: int = 16, spread: float = 0.3, seed: int = 0, num_classes: int = 4
    ) -> Embeddings:
        centres = np.random.default_rng(99).normal(size=(num_classes, width))
        generator = np.random.default_rng(seed)
        labels = generator.permutation(np.arange(count) % num_classes)
        return make_embeddings(
            centres[labels] + spread * generator.normal(size=(count, width)),
            labels,
            classes=CLASSES[:num_classes],
        )

    return make


class Pictures:
    """Pictures held in memory, counting how often they are read."""

    def __init__(self, images: np.ndarray) -> None:
        self.images = images
        self.reads = 0

    def read(self, row: int) -> np.ndarray:
        self.reads += 1
        return self.images[row]


@pytest.fixture
def make_dataset() -> Callable[..., Dataset]:
    def make(images: np.ndarray, labels: Any = None, source: str = "memory") -> Dataset:
        count = len(images)
        unknown = np.full(count, np.nan)
        return Dataset(
            name=source,
            reader=Pictures(images),
            rows=np.arange(count),
            ids=np.array([f"g{row}" for row in range(count)]),
            labels=np.full(count, -1) if labels is None else np.asarray(labels),
            classes=CLASSES,
            ra=unknown,
            dec=unknown,
            redshift=unknown,
            source_hash=source,
        )

    return make


class StandIn:
    """Answers like a loaded model: embeddings are channel means and their squares; patch p is
    predicted as (p + 1) / 10 off target.

    The target token is (1, 1, -1, -1), the prediction (1 + e, 1 + e, -1, -1) with e = (p + 1) / 10,
    so the MSE is e² / 2.
    """

    hash = "5ca1ab1e"
    width = 6
    mean = (0.5, 0.5, 0.5)
    std = (0.5, 0.5, 0.5)

    def __init__(self, has_predictor: bool = True, **settings: Any) -> None:
        self.has_predictor = has_predictor
        self.config = replace(TrainConfig(), **({"image_size": 32, "patch_size": 4} | settings))
        self.grid = self.config.image.grid
        self.card: dict[str, Any] = {}
        self.device = torch.device("cpu")
        self.calls: list[PatchMasks] = []
        self.encoded = self.contexts = self.whole = 0

    def prepare(self, images: np.ndarray) -> torch.Tensor:
        stack = images[None] if images.ndim == 3 else images
        return torch.zeros(
            len(stack), 3, self.config.image.image_size, self.config.image.image_size
        )

    normalised = prepare

    def encode(self, frames: np.ndarray) -> np.ndarray:
        self.encoded += len(frames)
        means = frames.astype(np.float32).mean(axis=(1, 2)) / 255
        return np.concatenate([means, means**2], axis=1)

    def error(self, patch: np.ndarray | torch.Tensor) -> Any:
        return (patch + 1) / 10

    def target(self, patch: torch.Tensor) -> torch.Tensor:
        return torch.tensor([1.0, 1.0, -1.0, -1.0]).expand(*patch.shape, 4)

    @property
    def network(self) -> StandIn:
        """It is its own network."""
        return self

    @property
    def encoder(self) -> StandIn:
        """And its own encoder."""
        return self

    def patch_tokens(
        self, pixels: torch.Tensor, index: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        assert len(pixels) == len(index)
        self.contexts += len(index)
        tokens = torch.zeros(*index.shape, 4)
        return tokens, tokens

    def predict(self, context: torch.Tensor, masks: PatchMasks) -> torch.Tensor:
        assert context.shape[:2] == masks.context.shape
        assert len(masks.context) == len(masks.targets)
        self.calls.append(masks)
        return (
            self.target(masks.targets)
            + torch.tensor([1.0, 1.0, 0.0, 0.0]) * self.error(masks.targets)[..., None]
        )

    def target_tokens(self, pixels: torch.Tensor, masks: PatchMasks) -> torch.Tensor:
        assert len(pixels) == len(masks.targets)
        self.whole += len(pixels)
        return self.target(masks.targets)


@pytest.fixture
def make_stand_in() -> Callable[..., StandIn]:
    return StandIn
