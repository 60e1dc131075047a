"""What one step computes, whole, in parts, for every recipe."""

from __future__ import annotations

import pytest
import torch

from astrojepa.config import NUM_DESCRIBED, replace
from astrojepa.models.encoders.registry import check_encoder
from astrojepa.models.jepa import JEPA
from astrojepa.objective.sigreg import SIGReg
from astrojepa.training.step import REGULARISED, TERMS, Stepper, compiled
from tests.training.tiny_step import CPU, RECIPES, TOLERANCE, one_step, tiny_config, tiny_state


@pytest.mark.parametrize("precision", TOLERANCE)
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_step_in_parts_has_the_loss_and_gradient_of_the_whole_batch(recipe, precision):
    tolerance = TOLERANCE[precision]
    whole, gradient = one_step(tiny_config(recipe, precision=precision))
    parts, summed = one_step(tiny_config(recipe, precision=precision, accumulate=3))
    for name in ("total", "prediction", "invariance", "sigreg"):
        assert parts[name] == pytest.approx(whole[name], rel=tolerance, abs=tolerance / 100), name
    assert (summed - gradient).norm() <= tolerance * gradient.norm()


def test_sigreg_sees_every_image_of_a_batch_that_is_computed_in_parts(monkeypatch):
    seen = []
    original = SIGReg.forward
    monkeypatch.setattr(
        SIGReg,
        "forward",
        lambda self, z, **options: seen.append(z.shape) or original(self, z, **options),
    )
    one_step(tiny_config("hybrid", accumulate=4))
    assert seen == [(1, 16, 8)]


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_total_is_the_weighted_sum_of_its_terms(recipe):
    config = tiny_config(recipe)
    terms, _ = one_step(config)
    aim = config.objective
    learned = (
        aim.prediction_weight * terms["prediction"] + aim.invariance_weight * terms["invariance"]
    )
    expected = (1 - aim.sigreg_weight) * learned + aim.sigreg_weight * terms["sigreg"]
    assert terms["total"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("recipe", "listens"), [("hybrid", True), ("lejepa", False), ("shared target", False)]
)
def test_only_masked_prediction_with_ema_targets_listens_to_the_moving_average(recipe, listens):
    config = tiny_config(recipe)
    totals = []
    for shift in (0.0, 1.0):
        state, batches = tiny_state(config)
        for item in state.network.target_encoder.parameters():
            item.data.add_(
                shift * torch.randn(item.shape, generator=torch.Generator().manual_seed(0))
            )
        totals.append(Stepper(state, CPU)(batches.parts(0), 1.0, 1e-3, 0.9)[0].item())
    assert (totals[0] != totals[1]) is listens


def test_a_shared_target_is_reached_by_the_gradient():
    gradients = []
    for target in ("ema", "shared"):
        state, batches = tiny_state(tiny_config("ijepa", target=target))
        (part,) = batches.parts(0)
        output = state.network(part.images, part.masks)
        output.target.square().sum().backward() if target == "shared" else None
        gradients.append(state.network.encoder.vit.patch_embed.proj.weight.grad)
    assert gradients[0] is None
    assert gradients[1].abs().max() > 0


def test_without_an_average_the_encoder_itself_is_evaluated():
    state, batches = tiny_state(tiny_config("lejepa", average=False))
    assert state.network.target_encoder is None
    images = torch.randn(2, 3, 32, 32)
    expected = state.network.encoder(images)[0].mean(1)
    torch.testing.assert_close(state.network.embed(images), expected)
    Stepper(state, CPU)(batches.parts(0), 1.0, 1e-3, 0.9)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["resnet18", "convnextv2_atto"])
def test_a_convolutional_encoder_trains_in_the_same_loop(backbone):
    config = tiny_config(
        "lejepa", backbone=backbone, projector_norm="batch", batch_size=4, local_size=32
    )
    state, batches = tiny_state(config)
    before = state.network.embed(torch.ones(2, 3, 32, 32))
    values = Stepper(state, CPU)(batches.parts(0), 1.0, 1e-2, 0.5)
    assert torch.isfinite(values).all()
    assert (state.network.embed(torch.ones(2, 3, 32, 32)) - before).abs().max() > 0


