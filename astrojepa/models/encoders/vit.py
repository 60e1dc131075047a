"""timm's vision transformer, given only the patches that it may see."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor, nn

from astrojepa.config import ImageConfig, ModelConfig
from astrojepa.models.encoders.registry import encoder
from astrojepa.models.readouts import ring_readout
from astrojepa.models.timm_import import timm
from astrojepa.models.tokens import ACTIVATIONS, NORM, Positions, gather_tokens


@encoder("vit", masks=True, sized=True)
class VisionTransformer(nn.Module):
    """Vision transformer without a class token; readout by mean or rings of tokens."""

    def __init__(self, image: ImageConfig, model: ModelConfig) -> None:
        super().__init__()
        self.patch_width = model.width
        self.rings = ring_readout([(model.width, image.grid)], model)
        self.width = model.width if self.rings is None else self.rings.width
        self.frozen_width = 0
        self.positions = Positions(image.grid, model.width, model.position)
        self.vit = timm.models.vision_transformer.VisionTransformer(
            img_size=image.image_size,
            patch_size=image.patch_size,
            in_chans=image.channels,
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

    def forward(
        self, images: Float[Tensor, "B C S S"], index: Int[Tensor, "B K"] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return tokens after and before the final norm, (B, K, D), of `index` (None: all).

        Patches that are not in `index` are dropped before the first block.
        """
        tokens = self.vit.patch_embed(images) + self.positions.of_grid(
            images.shape[-1] // self.patch_size
        )
        if index is not None:
            tokens = gather_tokens(tokens, index)
        raw = self.vit.blocks(tokens)
        return self.vit.norm(raw), raw

    patch_tokens = forward  # a token is a patch

    def vector(self, tokens: Float[Tensor, "B K D"]) -> Float[Tensor, "B E"]:
        """Return an image's vector from its tokens: their mean, or what rings of all N tell."""
        vector: Tensor = tokens.mean(dim=1) if self.rings is None else self.rings([tokens])
        return vector
