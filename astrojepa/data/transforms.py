"""From frames to the network's input: crops, flips and turns, flux in [0, 1], normalisation.

frame   the whole image, square, uint8 (F, F, 3)
flux    the crop that the network sees, float32 (3, S, S) in [0, 1]; patch brightness is of it
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

from astrojepa.constants import constant
from astrojepa.data.crops import centre_crop

Triple = tuple[float, float, float]


def to_flux(images: UInt8[Tensor, "B S S 3"]) -> Float[Tensor, "B 3 S S"]:
    """Turn stored images into flux: channels first, float32 in [0, 1]."""
    return (
        images.permute(0, 3, 1, 2)
        .to(torch.float32, memory_format=torch.contiguous_format)
        .div_(255)
    )


def normalise(
    images: UInt8[Tensor, "B S S 3"] | UInt8[np.ndarray, "B S S 3"] | Float[Tensor, "B 3 S S"],
    method: str,
    mean: Sequence[float] = (0.5, 0.5, 0.5),
    std: Sequence[float] = (0.5, 0.5, 0.5),
) -> Float[Tensor, "B 3 S S"]:
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
    if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
        raise ValueError(
            f"Normalisation needs three means and three positive standard deviations, found {mean} "
            f"and {std}."
        )
    centre, spread = (
        constant(tuple(values), flux.dtype, flux.device).view(1, 3, 1, 1) for values in (mean, std)
    )
    return (flux - centre) / spread


def turned_input(images: Float[Tensor, "B 3 S S"], symmetry: int) -> Float[Tensor, "B 3 S S"]:
    """Apply one of the 8 symmetries of `crops.turned` to the network's input."""
    mirrored = images.flip(3) if symmetry >= 4 else images
    return mirrored.rot90(symmetry % 4, (2, 3))


def channel_statistics(frames: UInt8[np.ndarray, "n F F 3"]) -> tuple[Triple, Triple]:
    """Return mean and standard deviation of each channel over all frames and pixels, in [0, 1]; one
    grey level for a channel of one value.

    Exact integer sums, a few frames at a time, so that a memory-mapped set needs no memory of its
    own.
    """
    total, squares = np.zeros(3), np.zeros(3)
    step = max(1, 4_000_000 // max(1, math.prod(frames.shape[1:])))
    for start in range(0, len(frames), step):
        for channel in range(3):
            counts = np.bincount(
                np.asarray(frames[start : start + step, ..., channel]).ravel(), minlength=256
            )
            total[channel] += counts @ np.arange(256)
            squares[channel] += counts @ np.arange(256) ** 2
    count = math.prod(frames.shape[:3])
    if not count:
        raise ValueError("Channel statistics need at least one frame.")
    mean = total / count
    std = np.sqrt(np.maximum(squares / count - mean**2, 0))
    std = np.where(std > 0, std, 1)
    return _triple(mean / 255), _triple(std / 255)


def random_frames(
    frames: UInt8[Tensor, "B F F 3"], size: int, rotate: bool, uniforms: Float[Tensor, "B 4"]
) -> Float[Tensor, "B 3 S S"]:
    """Mirror and rotate each frame, then crop: flux in [0, 1], all orientations equally likely.

    `uniforms` in [0, 1) decide, per image: mirror left-right (< 0.5), mirror up-down (< 0.5), which
    quarter turn, and how much of a quarter turn more. With `rotate` the whole frame is turned,
    resampled once (bilinear) and reflected at its border, so no black corner enters; without it the
    fourth number is not used and pixels are moved, not resampled. All zeros but the first two at
    0.5 or more is exactly `centre_crop`.
    """
    check_frames(frames, size, uniforms, 4)
    if rotate:
        return _turn_by_any_angle(frames, size, uniforms)
    crops = centre_crop(frames, size)
    left_right, up_down = (uniforms[:, :2] < 0.5).view(-1, 2, 1, 1, 1).unbind(1)
    crops = torch.where(left_right, crops.flip(2), crops)
    crops = torch.where(up_down, crops.flip(1), crops)
    quarter = (uniforms[:, 2] * 4).long().view(-1, 1, 1, 1)
    for turns in (1, 2, 3):
        crops = torch.where(quarter == turns, crops.rot90(turns, (1, 2)), crops)
    return to_flux(crops)


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


def _turn_by_any_angle(frames: Tensor, size: int, uniforms: Tensor) -> Tensor:
    """Sample the crop from the rotated frame: M · R · p + middle, in half frames."""
    side = frames.shape[1]
    turn = orientations(uniforms) * (size / side)
    middle = torch.full_like(turn[..., :1], crop_middle(side, size))
    rows = torch.cat((turn, middle), 2)
    grid = functional.affine_grid(rows.float(), [len(frames), 3, size, size], align_corners=False)
    flux = to_flux(frames)
    return functional.grid_sample(
        flux, grid, mode="bilinear", padding_mode="reflection", align_corners=False
    ).clamp_(0, 1)


def check_frames(frames: Tensor, size: int, uniforms: Tensor, num_uniforms: int) -> None:
    """Raise ValueError unless frames are uint8 (B, F, F, 3) of enough size, with uniforms."""
    if (
        frames.dtype != torch.uint8
        or frames.ndim != 4
        or frames.shape[1] != frames.shape[2]
        or frames.shape[3] != 3
    ):
        raise ValueError(
            f"Frames must be uint8 (B, F, F, 3), found {frames.dtype} {tuple(frames.shape)}."
        )
    if uniforms.shape != (len(frames), num_uniforms):
        raise ValueError(
            f"Each of the {len(frames)} frames needs {num_uniforms} uniform numbers, found "
            f"{tuple(uniforms.shape)}."
        )
    if not 1 <= size <= frames.shape[1]:
        raise ValueError(f"A crop of {size} pixels does not fit in a frame of {frames.shape[1]}.")


def _triple(values: np.ndarray) -> Triple:
    return float(values[0]), float(values[1]), float(values[2])
