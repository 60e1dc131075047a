"""The encoders: a timm vision transformer that is given only the patches it may see, and timm's convolutional networks."""

from __future__ import annotations

from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from astrojepa.config import ImageConfig, ModelConfig
from astrojepa.models.rings import RingReadout
from astrojepa.models.timm_import import timm

NORM = partial(nn.LayerNorm, eps=1e-5)
RING_STAGES = 3  # of a convolutional encoder, whose rings are read: the last
SMALLEST_MAP = 4  # that are this large, in places along a side
SMALLEST_VARIANCE = 1e-6  # keeps the slope of a square root finite
ACTIVATIONS: dict[str, type[nn.Module]] = {"gelu": nn.GELU, "relu": nn.ReLU}


def gather_tokens(tokens: Float[Tensor, "B N D"], index: Int[Tensor, "B K"]) -> Float[Tensor, "B K D"]:
    """Take tokens by position: the others are not in the result, so nothing downstream can look at them."""
    return tokens.gather(1, index[..., None].expand(-1, -1, tokens.shape[-1]))


def position_table(grid: int, width: int, kind: str) -> Tensor:
    """Return positions (1, G * G, width): fixed two-dimensional sines and cosines, or small random values to be learned."""
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
        stretched = nn.functional.interpolate(square, size=(grid, grid), mode="bicubic", align_corners=False, antialias=True)
        return stretched.flatten(2).transpose(1, 2)


