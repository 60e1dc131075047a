"""JEPA: context encoder, target encoder, predictor and projector."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from astrojepa.config import NUM_DESCRIBED, ImageConfig, ModelConfig
from astrojepa.models.encoders.registry import find_encoder
from astrojepa.models.predictor import Predictor
from astrojepa.models.projector import make_projector
from astrojepa.models.tokens import gather_tokens
from astrojepa.types import PatchMasks


@dataclass(frozen=True)
class JEPAOutput:
    """What the objective needs from one batch."""

    prediction: Tensor | None  # (B, M, Nt, D); None where nothing is masked
    target: Tensor | None  # (B, M, Nt, D), without gradient where it comes from the moving average
    # (V, B, P), what SIGReg sees: one vector per view, or one per image (V = 1) of its context
    projected: Tensor
    pooled: Tensor  # (V, B, D), what was projected: an encoder's vectors, before the projector
    tokens: Tensor  # (B, Nc, D) of the context, or of the first view, for gauges
    # (V, B, 230), hand-made numbers as told from each view; None without a describer
    described: Tensor | None = None

    def float(self) -> JEPAOutput:
        """Return the same in float32."""
        return dataclasses.replace(
            self, **{name: value.float() for name, value in vars(self).items() if value is not None}
        )


class JEPA(nn.Module):
    """Masked prediction and multi-view invariance around one encoder.

    `target_encoder` is an exponential moving average of all of `encoder`'s weights and running
    statistics, patch embedding included. It is never trained by gradient and always in eval mode;
    None where the config keeps no average.
    """

    encoder: Any  # an `encoders.registry.Encoder`
    target_encoder: Any

    def __init__(self, image: ImageConfig, model: ModelConfig) -> None:
        super().__init__()
        self.config = model
        self.encoder = find_encoder(model.backbone).build(image, model)
        self.target_encoder = (
            copy.deepcopy(self.encoder).requires_grad_(False).eval() if model.average else None
        )
        self.predictor = (
            Predictor(image, model, self.encoder.patch_width) if model.predictor_depth else None
        )
        self.projector = make_projector(self.encoder.width - self.encoder.frozen_width, model)
        self.describer = (
            nn.Linear(self.encoder.width - self.encoder.frozen_width, NUM_DESCRIBED)
            if model.describer
            else None
        )

    @property
    def evaluated(self) -> Any:
        """The encoder of embeddings: the moving average, or the encoder without one."""
        return self.encoder if self.target_encoder is None else self.target_encoder

    def train(self, mode: bool = True) -> JEPA:
        """Switch to training mode, the target encoder and a frozen encoder excepted."""
        super().train(mode)
        if not any(item.requires_grad for item in self.encoder.parameters()):
            self.encoder.eval()
        if self.target_encoder is not None:
            self.target_encoder.eval()
        return self

    def forward(
        self,
        images: Float[Tensor, "#B C S S"] | None,
        masks: PatchMasks | None,
        views: Sequence[Tensor] = (),
        projected_only: bool = False,
    ) -> JEPAOutput:
        """Predict masked blocks of `images`, and project `views`, (V, B, 3, s, s) each.

        Without views the context is projected. One image (1, 3, S, S) with several masks is encoded
        whole only once. With `projected_only` nothing is predicted.
        """
        prediction, target, tokens, pooled = None, None, None, None
        if masks is not None and images is not None and not (views and projected_only):
            tokens, raw = self.encoder.patch_tokens(
                images.expand(len(masks.context), -1, -1, -1), masks.context
            )
            if not projected_only:
                prediction, target = self.predict(tokens, masks), self.target_tokens(images, masks)
            if not views:
                pooled = (raw if self.projector is None else tokens).mean(dim=1)[None]
        if views:
            pairs = [self.encoder(view.flatten(0, 1)) for view in views]
            pooled = torch.cat(
                [
                    self._pool(*pair).unflatten(0, view.shape[:2])
                    for pair, view in zip(pairs, views, strict=True)
                ]
            )
            tokens = pairs[0][0][: views[0].shape[1]] if tokens is None else tokens
        if pooled is None or tokens is None:
            raise ValueError("There is nothing to compute: give images with masks, or views.")
        projected = self._head(pooled.flatten(0, 1)).unflatten(0, pooled.shape[:2])
        described = None if self.describer is None or projected_only else self.describer(pooled)
        return JEPAOutput(prediction, target, projected, pooled, tokens, described)

    def project(self, images: Float[Tensor, "B C S S"]) -> Float[Tensor, "B P"]:
        """Project whole images, each seen once: what SIGReg would see of them."""
        return self._head(self._pool(*self.encoder(images)))

    def predict(
        self, context: Float[Tensor, "B Nc D"], masks: PatchMasks
    ) -> Float[Tensor, "B M Nt D"]:
        """Predict target tokens from context tokens; ValueError for an encoder-only model."""
        if self.predictor is None:
            raise ValueError(
                "This checkpoint has no predictor: it is encoder-only, so patch errors cannot be "
                "computed from it."
            )
        prediction: Tensor = self.predictor(context, masks.context, masks.targets)
        return prediction

    def target_tokens(
        self, images: Float[Tensor, "#B C S S"], masks: PatchMasks
    ) -> Float[Tensor, "B M Nt D"]:
        """Encode the whole image; gather layer-normed target blocks (no gradient for "ema")."""
        shared = self.config.target == "shared"
        with torch.set_grad_enabled(shared and torch.is_grad_enabled()):
            tokens, _ = (self.encoder if shared else self.evaluated).patch_tokens(images)
            if self.config.target_norm:
                tokens = nn.functional.layer_norm(tokens, tokens.shape[-1:])
            tokens = tokens.expand(len(masks.targets), -1, -1)
            return gather_tokens(tokens, masks.targets.flatten(1)).view(*masks.targets.shape, -1)

    @torch.no_grad()
    def update_target(self, momentum: float) -> None:
        """target = momentum · target + (1 - momentum) · encoder, statistics included."""
        if self.target_encoder is None:
            return
        targets, sources = [
            [*part.parameters(), *_statistics(part)] for part in (self.target_encoder, self.encoder)
        ]
        torch._foreach_lerp_(list[Tensor](targets), list[Tensor](sources), 1.0 - momentum)

    def embed(self, images: Float[Tensor, "B C S S"]) -> Float[Tensor, "B D"]:
        """Return one vector per image: what the evaluated encoder's tokens are read as."""
        tokens, _ = self.evaluated(images)
        return self.evaluated.vector(tokens)

    def fuse_attention(self, fused: bool) -> None:
        """Use torch's fused attention or not: its bfloat16 backward is slow on CPUs."""
        for module in self.modules():
            if hasattr(module, "fused_attn"):
                module.fused_attn = fused  # type: ignore[assignment]

    def freeze_encoder(self, frozen: bool = True) -> None:
        """Leave encoder, projector and describer out of what gradients change."""
        self.encoder.requires_grad_(not frozen)
        for head in (self.projector, self.describer):
            if head is not None:
                head.requires_grad_(not frozen)

    def num_parameters(self) -> int:
        """Count the parameters, but for the moving average, which is a copy of the encoder."""
        copied = (
            0
            if self.target_encoder is None
            else sum(item.numel() for item in self.target_encoder.parameters())
        )
        return sum(item.numel() for item in self.parameters()) - copied

    def num_trainable(self) -> int:
        """Count the parameters that gradients change: encoder, predictor and projector."""
        return sum(item.numel() for item in self.parameters() if item.requires_grad)

    def _pool(self, tokens: Tensor, raw: Tensor) -> Tensor:
        return self.encoder.vector(
            raw if self.projector is None else tokens[..., self.encoder.frozen_width :]
        )

    def _head(self, pooled: Tensor) -> Tensor:
        return pooled if self.projector is None else self.projector(pooled)


def _statistics(part: nn.Module) -> list[Tensor]:
    """List the running statistics of batch norms."""
    return [
        value
        for name, value in part.named_buffers()
        if name.endswith(("running_mean", "running_var"))
    ]
