"""One step: forward, backward, gradients over parts and processes, AdamW, EMA."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from astrojepa import distributed
from astrojepa.models.jepa import JEPA, JEPAOutput
from astrojepa.objective.sigreg import SIGReg
from astrojepa.objective.terms import description_loss, invariance_loss, objective, prediction_loss
from astrojepa.precision import computing, resolve
from astrojepa.training.gauges import explained_variance, token_spread
from astrojepa.training.state import TrainState
from astrojepa.types import Batch

TERMS = (
    "total",
    "prediction",
    "invariance",
    "sigreg",
    "description",
    "explained_variance",
    "token_spread",
    "gradient_norm",
)
REGULARISED = {
    "projector": ("projected",),
    "embedding": ("pooled",),
    "both": ("projected", "pooled"),
}


class Stepper:
    """Changes a state by one step at a time.

    A batch may be computed in parts and by several processes; the step is that of the whole batch
    all the same. SIGReg needs all embeddings at once: with several parts they are computed first
    without gradient, and each part is then pulled by SIGReg's gradient with respect to its own
    embeddings (the scheme of Gao et al. 2021, arXiv:2101.06983). Batch norm sees one part at a
    time.
    """

    def __init__(
        self,
        state: TrainState,
        device: torch.device,
        forward: Callable[..., JEPAOutput] | None = None,
    ) -> None:
        aim = state.config.objective
        self.state, self.device = state, device
        self.forward = forward or state.network
        self.sigreg = SIGReg.of(aim, state.config.seed)
        self.precision, _ = resolve(state.config.precision, device)
        state.network.fuse_attention(device.type != "cpu" or self.precision == "float32")

    def __call__(
        self, parts: Sequence[Batch], share: float, rate: float, momentum: float
    ) -> Tensor:
        """Do one step and return this process's TERMS, on the device.

        `share` is the fraction of the whole batch that `parts` are; TERMS are means over them,
        SIGReg over the whole batch.
        """
        state = self.state
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        state.optimizer.zero_grad(set_to_none=True)
        pulls = self._pulls(parts) if len(parts) > 1 else [None]
        own = sum(map(len, parts))
        seen = [
            self._backward(part, len(part) / own, pull)
            for part, pull in zip(parts, pulls, strict=True)
        ]
        distributed.average_gradients(state.network.parameters(), share)
        norm = nn.utils.clip_grad_norm_(
            state.network.parameters(), state.config.optim.gradient_clip
        )
        state.optimizer.step()
        state.network.update_target(momentum)
        return torch.cat([torch.stack(seen).sum(dim=0), norm.detach().float()[None]])

    def _backward(
        self, part: Batch, weight: float, pull: tuple[Tensor, list[Tensor]] | None
    ) -> Tensor:
        """Add a part's gradient; returns its terms times its weight."""
        aim, views = self.state.config.objective, self.state.config.views
        output = self._forward(part)
        prediction = invariance = description = None
        explained = output.projected.new_zeros(())
        if output.prediction is not None and output.target is not None:
            prediction = prediction_loss(output.prediction, output.target)
            explained = explained_variance(prediction.detach(), output.target.detach())
        if part.views:
            invariance = invariance_loss(output.projected, views.global_views)
        if output.described is not None and part.numbers is not None:
            description = description_loss(output.described, part.numbers)
        if pull is None:
            with torch.set_grad_enabled(aim.sigreg_weight > 0):  # at λ = 0 it is only watched
                sigreg = self._sigreg(self._regularised(output))
            terms = objective(prediction, invariance, sigreg, aim, description)
            loss = terms.total * weight
        else:
            value, gradients = pull
            terms = objective(prediction, invariance, value, aim, description)
            loss = terms.total * weight
            if aim.sigreg_weight > 0:
                own = zip(gradients, self._regularised(output), strict=True)
                loss = loss + aim.sigreg_weight * sum(
                    (gradient * vectors.float()).sum() for gradient, vectors in own
                )
        loss.backward()
        row = [terms.total, terms.prediction, terms.invariance, terms.sigreg, terms.description]
        row += [explained, token_spread(output.tokens)]
        return torch.stack([item.detach().float() for item in row]) * weight

    def _regularised(self, output: JEPAOutput) -> list[Tensor]:
        """Return what SIGReg acts on: projections (V, B, P), embeddings (V, B, D), or both."""
        return [
            getattr(output, name) for name in REGULARISED[self.state.config.objective.sigreg_on]
        ]

    def _sigreg(self, vectors: Sequence[Tensor]) -> Tensor:
        """Return SIGReg, averaged over the kinds of vectors."""
        return torch.stack([self.sigreg(each, step=self.state.step) for each in vectors]).mean()

    def _pulls(self, parts: Sequence[Batch]) -> Sequence[tuple[Tensor, list[Tensor]] | None]:
        """Return, per part, SIGReg of the whole batch and its gradients."""
        with torch.no_grad():
            each = [
                [
                    item.float()
                    for item in self._regularised(self._forward(part, projected_only=True))
                ]
                for part in parts
            ]
        wholes = [torch.cat(kind, dim=1).requires_grad_() for kind in zip(*each, strict=True)]
        value = self._sigreg(wholes)
        sizes = [kinds[0].shape[1] for kinds in each]
        pulls = [gradient.split(sizes, dim=1) for gradient in torch.autograd.grad(value, wholes)]
        return [(value.detach(), list(own)) for own in zip(*pulls, strict=True)]

    def _forward(self, part: Batch, **options: Any) -> JEPAOutput:
        """Compute the network's outputs, which leave it in float32 whatever it computes in."""
        with computing(self.precision, self.device):
            output = self.forward(part.images, part.masks, part.views, **options)
        return output.float()


def compiled(
    network: JEPA, wanted: str, device: torch.device, say: Callable[[str], None]
) -> Callable[..., JEPAOutput]:
    """Return the forward pass, compiled if "on", or "auto" on a GPU; eager if that fails.

    On a CPU compiling takes longer than it saves in a short run (docs/performance.md), so "auto"
    leaves it out.
    """
    if wanted == "off" or (wanted == "auto" and device.type != "cuda"):
        return network
    fast = torch.compile(network, dynamic=False)
    works: list[bool] = []

    def forward(*inputs: Any, **options: Any) -> JEPAOutput:
        if not works:
            try:
                output: JEPAOutput = fast(*inputs, **options)
            except (
                torch._dynamo.exc.TorchDynamoException,
                torch._inductor.exc.InductorError,
            ) as error:
                reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
                say(f"Compile   failed ({reason[:200]}); continuing without it")
                works.append(False)
                return network(*inputs, **options)
            works.append(True)
            return output
        return fast(*inputs, **options) if works[0] else network(*inputs, **options)

    return forward
