"""The benchmarks run and write what they say; the page shows their JSON; the peers compute what
we compute. No time is asserted.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from concurrent.futures import Executor, Future
from pathlib import Path

import numpy as np
import pytest
import torch

from astrojepa.objective.masking import token_counts
from astrojepa.precision import resolve
from astrojepa.presets import PRESETS, preset
from benchmarks import (
    cases,
    embedding,
    growth,
    memory,
    page,
    peer_steps,
    peers,
    scale,
    sigreg,
    step,
    throughput,
)
from tests.training.tiny_step import tiny_config

HERE = Path(page.__file__).parent
TINY_SIZES = [
    "--presets",
    "tiny.hybrid",
    "tiny.lejepa",
    "--batch-sizes",
    "4",
    "4",
    "--repeats",
    "1",
]


@pytest.mark.once
@pytest.mark.parametrize("name", sorted(path.stem for path in HERE.glob("*.py")))
def test_every_benchmark_finds_what_it_measures(name: str) -> None:
    """Also those that no test runs: what they import is there."""
    importlib.import_module(f"benchmarks.{name}")


@pytest.fixture(autouse=True)
def tiny_presets(monkeypatch):
    """Presets of a network of a few thousand weights."""
    for recipe in ("hybrid", "lejepa"):
        monkeypatch.setitem(PRESETS, f"tiny.{recipe}", tiny_config(recipe))


@pytest.fixture
def written(tmp_path):
    """Run a benchmark's command line and read what it wrote, which names the machine and the
    versions.
    """

    def run(main, *arguments: str) -> dict:
        main([*arguments, "--out", str(tmp_path / "found.json")])
        found = json.loads((tmp_path / "found.json").read_text())
        assert found["machine"]["processor"]
        assert found["machine"]["torch"] == torch.__version__
        assert found["threads"] == 1
        return found

    return run


@pytest.mark.once
def test_the_page_shows_what_the_results_hold():
    for path in page.PAGES:
        text = path.read_text()
        assert page.with_tables(text, page.read_results()) == text, "run: python -m benchmarks.page"


def test_every_table_is_on_the_page():
    assert {
        match[2] for path in page.PAGES for match in page.MARKED.finditer(path.read_text())
    } == set(page.TABLES)


def test_a_marker_that_names_no_table_is_an_error():
    with pytest.raises(ValueError, match="asks for a table 'beauty'; there are machines"):
        page.with_tables("<!-- table: beauty -->\n<!-- end -->", {})


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "published"), [("vit5m.sigreg06", (11.5, 19.7)), ("vit25m.sigreg06", (46.7, 78.7))]
)
def test_counted_flops_are_near_the_published_ones_at_their_masks(name, published):
    counted = {
        way: cases.gflop_per_image(preset(name), forward, (85, 34))
        for way, forward in peers.FORWARDS.items()
    }
    assert counted["official"] == pytest.approx(published[0], rel=0.03)
    assert counted["seed"] == pytest.approx(published[1], rel=0.03)
    assert counted["ours"] < counted["official"]


@pytest.mark.slow
@pytest.mark.once
def test_counted_flops_are_those_of_the_formula():
    config = preset("vit5m.sigreg06")
    width, tokens, pixels = config.model.width, config.image.grid**2, 3 * config.image.patch_size**2
    context, target = token_counts(config.image.grid, config.mask)
    blocks = config.mask.num_targets

    def block(count: int) -> int:
        return 2 * 12 * width**2 * count + 4 * width * count**2  # weights; scores and their average

    def last_block() -> int:
        """Queries, scores, average, output and MLP of the target's tokens alone."""
        return (
            2 * 2 * width**2 * (context + target)
            + 2 * 10 * width**2 * target
            + 4 * width * target * (context + target)
        )

    encode = tokens * 2 * pixels * width
    linear = 2 * width**2 * (context + blocks * target) + 2 * width * config.model.projector_width
    forward = encode + config.model.depth * block(context)
    forward += linear + blocks * (
        (config.model.predictor_depth - 1) * block(context + target) + last_block()
    )
    backward = 2 * forward - encode  # no gradient with respect to pixels
    total = forward + backward + encode + config.model.depth * block(tokens)
    assert cases.gflop_per_image(config) == pytest.approx(total / 1e9, rel=1e-6)


@pytest.mark.parametrize("way", ["seed", "official"])
def test_the_peers_compute_our_prediction_and_gradient(way):
    found = []
    for forward in (peers.FORWARDS["ours"], peers.FORWARDS[way]):
        state = cases.make_state(preset("tiny.hybrid"))
        (batch,) = cases.make_batches(preset("tiny.hybrid")).parts(0)
        output = forward(state.network, batch.images, batch.masks)
        (output.prediction.square().mean() + output.projected.square().mean()).backward()
        gradient = torch.cat(
            [item.grad.flatten() for item in state.network.parameters() if item.grad is not None]
        )
        found.append((output.prediction, output.target, output.projected, gradient))
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(theirs, ours, rtol=1e-4, atol=1e-6)


