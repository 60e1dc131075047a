"""A run: data and state made ready, then steps, log, judgement, saving, until the last step or Ctrl-C."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch

from astrojepa import distributed
from astrojepa.checkpoints.weights import build_network
from astrojepa.config import TrainConfig, replace
from astrojepa.data import find_data, open_dataset
from astrojepa.data.dataset import Dataset
from astrojepa.data.frames import frames_for
from astrojepa.data.splits import default_split
from astrojepa.data.transforms import channel_statistics
from astrojepa.models.encoders.registry import check_encoder
from astrojepa.places import TRAIN
from astrojepa.precision import decided, kept
from astrojepa.progress import steady_bar
from astrojepa.runs import append_metrics, create_run, forget_metrics_after, only_training, read_config
from astrojepa.training.batches import BatchMaker
from astrojepa.training.descriptions import described_numbers
from astrojepa.training.frozen import around_frozen, facts_of, take_encoder
from astrojepa.training.memory import keep_freed_memory, saying_what_to_lower
from astrojepa.training.monitor import Monitor
from astrojepa.training.run_summary import announce, run_facts
from astrojepa.training.schedules import learning_rate, momentum, snapshot_steps, warmup_steps
from astrojepa.training.state import TrainState, load_state, new_state
from astrojepa.training.step import TERMS, Stepper, compiled
from astrojepa.training.tensorboard import TensorBoardLog

if TYPE_CHECKING:
    from astrojepa.checkpoints.model import Model

SIMULATED_COUNT = 8000  # galaxies drawn to train on where there are none; two to three minutes, once
LOG_EVERY = 20  # steps between two lines of metrics.jsonl
SAVE_SECONDS = 300.0


class TrainingInterrupted(KeyboardInterrupt):
    """The run was stopped by the user after a complete step; `.folder` can be resumed."""

    def __init__(self, folder: Path, step: int) -> None:
        super().__init__(f"Stopped after step {step}; nothing is lost. Continue with: {TRAIN} --resume {folder}")
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
) -> Path:
    """Pretrain one model and return its run folder (config.json, metrics.jsonl, last.pt, best.pt).

    `resume` continues a run folder exactly where its last.pt stands, with its config; `config` then only says where the same
    galaxies are now, if its `data` is set. Under torchrun the processes share each batch and process 0 writes. Raises ValueError for
    data or settings that cannot be trained on, FloatingPointError when the loss stops being finite, MemoryError when the GPU is full,
    TrainingInterrupted on Ctrl-C, OSError when another training writes into the folder or another process is gone (PeerLostError).
    """
    target = distributed.start(torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu")))
    progress = progress and distributed.rank() == 0
    if target.type == "cpu":
        keep_freed_memory()
    if resume is not None:
        moved = config.data.data
        config = read_config(Path(resume))
        config = replace(config, data=moved or config.data.data)
    config, why = decided(config, target) if resume is None else kept(config)
    check_encoder(config)
    donor = None
    if config.encoder_from:
        config, donor = around_frozen(config)
    with distributed.first_on_each_machine():
        source, data = _open(config, progress)
        training, validation, split_name = _choose(data, config)
        stored = frames_for(training, config.image, progress)
        mean, std = (donor.mean, donor.std) if donor else channel_statistics(stored)
    facts = run_facts(config, source, training, split_name, mean, std) | ({"encoder": facts_of(donor)} if donor else {})
    with saying_what_to_lower(config), contextlib.ExitStack() as held:
        numbers = described_numbers(training, config.image) if config.model.describer else None
        batches = BatchMaker(stored, config, mean, std, target, numbers)
        if resume is None:
            state = _fresh_state(config, facts, target, donor)
            folder = distributed.from_first(lambda: create_run(config, out))
        else:
            folder = Path(resume)
        if distributed.rank() == 0:
            held.enter_context(only_training(folder))
        if resume is not None:
            state = _state_of(folder, config, facts, target, donor)
        if target.type == "cuda" and distributed.world_size() > 1:
            torch.nn.SyncBatchNorm.convert_sync_batchnorm(state.network)  # the same parameters, in place
        distributed.broadcast(state.network.state_dict().values())
        monitor = Monitor(training, validation, config, mean, std, target)
        if progress:
            announce(config, training, validation, state, batches, folder, split_name, target, why)
        forward = compiled(state.network, compile, target, lambda text: print(text) if progress else None)
        log = None
        if tensorboard and distributed.rank() == 0:
            log = held.enter_context(contextlib.closing(TensorBoardLog(folder / "tensorboard", state.step)))
        Trainer(Stepper(state, target, forward), batches, monitor, folder, progress, log).run()
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
    ) -> None:
        self.stepper, self.state, self.device = stepper, stepper.state, stepper.device
        self.batches, self.monitor, self.folder = batches, monitor, folder
        self.progress, self.tensorboard = progress, tensorboard
        config = self.state.config
        self.total_steps = config.optim.epochs * batches.steps_per_epoch
        self.warmup = warmup_steps(config.optim, batches.steps_per_epoch, self.total_steps)
        self.snapshots = snapshot_steps(self.total_steps, config.snapshots)
        self.floor = stepper.sigreg.floor(config.optim.batch_size)
        self.unchecked: list[torch.Tensor] = []  # this process's TERMS, on the device
        self.checked: list[torch.Tensor] = []  # TERMS of the whole batch, known to be finite
        self.saved_at = self.logged_at = time.monotonic()

    def run(self) -> None:
        """Train to the last step; on Ctrl-C finish the step, save, and raise TrainingInterrupted."""
        state, per_epoch = self.state, self.batches.steps_per_epoch
        state.network.train()
        bar = steady_bar(total=self.total_steps, initial=state.step, unit="step", disable=not self.progress, dynamic_ncols=True)
        with bar, _stop_requested() as stop:
            while state.step < self.total_steps:
                self.step()
                bar.update()
                epoch_ends, enough = state.step % per_epoch == 0, len(self.unchecked) + len(self.checked) >= LOG_EVERY
                stopping = False
                if epoch_ends or enough or self.device.type == "cpu" or state.step in self.snapshots:
                    self._check_finite()
                    stopping = distributed.any_true(stop.is_set(), self.device)
                if (epoch_ends or enough) and distributed.rank() == 0:
                    bar.set_postfix_str(self._log(judge=epoch_ends, say=bar.write))
                if epoch_ends or enough:
                    self.checked = []
                if state.step in self.snapshots and distributed.rank() == 0:
                    state.save_weights(self.folder / "snapshots" / f"step-{state.step:08d}.pt")
                if epoch_ends or stopping or time.monotonic() - self.saved_at > SAVE_SECONDS:
                    self._save()
                if stopping and state.step < self.total_steps:
                    raise TrainingInterrupted(self.folder, state.step)

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
            named = ", ".join(f"{name} {value:.4g}" for name, value in zip(TERMS, values[index].tolist(), strict=True))
            raise FloatingPointError(
                f"The loss stopped being finite at step {step} (learning rate {self._rate(step):.3g}): {named}. The last good state "
                f"is in {self.folder}; start again with a lower --learning-rate."
            )
        self.checked.extend(values)

    def _log(self, judge: bool, say: Any) -> str:
        """Write one line of metrics, averaged since the last one, and return its short form for the progress bar."""
        state, config = self.state, self.state.config
        now = time.monotonic()
        row: dict[str, Any] = {"step": state.step, "epoch": round(state.step / self.batches.steps_per_epoch, 4)}
        row |= dict(zip(TERMS, torch.stack(self.checked).mean(dim=0).tolist(), strict=True))
        row["sigreg_over_floor"] = row["sigreg"] / self.floor
        row["sigreg_weight"] = config.objective.sigreg_weight
        row["strength"] = config.objective.strength(config.optim.batch_size)
        row["learning_rate"] = self._rate(state.step - 1)
        row["images_per_second"] = len(self.checked) * config.optim.batch_size / max(1e-9, now - self.logged_at)
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
        score = float(state.step)  # without labels, and of an encoder that does not change, the latest is the best known
        if not state.config.encoder_from:
            score = state.history.get("linear_accuracy", score)
        if score > state.best:
            state.best = score
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
    """Turn Ctrl-C and SIGTERM into a request; a second Ctrl-C interrupts at once. Outside the main thread nothing changes."""
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


def _open(config: TrainConfig, progress: bool) -> tuple[str, Dataset]:
    """Find and open the galaxies; returns what was opened and the data set."""
    asked = config.data
    source = find_data(asked.data)
    if source == "simulated" and not asked.data:
        source = f"simulated:{SIMULATED_COUNT}"
    data = open_dataset(
        source,
        where=asked.where or None,
        label_column=asked.label_column or None,
        skip_corrupt=asked.skip_corrupt,
        progress=progress,
    )
    if progress and data.skipped:
        print(f"Left out  {len(data.skipped)} pictures that cannot be read: {', '.join(data.skipped[:10])}")
    return source, data


def _fresh_state(config: TrainConfig, facts: dict[str, Any], device: torch.device, donor: Model | None) -> TrainState:
    """Return the state before the first step: random weights, and the encoder of `donor` if there is one."""
    network = build_network(config, device, config.seed)
    if donor:
        take_encoder(network, donor)
    return new_state(config, network, facts)


def _state_of(folder: Path, config: TrainConfig, facts: dict[str, Any], device: torch.device, donor: Model | None) -> TrainState:
    """Return what a run has saved, or its beginning if it ended before that; metrics beyond it are dropped."""
    saved = folder / "last.pt"
    state = load_state(saved, config, facts, device) if saved.is_file() else _fresh_state(config, facts, device, donor)
    distributed.wait()
    if distributed.rank() == 0:
        forget_metrics_after(folder, state.step)
    return state


def _choose(data: Dataset, config: TrainConfig) -> tuple[Dataset, Dataset, str]:
    """Return the galaxies to learn from, those to judge on, and the split's name."""
    training, validation, _ = default_split(data)  # the same for every seed: no run learns from another's test part
    name = "column" if data.split_column is not None else "grouped, seed 42"
    if config.data.train_on == "all":
        return data, validation, "all"
    return training, validation, name
