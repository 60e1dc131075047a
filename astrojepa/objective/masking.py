"""Block masks on the patch grid, optionally with a preference for bright patches.

Source: I-JEPA (Assran et al. 2023, arXiv:2301.08243), section 3, appendix A. We differ in four
ways: the number of tokens is fixed by the config, so masks depend on no other image of the batch;
equal counts come from a random subset, never from a prefix; every row and column can be reached;
and blocks can be drawn to bright patches, two strengths in [0, 1] that are 0 in I-JEPA.
"""

from __future__ import annotations

import functools

import torch
from jaxtyping import Float
from torch import Tensor

from astrojepa.config import MaskConfig
from astrojepa.constants import constant
from astrojepa.types import PatchMasks

# sets of target blocks drawn per image; the first that leaves enough context is taken
NUM_CANDIDATES = 8
_DRAWS_PER_BLOCK = 5  # shape, top, left, biased or not, which bright patch
_BORDER = 0.05  # the sky is read from a frame this fraction of the side wide


def patch_brightness(flux: Float[Tensor, "B C S S"], patch_size: int) -> Float[Tensor, "B G G"]:
    """Return each patch's mean flux above the sky, >= 0, in the unit of `flux`.

    grey = mean over channels; sky = median of the border, 5 per cent of the side wide; values below
    the sky count as 0. Takes raw flux in [0, 1], not normalised pixels: there, black sky is as far
    from 0 as a bright core.

    Examples:
        >>> flux = torch.zeros(1, 3, 64, 64)
        >>> flux[:, :, 24:40, 24:40] = 1.0
        >>> aj.patch_brightness(flux, 8).argmax().item()  # row 3, column 3 of 8
        27
    """
    grey = flux.mean(dim=1)
    size = grey.shape[-1]
    width = max(1, round(_BORDER * size))
    border = constant(_border(size, width), torch.int64, flux.device)
    sky = grey.flatten(1).index_select(1, border).median(dim=1).values
    signal = (grey - sky[:, None, None]).clamp_min(0)
    return torch.nn.functional.avg_pool2d(signal[:, None], patch_size)[:, 0]


@functools.cache
def _border(size: int, width: int) -> tuple[int, ...]:
    """List the pixels, row by row, that lie less than `width` from the edge of a square."""
    inner = range(width, size - width)
    every = range(size)
    return tuple(
        row * size + column
        for row in every
        for column in every
        if row not in inner or column not in inner
    )


def block_shapes(
    grid: int, scale: tuple[float, float], aspect: tuple[float, float]
) -> list[tuple[int, int]]:
    """List blocks (height, width) within these areas and aspects; ValueError if none."""
    area = grid * grid
    slack = 1e-9
    shapes = [
        (h, w)
        for h in range(1, grid + 1)
        for w in range(1, grid + 1)
        if scale[0] * area - slack <= h * w <= scale[1] * area + slack
        and aspect[0] - slack <= h / w <= aspect[1] + slack
    ]
    if not shapes:
        raise ValueError(
            f"No block on a {grid}×{grid} grid covers {scale[0]:g} to {scale[1]:g} of it with "
            f"height / width in "
            f"[{aspect[0]:g}, {aspect[1]:g}]; widen the range, or use more patches (a smaller "
            f"patch_size)."
        )
    return shapes


def token_counts(grid: int, config: MaskConfig) -> tuple[int, int]:
    """Return (Nc, Nt), tokens of context and target block; ValueError if impossible."""
    targets = block_shapes(grid, config.target_scale, config.target_aspect)
    contexts = _context_shapes(grid, config)
    num_target = min(h * w for h, w in targets)
    num_context = max(1, round(config.context_fraction * grid * grid))
    room = min(h * w for h, w in contexts) - max(h * w for h, w in targets)
    if num_context > room:
        raise ValueError(
            f"context_fraction {config.context_fraction:g} asks for {num_context} of "
            f"{grid * grid} patches, but the smallest context "
            f"block less one target leaves {room}; use at most {room / grid**2:.2f}."
        )
    return num_context, num_target


def num_uniforms(grid: int, config: MaskConfig) -> int:
    """Return how many uniform numbers one image's masks are made from."""
    return (NUM_CANDIDATES * config.num_targets + 1) * _DRAWS_PER_BLOCK + 2 * grid * grid


