"""From stored images to square frames and the model's input, without torch."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from astrojepa.config import ImageConfig

Array = TypeVar("Array", bound=Any)  # numpy's, or torch's


def resize_frame(image: UInt8[np.ndarray, "H W 3"], size: int) -> UInt8[np.ndarray, "F F 3"]:
    """Resample the central square to `size` pixels a side (Lanczos, antialiased)."""
    side = min(image.shape[:2])
    square = centre_crop(image, side)
    if side == size:
        return np.ascontiguousarray(square)
    return np.array(
        Image.fromarray(np.ascontiguousarray(square)).resize((size, size), Image.Resampling.LANCZOS)
    )


def at_most(image: UInt8[np.ndarray, "H W 3"], side: int) -> np.ndarray:
    """Return an image as it is, or reduced until its longer side has so many pixels."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.array(Image.fromarray(image).resize(size, Image.Resampling.BOX))


def resize_flux(flux: Float32[np.ndarray, "H W C"], size: int) -> Float32[np.ndarray, "F F C"]:
    """Resample the central square of flux to `size` pixels a side, each band as `resize_frame`."""
    side = min(flux.shape[:2])
    square = np.ascontiguousarray(np.moveaxis(centre_crop(flux, side), -1, 0))
    if side != size:
        planes = (Image.fromarray(plane) for plane in square)
        square = np.stack(
            [np.asarray(p.resize((size, size), Image.Resampling.LANCZOS)) for p in planes]
        )
    return np.ascontiguousarray(np.moveaxis(square, 0, -1))


def centre_crop(frames: Array, size: int) -> Array:
    """Cut the central `size` x `size` pixels out of (..., H, W, C); odd margins: less above, left.

    Raises ValueError where the image is smaller than the crop.
    """
    height, width = frames.shape[-3:-1]
    if size > min(height, width):
        raise ValueError(f"A crop of {size} pixels does not fit in a frame of {height} x {width}.")
    top, left = (height - size) // 2, (width - size) // 2
    return frames[..., top : top + size, left : left + size, :]


def turned(images: np.ndarray, symmetry: int) -> np.ndarray:
    """Apply a symmetry of the square to (n, S, S, ...): 0 none, 1-3 rotations, 4-7 mirrored."""
    mirrored = images[:, :, ::-1] if symmetry >= 4 else images
    return np.ascontiguousarray(np.rot90(mirrored, symmetry % 4, axes=(1, 2)))


def seen_part(
    image: UInt8[np.ndarray, "H W 3"], config: ImageConfig, times: int = 1
) -> UInt8[np.ndarray, "S S 3"]:
    """Return the model's part of a stored image at `times` its resolution."""
    frame = resize_frame(image, config.frame_size * times)
    return centre_crop(frame, config.image_size * times)
