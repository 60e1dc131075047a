"""What a run is: frozen dataclasses in which every setting is declared once, with its default, its help and its flag."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


def setting(default: Any, help: str, flag: str | None = None) -> Any:
    """Declare a config field: its default, one line of help, and its flag where that is not the field's name."""
    return dataclasses.field(default=default, metadata={"help": help, "flag": flag})


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} is {value}; it must lie in [{low:g}, {high:g}].")


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} is {value!r}; choose one of {', '.join(choices)}.")


@dataclass(frozen=True, kw_only=True)
class ImageConfig:
    """How a picture becomes the network's input."""

    image_size: int = setting(224, "side of the network's input, pixels")
    patch_size: int = setting(16, "side of a patch, pixels; divides image_size")
    crop_fraction: float = setting(0.875, "part of the frame's side that is kept, around the centre")
    normalization: str = setting("dataset", "dataset (mean and std of the training set), zscore (per image) or fixed (0.5, 0.5)")

    def __post_init__(self) -> None:
        _within("--image-size", self.image_size, 16, 1024)
        _within("--patch-size", self.patch_size, 2, 128)
        _within("--crop-fraction", self.crop_fraction, 0.1, 1.0)
        _one_of("--normalization", self.normalization, ("dataset", "zscore", "fixed"))
        if self.image_size % self.patch_size:
            fits = math.gcd(self.image_size, self.patch_size)
            raise ValueError(f"--patch-size {self.patch_size} does not divide --image-size {self.image_size}; {fits} would.")
        _within("patches along a side (image size / patch size)", self.grid, 4, 64)

    @property
    def grid(self) -> int:
        """Patches along a side."""
        return self.image_size // self.patch_size

    @property
    def frame_size(self) -> int:
        """Side of the whole frame when its centre `crop_fraction` measures `image_size` pixels."""
        return round(self.image_size / self.crop_fraction)


