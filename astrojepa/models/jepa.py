"""The joint-embedding predictive architecture: context encoder, target encoder, predictor and SIGReg's projector."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from astrojepa.config import ImageConfig, ModelConfig
from astrojepa.models.encoder import Encoder, gather_tokens
from astrojepa.models.predictor import Predictor
from astrojepa.types import PatchMasks


@dataclass(frozen=True)
class JEPAOutput:
    """What the objective needs from one batch."""

    prediction: Tensor  # (B, M, Nt, D)
    target: Tensor  # (B, M, Nt, D), no gradient
    projected: Tensor  # (B, P), what SIGReg sees: one vector per image
    context: Tensor  # (B, Nc, D), for gauges


class JEPA(nn.Module):
    """I-JEPA with one projected vector per image for SIGReg.

    `target_encoder` is an exponential moving average of all of `encoder`'s weights, patch embedding included. It is never trained
    by gradient and always in eval mode.
    """

    def __init__(self, image: ImageConfig, model: ModelConfig) -> None:
        super().__init__()
        self.config = model
        self.encoder = Encoder(image, model)
        self.target_encoder = copy.deepcopy(self.encoder).requires_grad_(False).eval()
        self.predictor = Predictor(image, model) if model.predictor_depth else None
        self.projector = nn.Linear(model.width, model.projector_width) if model.projector_width else None

    def train(self, mode: bool = True) -> JEPA:
        """Switch to training mode, the target encoder excepted."""
        super().train(mode)
        self.target_encoder.eval()
        return self

    def forward(self, images: Float[Tensor, "#B 3 S S"], masks: PatchMasks) -> JEPAOutput:
        """Encode the context, predict the target blocks, and encode the whole image with the target encoder.

        One image (1, 3, S, S) with several masks is encoded whole only once.
        """
        context, raw = self.encoder(images.expand(len(masks.context), -1, -1, -1), masks.context)
        pooled = raw.mean(dim=1) if self.projector is None else self.projector(context.mean(dim=1))
        return JEPAOutput(
            prediction=self.predict(context, masks),
            target=self.target_tokens(images, masks),
            projected=pooled,
            context=context,
        )

    def predict(self, context: Float[Tensor, "B Nc D"], masks: PatchMasks) -> Float[Tensor, "B M Nt D"]:
        """Predict target tokens from context tokens; ValueError for an encoder-only model."""
        if self.predictor is None:
            raise ValueError("This checkpoint has no predictor: it is encoder-only, so patch errors cannot be computed from it.")
        prediction: Tensor = self.predictor(context, masks.context, masks.targets)
        return prediction

    @torch.no_grad()
    def target_tokens(self, images: Float[Tensor, "#B 3 S S"], masks: PatchMasks) -> Float[Tensor, "B M Nt D"]:
        """Encode the whole image with the target encoder and gather the target blocks, layer-normed without affine."""
        tokens, _ = self.target_encoder(images)
        if self.config.target_norm:
            tokens = nn.functional.layer_norm(tokens, tokens.shape[-1:])
        tokens = tokens.expand(len(masks.targets), -1, -1)
        return gather_tokens(tokens, masks.targets.flatten(1)).view(*masks.targets.shape, -1)

    @torch.no_grad()
    def update_target(self, momentum: float) -> None:
        """Move every weight of the target encoder: target = momentum · target + (1 - momentum) · encoder."""
        targets, sources = [list(part.parameters()) for part in (self.target_encoder, self.encoder)]
        torch._foreach_lerp_(list[Tensor](targets), list[Tensor](sources), 1.0 - momentum)

    def embed(self, images: Float[Tensor, "B 3 S S"]) -> Float[Tensor, "B D"]:
        """Return one vector per image: the mean of the target encoder's tokens."""
        tokens, _ = self.target_encoder(images)
        return tokens.mean(dim=1)

    def num_trainable(self) -> int:
        """Count the parameters that gradients change: encoder, predictor and projector."""
        return sum(item.numel() for item in self.parameters() if item.requires_grad)