def sample_masks(
    brightness: Float[Tensor, "B G G"],
    config: MaskConfig,
    generator: torch.Generator | None = None,
    *,
    uniforms: Float[Tensor, "B U"] | None = None,
) -> PatchMasks:
    """Draw context and target masks for each image.

    Four target blocks; one square context block less the targets; then a random subset of Nc
    context and Nt target tokens. With strength b, a block is centred on a patch drawn in proportion
    to brightness with probability b, else it lies anywhere; the context's subset prefers patches in
    proportion to (1 - b) + b · brightness / mean. Randomness comes from `generator`, or from
    `uniforms` in [0, 1), (B, num_uniforms(G, config)), which makes an image's masks independent of
    its batch.

    Examples:
        >>> config = aj.preset("small.sigreg06").mask
        >>> masks = aj.sample_masks(torch.ones(2, 8, 8), config, torch.Generator().manual_seed(0))
        >>> masks.context.shape, masks.targets.shape
        (torch.Size([2, 26]), torch.Size([2, 4, 12]))
    """
    batch, grid, _ = brightness.shape
    num_context, num_target = token_counts(grid, config)
    if uniforms is None:
        device = brightness.device if generator is None else generator.device
        uniforms = torch.rand(
            batch, num_uniforms(grid, config), generator=generator, device=device
        ).to(brightness.device)
    split = NUM_CANDIDATES * config.num_targets * _DRAWS_PER_BLOCK
    block_draws, context_draws, context_keys, target_keys = uniforms.split(
        [split, _DRAWS_PER_BLOCK, grid * grid, grid * grid], dim=1
    )
    weights = brightness.flatten(1)
    shapes = block_shapes(grid, config.target_scale, config.target_aspect)
    blocks = _place(
        block_draws.view(batch, -1, _DRAWS_PER_BLOCK), shapes, weights, grid, config.target_bias
    )
    blocks = blocks.view(batch, NUM_CANDIDATES, config.num_targets, -1)
    # the last resort: all targets in one place, which always leaves enough context
    blocks[:, -1] = blocks[:, -1, :1]
    context = _place(
        context_draws.view(batch, 1, _DRAWS_PER_BLOCK),
        _context_shapes(grid, config),
        weights,
        grid,
        config.context_bias,
    )
    free = context & ~blocks.any(dim=2)
    enough = free.sum(dim=-1) >= num_context
    chosen = torch.where(
        enough, torch.arange(NUM_CANDIDATES, device=enough.device), NUM_CANDIDATES - 1
    ).amin(dim=1)
    rows = torch.arange(batch, device=chosen.device)
    relative = weights / weights.mean(dim=1, keepdim=True).clamp_min(1e-12)
    preference = ((1 - config.context_bias) + config.context_bias * relative).clamp_min(1e-3)
    return PatchMasks(
        context=_subset(free[rows, chosen], context_keys.log() / preference, num_context),
        targets=_subset(blocks[rows, chosen], target_keys.log()[:, None], num_target),
    )


def counter_uniforms(seed: int, step: int, ids: Tensor, count: int) -> Float[Tensor, "B count"]:
    """Return uniforms in (0, 1) from (seed, step, sample id): float32 (B, count), 24 bits.

    Source: SplitMix64 (Steele, Lea & Flood 2014), counter-based, so any process draws the same for
    the same sample.
    """
    state = _mix(torch.full_like(ids, seed, dtype=torch.int64))
    state = _mix(state + step)
    state = _mix(state + ids.to(torch.int64))
    counters = torch.arange(1, count + 1, device=ids.device, dtype=torch.int64) * _GOLDEN
    bits = _shift(_mix(state[:, None] + counters), 40)
    # the largest bits and a half round up
    return ((bits.to(torch.float32) + 0.5) / (1 << 24)).clamp_max(1 - 2**-24)


_GOLDEN = 0x9E3779B97F4A7C15 - (1 << 64)
_MIX_1 = 0xBF58476D1CE4E5B9 - (1 << 64)
_MIX_2 = 0x94D049BB133111EB - (1 << 64)


def _shift(value: Tensor, bits: int) -> Tensor:
    """Shift right without copying the sign, which torch's int64 shift does."""
    return (value >> bits) & ((1 << (64 - bits)) - 1)


def _mix(value: Tensor) -> Tensor:
    value = value + _GOLDEN
    value = (value ^ _shift(value, 30)) * _MIX_1
    value = (value ^ _shift(value, 27)) * _MIX_2
    return value ^ _shift(value, 31)


def _context_shapes(grid: int, config: MaskConfig) -> list[tuple[int, int]]:
    return block_shapes(grid, config.context_scale, (1.0, 1.0))


def _place(
    draws: Tensor, shapes: list[tuple[int, int]], weights: Tensor, grid: int, bias: float
) -> Tensor:
    """Turn (B, R, 5) uniform numbers into R blocks of each image: bool (B, R, N)."""
    sizes = constant(tuple(shapes), torch.int64, draws.device)
    size = sizes[(draws[..., 0] * len(shapes)).long().clamp_max(len(shapes) - 1)]
    last = grid - size
    corner = torch.minimum((draws[..., 1:3] * (last + 1)).long(), last)
    if bias > 0:
        cumulative = (weights + 1e-12).cumsum(dim=1)
        bright = torch.searchsorted(cumulative, draws[..., 4] * cumulative[:, -1:]).clamp_max(
            grid * grid - 1
        )
        centre = torch.stack([bright // grid, bright % grid], dim=-1)
        centred = torch.minimum((centre - size // 2).clamp_min(0), last)
        corner = torch.where(draws[..., 3:4] < bias, centred, corner)
    line = torch.arange(grid, device=draws.device)
    inside = (line >= corner[..., None]) & (line < (corner + size)[..., None])
    return (inside[..., 0, :, None] & inside[..., 1, None, :]).flatten(-2)


def _subset(allowed: Tensor, keys: Tensor, count: int) -> Tensor:
    """Choose `count` allowed positions by largest keys: weighted sampling without replacement.

    Source: Efraimidis & Spirakis (2006): keys log(u) / w give inclusion in proportion to w.
    """
    scored = torch.where(allowed, keys, -torch.inf)
    return scored.topk(count, dim=-1).indices.sort(dim=-1).values
