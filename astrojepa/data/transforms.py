"""From frames to the network's input: crops, flips and turns, flux in [0, 1], normalisation.

frame   the whole image, square, uint8 (F, F, 3), or flux of any unit, float32 (F, F, C)
flux    the crop that the network sees, float32 (C, S, S) in [0, 1]; patch brightness is of it
input   the normalised flux
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional

from astrojepa.config import ImageConfig
from astrojepa.constants import constant
from astrojepa.data.crops import centre_crop
from astrojepa.data.stretch import in_softenings, stretched

RGB = ImageConfig()  # of a network that takes images in red, green and blue


def to_flux(
    images: UInt8[Tensor, "B S S 3"] | Float[Tensor, "B S S C"], image: ImageConfig = RGB
) -> Float[Tensor, "B C S S"]:
    """Turn stored images into what a network's input is made of: channels first, float32 in [0, 1].

    RGB images are divided by 255; flux is stretched as `image` says. ValueError where the network
    of `image` takes the other.
    """
    check_channels(images, image)
    if image.bands:
        return stretched(in_softenings(images, image), image)
    planes = images.permute(0, 3, 1, 2)
    return planes.to(torch.float32, memory_format=torch.contiguous_format).div_(255)


def check_channels(images: Tensor, image: ImageConfig) -> None:
    """Raise ValueError unless images (..., C) are of the kind that a network takes."""
    bands = image.bands
    expected = (torch.float32, len(bands)) if bands else (torch.uint8, 3)
    if (images.dtype, images.shape[-1]) != expected:
        wanted = f"flux, float32, in {', '.join(bands)}" if bands else "uint8, in RGB"
        raise ValueError(
            f"Images must be {wanted}; found {str(images.dtype).removeprefix('torch.')} with "
            f"{images.shape[-1]} channels."
        )


def normalise(
    images: UInt8[Tensor, "B S S 3"] | UInt8[np.ndarray, "B S S 3"] | Float[Tensor, "B C S S"],
    method: str,
    mean: Sequence[float] = (0.5, 0.5, 0.5),
    std: Sequence[float] = (0.5, 0.5, 0.5),
) -> Float[Tensor, "B C S S"]:
    """Make the network's input from stored images (uint8, channels last) or flux in [0, 1].

    "dataset": (flux - mean) / std per channel, with the training set's numbers
    (`channel_statistics`). "zscore": each image minus its own mean, over its own standard
    deviation, both over all channels and pixels.
        *Source:* the published models' README; colours survive because the channels share the two
        numbers.
    "fixed": (flux - 0.5) / 0.5.
    """
    pictures = torch.from_numpy(images) if isinstance(images, np.ndarray) else images
    flux = to_flux(pictures) if pictures.dtype == torch.uint8 else pictures
    if method == "zscore":
        spread, centre = torch.std_mean(flux, dim=(1, 2, 3), keepdim=True, correction=0)
        return (flux - centre) / spread.clamp_min(1e-6)
    if method == "fixed":
        return (flux - 0.5) / 0.5
    if method != "dataset":
        raise ValueError(f"There is no normalisation {method!r}; choose dataset, zscore or fixed.")
    channels = flux.shape[1]
    if len(mean) != channels or len(std) != channels or min(std) <= 0:
        raise ValueError(
            f"Normalisation needs {channels} means and {channels} positive standard deviations, "
            f"found {mean} and {std}."
        )
    centre, spread = (
        constant(tuple(values), flux.dtype, flux.device).view(1, -1, 1, 1) for values in (mean, std)
    )
    return (flux - centre) / spread


def turned_input(images: Float[Tensor, "B C S S"], symmetry: int) -> Float[Tensor, "B C S S"]:
    """Apply one of the 8 symmetries of `crops.turned` to the network's input."""
    mirrored = images.flip(3) if symmetry >= 4 else images
    return mirrored.rot90(symmetry % 4, (2, 3))


