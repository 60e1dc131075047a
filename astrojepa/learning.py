"""How a network learns: what is minimised, how a galaxy is seen several times, how the weights are moved."""

from __future__ import annotations

from dataclasses import dataclass

from astrojepa.settings import one_of, setting, within


@dataclass(frozen=True, kw_only=True)
class ObjectiveConfig:
    """total = (1 - λ) · (α · prediction + β · invariance + γ · description) + λ · SIGReg."""

    sigreg_weight: float = setting(0.6, "λ in [0, 1]: 0 is no SIGReg, 1 is SIGReg alone", flag="--lambda")
    prediction_weight: float = setting(1.0, "α, of predicting masked blocks; 0 in lejepa")
    invariance_weight: float = setting(0.0, "β, of agreement between views; above 0, SIGReg acts on the views")
    description_weight: float = setting(1.0, "γ, of telling the hand-made numbers from each view; counts with --describer only")
    num_directions: int = setting(256, "random directions of SIGReg, K")
    t_max: float = setting(5.0, "SIGReg compares characteristic functions on [-t_max, t_max]")
    num_knots: int = setting(17, "knots of the trapezoid rule on the whole of [-t_max, t_max]; odd")
    sigreg_scale: str = setting("mean", "mean (as published for I-JEPA + SIGReg) or count (times N, as in LeJEPA)")
    sigreg_statistic: str = setting("epps-pulley", "univariate test of each direction: epps-pulley or cramer-von-mises")
    sigreg_on: str = setting("projector", "what SIGReg makes Gaussian: projector, embedding, or both (the mean of the two)")

    def __post_init__(self) -> None:
        within("--lambda", self.sigreg_weight, 0.0, 1.0)
        within("--prediction-weight", self.prediction_weight, 0.0, 1000.0)
        within("--invariance-weight", self.invariance_weight, 0.0, 1000.0)
        if self.prediction_weight == self.invariance_weight == 0 and self.sigreg_weight < 1:
            raise ValueError("--prediction-weight and --invariance-weight are both 0, so there is nothing to learn; raise one.")
        within("--description-weight", self.description_weight, 0.0, 1000.0)
        within("--num-directions", self.num_directions, 1, 65536)
        within("--t-max", self.t_max, 0.1, 20.0)
        within("--num-knots", self.num_knots, 3, 257)
        if self.num_knots % 2 == 0:
            raise ValueError(
                f"--num-knots is {self.num_knots}; it must be odd, so that t = 0 is a knot, e.g. {self.num_knots + 1}."
            )
        one_of("--sigreg-scale", self.sigreg_scale, ("mean", "count"))
        one_of("--sigreg-on", self.sigreg_on, ("projector", "embedding", "both"))

    def strength(self, batch_size: int) -> float | None:
        """ρ = λ / (1 - λ) · (N if scale is "count", else 1): compares runs of one recipe; None at λ = 1."""
        if self.sigreg_weight == 1.0:
            return None
        return self.sigreg_weight / (1 - self.sigreg_weight) * (batch_size if self.sigreg_scale == "count" else 1)


@dataclass(frozen=True, kw_only=True)
class ViewConfig:
    """How one galaxy is seen several times: physics that leaves its morphology alone."""

    global_views: int = setting(2, "large views of each galaxy; invariance is to their centre")
    local_views: int = setting(0, "small views of each galaxy")
    local_size: int = setting(96, "side of a local view, pixels; a multiple of patch_size")
    global_scale: tuple[float, float] = setting((0.5, 1.0), "area of a global view, fraction of the central crop")
    local_scale: tuple[float, float] = setting((0.1, 0.4), "area of a local view, fraction of the central crop")
    shift: float = setting(0.5, "0: every view is centred on the galaxy; 1: anywhere inside the central crop")
    seeing: float = setting(1.0, "largest blur, standard deviation of a Gaussian in pixels of the view; 0.5 at 64 px")
    noise: float = setting(0.02, "largest added noise, standard deviation in units of full scale")
    brightness: float = setting(0.1, "largest change of brightness, fraction, the same in all channels")
    telescope: float = setting(
        0.0, "0: all views are of one survey; 1: each of another's gains, sky, stretch and pixel scale, now and then grey"
    )

    def __post_init__(self) -> None:
        within("--telescope", self.telescope, 0.0, 2.0)
        within("--global-views", self.global_views, 1, 16)
        within("--local-views", self.local_views, 0, 32)
        within("--local-size", self.local_size, 8, 1024)
        for flag, pair in (("--global-scale", self.global_scale), ("--local-scale", self.local_scale)):
            within(flag, pair[0], 0.01, 1.0)
            within(flag, pair[1], pair[0], 1.0)
        within("--shift", self.shift, 0.0, 1.0)
        within("--seeing", self.seeing, 0.0, 3.0)
        within("--noise", self.noise, 0.0, 0.5)
        within("--brightness", self.brightness, 0.0, 0.9)
        if self.global_views + self.local_views < 2:
            raise ValueError("--global-views and --local-views make one view of a galaxy; invariance needs at least 2.")


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
    accumulate: int = setting(1, "parts a batch is computed in, to save memory; SIGReg still sees all of it")
    keep_last: bool = setting(False, "train on an epoch's incomplete last batch too")

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
