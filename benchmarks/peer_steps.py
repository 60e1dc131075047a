"""Two published ways of computing the same step, restated on our own blocks and weights so that
only the way differs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from astrojepa.config import ImageConfig, MaskConfig
from astrojepa.models.jepa import JEPA, JEPAOutput
from astrojepa.models.predictor import Predictor
from astrojepa.models.tokens import gather_tokens
from astrojepa.training.state import TrainState
from astrojepa.types import Batch, PatchMasks


def seed_forward(
    network: JEPA, images: Tensor, masks: PatchMasks, views: Sequence[Tensor] = ()
) -> JEPAOutput:
    """Compute what `network(images, masks)` computes the seed's way: every block of every network
    works on all N positions.

    Hidden patches are kept out by a key-padding mask in each attention, and each target block has a
    predictor pass of its own. (With masks in the predictor too, unlike in the seed, nothing leaks,
    and prediction and gradient equal ours.)
    """
    assert network.predictor is not None
    assert network.projector is not None
    encoder = network.encoder
    seen = _marked(masks.context, encoder.positions.table.shape[1])
    raw = _run(encoder.vit.blocks, encoder.vit.patch_embed(images) + encoder.positions.table, seen)
    tokens = encoder.vit.norm(raw)
    blocks = [
        _predict_block(network.predictor, tokens, seen, block) for block in masks.targets.unbind(1)
    ]
    context = gather_tokens(tokens, masks.context)
    pooled = context.mean(dim=1)[None]
    return JEPAOutput(
        torch.stack(blocks, dim=1),
        network.target_tokens(images, masks),
        network.projector(pooled),
        pooled,
        context,
    )


def _predict_block(predictor: Predictor, tokens: Tensor, seen: Tensor, block: Tensor) -> Tensor:
    """Predict one target block (B, Nt) in a pass over all N positions."""
    asked = _marked(block, tokens.shape[1])
    hidden = (
        torch.where(asked[..., None], predictor.mask_token, predictor.embed(tokens))
        + predictor.positions.table
    )
    hidden = _run(predictor.blocks, hidden, seen | asked)
    return predictor.out(predictor.norm(gather_tokens(hidden, block)))


def _run(blocks: nn.Sequential, tokens: Tensor, visible: Tensor) -> Tensor:
    """Apply blocks to all tokens; no token attends to one that is not `visible` (B, N)."""
    for block in blocks:
        tokens = block(tokens, attn_mask=visible[:, None, None, :])
    return tokens


def _marked(index: Tensor, count: int) -> Tensor:
    return torch.zeros(len(index), count, dtype=torch.bool, device=index.device).scatter_(
        1, index, True
    )


def official_forward(
    network: JEPA, images: Tensor, masks: PatchMasks, views: Sequence[Tensor] = ()
) -> JEPAOutput:
    """Compute what `network(images, masks)` computes as facebookresearch/ijepa does.

    Hidden tokens are dropped before the first block, the target encoder sees all, and the predictor
    gets the target blocks side by side in the batch. That is ours too, but for the predictor's last
    block and norm, which here work on the context tokens as well.
    """
    predictor = network.predictor
    assert predictor is not None
    assert network.projector is not None
    context, _ = network.encoder(images, masks.context)
    batch, blocks, length = masks.targets.shape
    table = predictor.positions.table.expand(batch, -1, -1)
    seen = predictor.embed(context) + gather_tokens(table, masks.context)
    asked = predictor.mask_token + gather_tokens(table, masks.targets.flatten(1)).unflatten(
        1, (blocks, length)
    ).flatten(0, 1)
    hidden = predictor.norm(
        predictor.blocks(torch.cat([seen.repeat_interleave(blocks, dim=0), asked], dim=1))
    )
    prediction = predictor.out(hidden[:, -length:]).unflatten(0, (batch, blocks))
    pooled = context.mean(dim=1)[None]
    return JEPAOutput(
        prediction, network.target_tokens(images, masks), network.projector(pooled), pooled, context
    )


class OfficialStep:
    """A step as facebookresearch/ijepa does it: AdamW of many small kernels, smooth L1, no SIGReg,
    the average weight by weight.

    (Its attention is the softmax of a matrix product; here it has the fused one, as ours.)
    """

    def __init__(self, state: TrainState) -> None:
        self.network = state.network
        trained = [item for item in self.network.parameters() if item.requires_grad]
        self.optimizer = torch.optim.AdamW(trained, lr=1e-3, weight_decay=0.05)

    def __call__(self, batch: Batch, momentum: float = 0.996) -> Tensor:
        """Do one step; returns the loss."""
        network = self.network
        assert batch.images is not None
        assert batch.masks is not None
        output = official_forward(network, batch.images, batch.masks)
        assert output.prediction is not None
        assert output.target is not None
        loss = nn.functional.smooth_l1_loss(output.prediction, output.target)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        with torch.no_grad():
            for source, average in zip(
                network.encoder.parameters(), network.target_encoder.parameters(), strict=True
            ):
                average.data.mul_(momentum).add_((1 - momentum) * source.detach().data)
        return loss.detach()


class OfficialData:
    """Images and masks as facebookresearch/ijepa makes them: one image after the other, on the
    host.

    Included: torchvision's random resized crop of a PIL image (area 0.3 to 1), conversion,
    normalisation, collation, and the block masks, cut to the shortest list of the batch. Left out:
    reading and decoding the file, and its worker processes.
    """

    def __init__(self, image: ImageConfig, mask: MaskConfig) -> None:
        # after timm, which models/timm_import.py brings in safely
        from torchvision import transforms

        self.grid, self.mask = image.grid, mask
        steps = [
            transforms.RandomResizedCrop(image.image_size, scale=(0.3, 1.0)),
            transforms.ToTensor(),
        ]
        self.transform = transforms.Compose([*steps, transforms.Normalize((0.5,) * 3, (0.5,) * 3)])

    def __call__(self, frames: np.ndarray) -> tuple[Tensor, PatchMasks]:
        """Make a batch from stored frames, uint8 (B, F, F, 3)."""
        images = torch.stack([self.transform(Image.fromarray(frame)) for frame in frames])
        target_size = self._size(self.mask.target_scale, self.mask.target_aspect)
        context_size = self._size(self.mask.context_scale, (1.0, 1.0))
        targets, contexts = [], []
        for _ in frames:
            blocks = [self._block(target_size) for _ in range(self.mask.num_targets)]
            context = self._block(context_size)
            for block in blocks:
                context = context * (1 - block)
            targets.append([block.flatten().nonzero().squeeze(1) for block in blocks])
            contexts.append(context.flatten().nonzero().squeeze(1))
        shortest = min(map(len, contexts))
        return images, PatchMasks(
            context=torch.stack([context[:shortest] for context in contexts]),
            targets=torch.stack([torch.stack(blocks) for blocks in targets]),
        )

    def _size(self, scale: tuple[float, float], aspect: tuple[float, float]) -> tuple[int, int]:
        draw = torch.rand(1).item()
        area = self.grid**2 * (scale[0] + draw * (scale[1] - scale[0]))
        ratio = aspect[0] + draw * (aspect[1] - aspect[0])
        sides = (math.sqrt(area * ratio), math.sqrt(area / ratio))
        return min(round(sides[0]), self.grid - 1), min(round(sides[1]), self.grid - 1)

    def _block(self, size: tuple[int, int]) -> Tensor:
        top, left = (int(torch.randint(0, self.grid - side, (1,))) for side in size)
        block = torch.zeros(self.grid, self.grid, dtype=torch.int32)
        block[top : top + size[0], left : left + size[1]] = 1
        return block
