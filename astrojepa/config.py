"""The config of a run: every setting once, with default, help and flag."""

from __future__ import annotations

import dataclasses
import difflib
import math
import typing
from dataclasses import dataclass
from typing import Any

from astrojepa.settings import from_dict, one_of, setting, within

# Settings that came later than the first checkpoints, by group.
PRECISIONS = ("auto", "float32", "bfloat16")
# hand-made numbers of an image: those of `shape_statistics` and of `polar_fourier`
NUM_DESCRIBED = 230
# sides of the crops of an embedding, in units of that of the network's input
CROP_SCALES = (1.0, 0.8, 1.25)
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
    """How an image becomes the network's input."""

    image_size: int = setting(224, "side of the input image, pixels")
    patch_size: int = setting(16, "side of a patch, pixels; divides image_size")
    crop_fraction: float = setting(0.875, "central fraction of the frame's side that is used")
    normalization: str = setting(
        "dataset",
        "dataset (mean and std of the training set), zscore (per image) or fixed (0.5, 0.5)",
    )

    def __post_init__(self) -> None:
        within("--image-size", self.image_size, 16, 1024)
        within("--patch-size", self.patch_size, 2, 128)
        within("--crop-fraction", self.crop_fraction, 0.1, 1.0)
        one_of("--normalization", self.normalization, ("dataset", "zscore", "fixed"))
        if self.image_size % self.patch_size:
            fits = math.gcd(self.image_size, self.patch_size)
            raise ValueError(
                f"--patch-size {self.patch_size} does not divide --image-size {self.image_size}; "
                f"{fits} would."
            )
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
    """Hidden patches. Scales are fractions of the grid's area, aspects are height / width."""

    num_targets: int = setting(4, "target blocks per image")
    target_scale: tuple[float, float] = setting(
        (0.15, 0.2), "area of a target block, smallest and largest fraction of the grid"
    )
    target_aspect: tuple[float, float] = setting((0.75, 1.5), "height / width of a target block")
    context_scale: tuple[float, float] = setting(
        (0.85, 1.0),
        "area of the square context block before targets are removed, fraction of the grid",
    )
    context_fraction: float = setting(
        0.4,
        "tokens seen by the context encoder, fraction of the grid (fixed)",
    )
    context_bias: float = setting(0.5, "preference of the context for bright patches, 0 to 1")
    target_bias: float = setting(0.0, "preference of the targets for bright patches, 0 to 1")

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

    backbone: str = setting(
        "vit", "vit, or an encoder for multi-view training: " + ", ".join(CONV_BACKBONES)
    )
    readout: str = setting(
        "last",
        "readout of an embedding: last (mean of the last tokens), stages (mean and standard "
        "deviation of all stages of a convolutional encoder) or rings (angular Fourier modes along "
        "rings of tokens, of the last three stages of a convolutional encoder)",
        since=2,
    )
    readout_width: int = setting(0, "features per token before rings are read; 0: all", since=2)
    embedding_width: int = setting(
        0, "width of the linear layer from the rings to the embedding; 0: none", since=2
    )
    frozen_stages: int = setting(
        0,
        "number of first stages of a ResNet (the stem counts) that keep their random weights and "
        "are not projected",
        since=2,
    )
    orientations: int = setting(
        1,
        "orientations that an embedding averages, one pass each: 1, 4 (rotations by 90°) or 8 "
        "(also mirrored)",
        since=2,
    )
    scales: int = setting(
        1,
        "crop sizes that an embedding averages: 1, or 3 (also 0.8 and 1.25 times the side)",
        since=2,
    )
    width: int = setting(192, "width of an encoder token; ignored by convolutional encoders")
    depth: int = setting(6, "encoder blocks")
    heads: int = setting(3, "attention heads of the encoder; divides width")
    predictor_width: int = setting(192, "width of a predictor token")
    predictor_depth: int = setting(6, "predictor blocks; 0: no predictor")
    predictor_heads: int = setting(3, "attention heads of the predictor")
    projector_width: int = setting(
        64,
        "width of the projector that SIGReg and invariance act on; 0: none, they act on the mean "
        "token before the final norm",
    )
    projector_hidden: int = setting(
        0, "width of the projector's two hidden layers; 0: the projector is linear"
    )
    describer: bool = setting(
        False,
        "add a linear layer that predicts hand-made statistics of a galaxy from the embedding of a "
        "view",
        since=2,
    )
    projector_norm: str = setting("batch", "norm of the projector's hidden layers: batch or none")
    activation: str = setting("gelu", "gelu, or relu as in the first published models")
    target_norm: bool = setting(
        True, "layer-normalise the targets; false in the first published models"
    )
    position: str = setting("sincos", "position embedding: sincos (fixed) or learned")
    target: str = setting(
        "ema",
        "source of the targets: ema (moving average, no gradient) or shared (the encoder, with "
        "gradient)",
    )
    average: bool = setting(
        True, "keep a moving average of the encoder, used for ema targets and for embeddings"
    )

    @property
    def passes(self) -> int:
        """How often the network looks at a galaxy for its embedding."""
        return self.orientations * self.scales

    def __post_init__(self) -> None:
        one_of("--readout", self.readout, ("last", "stages", "rings"))
        within("--readout-width", self.readout_width, 0, 2048)
        within("--embedding-width", self.embedding_width, 0, 4096)
        if (self.readout_width or self.embedding_width) and self.readout != "rings":
            raise ValueError("--readout-width and --embedding-width need --readout rings.")
        within("--frozen-stages", self.frozen_stages, 0, 4)
        if self.frozen_stages and not (
            self.backbone.startswith("resnet") and self.readout == "stages"
        ):
            raise ValueError("--frozen-stages needs a ResNet with --readout stages.")
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
            raise ValueError(
                "--target ema needs the moving average; leave out --no-average, or give --target "
                "shared."
            )
        one_of("--activation", self.activation, ("gelu", "relu"))
        one_of("--position", self.position, ("sincos", "learned"))
        for flag, width, heads in (
            ("--heads", self.width, self.heads),
            ("--predictor-heads", self.predictor_width, self.predictor_heads),
        ):
            if width % heads or width % 4:
                raise ValueError(
                    f"{flag} {heads} must divide the width {width}, which must be a multiple of 4."
                )


