"""The config of a run: every setting once, with default, help and flag."""

from __future__ import annotations

import dataclasses
import difflib
import math
import typing
from dataclasses import dataclass
from typing import Any

from astrojepa.settings import Settings, flag_of, from_dict, setting, within

MAX_BANDS = 16
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
POLAR = "polar:"  # before one of these: it sees radii and angles
PETROSIAN = "petrosian:"  # and radii in units of the galaxy's own
NESTED = "nested:"  # and out to two radii, one half of the other


@dataclass(frozen=True, kw_only=True)
class ImageConfig(Settings):
    """How an image becomes the network's input."""

    image_size: int = setting(224, "side of the input image, pixels", within=(16, 1024))
    patch_size: int = setting(16, "side of a patch, pixels; divides image_size", within=(2, 128))
    crop_fraction: float = setting(
        0.875, "central fraction of the frame's side that is used", within=(0.1, 1.0)
    )
    normalization: str = setting(
        "dataset",
        "dataset (mean and std of the training set), zscore (per image) or fixed (0.5, 0.5)",
        one_of=("dataset", "zscore", "fixed"),
    )
    bands: tuple[str, ...] = setting(
        (),
        "bands of flux data, in order: the network is given their flux instead of an RGB image",
        since=2,
        metavar="BAND",
    )
    softening: tuple[float, ...] = setting(
        (),
        "flux of each band below which its stretch is linear (default: 3 times the noise of the "
        "sky in the training set)",
        since=2,
        metavar="FLUX",
    )
    white: tuple[float, ...] = setting(
        (),
        "flux of each band that the stretch maps to 1 (default: the brightest pixels of the "
        "training set)",
        since=2,
        metavar="FLUX",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.bands) > MAX_BANDS or len(set(self.bands)) < len(self.bands):
            raise ValueError(
                f"`bands` is {', '.join(self.bands)[:100]}; name up to {MAX_BANDS}, each once."
            )
        if any(not name.isprintable() or not 0 < len(name) <= 40 for name in self.bands):
            raise ValueError(
                "`bands` has a name that is empty, longer than 40 letters or unprintable."
            )
        if len(self.softening) != len(self.white) or len(self.white) not in (0, len(self.bands)):
            raise ValueError(
                f"`softening` and `white` have {len(self.softening)} and {len(self.white)} values; "
                f"expected one for each of {len(self.bands)} bands, or none."
            )
        for low, high in zip(self.softening, self.white, strict=True):
            if not 0 < low < high < math.inf:
                raise ValueError(
                    f"`softening` {low:g} and `white` {high:g} are those of one band; expected 0 < "
                    f"softening < white."
                )
        if self.image_size % self.patch_size:
            fits = math.gcd(self.image_size, self.patch_size)
            raise ValueError(
                f"`patch_size` {self.patch_size} does not divide `image_size` {self.image_size}; "
                f"{fits} would."
            )
        if not 4 <= self.grid <= 64:
            raise ValueError(
                f"`image_size` / `patch_size` is {self.grid} patches along a side; it must lie "
                "in [4, 64]."
            )

    @property
    def grid(self) -> int:
        """Patches along a side."""
        return self.image_size // self.patch_size

    @property
    def channels(self) -> int:
        """Channels of the network's input: the bands, or red, green and blue."""
        return len(self.bands) or 3

    @property
    def frame_size(self) -> int:
        """Side of the whole frame when its centre `crop_fraction` measures `image_size` pixels."""
        return round(self.image_size / self.crop_fraction)


@dataclass(frozen=True, kw_only=True)
class MaskConfig(Settings):
    """Hidden patches. Scales are fractions of the grid's area, aspects are height / width."""

    num_targets: int = setting(4, "target blocks per image", within=(1, 16))
    target_scale: tuple[float, float] = setting(
        (0.15, 0.2),
        "area of a target block, smallest and largest fraction of the grid",
        within=(0.0, 0.5),
    )
    target_aspect: tuple[float, float] = setting(
        (0.75, 1.5), "height / width of a target block", within=(0.1, 10.0)
    )
    context_scale: tuple[float, float] = setting(
        (0.85, 1.0),
        "area of the square context block before targets are removed, fraction of the grid",
        within=(0.05, 1.0),
    )
    context_fraction: float = setting(
        0.4, "tokens seen by the context encoder, fraction of the grid (fixed)", within=(0.02, 0.95)
    )
    context_bias: float = setting(
        0.5, "preference of the context for bright patches, 0 to 1", within=(0.0, 1.0)
    )
    target_bias: float = setting(
        0.0, "preference of the targets for bright patches, 0 to 1", within=(0.0, 1.0)
    )


