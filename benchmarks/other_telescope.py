"""Probes on images of another simulated telescope, with and without whitening within galaxies.

python -m benchmarks.other_telescope best [--powers 0 0.25 0.5] [--data ../shared/galaxies]

A probe is fitted to the images as they are and tested on images degraded by the augmentations of
the preset `smallresnet10t.polar`, without crops, in 4-fold cross-validation over training and
validation galaxies. Whitening within galaxies multiplies vectors by S^-power, where S is the
covariance of a galaxy's views about their mean: 0 is none, 0.5 makes the views of a galaxy scatter
alike in all directions (WCCN, Hatch et al. 2006, with galaxies in place of speakers). S comes from
training galaxies, without labels.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import numpy as np
import torch

import astrojepa as aj
from astrojepa.checkpoints.model import Model
from astrojepa.config import ViewConfig
from astrojepa.data.dataset import Dataset
from astrojepa.data.frames import frames_for
from astrojepa.data.splits import default_split
from astrojepa.data.transforms import normalise
from astrojepa.evaluation.probes.few_labels import few_label_curve
from astrojepa.evaluation.reports.benchmark import BENCHMARKS
from astrojepa.presets import preset
from astrojepa.training.views import make_noise_bank, num_view_uniforms, random_views
from astrojepa.types import Embeddings
from benchmarks.cross_validation import FOLDS, fold_of_each, galaxies
from benchmarks.measure import machine, write

DRAWN = 3_000  # galaxies: of training for the covariance, and of each benchmark
TOGETHER = 64
VIEWS = preset("smallresnet10t.polar").views
WHOLE = dataclasses.replace(VIEWS, global_scale=(0.98, 1.0), shift=0.0)


def view_vectors(
    model: Model, data: Dataset, rows: np.ndarray, views: ViewConfig, seed: int
) -> np.ndarray:
    """Return the vectors of each galaxy's global views: float32 (n, V, D)."""
    generator = torch.Generator().manual_seed(seed)
    noise = make_noise_bank(seed, torch.device("cpu"))
    image, frames = model.config.image, frames_for(data, model.config.image)
    found = []
    for first in range(0, len(rows), TOGETHER):
        part = torch.from_numpy(np.asarray(frames[rows[first : first + TOGETHER]]))
        draws = torch.rand(len(part), num_view_uniforms(views), generator=generator)
        flux = random_views(part, image, views, draws, noise)[0].transpose(0, 1)
        pixels = normalise(flux.flatten(0, 1), image.normalization, model.mean, model.std)
        with torch.inference_mode():
            vectors = model.network.embed(pixels).float()
        found.append(vectors.unflatten(0, flux.shape[:2]).numpy())
    return np.concatenate(found)


def within_galaxies(vectors: np.ndarray) -> np.ndarray:
    """Return the covariance (D, D) of views (n, V, D) about the mean of their galaxy."""
    n, views, width = vectors.shape
    apart = (vectors - vectors.mean(axis=1, keepdims=True)).reshape(-1, width).astype(np.float64)
    return apart.T @ apart / (n * (views - 1))


def to_power(covariance: np.ndarray, power: float) -> np.ndarray:
    """Return a covariance to a power, after adding a thousandth of its mean variance."""
    floor = 1e-3 * np.trace(covariance) / len(covariance)
    values, axes = np.linalg.eigh(covariance)
    return (axes * (values + floor) ** power) @ axes.T


def measured(clean: Embeddings, degraded: Embeddings, power: float) -> dict[str, float]:
    """Return accuracies in percent: of all labels, clean and degraded, and of 5 % of the labels."""
    folds = fold_of_each(clean.labels)
    right = dict.fromkeys(("linear", "knn", "degraded_linear", "degraded_knn"), 0)
    few = []
    for fold in range(FOLDS):
        new = np.flatnonzero(folds == fold)
        known, same, other = (
            clean.subset(np.flatnonzero(folds != fold)),
            clean.subset(new),
            degraded.subset(new),
        )
        for name, part in (("", same), ("degraded_", other)):
            right[f"{name}linear"] += int(aj.linear_probe(known, part).correct.sum())
            right[f"{name}knn"] += int(aj.knn_probe(known, part).correct.sum())
        (point,) = few_label_curve(known, same, shares=(0.05,), per_class=())
        few.append(100 * float(point.accuracies.mean()))
    shares = {name: round(100 * number / len(folds), 1) for name, number in right.items()}
    return {"power": power, **shares, "five_percent": round(float(np.mean(few)), 1)}


def main() -> None:
    """Measure a model with each power, on both benchmarks."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("model")
    flags.add_argument("--powers", type=float, nargs="+", default=[0, 0.25, 0.5])
    flags.add_argument("--data", type=Path, default=Path("../shared/galaxies"))
    flags.add_argument("--out", type=Path, default=Path("other_telescope.json"))
    given = flags.parse_args()
    model = aj.load_model(given.model)
    generator = np.random.default_rng(0)
    training = default_split(aj.open_dataset(given.data))[0]
    viewed = np.sort(generator.choice(len(training), DRAWN, replace=False))
    scatter = within_galaxies(view_vectors(model, training, viewed, VIEWS, seed=0))
    found: dict[str, list[dict[str, float]]] = {}
    for name in BENCHMARKS:
        every = galaxies(given.data, name)
        rows = np.sort(generator.choice(len(every), DRAWN, replace=False))
        clean = aj.embed(model, every.subset(rows), passes=1)
        other = view_vectors(model, every, rows, WHOLE, seed=1)[:, 0]
        found[name] = []
        for power in given.powers:
            whiten = to_power(scatter, -power)
            as_they_are, degraded = (
                dataclasses.replace(clean, vectors=(one @ whiten).astype(np.float32))
                for one in (clean.vectors, other)
            )
            found[name].append(measured(as_they_are, degraded, power))
            print(name, found[name][-1], flush=True)
    settings = {"model": given.model, "galaxies": DRAWN, "folds": FOLDS}
    write(given.out, {"machine": machine(), **settings, "benchmarks": found})


if __name__ == "__main__":
    main()
