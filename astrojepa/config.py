"""What a run is: frozen dataclasses in which every setting is declared once, with its default, its help and its flag."""

from __future__ import annotations

import dataclasses
import difflib
import math
import typing
from dataclasses import dataclass
from typing import Any

from astrojepa.learning import ObjectiveConfig, OptimConfig, ViewConfig
from astrojepa.settings import from_dict, one_of, setting, within

# Settings that came later than the first checkpoints, by group.
_LATER = {
    "model": ("readout", "frozen_stages", "orientations", "scales", "readout_width", "embedding_width", "describer"),
    "objective": ("sigreg_statistic", "sigreg_on", "description_weight"),
    "views": ("telescope",),
}
PRECISIONS = ("auto", "float32", "bfloat16")
NUM_DESCRIBED = 230  # hand-made numbers of a picture: those of `shape_statistics` and of `polar_fourier`
CROP_SCALES = (1.0, 0.8, 1.25)  # sides of the crops of an embedding, in units of that of the network's input
CONV_BACKBONES = (
    "resnet10t",
    "resnet18",
    "resnet34",
    "convnextv2_atto",
    "convnextv2_femto",
    "convnextv2_pico",
    "convnextv2_nano",
)


@dataclass(frozen=True, kw_only=True)
class ImageConfig:
    """How a picture becomes the network's input."""

    image_size: int = setting(224, "side of the network's input, pixels")
    patch_size: int = setting(16, "side of a patch, pixels; divides image_size")
    crop_fraction: float = setting(0.875, "part of the frame's side that is kept, around the centre")
    normalization: str = setting("dataset", "dataset (mean and std of the training set), zscore (per image) or fixed (0.5, 0.5)")

    def __post_init__(self) -> None:
        within("--image-size", self.image_size, 16, 1024)
        within("--patch-size", self.patch_size, 2, 128)
        within("--crop-fraction", self.crop_fraction, 0.1, 1.0)
        one_of("--normalization", self.normalization, ("dataset", "zscore", "fixed"))
        if self.image_size % self.patch_size:
            fits = math.gcd(self.image_size, self.patch_size)
            raise ValueError(f"--patch-size {self.patch_size} does not divide --image-size {self.image_size}; {fits} would.")
        within("patches along a side (image size / patch size)", self.grid, 4, 64)

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
        within("--num-targets", self.num_targets, 1, 16)
        for flag, pair, low, high in (
            ("--target-scale", self.target_scale, 0.0, 0.5),
            ("--target-aspect", self.target_aspect, 0.1, 10.0),
            ("--context-scale", self.context_scale, 0.05, 1.0),
        ):
            within(flag, pair[0], low, high)
            within(flag, pair[1], pair[0], high)
        within("--context-fraction", self.context_fraction, 0.02, 0.95)
        within("--context-bias", self.context_bias, 0.0, 1.0)
        within("--target-bias", self.target_bias, 0.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Sizes of the networks."""

    backbone: str = setting("vit", "vit, or an encoder for multi-view training: " + ", ".join(CONV_BACKBONES))
    readout: str = setting(
        "last",
        "what an embedding is read from: last (mean of the last tokens), stages (moments of all stages of a convolutional "
        "encoder) or rings (angular Fourier modes along rings of tokens; of the last three stages of a convolutional encoder)",
    )
    readout_width: int = setting(0, "features that tokens are narrowed to before rings are read; 0: all of them")
    embedding_width: int = setting(0, "width of a linear layer from what the rings tell to the embedding; 0: none")
    frozen_stages: int = setting(
        0, "first stages of a ResNet, the stem being one, that stay as they were drawn and are not projected"
    )
    orientations: int = setting(1, "an embedding is the mean over so many: 1, 4 (quarter turns) or 8 (mirrored too), each a pass")
    scales: int = setting(1, "an embedding is the mean over so many sizes of the crop: 1, or 3 (0.8 and 1.25 times its side too)")
    width: int = setting(192, "width of an encoder token; a convolutional encoder has its own")
    depth: int = setting(6, "encoder blocks")
    heads: int = setting(3, "attention heads of the encoder; divides width")
    predictor_width: int = setting(192, "width of a predictor token")
    predictor_depth: int = setting(6, "predictor blocks; 0 makes an encoder-only model")
    predictor_heads: int = setting(3, "attention heads of the predictor")
    projector_width: int = setting(
        64, "width of the projector that SIGReg and invariance act on; 0: none, the mean token before the final norm"
    )
    projector_hidden: int = setting(0, "width of the projector's two hidden layers; 0: the projector is linear")
    describer: bool = setting(
        False, "a linear layer from the embedding that tells a galaxy's hand-made numbers from a view of it"
    )
    projector_norm: str = setting("batch", "norm of the projector's hidden layers: batch or none")
    activation: str = setting("gelu", "gelu, or relu as in the first published models")
    target_norm: bool = setting(True, "layer-norm the targets; false as in the first published models")
    position: str = setting("sincos", "position table: sincos (fixed) or learned")
    target: str = setting("ema", "targets come from: ema (moving average, no gradient) or shared (the encoder, with gradient)")
    average: bool = setting(True, "keep a moving average of the encoder: gives the targets of ema, and every embedding")

    @property
    def passes(self) -> int:
        """How often the network looks at a galaxy for its embedding."""
        return self.orientations * self.scales

    def __post_init__(self) -> None:
        one_of("--readout", self.readout, ("last", "stages", "rings"))
        within("--readout-width", self.readout_width, 0, 2048)
        within("--embedding-width", self.embedding_width, 0, 4096)
        if (self.readout_width or self.embedding_width) and self.readout != "rings":
            raise ValueError("--readout-width and --embedding-width belong to --readout rings; leave them out, or give it.")
        within("--frozen-stages", self.frozen_stages, 0, 4)
        if self.frozen_stages and not (self.backbone.startswith("resnet") and self.readout == "stages"):
            raise ValueError("--frozen-stages belongs to a ResNet with --readout stages; leave it out, or give both.")
        one_of("--orientations", self.orientations, (1, 4, 8))
        one_of("--scales", self.scales, (1, 3))
        within("--width", self.width, 8, 2048)
        within("--depth", self.depth, 1, 48)
        within("--heads", self.heads, 1, 32)
        within("--predictor-width", self.predictor_width, 8, 2048)
        within("--predictor-depth", self.predictor_depth, 0, 48)
        within("--predictor-heads", self.predictor_heads, 1, 32)
        within("--projector-width", self.projector_width, 0, 4096)
        within("--projector-hidden", self.projector_hidden, 0, 8192)
        one_of("--projector-norm", self.projector_norm, ("batch", "none"))
        one_of("--target", self.target, ("ema", "shared"))
        if self.predictor_depth and self.target == "ema" and not self.average:
            raise ValueError("--target ema needs the moving average; leave out --no-average, or choose --target shared.")
        one_of("--activation", self.activation, ("gelu", "relu"))
        one_of("--position", self.position, ("sincos", "learned"))
        for flag, width, heads in (
            ("--heads", self.width, self.heads),
            ("--predictor-heads", self.predictor_width, self.predictor_heads),
        ):
            if width % heads or width % 4:
                raise ValueError(f"{flag} {heads} must divide the width {width}, which must be a multiple of 4.")


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Which galaxies are learned from."""

    data: str = setting("", "HDF5 file, image folder, or simulated[:COUNT]; default data/Galaxy10_DECals.h5, else simulated")
    where: tuple[str, ...] = setting((), "keep rows of labels.csv where COLUMN=VALUE; may be repeated")
    label_column: str = setting("", "column of labels.csv that holds the class; default label, else morphology")
    train_on: str = setting("train", "train: the training part of the split only; all: every galaxy")

    skip_corrupt: bool = setting(False, "leave out pictures of a folder that cannot be read, and name them")

    def __post_init__(self) -> None:
        one_of("--train-on", self.train_on, ("train", "all"))


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Everything that decides what a run computes."""

    preset: str = ""
    data: DataConfig = DataConfig()
    image: ImageConfig = ImageConfig()
    mask: MaskConfig = MaskConfig()
    model: ModelConfig = ModelConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    views: ViewConfig = ViewConfig()
    optim: OptimConfig = OptimConfig()
    seed: int = setting(42, "decides weights, order, masks and directions")
    encoder_from: str = setting(
        "", "fit a predictor to the frozen encoder of this model (id, run folder or file), and learn nothing else"
    )
    snapshots: int = setting(0, "weights kept at this many steps, evenly spaced in log(step), for evolution plots")
    precision: str = setting(
        "auto", "arithmetic of the networks: float32, bfloat16, or auto: bfloat16 where the device is made for it"
    )

    def __post_init__(self) -> None:
        within("--seed", self.seed, 0, 2**31 - 1)
        within("--snapshots", self.snapshots, 0, 100)
        one_of("--precision", self.precision, PRECISIONS)
        if max(self.crop_sides) > self.image.frame_size:
            raise ValueError(
                f"--scales {self.model.scales} looks at {max(self.crop_sides)} pixels of a frame of {self.image.frame_size}; "
                f"give --crop-fraction {1 / max(CROP_SCALES):g} or less."
            )
        if self.model.describer and not self.multi_view and not self.encoder_from:
            raise ValueError("--describer tells a galaxy's numbers from views of it; give --invariance-weight, e.g. 1.")
        predicting = self.objective.prediction_weight > 0 and self.objective.sigreg_weight < 1
        if predicting and not self.model.predictor_depth:
            raise ValueError("--predictor-depth is 0, so blocks cannot be predicted; give --prediction-weight 0.")
        if self.model.readout == "rings" and not self.multi_view and not self.encoder_from:
            raise ValueError("--readout rings reads whole views; give --invariance-weight, e.g. 1.")

    @property
    def crop_sides(self) -> tuple[int, ...]:
        """Sides in frame pixels of the crops over which an embedding is averaged, that of the network's input first."""
        size = self.image.image_size
        return tuple(size + 2 * round((scale - 1) * size / 2) for scale in CROP_SCALES[: self.model.scales])

    @property
    def multi_view(self) -> bool:
        """Whether several views of each galaxy are compared."""
        return self.objective.invariance_weight > 0

    def to_dict(self) -> dict[str, Any]:
        """Return the config as nested plain values, ready for JSON.

        Settings that came later than the first checkpoints are left out where they are the usual ones, so that what is named by a
        hash of the config keeps its name.
        """
        values = dataclasses.asdict(self)
        for group, names in _LATER.items():
            for name in names:
                if values[group][name] == getattr(type(getattr(self, group)), name):
                    del values[group][name]
        if values["precision"] == TrainConfig.precision:
            del values["precision"]
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrainConfig:
        """Rebuild a config written by `to_dict`; unknown or missing keys raise ValueError naming them."""
        return from_dict(cls, values, "config")


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
            close = difflib.get_close_matches(name, groups, 3) or sorted(groups)
            raise ValueError(f"There is no setting {name!r}; did you mean {', '.join(close)}?")
        nested.setdefault(groups[name], {})[name] = value
    top = nested.pop("", {})
    parts = {group: dataclasses.replace(getattr(config, group), **values) for group, values in nested.items()}
    return dataclasses.replace(config, **top, **parts)