def channel_statistics(
    frames: UInt8[np.ndarray, "n F F 3"] | Float[np.ndarray, "n F F C"], image: ImageConfig = RGB
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each channel over all frames and pixels, in [0, 1]; one
    grey level for a channel of one value.

    Exact integer sums for RGB, sums in float64 of flux as `image` stretches it, a few frames at a
    time, so that a memory-mapped set needs no memory of its own.
    """
    if image.bands:
        return _flux_statistics(frames, image)
    total, squares = np.zeros(3), np.zeros(3)
    step = _frames_at_a_time(frames)
    for start in range(0, len(frames), step):
        for channel in range(3):
            counts = np.bincount(
                np.asarray(frames[start : start + step, ..., channel]).ravel(), minlength=256
            )
            total[channel] += counts @ np.arange(256)
            squares[channel] += counts @ np.arange(256) ** 2
    mean, std = _mean_and_std(total, squares, math.prod(frames.shape[:3]))
    std = np.where(std > 0, std, 1)
    return tuple(map(float, mean / 255)), tuple(map(float, std / 255))


def _flux_statistics(
    frames: np.ndarray, image: ImageConfig
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    total, squares = np.zeros(image.channels), np.zeros(image.channels)
    step = _frames_at_a_time(frames)
    for start in range(0, len(frames), step):
        part = to_flux(torch.from_numpy(np.array(frames[start : start + step])), image).double()
        total += part.sum(dim=(0, 2, 3)).numpy()
        squares += part.square().sum(dim=(0, 2, 3)).numpy()
    mean, std = _mean_and_std(total, squares, math.prod(frames.shape[:3]))
    return tuple(map(float, mean)), tuple(map(float, np.where(std > 0, std, 1 / 255)))


def _mean_and_std(
    total: np.ndarray, squares: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    if not count:
        raise ValueError("Channel statistics need at least one frame.")
    mean = total / count
    return mean, np.sqrt(np.maximum(squares / count - mean**2, 0))


def _frames_at_a_time(frames: np.ndarray) -> int:
    return max(1, 4_000_000 // max(1, math.prod(frames.shape[1:])))


def random_frames(
    frames: UInt8[Tensor, "B F F 3"] | Float[Tensor, "B F F C"],
    size: int,
    rotate: bool,
    uniforms: Float[Tensor, "B 4"],
    image: ImageConfig = RGB,
) -> Float[Tensor, "B C S S"]:
    """Mirror and rotate each frame, then crop: flux in [0, 1], all orientations equally likely.

    `uniforms` in [0, 1) decide, per image: mirror left-right (< 0.5), mirror up-down (< 0.5), which
    quarter turn, and how much of a quarter turn more. With `rotate` the whole frame is turned,
    resampled once (bilinear) and reflected at its border, so no black corner enters; without it the
    fourth number is not used and pixels are moved, not resampled. All zeros but the first two at
    0.5 or more is exactly `centre_crop`. Flux is turned first and then stretched as `image` says.
    """
    check_frames(frames, size, uniforms, 4, image)
    if rotate:
        return _turn_by_any_angle(frames, size, uniforms, image)
    crops = centre_crop(frames, size)
    left_right, up_down = (uniforms[:, :2] < 0.5).view(-1, 2, 1, 1, 1).unbind(1)
    crops = torch.where(left_right, crops.flip(2), crops)
    crops = torch.where(up_down, crops.flip(1), crops)
    quarter = (uniforms[:, 2] * 4).long().view(-1, 1, 1, 1)
    for turns in (1, 2, 3):
        crops = torch.where(quarter == turns, crops.rot90(turns, (1, 2)), crops)
    return to_flux(crops, image)


def orientations(uniforms: Float[Tensor, "B 4"]) -> Float[Tensor, "B 2 2"]:
    """Return each image's mirror · rotation: the pixel seen at (x, y) is read at matrix · (x, y).

    Turning an image anticlockwise (y down) reads pixel p at R p; the mirror comes first, so it is
    read last. The four numbers are those of `random_frames`; all zeros but the first two at 0.5 or
    more is the identity.
    """
    angle = (torch.floor(uniforms[:, 2] * 4) + uniforms[:, 3]) * (math.pi / 2)
    cos, sin = torch.cos(angle), torch.sin(angle)
    mirror_x = torch.where(uniforms[:, 0] < 0.5, -1.0, 1.0)
    mirror_y = torch.where(uniforms[:, 1] < 0.5, -1.0, 1.0)
    across = torch.stack((mirror_x * cos, -mirror_x * sin), 1)
    return torch.stack((across, torch.stack((mirror_y * sin, mirror_y * cos), 1)), 1)


def crop_middle(side: int, size: int) -> float:
    """Return where the middle of `centre_crop` is, in half frames: 0, or off for odd margins."""
    return ((side - size) // 2 * 2 + size) / side - 1


def _turn_by_any_angle(frames: Tensor, size: int, uniforms: Tensor, image: ImageConfig) -> Tensor:
    """Sample the crop from the rotated frame: M · R · p + middle, in half frames."""
    side = frames.shape[1]
    turn = orientations(uniforms) * (size / side)
    middle = torch.full_like(turn[..., :1], crop_middle(side, size))
    rows = torch.cat((turn, middle), 2)
    grid = functional.affine_grid(rows.float(), [len(frames), 3, size, size], align_corners=False)
    flux = in_softenings(frames, image) if image.bands else to_flux(frames)
    seen = functional.grid_sample(
        flux, grid, mode="bilinear", padding_mode="reflection", align_corners=False
    )
    return stretched(seen, image) if image.bands else seen.clamp_(0, 1)


def check_frames(
    frames: Tensor, size: int, uniforms: Tensor, num_uniforms: int, image: ImageConfig = RGB
) -> None:
    """Raise ValueError unless frames (B, F, F, C) are large enough for a network, with uniforms."""
    if frames.ndim != 4 or frames.shape[1] != frames.shape[2]:
        raise ValueError(
            f"Frames must be uint8 (B, F, F, 3), found {frames.dtype} {tuple(frames.shape)}."
        )
    check_channels(frames, image)
    if uniforms.shape != (len(frames), num_uniforms):
        raise ValueError(
            f"Each of the {len(frames)} frames needs {num_uniforms} uniform numbers, found "
            f"{tuple(uniforms.shape)}."
        )
    if not 1 <= size <= frames.shape[1]:
        raise ValueError(f"A crop of {size} pixels does not fit in a frame of {frames.shape[1]}.")
