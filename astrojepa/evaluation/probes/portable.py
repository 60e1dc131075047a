"""A probe to take away: all that is needed to classify new galaxies and to check its origin."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from astrojepa.evaluation.probes.calibration import (
    MAX_SCORES,
    TEMPERATURES,
    conformal_scores,
    entropy,
    fitted_temperature,
    prediction_sets,
)
from astrojepa.evaluation.probes.classification import fitted_weights, knn_probe
from astrojepa.evaluation.probes.mlp import fitted_network
from astrojepa.evaluation.probes.parts import labelled, probe_parts
from astrojepa.evaluation.probes.typicality import WIDEST, distances, typicality, whitening
from astrojepa.evaluation.vectors.standardise import checked_vectors, standardisation
from astrojepa.progress import Progress
from astrojepa.types import Embeddings, Predictions, ProbeResult
from astrojepa.wording import one_line

KINDS = ("linear", "knn", "mlp")
FORMAT = "astrojepa-probe-1"
CHUNK = 65_536  # galaxies whose typicality is computed together
HOW = {
    "linear": "x = (embedding - shift) * factor; logits = x @ weights + bias; probabilities = "
    "softmax(logits / temperature)",
    "mlp": "x = (embedding - shift) * factor; hidden = max(0, x @ weights + bias); logits = hidden "
    "@ weights + bias of the second layer; probabilities = softmax(logits / temperature)",
    "knn": "x = (embedding - shift) * factor, scaled to unit length; the k most similar known "
    "galaxies vote, each with weight (1 + cosine) / 2; embed the known ids with the same model",
}
TYPICALITY = (
    "distance = sqrt(mean((x @ whitening) ** 2)); typicality = (1 + how many `distances` are as "
    "large or larger) / (1 + how many there are)"
)


@dataclass(frozen=True)
class PortableProbe:
    """A fitted probe. A class of which nothing was known is not among its answers."""

    kind: str  # "linear", "knn" or "mlp"
    classes: tuple[str, ...]  # all, as the data name them
    present: np.ndarray  # int64 (p,), those that it can answer, ascending
    shift: np.ndarray  # float32 (D,)
    factor: np.ndarray  # float32 (D,)
    # float32 weights (in, out) and bias (out,), rectified between layers
    layers: tuple[tuple[np.ndarray, np.ndarray], ...]
    setting: str
    # of the galaxies that vote; "knn" only
    known_ids: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=str))
    known_labels: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    k: int = 0
    temperature: float = 1.0  # logits are divided by it
    # float32 (m,), ascending: 1 - probability of the true class, of galaxies kept aside
    scores: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.float32))
    # float32 (D, q) and (m,), ascending: `typicality.whitening`, and distances of the same galaxies
    whitening: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))
    distances: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.float32))

    def probabilities(self, vectors: np.ndarray) -> np.ndarray:
        """Return the probability of every class for embeddings (n, D) of the same model, float32
        (n, c); not for "knn".
        """
        signal = self.logits(vectors) / np.float32(self.temperature)
        shares = np.exp(signal - signal.max(axis=1, keepdims=True))
        full = np.zeros((len(vectors), len(self.classes)), dtype=np.float32)
        full[:, self.present] = shares / shares.sum(axis=1, keepdims=True)
        return full

    def logits(self, vectors: np.ndarray) -> np.ndarray:
        """Return the logits of the classes in `present`, float32 (n, p)."""
        if not self.layers:
            raise ValueError(
                "A probe by nearest neighbours holds no weights; embed the galaxies that it knows "
                "and let them vote."
            )
        if vectors.ndim != 2 or vectors.shape[1] != len(self.shift):
            raise ValueError(
                f"The probe reads {len(self.shift)} features, found vectors of shape "
                f"{vectors.shape}."
            )
        signal = self._standardised(vectors)
        for number, (weights, bias) in enumerate(self.layers):
            signal = (np.maximum(signal, 0) if number else signal) @ weights + bias
        return signal

    def _standardised(self, vectors: np.ndarray) -> np.ndarray:
        features: np.ndarray = (vectors.astype(np.float32) - self.shift) * self.factor
        return features

    def calibrated(self, known: Embeddings, chooser: Embeddings, kept: Embeddings) -> PortableProbe:
        """Return the probe with a temperature fitted on `chooser`, and `kept` as what prediction
        sets and typicality are made from: labelled galaxies that it was not fitted on. `known` are
        those that it was fitted on.
        """
        vectors, labels = labelled(chooser, "validation")
        seen = np.isin(labels, self.present)
        codes = np.searchsorted(self.present, labels[seen])
        temperature = fitted_temperature(self.logits(vectors[seen]), codes) if len(codes) else 1.0
        warmed = dataclasses.replace(self, temperature=temperature)
        vectors, labels = labelled(kept, "validation")
        rows = np.random.default_rng(0).permutation(len(labels))[:MAX_SCORES]
        scores = conformal_scores(warmed.probabilities(vectors[rows]), labels[rows])
        directions = whitening(self._standardised(labelled(known, "known")[0]))
        far = np.sort(distances(self._standardised(vectors[rows]), directions))
        return dataclasses.replace(warmed, scores=scores, whitening=directions, distances=far)

    def most_coverage(self, wanted: float) -> float:
        """Return `wanted`, or the largest coverage that the galaxies kept for sets allow."""
        return min(wanted, len(self.scores) / (len(self.scores) + 1))

    def predict(self, galaxies: Embeddings, coverage: float = 0.9) -> Predictions:
        """Name galaxies embedded by the same model: probabilities, entropy, the classes that hold
        the true one with a probability of `coverage`, and typicality.

        Raises ValueError as `probabilities` and `prediction_sets`; a probe that was not
        calibrated makes no sets.
        """
        vectors = checked_vectors(galaxies)
        found = self.probabilities(vectors)
        sets = prediction_sets(found, self.scores, coverage)
        ids = np.asarray(galaxies.ids).astype(str)
        typical = self.typicality(vectors)
        return Predictions(ids, self.classes, found, entropy(found), sets, coverage, typical)

    def typicality(self, vectors: np.ndarray) -> np.ndarray:
        """Return how typical embeddings (n, D) are of those kept aside, as `typicality.typicality`:
        float32 (n,), NaN where the probe was not calibrated.
        """
        if not len(self.distances):
            return np.full(len(vectors), np.nan, dtype=np.float32)
        far = [
            distances(self._standardised(vectors[first : first + CHUNK]), self.whitening)
            for first in range(0, max(1, len(vectors)), CHUNK)
        ]
        return typicality(np.concatenate(far), self.distances)

    def to_dict(self) -> dict[str, Any]:
        """Return the probe as lists and words for JSON, with a sentence that says how to use it."""
        content: dict[str, Any] = {
            "format": FORMAT,
            "kind": self.kind,
            "how": HOW[self.kind],
            "setting": self.setting,
            "classes": [self.classes[label] for label in self.present],
            "standardisation": {"shift": _numbers(self.shift), "factor": _numbers(self.factor)},
            "temperature": self.temperature,
            "scores": _numbers(self.scores),
        }
        if len(self.distances):
            content["typicality"] = {
                "how": TYPICALITY,
                "whitening": _numbers(self.whitening, 5),
                "distances": _numbers(self.distances, 6),
            }
        if self.kind == "knn":
            codes = np.searchsorted(self.present, self.known_labels)
            content |= {
                "k": self.k,
                "known": {"ids": self.known_ids.tolist(), "classes": codes.tolist()},
            }
        else:
            content["layers"] = [
                {"weights": _numbers(weights), "bias": _numbers(bias)}
                for weights, bias in self.layers
            ]
        return content


def probe_from_dict(content: dict[str, Any]) -> PortableProbe:
    """Read what `PortableProbe.to_dict` wrote; ValueError where it is of another format."""
    kind = content.get("kind") if isinstance(content, dict) else None
    if kind not in KINDS or content.get("format") != FORMAT:
        raise ValueError(
            f"This is not a probe of format {FORMAT}: found {one_line(repr(content), 120)}."
        )
    try:
        classes = tuple(map(str, content["classes"]))
        known = content.get("known", {"ids": [], "classes": []})
        near = content.get("typicality", {"whitening": [[]], "distances": []})
        shift, factor = (
            _finite(content["standardisation"][name], (-1,)) for name in ("shift", "factor")
        )
        probe = PortableProbe(
            kind=kind,
            classes=classes,
            present=np.arange(len(classes)),
            shift=shift,
            factor=factor,
            layers=tuple(
                (_finite(layer["weights"], (-1, -1)), _finite(layer["bias"], (-1,)))
                for layer in content.get("layers", [])
            ),
            setting=str(content["setting"]),
            known_ids=np.array([str(name) for name in known["ids"]], dtype=str),
            known_labels=np.array(known["classes"], dtype=np.int64),
            k=int(content.get("k", 0)),
            temperature=float(content.get("temperature", 1.0)),
            scores=_finite(content.get("scores", []), (-1,)),
            whitening=_finite(near["whitening"], (-1, -1)),
            distances=_finite(near["distances"], (-1,)),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        reason = one_line(f"{type(error).__name__}: {error}", 120)
        raise ValueError(f"This probe is damaged ({reason}); export it again.") from error
    _check_sizes(probe)
    return probe


def _finite(values: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Make finite float32 numbers of lists, of as many dimensions as `shape`."""
    array = np.array(values, np.float64)
    if array.ndim != len(shape) or not (np.abs(array) < np.finfo(np.float32).max).all():
        raise ValueError(
            f"expected finite numbers in {len(shape)} dimensions, found shape {array.shape}"
        )
    return array.astype(np.float32)