@dataclass(frozen=True, kw_only=True)
class ObjectiveConfig:
    """total = (1 - λ) · (α · prediction + β · invariance + γ · description) + λ · SIGReg."""

    sigreg_weight: float = setting(
        0.6, "weight λ of SIGReg, 0 to 1: 0 is no SIGReg, 1 only SIGReg", flag="--lambda"
    )
    prediction_weight: float = setting(
        1.0, "weight α of the prediction of masked blocks; 0 in LeJEPA"
    )
    invariance_weight: float = setting(
        0.0, "weight β of invariance between views; if above 0, SIGReg acts on the views"
    )
    description_weight: float = setting(
        1.0,
        "weight γ of predicting hand-made statistics; needs --describer",
        since=2,
    )
    num_directions: int = setting(256, "number K of random directions of SIGReg")
    t_max: float = setting(5.0, "SIGReg integrates over [-t_max, t_max]")
    num_knots: int = setting(17, "knots of the trapezoid rule on [-t_max, t_max]; odd")
    sigreg_scale: str = setting(
        "mean",
        "mean (as published for I-JEPA + SIGReg) or count (multiplied by the batch size N, as "
        "in LeJEPA)",
    )
    sigreg_statistic: str = setting(
        "epps-pulley",
        "univariate test along each direction: epps-pulley or cramer-von-mises",
        since=2,
    )
    sigreg_on: str = setting(
        "projector",
        "SIGReg acts on: projector, embedding, or both (mean of the two)",
        since=2,
    )

    def __post_init__(self) -> None:
        within("--lambda", self.sigreg_weight, 0.0, 1.0)
        within("--prediction-weight", self.prediction_weight, 0.0, 1000.0)
        within("--invariance-weight", self.invariance_weight, 0.0, 1000.0)
        if self.prediction_weight == self.invariance_weight == 0 and self.sigreg_weight < 1:
            raise ValueError(
                "--prediction-weight and --invariance-weight are both 0, which leaves no "
                "objective; raise one."
            )
        within("--description-weight", self.description_weight, 0.0, 1000.0)
        within("--num-directions", self.num_directions, 1, 65536)
        within("--t-max", self.t_max, 0.1, 20.0)
        within("--num-knots", self.num_knots, 3, 257)
        if self.num_knots % 2 == 0:
            raise ValueError(
                f"--num-knots is {self.num_knots}; it must be odd, so that t = 0 is a knot, e.g. "
                f"{self.num_knots + 1}."
            )
        one_of("--sigreg-scale", self.sigreg_scale, ("mean", "count"))
        one_of("--sigreg-on", self.sigreg_on, ("projector", "embedding", "both"))

    def strength(self, batch_size: int) -> float | None:
        """ρ = λ / (1 - λ), times N for scale "count"; compares runs. None at λ = 1."""
        if self.sigreg_weight == 1.0:
            return None
        return (
            self.sigreg_weight
            / (1 - self.sigreg_weight)
            * (batch_size if self.sigreg_scale == "count" else 1)
        )


