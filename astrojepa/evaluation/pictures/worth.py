"""Which galaxy is shown first: anomalous, without a fault of its image, large in its frame.

Only numpy is needed, so that the first page of the explorer waits for no other library; the kinds
of faults are measured in full by `artefacts`.
"""

from __future__ import annotations

import contextlib

import numpy as np

from astrojepa.data.crops import resize_frame
from astrojepa.data.dataset import Dataset

FRAME_SIZE = 64
MOST = 64  # images that are read before the best of them is taken
ENOUGH = 0.12  # share of the frame that a galaxy fills to be shown first
TINT = 0.1  # difference between the channels of the sky, of full scale
CLIPPED = 0.004  # share of the frame that may be clipped outside the middle
LINE = 0.6  # light of a dead line over that of its neighbours
LEAST = 0.05  # light of a channel in the middle, over that of the brightest channel
CENTRE = 0.06  # how far from the middle the brightest pixel may be, in frames
CENTRAL = 0.5  # least share of the frame's light that the galaxy in the middle holds


def first_galaxy(data: Dataset, places: np.ndarray) -> int:
    """Return the row of the galaxy to show first, given ranks (n,), 1 = most anomalous.

    It is the most anomalous one that `share_filled` gives at least `ENOUGH`, among the first 64;
    where there is none, the one of them that fills its frame most. Images that cannot be read are
    passed over.

    >>> import numpy as np
    >>> import astrojepa as aj
    >>> data = aj.open_dataset("simulated:20")
    >>> 0 <= first_galaxy(data, np.arange(1, 21)) < 20
    True
    """
    order = np.argsort(places, kind="stable")[:MOST]
    best, most = int(order[0]), 0.0
    for row in map(int, order):
        with contextlib.suppress(ValueError, OSError):
            image = resize_frame(data[row].image, FRAME_SIZE)
            filled = float(share_filled(image[None])[0])
            if filled >= ENOUGH:
                return row
            if filled > most:
                best, most = row, filled
    return best


def share_filled(images: np.ndarray) -> np.ndarray:
    """Return the share of the frame that the galaxy in the middle fills: float (b,), in [0, 1].

    `images`: uint8 (b, S, S, 3). 0 where the image has a fault: a tinted sky, clipped pixels away
    from the middle, a row or column darker than its neighbours or brighter up to the edges, a
    middle no brighter than the sky, a channel without its light, most of the light or the
    brightest pixel elsewhere, or light that fills the edges.
    """
    flux = images.astype(np.float32) / 255
    grey, side = flux.mean(axis=3), images.shape[1]
    axis = (np.arange(side) + 0.5) / side - 0.5
    radius = np.hypot(axis[:, None], axis[None, :])
    rim = np.maximum(abs(axis)[:, None], abs(axis)[None, :]) > 0.4375
    sky = np.median(flux[:, rim], axis=1)
    level = np.median(grey[:, rim], axis=1)
    spread = np.median(abs(grey[:, rim] - level[:, None]), axis=1)
    bright = grey > (level + np.maximum(4 * spread, 0.05))[:, None, None]
    light = np.where(bright, grey - level[:, None, None], 0)
    middle = flux[:, radius < 0.1].mean(axis=1) - sky
    outside = (flux.max(axis=3) > 0.97) & (radius > 0.25)
    peak = radius.reshape(-1)[grey.reshape(len(grey), -1).argmax(axis=1)]
    faulty = (
        (peak > CENTRE)
        | (np.ptp(sky, axis=1) > TINT)
        | (outside.mean(axis=(1, 2)) > CLIPPED)
        | _line(grey)
        | _line(grey.transpose(0, 2, 1))
        | (middle.min(axis=1) < LEAST * middle.max(axis=1))
        | (bright[:, radius < 0.06].mean(axis=1) < 0.5)
        | (bright[:, rim].mean(axis=1) > 0.25)
        | (light[:, radius < 0.28].sum(axis=1) < CENTRAL * light.sum(axis=(1, 2)))
    )
    return np.where(faulty, 0.0, bright.mean(axis=(1, 2)))


def _line(grey: np.ndarray) -> np.ndarray:
    """Say where a column is dark across the middle, or bright at both edges: bool (b,)."""
    side = grey.shape[1]
    middle = grey[:, side // 3 : 2 * side // 3].mean(axis=1)
    step = max(2, side // 32)
    own = middle[:, step:-step]
    lower = np.minimum(middle[:, : -2 * step], middle[:, 2 * step :])
    dark = (own < LINE * lower) & (lower > 0.06)
    edge = max(1, side // 16)
    ends = [grey[:, :edge].mean(axis=1), grey[:, -edge:].mean(axis=1)]
    lit = [
        end[:, step:-step] - np.maximum(end[:, : -2 * step], end[:, 2 * step :]) > 0.08
        for end in ends
    ]
    return dark.any(axis=1) | (lit[0] & lit[1]).any(axis=1)
