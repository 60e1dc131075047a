"""Views of a galaxy that keep its morphology: orientation, position, seeing, exposure, noise.

Source: the global and local views of LeJEPA (Balestriero & LeCun 2025, arXiv:2511.08544). We differ
in what varies: any angle, crops that keep to the galaxy, seeing and noise; no hue, grey or
solarising, because a galaxy's colour is physics.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional

from astrojepa.config import ImageConfig, ViewConfig
from astrojepa.data.stretch import in_softenings, stretched
from astrojepa.data.transforms import check_frames, crop_middle, orientations, to_flux
from astrojepa.training.telescope import (
    FLUX_SKY,
    another_sky,
    another_stretch,
    another_telescope,
    num_telescope_draws,
    pixel_scale,
)

NUM_BANKED = 2**22  # 16 MiB, more than the largest view (3 * 1024 * 1024)
# galaxies at a time, so that what lies between frames and views stays small and near the processor
_CPU_CHUNK = 16
_TURN_DRAWS = 4  # as in random_frames
_CROP_DRAWS = 3  # area, across, down
FLUX_NOISE = 10 / 3  # ten times the noise of the sky, in units of the softening
_CAMERA_DRAWS = 4  # seeing, brightness, noise, place in the bank
# where each begins but the first
_PARTS = (_TURN_DRAWS, _TURN_DRAWS + _CROP_DRAWS, _TURN_DRAWS + _CROP_DRAWS + _CAMERA_DRAWS)
# and num_telescope_draws where there is another telescope
_DRAWS_PER_VIEW = _TURN_DRAWS + _CROP_DRAWS + _CAMERA_DRAWS


def num_view_uniforms(config: ViewConfig, channels: int = 3) -> int:
    """Return how many uniform numbers one galaxy's views, all together, are made from."""
    return (config.global_views + config.local_views) * _draws_per_view(config, channels)


def _draws_per_view(config: ViewConfig, channels: int) -> int:
    return _DRAWS_PER_VIEW + (num_telescope_draws(channels) if config.telescope else 0)


def make_noise_bank(seed: int, device: torch.device) -> Float[Tensor, " L"]:
    """Return four million standard normals, from which all views take their noise."""
    return torch.randn(NUM_BANKED, generator=torch.Generator().manual_seed(seed)).to(device)


def random_views(
    frames: UInt8[Tensor, "B F F 3"] | Float[Tensor, "B F F C"],
    image: ImageConfig,
    config: ViewConfig,
    uniforms: Float[Tensor, "B U"],
    noise_bank: Float[Tensor, " L"],
) -> tuple[Float[Tensor, "_ B C _ _"], ...]:
    """Make views: flux in [0, 1], (V, B, C, s, s) for global views, then for local ones.

    In the order of nature: mirrored and turned by any angle; a square of the central `image_size`
    pixels of the frame, of an area drawn from `global_scale` or `local_scale`, off the galaxy by at
    most `shift` times what keeps it inside; blurred by a Gaussian of up to `seeing` pixels;
    brighter or fainter by up to `brightness`, all channels alike; noise of up to `noise`; cut to
    [0, 1]. With `telescope` above 0 the square is that of another pixel scale, and its light
    another camera's (`another_sky`, `another_stretch`).

    Of flux data all of this is done to linear flux, which is stretched last. There `noise` is in
    units of ten times the noise of the sky.

    `uniforms` in [0, 1), (B, num_view_uniforms(config)), decide everything, so a galaxy's views
    depend on no other galaxy of the batch; the noise itself is a piece of `noise_bank`
    (`make_noise_bank`). Raises ValueError for frames, numbers or a bank of the wrong shape.
    """
    num_uniforms = num_view_uniforms(config, image.channels)
    check_frames(frames, image.image_size, uniforms, num_uniforms, image)
    longest = image.channels * max(image.image_size, config.local_size) ** 2
    if noise_bank.ndim != 1 or len(noise_bank) < longest:
        raise ValueError(
            f"A view needs {longest} numbers of noise, found a bank of {tuple(noise_bank.shape)}."
        )
    chunk = _CPU_CHUNK if frames.device.type == "cpu" else len(frames)
    parts = [
        _look(*galaxies, image, config, noise_bank)
        for galaxies in zip(frames.split(chunk), uniforms.split(chunk), strict=True)
    ]
    if len(parts) == 1:
        return parts[0]
    return tuple(torch.cat(views, dim=1) for views in zip(*parts, strict=True))


def _look(
    frames: Tensor, uniforms: Tensor, image: ImageConfig, config: ViewConfig, noise_bank: Tensor
) -> tuple[Tensor, ...]:
    """Make all views of a few galaxies, resolution by resolution."""
    flux = in_softenings(frames, image) if image.bands else to_flux(frames)
    draws = uniforms.reshape(len(frames), -1, _draws_per_view(config, image.channels))
    large, small = draws.split([config.global_views, config.local_views], dim=1)
    views = []
    for part, size, scale in (
        (large, image.image_size, config.global_scale),
        (small, config.local_size, config.local_scale),
    ):
        if part.shape[1]:
            turn, crop, camera, telescope = part.tensor_split(_PARTS, dim=2)
            zoom = pixel_scale(telescope, config.telescope) if config.telescope else None
            pointed = _point(flux, image.image_size, size, scale, config.shift, turn, crop, zoom)
            numbers = camera.transpose(0, 1), telescope.transpose(0, 1)
            views.append(_expose(pointed, image, config, *numbers, noise_bank))
    return tuple(views)


