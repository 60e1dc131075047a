from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from astrojepa.data import open_dataset
from astrojepa.data.frames import frames
from astrojepa.evaluation.pictures.artefacts import (
    ARTEFACTS,
    FRAME_SIZE,
    LIKELY,
    artefact_likelihood,
    artefact_scores,
    pixel_noise,
)

SIDE = FRAME_SIZE
Change = Callable[[np.ndarray], np.ndarray]


def galaxy(sky: float = 25, seed: int = 0) -> np.ndarray:
    """A round galaxy in the middle over a noisy grey sky: float (S, S, 3), grey levels."""
    down, right = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    noise = 3 * np.random.default_rng(seed).normal(size=(SIDE, SIDE, 3))
    return sky + 150 * np.exp(-np.hypot(down, right) / 10)[..., None] + noise


def star(image: np.ndarray, x: int, y: int, radius: int) -> np.ndarray:
    down, right = np.mgrid[:SIDE, :SIDE]
    image[np.hypot(down - y, right - x) < radius] = 255
    return image


def trail(image: np.ndarray) -> np.ndarray:
    down, right = np.mgrid[:SIDE, :SIDE]
    image[..., 1] += 60 * np.exp(-((down - 0.6 * right - 10) ** 2) / 2)
    return image


def spread(image: np.ndarray, place: slice, level: float) -> np.ndarray:
    image[place] = level
    return image


def tinted(image: np.ndarray, channel: int, factor: float, offset: float) -> np.ndarray:
    image[..., channel] = factor * image[..., channel] + offset
    return image


FAULTS: dict[str, Change] = {
    "blank": lambda image: 25 + 3 * np.random.default_rng(1).normal(size=image.shape),
    "saturated": lambda image: star(image, 64, 64, 20),
    "trail": trail,
    "missing band": lambda image: tinted(image, 2, 0, 0),
    "dead line": lambda image: np.concatenate(
        [image[:, :60], 0 * image[:, 60:62], image[:, 62:]], axis=1
    ),
    "star-dominated": lambda image: star(image, 25, 30, 10),
    "coloured sky": lambda image: tinted(image, 0, 1, 80),
    "off-centre": lambda image: np.roll(image, (40, 40), axis=(0, 1)),
}


def stored(levels: np.ndarray) -> np.ndarray:
    return np.clip(levels, 0, 255).astype(np.uint8)


def test_every_kind_has_a_test() -> None:
    assert tuple(FAULTS) == ARTEFACTS


@pytest.mark.parametrize("kind", ARTEFACTS)
def test_a_planted_fault_is_named(kind: str) -> None:
    scores = artefact_scores(stored(FAULTS[kind](galaxy()))[None])[0]
    assert scores[ARTEFACTS.index(kind)] > LIKELY, dict(zip(ARTEFACTS, scores, strict=True))


def test_sound_galaxies_have_no_fault() -> None:
    images = [galaxy(sky, seed) for seed, sky in enumerate([5, 10, 25, 40])]
    scores = artefact_scores(stored(np.stack(images)))
    assert (scores < 0.2).all(), dict(zip(ARTEFACTS, scores.max(axis=0), strict=True))


@pytest.mark.parametrize(
    "kind", ["blank", "saturated", "missing band", "dead line", "star-dominated", "coloured sky"]
)
def test_turning_and_mirroring_a_picture_changes_no_score(kind: str) -> None:
    image = stored(FAULTS[kind](galaxy()))
    turned = np.stack([image, image.transpose(1, 0, 2), image[::-1], image[:, ::-1]])
    scores = artefact_scores(turned)
    np.testing.assert_allclose(scores, np.broadcast_to(scores[:1], scores.shape), atol=0.15)


def test_red_light_scattered_by_a_star_is_found_and_the_light_of_a_red_galaxy_is_not() -> None:
    down, right = np.mgrid[:SIDE, :SIDE]
    glow, own = (
        np.exp(-np.hypot(down - 30, right - 25) / 40),
        np.exp(-np.hypot(down - 64, right - 64) / 25),
    )
    red = np.array([1, 0.35, 0.2])
    images = [galaxy() + 150 * light[..., None] * red for light in (glow, 0.2 * glow, own)]
    scores = artefact_scores(stored(np.stack(images)))[:, ARTEFACTS.index("star-dominated")]
    assert scores[0] > LIKELY
    assert (scores[1:] == 0).all(), "a faint star, and a large galaxy that is red itself"


def test_half_a_frame_without_data_is_blank() -> None:
    image = spread(galaxy(), np.s_[:, 96:], 0)
    assert artefact_scores(stored(image)[None])[0, ARTEFACTS.index("blank")] > LIKELY


def test_a_picture_is_judged_alone_and_the_likelihood_is_its_plainest_fault() -> None:
    images = stored(np.stack([galaxy(), trail(galaxy(seed=1)), FAULTS["blank"](galaxy())]))
    together = artefact_scores(images)
    np.testing.assert_allclose(
        together, np.concatenate([artefact_scores(image[None]) for image in images]), atol=1e-5
    )
    assert together.dtype == np.float32
    np.testing.assert_array_equal(artefact_likelihood(together), together.max(axis=1))


@pytest.mark.parametrize("level", [0, 128, 255])
def test_constant_pictures_have_scores(level: int) -> None:
    scores = artefact_scores(np.full((1, 32, 32, 3), level, np.uint8))
    assert np.isfinite(scores).all()
    assert scores.max() == 1


def test_pixel_noise_is_that_of_the_noise_and_not_of_the_galaxy() -> None:
    levels = galaxy()
    levels[..., 1:] = levels[..., :1]
    assert pixel_noise(levels.mean(axis=2)[None] / 255)[0] == pytest.approx(
        3 / 255 + 0.3 / 255, rel=0.1
    )


@pytest.mark.slow
def test_simulated_faults_are_found_and_few_others_are_suspected() -> None:
    data = open_dataset("simulated:1000")
    planted = data.table["artefact"].to_numpy()
    judged = np.flatnonzero((planted != "none") | (np.arange(1000) < 300))
    scores, planted = (
        artefact_scores(np.asarray(frames(data.subset(judged), SIDE))),
        planted[judged],
    )
    for fault, kind in (
        ("satellite trail", "trail"),
        ("dead column", "dead line"),
        ("missing band", "missing band"),
    ):
        assert (scores[planted == fault, ARTEFACTS.index(kind)] > LIKELY).mean() >= 0.5, fault
    assert (artefact_likelihood(scores)[planted == "none"] > LIKELY).mean() < 0.05


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        (np.zeros((2, 64, 64, 3), np.float32), "uint8"),
        (np.zeros((64, 64, 3), np.uint8), "Expected square images"),
        (np.zeros((1, 64, 48, 3), np.uint8), "resize them first"),
        (np.zeros((1, 16, 16, 3), np.uint8), "at least 32 pixels a side, found 16"),
    ],
)
def test_other_pictures_are_refused(pictures: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        artefact_scores(pictures)