@dataclass(frozen=True, kw_only=True)
class MaskConfig:
    """Which patches are hidden. Scales are fractions of the grid's area, aspects are height / width."""

    num_targets: int = setting(4, "target blocks per image")
    target_scale: tuple[float, float] = setting((0.15, 0.2), "area of a target block, smallest and largest fraction")
    target_aspect: tuple[float, float] = setting((0.75, 1.5), "height / width of a target block")
    context_scale: tuple[float, float] = setting(
        (0.85, 1.0), "area of the square context block, before the targets are taken out"
    )
    context_fraction: float = setting(
        0.4, "tokens the context encoder sees, as a fraction of the grid: fixed, so shapes are static"
    )
    context_bias: float = setting(0.5, "0: context anywhere; 1: context drawn to bright patches")
    target_bias: float = setting(0.0, "0: targets anywhere; 1: targets centred on bright patches")

    def __post_init__(self) -> None:
        _within("--num-targets", self.num_targets, 1, 16)
        for flag, pair, low, high in (
            ("--target-scale", self.target_scale, 0.0, 0.5),
            ("--target-aspect", self.target_aspect, 0.1, 10.0),
            ("--context-scale", self.context_scale, 0.05, 1.0),
        ):
            _within(flag, pair[0], low, high)
            _within(flag, pair[1], pair[0], high)
        _within("--context-fraction", self.context_fraction, 0.02, 0.95)
        _within("--context-bias", self.context_bias, 0.0, 1.0)
        _within("--target-bias", self.target_bias, 0.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Sizes of the networks."""

    width: int = setting(192, "width of an encoder token")
    depth: int = setting(6, "encoder blocks")
    heads: int = setting(3, "attention heads of the encoder; divides width")
    predictor_width: int = setting(192, "width of a predictor token")
    predictor_depth: int = setting(6, "predictor blocks; 0 makes an encoder-only model")
    predictor_heads: int = setting(3, "attention heads of the predictor")
    projector_width: int = setting(
        64, "width of the linear projector that SIGReg acts on; 0: on the mean token before the final norm"
    )
    activation: str = setting("gelu", "gelu, or relu as in the first published models")
    target_norm: bool = setting(True, "layer-norm the targets; false as in the first published models")
    position: str = setting("sincos", "position table: sincos (fixed) or learned")

    def __post_init__(self) -> None:
        _within("--width", self.width, 8, 2048)
        _within("--depth", self.depth, 1, 48)
        _within("--heads", self.heads, 1, 32)
        _within("--predictor-width", self.predictor_width, 8, 2048)
        _within("--predictor-depth", self.predictor_depth, 0, 48)
        _within("--predictor-heads", self.predictor_heads, 1, 32)
        _within("--projector-width", self.projector_width, 0, 4096)
        _one_of("--activation", self.activation, ("gelu", "relu"))
        _one_of("--position", self.position, ("sincos", "learned"))
        for flag, width, heads in (
            ("--heads", self.width, self.heads),
            ("--predictor-heads", self.predictor_width, self.predictor_heads),
        ):
            if width % heads or width % 4:
                raise ValueError(f"{flag} {heads} must divide the width {width}, which must be a multiple of 4.")


@dataclass(frozen=True, kw_only=True)
class ObjectiveConfig:
    """total = (1 - λ) · prediction + λ · SIGReg."""

    sigreg_weight: float = setting(0.6, "λ in [0, 1]: 0 is plain I-JEPA, 1 is SIGReg alone", flag="--lambda")
    num_directions: int = setting(256, "random directions of SIGReg, K")
    t_max: float = setting(5.0, "SIGReg compares characteristic functions on [-t_max, t_max]")
    num_knots: int = setting(17, "knots of the trapezoid rule on the whole of [-t_max, t_max]; odd")
    sigreg_scale: str = setting("mean", "mean (as published for I-JEPA + SIGReg) or count (times N, as in LeJEPA)")

    def __post_init__(self) -> None:
        _within("--lambda", self.sigreg_weight, 0.0, 1.0)
        _within("--num-directions", self.num_directions, 1, 65536)
        _within("--t-max", self.t_max, 0.1, 20.0)
        _within("--num-knots", self.num_knots, 3, 257)
        if self.num_knots % 2 == 0:
            raise ValueError(
                f"--num-knots is {self.num_knots}; it must be odd, so that t = 0 is a knot, e.g. {self.num_knots + 1}."
            )
        _one_of("--sigreg-scale", self.sigreg_scale, ("mean", "count"))

    def strength(self, batch_size: int) -> float | None:
        """ρ = λ / (1 - λ) · (N if scale is "count", else 1): compares runs of one recipe; None at λ = 1."""
        if self.sigreg_weight == 1.0:
            return None
        return self.sigreg_weight / (1 - self.sigreg_weight) * (batch_size if self.sigreg_scale == "count" else 1)


@dataclass(frozen=True, kw_only=True)
class OptimConfig:
    """AdamW with linear warm-up and cosine decay."""

    epochs: int = setting(300, "passes over the training set")
    batch_size: int = setting(256, "images per step, over all processes")
    learning_rate: float = setting(1e-3, "peak learning rate")
    final_learning_rate: float = setting(1e-5, "learning rate at the last step")
    weight_decay: float = setting(0.05, "on matrices only: norms, biases and tokens are spared")
    warmup_epochs: float = setting(10.0, "linear warm-up, at most 10 per cent of the steps")
    momentum: float = setting(0.996, "EMA momentum of the target encoder at the start; it ramps to 1")
    gradient_clip: float = setting(3.0, "largest gradient norm")
    rotate: bool = setting(True, "turn each frame by any angle before cropping, beside flips")

    def __post_init__(self) -> None:
        _within("--epochs", self.epochs, 1, 100_000)
        _within("--batch-size", self.batch_size, 2, 65_536)
        _within("--learning-rate", self.learning_rate, 0.0, 10.0)
        _within("--final-learning-rate", self.final_learning_rate, 0.0, self.learning_rate)
        _within("--weight-decay", self.weight_decay, 0.0, 10.0)
        _within("--warmup-epochs", self.warmup_epochs, 0.0, 100_000.0)
        _within("--momentum", self.momentum, 0.0, 1.0)
        _within("--gradient-clip", self.gradient_clip, 1e-6, 1e6)


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Which galaxies are learned from."""

    data: str = setting("", "HDF5 file, image folder, or simulated[:COUNT]; default data/Galaxy10_DECals.h5, else simulated")
    where: tuple[str, ...] = setting((), "keep rows of labels.csv where COLUMN=VALUE; may be repeated")
    label_column: str = setting("", "column of labels.csv that holds the class; default label, else morphology")
    train_on: str = setting("train", "train: the training part of the split only; all: every galaxy")

    skip_corrupt: bool = setting(False, "leave out pictures of a folder that cannot be read, and name them")

    def __post_init__(self) -> None:
        _one_of("--train-on", self.train_on, ("train", "all"))


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Everything that decides what a run computes."""

    preset: str = ""
    data: DataConfig = DataConfig()
    image: ImageConfig = ImageConfig()
    mask: MaskConfig = MaskConfig()
    model: ModelConfig = ModelConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    optim: OptimConfig = OptimConfig()
    seed: int = setting(42, "decides weights, order, masks and directions")

    def __post_init__(self) -> None:
        _within("--seed", self.seed, 0, 2**31 - 1)

    def to_dict(self) -> dict[str, Any]:
        """Return the config as nested plain values, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrainConfig:
        """Rebuild a config written by `to_dict`; unknown or missing keys raise ValueError naming them."""
        return _from_dict(cls, values, "config")


def flags(cls: type = TrainConfig, group: str = "") -> list[tuple[str, str, dataclasses.Field[Any], Any]]:
    """List every setting as (flag, group, field, type), depth first: what the command line is made from."""
    hints = typing.get_type_hints(cls)
    found = []
    for item in dataclasses.fields(cls):
        if dataclasses.is_dataclass(hints[item.name]):
            found += flags(typing.cast(type, hints[item.name]), item.name)
        elif "help" in item.metadata:
            flag = item.metadata["flag"] or "--" + item.name.replace("_", "-")
            found.append((flag, group, item, hints[item.name]))
    return found


def replace(config: TrainConfig, **changes: Any) -> TrainConfig:
    """Return a copy with settings changed by field name, in whichever group they stand.

    `replace(config, width=384, sigreg_weight=0.01)`; an unknown name raises ValueError.
    """
    groups = {item.name: group for _, group, item, _ in flags()} | {"preset": ""}
    nested: dict[str, dict[str, Any]] = {}
    for name, value in changes.items():
        if name not in groups:
            raise ValueError(f"There is no setting {name!r}; known settings: {', '.join(sorted(groups))}.")
        nested.setdefault(groups[name], {})[name] = value
    top = nested.pop("", {})
    parts = {group: dataclasses.replace(getattr(config, group), **values) for group, values in nested.items()}
    return dataclasses.replace(config, **top, **parts)


def _from_dict(cls: type[T], values: Any, where: str) -> T:
    if not isinstance(values, dict):
        raise ValueError(f"{where} must be an object with named settings, found {type(values).__name__}.")
    hints = typing.get_type_hints(cls)
    names = {item.name for item in dataclasses.fields(typing.cast(Any, cls))}
    if unknown := sorted(set(map(str, values)) - names):
        raise ValueError(f"{where} has unknown settings {', '.join(unknown[:5])}; this version knows {', '.join(sorted(names))}.")
    return cls(**{name: _typed(hints[name], value, f"{where}.{name}") for name, value in values.items()})


def _typed(hint: Any, value: Any, where: str) -> Any:
    """Check a value read from JSON against a field's type; lists become tuples."""
    if dataclasses.is_dataclass(hint):
        return _from_dict(typing.cast(type, hint), value, where)
    origin = typing.get_origin(hint)
    if origin is tuple and isinstance(value, list | tuple):
        members = typing.get_args(hint)
        inner = members[0]
        if len(members) == 2 and members[1] is not Ellipsis and len(value) != 2:
            raise ValueError(f"{where} needs 2 values, found {len(value)}.")
        return tuple(_typed(inner, item, where) for item in value)
    accepted = (int, float) if hint is float else hint
    if (
        isinstance(value, bool) is not (hint is bool)
        or isinstance(accepted, types.GenericAlias)
        or not isinstance(value, accepted)
    ):
        raise ValueError(f"{where} must be {getattr(hint, '__name__', hint)}, found {value!r}.")
    return float(value) if hint is float else value