@dataclass(frozen=True, kw_only=True)
class ModelConfig(Settings):
    """Sizes of the networks."""

    backbone: str = setting(
        "vit",
        "vit, or an encoder for training on views: "
        + ", ".join(CONV_BACKBONES)
        + f"; or one of these after a prefix: {POLAR} samples the image at radii and angles, "
        f"{PETROSIAN} the same out to 1.5 Petrosian radii of the galaxy, {NESTED} out to 1.5 and "
        "to 0.75 of them",
    )
    readout: str = setting(
        "last",
        "readout of an embedding: last (mean of the last tokens), stages (mean and standard "
        "deviation of all stages of a convolutional encoder) or rings (angular Fourier modes along "
        "rings of tokens, of the last three stages of a convolutional encoder)",
        since=2,
        one_of=("last", "stages", "rings"),
    )
    readout_width: int = setting(
        0, "features per token before rings are read; 0: all", since=2, within=(0, 2048)
    )
    embedding_width: int = setting(
        0,
        "width of the linear layer from the rings to the embedding; 0: none",
        since=2,
        within=(0, 4096),
    )
    frozen_stages: int = setting(
        0,
        "number of first stages of a ResNet (the stem counts) that keep their random weights and "
        "are not projected",
        since=2,
        within=(0, 4),
    )
    orientations: int = setting(
        1,
        "orientations that an embedding averages, one pass each: 1, 4 (rotations by 90°) or 8 "
        "(also mirrored)",
        since=2,
        one_of=(1, 4, 8),
    )
    scales: int = setting(
        1,
        "crop sizes that an embedding averages: 1, or 3 (also 0.8 and 1.25 times the side)",
        since=2,
        one_of=(1, 3),
    )
    width: int = setting(
        192, "width of an encoder token; ignored by convolutional encoders", within=(8, 2048)
    )
    depth: int = setting(6, "encoder blocks", within=(1, 48))
    heads: int = setting(3, "attention heads of the encoder; divides width", within=(1, 32))
    predictor_width: int = setting(192, "width of a predictor token", within=(8, 2048))
    predictor_depth: int = setting(6, "predictor blocks; 0: no predictor", within=(0, 48))
    predictor_heads: int = setting(3, "attention heads of the predictor", within=(1, 32))
    projector_width: int = setting(
        64,
        "width of the projector that SIGReg and invariance act on; 0: none, they act on the mean "
        "token before the final norm",
        within=(0, 4096),
    )
    projector_hidden: int = setting(
        0,
        "width of the projector's two hidden layers; 0: the projector is linear",
        within=(0, 8192),
    )
    describer: bool = setting(
        False,
        "add a linear layer that predicts hand-made statistics of a galaxy from the embedding of a "
        "view",
        since=2,
    )
    projector_norm: str = setting(
        "batch", "norm of the projector's hidden layers: batch or none", one_of=("batch", "none")
    )
    activation: str = setting(
        "gelu", "gelu, or relu as in the first published models", one_of=("gelu", "relu")
    )
    target_norm: bool = setting(
        True, "layer-normalise the targets; false in the first published models"
    )
    position: str = setting(
        "sincos", "position embedding: sincos (fixed) or learned", one_of=("sincos", "learned")
    )
    target: str = setting(
        "ema",
        "source of the targets: ema (moving average, no gradient) or shared (the encoder, with "
        "gradient)",
        one_of=("ema", "shared"),
    )
    average: bool = setting(
        True, "keep a moving average of the encoder, used for ema targets and for embeddings"
    )

    @property
    def passes(self) -> int:
        """How often the network looks at a galaxy for its embedding."""
        return self.orientations * self.scales

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.readout_width or self.embedding_width) and self.readout != "rings":
            raise ValueError("`readout_width` and `embedding_width` need `readout` rings.")
        if self.frozen_stages and not (
            self.backbone.startswith("resnet") and self.readout == "stages"
        ):
            raise ValueError("`frozen_stages` needs a ResNet with `readout` stages.")
        if self.predictor_depth and self.target == "ema" and not self.average:
            raise ValueError(
                "`target` ema needs the moving average; set `average`, or `target` to shared."
            )
        for name, width, heads in (
            ("heads", self.width, self.heads),
            ("predictor_heads", self.predictor_width, self.predictor_heads),
        ):
            if width % heads or width % 4:
                raise ValueError(
                    f"`{name}` {heads} must divide the width {width}, which must be a multiple of "
                    "4."
                )


