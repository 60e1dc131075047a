"""The predictor of hidden patches' embeddings from visible tokens and positions."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from astrojepa.config import ImageConfig, ModelConfig
from astrojepa.models.timm_import import timm
from astrojepa.models.tokens import ACTIVATIONS, NORM, Positions, gather_tokens


class Predictor(nn.Module):
    """Narrow transformer over context and mask tokens; each target block is predicted alone.

    Source: I-JEPA (Assran et al. 2023), section 3. Only visible and predicted positions are
    computed.
    """

    def __init__(self, image: ImageConfig, model: ModelConfig, token_width: int) -> None:
        super().__init__()
        width = model.predictor_width
        self.embed = nn.Linear(token_width, width)
        self.mask_token = nn.Parameter(nn.init.trunc_normal_(torch.empty(1, 1, width), std=0.02))
        self.positions = Positions(image.grid, width, model.position)
        block = timm.models.vision_transformer.Block
        self.blocks = nn.Sequential(
            *(
                block(
                    width,
                    model.predictor_heads,
                    qkv_bias=True,
                    norm_layer=NORM,
                    act_layer=ACTIVATIONS[model.activation],
                )
                for _ in range(model.predictor_depth)
            )
        )
        self.norm = NORM(width)
        self.out = nn.Linear(width, token_width)

    def forward(
        self,
        context: Float[Tensor, "B Nc D"],
        index: Int[Tensor, "B Nc"],
        targets: Int[Tensor, "B M Nt"],
    ) -> Float[Tensor, "B M Nt D"]:
        """Predict the tokens at `targets` from context tokens that stand at `index`."""
        batch, blocks, length = targets.shape
        table = self.positions.table.expand(batch, -1, -1)
        seen = self.embed(context) + gather_tokens(table, index)
        asked = self.mask_token + gather_tokens(table, targets.flatten(1)).view(
            batch, blocks, length, -1
        )
        tokens = torch.cat(
            [seen[:, None].expand(-1, blocks, -1, -1), asked.to(seen.dtype)], dim=2
        ).flatten(0, 1)
        for block in list(self.blocks)[:-1]:
            tokens = block(tokens)
        hidden = block_of_last(self.blocks[-1], tokens, length)
        return self.out(self.norm(hidden)).view(batch, blocks, length, -1)


def block_of_last(
    block: Any, tokens: Float[Tensor, "B N D"], count: int
) -> Float[Tensor, "B count D"]:
    """Return a timm block's output for the last `count` tokens only, which attend to all.

    In the predictor's last block nobody reads the context tokens, three quarters of all.
    """
    attention = block.attn
    normed = block.norm1(tokens)
    query_weight, pair_weight = attention.qkv.weight.split(
        [attention.attn_dim, 2 * attention.attn_dim]
    )
    query_bias, pair_bias = attention.qkv.bias.split([attention.attn_dim, 2 * attention.attn_dim])
    query = nn.functional.linear(normed[:, -count:], query_weight, query_bias).unflatten(
        -1, (attention.num_heads, -1)
    )
    pairs = nn.functional.linear(normed, pair_weight, pair_bias).unflatten(
        -1, (2, attention.num_heads, -1)
    )
    key, value = pairs.permute(2, 0, 3, 1, 4)
    query = query.transpose(1, 2)
    if attention.fused_attn:
        seen = nn.functional.scaled_dot_product_attention(query, key, value)
    else:
        seen = (query * attention.scale @ key.transpose(-2, -1)).softmax(dim=-1) @ value
    hidden = tokens[:, -count:] + attention.proj(seen.transpose(1, 2).flatten(2))
    return hidden + block.mlp(block.norm2(hidden))
