"""Terms shared by all modules: the shape legend and the records passed between layers.

Shape legend, used in every signature:

| letter | meaning | letter | meaning |
|---|---|---|---|
| B | images in a batch | G | side of the patch grid (image_size / patch_size) |
| C | colour channels (3) | N | tokens of an image (G * G), or samples of a loss |
| H, W, S | height, width, side in pixels | Nc, Nt | context tokens, tokens of one target block |
| D | width of an embedding | M | target blocks of an image |
| K | random directions | P | width of the projector's output |
| V | views of a galaxy | n | galaxies of a data set |
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Galaxy:
    """One galaxy: the image as stored and what is known about it (None where unknown)."""

    image: np.ndarray  # uint8 (H, W, 3)
    label: int | None
    id: str
    ra: float | None = None  # degrees
    dec: float | None = None  # degrees
    redshift: float | None = None


@dataclass(frozen=True)
class PatchMasks:
    """Patches that the encoder sees and the predictor predicts: row-major indices."""

    context: Tensor  # int64 (B, Nc), sorted, no repeats
    targets: Tensor  # int64 (B, M, Nt), sorted within a block; never in the same row of `context`


@dataclass(frozen=True)
class Batch:
    """What one training step consumes."""

    images: Tensor | None  # float (B, 3, S, S), normalised; None where nothing is masked
    masks: PatchMasks | None
    # float (V, B, 3, s, s) per resolution, global views first; () where there is one view
    views: tuple[Tensor, ...]
    ids: Tensor  # int64 (B,), row numbers in the training set
    numbers: Tensor | None = (
        # float (B, 230), hand-made numbers of the clean images, standardised; None without a
        # describer
        None
    )

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class LossTerms:
    """Terms of the objective, scalars; only `total` carries the gradient."""

    total: Tensor
    prediction: Tensor
    invariance: Tensor
    sigreg: Tensor
    description: Tensor


@dataclass(frozen=True)
class Embeddings:
    """One vector per galaxy, with what is needed to know whose they are."""

    vectors: np.ndarray  # float32 (n, D), finite
    labels: np.ndarray  # int64 (n,), -1 where unknown
    ids: np.ndarray  # str (n,)
    classes: tuple[str, ...]
    model_hash: str = ""
    data_hash: str = ""

    def __len__(self) -> int:
        return len(self.vectors)

    def subset(self, rows: np.ndarray) -> Embeddings:
        """Return those of some galaxies."""
        chosen = self.vectors[rows], self.labels[rows], self.ids[rows]
        return Embeddings(*chosen, self.classes, self.model_hash, self.data_hash)


@dataclass(frozen=True)
class ProbeResult:
    """Accuracy of a probe on embeddings of other galaxies (fractions in [0, 1])."""

    accuracy: float
    interval: tuple[float, float]  # 95 % bootstrap interval of the accuracy
    balanced_accuracy: float
    macro_f1: float
    classes: tuple[str, ...]
    confusion: np.ndarray  # int64 (c, c), rows true, columns predicted
    truth: np.ndarray  # int64 (n,), labels of the scored rows
    predictions: np.ndarray  # int64 (n,)
    probabilities: np.ndarray  # float32 (n, c)
    # int64 (n,), which rows of the test embeddings were scored (unlabelled ones are not)
    rows: np.ndarray
    num_train: int
    setting: str  # e.g. "C = 0.1" or "k = 20"
    # mean gap between confidence and accuracy; 0 = confidence is the chance of being right
    calibration_error: float

    @property
    def correct(self) -> np.ndarray:
        """Which scored rows were predicted correctly: bool (n,)."""
        return self.predictions == self.truth

    @property
    def counts(self) -> np.ndarray:
        """How many galaxies of each class were scored: int64 (c,)."""
        return self.confusion.sum(axis=1)

    @property
    def recalls(self) -> np.ndarray:
        """Share of each class predicted correctly: float64 (c,), NaN without galaxies."""
        hits, counts = np.diag(self.confusion), self.counts
        return np.divide(hits, counts, out=np.full(len(counts), np.nan), where=counts > 0)


@dataclass(frozen=True)
class Predictions:
    """What a classifier says of galaxies whose class it was not told."""

    ids: np.ndarray  # str (n,)
    classes: tuple[str, ...]
    probabilities: np.ndarray  # float32 (n, c), rows summing to 1
    entropy: np.ndarray  # float32 (n,), nats; 0 = sure, log c = no idea
    sets: np.ndarray  # bool (n, c), classes among which the true one is ...
    coverage: float  # ... with at least this probability
    # float32 (n,), share of labelled galaxies kept aside that are as far from the known ones or
    # farther; small = unlike them, NaN = not known
    typicality: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.float32))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def labels(self) -> np.ndarray:
        """The most probable class of each galaxy: int64 (n,)."""
        return self.probabilities.argmax(axis=1).astype(np.int64)

    def covered(self, truth: np.ndarray) -> float:
        """Return the share of galaxies whose set holds the class named in `truth` (str, (n,))."""
        held = self.sets & (truth[:, None] == np.array(self.classes))
        return float(held.any(axis=1).mean())


@dataclass(frozen=True)
class ToLabel:
    """Galaxies to label next, smallest margin first."""

    rows: np.ndarray  # int64 (k,)
    # float64 (k,), probability of the first class less that of the second; NaN without a probe
    margins: np.ndarray


@dataclass(frozen=True)
class RegressionResult:
    """How well a probe predicts a number for other galaxies."""

    # 1 - mean squared error / variance of the truth; at most 1, 0 = no better than naming the mean
    r2: float
    interval: tuple[float, float]  # 95 % bootstrap interval of r2
    rmse: float  # in the unit of the target
    spearman: float  # rank correlation of truth and prediction, in [-1, 1]
    truth: np.ndarray  # float64 (n,), values of the scored rows
    predictions: np.ndarray  # float64 (n,)
    # int64 (n,), which rows of the test embeddings were scored (those of unknown value are not)
    rows: np.ndarray
    num_train: int
    setting: str  # e.g. "penalty = 0.01"


@dataclass(frozen=True)
class FewLabelPoint:
    """A probe trained on few labels: one entry per draw."""

    budget: str  # "1 %" or "5 per class"
    num_labels: int
    accuracies: np.ndarray  # float64 (draws,), fractions in [0, 1]
    balanced_accuracies: np.ndarray  # float64 (draws,)


@dataclass(frozen=True)
class Neighbours:
    """The k nearest galaxies of each query, nearest first."""

    indices: np.ndarray  # int64 (k,) for one query, (q, k) for several
    distances: np.ndarray  # float32, same shape


@dataclass(frozen=True)
class PatchErrors:
    """Predicted against target tokens of hidden patches; NaN if never predicted."""

    # float32 (G, G), mean over D of the squared difference of layer-normed targets and predictions
    mse: np.ndarray
    cosine: np.ndarray  # float32 (G, G), in [-1, 1]
    # float32 (G, G), standard deviation of the MSE over masks (NaN with fewer than two)
    spread: np.ndarray
    times: np.ndarray  # int64 (G, G), how often each patch was predicted
    hidden: np.ndarray  # bool (m, G, G), the masks that were used, True = hidden
    # what predicting this image's mean target token for every patch would give
    variance: float = math.nan

    @property
    def normalised(self) -> np.ndarray:
        """MSE over that of the mean token: float32 (G, G), >= 0, 1 = no better, or NaN."""
        return normalised_error(self.mse, self.variance)


def normalised_error(mse: np.ndarray, variance: np.ndarray | float) -> np.ndarray:
    """Return mse / variance, float32; NaN where the variance is 0 (collapse)."""
    mse, variance = np.broadcast_arrays(
        np.asarray(mse, np.float32), np.asarray(variance, np.float32)
    )
    return np.divide(
        mse, variance, out=np.full(mse.shape, np.nan, np.float32), where=variance > 1e-12
    )


@dataclass(frozen=True)
class CollapseGauges:
    """Is there still a spread of embeddings? Alarms, not a ranking."""

    effective_rank: float  # exp(entropy of the singular values), centred; 1 = a line, D = isotropic
    feature_std: float  # mean over features of the standard deviation
    mean_cosine: float  # mean pairwise cosine; 1 = all vectors agree
    verdict: str  # one plain sentence
    collapsing: bool  # whether that sentence is an alarm
    narrow: bool = False  # few directions, of the width or beside hand-made statistics; no alarm
    hand_made_rank: float | None = None  # effective rank of hand-made statistics, standardised
