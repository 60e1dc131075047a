"""In which arithmetic a run computes: decided once, said aloud, kept; what stays float32 in
both.
"""

from __future__ import annotations

import json
import time

import pytest
import torch

from astrojepa.checkpoints.model import load_model
from astrojepa.checkpoints.weights import read_pickled
from astrojepa.config import TrainConfig, replace
from astrojepa.objective.sigreg import SIGReg
from astrojepa.objective.terms import invariance_loss, objective, prediction_loss
from astrojepa.precision import VARIABLE, computing, kept, resolve
from astrojepa.runs import read_config
from astrojepa.training import step as step_module
from astrojepa.training.gauges import explained_variance, token_spread
from astrojepa.training.step import Stepper
from astrojepa.training.sweep.plan import read_sweep
from astrojepa.training.sweep.sweep import sweep
from astrojepa.training.trainer import TrainingInterrupted, train
from tests.training.test_trainer import interrupted_run
from tests.training.tiny_step import CPU, RECIPES, TOLERANCE, one_step, tiny_config, tiny_state

BOTH = ("float32", "bfloat16")


@pytest.fixture
def able(monkeypatch):
    """Let the processor claim to multiply in bfloat16, or not."""
    monkeypatch.delenv(VARIABLE, raising=False)

    def claim(amx: bool) -> None:
        monkeypatch.setattr(
            torch.cpu, "get_capabilities", lambda: {"amx_bf16": amx, "avx512_bf16": True}
        )

    return claim


@pytest.mark.parametrize(("amx", "expected"), [(True, "bfloat16"), (False, "float32")])
def test_auto_follows_what_the_processor_can_do_and_never_a_clock(able, monkeypatch, amx, expected):
    able(amx)
    for name in ("perf_counter", "monotonic", "time", "process_time"):
        monkeypatch.setattr(time, name, lambda: pytest.fail("a clock was read"))
    assert resolve("auto", CPU)[0] == expected
    assert [resolve(name, CPU)[0] for name in BOTH] == list(BOTH)


def test_one_variable_forces_what_auto_stands_for_and_leaves_what_was_asked_for(able, monkeypatch):
    able(False)
    monkeypatch.setenv(VARIABLE, "bfloat16")
    assert resolve("auto", CPU) == ("bfloat16", "$ASTROJEPA_PRECISION")
    assert resolve("float32", CPU)[0] == "float32"
    monkeypatch.setenv(VARIABLE, "half")
    with pytest.raises(
        ValueError, match="`ASTROJEPA_PRECISION` is 'half'; choose one of float32, bfloat16"
    ):
        resolve("auto", CPU)
    with pytest.raises(
        ValueError, match="`precision` is 'half'; choose one of auto, float32, bfloat16"
    ):
        replace(TrainConfig(), precision="half")


def test_a_config_that_leaves_it_open_is_written_as_before_and_one_that_decides_says_so():
    assert "precision" not in TrainConfig().to_dict()
    for name in BOTH:
        config = replace(TrainConfig(), precision=name)
        assert config.to_dict() == {**TrainConfig().to_dict(), "precision": name}
        assert TrainConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.slow
@pytest.mark.parametrize(("amx", "expected"), [(True, "bfloat16"), (False, "float32")])
def test_a_run_says_and_writes_down_what_it_decided(able, tiny, tmp_path, capsys, amx, expected):
    able(amx)
    folder = train(replace(tiny, epochs=1), out=tmp_path / "run", progress=True)
    assert f"Precision {expected}: this processor is " in "".join(
        capsys.readouterr().out.splitlines(keepends=True)[:4]
    )
    assert read_config(folder).precision == expected
    assert read_pickled(folder / "last.pt")["config"]["precision"] == expected
    assert load_model(folder).config.precision == expected


@pytest.mark.slow
@pytest.mark.parametrize("precision", BOTH)
def test_a_run_keeps_its_precision_on_another_machine(able, tiny, tmp_path, monkeypatch, precision):
    able(precision == "bfloat16")
    with pytest.raises(TrainingInterrupted):
        interrupted_run(tiny, tmp_path / "run", 8)
    able(precision != "bfloat16")
    used = []
    original = step_module.computing
    monkeypatch.setattr(
        step_module, "computing", lambda name, device: used.append(name) or original(name, device)
    )
    train(TrainConfig(), resume=tmp_path / "run", progress=False)
    assert set(used) == {precision}
    whole = train(replace(tiny, precision=precision), out=tmp_path / "whole", progress=False)
    first, second = (
        read_pickled(folder / "last.pt")["network"] for folder in (whole, tmp_path / "run")
    )
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.slow
def test_a_run_from_before_the_setting_goes_on_in_float32_and_says_why(
    able, tiny, tmp_path, capsys
):
    able(True)
    with pytest.raises(TrainingInterrupted):
        interrupted_run(tiny, tmp_path / "run", 8)
    written = json.loads((tmp_path / "run" / "config.json").read_text())
    del written["precision"]
    (tmp_path / "run" / "config.json").write_text(json.dumps(written))
    train(TrainConfig(), resume=tmp_path / "run", progress=True)
    assert (
        "Precision float32: the run's config is older than this setting" in capsys.readouterr().out
    )
    assert read_pickled(tmp_path / "run" / "last.pt")["config"]["precision"] == "float32"