@dataclass(frozen=True, kw_only=True)
class ViewConfig:
    """How one galaxy is seen several times: physics that leaves its morphology alone."""

    global_views: int = setting(
        2, "global (large) views per galaxy; invariance is measured from their mean"
    )
    local_views: int = setting(0, "local (small) views per galaxy")
    local_size: int = setting(96, "side of a local view, pixels; a multiple of patch_size")
    global_scale: tuple[float, float] = setting(
        (0.5, 1.0), "area of a global view, fraction of the central crop"
    )
    local_scale: tuple[float, float] = setting(
        (0.1, 0.4), "area of a local view, fraction of the central crop"
    )
    shift: float = setting(0.5, "random shift of a view inside the central crop, 0 (centred) to 1")
    seeing: float = setting(1.0, "largest Gaussian blur, standard deviation in pixels of the view")
    noise: float = setting(
        0.02, "largest added noise, standard deviation as a fraction of full scale"
    )
    brightness: float = setting(
        0.1, "largest relative change of brightness, the same in all channels"
    )
    telescope: float = setting(
        0.0,
        "strength of telescope-like augmentation (gain, sky, stretch, pixel scale, sometimes "
        "grey), 0 to 1",
        since=2,
    )

    def __post_init__(self) -> None:
        within("--telescope", self.telescope, 0.0, 2.0)
        within("--global-views", self.global_views, 1, 16)
        within("--local-views", self.local_views, 0, 32)
        within("--local-size", self.local_size, 8, 1024)
        for flag, pair in (
            ("--global-scale", self.global_scale),
            ("--local-scale", self.local_scale),
        ):
            within(flag, pair[0], 0.01, 1.0)
            within(flag, pair[1], pair[0], 1.0)
        within("--shift", self.shift, 0.0, 1.0)
        within("--seeing", self.seeing, 0.0, 3.0)
        within("--noise", self.noise, 0.0, 0.5)
        within("--brightness", self.brightness, 0.0, 0.9)
        if self.global_views + self.local_views < 2:
            raise ValueError(
                "--global-views and --local-views give one view per galaxy; invariance needs at "
                "least 2."
            )


