"""Does a model see a galaxy and its rotated or mirrored image alike? The sky has no up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from astrojepa.data.crops import turned
from astrojepa.data.dataset import Dataset
from astrojepa.data.frames import read_frames_for
from astrojepa.evaluation.batches import check_batches
from astrojepa.evaluation.vectors.embed import embed
from astrojepa.evaluation.vectors.neighbours import exact_distances, nearest
from astrojepa.evaluation.vectors.standardise import check_finite, standardise
from astrojepa.progress import Listener, reporting

if TYPE_CHECKING:
    from astrojepa.checkpoints.model import Model

SYMMETRIES = (
    "turned by 90°",
    "turned by 180°",
    "turned by 270°",
    "mirrored",
    "mirrored, turned by 90°",
    "mirrored, turned by 180°",
    "mirrored, turned by 270°",
)


@dataclass(frozen=True)
class SymmetryDrift:
    """How far embeddings of r galaxies move under rotation and mirroring (`SYMMETRIES`)."""

    # float32 (r, 7), 1 - cosine of the two embeddings, in [0, 2], 0 = the same direction
    cosine: np.ndarray
    # float32 (r, 7), distance in units of that to the nearest other galaxy; NaN for one galaxy
    # alone
    relative: np.ndarray

    @property
    def medians(self) -> dict[str, float]:
        """Median over galaxies of `relative`, per symmetry."""
        return dict(zip(SYMMETRIES, np.median(self.relative, axis=0).tolist(), strict=True))

    @property
    def beyond_nearest(self) -> float:
        """Share of moved images farther than the nearest other galaxy: 0 = symmetric."""
        return (
            float((self.relative > 1).mean()) if np.isfinite(self.relative).any() else float("nan")
        )


def symmetry_drift(
    model: Model,
    data: Dataset | np.ndarray,
    rows: np.ndarray | None = None,
    *,
    batch_size: int = 256,
    cache: bool = True,
    progress: Listener = None,
) -> SymmetryDrift:
    """Rotate and mirror galaxies, or frames uint8 (n, F, F, 3): how far do embeddings move?

    `rows` (r,) names those that are turned (all): a few hundred judge a model. The frame is turned
    about its centre before the network's part is cut out, so that the galaxy stays where it is.
    `relative` is Euclidean on features standardised by all n unturned galaxies, the metric of
    `neighbours`, and the nearest other is sought among all n; where that is an exact duplicate, at
    0, `relative` is infinite unless the drift is 0 too, and then 0.

    Raises ValueError for no galaxies, rows outside the data, batch_size < 1, or a vector that is
    not finite.
    """
    check_batches(data, "turn", batch_size)
    rows = np.arange(len(data)) if rows is None else np.asarray(rows, dtype=np.int64)
    if len(rows) == 0 or rows.min() < 0 or rows.max() >= len(data):
        raise ValueError(
            f"Expected rows from 0 to {len(data) - 1}, at least one, found {rows.tolist()[:6]}."
        )
    parts = [slice(first, first + batch_size) for first in range(0, len(rows), batch_size)]
    if isinstance(data, Dataset):
        plain = embed(model, data, batch_size=batch_size, cache=cache, progress=progress).vectors
        ids = data.ids
        pictures = iter(
            read_frames_for(data.subset(rows), model.config.image, parts)
        )  # of one galaxy, where one is asked for
    else:
        starts = range(0, len(data), batch_size)
        pictures, ids = (np.asarray(data[rows[part]]) for part in parts), np.arange(len(data))
        plain = np.concatenate([model.encode(data[first : first + batch_size]) for first in starts])
    versions = np.empty((len(SYMMETRIES), len(rows), plain.shape[1]), dtype=np.float32)
    with reporting(progress, len(rows), "turning") as report:
        for part, frames in zip(parts, pictures, strict=True):
            for number in range(len(SYMMETRIES)):
                versions[number, part] = model.encode(turned(frames, number + 1))
            report(min(part.stop, len(rows)))
    for vectors in (plain[rows], *versions):
        check_finite(vectors, ids[rows])
    return drift_of(plain, rows, versions)


def drift_of(plain: np.ndarray, rows: np.ndarray, versions: np.ndarray) -> SymmetryDrift:
    """Measure how far 7 versions (7, r, D) of rows (r,) lie from n embeddings (n, D)."""
    own = plain[rows]
    products = np.einsum("nd,vnd->nv", own, versions, dtype=np.float64)
    scale = np.linalg.norm(own, axis=1)[:, None] * np.linalg.norm(versions, axis=2).T
    cosine = 1 - np.divide(products, scale, out=np.ones_like(products), where=scale > 0)
    features, *moved = standardise(plain, *versions)
    gaps = np.stack([np.linalg.norm(version - features[rows], axis=1) for version in moved], axis=1)
    if len(plain) < 2:
        return SymmetryDrift(cosine.astype(np.float32), np.full_like(gaps, np.nan))
    near = nearest(features, features[rows], 1, exclude=rows)[1]
    others = exact_distances(features, features[rows], near)
    relative = np.divide(
        gaps, others, out=np.where(gaps > 0, np.inf, 0.0).astype(np.float32), where=others > 0
    )
    return SymmetryDrift(cosine.astype(np.float32), relative)
