from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from astrojepa.checkpoints.model import Model, load_model
from astrojepa.data.crops import turned
from astrojepa.evaluation.anomalies.scores import asymmetry as module
from astrojepa.evaluation.anomalies.scores.asymmetry import asymmetry_scores, token_asymmetry

Make = Callable[..., Any]
OWN_SIDE = 128
SIZE = 73  # pixels of a frame; the network sees 64, so that the margin is odd


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model("random")


def galaxy(*places: tuple[float, float]) -> np.ndarray:
    """Draw a round galaxy in the centre and a companion at each place (down, right), in pixels
    from it.
    """
    down, right = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    light = 200 * np.exp(-np.hypot(down, right) / 5)
    for y, x in places:
        light += 150 * np.exp(-np.hypot(down - y, right - x) / 2)
    return np.repeat(np.clip(10 + light, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def test_a_galaxy_that_half_a_turn_does_not_change_scores_nothing(
    model: Model, make_dataset: Make
) -> None:
    pair = galaxy((0, 12), (0, -12))
    for name, scores in asymmetry_scores(
        model, make_dataset(np.stack([galaxy(), pair])), cache=False
    ).items():
        np.testing.assert_allclose(scores, 0, atol=1e-6, err_msg=name)
        assert scores.dtype == np.float64


def test_a_companion_on_one_side_makes_it_strange(model: Model, make_dataset: Make) -> None:
    images = np.stack([galaxy(), galaxy((0, 12)), galaxy((0, 12), (5, -14))])
    for name, scores in asymmetry_scores(model, make_dataset(images), cache=False).items():
        assert scores[1] > 100 * abs(scores[0]) + 1e-3, name
        assert scores[2] > 1e-3, name


def test_the_turned_picture_scores_the_same(model: Model, make_dataset: Make) -> None:
    images = np.stack([galaxy((3, 12)), galaxy((-9, 4), (2, 2))])
    plain, opposite = (
        asymmetry_scores(model, make_dataset(pictures), cache=False)
        for pictures in (images, turned(images, 2))
    )
    for name in plain:
        np.testing.assert_allclose(plain[name], opposite[name], rtol=1e-4)


def test_unrelated_places_score_one_and_opposite_tokens_two() -> None:
    generator = torch.Generator().manual_seed(0)
    tokens, others = torch.randn(2, 3, 64, 512, generator=generator)
    even = torch.ones(3, 64)
    torch.testing.assert_close(
        token_asymmetry(tokens, others, even), torch.ones(3), rtol=0.03, atol=0
    )
    centred = tokens - tokens.mean(dim=1, keepdim=True)
    torch.testing.assert_close(token_asymmetry(centred, -centred, even), torch.full((3,), 2.0))


def test_a_place_counts_by_its_weight() -> None:
    tokens, others = torch.zeros(1, 2, 1), torch.tensor([[[1.0], [0.0]]])
    tokens[0, 1] = 2  # variance 1
    others[0, 1] = 2
    assert token_asymmetry(tokens, others, torch.tensor([[3.0, 1.0]])) == pytest.approx(0.75 / 2)


def test_a_blank_picture_scores_nothing(model: Model, make_dataset: Make) -> None:
    blank = np.full((1, SIZE, SIZE, 3), 40, dtype=np.uint8)
    assert asymmetry_scores(model, make_dataset(blank), cache=False)[
        "pixel-asymmetry"
    ] == pytest.approx([0])
    tokens = torch.ones(1, 64, 8)
    assert token_asymmetry(tokens, tokens, torch.ones(1, 64)) == 0


def test_light_that_lies_wholly_on_one_side_has_pixel_asymmetry_one(
    model: Model, make_dataset: Make
) -> None:
    image = np.zeros((1, SIZE, SIZE, 3), dtype=np.uint8)
    image[0, 30:40, 50:55] = 255
    assert asymmetry_scores(model, make_dataset(image), cache=False)[
        "pixel-asymmetry"
    ] == pytest.approx([1], abs=1e-3)


def test_scores_are_kept_and_found_again(model: Model, make_dataset: Make) -> None:
    data = make_dataset(np.stack([galaxy((3, 12)), galaxy()]))
    first = asymmetry_scores(model, data)
    reads = data.reader.reads
    assert all((asymmetry_scores(model, data)[name] == first[name]).all() for name in first)
    assert data.reader.reads == reads


@pytest.fixture(scope="module", params=["petrosian", "nested"])
def own_size(request: pytest.FixtureRequest) -> Model:
    """A network that sees every galaxy at its own size, with random weights."""
    drawn = load_model("random:smallresnet10t.petrosian")
    return drawn.with_backbone(f"{request.param}:resnet10t")


def own_galaxy(length: float, *companions: tuple[float, float]) -> np.ndarray:
    """Draw an exponential disc and companions (distance in its scale lengths, angle) in it."""
    down, right = np.mgrid[:OWN_SIDE, :OWN_SIDE] - (OWN_SIDE - 1) / 2
    light = 200 * np.exp(-np.hypot(down, right) / length)
    for far, angle in companions:
        y, x = far * length * np.sin(angle), far * length * np.cos(angle)
        light += 80 * np.exp(-(((down - y) ** 2 + (right - x) ** 2) / (0.6 * length) ** 2))
    return np.repeat(np.clip(10 + light, 0, 255).round().astype(np.uint8)[..., None], 3, axis=2)


def test_at_its_own_size_a_galaxys_companions_count_within_its_reach_only(
    own_size: Model, make_dataset: Make
) -> None:
    # 1.5 Petrosian radii are 5.5 scale lengths of an exponential disc (`test_petrosian`)
    images = np.stack([own_galaxy(6.0), *(own_galaxy(6.0, (far, 0.4)) for far in (3.0, 9.0))])
    for name, scores in asymmetry_scores(own_size, make_dataset(images), cache=False).items():
        alone, inside, outside = scores
        assert alone == pytest.approx(0, abs=1e-6), name
        assert outside == pytest.approx(0, abs=1e-6), name
        assert inside > 1e-3, name


def test_one_look_scores_as_two_looks_at_the_image_and_the_turned_image(
    own_size: Model, make_dataset: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_dataset(np.stack([own_galaxy(7.0, (2.0, 0.4)), own_galaxy(12.0, (1.0, 2.0))]))
    once = asymmetry_scores(own_size, data, cache=False)
    monkeypatch.setattr(module, "_turns_with_its_view", lambda model: False)
    for name, scores in asymmetry_scores(own_size, data, cache=False).items():
        np.testing.assert_allclose(once[name], scores, rtol=1e-4, err_msg=name)
        assert (scores > 1e-3).all()


def test_of_an_odd_margin_both_looks_end_at_the_reach_of_the_image(
    own_size: Model, make_dataset: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = replace(own_size.config.image, crop_fraction=OWN_SIDE / (OWN_SIDE + 3))
    odd = replace(own_size, config=replace(own_size.config, image=image))
    assert image.frame_size - image.image_size == 3
    ends: list[torch.Tensor] = []
    monkeypatch.setattr(
        module, "own_square", lambda flux, within, side: (ends.append(within), flux)[1]
    )
    images = np.pad(
        np.stack([own_galaxy(9.0, (2.0, 0.4)), own_galaxy(5.0, (4.0, 2.0))]),
        ((0, 0), (1, 2), (1, 2), (0, 0)),
        mode="edge",
    )
    asymmetry_scores(odd, make_dataset(images), cache=False)
    first, second = ends
    assert torch.equal(first, second)


def test_at_its_own_size_a_galaxy_scores_nearly_the_same_at_every_zoom(
    own_size: Model, make_dataset: Make
) -> None:
    images = np.stack([own_galaxy(length, (3.0, 0.4)) for length in (6.0, 8.0, 10.0)])
    for name, scores in asymmetry_scores(own_size, make_dataset(images), cache=False).items():
        np.testing.assert_allclose(scores, scores[0], rtol=0.1, err_msg=name)


def test_tokens_that_are_not_finite_are_refused(make_stand_in: Make, make_dataset: Make) -> None:
    stand_in = make_stand_in()
    stand_in.id = "diverged"
    stand_in.network.target_tokens = lambda pixels, masks: torch.full(
        (len(pixels), 1, masks.targets.shape[-1], 4), torch.nan
    )
    with pytest.raises(ValueError, match="not finite; its training diverged"):
        asymmetry_scores(stand_in, make_dataset(np.stack([galaxy()])), cache=False)