def _point(
    flux: Tensor,
    crop_size: int,
    size: int,
    scale: tuple[float, float],
    shift: float,
    turn: Tensor,
    crop: Tensor,
    zoom: Tensor | None,
) -> Tensor:
    """Cut rotated squares out of frames (B, 3, F, F) by one resampling: (V, B, 3, size, size).

    `zoom` (B, V), if given, multiplies the squares' sides; those larger than the crop are centred
    on it and end at the frame's.

    Where the largest square has more than 1.5 frame pixels to a pixel of the view, each pixel of
    the view is the mean of several samples, about one frame pixel apart. Below that one sample is
    enough: aliases in real galaxies measured about 1/255 (rms).
    """
    batch, views, side = *crop.shape[:2], flux.shape[-1]
    samples = max(1, round(crop_size * math.sqrt(scale[1]) / size))
    area, place = scale[0] + (scale[1] - scale[0]) * crop[..., 0], crop[..., 1:] * 2 - 1
    # of the square's side, in units of half a frame, as all that follows
    half = area.sqrt()[..., None] * (crop_size / side)
    room = crop_size / side - half
    if zoom is not None:
        half = (half * zoom[..., None]).clamp_max(1)
        room = (crop_size / side - half).clamp_min(0)
    # before the turn: it is about the galaxy
    offset = place * shift * room + crop_middle(side, crop_size)
    line = (torch.arange(size * samples, device=flux.device) * 2 + 1) / (size * samples) - 1
    x, y = (half * line + offset[..., axis, None] for axis in (0, 1))  # (B, V, pixels)
    matrix = orientations(turn.flatten(0, 1)).view(batch, views, 1, 1, 2, 2)
    across = matrix[..., 0] * x[:, :, None, :, None]
    down = matrix[..., 1] * y[:, :, :, None, None]
    # a galaxy's views side by side, so that its frame is not copied
    grid = (across + down).flatten(1, 2)
    seen = functional.grid_sample(
        flux, grid, mode="bilinear", padding_mode="reflection", align_corners=False
    )
    seen = functional.avg_pool2d(seen, samples) if samples > 1 else seen
    return seen.view(batch, -1, views, size, size).permute(2, 0, 1, 3, 4).contiguous()


def _expose(
    flux: Tensor,
    image: ImageConfig,
    config: ViewConfig,
    camera: Tensor,
    telescope: Tensor,
    noise_bank: Tensor,
) -> Tensor:
    """Add seeing, exposure and noise to (V, B, C, S, S) from uniforms (V, B, 4), (V, B, 5 + C).

    RGB images get their noise after the stretch of another telescope, flux before any stretch.
    """
    seeing, gain, noise, place = camera.flatten(0, 1).unbind(1)
    views = flux.flatten(0, 1)
    if config.seeing > 0:
        views = _blur(views, seeing * config.seeing, config.seeing)
    views = views * (1 + config.brightness * (2 * gain - 1)).view(-1, 1, 1, 1)
    draws, strength = telescope.flatten(0, 1), config.telescope
    if not image.bands:
        views = another_telescope(views, draws, strength) if strength else views
        views = _with_noise(views, config.noise, noise, place, noise_bank)
        return views.clamp_(0, 1).view_as(flux)
    views = another_sky(views, draws, strength, FLUX_SKY) if strength else views
    views = _with_noise(views, FLUX_NOISE * config.noise, noise, place, noise_bank)
    views = stretched(views, image)
    return (another_stretch(views, draws, strength) if strength else views).view_as(flux)


def _with_noise(
    views: Tensor, largest: float, share: Tensor, place: Tensor, noise_bank: Tensor
) -> Tensor:
    """Add noise to views (n, C, S, S) in place: pieces of the bank, times `largest` and shares."""
    if largest == 0:
        return views
    # a piece begins at every number; nothing is copied here
    pieces = noise_bank.unfold(0, views[0].numel(), 1)
    starts = (place * len(pieces)).long().clamp_max(len(pieces) - 1)
    sigma = (share * largest).view(-1, 1, 1, 1)
    return views.addcmul_(pieces.index_select(0, starts).view_as(views), sigma)


def _blur(views: Tensor, sigma: Tensor, largest: float) -> Tensor:
    """Blur each of (N, 3, S, S) by its own Gaussian (N,), pixels, cut at three times the largest.

    The border reflects with its edge pixels repeated, which keeps the total flux: what would leave
    the view comes back.
    """
    count, size = views.shape[0] * views.shape[1], views.shape[-1]
    radius = min(math.ceil(3 * largest), size)
    steps = torch.arange(-radius, radius + 1, device=views.device)
    taps = torch.exp(-0.5 * (steps / sigma.clamp_min(1e-3)[:, None]) ** 2)
    taps = taps / taps.sum(1, keepdim=True)
    kernels = taps[:, None].expand(-1, views.shape[1], -1).reshape(count, 1, 1, -1)
    wide = torch.cat((views[..., :radius].flip(-1), views, views[..., -radius:].flip(-1)), -1)
    wide = torch.cat((wide[..., :radius, :].flip(-2), wide, wide[..., -radius:, :].flip(-2)), -2)
    across = functional.conv2d(wide.view(1, count, *wide.shape[2:]), kernels, groups=count)
    return functional.conv2d(across, kernels.mT, groups=count).view_as(views)
