"""The same numbers for TensorBoard: grouped, at their step, and once."""

from __future__ import annotations

import contextlib
import os
import signal

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_accumulator import (
    EventAccumulator as DisplayedEvents,
)
from tensorboard.summary.writer import event_file_writer

from astrojepa.runs import read_metrics
from astrojepa.training import trainer as module
from astrojepa.training.tensorboard import TensorBoardLog, write_tensorboard
from astrojepa.training.trainer import TrainingInterrupted, train

ROWS = [
    {"step": 6, "epoch": 1.0, "total": 0.75, "learning_rate": 1e-3, "strength": None, "novelty": 3},
    {
        "step": 12,
        "epoch": 2.0,
        "total": 0.5,
        "linear_accuracy": 0.625,
        "images_per_second": 812.5,
        "alarm": "Collapse: rank 1.",
    },
]


def curves(folder) -> dict[str, list[tuple[int, float]]]:
    """Read every scalar as (step, value), as TensorBoard does."""
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    return {
        tag: [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def texts(folder, tag: str) -> list[tuple[int, str]]:
    events = DisplayedEvents(str(folder))
    events.Reload()
    return [
        (event.step, event.tensor_proto.string_val[0].decode())
        for event in events.Tensors(f"{tag}/text_summary")
    ]


def test_numbers_are_grouped_words_are_text_and_nothing_stands_for_none(tmp_path):
    write_tensorboard(ROWS, tmp_path)
    assert curves(tmp_path) == {
        "loss/total": [(6, 0.75), (12, 0.5)],
        "optim/epoch": [(6, 1.0), (12, 2.0)],
        "optim/learning_rate": [(6, pytest.approx(1e-3))],
        "probe/linear_accuracy": [(12, 0.625)],
        "speed/images_per_second": [(12, 812.5)],
        "other/novelty": [(6, 3.0)],
    }
    assert texts(tmp_path, "gauge/alarm") == [(12, "Collapse: rank 1.")]


@pytest.mark.slow
def test_a_folder_written_twice_shows_every_value_once(tmp_path):
    for _ in range(2):
        write_tensorboard(ROWS, tmp_path)
    assert curves(tmp_path)["loss/total"] == [(6, 0.75), (12, 0.5)]
    assert len(texts(tmp_path, "gauge/alarm")) == 1


def test_a_row_can_be_read_before_the_log_is_closed(tmp_path):
    log = TensorBoardLog(tmp_path)
    log.write(ROWS[0])
    assert curves(tmp_path)["loss/total"] == [(6, 0.75)]
    log.close()


@pytest.mark.slow
def test_what_lies_beyond_the_resumed_step_is_replaced(tmp_path):
    for after, values in ((0, {6: 0.7, 12: 0.5, 18: 0.4}), (12, {18: 0.3, 24: 0.2})):
        log = TensorBoardLog(tmp_path, after)
        for step, value in values.items():
            log.write({"step": step, "total": value, "alarm": f"from {after}"})
        log.close()
    steps, values = zip(*curves(tmp_path)["loss/total"], strict=True)
    assert steps == (6, 12, 18, 24)
    np.testing.assert_allclose(values, [0.7, 0.5, 0.3, 0.2], rtol=1e-6)
    assert texts(tmp_path, "gauge/alarm") == [
        (6, "from 0"),
        (12, "from 0"),
        (18, "from 12"),
        (24, "from 12"),
    ]


@pytest.mark.slow
def test_the_later_of_two_logs_is_read_last_though_its_number_sorts_first(tmp_path, monkeypatch):
    monkeypatch.setattr(event_file_writer, "_global_uid", event_file_writer.AtomicCounter(9))
    for after, step in ((0, 6), (6, 12)):  # files number 9 and 10, as a rule of one second
        with contextlib.closing(TensorBoardLog(tmp_path, after)) as log:
            log.write({"step": step, "total": 0.5})
    assert curves(tmp_path)["loss/total"] == [(6, 0.5), (12, 0.5)]


@pytest.mark.slow
def test_a_resumed_run_shows_what_metrics_jsonl_holds_and_nothing_twice(
    tiny, tmp_path, monkeypatch
):
    original = module.Trainer.step

    def step(self):
        if self.state.step == 7:
            os.kill(os.getpid(), signal.SIGINT)
        return original(self)

    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(module.Trainer, "step", step)
        with pytest.raises(TrainingInterrupted):
            train(tiny, out=run, progress=False, tensorboard=True)
    train(tiny, resume=run, progress=False, tensorboard=True)
    shown, rows = curves(run / "tensorboard"), read_metrics(run)
    for tag in (
        "loss/total",
        "loss/sigreg",
        "gauge/effective_rank",
        "probe/knn_accuracy",
        "optim/learning_rate",
    ):
        steps, values = zip(*shown[tag], strict=True)
        assert list(steps) == [row["step"] for row in rows], tag
        np.testing.assert_allclose(values, [row[tag.partition("/")[2]] for row in rows], rtol=1e-6)
