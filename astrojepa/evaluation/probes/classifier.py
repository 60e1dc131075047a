"""Classifiers to take away: an encoder with a head, fitted to labels and applied to any galaxy."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from astrojepa.checkpoints.card import NAME
from astrojepa.config import replace
from astrojepa.data.dataset import Dataset
from astrojepa.evaluation.probes.fine_tuning import trained_on_labels
from astrojepa.evaluation.probes.parts import stratified
from astrojepa.evaluation.probes.portable import PortableProbe, fit_probe, probe_from_dict
from astrojepa.evaluation.vectors.embed import embed
from astrojepa.files import read_json
from astrojepa.progress import Listener
from astrojepa.types import Embeddings, Predictions
from astrojepa.wording import one_line

if TYPE_CHECKING:
    from astrojepa.checkpoints.model import Model

MOST_KNOWN = 4000  # galaxies that say what is typical, after training on labels
KEY = "classifier"  # of the card of weights that hold one
ENCODER_ONLY = {
    "prediction_weight": 0.0,
    "invariance_weight": 1.0,
    "predictor_depth": 0,
    "average": False,
    "describer": False,
    "encoder_from": "",
    "start_from": "",
}


@dataclass(frozen=True)
class Classifier:
    """An encoder and the head that names what it embeds.

    Examples:
        >>> data = aj.open_dataset("simulated:300")
        >>> train, validation, test = aj.split(data, "grouped", seed=42)
        >>> model = aj.load_model("small.lejepa")
        >>> classifier = aj.finetune(model, train, validation, frozen=True, passes=1)
        >>> found = classifier.predict(test, coverage=0.9)
        >>> found.probabilities.shape == found.sets.shape == (len(test), len(data.classes))
        True
    """

    model: Model
    probe: PortableProbe
    passes: int | None  # how often the head is used to look at a galaxy; None = as the model says
    # hashes of the models whose vectors it reads: its own, and that of which it is a frozen copy
    reads: tuple[str, ...]

    def predict(
        self, galaxies: Dataset | Embeddings, coverage: float = 0.9, *, progress: Listener = None
    ) -> Predictions:
        """Name galaxies, or vectors of its model: probabilities, entropy, the classes among which
        the true one is with a probability of `coverage`, and how typical each galaxy is of those
        that were kept aside.

        ValueError for vectors of another model, and where too few galaxies were kept for the
        coverage.
        """
        if isinstance(galaxies, Dataset):
            galaxies = embed(self.model, galaxies, passes=self.passes, progress=progress)
        elif galaxies.model_hash not in ("", *self.reads):
            raise ValueError(
                f"These are vectors of a model with hash {galaxies.model_hash}, and the classifier "
                f"reads those of {' or '.join(self.reads)}; embed the galaxies with its model."
            )
        return self.probe.predict(galaxies, coverage)

    def save(self, path: str | Path, facts: dict[str, Any] | None = None) -> Path:
        """Write NAME.safetensors and the card NAME.json beside it, with further `facts`, so that a
        kill leaves the old pair or the new one; returns the path of the weights.

        The weights are those of any model: every command takes them.
        """
        import torch

        from astrojepa.checkpoints.model import save_released

        path = check_path(path)
        head = self.probe.to_dict() | {"passes": self.passes, "reads": list(self.reads)}
        card = {"id": path.stem, "classifier_of": self.model.id, **(facts or {}), KEY: head}
        parts = {
            key: self.model.card[key] for key in ("data", "training") if key in self.model.card
        }
        return save_released(_encoder_only(self.model), path.parent, parts | card, torch.float32)


def finetune(
    model: Model,
    train: Dataset,
    validation: Dataset,
    *,
    frozen: bool = False,
    epochs: int = 10,
    batch_size: int = 64,
    learning_rate: float = 1e-4,
    passes: int | None = None,
    seed: int = 0,
    progress: Listener = None,
) -> Classifier:
    """Make a classifier of a model: encoder and head trained together on labelled galaxies, or,
    `frozen`, a linear probe of it.

    Half of the labelled `validation` galaxies, class by class, choose the epoch (`frozen`: the L2
    strength) and the temperature; the other half is kept for prediction sets and typicality.
    Training is that of the probe table's *fine-tuned* row. `passes` is how often a frozen encoder
    looks at a galaxy. `model` is not changed; the classifier has no predictor.

    Raises ValueError for too few labels or wrong settings, FloatingPointError where the loss stops
    being finite.

    Examples:
        >>> data = aj.open_dataset("simulated:300")
        >>> train, validation, test = aj.split(data, "grouped", seed=42)
        >>> model = aj.load_model("small.lejepa")
        >>> classifier = aj.finetune(model, train, validation, frozen=True, passes=1)
        >>> path = classifier.save(folder / "mine.safetensors")
        >>> again = aj.load_classifier(path)
        >>> before, after = classifier.predict(test), again.predict(test)
        >>> bool(np.abs(before.probabilities - after.probabilities).max() < 1e-6)
        True
    """
    validation = validation.subset(validation.labels >= 0)
    halves = stratified(validation.labels, seed, 0.5) if len(validation) else ()
    if not all(map(len, halves)):
        raise ValueError(
            f"Of {validation.name} {len(validation)} validation galaxies have a label; two or more "
            f"of a class are needed, to choose and to calibrate with."
        )
    chooser, kept = (validation.subset(rows) for rows in halves)
    if not frozen:
        model, probe = trained_on_labels(
            model,
            train,
            chooser,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            passes=passes,
            seed=seed,
            progress=progress,
        )
        drawn = np.random.default_rng(seed).permutation(np.flatnonzero(train.labels >= 0))
        train = train.subset(np.sort(drawn[:MOST_KNOWN]))
    vectors = [
        embed(model, part, passes=passes, cache=frozen, progress=progress)
        for part in (train, chooser, kept)
    ]
    if frozen:
        probe, _ = fit_probe("linear", *vectors[:2], validation=vectors[1], seed=seed)
    probe = probe.calibrated(*vectors)
    # as it will be read: classes of which nothing was known are not among the answers
    return Classifier(model, probe_from_dict(probe.to_dict()), passes, (model.hash,))


def check_path(path: str | Path) -> Path:
    """Return where a classifier is to be saved; ValueError unless it ends in .safetensors."""
    path = Path(path)
    if path.suffix != ".safetensors" or not NAME.fullmatch(path.stem):
        raise ValueError(
            f"A classifier is saved as weights; name a file such as mine.safetensors, found "
            f"{path.name}."
        )
    return path


def load_classifier(path: str | Path, device: str = "cpu") -> Classifier:
    """Load what `Classifier.save` wrote, or a probe that the explorer's Probe lab gave; nothing in
    a file is run.

    A probe names its model by id, which must be here, with the same weights. FileNotFoundError
    where a file or that model is missing, ValueError where the file holds no classifier.

    Examples:
        >>> aj.load_classifier("small.lejepa")
        Traceback (most recent call last):
        ...
        ValueError: small.lejepa holds a model without a classifier; make one with finetune.
    """
    from astrojepa.checkpoints.model import load_model

    path = Path(path)
    if path.suffix == ".json":
        content = read_json(path)
        probe = probe_from_dict(content)
        named = content.get("model")
        if not isinstance(named, dict) or not named.keys() >= {"id", "hash"}:
            raise ValueError(f"{path} does not say of which model it is; download it again.")
        name = str(named["id"])
        if not NAME.fullmatch(name.removeprefix("random:").removeprefix("timm:")):
            raise ValueError(
                f"{path} names its model by {one_line(name, 80)!r}, which is no id; fit it again."
            )
        model = load_model(name, device)
        if model.hash != named["hash"]:
            raise ValueError(
                f"{path} reads vectors of {one_line(named['id'], 80)} with hash "
                f"{one_line(named['hash'], 20)}, and the weights here have {model.hash}; fit it "
                f"again."
            )
        passes: int | None = None
        reads: tuple[str, ...] = (model.hash,)
    else:
        model = load_model(path, device)
        head = model.card.get(KEY)
        if not isinstance(head, dict):
            raise ValueError(f"{path} holds a model without a classifier; make one with finetune.")
        probe, passes, hashes = probe_from_dict(head), head.get("passes"), head.get("reads")
        if not (passes is None or type(passes) is int) or not isinstance(hashes, list):
            raise ValueError(f"{path} has a damaged classifier on its card; make it again.")
        reads = (*map(str, hashes), model.hash)
    if len(probe.shift) != model.width:
        raise ValueError(
            f"{path} reads {len(probe.shift)} features, and its model {model.id} gives "
            f"{model.width}; make it again."
        )
    return Classifier(model, probe, passes, reads)


def _encoder_only(model: Model) -> Model:
    """Return the evaluated encoder, with its projector, as a model of its own: after training on
    labels a predictor would predict another encoder's tokens.
    """
    from astrojepa.checkpoints.weights import build_network

    config = replace(model.config, **ENCODER_ONLY)
    network = build_network(config, model.device)
    state = {f"encoder.{key}": value for key, value in model.network.evaluated.state_dict().items()}
    state |= {
        key: value
        for key, value in model.network.state_dict().items()
        if key.startswith("projector.")
    }
    network.load_state_dict(state)
    return dataclasses.replace(model, config=config, network=network.eval())
