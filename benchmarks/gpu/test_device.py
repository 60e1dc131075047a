"""The training core on a device against the CPU.

ASTROJEPA_TEST_DEVICE=cuda python -m pytest -q -p no:cacheprovider benchmarks/gpu/test_device.py

With ASTROJEPA_TEST_DEVICE=cpu the device is the CPU itself: that shows that the tests are sound.
"""

from __future__ import annotations

import dataclasses
import os
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from astrojepa.checkpoints.model import load_model
from astrojepa.checkpoints.weights import build_network
from astrojepa.config import TrainConfig, replace
from astrojepa.objective.masking import (
    counter_uniforms,
    num_uniforms,
    patch_brightness,
    sample_masks,
)
from astrojepa.objective.sigreg import SIGReg, random_directions
from astrojepa.presets import preset
from astrojepa.runs import read_metrics
from astrojepa.training.batches import BatchMaker
from astrojepa.training.state import TrainState, new_state
from astrojepa.training.step import TERMS, Stepper, compiled
from astrojepa.training.trainer import train
from astrojepa.training.views import make_noise_bank, num_view_uniforms, random_views
from astrojepa.types import Batch, PatchMasks

DEVICE = torch.device(
    os.environ.get("ASTROJEPA_TEST_DEVICE", "cuda" if torch.cuda.is_available() else "cpu")
)
CPU = torch.device("cpu")
needs_cuda = pytest.mark.skipif(DEVICE.type != "cuda", reason="a CPU queues and compiles nothing")
HALF = (0.5, 0.5, 0.5)
SMALL: dict[str, Any] = {
    "width": 48,
    "depth": 2,
    "predictor_width": 48,
    "predictor_depth": 2,
    "batch_size": 16,
    "num_directions": 64,
    "gradient_clip": 1e6,  # gradients are compared
    "precision": "float32",
}
VIEWS: dict[str, Any] = {
    "prediction_weight": 0.0,
    "invariance_weight": 1.0,
    "predictor_depth": 0,
    "projector_hidden": 64,
    "sigreg_scale": "count",
    "local_views": 2,
    "local_size": 32,
}
RECIPES: dict[str, dict[str, Any]] = {
    "ijepa": {"sigreg_weight": 0.0},
    "hybrid": {},
    "lejepa": VIEWS,
    "resnet": VIEWS | {"backbone": "resnet10t", "telescope": 0.7, "readout": "rings"},
}


def config_of(recipe: str, **changes: Any) -> TrainConfig:
    """A small network on 64 px."""
    return replace(preset("small.sigreg06"), **(SMALL | RECIPES[recipe] | changes))


def galaxies(side: int, count: int = 48) -> np.ndarray:
    """Ellipses with noise, uint8 (count, side, side, 3)."""
    y, x = np.mgrid[:side, :side] / side - 0.5
    generator = np.random.default_rng(0)
    axes = generator.uniform(0.08, 0.3, (count, 2))
    flux = np.stack([np.exp(-((x / a) ** 2 + (y / b) ** 2)) for a, b in axes])[..., None]
    noise = generator.normal(0, 0.02, (count, side, side, 3))
    return (np.clip(flux * generator.uniform(0.5, 1, (count, 1, 1, 3)) + noise, 0, 1) * 255).astype(
        np.uint8
    )


def setting(config: TrainConfig, device: torch.device) -> tuple[TrainState, BatchMaker, Stepper]:
    """The same weights and galaxies on any device."""
    state = new_state(config, build_network(config, device, 1), {"data": {"id_hash": "x"}})
    state.network.train()
    batches = BatchMaker(galaxies(config.image.frame_size), config, HALF, HALF, device)
    return state, batches, Stepper(state, device)


def moved(part: Batch) -> Batch:
    """A batch on the device."""
    masks = part.masks and PatchMasks(part.masks.context.to(DEVICE), part.masks.targets.to(DEVICE))
    images = None if part.images is None else part.images.to(DEVICE)
    views = tuple(view.to(DEVICE) for view in part.views)
    return dataclasses.replace(
        part, images=images, masks=masks, views=views, ids=part.ids.to(DEVICE)
    )


def gradient(state: TrainState) -> torch.Tensor:
    """All gradients in one vector, float64 on the CPU."""
    found = [item.grad for item in state.network.parameters() if item.grad is not None]
    return torch.cat([item.flatten().cpu().double() for item in found])


def take(batches: BatchMaker, stepper: Stepper, steps: int = 1) -> dict[str, float]:
    """Do some steps; the terms of the last."""
    for _ in range(steps):
        values = stepper(batches.parts(stepper.state.step), 1.0, 1e-3, 0.9)
        stepper.state.step += 1
    return dict(zip(TERMS, values.tolist(), strict=True))


def test_uniform_numbers_are_the_same_to_the_bit():
    ids = torch.arange(1000) * 7919
    here, there = (counter_uniforms(42, 17, ids.to(device), 300) for device in (CPU, DEVICE))
    assert torch.equal(here, there.cpu())