def _check_sizes(probe: PortableProbe) -> None:
    """Refuse a probe whose parts do not fit together."""
    widths = [len(probe.shift), *(len(bias) for _, bias in probe.layers)]
    shapes, votes = [weights.shape for weights, _ in probe.layers], probe.known_labels
    fits = len(probe.factor) == widths[0] > 0 and shapes == list(itertools.pairwise(widths))
    fits = (
        fits
        and votes.shape == probe.known_ids.shape
        and bool(((votes >= 0) & (votes < len(probe.classes))).all())
    )
    if (
        not fits
        or bool(shapes) is (probe.kind == "knn")
        or (shapes and widths[-1] != len(probe.classes))
        or not TEMPERATURES[0] <= probe.temperature <= TEMPERATURES[1]
        or any(bool((np.diff(kept) < 0).any()) for kept in (probe.scores, probe.distances))
        or (len(probe.distances) and not _whitens(probe.whitening, widths[0]))
    ):
        raise ValueError(
            f"This probe's layers {shapes[:4]} do not fit its {widths[0]} features, its classes, "
            f"its temperature, its scores or its distances; export it again."
        )


def _whitens(directions: np.ndarray, width: int) -> bool:
    return len(directions) == width and 1 <= directions.shape[1] <= min(width, WIDEST)


