"""What a run needs before its first step: its config, its galaxies, and a network to begin with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from astrojepa import distributed
from astrojepa.checkpoints.model import Model, load_model
from astrojepa.checkpoints.weights import build_network
from astrojepa.config import TrainConfig, replace
from astrojepa.data import find_data, open_dataset
from astrojepa.data.dataset import Dataset
from astrojepa.data.frames import frames_for
from astrojepa.data.splits import default_split
from astrojepa.data.stretch import fit_stretch
from astrojepa.data.transforms import channel_statistics
from astrojepa.models.encoders.registry import check_encoder, check_trains
from astrojepa.objective.masking import token_counts
from astrojepa.precision import decided, kept
from astrojepa.runs import forget_metrics_after, read_config
from astrojepa.training.batches import BatchMaker, check_batch
from astrojepa.training.descriptions import described_numbers
from astrojepa.training.facts import run_facts
from astrojepa.training.frozen import around_frozen, facts_of, take_encoder
from astrojepa.training.monitor import Monitor
from astrojepa.training.state import TrainState, load_state, new_state
from astrojepa.training.warm_start import start_with

# galaxies drawn to train on where there are none; two to three minutes, once
SIMULATED_COUNT = 8000


@dataclass(frozen=True)
class Prepared:
    """A run that can begin, or go on."""

    config: TrainConfig  # its precision resolved
    precision_because: str
    device: torch.device
    source: str  # what was opened
    training: Dataset
    validation: Dataset
    split: str  # name of the split
    frames: np.ndarray  # (n, F, F, C), uint8 RGB or flux, of the training galaxies
    mean: tuple[float, ...]
    std: tuple[float, ...]
    donor: Model | None  # whose frozen encoder a predictor is fitted to, or whose weights begin it

    def batches(self) -> BatchMaker:
        """Return what makes the batches of the run."""
        described = self.config.model.describer
        numbers = described_numbers(self.training, self.config) if described else None
        return BatchMaker(self.frames, self.config, self.mean, self.std, self.device, numbers)

    def monitor(self) -> Monitor:
        """Return what judges the run after every epoch."""
        galaxies = (self.training, self.validation)
        return Monitor(*galaxies, self.config, self.mean, self.std, self.device)

    def facts(self) -> dict[str, Any]:
        """Return what the run's card says."""
        facts = run_facts(self.config, self.source, self.training, self.split, self.mean, self.std)
        role = "encoder" if self.config.encoder_from else "started_from"
        return facts | ({role: facts_of(self.donor)} if self.donor else {})

    def first_state(self) -> TrainState:
        """Return random weights, or the donor's as far as they fit."""
        network = build_network(self.config, self.device, self.config.seed)
        if self.donor:
            (take_encoder if self.config.encoder_from else start_with)(network, self.donor)
        return new_state(self.config, network, self.facts())

    def saved_state(self, folder: Path) -> TrainState:
        """Return what a run folder has saved, or its beginning; metrics beyond it are dropped."""
        saved = folder / "last.pt"
        there = saved.is_file()
        run = (self.config, self.facts(), self.device)
        state = load_state(saved, *run) if there else self.first_state()
        distributed.wait()
        if distributed.rank() == 0:
            forget_metrics_after(folder, state.step)
        return state


def prepare(
    config: TrainConfig, device: torch.device, resume: str | Path | None, progress: bool
) -> Prepared:
    """Settle the config, open the galaxies, and read them once into frames.

    With `resume` the config is that of the run folder, and `config` only says where the same
    galaxies are now. ValueError for galaxies or settings that cannot be trained on.
    """
    if resume is None:
        config, because = decided(config, device)
    else:
        moved = config.data.data
        config, because = kept(read_config(Path(resume)))
        config = replace(config, data=moved or config.data.data)
    check_encoder(config)
    check_trains(config.model.backbone)
    if config.objective.prediction_weight > 0:
        token_counts(config.image.grid, config.mask)  # or a sentence, before anything is read
    donor = load_model(config.start_from) if config.start_from else None
    if config.encoder_from:
        config, donor = around_frozen(config)
    with distributed.first_on_each_machine():
        source, data = _open(config, progress)
        training, validation, split = _choose(data, config)
        check_batch(len(training), config)
        config = _with_stretch(config, training, donor)
        frames = frames_for(training, config.image, progress)
        mean, std = (donor.mean, donor.std) if donor else channel_statistics(frames, config.image)
    galaxies = (source, training, validation, split)
    return Prepared(config, because, device, *galaxies, frames, mean, std, donor)


def share_weights(network: torch.nn.Module, device: torch.device) -> None:
    """Give all processes the same weights, and on GPUs batch norm over all of them."""
    if device.type == "cuda" and distributed.world_size() > 1:
        torch.nn.SyncBatchNorm.convert_sync_batchnorm(network)  # the same parameters, in place
    distributed.broadcast(network.state_dict().values())


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
        bands=config.image.bands,
        progress=progress,
    )
    if progress and data.skipped:
        print(f"Left out  {len(data.skipped)} unreadable images: {', '.join(data.skipped[:10])}")
    for note in data.notes if progress else ():
        print(f"Note      {note}")
    return source, data


def _with_stretch(config: TrainConfig, training: Dataset, donor: Model | None) -> TrainConfig:
    """Settle the stretch of flux, once for the run and whoever uses its model: the donor's, whose
    weights know no other, or one fitted to the galaxies.
    """
    if not config.image.bands or config.image.white:
        return config
    if donor and donor.config.image.bands == config.image.bands:
        softening, white = donor.config.image.softening, donor.config.image.white
    else:
        softening, white = fit_stretch(training)
    return replace(config, softening=softening, white=white)


def _choose(data: Dataset, config: TrainConfig) -> tuple[Dataset, Dataset, str]:
    """Return the galaxies to learn from, those to judge on, and the split's name."""
    # the same for every seed: no run learns from another's test part
    training, validation, _ = default_split(data)
    name = "column" if data.split_column is not None else "grouped, seed 42"
    if config.data.train_on == "all":
        return data, validation, "all"
    return training, validation, name
