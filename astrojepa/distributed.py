"""Several processes as one: what torchrun's environment says, and sums over all of them.

Every function asks the process group when it is called, never earlier: before `start` there is one
process, after it there are many. The convention for gradients: each process differentiates the mean
over its own samples, and `average_gradients` weights the processes by their number of samples, so
that any split of a batch gives the gradient of the whole batch.
"""

from __future__ import annotations

import atexit
import contextlib
import datetime
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed

T = TypeVar("T")

_together = True
# one process may prepare data or judge a checkpoint while the others wait
TIMEOUT = datetime.timedelta(hours=2)


class PeerLostError(OSError):
    """Another process of the run is gone."""


def world_size() -> int:
    """Return how many processes work together: 1 outside torchrun, or inside `alone`."""
    if _together and distributed.is_available() and distributed.is_initialized():
        return distributed.get_world_size()
    return 1


def rank() -> int:
    """Return this process's number, 0 to world_size - 1; number 0 writes the files."""
    return distributed.get_rank() if world_size() > 1 else 0


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Run the block as a single process, while the other processes wait."""
    global _together
    before, _together = _together, False
    try:
        yield
    finally:
        _together = before


def start(device: torch.device) -> torch.device:
    """Join the other processes under torchrun; returns this process's device (cuda:LOCAL_RANK).

    NCCL between GPUs, gloo between CPUs. Outside torchrun, or where a group exists already, nothing
    happens.
    """
    if "WORLD_SIZE" not in os.environ or distributed.is_initialized():
        return device
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    with _peers_may_be_lost():
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=TIMEOUT)
    atexit.register(stop)
    return device


def stop() -> None:
    """Leave the group; happens by itself when the process ends."""
    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


def share(count: int) -> slice:
    """Return this process's contiguous part of `count` rows; sizes differ by at most 1."""
    size, own = world_size(), rank()
    return slice(count * own // size, count * (own + 1) // size)


def all_sum(tensor: Tensor) -> Tensor:
    """Return the sum over all processes; PeerLostError if one is gone."""
    if world_size() == 1:
        return tensor
    total = tensor.clone()
    with _peers_may_be_lost():
        distributed.all_reduce(total)
    return total


def any_true(flag: bool, device: torch.device) -> bool:
    """Say whether any process raises the flag; all must ask at the same step."""
    return (
        flag if world_size() == 1 else bool(all_sum(torch.tensor(float(flag), device=device)) > 0)
    )


def wait() -> None:
    """Return once every process has come here."""
    if world_size() > 1:
        with _peers_may_be_lost():
            distributed.barrier()


def broadcast(tensors: Iterable[Tensor]) -> None:
    """Overwrite the tensors by those of process 0."""
    if world_size() > 1:
        with _peers_may_be_lost():
            for tensor in tensors:
                distributed.broadcast(tensor.detach(), src=0)


def from_first(make: Callable[[], T]) -> T:
    """Return, on every process, what process 0 makes."""
    if world_size() == 1:
        return make()
    box: list[Any] = [make() if rank() == 0 else None]
    with _peers_may_be_lost():
        distributed.broadcast_object_list(box, src=0)
    made: T = box[0]
    return made


@contextlib.contextmanager
def first_on_each_machine() -> Iterator[None]:
    """Let one process of each machine do the block first; the others then find what it has made."""
    first = world_size() == 1 or os.environ.get("LOCAL_RANK", "0") == "0"
    if not first:
        wait()
    yield
    if first:
        wait()


def average_gradients(parameters: Iterable[torch.nn.Parameter], weight: Tensor | float) -> None:
    """Replace gradients by their weighted sum over processes, in one message."""
    if world_size() == 1:
        return
    # the same ones on every process
    gradients = [item.grad for item in parameters if item.grad is not None]
    flat = all_sum(torch.cat([gradient.flatten() for gradient in gradients]) * weight)
    parts = flat.split([gradient.numel() for gradient in gradients])
    torch._foreach_copy_(
        gradients, [part.view_as(gradient) for part, gradient in zip(parts, gradients, strict=True)]
    )


@contextlib.contextmanager
def _peers_may_be_lost() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        first = (str(error).splitlines() or [""])[0]
        raise PeerLostError(
            f"Process {os.environ.get('RANK', '?')} of {os.environ.get('WORLD_SIZE', '?')} lost "
            f"contact with another one ({first[:200]}). Look above for what ended that one, then "
            "start again (resume a training)."
        ) from error