class Encoder(nn.Module):
    """Vision transformer without a class token; an image's embedding is the mean of its tokens, or what rings of them tell."""

    def __init__(self, image: ImageConfig, model: ModelConfig) -> None:
        super().__init__()
        self.patch_width = model.width
        self.rings = _ring_readout([(model.width, image.grid)], model)
        self.width = model.width if self.rings is None else self.rings.width
        self.frozen_width = 0
        self.positions = Positions(image.grid, model.width, model.position)
        self.vit = timm.models.vision_transformer.VisionTransformer(
            img_size=image.image_size,
            patch_size=image.patch_size,
            embed_dim=model.width,
            depth=model.depth,
            num_heads=model.heads,
            num_classes=0,
            global_pool="",
            class_token=False,
            pos_embed="none",
            norm_layer=NORM,
            act_layer=ACTIVATIONS[model.activation],
        )
        self.vit.patch_embed.strict_img_size = False  # local views are smaller
        self.patch_size = image.patch_size

    def forward(self, images: Float[Tensor, "B 3 S S"], index: Int[Tensor, "B K"] | None = None) -> tuple[Tensor, Tensor]:
        """Return tokens after and before the final norm, (B, K, D) each, of the patches in `index` (all N where None).

        Patches that are not in `index` are dropped before the first block.
        """
        tokens = self.vit.patch_embed(images) + self.positions.of_grid(images.shape[-1] // self.patch_size)
        if index is not None:
            tokens = gather_tokens(tokens, index)
        raw = self.vit.blocks(tokens)
        return self.vit.norm(raw), raw

    patch_tokens = forward  # a token is a patch

    def vector(self, tokens: Float[Tensor, "B K D"]) -> Float[Tensor, "B E"]:
        """Return an image's vector from its tokens: their mean, or what rings of all N tell."""
        vector: Tensor = tokens.mean(dim=1) if self.rings is None else self.rings([tokens])
        return vector


class ConvEncoder(nn.Module):
    """A convolutional network of timm; its tokens are the places of its last feature map.

    With readout "stages" there is one token: mean and standard deviation, over the picture, of every stage's features. Early stages
    know textures and sizes that the last has forgotten, also before any training; the first `frozen_stages` are never trained, and
    their moments, the first `frozen_width` features, are not projected. With readout "rings" there is one token too: what rings of
    the last three stages tell whose maps are 4 × 4 or larger; coarser stages are left out of the network.
    """

    def __init__(self, image: ImageConfig, model: ModelConfig) -> None:
        super().__init__()
        self.net = timm.create_model(model.backbone, pretrained=False, num_classes=0, global_pool="")
        self.stages = model.readout == "stages"
        self.grid, self.patch_size = image.grid, image.patch_size
        widths = [int(stage["num_chs"]) for stage in self.net.feature_info]
        grids = [-(-image.image_size // stage["reduction"]) for stage in self.net.feature_info]
        self.read_stages = [number for number, grid in enumerate(grids) if grid >= SMALLEST_MAP][-RING_STAGES:]
        self.rings = _ring_readout([(widths[number], grids[number]) for number in self.read_stages], model)
        if self.rings is not None:
            self.net.prune_intermediate_layers(self.read_stages)  # later stages are not computed
        self.width: int = 2 * sum(widths) if self.stages else self.net.num_features
        if self.rings is not None:
            self.width = self.rings.width
        self.frozen_width = 2 * sum(widths[: model.frozen_stages])
        names, last = [name for name, _ in self.net.named_children()], self.net.feature_info[model.frozen_stages - 1]["module"]
        self.frozen = names[: names.index(last) + 1] if model.frozen_stages else []
        self.requires_grad_(True)
        fine = [number for number, stage in enumerate(self.net.feature_info) if stage["reduction"] <= image.patch_size]
        self.patch_stage = max(fine, default=0)
        self.patch_width = widths[self.patch_stage]

    def train(self, mode: bool = True) -> ConvEncoder:
        """Switch to training mode, the frozen stages excepted."""
        super().train(mode)
        for name in self.frozen:
            getattr(self.net, name).eval()
        return self

    def requires_grad_(self, requires_grad: bool = True) -> ConvEncoder:
        """Let gradients change the weights, those of the frozen stages excepted."""
        super().requires_grad_(requires_grad)
        for name in self.frozen:
            getattr(self.net, name).requires_grad_(False)
        return self

    def forward(self, images: Float[Tensor, "B 3 S S"]) -> tuple[Tensor, Tensor]:
        """Return the tokens (B, K, D) twice: there is no final norm."""
        if self.rings is not None:
            images = images.contiguous(memory_format=torch.channels_last)  # in bfloat16 convolutions are faster so
            last = self.net.forward_intermediates(images, indices=self.read_stages, intermediates_only=True, stop_early=True)
            tokens = self.rings([features.flatten(2).transpose(1, 2) for features in last])[:, None]
            return tokens, tokens
        if not self.stages:
            tokens = self.net(images).flatten(2).transpose(1, 2)
            return tokens, tokens
        stages = self.net.forward_intermediates(images, intermediates_only=True)
        moments = [torch.var_mean(features.float(), dim=(2, 3), correction=0) for features in stages]
        tokens = torch.cat([part for var, mean in moments for part in (mean, var.add(SMALLEST_VARIANCE).sqrt())], dim=1)[:, None]
        return tokens, tokens

    def vector(self, tokens: Float[Tensor, "B K D"]) -> Float[Tensor, "B D"]:
        """Return an image's vector from its tokens: their mean."""
        return tokens.mean(dim=1)

    def patch_tokens(self, images: Float[Tensor, "B 3 S S"], index: Int[Tensor, "B K"] | None = None) -> tuple[Tensor, Tensor]:
        """Return one token per patch, (B, K, D') twice, of the patches in `index` (all N where None).

        They are the features of the last stage that is no coarser than the patches. Patches that are not in `index` are set to 0 in the
        normalised picture before the first layer: what they held cannot reach a token.
        """
        if index is not None:
            seen = images.new_zeros(len(index), self.grid**2).scatter_(1, index, 1.0).view(-1, 1, self.grid, self.grid)
            images = images * nn.functional.interpolate(seen, scale_factor=self.patch_size)
        (features,) = self.net.forward_intermediates(images, indices=[self.patch_stage], intermediates_only=True, stop_early=True)
        tokens = nn.functional.adaptive_avg_pool2d(features, self.grid).flatten(2).transpose(1, 2)
        tokens = tokens if index is None else gather_tokens(tokens, index)
        return tokens, tokens


def _ring_readout(maps: list[tuple[int, int]], model: ModelConfig) -> RingReadout | None:
    """Return the readout of maps (width, grid), if the config reads rings."""
    return RingReadout(maps, model.readout_width, model.embedding_width) if model.readout == "rings" else None


def make_encoder(image: ImageConfig, model: ModelConfig) -> Encoder | ConvEncoder:
    """Build the encoder that the config names."""
    return Encoder(image, model) if model.backbone == "vit" else ConvEncoder(image, model)
