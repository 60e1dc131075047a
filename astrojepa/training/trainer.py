"""The training loop: batch, objective, step, target encoder, log, save."""

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
from tqdm import tqdm

from astrojepa.config import TrainConfig, replace
from astrojepa.data import find_data, open_dataset
from astrojepa.data.dataset import Dataset
from astrojepa.data.loaders import frames
from astrojepa.data.splits import default_split
from astrojepa.data.transforms import channel_statistics
from astrojepa.losses import SIGReg, objective, prediction_loss, sigreg_floor
from astrojepa.runs import append_metrics, create_run, forget_metrics_after, read_config
from astrojepa.training.announce import announce, bfloat16_pays, run_facts
from astrojepa.training.batches import BatchMaker
from astrojepa.training.monitor import Monitor, explained_variance, token_spread
from astrojepa.training.schedules import learning_rate, momentum, warmup_steps
from astrojepa.training.state import TrainState, load_state, new_state
from astrojepa.weights import build_network

SIMULATED_COUNT = 8000  # galaxies drawn to train on where there are none; two to three minutes, once
LOG_EVERY = 20  # steps between two lines of metrics.jsonl
SAVE_SECONDS = 300.0
TERMS = ("total", "prediction", "sigreg", "explained_variance", "token_spread", "gradient_norm")


class TrainingInterrupted(KeyboardInterrupt):
    """The run was stopped by the user after a complete step; `.folder` can be resumed."""

    def __init__(self, folder: Path, step: int) -> None:
        super().__init__(f"Stopped after step {step}; nothing is lost. Continue with: python train.py --resume {folder}")
        self.folder, self.step = folder, step


def train(
    config: TrainConfig,
    *,
    out: str | Path | None = None,
    resume: str | Path | None = None,
    device: str | None = None,
    progress: bool = True,
) -> Path:
    """Pretrain one model and return its run folder (config.json, metrics.jsonl, last.pt, best.pt).

    `resume` continues a run folder exactly where its last.pt stands, with its config; `config` then only says where the same
    galaxies are now, if its `data` is set. Raises ValueError for data
    or settings that cannot be trained on, FloatingPointError when the loss stops being finite, TrainingInterrupted on Ctrl-C.
    """
    target = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if resume is not None:
        moved = config.data.data
        config = read_config(Path(resume))
        config = replace(config, data=moved or config.data.data)
    source = find_data(config.data.data)
    if source == "simulated" and not config.data.data:
        source = f"simulated:{SIMULATED_COUNT}"
    asked = config.data
    data = open_dataset(
        source,
        where=asked.where or None,
        label_column=asked.label_column or None,
        skip_corrupt=asked.skip_corrupt,
        progress=progress,
    )
    if progress and data.skipped:
        print(f"Left out  {len(data.skipped)} pictures that cannot be read: {', '.join(data.skipped[:10])}")
    training, validation, split_name = _choose(data, config)
    stored = frames(training, config.image.frame_size, progress=progress)
    mean, std = channel_statistics(stored)
    facts = run_facts(config, source, training, split_name, mean, std)
    batches = BatchMaker(stored, config, mean, std, target)
    monitor = Monitor(training, validation, config, mean, std, target)
    if resume is not None:
        folder = Path(resume)
        state = load_state(folder / "last.pt", config, facts, target)
        forget_metrics_after(folder, state.step)
    else:
        state = new_state(config, build_network(config, target, config.seed), facts)
        folder = create_run(config, out)
    announce(config, training, validation, state, batches, folder, split_name, target, progress)
    Trainer(state, batches, monitor, folder, target, progress).run()
    return folder