@dataclass(frozen=True, kw_only=True)
class ObjectiveConfig(Settings):
    """total = (1 - λ) · (α · prediction + β · invariance + γ · description) + λ · SIGReg."""

    sigreg_weight: float = setting(
        0.6,
        "weight λ of SIGReg, 0 to 1: 0 is no SIGReg, 1 only SIGReg",
        flag="--lambda",
        within=(0.0, 1.0),
    )
    prediction_weight: float = setting(
        1.0, "weight α of the prediction of masked blocks; 0 in LeJEPA", within=(0.0, 1000.0)
    )
    invariance_weight: float = setting(
        0.0,
        "weight β of invariance between views; if above 0, SIGReg acts on the views",
        within=(0.0, 1000.0),
    )
    description_weight: float = setting(
        1.0,
        "weight γ of predicting hand-made statistics; needs describer",
        since=2,
        within=(0.0, 1000.0),
    )
    num_directions: int = setting(256, "number K of random directions of SIGReg", within=(1, 65536))
    t_max: float = setting(5.0, "SIGReg integrates over [-t_max, t_max]", within=(0.1, 20.0))
    num_knots: int = setting(
        17, "knots of the trapezoid rule on [-t_max, t_max]; odd", within=(3, 257)
    )
    sigreg_scale: str = setting(
        "mean",
        "mean (as published for I-JEPA + SIGReg) or count (multiplied by the batch size N, as "
        "in LeJEPA)",
        one_of=("mean", "count"),
    )
    sigreg_statistic: str = setting(
        "epps-pulley",
        "univariate test along each direction: epps-pulley, cramer-von-mises or wasserstein",
        since=2,
    )
    sigreg_on: str = setting(
        "projector",
        "SIGReg acts on: projector, embedding, or both (mean of the two)",
        since=2,
        one_of=("projector", "embedding", "both"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.prediction_weight == self.invariance_weight == 0 and self.sigreg_weight < 1:
            raise ValueError(
                "`prediction_weight` and `invariance_weight` are both 0, which leaves no "
                "objective; raise one."
            )
        if self.num_knots % 2 == 0:
            raise ValueError(
                f"`num_knots` is {self.num_knots}; it must be odd, so that t = 0 is a knot, e.g. "
                f"{self.num_knots + 1}."
            )

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
class ViewConfig(Settings):
    """How one galaxy is seen several times: physics that leaves its morphology alone."""

    global_views: int = setting(
        2, "global (large) views per galaxy; invariance is measured from their mean", within=(1, 16)
    )
    local_views: int = setting(0, "local (small) views per galaxy", within=(0, 32))
    local_size: int = setting(
        96, "side of a local view, pixels; a multiple of patch_size", within=(8, 1024)
    )
    global_scale: tuple[float, float] = setting(
        (0.5, 1.0), "area of a global view, fraction of the central crop", within=(0.01, 1.0)
    )
    local_scale: tuple[float, float] = setting(
        (0.1, 0.4), "area of a local view, fraction of the central crop", within=(0.01, 1.0)
    )
    shift: float = setting(
        0.5, "random shift of a view inside the central crop, 0 (centred) to 1", within=(0.0, 1.0)
    )
    seeing: float = setting(
        1.0, "largest Gaussian blur, standard deviation in pixels of the view", within=(0.0, 3.0)
    )
    noise: float = setting(
        0.02,
        "largest added noise, standard deviation as a fraction of full scale",
        within=(0.0, 0.5),
    )
    brightness: float = setting(
        0.1, "largest relative change of brightness, the same in all channels", within=(0.0, 0.9)
    )
    telescope: float = setting(
        0.0,
        "strength of telescope-like augmentation (gain, sky, stretch, pixel scale, sometimes "
        "grey), 0 to 1",
        since=2,
        within=(0.0, 2.0),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.global_views + self.local_views < 2:
            raise ValueError(
                "`global_views` and `local_views` give one view per galaxy; invariance needs at "
                "least 2."
            )


@dataclass(frozen=True, kw_only=True)
class OptimConfig(Settings):
    """AdamW with linear warm-up and cosine decay."""

    epochs: int = setting(300, "passes over the training set", within=(1, 100_000))
    batch_size: int = setting(256, "images per step, over all processes", within=(2, 65_536))
    learning_rate: float = setting(1e-3, "peak learning rate", within=(0.0, 10.0))
    final_learning_rate: float = setting(1e-5, "learning rate at the last step")
    weight_decay: float = setting(
        0.05, "weight decay of matrices (not of norms, biases and tokens)", within=(0.0, 10.0)
    )
    warmup_epochs: float = setting(
        10.0, "epochs of linear warm-up, at most 10 per cent of the steps", within=(0.0, 100_000.0)
    )
    momentum: float = setting(
        0.996, "initial EMA momentum of the target encoder; it increases to 1", within=(0.0, 1.0)
    )
    gradient_clip: float = setting(3.0, "largest gradient norm", within=(1e-6, 1e6))
    rotate: bool = setting(True, "also rotate each frame by a random angle before cropping")
    accumulate: int = setting(
        1,
        "compute each batch in this many parts, to save memory; SIGReg still uses the whole batch",
    )
    keep_last: bool = setting(False, "also train on the incomplete last batch of an epoch")

    def __post_init__(self) -> None:
        super().__post_init__()
        within("final_learning_rate", self.final_learning_rate, 0.0, self.learning_rate)
        within("accumulate", self.accumulate, 1, self.batch_size // 2)


@dataclass(frozen=True, kw_only=True)
class DataConfig(Settings):
    """Which galaxies are learned from."""

    data: str = setting(
        "",
        "HDF5 file, image folder, Parquet or Arrow file, or simulated[:COUNT]; default "
        "data/Galaxy10_DECals.h5, else simulated",
    )
    where: tuple[str, ...] = setting((), "keep rows of labels.csv where COLUMN=VALUE; repeatable")
    label_column: str = setting(
        "", "column of labels.csv with the class; default label, else morphology"
    )
    train_on: str = setting(
        "train",
        "train: the training part of the split only; all: every galaxy",
        one_of=("train", "all"),
    )

    skip_corrupt: bool = setting(False, "leave out unreadable images of a folder and list them")


@dataclass(frozen=True, kw_only=True)
class TrainConfig(Settings):
    """Everything that decides what a run computes."""

    preset: str = ""
    data: DataConfig = DataConfig()
    image: ImageConfig = ImageConfig()
    mask: MaskConfig = MaskConfig()
    model: ModelConfig = ModelConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    views: ViewConfig = ViewConfig()
    optim: OptimConfig = OptimConfig()
    seed: int = setting(
        42, "random seed of weights, order, masks and directions", within=(0, 2**31 - 1)
    )
    encoder_from: str = setting(
        "", "fit only a predictor, to the frozen encoder of this model (id, run folder or file)"
    )
    start_from: str = setting(
        "",
        "begin with the weights of this model (id, run folder or file) instead of random ones",
        since=2,
    )
    snapshots: int = setting(
        0, "keep the weights at this many steps, evenly spaced in log(step)", within=(0, 100)
    )
    precision: str = setting(
        "auto",
        "precision of the networks: float32, bfloat16, or auto: bfloat16 if the device supports it "
        "natively",
        since=2,
        one_of=PRECISIONS,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.encoder_from and self.start_from:
            raise ValueError("Give `encoder_from` or `start_from`, not both.")
        if max(self.crop_sides) > self.image.frame_size:
            raise ValueError(
                f"`scales` {self.model.scales} needs {max(self.crop_sides)} pixels of a frame of "
                f"{self.image.frame_size}; give `crop_fraction` {1 / max(CROP_SCALES):g} or less."
            )
        if self.model.describer and not self.multi_view and not self.encoder_from:
            raise ValueError("`describer` works on views; give `invariance_weight`, e.g. 1.")
        predicting = self.objective.prediction_weight > 0 and self.objective.sigreg_weight < 1
        if predicting and not self.model.predictor_depth:
            raise ValueError("`predictor_depth` 0 has no predictor; give `prediction_weight` 0.")
        if self.model.readout == "rings" and not self.multi_view and not self.encoder_from:
            raise ValueError(
                "`readout` rings works on whole views; give `invariance_weight`, e.g. 1."
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
            found.append((flag_of(item), group, item, hints[item.name]))
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
