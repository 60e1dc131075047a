"""Image checks without a model: artefacts, brightness, S/N, stars, and correlations."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage, stats

from astrojepa.cache import cache_path, load_arrays, program_text, save_arrays
from astrojepa.data.crops import resize_frame
from astrojepa.data.dataset import Dataset
from astrojepa.data.frames import read_frames
from astrojepa.evaluation.batches import check_batches
from astrojepa.evaluation.pictures import artefacts, trails
from astrojepa.evaluation.pictures.artefacts import (
    ARTEFACTS,
    FRAME_SIZE,
    artefact_likelihood,
    artefact_scores,
    border,
    pixel_noise,
    radius,
)
from astrojepa.progress import Progress, reporting

# rank correlation from which on a score is said to follow a property of the image
SUSPICIOUS = 0.5
STRONG = 0.7
_BATCH = 128


@dataclass(frozen=True)
class PictureChecks:
    """What n images are like."""

    artefacts: np.ndarray  # float32 (n, kinds of ARTEFACTS), in [0, 1]
    brightness: np.ndarray  # float32 (n,), mean light above the sky, of the full scale
    signal_to_noise: np.ndarray  # float32 (n,), of the light in the middle half
    num_stars: np.ndarray  # float32 (n,), point-like sources outside the middle

    @property
    def artefact(self) -> np.ndarray:
        """How likely the image shows any artefact: float32 (n,), in [0, 1]."""
        return artefact_likelihood(self.artefacts)

    @property
    def parts(self) -> dict[str, np.ndarray]:
        """How plain each kind of artefact is, by name: float32 (n,) each, in [0, 1]."""
        return dict(zip(ARTEFACTS, self.artefacts.T, strict=True))

    @property
    def properties(self) -> dict[str, np.ndarray]:
        """What a score ought not to follow, by name."""
        return {
            "brightness": self.brightness,
            "S/N": self.signal_to_noise,
            "star count": self.num_stars,
        }


@dataclass(frozen=True)
class Correlation:
    """How closely a score follows a property of the images."""

    score: str
    about: str
    spearman: float  # rank correlation in [-1, 1]; NaN where either is constant

    @property
    def flagged(self) -> bool:
        """Whether the score mostly says the same as the property."""
        return abs(self.spearman) > SUSPICIOUS


def picture_checks(
    data: Dataset, *, cache: bool = True, progress: Progress | bool | None = None
) -> PictureChecks:
    """Check every image of a data set at 128 × 128 pixels, streamed.

    Kept under `.cache/astrojepa/picture-checks-*.npz` by the content of the data and of the program
    that measures, unless `cache` is False. Raises ValueError for an empty data set.
    """
    check_batches(data, "check")
    program = program_text(artefacts, trails, check_pictures, _count_stars)
    key = hashlib.sha256(
        f"{data.source_hash}\0{program}".encode() + data.rows.tobytes()
    ).hexdigest()[:24]
    path = cache_path("picture-checks", key)
    found = load_arrays(path) if cache else None
    names = [*PictureChecks.__annotations__]
    if found is None or any(name not in found or len(found[name]) != len(data) for name in names):
        parts = [slice(first, first + _BATCH) for first in range(0, len(data), _BATCH)]
        measured: list[PictureChecks] = []
        with reporting(progress, len(data), "checking images") as report:
            for part, pictures in zip(parts, read_frames(data, FRAME_SIZE, parts), strict=True):
                measured.append(check_pictures(pictures))
                report(min(part.stop, len(data)))
        found = vars(_joined(measured))
        if cache:
            save_arrays(path, **found)
    return PictureChecks(**{name: found[name] for name in names})


def check_readable(
    images: Iterable[tuple[int, object]], count: int, *, progress: Progress | bool | None = None
) -> tuple[np.ndarray, PictureChecks]:
    """Check the images among rows with what was read there, `count` in all, as `picture_checks`
    does; returns the rows that hold an image, int64 (m,), in their order, and what m images are
    like.
    """
    rows, frames = list[int](), list[np.ndarray]()
    none = np.zeros(0, np.float32)
    measured = [PictureChecks(np.zeros((0, len(ARTEFACTS)), np.float32), none, none, none)]
    with reporting(progress, count, "checking images") as report:
        for done, (row, image) in enumerate(images, 1):
            if isinstance(image, np.ndarray):
                rows.append(row)
                frames.append(resize_frame(image, FRAME_SIZE))
            if len(frames) == _BATCH or (done == count and frames):
                measured.append(check_pictures(np.stack(frames)))
                frames.clear()
            report(done)
    return np.array(rows, np.int64), _joined(measured)


def _joined(parts: Sequence[PictureChecks]) -> PictureChecks:
    names = PictureChecks.__annotations__
    return PictureChecks(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    )


def check_pictures(pictures: np.ndarray) -> PictureChecks:
    """Check images uint8 (b, S, S, 3), S >= 32.

    The sky is the median of the border. Brightness: the frame's mean above it. Signal-to-noise:
    light within a quarter of the side of the middle, over the noise of as many pixels. Stars: local
    maxima, smoothed over a hundredth of the side, that stand 4 times the noise above their
    surroundings, are narrower than a twentieth of the side, and lie further than 0.15 sides from
    the middle.
    """
    scores = artefact_scores(pictures)
    grey = pictures.astype(np.float32).mean(axis=3) / 255
    side = grey.shape[1]
    light = grey - np.median(grey[:, border(side)], axis=1)[:, None, None]
    noise, middle = pixel_noise(grey), radius(side) < 0.25
    signal = light[:, middle].sum(axis=1) / (noise * np.sqrt(middle.sum()))
    return PictureChecks(
        artefacts=scores,
        brightness=light.mean(axis=(1, 2)).astype(np.float32),
        signal_to_noise=signal.astype(np.float32),
        num_stars=_count_stars(grey, noise).astype(np.float32),
    )


def strength(rho: float, n: int) -> str:
    """Call a rank correlation of n galaxies by its strength: none, weak, moderate or strong.

    None: within 1.96/√(n − 1), where 95 % of unrelated samples lie. Weak: below 0.5 in size,
    moderate: below 0.7. "" for NaN.

    >>> strength(-0.33, 1000), strength(0.05, 1000)
    ('weak', 'none')
    """
    if np.isnan(rho):
        return ""
    if n < 3 or abs(rho) <= 1.96 / np.sqrt(n - 1):
        return "none"
    return "weak" if abs(rho) < SUSPICIOUS else "moderate" if abs(rho) < STRONG else "strong"


def spearman(values: np.ndarray, numbers: np.ndarray) -> float:
    """Return the rank correlation in [-1, 1] over finite rows; NaN if one is constant."""
    known = np.isfinite(values) & np.isfinite(numbers)
    if known.sum() < 3 or np.ptp(values[known]) == 0 or np.ptp(numbers[known]) == 0:
        return float("nan")
    return float(stats.spearmanr(values[known], numbers[known]).statistic)


def correlations(
    scores: dict[str, np.ndarray], properties: dict[str, np.ndarray]
) -> list[Correlation]:
    """Return Spearman's ρ of each score (n,) with each property (n,) over finite rows.

    A score that follows brightness ranks bright galaxies, whatever it is called. Raises ValueError
    for other lengths.
    """
    rows = []
    for score, values in scores.items():
        for about, numbers in properties.items():
            if len(values) != len(numbers):
                raise ValueError(
                    f"{score} has {len(values)} numbers and {about} has {len(numbers)}; give one "
                    f"each per galaxy, in the same order."
                )
            rows.append(Correlation(score, about, spearman(values, numbers)))
    return rows


def _count_stars(grey: np.ndarray, noise: np.ndarray) -> np.ndarray:
    side = grey.shape[1]
    sharp = ndimage.gaussian_filter(grey, (0, *(2 * [side / 100]))) - ndimage.gaussian_filter(
        grey, (0, *(2 * [side / 40]))
    )
    reach = max(3, round(side / 20) | 1)
    peaks = (ndimage.maximum_filter(sharp, (1, reach, reach)) == sharp) & (
        sharp > 4 * noise[:, None, None]
    )
    return (peaks & (radius(side) > 0.15)).sum(axis=(1, 2))
