"""Fine-tuning: the encoder is trained on the labels."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from astrojepa.config import replace
from astrojepa.data.dataset import Dataset
from astrojepa.data.frames import frames_for
from astrojepa.data.transforms import normalise, random_frames
from astrojepa.evaluation.probes.classification import fitted_weights
from astrojepa.evaluation.probes.metrics import balanced_accuracy, score
from astrojepa.evaluation.probes.parts import ProbeParts, probe_parts
from astrojepa.evaluation.probes.portable import PortableProbe
from astrojepa.evaluation.vectors.embed import embed
from astrojepa.progress import Listener, reporting
from astrojepa.types import Embeddings, ProbeResult

if TYPE_CHECKING:
    from astrojepa.checkpoints.model import Model

HEAD_FASTER = 10.0  # the head's learning rate in units of the encoder's
SCRATCH_RATE = 1e-3  # from random weights, of encoder and head alike
BRIGHTNESS = 0.1  # largest change, fraction
WEIGHT_DECAY = 0.05
NORM_EPS = 1e-8  # of the batch norm before the head
WARMUP = 0.1  # share of the steps over which the learning rate rises


def fine_tune(
    model: Model,
    train: Dataset,
    validation: Dataset,
    test: Dataset,
    *,
    epochs: int = 10,
    batch_size: int = 64,
    learning_rate: float = 1e-4,
    head_faster: float = HEAD_FASTER,
    seed: int = 0,
    progress: Listener = None,
) -> ProbeResult:
    """Fine-tune a copy of the encoder with a linear classifier, and score it once on `test`.

    The classifier starts as the linear probe, on features normalised per batch, and learns
    `head_faster` times as fast as the encoder. AdamW on cross-entropy; the rate rises over the
    first tenth of the steps and falls to 0 by a cosine. Every frame is mirrored, turned at random
    and made up to 10 % brighter or fainter. The epoch with the best balanced accuracy on
    `validation` is scored, the earliest on a tie; epoch 0 is the start. Order and turns follow from
    `seed`. Unlabelled galaxies are left out; `model` is not changed.

    Raises ValueError for epochs < 1, batch_size < 2, or as `linear_probe`; FloatingPointError where
    the loss stops being finite.
    *Source:* Kumar et al. 2022 (arXiv:2202.10054), whose linear probe has no normalisation behind
    it.
    """
    _check_labelled(test, "test")
    chosen = test.subset(test.labels >= 0)
    tuned, probe = trained_on_labels(
        model,
        train,
        validation,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        head_faster=head_faster,
        seed=seed,
        progress=progress,
    )
    probabilities = probe.probabilities(_vectors(tuned, chosen))
    rows, num_train = np.flatnonzero(test.labels >= 0), int((train.labels >= 0).sum())
    return score(probe.classes, chosen.labels, probabilities, rows, num_train, probe.setting)


def trained_on_labels(
    model: Model,
    train: Dataset,
    validation: Dataset,
    *,
    epochs: int = 10,
    batch_size: int = 64,
    learning_rate: float = 1e-4,
    head_faster: float = HEAD_FASTER,
    passes: int | None = None,
    seed: int = 0,
    progress: Listener = None,
) -> tuple[Model, PortableProbe]:
    """Train as `fine_tune`, and return the model, under another hash, with its classifier.

    `passes` is the number of passes per galaxy where nothing is trained.
    """
    if epochs < 1 or batch_size < 2:
        raise ValueError(
            f"Fine-tuning needs epochs >= 1 and a batch of 2 or more, found {epochs} and "
            f"{batch_size}."
        )
    _check_labelled(train, "train")
    _check_labelled(validation, "validation")
    train, validation = (part.subset(part.labels >= 0) for part in (train, validation))
    known, check = (
        embed(model, part, passes=passes, progress=progress) for part in (train, validation)
    )
    parts = probe_parts(known, check, check, seed)
    tuned = dataclasses.replace(model, network=copy.deepcopy(model.network))
    encoder = tuned.network.evaluated.requires_grad_(True)
    classifier = _first_classifier(known, parts).to(model.device)
    optimiser, schedule = _optimiser(
        encoder, classifier, learning_rate, head_faster, epochs * max(1, len(train) // batch_size)
    )
    best = -1.0
    with reporting(progress, epochs * len(train), "fine-tuning") as report:
        for epoch in range(epochs + 1):
            if epoch:
                encoder.train()
                classifier.train()
                _one_epoch(
                    tuned,
                    classifier,
                    train,
                    parts.codes,
                    batch_size,
                    (seed, epoch),
                    optimiser,
                    schedule,
                )
                report(epoch * len(train))
            probe = _as_probe(classifier, parts, f"epoch {epoch} of {epochs}")
            predictions = probe.probabilities(_vectors(tuned, validation, passes)).argmax(axis=1)
            reached = balanced_accuracy(parts.check_labels, predictions)
            if reached > best:
                best, best_probe, kept = reached, probe, copy.deepcopy(encoder.state_dict())
    encoder.load_state_dict(kept)
    return dataclasses.replace(tuned, hash=_digest(kept)), best_probe


def supervised(
    model: Model,
    train: Dataset,
    validation: Dataset,
    test: Dataset,
    *,
    epochs: int,
    batch_size: int = 64,
    progress: Listener = None,
) -> ProbeResult:
    """Train a ResNet-18 from random weights on the model's pixels: the ceiling of a frozen encoder.

    As `fine_tune` with one learning rate of 1e-3; a galaxy's vector is the mean over four quarter
    turns.
    """
    config = replace(
        model.config,
        backbone="resnet18",
        readout="last",
        frozen_stages=0,
        orientations=4,
        scales=1,
        prediction_weight=0.0,
        invariance_weight=1.0,
        predictor_depth=0,
    )
    start = dataclasses.replace(model, config=config).randomised(0)
    return fine_tune(
        start,
        train,
        validation,
        test,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=SCRATCH_RATE,
        head_faster=1.0,
        progress=progress,
    )


def _first_classifier(known: Embeddings, parts: ProbeParts) -> nn.Sequential:
    """Return the linear probe as a layer behind batch norm with known statistics."""
    weights, _ = fitted_weights(parts)
    norm = nn.BatchNorm1d(known.vectors.shape[1], eps=NORM_EPS, affine=False)
    norm.running_mean = torch.from_numpy(known.vectors.mean(axis=0))
    norm.running_var = torch.from_numpy(known.vectors.var(axis=0))
    linear = nn.Linear(known.vectors.shape[1], len(parts.present))
    linear.weight.data = torch.from_numpy(weights.slope.T.astype(np.float32).copy())
    linear.bias.data = torch.from_numpy(weights.offset.astype(np.float32))
    return nn.Sequential(norm, linear)


def _optimiser(
    encoder: nn.Module, classifier: nn.Module, rate: float, head_faster: float, steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """Return AdamW, which decays matrices only, and its schedule."""
    groups = [
        {
            "params": [item for item in part.parameters() if (item.ndim > 1) == decayed],
            "lr": own,
            "weight_decay": decay,
        }
        for part, own in ((encoder, rate), (classifier, head_faster * rate))
        for decayed, decay in ((True, WEIGHT_DECAY), (False, 0.0))
    ]
    warmup = max(1, round(WARMUP * steps))

    def share(step: int) -> float:
        return min((step + 1) / warmup, 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps))))

    optimiser = torch.optim.AdamW(groups)
    return optimiser, torch.optim.lr_scheduler.LambdaLR(optimiser, share)


def _one_epoch(
    model: Model,
    classifier: nn.Module,
    train: Dataset,
    codes: np.ndarray,
    batch_size: int,
    seed: tuple[int, int],
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
) -> None:
    """Step once through the galaxies in random order, in batches of about `batch_size`."""
    image, pictures = model.config.image, frames_for(train, model.config.image)
    generator = np.random.default_rng(seed)
    for rows in np.array_split(generator.permutation(len(train)), max(1, len(train) // batch_size)):
        uniforms = torch.from_numpy(generator.random((len(rows), 5), dtype=np.float32)).to(
            model.device
        )
        stored = torch.from_numpy(pictures[rows]).to(model.device)
        rotate = model.config.optim.rotate
        flux = random_frames(stored, image.image_size, rotate, uniforms[:, :4], image)
        flux = (flux * (1 + BRIGHTNESS * (2 * uniforms[:, 4, None, None, None] - 1))).clamp_(0, 1)
        vectors = model.network.embed(normalise(flux, image.normalization, model.mean, model.std))
        loss = functional.cross_entropy(
            classifier(vectors), torch.from_numpy(codes[rows]).to(model.device)
        )
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"The loss of fine-tuning is {loss.item()} in epoch {seed[1]} at a learning rate "
                f"of {schedule.get_last_lr()[0]:.2g}; choose a smaller learning_rate."
            )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()


def _as_probe(classifier: nn.Sequential, parts: ProbeParts, setting: str) -> PortableProbe:
    """Return the classifier as plain numbers."""
    numbers = {name: value.cpu().numpy().copy() for name, value in classifier.state_dict().items()}
    shift, factor = numbers["0.running_mean"], 1 / np.sqrt(numbers["0.running_var"] + NORM_EPS)
    layers = ((numbers["1.weight"].T, numbers["1.bias"]),)
    return PortableProbe("linear", parts.classes, parts.present, shift, factor, layers, setting)


def _vectors(model: Model, data: Dataset, passes: int | None = None) -> np.ndarray:
    """Embed galaxies with a network that is being trained."""
    model.network.evaluated.eval()
    return embed(model, data, passes=passes, cache=False).vectors


def _digest(state: dict[str, Tensor]) -> str:
    """Return 16 hex digits that tell weights from others."""
    digest = hashlib.sha256()
    for name, value in sorted(state.items()):
        digest.update(name.encode() + value.cpu().numpy().tobytes())
    return digest.hexdigest()[:16]


def _check_labelled(part: Dataset, name: str) -> None:
    if not (part.labels >= 0).any():
        raise ValueError(
            f"None of the {len(part)} {name} galaxies of {part.name} has a label; fine-tuning "
            f"needs them in each."
        )
