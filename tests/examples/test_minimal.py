"""examples/minimal.py is the package's method: the same losses on the same batch, and it learns."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from astrojepa.config import ImageConfig, ModelConfig, ObjectiveConfig
from astrojepa.models.jepa import JEPA
from astrojepa.objective.sigreg import SIGReg, random_directions
from astrojepa.objective.terms import objective, prediction_loss
from astrojepa.types import PatchMasks
from examples import minimal

SOURCE = Path(minimal.__file__).read_text()
IMAGE = ImageConfig(image_size=minimal.S, patch_size=minimal.PATCH)
MODEL = ModelConfig(
    width=minimal.D,
    depth=minimal.DEPTH,
    heads=minimal.HEADS,
    predictor_width=minimal.PD,
    predictor_depth=minimal.PDEPTH,
    predictor_heads=minimal.HEADS,
    projector_width=minimal.P,
)
OBJECTIVE = ObjectiveConfig(sigreg_weight=minimal.LAMBDA)
# What a part is called there, and here.
NAMES = (
    (r"^((?:target_)?encoder)\.patches\.", r"\1.vit.patch_embed.proj."),
    (rf"^((?:target_)?encoder)\.blocks\.{minimal.DEPTH}\.", r"\1.vit.norm."),
    (r"^((?:target_)?encoder)\.blocks\.", r"\1.vit.blocks."),
    (rf"^predictor\.{minimal.PDEPTH}\.", "predictor.norm."),
    (r"^predictor\.(\d)", r"predictor.blocks.\1"),
    (r"^narrow\.", "predictor.embed."),
    (r"^widen\.", "predictor.out."),
    (r"^mask_token", "predictor.mask_token"),
    (r"self_attn\.in_proj_", "attn.qkv."),
    (r"self_attn\.out_proj\.", "attn.proj."),
    (r"linear(\d)\.", r"mlp.fc\1."),
)


def same_network(model: minimal.JEPA) -> JEPA:
    """The package's network with the same weights."""
    state = {}
    for name, value in model.state_dict().items():
        for pattern, replacement in NAMES:
            name = re.sub(pattern, replacement, name)
        state[name] = value.view(1, 1, -1) if name.endswith("mask_token") else value
    network = JEPA(IMAGE, MODEL)
    network.load_state_dict(state, strict=True)
    return network


@pytest.fixture
def batch():
    """16 pictures of a bright blob, masks, directions."""
    torch.manual_seed(0)
    line = torch.linspace(-1, 1, minimal.S)
    blob = torch.exp(
        -(line.square() + line[:, None].square()) / torch.linspace(0.05, 0.4, 16)[:, None, None]
    )
    images = (0.9 * blob[:, None] + 0.05 * torch.rand(16, 3, minimal.S, minimal.S)).clamp(0, 1)
    return images, *minimal.sample_masks(images), random_directions(minimal.P, 256, seed=1, step=0)


def test_the_losses_are_those_of_the_package_on_one_batch(batch):
    images, context, targets, directions = batch
    model = minimal.JEPA()
    with torch.no_grad():
        # as after some training: not equal to the encoder
        for value in model.target_encoder.parameters():
            value.mul_(1.1)
    total, prediction, sigreg = model.losses(*batch)
    output = same_network(model)((images - 0.1) / 0.15, PatchMasks(context, targets))
    expected = objective(
        prediction_loss(output.prediction, output.target),
        None,
        SIGReg()(output.projected, directions=directions),
        OBJECTIVE,
    )
    assert prediction.item() == pytest.approx(expected.prediction.item(), abs=1e-6)
    assert sigreg.item() == pytest.approx(expected.sigreg.item(), abs=1e-6)
    assert total.item() == pytest.approx(expected.total.item(), abs=1e-6)


def test_the_gradients_are_those_of_the_package_on_one_batch(batch):
    images, context, targets, directions = batch
    model = minimal.JEPA()
    network = same_network(model)
    model.losses(*batch)[0].backward()
    output = network((images - 0.1) / 0.15, PatchMasks(context, targets))
    objective(
        prediction_loss(output.prediction, output.target),
        None,
        SIGReg()(output.projected, directions=directions),
        OBJECTIVE,
    ).total.backward()
    for ours, theirs in (
        (model.encoder["patches"].weight, network.encoder.vit.patch_embed.proj.weight),
        (model.narrow.weight, network.predictor.embed.weight),
        (model.projector.weight, network.projector.weight),
    ):
        assert theirs.grad.abs().max() > 0
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-6)
    assert all(value.grad is None for value in model.target_encoder.parameters())


def test_context_and_targets_never_share_a_patch_and_targets_are_whole_blocks(batch):
    _, context, targets, _ = batch
    assert context.shape == (16, minimal.NC)
    assert targets.shape == (16, minimal.M, minimal.NT)
    for seen, blocks in zip(context.tolist(), targets, strict=True):
        assert len(set(seen)) == minimal.NC
        assert not set(seen) & set(blocks.flatten().tolist())
        for block in blocks:
            rows, columns = block // minimal.G, block % minimal.G
            assert {len(rows.unique()), len(columns.unique())} == {3, 4}


def test_the_context_prefers_the_galaxy_to_the_sky(batch):
    images, *_ = batch
    bright = torch.nn.functional.avg_pool2d(images.mean(1, keepdim=True), minimal.PATCH).flatten(1)
    seen, free = [], []
    for _ in range(20):
        context, targets = minimal.sample_masks(images)
        seen.append(bright.gather(1, context).mean())
        free.append(
            bright[
                torch.ones_like(bright, dtype=torch.bool).scatter(1, targets.flatten(1), False)
            ].mean()
        )
    assert torch.stack(seen).mean() > 1.1 * torch.stack(free).mean()


@pytest.mark.slow
def test_a_short_training_lowers_the_loss_and_prints_both_probes(capsys):
    minimal.main(num_galaxies=20, epochs=51)
    lines = capsys.readouterr().out.splitlines()
    first, last = (
        float(re.search(r"total ([\d.]+)", line)[1]) for line in lines if line.startswith("step")
    )
    assert last < first / 2
    assert [line.split(":")[0] for line in lines if "correct" in line] == [
        "Linear probe, random weights",
        "Linear probe, trained",
    ]


def test_the_file_is_short_enough_for_one_sitting_and_takes_only_galaxies_from_the_package():
    assert len(SOURCE.splitlines()) <= 150
    assert max(map(len, SOURCE.splitlines())) <= 100
    assert set(re.findall(r"aj\.(\w+)", SOURCE)) == {"open_dataset"}
    assert re.findall(r"^.*astrojepa.*$", SOURCE, re.MULTILINE) == ["import astrojepa as aj"]
