"""A clock that goes back, as after a correction over the network: no negative time left, no
crash, nothing expires twice.
"""

from __future__ import annotations

import datetime
import itertools
import re
import time
from pathlib import Path
from typing import Any

import pytest
from streamlit.runtime.caching import cache_utils

from app.session import queue
from app.session.queue import Job, Line
from astrojepa import runs
from astrojepa.checkpoints.weights import read_pickled
from astrojepa.config import TrainConfig
from astrojepa.data.simulate.simulator import simulate
from astrojepa.presets import preset
from astrojepa.progress import reporting
from astrojepa.runs import create_run, read_metrics
from astrojepa.training import trainer as module
from astrojepa.training.trainer import train


@pytest.fixture
def backwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the time of day go back by an hour whenever somebody looks at it."""
    hours = itertools.count(1)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 3600.0 * next(hours))
    monkeypatch.setattr("tqdm.std.time", time.time)


def bars(text: str) -> list[str]:
    """The bars that were drawn, one after the other."""
    return [part for part in re.split(r"[\r\n]", text) if "%|" in part]


@pytest.mark.slow
@pytest.mark.usefixtures("backwards")
def test_a_training_shows_no_negative_time_and_resumes(
    tiny: TrainConfig,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    step = module.Trainer.step

    def slow_step(trainer: Any) -> None:
        # longer than the bar waits between two drawings
        time.sleep(0.12 if trainer.state.step < 4 else 0)
        step(trainer)

    monkeypatch.setattr(module.Trainer, "step", slow_step)
    run = train(tiny, out=tmp_path / "run", progress=True)
    drawn = bars(capsys.readouterr().err)
    assert len(drawn) >= 4, "the bar goes on"
    assert not [line for line in drawn if "-" in line.partition("|")[2].rpartition("|")[2]]
    assert read_pickled(run / "last.pt")["training"]["seconds"] > 0
    assert all(row["images_per_second"] > 0 for row in read_metrics(run))
    (run / "config.json").write_text(
        (run / "config.json").read_text().replace('"epochs": 3', '"epochs": 4')
    )
    train(tiny, resume=run, progress=True)
    drawn = bars(capsys.readouterr().err)
    assert drawn
    assert not [line for line in drawn if "-" in line.partition("|")[2].rpartition("|")[2]]


@pytest.mark.usefixtures("backwards")
def test_long_reads_and_the_simulator_show_no_negative_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with reporting(True, 4, "reading galaxies") as report:
        for done in range(1, 5):
            time.sleep(0.12)
            report(done)
    simulate(30, size=32, progress=True)
    drawn = bars(capsys.readouterr().err)
    assert len([line for line in drawn if line.startswith("reading galaxies")]) >= 4
    assert [line for line in drawn if line.startswith("simulating galaxies")]
    assert not [line for line in drawn if "-" in line.rpartition("|")[2]]


@pytest.mark.usefixtures("backwards")
def test_what_the_explorer_says_is_left_is_never_negative(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queue, "KNOWN", 0.0)
    seen: list[float | None] = []
    line = Line()
    job = Job(line, line.join())

    def task(report: Any) -> None:
        for done in range(1, 4):
            time.sleep(0.01)
            report(done, 3, "")
            seen.append(job.seconds_left)

    job.run(task)
    assert all(left is not None and left >= 0 for left in seen)


def test_what_the_explorer_keeps_for_some_seconds_is_counted_by_a_clock_that_never_goes_back() -> (
    None
):
    assert cache_utils.TTLCACHE_TIMER is time.monotonic


def test_a_run_of_yesterday_gets_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Calendar(datetime.date):
        day = 2

        @classmethod
        def today(cls) -> datetime.date:
            return datetime.date(2026, 1, cls.day)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runs.datetime, "date", Calendar)
    folders = []
    for day in (1, 2, 1):
        Calendar.day = day
        folders.append(create_run(preset("small.sigreg06")).name)
    assert folders == [
        "20260101-small.sigreg06",
        "20260102-small.sigreg06",
        "20260101-small.sigreg06-2",
    ]
