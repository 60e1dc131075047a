"""Health of a run and its best checkpoint, on validation images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from astrojepa.config import TrainConfig
from astrojepa.data.dataset import Dataset
from astrojepa.data.frames import frames_for
from astrojepa.data.transforms import centre_crop, normalise, to_flux
from astrojepa.evaluation.probes.classification import knn_probe, linear_probe
from astrojepa.evaluation.vectors.collapse import collapse_gauges
from astrojepa.models.jepa import JEPA
from astrojepa.objective.sigreg import SIGReg
from astrojepa.types import Embeddings

KNOWN, ASKED = 4096, 1024  # galaxies that vote, galaxies that are judged
# SIGReg over its floor on clean images above which the projected embeddings are far from N(0, I)
FLOOR_ALARM = 20.0
_CHUNK = 256


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
        self.can_judge = len(self.asked) > 1
        labelled = [
            set(part.labels[part.labels >= 0].tolist()) for part in (self.known, self.asked)
        ]
        self.can_probe = len(labelled[0]) > 1 and bool(labelled[1])

    def judge(self, network: JEPA) -> dict[str, Any]:
        """Return gauges of the clean validation images, probes if labelled, and any alarm.

        `clean_sigreg_over_floor` is SIGReg of the projections of whole images, each seen once, over
        what a Gaussian sample of their number gives: 1 cannot be told from N(0, I). `merit_error`
        is the standard error of `merit`. Nothing is measured on fewer than two validation galaxies.
        """
        if not self.can_judge:
            return {}
        asked = self._embedded(network.embed, self.asked)
        gauges = collapse_gauges(asked.vectors)
        row: dict[str, Any] = {
            "effective_rank": gauges.effective_rank,
            "feature_std": gauges.feature_std,
            "mean_cosine": gauges.mean_cosine,
            "clean_sigreg_over_floor": self._over_floor(network),
        }
        if self.can_probe:
            known = self._embedded(network.embed, self.known)
            near, linear = knn_probe(known, asked), linear_probe(known, asked)
            row["knn_accuracy"], row["linear_accuracy"] = near.accuracy, linear.accuracy
            right = near.correct.astype(float) + linear.correct
            row["merit_error"] = float(right.std() / np.sqrt(len(right)))
        if gauges.collapsing:
            row["alarm"] = gauges.verdict
        elif (
            self.config.objective.sigreg_weight > 0 and row["clean_sigreg_over_floor"] > FLOOR_ALARM
        ):
            row["alarm"] = (
                "Not Gaussian: SIGReg of clean validation images is "
                f"{row['clean_sigreg_over_floor']:.0f} times its floor, over {FLOOR_ALARM:g}."
            )
        return row

    def _over_floor(self, network: JEPA) -> float:
        aim = self.config.objective
        vectors = torch.from_numpy(self._embedded(network.project, self.asked).vectors)
        sigreg = SIGReg.of(aim, self.config.seed, scale="mean")
        return float(sigreg(vectors, step=0)) / sigreg.floor(len(vectors))

    def _embedded(self, encode: Callable[[Tensor], Tensor], data: Dataset) -> Embeddings:
        image = self.config.image
        stored = frames_for(data, image)
        parts: list[Any] = []
        with torch.inference_mode():
            for start in range(0, len(stored), _CHUNK):
                crop = np.ascontiguousarray(
                    centre_crop(np.asarray(stored[start : start + _CHUNK]), image.image_size)
                )
                flux = to_flux(torch.from_numpy(crop).to(self.device), image)
                vectors = encode(normalise(flux, image.normalization, self.mean, self.std))
                parts.append(vectors.float().cpu().numpy())
        return Embeddings(np.concatenate(parts), data.labels, data.ids, data.classes)


def merit(row: dict[str, Any]) -> float:
    """Return what `best.pt` is chosen by: linear and 20-NN accuracy on validation, added.

    `best.pt` is the latest whose merit is within one standard error of the highest: once
    validation cannot tell epochs apart, longer training still helps on galaxies of other sources
    (docs/experiments.md). Without labels it is the step. *Source:* the one-standard-error rule of
    Breiman et al. 1984, section 3.4.3.
    """
    if "linear_accuracy" not in row:
        return float(row["step"])
    return float(row["linear_accuracy"] + row.get("knn_accuracy", 0.0))


def _sample(allowed: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Choose at most `count` of the allowed rows, in their order."""
    rows = np.flatnonzero(allowed)
    return np.sort(np.random.default_rng((seed, 7)).permutation(rows)[:count])
