"""One optimiser step: forward, backward, gradients over parts and processes, AdamW, moving average."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from astrojepa import distributed
from astrojepa.models.jepa import JEPA, JEPAOutput
from astrojepa.objective.losses import SIGReg, invariance_loss, objective, prediction_loss
from astrojepa.training.gauges import explained_variance, token_spread
from astrojepa.training.state import TrainState
from astrojepa.types import Batch

TERMS = ("total", "prediction", "invariance", "sigreg", "explained_variance", "token_spread", "gradient_norm")
BFLOAT16_GAIN = 1.25  # how much faster bfloat16 must be on a CPU to be used


@functools.cache
def bfloat16_pays(device: torch.device) -> bool:
    """Say whether the device computes in bfloat16 faster than in float32: any recent GPU; of CPUs, those found clearly faster.

    What a CPU claims does not tell: on one with AVX512-BF16 matrix products took twice as long as in float32. So a CPU that has it is
    timed, once a process, on some milliseconds of products.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    capable = torch.cpu.get_capabilities()
    if not (capable.get("avx512_bf16") or capable.get("amx_bf16")):
        return False
    return _seconds_of_products(torch.bfloat16) * BFLOAT16_GAIN < _seconds_of_products(torch.float32)


def _seconds_of_products(kind: torch.dtype) -> float:
    """Return the shortest of several times that a product of two matrices takes on the CPU."""
    left, right = torch.ones(2, 512, 512, dtype=kind)
    times = []
    for _ in range(8):
        begun = time.perf_counter()
        left @ right
        times.append(time.perf_counter() - begun)
    return min(times)


class Stepper:
    """Changes a state by one step at a time.

    A batch may be computed in parts and by several processes; the step is that of the whole batch all the same. SIGReg needs all
    embeddings at once: with several parts they are computed first without gradient, and each part is then pulled by SIGReg's
    gradient with respect to its own embeddings (the scheme of Gao et al. 2021, arXiv:2101.06983). Batch norm sees one part at a time.
    """

    def __init__(self, state: TrainState, device: torch.device, forward: Callable[..., JEPAOutput] | None = None) -> None:
        aim = state.config.objective
        self.state, self.device = state, device
        self.forward = forward or state.network
        self.sigreg = SIGReg(aim.num_directions, aim.t_max, aim.num_knots, aim.sigreg_scale, seed=state.config.seed)
        self.bfloat16 = bfloat16_pays(device)

    def __call__(self, parts: Sequence[Batch], share: float, rate: float, momentum: float) -> Tensor:
        """Do one step and return this process's TERMS, on the device.

        `share` is the fraction of the whole batch that `parts` are; TERMS are means over them, SIGReg over the whole batch.
        """
        state = self.state
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        state.optimizer.zero_grad(set_to_none=True)
        pulls = self._pulls(parts) if len(parts) > 1 else [None]
        own = sum(map(len, parts))
        seen = [self._backward(part, len(part) / own, pull) for part, pull in zip(parts, pulls, strict=True)]
        distributed.average_gradients(state.network.parameters(), share)
        norm = nn.utils.clip_grad_norm_(state.network.parameters(), state.config.optim.gradient_clip)
        state.optimizer.step()
        state.network.update_target(momentum)
        return torch.cat([torch.stack(seen).sum(dim=0), norm.detach().float()[None]])

    def _backward(self, part: Batch, weight: float, pull: tuple[Tensor, Tensor] | None) -> Tensor:
        """Add a part's gradient; returns its terms times its weight."""
        aim, views = self.state.config.objective, self.state.config.views
        output = self._forward(part)
        prediction = invariance = None
        explained = output.projected.new_zeros(())
        if output.prediction is not None and output.target is not None:
            prediction = prediction_loss(output.prediction, output.target)
            explained = explained_variance(prediction.detach(), output.target.detach())
        if part.views:
            invariance = invariance_loss(output.projected, views.global_views)
        if pull is None:
            with torch.set_grad_enabled(aim.sigreg_weight > 0):  # at λ = 0 it is only watched
                sigreg = self.sigreg(output.projected, step=self.state.step)
            terms = objective(prediction, invariance, sigreg, aim)
            loss = terms.total * weight
        else:
            value, gradient = pull
            terms = objective(prediction, invariance, value, aim)
            loss = terms.total * weight
            if aim.sigreg_weight > 0:
                loss = loss + aim.sigreg_weight * (gradient * output.projected.float()).sum()
        loss.backward()
        row = [terms.total, terms.prediction, terms.invariance, terms.sigreg, explained, token_spread(output.tokens)]
        return torch.stack([item.detach().float() for item in row]) * weight

    def _pulls(self, parts: Sequence[Batch]) -> Sequence[tuple[Tensor, Tensor] | None]:
        """Return, for each part, SIGReg of the whole batch and its gradient with respect to the part's embeddings."""
        with torch.no_grad():
            each = [self._forward(part, projected_only=True).projected.float() for part in parts]
        whole = torch.cat(each, dim=1).requires_grad_()
        value = self.sigreg(whole, step=self.state.step)
        (gradient,) = torch.autograd.grad(value, whole)
        return [(value.detach(), pull) for pull in gradient.split([part.shape[1] for part in each], dim=1)]

    def _forward(self, part: Batch, **options: Any) -> JEPAOutput:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            return self.forward(part.images, part.masks, part.views, **options)


def compiled(network: JEPA, wanted: str, device: torch.device, say: Callable[[str], None]) -> Callable[..., JEPAOutput]:
    """Return the forward pass, compiled if `wanted` is "on", or "auto" on a GPU; where compiling fails, eager, and said aloud.

    On a CPU compiling takes longer than it saves in a short run (docs/performance.md), so "auto" leaves it out.
    """
    if wanted == "off" or (wanted == "auto" and device.type != "cuda"):
        return network
    fast = torch.compile(network, dynamic=False)
    works: list[bool] = []

    def forward(*inputs: Any, **options: Any) -> JEPAOutput:
        if not works:
            try:
                output: JEPAOutput = fast(*inputs, **options)
            except (torch._dynamo.exc.TorchDynamoException, torch._inductor.exc.InductorError) as error:
                reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
                say(f"Compile   failed ({reason[:200]}); going on without it")
                works.append(False)
                return network(*inputs, **options)
            works.append(True)
            return output
        return fast(*inputs, **options) if works[0] else network(*inputs, **options)

    return forward
