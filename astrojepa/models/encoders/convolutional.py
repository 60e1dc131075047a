"""timm's convolutional networks, for multi-view training."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from astrojepa.config import CONV_BACKBONES, ImageConfig, ModelConfig
from astrojepa.models.encoders.registry import encoder
from astrojepa.models.readouts import RingReadout, ring_readout
from astrojepa.models.timm_import import timm
from astrojepa.models.tokens import gather_tokens, without_hidden

RING_STAGES = 3  # the last stages, whose rings are read
SMALLEST_MAP = 4  # places along a side of a map whose rings are read
SMALLEST_VARIANCE = 1e-6  # keeps the slope of a square root finite


@encoder(*CONV_BACKBONES)
class ConvEncoder(nn.Module):
    """A convolutional network of timm; its tokens are the places of its last feature map.

    With readout "stages" there is one token: mean and standard deviation, over the image, of
    every stage's features. Early stages know textures and sizes that the last has forgotten, also
    before any training; the first `frozen_stages` are never trained, and their moments, the first
    `frozen_width` features, are not projected. With readout "rings" there is one token too: what
    rings of the last three stages tell whose maps are 4 × 4 or larger; coarser stages are left out
    of the network.
    """

    readout: type[RingReadout] = RingReadout

    def __init__(self, image: ImageConfig, model: ModelConfig) -> None:
        super().__init__()
        self.net = timm.create_model(
            model.backbone.rpartition(":")[2],
            pretrained=False,
            in_chans=image.channels,
            num_classes=0,
            global_pool="",
        )
        self.stages = model.readout == "stages"
        self.grid, self.patch_size = image.grid, image.patch_size
        widths = [int(stage["num_chs"]) for stage in self.net.feature_info]
        side = self.side(image)
        grids = [-(-side // stage["reduction"]) for stage in self.net.feature_info]
        self.read_stages = [number for number, grid in enumerate(grids) if grid >= SMALLEST_MAP][
            -RING_STAGES:
        ]
        self.rings = ring_readout(
            [(widths[number], grids[number]) for number in self.read_stages], model, self.readout
        )
        if self.rings is not None:
            self.net.prune_intermediate_layers(self.read_stages)  # later stages are not computed
        self.width: int = 2 * sum(widths) if self.stages else self.net.num_features
        if self.rings is not None:
            self.width = self.rings.width
        self.frozen_width = 2 * sum(widths[: model.frozen_stages])
        names = [name for name, _ in self.net.named_children()]
        last = self.net.feature_info[model.frozen_stages - 1]["module"]
        self.frozen = names[: names.index(last) + 1] if model.frozen_stages else []
        self.requires_grad_(True)
        fine = [
            number
            for number, stage in enumerate(self.net.feature_info)
            if stage["reduction"] <= image.patch_size
        ]
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

    def forward(self, images: Float[Tensor, "B C S S"]) -> tuple[Tensor, Tensor]:
        """Return the tokens (B, K, D) twice: there is no final norm."""
        return self.read(self.prepare(images))

    def read(self, images: Float[Tensor, "B C H W"]) -> tuple[Tensor, Tensor]:
        """Return the tokens of what the network is given (`prepare`)."""
        if self.rings is not None:
            # in bfloat16 convolutions are faster so
            images = images.contiguous(memory_format=torch.channels_last)
            last = self.net.forward_intermediates(
                images, indices=self.read_stages, intermediates_only=True, stop_early=True
            )
            tokens = self.rings([features.flatten(2).transpose(1, 2) for features in last])[:, None]
            return tokens, tokens
        if not self.stages:
            tokens = self.net(images).flatten(2).transpose(1, 2)
            return tokens, tokens
        stages = self.net.forward_intermediates(images, intermediates_only=True)
        moments = [
            torch.var_mean(features.float(), dim=(2, 3), correction=0) for features in stages
        ]
        tokens = torch.cat(
            [part for var, mean in moments for part in (mean, var.add(SMALLEST_VARIANCE).sqrt())],
            dim=1,
        )[:, None]
        return tokens, tokens

    def side(self, image: ImageConfig) -> int:
        """Return the usual side of what the network is given, pixels."""
        return image.image_size

    def prepare(self, images: Float[Tensor, "B C S S"]) -> Tensor:
        """Return what the network is given."""
        return images

    def prepare_patches(self, images: Float[Tensor, "B C S S"]) -> Tensor:
        """Return what the network is given where tokens of patches are asked for."""
        return self.prepare(images)

    def on_patches(self, features: Float[Tensor, "B D H W"]) -> Float[Tensor, "B D G G"]:
        """Return a stage's features, one per patch."""
        return nn.functional.adaptive_avg_pool2d(features, self.grid)

    def vector(self, tokens: Float[Tensor, "B K D"]) -> Float[Tensor, "B D"]:
        """Return an image's vector from its tokens: their mean."""
        return tokens.mean(dim=1)

    def patch_tokens(
        self, images: Float[Tensor, "B C S S"], index: Int[Tensor, "B K"] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return a token per patch, (B, K, D') twice, of the patches in `index` (None: all).

        They are the features of the last stage that is no coarser than the patches. Patches that
        are not in `index` are set to 0 in the normalised image before the first layer: what they
        held cannot reach a token.
        """
        if index is not None:
            images = without_hidden(images, index, self.grid, self.patch_size)
        (features,) = self.net.forward_intermediates(
            self.prepare_patches(images),
            indices=[self.patch_stage],
            intermediates_only=True,
            stop_early=True,
        )
        tokens = self.on_patches(features).flatten(2).transpose(1, 2)
        tokens = tokens if index is None else gather_tokens(tokens, index)
        return tokens, tokens