def test_the_official_data_hides_what_it_asks_for():
    config = preset("vit5m.sigreg06")
    frames = np.random.default_rng(0).integers(0, 255, (4, 256, 256, 3), dtype=np.uint8)
    images, masks = peer_steps.OfficialData(config.image, config.mask)(frames)
    assert images.shape == (4, 3, 224, 224)
    for context, targets in zip(masks.context, masks.targets, strict=True):
        assert not set(context.tolist()) & set(targets.flatten().tolist())


def test_a_step_is_split_into_parts_that_add_up(written):
    found = written(step.main, *TINY_SIZES)["profiles"]
    assert set(found) == {"tiny.hybrid", "tiny.lejepa"}
    for profile in found.values():
        assert sum(profile["share"].values()) == pytest.approx(1)
        assert {
            "data",
            "masks",
            "encoder",
            "SIGReg",
            "backward",
            "optimiser",
            "moving average",
        } <= set(profile["share"])
        assert profile["data_and_masks_share"] == pytest.approx(
            profile["share"]["data"] + profile["share"]["masks"]
        )
    assert {"predictor", "target encoder"} <= set(found["tiny.hybrid"]["share"])


@pytest.mark.slow
def test_the_peers_are_measured_beside_ours(written):
    arguments = "--presets tiny.hybrid --batch-sizes 4 --repeats 1"
    found = written(peers.main, *arguments.split())["sizes"]["tiny.hybrid"]
    assert {"ours", "seed", "official"} <= set(found["images_per_second"])
    assert found["seed"]["flop_ratio"] > found["official"]["flop_ratio"] > 1
    assert (found["bfloat16"] is not None) == (resolve("auto", cases.CPU)[0] == "bfloat16")


