"""A readout that keeps shape: angular Fourier modes along rings of a map of tokens.

The mean over tokens forgets where light lies; the modulus of mode m along a ring tells how
elongated (m = 2), lopsided (m = 1) or armed (m = 2 ... 4) a feature is there, and no turn changes
it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from astrojepa.config import ModelConfig

NUM_MODES = 5  # 0 to 4; mode 0 is the ring's mean
NUM_ANGLES = 32  # a multiple of 4, so that a quarter turn moves every sample onto another
SMALLEST_POWER = 1e-8  # keeps the slope of a modulus finite


def ring_count(grid: int) -> int:
    """Return the number of rings for `grid` tokens a side: at most 6."""
    return min(6, max(1, grid // 2))


def ring_weights(grid: int, rings: int) -> Float[Tensor, "W N"]:
    """Return the real linear map from tokens to Fourier coefficients: rings · 5 · 2 rows.

    Ring r = 0, 1, ... has radius (r + ½) / rings of half the side; 32 samples along it are bilinear
    in the four nearest tokens. A row of mode m is the mean over the samples of cos mθ or -sin mθ
    times the sample.
    """
    radius = (torch.arange(rings, dtype=torch.float64) + 0.5) / rings * grid / 2
    angle = (torch.arange(NUM_ANGLES, dtype=torch.float64) + 0.5) * (2 * math.pi / NUM_ANGLES)
    middle = (grid - 1) / 2
    across, down = (
        middle + radius[:, None] * part for part in (torch.cos(angle), torch.sin(angle))
    )
    tokens = torch.arange(grid, dtype=torch.float64)
    near_x, near_y = (
        (1 - (place.clamp(0, grid - 1)[..., None] - tokens).abs()).clamp_min(0)
        for place in (across, down)
    )
    samples = near_y[..., :, None] * near_x[..., None, :]
    weights = torch.einsum("mca,rayx->rmcyx", _waves(NUM_ANGLES), samples)
    return weights.reshape(-1, grid * grid).float()


class RingReadout(nn.Module):
    """Reads square maps of tokens, (B, N, D) each, into one vector per image.

    Per map, ring and feature: the mean and the modulus of modes 1 to 4, one after the other
    (`num_read` numbers in all). With `narrow` a map's tokens are first projected onto that many
    features; with `embedding` what is read is standardised (batch norm) and projected onto that
    many numbers, else it is the vector. Quarter turns of the maps leave it unchanged. A map's rings
    are those of its usual grid, whatever the size of the view.
    """

    count = staticmethod(ring_count)
    weights = staticmethod(ring_weights)

    def __init__(
        self, maps: Sequence[tuple[int, int]], narrow: int = 0, embedding: int = 0
    ) -> None:
        """`maps` are (width, usual grid) of each map."""
        super().__init__()
        self.rings = [self.count(grid) for _, grid in maps]
        self.narrow = nn.ModuleList(
            nn.Linear(width, narrow) if narrow else nn.Identity() for width, _ in maps
        )
        self.num_read = sum(
            rings * NUM_MODES * (narrow or width)
            for rings, (width, _) in zip(self.rings, maps, strict=True)
        )
        self.width = embedding or self.num_read
        head = (
            (nn.BatchNorm1d(self.num_read, affine=False), nn.Linear(self.num_read, embedding))
            if embedding
            else ()
        )
        self.head = nn.Sequential(*head)
        self._weights: dict[tuple[int, int, torch.device], Tensor] = {}

    def forward(self, maps: Sequence[Tensor]) -> Float[Tensor, "B F"]:
        """Return the vectors; ValueError where the tokens of a map form no square."""
        read = [
            self._read(narrow(tokens), rings)
            for tokens, narrow, rings in zip(maps, self.narrow, self.rings, strict=True)
        ]
        vectors: Tensor = self.head(torch.cat(read, 1))
        return vectors

    def _read(self, tokens: Float[Tensor, "B N D"], rings: int) -> Float[Tensor, "B F"]:
        grid = math.isqrt(tokens.shape[1])
        if grid * grid != tokens.shape[1]:
            raise ValueError(
                f"Rings are read from a square map of tokens, found {tokens.shape[1]} tokens."
            )
        # counting operations on shapes alone, there is no device to speak of
        with torch.autocast("cpu" if tokens.is_meta else tokens.device.type, enabled=False):
            parts = (self._map(grid, rings, tokens.device) @ tokens.float()).unflatten(
                1, (-1, NUM_MODES, 2)
            )
            modulus = parts[:, :, 1:].square().sum(3).add(SMALLEST_POWER).sqrt()
            return torch.cat((parts[:, :, :1, 0], modulus), 2).flatten(1)

    def _map(self, grid: int, rings: int, device: torch.device) -> Tensor:
        key = grid, rings, device
        if key not in self._weights:
            self._weights[key] = self.weights(grid, rings).to(device)
        return self._weights[key]


class SectorReadout(RingReadout):
    """The same numbers from polar maps of G / 2 radii times 2 G angles: every radius is a ring."""

    @staticmethod
    def count(grid: int) -> int:
        """Return the number of rings."""
        return max(1, grid // 2)

    @staticmethod
    def weights(grid: int, rings: int) -> Float[Tensor, "W N"]:
        """Return the map from tokens to Fourier coefficients, as `ring_weights` does."""
        angles = grid**2 // rings
        return torch.kron(torch.eye(rings), _waves(angles).flatten(0, 1).float())


def ring_readout(
    maps: list[tuple[int, int]], model: ModelConfig, kind: type[RingReadout] = RingReadout
) -> RingReadout | None:
    """Return the readout of maps (width, grid), if the config reads rings."""
    if model.readout != "rings":
        return None
    return kind(maps, model.readout_width, model.embedding_width)


def _waves(angles: int) -> Float[Tensor, "M 2 A"]:
    """cos mθ and -sin mθ over their number, for modes 0 to 4 and angles at the middle of steps."""
    angle = (torch.arange(angles, dtype=torch.float64) + 0.5) * (2 * math.pi / angles)
    phase = torch.arange(NUM_MODES, dtype=torch.float64)[:, None] * angle
    return torch.stack((torch.cos(phase), -torch.sin(phase)), 1) / angles
