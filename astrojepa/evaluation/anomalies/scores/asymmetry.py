"""Asymmetry under a rotation by 180°, in tokens and pixels; larger = more anomalous."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import layer_norm

from astrojepa.data.crops import centre_crop, turned
from astrojepa.data.dataset import Dataset
from astrojepa.data.transforms import to_flux
from astrojepa.evaluation.anomalies.registry import anomaly_score
from astrojepa.evaluation.baselines.shape_statistics import light_above_sky, unlikeness
from astrojepa.evaluation.batches import scored_in_batches
from astrojepa.evaluation.patches.masked_prediction import whole_targets
from astrojepa.models.encoders.petrosian import own_square, reach
from astrojepa.models.encoders.polar import PolarEncoder
from astrojepa.models.encoders.registry import find_encoder
from astrojepa.objective.masking import patch_brightness
from astrojepa.progress import Listener

if TYPE_CHECKING:
    from astrojepa.checkpoints.model import Model

ASYMMETRY, PIXEL_ASYMMETRY = "asymmetry", "pixel-asymmetry"
HALF_TURN = 2  # of the symmetries that `turned` numbers
FLAT = 1e-6  # variance below which tokens are called alike
FAINT = 1e-6  # brightness that every place has, so that a black image has weights too


def asymmetry_scores(
    model: Model,
    data: Dataset,
    *,
    batch_size: int = 64,
    cache: bool = True,
    progress: Listener = None,
) -> dict[str, np.ndarray]:
    """Score galaxies by their change under a rotation by 180°: float64 (n,) by name, larger = more.

    - "asymmetry": mean squared difference between the layer-normed target tokens of the image and
      of the turned image, at the same places, over twice the variance of its tokens: 0 =
      symmetric, 1 = opposite places are as unlike as any two; 0 for an image whose tokens are all
      alike. In the mean a place counts by the root of its light above the sky, so that noise in
      empty sky counts little. Every encoder has it, with a predictor or without. The places of
      polar encoders are those of their last feature map, radii and angles.
    - "pixel-asymmetry": the hand-made counterpart: absolute difference of the light above the sky
      over twice the light, in what the network sees, in [0, 1]. *Source:* Conselice 2003, without
      the search for the centre.

    Of encoders that see every galaxy at its own size both end at the galaxy's `reach`, so that
    neither neighbours beyond it nor the zoom change them.

    Kept under `.cache/astrojepa/asymmetry-*.npz`. Raises ValueError for tokens that are not finite,
    and as `scored_in_batches`.
    """
    settings: dict[str, Any] = {"batch_size": batch_size, "cache": cache, "progress": progress}
    found = scored_in_batches(
        "asymmetry",
        model,
        data,
        {"sectors": True} if _is_polar(model) else {},
        lambda frames, rows: _batch(model, frames),
        **settings,
    )
    return {name: found[name].astype(np.float64) for name in (ASYMMETRY, PIXEL_ASYMMETRY)}


@torch.inference_mode()
def _batch(model: Model, frames: np.ndarray) -> dict[str, np.ndarray]:
    tokens, light, seen, within = _view(model, frames)
    if _turns_with_its_view(model):
        others, more = (part.roll(part.shape[-1] // 2, -1) for part in (tokens, light))
        opposite = seen.flip(2, 3)
    else:  # the whole frame, so that the galaxy stays where it is in what is cut out of it
        others, more, opposite, _ = _view(model, turned(frames, HALF_TURN), within)
    weights = (light + more + FAINT).sqrt().flatten(1)
    scores = token_asymmetry(tokens.flatten(2).mT, others.flatten(2).mT, weights)
    if not bool(torch.isfinite(scores).all()):
        raise ValueError(
            f"{model.id} gives tokens that are not finite; its training diverged, use another "
            f"checkpoint."
        )
    return {
        ASYMMETRY: scores.cpu().numpy(),
        PIXEL_ASYMMETRY: unlikeness(
            *(light_above_sky(flux.permute(0, 2, 3, 1).numpy()) for flux in (seen, opposite))
        ),
    }


def _is_polar(model: Model) -> bool:
    return isinstance(model.network.encoder, PolarEncoder)


def _turns_with_its_view(model: Model) -> bool:
    """Whether the tokens of a turned image are those of the image, at the opposite angles."""
    image = model.config.image
    middle_is_the_frames = (image.frame_size - image.image_size) % 2 == 0
    return middle_is_the_frames and _is_polar(model) and model.network.evaluated.turns_by_half


def _view(
    model: Model, frames: np.ndarray, within: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Return layer-normed tokens (b, D, R, A), the light above the sky at their places (b, R, A),
    the flux of what the network sees (b, C, S, S), and how far it sees where that is each galaxy's
    own, (b,): `within`, or else what is measured.
    """
    image, pixels = model.config.image, model.normalised(frames)
    crop = np.ascontiguousarray(centre_crop(frames, image.image_size))
    flux = to_flux(torch.from_numpy(crop), image)
    if _is_polar(model):
        tokens, light = model.network.evaluated.sectors(pixels)
        tokens = layer_norm(tokens.movedim(1, -1), tokens.shape[1:2]).movedim(-1, 1)
    else:
        light = patch_brightness(flux, image.patch_size).to(model.device)
        tokens = whole_targets(model, pixels).mT.unflatten(2, light.shape[1:])
    if find_encoder(model.config.model.backbone).own_size:
        within = reach(pixels).cpu() if within is None else within
        flux = own_square(flux, within, image.image_size)
    return tokens, light, flux, within


def token_asymmetry(tokens: Tensor, others: Tensor, weights: Tensor) -> Tensor:
    """Compare tokens (b, N, D) with those of rotated images, weights (b, N): float32 (b,), >= 0.

    0 where all tokens of an image are alike.
    """
    twice = 2 * tokens.var(dim=1, correction=0).mean(dim=1)
    difference = ((tokens - others).square().mean(dim=2) * weights).sum(dim=1) / weights.sum(dim=1)
    return torch.where(twice <= FLAT, 0.0, difference / twice.clamp_min(FLAT))


for _name, _title, _meaning, _needs in (
    (
        ASYMMETRY,
        "Asymmetry",
        "how much the tokens of the network change when the image is rotated by 180° "
        "(0 = symmetric)",
        "encoder",
    ),
    (
        PIXEL_ASYMMETRY,
        "Pixels: asymmetry",
        "how much the image changes when rotated by 180° (0 = symmetric)",
        "images",
    ),
):
    anomaly_score(_name, _title, _meaning, _needs)(
        lambda model, data, name=_name, **options: asymmetry_scores(model, data, **options)[name]
    )