class Trainer:
    """Runs the steps of one state from where it stands to the end."""

    def __init__(
        self, state: TrainState, batches: BatchMaker, monitor: Monitor, folder: Path, device: torch.device, progress: bool
    ) -> None:
        self.state, self.batches, self.monitor, self.folder = state, batches, monitor, folder
        self.device, self.progress = device, progress
        config = state.config
        self.total_steps = config.optim.epochs * batches.steps_per_epoch
        self.warmup = warmup_steps(config.optim, batches.steps_per_epoch, self.total_steps)
        aim = config.objective
        self.sigreg = SIGReg(aim.num_directions, aim.t_max, aim.num_knots, aim.sigreg_scale, seed=config.seed)
        self.floor = sigreg_floor(config.optim.batch_size, aim.t_max, aim.num_knots, aim.sigreg_scale)
        self.precision = torch.bfloat16 if bfloat16_pays(device) else torch.float32
        self.pending: list[torch.Tensor] = []
        self.saved_at = self.logged_at = time.monotonic()

    def run(self) -> None:
        """Train to the last step; on Ctrl-C finish the step, save, and raise TrainingInterrupted."""
        state, per_epoch = self.state, self.batches.steps_per_epoch
        state.network.train()
        bar = tqdm(total=self.total_steps, initial=state.step, unit="step", disable=not self.progress, dynamic_ncols=True)
        with bar, _stop_requested() as stop:
            while state.step < self.total_steps:
                self.pending.append(self.step())
                state.step += 1
                bar.update()
                epoch_ends = state.step % per_epoch == 0
                if epoch_ends or stop.is_set() or len(self.pending) >= LOG_EVERY or self.device.type == "cpu":
                    self._check_finite()
                if epoch_ends or len(self.pending) >= LOG_EVERY:
                    bar.set_postfix_str(self._log(judge=epoch_ends))
                if epoch_ends or stop.is_set() or time.monotonic() - self.saved_at > SAVE_SECONDS:
                    self._save()
                if stop.is_set() and state.step < self.total_steps:
                    raise TrainingInterrupted(self.folder, state.step)

    def step(self) -> torch.Tensor:
        """Do one optimiser step; returns the terms named in TERMS, on the device."""
        state, config = self.state, self.state.config
        rate = learning_rate(state.step, self.total_steps, self.warmup, config.optim)
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        batch = self.batches.batch(state.step)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == torch.bfloat16):
            output = state.network(batch.images, batch.masks)
        prediction = prediction_loss(output.prediction, output.target)
        terms = objective(prediction, self.sigreg(output.projected, step=state.step), config.objective.sigreg_weight)
        state.optimizer.zero_grad(set_to_none=True)
        terms.total.backward()
        norm = torch.nn.utils.clip_grad_norm_(state.network.parameters(), config.optim.gradient_clip)
        state.optimizer.step()
        state.network.update_target(momentum(state.step, self.total_steps, config.optim))
        gauges = explained_variance(prediction, output.target), token_spread(output.context)
        return torch.stack(
            [terms.total.detach(), terms.prediction, terms.sigreg, *(item.detach() for item in gauges), norm]
        ).float()

    def _check_finite(self) -> None:
        values = torch.stack(self.pending)
        bad = (~torch.isfinite(values)).any(dim=1).nonzero()
        if len(bad):
            index = int(bad[0])
            step = self.state.step - len(self.pending) + index
            rate = learning_rate(step, self.total_steps, self.warmup, self.state.config.optim)
            named = ", ".join(f"{name} {value:.4g}" for name, value in zip(TERMS, values[index].tolist(), strict=True))
            raise FloatingPointError(
                f"The loss stopped being finite at step {step} (learning rate {rate:.3g}): {named}. The last good state is in "
                f"{self.folder}; start again with a lower --learning-rate."
            )

    def _log(self, judge: bool) -> str:
        """Write one line of metrics, averaged since the last one, and return its short form for the progress bar."""
        state, config = self.state, self.state.config
        now = time.monotonic()
        row: dict[str, Any] = {"step": state.step, "epoch": round(state.step / self.batches.steps_per_epoch, 4)}
        row |= dict(zip(TERMS, torch.stack(self.pending).mean(dim=0).tolist(), strict=True))
        row["sigreg_over_floor"] = row["sigreg"] / self.floor
        row["learning_rate"] = learning_rate(state.step - 1, self.total_steps, self.warmup, config.optim)
        row["images_per_second"] = len(self.pending) * config.optim.batch_size / max(1e-9, now - self.logged_at)
        state.seconds += now - self.logged_at
        if judge:
            state.network.eval()
            state.history = self.monitor.judge(state.network)
            state.network.train()
            row |= state.history
            score = state.history.get("linear_accuracy", float(state.step))  # unlabelled: the latest is the best known
            if score > state.best:
                state.best = score
                state.save_weights(self.folder / "best.pt")
        append_metrics(self.folder, row)
        self.pending = []
        self.logged_at = time.monotonic()
        return self._short(row)

    def _short(self, row: dict[str, Any]) -> str:
        parts = [f"loss {row['total']:.4f}", f"pred {row['prediction']:.4f}", f"sigreg/floor {row['sigreg_over_floor']:.2f}"]
        seen = self.state.history
        if seen:
            parts.append(f"rank {seen['effective_rank']:.1f}")
        if "linear_accuracy" in seen:
            parts.append(f"probe {seen['linear_accuracy']:.1%}")
        return ", ".join(parts)

    def _save(self) -> None:
        self.state.save(self.folder / "last.pt")
        self.saved_at = time.monotonic()


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


def _choose(data: Dataset, config: TrainConfig) -> tuple[Dataset, Dataset, str]:
    """Return the galaxies to learn from, those to judge on, and the split's name."""
    training, validation, _ = default_split(data, config.seed)
    name = "column" if data.split_column is not None else f"grouped, seed {config.seed}"
    if config.data.train_on == "all":
        return data, validation, "all"
    return training, validation, name
