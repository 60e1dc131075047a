"""Search by region: which galaxies have, anywhere, patches like some patches of one galaxy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from astrojepa.data.dataset import Dataset
from astrojepa.data.frames import frames_for
from astrojepa.evaluation.batches import check_batches, scored_in_batches
from astrojepa.progress import Listener

if TYPE_CHECKING:
    from astrojepa.checkpoints.model import Model

SAMPLE = 512  # galaxies that say what is usual at each place of an image
_EPSILON = 1e-6


def region_similarity(
    model: Model,
    data: Dataset,
    row: int,
    region: np.ndarray,
    *,
    batch_size: int = 32,
    cache: bool = True,
    progress: Listener = None,
) -> np.ndarray:
    """Return how much every galaxy has of a region of one galaxy, float32 (n,), in [-1, 1].

    `region` bool (G, G) marks patches of the galaxy at `row`. Their tokens are standardised at each
    place of the grid, over up to 512 galaxies of the data, since tokens know their place; then they
    are averaged. That is compared (cosine) with the average over the same shape, moved to every
    place where it fits into another galaxy's grid; the best place counts. 1 for the galaxy itself.
    A turned or mirrored copy is found only where the tokens ignore orientation.

    Kept in the cache as patch errors are. Raises ValueError for a row outside the data, and for a
    region that is empty or not of the model's grid, and fewer than two galaxies.

    Examples:
        >>> import numpy as np, astrojepa as aj
        >>> model, data = aj.load_model("small.lejepa"), aj.open_dataset("simulated:8")
        >>> region = np.zeros((model.grid, model.grid), bool)
        >>> region[3:5, 3:5] = True
        >>> region_similarity(model, data, 7, region).shape
        (8,)
    """
    region = np.asarray(region, dtype=bool)
    if region.shape != (model.grid, model.grid) or not region.any():
        raise ValueError(
            f"The region has shape {region.shape} and {int(region.sum())} patches; give at least "
            f"one patch of a grid of shape ({model.grid}, {model.grid})."
        )
    if isinstance(row, bool) or not isinstance(row, int | np.integer) or not 0 <= row < len(data):
        raise ValueError(f"There is no row {row!r}; the data have rows 0 to {len(data) - 1}.")
    if len(data) < 2:
        raise ValueError("A region is compared with other galaxies; give at least two.")
    check_batches(data, "compare", batch_size)

    @torch.inference_mode()
    def score(frames: np.ndarray, rows: np.ndarray) -> dict[str, np.ndarray]:
        averages = _averages(_standardised(_tokens(model, frames), usual), shape)
        return {"similarity": (averages @ target).amax(dim=1).cpu().numpy()}

    with torch.inference_mode():
        frames = frames_for(data, model.config.image, progress)
        sample = np.unique(np.linspace(0, len(data) - 1, min(SAMPLE, len(data))).astype(int))
        parts = (sample[first : first + batch_size] for first in range(0, len(sample), batch_size))
        usual = _usual(torch.cat([_tokens(model, frames[part]) for part in parts]))
        own = _standardised(_tokens(model, frames[row : row + 1]), usual)
        patches = torch.from_numpy(region).flatten().to(own.device)
        target = nn.functional.normalize(own[0, patches].mean(dim=0), dim=0)
    shape = _cropped(torch.from_numpy(region)).to(own)
    settings = {"galaxy": int(data.rows[row]), "region": np.packbits(region).tobytes().hex()}
    how: dict[str, Any] = {"batch_size": batch_size, "cache": cache, "progress": progress}
    found = scored_in_batches("region", model, data, settings, score, **how)
    return np.clip(found["similarity"].astype(np.float32), -1, 1)


def _tokens(model: Model, frames: np.ndarray) -> Tensor:
    """Return the tokens of all patches of frames (b, F, F, C), float32 (b, N, D)."""
    tokens, _ = model.network.evaluated.patch_tokens(model.normalised(np.asarray(frames)))
    return tokens.float()


def _usual(tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and deviation (1, N, D) over galaxies, at each place."""
    deviation, mean = torch.std_mean(tokens, dim=0, keepdim=True, correction=0)
    return mean, deviation.clamp_min(_EPSILON)


def _standardised(tokens: Tensor, usual: tuple[Tensor, Tensor]) -> Tensor:
    mean, deviation = usual
    return (tokens - mean) / deviation


def _cropped(region: Tensor) -> Tensor:
    """Return the smallest box around the patches of a region."""
    rows, columns = region.nonzero(as_tuple=True)
    return region[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def _averages(tokens: Tensor, shape: Tensor) -> Tensor:
    """Return the mean token over a shape (h, w) at every place, of length 1: (b, places, D)."""
    batch, count, width = tokens.shape
    grid = int(count**0.5)
    maps = tokens.transpose(1, 2).reshape(batch * width, 1, grid, grid)
    kernel = (shape / shape.sum())[None, None]
    means = nn.functional.conv2d(maps, kernel).reshape(batch, width, -1).transpose(1, 2)
    return nn.functional.normalize(means, dim=2)