@dataclass(frozen=True, kw_only=True)
class OptimConfig:
    """AdamW with linear warm-up and cosine decay."""

    epochs: int = setting(300, "passes over the training set")
    batch_size: int = setting(256, "images per step, over all processes")
    learning_rate: float = setting(1e-3, "peak learning rate")
    final_learning_rate: float = setting(1e-5, "learning rate at the last step")
    weight_decay: float = setting(
        0.05, "weight decay of matrices (not of norms, biases and tokens)"
    )
    warmup_epochs: float = setting(
        10.0, "epochs of linear warm-up, at most 10 per cent of the steps"
    )
    momentum: float = setting(
        0.996, "initial EMA momentum of the target encoder; it increases to 1"
    )
    gradient_clip: float = setting(3.0, "largest gradient norm")
    rotate: bool = setting(True, "also rotate each frame by a random angle before cropping")
    accumulate: int = setting(
        1,
        "compute each batch in this many parts, to save memory; SIGReg still uses the whole batch",
    )
    keep_last: bool = setting(False, "also train on the incomplete last batch of an epoch")

    def __post_init__(self) -> None:
        within("--epochs", self.epochs, 1, 100_000)
        within("--batch-size", self.batch_size, 2, 65_536)
        within("--learning-rate", self.learning_rate, 0.0, 10.0)
        within("--final-learning-rate", self.final_learning_rate, 0.0, self.learning_rate)
        within("--weight-decay", self.weight_decay, 0.0, 10.0)
        within("--warmup-epochs", self.warmup_epochs, 0.0, 100_000.0)
        within("--momentum", self.momentum, 0.0, 1.0)
        within("--gradient-clip", self.gradient_clip, 1e-6, 1e6)
        within("--accumulate", self.accumulate, 1, self.batch_size // 2)


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Which galaxies are learned from."""

    data: str = setting(
        "",
        "HDF5 file, image folder, or simulated[:COUNT]; default data/Galaxy10_DECals.h5, else "
        "simulated",
    )
    where: tuple[str, ...] = setting((), "keep rows of labels.csv where COLUMN=VALUE; repeatable")
    label_column: str = setting(
        "", "column of labels.csv with the class; default label, else morphology"
    )
    train_on: str = setting(
        "train", "train: the training part of the split only; all: every galaxy"
    )

    skip_corrupt: bool = setting(False, "leave out unreadable images of a folder and list them")

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
    seed: int = setting(42, "random seed of weights, order, masks and directions")
    encoder_from: str = setting(
        "",
        "fit only a predictor, to the frozen encoder of this model (id, run folder or file)",
    )
    snapshots: int = setting(0, "keep the weights at this many steps, evenly spaced in log(step)")
    precision: str = setting(
        "auto",
        "precision of the networks: float32, bfloat16, or auto: bfloat16 if the device supports it "
        "natively",
        since=2,
    )

    def __post_init__(self) -> None:
        within("--seed", self.seed, 0, 2**31 - 1)
        within("--snapshots", self.snapshots, 0, 100)
        one_of("--precision", self.precision, PRECISIONS)
        if max(self.crop_sides) > self.image.frame_size:
            raise ValueError(
                f"--scales {self.model.scales} needs {max(self.crop_sides)} pixels of a frame of "
                f"{self.image.frame_size}; give --crop-fraction {1 / max(CROP_SCALES):g} or less."
            )
        if self.model.describer and not self.multi_view and not self.encoder_from:
            raise ValueError("--describer works on views; give --invariance-weight, e.g. 1.")
        predicting = self.objective.prediction_weight > 0 and self.objective.sigreg_weight < 1
        if predicting and not self.model.predictor_depth:
            raise ValueError("--predictor-depth 0 has no predictor; give --prediction-weight 0.")
        if self.model.readout == "rings" and not self.multi_view and not self.encoder_from:
            raise ValueError(
                "--readout rings works on whole views; give --invariance-weight, e.g. 1."
            )

    @property
    def crop_sides(self) -> tuple[int, ...]:
        """Sides in frame pixels of the crops an embedding averages, the network's first."""
        size = self.image.image_size
        return tuple(
            size + 2 * round((scale - 1) * size / 2) for scale in CROP_SCALES[: self.model.scales]
        )

    @property
    def multi_view(self) -> bool:
        """Whether several views of each galaxy are compared."""
        return self.objective.invariance_weight > 0

    def to_dict(self) -> dict[str, Any]:
        """Return the config as nested plain values, ready for JSON.

        A setting that is younger than the first checkpoints (`since`) is left out where it has its
        default, so that hashes of configs, and with them caches and links, stay what they were.
        """
        return _written(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrainConfig:
        """Read what `to_dict` wrote; missing keys have defaults, ValueError for unknown ones."""
        return from_dict(cls, values, "config")


def _written(part: Any) -> dict[str, Any]:
    values = {}
    for item in dataclasses.fields(part):
        value = getattr(part, item.name)
        if item.metadata.get("since", 1) == 1 or value != item.default:
            values[item.name] = _written(value) if dataclasses.is_dataclass(value) else value
    return values


def flags(
    cls: type = TrainConfig, group: str = ""
) -> list[tuple[str, str, dataclasses.Field[Any], Any]]:
    """List every setting as (flag, group, field, type), depth first."""
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
    parts = {
        group: dataclasses.replace(getattr(config, group), **values)
        for group, values in nested.items()
    }
    return dataclasses.replace(config, **top, **parts)