def fit_probe(
    kind: str,
    known: Embeddings,
    new: Embeddings,
    *,
    validation: Embeddings | None = None,
    seed: int = 0,
    k: int = 20,
    progress: Progress | None = None,
) -> tuple[PortableProbe, ProbeResult]:
    """Fit a probe on `known`, score it once on `new`, and keep it: the results of `linear_probe`,
    `knn_probe` or `mlp_probe`. `validation` chooses its setting, a fifth of `known` where there is
    none.

    Raises ValueError as those do, and for another kind.
    """
    if kind not in KINDS:
        raise ValueError(f"There is no probe {kind!r}; choose one of {', '.join(KINDS)}.")
    vectors, labels = labelled(known, "known")
    shift, factor = standardisation(vectors)
    layers: tuple[tuple[np.ndarray, np.ndarray], ...]
    if kind == "knn":
        result = knn_probe(known, new, k)
        ids = np.asarray(known.ids)[np.asarray(known.labels) >= 0].astype(str)
        answers = known.classes, np.unique(labels), shift, factor, (), result.setting
        return PortableProbe(kind, *answers, ids, labels, min(k, len(labels))), result
    parts = probe_parts(known, new, validation, seed)
    if kind == "linear":
        weights, setting = fitted_weights(parts)
        result = parts.score(weights.probabilities(parts.targets), len(parts.codes), setting)
        layers = ((weights.slope.astype(np.float32), weights.offset.astype(np.float32)),)
    else:
        network, setting = fitted_network(parts, seed, progress)
        result = parts.score(network.predict_proba(parts.targets), len(parts.fitted), setting)
        layers = tuple(
            (w.astype(np.float32), b.astype(np.float32))
            for w, b in zip(network.coefs_, network.intercepts_, strict=True)
        )
        # two classes have one logit there: that of the second against 0
        if layers[-1][1].shape == (1,):
            weight, bias = layers[-1]
            both = np.hstack([np.zeros_like(weight), weight]), np.append(np.float32(0), bias)
            layers = (*layers[:-1], both)
    return PortableProbe(kind, known.classes, parts.present, shift, factor, layers, setting), result


def _numbers(array: np.ndarray, digits: int = 9) -> Any:
    """Return an array as lists of numbers; a float32 has nine digits."""
    if array.ndim > 1:
        return [_numbers(row, digits) for row in array]
    return [float(f"{value:.{digits}g}") for value in array.tolist()]
