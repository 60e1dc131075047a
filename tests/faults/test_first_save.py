"""A training that is killed before it has saved anything."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from astrojepa.checkpoints.weights import read_pickled
from astrojepa.config import TrainConfig, replace
from astrojepa.runs import create_run
from astrojepa.training.trainer import train


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize(
    "frozen", [False, True], ids=["from random weights", "around a frozen encoder"]
)
def test_a_run_killed_before_its_first_save_is_resumed_from_its_beginning(
    tiny: TrainConfig, tmp_path: Path, frozen: bool
) -> None:
    tiny = replace(tiny, precision="float32")  # a run's config never says "auto"
    if frozen:
        donor = train(replace(tiny, epochs=1, seed=7), out=tmp_path / "donor", progress=False)
        tiny = replace(tiny, encoder_from=str(donor))
    whole = train(replace(tiny, epochs=1), out=tmp_path / "whole", progress=False)
    killed = create_run(replace(tiny, epochs=1), tmp_path / "killed")
    (killed / "metrics.jsonl").write_text('{"step": 3, "epo')
    train(tiny, resume=killed, progress=False)
    expected, found = (read_pickled(run / "last.pt")["network"] for run in (whole, killed))
    assert all(torch.equal(found[name], expected[name]) for name in expected)
