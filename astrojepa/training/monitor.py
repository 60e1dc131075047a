"""Is the run healthy, and which of its checkpoints is best? Measured on validation images with the target encoder."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from astrojepa.config import TrainConfig
from astrojepa.data.dataset import Dataset
from astrojepa.data.loaders import frames
from astrojepa.data.transforms import centre_crop, normalise, to_flux
from astrojepa.evaluation.collapse import collapse_gauges
from astrojepa.evaluation.probes import knn_probe, linear_probe
from astrojepa.models.jepa import JEPA
from astrojepa.types import Embeddings

KNOWN, ASKED = 4096, 1024  # galaxies that vote, galaxies that are judged
_CHUNK = 256


def explained_variance(prediction_error: Tensor, target: Tensor) -> Tensor:
    """Return 1 - MSE / Var(target), the part of the targets' variance over images that is predicted; at most 1."""
    flat = target.float().flatten(0, 2)
    return 1 - prediction_error / flat.var(dim=0, correction=0).mean().clamp_min(1e-12)


def token_spread(tokens: Tensor) -> Tensor:
    """Return the tokens' variance within an image as a fraction of all their variance: 0 = all tokens of an image agree."""
    tokens = tokens.detach().float()
    within = tokens.var(dim=1, correction=0).mean()
    return within / tokens.flatten(0, 1).var(dim=0, correction=0).mean().clamp_min(1e-12)


class Monitor:
    """Keeps a fixed sample of training and validation galaxies and judges the network on them."""

    def __init__(
        self,
        known: Dataset,
        asked: Dataset,
        config: TrainConfig,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        device: torch.device,
    ) -> None:
        self.config, self.mean, self.std, self.device = config, mean, std, device
        self.known = known.subset(_sample(known.labels >= 0, KNOWN, config.seed))
        self.asked = asked.subset(_sample(np.ones(len(asked), bool), ASKED, config.seed))
        labelled = [set(part.labels[part.labels >= 0].tolist()) for part in (self.known, self.asked)]
        self.can_probe = len(labelled[0]) > 1 and bool(labelled[1])

    def judge(self, network: JEPA) -> dict[str, float]:
        """Return effective rank, feature spread and mean cosine of the validation embeddings, and probes where labelled."""
        asked = self._embed(network, self.asked)
        gauges = collapse_gauges(asked.vectors)
        row = {"effective_rank": gauges.effective_rank, "feature_std": gauges.feature_std, "mean_cosine": gauges.mean_cosine}
        if self.can_probe:
            known = self._embed(network, self.known)
            row["knn_accuracy"] = knn_probe(known, asked).accuracy
            row["linear_accuracy"] = linear_probe(known, asked).accuracy
        return row

    def _embed(self, network: JEPA, data: Dataset) -> Embeddings:
        image = self.config.image
        stored = frames(data, image.frame_size)
        parts: list[Any] = []
        with torch.inference_mode():
            for start in range(0, len(stored), _CHUNK):
                crop = np.ascontiguousarray(centre_crop(np.asarray(stored[start : start + _CHUNK]), image.image_size))
                flux = to_flux(torch.from_numpy(crop).to(self.device))
                parts.append(network.embed(normalise(flux, image.normalization, self.mean, self.std)).float().cpu().numpy())
        return Embeddings(np.concatenate(parts), data.labels, data.ids, data.classes)


def _sample(allowed: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Choose at most `count` of the allowed rows, in their order."""
    rows = np.flatnonzero(allowed)
    return np.sort(np.random.default_rng((seed, 7)).permutation(rows)[:count])
