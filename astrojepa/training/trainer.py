"""A run: steps, log, judgement, saving, until the last step or Ctrl-C."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from astrojepa import distributed
from astrojepa.config import TrainConfig
from astrojepa.places import TRAIN
from astrojepa.progress import steady_bar
from astrojepa.runs import append_metrics, create_run, only_training
from astrojepa.settings import within
from astrojepa.training.batches import BatchMaker
from astrojepa.training.memory import keep_freed_memory, saying_what_to_lower
from astrojepa.training.monitor import Monitor, merit
from astrojepa.training.prepare import prepare, share_weights
from astrojepa.training.run_summary import print_summary
from astrojepa.training.schedules import learning_rate, momentum, snapshot_steps, warmup_steps
from astrojepa.training.step import TERMS, Stepper, compiled
from astrojepa.training.tensorboard import TensorBoardLog

LOG_EVERY = 20  # steps between two lines of metrics.jsonl
SAVE_SECONDS = 300.0


class TrainingInterrupted(KeyboardInterrupt):
    """The run was stopped by the user after a complete step; `.folder` can be resumed."""

    def __init__(self, folder: Path, step: int) -> None:
        super().__init__(
            f"Stopped after step {step}; nothing is lost. Continue with: {TRAIN} --resume {folder}"
        )
        self.folder, self.step = folder, step


def train(
    config: TrainConfig,
    *,
    out: str | Path | None = None,
    resume: str | Path | None = None,
    device: str | None = None,
    progress: bool = True,
    compile: str = "auto",
    tensorboard: bool = False,
    judge_every: int = 1,
) -> Path:
    """Pretrain one model and return its run folder (config.json, metrics.jsonl, last.pt, best.pt).

    `resume` continues a run folder exactly where its last.pt stands, with its config; `config` then
    only says where the same galaxies are now, if its `data` is set. Under torchrun the processes
    share each batch and process 0 writes. Raises ValueError for data or settings that cannot be
    trained on, FloatingPointError when the loss stops being finite, MemoryError when the GPU is
    full, TrainingInterrupted on Ctrl-C, OSError when another training writes into the folder or
    another process is gone (PeerLostError).

    The encoder is judged, and the run saved, after every `judge_every`-th epoch and the last, and
    saved every five minutes besides; what is learned does not depend on it.

    Examples:
        >>> from astrojepa.config import replace
        >>> changes = {"data": "simulated:60", "epochs": 1, "batch_size": 16, "depth": 1}
        >>> config = replace(aj.preset("small.sigreg06"), **changes)
        >>> run = aj.train(config, out=folder, progress=False)
        >>> sorted(path.name for path in run.glob("*.pt"))
        ['best.pt', 'last.pt']
    """
    within("judge_every", judge_every, 1, 100_000)
    where = distributed.start(
        torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    )
    progress = progress and distributed.rank() == 0
    if where.type == "cpu":
        keep_freed_memory()
    ready = prepare(config, where, resume, progress)
    with saying_what_to_lower(ready.config), contextlib.ExitStack() as held:
        batches = ready.batches()
        state = ready.first_state() if resume is None else None  # before there is a folder
        folder = (
            Path(resume)
            if resume
            else distributed.from_first(lambda: create_run(ready.config, out))
        )
        if distributed.rank() == 0:
            held.enter_context(only_training(folder))
        state = state or ready.saved_state(folder)
        share_weights(state.network, where)
        if progress:
            print_summary(ready, state, batches, folder)
        forward = compiled(
            state.network, compile, where, lambda text: print(text) if progress else None
        )
        log = None
        if tensorboard and distributed.rank() == 0:
            log = held.enter_context(
                contextlib.closing(TensorBoardLog(folder / "tensorboard", state.step))
            )
        stepper = Stepper(state, where, forward)
        Trainer(stepper, batches, ready.monitor(), folder, progress, log, judge_every).run()
    return folder


class Trainer:
    """Runs the steps of one state from where it stands to the end."""

    def __init__(
        self,
        stepper: Stepper,
        batches: BatchMaker,
        monitor: Monitor,
        folder: Path,
        progress: bool = False,
        tensorboard: TensorBoardLog | None = None,
        judge_every: int = 1,
    ) -> None:
        self.stepper, self.state, self.device = stepper, stepper.state, stepper.device
        self.batches, self.monitor, self.folder = batches, monitor, folder
        self.progress, self.tensorboard = progress, tensorboard
        self.judge_every = judge_every
        config = self.state.config
        self.total_steps = config.optim.epochs * batches.steps_per_epoch
        self.warmup = warmup_steps(config.optim, batches.steps_per_epoch, self.total_steps)
        self.snapshots = snapshot_steps(self.total_steps, config.snapshots)
        self.floor = stepper.sigreg.floor(config.optim.batch_size)
        self.unchecked: list[torch.Tensor] = []  # this process's TERMS, on the device
        self.checked: list[torch.Tensor] = []  # TERMS of the whole batch, known to be finite
        self.saved_at = self.logged_at = time.monotonic()

    def run(self) -> None:
        """Train to the end; Ctrl-C finishes the step, saves, raises TrainingInterrupted."""
        state, per_epoch = self.state, self.batches.steps_per_epoch
        state.network.train()
        bar = steady_bar(
            total=self.total_steps,
            initial=state.step,
            unit="step",
            disable=not self.progress,
            dynamic_ncols=True,
        )
        with bar, _stop_requested() as stop:
            while state.step < self.total_steps:
                self.step()
                bar.update()
                epoch_ends = state.step % per_epoch == 0
                enough = len(self.unchecked) + len(self.checked) >= LOG_EVERY
                judging = epoch_ends and self._judged(state.step // per_epoch)
                stopping = False
                if (
                    epoch_ends
                    or enough
                    or self.device.type == "cpu"
                    or state.step in self.snapshots
                ):
                    self._check_finite()
                    stopping = distributed.any_true(stop.is_set(), self.device)
                if (epoch_ends or enough) and distributed.rank() == 0:
                    bar.set_postfix_str(self._log(judge=judging, say=bar.write))
                if epoch_ends or enough:
                    self.checked = []
                if state.step in self.snapshots and distributed.rank() == 0:
                    state.save_weights(self.folder / "snapshots" / f"step-{state.step:08d}.pt")
                if judging or stopping or time.monotonic() - self.saved_at > SAVE_SECONDS:
                    self._save()
                if stopping and state.step < self.total_steps:
                    raise TrainingInterrupted(self.folder, state.step)

    def _judged(self, epoch: int) -> bool:
        """Whether this epoch ends with a judgement and a save: every `judge_every`-th, the last."""
        last = self.total_steps // self.batches.steps_per_epoch
        return epoch % self.judge_every == 0 or epoch == last

    def step(self) -> None:
        """Do one optimiser step, of which this process computes its share."""
        state = self.state
        parts = self.batches.parts(state.step)
        share = sum(map(len, parts)) / len(self.batches.rows(state.step))
        pace = momentum(state.step, self.total_steps, state.config.optim)
        self.unchecked.append(self.stepper(parts, share, self._rate(state.step), pace) * share)
        state.step += 1

    def _rate(self, step: int) -> float:
        return learning_rate(step, self.total_steps, self.warmup, self.state.config.optim)

    def _check_finite(self) -> None:
        values = distributed.all_sum(torch.stack(self.unchecked))
        self.unchecked = []
        bad = (~torch.isfinite(values)).any(dim=1).nonzero()
        if len(bad):
            index = int(bad[0])
            step = self.state.step - len(values) + index
            named = ", ".join(
                f"{name} {value:.4g}"
                for name, value in zip(TERMS, values[index].tolist(), strict=True)
            )
            raise FloatingPointError(
                f"The loss is no longer finite at step {step} (learning rate "
                f"{self._rate(step):.3g}): {named}. The last good state is in {self.folder}; start "
                "again with a lower `learning_rate`."
            )
        self.checked.extend(values)

    def _log(self, judge: bool, say: Any) -> str:
        """Write averaged metrics; return their short form for the progress bar."""
        state, config = self.state, self.state.config
        now = time.monotonic()
        row: dict[str, Any] = {
            "step": state.step,
            "epoch": round(state.step / self.batches.steps_per_epoch, 4),
        }
        row |= dict(zip(TERMS, torch.stack(self.checked).mean(dim=0).tolist(), strict=True))
        row["sigreg_over_floor"] = row["sigreg"] / self.floor
        row["sigreg_weight"] = config.objective.sigreg_weight
        row["strength"] = config.objective.strength(config.optim.batch_size)
        row["learning_rate"] = self._rate(state.step - 1)
        row["images_per_second"] = (
            len(self.checked) * config.optim.batch_size / max(1e-9, now - self.logged_at)
        )
        state.seconds += now - self.logged_at
        if judge:
            row |= self._judge(say)
        append_metrics(self.folder, row)
        if self.tensorboard is not None:
            self.tensorboard.write(row)
        self.logged_at = time.monotonic()
        return _short(row, state.history)

    def _judge(self, say: Any) -> dict[str, Any]:
        state = self.state
        state.network.eval()
        with distributed.alone():
            state.history = self.monitor.judge(state.network)
        state.network.train()
        if "alarm" in state.history and self.progress:
            say(f"ALARM     step {state.step:,}: {state.history['alarm']}")
        # without labels, and of an encoder that does not change, the latest is the best known
        judged = {} if state.config.encoder_from else state.history
        score = merit({"step": state.step, **judged})
        good = score > state.best - judged.get("merit_error", 0.0)
        state.best = max(state.best, score)
        if good:
            state.save_weights(self.folder / "best.pt")
        return state.history

    def _save(self) -> None:
        if distributed.rank() == 0:
            self.state.save(self.folder / "last.pt")
        self.saved_at = time.monotonic()


def _short(row: dict[str, Any], seen: dict[str, Any]) -> str:
    parts = [f"loss {row['total']:.4f}", f"sigreg/floor {row['sigreg_over_floor']:.2f}"]
    if seen:
        parts.append(f"rank {seen['effective_rank']:.1f}")
    if "linear_accuracy" in seen:
        parts.append(f"probe {seen['linear_accuracy']:.1%}")
    return ", ".join(parts)


@contextlib.contextmanager
def _stop_requested() -> Iterator[threading.Event]:
    """Turn Ctrl-C and SIGTERM into a request; a second Ctrl-C interrupts at once."""
    event = threading.Event()

    def request(number: int, frame: FrameType | None) -> None:
        if event.is_set():
            raise KeyboardInterrupt
        event.set()

    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    before = {number: signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