@pytest.mark.slow
def test_a_sweep_has_one_precision_wherever_it_goes_on(able, tiny, tmp_path):
    able(True)
    base = replace(tiny, epochs=1)
    folder = sweep(base, {"sigreg_weight": [0.0]}, 1, tmp_path / "sweep", progress=False)
    able(False)
    sweep(base, {"sigreg_weight": [0.0, 0.6]}, 1, folder, progress=False)
    assert {read_config(path.parent).precision for path in folder.glob("*/*/config.json")} == {
        "bfloat16"
    }
    with pytest.raises(ValueError, match="precision 'bfloat16', now 'float32'"):
        sweep(
            replace(base, precision="float32"), {"sigreg_weight": [0.0]}, 1, folder, progress=False
        )
    record = json.loads((folder / "sweep.json").read_text())
    del record["config"]["precision"]
    (folder / "sweep.json").write_text(json.dumps(record))
    assert read_sweep(folder).config.precision == "float32"


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_step_in_bfloat16_has_the_loss_of_one_in_float32_to_its_rounding(recipe):
    (exact, straight), (rounded, turned) = (
        one_step(tiny_config(recipe, precision=name)) for name in BOTH
    )
    tolerance = TOLERANCE["bfloat16"]
    for name in ("total", "prediction", "invariance", "sigreg"):
        assert rounded[name] == pytest.approx(exact[name], rel=tolerance, abs=1e-3), name
    assert 0 < (turned - straight).norm() <= 5 * tolerance * straight.norm()


@pytest.mark.slow
def test_a_run_in_either_precision_learns(tiny, tmp_path):
    for name in BOTH:
        folder = train(replace(tiny, precision=name), out=tmp_path / name, progress=False)
        assert read_config(folder).precision == kept(read_config(folder))[0].precision == name


@pytest.mark.parametrize(("precision", "fused"), [("float32", True), ("bfloat16", False)])
def test_a_cpu_computes_attention_in_bfloat16_as_two_products(precision, fused):
    state, _ = tiny_state(tiny_config("hybrid", precision=precision))
    Stepper(state, CPU)
    assert {
        module.fused_attn for module in state.network.modules() if hasattr(module, "fused_attn")
    } == {fused}


def in_both(compute) -> None:
    """Check that what is computed is float32, and the same number, whichever the context is."""
    found = []
    for name in BOTH:
        with computing(name, CPU):
            found.append(compute())
    for plain, mixed in zip(*found, strict=True):
        assert mixed.dtype == torch.float32
        assert mixed.item() == plain.item()


def numbers(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def test_sigreg_is_float32_in_both():
    in_both(
        lambda: [
            SIGReg(16)(numbers(2, 32, 8), step=0),
            SIGReg(16)(numbers(32, 8).bfloat16(), step=0),
        ]
    )


def test_losses_are_float32_in_both():
    tokens, target = numbers(4, 2, 3, 8).bfloat16(), torch.ones(4, 2, 3, 8)
    aim = tiny_config("both").objective

    def losses():
        prediction, invariance = prediction_loss(tokens, target), invariance_loss(tokens[0], 1)
        return [
            prediction,
            invariance,
            objective(prediction, invariance, SIGReg(8)(tokens[0], step=0), aim).total,
        ]

    in_both(losses)


def test_gauges_are_float32_in_both():
    tokens = numbers(4, 2, 3, 8).bfloat16()
    in_both(lambda: [token_spread(tokens[0]), explained_variance(torch.tensor(0.1), tokens)])


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_leaves_the_network_and_what_it_keeps_is_float32_in_both(recipe):
    for name in BOTH:
        state, batches = tiny_state(tiny_config(recipe, precision=name))
        stepper = Stepper(state, CPU)
        (part,) = batches.parts(0)
        output = stepper._forward(part)
        leaving = [
            output.projected,
            output.tokens,
            *(item for item in (output.prediction, output.target) if item is not None),
        ]
        stepper([part], 1.0, 1e-3, 0.9)
        kept = [item for item in state.network.state_dict().values() if item.is_floating_point()]
        kept += [item.grad for item in state.network.parameters() if item.grad is not None]
        assert {item.dtype for item in [*leaving, *kept]} == {torch.float32}


def test_the_moments_of_a_convolutional_encoder_and_its_running_statistics_are_float32_in_both():
    changes = {
        "backbone": "resnet10t",
        "readout": "stages",
        "local_views": 0,
        "batch_size": 4,
        "projector_norm": "batch",
    }
    for name in BOTH:
        state, _ = tiny_state(tiny_config("lejepa", **changes, precision=name))
        with computing(name, CPU):
            tokens, _ = state.network.encoder(numbers(4, 3, 32, 32))
        assert tokens.dtype == torch.float32
        assert {
            value.dtype for key, value in state.network.named_buffers() if "running" in key
        } == {torch.float32}