class Here(Executor):
    """Does at once, in this process, what it is given."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def submit(self, function, /, *given, **named):
        done = Future()
        done.set_result(function(*given, **named))
        return done


@pytest.mark.slow
@pytest.mark.once
def test_embedding_before_and_now_gives_the_same_vectors(written, monkeypatch):
    # each way would be a process of its own, for the sake of its time
    monkeypatch.setattr(embedding, "ProcessPoolExecutor", Here)
    # what the other ways give, tests of precision and passes say
    monkeypatch.setattr(embedding, "LOOKS", {"float32": {}})
    arguments = "--galaxies 2 --repeats 1 --presets tiny.hybrid --batch-size 4"
    found = written(embedding.main, *arguments.split())
    assert found["embedding"]["difference"] <= found["bars"]["difference"]
    assert set(found["embedding"]["times_faster"]) == {"before", *embedding.LOOKS}
    assert found["steps"]["tiny.hybrid"]["loss_difference"] < 1e-3


@pytest.mark.slow
def test_growth_is_a_slope(written, monkeypatch):
    monkeypatch.setattr(growth, "BATCH_PRESET", "tiny.hybrid")
    monkeypatch.setattr(growth, "TOKEN_PRESET", "tiny.hybrid")
    found = written(
        growth.main, *["--batch-sizes", "4", "8", "--image-sizes", "32", "48", "--repeats", "1"]
    )
    assert found["batch"]["flop_slope"] == pytest.approx(1)
    assert found["tokens"]["flop_slope"] > 1


@pytest.mark.slow
@pytest.mark.once
def test_every_stage_of_a_store_is_measured_and_none_twice(tmp_path, monkeypatch):
    pytest.importorskip("faiss", reason="faiss is not installed: pip install faiss-cpu")
    monkeypatch.setenv("ASTROJEPA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(
        scale, "apart", lambda *given: scale.STAGES[given[0]](*given[1:]) | {"cpu_seconds": 0.0}
    )
    monkeypatch.setattr(scale, "SAMPLE", 20)
    vectors = np.random.default_rng(0).normal(size=(1200, 12)).astype(np.float32)
    np.savez(tmp_path / "v.npz", id=np.arange(1200), vector=vectors)
    where = ["--vectors", str(tmp_path / "v.npz"), "--folder", str(tmp_path / "stores")]
    stages = ["--stages", *(name for name in scale.STAGES if name != "map")]
    out = tmp_path / "scale.json"
    for _ in range(2):
        scale.main([*where, *stages, "--counts", "2000", "--out", str(out)])
    stores = json.loads(out.read_text())["stores"]
    assert set(stores) == {"simulated", "real"}
    for found in stores.values():
        assert set(found["2000"]) == set(scale.STAGES) - {"map"}
        assert found["2000"]["recall"]["recall_at_10"] > 0.9
    assert stores["simulated"]["2000"]["recall"]["recall_of_true"] > 0.9


def test_throughput_is_measured_on_a_cpu_too(written):
    arguments = (
        "--preset tiny.lejepa --batch-size 4 --seconds 0.01 --galaxies 8 --device cpu "
        "--peak-tflops 0.05"
    )
    found = written(throughput.main, *arguments.split())
    assert found["share_of_peak"] == pytest.approx(
        found["images_per_second"] * found["gflop_per_image"] / 50
    )


@pytest.mark.slow
@pytest.mark.once
def test_memory_is_measured_in_a_process_of_its_own(written):
    found = written(
        memory.main,
        "--cases",
        "batch64",
        "resident",
        "--options",
        '{"batch64": {"steps": 1, "batch_size": 2}}',
    )
    assert found["cases"]["batch64"][0]["gb"] > 0.05
    assert (found["cases"]["resident"] is not None) == torch.cuda.is_available()


@pytest.mark.slow
@pytest.mark.once
def test_memory_mapped_frames_take_no_memory_of_their_own():
    frames, above, _ = memory.mapped(steps=0, count=2000)
    assert above["gb"] < frames["gb"]
    assert above["met"]


@pytest.mark.slow
@pytest.mark.once
def test_growth_of_a_real_run_is_seen():
    (found,) = memory.growth(galaxies=100, early=2, late=4)
    assert "from step 2 to 4" in found["what"]


# Inductor writes C++, whose translation takes the better part of a minute; the other backend does
# all that comes before: it traces the step, splits it into forward and backward and decomposes them.
@pytest.mark.slow(10)
@pytest.mark.once
@pytest.mark.parametrize(
    ("recipe", "backend"),
    [
        ("hybrid", "aot_eager_decomp_partition"),
        pytest.param("hybrid", "inductor", marks=pytest.mark.nightly),
        pytest.param("lejepa", "inductor", marks=pytest.mark.nightly),
    ],
)
def test_the_compiled_step_has_the_eager_loss(recipe, backend):
    found = printed_apart(f"""if True:
        import functools, json, torch
        from benchmarks.compiled import compare
        from tests.training.tiny_step import tiny_config
        torch.compile = functools.partial(torch.compile, backend="{backend}")
        print(json.dumps(compare(tiny_config("{recipe}", batch_size=4), repeats=1)))""")
    assert found["compiled"], found["said"]
    assert found["loss_difference"] <= found["loss_bar"]


@pytest.mark.slow(10)
@pytest.mark.once
def test_a_network_that_inductor_compiled_has_the_eager_output_and_gradient():
    found = printed_apart("""if True:
        import json, torch
        from astrojepa.training.step import compiled
        torch.manual_seed(0)
        network, said = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.GELU()), []
        images, rows = torch.randn(3, 5), []
        for forward in (compiled(network, "on", torch.device("cpu"), said.append), network):
            output = forward(images)
            gradient = torch.autograd.grad(output.square().sum(), network[0].weight)[0]
            rows.append(torch.cat([output.flatten(), gradient.flatten()]).tolist())
        print(json.dumps({"said": said, "rows": rows,
            "graphs": torch._dynamo.utils.counters["stats"]["unique_graphs"]}))""")
    assert found["said"] == []
    assert found["graphs"] == 1
    assert found["rows"][0] == pytest.approx(found["rows"][1], rel=1e-5, abs=1e-6)


def printed_apart(code: str) -> dict:
    """What a process of its own prints: the hook that checks shapes in tests cannot be compiled. The
    C++ that inductor writes is translated without optimisation or vectors, which takes a third of
    the time.
    """
    quickly = {
        "TORCHINDUCTOR_DEBUG_COMPILE": "1",
        "TORCHINDUCTOR_COMPILE_THREADS": "1",
        "TORCHINDUCTOR_CPP_CACHE_PRECOMPILE_HEADERS": "0",
        "TORCHINDUCTOR_VEC_ISA_OK": "0",
    }
    printed = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[1],
        env=os.environ | quickly,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    return json.loads(printed.splitlines()[-1])


def test_sigreg_is_measured_beside_the_formula(tmp_path, monkeypatch):
    monkeypatch.setattr(sigreg, "NUM_SAMPLES", 16)
    monkeypatch.setattr(
        sigreg, "SWEEPS", {"samples": (8, 16), "width": (4, 8), "directions": (4, 8)}
    )
    monkeypatch.setattr(
        "sys.argv", ["sigreg", "--repeats", "1", "--out", str(tmp_path / "found.json")]
    )
    sigreg.main()
    found = json.loads((tmp_path / "found.json").read_text())
    assert all(
        width["relative_difference_from"]["straightforward"]["value"] < 1e-4
        for width in found["widths"]
    )
    assert found["machine"]["torch"] == torch.__version__
