"""Patch tokens: which are taken, and where they are."""

from __future__ import annotations

from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from astrojepa.models.timm_import import timm

NORM = partial(nn.LayerNorm, eps=1e-5)
ACTIVATIONS: dict[str, type[nn.Module]] = {"gelu": nn.GELU, "relu": nn.ReLU}


def gather_tokens(
    tokens: Float[Tensor, "B N D"], index: Int[Tensor, "B K"]
) -> Float[Tensor, "B K D"]:
    """Take tokens by position; later layers cannot see the others."""
    return tokens.gather(1, index[..., None].expand(-1, -1, tokens.shape[-1]))


def without_hidden(
    images: Float[Tensor, "B C S S"], index: Int[Tensor, "B K"], grid: int, patch_size: int
) -> Float[Tensor, "B C S S"]:
    """Set the patches that are not in `index` to 0: what they held cannot reach a token."""
    seen = images.new_zeros(len(index), grid**2).scatter_(1, index, 1.0).view(-1, 1, grid, grid)
    return images * nn.functional.interpolate(seen, scale_factor=patch_size)


def position_table(grid: int, width: int, kind: str) -> Tensor:
    """Return positions (1, G * G, width): fixed sines and cosines, or learnable values."""
    if kind == "learned":
        return nn.init.trunc_normal_(torch.empty(1, grid * grid, width), std=0.02)
    table: Tensor = timm.layers.build_sincos2d_pos_embed([grid, grid], dim=width)
    return table[None]


class Positions(nn.Module):
    """A position table, a parameter if learned, else a constant that is rebuilt and not stored."""

    def __init__(self, grid: int, width: int, kind: str) -> None:
        super().__init__()
        self.grid = grid
        table = position_table(grid, width, kind)
        if kind == "learned":
            self.table = nn.Parameter(table)
        else:
            self.register_buffer("table", table, persistent=False)

    def of_grid(self, grid: int) -> Float[Tensor, "1 N D"]:
        """Return the table stretched over another number of patches, for views of another size."""
        if grid == self.grid:
            return self.table
        square = self.table.unflatten(1, (self.grid, self.grid)).permute(0, 3, 1, 2)
        stretched = nn.functional.interpolate(
            square, size=(grid, grid), mode="bicubic", align_corners=False, antialias=True
        )
        return stretched.flatten(2).transpose(1, 2)