def test_views_and_masks_are_those_of_the_cpu():
    config = config_of("resnet")
    frames = torch.from_numpy(galaxies(config.image.frame_size, 24))
    uniforms = torch.rand(24, num_view_uniforms(config.views))
    found = []
    for device in (CPU, DEVICE):
        where, draws = frames.to(device), uniforms.to(device)
        bank = make_noise_bank(3, device)
        found.append(random_views(where, config.image, config.views, draws, bank))
    for first, second in zip(*found, strict=True):
        gap = (first - second.cpu()).abs()
        assert gap.mean() < 1e-4
        assert (gap > 1e-2).float().mean() < 1e-4
    flux, draws = found[0][0][0], torch.rand(24, num_uniforms(8, config.mask))
    masks = [
        sample_masks(patch_brightness(flux.to(d), 8), config.mask, uniforms=draws.to(d))
        for d in (CPU, DEVICE)
    ]
    for name in ("context", "targets"):
        first, second = (getattr(mask, name).cpu() for mask in masks)
        assert (first == second).float().mean() > 0.99, name


@pytest.mark.parametrize("scale", ["mean", "count"])
def test_sigreg_is_that_of_float64_on_the_cpu(scale):
    vectors = 1.3 * torch.randn(2, 256, 64) + 0.2
    directions, loss = random_directions(64, 1024, 0, 0), SIGReg(1024, 3.0, 33, scale)
    exact, own = vectors.double().requires_grad_(), vectors.to(DEVICE).requires_grad_()
    value = loss(exact, directions.double())
    value.backward()
    found = loss(own, directions.to(DEVICE))
    found.backward()
    assert found.item() == pytest.approx(value.item(), rel=1e-4)
    assert (own.grad.cpu() - exact.grad).norm() < 1e-4 * exact.grad.norm()


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_step_in_float32_is_that_of_the_cpu(recipe, monkeypatch):
    here, there = (setting(config_of(recipe), device) for device in (CPU, DEVICE))
    part = here[1].parts(0)[0]

    def same(width, count, seed, step, device="cpu"):  # devices draw different directions
        return random_directions(width, count, seed, step).to(device)

    monkeypatch.setattr("astrojepa.objective.sigreg.random_directions", same)
    expected = here[2]([part], 1.0, 1e-3, 0.9)
    found = there[2]([moved(part)], 1.0, 1e-3, 0.9).cpu()
    for name, a, b in zip(TERMS, expected.tolist(), found.tolist(), strict=True):
        assert b == pytest.approx(a, rel=2e-3, abs=1e-5), name
    assert (gradient(here[0]) - gradient(there[0])).norm() < 5e-3 * gradient(here[0]).norm()
    devices = {value.device.type for value in there[0].network.state_dict().values()}
    assert devices == {DEVICE.type}


@pytest.mark.parametrize("recipe", ["hybrid", "lejepa", "resnet"])
def test_bfloat16_is_close_to_float32(recipe):
    exact, fast = (
        setting(config_of(recipe, precision=precision), DEVICE)
        for precision in ("float32", "bfloat16")
    )
    a, b = take(*exact[1:]), take(*fast[1:])
    for name in ("total", "prediction", "invariance"):
        assert b[name] == pytest.approx(a[name], rel=0.03, abs=1e-3), name
    similar = torch.nn.functional.cosine_similarity
    assert similar(gradient(exact[0]), gradient(fast[0]), dim=0) > 0.97


@needs_cuda
@pytest.mark.parametrize("recipe", ["hybrid", "lejepa", "resnet"])
def test_compiled_is_eager_in_one_graph(recipe):
    from torch._dynamo.utils import counters

    eager, fast = (setting(config_of(recipe), DEVICE) for _ in range(2))
    said: list[str] = []
    fast[2].forward = compiled(fast[0].network, "on", DEVICE, said.append)
    a, b = take(*eager[1:], steps=3), take(*fast[1:], steps=3)
    assert not said
    for name in TERMS:
        assert b[name] == pytest.approx(a[name], rel=2e-2, abs=1e-4), name
    assert not counters["graph_break"]


@needs_cuda
@pytest.mark.parametrize("recipe", RECIPES)
def test_no_step_waits_for_the_gpu(recipe):
    _, batches, stepper = setting(config_of(recipe, precision="bfloat16"), DEVICE)
    take(batches, stepper, steps=2)  # makes constants and the epoch's order
    torch.cuda.set_sync_debug_mode("error")
    try:
        stepper(batches.parts(stepper.state.step), 1.0, 1e-3, 0.9)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_a_run_trains_judges_resumes_and_embeds_as_on_the_cpu(tmp_path, monkeypatch):
    monkeypatch.setenv("ASTROJEPA_CACHE", str(tmp_path / "cache"))
    config = config_of("hybrid", data="simulated:64", epochs=3)
    run = partial(train, config, device=str(DEVICE), progress=False)
    folder = run(out=tmp_path / "run")
    rows = read_metrics(folder)
    assert rows[-1]["epoch"] == 3
    assert all(np.isfinite(rows[-1][name]) for name in TERMS)
    assert run(resume=folder) == folder
    frames = galaxies(config.image.frame_size, 4)
    here, there = (load_model(folder, device=str(device)) for device in (CPU, DEVICE))
    gap = np.abs(there.encode(frames) - here.encode(frames)).max()
    assert gap < 2e-3 * max(1, np.abs(here.encode(frames)).max())
