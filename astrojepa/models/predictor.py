"""The predictor: what do the hidden patches look like, in the target encoder's space, given the visible ones and their places?"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from astrojepa.config import ImageConfig, ModelConfig
from astrojepa.models.encoder import ACTIVATIONS, NORM, Positions, gather_tokens
from astrojepa.models.timm_import import timm


class Predictor(nn.Module):
    """Narrow transformer over context tokens and one mask token per hidden position; each target block is predicted alone.

    Source: I-JEPA (Assran et al. 2023), section 3. Only visible and predicted positions are computed.
    """

    def __init__(self, image: ImageConfig, model: ModelConfig) -> None:
        super().__init__()
        width = model.predictor_width
        self.embed = nn.Linear(model.width, width)
        self.mask_token = nn.Parameter(nn.init.trunc_normal_(torch.empty(1, 1, width), std=0.02))
        self.positions = Positions(image.grid, width, model.position)
        block = timm.models.vision_transformer.Block
        self.blocks = nn.Sequential(
            *(
                block(width, model.predictor_heads, qkv_bias=True, norm_layer=NORM, act_layer=ACTIVATIONS[model.activation])
                for _ in range(model.predictor_depth)
            )
        )
        self.norm = NORM(width)
        self.out = nn.Linear(width, model.width)

    def forward(
        self, context: Float[Tensor, "B Nc D"], index: Int[Tensor, "B Nc"], targets: Int[Tensor, "B M Nt"]
    ) -> Float[Tensor, "B M Nt D"]:
        """Predict the tokens at `targets` from context tokens that stand at `index`."""
        batch, blocks, length = targets.shape
        table = self.positions.table.expand(batch, -1, -1)
        seen = self.embed(context) + gather_tokens(table, index)
        asked = self.mask_token + gather_tokens(table, targets.flatten(1)).view(batch, blocks, length, -1)
        tokens = torch.cat([seen[:, None].expand(-1, blocks, -1, -1), asked.to(seen.dtype)], dim=2).flatten(0, 1)
        hidden = self.blocks(tokens)[:, -length:]
        return self.out(self.norm(hidden)).view(batch, blocks, length, -1)