def test_a_convolutional_encoder_learns_from_views_and_may_predict_patches_beside():
    with pytest.raises(
        ValueError, match="`backbone` resnet18 learns from views; give `invariance_weight`"
    ):
        check_encoder(tiny_config("hybrid", backbone="resnet18"))
    state, batches = tiny_state(
        tiny_config(
            "hybrid", backbone="resnet18", invariance_weight=1.0, local_views=0, batch_size=4
        )
    )
    values = Stepper(state, CPU)(batches.parts(0), 1.0, 1e-2, 0.5)
    assert torch.isfinite(values).all()
    assert values[TERMS.index("prediction")] > 0


def test_compiling_that_fails_is_said_aloud_and_the_step_goes_on(monkeypatch):
    state, batches = tiny_state(tiny_config("hybrid"))
    (part,) = batches.parts(0)

    def broken(network: JEPA, dynamic: bool):
        def call(*inputs, **options):
            raise torch._dynamo.exc.TorchDynamoException("no compiler here")

        return call

    monkeypatch.setattr(torch, "compile", broken)
    said: list[str] = []
    forward = compiled(state.network, "on", CPU, said.append)
    expected = state.network(part.images, part.masks).prediction
    for _ in range(2):
        torch.testing.assert_close(forward(part.images, part.masks).prediction, expected)
    assert said == ["Compile   failed (no compiler here); continuing without it"]


def test_compiling_is_left_out_on_a_cpu_unless_asked_for():
    state, _ = tiny_state(tiny_config("hybrid"))
    assert compiled(state.network, "auto", CPU, print) is state.network
    assert compiled(state.network, "off", torch.device("cuda"), print) is state.network


RINGS = {"readout": "rings", "readout_width": 4, "embedding_width": 12}


def test_sigreg_acts_on_the_projected_vectors_the_embeddings_or_both():
    terms = {
        on: one_step(tiny_config("lejepa", **RINGS, sigreg_on=on))[0]["sigreg"]
        for on in REGULARISED
    }
    assert terms["embedding"] != terms["projector"]
    assert terms["both"] == pytest.approx((terms["embedding"] + terms["projector"]) / 2, rel=1e-5)


def test_sigreg_on_the_embedding_alone_leaves_the_projector_to_invariance():
    state, batches = tiny_state(
        tiny_config("lejepa", **RINGS, sigreg_on="embedding", sigreg_weight=1.0)
    )
    Stepper(state, CPU)(batches.parts(0), 1.0, 0.0, 0.9)
    assert not any(
        item.grad is not None and item.grad.any() for item in state.network.projector.parameters()
    )
    assert state.network.encoder.rings.head[-1].weight.grad.abs().max() > 0


@pytest.mark.parametrize("precision", TOLERANCE)
@pytest.mark.parametrize("on", ["embedding", "both"])
def test_a_batch_in_parts_is_regularised_as_a_whole(on, precision):
    config = tiny_config(
        "lejepa", readout="rings", readout_width=4, sigreg_on=on, precision=precision
    )
    whole, parts = (one_step(replace(config, accumulate=count)) for count in (1, 2))
    for name in ("total", "sigreg", "invariance"):
        assert parts[0][name] == pytest.approx(whole[0][name], rel=TOLERANCE[precision])
    assert torch.cosine_similarity(parts[1], whole[1], dim=0) > 0.999


@pytest.mark.slow
def test_a_describer_learns_the_numbers_that_it_is_given():
    config = tiny_config(
        "lejepa", **RINGS, describer=True, sigreg_weight=0.0, invariance_weight=1e-6
    )
    state, batches = tiny_state(config)
    batches.numbers = torch.randn(50, NUM_DESCRIBED, generator=torch.Generator().manual_seed(0))
    step = Stepper(state, CPU)
    losses = [
        float(step(batches.parts(0), 1.0, 1e-2, 0.9)[TERMS.index("description")]) for _ in range(30)
    ]
    assert losses[0] == pytest.approx(1.0, abs=0.5)
    assert losses[-1] < 0.5 * losses[0]
